/* A queue of requests between threads. Those that come are woken; urgent ones are taken first. */
#ifndef DB_REQUEST_QUEUE_H
#define DB_REQUEST_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include "store/store.h"

struct request_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list urgent, waiting;
    bool stopping;
};

void request_queue_init(struct request_queue *q);
/* It is empty and nobody waits on it. */
void request_queue_free(struct request_queue *q);
void request_queue_push(struct request_queue *q, struct store_request *r);
/* Waits until there is something. Moves up to count_max requests to the (empty) group, the oldest
 * first, and not much more than bytes_max of operations; how many. 0: stopped and empty. */
size_t request_queue_take(struct request_queue *q, size_t count_max, size_t bytes_max,
                          struct list *group);
/* Puts a taken group back in front of all others; the group is empty then. */
void request_queue_return(struct request_queue *q, struct list *group);
/* Everybody who waits, or will, gets what is left and then 0. */
void request_queue_stop(struct request_queue *q);

#endif
