# fish completion for streamlog-append(1)

# The topics of the log directory that the line names, or of the default one.
function __streamlog_topics
    argparse -i d/dir= -- (commandline -opc)
    set -l dir (string replace -r '^~/' "$HOME/" -- $_flag_dir)
    if set -q dir[1]
        set dir -d $dir[-1]
    end
    streamlog-topic list $dir 2>/dev/null
end

# Does no operand stand before the cursor yet?
function __streamlog_append_at_topic
    argparse -i d/dir= k/key-field= K/key-delim= key=+ header=+ time-field= \
        p/partition= z/compression= sync= on-error= partitions= \
        -- (commandline -opc)
    test (count (string match -v -r '^-.' -- $argv)) -le 1
end

complete -c streamlog-append -n __streamlog_append_at_topic -f \
    -a '(__streamlog_topics)' -d topic

set -l option complete -c streamlog-append
$option -s 0 -l null -d 'events end with NUL'
$option -s d -l dir -x -a '(__fish_complete_directories)' -d 'the log directory'
$option -s J -l envelope -d 'lines are envelopes'
$option -l json -d 'lines are envelopes'
$option -s k -l key-field -x -d 'key: a field'
$option -s K -l key-delim -x -d 'key: what stands before this'
$option -l key -x -d 'key: this one'
$option -l header -x -d 'add a header'
$option -l time-field -x -d 'the time is a field'
$option -s p -l partition -x -d 'write to this partition'
$option -l any -d 'any JSON value is an event'
$option -l raw -d 'any bytes are an event'
$option -s z -l compression -x -a 'none lz4 zstd' -d 'compress batches'
$option -l sync -x -a 'none exit batch each' -d 'when to sync'
$option -l receipt -d 'print a line for each synced batch'
$option -l on-error -x -a 'divert skip fail' -d 'what becomes of a bad line'
$option -l wait -d 'on a full disk or a held lock try again'
$option -l partitions -x -d 'of a new topic'
$option -l no-create -d 'the topic must be there'
$option -s X -l property -x -d 'a setting of Kafka\'s client'
$option -s q -l quiet -d 'errors only'
$option -s v -l verbose -d 'say more'
$option -l help -d 'print help'
$option -l version -d 'print the version'
