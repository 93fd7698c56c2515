/*
 * keymap.h: keys to their last offsets, in memory that doesn't grow. Floor:
 * log.
 *
 * A key is known by 128 bits of SipHash under a random key of this map's: among
 * a thousand million keys the odds that any two meet are 2 in 10^21, and nobody
 * can choose keys that do. A slot takes 24 bytes, and four of five are used.
 */
#ifndef SL_KEYMAP_H
#define SL_KEYMAP_H

#include "streamlog.h"

struct sl_keymap_slot {
	uint64_t word[2];
	uint64_t after; /* the offset behind the key's last; 0: free */
};

struct sl_keymap {
	struct sl_keymap_slot *slots; /* owned */
	size_t room;
	size_t count_max;
	size_t count;
	uint8_t secret[16];
};
#define SL_KEYMAP_EMPTY ((struct sl_keymap){ .slots = NULL })

/* Room in `bytes` of memory; never for less than one key. */
SL_MUST_USE int sl_keymap_init(struct sl_keymap *map, size_t bytes,
    struct sl_error *err);
void sl_keymap_release(struct sl_keymap *map);
void sl_keymap_clear(struct sl_keymap *map);

/*
 * What a key is known by; its slot is on its way from memory from now on, so
 * that who hashes some before the first is looked up waits once for all.
 */
struct sl_keymap_hash {
	uint64_t word[2];
};
struct sl_keymap_hash sl_keymap_hash(const struct sl_keymap *map,
    const void *key, size_t bytes);

/* The key's last offset is this. SL_END: it is new, and there is no room. */
SL_MUST_USE int sl_keymap_put(struct sl_keymap *map,
    const struct sl_keymap_hash *hash, uint64_t offset);

/* SL_OFFSET_NONE: not in the map. */
uint64_t sl_keymap_get(const struct sl_keymap *map,
    const struct sl_keymap_hash *hash);

#endif
