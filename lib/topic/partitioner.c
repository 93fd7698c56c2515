/* partitioner.c: Kafka's default partitioner, for records that have a key. */
#include "hash.h"
#include "streamlog.h"

#include <assert.h>

int
sl_partition_of_key(const void *key, size_t key_bytes, int partitions)
{
	assert(partitions > 0);
	return (int)(sl_murmur2(key, key_bytes) & 0x7fffffffu) % partitions;
}
