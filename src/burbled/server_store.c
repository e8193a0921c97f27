/* Opening the store (D03, D10, D11, D12), and what its answers become. */
#include <pthread.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/server_inside.h"
#include "db/sqlite.h"
#include "io/thread.h"
#include "xmpp/stanza_text.h"

static void answered(void *ctx, struct store_request *r)
{
    struct server *s = ctx;
    struct store_request *echo = store_echo(r);
    if (echo != NULL)
        shard_answer(s->all.list[echo->shard], echo);
    if (r->shard < s->all.count)
        shard_answer(s->all.list[r->shard], r);
    else
        mailbox_push(&s->all.main_answers, (struct mailbox_node *)(void *)&r->link);
}

/* What the logs say: messages that wait for delivery are not searched. */
static bool text_of(void *ctx, struct slice name, struct slice value, uint32_t flags,
                    struct buf *out)
{
    (void)ctx, (void)flags;
    return !slice_is(name, "offline") && stanza_text(value, out);
}

static struct store_text texts(const struct config *config)
{
    return (struct store_text){.of = config->archive_search ? text_of : NULL};
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

static struct store *memory_open(const struct config *config)
{
    static const struct store_ops ops = {locked_submit, locked_run, locked_free};
    struct locked *l = mem_new(struct locked);
    l->store.ops = &ops;
    struct store_text text = texts(config);
    l->inner = store_memory_new();
    store_memory_text(l->inner, &text);
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

/* Opening takes milliseconds (a check, a sync of the disk), and so do the certificates: the one
 * happens on a thread of its own meanwhile. */
struct server_opening {
    struct thread thread;
    struct sqlite_config config;
    struct store *store;
    int err;
    char error[1200];
};

static void work(void *arg)
{
    struct server_opening *o = arg;
    o->store = sqlite_open(&o->config, o->error, sizeof(o->error), &o->err);
}

struct server_opening *server_store_begin(struct server *s, const struct config *config)
{
    if (config->store == CONFIG_STORE_MEMORY) {
        s->all.store = memory_open(config);
        return NULL;
    }
    struct server_opening *o = mem_new(struct server_opening);
    struct buf path = {0};
    buf_printf(&path, "%s/burble.db", config->data_dir);
    o->config = (struct sqlite_config){.path = mem_copy(buf_slice(&path)),
                                       .relaxed = config->durability == CONFIG_DURABILITY_RELAXED,
                                       .text = texts(config),
                                       .log = &s->store_log,
                                       .fatal = fatal,
                                       .ctx = s};
    buf_free(&path);
    if (thread_start(&o->thread, "store-open", work, o) != 0)
        work(o);
    return o;
}

int server_store_finish(struct server *s, struct server_opening **opening)
{
    struct server_opening *o = *opening;
    int exit = EXIT_GOOD;
    if (o != NULL) {
        thread_join(&o->thread);
        s->all.store = o->store;
        if (o->store == NULL)
            exit = server_fail(s, exit_of(o->err), event_of(o->err), "%s", o->error);
        mem_free((void *)(uintptr_t)o->config.path);
        mem_free(o);
        *opening = NULL;
    }
    if (exit == EXIT_GOOD) {
        s->all.store->answered = answered;
        s->all.store->ctx = s;
    }
    return exit;
}
