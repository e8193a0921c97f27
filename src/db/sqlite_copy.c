/* Copies and checks of whole databases. The copy is one snapshot: its reader's transaction stays
 * open from the first page to the last, so that what is committed meanwhile neither gets in nor
 * makes it begin again. The server's log grows by what is written meanwhile. */
#include "db/sqlite_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_schema.h"

enum {
    COPY_PAGES = 512,       /* of one step */
    COPY_PAUSE_MS_MAX = 50, /* behind it: the disk is the server's too */
    COPY_BUSY_MS = 5000,
    COPY_COMPLAINTS = 3, /* of a check, told */
};

static int say(char *error, size_t size, int err, const char *path, const char *why)
{
    snprintf(error, size, "%s: %s", path, why);
    return err;
}

static int say_errno(char *error, size_t size, const char *path)
{
    int number = errno, err = ERR_IO;
    if (number == ENOENT || number == ENOTDIR)
        err = ERR_NOT_FOUND;
    else if (number == EACCES || number == EPERM)
        err = ERR_REFUSED;
    else if (number == EROFS)
        err = ERR_READONLY;
    else if (number == ENOSPC || number == EDQUOT)
        err = ERR_FULL;
    return say(error, size, err, path, strerror(number));
}

/* A regular file, and how large. */
static int look_at(const char *path, uint64_t *bytes_out, char *error, size_t size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int err = say_errno(error, size, path);
        if (fd >= 0)
            close(fd);
        return err;
    }
    close(fd);
    if (!S_ISREG(st.st_mode))
        return say(error, size, ERR_IO, path, "is not a regular file");
    *bytes_out = (uint64_t)st.st_size;
    return 0;
}

static bool has_log(const char *path)
{
    struct stat st;
    struct buf log = {0};
    buf_printf(&log, "%s-wal", path);
    buf_byte(&log, '\0');
    bool has = log.failed || (stat(log.ptr, &st) == 0 && st.st_size > 0);
    buf_free(&log);
    return has;
}

/* immutable: no lock is taken, no file made. */
static int open_reader(const char *path, bool immutable, sqlite3 **db_out)
{
    struct buf uri = {0};
    buf_lit(&uri, "file:");
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '%' || *c == '?' || *c == '#')
            buf_printf(&uri, "%%%02x", (unsigned)(unsigned char)*c);
        else
            buf_byte(&uri, *c);
    }
    buf_printf(&uri, "?mode=ro%s", immutable ? "&immutable=1" : "");
    buf_byte(&uri, '\0');
    *db_out = NULL;
    int err = ERR_MEMORY;
    if (!uri.failed)
        err = sql_err(NULL,
                      sqlite3_open_v2(uri.ptr, db_out,
                                      SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                                      NULL));
    buf_free(&uri);
    if (err != 0)
        return err;
    sqlite3_extended_result_codes(*db_out, 1);
    sqlite3_busy_timeout(*db_out, COPY_BUSY_MS);
    sqlite3_db_config(*db_out, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(*db_out, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return sql_exec(*db_out, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                             "PRAGMA temp_store=MEMORY; PRAGMA query_only=ON");
}

/* Whether it is one of ours, and of which version. */
static int check_kind(sqlite3 *db, const char *path, int *version_out, char *error, size_t size)
{
    int64_t application = 0, version = 0;
    int err = sql_number(db, "PRAGMA application_id", &application);
    if (err == 0)
        err = sql_number(db, "PRAGMA user_version", &version);
    if (err != 0)
        return say(error, size, err, path, sqlite3_errmsg(db));
    *version_out = (int)version;
    if (application != SQLITE_SCHEMA_APPLICATION || version < 1)
        return say(error, size, ERR_CORRUPT, path, "is not a database of burble");
    if (version <= sqlite_schema_newest())
        return 0;
    snprintf(error, size, "%s has version %d, this program knows versions up to %d", path,
             (int)version, sqlite_schema_newest());
    return ERR_SCHEMA;
}

static void rest(uint64_t took_ms)
{
    uint64_t ms = took_ms < COPY_PAUSE_MS_MAX ? took_ms : COPY_PAUSE_MS_MAX;
    if (ms > 0)
        nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

static int copy_pages(const struct sqlite_copy *copy, sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (b == NULL)
        return sql_err(to, sqlite3_errcode(to));
    int code = SQLITE_OK, err = 0;
    while (err == 0 && code == SQLITE_OK) {
        uint64_t start_ms = sql_now_ms();
        code = sqlite3_backup_step(b, COPY_PAGES);
        uint64_t all = (uint64_t)sqlite3_backup_pagecount(b);
        uint64_t left = (uint64_t)sqlite3_backup_remaining(b);
        if (code == SQLITE_OK && !copy->alone)
            rest(sql_now_ms() - start_ms);
        if (copy->progress != NULL && !copy->progress(copy->ctx, all - left, all))
            err = ERR_CLOSED;
    }
    int end = sqlite3_backup_finish(b);
    if (err == 0 && code != SQLITE_DONE)
        err = sql_err(to, code);
    return err != 0 ? err : sql_err(to, end);
}

/* A database that was closed in order, in one file. */
static int finish(sqlite3 *to)
{
    int err = sql_exec(to, "PRAGMA journal_mode=MEMORY");
    return err != 0 ? err : sql_exec(to, "UPDATE state SET clean=1");
}

static int sync_file(const char *path, char *error, size_t size)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    int err = 0;
    if (fd < 0 || fsync(fd) != 0)
        err = say_errno(error, size, path);
    if (fd >= 0)
        close(fd);
    return err;
}

static int copy_between(const struct sqlite_copy *copy, sqlite3 *from, char *error, size_t size)
{
    int version;
    sqlite3 *to = NULL;
    /* The transaction that holds the snapshot. */
    int err = sql_exec(from, "BEGIN; SELECT 1 FROM sqlite_schema");
    if (err != 0)
        return say(error, size, err, copy->from, sqlite3_errmsg(from));
    err = check_kind(from, copy->from, &version, error, size);
    if (err != 0)
        return err;
    err = sql_err(
        NULL, sqlite3_open_v2(copy->to, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    if (err == 0)
        err = sql_exec(to, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF");
    if (err == 0)
        err = copy_pages(copy, from, to);
    if (err == 0)
        err = finish(to);
    if (err == ERR_CLOSED)
        say(error, size, err, copy->to, "given up");
    else if (err != 0)
        say(error, size, err, copy->to, to != NULL ? sqlite3_errmsg(to) : err_text(err));
    sql_close(&to);
    return err != 0 ? err : sync_file(copy->to, error, size);
}

int sqlite_copy(const struct sqlite_copy *copy, char *error, size_t error_size)
{
    uint64_t bytes;
    sqlite3 *from = NULL;
    int err = look_at(copy->from, &bytes, error, error_size);
    if (err != 0)
        return err;
    err = open_reader(copy->from, copy->alone && !has_log(copy->from), &from);
    if (err != 0)
        say(error, error_size, err, copy->from,
            from != NULL ? sqlite3_errmsg(from) : err_text(err));
    else
        err = copy_between(copy, from, error, error_size);
    sql_close(&from);
    return err;
}

/* Every page, row and index. */
static int check_all(sqlite3 *db, const char *path, char *error, size_t size)
{
    sqlite3_stmt *s = NULL;
    const struct sql_text list[] = {{&s, "PRAGMA integrity_check(3)"}};
    struct buf text = {0};
    bool row = false, good = false;
    int err = sql_prepare(db, list, 1);
    for (int i = 0; err == 0 && i < COPY_COMPLAINTS; i++) {
        err = sql_step(s, &row);
        if (err != 0 || !row)
            break;
        struct slice said = sql_column(s, 0);
        good = slice_is(said, "ok");
        buf_printf(&text, "%s%.*s", i > 0 ? "; " : "is damaged: ", SLICE_ARG(said));
    }
    buf_byte(&text, '\0');
    if (err != 0)
        say(error, size, err, path, sqlite3_errmsg(db));
    else if (!good)
        err = say(error, size, ERR_CORRUPT, path, text.failed ? "is damaged" : text.ptr);
    sql_finalize(list, 1);
    buf_free(&text);
    return err;
}

static int count_all(sqlite3 *db, const char *path, struct sqlite_report *out, char *error,
                     size_t size)
{
    int err = sql_number(db,
                         "SELECT count(*) FROM holder JOIN name ON holder.name=name.id"
                         " WHERE name.name=CAST('account' AS BLOB)",
                         &out->accounts);
    if (err == 0)
        err = sql_number(db, "SELECT count(*) FROM item", &out->items);
    if (err == 0)
        err = sql_number(db, "SELECT count(*) FROM entry", &out->entries);
    if (err == 0)
        err = sql_number(db, "SELECT wall_ms FROM entry ORDER BY position DESC LIMIT 1",
                         &out->newest_ms);
    if (err == ERR_NOT_FOUND)
        err = 0;
    return err != 0 ? say(error, size, err, path, sqlite3_errmsg(db)) : 0;
}

int sqlite_verify(const char *path, struct sqlite_report *out, char *error, size_t error_size)
{
    sqlite3 *db = NULL;
    *out = (struct sqlite_report){0};
    int err = look_at(path, &out->bytes, error, error_size);
    if (err != 0)
        return err;
    if (out->bytes == 0)
        return say(error, error_size, ERR_CORRUPT, path, "is empty");
    if (has_log(path))
        return say(error, error_size, ERR_CORRUPT, path,
                   "has a write-ahead log beside it: it is a database in use, not a backup");
    err = open_reader(path, true, &db);
    if (err != 0)
        say(error, error_size, err, path, db != NULL ? sqlite3_errmsg(db) : err_text(err));
    if (err == 0)
        err = check_kind(db, path, &out->version, error, error_size);
    if (err == 0)
        err = check_all(db, path, error, error_size);
    if (err == 0)
        err = count_all(db, path, out, error, error_size);
    sql_close(&db);
    return err;
}
