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
