/* test_hash.c: CRC-32C by all its ways, murmur2, the partitioner. */
#include "check.h"
#include "hash.h"
#include "streamlog.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define BIG (1u << 20)

/* The first sums are made without ISA-L, those after it is loaded with it. */
static void
test_crc32c(void)
{
	uint8_t *data = malloc(BIG + 8);
	uint32_t by_tables;

	if (data == NULL)
		abort();
	CHECK(sl_crc32c(0, "", 0) == 0);
	CHECK(sl_crc32c(0, "123456789", 9) == 0xe3069283);
	CHECK(sl_crc32c(sl_crc32c(0, "1234", 4), "56789", 5) == 0xe3069283);
	for (size_t i = 0; i < BIG + 8; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	CHECK(sl_crc32c_by_tables(0, "123456789", 9) == 0xe3069283);
	by_tables = sl_crc32c_by_tables(0, data, 100000);
	CHECK(sl_crc32c(0, data, 100000) == by_tables);
	printf("# ISA-L: %s\n", sl_crc32c_has_isal() ? "yes" : "no");
	CHECK(sl_crc32c(0, data, 100000) == by_tables);
	CHECK(sl_crc32c(0, "123456789", 9) == 0xe3069283);
	for (size_t shift = 0; shift < 8; shift++)
		check(sl_crc32c(0, data + shift, BIG) ==
		          sl_crc32c(sl_crc32c(0, data + shift, 12345 + shift),
		              data + 12345 + 2 * shift, BIG - 12345 - shift),
		    "chained, %zu bytes from alignment", shift);
	free(data);
}

static void
test_murmur2(void)
{
	static const struct {
		const char *key;
		uint32_t hash;
		int of_3;
		int of_6;
		int of_12;
	} vectors[] = {
		{ "21", (uint32_t)-973932308, 0, 0, 0 },
		{ "foobar", (uint32_t)-790332482, 0, 0, 6 },
		{ "a-little-bit-long-string", (uint32_t)-985981536, 2, 2, 8 },
		{ "a-little-bit-longer-string", (uint32_t)-1486304829, 2, 5,
		    11 },
		{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
		    (uint32_t)-58897971, 2, 5, 5 },
		{ "abc", 479470107, 0, 3, 3 },
		{ "kafka", 0xd067cf64, -1, -1, -1 },
		{ "giberish123456789", 0x8f552b0c, -1, -1, -1 },
		{ "1234", 0x9fc97b14, -1, -1, -1 },
		{ "234", 0xe7c009ca, -1, -1, -1 },
		{ "34", 0x873930da, -1, -1, -1 },
		{ "4", 0x5a4b5ca1, -1, -1, -1 },
		{ "", 0x106e08d9, -1, -1, -1 },
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *key = vectors[i].key;
		size_t bytes = strlen(key);

		check(sl_murmur2(key, bytes) == vectors[i].hash,
		    "murmur2 of '%s'", key);
		if (vectors[i].of_3 < 0)
			continue;
		check(sl_partition_of_key(key, bytes, 3) == vectors[i].of_3 &&
		          sl_partition_of_key(key, bytes, 6) ==
		              vectors[i].of_6 &&
		          sl_partition_of_key(key, bytes, 12) ==
		              vectors[i].of_12,
		    "the partition of '%s'", key);
	}
	CHECK(sl_partition_of_key("anything", 8, 1) == 0);
}

/* The reference's vectors: key 00 01 .. 0f, input 00 01 .. */
static void
test_siphash128(void)
{
	static const struct {
		size_t bytes;
		uint8_t hash[16];
	} vectors[] = {
		{ 0, { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d,
		         0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 } },
		{ 1, { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34,
		         0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 } },
		{ 2, { 0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7, 0xfc,
		         0xa3, 0x8b, 0xde, 0xf6, 0x0a, 0xff, 0xe4 } },
		{ 15, { 0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11, 0x7e,
		          0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9 } },
	};
	uint8_t key[16], data[16];
	uint64_t hash[2];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = data[i] = i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		sl_siphash128(key, data, vectors[i].bytes, hash);
		hash[0] = htole64(hash[0]);
		hash[1] = htole64(hash[1]);
		check(memcmp(hash, vectors[i].hash, 16) == 0,
		    "siphash of %zu bytes", vectors[i].bytes);
	}
}

int
main(void)
{
	test_crc32c();
	test_murmur2();
	test_siphash128();
	return check_done();
}
