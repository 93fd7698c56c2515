# streamlog: build, test, install. GNU make 4.3; see README.md.
#
# Honoured: CC CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR BINDIR LIBDIR INCLUDEDIR
# DATADIR MANDIR PKGCONFIGDIR; V=1 shows commands, WERROR=1 (or CI=true) makes
# warnings errors, SAN=1 builds into build-asan/ with sanitizers, TSAN=1 into
# build-tsan/ with that of threads.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
EXAMPLESDIR ?= $(DATADIR)/doc/streamlog/examples

INSTALL ?= install
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 0
SOAK_SECONDS ?= 600
GROUPS_SECONDS ?= 45
THREADS_SECONDS ?= 10
CHAOS_SECONDS ?=
TRUST_STRIDE ?= 1
POWER_EXT4 ?= 2000
POWER_XFS ?= 500
CUTS_STATES ?= 200000

VERSION := $(shell sed -n 's/^\#define SL_VERSION "\(.*\)"/\1/p' lib/streamlog.h)
SOVERSION := 0

# ---- Which build: plain, sanitizers, or fuzzers ----

BUILD := build
ifdef SAN
BUILD := build-asan
SANITIZERS := address,undefined
endif
ifdef TSAN
BUILD := build-tsan
SANITIZERS := thread
endif
ifdef FUZZ
BUILD := build/fuzz
CC := clang
SANITIZERS := fuzzer-no-link,address,undefined
endif
ifdef SANITIZERS
SANITIZE := -fsanitize=$(SANITIZERS) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))

# ---- What must be there, and what may be ----

CHECKED_GOALS := $(filter-out clean dist uninstall lint check-fresh models,\
	$(or $(MAKECMDGOALS),all))
ifneq ($(CHECKED_GOALS),)
has_program = $(shell command -v $(firstword $(1)))
has_library = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes)
MISSING := $(if $(call has_program,$(CC)),,gcc libc6-dev) \
	$(if $(call has_program,$(PKG_CONFIG)),,pkg-config) \
	$(if $(call has_library,yaml-0.1),,libyaml-dev) \
	$(if $(call has_library,libcjson),,libcjson-dev)
ifneq ($(strip $(MISSING)),)
$(error not found: $(strip $(MISSING)); 'apt-get install $(strip $(MISSING))' as root)
endif

# These are loaded when needed and never linked.
HAVE := $(if $(call has_library,libzstd),-DHAVE_ZSTD) \
	$(if $(call has_library,liblz4),-DHAVE_LZ4) \
	$(if $(call has_library,libisal),-DHAVE_ISAL)
# So is Kafka's engine, which is linked with this.
HAS_KAFKA := $(call has_library,rdkafka)
KAFKA_CFLAGS := $(if $(HAS_KAFKA),$(shell $(PKG_CONFIG) --cflags rdkafka))
KAFKA_LIBS := $(if $(HAS_KAFKA),$(shell $(PKG_CONFIG) --libs rdkafka))
version = $(shell $(PKG_CONFIG) --modversion $(1))
LIBRARIES := libyaml $(call version,yaml-0.1), \
	cJSON $(call version,libcjson), \
	$(if $(HAS_KAFKA),librdkafka $(call version,rdkafka),no librdkafka)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags yaml-0.1 libcjson)
LIBS := $(shell $(PKG_CONFIG) --libs yaml-0.1 libcjson)

# The tests' Kafka is librdkafka's mock.
KAFKA_LACKS := $(strip $(if $(HAS_KAFKA),,librdkafka-dev) \
	$(if $(call has_program,kcat),,kcat))
endif

# ---- Flags ----

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wundef \
	-Wformat=2 -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes
ifneq ($(filter true,$(CI))$(filter 1,$(WERROR)),)
WARN += -Werror
endif

FLOORS := base record log topic group
LIB_SEES := -iquote lib $(FLOORS:%=-iquote lib/%) $(PKG_CFLAGS)
CMD_SEES := -iquote lib -iquote cmd
TEST_SEES := $(LIB_SEES) -iquote cmd -iquote tests/lib

SL_CPPFLAGS := -D_GNU_SOURCE $(HAVE) -DSL_LIBRARIES='"$(LIBRARIES)"' \
	$(CPPFLAGS)
SL_CFLAGS := -std=c11 $(WARN) -fPIC -fvisibility=hidden -pthread \
	-ffunction-sections -fdata-sections $(SANITIZE) $(CFLAGS)
SL_LDFLAGS := -pthread -Wl,--gc-sections -Wl,--as-needed $(SANITIZE) $(LDFLAGS)

# ---- Files ----

LIB_SRC := $(wildcard lib/*.c $(FLOORS:%=lib/%/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
MAIN_SRC := $(wildcard cmd/streamlog-*.c)
HELP_SRC := $(filter-out $(MAIN_SRC),$(wildcard cmd/*.c))
HELP_OBJ := $(HELP_SRC:%.c=$(BUILD)/obj/%.o)
PROGRAMS := $(MAIN_SRC:cmd/%.c=$(BUILD)/bin/%)
STATIC := $(BUILD)/lib/libstreamlog.a
SHARED := $(BUILD)/lib/libstreamlog.so
KAFKA_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard lib/kafka/*.c))
PLUGIN := $(if $(HAS_KAFKA),$(BUILD)/lib/streamlog/kafka.so)
CMD_LIB := $(if $(HELP_OBJ),$(BUILD)/obj/libcmd.a)

TEST_SRC := $(wildcard tests/lib/*.c)
TESTS := $(patsubst tests/lib/%.c,$(BUILD)/tests/%,\
	$(filter tests/lib/test_%,$(TEST_SRC)))
TEST_HELP_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,\
	$(filter-out tests/lib/test_%,$(TEST_SRC)))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,\
	$(wildcard tests/bench/*.c))
# They share nothing with what they judge.
WITNESSES := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/groups/*.c \
	tests/chaos/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/bin/%,\
	$(wildcard tests/fuzz/fuzz_*.c))
CUTS_OBJ := $(patsubst %,$(BUILD)/obj/tests/cuts/%.o,judge oracle tree)
BATS := $(wildcard tests/*.bats)
# On a mock cluster, and on a real one.
MOCK_BATS := tests/kafka/errors.bats
KAFKA_BATS := $(filter-out $(MOCK_BATS),$(wildcard tests/kafka/*.bats))
# What runs on the mock, too: all that the list doesn't leave out.
NOT_ON_MOCK := $(shell awk -F '\t' '$$2 == "*" { print "tests/" $$1 }' \
	tests/kafka/skips)
ON_MOCK := $(addprefix kafka:,$(filter-out $(NOT_ON_MOCK),$(BATS)) $(MOCK_BATS))
KAFKA_PEERS := $(if $(KAFKA_LACKS),,$(patsubst tests/%.c,$(BUILD)/%,\
	$(wildcard tests/kafka/*.c)))
LINTS := $(addprefix tests/lint/,floors doors length shell manuals format\
	units skips)

# ---- Build ----

.PHONY: all demo check check-asan check-tsan check-valgrind check-kafka \
	check-groups check-fresh trust trust-scenes trust-cuts trust-power \
	trust-chaos trust-flips trust-models trust-seeds trust-cuts-seeds \
	trust-power-seeds trust-rules soak fuzz bench lint install uninstall \
	dist clean programs-of-tests programs-of-trust fuzzers tsan FORCE

all: $(PROGRAMS) $(STATIC) $(SHARED) $(SHARED).$(SOVERSION) $(PLUGIN)

# What was compiled with other flags is compiled again.
FLAGS_NOW := $(CC) $(SL_CPPFLAGS) $(LIB_SEES) $(SL_CFLAGS) $(SL_LDFLAGS) $(LIBS) \
	$(KAFKA_CFLAGS) $(KAFKA_LIBS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/obj/lib/%.o: SEES := $(LIB_SEES)
# Beside BINDIR the plugin is found anyway: not among the flags, or an install
# elsewhere would compile all anew.
$(BUILD)/obj/lib/engine.o: SEES := $(LIB_SEES) -DSL_LIBDIR='"$(LIBDIR)"'
$(BUILD)/obj/lib/kafka/%.o: SEES := $(LIB_SEES) -iquote lib/kafka $(KAFKA_CFLAGS)
$(BUILD)/obj/cmd/%.o: SEES := $(CMD_SEES)
$(BUILD)/obj/tests/%.o: SEES := $(TEST_SEES)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(SL_CPPFLAGS) $(SEES) $(SL_CFLAGS) -MMD -MP -c -o $@ $<

$(STATIC): $(LIB_OBJ)
$(BUILD)/obj/libcmd.a: $(HELP_OBJ)
$(STATIC) $(BUILD)/obj/libcmd.a:
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(SHARED).$(SOVERSION): $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(@F) $(SL_LDFLAGS) -o $@ $^ $(LIBS)

$(SHARED): $(SHARED).$(SOVERSION)
	$(Q)ln -sf $(<F) $@

# It brings its own copy of what it uses of the library, and shows one symbol.
$(PLUGIN): $(KAFKA_OBJ) $(STATIC)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,--exclude-libs,ALL $(SL_LDFLAGS) -o $@ $^ \
		$(KAFKA_LIBS) $(LIBS)

define link
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(SL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS)
endef

$(PROGRAMS): $(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(CMD_LIB) $(STATIC)
	$(link)

$(TESTS): $(BUILD)/tests/%: $(BUILD)/obj/tests/lib/%.o $(TEST_HELP_OBJ) \
    $(CMD_LIB) $(STATIC)
	$(link)

$(BENCHES): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(STATIC)
	$(link)

$(WITNESSES): $(BUILD)/%: $(BUILD)/obj/tests/%.o
	$(link)

$(KAFKA_PEERS): $(BUILD)/%: $(BUILD)/obj/tests/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(SL_LDFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --libs rdkafka)

$(BUILD)/trust/shim.so: $(BUILD)/obj/tests/trust/shim.o
$(BUILD)/cuts/record.so: $(BUILD)/obj/tests/cuts/record.o
$(BUILD)/trust/shim.so $(BUILD)/cuts/record.so:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(SL_LDFLAGS) -o $@ $< -ldl

$(BUILD)/cuts/judge: $(CUTS_OBJ) $(STATIC)
	$(link)

# The fuzzer's own main comes with the link.
$(FUZZERS): private SL_LDFLAGS += -fsanitize=fuzzer
$(FUZZERS): $(BUILD)/bin/%: $(BUILD)/obj/tests/fuzz/%.o $(TEST_HELP_OBJ) \
    $(CMD_LIB) $(STATIC)
	$(link)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- Try ----

demo: all
	$(Q)BUILD='$(abspath $(BUILD))' tests/demo

# ---- Test; the last line is "N passed, M failed" ----

WITH_BUILD = BUILD='$(abspath $(BUILD))'

programs-of-tests: $(TESTS) $(KAFKA_PEERS)

check: all programs-of-tests
	$(Q)$(WITH_BUILD) KAFKA_LACKS='$(KAFKA_LACKS)' \
		tests/run $(TESTS) $(BATS) $(ON_MOCK)

check-asan:
	$(Q)TEST_TIMEOUT=600 MOCK_TIMES=10 $(MAKE) --no-print-directory SAN=1 check

# Threads as processes, and the programs that begin threads, for
# THREADS_SECONDS and a few more.
check-tsan:
	$(Q)$(MAKE) --no-print-directory TSAN=1 tsan

# The sanitizer's memory has its place, which a random one may take.
tsan: all programs-of-tests
	$(Q)$(WITH_BUILD) THREADS_SECONDS='$(THREADS_SECONDS)' \
		TSAN_OPTIONS=exitcode=86 \
		$(shell setarch -R true 2>/dev/null && echo setarch -R) \
		tests/run $(BUILD)/tests/test_threads \
		$(BUILD)/tests/test_follow tests/tsan/threads.bats

# Each program under valgrind's memcheck: no error, nothing lost or left open.
check-valgrind: all
	$(Q)$(WITH_BUILD) tests/valgrind/run

check-kafka: all programs-of-tests
	$(Q)$(WITH_BUILD) tests/run $(KAFKA_BATS)

check-groups: all $(WITNESSES)
	$(Q)$(WITH_BUILD) GROUPS_SECONDS='$(GROUPS_SECONDS)' \
		tests/groups/run

# ---- Trust: each stage prints its figure ----

programs-of-trust: all programs-of-tests $(WITNESSES) $(BUILD)/trust/shim.so \
    $(BUILD)/cuts/record.so $(BUILD)/cuts/judge

# All of it, about two hours; TRUST=short: ten minutes.
trust: programs-of-trust
	$(Q)$(WITH_BUILD) TRUST='$(TRUST)' tests/trust/all

# Each call kills the program, or fails as it may; no memory. TRUST_STRIDE=N:
# at each N-th point; TRUST_STAGES: of kills, faults, memory.
trust-scenes: programs-of-trust
	$(Q)$(WITH_BUILD) TRUST_STRIDE='$(TRUST_STRIDE)' tests/trust/run

# What power cuts may leave, from a trace; CUTS_STATES=N: so many states.
trust-cuts: programs-of-trust
	$(Q)$(WITH_BUILD) CUTS_STATES='$(CUTS_STATES)' tests/cuts/run

# Real power cuts, as root; POWER_EXT4, POWER_XFS: how many, POWER_SEED: which.
trust-power: programs-of-trust
	$(Q)$(WITH_BUILD) POWER_EXT4='$(POWER_EXT4)' \
		POWER_XFS='$(POWER_XFS)' tests/power/run

# All at once on a small disk, and someone is always killed; without
# CHAOS_SECONDS until 5,000 were, and 20 M events read.
trust-chaos: programs-of-trust
	$(Q)$(WITH_BUILD) CHAOS_SECONDS='$(CHAOS_SECONDS)' tests/chaos/run

# Every bit that may flip costs its batch alone.
trust-flips: programs-of-trust
	$(Q)$(WITH_BUILD) tests/run $(BUILD)/tests/test_mend

# The protocols, in all their runs; MODELS_LONG=1: larger ones, too.
trust-models:
	$(Q)tests/models/run

# Would they see a bug? Some are put in on purpose.
trust-seeds trust-cuts-seeds trust-power-seeds trust-rules: programs-of-trust
trust-seeds:
	$(Q)$(WITH_BUILD) tests/trust/seeds
trust-cuts-seeds:
	$(Q)$(WITH_BUILD) tests/cuts/seeds
trust-power-seeds:
	$(Q)$(WITH_BUILD) tests/power/seeds
trust-rules:
	$(Q)$(WITH_BUILD) tests/trust/rules

check-fresh:
	$(Q)tests/fresh/check-fresh

lint:
	$(Q)tests/run $(LINTS)

soak: all programs-of-tests
	$(Q)$(WITH_BUILD) SOAK_SECONDS='$(SOAK_SECONDS)' \
		tests/soak/run

fuzzers: $(FUZZERS)

fuzz:
	$(Q)$(MAKE) --no-print-directory FUZZ=1 fuzzers
	$(Q)FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_RUNS='$(FUZZ_RUNS)' tests/fuzz/run

bench: all $(BENCHES)
	$(Q)$(WITH_BUILD) tests/bench/bench

# ---- Install ----

# Every file that install makes, as SOURCE:TARGET:MODE; uninstall takes the same.
to = $(foreach file,$(1),$(file):$(2)/$(notdir $(file)):$(3))
man_to = $(foreach section,1 3 5 7,\
	$(call to,$(wildcard man/*.$(section)),$(MANDIR)/man$(section),644))
bash_to = $(foreach file,$(wildcard completions/*.bash),\
	$(file):$(BASHDIR)/$(notdir $(basename $(file))):644)
examples_to = $(call to,$(wildcard etc/*),$(EXAMPLESDIR),644)
INSTALLED = $(call to,$(PROGRAMS),$(BINDIR),755) \
	$(call to,$(STATIC),$(LIBDIR),644) \
	$(call to,$(SHARED).$(SOVERSION),$(LIBDIR),755) \
	$(call to,$(PLUGIN),$(LIBDIR)/streamlog,755) \
	$(call to,lib/streamlog.h lib/streamlog_text.h \
		lib/streamlog_group.h lib/streamlog_clean.h \
		lib/streamlog_check.h,$(INCLUDEDIR),644) \
	$(call to,$(BUILD)/lib/streamlog.pc,$(PKGCONFIGDIR),644) \
	$(man_to) $(bash_to) \
	$(call to,$(wildcard completions/_*),$(ZSHDIR),644) \
	$(call to,$(wildcard completions/*.fish),$(FISHDIR),644) \
	$(examples_to)

$(BUILD)/lib/streamlog.pc: lib/streamlog.pc.in FORCE
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< >$@

# In pages and examples the programs and the examples are where they are here.
install: all $(BUILD)/lib/streamlog.pc
	$(Q)set -e; for entry in $(INSTALLED); do \
		from=$${entry%%:*}; entry=$${entry#*:}; \
		$(INSTALL) -D -m "$${entry##*:}" "$$from" \
			"$(DESTDIR)$${entry%:*}"; \
	done
	$(Q)ln -sf libstreamlog.so.$(SOVERSION) \
		'$(DESTDIR)$(LIBDIR)/libstreamlog.so'
	$(Q)sed -i -e 's|/usr/local/bin|$(BINDIR)|g' \
		-e 's|/usr/local/share/doc/streamlog/examples|$(EXAMPLESDIR)|g' \
		$(foreach entry,$(man_to) $(examples_to),\
		'$(DESTDIR)$(word 2,$(subst :, ,$(entry)))')

# Directories stay, but for those that are ours alone: who made the others can't
# be known. The plugin goes, too, for here nobody looks which libraries there are.
uninstall:
	$(Q)for entry in $(INSTALLED); do \
		entry=$${entry#*:}; rm -f "$(DESTDIR)$${entry%:*}"; \
	done
	$(Q)rm -f '$(DESTDIR)$(LIBDIR)/libstreamlog.so' \
		'$(DESTDIR)$(LIBDIR)/streamlog/kafka.so'
	$(Q)for dir in '$(LIBDIR)/streamlog' '$(EXAMPLESDIR)' \
		'$(DATADIR)/doc/streamlog'; do \
		rmdir "$(DESTDIR)$$dir" 2>/dev/null || :; \
	done

dist:
	@mkdir -p build
	$(Q)git archive --prefix=streamlog-$(VERSION)/ \
		-o build/streamlog-$(VERSION).tar.gz HEAD
	@echo build/streamlog-$(VERSION).tar.gz

clean:
	$(Q)rm -rf build build-asan build-tsan
