/* Reads of what is derived, on a connection of the reader's own. Whatever fails here, the log
 * itself has the answer: then the query is carried out again without. */
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_derived.h"
#include "db/sqlite_read.h"

enum { READ_DERIVED_STATEMENTS = 7, READ_DERIVED_CACHE_KIB = 512 };

#define PEERS                                                                                      \
    "SELECT position FROM entry_peer WHERE owner=?1 AND name=?2 AND peer=?5"                       \
    " AND position BETWEEN ?3 AND ?4 ORDER BY position"
#define TEXTS                                                                                      \
    "SELECT rowid FROM entry_text WHERE entry_text MATCH ?5 AND rowid BETWEEN ?3 AND ?4"           \
    " ORDER BY rowid"

static void statements(struct sqlite_read_derived *v, struct sql_text out[READ_DERIVED_STATEMENTS])
{
    out[0] = (struct sql_text){&v->begin, "BEGIN"};
    out[1] = (struct sql_text){&v->end, "COMMIT"};
    out[2] = (struct sql_text){&v->done, "SELECT done FROM mark"};
    out[3] = (struct sql_text){&v->peers, PEERS};
    out[4] = (struct sql_text){&v->peers_back, PEERS " DESC"};
    out[5] = (struct sql_text){&v->texts, TEXTS};
    out[6] = (struct sql_text){&v->texts_back, TEXTS " DESC"};
}

void sqlite_read_derived_close(struct sqlite_read *q)
{
    struct sql_text list[READ_DERIVED_STATEMENTS];
    statements(&q->derived, list);
    sql_finalize(list, READ_DERIVED_STATEMENTS);
    sql_close(&q->derived.db);
}

static int open_again(struct sqlite_read *q, unsigned generation)
{
    struct sqlite_read_derived *v = &q->derived;
    int code;
    if (v->db != NULL && v->generation == generation)
        return 0;
    sqlite_read_derived_close(q);
    v->generation = generation;
    struct sql_settings settings = {
        .path = v->of->path, .read_only = true, .cache_kib = READ_DERIVED_CACHE_KIB};
    int err = sql_open(&settings, &v->db, &code);
    struct sql_text list[READ_DERIVED_STATEMENTS];
    statements(v, list);
    if (err == 0)
        err = sql_prepare(v->db, list, READ_DERIVED_STATEMENTS);
    if (err == 0)
        sqlite_read_watch(q, v->db);
    else
        sql_close(&v->db);
    return err;
}

int64_t sqlite_read_derived_begin(struct sqlite_read *q)
{
    struct sqlite_read_derived *v = &q->derived;
    bool row;
    int64_t done = 0;
    if (v->of == NULL || q->without_derived || !atomic_load(&v->of->usable))
        return 0;
    if (v->db != NULL && sqlite3_get_autocommit(v->db) == 0)
        return v->covers;
    int err = open_again(q, atomic_load(&v->of->generation));
    if (err == ERR_CORRUPT || err == ERR_IO)
        sqlite_derived_complain(v->of);
    if (err == 0)
        err = sql_run(v->begin);
    if (err == 0) {
        err = sql_step(v->done, &row);
        done = err == 0 && row ? sqlite3_column_int64(v->done, 0) : 0;
        sql_reset(v->done);
    }
    /* Taken back meanwhile: what is there may be of another history. */
    if (err != 0 || !atomic_load(&v->of->usable))
        done = 0;
    v->covers = done;
    return done;
}

void sqlite_read_derived_end(struct sqlite_read *q)
{
    if (q->derived.db != NULL && sqlite3_get_autocommit(q->derived.db) == 0)
        (void)sql_run(q->derived.end);
}

void sqlite_read_derived_failed(struct sqlite_read *q, int err)
{
    q->derived_failed = true;
    if (err == ERR_CORRUPT || err == ERR_IO)
        sqlite_derived_complain(q->derived.of);
}

static void bind_span(sqlite3_stmt *s, struct sqlite_shelf shelf, int64_t from, int64_t to)
{
    sql_bind_number(s, 1, shelf.owner);
    sql_bind_number(s, 2, shelf.name);
    sql_bind_number(s, 3, from);
    sql_bind_number(s, 4, to);
}

sqlite3_stmt *sqlite_read_derived_peers(struct sqlite_read *q, struct sqlite_shelf shelf,
                                        struct slice peer, int64_t from, int64_t to, bool backwards)
{
    sqlite3_stmt *s = backwards ? q->derived.peers_back : q->derived.peers;
    bind_span(s, shelf, from, to);
    sql_bind_number(s, 5, (int32_t)sqlite_derived_hash(peer));
    return s;
}

sqlite3_stmt *sqlite_read_derived_texts(struct sqlite_read *q, struct sqlite_shelf shelf,
                                        const struct words_query *words, int64_t from, int64_t to,
                                        bool backwards)
{
    sqlite3_stmt *s = backwards ? q->derived.texts_back : q->derived.texts;
    struct buf match = {0};
    /* No word holds a quotation mark. */
    buf_byte(&match, '"');
    sqlite_derived_shelf_word(&match, shelf.owner, shelf.name);
    buf_byte(&match, '"');
    for (uint32_t i = 0; i < words->count; i++)
        buf_printf(&match, " AND \"%.*s\"", SLICE_ARG(words_query_at(words, i)));
    bind_span(s, shelf, from, to);
    struct slice text = buf_slice(&match);
    sqlite3_bind_text64(s, 5, match.failed ? "" : text.ptr, match.failed ? 0 : text.len,
                        SQLITE_TRANSIENT, SQLITE_UTF8);
    buf_free(&match);
    return s;
}
