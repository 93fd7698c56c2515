# fish completion for streamlog-topic(1)

# The topics of the log directory that the line names, or of the default one.
function __streamlog_topics
    argparse -i d/dir= -- (commandline -opc)
    set -l dir (string replace -r '^~/' "$HOME/" -- $_flag_dir)
    if set -q dir[1]
        set dir -d $dir[-1]
    end
    streamlog-topic list $dir 2>/dev/null
end

# Is the command, which is the first operand, one of these? None: isn't there.
function __streamlog_topic_command
    set -l wanted $argv
    argparse -i d/dir= partitions= set=+ -- (commandline -opc)
    set -l words (string match -v -r '^-.' -- $argv)
    if set -q wanted[1]
        contains -- "$words[2]" $wanted
    else
        not set -q words[2]
    end
end

function __streamlog_settings
    string join \n segment.bytes= segment.ms= index.interval.bytes= \
        max.message.bytes= message.timestamp.after.max.ms= \
        compression.type={none,lz4,zstd} sync={none,exit,batch,each} \
        cleanup.policy={delete,compact} 'cleanup.policy=compact,delete' \
        on.full={drop-oldest,refuse,wait} read.only={true,false} \
        retention.ms= retention.bytes= retention.total.bytes= \
        retention.count= min.free.bytes= retention.protect.groups= \
        file.delete.delay.ms= delete.retention.ms= \
        min.compaction.lag.ms= min.cleanable.dirty.ratio=
end

set -l option complete -c streamlog-topic
$option -f
$option -n __streamlog_topic_command -a create -d 'make topics'
$option -n __streamlog_topic_command -a list -d 'print names'
$option -n __streamlog_topic_command -a describe -d 'sizes, offsets, settings'
$option -n __streamlog_topic_command -a alter -d 'change settings'
$option -n __streamlog_topic_command -a delete -d 'remove topics'
$option -n '__streamlog_topic_command list describe alter delete' \
    -a '(__streamlog_topics)' -d topic
$option -s d -l dir -x -a '(__fish_complete_directories)' -d 'the log directory'
$option -l partitions -x -d 'how many'
$option -l set -x -a '(__streamlog_settings)' -d 'a setting'
$option -l if-not-exists -d 'of create: or it is there'
$option -l json -d 'of list, describe: an object a line'
$option -l execute -d 'of delete: do it'
$option -s X -l property -x -d 'a setting of Kafka\'s client'
$option -s q -l quiet -d 'errors only'
$option -s v -l verbose -d 'say more'
$option -l help -d 'print help'
$option -l version -d 'print the version'
