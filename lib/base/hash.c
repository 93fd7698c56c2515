/*
 * hash.c: CRC-32C and murmur2; see hash.h. Small sums are made by the
 * processor's own instruction where it has one (x86-64 with SSE 4.2), else by
 * tables; once there was much to sum, ISA-L does it, which is 2 to 3 times as
 * fast again.
 */
#include "hash.h"

#include <assert.h>
#include <endian.h>
#include <pthread.h>
#include <string.h>

#ifdef HAVE_ISAL
#include <dlfcn.h>
#include <isa-l/crc.h>
#include <stdatomic.h>
#endif

#define CRC32C_POLYNOMIAL 0x82f63b78u /* reflected */

/* Slicing by 8: table k holds the sum of a byte with k zero bytes behind it. */
static uint32_t crc_tables[8][256];

static void
tables_fill(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
		crc_tables[0][byte] = crc;
	}
	for (int k = 1; k < 8; k++) {
		for (int byte = 0; byte < 256; byte++) {
			uint32_t crc = crc_tables[k - 1][byte];

			crc_tables[k][byte] =
			    (crc >> 8) ^ crc_tables[0][crc & 0xff];
		}
	}
}

/* `state` is the sum before its last inversion, as ISA-L's is. */
static uint32_t
crc_by_tables(uint32_t state, const uint8_t *at, size_t bytes)
{
	static pthread_once_t filled = PTHREAD_ONCE_INIT;

	pthread_once(&filled, tables_fill);
	for (; bytes >= 8; bytes -= 8, at += 8) {
		uint32_t low;
		uint32_t high;

		memcpy(&low, at, sizeof(low));
		memcpy(&high, at + 4, sizeof(high));
		low = le32toh(low) ^ state;
		high = le32toh(high);
		state = crc_tables[7][low & 0xff] ^
		        crc_tables[6][low >> 8 & 0xff] ^
		        crc_tables[5][low >> 16 & 0xff] ^
		        crc_tables[4][low >> 24] ^ crc_tables[3][high & 0xff] ^
		        crc_tables[2][high >> 8 & 0xff] ^
		        crc_tables[1][high >> 16 & 0xff] ^
		        crc_tables[0][high >> 24];
	}
	for (; bytes > 0; bytes--, at++)
		state = (state >> 8) ^ crc_tables[0][(state ^ *at) & 0xff];
	return state;
}

#if defined(__x86_64__)

/* Eight bytes an instruction; no table to fetch into a cold cache. */
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t state, const uint8_t *at, size_t bytes)
{
	uint64_t wide = state;
	uint64_t word;

	for (; bytes >= 8; bytes -= 8, at += 8) {
		memcpy(&word, at, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	state = (uint32_t)wide;
	for (; bytes > 0; bytes--, at++)
		state = __builtin_ia32_crc32qi(state, *at);
	return state;
}

#endif

static uint32_t
crc_of_few(uint32_t state, const uint8_t *at, size_t bytes)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return crc_by_instruction(state, at, bytes);
#endif
	return crc_by_tables(state, at, bytes);
}

#ifdef HAVE_ISAL

/* Loading ISA-L takes 0.1 ms or more: so much must have been summed before. */
#define ISAL_WORTH_BYTES (1u << 20)
/* ISA-L counts in int. */
#define ISAL_BYTES_MAX ((size_t)1 << 30)

typedef __typeof__(crc32_iscsi) isal_crc;

static _Atomic(isal_crc *) isal_found; /* NULL: not loaded, or not there */

/* Never unloaded: it lives as long as the process. */
static void
isal_load(void)
{
	isal_crc *found = NULL;
	void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
	void *symbol = library != NULL ? dlsym(library, "crc32_iscsi") : NULL;

	/* C has no cast from an object's pointer to a function's. */
	static_assert(sizeof(found) == sizeof(symbol), "as POSIX has it");
	memcpy(&found, &symbol, sizeof(found));
	atomic_store(&isal_found, found);
}

static isal_crc *
isal_get(void)
{
	static pthread_once_t tried = PTHREAD_ONCE_INIT;

	pthread_once(&tried, isal_load);
	return atomic_load_explicit(&isal_found, memory_order_acquire);
}

/* ISA-L if it is there, and there was enough to sum that it pays; or NULL. */
static isal_crc *
isal_choose(size_t bytes)
{
	static _Atomic(size_t) summed; /* without it */
	isal_crc *isal =
	    atomic_load_explicit(&isal_found, memory_order_acquire);

	if (isal == NULL &&
	    atomic_fetch_add_explicit(&summed, bytes, memory_order_relaxed) +
	            bytes >=
	        ISAL_WORTH_BYTES)
		isal = isal_get();
	return isal;
}

static uint32_t
crc_of_all(uint32_t state, const uint8_t *at, size_t bytes)
{
	isal_crc *isal = isal_choose(bytes);
	uint8_t *unconst;

	if (isal == NULL)
		return crc_of_few(state, at, bytes);
	/* It only reads, but its header says otherwise. */
	memcpy(&unconst, &at, sizeof(unconst));
	while (bytes > 0) {
		size_t some = bytes < ISAL_BYTES_MAX ? bytes : ISAL_BYTES_MAX;

		state = isal(unconst, (int)some, state);
		unconst += some;
		bytes -= some;
	}
	return state;
}

bool
sl_crc32c_has_isal(void)
{
	return isal_get() != NULL;
}

#else

static uint32_t
crc_of_all(uint32_t state, const uint8_t *at, size_t bytes)
{
	return crc_of_few(state, at, bytes);
}

bool
sl_crc32c_has_isal(void)
{
	return false;
}

#endif

uint32_t
sl_crc32c(uint32_t crc, const void *data, size_t bytes)
{
	return ~crc_of_all(~crc, data, bytes);
}

uint32_t
sl_crc32c_by_tables(uint32_t crc, const void *data, size_t bytes)
{
	return ~crc_by_tables(~crc, data, bytes);
}

uint32_t
sl_murmur2(const void *data, size_t bytes)
{
	const uint32_t m = 0x5bd1e995;
	const uint8_t *at = data;
	uint32_t hash = 0x9747b28c ^ (uint32_t)bytes;

	for (; bytes >= 4; bytes -= 4, at += 4) {
		uint32_t word;

		memcpy(&word, at, sizeof(word));
		word = le32toh(word) * m;
		word ^= word >> 24;
		hash = (hash * m) ^ (word * m);
	}
	if (bytes >= 3)
		hash ^= (uint32_t)at[2] << 16;
	if (bytes >= 2)
		hash ^= (uint32_t)at[1] << 8;
	if (bytes >= 1)
		hash = (hash ^ at[0]) * m;
	hash ^= hash >> 13;
	hash *= m;
	return hash ^ (hash >> 15);
}
