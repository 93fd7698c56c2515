# bash completion for streamlog-group(1)

# The words before the cursor that are no options: the command, the group, and
# topics; and where they are, as options for another call.
_streamlog_group_words()
{
	local i word value
	operands=() dir=() state_dir=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-d | --dir | -X | --property | --state-dir | --warn | --crit | --output | \
			--max-lag | --timeout | --to-offset | --to-datetime | \
			--from-file)
			[[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))
			((i++))
			;;
		-?* | =) ;;
		*) operands+=("$word") ;;
		esac
		value=${COMP_WORDS[i]/#~\//$HOME/}
		case $word in
		-d | --dir) dir=(-d "$value") ;;
		--state-dir) state_dir=(--state-dir "$value") ;;
		esac
	done
}

_streamlog_group()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local is_value='' words='' kind=() operands dir state_dir

	if [[ $cur == = ]]; then
		is_value=1 cur=
	elif [[ $prev == = ]]; then
		is_value=1 prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-d | --dir | --state-dir) kind=(-d) ;;
	-X | --property) ;;
	--output | --from-file) kind=(-f) ;;
	--warn | --crit | --max-lag | --timeout | --to-offset) ;;
	--to-datetime) words='now today yesterday' ;;
	*)
		_streamlog_group_words
		if [[ $is_value ]]; then
			return
		elif [[ $cur == -* ]]; then
			words='-d --dir --state-dir --json --prometheus --nagios
				--warn --crit --output --until-empty --max-lag
				--timeout --to-earliest --to-latest --to-offset
				--to-datetime --from-file --execute
				-X --property -q --quiet -v --verbose --help --version'
		elif [[ ${#operands[@]} == 0 ]]; then
			words='list describe lag wait reset commit delete'
		elif [[ ${#operands[@]} == 1 ]]; then
			words=$(streamlog-group list "${dir[@]}" \
				"${state_dir[@]}" 2>/dev/null)
		elif [[ ${operands[0]} != list && ${operands[0]} != commit ]]; then
			words=$(streamlog-topic list "${dir[@]}" 2>/dev/null)
		fi
		;;
	esac
	[[ ${#kind[@]} == 0 ]] || compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${kind[@]}" -W "$words" -- "$cur")
}

complete -F _streamlog_group streamlog-group
