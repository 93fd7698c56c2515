/*
 * append.pml: append, cut, roll and read (RULES 2 to 8; hazards H1, H5 to H9,
 * H26, H32). Follows sl_log_append(), sl_log_lock(), sl_log_roll() of lib/log,
 * all of recover.c and ends.c, and next_batch(), at_end() and next_segment()
 * of read.c.
 *
 * WRITERS writers append BATCHES batches of one event, a reader follows them.
 * A segment is a row of cells, a batch two of them, its head and its tail: a
 * write that is killed half-way leaves the head alone, and a reader may meet
 * one cell as it was before and the other as it is after. The disk has what
 * was synced; a power cut (CUTS of them) leaves of the rest any part, zeros
 * where the size came but not the bytes, and no segment whose name was not
 * synced. KILLS times a writer is killed between any two steps; ROTS times a
 * cell goes bad.
 *
 * Holds: what was acknowledged is there after every power cut. No segment but
 * the last loses anything by one. No offset that a reader could have seen is
 * given twice, save by a power cut that took it. The reader prints each batch
 * once, in order, passes over none that is there, and calls nothing damaged
 * that wasn't made so from outside. Whatever was killed or cut, the next
 * append works, and in the end the reader has all.
 *
 * What it rests on, each with a mutant (-DNAME):
 *   the change word is bumped by a roll ...                    NO_BUMP
 *   ... before the next segment is made                        BUMP_LATE
 *   a memory holds only if the size is as remembered           NO_STEP
 *   an incomplete tail is cut before the next append           NO_CUT
 *   nothing complete is cut                                    CUT_DAMAGE
 *   damage is rolled past, beyond what could have been seen    SHORT_PASS
 *   the next offset is at least the segment's name             NAME_IGNORED
 *   a roll syncs the old segment                               NO_OLD_SYNC
 *   a roll syncs the directory                                 NO_DIR_SYNC
 *   who finds an empty one syncs the directory again           NO_DIR_RESYNC
 *   acknowledged is what was synced                            ACK_FIRST
 *   a reader takes no torn batch                               TORN_READ
 *   a reader keeps no bytes of it                              BYTES_KEPT
 *   a reader looks again before it moves on                    MOVES_AT_ONCE
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef BATCHES
#define BATCHES 3
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef CUTS
#define CUTS 0
#endif
#ifndef ROTS
#define ROTS 0
#endif

#ifndef SEGMENTS
#define SEGMENTS 3
#endif
#define CELLS 4
#define NONE 255
#define BIT(n) (1 << (n))

/* What a cell holds; batches are numbered from 1 on. */
#define ZERO 0
#define BAD 1
#define HEAD(batch) (2 * (batch))
#define TAIL(batch) (2 * (batch) + 1)
#define IS_HEAD(cell) ((cell) > BAD && (cell) % 2 == 0)
#define BATCH(cell) ((cell) / 2)

/* Segments in the order of their names; what is in memory and what on disk. */
byte count = 1; /* of those that are there */
byte base[SEGMENTS];
byte size[SEGMENTS];
byte cells[SEGMENTS * CELLS];
byte disk_count = 1; /* of those whose names are synced */
byte disk_size[SEGMENTS];
byte disk_cells[SEGMENTS * CELLS];

/* `lock` and `ends`. */
byte append_by;
byte change;
bool is_new_boot;
byte ends_segment;
byte ends_change;

/* Of each batch: the offset in its head, and what became of it. */
#define UNSENT 0
#define UNDER_WAY 1
#define THERE 2 /* whole: a reader may have seen it */
#define ACKED 3
#define ROTTEN 4 /* was seen, perhaps */
#define TAKEN 5 /* by a kill or a power cut */
byte offset[BATCHES + 1];
byte fate[BATCHES + 1];
#define IS_THERE(batch) (fate[batch] == THERE || fate[batch] == ACKED)

byte sent;
byte printed; /* a bit a batch */
byte begun;   /* writers are alike: they begin in their order */
byte over;
byte kills = KILLS;
byte cuts = CUTS;
byte rots = ROTS;
byte dying; /* a bit a process */
#define RUNS(pid) (dying == 0 || (dying & BIT(pid)))

/* Does a whole batch with this offset stand at `p` of the segment `s`? */
#define AT(s, p) cells[(s) * CELLS + (p)]
#define IS_BATCH(s, p) \
	((p) + 1 < size[s] && IS_HEAD(AT(s, p)) && \
	AT(s, (p) + 1) == AT(s, p) + 1)
#define IS_BEHIND(p) (IS_BATCH(segment, p) && OFFSET_AT(segment, p) >= expected)
#define OFFSET_AT(s, p) offset[BATCH(AT(s, p))]

inline fdatasync(s)
{
	atomic {
		disk_size[s] = size[s];
		disk_cells[(s) * CELLS] = AT(s, 0);
		disk_cells[(s) * CELLS + 1] = AT(s, 1);
		disk_cells[(s) * CELLS + 2] = AT(s, 2);
		disk_cells[(s) * CELLS + 3] = AT(s, 3)
	}
}

/* "It is on disk", of the batches whose bits are in `mine`. */
inline acknowledge()
{
	atomic {
		i = 1;
		do
		:: i <= BATCHES ->
			if
			:: (mine & BIT(i)) && fate[i] == THERE ->
				fate[i] = ACKED
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		mine = 0
	}
}

/* From `place` and `next` on to the end: sl_log_step(), walk(), repair_tail()
 * and sl_segment_pass(). */
inline walk()
{
	do
	:: IS_BATCH(segment, place) && OFFSET_AT(segment, place) == next ->
		next++;
		place = place + 2
	:: else -> break
	od;
	if
	:: place == size[segment]
	:: place + 1 == size[segment] && IS_HEAD(AT(segment, place)) ->
#ifdef NO_CUT
		place = size[segment]
#else
		change++;
		known = change;
		AT(segment, place) = ZERO;
		size[segment] = place
#endif
	:: else ->
#ifdef CUT_DAMAGE
		change++;
		known = change;
		do
		:: size[segment] > place ->
			size[segment] = size[segment] - 1;
			AT(segment, size[segment]) = ZERO
		:: else -> break
		od
#else
		is_sealed = true;
#ifdef SHORT_PASS
		place = size[segment];
#endif
		i = 0; /* cells of damage since the last valid batch */
		do
		:: IS_BATCH(segment, place) &&
		   OFFSET_AT(segment, place) >= next ->
			next = OFFSET_AT(segment, place) + 1;
			place = place + 2;
			i = 0
		:: place < size[segment] && !(IS_BATCH(segment, place) &&
		   OFFSET_AT(segment, place) >= next) ->
			place++;
			i++
		:: place >= size[segment] -> break
		od;
		next = next + (i + 1) / 2;
		i = 0
#endif
	fi
}

/* sl_log_recover(): open_noted(), else list_active(); open_active(). */
inline recover()
{
	known = change;
	segment = ends_segment;
	if
	:: !is_new_boot && ends_change == change && segment < count
	:: else ->
		segment = count - 1;
		ends_segment = segment;
		ends_change = change
	fi;
	is_sealed = false;
	place = 0;
	next = base[segment];
#ifdef NAME_IGNORED
	next = 0; /* what follows the last batch that there is */
	i = 1;
	do
	:: i <= BATCHES ->
		next = (IS_THERE(i) && offset[i] >= next ->
		    offset[i] + 1 : next);
		i++
	:: else -> break
	od;
	i = 0;
#endif
	if
	:: size[segment] == 0 ->
#ifdef NO_DIR_RESYNC
		skip
#else
		disk_count = count
#endif
	:: else
	fi;
	walk()
}

proctype Writer() provided (RUNS(_pid))
{
	byte segment = NONE, known, place, next, mine, batch, i;
	bool is_sealed;

again:
	{
		if
		:: atomic { sent < BATCHES && append_by == 0 &&
		   _pid <= begun + 1 ->
			append_by = _pid;
			begun = begun + (_pid == begun + 1);
			if
			:: segment != NONE && known != change && mine != 0 ->
				goto sync_old
			:: else -> goto locked
			fi }
		:: atomic { mine != 0 -> goto sync }
		:: atomic { sent == BATCHES && mine == 0 ->
			over = over | BIT(_pid);
			goto done }
		fi;
sync_old: /* by the descriptor that is older than it */
		fdatasync(segment);
		acknowledge();
locked: /* sl_log_lock(): refresh() */
		atomic {
			if
			:: segment == NONE || known != change -> recover()
#ifndef NO_STEP
			:: segment != NONE && known == change &&
			   place != size[segment] ->
				walk()
#endif
			:: else
			fi;
			is_new_boot = false
		};
		/* is_roll_due(): it is full, sealed, or old. */
		atomic {
			if
			:: place + 2 > CELLS || is_sealed
			:: place > 0 && place + 2 <= CELLS &&
			   count < SEGMENTS - 1
			:: !is_sealed && place + 2 <= CELLS -> goto put
			fi
		};
		/* sl_log_roll() */
#ifndef NO_OLD_SYNC
		fdatasync(segment);
#ifndef BUMP_LATE
		acknowledge();
		change++;
#else
		acknowledge();
#endif
#else
		change++;
#endif
#ifdef NO_BUMP
		change--;
#endif
		d_step {
			ends_segment = segment + 1;
			ends_change = change
		};
		/* create_segment(): the name is free. */
		d_step {
			segment = segment + 1;
			assert(segment < SEGMENTS && segment == count);
			count++;
			base[segment] = next
		};
#ifdef BUMP_LATE
		d_step {
			change++;
			ends_change = change
		};
#endif
		d_step {
#ifndef NO_DIR_SYNC
			disk_count = count;
#endif
			known = change;
			place = 0;
			is_sealed = false
		};
put: /* write_batch(), by halves */
		atomic {
			sent++;
			batch = sent;
			offset[batch] = next;
			fate[batch] = UNDER_WAY;
			AT(segment, place) = HEAD(batch);
			if
			:: size[segment] < place + 1 ->
				size[segment] = place + 1
			:: else
			fi
		};
		d_step {
			AT(segment, place + 1) = TAIL(batch);
			if
			:: size[segment] < place + 2 ->
				size[segment] = place + 2
			:: else
			fi;
			fate[batch] = THERE;
			i = 1;
			do
			:: i <= BATCHES ->
				assert(i == batch || offset[i] != next ||
				    !(IS_THERE(i) || fate[i] == ROTTEN));
				i++
			:: else -> break
			od;
			i = 0;
			next++;
			place = place + 2;
			mine = mine | BIT(batch);
			batch = 0;
			append_by = 0
		};
		goto again;
sync: /* sl_log_sync(), no lock held */
#ifdef ACK_FIRST
		acknowledge();
		fdatasync(segment);
#else
		fdatasync(segment);
		acknowledge();
#endif
		goto again
	} unless {
		dying & BIT(_pid)
	};
	atomic {
		if
		:: append_by == _pid -> append_by = 0
		:: else
		fi;
		if
		:: batch != 0 -> fate[batch] = TAKEN
		:: else
		fi;
		segment = NONE; known = 0; place = 0; next = 0; mine = 0;
		batch = 0; i = 0; is_sealed = false;
		dying = dying & ~BIT(_pid)
	};
	goto again;
done:
	skip
}

/* What is skipped isn't there. */
inline check_skipped(to)
{
	i = 1;
	do
	:: i <= BATCHES ->
		assert(!IS_THERE(i) || offset[i] < expected ||
		    offset[i] >= to);
		i++
	:: else -> break
	od;
	i = 0
}

/* sl_cursor_next() */
proctype Reader() provided (RUNS(_pid))
{
	byte segment, place, expected, head, tail, i;
	bool read_again, is_doubtful, is_passing;

again:
	{
		/* One pread, but not at one moment. */
		atomic {
			if
			:: place >= size[segment] -> goto at_end
			:: else
			fi;
#ifdef BYTES_KEPT
			if
			:: head == 0 -> head = AT(segment, place)
			:: else
			fi
#else
			head = AT(segment, place)
#endif
		};
second:
		atomic {
			if
			:: is_doubtful -> head = AT(segment, place)
			:: else
			fi;
			if
			:: place + 1 >= size[segment] && IS_HEAD(head) ->
#ifdef TORN_READ
				tail = head + 1
#else
				goto at_end
#endif
			:: place + 1 >= size[segment] && !IS_HEAD(head)
			:: place + 1 < size[segment] ->
				tail = AT(segment, place + 1)
			fi;
			if
			:: IS_HEAD(head) && tail == head + 1 &&
			   offset[BATCH(head)] == expected
			:: else -> goto bad
			fi;
			/* It is printed. */
			assert(IS_THERE(BATCH(head)) ||
			    fate[BATCH(head)] == ROTTEN);
			assert(!(printed & BIT(BATCH(head))));
			printed = printed | BIT(BATCH(head));
			expected++;
			place = place + 2;
			head = 0;
			tail = 0;
			read_again = false;
			is_doubtful = false;
			goto again
		};
bad: /* judge_damage(): may be a write in flight, so look again */
		atomic {
			tail = 0;
			if
			:: !is_doubtful && !is_passing ->
				is_doubtful = true;
#ifdef BYTES_KEPT
				is_doubtful = head == 0;
				if
				:: !is_doubtful -> assert(cuts < CUTS ||
				    rots < ROTS)
				:: else
				fi;
#endif
				goto second
			:: else
			fi;
			head = 0;
			is_doubtful = false;
			/* Named by path, byte and offset; then passed over. */
			assert(cuts < CUTS || rots < ROTS);
			is_passing = true;
			i = place + 1;
			do
			:: i < size[segment] && !(IS_BATCH(segment, i) &&
			   OFFSET_AT(segment, i) >= expected) ->
				i++
			:: else -> break
			od;
			if
			:: i < size[segment] ->
				place = i;
				check_skipped(OFFSET_AT(segment, place));
				expected = OFFSET_AT(segment, place);
				is_passing = false;
				goto again
			:: else -> i = 0
			fi;
			goto end_passing
		};
end_passing: /* nothing behind it: the writer rolls past */
		atomic {
			segment + 1 < count || IS_BEHIND(place + 1) ||
			    IS_BEHIND(place + 2) ->
			if
			:: !read_again || segment + 1 == count ->
				read_again = true;
				goto bad
			:: else
			fi;
			check_skipped(base[segment + 1]);
			segment++;
			expected = base[segment];
			place = 0;
			is_passing = false;
			read_again = false;
			goto again
		};
at_end:
		atomic {
			if
			:: segment + 1 < count
			:: segment + 1 == count ->
#ifndef BYTES_KEPT
				head = 0;
#endif
				goto asleep
			fi;
#ifndef MOVES_AT_ONCE
			if
			:: !read_again ->
				read_again = true;
				head = 0;
				goto again
			:: else
			fi;
#endif
			/* move_on() */
			assert(place == size[segment] || cuts < CUTS ||
			    rots < ROTS);
			head = 0;
			check_skipped(base[segment + 1]);
			assert(base[segment + 1] == expected || cuts < CUTS ||
			    rots < ROTS);
			segment++;
			expected = base[segment];
			place = 0;
			read_again = false;
			goto again
		};
asleep:
end:
		atomic {
			segment + 1 < count || (place < size[segment] &&
			    (place + 1 < size[segment] ||
			    !IS_HEAD(AT(segment, place)))) ->
			read_again = false;
			goto again
		}
	} unless {
		dying & BIT(_pid)
	};
	/* Another one begins anew. */
	atomic {
		segment = 0; place = 0; expected = 0; head = 0; tail = 0; i = 0;
		read_again = false; is_doubtful = false; is_passing = false;
		printed = 0;
		dying = dying & ~BIT(_pid)
	};
	goto again
}

#define IS_SYNCED(s, p) (AT(s, p) == disk_cells[(s) * CELLS + (p)])

/* After a power cut the disk is all there is. */
inline power_cut()
{
	is_new_boot = true;
	cuts--;
	/* The last name may be there, though nobody waited for it. */
	if
	:: count > disk_count -> count = disk_count
	:: true
	fi;
	s = 0;
	do
	:: s < count ->
		assert(s + 1 == count || disk_size[s] == size[s]);
		do
		:: size[s] > disk_size[s] -> size[s] = size[s] - 1
		:: size[s] < disk_size[s] -> size[s] = disk_size[s]
		:: break
		od;
		p = 0;
		do
		:: p < CELLS ->
			assert(s + 1 == count || IS_SYNCED(s, p));
			if
			:: p >= size[s] -> AT(s, p) = ZERO
			:: p < size[s] && !IS_SYNCED(s, p) ->
				AT(s, p) = disk_cells[s * CELLS + p]
			:: p < size[s]
			fi;
			p++
		:: else -> break
		od;
		fdatasync(s);
		s++
	:: else -> break
	od;
	disk_count = count;
	do
	:: s < SEGMENTS ->
		base[s] = 0;
		size[s] = 0;
		p = 0;
		do
		:: p < CELLS -> AT(s, p) = ZERO; p++
		:: else -> break
		od;
		fdatasync(s);
		s++
	:: else -> break
	od;
	/* What has gone may go, if nobody was told that it is there. */
	n = 1;
	do
	:: n <= BATCHES ->
		s = 0;
		do
		:: s < count && !(BATCH(AT(s, 0)) == n && IS_BATCH(s, 0)) &&
		   !(BATCH(AT(s, 1)) == n && IS_BATCH(s, 1)) &&
		   !(BATCH(AT(s, 2)) == n && IS_BATCH(s, 2)) ->
			s++
		:: else -> break
		od;
		assert(s < count || fate[n] != ACKED);
		if
		:: s == count && (fate[n] == THERE || fate[n] == UNDER_WAY) ->
			fate[n] = TAKEN
		:: else
		fi;
		n++
	:: else -> break
	od;
	s = 0; p = 0; n = 0;
	dying = (BIT(WRITERS + 2) - 2) & ~over
}

/* A cell of a batch that was synced goes bad. */
inline rot()
{
	if
	:: fate[1] == ACKED -> n = 1
	:: fate[2] == ACKED -> n = 2
	fi;
	do
	:: s < count && BATCH(AT(s, 0)) == n -> p = 0; break
	:: s < count && BATCH(AT(s, 2)) == n -> p = 2; break
	:: s < count && BATCH(AT(s, 0)) != n && BATCH(AT(s, 2)) != n -> s++
	od;
	if
	:: p++
	:: true
	fi;
	AT(s, p) = BAD;
	disk_cells[s * CELLS + p] = BAD;
	fate[n] = ROTTEN;
	rots--;
	s = 0; p = 0; n = 0
}

/* What comes from outside; and at the end, when nobody can go on, the judge. */
active proctype Fate() provided (dying == 0)
{
	byte n, s, p;

	atomic {
		do
		:: n < WRITERS -> run Writer(); n++
		:: else -> break
		od;
		run Reader();
		n = 0
	};
	do
	:: atomic {
		kills > 0 && sent < BATCHES &&
		(((BIT(begun) - 1) * 2) & ~over) != 0 ->
		kills--;
		if
		:: begun > 0 && !(over & BIT(1)) -> dying = BIT(1)
		:: begun > 1 && !(over & BIT(2)) -> dying = BIT(2)
		fi
	   }
	:: atomic { cuts > 0 && sent < BATCHES -> power_cut() }
	:: atomic {
		rots > 0 && sent < BATCHES &&
		(fate[1] == ACKED || fate[2] == ACKED) ->
		rot()
	   }
	:: timeout -> break
	od;
	atomic {
		n = 1;
		do
		:: n <= BATCHES ->
			assert(!IS_THERE(n) || (printed & BIT(n)));
			assert(fate[n] != UNDER_WAY);
			n++
		:: else -> break
		od;
		assert(sent == BATCHES && append_by == 0)
	}
}
