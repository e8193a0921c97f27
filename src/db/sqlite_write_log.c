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
    for (size_t i = 0; i < o->owner_count && err == 0; i++) {
        sql_bind_number(w->own, 1, owners[i]);
        sql_bind_number(w->own, 2, name);
        sql_bind_number(w->own, 3, position);
        err = sql_run(w->own);
    }
    *position_out = (uint64_t)position;
    return err;
}

/* Whether the entry has an owner besides this one. An entry that is not there has none. */
static int is_shared(struct sqlite_write *w, int64_t position, int64_t owner, bool *out)
{
    bool row;
    *out = false;
    sql_bind_number(w->owners, 1, position);
    int err = sql_step(w->owners, &row);
    if (err == 0 && row) {
        for (int i = 0; i < STORE_LOG_OWNERS; i++)
            if (sqlite3_column_type(w->owners, i) != SQLITE_NULL &&
                sqlite3_column_int64(w->owners, i) != owner)
                *out = true;
    }
    sql_reset(w->owners);
    return err;
}

static int drop_part(struct sqlite_write *w, int64_t owner, int64_t name, int64_t position)
{
    bool shared;
    int err = is_shared(w, position, owner, &shared);
    if (err != 0)
        return err;
    sqlite3_stmt *s = shared ? w->reduce : w->erase;
    sql_bind_number(s, 1, position);
    if (shared)
        sql_bind_number(s, 2, owner);
    err = sql_run(s);
    if (err != 0)
        return err;
    sql_bind_number(w->disown, 1, owner);
    sql_bind_number(w->disown, 2, name);
    sql_bind_number(w->disown, 3, position);
    return sql_run(w->disown);
}

static int64_t clamp(uint64_t position)
{
    return position > INT64_MAX ? INT64_MAX : (int64_t)position;
}

int sqlite_write_drop(struct sqlite_write *w, const struct store_operation *o)
{
    int64_t owner, name, from = clamp(o->from);
    int err = sqlite_names_owner(&w->names, o->owner, false, &owner);
    if (err == 0 && owner != SQLITE_NAMES_NONE)
        err = sqlite_names_name(&w->names, o->name, false, &name);
    if (err != 0 || owner == SQLITE_NAMES_NONE || name == SQLITE_NAMES_NONE)
        return err;
    w->changed = true;
    for (;;) {
        bool row;
        sql_bind_number(w->part, 1, owner);
        sql_bind_number(w->part, 2, name);
        sql_bind_number(w->part, 3, from);
        sql_bind_number(w->part, 4, clamp(o->to));
        err = sql_step(w->part, &row);
        int64_t position = err == 0 && row ? sqlite3_column_int64(w->part, 0) : 0;
        sql_reset(w->part);
        if (err != 0 || !row)
            return err;
        err = drop_part(w, owner, name, position);
        if (err != 0)
            return err;
        from = position;
    }
}

int sqlite_write_drop_parts(struct sqlite_write *w, int64_t owner_id)
{
    for (;;) {
        bool row;
        sql_bind_number(w->parts_of_owner, 1, owner_id);
        int err = sql_step(w->parts_of_owner, &row);
        int64_t name = err == 0 && row ? sqlite3_column_int64(w->parts_of_owner, 0) : 0;
        int64_t position = err == 0 && row ? sqlite3_column_int64(w->parts_of_owner, 1) : 0;
        sql_reset(w->parts_of_owner);
        if (err != 0 || !row)
            return err;
        err = drop_part(w, owner_id, name, position);
        if (err != 0)
            return err;
    }
}
