/* siphash.c: SipHash-2-4 with 128 bits out; see hash.h. */
#include "hash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
turn(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void
mix(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = turn(s->v1, 13) ^ s->v0;
	s->v3 = turn(s->v3, 16) ^ s->v2;
	s->v0 = turn(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = turn(s->v1, 17) ^ s->v2;
	s->v3 = turn(s->v3, 21) ^ s->v0;
	s->v2 = turn(s->v2, 32);
}

static inline void
absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s);
	mix(s);
	s->v0 ^= word;
}

static inline uint64_t
squeeze(struct state *s)
{
	for (int i = 0; i < 4; i++)
		mix(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static inline uint64_t
word_at(const uint8_t *from, size_t bytes)
{
	uint64_t word = 0;

	memcpy(&word, from, bytes);
	return le64toh(word);
}

void
sl_siphash128(const uint8_t key[16], const void *data, size_t bytes,
    uint64_t hash[2])
{
	const uint64_t k0 = word_at(key, 8), k1 = word_at(key + 8, 8);
	const uint8_t *from = data;
	struct state s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)bytes << 56;

	s.v1 ^= 0xee;
	for (; bytes >= 8; bytes -= 8, from += 8)
		absorb(&s, word_at(from, 8));
	if (bytes > 0)
		last |= word_at(from, bytes);
	absorb(&s, last);
	s.v2 ^= 0xee;
	hash[0] = squeeze(&s);
	s.v1 ^= 0xdd;
	hash[1] = squeeze(&s);
}
