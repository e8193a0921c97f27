/* Writes of items: each stands at a place, the empty key at place 0, others behind the last. */
#include "base/check.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_write.h"

enum { NO_PLACE = -1 };

struct shelf {
    int64_t owner, name;
};

static void bind_shelf(sqlite3_stmt *s, struct shelf shelf)
{
    sql_bind_number(s, 1, shelf.owner);
    sql_bind_number(s, 2, shelf.name);
}

/* Where the key stands. For the empty key the place is known and may still be empty. */
static int find_place(struct sqlite_write *w, struct shelf shelf, struct slice key,
                      int64_t *place_out)
{
    *place_out = 0;
    if (key.len == 0)
        return 0;
    bool row;
    bind_shelf(w->place, shelf);
    sql_bind(w->place, 3, key);
    int err = sql_step(w->place, &row);
    *place_out = err == 0 && row ? sqlite3_column_int64(w->place, 0) : NO_PLACE;
    sql_reset(w->place);
    return err;
}

static int find_shelf(struct sqlite_write *w, const struct store_operation *o, bool make,
                      struct shelf *out)
{
    *out = (struct shelf){SQLITE_NAMES_NONE, SQLITE_NAMES_NONE};
    int err = sqlite_names_owner(&w->names, o->owner, make, &out->owner);
    return err != 0 ? err : sqlite_names_name(&w->names, o->name, make, &out->name);
}

int sqlite_write_demand(struct sqlite_write *w, const struct store_operation *o)
{
    struct shelf shelf;
    int64_t place;
    int err = find_shelf(w, o, false, &shelf);
    if (err == 0)
        err = find_place(w, shelf, o->key, &place);
    if (err != 0)
        return err;
    bool row;
    bind_shelf(w->value, shelf);
    sql_bind_number(w->value, 3, place);
    err = sql_step(w->value, &row);
    if (err != 0)
        return err;
    if (o->op == STORE_ADD)
        err = row ? ERR_EXISTS : 0;
    else if (!row)
        err = ERR_NOT_FOUND;
    else if (o->value.ptr != NULL && !slice_eq(sql_column(w->value, 0), o->value))
        err = ERR_NOT_FOUND;
    sql_reset(w->value);
    return err;
}

static int write_holder(sqlite3_stmt *s, int64_t name, struct slice owner)
{
    sql_bind_number(s, 1, name);
    sql_bind(s, 2, owner);
    return sql_run(s);
}

/* A new item at this place, or behind the last when it is NO_PLACE. */
static int insert(struct sqlite_write *w, struct shelf shelf, int64_t place,
                  const struct store_operation *o)
{
    bool row;
    bind_shelf(w->last_place, shelf);
    int err = sql_step(w->last_place, &row);
    if (err != 0)
        return err;
    bool first = sqlite3_column_type(w->last_place, 0) == SQLITE_NULL;
    int64_t last = sqlite3_column_int64(w->last_place, 0);
    sql_reset(w->last_place);
    bind_shelf(w->insert, shelf);
    sql_bind_number(w->insert, 3, place == NO_PLACE ? last + 1 : place);
    sql_bind(w->insert, 4, o->value);
    sql_bind(w->insert, 5, o->key);
    err = sql_run(w->insert);
    if (err == 0 && first)
        err = write_holder(w->holder, shelf.name, o->owner);
    return err;
}

static int put(struct sqlite_write *w, struct shelf shelf, const struct store_operation *o)
{
    int64_t place;
    int err = find_place(w, shelf, o->key, &place);
    if (err != 0)
        return err;
    if (place == NO_PLACE)
        return insert(w, shelf, place, o);
    bind_shelf(w->put, shelf);
    sql_bind_number(w->put, 3, place);
    sql_bind(w->put, 4, o->value);
    err = sql_run(w->put);
    if (err == 0 && sqlite3_changes(w->db) == 0)
        err = insert(w, shelf, place, o);
    return err;
}

static int remove_item(struct sqlite_write *w, struct shelf shelf, const struct store_operation *o)
{
    int64_t place;
    int err = find_place(w, shelf, o->key, &place);
    if (err != 0 || place == NO_PLACE)
        return err;
    bind_shelf(w->remove, shelf);
    sql_bind_number(w->remove, 3, place);
    err = sql_run(w->remove);
    if (err != 0 || sqlite3_changes(w->db) == 0)
        return err;
    bool row;
    bind_shelf(w->any, shelf);
    err = sql_step(w->any, &row);
    sql_reset(w->any);
    return err != 0 || row ? err : write_holder(w->unhold, shelf.name, o->owner);
}

static int clear(struct sqlite_write *w, struct shelf shelf, const struct store_operation *o)
{
    bind_shelf(w->clear, shelf);
    int err = sql_run(w->clear);
    return err != 0 ? err : write_holder(w->unhold, shelf.name, o->owner);
}

int sqlite_write_item(struct sqlite_write *w, const struct store_operation *o)
{
    bool puts = o->op == STORE_PUT || o->op == STORE_ADD;
    struct shelf shelf;
    int err = find_shelf(w, o, puts, &shelf);
    if (err != 0 || shelf.owner == SQLITE_NAMES_NONE || shelf.name == SQLITE_NAMES_NONE)
        return err;
    w->changed = true;
    if (puts)
        return put(w, shelf, o);
    return o->op == STORE_DELETE ? remove_item(w, shelf, o) : clear(w, shelf, o);
}

int sqlite_write_drop_items(struct sqlite_write *w, struct slice owner, int64_t owner_id)
{
    sql_bind_number(w->clear_owner, 1, owner_id);
    int err = sql_run(w->clear_owner);
    if (err != 0)
        return err;
    bool row;
    for (;;) {
        err = sql_step(w->all_names, &row);
        if (err != 0 || !row)
            break;
        err = write_holder(w->unhold, sqlite3_column_int64(w->all_names, 0), owner);
        if (err != 0)
            break;
    }
    sql_reset(w->all_names);
    return err;
}
