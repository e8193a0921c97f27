/* A pool of threads for work that takes milliseconds of CPU (PBKDF2), with a bounded queue (L11).
 * Knows nothing of the work. */
#ifndef IO_WORKERS_H
#define IO_WORKERS_H

#include <stdbool.h>

#include "io/mailbox.h"

struct workers;

/* Embedded in what the job is about. From an accepted submit until `done` it belongs to the pool.
 */
struct job {
    struct mailbox_node node; /* the pool's; free for the mailbox of the answer in `done` */
    /* On a worker thread. Looks at nothing that another thread may change. */
    void (*run)(struct job *job);
    /* On a worker thread, after run; posts the answer (mailbox_push(..., &job->node)). The pool
     * does not touch the job any more. */
    void (*done)(struct job *job);
    bool dropped; /* the pool stopped before it ran: run was not called */
};

/* threads >= 1, queue_max jobs wait at most (those running not counted). 0 or ERR_LIMIT,
 * ERR_MEMORY: no thread was to be had. */
int workers_start(const char *name, unsigned threads, unsigned queue_max,
                  struct workers **workers_out);
/* Any thread. 0; ERR_BUSY when the queue is full, ERR_CLOSED after the stop: the job stays the
 * caller's. */
int workers_submit(struct workers *w, struct job *job);
/* Any thread: how many wait, for the statistics. */
unsigned workers_waiting(struct workers *w);
/* Finishes the jobs that run, drops those that wait (`done` is called with dropped set, on the
 * calling thread), joins the threads. */
void workers_stop(struct workers **w);

#endif
