/* The SQLite driver as a store: takes requests, starts and ends the threads. */
#include "db/sqlite.h"

#include <signal.h>
#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"

enum {
    QUERY_MS_MAX = 1000,
    OWNERS_MAX = 16384,
    LOT_ROWS = 32768,
    SLOW_MS = 1000,
    DERIVED_ROWS = 32768,
    DERIVED_MS = 10000,
    SWEEP_MS = 3600000,
};

/* Read and checked in about half a second, so that a start after a crash stays below one. */
static const uint64_t check_bytes = UINT64_C(256) << 20;

void sqlite_answer(struct sqlite_driver *d, struct store_request *r)
{
    d->store.answered(d->store.ctx, r);
    if (atomic_fetch_sub(&d->pending, 1) == 1) {
        pthread_mutex_lock(&d->idle_lock);
        pthread_cond_broadcast(&d->idle);
        pthread_mutex_unlock(&d->idle_lock);
    }
}

static void sqlite_submit(struct store *store, struct store_request *r)
{
    struct sqlite_driver *d = CONTAINER_OF(store, struct sqlite_driver, store);
    atomic_fetch_add(&d->pending, 1);
    request_queue_push(r->write ? &d->batches : &d->queries, r);
}

static size_t sqlite_run(struct store *store, size_t n)
{
    (void)store;
    (void)n;
    return 0;
}

/* The threads of the driver take no signals: those are the business of the program. */
static void start_thread(pthread_t *thread, const char *name, void *(*main)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(pthread_create(thread, NULL, main, arg) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    (void)pthread_setname_np(*thread, name);
}

static void start_threads(struct sqlite_driver *d)
{
    start_thread(&d->writer.thread, "store-write", sqlite_writer_main, d);
    for (size_t i = 0; i < SQLITE_READERS; i++)
        start_thread(&d->readers[i].thread, "store-read", sqlite_reader_main, &d->readers[i]);
    start_thread(&d->checkpointer.thread, "store-move", sqlite_checkpointer_main, &d->checkpointer);
    start_thread(&d->derived.thread, "store-derive", sqlite_derived_main, &d->derived);
}

static void stop_threads(struct sqlite_driver *d)
{
    request_queue_stop(&d->batches);
    request_queue_stop(&d->queries);
    CHECK(pthread_join(d->writer.thread, NULL) == 0);
    for (size_t i = 0; i < SQLITE_READERS; i++)
        CHECK(pthread_join(d->readers[i].thread, NULL) == 0);
    sqlite_derived_stop(&d->derived);
    CHECK(pthread_join(d->derived.thread, NULL) == 0);
    sqlite_checkpoint_stop(&d->checkpointer);
    CHECK(pthread_join(d->checkpointer.thread, NULL) == 0);
}

static void init(struct sqlite_driver *d, const struct sqlite_config *config)
{
    d->config = *config;
    d->path = mem_copy(slice_z(config->path));
    d->vfs = config->vfs != NULL ? mem_copy(slice_z(config->vfs)) : NULL;
    if (d->config.query_ms_max == 0)
        d->config.query_ms_max = QUERY_MS_MAX;
    if (d->config.owners_max == 0)
        d->config.owners_max = OWNERS_MAX;
    if (d->config.check_bytes == 0)
        d->config.check_bytes = check_bytes;
    if (d->config.slow_ms == 0)
        d->config.slow_ms = SLOW_MS;
    if (d->config.lot_rows == 0)
        d->config.lot_rows = LOT_ROWS;
    if (d->config.derived_rows == 0)
        d->config.derived_rows = DERIVED_ROWS;
    if (d->config.derived_ms == 0)
        d->config.derived_ms = DERIVED_MS;
    if (d->config.sweep_ms == 0)
        d->config.sweep_ms = SWEEP_MS;
    sqlite_derived_init(&d->derived, d);
    sqlite_tail_init(&d->tail, d->config.lot_rows);
    sqlite_events_init(&d->events, config->log, d->path);
    request_queue_init(&d->batches);
    request_queue_init(&d->queries);
    pthread_mutex_init(&d->idle_lock, NULL);
    pthread_cond_init(&d->idle, NULL);
    for (size_t i = 0; i < SQLITE_READERS; i++) {
        d->readers[i].driver = d;
        pthread_mutex_init(&d->readers[i].lock, NULL);
    }
    d->checkpointer.driver = d;
    pthread_mutex_init(&d->checkpointer.connection, NULL);
    pthread_mutex_init(&d->checkpointer.lock, NULL);
    pthread_cond_init(&d->checkpointer.wake, NULL);
}

static void release(struct sqlite_driver *d)
{
    for (size_t i = 0; i < SQLITE_READERS; i++) {
        sqlite_reader_close(&d->readers[i]);
        pthread_mutex_destroy(&d->readers[i].lock);
    }
    sql_close(&d->checkpointer.db);
    sqlite_derived_free(&d->derived);
    sqlite_stop(d);
    sqlite_tail_free(&d->tail);
    pthread_mutex_destroy(&d->checkpointer.connection);
    pthread_mutex_destroy(&d->checkpointer.lock);
    pthread_cond_destroy(&d->checkpointer.wake);
    pthread_mutex_destroy(&d->idle_lock);
    pthread_cond_destroy(&d->idle);
    request_queue_free(&d->batches);
    request_queue_free(&d->queries);
    sqlite_events_free(&d->events);
    mem_free(d->path);
    mem_free(d->vfs);
    mem_free(d);
}

static void sqlite_free(struct store *store)
{
    struct sqlite_driver *d = CONTAINER_OF(store, struct sqlite_driver, store);
    pthread_mutex_lock(&d->idle_lock);
    while (atomic_load(&d->pending) > 0)
        pthread_cond_wait(&d->idle, &d->idle_lock);
    pthread_mutex_unlock(&d->idle_lock);
    stop_threads(d);
    release(d);
}

static const struct store_ops sqlite_ops = {
    .submit = sqlite_submit, .run = sqlite_run, .free = sqlite_free};

struct store *sqlite_open(const struct sqlite_config *config, char *error, size_t error_size,
                          int *err_out)
{
    struct sqlite_driver *d = mem_new(struct sqlite_driver);
    d->store.ops = &sqlite_ops;
    init(d, config);
    *err_out = sqlite_start(d, false, error, error_size);
    if (*err_out != 0) {
        release(d);
        return NULL;
    }
    start_threads(d);
    return &d->store;
}
