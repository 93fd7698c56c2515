/* keymap.c: an open table with linear probes; see keymap.h. */
#include "keymap.h"

#include "fs.h"
#include "hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Slots lie all over the table: with pages of 4 KiB each costs a walk of the
 * page tables, which takes longer than all else that is done to a key. */
#define PAGE_BYTES ((size_t)2 << 20)

/* Slots that are free; NULL: no memory. */
static struct sl_keymap_slot *
make_slots(size_t count)
{
	size_t bytes = count * sizeof(struct sl_keymap_slot);
	void *slots;

	if (bytes < PAGE_BYTES)
		return calloc(count, sizeof(struct sl_keymap_slot));
	if (posix_memalign(&slots, PAGE_BYTES, bytes) != 0)
		return NULL;
	(void)madvise(slots, bytes, MADV_HUGEPAGE); /* a wish */
	return memset(slots, 0, bytes);
}

int
sl_keymap_init(struct sl_keymap *map, size_t bytes, struct sl_error *err)
{
	*map = SL_KEYMAP_EMPTY;
	map->room = bytes / sizeof(*map->slots);
	if (map->room < 2)
		map->room = 2;
	if (map->room > UINT32_MAX)
		map->room = UINT32_MAX;
	map->count_max = map->room / 5 * 4 + map->room % 5 * 4 / 5;
	map->slots = make_slots(map->room);
	if (map->slots == NULL)
		return sl_error_set(err, SL_ENOMEM,
		    "no memory for %zu bytes of keys", bytes);
	sl_fs_random(map->secret, sizeof(map->secret));
	return SL_OK;
}

void
sl_keymap_release(struct sl_keymap *map)
{
	free(map->slots);
	*map = SL_KEYMAP_EMPTY;
}

void
sl_keymap_clear(struct sl_keymap *map)
{
	if (map->count == 0)
		return; /* nothing was touched yet */
	memset(map->slots, 0, map->room * sizeof(*map->slots));
	map->count = 0;
}

static size_t
place_of(const struct sl_keymap *map, const struct sl_keymap_hash *hash)
{
	return (size_t)((hash->word[0] >> 32) * map->room >> 32);
}

struct sl_keymap_hash
sl_keymap_hash(const struct sl_keymap *map, const void *key, size_t bytes)
{
	struct sl_keymap_hash hash;

	sl_siphash128(map->secret, key, bytes, hash.word);
	__builtin_prefetch(&map->slots[place_of(map, &hash)], 1);
	return hash;
}

/* The slot that has this hash, or the free one where it belongs. */
static struct sl_keymap_slot *
find(const struct sl_keymap *map, const struct sl_keymap_hash *hash)
{
	size_t at = place_of(map, hash);
	const struct sl_keymap_slot *slot = &map->slots[at];

	while (slot->after != 0 && (slot->word[0] != hash->word[0] ||
	                               slot->word[1] != hash->word[1])) {
		at = at + 1 == map->room ? 0 : at + 1;
		slot = &map->slots[at];
	}
	return &map->slots[at];
}

int
sl_keymap_put(struct sl_keymap *map, const struct sl_keymap_hash *hash,
    uint64_t offset)
{
	struct sl_keymap_slot *slot = find(map, hash);

	if (slot->after == 0) {
		if (map->count == map->count_max)
			return SL_END;
		map->count++;
		slot->word[0] = hash->word[0];
		slot->word[1] = hash->word[1];
	}
	slot->after = offset + 1;
	return SL_OK;
}

uint64_t
sl_keymap_get(const struct sl_keymap *map, const struct sl_keymap_hash *hash)
{
	return find(map, hash)->after - 1;
}
