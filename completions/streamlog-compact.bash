# bash completion for streamlog-compact(1)

# The topics of the log directory that the line names, or of the default one.
_streamlog_compact_topics()
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

_streamlog_compact()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local words='' kind=()

	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-d | --dir | --archive) kind=(-d) ;;
	-X | --property) ;;
	--memory) ;;
	*)
		if [[ $cur == -* ]]; then
			words='-d --dir --all --archive --dry-run --json --memory
				-X --property -q --quiet -v --verbose --help --version'
		else
			words=$(_streamlog_compact_topics)
			[[ $cur != */* ]] || kind=(-d)
		fi
		;;
	esac
	[[ ${#kind[@]} == 0 ]] || compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${kind[@]}" -W "$words" -- "$cur")
}

complete -F _streamlog_compact streamlog-compact
