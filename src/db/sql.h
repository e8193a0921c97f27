/* Small helpers around SQLite's interface: connections with the settings that every one of ours
 * has, prepared statements, slices as parameters, error codes. A connection is used by one thread
 * at a time. */
#ifndef DB_SQL_H
#define DB_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct sql_settings {
    const char *path;
    const char *vfs;     /* NULL: the default one */
    bool read_only;      /* refuses to change data */
    bool relaxed;        /* synchronous=NORMAL: a power cut may take the last commits */
    uint32_t page_limit; /* 0: none */
    uint32_t cache_kib;
};

/* Opens an existing database file. 0, or an error of sql_err with *db_out NULL and, where SQLite
 * gave one, its extended result code in *code_out. */
int sql_open(const struct sql_settings *settings, sqlite3 **db_out, int *code_out);
/* All statements are finalized. Sets *db to NULL; harmless when it is. */
void sql_close(sqlite3 **db);

/* The error for a result code that is not SQLITE_OK, _ROW or _DONE: ERR_FULL, ERR_READONLY,
 * ERR_IO, ERR_CORRUPT, ERR_BUSY, ERR_LIMIT, ERR_MEMORY. db may be NULL. */
int sql_err(sqlite3 *db, int code);

/* Runs statements without rows that matter; 0 or an error. */
int sql_exec(sqlite3 *db, const char *text);
/* The first column of the first row; ERR_NOT_FOUND without a row. */
int sql_number(sqlite3 *db, const char *text, int64_t *out);

struct sql_text {
    sqlite3_stmt **statement;
    const char *text;
};
/* Prepares them all for long use, or none. */
int sql_prepare(sqlite3 *db, const struct sql_text *list, size_t n);
/* Finalizes and sets to NULL. */
void sql_finalize(const struct sql_text *list, size_t n);

/* Parameters count from 1. The bytes must live until the statement is reset. */
void sql_bind(sqlite3_stmt *s, int at, struct slice bytes);
static inline void sql_bind_number(sqlite3_stmt *s, int at, int64_t value)
{
    sqlite3_bind_int64(s, at, value);
}
/* Columns count from 0. The bytes live until the next step or reset. */
struct slice sql_column(sqlite3_stmt *s, int at);

/* Steps: *row_out tells whether there is a row. On an error the statement is reset. */
int sql_step(sqlite3_stmt *s, bool *row_out);
/* Steps to the end and resets: for statements without rows. */
int sql_run(sqlite3_stmt *s);
void sql_reset(sqlite3_stmt *s);

/* Milliseconds and microseconds of the monotonic clock. */
uint64_t sql_now_ms(void);

#endif
