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

enum { COLUMN_OWNERS = 5, COLUMN_PAYLOAD = 9 };

static struct store_labels labels_of(sqlite3_stmt *s)
{
    return (struct store_labels){.wall_ms = sqlite3_column_int64(s, 1),
                                 .flags = (uint32_t)sqlite3_column_int64(s, 2),
                                 .origin = sql_column(s, 3),
                                 .peer = sql_column(s, 4)};
}

static int answer_entry(struct store_request *r, uint32_t read, struct slice key, sqlite3_stmt *s)
{
    struct store_row row = {.read = read,
                            .key = key,
                            .value = sql_column(s, COLUMN_PAYLOAD),
                            .position = (uint64_t)sqlite3_column_int64(s, 0),
                            .labels = labels_of(s)};
    return store_answer_row(r, &row);
}

/* A range or search under way. */
struct walk {
    struct sqlite_read *q;
    struct store_request *r;
    const struct store_operation *o;
    const struct words_query *words; /* NULL: whatever they say */
    struct sqlite_shelf shelf;
    uint32_t read;
    int64_t peer; /* number of the filter's peer, 0: no such owner */
    uint32_t rows, looks;
};

static bool says(const struct walk *w, const struct store_labels *labels, struct slice value)
{
    struct buf text = {0};
    const struct store_text *of = &w->q->text;
    bool found = of->of(of->ctx, w->o->name, value, labels->flags, &text) &&
                 words_match(w->words, buf_slice(&text));
    buf_free(&text);
    return found;
}

static bool is_wanted(const struct walk *w, sqlite3_stmt *s)
{
    bool shares = false, alone = true;
    for (int i = 0; i < STORE_LOG_OWNERS; i++) {
        int64_t owner = sqlite3_column_int64(s, COLUMN_OWNERS + i);
        if (owner == 0 || owner == w->shelf.owner)
            continue;
        alone = false;
        shares = shares || owner == w->peer;
    }
    struct store_labels labels = labels_of(s);
    return store_filter_passes(&w->o->filter, w->o->owner, &labels, shares, alone) &&
           (w->words == NULL || says(w, &labels, sql_column(s, COLUMN_PAYLOAD)));
}

/* Looks at an entry, s NULL: at one that is gone. *go_out: there may be more. */
static int look(struct walk *w, sqlite3_stmt *s, int64_t position, bool *go_out)
{
    bool wanted = s != NULL && is_wanted(w, s);
    *go_out = false;
    if ((wanted && !store_answer_room(w->r, w->rows, w->o->limit)) ||
        w->looks == STORE_RANGE_LOOKS) {
        w->r->more = true;
        return 0;
    }
    w->looks++;
    w->rows += wanted;
    w->r->position = (uint64_t)position;
    *go_out = true;
    return wanted ? answer_entry(w->r, w->read, SLICE(""), s) : 0;
}

static void bind_entry(sqlite3_stmt *s, struct sqlite_shelf shelf, int64_t position)
{
    sql_bind_number(s, 1, shelf.owner);
    sql_bind_number(s, 2, shelf.name);
    sql_bind_number(s, 3, position);
}

/* The entry at this position, which may be gone. */
static int look_at(struct walk *w, int64_t position, bool *go_out)
{
    bool row;
    bind_entry(w->q->entry, w->shelf, position);
    int err = sql_step(w->q->entry, &row);
    if (err == 0)
        err = look(w, row ? w->q->entry : NULL, position, go_out);
    sql_reset(w->q->entry);
    return err;
}

static int walk_index(struct walk *w, int64_t from, int64_t to)
{
    sqlite3_stmt *s = w->o->backwards ? w->q->range_back : w->q->range;
    bool go = true, row;
    int err = 0;
    bind_entry(s, w->shelf, from);
    sql_bind_number(s, 4, to);
    while (err == 0 && go) {
        err = sql_step(s, &row);
        if (err != 0 || !row)
            break;
        err = look(w, s, sqlite3_column_int64(s, 0), &go);
    }
    sql_reset(s);
    return err;
}

static int walk_newest(struct walk *w, const struct newest *n)
{
    size_t count = newest_count(n);
    bool go = true;
    int err = 0;
    for (size_t i = 0; i < count && err == 0 && go; i++)
        err = look_at(w, newest_at(n, w->o->backwards ? count - 1 - i : i), &go);
    return err;
}

/* Everything of the shelf. */
static int walk_log(struct walk *w, int64_t from, int64_t to)
{
    struct newest newest;
    int err = find_newest(w->q, w->shelf, from, to, &newest);
    if (err != 0)
        return err;
    int64_t indexed_to = to < newest.first ? to : newest.first - 1;
    if (w->o->backwards)
        err = walk_newest(w, &newest);
    if (err == 0 && !w->r->more)
        err = walk_index(w, from, indexed_to);
    if (err == 0 && !w->r->more && !w->o->backwards)
        err = walk_newest(w, &newest);
    buf_free(&newest.positions);
    return err;
}

/* What is derived names the entries that may be wanted. */
static int walk_derived(struct walk *w, int64_t from, int64_t to)
{
    const struct store_operation *o = w->o;
    sqlite3_stmt *s =
        w->words != NULL
            ? sqlite_read_derived_texts(w->q, w->shelf, w->words, from, to, o->backwards)
            : sqlite_read_derived_peers(w->q, w->shelf, o->filter.peer, from, to, o->backwards);
    bool go = true, row;
    int err = 0;
    while (err == 0 && go) {
        err = sql_step(s, &row);
        if (err != 0)
            sqlite_read_derived_failed(w->q, err);
        if (err != 0 || !row)
            break;
        err = look_at(w, sqlite3_column_int64(s, 0), &go);
    }
    sql_reset(s);
    return err;
}

static int walk(struct walk *w, int64_t from, int64_t to)
{
    bool selects = w->words != NULL || w->o->filter.peer.len > 0;
    int64_t covered = selects ? sqlite_read_derived_begin(w->q) : 0;
    int64_t derived_to = to < covered ? to : covered;
    int64_t log_from = from > covered ? from : covered + 1;
    int err = 0;
    if (covered == 0)
        return walk_log(w, from, to);
    if (w->o->backwards && log_from <= to)
        err = walk_log(w, log_from, to);
    if (err == 0 && !w->r->more && from <= derived_to)
        err = walk_derived(w, from, derived_to);
    if (err == 0 && !w->r->more && !w->o->backwards && log_from <= to)
        err = walk_log(w, log_from, to);
    return err;
}

int sqlite_read_range(struct sqlite_read *q, struct store_request *r, uint32_t read,
                      struct sqlite_shelf shelf, const struct store_operation *o)
{
    struct walk w = {.q = q, .r = r, .o = o, .shelf = shelf, .read = read};
    struct words_query words = {0};
    int err = 0;
    r->position = 0;
    if (o->op == STORE_SEARCH) {
        w.words = &words;
        err = q->text.of == NULL ? ERR_REFUSED : words_query_read(&words, o->text);
    }
    if (err == 0 && o->filter.peer.ptr != NULL)
        err = sqlite_read_id(q->owner, o->filter.peer, &w.peer);
    if (err == 0 && (w.words == NULL || words.count > 0))
        err = walk(&w, clamp(o->from), clamp(o->to));
    words_query_free(&words);
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
            sum->labels.wall_ms += sqlite3_column_bytes(q->entry, COLUMN_PAYLOAD);
        }
        sql_reset(q->entry);
    }
    buf_free(&newest.positions);
    return err;
}

static int add_owner_name(struct sqlite_read *q, int64_t id, struct buf *names)
{
    bool row;
    sql_bind_number(q->owner_name, 1, id);
    int err = sql_step(q->owner_name, &row);
    if (err == 0 && row) {
        if (buf_len(names) > 0)
            buf_byte(names, '\0');
        buf_add(names, sql_column(q->owner_name, 0));
    }
    sql_reset(q->owner_name);
    return err;
}

static int answer_with_owners(struct sqlite_read *q, struct store_request *r, uint32_t read)
{
    struct buf names = {0};
    int err = 0;
    for (int i = 0; i < STORE_LOG_OWNERS && err == 0; i++) {
        int64_t owner = sqlite3_column_int64(q->replay, COLUMN_OWNERS + i);
        if (owner != 0)
            err = add_owner_name(q, owner, &names);
    }
    if (err == 0)
        err = names.failed ? ERR_MEMORY : answer_entry(r, read, buf_slice(&names), q->replay);
    buf_free(&names);
    return err;
}

int sqlite_read_replay(struct sqlite_read *q, struct store_request *r, uint32_t read, int64_t name,
                       const struct store_operation *o)
{
    int err = 0;
    bind_entry(q->replay, (struct sqlite_shelf){.name = name}, clamp(o->from));
    sql_bind_number(q->replay, 4, clamp(o->to));
    for (uint32_t n = 0; err == 0; n++) {
        bool row;
        err = sql_step(q->replay, &row);
        if (err != 0 || !row)
            break;
        if (!store_answer_room(r, n, o->limit))
            break;
        err = answer_with_owners(q, r, read);
    }
    sql_reset(q->replay);
    return err;
}
