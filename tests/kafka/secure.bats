#!/usr/bin/env bats
# A real broker that asks who one is, over TLS: what it takes is set by -X and by
# streamlog.yaml, and a secret is shown to nobody.

load kafka_helper

SECRET=hunter2

# A listener more, for which the broker is to be started again.
setup_file()
{
	export KAFKA=$BATS_FILE_TMPDIR/kafka SECURE
	local properties=$KAFKA/server.properties store=$KAFKA/store.p12

	broker start "$KAFKA" >/dev/null
	broker stop "$KAFKA"
	SECURE=127.0.0.1:$((20000 + RANDOM % 10000))
	keytool -genkeypair -alias broker -keyalg EC -validity 2 \
		-dname CN=localhost -ext san=ip:127.0.0.1 \
		-storetype PKCS12 -keystore "$store" -storepass changeit
	keytool -exportcert -rfc -alias broker -keystore "$store" \
		-storepass changeit >"$KAFKA/ca.pem"
	sed -i -e "s|^listeners=[^,]*|&,SASL_SSL://$SECURE|" \
		-e 's|^listener.security.protocol.map=|&SASL_SSL:SASL_SSL,|' \
		"$properties"
	cat >>"$properties" <<-END
		sasl.enabled.mechanisms=PLAIN
		listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="$SECRET";
		ssl.keystore.type=PKCS12
		ssl.keystore.location=$store
		ssl.keystore.password=changeit
	END
	broker start "$KAFKA" >/dev/null
}

teardown_file()
{
	broker kill "$KAFKA"
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	export HOME=$PWD STREAMLOG_DIR=kafka://$SECURE
	unset XDG_STATE_HOME
}

# settings: those of a client who may come in.
settings()
{
	printf '%s\n' security.protocol=sasl_ssl "ssl.ca.location=$KAFKA/ca.pem" \
		sasl.mechanism=PLAIN sasl.username=alice "sasl.password=$SECRET"
}

# with PROGRAM WORD...: it has them by -X.
with()
{
	local -a words
	mapfile -t words < <(settings | sed 's/^/-X/')
	"$1" "${words[@]}" "${@:2}"
}

@test "a client comes in by -X" {
	with streamlog-append -k n locked <<<'{"n":1}'
	[ "$(with streamlog-tail -J --format '%k %s' locked)" = '1 {"n":1}' ]
	[ "$(with streamlog-tail -g g locked -- cat)" = '{"n":1}' ]
	with streamlog-group lag --json g | grep -q '"lag_events":0'
}

@test "a client comes in by streamlog.yaml, also of files beside it" {
	mkdir -p .local/state/streamlog
	settings | sed 's/^/kafka./; s/=/: /' >.local/state/streamlog/streamlog.yaml
	streamlog-append filed <<<'{"n":2}'
	[ "$(streamlog-tail filed)" = '{"n":2}' ]
	mkdir files
	mv .local/state/streamlog/streamlog.yaml files
	export STREAMLOG_DIR=$PWD/files
	[ "$(streamlog-tail "kafka://$SECURE/filed")" = '{"n":2}' ]
}

@test "who isn't let in is told so, without the secret: 74" {
	run --separate-stderr with streamlog-tail -X sasl.password=wrong-secret locked
	[ "$status" -eq 74 ]
	[[ $stderr == "streamlog-tail: kafka://$SECURE: it does not let us in: "*"uthentication failed"* ||
		$stderr == *"topic 'locked': kafka://$SECURE: it does not let us in: "* ]]
	[[ $stderr != *secret* && $stderr != *"$SECRET"* ]]
	# Nor by a certificate that it doesn't know.
	run --separate-stderr with streamlog-append -X ssl.ca.location=/etc/hostname locked
	[ "$status" -eq 2 ] || [ "$status" -eq 74 ]
	[[ $stderr != *"$SECRET"* ]]
}
