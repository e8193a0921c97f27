/* Connections to SQLite and their statements. Every connection: WAL, no memory mapping, no trusted
 * schema, defensive, cells checked, nothing temporary on disk, no checkpoint of its own accord: a
 * database that turns out to be damaged is closed as it was found. */
#include "db/sql.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/err.h"

enum { SQL_BUSY_MS = 1000, SQL_WAL_KEEP_BYTES = 16 << 20, SQL_PRAGMA_BYTES = 512 };

/* The errno behind a failure. Of the write-ahead log SQLite does not tell it on its own: it is
 * asked of the file. */
static int system_errno(sqlite3 *db)
{
    if (db == NULL)
        return 0;
    int number = sqlite3_system_errno(db);
    sqlite3_file *log = NULL;
    if (number == 0 &&
        sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log != NULL && log->pMethods != NULL)
        (void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
    if (number == 0)
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

static int io_err(sqlite3 *db, int code)
{
    int system = system_errno(db);
    if ((code & 0xff) == SQLITE_CANTOPEN)
        return system == EROFS || system == EACCES || system == EPERM ? ERR_READONLY : ERR_IO;
    if (code == SQLITE_IOERR_NOMEM)
        return ERR_MEMORY;
    if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE) {
        if (system == ENOSPC || system == EDQUOT || system == EFBIG)
            return ERR_FULL;
        if (system == EROFS)
            return ERR_READONLY;
    }
    return ERR_IO;
}

int sql_err(sqlite3 *db, int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return ERR_READONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* our statements never break one: an index lies */
    case SQLITE_ERROR:      /* or a table is not as we made it */
        return ERR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return ERR_BUSY;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return io_err(db, code);
    default:
        return ERR_IO;
    }
}

/* Before SQLite's first use in the process: no bookkeeping of memory behind a process-wide lock. */
static void configure_once(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int apply_settings(sqlite3 *db, const struct sql_settings *settings)
{
    char text[SQL_PRAGMA_BYTES];
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, SQL_BUSY_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_wal_autocheckpoint(db, 0);
    int n =
        snprintf(text, sizeof(text),
                 "PRAGMA cell_size_check=ON; PRAGMA foreign_keys=ON; PRAGMA mmap_size=0;"
                 "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%u; PRAGMA synchronous=%s;"
                 "PRAGMA secure_delete=FAST; PRAGMA journal_size_limit=%d;",
                 settings->cache_kib, settings->relaxed ? "NORMAL" : "FULL", SQL_WAL_KEEP_BYTES);
    CHECK(n > 0 && n < SQL_PRAGMA_BYTES);
    int err = sql_exec(db, text);
    if (err == 0)
        err =
            sql_exec(db, settings->read_only ? "PRAGMA query_only=ON" : "PRAGMA journal_mode=WAL");
    if (err == 0 && settings->page_limit > 0) {
        snprintf(text, sizeof(text), "PRAGMA max_page_count=%u", settings->page_limit);
        err = sql_exec(db, text);
    }
    return err;
}

int sql_open(const struct sql_settings *settings, sqlite3 **db_out, int *code_out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_once);
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(settings->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                               settings->vfs);
    int err = sql_err(db, code);
    if (err == 0) {
        err = apply_settings(db, settings);
        code = err != 0 ? sqlite3_extended_errcode(db) : 0;
    }
    if (err == 0 && !settings->read_only && sqlite3_db_readonly(db, "main") == 1) {
        err = ERR_READONLY;
        code = SQLITE_READONLY;
    }
    if (err != 0)
        sql_close(&db);
    *code_out = code;
    *db_out = db;
    return err;
}

void sql_close(sqlite3 **db)
{
    if (*db != NULL)
        CHECK(sqlite3_close(*db) == SQLITE_OK);
    *db = NULL;
}

int sql_exec(sqlite3 *db, const char *text)
{
    return sql_err(db, sqlite3_exec(db, text, NULL, NULL, NULL));
}

int sql_number(sqlite3 *db, const char *text, int64_t *out)
{
    sqlite3_stmt *s = NULL;
    int err = sql_err(db, sqlite3_prepare_v2(db, text, -1, &s, NULL));
    if (err != 0)
        return err;
    bool row;
    err = sql_step(s, &row);
    if (err == 0 && !row)
        err = ERR_NOT_FOUND;
    if (err == 0)
        *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return err;
}

int sql_prepare(sqlite3 *db, const struct sql_text *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int err = sql_err(db, sqlite3_prepare_v3(db, list[i].text, -1, SQLITE_PREPARE_PERSISTENT,
                                                 list[i].statement, NULL));
        if (err != 0) {
            sql_finalize(list, i);
            return err;
        }
    }
    return 0;
}

void sql_finalize(const struct sql_text *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sqlite3_finalize(*list[i].statement);
        *list[i].statement = NULL;
    }
}

void sql_bind(sqlite3_stmt *s, int at, struct slice bytes)
{
    sqlite3_bind_blob64(s, at, bytes.len > 0 ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

struct slice sql_column(sqlite3_stmt *s, int at)
{
    const void *bytes = sqlite3_column_blob(s, at);
    return bytes != NULL ? slice_of(bytes, (size_t)sqlite3_column_bytes(s, at)) : SLICE("");
}

int sql_step(sqlite3_stmt *s, bool *row_out)
{
    int code = sqlite3_step(s);
    *row_out = code == SQLITE_ROW;
    int err = sql_err(sqlite3_db_handle(s), code);
    if (err != 0)
        sqlite3_reset(s);
    return err;
}

int sql_run(sqlite3_stmt *s)
{
    bool row = true;
    int err = 0;
    while (row && err == 0)
        err = sql_step(s, &row);
    if (err == 0)
        sqlite3_reset(s);
    return err;
}

void sql_reset(sqlite3_stmt *s)
{
    sqlite3_reset(s);
}

uint64_t sql_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
