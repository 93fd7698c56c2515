/*
 * scan_bits.h: the JSON scanner by bits: the grammar, without a loop over
 * tokens. Floor: base. Included, by scan_bits_lines.h, once in each .c that
 * brings a machine's instructions: SCAN_TARGET, and the functions declared
 * below. It is a header so that another machine's .c costs those alone.
 *
 * The text is taken in blocks of 64 bytes; a uint64_t has a bit for each byte,
 * the first one lowest. A token is marked at its first byte: brackets, commas,
 * colons, newlines, the opening quote of a string, the first byte of a scalar
 * (a number or a word). What follows a token is found for all at once by one
 * addition, see follow(). The lines of a block are good if and only if
 *  (1) each backslash is in a string and begins a good escape, no string holds
 *      a control character, and the text is UTF-8;
 *  (2) brackets match, commas are inside of them, newlines outside;
 *  (3) behind '{' and each comma of an object comes a string, which is a key;
 *      or, behind '{', '}';
 *  (4) behind each key, and only there, comes a colon;
 *  (5) behind each colon, '[', comma of an array and newline, and only there,
 *      comes a value (but for keys); or, behind '[', ']'; or, behind a newline
 *      at once, another;
 *  (6) each scalar is a good number or word.
 * What may come behind a value needs no check: every token that (3) to (5)
 * leave over stands behind one, and is a comma, newline or closing bracket.
 *
 * What is wrong shows in the block where it stands or, where that block has no
 * end of its line, in the next. Then all lines of the block that are not done
 * are checked by scan_explain.c, and the bits begin anew behind them: so being
 * too strict here costs time only, and bad lines cost two checks at most.
 */
#ifndef SL_SCAN_BITS_H
#define SL_SCAN_BITS_H

#include "scan.h"

#include <string.h>

#define SCAN_BLOCK 64
#define SCAN_COPY (4 + SCAN_BLOCK + 1) /* what loads may reach, around one */
#define SCAN_INLINE SCAN_TARGET static inline __attribute__((always_inline))

/* Bytes of one block, by what they are; string contents not yet told apart. */
struct scan_bytes {
	uint64_t quote;
	uint64_t rare; /* controls (so newlines), backslashes, beyond ASCII */
	uint64_t newline;
	uint64_t comma;
	uint64_t colon;
	uint64_t open;   /* { and [ */
	uint64_t close;  /* } and ] */
	uint64_t square; /* 0 for { and }, 1 for [ and ], else anything */
	uint64_t space;
	uint64_t minus;
	uint64_t digit;
	uint64_t zero;
	uint64_t point;
};

/* What `rare` is made of. */
struct scan_rare {
	uint64_t backslash;
	uint64_t control;
	uint64_t blank; /* tab, carriage return */
	uint64_t high;  /* beyond ASCII */
};

/* What the machine's .c has: of the 64 bytes at `at`. */
SCAN_INLINE void scan_load_edges(const char *at, struct scan_bytes *bytes);
SCAN_INLINE void scan_load_rest(const char *at, struct scan_bytes *bytes);
SCAN_INLINE void scan_load_rare(const char *at, struct scan_rare *rare);
SCAN_INLINE uint64_t scan_load_equal(const char *at, char byte);
/* Is a sequence bad that ends in these bytes? Reads three bytes before. */
SCAN_INLINE bool scan_utf8_bad(const char *at);
/* Each bit of the result is the xor of all bits up to it. */
SCAN_INLINE uint64_t scan_prefix_xor(uint64_t bits);

/* What a block hands on to the next. */
struct scan_state {
	uint64_t in_string; /* all ones: its first byte is in a string */
	uint64_t in_scalar; /* 1: its first byte may continue a scalar */
	uint64_t escaped;   /* 1: its first byte is escaped */
	uint64_t high_tail; /* not 0: it may begin inside a UTF-8 sequence */
	uint64_t after_first, after_key, after_lead; /* carries of follow() */
	/* 1: its first byte stands behind such a part of a number. */
	uint64_t after_minus, after_zero, after_whole, after_point,
	    after_fraction;
	/* Brackets: by two masks while brackets_flat() can, else by a stack. */
	bool nested;
	uint64_t in_object, in_array; /* all ones: it is inside of one */
	uint64_t stack; /* a bit a level, the innermost lowest: an array? */
	unsigned depth;
	size_t start;  /* of the line at work, in the text */
	size_t key;    /* where its key's name stands; 0: not seen */
	bool key_walk; /* a name is spelled with escapes: walk the line */
};

/* The text at work, and the block. */
struct scan_job {
	const struct sl_scan *scan;
	const char *text;
	size_t bytes;
	size_t at;         /* of the block, in the text */
	const char *block; /* its bytes; a copy at the end of the text */
	struct sl_scan_line *lines;
	size_t lines_max;
	size_t count;
};

/* Tokens and their surroundings. */
struct scan_tokens {
	uint64_t string; /* inside of strings, with the opening quotes */
	uint64_t begin;  /* opening quotes */
	uint64_t marks;  /* brackets, commas, colons, newlines */
	uint64_t run;    /* bytes of scalars */
	uint64_t scalar; /* their first bytes */
	uint64_t key;    /* opening quotes of keys */
	uint64_t array;  /* bytes whose innermost bracket is [ */
	uint64_t outer;  /* bytes inside of one bracket */
};

/* Bits from the lowest one of `bit` up. */
SCAN_INLINE uint64_t
from_bit(uint64_t bit)
{
	return -bit;
}

/* All ones if the bit is 1. */
SCAN_INLINE uint64_t
spread(uint64_t bit)
{
	return -(bit & 1);
}

/*
 * The tokens that come next behind those of `set`; `gap` has all bytes that are
 * no tokens. Shifted up by one, a bit of the set meets the token behind it, or
 * the gap before that; there the addition carries it to the gap's end.
 */
SCAN_INLINE uint64_t
follow(uint64_t set, uint64_t gap, uint64_t *carry)
{
	unsigned long long sum;
	bool over = __builtin_add_overflow(set << 1 | *carry, gap, &sum);

	*carry = set >> 63 | over;
	return sum & ~gap;
}

/* The highest bit alone. */
SCAN_INLINE uint64_t
last_bit(uint64_t bits)
{
	return bits != 0 ? UINT64_C(1) << (63 - __builtin_clzll(bits)) : 0;
}

/* The escapes of a block: true if one is bad. Escaped quotes are no quotes. */
SCAN_INLINE bool
escapes_bad(const struct scan_job *job, struct scan_state *state,
    struct scan_bytes *bytes, uint64_t backslash)
{
	static const bool simple[256] = {
		['"'] = true,
		['\\'] = true,
		['/'] = true,
		['b'] = true,
		['f'] = true,
		['n'] = true,
		['r'] = true,
		['t'] = true,
	};
	const char *here;
	uint64_t bit, bad = 0;

	bytes->quote &= ~state->escaped;
	backslash &= ~state->escaped;
	state->escaped = 0;
	while (backslash != 0) {
		bit = backslash & from_bit(backslash);
		here = job->text + job->at + __builtin_ctzll(bit);
		if (!simple[(unsigned char)here[1]])
			bad |=
			    !sl_scan_escape_good(here, job->text + job->bytes);
		bytes->quote &= ~(bit << 1);
		backslash &= ~(bit | bit << 1);
		state->escaped = bit >> 63;
	}
	return bad != 0;
}

/*
 * Rule (1), but for controls in strings, which are handed out: where a block
 * has anything but printable ASCII, or the one before it left something over.
 */
SCAN_INLINE bool
rare_bad(const struct scan_job *job, struct scan_state *state,
    struct scan_bytes *bytes, struct scan_rare *rare)
{
	scan_load_rare(job->block, rare);
	bytes->space |= rare->blank;
	if ((rare->high | state->high_tail) != 0 &&
	    (job->at < 3 || scan_utf8_bad(job->block)))
		return true;
	state->high_tail = rare->high >> 61;
	return (rare->backslash | state->escaped) != 0 &&
	       escapes_bad(job, state, bytes, rare->backslash);
}

/* Tell strings, scalars and the rest apart. */
SCAN_INLINE void
tokens_split(struct scan_state *state, struct scan_bytes *bytes,
    struct scan_tokens *tokens)
{
	uint64_t string = scan_prefix_xor(bytes->quote) ^ state->in_string;
	uint64_t outside = ~(string | bytes->quote);

	state->in_string = spread(string >> 63);
	tokens->string = string;
	tokens->begin = bytes->quote & string;
	bytes->comma &= outside;
	bytes->colon &= outside;
	bytes->open &= outside;
	bytes->close &= outside;
	tokens->marks = bytes->comma | bytes->colon | bytes->open |
	                bytes->close | bytes->newline;
	tokens->run = outside & ~(tokens->marks | bytes->space);
	tokens->scalar = tokens->run & ~(tokens->run << 1 | state->in_scalar);
	state->in_scalar = tokens->run >> 63;
}

/*
 * Rule (2) where objects hold no objects and arrays hold scalars only, by
 * prefix-xor: most blocks of most events. False: it is not so, or not good.
 */
SCAN_INLINE bool
brackets_flat(struct scan_state *state, const struct scan_bytes *bytes,
    struct scan_tokens *tokens)
{
	uint64_t brackets = bytes->open | bytes->close;
	uint64_t curlies = brackets & ~bytes->square;
	uint64_t squares = brackets & bytes->square;
	uint64_t object, array, odd;

	object = scan_prefix_xor(curlies) ^ state->in_object;
	array = scan_prefix_xor(squares) ^ state->in_array;
	odd = ((object ^ bytes->open) & curlies) |
	      ((array ^ bytes->open) & squares) | (curlies & array) |
	      ((squares | bytes->comma) & ~object) | (bytes->newline & object);
	if (odd != 0)
		return false;
	tokens->array = array;
	tokens->outer = object;
	state->in_object = spread(object >> 63);
	state->in_array = spread(array >> 63);
	return true;
}

/*
 * Rule (2) in general, bracket by bracket. False: it is broken, or the stack is
 * too small to tell.
 */
SCAN_INLINE bool
brackets_nested(struct scan_state *state, const struct scan_bytes *bytes,
    struct scan_tokens *tokens)
{
	uint64_t array, top, outer, left, bit, square;

	if (!state->nested) {
		state->stack = state->in_array & 1;
		state->depth = (state->in_object & 1) + (state->in_array & 1);
	}
	array = spread(state->stack);
	top = spread(state->depth == 0);
	outer = spread(state->depth == 1);
	for (left = bytes->open | bytes->close; left != 0; left &= left - 1) {
		bit = left & from_bit(left);
		square = (bytes->square & bit) != 0;
		if ((bytes->open & bit) != 0) {
			if (state->depth == 64)
				return false;
			state->stack = state->stack << 1 | square;
			state->depth++;
		} else {
			if (state->depth == 0 || (state->stack & 1) != square)
				return false;
			state->stack >>= 1;
			state->depth--;
		}
		array ^= (array ^ spread(state->stack)) & from_bit(bit);
		top ^= (top ^ spread(state->depth == 0)) & from_bit(bit);
		outer ^= (outer ^ spread(state->depth == 1)) & from_bit(bit);
	}
	tokens->array = array;
	tokens->outer = outer;
	state->nested = state->depth > 2 || state->stack != state->depth >> 1;
	state->in_object = spread(state->depth != 0);
	state->in_array = spread(state->stack);
	return ((bytes->comma & top) | (bytes->newline & ~top)) == 0;
}

/*
 * Tokens that stand where a string or a value was expected: are they not the
 * end of an empty object or array, or an empty line? The token before them is
 * found in the text.
 */
SCAN_TARGET static bool __attribute__((noinline))
empties_bad(const char *text, size_t at, uint64_t odd)
{
	const char *here, *before;

	for (; odd != 0; odd &= odd - 1) {
		here = text + at + __builtin_ctzll(odd);
		if (*here == '\n') {
			if (here == text || here[-1] == '\n')
				continue;
			return true;
		}
		before = here;
		do {
			if (before == text)
				return true;
			before--;
		} while (*before == ' ' || *before == '\t' || *before == '\r');
		if (!(*here == '}' && *before == '{') &&
		    !(*here == ']' && *before == '['))
			return true;
	}
	return false;
}

/* Rules (3) to (5). Fills in the keys. */
SCAN_INLINE bool
order_bad(const struct scan_job *job, struct scan_state *state,
    const struct scan_bytes *bytes, struct scan_tokens *tokens)
{
	uint64_t values = tokens->begin | tokens->scalar | bytes->open;
	uint64_t gap = ~(values | tokens->marks);
	uint64_t square_open = bytes->open & bytes->square;
	uint64_t array_comma = bytes->comma & tokens->array;
	uint64_t first, behind_key, lead, odd;

	first =
	    follow((bytes->open ^ square_open) | (bytes->comma ^ array_comma),
	        gap, &state->after_first);
	tokens->key = first & tokens->begin;
	behind_key = follow(tokens->key, gap, &state->after_key);
	lead = follow(bytes->colon | array_comma | square_open | bytes->newline,
	    gap, &state->after_lead);
	odd = (first ^ tokens->key) | (lead ^ (values ^ tokens->key));
	odd &= ~(bytes->close & bytes->open << 1);
	if (behind_key != bytes->colon)
		return true;
	return __builtin_expect(odd != 0, 0) &&
	       empties_bad(job->text, job->at, odd);
}

/* Is the scalar at `here` true, false or null? */
SCAN_INLINE bool
word_good(const char *here)
{
	static const bool stop[256] = {
		[' '] = true,
		['\t'] = true,
		['\r'] = true,
		['\n'] = true,
		[','] = true,
		[':'] = true,
		['['] = true,
		[']'] = true,
		['{'] = true,
		['}'] = true,
		['"'] = true,
	};
	bool four =
	    (memcmp(here, "true", 4) == 0) | (memcmp(here, "null", 4) == 0);
	bool five = (memcmp(here, "fals", 4) == 0) & (here[4] == 'e');

	return (four & stop[(unsigned char)here[4]]) |
	       (five & stop[(unsigned char)here[5]]);
}

/*
 * Where the digits that begin at the bits of `begin` end; `after` is 1 if the
 * block's first byte stands behind such a digit, and is set for the next.
 */
SCAN_INLINE uint64_t
digits_end(uint64_t begin, uint64_t digit, uint64_t *after)
{
	unsigned long long sum;

	*after = __builtin_add_overflow(begin | *after, digit, &sum);
	return sum & ~digit;
}

/*
 * The digits of numbers, by additions that carry over them. Sets *words to the
 * scalars that are no numbers, *exponents to where one must begin.
 */
SCAN_INLINE bool
numbers_bad(struct scan_state *state, const struct scan_bytes *bytes,
    const struct scan_tokens *tokens, uint64_t *words, uint64_t *exponents)
{
	uint64_t digit = bytes->digit & tokens->run;
	uint64_t minus = bytes->minus & tokens->scalar;
	uint64_t behind_minus = minus << 1 | state->after_minus;
	uint64_t begin = (tokens->scalar ^ minus) | behind_minus;
	uint64_t zero = begin & bytes->zero;
	uint64_t behind_zero = zero << 1 | state->after_zero;
	uint64_t whole_end, point, fraction, fraction_end;

	whole_end =
	    tokens->run & digits_end(begin & digit, digit, &state->after_whole);
	point = whole_end & bytes->point;
	fraction = point << 1 | state->after_point;
	fraction_end = tokens->run & digits_end(fraction & digit, digit,
	                                 &state->after_fraction);
	state->after_minus = minus >> 63;
	state->after_zero = zero >> 63;
	state->after_point = point >> 63;
	*words = begin & ~digit;
	*exponents = (whole_end ^ point) | fraction_end;
	return (((behind_minus | fraction) & ~digit) | (behind_zero & digit)) !=
	       0;
}

/* Rule (6). Words and exponents are checked one by one, where they begin. */
SCAN_INLINE bool
scalars_bad(const struct scan_job *job, struct scan_state *state,
    const struct scan_bytes *bytes, const struct scan_tokens *tokens)
{
	const char *block = job->text + job->at;
	uint64_t words, exponents;
	bool good = !numbers_bad(state, bytes, tokens, &words, &exponents);

	if (words != 0) {
		/* The outer two, often one and the same, without a branch. */
		good &= word_good(block + __builtin_ctzll(words));
		good &= word_good(block + 63 - __builtin_clzll(words));
		words &= words - 1;
		words ^= last_bit(words);
		for (; __builtin_expect(words != 0, 0); words &= words - 1)
			good &= word_good(block + __builtin_ctzll(words));
	}
	for (; __builtin_expect(exponents != 0, 0); exponents &= exponents - 1)
		good &=
		    sl_scan_exponent_good(block + __builtin_ctzll(exponents),
		        job->text + job->bytes);
	return !good;
}

#endif
