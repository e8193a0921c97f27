/* Owners and names to numbers, with a memory: least recently used owners go first. */
#include "db/sqlite_names.h"

#include <sys/random.h>

#include "base/check.h"
#include "base/mem.h"
#include "db/sql.h"

struct known {
    struct hnode node;
    struct list link; /* in recent; unused for names */
    int64_t id;
    uint64_t serial; /* the transaction that learnt it */
    size_t len;
    char bytes[];
};

enum { NAMES_STATEMENTS = 5 };

static void statements(struct sqlite_names *n, struct sql_text out[NAMES_STATEMENTS])
{
    out[0] = (struct sql_text){&n->find_owner, "SELECT id FROM owner WHERE owner=?"};
    out[1] = (struct sql_text){&n->make_owner, "INSERT INTO owner (owner) VALUES (?)"};
    out[2] = (struct sql_text){&n->drop_owner, "DELETE FROM owner WHERE id=?"};
    out[3] = (struct sql_text){&n->find_name, "SELECT id FROM name WHERE name=?"};
    out[4] = (struct sql_text){&n->make_name, "INSERT INTO name (name) VALUES (?)"};
}

int sqlite_names_open(struct sqlite_names *n, sqlite3 *db, size_t owners_max)
{
    *n = (struct sqlite_names){.db = db, .owners_max = owners_max};
    CHECK(owners_max > 0);
    CHECK(getrandom(&n->key, sizeof(n->key), 0) == (ssize_t)sizeof(n->key));
    list_init(&n->recent);
    struct sql_text list[NAMES_STATEMENTS];
    statements(n, list);
    return sql_prepare(db, list, NAMES_STATEMENTS);
}

static struct known *known_find(const struct sqlite_names *n, const struct hmap *m, struct slice s,
                                uint64_t *hash_out)
{
    *hash_out = hash_bytes(&n->key, s);
    for (struct hnode *at = hmap_first(m, *hash_out); at != NULL; at = hmap_next(at, *hash_out)) {
        struct known *k = CONTAINER_OF(at, struct known, node);
        if (slice_eq(slice_of(k->bytes, k->len), s))
            return k;
    }
    return NULL;
}

static void known_forget(struct hmap *m, struct known *k)
{
    hmap_remove(m, &k->node);
    list_remove(&k->link);
    mem_free(k);
}

static struct known *known_add(struct sqlite_names *n, struct hmap *m, struct slice s,
                               uint64_t hash, int64_t id)
{
    struct known *k = mem_alloc(sizeof(*k) + s.len);
    memcpy(k->bytes, s.ptr, s.len);
    k->len = s.len;
    k->id = id;
    k->serial = n->serial;
    hmap_insert(m, &k->node, hash);
    return k;
}

static void forget_serial(struct hmap *m, uint64_t serial, bool all)
{
    struct hnode *at = hmap_walk(m, NULL);
    while (at != NULL) {
        struct hnode *next = hmap_walk(m, at);
        struct known *k = CONTAINER_OF(at, struct known, node);
        if (all || k->serial == serial)
            known_forget(m, k);
        at = next;
    }
}

void sqlite_names_close(struct sqlite_names *n)
{
    forget_serial(&n->owners, 0, true);
    forget_serial(&n->names, 0, true);
    hmap_free(&n->owners);
    hmap_free(&n->names);
    struct sql_text list[NAMES_STATEMENTS];
    statements(n, list);
    sql_finalize(list, NAMES_STATEMENTS);
}

void sqlite_names_begin(struct sqlite_names *n)
{
    n->serial++;
}

void sqlite_names_rollback(struct sqlite_names *n)
{
    forget_serial(&n->owners, n->serial, false);
    forget_serial(&n->names, n->serial, false);
}

static int look_up(sqlite3_stmt *find, struct slice s, int64_t *id_out)
{
    bool row;
    sql_bind(find, 1, s);
    int err = sql_step(find, &row);
    *id_out = err == 0 && row ? sqlite3_column_int64(find, 0) : SQLITE_NAMES_NONE;
    sql_reset(find);
    return err;
}

static int look_up_or_make(struct sqlite_names *n, sqlite3_stmt *find, sqlite3_stmt *make,
                           struct slice s, int64_t *id_out)
{
    int err = look_up(find, s, id_out);
    if (err != 0 || *id_out != SQLITE_NAMES_NONE || make == NULL)
        return err;
    sql_bind(make, 1, s);
    err = sql_run(make);
    if (err == 0)
        *id_out = sqlite3_last_insert_rowid(n->db);
    return err;
}

int sqlite_names_owner(struct sqlite_names *n, struct slice owner, bool make, int64_t *id_out)
{
    uint64_t hash;
    struct known *k = known_find(n, &n->owners, owner, &hash);
    if (k == NULL) {
        int err = look_up_or_make(n, n->find_owner, make ? n->make_owner : NULL, owner, id_out);
        if (err != 0 || *id_out == SQLITE_NAMES_NONE)
            return err;
        if (n->owners.count >= n->owners_max)
            known_forget(&n->owners, CONTAINER_OF(n->recent.prev, struct known, link));
        k = known_add(n, &n->owners, owner, hash, *id_out);
    } else {
        list_remove(&k->link);
    }
    list_push_front(&n->recent, &k->link);
    *id_out = k->id;
    return 0;
}

int sqlite_names_name(struct sqlite_names *n, struct slice name, bool make, int64_t *id_out)
{
    uint64_t hash;
    struct known *k = known_find(n, &n->names, name, &hash);
    if (k == NULL) {
        int err = look_up_or_make(n, n->find_name, make ? n->make_name : NULL, name, id_out);
        if (err != 0 || *id_out == SQLITE_NAMES_NONE)
            return err;
        k = known_add(n, &n->names, name, hash, *id_out);
    }
    *id_out = k->id;
    return 0;
}

int sqlite_names_drop_owner(struct sqlite_names *n, struct slice owner, int64_t id)
{
    uint64_t hash;
    struct known *k = known_find(n, &n->owners, owner, &hash);
    if (k != NULL)
        known_forget(&n->owners, k);
    sql_bind_number(n->drop_owner, 1, id);
    return sql_run(n->drop_owner);
}
