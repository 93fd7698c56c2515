# A provisional Makefile: the real one is being written.
PKG := libyaml libcjson
CFLAGS ?= -O2 -g
W := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wundef -Wformat=2 -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS += -D_GNU_SOURCE -DHAVE_ZSTD -DHAVE_LZ4 -DHAVE_ISAL -iquote lib $(addprefix -iquote ,$(wildcard lib/*/)) -iquote cmd
LIBSRC := $(wildcard lib/*.c lib/*/*.c)
LIBOBJ := $(LIBSRC:%.c=build/%.o)
build/lib/libstreamlog.a: $(LIBOBJ)
	ar rcs $@ $^
build/%.o: %.c
	@mkdir -p $(@D)
	$(CC) -std=c11 $(CPPFLAGS) $(W) -fPIC -fvisibility=hidden $(CFLAGS) -pthread -MMD -MP -c -o $@ $<
-include $(LIBOBJ:.o=.d)
