/* The region: what its header promises, and that at every store of every operation what another
 * process would find is the state before or the state after it. Built with a region of its own that
 * calls region_test_stored after each store of up to 8 bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/test_support.h"
#include "core/region_inside.h"

enum { MEMORY_BYTES = 96 * REGION_BLOCK };

static const struct region_stamp STAMP = {.boot_id = {1, 2, 3}, .layout = 77};

/* -------------------------------------------------------------------------------- what was found
 * A state as text: one line per record, sorted. */

enum { LINES_MAX = 64 };

struct lines {
    struct buf list[LINES_MAX];
    size_t count;
};

/* Bytes as they are, behind their number: what is compared is read by nobody unless it differs. */
static void text_bytes(struct buf *out, struct slice s)
{
    buf_append(out, &s.len, sizeof(s.len));
    buf_add(out, s);
}

static void text_counters(struct buf *out, const struct region_counters *c)
{
    text_bytes(out, slice_of((const char *)c, sizeof(*c)));
}

static void text_entry(struct buf *out, const struct region_entry *e)
{
    buf_printf(out, " [%llu/%u", (unsigned long long)e->position, e->flags);
    text_bytes(out, e->bytes);
    buf_lit(out, "]");
}

static void text_image(struct buf *out, struct slice text)
{
    struct region_image image;
    struct region_entry e;
    size_t at = 0;
    uint32_t n = 0;
    assert_true(region_image_read(text, &image));
    if (image.kind == REGION_TAIL) {
        buf_lit(out, "tail");
        text_bytes(out, image.owner);
        buf_printf(out, " %llu", (unsigned long long)image.sent);
        text_bytes(out, image.holes);
        return;
    }
    buf_lit(out, "session");
    text_bytes(out, slice_of((const char *)image.id, sizeof(image.id)));
    text_counters(out, &image.counters);
    text_bytes(out, image.state);
    for (; region_image_next(&image, &at, &e); n++)
        text_entry(out, &e);
    assert_int_equal(n, image.queue_count);
}

static void on_image(void *ctx, struct slice image)
{
    struct lines *l = ctx;
    assert_true(l->count < LINES_MAX);
    text_image(&l->list[l->count++], image);
}

static int compare_lines(const void *a, const void *b)
{
    return slice_compare(buf_slice(a), buf_slice(b));
}

static void lines_join(struct lines *l, struct buf *out)
{
    qsort(l->list, l->count, sizeof(*l->list), compare_lines);
    for (size_t i = 0; i < l->count; i++) {
        buf_add(out, buf_slice(&l->list[i]));
        buf_lit(out, "\n");
        buf_free(&l->list[i]);
    }
    l->count = 0;
}

static void recovered(const char *base, size_t bytes, struct buf *out)
{
    struct lines l = {0};
    unsigned damaged;
    enum region_trust t = region_recover(base, bytes, &STAMP, on_image, &l, &damaged);
    assert_int_equal(damaged, 0);
    if (t == REGION_GOOD)
        lines_join(&l, out);
    else if (t == REGION_EMPTY)
        buf_lit(out, "empty");
    else
        fail();
}

/* ------------------------------------------------------------------------------------- the model
 */

enum { SESSIONS = 4, TAILS = 3, QUEUE_MAX = 64, STATE_MAX = 900, STANZA_MAX = 600, HOLES_MAX = 80 };

struct model_session {
    region_ref ref;
    uint8_t id[REGION_ID_BYTES];
    struct region_counters counters;
    struct buf state;
    struct region_entry queue[QUEUE_MAX]; /* bytes on the heap */
    size_t count, bytes;
};

struct model_tail {
    region_ref ref;
    struct buf owner;
    uint64_t sent, holes[HOLES_MAX];
    size_t hole_count;
};

struct model {
    struct region *region;
    char *memory;
    size_t usable;
    uint64_t random;
    bool grows;
    uint64_t position;
    struct model_session sessions[SESSIONS];
    struct model_tail tails[TAILS];
};

static void model_text(const struct model *m, struct buf *out)
{
    struct lines l = {0};
    for (size_t i = 0; i < SESSIONS; i++) {
        const struct model_session *s = &m->sessions[i];
        if (s->ref == 0)
            continue;
        struct buf *line = &l.list[l.count++];
        buf_lit(line, "session");
        text_bytes(line, slice_of((const char *)s->id, sizeof(s->id)));
        text_counters(line, &s->counters);
        text_bytes(line, buf_slice(&s->state));
        for (size_t k = 0; k < s->count; k++)
            text_entry(line, &s->queue[k]);
    }
    for (size_t i = 0; i < TAILS; i++) {
        const struct model_tail *t = &m->tails[i];
        if (t->ref == 0)
            continue;
        struct buf *line = &l.list[l.count++];
        buf_lit(line, "tail");
        text_bytes(line, buf_slice(&t->owner));
        buf_printf(line, " %llu", (unsigned long long)t->sent);
        text_bytes(line, slice_of((const char *)t->holes, t->hole_count * sizeof(uint64_t)));
    }
    lines_join(&l, out);
}

static void random_buf(struct model *m, size_t max, struct buf *out)
{
    buf_clear(out);
    for (size_t n = test_below(&m->random, max + 1); n > 0; n--)
        buf_byte(out, (char)test_random(&m->random));
}

static void model_pop(struct model_session *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->bytes -= s->queue[i].bytes.len;
        mem_free((void *)(uintptr_t)s->queue[i].bytes.ptr);
    }
    memmove(s->queue, s->queue + n, (s->count - n) * sizeof(*s->queue));
    s->count -= n;
    s->counters.out_h += (uint32_t)n;
}

static void model_forget(struct model_session *s)
{
    model_pop(s, s->count);
    s->ref = 0;
}

/* ----------------------------------------------------------------------- what is found at a store
 */

enum { SEEN_MAX = 8000 };

static struct model *watched; /* NULL: nobody looks */
static struct buf seen[SEEN_MAX];
static size_t seen_count;

void region_test_stored(void)
{
    if (watched == NULL)
        return;
    assert_true(seen_count < SEEN_MAX);
    recovered(watched->memory, watched->usable, &seen[seen_count++]);
}

/* All that was found is the state before or the one after, and never before again. */
static void judge(struct slice before, struct slice after)
{
    bool done = false;
    for (size_t i = 0; i < seen_count; i++) {
        struct slice found = buf_slice(&seen[i]);
        if (slice_eq(found, after))
            done = true;
        else if (done || !slice_eq(found, before))
            fail_msg("store %zu of %zu: neither the state before nor the one after", i, seen_count);
        buf_free(&seen[i]);
    }
    seen_count = 0;
}

/* ------------------------------------------------------------------------------------ operations
 */

static void op_new(struct model *m, struct model_session *s)
{
    struct region_counters c = {.cursor = test_below(&m->random, 100), .in_h = 5, .flags = 6};
    c.out_h = (uint32_t)test_random(&m->random) | 0xfffffff0; /* wraps soon */
    c.settled[1] = 0xff;
    c.left_wall_ms = 12;
    for (size_t i = 0; i < sizeof(s->id); i++)
        s->id[i] = (uint8_t)test_random(&m->random);
    random_buf(m, STATE_MAX, &s->state);
    s->counters = c;
    s->ref = region_session_new(m->region, s->id, buf_slice(&s->state), &c);
}

static void op_state(struct model *m, struct model_session *s)
{
    struct buf state = {0};
    random_buf(m, STATE_MAX, &state);
    if (region_session_state(m->region, s->ref, buf_slice(&state))) {
        buf_clear(&s->state);
        buf_add(&s->state, buf_slice(&state));
    }
    buf_free(&state);
}

static void op_push(struct model *m, struct model_session *s)
{
    struct buf bytes = {0};
    struct region_entry e = {.flags = (uint32_t)test_random(&m->random)};
    if (s->count == QUEUE_MAX)
        return;
    if (test_below(&m->random, 2) == 0) {
        m->position++;
        e.position = m->position > 3 ? m->position - test_below(&m->random, 3) : m->position;
    } else {
        random_buf(m, STANZA_MAX, &bytes);
        e.bytes = buf_slice(&bytes);
    }
    if (region_push(m->region, s->ref, &e)) {
        if (e.position > s->counters.cursor)
            s->counters.cursor = e.position;
        e.bytes = e.position != 0 ? SLICE_NONE : slice_of(mem_copy(e.bytes), e.bytes.len);
        s->queue[s->count++] = e;
        s->bytes += e.bytes.len;
    }
    buf_free(&bytes);
}

static void op_counters(struct model *m, struct model_session *s)
{
    struct region_counters *c = region_session_counters(m->region, s->ref);
    switch (test_below(&m->random, 4)) {
    case 0:
        c->in_h = s->counters.in_h = (uint32_t)test_random(&m->random);
        break;
    case 1:
        c->left_wall_ms = s->counters.left_wall_ms = (int64_t)test_random(&m->random);
        break;
    case 2:
        c->settled[2] = s->counters.settled[2] = test_random(&m->random);
        break;
    default:
        c->cursor = s->counters.cursor = s->counters.cursor + 1;
    }
    region_test_stored();
}

/* A session goes as an image and comes back. */
static void op_restore(struct model *m, struct model_session *s)
{
    struct buf image = {0};
    struct region_image read;
    region_session_image(m->region, s->ref, &image);
    region_session_drop(m->region, s->ref);
    s->ref = 0;
    struct buf between = {0}, with = {0}, without = {0};
    recovered(m->memory, m->usable, &between);
    model_text(m, &without);
    assert_true(slice_eq(buf_slice(&between), buf_slice(&without)));
    s->ref = 1;
    model_text(m, &with);
    judge(buf_slice(&with), buf_slice(&without));
    assert_true(region_image_read(buf_slice(&image), &read));
    s->ref = region_session_restore(m->region, &read);
    judge(buf_slice(&without), buf_slice(s->ref != 0 ? &with : &without));
    if (s->ref == 0)
        model_forget(s);
    buf_free(&image);
    buf_free(&between);
    buf_free(&with);
    buf_free(&without);
}

static void op_session(struct model *m)
{
    struct model_session *s = &m->sessions[test_below(&m->random, SESSIONS)];
    if (s->ref == 0) {
        op_new(m, s);
        return;
    }
    switch (test_below(&m->random, 24)) {
    case 0:
        region_session_drop(m->region, s->ref);
        model_forget(s);
        break;
    case 1:
        op_restore(m, s);
        break;
    case 2:
    case 3:
        op_state(m, s);
        break;
    case 4:
    case 5:
    case 6: {
        size_t n = test_below(&m->random, s->count + 1);
        region_pop(m->region, s->ref, n);
        model_pop(s, n);
        break;
    }
    case 7:
    case 8:
        op_counters(m, s);
        break;
    default:
        op_push(m, s);
    }
}

static void op_tail(struct model *m)
{
    struct model_tail *t = &m->tails[test_below(&m->random, TAILS)];
    uint64_t holes[HOLES_MAX], n = test_below(&m->random, HOLES_MAX + 1);
    if (t->ref == 0) {
        random_buf(m, 400, &t->owner);
        t->sent = test_below(&m->random, 1000);
        t->hole_count = n = n > 4 ? 0 : n;
        for (size_t i = 0; i < n; i++)
            t->holes[i] = test_random(&m->random);
        t->ref = region_tail_new(m->region, buf_slice(&t->owner), t->sent, t->holes, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        holes[i] = test_random(&m->random);
    switch (test_below(&m->random, 6)) {
    case 0:
        region_tail_drop(m->region, t->ref);
        t->ref = 0;
        break;
    case 1:
        region_tail_sent(m->region, t->ref, ++t->sent);
        break;
    default:
        if (region_tail_set(m->region, t->ref, t->sent + 7, holes, n)) {
            memcpy(t->holes, holes, n * sizeof(*holes));
            t->hole_count = n;
            t->sent += 7;
        }
    }
}

/* What the living region says of itself. */
static void check_living(struct model *m)
{
    struct buf bytes = {0}, image = {0}, line = {0};
    for (size_t i = 0; i < SESSIONS; i++) {
        struct model_session *s = &m->sessions[i];
        struct region_entry e;
        uint64_t at = 0;
        if (s->ref == 0)
            continue;
        assert_int_equal(region_count(m->region, s->ref), s->count);
        assert_int_equal(region_bytes(m->region, s->ref), s->bytes);
        assert_memory_equal(region_session_id(m->region, s->ref).ptr, s->id, sizeof(s->id));
        for (size_t k = 0; k < s->count; k++) {
            assert_true(region_next(m->region, s->ref, &at, &e, &bytes));
            assert_true(e.position == s->queue[k].position && e.flags == s->queue[k].flags);
            assert_true(slice_eq(e.bytes, s->queue[k].bytes));
        }
        assert_false(region_next(m->region, s->ref, &at, &e, &bytes));
        region_session_read(m->region, s->ref, &bytes);
        assert_true(slice_eq(buf_slice(&bytes), buf_slice(&s->state)));
        region_session_image(m->region, s->ref, &image);
    }
    buf_free(&bytes);
    buf_free(&image);
    buf_free(&line);
}

static bool grow(void *ctx, size_t bytes)
{
    struct model *m = ctx;
    assert_true(bytes <= MEMORY_BYTES);
    m->grows = test_below(&m->random, 3) != 0;
    if (m->grows)
        m->usable = bytes;
    return m->grows;
}

static struct region_memory memory_of(struct model *m)
{
    return (struct region_memory){
        .base = m->memory, .bytes = m->usable, .bytes_max = MEMORY_BYTES, .grow = grow, .ctx = m};
}

static void model_start(struct model *m, uint64_t seed)
{
    watched = NULL;
    for (; seen_count > 0; seen_count--) /* of a test that failed */
        buf_free(&seen[seen_count - 1]);
    *m = (struct model){.random = seed, .usable = (4 + (seed % 3)) * REGION_BLOCK};
    m->memory = mem_alloc(MEMORY_BYTES);
    for (size_t i = 0; seed % 2 == 0 && i < MEMORY_BYTES; i++)
        m->memory[i] = (char)test_random(&m->random); /* used before, by others */
    struct region_memory memory = memory_of(m);
    m->region = region_new(&memory, &STAMP);
}

static void model_end(struct model *m)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        if (m->sessions[i].ref != 0)
            region_session_drop(m->region, m->sessions[i].ref);
        model_forget(&m->sessions[i]);
        buf_free(&m->sessions[i].state);
    }
    for (size_t i = 0; i < TAILS; i++) {
        if (m->tails[i].ref != 0)
            region_tail_drop(m->region, m->tails[i].ref);
        buf_free(&m->tails[i].owner);
    }
    assert_int_equal(region_used(m->region), REGION_BLOCK); /* nothing leaks */
    region_free(&m->region);
    mem_free(m->memory);
}

static void at_every_store_it_is_the_state_before_or_after(void **state)
{
    (void)state;
    size_t looks = 0;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        static struct model m;
        struct buf before = {0}, after = {0};
        model_start(&m, seed);
        for (int i = 0; i < 250; i++) {
            buf_clear(&before);
            buf_clear(&after);
            model_text(&m, &before);
            watched = &m;
            if (test_below(&m.random, 5) == 0)
                op_tail(&m);
            else
                op_session(&m);
            watched = NULL;
            model_text(&m, &after);
            looks += seen_count;
            if (seen_count > 0)
                judge(buf_slice(&before), buf_slice(&after));
            buf_clear(&before);
            recovered(m.memory, m.usable, &before);
            assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
            check_living(&m);
        }
        model_end(&m);
        buf_free(&before);
        buf_free(&after);
    }
    assert_true(looks > 50000);
}

static void a_new_region_is_the_old_one_or_empty(void **state)
{
    (void)state;
    static struct model m;
    struct buf before = {0};
    model_start(&m, 3);
    m.sessions[0].ref = region_tail_new(m.region, SLICE("a@b"), 3, NULL, 0);
    recovered(m.memory, m.usable, &before);
    assert_int_not_equal(before.end, 0);
    m.sessions[0].ref = 0;
    struct region_memory memory = memory_of(&m);
    struct region *was = m.region;
    watched = &m;
    m.region = region_new(&memory, &STAMP);
    watched = NULL;
    assert_true(slice_is(buf_slice(&seen[0]), "empty"));
    buf_free(&seen[seen_count - 1]);
    assert_true(seen_count > 4);
    seen_count--; /* the last store is the one that makes it good, and there is nothing in it */
    judge(SLICE("empty"), SLICE("empty"));
    region_free(&was);
    model_end(&m);
    buf_free(&before);
}

/* ------------------------------------------------------------------------------------ the header
 */

static enum region_trust trust_in(const char *base, size_t bytes, const struct region_stamp *stamp)
{
    struct lines l = {0};
    struct buf text = {0};
    unsigned damaged;
    enum region_trust t = region_recover(base, bytes, stamp, on_image, &l, &damaged);
    assert_true(l.count == 0 || t == REGION_GOOD);
    lines_join(&l, &text);
    buf_free(&text);
    return t;
}

static void only_the_same_boot_and_layout_are_believed(void **state)
{
    (void)state;
    static struct model m;
    struct region_stamp other = STAMP;
    model_start(&m, 1);
    region_tail_new(m.region, SLICE("a@b"), 1, NULL, 0);
    struct region_head *head = (void *)m.memory;
    assert_int_equal(trust_in(m.memory, m.usable, &STAMP), REGION_GOOD);
    other.boot_id[15] = 9;
    assert_int_equal(trust_in(m.memory, m.usable, &other), REGION_STALE);
    assert_int_equal(trust_in(m.memory, REGION_BLOCK, &other),
                     REGION_STALE); /* the head is enough */
    other.layout++;
    assert_int_equal(trust_in(m.memory, m.usable, &other), REGION_STALE);
    other = STAMP;
    other.layout++;
    assert_int_equal(trust_in(m.memory, m.usable, &other), REGION_FOREIGN);
    head->format++;
    assert_int_equal(trust_in(m.memory, m.usable, &STAMP), REGION_FOREIGN);
    head->format--;
    assert_int_equal(trust_in(m.memory, REGION_BLOCK, &STAMP), REGION_DAMAGED); /* cut off */
    size_t used;
    assert_int_equal(region_judge(m.memory, REGION_BLOCK, &STAMP, &used), REGION_GOOD);
    assert_int_equal(used, 2 * REGION_BLOCK);
    assert_int_equal(trust_in(m.memory, REGION_BLOCK - 1, &STAMP), REGION_EMPTY);
    assert_int_equal(trust_in(NULL, 0, &STAMP), REGION_EMPTY);
    head->high = 0;
    assert_int_equal(trust_in(m.memory, m.usable, &STAMP), REGION_DAMAGED);
    head->magic++;
    assert_int_equal(trust_in(m.memory, m.usable, &STAMP), REGION_DAMAGED);
    memset(m.memory, 0, MEMORY_BYTES);
    assert_int_equal(trust_in(m.memory, m.usable, &STAMP), REGION_EMPTY);
    region_free(&m.region);
    mem_free(m.memory);
}

struct driver {
    size_t granted, limit, calls, full;
};

static bool driver_grow(void *ctx, size_t bytes)
{
    struct driver *d = ctx;
    d->calls++;
    if (bytes > d->limit)
        return false;
    d->granted = bytes;
    return true;
}

static void driver_full(void *ctx)
{
    struct driver *d = ctx;
    d->full++;
}

static void it_grows_by_doubling_and_takes_what_the_disk_has(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, FIRST = 4096 };
    const size_t wanted[] = {FIRST + MIB, 2 * (FIRST + MIB), 4 * (FIRST + MIB),
                             4 * (FIRST + MIB) + MIB};
    struct driver d = {.limit = 6 * MIB};
    struct region_memory memory = {.base = mem_alloc(16 * MIB),
                                   .bytes = FIRST,
                                   .bytes_max = 16 * MIB,
                                   .grow = driver_grow,
                                   .full = driver_full,
                                   .ctx = &d};
    struct region *r = region_new(&memory, &STAMP);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    struct slice bytes = slice_of(memory.base + 8 * MIB, 1000);
    size_t n = 0, granted = 0;
    while (region_session_new(r, id, bytes, &c) != 0)
        if (d.granted != granted) {
            assert_true(n < 4 && d.granted == wanted[n]);
            granted = wanted[n++];
        }
    assert_int_equal(n, 4);
    assert_int_equal(d.full, 1);
    size_t calls = d.calls, used = region_used(r);
    for (int i = 0; i < 900; i++)
        assert_int_equal(region_session_new(r, id, bytes, &c), 0);
    assert_int_equal(d.calls, calls); /* the disk is not asked again for each */
    assert_int_equal(region_used(r), used);
    d.limit = 16 * MIB;
    size_t tries = 0;
    while (tries < 200 && region_session_new(r, id, bytes, &c) == 0)
        tries++;
    assert_true(tries < 200); /* and is some time later */
    assert_int_equal(d.granted, 2 * wanted[3]);
    region_free(&r);
    mem_free(memory.base);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    static struct model m;
    model_start(&m, 1);
    m.usable = MEMORY_BYTES;
    region_free(&m.region);
    struct region_memory memory = memory_of(&m);
    m.region = region_new(&memory, &STAMP);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    const struct slice large = slice_of(m.memory, (size_t)REGION_BLOB_BYTES_MAX + 1);
    const struct region_entry entry = {.bytes = large};
    region_ref s = region_session_new(m.region, id, SLICE("state"), &c);
    region_ref t = region_tail_new(m.region, SLICE("a@b"), 0, NULL, 0);
    size_t used = region_used(m.region);
    assert_int_equal(region_session_new(m.region, id, large, &c), 0);
    assert_false(region_session_state(m.region, s, large));
    assert_false(region_push(m.region, s, &entry));
    assert_int_equal(region_tail_new(m.region, large, 0, NULL, 0), 0);
    assert_false(region_tail_set(m.region, t, 1, (uint64_t *)(void *)m.memory, large.len));
    assert_int_equal(region_used(m.region), used);
    region_session_drop(m.region, s);
    region_tail_drop(m.region, t);
    model_end(&m);
}

static void an_idle_session_takes_two_blocks(void **state)
{
    (void)state;
    static struct model m;
    model_start(&m, 1);
    m.usable = MEMORY_BYTES;
    region_free(&m.region);
    struct region_memory memory = memory_of(&m);
    m.region = region_new(&memory, &STAMP);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    const struct region_entry kept = {.position = 1};
    const struct slice bytes = slice_of(m.memory + MEMORY_BYTES / 2, 300);
    region_ref s = region_session_new(m.region, id, bytes, &c);
    const size_t idle = REGION_BLOCK + 2 * REGION_BLOCK; /* with the head */
    assert_int_equal(region_used(m.region), idle);
    for (int i = 0; i < 3; i++) {
        assert_true(region_session_state(m.region, s, bytes));
        assert_int_equal(region_used(m.region), idle);
        for (int k = 0; k < REGION_QUEUE_SLOTS; k++)
            assert_true(region_push(m.region, s, &kept));
        assert_int_equal(region_used(m.region), idle + REGION_BLOCK);
        region_pop(m.region, s, REGION_QUEUE_SLOTS);
        assert_int_equal(region_used(m.region), idle);
    }
    region_session_drop(m.region, s);
    model_end(&m);
}

/* --------------------------------------------------------------------------------------- hostile
 */

static void touch_image(void *ctx, struct slice text)
{
    struct lines unused = {0};
    size_t *count = ctx;
    ++*count;
    text_image(&unused.list[0], text); /* what is given is well formed */
    buf_free(&unused.list[0]);
}

static void damage(uint64_t *random, char *base, size_t bytes)
{
    for (uint64_t n = 1 + test_below(random, 12); n > 0; n--) {
        size_t at = test_below(random, bytes);
        uint32_t block = (uint32_t)test_below(random, bytes / REGION_BLOCK);
        switch (test_below(random, 3)) {
        case 0:
            base[at] = (char)test_random(random);
            break;
        case 1: /* references that are good and wrong */
            memcpy(base + at / 4 * 4, &block, sizeof(block));
            break;
        default: { /* kinds that are good and wrong */
            const uint32_t kinds[] = {BLOCK_FREE, BLOCK_SESSION, BLOCK_TAIL, BLOCK_CHAIN,
                                      BLOCK_QUEUE};
            memcpy(base + (size_t)block * REGION_BLOCK, &kinds[test_below(random, 5)], 4);
        }
        }
    }
}

static void damaged_memory_is_read_without_harm(void **state)
{
    (void)state;
    size_t images = 0;
    unsigned damaged, damaged_all = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static struct model m;
        model_start(&m, seed);
        for (int i = 0; i < 120; i++) {
            if (test_below(&m.random, 5) == 0)
                op_tail(&m);
            else
                op_session(&m);
        }
        for (int i = 0; i < 400; i++) {
            char *copy = malloc(m.usable); /* of its size, so that a byte too far is seen */
            assert_non_null(copy);
            memcpy(copy, m.memory, m.usable);
            damage(&m.random, copy, m.usable);
            memcpy(copy, m.memory, sizeof(struct region_head)); /* else nothing is looked at */
            region_recover(copy, m.usable, &STAMP, touch_image, &images, &damaged);
            damaged_all += damaged;
            free(copy);
        }
        model_end(&m);
    }
    assert_true(images > 10000 && damaged_all > 5000);
}

/* All sessions claim the same long chain: without a note of what was read it would be read by each.
 */
static void no_block_is_read_twice(void **state)
{
    (void)state;
    enum { BLOCKS = 40000, BYTES = BLOCKS * REGION_BLOCK };
    struct region_memory memory = {.base = mem_alloc(BYTES), .bytes = BYTES, .bytes_max = BYTES};
    struct region *r = region_new(&memory, &STAMP);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    struct slice large = {.ptr = mem_alloc(BYTES / 2), .len = BYTES / 2};
    region_ref first = region_session_new(r, id, large, &c), ref;
    assert_int_not_equal(first, 0);
    size_t images = 0, sessions = 1;
    while ((ref = region_session_new(r, id, SLICE_NONE, &c)) != 0) {
        region_session_at(r, ref)->state = region_session_at(r, first)->state;
        sessions++;
    }
    unsigned damaged;
    struct region_chain *end =
        region_block(r, region_word_block(region_session_at(r, first)->state));
    end->next = region_word_block(region_session_at(r, first)->state); /* and it is a circle */
    assert_int_equal(region_recover(memory.base, BYTES, &STAMP, touch_image, &images, &damaged),
                     REGION_GOOD);
    assert_int_equal(images, 0);
    assert_int_equal(damaged, sessions);
    region_free(&r);
    mem_free((void *)(uintptr_t)large.ptr);
    mem_free(memory.base);
}

static void a_damaged_image_is_refused_or_read_within_its_bounds(void **state)
{
    (void)state;
    static struct model m;
    struct buf image = {0};
    struct region_image read;
    model_start(&m, 5);
    for (int i = 0; i < 200; i++)
        op_session(&m);
    size_t good = 0;
    for (size_t k = 0; k < SESSIONS; k++) {
        if (m.sessions[k].ref == 0)
            continue;
        buf_clear(&image);
        region_session_image(m.region, m.sessions[k].ref, &image);
        for (size_t len = 0; len < buf_len(&image); len++)
            assert_false(region_image_read(slice_of(buf_slice(&image).ptr, len), &read));
        for (int i = 0; i < 20000; i++) {
            char *copy = malloc(buf_len(&image));
            assert_non_null(copy);
            memcpy(copy, buf_slice(&image).ptr, buf_len(&image));
            copy[test_below(&m.random, buf_len(&image))] = (char)test_random(&m.random);
            if (region_image_read(slice_of(copy, buf_len(&image)), &read)) {
                struct buf text = {0};
                text_image(&text, slice_of(copy, buf_len(&image)));
                buf_free(&text);
                good++;
            }
            free(copy);
        }
        buf_byte(&image, 0);
        assert_false(region_image_read(buf_slice(&image), &read));
    }
    assert_true(good > 1000);
    model_end(&m);
    buf_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_store_it_is_the_state_before_or_after),
        cmocka_unit_test(a_new_region_is_the_old_one_or_empty),
        cmocka_unit_test(only_the_same_boot_and_layout_are_believed),
        cmocka_unit_test(it_grows_by_doubling_and_takes_what_the_disk_has),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(an_idle_session_takes_two_blocks),
        cmocka_unit_test(damaged_memory_is_read_without_harm),
        cmocka_unit_test(no_block_is_read_twice),
        cmocka_unit_test(a_damaged_image_is_refused_or_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
