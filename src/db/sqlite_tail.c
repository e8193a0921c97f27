/* The newest end of the logs in memory: two lots of positions by owner and name, one that grows and
 * one that is being written to the index. */
#include "db/sqlite_tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* Rows written to the index per row added, so that a lot is done before the next one is full. */
enum { TAIL_PACE = 2, TAIL_SHARE_MIN = 8 };

struct sqlite_tail_change {
    struct sqlite_tail_part *part;
    bool drop;
    int64_t from, to; /* of a drop */
};

static struct sqlite_tail_lot *lot_new(void)
{
    struct sqlite_tail_lot *lot = mem_new(struct sqlite_tail_lot);
    lot->holds = 1;
    return lot;
}

/* The caller holds the lock, or nobody else knows the lot. */
static void lot_let_go(struct sqlite_tail_lot *lot)
{
    if (lot == NULL || --lot->holds > 0)
        return;
    struct hnode *at = hmap_walk(&lot->parts, NULL);
    while (at != NULL) {
        struct hnode *next = hmap_walk(&lot->parts, at);
        struct sqlite_tail_part *part = (struct sqlite_tail_part *)(void *)at;
        mem_free(part->positions);
        mem_free(part);
        at = next;
    }
    hmap_free(&lot->parts);
    mem_free(lot->order);
    mem_free(lot);
}

/* The numbers are ours and count up; a multiplication spreads them well enough. */
static uint64_t part_hash(int64_t owner, int64_t name)
{
    uint64_t x = (uint64_t)owner * 0x9e3779b97f4a7c15U + (uint64_t)name * 0xc2b2ae3d27d4eb4fU;
    return x ^ x >> 29;
}

static struct sqlite_tail_part *part_find(const struct sqlite_tail_lot *lot, int64_t owner,
                                          int64_t name)
{
    if (lot == NULL)
        return NULL;
    uint64_t hash = part_hash(owner, name);
    for (struct hnode *n = hmap_first(&lot->parts, hash); n != NULL; n = hmap_next(n, hash)) {
        struct sqlite_tail_part *part = (struct sqlite_tail_part *)(void *)n;
        if (part->owner == owner && part->name == name)
            return part;
    }
    return NULL;
}

void sqlite_tail_init(struct sqlite_tail *t, size_t lot_rows)
{
    *t = (struct sqlite_tail){.lot_rows = lot_rows, .fresh = lot_new()};
    pthread_mutex_init(&t->lock, NULL);
}

void sqlite_tail_clear(struct sqlite_tail *t)
{
    pthread_mutex_lock(&t->lock);
    CHECK(t->fresh->holds == 1 && (t->frozen == NULL || t->frozen->holds == 1));
    lot_let_go(t->fresh);
    lot_let_go(t->frozen);
    t->fresh = lot_new();
    t->frozen = NULL;
    t->generation++;
    t->written = t->written_before = t->change_count = t->added = 0;
    pthread_mutex_unlock(&t->lock);
}

void sqlite_tail_free(struct sqlite_tail *t)
{
    sqlite_tail_clear(t);
    lot_let_go(t->fresh);
    mem_free(t->changes);
    pthread_mutex_destroy(&t->lock);
}

static struct sqlite_tail_change *change(struct sqlite_tail *t, struct sqlite_tail_part *part)
{
    if (t->change_count == t->change_cap) {
        t->change_cap = t->change_cap > 0 ? t->change_cap * 2 : 64;
        t->changes = mem_resize(t->changes, t->change_cap, sizeof(*t->changes));
    }
    struct sqlite_tail_change *c = &t->changes[t->change_count++];
    *c = (struct sqlite_tail_change){.part = part};
    return c;
}

void sqlite_tail_begin(struct sqlite_tail *t)
{
    t->change_count = t->added = 0;
    t->written_before = t->written;
    t->last_before = t->fresh->last;
}

void sqlite_tail_add(struct sqlite_tail *t, int64_t owner, int64_t name, int64_t position)
{
    pthread_mutex_lock(&t->lock);
    struct sqlite_tail_part *part = part_find(t->fresh, owner, name);
    if (part == NULL) {
        part = mem_new(struct sqlite_tail_part);
        part->owner = owner;
        part->name = name;
        hmap_insert(&t->fresh->parts, &part->node, part_hash(owner, name));
    }
    if (part->count == part->cap) {
        part->cap = part->cap > 0 ? part->cap * 2 : 4;
        part->positions = mem_resize(part->positions, part->cap, sizeof(int64_t));
    }
    CHECK(part->count == 0 || part->positions[part->count - 1] < position);
    part->positions[part->count++] = position;
    t->fresh->rows++;
    t->fresh->last = position;
    pthread_mutex_unlock(&t->lock);
    t->added++;
    (void)change(t, part);
}

static void drop_in(struct sqlite_tail *t, struct sqlite_tail_part *part, int64_t from, int64_t to)
{
    if (part == NULL)
        return;
    part->dropped = true;
    struct sqlite_tail_change *c = change(t, part);
    c->drop = true;
    c->from = from;
    c->to = to;
}

void sqlite_tail_drop(struct sqlite_tail *t, int64_t owner, int64_t name, int64_t from, int64_t to)
{
    drop_in(t, part_find(t->frozen, owner, name), from, to);
    drop_in(t, part_find(t->fresh, owner, name), from, to);
}

/* Index of the first position at or above this one. */
static size_t find_position(const struct sqlite_tail_part *part, int64_t position)
{
    size_t low = 0, high = part->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (part->positions[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void find_span(const struct sqlite_tail_part *part, int64_t from, int64_t to,
                      size_t *first_out, size_t *end_out)
{
    *first_out = find_position(part, from);
    *end_out = to == INT64_MAX ? part->count : find_position(part, to + 1);
    if (*end_out < *first_out)
        *end_out = *first_out;
}

size_t sqlite_tail_share(const struct sqlite_tail *t)
{
    size_t rows = t->added * TAIL_PACE;
    return rows > TAIL_SHARE_MIN ? rows : TAIL_SHARE_MIN;
}

const struct sqlite_tail_part *sqlite_tail_next(struct sqlite_tail *t, size_t *rows_left)
{
    if (t->frozen == NULL || *rows_left == 0 || t->written == t->frozen->order_count)
        return NULL;
    const struct sqlite_tail_part *part = t->frozen->order[t->written++];
    *rows_left -= part->count < *rows_left ? part->count : *rows_left;
    return part;
}

int64_t sqlite_tail_indexed(const struct sqlite_tail *t)
{
    bool done = t->frozen != NULL && t->written == t->frozen->order_count;
    return done ? t->frozen->last : 0;
}

static int compare_parts(const void *a, const void *b)
{
    const struct sqlite_tail_part *x = *(struct sqlite_tail_part *const *)a;
    const struct sqlite_tail_part *y = *(struct sqlite_tail_part *const *)b;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

bool sqlite_tail_freeze(struct sqlite_tail *t)
{
    if (t->frozen != NULL)
        return true;
    struct sqlite_tail_lot *lot = t->fresh;
    if (lot->rows == 0)
        return false;
    lot->order = mem_array(lot->parts.count, sizeof(struct sqlite_tail_part *));
    for (struct hnode *n = hmap_walk(&lot->parts, NULL); n != NULL; n = hmap_walk(&lot->parts, n))
        lot->order[lot->order_count++] = (struct sqlite_tail_part *)(void *)n;
    qsort(lot->order, lot->order_count, sizeof(struct sqlite_tail_part *), compare_parts);
    pthread_mutex_lock(&t->lock);
    t->frozen = lot;
    t->fresh = lot_new();
    t->generation++;
    t->written = t->written_before = 0;
    pthread_mutex_unlock(&t->lock);
    return true;
}

static void take_dropped(const struct sqlite_tail_change *c)
{
    size_t first, end;
    find_span(c->part, c->from, c->to, &first, &end);
    memmove(c->part->positions + first, c->part->positions + end,
            (c->part->count - end) * sizeof(int64_t));
    c->part->count -= end - first;
}

void sqlite_tail_commit(struct sqlite_tail *t)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->change_count; i++)
        if (t->changes[i].drop)
            take_dropped(&t->changes[i]);
    if (sqlite_tail_indexed(t) != 0) {
        lot_let_go(t->frozen);
        t->frozen = NULL;
        t->generation++;
        t->written = 0;
    }
    pthread_mutex_unlock(&t->lock);
    t->change_count = t->added = 0;
    t->written_before = t->written;
    if (t->frozen == NULL && t->fresh->rows >= t->lot_rows)
        (void)sqlite_tail_freeze(t);
}

void sqlite_tail_rollback(struct sqlite_tail *t)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = t->change_count; i-- > 0;) {
        if (t->changes[i].drop)
            continue;
        CHECK(t->changes[i].part->count > 0);
        t->changes[i].part->count--;
        t->fresh->rows--;
    }
    t->fresh->last = t->last_before;
    pthread_mutex_unlock(&t->lock);
    t->change_count = t->added = 0;
    t->written = t->written_before;
}

void sqlite_tail_hold(struct sqlite_tail *t, struct sqlite_tail_hold *out)
{
    pthread_mutex_lock(&t->lock);
    *out = (struct sqlite_tail_hold){.lots = {t->frozen, t->fresh}, .generation = t->generation};
    for (size_t i = 0; i < 2; i++)
        if (out->lots[i] != NULL)
            out->lots[i]->holds++;
    pthread_mutex_unlock(&t->lock);
}

bool sqlite_tail_valid(struct sqlite_tail *t, const struct sqlite_tail_hold *hold)
{
    pthread_mutex_lock(&t->lock);
    bool valid = t->generation == hold->generation;
    pthread_mutex_unlock(&t->lock);
    return valid;
}

void sqlite_tail_let_go(struct sqlite_tail *t, struct sqlite_tail_hold *hold)
{
    pthread_mutex_lock(&t->lock);
    lot_let_go(hold->lots[0]);
    lot_let_go(hold->lots[1]);
    pthread_mutex_unlock(&t->lock);
    *hold = (struct sqlite_tail_hold){0};
}

int sqlite_tail_positions(struct sqlite_tail *t, const struct sqlite_tail_hold *hold, int64_t owner,
                          int64_t name, int64_t from, int64_t to, struct buf *out,
                          int64_t *first_out)
{
    int err = 0;
    *first_out = INT64_MAX;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < 2; i++) {
        const struct sqlite_tail_part *part = part_find(hold->lots[i], owner, name);
        if (part == NULL || part->count == 0)
            continue;
        if (*first_out == INT64_MAX)
            *first_out = part->positions[0];
        size_t first, end;
        find_span(part, from, to, &first, &end);
        int failed = buf_append(out, part->positions + first, (end - first) * sizeof(int64_t));
        err = err != 0 ? err : failed;
    }
    pthread_mutex_unlock(&t->lock);
    return err;
}
