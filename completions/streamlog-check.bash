# bash completion for streamlog-check(1)

# The topics of the log directory that the line names, or of the default one.
_streamlog_check_topics()
{
	local dir=() i word
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-d | --dir) word=${COMP_WORDS[i + 1]} ;;
		*) continue ;;
		esac
		[[ $word != = ]] || word=${COMP_WORDS[i + 2]}
		dir=(-d "${word/#~\//$HOME/}")
	done
	streamlog-topic list "${dir[@]}" 2>/dev/null
}

_streamlog_check()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local words='' kind=()

	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-d | --dir) kind=(-d) ;;
	-X | --property) ;;
	*)
		if [[ $cur == -* ]]; then
			words='-d --dir --dump --json --mend
				-X --property -q --quiet -v --verbose --help --version'
		else
			words=$(_streamlog_check_topics)
			[[ $cur != */* ]] || kind=(-d)
		fi
		;;
	esac
	[[ ${#kind[@]} == 0 ]] || compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${kind[@]}" -W "$words" -- "$cur")
}

complete -F _streamlog_check streamlog-check
