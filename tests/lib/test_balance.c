/* test_balance.c: partitions are shared out evenly, and move only when they
 * must. */
#include "balance.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 32
#define PARTITIONS_MAX 256
#define TOPICS_MAX 8

struct world {
	struct sl_balance balance;
	bool wants[TOPICS_MAX * MEMBERS_MAX];
	size_t load[MEMBERS_MAX];
	size_t topics[PARTITIONS_MAX];
	size_t holders[PARTITIONS_MAX];
};

static void
world_init(struct world *world, size_t members, size_t topics,
    size_t partitions)
{
	size_t i;

	memset(world, 0, sizeof(*world));
	world->balance = (struct sl_balance){ .member_count = members,
		.topic_count = topics,
		.partition_count = partitions,
		.wants = world->wants,
		.load = world->load,
		.topics = world->topics,
		.holders = world->holders };
	for (i = 0; i < topics * members; i++)
		world->wants[i] = true;
	for (i = 0; i < partitions; i++) {
		world->topics[i] = i % topics;
		world->holders[i] = SL_BALANCE_NOBODY;
	}
}

static void
balance(struct world *world)
{
	memset(world->load, 0, sizeof(world->load));
	sl_balance(&world->balance);
}

static size_t
most(const struct world *world)
{
	size_t i, max = 0;

	for (i = 0; i < world->balance.member_count; i++)
		max = world->load[i] > max ? world->load[i] : max;
	return max;
}

static size_t
least(const struct world *world)
{
	size_t i, min = SIZE_MAX;

	for (i = 0; i < world->balance.member_count; i++)
		min = world->load[i] < min ? world->load[i] : min;
	return min;
}

static size_t
moved(const struct world *world, const size_t *before)
{
	size_t i, count = 0;

	for (i = 0; i < world->balance.partition_count; i++)
		count += world->holders[i] != before[i];
	return count;
}

static void
test_even(void)
{
	static struct world world;
	size_t before[PARTITIONS_MAX];

	world_init(&world, 2, 8, 8);
	balance(&world);
	check(world.load[0] == 4 && world.load[1] == 4,
	    "eight topics of one partition, two members: four each");
	world_init(&world, 3, 1, 64);
	balance(&world);
	CHECK(most(&world) - least(&world) <= 1);
	memcpy(before, world.holders, sizeof(before));
	balance(&world);
	check(moved(&world, before) == 0, "what is balanced stays");
	/* A fourth member comes. */
	world.balance.member_count = 4;
	memset(world.wants, true, sizeof(world.wants));
	balance(&world);
	CHECK(most(&world) == 16 && least(&world) == 16);
	check(moved(&world, before) == 16,
	    "a member that comes gets its share, and no more moves: %zu",
	    moved(&world, before));
	/* One too many stands by. */
	world_init(&world, 3, 1, 2);
	balance(&world);
	CHECK(least(&world) == 0 && most(&world) == 1);
}

static void
test_wants(void)
{
	static struct world world;
	size_t i;

	/* Member 1 wants topic 1 only, member 0 both: it gives all of 1 away.
	 */
	world_init(&world, 2, 2, 8);
	world.wants[0 * 2 + 1] = false;
	balance(&world);
	check(world.load[0] == 4 && world.load[1] == 4,
	    "who wants more topics leaves others to who wants one");
	for (i = 0; i < 8; i++)
		CHECK(world.holders[i] == world.topics[i]);
	world.wants[0] = false;
	balance(&world);
	check(world.holders[0] == SL_BALANCE_NOBODY,
	    "what nobody wants nobody has");
}

/* Members come and go at random: even, sticky, and the same the second time. */
static void
test_random(void)
{
	static struct world world;
	size_t before[PARTITIONS_MAX], held[MEMBERS_MAX];
	size_t uneven = 0, unstable = 0, needless = 0, i, gone;
	unsigned seed = 4711;
	int turn;

	for (turn = 0; turn < 2000; turn++) {
		world_init(&world, 1 + (size_t)rand_r(&seed) % MEMBERS_MAX,
		    1 + (size_t)rand_r(&seed) % TOPICS_MAX,
		    1 + (size_t)rand_r(&seed) % PARTITIONS_MAX);
		balance(&world);
		uneven += most(&world) - least(&world) > 1;
		memcpy(before, world.holders, sizeof(before));
		memcpy(held, world.load, sizeof(held));
		balance(&world);
		unstable += moved(&world, before) != 0;
		/* One dies: what it had moves; of the others' nothing need. */
		gone = (size_t)rand_r(&seed) % world.balance.member_count;
		if (world.balance.member_count == 1)
			continue;
		for (i = 0; i < world.balance.topic_count; i++)
			world.wants[i * world.balance.member_count + gone] =
			    false;
		balance(&world);
		needless += moved(&world, before) > held[gone];
		world.load[gone] = most(&world);
		uneven += most(&world) - least(&world) > 1;
	}
	check(uneven == 0, "always even: %zu times not", uneven);
	check(unstable == 0, "always stable: %zu times not", unstable);
	check(needless == 0, "no needless move: %zu times", needless);
}

int
main(void)
{
	test_even();
	test_wants();
	test_random();
	return check_done();
}
