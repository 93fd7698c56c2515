/*
 * vectors.h: batches as Apache Kafka's own builder writes them, for the tests
 * of the record floor. Times are 1700000000000 and a few ms from it.
 */
#ifndef SL_VECTORS_H
#define SL_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define VECTOR_TIME_MS 1700000000000

/* Base 0: (user-1, {"n":1}); at +5 ms (user-2, NULL), headers h=v, z=NULL; at
 * -3 ms (NULL, x). */
#define VECTOR_A                                                               \
	"00000000000000000000006100000000022faa0a76000000000002"               \
	"0000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff"         \
	"00000003260000000c757365722d310e7b226e223a317d"                       \
	"0026000a020c757365722d32010402680276027a010e00050401027800"

/* Base 1000: (k, v). */
#define VECTOR_B                                                               \
	"00000000000003e80000003a0000000002e99b8dd8000000000000"               \
	"0000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff"         \
	"0000000110000000026b027600"

/* Empty, kept for a producer's state: offsets 20 to 24. */
#define VECTOR_C                                                               \
	"0000000000000014000000310000000302bc10f5e8000000000004"               \
	"ffffffffffffffff0000018bcfe56800000000000000000700010000000a"         \
	"00000000"

/* A COMMIT marker at offset 30. */
#define VECTOR_D                                                               \
	"000000000000001e0000004200000000024ece5c67003000000000"               \
	"0000018bcfe568000000018bcfe5680000000000000000070001ffffffff"         \
	"000000012000000008000000010c00000000000900"

/* Base 100, compressed: 8 records at +0 to +7 ms, keys key-0 and key-1 in turn,
 * the value VECTOR_TEXT. */
#define VECTOR_TEXT "{\"text\":\"to be or not to be, that is the question\"}"
#define VECTOR_LZ4                                                             \
	"0000000000000064000000c70000000002dd0997880003000000070000"           \
	"018bcfe568000000018bcfe56807ffffffffffffffffffffffffffff00"           \
	"00000804224d1860408287000000f1127c0000000a6b65792d30667b22"           \
	"74657874223a22746f206265206f72206e6f74200d00f10e2c20746861"           \
	"7420697320746865207175657374696f6e227d007c0002023f001f313f"           \
	"00242104043f000f7e00252106063f000f7e00252108083f000f7e0025"           \
	"210a0a3f000f7e0025210c0c3f000f7e0025210e0e3f000f7e001e506f"           \
	"6e227d0000000000"

#define VECTOR_ZSTD                                                            \
	"0000000000000064000000b000000000021f5980b10004000000070000"           \
	"018bcfe568000000018bcfe56807ffffffffffffffffffffffffffff00"           \
	"00000828b52ffd00589c03001205131a80396df0c31f8b4b62b59ac684"           \
	"3cae411a2e1d4037921084ae0c8920781cb9162a95292142798e35d6b8"           \
	"6595339a3858939b51fc417203fc5d8c582bc1fb13dc15fa631430b050"           \
	"c332b3260f0002470001090e034223380208487018101ac111404082c3"           \
	"80d00847240471816b3e01010000"

#define VECTOR_GZIP                                                            \
	"0000000000000064000000a30000000002bff69d3b0001000000070000"           \
	"018bcfe568000000018bcfe56807ffffffffffffffffffffffffffff00"           \
	"0000081f8b08000000000000ffab616060e0ca4eadd43548ab562a49ad"           \
	"2851b2522ac957484a55c82f52c8cb2f51007374144a32124b14328b81"           \
	"74aa4261696a7149667e9e522d430d03131358bb2199da595828b29d8d"           \
	"8d22db393828b29d8b8b22db797828b29d8f8f02db0149cbb036f80100"           \
	"00"

/* The bytes of one of them; returns how many. `to` holds 256. */
static inline size_t
vector_bytes(const char *hex, uint8_t *to)
{
	size_t bytes = strlen(hex) / 2;

	for (size_t i = 0; i < bytes; i++) {
		unsigned byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		to[i] = (uint8_t)byte;
	}
	return bytes;
}

#endif
