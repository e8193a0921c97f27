/* The threads for PBKDF2 (L11) behind a face that does not know the pool's own struct job, which
 * has the name of the engine's. */
#ifndef BURBLED_JOB_POOL_H
#define BURBLED_JOB_POOL_H

#include <stdbool.h>

struct job_pool;

/* run is called on a thread of the pool, then done, also there; dropped: the pool ended before it
 * ran, and done is called on the thread that stops the pool. */
typedef void job_pool_run(void *work);
typedef void job_pool_done(void *ctx, void *work, bool dropped);

/* 0 or ERR_LIMIT, ERR_MEMORY. */
int job_pool_start(unsigned threads, unsigned queue_max, job_pool_run *run, job_pool_done *done,
                   void *ctx, struct job_pool **pool_out);
/* Any thread. 0, or ERR_BUSY, ERR_CLOSED: the work stays the caller's. */
int job_pool_submit(struct job_pool *pool, void *work);
unsigned job_pool_waiting(struct job_pool *pool);
void job_pool_stop(struct job_pool **pool);

#endif
