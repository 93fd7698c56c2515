#!/usr/bin/env bats
# Many processes at one topic, killed at random; tests/soak/run says what is
# done and looked for. There for as long as one likes: `make soak`.

load helper

# soak SCENE SECONDS: one round of it.
soak()
{
	BUILD=${BUILD:-$root/build} TMPDIR=$BATS_TEST_TMPDIR SOAK_SECONDS=$2 \
		"$root/tests/soak/run" "$1"
}

@test "8 appenders and 4 followers, killed at random: nothing lost or torn" {
	soak many 6
}

@test "a topic is removed and made anew under its appenders and followers" {
	soak replace 4
}

@test "appenders that race to be first make one topic" {
	soak race 2
}

@test "an appender that sleeps holds up nobody, and keeps its topic" {
	soak stop 1
}
