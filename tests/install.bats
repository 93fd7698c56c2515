#!/usr/bin/env bats
# make install and uninstall, and a program built against what was installed.

load helper

setup()
{
	cd "$BATS_TEST_DIRNAME/.." || return
	BUILD=${bin%/bin}
	PREFIX=$BATS_TEST_TMPDIR/prefix
	export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig
	SAN=
	[[ $BUILD != *-asan ]] || SAN=1
}

# make of the build under test, without what it says it does. Variables that
# this make was given come by MAKEFLAGS, so that nothing is compiled anew.
quiet_make()
{
	make --no-print-directory -s ${SAN:+SAN=1} \
		BUILD="${BUILD#"$PWD/"}" "$@" >/dev/null
}

# build_example NAME FLAG...: the example against the installed library.
build_example()
{
	local name=$1
	shift
	# shellcheck disable=SC2046 # flags are words
	cc -std=c11 -Wall -Wextra -Wpedantic -Werror \
		${SAN:+-fsanitize=address,undefined} \
		-o "$BATS_TEST_TMPDIR/$name" tests/example/append-and-tail.c "$@"
}

run_example()
{
	run --separate-stderr "$BATS_TEST_TMPDIR/$1" "$BATS_TEST_TMPDIR/logs" \
		greetings '{"to":"world"}' '{"to":"moon"}'
	[ "$stderr" = "" ]
	[ "$status" -eq 0 ]
	[ "$output" = '0:0 {"to":"world"}
0:1 {"to":"moon"}' ]
	run streamlog-tail -d "$BATS_TEST_TMPDIR/logs" -n 1 greetings
	[ "$output" = '{"to":"moon"}' ]
}

@test "the C example builds and runs against the installed shared library" {
	quiet_make install PREFIX="$PREFIX"
	# shellcheck disable=SC2046 # flags are words
	build_example shared $(pkg-config --cflags --libs streamlog) \
		-Wl,-rpath,"$PREFIX/lib"
	ldd "$BATS_TEST_TMPDIR/shared" | grep -q "libstreamlog.so.0 => $PREFIX/"
	run_example shared
}

@test "the C example builds and runs against the installed static library" {
	quiet_make install PREFIX="$PREFIX"
	rm "$PREFIX"/lib/libstreamlog.so*
	# shellcheck disable=SC2046 # flags are words
	build_example static $(pkg-config --cflags --static --libs streamlog)
	run_example static
}

@test "the shared library shows nothing but sl_ names" {
	run bash -c "nm -D --defined-only '$BUILD/lib/libstreamlog.so' |
		awk '{ print \$3 }' | grep -v '^sl_'"
	[ "$output" = "" ]
}

@test "an installed program needs no path of the build" {
	quiet_make install PREFIX="$PREFIX"
	run --separate-stderr env -i "$PREFIX/bin/streamlog-append" --version
	[ "$status" -eq 0 ]
	[[ $output == *" 0.1.0"* ]]
	run readelf -d "$PREFIX/bin/streamlog-append"
	[[ $output != *RPATH* && $output != *RUNPATH* ]]
}

@test "DESTDIR goes before every path, and into none" {
	quiet_make install DESTDIR="$BATS_TEST_TMPDIR/stage" PREFIX=/opt/streamlog
	[ "$(ls "$BATS_TEST_TMPDIR")" = stage ]
	[ "$(ls "$BATS_TEST_TMPDIR/stage")" = opt ]
	run grep -r "$BATS_TEST_TMPDIR" \
		"$BATS_TEST_TMPDIR/stage/opt/streamlog/lib/pkgconfig"
	[ "$status" -eq 1 ]
	grep -qx 'prefix=/opt/streamlog' \
		"$BATS_TEST_TMPDIR/stage/opt/streamlog/lib/pkgconfig/streamlog.pc"
}

@test "each program comes with its page and its completions" {
	quiet_make install PREFIX="$PREFIX"
	for program in "$PREFIX"/bin/streamlog-*; do
		name=${program##*/}
		[ -x "$program" ]
		[ -f "$PREFIX/share/man/man1/$name.1" ]
		[ -f "$PREFIX/share/bash-completion/completions/$name" ]
		[ -f "$PREFIX/share/zsh/site-functions/_$name" ]
		[ -f "$PREFIX/share/fish/vendor_completions.d/$name.fish" ]
	done
}

@test "the examples for cron and systemd are installed, and name what is" {
	local examples=$PREFIX/share/doc/streamlog/examples file
	quiet_make install PREFIX="$PREFIX"
	for file in etc/*; do
		sed "s|/usr/local/bin|$PREFIX/bin|g" "$file" |
			cmp - "$examples/${file##*/}"
	done
	[ "$(stat -c %a "$examples/crontab.example")" = 644 ]
	grep -q "^PATH=$PREFIX/bin:" "$examples/crontab.example"
	grep -qx "\.It Pa $examples/crontab.example" \
		"$PREFIX/share/man/man1/streamlog-tail.1"
	run grep -rlE '/usr/local/(bin|share)' "$PREFIX/share"
	[ "$output" = "" ]
	quiet_make install DESTDIR="$BATS_TEST_TMPDIR/stage"
	for file in etc/* man/*; do
		cmp "$file" "$(find "$BATS_TEST_TMPDIR/stage/usr/local/share" \
			-name "${file##*/}")"
	done
}

@test "uninstall leaves no file, and takes none that isn't its own" {
	mkdir -p "$PREFIX/bin"
	touch "$PREFIX/bin/streamlog-other"
	quiet_make install PREFIX="$PREFIX"
	[ -x "$PREFIX/bin/streamlog-tail" ]
	quiet_make uninstall PREFIX="$PREFIX"
	run find "$PREFIX" ! -type d
	[ "$output" = "$PREFIX/bin/streamlog-other" ]
	run find "$PREFIX" -mindepth 2 -name '*streamlog*' -type d
	[ "$output" = "" ]
}
