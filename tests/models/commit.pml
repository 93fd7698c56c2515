/*
 * commit.pml: group commit across processes, and a sync that fails (RULES 9,
 * 10; hazards H1 to H5). Follows sl_log_append(), sl_log_sync_shared(),
 * refresh() and sl_log_recover(), sl_log_roll(), sl_log_post_suspect() of
 * lib/log, and all of lib/log/word.c.
 *
 * PROCS writers append batches, which are the positions 0, 1 ... of a segment
 * file; one may append twice before it syncs. A batch is dirty, on disk or
 * lost: write-back fails FAULTS times, by itself or in a sync. The kernel
 * tells that once to each descriptor that was open then, and to none opened
 * later. A writer is killed between any two steps, KILLS times, and closes the
 * segment before it is out of the word, for nothing says that it won't; one is
 * stopped for ever, STOPS times, but not in the append lock. Where the file's
 * inode is its name, that of one that retention took goes to the next file
 * once nobody has it open.
 *
 * Holds: who tells its caller that a batch is on disk (ACK) is right. Nobody
 * waits for ever: there is no end but one where all have finished, and a
 * stopped leader holds up nobody.
 *
 * The order of steps it rests on, each with a mutant (-DNAME) that shows why:
 *   the descriptor is older than the batch that it syncs       FRESH_FALLBACK
 *   `written` is published after the write                   EARLY_WRITTEN
 *   `written` is read before the sync begins                   LATE_WRITTEN
 *   nothing before the end at open is vouched for              YOUNG_VOUCHES
 *   a new claim stores `from` before `synced` ...              SYNCED_FIRST
 *   ... and is read `synced` before `from`                     FROM_LAST_READ
 *   a waiter looks at `from` at all                            NO_FROM
 *   one word for each file                                     ONE_WORD
 *   its name has the file's birth, for inodes come back        INODE_NAME
 *   (without it:) the first of the live users sets it anew     NO_RESET
 *   who waits falls back to a sync of its own                  NO_PATIENCE
 *   a sync that failed isn't tried again                       RETRY
 *   a segment that was rolled past isn't therefore synced      ROLLED_IS_SYNCED
 *   who finds its segment rolled syncs by the old descriptor   REOPEN_FIRST
 *   no acknowledgement before the sync                         ACK_FIRST
 *   a leader that failed claims nothing                        CLAIM_ANYHOW
 */
#ifndef PROCS
#define PROCS 3
#endif
#ifndef BATCHES
#define BATCHES 3
#endif
#ifndef FILES
#define FILES 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef FAULTS
#define FAULTS 1
#endif
#ifndef STOPS
#define STOPS 0
#endif

#define NONE 255
#define BIT(n) (1 << (n))

/* The files of the log, and what the disk has of them, a bit a batch. */
byte size[FILES];
byte dirty[FILES];
byte disk[FILES];
byte newest;
bool suspect[FILES]; /* on the board, `lock` (RULE 10) */
byte change;         /* its change word */
byte append_by;      /* who holds the append lock, from 1 on */

/* A writer's descriptor of a segment: the file, and an error not yet told. */
byte file[PROCS] = NONE;
bool err[PROCS];

/* The words: struct sl_word_page, presence and the leader's lock. */
byte from[FILES];
byte synced[FILES];
byte written[FILES];
bool has_failed[FILES];
byte users[FILES];
byte leader[FILES];

byte left = BATCHES;
byte kills = KILLS;
byte faults = FAULTS;
byte stops = STOPS;
byte killed = NONE;
byte stopped = NONE;
byte begun; /* writers are alike: they begin in their order */
byte over;  /* those that have ended */

#if defined(NO_RESET) || defined(INODE_NAME)
/* Files have the inodes 0 and 1 in turn: the third gets the first one's. */
#define WORD(f) ((f) % 2)
#define IS_FREE_INODE(f) ((f) < 2 || is_closed((f) - 2))
#elif defined(ONE_WORD)
#define WORD(f) 0
#define IS_FREE_INODE(f) true
#else
#define WORD(f) (f)
#define IS_FREE_INODE(f) true
#endif
#define is_closed(f) \
	(file[0] != (f) && file[1] != (f) && file[PROCS - 1] != (f))
#define MAY_ROLL (newest + 1 < FILES && IS_FREE_INODE(newest + 1))

/* Fate is process 0. */
#define me (_pid - 1)
#define my_file file[me]
#define my_word WORD(file[me])
#define IS_CLAIMED (synced[my_word] >= upto && from[my_word] <= begin)

/* "It is on disk." */
inline acknowledge()
{
	assert((disk[my_file] & mine) == mine);
	mine = 0;
	begin = 0
}

/* fdatasync(2) takes its time: others write, write-back fails, meanwhile. */
inline begin_fdatasync()
{
	mask = dirty[my_file]
}

inline end_fdatasync()
{
	disk[my_file] = disk[my_file] | (mask & dirty[my_file]);
	dirty[my_file] = dirty[my_file] & ~mask;
	mask = 0;
	ok = !err[me];
	err[me] = false
#ifdef RETRY
	;
	ok = true
#endif
}

/* sl_word_wrote() */
inline word_wrote(to)
{
	if
	:: is_in && written[my_word] < to -> written[my_word] = to
	:: else
	fi
}

/* sl_word_join(): by the gate it is one step. */
inline word_join()
{
	if
#ifdef NO_RESET
	:: users[my_word] == 0 && my_file < 2 ->
#else
	:: users[my_word] == 0 ->
#endif
		from[my_word] = vouched_from;
		synced[my_word] = vouched_from;
		written[my_word] = vouched_from;
		has_failed[my_word] = false
	:: else
	fi;
	users[my_word] = users[my_word] | BIT(me);
	is_in = true;
	word_wrote(upto)
}

/* sl_log_forget(): sl_word_leave(), then the segment is closed. */
inline forget()
{
	if
	:: is_in -> users[my_word] = users[my_word] & ~BIT(me)
	:: else
	fi;
	is_in = false;
	my_file = NONE;
	err[me] = false
}

inline open_active()
{
	my_file = newest;
	known = change;
	upto = size[newest];
	vouched_from = upto
}

/* sl_log_post_suspect() */
inline post()
{
	suspect[my_file] = true;
	change++
}

proctype Writer() provided (killed == NONE || killed == _pid)
{
	byte mine, begin, upto, vouched_from, known, mask, low, high;
	bool ok, is_in;

next:
	{
		if
		:: atomic { left > 0 && append_by == 0 && me <= begun &&
		   (!suspect[newest] || MAY_ROLL) ->
			append_by = me + 1;
			begun = begun + (me == begun);
			goto append }
		:: mine != 0 -> goto sync
		:: atomic { mine == 0 && append_by == 0 && (left == 0 ||
		   (suspect[newest] && !MAY_ROLL)) ->
			goto close }
		fi;

		/* sl_log_append(), sl_log_lock() */
append:
		atomic {
			if
			:: my_file != NONE && known == change ->
				upto = size[my_file]
			:: my_file != NONE && known != change && mine != 0 ->
				goto sync_old
			:: else -> goto reopen
			fi;
			goto write
		};
sync_old:
#ifdef ROLLED_IS_SYNCED
		atomic {
			if
			:: my_file != newest ->
				acknowledge();
				goto reopen
			:: else
			fi
		};
#endif
#ifdef REOPEN_FIRST
		err[me] = false;
#endif
		begin_fdatasync();
		atomic {
			end_fdatasync();
			if
			:: ok -> acknowledge()
			:: else -> post(); append_by = 0; goto close
			fi
		};
reopen:
		atomic {
			if
			:: my_file != NONE -> forget()
			:: else
			fi;
			open_active()
		};
write:
		/* Time to roll? A suspect one is, and isn't synced again. */
		atomic {
			if
			:: suspect[my_file] && mine != 0 ->
				append_by = 0;
				goto close
			:: suspect[my_file] && mine == 0 -> goto make
			:: !suspect[my_file] && MAY_ROLL && size[my_file] > 0
			:: !suspect[my_file] -> goto put
			fi
		};
		begin_fdatasync();
		atomic {
			end_fdatasync();
			if
			:: ok -> acknowledge()
			:: else -> post(); append_by = 0; goto close
			fi
		};
make:
		atomic {
			MAY_ROLL;
			forget();
			change++;
			newest++;
			open_active()
		};
put:
#ifdef EARLY_WRITTEN
		atomic { word_wrote(size[my_file] + 1) };
#endif
		atomic {
			left--;
			if
			:: mine == 0 -> begin = size[my_file]
			:: else
			fi;
			mine = mine | BIT(size[my_file]);
			dirty[my_file] = dirty[my_file] | BIT(size[my_file]);
			size[my_file] = size[my_file] + 1;
			upto = size[my_file]
		};
		atomic {
			word_wrote(upto);
			append_by = 0;
			goto next
		};

		/* sl_log_sync(): the first one by itself, or by the word. */
sync:
		atomic {
			if
#ifdef ACK_FIRST
			:: acknowledge(); goto next
#endif
			:: goto own
			:: true
			fi;
			if
			:: !is_in -> word_join()
			:: else
			fi
		};
look:
		/* sl_word_sync() */
#ifdef FROM_LAST_READ
		low = from[my_word];
		high = synced[my_word];
#else
		high = synced[my_word];
		low = from[my_word];
#endif
		atomic {
#ifdef NO_FROM
			low = 0;
#endif
			ok = high >= upto && low <= begin;
			low = 0;
			high = 0;
			if
			:: ok -> acknowledge(); goto next
			:: !ok && has_failed[my_word] -> goto failed
			:: !ok && !has_failed[my_word] &&
			   from[my_word] > begin -> goto own
			:: else
			fi
		};
		/* Lead; or sleep until a turn is over, or 50 ms. */
		atomic {
			if
			:: leader[my_word] == 0 -> leader[my_word] = me + 1
			:: leader[my_word] != 0 && (IS_CLAIMED ||
			   has_failed[my_word] || from[my_word] > begin) ->
				goto look
#ifndef NO_PATIENCE
			:: leader[my_word] != 0 -> goto own
#endif
			fi;
			if
			:: IS_CLAIMED ->
				leader[my_word] = 0;
				acknowledge();
				goto next
			:: else
			fi
		};
		/* lead() */
#ifndef LATE_WRITTEN
		high = written[my_word];
#endif
		begin_fdatasync();
		atomic { end_fdatasync() };
#ifdef LATE_WRITTEN
		high = written[my_word];
#endif
		/* claim() */
		atomic {
#ifndef CLAIM_ANYHOW
			if
			:: !ok -> leader[my_word] = 0; high = 0; goto failed
			:: else
			fi;
#endif
			low = synced[my_word];
			if
			:: high <= low -> goto claimed
			:: else
			fi;
#ifdef SYNCED_FIRST
			synced[my_word] = high
		};
		atomic {
#endif
			if
#ifdef YOUNG_VOUCHES
			:: true
#else
			:: vouched_from > low -> from[my_word] = vouched_from
			:: else
#endif
			fi
		};
		synced[my_word] = high;
claimed:
		atomic {
			leader[my_word] = 0;
			low = 0;
			high = 0;
			if
			:: ok -> acknowledge(); goto next
			:: else -> goto failed
			fi
		};

		/* sl_log_sync_segment(), sync_own() */
own:
#ifdef FRESH_FALLBACK
		err[me] = false;
#endif
		begin_fdatasync();
		atomic {
			end_fdatasync();
			if
			:: ok -> acknowledge(); goto next
			:: else
			fi
		};
failed:
		if
		:: is_in -> has_failed[my_word] = true
		:: else
		fi;
		atomic { append_by == 0 -> post() };
close:
		/* Done, or 74. */
		atomic {
			if
			:: my_file != NONE -> forget()
			:: else
			fi;
			mine = 0; begin = 0; upto = 0; vouched_from = 0;
			known = 0; ok = false;
			over = over | BIT(me)
		}
	} unless {
		killed == _pid || (stopped == _pid && append_by != me + 1)
	};
	if
	:: killed == _pid ->
		/* The kernel closes its files, in this order at worst. */
		d_step {
			upto = WORD(my_file); /* of NONE: there is none */
			my_file = NONE;
			err[me] = false;
			if
			:: append_by == me + 1 -> append_by = 0
			:: else
			fi;
			mine = 0; begin = 0; mask = 0; low = 0; high = 0;
			vouched_from = 0; known = 0; ok = false;
			killed = NONE
		};
		d_step {
			if
			:: is_in ->
				users[upto] = users[upto] & ~BIT(me);
				if
				:: leader[upto] == me + 1 -> leader[upto] = 0
				:: else
				fi
			:: else
			fi;
			is_in = false;
			upto = 0
		};
		goto next
	:: stopped == _pid && append_by != me + 1 -> goto end
	:: else
	fi;
	goto done;
end:
	false; /* stopped, for ever */
done:
	skip
}

/* What comes from outside. */
active proctype Fate() provided (killed == NONE)
{
	byte n, i;

	atomic {
		do
		:: n < PROCS -> run Writer(); n++
		:: else -> break
		od;
		n = 0
	};
end:
	do
	:: atomic {
		kills > 0 && ((BIT(begun) - 1) & ~over) != 0 ->
		kills--;
		if
		:: !(over & 1) && begun > 0 -> killed = 1
		:: !(over & 2) && begun > 1 -> killed = 2
		:: !(over & BIT(PROCS - 1)) && begun == PROCS -> killed = PROCS
		fi
	   }
	:: atomic {
		stops > 0 && begun > 0 ->
		stops--;
		if
		:: stopped = 1
		:: begun > 1 -> stopped = 2
		fi
	   }
	/* Write-back of a batch fails. */
	:: atomic {
		faults > 0 && dirty[newest] != 0 ->
		faults--;
		if
		:: dirty[newest] & 1 -> n = 1
		:: dirty[newest] & 2 -> n = 2
		:: dirty[newest] & 4 -> n = 4
		:: dirty[newest] & 8 -> n = 8
		fi;
		dirty[newest] = dirty[newest] & ~n;
		do
		:: i < PROCS ->
			err[i] = err[i] || file[i] == newest;
			i++
		:: else -> break
		od;
		n = 0;
		i = 0
	   }
	od
}
