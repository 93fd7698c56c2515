/*
 * codec.h: compressed records: zstd and lz4 frames. Floor: record. Pure.
 *
 * The libraries are found at build time by pkg-config (HAVE_ZSTD, HAVE_LZ4) and
 * loaded at the first batch that needs one, so that small commands don't pay.
 */
#ifndef SL_CODEC_H
#define SL_CODEC_H

#include "streamlog.h"

/* The most that `bytes` can become; 0: no library for this codec. */
size_t sl_codec_bound(enum sl_compression codec, size_t bytes);

/* Compress into `to` (room bytes). SL_OK and *written, or a failure. */
SL_MUST_USE int sl_codec_compress(enum sl_compression codec, const void *from,
    size_t bytes, void *to, size_t room, size_t *written, struct sl_error *err);

/*
 * Decompress all of `from` into *to (owned by the caller, free(3); grown from
 * *room as needed, never beyond `bytes_max`). SL_ECORRUPT where it is damaged,
 * larger than bytes_max, or of an unknown codec (which is named).
 */
SL_MUST_USE int sl_codec_decompress(unsigned codec, const void *from,
    size_t bytes, uint8_t **to, size_t *room, size_t bytes_max, size_t *written,
    struct sl_error *err);

#endif
