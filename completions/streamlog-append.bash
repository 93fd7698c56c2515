# bash completion for streamlog-append(1)

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

# How many operands stand before the cursor? "=" is a word of its own.
_streamlog_append_operands()
{
	local count=0 i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		=) ((i++)) ;;
		-[dkKpzX] | --dir | --property | --key-field | --key-delim | --key | \
			--header | --time-field | --partition | \
			--compression | --sync | --on-error | --partitions)
			[[ ${COMP_WORDS[i + 1]} == = ]] || ((i++))
			;;
		-?*) ;;
		*) ((count++)) ;;
		esac
	done
	echo "$count"
}

_streamlog_append()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local is_value='' words='' kind=()

	if [[ $cur == = ]]; then
		is_value=1 cur=
	elif [[ $prev == = ]]; then
		is_value=1 prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-d | --dir) kind=(-d) ;;
	-X | --property) ;;
	-z | --compression) words='none lz4 zstd' ;;
	--sync) words='none exit batch each' ;;
	--on-error) words='divert skip fail' ;;
	-[kKp] | --key-field | --key-delim | --key | --header | \
		--time-field | --partition | --partitions) ;;
	*)
		if [[ $is_value ]]; then
			return
		elif [[ $cur == -* ]]; then
			words='-0 --null -d --dir -J --envelope --json
				-k --key-field -K --key-delim --key --header
				--time-field -p --partition --any --raw
				-z --compression --sync --receipt --on-error
				--wait --partitions --no-create
				-X --property -q --quiet -v --verbose --help --version'
		elif [[ $(_streamlog_append_operands) == 0 ]]; then
			words=$(_streamlog_topics)
			[[ $cur != */* ]] || kind=(-d)
		else
			kind=(-f)
		fi
		;;
	esac
	[[ ${#kind[@]} == 0 ]] || compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${kind[@]}" -W "$words" -- "$cur")
}

complete -F _streamlog_append streamlog-append
