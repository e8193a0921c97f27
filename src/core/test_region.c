/* A region and a model of it, changed at random, and what another process would find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/test_region.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/test_support.h"

const struct region_stamp STAMP = {.boot_id = {1, 2, 3}, .layout = 77};

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

void found_text(struct buf *out, struct slice text)
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
    found_text(&l->list[l->count++], image);
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

void found_in(const char *base, size_t bytes, struct buf *out)
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

enum region_trust found_trust(const char *base, size_t bytes, const struct region_stamp *stamp)
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

/* ------------------------------------------------------------------------------------- the model
 */

enum { STATE_MAX = 900, STANZA_MAX = 600 };

void model_text(const struct model *m, struct buf *out)
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

struct watch watch;

void region_test_stored(void)
{
    if (watch.model == NULL)
        return;
    assert_true(watch.count < SEEN_MAX);
    found_in(watch.model->memory, watch.model->usable, &watch.seen[watch.count++]);
}

void watch_judge(struct slice before, struct slice after)
{
    bool done = false;
    for (size_t i = 0; i < watch.count; i++) {
        struct slice found = buf_slice(&watch.seen[i]);
        if (slice_eq(found, after))
            done = true;
        else if (done || !slice_eq(found, before))
            fail_msg("store %zu of %zu: neither the state before nor the one after", i,
                     watch.count);
        buf_free(&watch.seen[i]);
    }
    watch.count = 0;
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
    found_in(m->memory, m->usable, &between);
    model_text(m, &without);
    assert_true(slice_eq(buf_slice(&between), buf_slice(&without)));
    s->ref = 1;
    model_text(m, &with);
    watch_judge(buf_slice(&with), buf_slice(&without));
    assert_true(region_image_read(buf_slice(&image), &read));
    s->ref = region_session_restore(m->region, &read);
    watch_judge(buf_slice(&without), buf_slice(s->ref != 0 ? &with : &without));
    if (s->ref == 0)
        model_forget(s);
    buf_free(&image);
    buf_free(&between);
    buf_free(&with);
    buf_free(&without);
}

void model_step_session(struct model *m)
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

void model_step(struct model *m)
{
    if (test_below(&m->random, 5) == 0)
        op_tail(m);
    else
        model_step_session(m);
}

void model_check(struct model *m)
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

struct region_memory model_memory(struct model *m)
{
    return (struct region_memory){
        .base = m->memory, .bytes = m->usable, .bytes_max = MEMORY_BYTES, .grow = grow, .ctx = m};
}

void model_start(struct model *m, uint64_t seed)
{
    watch.model = NULL;
    for (; watch.count > 0; watch.count--) /* of a test that failed */
        buf_free(&watch.seen[watch.count - 1]);
    *m = (struct model){.random = seed, .usable = (4 + (seed % 3)) * REGION_BLOCK};
    m->memory = mem_alloc(MEMORY_BYTES);
    for (size_t i = 0; seed % 2 == 0 && i < MEMORY_BYTES; i++)
        m->memory[i] = (char)test_random(&m->random); /* used before, by others */
    struct region_memory memory = model_memory(m);
    m->region = region_new(&memory, &STAMP);
}

void model_start_whole(struct model *m)
{
    model_start(m, 1);
    m->usable = MEMORY_BYTES;
    region_free(&m->region);
    struct region_memory memory = model_memory(m);
    m->region = region_new(&memory, &STAMP);
}

void model_end(struct model *m)
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
