/* The account's tail: what of its log is still to be handed to somebody. */
#include "core/tail.h"

#include "base/mem.h"
#include "core/resend.h"
#include "core/service/archive.h"
#include "core/sm.h"

/* ---------------------------------------------------------------------------- ascending positions
 */

static size_t count(const struct buf *b)
{
    return buf_len(b) / sizeof(uint64_t);
}

static uint64_t at(const struct buf *b, size_t i)
{
    uint64_t position;
    memcpy(&position, buf_slice(b).ptr + i * sizeof(position), sizeof(position));
    return position;
}

/* Index of the first that is not below position. */
static size_t lower(const struct buf *b, uint64_t position)
{
    size_t from = 0, to = count(b);
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (at(b, middle) < position)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool has(const struct buf *b, uint64_t position)
{
    size_t i = lower(b, position);
    return i < count(b) && at(b, i) == position;
}

static bool insert(struct buf *b, uint64_t position)
{
    size_t i = lower(b, position), n = count(b);
    if (i < n && at(b, i) == position)
        return true;
    if (buf_append(b, &position, sizeof(position)) != 0)
        return false;
    char *base = b->ptr + b->start;
    memmove(base + (i + 1) * sizeof(position), base + i * sizeof(position),
            (n - i) * sizeof(position));
    memcpy(base + i * sizeof(position), &position, sizeof(position));
    return true;
}

static bool take_out(struct buf *b, uint64_t position)
{
    size_t i = lower(b, position), n = count(b);
    if (i == n || at(b, i) != position)
        return false;
    char *base = b->ptr + b->start;
    memmove(base + i * sizeof(position), base + (i + 1) * sizeof(position),
            (n - i - 1) * sizeof(position));
    b->end -= (uint32_t)sizeof(position);
    if (buf_len(b) == 0)
        buf_free(b);
    return true;
}

/* ------------------------------------------------------------------------------------- the account
 */

static struct tail_work *work(struct account *a)
{
    if (a->tail.work == NULL) {
        a->tail.work = mem_new(struct tail_work);
        a->tail.work->account = a;
    }
    return a->tail.work;
}

/* Gives the work back when there is none. */
static void rest(struct account *a)
{
    const struct tail_work *w = a->tail.work;
    if (w != NULL && !list_linked(&w->dirty) && buf_len(&w->marks) + buf_len(&w->drops) == 0 &&
        w->waiting + w->waiting_bytes + w->coming == 0)
        tail_free(a);
}

void tail_free(struct account *a)
{
    struct tail_work *w = a->tail.work;
    if (w == NULL)
        return;
    buf_free(&w->marks);
    buf_free(&w->drops);
    mem_free(w);
    a->tail.work = NULL;
}

static const struct buf *marks_of(const struct tail *t)
{
    static const struct buf NONE;
    return t->work != NULL ? &t->work->marks : &NONE;
}

/* There is a limit to them. */
static bool mark(struct account *a, uint64_t position)
{
    struct buf *all = &work(a)->marks;
    return count(all) < TAIL_MARKS_MAX ? insert(all, position) : has(all, position);
}

static bool unmark(struct account *a, uint64_t position)
{
    return a->tail.work != NULL && take_out(&a->tail.work->marks, position);
}

void tail_load(struct account *a, struct slice value)
{
    struct tail *t = &a->tail;
    if (t->restored)
        return;
    t->sent = 0;
    if (t->work != NULL)
        buf_free(&t->work->marks);
    for (bool first = true; value.len > 0; first = false) {
        size_t end = slice_find(value, ' ');
        unsigned long long number;
        if (!slice_to_u64(slice_of(value.ptr, end), &number))
            return;
        if (first)
            t->sent = number;
        else
            (void)mark(a, number);
        value = end < value.len ? slice_from(value, end + 1) : SLICE_NONE;
    }
}

/* What the region knows beyond the store. */
static void tell_region(struct engine *e, struct account *a, bool marks)
{
    struct tail *t = &a->tail;
    if (e->region == NULL)
        return;
    const uint64_t *holes = (const uint64_t *)(const void *)buf_slice(marks_of(t)).ptr;
    size_t n = count(marks_of(t));
    if (t->region == 0) {
        t->region = region_tail_new(e->region, jid_bare(&a->jid), t->sent, holes, n);
    } else if (!marks) {
        region_tail_sent(e->region, t->region, t->sent);
    } else if (!region_tail_set(e->region, t->region, t->sent, holes, n)) {
        region_tail_drop(e->region, t->region); /* the store knows less, but nothing wrong */
        t->region = 0;
    }
}

static void touched(struct engine *e, struct account *a, bool marks)
{
    tell_region(e, a, marks);
    tail_touch(e, a);
}

void tail_new_entry(struct engine *e, struct account *a, uint64_t position, bool handed)
{
    struct tail *t = &a->tail;
    if (position <= t->sent)
        return; /* a session has read it before it was told of */
    handed |= unmark(a, position);
    if (t->whole && handed) {
        t->sent = position;
        touched(e, a, false);
    } else if (handed) {
        (void)mark(a, position);
        touched(e, a, true);
    } else if (t->whole && a->session_count > 0 && mark(a, position)) {
        t->sent = position;
        touched(e, a, true);
    } else {
        t->whole = false; /* it and what follows waits for whoever comes */
    }
}

void tail_passed(struct engine *e, struct account *a, uint64_t position, bool handed)
{
    struct tail *t = &a->tail;
    if (position <= t->sent) {
        if (handed)
            tail_fill(e, a, position);
        return;
    }
    bool early = unmark(a, position), marks = early;
    if (!handed && !early)
        marks = mark(a, position);
    t->sent = position;
    touched(e, a, marks);
}

void tail_handed(struct engine *e, struct account *a, uint64_t position)
{
    struct tail *t = &a->tail;
    if (position <= t->sent)
        tail_fill(e, a, position);
    else if (mark(a, position))
        touched(e, a, true);
}

/* What sessions were handed and have not acknowledged, ascending. */
static void hold(const struct engine *e, const struct account *a, struct buf *out)
{
    struct buf positions = {0};
    for (const struct list *it = a->sessions.next; it != &a->sessions; it = it->next) {
        const struct session *s = CONTAINER_OF((struct list *)(uintptr_t)it, struct session, link);
        if (s->sm != NULL)
            sm_unacknowledged(e, s, &positions);
        buf_add(&positions, follow_flying(s));
    }
    for (size_t i = 0; i < count(&positions); i++)
        (void)insert(out, at(&positions, i));
    buf_free(&positions);
}

void tail_orphans(struct engine *e, struct account *a, struct slice positions)
{
    struct tail *t = &a->tail;
    struct buf held = {0};
    bool marks = false;
    if (positions.len > 0)
        hold(e, a, &held);
    for (; positions.len >= sizeof(uint64_t); positions = slice_from(positions, sizeof(uint64_t))) {
        uint64_t position;
        memcpy(&position, positions.ptr, sizeof(position));
        if (!has(&held, position))
            marks |= position <= t->sent ? mark(a, position) : unmark(a, position);
    }
    if (marks)
        touched(e, a, true);
    buf_free(&held);
}

static bool is_flying(const struct session *s, uint64_t position)
{
    struct slice all = follow_flying(s);
    for (size_t i = 0; i < all.len; i += sizeof(position))
        if (memcmp(all.ptr + i, &position, sizeof(position)) == 0)
            return true;
    return false;
}

bool tail_is_taken(const struct engine *e, const struct account *a, uint64_t position)
{
    bool taken = !tail_wants(&a->tail, position);
    for (const struct list *it = a->sessions.next; taken && it != &a->sessions; it = it->next) {
        const struct session *s = CONTAINER_OF((struct list *)(uintptr_t)it, struct session, link);
        taken = !is_flying(s, position) && (s->sm == NULL || !sm_holds(e, s, position));
    }
    return taken;
}

void tail_drained(struct engine *e, struct account *a)
{
    struct tail *t = &a->tail;
    t->whole = true;
    if (t->sent < a->head) {
        t->sent = a->head;
        touched(e, a, false);
    }
}

bool tail_wants(const struct tail *t, uint64_t position)
{
    return (position > t->sent) != has(marks_of(t), position);
}

void tail_to_head(struct engine *e, struct account *a)
{
    struct tail *t = &a->tail;
    bool marked = buf_len(marks_of(t)) > 0;
    if (t->whole && t->sent == a->head && !marked)
        return;
    if (marked)
        buf_free(&t->work->marks);
    t->whole = true;
    t->sent = a->head;
    touched(e, a, true);
}

void tail_wait(struct account *a, uint64_t messages, uint64_t bytes)
{
    if (messages + bytes == 0)
        return;
    struct tail_work *w = work(a);
    w->waiting += messages;
    w->waiting_bytes += bytes;
}

void tail_expect(struct account *a, size_t bytes)
{
    struct tail_work *w = work(a);
    w->coming++;
    w->coming_bytes += bytes;
}

void tail_expected(struct account *a, size_t bytes)
{
    struct tail_work *w = work(a);
    w->coming--;
    w->coming_bytes -= bytes;
}

uint64_t tail_waiting(const struct tail *t, bool coming, uint64_t *bytes_out)
{
    const struct tail_work *w = t->work;
    *bytes_out = w != NULL ? w->waiting_bytes + (coming ? w->coming_bytes : 0) : 0;
    return w != NULL ? w->waiting + (coming ? w->coming : 0) : 0;
}

void tail_counted(struct tail *t, uint32_t bytes)
{
    struct tail_work *w = t->work;
    if (w == NULL)
        return;
    w->waiting -= w->waiting > 0;
    w->waiting_bytes -= w->waiting_bytes < bytes ? w->waiting_bytes : bytes;
}

void tail_drop(struct engine *e, struct account *a, uint64_t position)
{
    (void)insert(&work(a)->drops, position);
    tail_touch(e, a);
}

void tail_acknowledged(struct engine *e, struct account *a)
{
    touched(e, a, false);
}

void tail_restore(struct engine *e, struct account *a, uint64_t sent, struct slice holes)
{
    struct tail *t = &a->tail;
    t->sent = sent;
    t->restored = true;
    if (t->work != NULL)
        buf_free(&t->work->marks);
    for (; holes.len >= sizeof(uint64_t); holes = slice_from(holes, sizeof(uint64_t))) {
        uint64_t position;
        memcpy(&position, holes.ptr, sizeof(position));
        (void)mark(a, position);
    }
    touched(e, a, true);
}

size_t tail_holes(const struct tail *t)
{
    return lower(marks_of(t), t->sent + 1);
}

uint64_t tail_hole(const struct tail *t, size_t n)
{
    return at(marks_of(t), n);
}

void tail_fill(struct engine *e, struct account *a, uint64_t position)
{
    struct tail *t = &a->tail;
    if (position <= t->sent && unmark(a, position))
        touched(e, a, true);
}

/* ---------------------------------------------------------------------------------- written behind
 */

enum { BATCH_ACCOUNTS = 64 };

/* Tails that are on their way to the store. */
struct tail_batch {
    size_t count;
    struct {
        struct account *account; /* in use */
        struct buf drops;
    } of[BATCH_ACCOUNTS];
};

static void put(struct store_request *batch, struct engine *e, struct account *a)
{
    struct buf holes = {0}, text = {0};
    const struct tail *t = &a->tail;
    for (size_t i = 0; i < count(marks_of(t)); i++)
        (void)insert(&holes, at(marks_of(t), i));
    struct buf positions = {0};
    hold(e, a, &positions);
    for (size_t i = 0; i < count(&positions); i++)
        if (at(&positions, i) <= t->sent)
            (void)insert(&holes, at(&positions, i));
        else
            (void)take_out(&holes, at(&positions, i));
    buf_printf(&text, "%llu", (unsigned long long)t->sent);
    for (size_t i = 0; i < count(&holes); i++)
        buf_printf(&text, " %llu", (unsigned long long)at(&holes, i));
    store_put(batch, jid_bare(&a->jid), STORE_TAIL, SLICE(""), buf_slice(&text));
    buf_free(&positions);
    buf_free(&holes);
    buf_free(&text);
}

static bool is_dirty(const struct account *a)
{
    return a->tail.work != NULL && list_linked(&a->tail.work->dirty);
}

/* The store did not take it: it is tried again. */
static void take_back(struct engine *e, struct account *a, const struct buf *drops)
{
    for (size_t i = 0; i < count(drops); i++)
        (void)insert(&work(a)->drops, at(drops, i));
    tail_touch(e, a);
}

/* Takes out what no session has to read any more, up to a position that one still has to. */
static struct buf take_drops(struct engine *e, struct account *a)
{
    struct buf *drops = &work(a)->drops, all = *drops, now = {0};
    uint64_t needed = UINT64_MAX;
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        uint64_t needs = sm_needs(e, s);
        needed = needs < needed ? needs : needed;
    }
    size_t n = lower(&all, needed);
    if (n == count(&all)) {
        *drops = (struct buf){0};
        return all;
    }
    buf_append(&now, buf_slice(&all).ptr, n * sizeof(uint64_t));
    buf_consume(drops, n * sizeof(uint64_t));
    return now;
}

static void written(struct engine *e, void *ctx, struct store_request *answer)
{
    struct tail_batch *b = ctx;
    for (size_t i = 0; i < b->count; i++) {
        struct account *a = b->of[i].account;
        a->tail.writing = false;
        if (answer->err != 0)
            take_back(e, a, &b->of[i].drops);
        else if (!is_dirty(a) && a->tail.region != 0) {
            region_tail_drop(e->region, a->tail.region); /* the store knows as much */
            a->tail.region = 0;
        }
        buf_free(&b->of[i].drops);
        resend_written(e, a, answer->err == 0);
        rest(a);
        account_rest(a);
        account_release(e, a);
    }
    mem_free(b);
}

static void add(struct engine *e, struct account *a, struct tail_batch *b,
                struct store_request *batch)
{
    struct buf *drops = &b->of[b->count].drops;
    b->of[b->count++].account = a;
    *drops = take_drops(e, a);
    put(batch, e, a);
    resend_put(a, batch);
    for (size_t i = 0; i < count(drops); i++)
        store_drop(batch, jid_bare(&a->jid), STORE_ARCHIVE, at(drops, i), at(drops, i));
    a->tail.writing = true;
    account_use(e, a);
}

/* Accounts whose last write is under way, or that are being loaded, wait for the next time. */
void tails_write(struct engine *e)
{
    struct list now;
    list_init(&now);
    while (!list_empty(&e->tails))
        list_push(&now, list_pop(&e->tails));
    while (!list_empty(&now)) {
        struct tail_batch *b = mem_new(struct tail_batch);
        struct store_request *batch = flow_batch(e);
        while (!list_empty(&now) && b->count < BATCH_ACCOUNTS) {
            struct tail_work *w = CONTAINER_OF(list_pop(&now), struct tail_work, dirty);
            struct account *a = w->account;
            if (a->tail.writing || a->state == ACCOUNT_LOADING) {
                list_push(&e->tails, &w->dirty);
                continue;
            }
            if (a->state == ACCOUNT_READY) /* else it was removed meanwhile */
                add(e, a, b, batch);
            account_release(e, a);
        }
        flow_submit(e, batch, written, b);
    }
}

static void timer_fired(struct timer *t, void *ctx)
{
    (void)t;
    struct engine *e = ctx;
    tails_write(e);
    if (!list_empty(&e->tails))
        timer_set(&e->timers, &e->tail_timer, e->now.mono_ms + TAIL_WRITE_MS);
}

void tail_touch(struct engine *e, struct account *a)
{
    if (is_dirty(a))
        return;
    account_use(e, a);
    list_push(&e->tails, &work(a)->dirty);
    e->tail_timer.fire = timer_fired;
    if (!timer_armed(&e->tail_timer))
        timer_set(&e->timers, &e->tail_timer, e->now.mono_ms + TAIL_WRITE_MS);
}
