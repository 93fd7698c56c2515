# fish completion for streamlog-tail(1)

# The topics of the log directory that the line names, or of the default one.
function __streamlog_topics
    argparse -i d/dir= -- (commandline -opc)
    set -l dir (string replace -r '^~/' "$HOME/" -- $_flag_dir)
    if set -q dir[1]
        set dir -d $dir[-1]
    end
    streamlog-topic list $dir 2>/dev/null
end

# The groups of the directories that the line names, or of the default one.
function __streamlog_groups
    argparse -i d/dir= state-dir= -- (commandline -opc)
    set -l words
    if set -q _flag_dir[1]
        set words -d (string replace -r '^~/' "$HOME/" -- $_flag_dir[-1])
    end
    if set -q _flag_state_dir[1]
        set words $words --state-dir (string replace -r '^~/' "$HOME/" -- $_flag_state_dir[-1])
    end
    command -q streamlog-group; and streamlog-group list $words 2>/dev/null
end

# Behind "--" stands a command: its name, then files.
function __streamlog_behind_dashes
    contains -- -- (commandline -opc)
end
function __streamlog_command
    set -l words (commandline -opc)
    if test "$words[-1]" = --
        complete -C "$(commandline -ct)"
    else
        __fish_complete_path (commandline -ct)
    end
end

complete -c streamlog-tail -f
complete -c streamlog-tail -n 'not __streamlog_behind_dashes' -a '(__streamlog_topics)' -d topic
complete -c streamlog-tail -n __streamlog_behind_dashes -a '(__streamlog_command)'

set -l option complete -c streamlog-tail
$option -s 0 -l null -d 'events end with NUL'
$option -s a -l all -d 'from the beginning'
$option -s c -l count -x -d 'end after so many'
$option -s d -l dir -x -a '(__fish_complete_directories)' -d 'the log directory'
$option -s e -l end -d 'end at the end'
$option -s f -l follow -d 'wait for more'
$option -s F -l retry -d 'wait for more, and for the topic'
$option -s J -l envelope -d 'print envelopes'
$option -l json -d 'print envelopes'
$option -s n -l lines -x -d 'the last so many, or +N'
$option -s o -l offset -x -a 'beginning end s@ e@' -d 'where to start, or to end'
$option -l since -x -a 'today yesterday' -d 'from this time on'
$option -l until -x -a 'today yesterday' -d 'before this time'
$option -s p -l partition -x -d 'only this partition'
$option -l key -x -d 'only this key'
$option -l header -x -d 'only with this header'
$option -l format -x -d 'print in this format'
$option -l idle-timeout -x -d 'end when idle for so long'
$option -l pid -x -a '(__fish_complete_pids)' -d 'end when this process is gone'
$option -l synced -d 'only what is on disk'
$option -l rejected -d 'the rejected lines'
$option -l exit-status -d '1 when nothing was printed'
$option -l on-damage -x -a 'stop skip' -d 'at damage'
$option -s g -l group -x -a '(__streamlog_groups)' -d 'share them with its members'
$option -l first -x -a 'beginning end s@' -d 'where a new group begins'
$option -l batch -x -d 'events for one run of the command'
$option -l ack-fd -x -d 'the reader acknowledges there'
$option -l max-unacked -x -d 'so many may wait for that'
$option -l no-commit -d 'leave the places alone'
$option -l print-place -r -F -d 'write the places there'
$option -l exclusive -d 'be the only member'
$option -l on-gap -x -a 'go fail' -d 'where events were deleted unread'
$option -l session-timeout -x -d 'silent for so long: others take over'
$option -l state-dir -x -a '(__fish_complete_directories)' -d 'keep the group there'
$option -s X -l property -x -d 'a setting of Kafka\'s client'
$option -s q -l quiet -d 'errors only'
$option -s v -l verbose -d 'say more'
$option -l help -d 'print help'
$option -l version -d 'print the version'
