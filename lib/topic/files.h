/*
 * files.h: what the engine of files does of the front door's: topics, writers,
 * readers. Floor: topic; see files_group.h for the rest.
 *
 * Each sl_files_NAME is what streamlog.h says of sl_NAME, for topics that are
 * directories; the door (engine.h) leads there. A handle begins with a pointer
 * that is the door's alone.
 */
#ifndef SL_FILES_H
#define SL_FILES_H

#include "streamlog.h"

struct sl_engine;

/* X(NAME) for each; another engine has the same ones. */
#define SL_TOPIC_FUNCTIONS(X)                                                  \
	X(topic_open)                                                          \
	X(topic_close)                                                         \
	X(topic_create)                                                        \
	X(topic_auto_create)                                                   \
	X(topic_name)                                                          \
	X(topic_dir)                                                           \
	X(topic_id)                                                            \
	X(topic_settings)                                                      \
	X(topic_setting)                                                       \
	X(topic_refresh)                                                       \
	X(topic_alter)                                                         \
	X(topic_delete)                                                        \
	X(topic_list)                                                          \
	X(topic_keeps_rejected)                                                \
	X(topic_range)                                                         \
	X(topic_sync)                                                          \
	X(topic_offset_at)                                                     \
	X(topic_partition_info)                                                \
	X(topic_check)                                                         \
	X(topic_mend)                                                          \
	X(may_change)                                                          \
	X(writer_open)                                                         \
	X(writer_close)                                                        \
	X(writer_begin)                                                        \
	X(writer_write)                                                        \
	X(writer_sync)                                                         \
	X(writer_begin_sync)                                                   \
	X(reader_open)                                                         \
	X(reader_close)                                                        \
	X(reader_assign)                                                       \
	X(reader_next)                                                         \
	X(reader_copy)                                                         \
	X(reader_follow)                                                       \
	X(reader_watch_dir)                                                    \
	X(reader_wait)                                                         \
	X(reader_drop)                                                         \
	X(reader_next_here)                                                    \
	X(reader_end_turn)                                                     \
	X(reader_place)                                                        \
	X(reader_sync)                                                         \
	X(reader_end)                                                          \
	X(reader_end_at)                                                       \
	X(reader_drop_partition)                                               \
	X(lag_meter_open)                                                      \
	X(lag_meter_close)                                                     \
	X(lag_measure)

#define SL_FILES_FUNCTION(name) __typeof__(sl_##name) sl_files_##name;
SL_TOPIC_FUNCTIONS(SL_FILES_FUNCTION)

#endif
