/* output_thread.c: a thread that writes; see output.h. */
#include "output.h"

#include "cli.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

/* One is written, one waits, one is in hand. */
#define BUFFERS 3
/* Of a buffer that is written so much goes at a time, as a pipe likes it. */
#define WRITE_BYTES ((size_t)64 << 10)

struct output_thread {
	pthread_t id;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	int fd;
	char *buffers[BUFFERS]; /* owned, but for the one in hand */
	size_t used[BUFFERS];   /* 0: empty */
	size_t in_hand;         /* the caller's */
	size_t next;            /* the thread's next to write */
	bool is_over;
	int rc; /* of the writes: once it is none, nothing more is written */
	struct sl_error err;
};

static int
write_in_pieces(struct output_thread *thread, size_t at, struct sl_error *err)
{
	const char *from = thread->buffers[at];
	size_t left = thread->used[at];
	size_t piece;
	int rc = SL_OK;

	for (; rc == SL_OK && left > 0; from += piece, left -= piece) {
		piece = left < WRITE_BYTES ? left : WRITE_BYTES;
		rc = output_write(thread->fd, from, piece, err);
	}
	return rc;
}

static void *
write_buffers(void *arg)
{
	struct output_thread *thread = arg;
	struct sl_error err;
	sigset_t all;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&thread->lock);
	for (;;) {
		while (thread->used[thread->next] == 0 && !thread->is_over)
			pthread_cond_wait(&thread->changed, &thread->lock);
		if (thread->used[thread->next] == 0)
			break;
		rc = thread->rc;
		pthread_mutex_unlock(&thread->lock);
		if (rc == SL_OK)
			rc = write_in_pieces(thread, thread->next, &err);
		pthread_mutex_lock(&thread->lock);
		if (thread->rc == SL_OK && rc != SL_OK) {
			thread->rc = rc;
			thread->err = err;
		}
		thread->used[thread->next] = 0;
		thread->next = (thread->next + 1) % BUFFERS;
		pthread_cond_signal(&thread->changed);
	}
	pthread_mutex_unlock(&thread->lock);
	return NULL;
}

static void
thread_free(struct output_thread *thread)
{
	size_t i;

	for (i = 0; i < BUFFERS; i++) {
		if (i != thread->in_hand)
			free(thread->buffers[i]);
	}
	pthread_cond_destroy(&thread->changed);
	pthread_mutex_destroy(&thread->lock);
	free(thread);
}

bool
output_thread_begin(struct output *output)
{
	struct output_thread *thread;
	cpu_set_t cpus;
	bool is_whole = true;
	size_t i;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 ||
	    CPU_COUNT(&cpus) < 2)
		return false;
	thread = calloc(1, sizeof(*thread));
	if (thread == NULL)
		return false;
	thread->fd = output->fd;
	thread->buffers[0] = output->bytes;
	for (i = 1; i < BUFFERS; i++) {
		thread->buffers[i] = malloc(OUTPUT_FLOW_BYTES);
		is_whole = is_whole && thread->buffers[i] != NULL;
	}
	pthread_mutex_init(&thread->lock, NULL);
	pthread_cond_init(&thread->changed, NULL);
	if (!is_whole ||
	    pthread_create(&thread->id, NULL, write_buffers, thread) != 0) {
		thread_free(thread);
		return false;
	}
	output->thread = thread;
	return true;
}

void
output_thread_end(struct output *output)
{
	struct output_thread *thread = output->thread;

	if (thread == NULL)
		return;
	pthread_mutex_lock(&thread->lock);
	thread->is_over = true;
	pthread_cond_signal(&thread->changed);
	pthread_mutex_unlock(&thread->lock);
	pthread_join(thread->id, NULL);
	thread_free(thread);
	output->thread = NULL;
}

static bool
is_all_written(const struct output_thread *thread)
{
	size_t i;

	for (i = 0; i < BUFFERS; i++) {
		if (thread->used[i] != 0)
			return false;
	}
	return true;
}

int
output_thread_pass(struct output *output, bool all, struct sl_error *err)
{
	struct output_thread *thread = output->thread;
	size_t next;
	int rc;

	pthread_mutex_lock(&thread->lock);
	if (output->used > 0) {
		thread->used[thread->in_hand] = output->used;
		pthread_cond_signal(&thread->changed);
		next = (thread->in_hand + 1) % BUFFERS;
		while (thread->used[next] != 0)
			pthread_cond_wait(&thread->changed, &thread->lock);
		thread->in_hand = next;
		output->bytes = thread->buffers[next];
		output->used = 0;
	}
	while (all && !is_all_written(thread))
		pthread_cond_wait(&thread->changed, &thread->lock);
	rc = thread->rc;
	if (rc < 0)
		*err = thread->err;
	pthread_mutex_unlock(&thread->lock);
	return rc;
}
