# fish completion for streamlog-group(1)

# What the line before the cursor says: WHAT is dir or state-dir, an option as
# it is said to another call, or operands, a line each.
function __streamlog_group_said
    set -l what $argv[1]
    argparse -i d/dir= state-dir= warn= crit= output= max-lag= timeout= \
        to-offset= to-datetime= from-file= -- (commandline -opc)
    switch $what
        case dir
            set -q _flag_dir[1]
            and printf '%s\n' -d (string replace -r '^~/' "$HOME/" -- $_flag_dir[-1])
        case state-dir
            set -q _flag_state_dir[1]
            and printf '%s\n' --state-dir (string replace -r '^~/' "$HOME/" -- $_flag_state_dir[-1])
        case operands
            string match -v -r '^-.' -- $argv[2..]
    end
end

function __streamlog_group_names
    streamlog-group list (__streamlog_group_said dir) \
        (__streamlog_group_said state-dir) 2>/dev/null
end

function __streamlog_group_topics
    streamlog-topic list (__streamlog_group_said dir) 2>/dev/null
end

# Is it the turn of the command, of the group, or of topics?
function __streamlog_group_wants
    set -l words (__streamlog_group_said operands)
    switch $argv[1]
        case command
            not set -q words[1]
        case group
            test (count $words) -eq 1
        case topic
            test (count $words) -ge 2
            and not contains -- $words[1] list commit
    end
end

set -l option complete -c streamlog-group
$option -f
set -l command $option -n '__streamlog_group_wants command'
$command -a list -d 'print names'
$command -a describe -d 'places and lag'
$command -a lag -d 'how far behind, by topic'
$command -a wait -d 'until all is read'
$command -a reset -d 'set places'
$command -a commit -d 'set places, forward only'
$command -a delete -d 'remove groups or places'
$option -n '__streamlog_group_wants group' -a '(__streamlog_group_names)' -d group
$option -n '__streamlog_group_wants topic' -a '(__streamlog_group_topics)' -d topic
$option -s d -l dir -x -a '(__fish_complete_directories)' -d 'the log directory'
$option -l state-dir -x -a '(__fish_complete_directories)' -d 'where groups are'
$option -l json -d 'of list, describe, lag: an object a line'
$option -l prometheus -d 'of lag: metrics'
$option -l nagios -d 'of lag: a line and a status'
$option -l warn -x -d 'of --nagios: events'
$option -l crit -x -d 'of --nagios: events'
$option -l output -r -F -d 'of lag: into a file'
$option -l until-empty -d 'of wait: until all is read'
$option -l max-lag -x -d 'of wait: until so many are left'
$option -l timeout -x -d 'of wait: so long at most'
$option -l to-earliest -d 'of reset: to the beginning'
$option -l to-latest -d 'of reset: to the end'
$option -l to-offset -x -d 'of reset: to an offset'
$option -l to-datetime -x -a 'now today yesterday' -d 'of reset: to a time'
$option -l from-file -r -F -d 'of reset, commit: to what a file says'
$option -l execute -d 'of reset, delete: do it'
$option -s X -l property -x -d 'a setting of Kafka\'s client'
$option -s q -l quiet -d 'errors only'
$option -s v -l verbose -d 'say more'
$option -l help -d 'print help'
$option -l version -d 'print the version'
