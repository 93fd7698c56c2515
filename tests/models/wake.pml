/*
 * wake.pml: wake-up (RULES 8 and 19; hazards H15, H16, H32). Follows
 * read_part(), watch_part(), note_event() and sl_reader_wait() of
 * lib/topic/reader_follow.c, next_segment() of lib/log/read.c with its
 * listing, sl_member_note_event(), see(), set_look() and sl_member_look() of
 * lib/group/member_look.c, drain() of lib/base/watch.c.
 *
 * A member of a group follows a partition: it has one inotify queue, for the
 * segment it reads, the partition's names and the group's members. A writer
 * appends APPENDS times and rolls ROLLS times; PEERS others come and die. The
 * kernel queues an event once what it tells of is there, but of a death before
 * the dead one's lock has gone, any time later; the same event twice in the
 * queue is one; OVERFLOWS times it overflows, and one event says that some are
 * lost. Time passes only when nobody can do anything at once: a millisecond a
 * tick; a second is SECOND of them, and the naps after an event are 1, 2 and
 * 4.
 *
 * Holds: no time passes while something is written that isn't read (so without
 * the look of each second), or somebody came who wasn't seen. A death is seen
 * within the longest nap after the lock has gone, if that was no later after
 * the event than the naps are long; else, or if the event was lost, within a
 * second. Nobody looks more often than there was cause for.
 *
 * What it rests on, each with a mutant (-DNAME):
 *   what is watched anew is read once more before sleep        WATCH_AFTER_READ
 *   the next segment is watched when it is read                OLD_WATCH_KEPT
 *   a name that came makes the listing old                     OLD_LISTING
 *   events are taken before the read, not after it             DRAINED_AFTER
 *   lost events: look at everything ...                        OVERFLOW_IGNORED
 *   ... at the listing, too                                   OVERFLOW_UNLISTED
 *   the event comes after the write                            EVENT_FIRST
 *   members are watched before the first look                  LOOK_FIRST
 *   after an event it is looked again                          NO_NAPS
 *   ... and each second anyhow                                 NO_SECOND
 *   looking makes no events                                    LOOK_IS_SEEN
 */
#ifndef APPENDS
#define APPENDS 3
#endif
#ifndef ROLLS
#define ROLLS 2
#endif
#ifndef PEERS
#define PEERS 2
#endif
#ifndef OVERFLOWS
#define OVERFLOWS 1
#endif

#define SECOND 10
#define NAP_MAX 4
#define NAPS 7 /* 1 + 2 + 4 */
#define NONE 255
#define BIT(n) (1 << (n))

/* The queue: a bit for each watch; segments are watched one by one. */
#define FILE_EVENT(s) BIT(s)
#define DIR_EVENT BIT(5)
#define MEMBERS_EVENT BIT(6)
#define OVERFLOW_EVENT BIT(7)
byte queue;
byte file_watch = NONE; /* the segment that is watched */
bool dir_watch;
bool members_watch;
byte overflows = OVERFLOWS;
bool was_lost; /* an event */

/* The log. */
byte written[ROLLS + 1];
byte newest;
bool is_writing; /* the kernel is at it */
byte unread;

/* The others. */
#define ABSENT 0
#define CAME 1   /* and the event is not yet queued */
#define LIVES 2
#define CLOSING 3 /* the event was queued, the lock is there */
#define DEAD 4
byte peer[PEERS];
byte since[PEERS]; /* ticks in that state */
bool is_late[PEERS]; /* nothing told in time */
byte seen;         /* by the follower, as living: a bit a peer */

/* The follower. */
bool is_asleep;
byte timer;
byte looks; /* since there was cause for one */

/* Queue an event, if it is watched. */
inline tell(event, watched)
{
	if
	:: !(watched)
	:: (watched) && (queue & OVERFLOW_EVENT) -> was_lost = true
	:: (watched) && !(queue & OVERFLOW_EVENT) -> queue = queue | (event)
	:: (watched) && !(queue & OVERFLOW_EVENT) && queue != 0 &&
	   overflows > 0 ->
		overflows--;
		was_lost = true;
		queue = queue | OVERFLOW_EVENT
	fi
}

active proctype Writer()
{
	byte appends = APPENDS;

end:
	do
	:: appends > 0 ->
#ifdef EVENT_FIRST
		atomic {
			is_writing = true;
			tell(FILE_EVENT(newest), file_watch == newest)
		};
		atomic {
			written[newest] = written[newest] + 1;
			unread++;
			is_writing = false;
			appends--
		}
#else
		atomic {
			is_writing = true;
			written[newest] = written[newest] + 1;
			unread++;
			appends--
		};
		atomic {
			tell(FILE_EVENT(newest), file_watch == newest);
			is_writing = false
		}
#endif
	:: newest < ROLLS ->
		atomic {
			is_writing = true;
			newest++
		};
		atomic {
			tell(DIR_EVENT, dir_watch);
			is_writing = false
		}
	od
}

proctype Peer(byte me)
{
	/* The rename into members/, and its event. */
	peer[me] = CAME;
	atomic {
		tell(MEMBERS_EVENT, members_watch);
		peer[me] = LIVES;
		looks = 0
	};
	/* It is killed: __fput() tells, then it drops the lock (H15). */
	atomic {
		tell(MEMBERS_EVENT, members_watch);
		is_late[me] = !members_watch || was_lost;
		peer[me] = CLOSING;
		since[me] = 0;
		looks = 0
	};
	atomic {
		is_late[me] = is_late[me] || since[me] >= NAPS || was_lost;
		peer[me] = DEAD;
		since[me] = 0
	}
}

#define LOCKED (BIT(0) * (peer[0] == CAME || peer[0] == LIVES || \
	peer[0] == CLOSING) + BIT(1) * (peer[PEERS - 1] == CAME || \
	peer[PEERS - 1] == LIVES || peer[PEERS - 1] == CLOSING))

active proctype Follower()
{
	byte segment, place, listed, nap;
	bool must_list = true, is_ready = true, is_watched, has_event = true;
	bool read_again;

#ifndef LOOK_FIRST
	members_watch = true;
#endif
again:
	/* sl_member_look() */
	if
	:: atomic { has_event || timer == 0 ->
		has_event = false;
		looks++;
		assert(looks <= 5);
#ifdef LOOK_IS_SEEN
		tell(MEMBERS_EVENT, members_watch);
#endif
		if
		:: seen != LOCKED -> nap = 1
		:: else
		fi;
		seen = LOCKED;
#ifdef NO_NAPS
		nap = 0;
#endif
		/* set_look() */
		timer = (nap != 0 -> nap : SECOND);
#ifdef NO_SECOND
		timer = (nap != 0 -> nap : NONE);
#endif
		nap = (nap >= NAP_MAX -> 0 : nap * 2) }
#ifdef LOOK_FIRST
		members_watch = true
#endif
	:: !has_event && timer != 0
	fi;

	/* read_part(), sl_cursor_next() */
	do
	:: !is_ready -> break
	:: is_ready && place < written[segment] ->
		atomic {
			place++;
			unread--;
			read_again = false
		}
	:: atomic { is_ready && place >= written[segment] ->
		/* list_segments() */
		if
		:: !is_watched || must_list ->
			listed = newest;
			must_list = false
		:: else
		fi }
		atomic {
			if
			:: listed > segment && !read_again ->
				read_again = true
			:: listed > segment && read_again ->
				segment++;
				place = 0;
				read_again = false
			:: listed == segment -> goto watch
			fi
		}
	od;
	goto rest;
watch:
	/* watch_part() */
	atomic {
		if
		:: !is_watched ->
			dir_watch = true;
			is_watched = true;
			must_list = true
		:: else
		fi
	};
	atomic {
		if
#ifdef OLD_WATCH_KEPT
		:: file_watch == NONE ->
#else
		:: file_watch != segment ->
#endif
			file_watch = segment;
#ifdef WATCH_AFTER_READ
			is_ready = false
#endif
		:: else -> is_ready = false
		fi;
		goto again
	};
rest:
	/* sl_watch_wait(), drain(), the two note_event() */
#ifdef DRAINED_AFTER
	queue = 0;
#endif
	is_asleep = true;
	atomic {
		queue != 0 || timer == 0 ->
		is_asleep = false;
		if
		:: queue & OVERFLOW_EVENT ->
#ifndef OVERFLOW_IGNORED
			is_ready = true;
#ifndef OVERFLOW_UNLISTED
			must_list = true;
#endif
			has_event = true
#endif
		:: else
		fi;
		if
		:: file_watch != NONE && (queue & FILE_EVENT(file_watch)) ->
			is_ready = true
		:: else
		fi;
		if
		:: queue & DIR_EVENT ->
			is_ready = true;
#ifndef OLD_LISTING
			must_list = true
#endif
		:: else
		fi;
		if
		:: queue & MEMBERS_EVENT ->
			has_event = true;
			nap = 1
		:: else
		fi;
		queue = 0;
		goto again
	}
}

#define MAY_WAIT(n) (peer[n] != DEAD || !(seen & BIT(n)) || \
	since[n] < (is_late[n] -> SECOND : NAP_MAX))

active proctype Clock()
{
	byte n;

	atomic {
		do
		:: n < PEERS -> run Peer(n); n++
		:: else -> break
		od;
		n = 0
	};
end:
	do
	:: atomic {
		is_asleep && queue == 0 && timer > 0 && !is_writing ->
		assert(unread == 0);
		n = 0;
		do
		:: n < PEERS ->
			assert(peer[n] != LIVES || (seen & BIT(n)) != 0);
			assert(MAY_WAIT(n));
			if
			:: peer[n] == CLOSING ||
			   (peer[n] == DEAD && (seen & BIT(n))) ->
				since[n] = (since[n] < SECOND -> since[n] + 1 :
				    SECOND)
			:: else -> since[n] = 0
			fi;
			n++
		:: else -> break
		od;
		n = 0;
		timer = (timer == NONE -> NONE : timer - 1);
		looks = (timer == 0 -> 0 : looks)
	   }
	od
}
