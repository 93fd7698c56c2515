/*
 * files_group.h: what the engine of files does of the front door's, beside
 * files.h: groups, their members, and what they have a say in. Floor: group.
 */
#ifndef SL_FILES_GROUP_H
#define SL_FILES_GROUP_H

#include "files.h"

#define SL_GROUP_FUNCTIONS(X)                                                  \
	X(topic_clean)                                                         \
	X(writer_heed_groups)                                                  \
	X(group_list)                                                          \
	X(group_open)                                                          \
	X(group_close)                                                         \
	X(group_create)                                                        \
	X(group_places)                                                        \
	X(group_live)                                                          \
	X(group_set)                                                           \
	X(group_forget)                                                        \
	X(group_delete)                                                        \
	X(member_join)                                                         \
	X(member_close)                                                        \
	X(member_look)                                                         \
	X(member_next_change)                                                  \
	X(member_commit)                                                       \
	X(member_release)                                                      \
	X(member_leave)                                                        \
	X(member_info)

SL_GROUP_FUNCTIONS(SL_FILES_FUNCTION)

#endif
