/* Rows of what is derived: made of the entries in lots, sorted, and swept when their entries are
 * gone. The database is only ever held in a snapshot while a lot is read, not while it is written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/sql.h"
#include "db/sqlite_derived.h"
#include "db/sqlite_driver.h"
#include "store/words.h"

enum {
    FILL_BYTES = 8 << 20, /* of texts in a lot */
    FILL_MS = 500,        /* longest snapshot */
    FILL_REVISIONS = 1000,
    FILL_WAL_PAGES = 4096, /* the log is moved from this size */
    SWEEP_ROWS = 2000,     /* of one transaction */
    COLUMN_OWNERS = 2,
    COLUMN_PEER = 6,
    COLUMN_PAYLOAD = 7,
};

struct row {
    int64_t owner, name, peer, position;
};

/* A lot: rows, and texts as position, length, bytes. */
struct lot {
    struct row *rows;
    size_t count, cap;
    struct buf texts, text; /* text: scratch */
};

static void lot_free(struct lot *lot)
{
    mem_free(lot->rows);
    buf_free(&lot->texts);
    buf_free(&lot->text);
}

static void add_row(struct lot *lot, int64_t owner, int64_t name, uint32_t peer, int64_t position)
{
    if (lot->count == lot->cap) {
        lot->cap = lot->cap > 0 ? lot->cap * 2 : 1024;
        lot->rows = mem_resize(lot->rows, lot->cap, sizeof(*lot->rows));
    }
    lot->rows[lot->count++] = (struct row){owner, name, (int32_t)peer, position};
}

/* The hash of an owner's name; an owner that is gone has none. */
static int owner_hash(struct sqlite_derived *v, int64_t id, uint32_t *hash_out)
{
    struct sqlite_derived_owner *known = &v->owners[(uint64_t)id % SQLITE_DERIVED_OWNERS];
    if (known->id != id) {
        bool row;
        sql_bind_number(v->owner, 1, id);
        int err = sql_step(v->owner, &row);
        if (err != 0)
            return err;
        known->id = id;
        known->hash = row ? sqlite_derived_hash(sql_column(v->owner, 0)) : 0;
        sql_reset(v->owner);
    }
    *hash_out = known->hash;
    return 0;
}

/* A row for each owner and each of the others, and the peer that the entry names. */
static int add_peers(struct sqlite_derived *v, struct lot *lot, sqlite3_stmt *s)
{
    uint32_t hashes[STORE_LOG_OWNERS + 1];
    int64_t owners[STORE_LOG_OWNERS];
    size_t n = 0;
    int64_t position = sqlite3_column_int64(s, 0), name = sqlite3_column_int64(s, 1);
    for (int i = 0; i < STORE_LOG_OWNERS; i++) {
        owners[n] = sqlite3_column_int64(s, COLUMN_OWNERS + i);
        if (owners[n] == 0)
            continue;
        int err = owner_hash(v, owners[n], &hashes[n]);
        if (err != 0)
            return err;
        n++;
    }
    struct slice peer = sql_column(s, COLUMN_PEER);
    size_t hash_count = n;
    if (peer.len > 0)
        hashes[hash_count++] = sqlite_derived_hash(peer);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < hash_count; k++)
            if (k != i)
                add_row(lot, owners[i], name, hashes[k], position);
    return 0;
}

/* What the entry's owners search: one word for each owner's log, then the words of the text. */
static int add_text(struct sqlite_derived *v, struct lot *lot, sqlite3_stmt *s)
{
    const struct store_text *text = &v->driver->config.text;
    bool row;
    int64_t position = sqlite3_column_int64(s, 0), name = sqlite3_column_int64(s, 1);
    if (text->of == NULL)
        return 0;
    sql_bind_number(v->name, 1, name);
    int err = sql_step(v->name, &row);
    if (err != 0)
        return err;
    buf_clear(&lot->text);
    bool says = row && text->of(text->ctx, sql_column(v->name, 0), sql_column(s, COLUMN_PAYLOAD), 0,
                                &lot->text);
    sql_reset(v->name);
    if (!says)
        return lot->text.failed ? ERR_MEMORY : 0;
    struct buf *out = &lot->texts;
    size_t head = buf_len(out);
    uint64_t len = 0;
    buf_append(out, &position, sizeof(position));
    buf_append(out, &len, sizeof(len));
    for (int i = 0; i < STORE_LOG_OWNERS; i++)
        if (sqlite3_column_int64(s, COLUMN_OWNERS + i) != 0) {
            sqlite_derived_shelf_word(out, sqlite3_column_int64(s, COLUMN_OWNERS + i), name);
            buf_byte(out, ' ');
        }
    struct words w = {.text = buf_slice(&lot->text)};
    for (struct slice word; words_next(&w, &word);) {
        buf_add(out, word);
        buf_byte(out, ' ');
    }
    if (out->failed)
        return ERR_MEMORY;
    len = buf_len(out) - head - sizeof(position) - sizeof(len);
    memcpy(out->ptr + out->start + head + sizeof(position), &len, sizeof(len));
    return 0;
}

/* Reads entries up to this position in one snapshot; *to_out: how far it came. */
static int read_lot(struct sqlite_derived *v, int64_t to, struct lot *lot, int64_t *to_out)
{
    uint64_t until_ms = sql_now_ms() + FILL_MS;
    uint32_t left = v->driver->config.derived_rows;
    bool row = true;
    sql_bind_number(v->entries, 1, *to_out);
    sql_bind_number(v->entries, 2, to);
    int err = 0;
    while (err == 0) {
        err = sql_step(v->entries, &row);
        if (err != 0 || !row)
            break;
        err = add_peers(v, lot, v->entries);
        if (err == 0)
            err = add_text(v, lot, v->entries);
        *to_out = sqlite3_column_int64(v->entries, 0);
        if (--left == 0 || buf_len(&lot->texts) >= FILL_BYTES || sql_now_ms() >= until_ms)
            break;
    }
    if (err == 0 && !row)
        *to_out = to;
    sql_reset(v->entries);
    return err;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    if (x->peer != y->peer)
        return x->peer < y->peer ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

static int write_rows(struct sqlite_derived *v, struct lot *lot)
{
    int err = 0;
    if (lot->count > 0)
        qsort(lot->rows, lot->count, sizeof(*lot->rows), compare_rows);
    for (size_t i = 0; i < lot->count && err == 0; i++) {
        sql_bind_number(v->add_peer, 1, lot->rows[i].owner);
        sql_bind_number(v->add_peer, 2, lot->rows[i].name);
        sql_bind_number(v->add_peer, 3, lot->rows[i].peer);
        sql_bind_number(v->add_peer, 4, lot->rows[i].position);
        err = sql_run(v->add_peer);
    }
    return err;
}

static int write_text(struct sqlite_derived *v, int64_t position, struct slice words)
{
    sql_bind_number(v->add_text, 1, position);
    sqlite3_bind_text64(v->add_text, 2, words.ptr, words.len, SQLITE_STATIC, SQLITE_UTF8);
    return sql_run(v->add_text);
}

static int write_texts(struct sqlite_derived *v, const struct lot *lot)
{
    struct slice all = buf_slice(&lot->texts);
    int err = 0;
    for (size_t at = 0; at < all.len && err == 0;) {
        int64_t position;
        uint64_t len;
        memcpy(&position, all.ptr + at, sizeof(position));
        memcpy(&len, all.ptr + at + sizeof(position), sizeof(len));
        at += sizeof(position) + sizeof(len);
        err = write_text(v, position, slice_of(all.ptr + at, len));
        at += len;
    }
    return err;
}

static int finish(struct sqlite_derived *v, int err, int64_t done, int64_t revised)
{
    if (err == 0) {
        sql_bind_number(v->mark, 1, done);
        sql_bind_number(v->mark, 2, revised);
        err = sql_run(v->mark);
    }
    if (err == 0)
        err = sql_run(v->commit);
    if (err != 0 && sqlite3_get_autocommit(v->db) == 0)
        (void)sql_run(v->rollback);
    if (err != 0 || v->wal_pages < FILL_WAL_PAGES)
        return err;
    int code = sqlite3_wal_checkpoint_v2(v->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    err = sql_err(v->db, code);
    return err == ERR_BUSY ? 0 : err;
}

static void marks(struct sqlite_derived *v, int64_t *done_out, int64_t *revised_out)
{
    pthread_mutex_lock(&v->lock);
    *done_out = v->done;
    *revised_out = v->revised_done;
    pthread_mutex_unlock(&v->lock);
}

int sqlite_derived_fill(struct sqlite_derived *v, int64_t to, int64_t *done_out)
{
    struct lot lot = {0};
    int64_t revised;
    marks(v, done_out, &revised);
    int err = read_lot(v, to, &lot, done_out);
    if (err == 0)
        err = sql_run(v->begin);
    if (err == 0) {
        err = write_rows(v, &lot);
        if (err == 0)
            err = write_texts(v, &lot);
        err = finish(v, err, *done_out, revised);
    }
    lot_free(&lot);
    return err;
}

/* Writes the words of one entry anew. Behind done they will be read anyway. */
static int revise_one(struct sqlite_derived *v, struct lot *lot, int64_t position)
{
    bool row;
    sql_bind_number(v->drop_text, 1, position);
    int err = sql_run(v->drop_text);
    if (err != 0)
        return err;
    buf_clear(&lot->texts);
    sql_bind_number(v->entry, 1, position);
    err = sql_step(v->entry, &row);
    if (err == 0 && row)
        err = add_text(v, lot, v->entry);
    sql_reset(v->entry);
    return err != 0 ? err : write_texts(v, lot);
}

int sqlite_derived_revise(struct sqlite_derived *v, int64_t *done_out)
{
    struct lot lot = {0};
    int64_t done;
    bool row;
    marks(v, &done, done_out);
    int err = sql_run(v->begin);
    if (err != 0)
        return err;
    sql_bind_number(v->revisions, 1, *done_out);
    sql_bind_number(v->revisions, 2, FILL_REVISIONS);
    for (;;) {
        err = sql_step(v->revisions, &row);
        if (err != 0 || !row)
            break;
        int64_t position = sqlite3_column_int64(v->revisions, 1);
        err = position <= done ? revise_one(v, &lot, position) : 0;
        if (err != 0)
            break;
        *done_out = sqlite3_column_int64(v->revisions, 0);
    }
    sql_reset(v->revisions);
    err = finish(v, err, done, *done_out);
    lot_free(&lot);
    return err;
}

/* ------------------------------------------------------------------------------------------- sweep
 */

/* Whether the entry is there, and has this owner unless that is 0. */
static int is_there(struct sqlite_derived *v, int64_t position, int64_t owner, bool *there_out)
{
    sql_bind_number(v->entry, 1, position);
    int err = sql_step(v->entry, there_out);
    if (err == 0 && *there_out && owner != 0) {
        *there_out = false;
        for (int i = 0; i < STORE_LOG_OWNERS; i++)
            if (sqlite3_column_int64(v->entry, COLUMN_OWNERS + i) == owner)
                *there_out = true;
    }
    sql_reset(v->entry);
    return err;
}

struct sweep {
    sqlite3_stmt *peers, *texts, *drop_peer;
    struct row at; /* behind this row, this text */
    int64_t text_at;
};

static void bind_row(sqlite3_stmt *s, const struct row *row)
{
    sql_bind_number(s, 1, row->owner);
    sql_bind_number(s, 2, row->name);
    sql_bind_number(s, 3, row->peer);
    sql_bind_number(s, 4, row->position);
}

/* Rows are read first and removed afterwards. *more_out: there may be more. */
static int sweep_peers(struct sqlite_derived *v, struct sweep *w, bool *more_out)
{
    struct row *dead = mem_array(SWEEP_ROWS, sizeof(*dead));
    size_t dead_count = 0, seen = 0;
    bool row = true, there;
    int err = 0;
    bind_row(w->peers, &w->at);
    sql_bind_number(w->peers, 5, SWEEP_ROWS);
    while (err == 0) {
        err = sql_step(w->peers, &row);
        if (err != 0 || !row)
            break;
        w->at = (struct row){sqlite3_column_int64(w->peers, 0), sqlite3_column_int64(w->peers, 1),
                             sqlite3_column_int64(w->peers, 2), sqlite3_column_int64(w->peers, 3)};
        seen++;
        err = is_there(v, w->at.position, w->at.owner, &there);
        if (err == 0 && !there)
            dead[dead_count++] = w->at;
    }
    sql_reset(w->peers);
    for (size_t i = 0; i < dead_count && err == 0; i++) {
        bind_row(w->drop_peer, &dead[i]);
        err = sql_run(w->drop_peer);
    }
    mem_free(dead);
    *more_out = seen == SWEEP_ROWS;
    return err;
}

static int sweep_texts(struct sqlite_derived *v, struct sweep *w, bool *more_out)
{
    int64_t *dead = mem_array(SWEEP_ROWS, sizeof(*dead));
    size_t dead_count = 0, seen = 0;
    bool row = true, there;
    int err = 0;
    sql_bind_number(w->texts, 1, w->text_at);
    sql_bind_number(w->texts, 2, SWEEP_ROWS);
    while (err == 0) {
        err = sql_step(w->texts, &row);
        if (err != 0 || !row)
            break;
        w->text_at = sqlite3_column_int64(w->texts, 0);
        seen++;
        err = is_there(v, w->text_at, 0, &there);
        if (err == 0 && !there)
            dead[dead_count++] = w->text_at;
    }
    sql_reset(w->texts);
    for (size_t i = 0; i < dead_count && err == 0; i++) {
        sql_bind_number(v->drop_text, 1, dead[i]);
        err = sql_run(v->drop_text);
    }
    mem_free(dead);
    *more_out = seen == SWEEP_ROWS;
    return err;
}

static int in_transactions(struct sqlite_derived *v, struct sweep *w,
                           int (*slice)(struct sqlite_derived *, struct sweep *, bool *))
{
    int64_t done, revised;
    bool more = true;
    int err = 0;
    marks(v, &done, &revised);
    while (err == 0 && more && !sqlite_derived_stopping(v)) {
        err = sql_run(v->begin);
        if (err == 0)
            err = finish(v, slice(v, w, &more), done, revised);
    }
    return err;
}

int sqlite_derived_sweep(struct sqlite_derived *v)
{
    struct sweep w = {.at = {.owner = INT64_MIN}, .text_at = INT64_MIN};
    const struct sql_text list[] = {
        {&w.peers, "SELECT owner, name, peer, position FROM entry_peer"
                   " WHERE (owner, name, peer, position) > (?1,?2,?3,?4)"
                   " ORDER BY owner, name, peer, position LIMIT ?5"},
        {&w.texts, "SELECT rowid FROM entry_text WHERE rowid>?1 ORDER BY rowid LIMIT ?2"},
        {&w.drop_peer,
         "DELETE FROM entry_peer WHERE owner=?1 AND name=?2 AND peer=?3 AND position=?4"},
    };
    int err = sql_prepare(v->db, list, 3);
    if (err != 0)
        return err;
    err = in_transactions(v, &w, sweep_peers);
    if (err == 0)
        err = in_transactions(v, &w, sweep_texts);
    sql_finalize(list, 3);
    return err;
}
