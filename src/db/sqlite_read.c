/* Queries on a reading connection. A snapshot lives as long as one query, and no query longer than
 * its limit, so that a reader never holds the write-ahead log back for long (D16). */
#include "db/sqlite_read.h"

#include "base/check.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_derived.h"

#define ITEM_OF " FROM item WHERE owner=?1 AND name=?2"
#define ENTRY                                                                                      \
    "SELECT e.position, e.wall_ms, e.flags, e.origin, e.peer, e.owner1, e.owner2, e.owner3,"       \
    " e.owner4, e.payload"
#define INDEXED                                                                                    \
    " FROM entry_owner AS o CROSS JOIN entry AS e ON e.position=o.position"                        \
    " WHERE o.owner=?1 AND o.name=?2 AND o.position BETWEEN ?3 AND ?4"

/* Virtual machine steps between two looks at the clock: some tens of microseconds. */
enum { READ_STEPS = 2000 };

static void statements(struct sqlite_read *q, struct sql_text out[SQLITE_READ_STATEMENTS])
{
    const struct sql_text list[] = {
        {&q->begin, "BEGIN"},
        {&q->look, "SELECT 1 FROM state"},
        {&q->end, "COMMIT"},
        {&q->owner, "SELECT id FROM owner WHERE owner=?1"},
        {&q->name, "SELECT id FROM name WHERE name=?1"},
        {&q->place, "SELECT place" ITEM_OF " AND key=?3 AND place>0"},
        {&q->value, "SELECT value" ITEM_OF " AND place=?3"},
        {&q->list, "SELECT place, key, value" ITEM_OF " AND place>?3 ORDER BY place"},
        {&q->list_back, "SELECT place, key, value" ITEM_OF " AND place<?3 ORDER BY place DESC"},
        {&q->count_items, "SELECT count(*), total(length(value))" ITEM_OF},
        {&q->range, ENTRY INDEXED " ORDER BY o.position"},
        {&q->range_back, ENTRY INDEXED " ORDER BY o.position DESC"},
        {&q->entry, ENTRY " FROM entry AS e WHERE position=?3 AND name=?2 AND"
                          " ?1 IN (owner1, owner2, owner3, owner4)"},
        {&q->replay, ENTRY " FROM entry AS e WHERE position BETWEEN ?3 AND ?4 AND name=?2"
                           " ORDER BY position"},
        {&q->owner_name, "SELECT owner FROM owner WHERE id=?1"},
        {&q->count_log, "SELECT count(*), total(length(e.payload))" INDEXED},
        {&q->holders, "SELECT owner FROM holder WHERE name=?1 AND owner>?2 ORDER BY owner"},
        {&q->first_holders, "SELECT owner FROM holder WHERE name=?1 ORDER BY owner"},
    };
    for (size_t i = 0; i < SQLITE_READ_STATEMENTS; i++)
        out[i] = list[i];
}

/* SQLite asks now and then; a yes interrupts the statement. */
static int is_late(void *ctx)
{
    const struct sqlite_read *q = ctx;
    return q->deadline_ms != 0 && sql_now_ms() > q->deadline_ms;
}

void sqlite_read_watch(struct sqlite_read *q, sqlite3 *db)
{
    sqlite3_progress_handler(db, READ_STEPS, is_late, q);
}

int sqlite_read_open(struct sqlite_read *q, sqlite3 *db, struct sqlite_tail *tail,
                     struct sqlite_derived *derived, const struct store_text *text,
                     uint32_t query_ms_max)
{
    *q = (struct sqlite_read){.db = db,
                              .tail = tail,
                              .derived = {.of = derived},
                              .text = *text,
                              .query_ms_max = query_ms_max};
    struct sql_text list[SQLITE_READ_STATEMENTS];
    statements(q, list);
    int err = sql_prepare(db, list, SQLITE_READ_STATEMENTS);
    if (err == 0)
        sqlite_read_watch(q, db);
    else
        q->db = NULL;
    return err;
}

void sqlite_read_close(struct sqlite_read *q)
{
    struct sql_text list[SQLITE_READ_STATEMENTS];
    statements(q, list);
    sql_finalize(list, SQLITE_READ_STATEMENTS);
    sqlite_read_derived_close(q);
    q->db = NULL;
}

int sqlite_read_id(sqlite3_stmt *s, struct slice bytes, int64_t *id_out)
{
    bool row;
    sql_bind(s, 1, bytes);
    int err = sql_step(s, &row);
    *id_out = err == 0 && row ? sqlite3_column_int64(s, 0) : 0;
    sql_reset(s);
    return err;
}

static void bind_shelf(sqlite3_stmt *s, struct sqlite_shelf shelf)
{
    sql_bind_number(s, 1, shelf.owner);
    sql_bind_number(s, 2, shelf.name);
}

/* The place of a key; ERR_NOT_FOUND. The empty key's place is 0, there or not. */
static int find_place(struct sqlite_read *q, struct sqlite_shelf shelf, struct slice key,
                      int64_t *place_out)
{
    *place_out = 0;
    if (key.len == 0)
        return 0;
    bool row;
    bind_shelf(q->place, shelf);
    sql_bind(q->place, 3, key);
    int err = sql_step(q->place, &row);
    if (err == 0 && row)
        *place_out = sqlite3_column_int64(q->place, 0);
    sql_reset(q->place);
    return err == 0 && !row ? ERR_NOT_FOUND : err;
}

static int read_get(struct sqlite_read *q, struct store_request *r, uint32_t read,
                    struct sqlite_shelf shelf, struct slice key)
{
    int64_t place;
    int err = find_place(q, shelf, key, &place);
    if (err != 0)
        return err == ERR_NOT_FOUND ? 0 : err;
    bool row;
    bind_shelf(q->value, shelf);
    sql_bind_number(q->value, 3, place);
    err = sql_step(q->value, &row);
    if (err == 0 && row) {
        struct store_row out = {.read = read, .key = key, .value = sql_column(q->value, 0)};
        err = store_answer_row(r, &out);
    }
    sql_reset(q->value);
    return err;
}

static bool has_empty_key(struct sqlite_read *q, struct sqlite_shelf shelf, int *err_out)
{
    bool row;
    bind_shelf(q->value, shelf);
    sql_bind_number(q->value, 3, 0);
    *err_out = sql_step(q->value, &row);
    sql_reset(q->value);
    return *err_out == 0 && row;
}

static void row_of_item(sqlite3_stmt *s, struct store_row *out)
{
    out->key = sql_column(s, 1);
    out->value = sql_column(s, 2);
}

static void row_of_holder(sqlite3_stmt *s, struct store_row *out)
{
    out->key = sql_column(s, 0);
}

/* Answers the rows of a bound statement up to the limit of rows and of bytes. */
static int answer_rows(struct store_request *r, uint32_t read, sqlite3_stmt *s, uint32_t limit,
                       void (*row_of)(sqlite3_stmt *, struct store_row *))
{
    int err = 0;
    for (uint32_t n = 0; err == 0; n++) {
        bool row;
        err = sql_step(s, &row);
        if (err != 0 || !row)
            break;
        if (!store_answer_room(r, n, limit))
            break;
        struct store_row out = {.read = read};
        row_of(s, &out);
        err = store_answer_row(r, &out);
    }
    sql_reset(s);
    return err;
}

static int read_list(struct sqlite_read *q, struct store_request *r, uint32_t read,
                     struct sqlite_shelf shelf, const struct store_operation *o)
{
    int64_t bound = o->backwards ? INT64_MAX : -1;
    if (o->key.ptr != NULL) {
        int err = find_place(q, shelf, o->key, &bound);
        if (err == 0 && o->key.len == 0 && !has_empty_key(q, shelf, &err) && err == 0)
            err = ERR_NOT_FOUND;
        if (err != 0)
            return err;
    }
    sqlite3_stmt *s = o->backwards ? q->list_back : q->list;
    bind_shelf(s, shelf);
    sql_bind_number(s, 3, bound);
    return answer_rows(r, read, s, o->limit, row_of_item);
}

static int read_count(struct sqlite_read *q, struct store_request *r, uint32_t read,
                      struct sqlite_shelf shelf)
{
    struct store_row sum = {.read = read};
    bool row;
    bind_shelf(q->count_items, shelf);
    int err = sql_step(q->count_items, &row);
    if (err == 0 && row) {
        sum.position = (uint64_t)sqlite3_column_int64(q->count_items, 0);
        sum.labels.wall_ms = sqlite3_column_int64(q->count_items, 1);
    }
    sql_reset(q->count_items);
    if (err == 0)
        err = sqlite_read_count(q, shelf, &sum);
    return err != 0 ? err : store_answer_row(r, &sum);
}

static int read_owners(struct sqlite_read *q, struct store_request *r, uint32_t read, int64_t name,
                       const struct store_operation *o)
{
    sqlite3_stmt *s = o->key.ptr != NULL ? q->holders : q->first_holders;
    sql_bind_number(s, 1, name);
    if (o->key.ptr != NULL)
        sql_bind(s, 2, o->key);
    return answer_rows(r, read, s, o->limit, row_of_holder);
}

static int read_one(struct sqlite_read *q, struct store_request *r, uint32_t read,
                    const struct store_operation *o)
{
    struct sqlite_shelf shelf = {0};
    int err = sqlite_read_id(q->name, o->name, &shelf.name);
    if (err == 0 && o->op != STORE_OWNERS && o->op != STORE_REPLAY)
        err = sqlite_read_id(q->owner, o->owner, &shelf.owner);
    if (err != 0)
        return err;
    switch (o->op) {
    case STORE_GET:
        return read_get(q, r, read, shelf, o->key);
    case STORE_LIST:
        return read_list(q, r, read, shelf, o);
    case STORE_RANGE:
    case STORE_SEARCH:
        return sqlite_read_range(q, r, read, shelf, o);
    case STORE_COUNT:
        return read_count(q, r, read, shelf);
    case STORE_REPLAY:
        return sqlite_read_replay(q, r, read, shelf.name, o);
    case STORE_OWNERS:
        return read_owners(q, r, read, shelf.name, o);
    default:
        UNREACHABLE();
    }
}

static int read_all(struct sqlite_read *q, struct store_request *r)
{
    struct store_operation o;
    uint32_t read = 0;
    for (size_t at = 0; store_operations(r, &at, &o); read++) {
        int err = store_answer_begin(r);
        if (err == 0)
            err = read_one(q, r, read, &o);
        if (err != 0)
            return err;
        /* Steps of many short reads are few each; the clock is asked between them too. */
        if (is_late(q))
            return ERR_BUSY;
    }
    return 0;
}

static int end_snapshot(struct sqlite_read *q)
{
    sqlite_tail_let_go(q->tail, &q->hold);
    sqlite_read_derived_end(q);
    return sqlite3_get_autocommit(q->db) == 0 ? sql_run(q->end) : 0;
}

/* The snapshot, and the lots of the tail that were there when it began. */
static int begin_snapshot(struct sqlite_read *q)
{
    for (;;) {
        sqlite_tail_hold(q->tail, &q->hold);
        int err = sql_run(q->begin);
        if (err == 0)
            err = sql_run(q->look);
        if (err != 0 || sqlite_tail_valid(q->tail, &q->hold))
            return err;
        err = end_snapshot(q);
        if (err != 0)
            return err;
    }
}

static bool searches(const struct store_request *r)
{
    struct store_operation o;
    bool search = false;
    for (size_t at = 0; store_operations(r, &at, &o);)
        search = search || o.op == STORE_SEARCH;
    return search;
}

static int in_snapshot(struct sqlite_read *q, struct store_request *r)
{
    int err = begin_snapshot(q);
    if (err == 0)
        err = read_all(q, r);
    int end = end_snapshot(q);
    return err != 0 ? err : end;
}

int sqlite_read_query(struct sqlite_read *q, struct store_request *r)
{
    q->deadline_ms = sql_now_ms() + q->query_ms_max;
    q->without_derived = q->derived_failed = false;
    int err = 0;
    if (q->derived.of != NULL && searches(r))
        err = sqlite_derived_wait(q->derived.of, q->query_ms_max);
    if (err == 0)
        err = in_snapshot(q, r);
    if (err != 0 && q->derived_failed && !is_late(q)) {
        q->without_derived = true;
        store_answer_clear(r);
        err = in_snapshot(q, r);
    }
    q->deadline_ms = 0;
    if (err != 0)
        store_answer_clear(r);
    return err;
}
