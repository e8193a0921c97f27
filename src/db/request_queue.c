/* A queue of requests between threads: one lock, held for a few pointer moves. */
#include "db/request_queue.h"

#include "base/check.h"

void request_queue_init(struct request_queue *q)
{
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->wake, NULL);
    list_init(&q->urgent);
    list_init(&q->waiting);
    q->stopping = false;
}

void request_queue_free(struct request_queue *q)
{
    CHECK(list_empty(&q->urgent) && list_empty(&q->waiting));
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->wake);
}

void request_queue_push(struct request_queue *q, struct store_request *r)
{
    pthread_mutex_lock(&q->lock);
    list_push(r->urgent && !r->write ? &q->urgent : &q->waiting, &r->link);
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

size_t request_queue_take(struct request_queue *q, size_t count_max, size_t bytes_max,
                          struct list *group)
{
    size_t count = 0, bytes = 0;
    pthread_mutex_lock(&q->lock);
    while (list_empty(&q->urgent) && list_empty(&q->waiting) && !q->stopping)
        pthread_cond_wait(&q->wake, &q->lock);
    while (count < count_max && bytes < bytes_max) {
        struct list *first = list_pop(list_empty(&q->urgent) ? &q->waiting : &q->urgent);
        if (first == NULL)
            break;
        bytes += buf_len(&CONTAINER_OF(first, struct store_request, link)->data);
        list_push(group, first);
        count++;
    }
    pthread_mutex_unlock(&q->lock);
    return count;
}

void request_queue_return(struct request_queue *q, struct list *group)
{
    pthread_mutex_lock(&q->lock);
    while (!list_empty(group)) {
        struct list *last = group->prev;
        list_remove(last);
        list_push_front(&q->waiting, last);
    }
    pthread_mutex_unlock(&q->lock);
}

void request_queue_stop(struct request_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopping = true;
    pthread_cond_broadcast(&q->wake);
    pthread_mutex_unlock(&q->lock);
}
