# lint.bash: what the lints share. Each prints TAP: a line for a file checked.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

checks=0
failures=0

# verdict NAME COMPLAINTS: one test; it passes where nobody complained.
verdict()
{
	checks=$((checks + 1))
	if [ -z "$2" ]; then
		echo "ok $checks - $1"
	else
		failures=$((failures + 1))
		echo "not ok $checks - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# need TOOL [PACKAGE]: false, and a failed test, where a tool lacks.
need()
{
	command -v "$1" >/dev/null && return
	verdict "$1 is there" \
		"not found: $1; 'apt-get install ${2:-$1}' as root"
	false
}

finish()
{
	echo "1..$checks"
	exit $((failures > 0))
}

# Every file of ours that is text, without what was built.
our_files()
{
	find .ci Makefile README.md cmd completions etc lib man tests -type f |
		LC_ALL=C sort
}

c_files()
{
	our_files | grep '\.[ch]$'
}

# A shell script is known by its name or by its first line.
shell_files()
{
	local file line
	our_files | while read -r file; do
		case $file in
		*.bats | *.bash) echo "$file" ;;
		*.c | *.h | *.fish | *.zsh | completions/_*) ;;
		*)
			IFS= read -r line <"$file" || continue
			[[ $line =~ ^'#!'.*[/\ ](ba)?sh$ ]] && echo "$file"
			;;
		esac
	done
}
