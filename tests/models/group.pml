/*
 * group.pml: rebalance and fencing (RULES 16 to 21; hazards H14, H17, H31).
 * Follows sl_member_look(), see_and_act(), lose_all(), see_losses() and
 * see_gains() of member_look.c, sl_member_act(), sl_member_enter(),
 * hand_over() and let_go() of member.c, sl_member_plan() with sl_balance(),
 * sl_peers_look(), write_place() of member_place.c, sl_place_write() and
 * choose_slot(), all of lib/group; what a member does with a partition is
 * cmd/share_member.c's.
 *
 * MEMBERS members share two partitions of EVENTS events each, which they
 * handle in order and commit. They join, leave (LEAVES times) and are killed
 * between any two steps (KILLS times), in the middle of a row or a slot, too;
 * SILENCES times one is taken for silent, as if it had been stopped, and goes
 * on later. Each time one comes in it is another incarnation, IDS in all.
 *
 * Holds: a place is written only by the owner, never moves back, and is what
 * was committed last, whoever died at what. No event is passed over: who takes
 * a partition up begins at or before the first one that nobody handled. Nobody
 * is put out but who is dead or silent, and only such a one's commit is
 * refused. When all is quiet every partition has a live owner and all of it is
 * committed, if there is a member; and it gets quiet, for there is no cycle
 * (checked in a run of its own).
 *
 * What it rests on, each with a mutant (-DNAME):
 *   a commit asks who is the owner ...                         NO_OWNER_CHECK
 *   ... under the lock                                         CHECK_UNLOCKED
 *   a live owner keeps it until it lets go                     TAKEN_FROM_LIVE
 *   ... which it does after its last commit                    RELEASED_FIRST
 *   who was put out has lost all that it held                  NO_LOSE_ALL
 *   what is to be is worked out under the lock                 PLAN_UNLOCKED
 *   who is put out is looked at again under the lock           NO_SECOND_LOOK
 *   the slot that is written isn't the best                    BEST_OVERWRITTEN
 *   who takes up a partition reads its place then              STALE_PLACE
 *   a death is seen                                            DEATH_UNSEEN
 *   balanced, it stays                                         RESTLESS
 */
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef IDS
#define IDS 3
#endif
#ifndef EVENTS
#define EVENTS 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef SILENCES
#define SILENCES 1
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

#define NOBODY 0
#define BIT(n) (1 << (n))

/* The group's lock: exclusive, for changes; shared, for commits. */
byte changer;
byte sharers;

/* The assignment, in `lock`. */
byte owner[2];
byte next[2];

/* members/: a bit for each id. */
byte ids;    /* used so far */
byte files;  /* those that are there */
byte locked; /* those whose process lives */
byte silent; /* those that showed no sign of life for too long */
byte were_silent;

/* places/: two slots each; 0 is a torn one, else one more than the offset. */
byte slots[4];
#define BEST(p) (slots[2 * (p)] >= slots[2 * (p) + 1] -> 0 : 1)
#define PLACE(p) (slots[2 * (p) + BEST(p)] - 1)

/* What was committed, and handled by anybody. */
byte committed[2];
byte handled[2];

byte events; /* who is to look, a bit a process */
byte kills = KILLS;
byte silences = SILENCES;
byte leaves = LEAVES;
byte killed;

#define ALL (BIT(MEMBERS + 1) - 2)
#define LIVE (files & locked & ~silent)
#define HAS(set, id) ((id) != NOBODY && ((set) & BIT(id)))

/* sl_member_plan(): to `to` and `to_next`, for who lives and what is there. */
inline plan()
{
	live = LIVE;
	p = 0;
	do
	:: p < 2 ->
		to[p] = (HAS(live, next[p]) -> next[p] :
		    (HAS(live, owner[p]) -> owner[p] : NOBODY));
		p++
	:: else -> break
	od;
	/* sl_balance(): share_out(), level() */
	p = 0;
	do
	:: p < 2 ->
		if
		:: to[p] == NOBODY -> idlest(); to[p] = best
		:: else
		fi;
		p++
	:: else -> break
	od;
	idlest();
	if
	:: to[0] == to[1] && best != to[0] -> to[1] = best
#ifdef RESTLESS
	:: to[0] != to[1] -> p = to[0]; to[0] = to[1]; to[1] = p
#endif
	:: else
	fi;
	/* apply() */
	p = 0;
	do
	:: p < 2 ->
		if
#ifndef TAKEN_FROM_LIVE
		:: HAS(live, owner[p]) && to[p] != owner[p] ->
			to_next[p] = to[p];
			to[p] = owner[p]
#endif
		:: else -> to_next[p] = NOBODY
		fi;
		p++
	:: else -> break
	od;
	p = 0; best = 0; live = 0
}

/* Of those that live the one that has the least, the first of them. */
#define LOAD(id) ((to[0] == (id)) + (to[1] == (id)))
inline idlest()
{
	best = NOBODY;
	i = 1;
	do
	:: i <= IDS ->
		if
		:: HAS(live, i) && (best == NOBODY || LOAD(i) < LOAD(best)) ->
			best = i
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

#define IS_CHANGED(p) (to[p] != owner[p] || to_next[p] != next[p])

/* What see_losses() and see_gains() look at. */
inline note_view()
{
	view = 0;
	p = 0;
	do
	:: p < 2 ->
		view = view | (owner[p] == id -> BIT(p) : 0);
		view = view | (next[p] != NOBODY -> BIT(p + 2) : 0);
		p++
	:: else -> break
	od;
	p = 0
}

inline drop(p)
{
	held = held & ~BIT(p);
	revoked = revoked & ~BIT(p);
	opened = opened & ~BIT(p);
#ifndef STALE_PLACE
	place[p] = 0;
	slot[p] = 0;
	done[p] = 0
#endif
}

/* Exclusive, with the gate that keeps new commits out; then a second look. */
inline lock_group()
{
	atomic { changer == 0 && sharers == 0 -> changer = _pid }
}

inline unlock_group()
{
	changer = 0;
	events = ALL
}

/* sl_member_open_place(), sl_place_open() */
inline open(p)
{
	atomic {
#ifdef STALE_PLACE
		if
		:: place[p] == 0 ->
			slot[p] = BEST(p);
			place[p] = PLACE(p)
		:: else
		fi;
#else
		slot[p] = BEST(p);
		place[p] = PLACE(p);
		assert(place[p] == committed[p]);
#endif
		done[p] = place[p];
		opened = opened | BIT(p)
	}
}

/* hand_over(), of all */
inline give_up(p)
{
	if
	:: owner[p] == id -> owner[p] = next[p]; next[p] = NOBODY
	:: owner[p] != id && next[p] == id -> next[p] = NOBODY
	:: else
	fi
}

#define is_mine(p) (owner[p] == id)

proctype Member() provided (killed == 0 || killed == _pid)
{
	byte id, view, held, revoked, opened;
	byte place[2], slot[2], done[2], to[2], to_next[2];
	byte live, best, i, p, n;

out:
	{
		true;
end_out:
		/* sl_member_enter() */
		atomic { ids < IDS && changer == 0 && sharers == 0 ->
			changer = _pid;
			files = files & locked & ~silent;
			ids++;
			id = ids;
			files = files | BIT(id);
			locked = locked | BIT(id)
#ifdef PLAN_UNLOCKED
			;
			plan()
#endif
		};
act:
		/* sl_member_act(), row by row */
		atomic {
#ifndef NO_SECOND_LOOK
			files = files & locked & ~silent;
#else
			assert((n & files & locked & ~silent) == 0);
			files = files & ~n;
			n = 0;
#endif
#ifndef PLAN_UNLOCKED
			plan()
#endif
		};
		d_step {
			owner[0] = to[0];
			next[0] = to_next[0]
		};
		atomic {
			owner[1] = to[1];
			next[1] = to_next[1];
			to[0] = 0; to[1] = 0; to_next[0] = 0; to_next[1] = 0;
			note_view();
			unlock_group();
			goto see
		};
end_idle:
		do
		:: atomic { events & BIT(_pid) -> goto look }
		/* A batch is handled. */
		:: atomic {
			opened & ~revoked & 1 && done[0] < EVENTS -> n = 0;
			goto handle }
		:: atomic {
			opened & ~revoked & 2 && done[1] < EVENTS -> n = 1;
			goto handle }
		:: atomic { opened & 1 && done[0] > place[0] -> n = 0;
			goto commit }
		:: atomic { opened & 2 && done[1] > place[1] -> n = 1;
			goto commit }
#ifdef RELEASED_FIRST
		:: atomic { revoked & 1 -> n = 0; goto release }
		:: atomic { revoked & 2 -> n = 1; goto release }
#else
		:: atomic { revoked & 1 && done[0] == place[0] -> n = 0;
			goto release }
		:: atomic { revoked & 2 && done[1] == place[1] -> n = 1;
			goto release }
#endif
		:: atomic { leaves > 0 && changer == 0 && sharers == 0 ->
			changer = _pid;
			leaves--;
			goto leave }
		od;

look:
		/* see_and_act() */
		atomic {
			events = events & ~BIT(_pid);
			if
			:: !HAS(files, id) ->
#ifndef NO_LOSE_ALL
				drop(0);
				drop(1);
#endif
				locked = locked & ~BIT(id);
				id = NOBODY;
				goto out
			:: else
			fi;
			silent = silent & ~BIT(id); /* its sign of life */
			plan();
			n = files & ~LIVE;
			if
#ifdef DEATH_UNSEEN
			:: n != 0 -> n = 0; note_view(); goto forget
#endif
			:: IS_CHANGED(0) || IS_CHANGED(1) || n != 0
			:: else -> note_view(); goto forget
			fi;
#ifndef NO_SECOND_LOOK
			n = 0;
#endif
#ifndef PLAN_UNLOCKED
			to[0] = 0; to[1] = 0; to_next[0] = 0; to_next[1] = 0
#endif
		};
		lock_group();
		goto act;
forget:
		atomic {
			to[0] = 0; to[1] = 0; to_next[0] = 0; to_next[1] = 0
		};
see:
		/* see_losses() and see_gains(), by what was read */
		atomic {
			p = 0;
			do
			:: p < 2 ->
				if
				:: (held & BIT(p)) && !(view & BIT(p)) ->
					drop(p)
				:: (held & BIT(p)) && (view & BIT(p)) &&
				   (view & BIT(p + 2)) ->
					revoked = revoked | BIT(p)
				:: !(held & BIT(p)) && (view & BIT(p)) ->
					held = held | BIT(p);
					/* The next look sees its next. */
					events = (view & BIT(p + 2) ->
					    events | BIT(_pid) : events)
				:: else
				fi;
				p++
			:: else -> break
			od;
			p = 0;
			view = 0
		};
		if
		:: held & ~opened & 1 -> open(0)
		:: !(held & ~opened & 1)
		fi;
		if
		:: held & ~opened & 2 -> open(1)
		:: !(held & ~opened & 2)
		fi;
		goto end_idle;

handle:
		atomic {
			assert(done[n] <= handled[n]);
			done[n] = done[n] + 1;
			handled[n] = (handled[n] < done[n] -> done[n] :
			    handled[n]);
			n = 0;
			goto end_idle
		};

commit:
		/* write_place() */
#ifdef CHECK_UNLOCKED
		atomic {
			if
			:: is_mine(n)
			:: else -> goto refused
			fi
		};
#endif
		atomic { changer == 0 -> sharers = sharers | BIT(_pid) };
		atomic {
#if !defined(NO_OWNER_CHECK) && !defined(CHECK_UNLOCKED)
			if
			:: is_mine(n)
			:: else ->
				sharers = sharers & ~BIT(_pid);
				goto refused
			fi;
#endif
#ifdef BEST_OVERWRITTEN
			slot[n] = 1 - slot[n];
#endif
			slots[2 * n + 1 - slot[n]] = 0 /* half-way */
		};
		atomic {
			assert(is_mine(n));
			assert(done[n] > committed[n] && done[n] <= handled[n]);
			slot[n] = 1 - slot[n];
			slots[2 * n + slot[n]] = done[n] + 1;
			committed[n] = done[n];
			place[n] = done[n];
			n = 0;
			sharers = sharers & ~BIT(_pid);
			goto end_idle
		};
refused:
		atomic {
			assert(HAS(were_silent, id));
			events = events | BIT(_pid);
			drop(n); /* it comes as lost */
			n = 0;
			goto end_idle
		};

release:
		/* let_go(), hand_over() */
		lock_group();
		atomic {
			if
			:: is_mine(n) ->
				owner[n] = next[n];
				next[n] = NOBODY
			:: else
			fi;
#ifndef RELEASED_FIRST
			drop(n);
#else
			revoked = revoked & ~BIT(n);
#endif
			n = 0;
			unlock_group();
			goto end_idle
		};

leave:
		atomic { give_up(0) };
		d_step { give_up(1) };
		atomic {
			files = files & ~BIT(id);
			locked = locked & ~BIT(id);
			id = NOBODY;
			drop(0);
			drop(1);
			unlock_group();
			goto out
		}
	} unless {
		killed == _pid
	};
	atomic {
		locked = locked & ~BIT(id);
		id = 0; view = 0; n = 0;
		drop(0);
		drop(1);
		to[0] = 0; to[1] = 0; to_next[0] = 0; to_next[1] = 0;
		if
		:: changer == _pid -> changer = 0
		:: else
		fi;
		sharers = sharers & ~BIT(_pid);
		events = ALL;
		killed = 0;
		goto out
	}
}

#define IN_ORDER(p) (HAS(LIVE, owner[p]) && next[p] == NOBODY && \
	committed[p] == EVENTS && PLACE(p) == EVENTS)

/* What comes from outside; and at the end, when all is quiet, the judge. */
active proctype Fate() provided (killed == 0)
{
	byte n;

	atomic {
		slots[0] = 1;
		slots[2] = 1;
		do
		:: n < MEMBERS -> run Member(); n++
		:: else -> break
		od;
		n = 0
	};
	do
	:: atomic {
		kills > 0 && locked != 0 ->
		kills--;
		if
		:: killed = 1
		:: killed = 2
		:: killed = MEMBERS
		fi
	   }
	:: atomic {
		silences > 0 && LIVE != 0 ->
		silences--;
		if
		:: LIVE & 2 -> n = 2
		:: LIVE & 4 -> n = 4
		:: LIVE & 8 -> n = 8
		:: LIVE & 16 -> n = 16
		:: LIVE & 32 -> n = 32
		fi;
		silent = silent | n;
		were_silent = were_silent | n;
		events = ALL;
		n = 0
	   }
	:: timeout -> break
	od;
	assert(changer == 0 && sharers == 0);
	assert(LIVE == 0 || (IN_ORDER(0) && IN_ORDER(1)))
}
