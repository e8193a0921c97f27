/* Batches on the writing connection. What a batch demands is looked at before its first write, so
 * that a batch that is refused has written nothing and the common case needs no savepoint. */
#include "db/sqlite_write.h"

#include "base/check.h"
#include "base/err.h"
#include "db/sql.h"

#define ITEM_OF " FROM item WHERE owner=?1 AND name=?2"

static void statements(struct sqlite_write *w, struct sql_text out[SQLITE_WRITE_STATEMENTS])
{
    const struct sql_text list[] = {
        {&w->begin, "BEGIN IMMEDIATE"},
        {&w->commit, "COMMIT"},
        {&w->rollback, "ROLLBACK"},
        {&w->state, "UPDATE state SET commits=?1, position=?2, indexed=max(indexed,?3) WHERE id=1"},
        {&w->place, "SELECT place" ITEM_OF " AND key=?3 AND place>0"},
        {&w->value, "SELECT value" ITEM_OF " AND place=?3"},
        {&w->last_place, "SELECT max(place)" ITEM_OF},
        {&w->put, "UPDATE item SET value=?4 WHERE owner=?1 AND name=?2 AND place=?3"},
        {&w->insert, "INSERT INTO item (owner, name, place, value, key) VALUES (?1,?2,?3,?4,?5)"},
        {&w->remove, "DELETE" ITEM_OF " AND place=?3"},
        {&w->any, "SELECT 1" ITEM_OF " LIMIT 1"},
        {&w->clear, "DELETE" ITEM_OF},
        {&w->holder, "INSERT INTO holder (name, owner) VALUES (?1,?2)"},
        {&w->unhold, "DELETE FROM holder WHERE name=?1 AND owner=?2"},
        {&w->clear_owner, "DELETE FROM item WHERE owner=?1"},
        {&w->all_names, "SELECT id FROM name"},
        {&w->append, "INSERT INTO entry (position, name, wall_ms, flags, owner1, owner2, owner3,"
                     " owner4, origin, peer, payload) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"},
        {&w->index, "INSERT INTO entry_owner (owner, name, position) VALUES (?1,?2,?3)"
                    " ON CONFLICT DO NOTHING"},
        {&w->disown, "DELETE FROM entry_owner WHERE owner=?1 AND name=?2 AND position=?3"},
        {&w->part, "SELECT position FROM entry_owner WHERE owner=?1 AND name=?2 AND"
                   " position BETWEEN ?3 AND ?4 ORDER BY position LIMIT 1"},
        {&w->owners,
         "SELECT owner1, owner2, owner3, owner4 FROM entry WHERE position=?1 AND name=?2"},
        {&w->reduce,
         "UPDATE entry SET owner1=nullif(owner1,?2), owner2=nullif(owner2,?2),"
         " owner3=nullif(owner3,?2), owner4=nullif(owner4,?2), peer=CASE WHEN peer=x'' THEN"
         " (SELECT owner FROM owner WHERE id=?2) ELSE peer END WHERE position=?1"},
        {&w->mark, "UPDATE entry SET flags=?2 WHERE position=?1"},
        {&w->replace, "UPDATE entry SET flags=?2, payload=?3 WHERE position=?1"},
        {&w->revise, "INSERT INTO revised (id, position) VALUES (?1,?2)"},
        {&w->forget_revised, "DELETE FROM revised WHERE id<?1"},
        {&w->erase, "DELETE FROM entry WHERE position=?1"},
        {&w->newest, "SELECT position, name, owner1, owner2, owner3, owner4 FROM entry"
                     " WHERE position>(SELECT indexed FROM state) ORDER BY position"},
    };
    for (size_t i = 0; i < SQLITE_WRITE_STATEMENTS; i++)
        out[i] = list[i];
}

static int load_state(struct sqlite_write *w)
{
    int err = sql_number(w->db, "SELECT position FROM state", &w->position);
    if (err == 0)
        err = sql_number(w->db, "SELECT commits FROM state", &w->commits);
    if (err == 0)
        err = sql_number(w->db, "SELECT ifnull(max(id),0) FROM revised", &w->revised);
    return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

int sqlite_write_open(struct sqlite_write *w, sqlite3 *db, size_t owners_max,
                      struct sqlite_tail *tail)
{
    *w = (struct sqlite_write){.db = db, .tail = tail};
    struct sql_text list[SQLITE_WRITE_STATEMENTS];
    statements(w, list);
    int err = sqlite_names_open(&w->names, db, owners_max);
    if (err != 0)
        return err;
    err = sql_prepare(db, list, SQLITE_WRITE_STATEMENTS);
    if (err == 0)
        err = load_state(w);
    if (err == 0)
        err = sqlite_write_load_tail(w);
    if (err != 0)
        sqlite_write_close(w);
    return err;
}

void sqlite_write_close(struct sqlite_write *w)
{
    struct sql_text list[SQLITE_WRITE_STATEMENTS];
    statements(w, list);
    sql_finalize(list, SQLITE_WRITE_STATEMENTS);
    sqlite_names_close(&w->names);
    sqlite_tail_clear(w->tail);
    w->db = NULL;
}

int sqlite_write_begin(struct sqlite_write *w)
{
    sqlite_names_begin(&w->names);
    sqlite_tail_begin(w->tail);
    w->position_before = w->position;
    w->revised_before = w->revised;
    w->changed = false;
    return sql_run(w->begin);
}

static int write_one(struct sqlite_write *w, struct store_request *r,
                     const struct store_operation *o)
{
    int64_t id;
    int err;
    switch (o->op) {
    case STORE_PUT:
    case STORE_ADD:
    case STORE_DELETE:
    case STORE_CLEAR:
        return sqlite_write_item(w, o);
    case STORE_EXPECT:
        return 0;
    case STORE_APPEND:
        return sqlite_write_append(w, o, &r->position);
    case STORE_DROP:
        return sqlite_write_drop(w, o);
    case STORE_REPLACE:
        return sqlite_write_replace(w, o);
    case STORE_DROP_OWNER:
        err = sqlite_names_owner(&w->names, o->owner, false, &id);
        if (err != 0 || id == SQLITE_NAMES_NONE)
            return err;
        w->changed = true;
        err = sqlite_write_drop_items(w, o->owner, id);
        if (err == 0)
            err = sqlite_write_drop_parts(w, id);
        return err != 0 ? err : sqlite_names_drop_owner(&w->names, o->owner, id);
    default:
        UNREACHABLE();
    }
}

int sqlite_write_batch(struct sqlite_write *w, struct store_request *r)
{
    struct store_operation o;
    for (size_t at = 0; store_operations(r, &at, &o);) {
        if (o.op != STORE_ADD && o.op != STORE_EXPECT)
            continue;
        int err = sqlite_write_demand(w, &o);
        if (err != 0)
            return err;
    }
    for (size_t at = 0; store_operations(r, &at, &o);) {
        int err = write_one(w, r, &o);
        if (err != 0) {
            /* A demand's error is only ever given before the first write. */
            CHECK(err != ERR_EXISTS && err != ERR_NOT_FOUND);
            return err;
        }
    }
    return 0;
}

static int commit(struct sqlite_write *w, bool index_all)
{
    int err = sqlite_write_index(w, index_all);
    if (err != 0)
        return err;
    sql_bind_number(w->state, 1, w->commits + 1);
    sql_bind_number(w->state, 2, w->position);
    sql_bind_number(w->state, 3, sqlite_tail_indexed(w->tail));
    err = sql_run(w->state);
    if (err == 0)
        err = sql_run(w->commit);
    if (err != 0)
        return err;
    w->commits++;
    sqlite_tail_commit(w->tail);
    return 0;
}

int sqlite_write_commit(struct sqlite_write *w)
{
    return commit(w, false);
}

int sqlite_write_settle(struct sqlite_write *w)
{
    int err = 0;
    while (err == 0 && sqlite_tail_freeze(w->tail)) {
        err = sqlite_write_begin(w);
        if (err == 0)
            err = commit(w, true);
        if (err != 0)
            sqlite_write_rollback(w);
    }
    return err;
}

void sqlite_write_rollback(struct sqlite_write *w)
{
    if (sqlite3_get_autocommit(w->db) == 0)
        (void)sql_run(w->rollback);
    sqlite_names_rollback(&w->names);
    sqlite_tail_rollback(w->tail);
    w->position = w->position_before;
    w->revised = w->revised_before;
    w->changed = false;
}
