# bash completion for streamlog-tail(1)

# The groups of the directories that the line names, or of the default one.
_streamlog_groups()
{
	local dirs=() i word option
	for ((i = 1; i < COMP_CWORD; i++)); do
		option=${COMP_WORDS[i]}
		case $option in
		-d | --dir | --state-dir) word=${COMP_WORDS[i + 1]} ;;
		*) continue ;;
		esac
		[[ $word != = ]] || word=${COMP_WORDS[i + 2]}
		dirs+=("$option" "${word/#~\//$HOME/}")
	done
	streamlog-group list "${dirs[@]}" 2>/dev/null
}

# The topics of the log directory that the line names, or of the default one.
_streamlog_topics()
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

_streamlog_tail()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local is_value='' words='' kind=() i

	# Behind "--" stands a command: its name, then files.
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		kind=(-f)
		((i < COMP_CWORD - 1)) || kind=(-c)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen "${kind[@]}" -- "$cur")
		return
	done
	if [[ $cur == = ]]; then
		is_value=1 cur=
	elif [[ $prev == = ]]; then
		is_value=1 prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-d | --dir | --state-dir) kind=(-d) ;;
	-X | --property) ;;
	-g | --group) words=$(_streamlog_groups) ;;
	--first) words='beginning end s@' ;;
	--on-gap) words='go fail' ;;
	--print-place) kind=(-f) ;;
	-o | --offset) words='beginning end' ;;
	--since | --until) words='today yesterday' ;;
	--on-damage) words='stop skip' ;;
	--pid) words=$(ps -u "$UID" -o pid= 2>/dev/null) ;;
	-[cnp] | --count | --lines | --partition | --key | --header | \
		--format | --idle-timeout | --batch | --ack-fd | \
		--max-unacked | --session-timeout) ;;
	*)
		if [[ $is_value ]]; then
			return
		elif [[ $cur == -* ]]; then
			words='-0 --null -a --all -c --count -d --dir -e --end
				-f --follow -F --retry -J --envelope --json
				-n --lines -o --offset --since --until
				-p --partition --key --header --format
				--idle-timeout --pid --synced --rejected
				--exit-status --on-damage
				-g --group --first --batch --ack-fd
				--max-unacked --no-commit --print-place
				--exclusive --on-gap --session-timeout
				--state-dir
				-X --property -q --quiet -v --verbose --help --version'
		else
			words=$(_streamlog_topics)
			[[ $cur != */* ]] || kind=(-d)
		fi
		;;
	esac
	[[ ${#kind[@]} == 0 ]] || compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${kind[@]}" -W "$words" -- "$cur")
}

complete -F _streamlog_tail streamlog-tail
