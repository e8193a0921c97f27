/* A pool of threads with a bounded queue. A mutex and a condition are enough: a job takes
 * milliseconds. */
#include "io/workers.h"

#include <pthread.h>
#include <stddef.h>

#include "base/check.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/thread.h"

struct workers {
    pthread_mutex_t lock; /* guards all up to threads */
    pthread_cond_t more;
    struct mailbox_node *first, **last;
    unsigned waiting, waiting_max;
    bool stop;
    unsigned n;
    struct thread threads[];
};

static struct job *take(struct workers *w)
{
    struct mailbox_node *node = w->first;
    if (node == NULL)
        return NULL;
    w->first = node->next;
    if (w->first == NULL)
        w->last = &w->first;
    w->waiting--;
    return CONTAINER_OF(node, struct job, node);
}

static void work(void *arg)
{
    struct workers *w = arg;
    CHECK(pthread_mutex_lock(&w->lock) == 0);
    while (!w->stop) {
        struct job *job = take(w);
        if (job == NULL) {
            CHECK(pthread_cond_wait(&w->more, &w->lock) == 0);
            continue;
        }
        CHECK(pthread_mutex_unlock(&w->lock) == 0);
        job->run(job);
        job->done(job);
        CHECK(pthread_mutex_lock(&w->lock) == 0);
    }
    CHECK(pthread_mutex_unlock(&w->lock) == 0);
}

int workers_start(const char *name, unsigned threads, unsigned queue_max,
                  struct workers **workers_out)
{
    CHECK(threads >= 1 && threads <= 1024);
    struct workers *w = mem_alloc(sizeof(*w) + threads * sizeof(w->threads[0]));
    CHECK(pthread_mutex_init(&w->lock, NULL) == 0);
    CHECK(pthread_cond_init(&w->more, NULL) == 0);
    w->last = &w->first;
    w->waiting_max = queue_max;
    for (; w->n < threads; w->n++) {
        int err = thread_start(&w->threads[w->n], name, work, w);
        if (err != 0) {
            workers_stop(&w);
            return err;
        }
    }
    *workers_out = w;
    return 0;
}

int workers_submit(struct workers *w, struct job *job)
{
    int err = 0;
    CHECK(pthread_mutex_lock(&w->lock) == 0);
    if (w->stop) {
        err = ERR_CLOSED;
    } else if (w->waiting >= w->waiting_max) {
        err = ERR_BUSY;
    } else {
        job->dropped = false;
        job->node.next = NULL;
        *w->last = &job->node;
        w->last = &job->node.next;
        w->waiting++;
        CHECK(pthread_cond_signal(&w->more) == 0);
    }
    CHECK(pthread_mutex_unlock(&w->lock) == 0);
    return err;
}

unsigned workers_waiting(struct workers *w)
{
    CHECK(pthread_mutex_lock(&w->lock) == 0);
    unsigned n = w->waiting;
    CHECK(pthread_mutex_unlock(&w->lock) == 0);
    return n;
}

void workers_stop(struct workers **wp)
{
    struct workers *w = *wp;
    if (w == NULL)
        return;
    CHECK(pthread_mutex_lock(&w->lock) == 0);
    w->stop = true;
    CHECK(pthread_cond_broadcast(&w->more) == 0);
    CHECK(pthread_mutex_unlock(&w->lock) == 0);
    for (unsigned i = 0; i < w->n; i++)
        thread_join(&w->threads[i]);
    for (struct job *job; (job = take(w)) != NULL;) {
        job->dropped = true;
        job->done(job);
    }
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
    *wp = NULL;
}
