/*
 * codec.c: zstd and lz4 frames, by their libraries; see codec.h.
 *
 * What is loaded stays for the life of the process. zstd runs at its default
 * level, 3, as Kafka's does. LZ4 frames have what Kafka's have: independent
 * blocks of 64 KiB, no checksum of the content.
 */
#include "codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif
#ifdef HAVE_LZ4
#include <lz4.h>
#include <lz4frame.h>
#endif

/* Of a library that is there and can't be loaded; of others the code is SL_OK.
 */
struct refusal {
	int code;
	char why[160];
};

static struct refusal refusals[SL_COMPRESSION_ZSTD + 1];

#if defined(HAVE_ZSTD) || defined(HAVE_LZ4)
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

static void *
library_open(const char *file, struct refusal *refusal)
{
	void *library;
	const char *why;

	errno = 0;
	library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (library != NULL)
		return library;
	if (errno == ENOMEM) { /* glibc's words for that may be freed memory */
		refusal->code = SL_ENOMEM;
		snprintf(refusal->why, sizeof(refusal->why),
		    "no memory to load %s", file);
		return NULL;
	}
	why = dlerror();
	if (why != NULL && strstr(why, strerrordesc_np(ENOENT)) == NULL) {
		refusal->code = SL_EIO;
		snprintf(refusal->why, sizeof(refusal->why), "%s", why);
	}
	return NULL;
}

/* Put the function `name` of a library in `to`, a pointer to it. */
static bool
symbol_get(void *library, const char *name, void *to)
{
	void *symbol = dlsym(library, name);

	/* C has no cast from an object's pointer to a function's. */
	static_assert(sizeof(symbol) == sizeof(void (*)(void)), "POSIX");
	memcpy(to, &symbol, sizeof(symbol));
	return symbol != NULL;
}
#endif

/* ---- What a library does for a batch ---- */

/* A piece of a decompression: where it reads, and where it writes. */
struct piece {
	const uint8_t *from;
	size_t from_bytes;
	size_t from_used;
	uint8_t *to;
	size_t to_bytes;
	size_t to_used;
};

enum step {
	STEP_MORE,    /* in the midst of a frame */
	STEP_ENDED,   /* a frame ended here */
	STEP_DAMAGED, /* it can be no frame */
	STEP_NO_MEMORY,
};

/* One library; its functions are NULL where it isn't there. */
struct door {
	const char *(*version)(void);
	size_t (*bound)(size_t bytes);
	/* Returns the bytes written; 0: no memory. */
	size_t (*compress)(struct sl_codec *codec, const void *from,
	    size_t bytes, void *to, size_t room);
	/* Ready for the start of a frame. False: no memory. */
	bool (*begin)(struct sl_codec *codec);
	enum step (*step)(struct sl_codec *codec, struct piece *piece);
	void (*release)(struct sl_codec *codec);
};

#ifdef HAVE_ZSTD

#define ZSTD_LEVEL 3

static struct {
	__typeof__(ZSTD_versionString) *version;
	__typeof__(ZSTD_isError) *is_error;
	__typeof__(ZSTD_getErrorCode) *error_code;
	__typeof__(ZSTD_compressBound) *bound;
	__typeof__(ZSTD_createCCtx) *create_compress;
	__typeof__(ZSTD_freeCCtx) *free_compress;
	__typeof__(ZSTD_compressCCtx) *compress;
	__typeof__(ZSTD_createDCtx) *create_decompress;
	__typeof__(ZSTD_freeDCtx) *free_decompress;
	__typeof__(ZSTD_DCtx_reset) *reset;
	__typeof__(ZSTD_decompressStream) *decompress;
} zstd;

static bool zstd_found;

static void
zstd_load(void)
{
	void *library =
	    library_open("libzstd.so.1", &refusals[SL_COMPRESSION_ZSTD]);

	zstd_found =
	    library != NULL &&
	    symbol_get(library, "ZSTD_versionString", &zstd.version) &&
	    symbol_get(library, "ZSTD_isError", &zstd.is_error) &&
	    symbol_get(library, "ZSTD_getErrorCode", &zstd.error_code) &&
	    symbol_get(library, "ZSTD_compressBound", &zstd.bound) &&
	    symbol_get(library, "ZSTD_createCCtx", &zstd.create_compress) &&
	    symbol_get(library, "ZSTD_freeCCtx", &zstd.free_compress) &&
	    symbol_get(library, "ZSTD_compressCCtx", &zstd.compress) &&
	    symbol_get(library, "ZSTD_createDCtx", &zstd.create_decompress) &&
	    symbol_get(library, "ZSTD_freeDCtx", &zstd.free_decompress) &&
	    symbol_get(library, "ZSTD_DCtx_reset", &zstd.reset) &&
	    symbol_get(library, "ZSTD_decompressStream", &zstd.decompress);
}

static const char *
zstd_version(void)
{
	return zstd.version();
}

static size_t
zstd_bound(size_t bytes)
{
	return zstd.bound(bytes);
}

static size_t
zstd_compress(struct sl_codec *codec, const void *from, size_t bytes, void *to,
    size_t room)
{
	size_t written;

	if (codec->zstd_compress == NULL)
		codec->zstd_compress = zstd.create_compress();
	if (codec->zstd_compress == NULL)
		return 0;
	written = zstd.compress(codec->zstd_compress, to, room, from, bytes,
	    ZSTD_LEVEL);
	return zstd.is_error(written) ? 0 : written;
}

static bool
zstd_begin(struct sl_codec *codec)
{
	if (codec->zstd_decompress == NULL)
		codec->zstd_decompress = zstd.create_decompress();
	else
		zstd.reset(codec->zstd_decompress, ZSTD_reset_session_only);
	return codec->zstd_decompress != NULL;
}

/* Its window is at most 128 MiB (2^27), which is the library's own limit. */
static enum step
zstd_step(struct sl_codec *codec, struct piece *piece)
{
	ZSTD_inBuffer in = { piece->from, piece->from_bytes, piece->from_used };
	ZSTD_outBuffer out = { piece->to, piece->to_bytes, piece->to_used };
	size_t hint = zstd.decompress(codec->zstd_decompress, &out, &in);

	piece->from_used = in.pos;
	piece->to_used = out.pos;
	if (zstd.is_error(hint))
		return zstd.error_code(hint) == ZSTD_error_memory_allocation
		           ? STEP_NO_MEMORY
		           : STEP_DAMAGED;
	return hint == 0 ? STEP_ENDED : STEP_MORE;
}

static void
zstd_release(struct sl_codec *codec)
{
	if (codec->zstd_compress != NULL)
		zstd.free_compress(codec->zstd_compress);
	if (codec->zstd_decompress != NULL)
		zstd.free_decompress(codec->zstd_decompress);
}

static const struct door zstd_door = {
	.version = zstd_version,
	.bound = zstd_bound,
	.compress = zstd_compress,
	.begin = zstd_begin,
	.step = zstd_step,
	.release = zstd_release,
};

static const struct door *
zstd_get(void)
{
	static pthread_once_t tried = PTHREAD_ONCE_INIT;

	pthread_once(&tried, zstd_load);
	return zstd_found ? &zstd_door : NULL;
}

#else

static const struct door *
zstd_get(void)
{
	return NULL;
}

#endif

#ifdef HAVE_LZ4

static struct {
	__typeof__(LZ4_versionString) *version;
	__typeof__(LZ4F_isError) *is_error;
	__typeof__(LZ4F_getErrorName) *error_name;
	__typeof__(LZ4F_compressFrameBound) *bound;
	__typeof__(LZ4F_compressFrame) *compress;
	__typeof__(LZ4F_createDecompressionContext) *create;
	__typeof__(LZ4F_freeDecompressionContext) *release;
	__typeof__(LZ4F_resetDecompressionContext) *reset;
	__typeof__(LZ4F_decompress) *decompress;
} lz4;

static bool lz4_found;

static const LZ4F_preferences_t lz4_preferences = {
	.frameInfo = {
		.blockSizeID = LZ4F_max64KB,
		.blockMode = LZ4F_blockIndependent,
	},
};

static void
lz4_load(void)
{
	void *library =
	    library_open("liblz4.so.1", &refusals[SL_COMPRESSION_LZ4]);

	lz4_found =
	    library != NULL &&
	    symbol_get(library, "LZ4_versionString", &lz4.version) &&
	    symbol_get(library, "LZ4F_isError", &lz4.is_error) &&
	    symbol_get(library, "LZ4F_getErrorName", &lz4.error_name) &&
	    symbol_get(library, "LZ4F_compressFrameBound", &lz4.bound) &&
	    symbol_get(library, "LZ4F_compressFrame", &lz4.compress) &&
	    symbol_get(library, "LZ4F_createDecompressionContext",
	        &lz4.create) &&
	    symbol_get(library, "LZ4F_freeDecompressionContext",
	        &lz4.release) &&
	    symbol_get(library, "LZ4F_resetDecompressionContext", &lz4.reset) &&
	    symbol_get(library, "LZ4F_decompress", &lz4.decompress);
}

static const char *
lz4_version(void)
{
	return lz4.version();
}

static size_t
lz4_bound(size_t bytes)
{
	return lz4.bound(bytes, &lz4_preferences);
}

static size_t
lz4_compress(struct sl_codec *codec, const void *from, size_t bytes, void *to,
    size_t room)
{
	size_t written;

	(void)codec; /* it keeps nothing for compressing */
	written = lz4.compress(to, room, from, bytes, &lz4_preferences);
	return lz4.is_error(written) ? 0 : written;
}

static bool
lz4_begin(struct sl_codec *codec)
{
	LZ4F_dctx *made = NULL;

	if (codec->lz4_decompress != NULL) {
		lz4.reset(codec->lz4_decompress);
		return true;
	}
	if (lz4.is_error(lz4.create(&made, LZ4F_VERSION)))
		return false;
	codec->lz4_decompress = made;
	return true;
}

static enum step
lz4_step(struct sl_codec *codec, struct piece *piece)
{
	size_t from_bytes = piece->from_bytes - piece->from_used;
	size_t to_bytes = piece->to_bytes - piece->to_used;
	size_t hint =
	    lz4.decompress(codec->lz4_decompress, piece->to + piece->to_used,
	        &to_bytes, piece->from + piece->from_used, &from_bytes, NULL);

	if (lz4.is_error(hint))
		return strcmp(lz4.error_name(hint),
		           "ERROR_allocation_failed") == 0
		           ? STEP_NO_MEMORY
		           : STEP_DAMAGED;
	piece->from_used += from_bytes;
	piece->to_used += to_bytes;
	return hint == 0 ? STEP_ENDED : STEP_MORE;
}

static void
lz4_release(struct sl_codec *codec)
{
	if (codec->lz4_decompress != NULL)
		lz4.release(codec->lz4_decompress);
}

static const struct door lz4_door = {
	.version = lz4_version,
	.bound = lz4_bound,
	.compress = lz4_compress,
	.begin = lz4_begin,
	.step = lz4_step,
	.release = lz4_release,
};

static const struct door *
lz4_get(void)
{
	static pthread_once_t tried = PTHREAD_ONCE_INIT;

	pthread_once(&tried, lz4_load);
	return lz4_found ? &lz4_door : NULL;
}

#else

static const struct door *
lz4_get(void)
{
	return NULL;
}

#endif

/* ---- Any kind ---- */

/* NULL: no library for it. */
static const struct door *
door_get(unsigned kind)
{
	switch (kind) {
	case SL_COMPRESSION_LZ4:
		return lz4_get();
	case SL_COMPRESSION_ZSTD:
		return zstd_get();
	default:
		return NULL;
	}
}

static int
door_missing(unsigned kind, const char *name, struct sl_error *err)
{
	if (refusals[kind].code != SL_OK)
		return sl_error_set(err, refusals[kind].code,
		    "compression '%s': %s", name, refusals[kind].why);
	return sl_error_set(err, SL_EUSAGE,
	    "compression '%s': lib%s is not installed, or was not when "
	    "streamlog was built",
	    name, name);
}

void
sl_codec_release(struct sl_codec *codec)
{
	/* What is NULL was never made, and its library may not be loaded. */
	if (codec->zstd_compress != NULL || codec->zstd_decompress != NULL)
		door_get(SL_COMPRESSION_ZSTD)->release(codec);
	if (codec->lz4_decompress != NULL)
		door_get(SL_COMPRESSION_LZ4)->release(codec);
	*codec = SL_CODEC_RELEASED;
}

size_t
sl_codec_bound(enum sl_compression kind, size_t bytes)
{
	const struct door *door = door_get(kind);

	return door != NULL ? door->bound(bytes) : 0;
}

const char *
sl_codec_version(enum sl_compression kind)
{
	const struct door *door = door_get(kind);

	return door != NULL ? door->version() : NULL;
}

int
sl_codec_compress(struct sl_codec *codec, enum sl_compression kind,
    const void *from, size_t bytes, void *to, size_t room, size_t *written,
    struct sl_error *err)
{
	const struct door *door = door_get(kind);

	*written = 0;
	if (door == NULL)
		return door_missing(kind, sl_compression_name(kind), err);
	assert(room >= door->bound(bytes));
	*written = door->compress(codec, from, bytes, to, room);
	if (*written == 0)
		return sl_error_set(err, SL_ENOMEM, "no memory to compress");
	return SL_OK;
}

/* Double the room, up to bytes_max. */
static int
room_grow(struct sl_codec_room *room, size_t bytes_max, struct sl_error *err)
{
	size_t size = room->size < (32u << 10) ? 64u << 10 : room->size * 2;
	uint8_t *bytes;

	if (room->size >= bytes_max)
		return sl_error_set(err, SL_ECORRUPT,
		    "the compressed records become larger than %zu bytes",
		    bytes_max);
	if (size > bytes_max)
		size = bytes_max;
	bytes = realloc(room->bytes, size);
	if (bytes == NULL)
		return sl_error_set(err, SL_ENOMEM,
		    "no memory for %zu decompressed bytes", size);
	room->bytes = bytes;
	room->size = size;
	return SL_OK;
}

static int
no_memory(struct sl_error *err)
{
	return sl_error_set(err, SL_ENOMEM, "no memory to decompress");
}

/* Step until the input is used up and its last frame has ended. */
static int
frames_read(const struct door *door, struct sl_codec *codec,
    struct piece *piece, struct sl_codec_room *to, size_t bytes_max,
    struct sl_error *err)
{
	enum step step = STEP_MORE;

	while (step == STEP_MORE || piece->from_used < piece->from_bytes) {
		size_t from_before = piece->from_used;
		size_t to_before = piece->to_used;

		if (piece->to_used == piece->to_bytes) {
			int rc = room_grow(to, bytes_max, err);

			if (rc != SL_OK)
				return rc;
		}
		piece->to = to->bytes;
		piece->to_bytes = to->size < bytes_max ? to->size : bytes_max;
		step = door->step(codec, piece);
		if (step == STEP_NO_MEMORY)
			return no_memory(err);
		if (step == STEP_DAMAGED)
			return sl_error_set(err, SL_ECORRUPT,
			    "the compressed records are damaged");
		if (piece->from_used == from_before &&
		    piece->to_used == to_before)
			return sl_error_set(err, SL_ECORRUPT,
			    "the compressed records are cut short");
	}
	return SL_OK;
}

int
sl_codec_decompress(struct sl_codec *codec, unsigned kind, const void *from,
    size_t bytes, struct sl_codec_room *to, size_t bytes_max, size_t *written,
    struct sl_error *err)
{
	static const char *const names[8] = { "none", "gzip", "snappy", "lz4",
		"zstd", "codec 5", "codec 6", "codec 7" };
	const struct door *door = door_get(kind);
	struct piece piece = { .from = from, .from_bytes = bytes };
	int rc;

	*written = 0;
	if (kind != SL_COMPRESSION_LZ4 && kind != SL_COMPRESSION_ZSTD)
		return sl_error_set(err, SL_ECORRUPT,
		    "compressed with %s, which streamlog does not read",
		    names[kind & 7]);
	if (door == NULL)
		return door_missing(kind, names[kind], err);
	if (!door->begin(codec))
		return no_memory(err);
	piece.to_bytes = to->size < bytes_max ? to->size : bytes_max;
	rc = frames_read(door, codec, &piece, to, bytes_max, err);
	if (rc == SL_OK)
		*written = piece.to_used;
	return rc;
}

/* ---- Names ---- */

const char *
sl_compression_name(enum sl_compression compression)
{
	switch (compression) {
	case SL_COMPRESSION_LZ4:
		return "lz4";
	case SL_COMPRESSION_ZSTD:
		return "zstd";
	case SL_COMPRESSION_NONE:
	default:
		return "none";
	}
}

int
sl_parse_compression(const char *name, enum sl_compression *compression,
    struct sl_error *err)
{
	static const enum sl_compression all[] = { SL_COMPRESSION_NONE,
		SL_COMPRESSION_LZ4, SL_COMPRESSION_ZSTD };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(name, sl_compression_name(all[i])) != 0)
			continue;
		if (all[i] != SL_COMPRESSION_NONE && door_get(all[i]) == NULL)
			return door_missing(all[i], name, err);
		*compression = all[i];
		return SL_OK;
	}
	return sl_error_set(err, SL_EUSAGE,
	    "'%s': no such compression; there are none, lz4 and zstd", name);
}
