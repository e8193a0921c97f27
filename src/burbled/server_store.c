/* Opening the store (D03, D10, D11, D12), and what its answers become. */
#include <pthread.h>
#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/server_inside.h"
#include "db/sqlite.h"

enum { PATH_BYTES = 1000 };

static void answered(void *ctx, struct store_request *r)
{
    struct server *s = ctx;
    if (r->shard < s->all.count)
        shard_answer(s->all.list[r->shard], r);
    else
        mailbox_push(&s->all.main_answers, (struct mailbox_node *)(void *)&r->link);
}

/* ---------------------------------------------------------- the memory twin, shared by all shards
 */

struct locked {
    struct store store;
    struct store *inner;
    pthread_mutex_t lock;
};

static void locked_answered(void *ctx, struct store_request *r)
{
    struct locked *l = ctx;
    l->store.answered(l->store.ctx, r);
}

static void locked_submit(struct store *s, struct store_request *r)
{
    struct locked *l = CONTAINER_OF(s, struct locked, store);
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    store_submit(l->inner, r);
    store_run(l->inner, 1);
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
}

static size_t locked_run(struct store *s, size_t n)
{
    (void)s, (void)n;
    return 0;
}

static void locked_free(struct store *s)
{
    struct locked *l = CONTAINER_OF(s, struct locked, store);
    store_free(&l->inner);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}

static struct store *memory_open(void)
{
    static const struct store_ops ops = {locked_submit, locked_run, locked_free};
    struct locked *l = mem_new(struct locked);
    l->store.ops = &ops;
    l->inner = store_memory_new();
    l->inner->answered = locked_answered;
    l->inner->ctx = l;
    CHECK(pthread_mutex_init(&l->lock, NULL) == 0);
    return &l->store;
}

/* ---------------------------------------------------------------------------------------- SQLite
 */

/* On a thread of the driver (D07): the process ends with status 74. */
static void fatal(void *ctx, const char *text)
{
    struct server *s = ctx;
    struct log_line l;
    log_begin(&l, &s->store_log, LOG_CRITICAL, "store.failed");
    log_z(&l, "cond", text);
    log_end(&l);
    atomic_store(&s->store_failed, true);
    loop_wake(&s->loop);
}

static enum server_exit exit_of(int err)
{
    switch (err) {
    case ERR_SCHEMA:
    case ERR_LIMIT:
        return EXIT_BAD_CONFIG;
    case ERR_BUSY:
        return EXIT_TRY_LATER;
    case ERR_MEMORY:
        return EXIT_SYSTEM;
    default:
        return EXIT_STORAGE;
    }
}

static const char *event_of(int err)
{
    switch (err) {
    case ERR_SCHEMA:
        return "store.schema";
    case ERR_BUSY:
        return "store.locked";
    case ERR_CORRUPT:
        return "store.corrupt";
    case ERR_READONLY:
        return "store.readonly";
    case ERR_FULL:
        return "store.full";
    default:
        return "store.failed";
    }
}

int server_store_open(struct server *s, const struct config *config)
{
    if (config->store == CONFIG_STORE_MEMORY) {
        s->all.store = memory_open();
    } else {
        char path[PATH_BYTES], error[1200];
        int err = 0, n = snprintf(path, sizeof(path), "%s/burble.db", config->data_dir);
        CHECK(n > 0);
        struct sqlite_config sqlite = {
            .path = path, .log = &s->store_log, .fatal = fatal, .ctx = s};
        if ((size_t)n < sizeof(path))
            s->all.store = sqlite_open(&sqlite, error, sizeof(error), &err);
        else
            snprintf(error, sizeof(error), "data_dir: the path is too long");
        if (s->all.store == NULL)
            return server_fail(s, exit_of(err != 0 ? err : ERR_LIMIT), event_of(err), "%s", error);
    }
    s->all.store->answered = answered;
    s->all.store->ctx = s;
    return EXIT_GOOD;
}
