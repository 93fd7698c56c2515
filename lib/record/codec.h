/*
 * codec.h: compressed records: zstd and lz4 frames. Floor: record. Pure.
 *
 * The libraries are found at build time by pkg-config (HAVE_ZSTD, HAVE_LZ4) and
 * loaded at the first batch that needs one, so that small commands don't pay.
 */
#ifndef SL_CODEC_H
#define SL_CODEC_H

#include "streamlog.h"

/* What a library wants to keep from batch to batch; made at first use. */
struct sl_codec {
	void *zstd_compress;
	void *zstd_decompress;
	void *lz4_decompress;
};

#define SL_CODEC_RELEASED ((struct sl_codec){ .zstd_compress = NULL })

void sl_codec_release(struct sl_codec *codec);

/* The most that `bytes` can become; 0: no library for this kind. */
size_t sl_codec_bound(enum sl_compression kind, size_t bytes);

/* Compress into `to` (room bytes). SL_OK and *written, or a failure. */
SL_MUST_USE int sl_codec_compress(struct sl_codec *codec,
    enum sl_compression kind, const void *from, size_t bytes, void *to,
    size_t room, size_t *written, struct sl_error *err);

/* Memory that grows; bytes NULL: none yet. free(3) it. */
struct sl_codec_room {
	uint8_t *bytes;
	size_t size;
};

/*
 * Decompress all of `from` into `to`, which grows as needed, but never beyond
 * `bytes_max`. `kind` is what the batch says. SL_ECORRUPT where the bytes are
 * damaged, would become larger than bytes_max, or are of a kind that isn't read
 * (which is named); SL_EUSAGE where the library for it is missing.
 */
SL_MUST_USE int sl_codec_decompress(struct sl_codec *codec, unsigned kind,
    const void *from, size_t bytes, struct sl_codec_room *to, size_t bytes_max,
    size_t *written, struct sl_error *err);

/* The version of the library for it as found now; NULL: there is none. */
const char *sl_codec_version(enum sl_compression kind);

#endif
