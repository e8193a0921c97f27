/* The writing thread: group commit. Whatever waits when the last commit ends is one transaction; no
 * timer, so that a lone batch waits for nothing and many share one sync. Batches are carried out
 * and answered in the order of submission. When a group cannot be carried out, smaller ones are
 * tried until the batch that fails stands alone. */
#include "base/check.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"

static void answer_all(struct sqlite_driver *d, struct list *group, int err)
{
    while (!list_empty(group)) {
        struct store_request *r = CONTAINER_OF(list_pop(group), struct store_request, link);
        if (err != 0 && r->err == 0)
            r->err = err;
        if (r->err != 0)
            store_answer_clear(r);
        sqlite_answer(d, r);
    }
}

/* The errors of a batch's own demands are found anew when it is tried again; ERR_LIMIT is the
 * builders', and ERR_MEMORY of theirs shows in the buffer. */
static void forget_errors(struct list *group)
{
    LIST_EACH(at, group)
    {
        struct store_request *r = CONTAINER_OF(at, struct store_request, link);
        if (r->err != ERR_LIMIT)
            r->err = 0;
        store_answer_clear(r);
    }
}

/* One transaction. An error is one of the whole group; nothing is written then, except that after
 * ERR_IO of the commit nobody knows. */
static int commit_group(struct sqlite_driver *d, struct list *group)
{
    struct sqlite_write *w = &d->writer.write;
    w->revised_done = sqlite_derived_revised(&d->derived);
    int err = sqlite_write_begin(w);
    LIST_EACH(at, group)
    {
        if (err != 0)
            break;
        struct store_request *r = CONTAINER_OF(at, struct store_request, link);
        r->err = store_request_check(r);
        if (r->err != 0)
            continue;
        err = sqlite_write_batch(w, r);
        if (err == ERR_EXISTS || err == ERR_NOT_FOUND) {
            r->err = err;
            err = 0;
        }
    }
    if (err == 0 && w->changed)
        err = sqlite_write_commit(w);
    else if (err == 0)
        sqlite_write_rollback(w);
    if (err == 0) {
        sqlite_derived_committed(&d->derived, w->position, w->revised, w->dropped);
        w->dropped = 0;
    }
    return err;
}

/* A reading or writing of the file failed: whether the group happened is known after it is opened
 * again. */
static int recover_group(struct sqlite_driver *d, const char *why)
{
    int64_t before = d->writer.write.commits, after;
    if (sqlite_recover(d, why, &after) != 0)
        return ERR_IO;
    CHECK(after == before || after == before + 1);
    return after == before + 1 ? 0 : ERR_IO;
}

static void fail_group(struct sqlite_driver *d, struct list *group, size_t count, int err)
{
    struct sqlite_writer *w = &d->writer;
    bool alone = count == 1, common = err == ERR_READONLY || err == ERR_BUSY;
    if (err == ERR_IO) {
        answer_all(d, group, recover_group(d, sqlite3_errmsg(w->db)));
        return;
    }
    if (alone || common)
        sqlite_event_err(&d->events, err, sqlite3_errmsg(w->db));
    sqlite_write_rollback(&w->write);
    if (alone || common) {
        answer_all(d, group, err);
        return;
    }
    forget_errors(group);
    w->group_max = count / 2;
    request_queue_return(&d->batches, group);
}

static void move_log(struct sqlite_driver *d)
{
    struct sqlite_writer *w = &d->writer;
    int first = SQLITE_WAL_BYTES / d->page_bytes, err;
    if (w->wal_pages < first)
        w->wal_next = first;
    if (w->wal_pages < w->wal_next)
        return;
    if ((int64_t)w->wal_pages * d->page_bytes >= SQLITE_WAL_ALARM_BYTES)
        sqlite_event(&d->events, SQLITE_EVENT_WAL, "the write-ahead log grows", "bytes",
                     (long long)w->wal_pages * d->page_bytes);
    switch (sqlite_checkpoint_state(&d->checkpointer, &err)) {
    case CHECKPOINT_IDLE:
        sqlite_checkpoint_ask(&d->checkpointer);
        return;
    case CHECKPOINT_ASKED:
        return;
    case CHECKPOINT_DONE:
        break;
    }
    if (err == 0)
        err = sql_err(
            w->db, sqlite3_wal_checkpoint_v2(w->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
    /* A reader may still need the log as it is: not at every commit from now on. */
    w->wal_next = w->wal_pages + first;
    int64_t commits;
    if (err == ERR_IO)
        (void)sqlite_recover(d, "moving the write-ahead log", &commits);
    else if (err != 0 && err != ERR_BUSY)
        sqlite_event_err(&d->events, err, "moving the write-ahead log");
}

static void work(struct sqlite_driver *d, struct list *group, size_t count)
{
    struct sqlite_writer *w = &d->writer;
    if (atomic_load(&d->dead)) {
        answer_all(d, group, ERR_IO);
        return;
    }
    uint64_t start_ms = sql_now_ms();
    int err = commit_group(d, group);
    long long took_ms = (long long)(sql_now_ms() - start_ms);
    if (took_ms >= d->config.slow_ms)
        sqlite_event(&d->events, SQLITE_EVENT_SLOW, NULL, "ms", took_ms);
    if (err != 0) {
        fail_group(d, group, count, err);
        return;
    }
    if (!sqlite_file_there(d->path, &d->file)) {
        sqlite_event(&d->events, SQLITE_EVENT_GONE, "the file was deleted or moved", NULL, 0);
        err = ERR_READONLY;
    }
    answer_all(d, group, err);
    if (w->group_max < SQLITE_GROUP_COUNT)
        w->group_max *= 2;
    move_log(d);
}

void *sqlite_writer_main(void *driver)
{
    struct sqlite_driver *d = driver;
    struct list group;
    list_init(&group);
    size_t count;
    while ((count = request_queue_take(&d->batches, d->writer.group_max, SQLITE_GROUP_BYTES,
                                       &group)) > 0)
        work(d, &group, count);
    return NULL;
}
