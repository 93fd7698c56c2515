/*
 * hash.h: the two sums of Kafka's log. Floor: base. Pure.
 */
#ifndef SL_HASH_H
#define SL_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli) of `bytes` at `data`, as Kafka's batches carry it:
 * "123456789" gives 0xe3069283. `crc` is 0, or what an earlier call returned
 * for the bytes before. ISA-L does it in hardware where it is found at run
 * time; it is loaded once there was enough to sum that this pays, and before
 * that tables do.
 */
uint32_t sl_crc32c(uint32_t crc, const void *data, size_t bytes);

/* Is ISA-L there? Loads it. */
bool sl_crc32c_in_hardware(void);

/* Kafka's murmur2 (org.apache.kafka.common.utils.Utils.murmur2). */
uint32_t sl_murmur2(const void *data, size_t bytes);

#endif
