/* Many shards at once: every request is answered once, batches of a shard in the order of its
 * submissions, positions in the order of the answers; what was answered is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/test_support.h"

enum { SHARDS = 4, SHARD_BATCHES = 400, SHARD_AT_ONCE = 16 };

struct shard {
    uint32_t number;
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct list answers;
    /* Of the answering side, under the lock. */
    uint64_t batches_answered, last_position;
    /* Of the shard's thread. */
    uint64_t sent, settled, queries;
    int64_t own; /* entries that were stored for certain */
    bool wrong;
};

struct shards {
    struct shard list[SHARDS];
};

static void arrive(void *ctx, struct store_request *r)
{
    struct shards *all = ctx;
    CHECK(r->shard < SHARDS);
    struct shard *s = &all->list[r->shard];
    pthread_mutex_lock(&s->lock);
    if (r->write) {
        /* Order is judged here, where the driver gives it. */
        if (r->ticket != s->batches_answered++)
            s->wrong = true;
        if (r->err == 0 && r->position <= s->last_position)
            s->wrong = true;
        if (r->err == 0)
            s->last_position = r->position;
    }
    list_push(&s->answers, &r->link);
    pthread_cond_signal(&s->arrived);
    pthread_mutex_unlock(&s->lock);
}

static struct store_request *next_answer(struct shard *s)
{
    pthread_mutex_lock(&s->lock);
    while (list_empty(&s->answers))
        pthread_cond_wait(&s->arrived, &s->lock);
    struct store_request *r = CONTAINER_OF(list_pop(&s->answers), struct store_request, link);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static struct slice owner_of(uint32_t shard, char out[16])
{
    int n = snprintf(out, 16, "shard%u@x", shard);
    return slice_of(out, (size_t)n);
}

static void send_batch(struct shard *s)
{
    char own[16], other[16];
    struct slice owners[] = {owner_of(s->number, own), owner_of((s->number + 1) % SHARDS, other)};
    struct store_request *r = store_batch_new(s->number, s->sent);
    store_append(r, SLICE("log"), owners, 2, &(struct store_labels){0}, SLICE("some text"));
    store_put(r, owners[0], SLICE("roster"), SLICE("last"), slice_of((char *)&s->sent, 8));
    /* Every fifth is refused; it must not happen and not disturb its neighbours. */
    if (s->sent % 5 == 4)
        store_expect(r, owners[0], SLICE("roster"), SLICE("absent"), SLICE_NONE);
    s->sent++;
    store_submit(s->store, r);
}

static void send_query(struct shard *s)
{
    char own[16];
    struct slice owner = owner_of(s->number, own);
    struct store_request *r = store_query_new(s->number, s->settled);
    r->urgent = s->queries % 2 == 0;
    store_get(r, owner, SLICE("roster"), SLICE("last"));
    store_count(r, owner, SLICE("log"));
    s->queries++;
    store_submit(s->store, r);
}

static void take_batch(struct shard *s, const struct store_request *r)
{
    if (r->err != (r->ticket % 5 == 4 ? ERR_NOT_FOUND : 0))
        s->wrong = true;
    s->own += r->err == 0;
    s->settled++;
}

/* It was submitted when `ticket` batches were settled: all of those are in its snapshot. */
static void take_query(struct shard *s, const struct store_request *r)
{
    struct store_row row;
    uint64_t last = 0;
    int64_t settled = (int64_t)(r->ticket - r->ticket / 5), count = 0;
    if (r->err != 0)
        s->wrong = true;
    for (size_t at = 0; store_rows(r, &at, &row);) {
        if (row.read == 0)
            memcpy(&last, row.value.ptr, sizeof(last));
        else
            count = (int64_t)row.position;
    }
    if (r->ticket >= 2 && last + 2 < r->ticket)
        s->wrong = true;
    if (count < settled)
        s->wrong = true;
    s->queries--;
}

static void *shard_main(void *arg)
{
    struct shard *s = arg;
    while (s->settled < SHARD_BATCHES || s->queries > 0) {
        while (s->sent < SHARD_BATCHES && s->sent < s->settled + SHARD_AT_ONCE)
            send_batch(s);
        if (s->queries < 2 && s->settled < SHARD_BATCHES)
            send_query(s);
        struct store_request *r = next_answer(s);
        if (r->write)
            take_batch(s, r);
        else
            take_query(s, r);
        store_request_free(&r);
    }
    return NULL;
}

static void start(struct shards *all, struct store *store)
{
    store->answered = arrive;
    store->ctx = all;
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct shard *s = &all->list[i];
        *s = (struct shard){.number = i, .store = store};
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->arrived, NULL);
        list_init(&s->answers);
    }
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_int_equal(pthread_create(&all->list[i].thread, NULL, shard_main, &all->list[i]), 0);
}

static void run_shards(struct test_place *p)
{
    static struct shards all;
    struct store *store = test_open_store(p);
    assert_non_null(store);
    start(&all, store);
    int64_t stored = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &all.list[i];
        assert_int_equal(pthread_join(s->thread, NULL), 0);
        assert_false(s->wrong);
        assert_int_equal(s->batches_answered, SHARD_BATCHES);
        assert_int_equal(s->own, SHARD_BATCHES - SHARD_BATCHES / 5);
        assert_true(list_empty(&s->answers));
        stored += s->own;
        pthread_mutex_destroy(&s->lock);
        pthread_cond_destroy(&s->arrived);
    }
    struct desk *d = desk_new(store);
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct store_request *r = store_query_new(0, 0);
        char owner[16];
        store_count(r, owner_of(i, owner), SLICE("log"));
        desk_do(d, r);
        struct store_row row;
        size_t at = 0;
        assert_true(store_rows(r, &at, &row));
        assert_int_equal((int64_t)row.position, stored * 2 / SHARDS);
        store_request_free(&r);
    }
    desk_free(&d);
}

static void shards_are_answered_in_order_and_once(void **state)
{
    (void)state;
    struct test_place p;
    test_place_make(&p);
    run_shards(&p);
    test_place_remove(&p);
}

static void shards_are_answered_while_lots_come_and_go(void **state)
{
    (void)state;
    struct test_place p;
    test_place_make(&p);
    p.config.lot_rows = 12;
    p.config.owners_max = 2;
    run_shards(&p);
    test_place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_answered_in_order_and_once),
        cmocka_unit_test(shards_are_answered_while_lots_come_and_go),
    };
    return cmocka_run_group_tests_name("sqlite threads", tests, NULL, NULL);
}
