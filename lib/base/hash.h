/*
 * hash.h: the two sums of Kafka's log, and a keyed one. Floor: base. Pure.
 */
#ifndef SL_HASH_H
#define SL_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli) of `bytes` at `data`, as Kafka's batches carry it:
 * "123456789" gives 0xe3069283. `crc` is 0, or what an earlier call returned
 * for the bytes before. By the processor's instruction, or tables; by ISA-L,
 * where it is found at run time, once there was enough to sum that loading it
 * pays.
 */
uint32_t sl_crc32c(uint32_t crc, const void *data, size_t bytes);

/* The same by tables, which run everywhere: for tests. */
uint32_t sl_crc32c_by_tables(uint32_t crc, const void *data, size_t bytes);

/* Is ISA-L there? Loads it. */
bool sl_crc32c_has_isal(void);

/* Kafka's murmur2 (org.apache.kafka.common.utils.Utils.murmur2). */
uint32_t sl_murmur2(const void *data, size_t bytes);

/*
 * SipHash-2-4 with 128 bits out (Aumasson and Bernstein, the reference's
 * SipHash-2-4-128), under a key of 16 bytes. Who doesn't know the key can't
 * make two inputs meet; n inputs meet by chance with odds of n * n / 2^129.
 */
void sl_siphash128(const uint8_t key[16], const void *data, size_t bytes,
    uint64_t hash[2]);

#endif
