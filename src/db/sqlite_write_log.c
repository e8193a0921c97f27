/* Writes of log entries. The owners in the entry's row are the truth; entry_owner is their index.
 * An entry is written once; losing an owner that is not the last one rewrites its row. */
#include "base/check.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_write.h"

int sqlite_write_append(struct sqlite_write *w, const struct store_operation *o,
                        uint64_t *position_out)
{
    int64_t name, owners[STORE_LOG_OWNERS];
    int err = sqlite_names_name(&w->names, o->name, true, &name);
    for (size_t i = 0; i < o->owner_count && err == 0; i++)
        err = sqlite_names_owner(&w->names, o->owners[i], true, &owners[i]);
    if (err != 0)
        return err;
    w->changed = true;
    CHECK(w->position < INT64_MAX);
    int64_t position = ++w->position;
    sqlite3_stmt *s = w->append;
    sql_bind_number(s, 1, position);
    sql_bind_number(s, 2, name);
    sql_bind_number(s, 3, o->labels.wall_ms);
    sql_bind_number(s, 4, o->labels.flags);
    for (size_t i = 0; i < STORE_LOG_OWNERS; i++) {
        if (i < o->owner_count)
            sql_bind_number(s, 5 + (int)i, owners[i]);
        else
            sqlite3_bind_null(s, 5 + (int)i);
    }
    sql_bind(s, 9, o->labels.origin);
    sql_bind(s, 10, o->labels.peer);
    sql_bind(s, 11, o->value);
    err = sql_run(s);
    for (size_t i = 0; i < o->owner_count && err == 0; i++)
        sqlite_tail_add(w->tail, owners[i], name, position);
    *position_out = (uint64_t)position;
    return err;
}

/* Whether the entry has this owner, and whether it has another one. */
static int look_at_owners(struct sqlite_write *w, int64_t position, int64_t owner, int64_t name,
                          bool *mine_out, bool *shared_out)
{
    bool row;
    *mine_out = *shared_out = false;
    sql_bind_number(w->owners, 1, position);
    sql_bind_number(w->owners, 2, name);
    int err = sql_step(w->owners, &row);
    for (int i = 0; err == 0 && row && i < STORE_LOG_OWNERS; i++) {
        if (sqlite3_column_type(w->owners, i) == SQLITE_NULL)
            continue;
        if (sqlite3_column_int64(w->owners, i) == owner)
            *mine_out = true;
        else
            *shared_out = true;
    }
    sql_reset(w->owners);
    return err;
}

/* The owner's part of one entry; it may be gone already. */
static int drop_part(struct sqlite_write *w, int64_t owner, int64_t name, int64_t position)
{
    bool mine, shared;
    int err = look_at_owners(w, position, owner, name, &mine, &shared);
    if (err != 0 || !mine)
        return err;
    w->dropped++;
    sqlite3_stmt *s = shared ? w->reduce : w->erase;
    sql_bind_number(s, 1, position);
    if (shared)
        sql_bind_number(s, 2, owner);
    return sql_run(s);
}

/* Parts that the index has. */
static int drop_indexed(struct sqlite_write *w, int64_t owner, int64_t name, int64_t from,
                        int64_t to)
{
    for (;;) {
        bool row;
        sql_bind_number(w->part, 1, owner);
        sql_bind_number(w->part, 2, name);
        sql_bind_number(w->part, 3, from);
        sql_bind_number(w->part, 4, to);
        int err = sql_step(w->part, &row);
        from = err == 0 && row ? sqlite3_column_int64(w->part, 0) : from;
        sql_reset(w->part);
        if (err != 0 || !row)
            return err;
        err = drop_part(w, owner, name, from);
        if (err != 0)
            return err;
        sql_bind_number(w->disown, 1, owner);
        sql_bind_number(w->disown, 2, name);
        sql_bind_number(w->disown, 3, from);
        err = sql_run(w->disown);
        if (err != 0)
            return err;
    }
}

/* Parts that the index may still lack. */
static int drop_newest(struct sqlite_write *w, int64_t owner, int64_t name, int64_t from,
                       int64_t to)
{
    struct sqlite_tail_hold hold;
    struct buf positions = {0};
    int64_t first;
    sqlite_tail_hold(w->tail, &hold);
    int err = sqlite_tail_positions(w->tail, &hold, owner, name, from, to, &positions, &first);
    sqlite_tail_let_go(w->tail, &hold);
    for (size_t at = 0; err == 0 && at < buf_len(&positions); at += sizeof(int64_t)) {
        int64_t position;
        memcpy(&position, positions.ptr + at, sizeof(position));
        err = drop_part(w, owner, name, position);
    }
    if (err == 0 && buf_len(&positions) > 0)
        sqlite_tail_drop(w->tail, owner, name, from, to);
    buf_free(&positions);
    return err;
}

static int drop_span(struct sqlite_write *w, int64_t owner, int64_t name, int64_t from, int64_t to)
{
    /* What comes later in this transaction is not meant. */
    if (to > w->position)
        to = w->position;
    int err = drop_indexed(w, owner, name, from, to);
    return err != 0 ? err : drop_newest(w, owner, name, from, to);
}

static int64_t clamp(uint64_t position)
{
    return position > INT64_MAX ? INT64_MAX : (int64_t)position;
}

/* The numbers of owner and name, SQLITE_NAMES_NONE when there is nothing of them. */
static int find_log(struct sqlite_write *w, const struct store_operation *o, int64_t *owner_out,
                    int64_t *name_out)
{
    *name_out = SQLITE_NAMES_NONE;
    int err = sqlite_names_owner(&w->names, o->owner, false, owner_out);
    if (err == 0 && *owner_out != SQLITE_NAMES_NONE)
        err = sqlite_names_name(&w->names, o->name, false, name_out);
    return err;
}

int sqlite_write_drop(struct sqlite_write *w, const struct store_operation *o)
{
    int64_t owner, name;
    int err = find_log(w, o, &owner, &name);
    if (err != 0 || name == SQLITE_NAMES_NONE)
        return err;
    w->changed = true;
    return drop_span(w, owner, name, clamp(o->from), clamp(o->to));
}

/* Whoever derives something from values has to look at this one again. */
static int revise(struct sqlite_write *w, int64_t position)
{
    sql_bind_number(w->revise, 1, ++w->revised);
    sql_bind_number(w->revise, 2, position);
    int err = sql_run(w->revise);
    if (err != 0 || w->revised_done == 0)
        return err;
    int64_t kept = w->revised_done < w->revised ? w->revised_done : w->revised;
    sql_bind_number(w->forget_revised, 1, kept);
    return sql_run(w->forget_revised);
}

int sqlite_write_replace(struct sqlite_write *w, const struct store_operation *o)
{
    int64_t owner, name;
    bool mine = false, shared;
    int err = find_log(w, o, &owner, &name);
    if (err == 0 && name != SQLITE_NAMES_NONE)
        err = look_at_owners(w, clamp(o->from), owner, name, &mine, &shared);
    if (err != 0 || !mine)
        return err;
    w->changed = true;
    sqlite3_stmt *s = o->value.ptr != NULL ? w->replace : w->mark;
    sql_bind_number(s, 1, clamp(o->from));
    sql_bind_number(s, 2, o->labels.flags);
    if (o->value.ptr != NULL)
        sql_bind(s, 3, o->value);
    err = sql_run(s);
    bool revises = err == 0 && o->value.ptr != NULL && w->texts;
    return revises ? revise(w, clamp(o->from)) : err;
}

int sqlite_write_drop_parts(struct sqlite_write *w, int64_t owner)
{
    bool row;
    int err;
    for (;;) {
        err = sql_step(w->all_names, &row);
        if (err != 0 || !row)
            break;
        err = drop_span(w, owner, sqlite3_column_int64(w->all_names, 0), 0, INT64_MAX);
        if (err != 0)
            break;
    }
    sql_reset(w->all_names);
    return err;
}

static int index_part(struct sqlite_write *w, const struct sqlite_tail_part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        bool mine = true, shared;
        int err = 0;
        if (part->dropped)
            err = look_at_owners(w, part->positions[i], part->owner, part->name, &mine, &shared);
        if (err != 0)
            return err;
        if (!mine)
            continue;
        sql_bind_number(w->index, 1, part->owner);
        sql_bind_number(w->index, 2, part->name);
        sql_bind_number(w->index, 3, part->positions[i]);
        err = sql_run(w->index);
        if (err != 0)
            return err;
    }
    return 0;
}

int sqlite_write_index(struct sqlite_write *w, bool all)
{
    size_t rows_left = all ? SIZE_MAX : sqlite_tail_share(w->tail);
    for (;;) {
        const struct sqlite_tail_part *part = sqlite_tail_next(w->tail, &rows_left);
        if (part == NULL)
            return 0;
        int err = index_part(w, part);
        if (err != 0)
            return err;
    }
}

int sqlite_write_load_tail(struct sqlite_write *w)
{
    bool row;
    int err;
    sqlite_tail_begin(w->tail);
    for (;;) {
        err = sql_step(w->newest, &row);
        if (err != 0 || !row)
            break;
        int64_t position = sqlite3_column_int64(w->newest, 0);
        int64_t name = sqlite3_column_int64(w->newest, 1);
        for (int i = 0; i < STORE_LOG_OWNERS; i++)
            if (sqlite3_column_type(w->newest, 2 + i) != SQLITE_NULL)
                sqlite_tail_add(w->tail, sqlite3_column_int64(w->newest, 2 + i), name, position);
    }
    sql_reset(w->newest);
    sqlite_tail_commit(w->tail);
    return err;
}
