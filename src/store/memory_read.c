/* Reads of the in-memory twin. */
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/memory.h"
#include "store/words.h"

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
        after = memory_item(s, o->key);
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
        if (!store_answer_room(r, n, o->limit))
            return 0;
        int err = answer_item(r, read, CONTAINER_OF(at, struct item, link));
        if (err != 0)
            return err;
    }
}

static struct store_labels entry_labels(const struct entry *e)
{
    return (struct store_labels){.peer = slice_of(e->peer, e->peer_len),
                                 .wall_ms = e->wall_ms,
                                 .flags = e->flags,
                                 .origin = slice_of(e->origin, e->origin_len)};
}

static int answer_entry(struct store_request *r, uint32_t read, struct slice key,
                        const struct entry *e)
{
    struct store_row row = {.read = read,
                            .key = key,
                            .value = slice_of(e->value, e->value_len),
                            .position = e->position,
                            .labels = entry_labels(e)};
    return store_answer_row(r, &row);
}

static bool is_wanted(const struct shelf *s, const struct entry *e,
                      const struct store_filter *filter)
{
    bool shares = false;
    for (size_t i = 0; i < STORE_LOG_OWNERS; i++)
        if (e->owners[i] != NULL && e->owners[i] != s &&
            slice_eq(memory_owner(e->owners[i]), filter->peer))
            shares = true;
    struct store_labels labels = entry_labels(e);
    return store_filter_passes(filter, memory_owner(s), &labels, shares,
                               memory_entry_owners(e) == 1);
}

static bool says(const struct memory *m, const struct shelf *s, const struct entry *e,
                 const struct words_query *query)
{
    struct buf text = {0};
    bool found = m->text.of(m->text.ctx, slice_of(s->name, s->name_len),
                            slice_of(e->value, e->value_len), e->flags, &text) &&
                 words_match(query, buf_slice(&text));
    buf_free(&text);
    return found;
}

/* query NULL: whatever they say. */
static int walk_range(const struct memory *m, struct store_request *r, uint32_t read,
                      const struct shelf *s, const struct store_operation *o,
                      const struct words_query *query)
{
    size_t first, end;
    uint32_t rows = 0;
    memory_span(s, o->from, o->to, &first, &end);
    for (uint32_t looks = 0; first < end; looks++) {
        const struct entry *e = o->backwards ? s->log[end - 1] : s->log[first];
        bool wanted = is_wanted(s, e, &o->filter) && (query == NULL || says(m, s, e, query));
        if ((wanted && !store_answer_room(r, rows, o->limit)) || looks == STORE_RANGE_LOOKS) {
            r->more = true;
            return 0;
        }
        int err = wanted ? answer_entry(r, read, SLICE(""), e) : 0;
        if (err != 0)
            return err;
        rows += wanted;
        r->position = e->position;
        first += !o->backwards;
        end -= o->backwards;
    }
    return 0;
}

static int read_range(const struct memory *m, struct store_request *r, uint32_t read,
                      const struct shelf *s, const struct store_operation *o)
{
    struct words_query query;
    r->position = 0;
    if (o->op == STORE_RANGE)
        return s != NULL ? walk_range(m, r, read, s, o, NULL) : 0;
    if (m->text.of == NULL)
        return ERR_REFUSED;
    int err = words_query_read(&query, o->text);
    if (err == 0 && s != NULL && query.count > 0)
        err = walk_range(m, r, read, s, o, &query);
    words_query_free(&query);
    return err;
}

static int compare_positions(const void *a, const void *b)
{
    uint64_t x = (*(struct entry *const *)a)->position, y = (*(struct entry *const *)b)->position;
    return x < y ? -1 : x > y;
}

/* The entries of a name within from..to, each once, in order; the caller frees them. */
static struct entry **collect(const struct memory *m, const struct store_operation *o,
                              size_t *count_out)
{
    struct entry **found = NULL;
    size_t count = 0, cap = 0;
    for (struct hnode *n = hmap_walk(&m->shelves, NULL); n != NULL; n = hmap_walk(&m->shelves, n)) {
        struct shelf *s = CONTAINER_OF(n, struct shelf, node);
        size_t first, end;
        if (!slice_eq(slice_of(s->name, s->name_len), o->name))
            continue;
        memory_span(s, o->from, o->to, &first, &end);
        for (; first < end; first++) {
            if (count == cap) {
                cap = cap > 0 ? cap * 2 : 64;
                found = mem_resize(found, cap, sizeof(*found));
            }
            found[count++] = s->log[first];
        }
    }
    if (count > 0)
        qsort(found, count, sizeof(*found), compare_positions);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || found[kept - 1] != found[i])
            found[kept++] = found[i];
    *count_out = kept;
    return found;
}

static int answer_with_owners(struct store_request *r, uint32_t read, const struct entry *e)
{
    struct buf key = {0};
    for (size_t i = 0; i < STORE_LOG_OWNERS; i++) {
        if (e->owners[i] == NULL)
            continue;
        if (buf_len(&key) > 0)
            buf_byte(&key, '\0');
        buf_add(&key, memory_owner(e->owners[i]));
    }
    int err = key.failed ? ERR_MEMORY : answer_entry(r, read, buf_slice(&key), e);
    buf_free(&key);
    return err;
}

static int read_replay(const struct memory *m, struct store_request *r, uint32_t read,
                       const struct store_operation *o)
{
    size_t count;
    int err = 0;
    struct entry **found = collect(m, o, &count);
    for (size_t i = 0; i < count && err == 0; i++) {
        if (!store_answer_room(r, i, o->limit))
            break;
        err = answer_with_owners(r, read, found[i]);
    }
    mem_free(found);
    return err;
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
    return slice_compare(memory_owner(*(struct shelf *const *)a),
                         memory_owner(*(struct shelf *const *)b));
}

static int read_owners(const struct memory *m, struct store_request *r, uint32_t read,
                       const struct store_operation *o)
{
    struct shelf **found = mem_array(m->shelves.count, sizeof(*found));
    size_t count = 0;
    for (struct hnode *n = hmap_walk(&m->shelves, NULL); n != NULL; n = hmap_walk(&m->shelves, n)) {
        struct shelf *s = CONTAINER_OF(n, struct shelf, node);
        if (s->item_count > 0 && slice_eq(slice_of(s->name, s->name_len), o->name) &&
            (o->key.ptr == NULL || slice_compare(memory_owner(s), o->key) > 0))
            found[count++] = s;
    }
    qsort(found, count, sizeof(*found), compare_owners);
    int err = 0;
    for (size_t i = 0; i < count && err == 0; i++) {
        if (!store_answer_room(r, i, o->limit))
            break;
        struct store_row row = {.read = read, .key = memory_owner(found[i])};
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
    if (o->op == STORE_REPLAY)
        return read_replay(m, r, read, o);
    struct shelf *s = memory_shelf(m, o->owner, o->name);
    const struct item *i;
    switch (o->op) {
    case STORE_GET:
        i = memory_item(s, o->key);
        return i != NULL ? answer_item(r, read, i) : 0;
    case STORE_LIST:
        return read_list(r, read, s, o);
    case STORE_RANGE:
    case STORE_SEARCH:
        return read_range(m, r, read, s, o);
    case STORE_COUNT:
        return read_count(r, read, s);
    default:
        UNREACHABLE();
    }
}

int memory_query(const struct memory *m, struct store_request *r)
{
    struct store_operation o;
    uint32_t read = 0;
    for (size_t at = 0; store_operations(r, &at, &o); read++) {
        int err = store_answer_begin(r);
        if (err == 0)
            err = read_one(m, r, read, &o);
        if (err != 0)
            return err;
    }
    return 0;
}
