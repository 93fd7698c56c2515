# kafka_helper.bash: what the tests against Apache Kafka share; `load
# kafka_helper` in each, then set EVENTS.
bats_require_minimum_version 1.5.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${BUILD:-$here/../../build}
export PATH="$build/bin:$build/kafka:$here:$PATH" LC_ALL=C.UTF-8

# json_events FROM: that many objects, a line each; they name who they are from.
json_events()
{
	awk -v from="$1" -v count="$EVENTS" 'BEGIN {
		for (n = 1; n <= count; n++)
			printf "{\"user\":\"%s%d\",\"n\":%d,\"from\":\"%s\"," \
			    "\"text\":\"caf\303\251 %s\"}\n",
			    n % 2 ? "u" : "\303\274", n % 97, n, from,
			    substr("to be, or not to be: that is the question",
			        1, n % 41)
	}'
}

# envelopes: that many, with every form of key, header and payload, and times that
# go back, too.
envelopes()
{
	awk -v count="$EVENTS" 'BEGIN {
		split("|\"key\":\"k%d\",|\"key_base64\":\"/wD+\"," \
		    "|\"key\":\"\",|\"key\":\"a \\\"%d\\\" \\u00e9\",",
		    keys, "|")
		split("|\"headers\":{\"h\":\"v\"},|\"headers\":{\"h\":null}," \
		    "|\"headers\":{\"a\":[\"1\",null,\"\"],\"b\":\"\\u00e9\"}," \
		    "|\"headers\":{\"b\":{\"base64\":\"/w==\"}},",
		    headers, "|")
		split("{\"n\":%d}|null|[1, %d,  null]|\"text\"|%d", payloads,
		    "|")
		split("bnVsbA==|AP/+|bm90IGpzb24=||eyJhIjoKMX0=", bytes, "|")
		for (n = 0; n < count; n++) {
			printf "{\"ts\":%.0f,", 1700000000000 + n * 7 - n % 5 * 10
			printf keys[n % 5 + 1], n
			printf "%s", headers[int(n / 5) % 5 + 1]
			if (n % 3 == 0)
				printf "\"payload_base64\":\"%s\"}\n",
				    bytes[int(n / 25) % 5 + 1]
			else
				printf "\"payload\":" \
				    payloads[int(n / 25) % 5 + 1] "}\n", n
		}
	}'
}

# consume TOPIC OPTION...: kcat reads all that is there, without a wait for more.
consume()
{
	kcat -C -b "$ADDRESS" -t "$1" -o beginning -e -q \
		-X fetch.wait.max.ms=10 "${@:2}"
}

# await COMMAND...: within a minute it is so.
await()
{
	local end=$((SECONDS + 60))

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return
		sleep 0.02
	done
}

# has FILE LINES: so many, or more.
has()
{
	[ -f "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}
