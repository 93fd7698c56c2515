#!/usr/bin/env bats
# Bad places: names, permissions, disks, limits, settings, closed descriptors.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell

load helper
load places_helper

# refuses STATUS MESSAGE TOPIC: by append and by tail alike.
refuses()
{
	t streamlog-append -- "$3" <<<'{}'
	expect "$1" "" "streamlog-append: $2"
	t streamlog-tail "$3"
	expect "$1" "" "streamlog-tail: $2"
}

@test "names that can't be are refused: 2, and nothing is made" {
	local name
	for name in .. . .x; do
		refuses 2 "topic '$name': a name can't begin with '.'" "$name"
	done
	for name in ~x @groups 'a b' 'a*b]' $'a\nb' é; do
		t streamlog-append "$name" <<<'{}'
		[ "$status" -eq 2 ]
	done
	t streamlog-append 'a b' <<<'{}'
	expect 2 "" "streamlog-append: topic 'a b': a name has letters, digits, '.', '_' and '-' only"
	t streamlog-append $'a\nb' <<<'{}'
	expect 2 "" "streamlog-append: topic 'a?b': a name has letters, digits, '.', '_' and '-' only"
	t streamlog-append -- -x <<<'{}'
	expect 2 "" "streamlog-append: topic '-x': a name can't begin with '-'"
	t streamlog-append "" <<<'{}'
	expect 2 "" "streamlog-append: a topic's name can't be empty"
	t streamlog-append a/.. <<<'{}'
	expect 2 "" "streamlog-append: topic '..': a name can't begin with '.'"
	[ ! -e log ]
}

@test "a name may have 249 bytes, and not 250" {
	local name
	name=$(printf %0249d 0)
	t streamlog-append "$name" <<<'{}'
	expect 0 "" ""
	t streamlog-append "$name" <<<bad
	[ "$status" -eq 65 ]
	t streamlog-tail "$name"
	expect 0 '{}' ""
	t streamlog-append "${name}0" <<<'{}'
	expect 2 "" "streamlog-append: a topic's name has at most 249 bytes, this one 250"
}

@test "a name with a slash is a topic's path" {
	t streamlog-append a/b <<<'{"n":1}'
	expect 0 "" ""
	t streamlog-tail "$PWD/a/b/"
	expect 0 '{"n":1}' ""
	t streamlog-tail --dir a b
	expect 0 '{"n":1}' ""
	mkdir file
	: >file/x
	t streamlog-append file/x/y <<<'{}'
	expect 74 "" "streamlog-append: log directory: 'file/x': not a directory"
}

@test "a symbolic link is followed to the log directory, but to no topic" {
	streamlog-append real/t <<<'{}'
	mkdir log
	ln -s ../real/t log/t
	refuses 2 "topic 't': a symbolic link, which is not followed; name the path it leads to" t
	ln -s real linked
	t streamlog-tail linked/t
	expect 0 '{}' ""
	rm log/t
	ln -s nowhere log/t
	refuses 2 "topic 't': a symbolic link, which is not followed; name the path it leads to" t
}

@test "a file, or a directory that is no topic, is named" {
	mkdir -p log/plain
	: >log/file
	refuses 2 "topic 'file': '$STREAMLOG_DIR/file' is not a directory" file
	refuses 66 "topic 'plain': '$STREAMLOG_DIR/plain' is no topic: it has no topic.yaml" plain
}

@test "links and second names inside a topic are refused" {
	streamlog-append t <<<'{}'
	mv log/t/0/00000000000000000000.log moved
	ln -s ../../../moved log/t/0/00000000000000000000.log
	t streamlog-append t <<<'{}'
	expect 74 "" "streamlog-append: topic 't': partition 0: '00000000000000000000.log': is a symbolic link, which is not followed here; 0 lines are done"
	rm log/t/0/00000000000000000000.log
	ln moved log/t/0/00000000000000000000.log
	t streamlog-append t <<<'{}'
	expect 65 "" "streamlog-append: topic 't': partition 0: '00000000000000000000.log': has a second hard link, so it is not written; 0 lines are done"
	t streamlog-tail t
	expect 0 '{}' ""
	rm -r log/t/0
	ln -s "$PWD" log/t/0
	t streamlog-append t <<<'{}'
	[ "$status" -eq 74 ]
	[[ $stderr == "streamlog-append: topic 't': partition 0: '0': "* ]]
}

@test "without permission: 74 that names the place" {
	mkdir log
	chmod 555 log
	t as_user streamlog-append t <<<'{}'
	expect 74 "" "streamlog-append: topic 't': make it in '$STREAMLOG_DIR': permission denied"
	chmod 755 log
	streamlog-append t <<<'{}'
	chmod 000 log/t/0
	t as_user streamlog-append t <<<'{}'
	expect 74 "" "streamlog-append: topic 't': partition 0: '0': permission denied"
	t as_user streamlog-tail t
	expect 74 "" "streamlog-tail: topic 't': partition 0: '0': permission denied"
	chmod 755 log/t/0
	chmod 000 log/t/0/00000000000000000000.log
	t as_user streamlog-tail t
	expect 74 "" "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': permission denied"
	chmod 000 log/t
	t as_user streamlog-tail t
	expect 74 "" "streamlog-tail: topic 't': permission denied"
	chmod 000 log
	t as_user streamlog-tail t
	expect 74 "" "streamlog-tail: log directory: '$STREAMLOG_DIR': permission denied"
	chmod -R 755 log
}

@test "who may only read reads, and can't hold up a writer" {
	streamlog-append t <<<'{}'
	[ "$(stat -c %a log/t/0/lock)" = 600 ]
	chmod -R a-w log/t
	chmod 000 log/t/0/lock
	t as_user streamlog-tail t
	expect 0 '{}' ""
	t as_user streamlog-append t <<<'{}'
	expect 74 "" "streamlog-append: topic 't': partition 0: 'lock': permission denied"
	chmod -R u+w log/t
}

@test "a read-only mount can be read, and not be written: 74" {
	streamlog-append t <<<'{}'
	t with_mounts 'mount --bind log log
		mount -o remount,ro,bind log
		streamlog-tail t
		streamlog-append t <<<"{}"'
	expect 74 '{}' "streamlog-append: topic 't': partition 0: 'lock': read-only file system"
	t with_mounts 'mount --bind log log
		mount -o remount,ro,bind log
		streamlog-append new <<<"{}"'
	expect 74 "" "streamlog-append: topic 'new': make it in '$STREAMLOG_DIR': read-only file system"
}

@test "a full disk is 75: what was written is synced, and the message goes on" {
	events 1 200000 >in
	mkdir log
	t with_mounts 'mount -t tmpfs -o size=1m none log
		status=0
		streamlog-append --receipt t in >receipts 2>message || status=$?
		streamlog-tail -a t >before
		umount log
		mount -t tmpfs -o size=64m none log
		streamlog-append t before
		bash -c "$(sed "s/.*go on with: //" message)" >more
		streamlog-tail -a t >all
		exit "$status"'
	expect 75 "" ""
	[[ $(cat message) =~ ^"streamlog-append: topic 't': partition 0: write: no space left on device; "[0-9,]+" lines are done; go on with: tail -n +"[0-9]+" in | streamlog-append --receipt t"$ ]]
	[ "$(grep -c '"synced":true' receipts)" -ge 1 ]
	[ "$(grep -vc '"synced":true' receipts)" -eq 0 ]
	[ "$(awk -F '[:,]' '{ n += $8 } END { print n }' receipts)" -eq "$(wc -l <before)" ]
	cmp in all
}

@test "on a full disk --wait goes on once there is room, and says so once" {
	events 1 60000 >in
	mkdir log
	t with_mounts 'mount -t tmpfs -o size=3m none log
		head -c 2m /dev/zero >log/ballast
		streamlog-append --wait t in 2>message &
		until [ -s message ]; do :; done
		rm log/ballast
		wait "$!"
		cat message >&2
		streamlog-tail -a t | cmp - in'
	expect 0 "" "streamlog-append: topic 't': partition 0: write: no space left on device; waiting"
	t with_mounts 'mount -t tmpfs -o size=1m none log
		streamlog-append --wait=0.2 t in'
	[ "$status" -eq 75 ]
	[[ ${stderr##*$'\n'} == "streamlog-append: topic 't': partition 0: write: no space left on device; "*" lines are done; go on with: tail -n +"* ]]
}

@test "on a full disk a bad line that can't be kept stops the run: 75" {
	mkdir log
	t with_mounts 'mount -t tmpfs -o size=1m none log
		streamlog-append t <<<"{}"
		streamlog-append t <<<bad 2>/dev/null || true
		head -c 1m /dev/zero >log/ballast 2>/dev/null || true
		{ echo "{}"; printf "%05000d\n" {1..9}; } | streamlog-append t'
	[ "$status" -eq 75 ]
	[[ ${stderr##*$'\n'} == "streamlog-append: topic 't': rejected lines: write: no space left on device; 1 line is done"* ]]
}

@test "a limit on the size of files rolls; one that is too small is 75" {
	local n
	for n in 0 1 2 3 4; do
		events $((n * 1000 + 1)) $((n * 1000 + 1000)) >in
		t bash -c 'ulimit -f 64; exec streamlog-append t in'
		expect 0 "" ""
	done
	streamlog-tail -a t | cmp - <(events 1 5000)
	[ "$(find log/t/0 -name '*.log' | wc -l)" -eq 2 ]
	events 1 5000 >in
	t bash -c 'ulimit -f 64; exec streamlog-append t in'
	expect 75 "" "streamlog-append: topic 't': partition 0: write: the limit on file size is reached (ulimit -f); 0 lines are done; go on with: tail -n +1 in | streamlog-append t"
	t bash -c 'ulimit -f 2; exec streamlog-append new in'
	expect 75 "" "streamlog-append: topic 'new': write: the limit on file size is reached (ulimit -f)"
}

@test "out of descriptors: 74 that says so" {
	streamlog-append t <<<'{}'
	local most
	for most in {6..20}; do
		t bash -c "exec 3>&- 4>&- 5>&- 6>&-; ulimit -n $most
			exec streamlog-append t" <<<'{"n":1}'
		[ "$status" -ne 0 ] || break
		[ "$status" -eq 74 ]
		[[ $stderr == "streamlog-append: "*": too many open files (ulimit -n)"?("; 0 lines are done") ]]
	done
	[ "$status" -eq 0 ]
	t streamlog-tail t
	expect 0 $'{}\n{"n":1}' ""
	t bash -c "exec 3>&- 4>&- 5>&- 6>&-; ulimit -n 6; exec streamlog-tail t"
	[ "$status" -eq 74 ]
	[[ $stderr == "streamlog-tail: "*": too many open files (ulimit -n)" ]]
}

@test "tail -f follows without an inotify instance" {
	streamlog-append t <<<'{"n":1}'
	follow 5 strace -f -qq -e trace=inotify_init1 -o trace \
		-e inject=inotify_init1:error=EMFILE streamlog-tail -f t
	hear 5 '{"n":1}'
	streamlog-append t <<<'{"n":2}'
	hear 5 '{"n":2}'
	grep -q EMFILE trace
	told ""
}

@test "settings that can't be are named with their line" {
	streamlog-append t <<<'{}'
	cp log/t/topic.yaml good
	echo 'segment.byte: 5' >>log/t/topic.yaml
	refuses 65 "topic 't': 'topic.yaml': line $(wc -l <log/t/topic.yaml): 'segment.byte': no such setting; is 'segment.bytes' meant?" t
	{ cat good; echo 'segment.bytes: many'; } >log/t/topic.yaml
	t streamlog-append t <<<'{}'
	[ "$status" -eq 65 ]
	[[ $stderr == "streamlog-append: topic 't': 'topic.yaml': line $(wc -l <log/t/topic.yaml): segment.bytes: 'many': "* ]]
	grep -v '^id' good >log/t/topic.yaml
	refuses 65 "topic 't': 'topic.yaml': no id: the line 'id: ...' is missing" t
	head -c 300 /dev/urandom >log/t/topic.yaml
	t streamlog-append t <<<'{}'
	[ "$status" -eq 65 ]
	echo '{' >log/t/topic.yaml
	t streamlog-append t <<<'{}'
	[ "$status" -eq 65 ]
	[[ $stderr == "streamlog-append: topic 't': 'topic.yaml': line "*": "* ]]
	: >log/t/topic.yaml
	refuses 65 "topic 't': 'topic.yaml': no id: the line 'id: ...' is missing" t
	rm log/t/topic.yaml
	mkfifo log/t/topic.yaml
	refuses 65 "topic 't': 'topic.yaml': not a regular file" t
	echo 'segment.bytes: 5x' >log/streamlog.yaml
	t streamlog-append new <<<'{}'
	[ "$status" -eq 65 ]
	[[ $stderr == "streamlog-append: topic 'new': 'streamlog.yaml': line 1: segment.bytes: '5x': "* ]]
}

@test "a running append ends where its topic becomes another" {
	streamlog-topic create t
	{ sleep 0.2; sed -i 's/^id: .*/id: AAAAAAAAAAAAAAAAAAAAAA/' log/t/topic.yaml; } &
	t bash -c 'while sleep 0.02; do echo "{}"; done | streamlog-append t
		exit "${PIPESTATUS[1]}"'
	[ "$status" -eq 66 ]
	[[ $stderr =~ ^"streamlog-append: topic 't': it was replaced by another of that name; "[0-9]+" lines are done"$ ]]
}

@test "closed and full descriptors: 74, and never somebody else's file" {
	t bash -c 'streamlog-append t <&-'
	expect 74 "" "streamlog-append: stdin is closed"
	events 1 3 | streamlog-append t
	t bash -c 'streamlog-tail t >&-'
	expect 74 "" "streamlog-tail: stdout is closed"
	t bash -c 'streamlog-append --receipt t <<<"{}" >&-'
	expect 74 "" "streamlog-append: stdout is closed"
	t bash -c 'streamlog-append t <<<"{}" >&- 2>&-'
	expect 0 "" ""
	t bash -c 'streamlog-append t <<<bad >&- 2>&-'
	expect 65 "" ""
	t bash -c 'streamlog-tail t >/dev/full'
	expect 74 "" "streamlog-tail: stdout: no space left on device"
	t bash -c 'streamlog-append --receipt t <<<"{}" >/dev/full'
	expect 74 "" "streamlog-append: stdout: no space left on device; 1 line is done"
	t bash -c 'streamlog-append --receipt t <<<"{}" | true; exit "${PIPESTATUS[0]}"'
	[[ $status == 0 || $status == 74 ]]
	t bash -c 'streamlog-tail -a t | head -n 1; exit "${PIPESTATUS[0]}"'
	expect 0 '{"n":1}' ""
}

@test "no HOME, and one that can't be" {
	t env -u STREAMLOG_DIR -u HOME streamlog-append t <<<'{}'
	expect 2 "" "streamlog-append: no log directory: set STREAMLOG_DIR or HOME, or say --dir"
	t env -u STREAMLOG_DIR HOME=/dev/null streamlog-append t <<<'{}'
	expect 74 "" "streamlog-append: log directory: '/dev/null/.local/state/streamlog': not a directory"
	t env -u STREAMLOG_DIR HOME="$PWD/home" streamlog-append t <<<'{}'
	expect 0 "" ""
	t streamlog-tail home/.local/state/streamlog/t
	expect 0 '{}' ""
}

@test "a topic removed under a writer and a follower: 66, and what was written" {
	mkfifo in
	streamlog-append t <<<'{"n":0}'
	streamlog-append t in 2>message 3>&- &
	local writer=$!
	exec 6>in
	follow 5 streamlog-tail -f t
	hear 5 '{"n":0}'
	echo '{"n":1}' >&6
	hear 5 '{"n":1}'
	rm -r log/t
	ends 66
	told "streamlog-tail: topic 't': it was deleted"
	# Found at the append, or at the look of each second before it.
	(echo '{"n":2}' >&6) 2>/dev/null || true
	exec 6>&-
	follower=$writer
	ends 66
	[ "$(sed "s/partition 0: //" message)" = "streamlog-append: topic 't': it was deleted; 1 line is done; go on with: tail -n +2 in | streamlog-append t" ]
	[ ! -e log/t ]
}

@test "a glob with a topic that can't be opened reads the others, and says so" {
	streamlog-append a <<<'{"n":1}'
	streamlog-append b <<<'{"n":2}'
	echo 'no yaml: [' >log/a/topic.yaml
	t streamlog-tail '*'
	[ "$status" -eq 65 ]
	[ "$output" = '{"n":2}' ]
	[[ $stderr == "streamlog-tail: topic 'a': 'topic.yaml': "* ]]
	t streamlog-topic list
	expect 0 $'a\nb' ""
}
