/* After a failed write or sync (D07). What the kernel says about the file can no longer be
 * believed: after a failed fsync it may call pages clean that never reached the disk. So nothing is
 * tried again on the open file. Every connection is closed, which ends what they have in common;
 * the database is opened as at a start, the whole log is copied and synced into it anew, and it is
 * checked. Only then is its count of commits trusted to say whether the last group happened. */
#include <stdio.h>

#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"

enum { RECOVER_TEXT_BYTES = 512 };

static int reopen(struct sqlite_driver *d, char *error, size_t error_size)
{
    for (size_t i = 0; i < SQLITE_READERS; i++) {
        pthread_mutex_lock(&d->readers[i].lock);
        sqlite_reader_close(&d->readers[i]);
    }
    sqlite_derived_close_log(&d->derived);
    pthread_mutex_lock(&d->checkpointer.connection);
    sql_close(&d->checkpointer.db);
    sqlite_write_close(&d->writer.write);
    sql_close(&d->writer.db);
    int err = sqlite_start(d, true, error, error_size);
    pthread_mutex_unlock(&d->checkpointer.connection);
    sqlite_derived_go_on(&d->derived);
    for (size_t i = 0; i < SQLITE_READERS; i++)
        pthread_mutex_unlock(&d->readers[i].lock);
    return err;
}

int sqlite_recover(struct sqlite_driver *d, const char *why, int64_t *commits_out)
{
    char error[RECOVER_TEXT_BYTES], text[2 * RECOVER_TEXT_BYTES];
    sqlite_event(&d->events, SQLITE_EVENT_FSYNC, why, NULL, 0);
    snprintf(text, sizeof(text), "%.400s failed: %.400s", d->path, why);
    int err = reopen(d, error, sizeof(error));
    if (err == 0) {
        *commits_out = d->writer.write.commits;
        return 0;
    }
    atomic_store(&d->dead, true);
    size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "; %s", error);
    sqlite_event(&d->events, SQLITE_EVENT_FSYNC, error, NULL, 0);
    if (d->config.fatal != NULL)
        d->config.fatal(d->config.ctx, text);
    return err;
}
