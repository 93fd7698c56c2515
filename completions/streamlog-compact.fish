# fish completion for streamlog-compact(1)

# The topics of the log directory that the line names, or of the default one.
function __streamlog_topics
    argparse -i d/dir= -- (commandline -opc)
    set -l dir (string replace -r '^~/' "$HOME/" -- $_flag_dir)
    if set -q dir[1]
        set dir -d $dir[-1]
    end
    streamlog-topic list $dir 2>/dev/null
end

set -l option complete -c streamlog-compact
$option -f
$option -a '(__streamlog_topics)' -d topic
$option -s d -l dir -x -a '(__fish_complete_directories)' -d 'the log directory'
$option -l all -d 'all topics'
$option -l dry-run -d 'only say what would go'
$option -l json -d 'an object a line'
$option -l memory -x -d 'for keys'
$option -l archive -x -a '(__fish_complete_directories)' -d 'copy what is closed to'
$option -s X -l property -x -d 'a setting of Kafka\'s client'
$option -s q -l quiet -d 'errors only'
$option -s v -l verbose -d 'say more'
$option -l help -d 'print help'
$option -l version -d 'print the version'
