# bash completion for streamlog-topic(1)

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

# Which command stands before the cursor? The first word that is no option.
_streamlog_topic_command()
{
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		=) ((i++)) ;;
		-d | --dir | -X | --property | --partitions | --set)
			[[ ${COMP_WORDS[i + 1]} == = ]] || ((i++))
			;;
		-?*) ;;
		*)
			echo "${COMP_WORDS[i]}"
			return
			;;
		esac
	done
}

_streamlog_topic()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local is_value='' words='' kind=() command

	if [[ $cur == = ]]; then
		is_value=1 cur=
	elif [[ $prev == = ]]; then
		is_value=1 prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-d | --dir) kind=(-d) ;;
	-X | --property) ;;
	--partitions) ;;
	--set)
		words='segment.bytes= segment.ms= index.interval.bytes=
			max.message.bytes= message.timestamp.after.max.ms=
			compression.type= sync= cleanup.policy=
			retention.ms= retention.bytes= retention.total.bytes=
			retention.count= min.free.bytes=
			retention.protect.groups= file.delete.delay.ms=
			on.full= delete.retention.ms= min.compaction.lag.ms=
			min.cleanable.dirty.ratio= read.only='
		compopt -o nospace 2>/dev/null
		;;
	compression.type) words='none lz4 zstd' ;;
	sync) words='none exit batch each' ;;
	cleanup.policy) words='delete compact compact,delete' ;;
	on.full) words='drop-oldest refuse wait' ;;
	read.only) words='true false' ;;
	*)
		command=$(_streamlog_topic_command)
		if [[ $is_value ]]; then
			return
		elif [[ $cur == -* ]]; then
			words='-d --dir --partitions --set --if-not-exists
				--json --execute
				-X --property -q --quiet -v --verbose --help --version'
		elif [[ ! $command ]]; then
			words='create list describe alter delete'
		elif [[ $command != create ]]; then
			words=$(_streamlog_topics)
			[[ $cur != */* ]] || kind=(-d)
		fi
		;;
	esac
	[[ ${#kind[@]} == 0 ]] || compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${kind[@]}" -W "$words" -- "$cur")
}

complete -F _streamlog_topic streamlog-topic
