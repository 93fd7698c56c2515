"""The events of a partition's segments, read by python3-kafka, a decoder that
shares nothing with ours."""

import sys

from kafka.record import MemoryRecords


def events(directory):
    """Yield (offset, time, key, headers, value) as they lie in the files."""
    for path in sorted(directory.glob("*.log")):
        data = path.read_bytes()
        records = MemoryRecords(data)
        while records.has_next():
            batch = records.next_batch()
            if not batch.validate_crc():
                sys.exit(f"{path}: offset {batch.base_offset}: bad checksum")
            for record in batch:
                yield (record.offset, record.timestamp, record.key,
                       record.headers, record.value)
        if records.valid_bytes() != len(data):
            sys.exit(f"{path}: {len(data) - records.valid_bytes()} bytes more")
