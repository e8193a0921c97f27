/* Opening the database for writing: settings, version, what the last end was like, check. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"
#include "db/sqlite_schema.h"

enum {
    START_CACHE_KIB = 16 << 10,
    START_READ_CACHE_KIB = 512, /* what is behind it the kernel keeps once for all readers */
    /* So small a database is checked at every start. */
    START_CHECK_ALWAYS_BYTES = 1 << 20,
};

struct sql_settings sqlite_settings(const struct sqlite_driver *d, bool read_only)
{
    return (struct sql_settings){.path = d->path,
                                 .vfs = d->vfs,
                                 .read_only = read_only,
                                 .relaxed = d->config.relaxed,
                                 .page_limit = read_only ? 0 : d->config.page_limit,
                                 .cache_kib = read_only ? START_READ_CACHE_KIB : START_CACHE_KIB};
}

static int fail(const struct sqlite_driver *d, int err, const char *why, char *error, size_t size)
{
    if (err == ERR_READONLY)
        snprintf(error, size, "cannot write %s: %s (running as uid %u)", d->path, why,
                 (unsigned)geteuid());
    else if (err == ERR_BUSY)
        snprintf(error, size, "%s is in use by another program", d->path);
    else if (err == ERR_CORRUPT)
        snprintf(error, size,
                 "%s is damaged: %s; it is left as it is: restore it and any %s-wal beside it from "
                 "a backup",
                 d->path, why, d->path);
    else
        snprintf(error, size, "cannot open %s: %s (running as uid %u)", d->path, why,
                 (unsigned)geteuid());
    return err;
}

static int migrate(struct sqlite_driver *d, char *error, size_t error_size)
{
    int version = 0, err = sqlite_schema_migrate(d->writer.db, &version);
    if (err == ERR_SCHEMA)
        snprintf(error, error_size,
                 "%s has version %d, this program knows versions up to %d: use a newer program or "
                 "restore an older backup",
                 d->path, version, sqlite_schema_newest());
    else if (err == ERR_CORRUPT && sqlite3_errcode(d->writer.db) == SQLITE_OK)
        snprintf(error, error_size, "%s is not a database of burble", d->path);
    else if (err != 0)
        fail(d, err, sqlite3_errmsg(d->writer.db), error, error_size);
    return err;
}

/* 0, ERR_CORRUPT or what SQLite says. */
static int quick_check(struct sqlite_driver *d, char *error, size_t error_size)
{
    sqlite3_stmt *s = NULL;
    const struct sql_text list[] = {{&s, "PRAGMA quick_check(1)"}};
    int err = sql_prepare(d->writer.db, list, 1);
    bool row = false;
    if (err == 0)
        err = sql_step(s, &row);
    if (err == 0 && (!row || !slice_is(sql_column(s, 0), "ok"))) {
        const char *text = row ? (const char *)sqlite3_column_text(s, 0) : NULL;
        err =
            fail(d, ERR_CORRUPT, text != NULL ? text : "no result of the check", error, error_size);
    } else if (err != 0) {
        fail(d, err, sqlite3_errmsg(d->writer.db), error, error_size);
    }
    sql_finalize(list, 1);
    return err;
}

static bool must_check(struct sqlite_driver *d, bool clean, bool doubt)
{
    if (doubt || d->file.bytes <= START_CHECK_ALWAYS_BYTES)
        return true;
    if (clean)
        return false;
    if (d->file.bytes <= d->config.check_bytes)
        return true;
    sqlite_event(&d->events, SQLITE_EVENT_UNCHECKED, "too large to check after an unclean end",
                 "bytes", (long long)d->file.bytes);
    return false;
}

static int verify(struct sqlite_driver *d, bool doubt, char *error, size_t error_size)
{
    sqlite3 *db = d->writer.db;
    int64_t clean = 0, page_bytes = 0;
    uint64_t start_ms = sql_now_ms();
    int err = sql_number(db, "SELECT clean FROM state", &clean);
    if (err == 0)
        err = sql_number(db, "PRAGMA page_size", &page_bytes);
    if (err == 0 && doubt)
        err = sql_err(db,
                      sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
    if (err != 0)
        return fail(d, err == ERR_NOT_FOUND ? ERR_CORRUPT : err, sqlite3_errmsg(db), error,
                    error_size);
    d->page_bytes = (int)page_bytes;
    if (must_check(d, clean != 0, doubt))
        err = quick_check(d, error, error_size);
    if (err == 0 && clean == 0)
        sqlite_event(&d->events, SQLITE_EVENT_RECOVERED, "unclean end", "check_ms",
                     (long long)(sql_now_ms() - start_ms));
    return err;
}

static int count_pages(void *ctx, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct sqlite_writer *w = ctx;
    w->wal_pages = pages;
    return SQLITE_OK;
}

/* Writing at once shows whether it can be written at all (D03). The mark outlives this process as
 * it is; of a power cut it only has to tell after the first commit, whose sync carries it too. So a
 * start waits for no disk. */
static int take_over(struct sqlite_driver *d, char *error, size_t error_size)
{
    struct sqlite_writer *w = &d->writer;
    int err = sql_exec(w->db, "PRAGMA synchronous=OFF");
    if (err == 0)
        err = sql_exec(w->db, "UPDATE state SET clean=0");
    if (err == 0)
        err = sql_exec(w->db,
                       d->config.relaxed ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL");
    if (err == 0)
        err = sqlite_write_open(&w->write, w->db, d->config.owners_max, &d->tail);
    if (err != 0)
        return fail(d, err, sqlite3_errmsg(w->db), error, error_size);
    w->write.texts = d->config.text.of != NULL;
    sqlite_derived_begin(&d->derived, w->write.position, w->write.revised);
    w->group_max = SQLITE_GROUP_COUNT;
    w->wal_pages = 0;
    w->wal_next = SQLITE_WAL_BYTES / d->page_bytes;
    sqlite3_wal_hook(w->db, count_pages, w);
    return 0;
}

int sqlite_start(struct sqlite_driver *d, bool doubt, char *error, size_t error_size)
{
    int code, err = sqlite_file_check(d->path, &d->file, error, error_size);
    if (err == ERR_NOT_FOUND && doubt)
        return fail(d, ERR_IO, "it is gone", error, error_size);
    if (err == ERR_NOT_FOUND) {
        err = sqlite_file_create(d->path, d->vfs, error, error_size);
        if (err == 0)
            err = sqlite_file_check(d->path, &d->file, error, error_size);
    }
    if (err != 0)
        return err;
    struct sql_settings settings = sqlite_settings(d, false);
    err = sql_open(&settings, &d->writer.db, &code);
    if (err != 0)
        return fail(d, err, sqlite3_errstr(code), error, error_size);
    err = migrate(d, error, error_size);
    if (err == 0)
        err = verify(d, doubt, error, error_size);
    if (err == 0)
        err = take_over(d, error, error_size);
    if (err != 0)
        sql_close(&d->writer.db);
    return err;
}

void sqlite_stop(struct sqlite_driver *d)
{
    if (d->writer.db == NULL)
        return;
    int err = atomic_load(&d->dead) ? ERR_IO : sqlite_write_settle(&d->writer.write);
    sqlite_write_close(&d->writer.write);
    if (err == 0)
        err = sql_exec(d->writer.db, "UPDATE state SET clean=1");
    /* As the last one, this connection moves the log into the database and deletes it. */
    if (err == 0)
        sqlite3_db_config(d->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    sql_close(&d->writer.db);
}
