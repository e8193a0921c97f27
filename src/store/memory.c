/* The in-memory twin of the drivers: what tests, the simulation and a server without a disk use.
 * Requests wait in a queue and are carried out in the order of submission by store_run, so that a
 * run is repeated exactly. It owns everything that it holds; it makes no system call. */
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/store.h"

/* Everything of one owner under one name: items in their order, and the owner's part of a log. */
struct shelf {
    struct hnode node; /* in memory.shelves, by owner and name */
    char *owner, *name;
    size_t owner_len, name_len;
    struct hmap by_key;
    struct list items;
    size_t item_count;
    struct entry **log; /* by position */
    size_t log_count, log_cap;
};

struct item {
    struct hnode node; /* in shelf.by_key */
    struct list link;  /* in shelf.items */
    char *key, *value;
    size_t key_len, value_len;
};

struct entry {
    uint64_t position;
    unsigned owners; /* shelves that hold it */
    int64_t wall_ms;
    uint32_t flags;
    char *peer, *origin, *value;
    size_t peer_len, origin_len, value_len;
};

struct memory {
    struct store store;
    struct list queue;
    struct hmap shelves;
    uint64_t last_position;
};

/* Nobody chooses keys against a twin; a fixed key keeps runs equal. */
static const struct hash_key memory_key = {0x6275, 0x7262};

static uint64_t shelf_hash(struct slice owner, struct slice name)
{
    return hash_pair(&memory_key, owner, name);
}

static struct slice shelf_owner(const struct shelf *s)
{
    return slice_of(s->owner, s->owner_len);
}

static struct shelf *shelf_find(const struct memory *m, struct slice owner, struct slice name)
{
    uint64_t hash = shelf_hash(owner, name);
    for (struct hnode *n = hmap_first(&m->shelves, hash); n != NULL; n = hmap_next(n, hash)) {
        struct shelf *s = CONTAINER_OF(n, struct shelf, node);
        if (slice_eq(shelf_owner(s), owner) && slice_eq(slice_of(s->name, s->name_len), name))
            return s;
    }
    return NULL;
}

static struct shelf *shelf_make(struct memory *m, struct slice owner, struct slice name)
{
    struct shelf *s = shelf_find(m, owner, name);
    if (s != NULL)
        return s;
    s = mem_new(struct shelf);
    s->owner = mem_copy(owner);
    s->owner_len = owner.len;
    s->name = mem_copy(name);
    s->name_len = name.len;
    list_init(&s->items);
    hmap_insert(&m->shelves, &s->node, shelf_hash(owner, name));
    return s;
}

static struct item *item_find(const struct shelf *s, struct slice key)
{
    if (s == NULL)
        return NULL;
    uint64_t hash = hash_bytes(&memory_key, key);
    for (struct hnode *n = hmap_first(&s->by_key, hash); n != NULL; n = hmap_next(n, hash)) {
        struct item *i = CONTAINER_OF(n, struct item, node);
        if (slice_eq(slice_of(i->key, i->key_len), key))
            return i;
    }
    return NULL;
}

static void item_remove(struct shelf *s, struct item *i)
{
    hmap_remove(&s->by_key, &i->node);
    list_remove(&i->link);
    s->item_count--;
    mem_free(i->key);
    mem_free(i->value);
    mem_free(i);
}

static void item_put(struct shelf *s, struct slice key, struct slice value)
{
    struct item *i = item_find(s, key);
    if (i == NULL) {
        i = mem_new(struct item);
        i->key = mem_copy(key);
        i->key_len = key.len;
        hmap_insert(&s->by_key, &i->node, hash_bytes(&memory_key, key));
        if (key.len == 0)
            list_push_front(&s->items, &i->link);
        else
            list_push(&s->items, &i->link);
        s->item_count++;
    }
    mem_free(i->value);
    i->value = mem_copy(value);
    i->value_len = value.len;
}

static void shelf_clear_items(struct shelf *s)
{
    LIST_EACH(at, &s->items)
    item_remove(s, CONTAINER_OF(at, struct item, link));
}

static void entry_release(struct entry *e)
{
    if (--e->owners > 0)
        return;
    mem_free(e->peer);
    mem_free(e->origin);
    mem_free(e->value);
    mem_free(e);
}

/* Index of the first entry at or above the position. */
static size_t log_find(const struct shelf *s, uint64_t position)
{
    size_t low = 0, high = s->log_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->log[middle]->position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The entries from..to (inclusive) are log[*first_out .. *end_out - 1]. */
static void log_span(const struct shelf *s, uint64_t from, uint64_t to, size_t *first_out,
                     size_t *end_out)
{
    *first_out = log_find(s, from);
    *end_out = to == UINT64_MAX ? s->log_count : log_find(s, to + 1);
    if (*end_out < *first_out)
        *end_out = *first_out;
}

static void log_drop(struct shelf *s, uint64_t from, uint64_t to)
{
    size_t first, end;
    log_span(s, from, to, &first, &end);
    if (first == end)
        return;
    for (size_t i = first; i < end; i++)
        entry_release(s->log[i]);
    memmove(s->log + first, s->log + end, (s->log_count - end) * sizeof(struct entry *));
    s->log_count -= end - first;
}

static void log_push(struct shelf *s, struct entry *e)
{
    if (s->log_count == s->log_cap) {
        s->log_cap = s->log_cap > 0 ? s->log_cap * 2 : 8;
        s->log = mem_resize(s->log, s->log_cap, sizeof(struct entry *));
    }
    s->log[s->log_count++] = e;
    e->owners++;
}

static void shelf_free(struct memory *m, struct shelf *s)
{
    shelf_clear_items(s);
    log_drop(s, 0, UINT64_MAX);
    hmap_remove(&m->shelves, &s->node);
    hmap_free(&s->by_key);
    mem_free(s->log);
    mem_free(s->owner);
    mem_free(s->name);
    mem_free(s);
}

static void shelf_tidy(struct memory *m, struct shelf *s)
{
    if (s->item_count == 0 && s->log_count == 0)
        shelf_free(m, s);
}

/* Frees every shelf of this owner, or all of them. */
static void drop_owner(struct memory *m, const struct slice *owner)
{
    struct hnode *at = hmap_walk(&m->shelves, NULL);
    while (at != NULL) {
        struct hnode *next = hmap_walk(&m->shelves, at);
        struct shelf *s = CONTAINER_OF(at, struct shelf, node);
        if (owner == NULL || slice_eq(shelf_owner(s), *owner))
            shelf_free(m, s);
        at = next;
    }
}

static void append(struct memory *m, struct store_request *r, const struct store_operation *o)
{
    struct entry *e = mem_new(struct entry);
    e->position = ++m->last_position;
    e->wall_ms = o->labels.wall_ms;
    e->flags = o->labels.flags;
    e->peer = mem_copy(o->labels.peer);
    e->peer_len = o->labels.peer.len;
    e->origin = mem_copy(o->labels.origin);
    e->origin_len = o->labels.origin.len;
    e->value = mem_copy(o->value);
    e->value_len = o->value.len;
    for (size_t i = 0; i < o->owner_count; i++)
        log_push(shelf_make(m, o->owners[i], o->name), e);
    r->position = e->position;
}

static void write_one(struct memory *m, struct store_request *r, const struct store_operation *o)
{
    if (o->op == STORE_APPEND) {
        append(m, r, o);
        return;
    }
    if (o->op == STORE_DROP_OWNER) {
        drop_owner(m, &o->owner);
        return;
    }
    if (o->op == STORE_PUT || o->op == STORE_ADD) {
        item_put(shelf_make(m, o->owner, o->name), o->key, o->value);
        return;
    }
    struct shelf *s = shelf_find(m, o->owner, o->name);
    if (s == NULL || o->op == STORE_EXPECT)
        return;
    struct item *i;
    switch (o->op) {
    case STORE_DELETE:
        i = item_find(s, o->key);
        if (i != NULL)
            item_remove(s, i);
        break;
    case STORE_CLEAR:
        shelf_clear_items(s);
        break;
    case STORE_DROP:
        log_drop(s, o->from, o->to);
        break;
    default:
        UNREACHABLE();
    }
    shelf_tidy(m, s);
}

/* 0, or why the batch must not happen. */
static int batch_demands(const struct memory *m, const struct store_request *r)
{
    struct store_operation o;
    for (size_t at = 0; store_operations(r, &at, &o);) {
        if (o.op != STORE_ADD && o.op != STORE_EXPECT)
            continue;
        const struct item *i = item_find(shelf_find(m, o.owner, o.name), o.key);
        if (o.op == STORE_ADD && i != NULL)
            return ERR_EXISTS;
        if (o.op != STORE_EXPECT)
            continue;
        if (i == NULL)
            return ERR_NOT_FOUND;
        if (o.value.ptr != NULL && !slice_eq(slice_of(i->value, i->value_len), o.value))
            return ERR_NOT_FOUND;
    }
    return 0;
}

static int carry_out_batch(struct memory *m, struct store_request *r)
{
    int err = batch_demands(m, r);
    if (err != 0)
        return err;
    struct store_operation o;
    for (size_t at = 0; store_operations(r, &at, &o);)
        write_one(m, r, &o);
    return 0;
}

static int answer_item(struct store_request *r, uint32_t read, const struct item *i)
{
    struct store_row row = {.read = read,
                            .key = slice_of(i->key, i->key_len),
                            .value = slice_of(i->value, i->value_len)};
    return store_answer_row(r, &row);
}

static int read_list(struct store_request *r, uint32_t read, const struct shelf *s,
                     const struct store_operation *o)
{
    const struct item *after = NULL;
    if (o->key.ptr != NULL) {
        after = item_find(s, o->key);
        if (after == NULL)
            return ERR_NOT_FOUND;
    }
    if (s == NULL)
        return 0;
    const struct list *at = after != NULL ? &after->link : &s->items;
    for (uint32_t n = 0;; n++) {
        at = o->backwards ? at->prev : at->next;
        if (at == &s->items)
            return 0;
        if ((o->limit > 0 && n == o->limit) || (n > 0 && store_answer_full(r))) {
            r->more = true;
            return 0;
        }
        int err = answer_item(r, read, CONTAINER_OF(at, struct item, link));
        if (err != 0)
            return err;
    }
}

static int answer_entry(struct store_request *r, uint32_t read, const struct entry *e)
{
    struct store_row row = {.read = read,
                            .value = slice_of(e->value, e->value_len),
                            .position = e->position,
                            .labels = {.peer = slice_of(e->peer, e->peer_len),
                                       .wall_ms = e->wall_ms,
                                       .flags = e->flags,
                                       .origin = slice_of(e->origin, e->origin_len)}};
    return store_answer_row(r, &row);
}

static int read_range(struct store_request *r, uint32_t read, const struct shelf *s,
                      const struct store_operation *o)
{
    if (s == NULL)
        return 0;
    size_t first, end;
    log_span(s, o->from, o->to, &first, &end);
    for (uint32_t n = 0; first < end; n++) {
        if ((o->limit > 0 && n == o->limit) || (n > 0 && store_answer_full(r))) {
            r->more = true;
            return 0;
        }
        int err = answer_entry(r, read, o->backwards ? s->log[--end] : s->log[first++]);
        if (err != 0)
            return err;
    }
    return 0;
}

static int read_count(struct store_request *r, uint32_t read, struct shelf *s)
{
    struct store_row row = {.read = read};
    if (s != NULL) {
        row.position = s->item_count + s->log_count;
        LIST_EACH(at, &s->items)
        row.labels.wall_ms += (int64_t)CONTAINER_OF(at, struct item, link)->value_len;
        for (size_t i = 0; i < s->log_count; i++)
            row.labels.wall_ms += (int64_t)s->log[i]->value_len;
    }
    return store_answer_row(r, &row);
}

static int compare_owners(const void *a, const void *b)
{
    return slice_compare(shelf_owner(*(struct shelf *const *)a),
                         shelf_owner(*(struct shelf *const *)b));
}

static int read_owners(const struct memory *m, struct store_request *r, uint32_t read,
                       const struct store_operation *o)
{
    struct shelf **found = mem_array(m->shelves.count, sizeof(*found));
    size_t count = 0;
    for (struct hnode *n = hmap_walk(&m->shelves, NULL); n != NULL; n = hmap_walk(&m->shelves, n)) {
        struct shelf *s = CONTAINER_OF(n, struct shelf, node);
        if (s->item_count > 0 && slice_eq(slice_of(s->name, s->name_len), o->name) &&
            (o->key.ptr == NULL || slice_compare(shelf_owner(s), o->key) > 0))
            found[count++] = s;
    }
    qsort(found, count, sizeof(*found), compare_owners);
    int err = 0;
    for (size_t i = 0; i < count && err == 0; i++) {
        if ((o->limit > 0 && i == o->limit) || (i > 0 && store_answer_full(r))) {
            r->more = true;
            break;
        }
        struct store_row row = {.read = read, .key = shelf_owner(found[i])};
        err = store_answer_row(r, &row);
    }
    mem_free(found);
    return err;
}

static int read_one(const struct memory *m, struct store_request *r, uint32_t read,
                    const struct store_operation *o)
{
    if (o->op == STORE_OWNERS)
        return read_owners(m, r, read, o);
    struct shelf *s = shelf_find(m, o->owner, o->name);
    const struct item *i;
    switch (o->op) {
    case STORE_GET:
        i = item_find(s, o->key);
        return i != NULL ? answer_item(r, read, i) : 0;
    case STORE_LIST:
        return read_list(r, read, s, o);
    case STORE_RANGE:
        return read_range(r, read, s, o);
    case STORE_COUNT:
        return read_count(r, read, s);
    default:
        UNREACHABLE();
    }
}

static int carry_out_query(const struct memory *m, struct store_request *r)
{
    struct store_operation o;
    uint32_t read = 0;
    for (size_t at = 0; store_operations(r, &at, &o); read++) {
        if (r->more && store_answer_full(r))
            return ERR_LIMIT;
        r->more = false;
        int err = read_one(m, r, read, &o);
        if (err != 0)
            return err;
    }
    return 0;
}

static void carry_out(struct memory *m, struct store_request *r)
{
    r->err = store_request_check(r);
    if (r->err == 0)
        r->err = r->write ? carry_out_batch(m, r) : carry_out_query(m, r);
    if (r->err != 0)
        store_answer_clear(r);
}

static void memory_submit(struct store *store, struct store_request *r)
{
    struct memory *m = CONTAINER_OF(store, struct memory, store);
    list_push(&m->queue, &r->link);
}

static size_t memory_run(struct store *store, size_t n)
{
    struct memory *m = CONTAINER_OF(store, struct memory, store);
    size_t done = 0;
    for (; done < n && !list_empty(&m->queue); done++) {
        struct store_request *r = CONTAINER_OF(list_pop(&m->queue), struct store_request, link);
        carry_out(m, r);
        store->answered(store->ctx, r);
    }
    return done;
}

static void memory_free(struct store *store)
{
    struct memory *m = CONTAINER_OF(store, struct memory, store);
    memory_run(store, SIZE_MAX);
    drop_owner(m, NULL);
    hmap_free(&m->shelves);
    mem_free(m);
}

static const struct store_ops memory_ops = {
    .submit = memory_submit, .run = memory_run, .free = memory_free};

struct store *store_memory_new(void)
{
    struct memory *m = mem_new(struct memory);
    m->store.ops = &memory_ops;
    list_init(&m->queue);
    return &m->store;
}
