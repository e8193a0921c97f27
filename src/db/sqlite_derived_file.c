/* The file of what is derived: opened, compared with the database, made anew when it does not fit.
 * It is written without syncs of its own at a commit; its log is synced when it is moved. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_derived.h"
#include "db/sqlite_driver.h"

enum {
    FILE_APPLICATION = 0x62726264, /* "brbd" */
    FILE_VERSION = 1,
    FILE_CACHE_KIB = 8 << 10,
    LOG_CACHE_KIB = 256,
};

static const char file_tables[] =
    "CREATE TABLE mark ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  identity BLOB NOT NULL," /* of the database */
    "  texts INTEGER NOT NULL," /* whether entry_text is kept */
    "  done INTEGER NOT NULL,"  /* the last position that is here */
    "  revised INTEGER NOT NULL"
    ");"
    "CREATE TABLE entry_peer ("
    "  owner INTEGER NOT NULL,"
    "  name INTEGER NOT NULL,"
    "  peer INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  PRIMARY KEY (owner, name, peer, position)"
    ") WITHOUT ROWID;"
    /* Words are folded before they come here: this tokenizer only splits. */
    "CREATE VIRTUAL TABLE entry_text USING fts5("
    "  words, detail=none, columnsize=0, tokenize='ascii'"
    ");"
    "INSERT INTO entry_text (entry_text, rank) VALUES ('hashsize', 8388608);";

enum { LOG_STATEMENTS = 5, FILE_STATEMENTS = 7 };

static void log_statements(struct sqlite_derived *v, struct sql_text out[LOG_STATEMENTS])
{
    out[0] = (struct sql_text){&v->entries,
                               "SELECT position, name, owner1, owner2, owner3, owner4, peer,"
                               " payload FROM entry WHERE position>?1 AND position<=?2"
                               " ORDER BY position"};
    out[1] = (struct sql_text){&v->revisions,
                               "SELECT id, position FROM revised WHERE id>?1 ORDER BY id LIMIT ?2"};
    out[2] =
        (struct sql_text){&v->entry, "SELECT position, name, owner1, owner2, owner3, owner4, peer,"
                                     " payload FROM entry WHERE position=?1"};
    out[3] = (struct sql_text){&v->owner, "SELECT owner FROM owner WHERE id=?1"};
    out[4] = (struct sql_text){&v->name, "SELECT name FROM name WHERE id=?1"};
}

static void file_statements(struct sqlite_derived *v, struct sql_text out[FILE_STATEMENTS])
{
    out[0] = (struct sql_text){&v->begin, "BEGIN IMMEDIATE"};
    out[1] = (struct sql_text){&v->commit, "COMMIT"};
    out[2] = (struct sql_text){&v->rollback, "ROLLBACK"};
    out[3] = (struct sql_text){&v->add_peer, "INSERT INTO entry_peer (owner, name, peer, position)"
                                             " VALUES (?1,?2,?3,?4) ON CONFLICT DO NOTHING"};
    out[4] =
        (struct sql_text){&v->add_text, "INSERT INTO entry_text (rowid, words) VALUES (?1,?2)"};
    out[5] = (struct sql_text){&v->drop_text, "DELETE FROM entry_text WHERE rowid=?1"};
    out[6] = (struct sql_text){&v->mark, "UPDATE mark SET done=max(done,?1), revised=?2"};
}

void sqlite_derived_close(struct sqlite_derived *v)
{
    struct sql_text list[FILE_STATEMENTS];
    atomic_store(&v->usable, false);
    file_statements(v, list);
    if (v->db != NULL && sqlite3_get_autocommit(v->db) == 0)
        (void)sql_exec(v->db, "ROLLBACK");
    sql_finalize(list, FILE_STATEMENTS);
    sql_close(&v->db);
}

void sqlite_derived_remove(struct sqlite_derived *v)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    atomic_fetch_add(&v->generation, 1);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[1100];
        int n = snprintf(path, sizeof(path), "%s%s", v->path, suffixes[i]);
        CHECK(n > 0 && n < (int)sizeof(path));
        (void)unlink(path);
    }
}

static int open_log(struct sqlite_derived *v)
{
    int code;
    struct sql_text list[LOG_STATEMENTS];
    if (v->log != NULL)
        return 0;
    struct sql_settings settings = sqlite_settings(v->driver, true);
    settings.cache_kib = LOG_CACHE_KIB;
    int err = sql_open(&settings, &v->log, &code);
    log_statements(v, list);
    if (err == 0)
        err = sql_prepare(v->log, list, LOG_STATEMENTS);
    if (err != 0)
        sql_close(&v->log);
    memset(v->owners, 0, SQLITE_DERIVED_OWNERS * sizeof(*v->owners));
    return err;
}

static int make_file(const struct sqlite_derived *v)
{
    int fd = open(v->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
    if (fd >= 0)
        return close(fd);
    if (errno == EROFS || errno == EACCES || errno == EPERM)
        return ERR_READONLY;
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

static int make_tables(struct sqlite_derived *v, sqlite3_stmt *identity)
{
    char text[160];
    bool row;
    /* What was replaced before this file is read as it is. */
    pthread_mutex_lock(&v->lock);
    int64_t revised = v->revised;
    pthread_mutex_unlock(&v->lock);
    int err = sql_exec(v->db, "BEGIN IMMEDIATE");
    if (err == 0)
        err = sql_exec(v->db, file_tables);
    snprintf(text, sizeof(text), "PRAGMA application_id=%d; PRAGMA user_version=%d",
             FILE_APPLICATION, FILE_VERSION);
    if (err == 0)
        err = sql_exec(v->db, text);
    sqlite3_stmt *insert = NULL;
    const struct sql_text list[] = {{&insert, "INSERT INTO mark VALUES (1, ?1, ?2, 0, ?3)"}};
    if (err == 0)
        err = sql_prepare(v->db, list, 1);
    if (err == 0)
        err = sql_step(identity, &row);
    if (err == 0) {
        sql_bind(insert, 1, sql_column(identity, 0));
        sql_bind_number(insert, 2, v->driver->config.text.of != NULL);
        sql_bind_number(insert, 3, revised);
        err = sql_run(insert);
    }
    sql_reset(identity);
    sql_finalize(list, 1);
    return err == 0 ? sql_exec(v->db, "COMMIT") : err;
}

/* Positions and revisions that the database did not know when it was opened are taken back. */
static int take_back(struct sqlite_derived *v, int64_t done, int64_t revised)
{
    sqlite3_stmt *cut = NULL, *drop = NULL;
    const struct sql_text list[] = {
        {&cut, "UPDATE mark SET done=?1, revised=?2"},
        {&drop, "DELETE FROM entry_text WHERE rowid>?1"},
    };
    int err = sql_prepare(v->db, list, 2);
    if (err != 0)
        return err;
    sql_bind_number(drop, 1, done);
    sql_bind_number(cut, 1, done);
    sql_bind_number(cut, 2, revised);
    err = sql_exec(v->db, "BEGIN IMMEDIATE");
    if (err == 0)
        err = sql_run(drop);
    if (err == 0)
        err = sql_run(cut);
    sql_finalize(list, 2);
    return err != 0 ? err : sql_exec(v->db, "COMMIT");
}

/* Whether the file belongs to the database and holds what is wanted. */
static int compare(struct sqlite_derived *v, sqlite3_stmt *identity, bool *fits_out)
{
    sqlite3_stmt *mark = NULL;
    const struct sql_text list[] = {{&mark, "SELECT identity, texts, done, revised FROM mark"}};
    bool row = false, here = false;
    int64_t done = 0, revised = 0;
    int err = sql_prepare(v->db, list, 1);
    if (err != 0)
        return err;
    err = sql_step(identity, &row);
    if (err == 0)
        err = sql_step(mark, &here);
    *fits_out = false;
    if (err == 0 && row && here) {
        bool texts = sqlite3_column_int64(mark, 1) != 0;
        *fits_out = slice_eq(sql_column(mark, 0), sql_column(identity, 0)) &&
                    texts == (v->driver->config.text.of != NULL);
        done = sqlite3_column_int64(mark, 2);
        revised = sqlite3_column_int64(mark, 3);
    }
    sql_reset(identity);
    sql_finalize(list, 1);
    if (err != 0 || !*fits_out)
        return err;
    pthread_mutex_lock(&v->lock);
    v->done = done < v->position_max ? done : v->position_max;
    v->revised_done = revised < v->revised_max ? revised : v->revised_max;
    bool ahead = v->done < done || v->revised_done < revised;
    pthread_mutex_unlock(&v->lock);
    if (ahead)
        err = take_back(v, v->done, v->revised_done);
    pthread_mutex_lock(&v->lock);
    if (err == 0)
        v->position_max = v->revised_max = INT64_MAX;
    pthread_mutex_unlock(&v->lock);
    return err;
}

static int read_file(struct sqlite_derived *v, sqlite3_stmt *identity, bool *fits_out)
{
    int code;
    int64_t application = 0, version = 0, tables = 0;
    struct sql_settings settings = {.path = v->path, .relaxed = true, .cache_kib = FILE_CACHE_KIB};
    *fits_out = false;
    int err = make_file(v);
    if (err == 0)
        err = sql_open(&settings, &v->db, &code);
    if (err == 0)
        err = sql_number(v->db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err == 0 && tables == 0)
        err = make_tables(v, identity);
    if (err == 0)
        err = sql_number(v->db, "PRAGMA application_id", &application);
    if (err == 0)
        err = sql_number(v->db, "PRAGMA user_version", &version);
    if (err == 0 && application == FILE_APPLICATION && version == FILE_VERSION)
        err = compare(v, identity, fits_out);
    return err;
}

/* Opens the file; one that does not fit is replaced once. */
static int open_file(struct sqlite_derived *v)
{
    sqlite3_stmt *identity = NULL;
    const struct sql_text list[] = {
        {&identity,
         "SELECT identity, position, (SELECT ifnull(max(id),0) FROM revised) FROM state"}};
    bool fits = false;
    int err = sql_prepare(v->log, list, 1);
    for (int i = 0; err == 0 && !fits && i < 2; i++) {
        err = read_file(v, identity, &fits);
        if (err != 0 && err != ERR_CORRUPT)
            break;
        err = 0;
        if (!fits) {
            sqlite_derived_close(v);
            sqlite_derived_remove(v);
        }
    }
    sql_finalize(list, 1);
    return err == 0 && !fits ? ERR_IO : err;
}

static int count_pages(void *derived, sqlite3 *db, const char *name, int pages)
{
    (void)db, (void)name;
    struct sqlite_derived *v = derived;
    v->wal_pages = pages;
    return SQLITE_OK;
}

int sqlite_derived_open(struct sqlite_derived *v)
{
    if (v->log != NULL && v->db != NULL && atomic_load(&v->usable))
        return 0;
    sqlite_derived_close(v);
    int err = open_log(v);
    if (err == 0)
        err = open_file(v);
    struct sql_text list[FILE_STATEMENTS];
    file_statements(v, list);
    if (err == 0)
        err = sql_prepare(v->db, list, FILE_STATEMENTS);
    if (err != 0)
        return err;
    sqlite3_wal_hook(v->db, count_pages, v);
    atomic_store(&v->usable, true);
    return 0;
}
