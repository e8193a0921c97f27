/* A place where the answers of a store arrive, for tests: on the test's own thread (twins) or on
 * threads of a driver. */
#include <pthread.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "store/conformance.h"

enum { DESK_WAIT_S = 30 };

struct desk {
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct list answers;
    size_t waiting;
};

static void desk_answered(void *ctx, struct store_request *r)
{
    struct desk *d = ctx;
    pthread_mutex_lock(&d->lock);
    list_push(&d->answers, &r->link);
    d->waiting++;
    pthread_cond_signal(&d->arrived);
    pthread_mutex_unlock(&d->lock);
}

struct desk *desk_new(struct store *s)
{
    struct desk *d = mem_new(struct desk);
    d->store = s;
    list_init(&d->answers);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->arrived, NULL);
    s->answered = desk_answered;
    s->ctx = d;
    return d;
}

void desk_submit(struct desk *d, struct store_request *r)
{
    store_submit(d->store, r);
}

struct store_request *desk_next(struct desk *d)
{
    store_run(d->store, 1);
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += DESK_WAIT_S;
    pthread_mutex_lock(&d->lock);
    while (d->waiting == 0)
        CHECK(pthread_cond_timedwait(&d->arrived, &d->lock, &end) == 0);
    struct store_request *r = CONTAINER_OF(list_pop(&d->answers), struct store_request, link);
    d->waiting--;
    pthread_mutex_unlock(&d->lock);
    return r;
}

void desk_do(struct desk *d, struct store_request *r)
{
    desk_submit(d, r);
    CHECK(desk_next(d) == r);
}

size_t desk_waiting(struct desk *d)
{
    pthread_mutex_lock(&d->lock);
    size_t n = d->waiting;
    pthread_mutex_unlock(&d->lock);
    return n;
}

void desk_close(struct desk *d)
{
    store_free(&d->store);
}

void desk_free(struct desk **d)
{
    if (*d == NULL)
        return;
    desk_close(*d);
    LIST_EACH(at, &(*d)->answers)
    {
        struct store_request *r = CONTAINER_OF(at, struct store_request, link);
        list_remove(at);
        store_request_free(&r);
    }
    pthread_mutex_destroy(&(*d)->lock);
    pthread_cond_destroy(&(*d)->arrived);
    mem_free(*d);
    *d = NULL;
}
