/* Reads of log entries. What the index has of an owner and a name lies below the first position
 * that the tail has of them; from there on the tail has everything, and possibly more than the
 * snapshot: each of its positions is looked up in the entries, which are the truth. */
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_read.h"

/* The newest positions of one shelf. */
struct newest {
    struct buf positions;
    int64_t first; /* the index is asked below this one */
};

static int64_t clamp(uint64_t position)
{
    return position > INT64_MAX ? INT64_MAX : (int64_t)position;
}

static int find_newest(struct sqlite_read *q, struct sqlite_shelf shelf, int64_t from, int64_t to,
                       struct newest *out)
{
    *out = (struct newest){0};
    int err = sqlite_tail_positions(q->tail, &q->hold, shelf.owner, shelf.name, from, to,
                                    &out->positions, &out->first);
    if (err != 0)
        buf_free(&out->positions);
    return err;
}

static size_t newest_count(const struct newest *n)
{
    return buf_len(&n->positions) / sizeof(int64_t);
}

static int64_t newest_at(const struct newest *n, size_t i)
{
    int64_t position;
    memcpy(&position, n->positions.ptr + i * sizeof(position), sizeof(position));
    return position;
}

static int answer_entry(struct store_request *r, uint32_t read, sqlite3_stmt *s)
{
    struct store_row row = {.read = read,
                            .position = (uint64_t)sqlite3_column_int64(s, 0),
                            .value = sql_column(s, 5),
                            .labels = {.wall_ms = sqlite3_column_int64(s, 1),
                                       .flags = (uint32_t)sqlite3_column_int64(s, 2),
                                       .origin = sql_column(s, 3),
                                       .peer = sql_column(s, 4)}};
    return store_answer_row(r, &row);
}

/* Rows under way: how many more may come. */
struct walk {
    struct sqlite_read *q;
    struct store_request *r;
    uint32_t read;
    uint32_t limit, rows;
};

/* The next row of the statement; *go_out: there was one and there is room for more. */
static int walk_step(struct walk *w, sqlite3_stmt *s, bool *go_out)
{
    bool row;
    *go_out = false;
    int err = sql_step(s, &row);
    if (err != 0 || !row)
        return err;
    if ((w->limit > 0 && w->rows == w->limit) || (w->rows > 0 && store_answer_full(w->r))) {
        w->r->more = true;
        return 0;
    }
    w->rows++;
    *go_out = true;
    return answer_entry(w->r, w->read, s);
}

static void bind_entry(sqlite3_stmt *s, struct sqlite_shelf shelf, int64_t position)
{
    sql_bind_number(s, 1, shelf.owner);
    sql_bind_number(s, 2, shelf.name);
    sql_bind_number(s, 3, position);
}

static int walk_index(struct walk *w, struct sqlite_shelf shelf, int64_t from, int64_t to,
                      bool backwards)
{
    sqlite3_stmt *s = backwards ? w->q->range_back : w->q->range;
    bool go = true;
    int err = 0;
    bind_entry(s, shelf, from);
    sql_bind_number(s, 4, to);
    while (err == 0 && go)
        err = walk_step(w, s, &go);
    sql_reset(s);
    return err;
}

static int walk_newest(struct walk *w, struct sqlite_shelf shelf, const struct newest *n,
                       bool backwards)
{
    size_t count = newest_count(n);
    int err = 0;
    for (size_t i = 0; i < count && err == 0 && !w->r->more; i++) {
        bool go;
        bind_entry(w->q->entry, shelf, newest_at(n, backwards ? count - 1 - i : i));
        err = walk_step(w, w->q->entry, &go);
        sql_reset(w->q->entry);
    }
    return err;
}

int sqlite_read_range(struct sqlite_read *q, struct store_request *r, uint32_t read,
                      struct sqlite_shelf shelf, const struct store_operation *o)
{
    int64_t from = clamp(o->from), to = clamp(o->to);
    struct walk w = {.q = q, .r = r, .read = read, .limit = o->limit};
    struct newest newest;
    int err = find_newest(q, shelf, from, to, &newest);
    if (err != 0)
        return err;
    int64_t indexed_to = to < newest.first ? to : newest.first - 1;
    if (o->backwards)
        err = walk_newest(&w, shelf, &newest, true);
    if (err == 0 && !r->more)
        err = walk_index(&w, shelf, from, indexed_to, o->backwards);
    if (err == 0 && !r->more && !o->backwards)
        err = walk_newest(&w, shelf, &newest, false);
    buf_free(&newest.positions);
    return err;
}

int sqlite_read_count(struct sqlite_read *q, struct sqlite_shelf shelf, struct store_row *sum)
{
    bool row;
    struct newest newest;
    int err = find_newest(q, shelf, 0, INT64_MAX, &newest);
    if (err != 0)
        return err;
    bind_entry(q->count_log, shelf, 0);
    sql_bind_number(q->count_log, 4, newest.first - 1);
    err = sql_step(q->count_log, &row);
    if (err == 0 && row) {
        sum->position += (uint64_t)sqlite3_column_int64(q->count_log, 0);
        sum->labels.wall_ms += sqlite3_column_int64(q->count_log, 1);
    }
    sql_reset(q->count_log);
    for (size_t i = 0; i < newest_count(&newest) && err == 0; i++) {
        bind_entry(q->entry, shelf, newest_at(&newest, i));
        err = sql_step(q->entry, &row);
        if (err == 0 && row) {
            sum->position++;
            sum->labels.wall_ms += sqlite3_column_bytes(q->entry, 5);
        }
        sql_reset(q->entry);
    }
    buf_free(&newest.positions);
    return err;
}
