/* The in-memory twin of the drivers: what tests, the simulation and a server without a disk use.
 * Requests wait in a queue and are carried out in the order of submission by store_run, so that a
 * run is repeated exactly. It owns everything that it holds; it makes no system call. Writes are
 * here, reads in memory_read.c. */
#include "store/memory.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

/* Nobody chooses keys against a twin; a fixed key keeps runs equal. */
static const struct hash_key memory_key = {0x6275, 0x7262};

static uint64_t shelf_hash(struct slice owner, struct slice name)
{
    return hash_pair(&memory_key, owner, name);
}

struct shelf *memory_shelf(const struct memory *m, struct slice owner, struct slice name)
{
    uint64_t hash = shelf_hash(owner, name);
    for (struct hnode *n = hmap_first(&m->shelves, hash); n != NULL; n = hmap_next(n, hash)) {
        struct shelf *s = CONTAINER_OF(n, struct shelf, node);
        if (slice_eq(memory_owner(s), owner) && slice_eq(slice_of(s->name, s->name_len), name))
            return s;
    }
    return NULL;
}

static struct shelf *shelf_make(struct memory *m, struct slice owner, struct slice name)
{
    struct shelf *s = memory_shelf(m, owner, name);
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

struct item *memory_item(const struct shelf *s, struct slice key)
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
    struct item *i = memory_item(s, key);
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

unsigned memory_entry_owners(const struct entry *e)
{
    unsigned count = 0;
    for (size_t i = 0; i < STORE_LOG_OWNERS; i++)
        count += e->owners[i] != NULL;
    return count;
}

static void entry_release(struct entry *e, struct shelf *s)
{
    for (size_t i = 0; i < STORE_LOG_OWNERS; i++)
        if (e->owners[i] == s)
            e->owners[i] = NULL;
    if (memory_entry_owners(e) > 0) {
        if (e->peer_len > 0)
            return;
        mem_free(e->peer);
        e->peer = mem_copy(memory_owner(s));
        e->peer_len = s->owner_len;
        return;
    }
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

void memory_span(const struct shelf *s, uint64_t from, uint64_t to, size_t *first_out,
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
    memory_span(s, from, to, &first, &end);
    if (first == end)
        return;
    for (size_t i = first; i < end; i++)
        entry_release(s->log[i], s);
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
        if (owner == NULL || slice_eq(memory_owner(s), *owner))
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
    for (size_t i = 0; i < o->owner_count; i++) {
        e->owners[i] = shelf_make(m, o->owners[i], o->name);
        log_push(e->owners[i], e);
    }
    r->position = e->position;
}

static void replace(struct shelf *s, const struct store_operation *o)
{
    size_t at = log_find(s, o->from);
    if (at == s->log_count || s->log[at]->position != o->from)
        return;
    struct entry *e = s->log[at];
    e->flags = o->labels.flags;
    if (o->value.ptr == NULL)
        return;
    mem_free(e->value);
    e->value = mem_copy(o->value);
    e->value_len = o->value.len;
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
    struct shelf *s = memory_shelf(m, o->owner, o->name);
    if (s == NULL || o->op == STORE_EXPECT)
        return;
    struct item *i;
    switch (o->op) {
    case STORE_DELETE:
        i = memory_item(s, o->key);
        if (i != NULL)
            item_remove(s, i);
        break;
    case STORE_CLEAR:
        shelf_clear_items(s);
        break;
    case STORE_DROP:
        log_drop(s, o->from, o->to);
        break;
    case STORE_REPLACE:
        replace(s, o);
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
        const struct item *i = memory_item(memory_shelf(m, o.owner, o.name), o.key);
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

static void carry_out(struct memory *m, struct store_request *r)
{
    r->err = store_request_check(r);
    if (r->err == 0)
        r->err = r->write ? carry_out_batch(m, r) : memory_query(m, r);
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

void store_memory_text(struct store *twin, const struct store_text *text)
{
    CHECK(twin->ops == &memory_ops);
    CONTAINER_OF(twin, struct memory, store)->text = *text;
}

struct store *store_memory_new(void)
{
    struct memory *m = mem_new(struct memory);
    m->store.ops = &memory_ops;
    list_init(&m->queue);
    return &m->store;
}
