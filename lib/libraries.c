/* libraries.c: what is built in and what is found; see streamlog.h. */
#include "codec.h"
#include "hash.h"
#include "streamlog.h"

#include <pthread.h>
#include <stdio.h>

/* The build knows the versions: "libyaml 0.2.5, cJSON 1.7.15". */
#ifndef SL_LIBRARIES
#define SL_LIBRARIES "libyaml, cJSON"
#endif

static char text[256];

static void
text_fill(void)
{
	const char *zstd = sl_codec_version(SL_COMPRESSION_ZSTD);
	const char *lz4 = sl_codec_version(SL_COMPRESSION_LZ4);

	snprintf(text, sizeof(text), "%s, %s%s, %s%s, %s", SL_LIBRARIES,
	    zstd != NULL ? "zstd " : "no zstd", zstd != NULL ? zstd : "",
	    lz4 != NULL ? "lz4 " : "no lz4", lz4 != NULL ? lz4 : "",
	    sl_crc32c_has_isal() ? "ISA-L" : "no ISA-L");
}

const char *
sl_libraries(void)
{
	static pthread_once_t filled = PTHREAD_ONCE_INIT;

	pthread_once(&filled, text_fill);
	return text;
}
