/* Sessions that ended without their client's word, as far as they are needed to know what is sent
 * once more (XEP-0198 section 5: a client sends again what was not acknowledged). What they are
 * judged by: when which number was told, and how they ended. The item of a session is written in
 * one batch with its first kept message, so that it is there exactly when the log has something to
 * compare with; its end is written behind, with the account's tail. */
#include "core/resend.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "core/sm.h"

enum { SAMPLES = 6, KEY_CHARS = 16, VALUE_NUMBERS = 3 };

struct resend_samples {
    uint32_t n;
    struct {
        uint32_t at_s, h; /* seconds of the steady clock */
    } of[SAMPLES];
};

static bool is_ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* ------------------------------------------------------------------- what a session was told */

static uint32_t now_s(const struct engine *e)
{
    return (uint32_t)(e->now.mono_ms / 1000);
}

/* Two that are closest become one. */
static void make_room(struct resend_samples *t)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i + 1 < t->n; i++)
        if (t->of[i + 1].at_s - t->of[i].at_s < t->of[best + 1].at_s - t->of[best].at_s)
            best = i;
    t->of[best].h = t->of[best + 1].h;
    t->n--;
    memmove(&t->of[best + 1], &t->of[best + 2], (t->n - best - 1) * sizeof(t->of[0]));
}

/* How many of the samples are old. */
static uint32_t count_old(const struct engine *e, const struct resend_samples *t)
{
    uint32_t n = 0;
    while (n < t->n && now_s(e) - t->of[n].at_s >= RESEND_TOLD_MS / 1000)
        n++;
    return n;
}

static void set_told(struct sm *sm, uint32_t h)
{
    __atomic_store_n(&sm->counters->told_h, h, __ATOMIC_RELEASE);
}

void resend_told(struct engine *e, struct sm *sm, uint32_t h)
{
    struct resend_samples *t = sm->samples;
    if (t == NULL)
        t = sm->samples = mem_new(struct resend_samples);
    uint32_t newest = t->n > 0 ? t->of[t->n - 1].h : sm->counters->told_h, old = count_old(e, t);
    if (!is_ahead(h, newest))
        return;
    if (old > 0) {
        set_told(sm, t->of[old - 1].h);
        t->n -= old;
        memmove(t->of, t->of + old, t->n * sizeof(t->of[0]));
    }
    if (t->n == SAMPLES)
        make_room(t);
    t->of[t->n].at_s = now_s(e);
    t->of[t->n++].h = h;
}

uint32_t resend_told_before(const struct engine *e, const struct sm *sm)
{
    uint32_t old = sm->samples != NULL ? count_old(e, sm->samples) : 0;
    return old > 0 ? sm->samples->of[old - 1].h : sm->counters->told_h;
}

void resend_told_end(struct engine *e, struct sm *sm)
{
    set_told(sm, resend_told_before(e, sm));
    mem_free(sm->samples);
    sm->samples = NULL;
}

/* ---------------------------------------------------------------------------------- the items */

static struct slice key_of(uint64_t serial, char out[KEY_CHARS + 1])
{
    snprintf(out, KEY_CHARS + 1, "%016llx", (unsigned long long)serial);
    return slice_of(out, KEY_CHARS);
}

static bool serial_of(struct slice key, uint64_t *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    *out = 0;
    for (size_t i = 0; i < key.len; i++) {
        const char *digit = memchr(DIGITS, key.ptr[i], sizeof(DIGITS) - 1);
        if (digit == NULL)
            return false;
        *out = *out << 4 | (uint64_t)(digit - DIGITS);
    }
    return key.len == KEY_CHARS && *out != 0;
}

/* How many numbers there are. */
static size_t read_value(struct slice value, unsigned long long out[VALUE_NUMBERS])
{
    size_t n = 0;
    while (n < VALUE_NUMBERS && value.len > 0) {
        size_t end = slice_find(value, ' ');
        if (!slice_to_u64(slice_of(value.ptr, end), &out[n]))
            return 0;
        n++;
        value = end < value.len ? slice_from(value, end + 1) : SLICE_NONE;
    }
    return n;
}

void resend_list(struct store_request *batch, struct slice owner, const struct origin *origin,
                 int64_t wall_ms)
{
    char key[KEY_CHARS + 1], value[24];
    if (origin->serial == 0 || !origin->first)
        return;
    snprintf(value, sizeof(value), "%lld", (long long)wall_ms);
    store_put(batch, owner, STORE_STREAMS, key_of(origin->serial, key), slice_z(value));
}

void resend_put(struct account *a, struct store_request *batch)
{
    char key[KEY_CHARS + 1], value[80];
    if (a->resend == NULL)
        return;
    LIST_EACH(it, &a->resend->streams)
    {
        struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        if (!s->dirty || s->unsettled > 0)
            continue;
        s->dirty = false;
        s->flying = true;
        (void)key_of(s->serial, key);
        snprintf(value, sizeof(value), "%lld %lld %u", (long long)s->began_ms,
                 (long long)s->ended_ms, s->told);
        if (s->gone)
            store_delete(batch, jid_bare(&a->jid), STORE_STREAMS, slice_z(key));
        else
            store_put(batch, jid_bare(&a->jid), STORE_STREAMS, slice_z(key), slice_z(value));
    }
}

static void forget_stream(struct engine *e, struct resend_stream *s)
{
    list_remove(&s->link);
    if (s->unsettled > 0)
        hmap_remove(&e->ended, &s->node);
    mem_free(s);
}

void resend_written(struct engine *e, struct account *a, bool good)
{
    bool again = false;
    if (a->resend == NULL)
        return;
    LIST_EACH(it, &a->resend->streams)
    {
        struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        s->dirty |= s->flying && !good;
        s->flying = false;
        again |= s->dirty && s->unsettled == 0;
        if (s->gone && !s->dirty && !s->ending && s->unsettled == 0)
            forget_stream(e, s);
    }
    if (again)
        tail_touch(e, a);
    resend_rest(a);
}

/* --------------------------------------------------------------------------------- the account */

static struct resend *resend_of(struct account *a)
{
    if (a->resend == NULL) {
        a->resend = mem_new(struct resend);
        list_init(&a->resend->streams);
        list_init(&a->resend->waiting);
        list_init(&a->resend->tellings);
    }
    return a->resend;
}

void resend_rest(struct account *a)
{
    struct resend *r = a->resend;
    if (r == NULL || r->busy || !list_empty(&r->streams) || !list_empty(&r->waiting) ||
        !list_empty(&r->tellings) || r->flow != 0)
        return;
    buf_free(&r->candidates);
    buf_free(&r->used);
    mem_free(r);
    a->resend = NULL;
}

static struct resend_stream *find_any(const struct account *a, uint64_t serial)
{
    const struct list *all = &a->resend->streams;
    for (struct list *it = all->next; it != all; it = it->next) {
        struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        if (s->serial == serial)
            return s;
    }
    return NULL;
}

/* Of a session that goes on, after all (it was read from the store later than the account). */
static bool is_live(const struct engine *e, const struct account *a, uint64_t serial)
{
    for (struct list *it = a->sessions.next; it != &a->sessions; it = it->next) {
        const struct session *s = CONTAINER_OF(it, struct session, link);
        if (s->sm != NULL && sm_serial(e, s) == serial)
            return true;
    }
    return false;
}

struct resend_stream *resend_find(const struct engine *e, const struct account *a, uint64_t serial)
{
    struct resend_stream *s = find_any(a, serial);
    return s != NULL && !s->gone && !is_live(e, a, serial) ? s : NULL;
}

/* The oldest leave when there are too many. */
static void limit(struct engine *e, struct account *a)
{
    unsigned n = 0;
    struct list *all = &a->resend->streams;
    for (struct list *it = all->prev, *before = it->prev; it != all;
         it = before, before = it->prev) {
        struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        n += !s->gone;
        if (n > RESEND_STREAMS_MAX)
            resend_drop(e, s);
    }
}

void resend_drop(struct engine *e, struct resend_stream *s)
{
    struct account *a = s->account;
    if (s->gone)
        return;
    s->gone = s->dirty = true;
    if (is_live(e, a, s->serial)) { /* its item is its own affair */
        forget_stream(e, s);
        return;
    }
    tail_touch(e, a);
}

static struct resend_stream *stream_of(struct account *a, uint64_t serial, bool newest)
{
    struct resend *r = resend_of(a);
    struct resend_stream *s = find_any(a, serial);
    if (s != NULL)
        return s;
    s = mem_new(struct resend_stream);
    s->account = a;
    s->serial = serial;
    if (newest)
        list_push(&r->streams, &s->link);
    else
        list_push_front(&r->streams, &s->link);
    return s;
}

void resend_row(struct engine *e, struct account *a, const struct store_row *row)
{
    uint64_t serial;
    unsigned long long numbers[VALUE_NUMBERS];
    size_t n = read_value(row->value, numbers);
    if (!serial_of(row->key, &serial) || n == 0 || is_live(e, a, serial))
        return;
    struct resend_stream *s = stream_of(a, serial, false);
    s->began_ms = (int64_t)numbers[0];
    if (n < VALUE_NUMBERS)
        return;
    s->ended_ms = (int64_t)numbers[1];
    s->told = (uint32_t)numbers[2];
    if (s->ended_ms + RESEND_FORGET_MS <= e->now.wall_ms)
        s->gone = s->dirty = true;
}

void resend_loaded(struct engine *e, struct account *a)
{
    if (a->resend == NULL)
        return;
    limit(e, a);
    LIST_EACH(it, &a->resend->streams)
    if (CONTAINER_OF(it, struct resend_stream, link)->dirty)
        tail_touch(e, a);
}

void resend_forget(struct engine *e, struct account *a)
{
    struct resend *r = a->resend;
    if (r == NULL)
        return;
    LIST_EACH(it, &r->streams)
    {
        struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        s->gone = true;
        s->dirty = false;
        if (s->unsettled == 0 && !s->ending)
            forget_stream(e, s);
    }
    buf_free(&r->candidates);
    resend_go_on(e, a);
    resend_rest(a);
}

void resend_free(struct engine *e, struct account *a)
{
    struct resend *r = a->resend;
    if (r == NULL)
        return;
    flow_cancel(e, r->flow);
    r->flow = 0;
    while (!list_empty(&r->waiting)) {
        struct resend_waiting *w = CONTAINER_OF(list_pop(&r->waiting), struct resend_waiting, link);
        buf_free(&w->bytes);
        mem_free(w);
    }
    while (!list_empty(&r->tellings))
        mem_free(CONTAINER_OF(list_pop(&r->tellings), struct resend_telling, link));
    while (!list_empty(&r->streams))
        forget_stream(e, CONTAINER_OF(r->streams.next, struct resend_stream, link));
    resend_rest(a);
}

/* ---------------------------------------------------------------------------------- the end */

/* The item is removed, or that failed. */
static void removed(struct engine *e, void *ctx, struct store_request *answer)
{
    struct resend_stream *s = ctx;
    struct account *a = s->account;
    s->ending = false;
    s->dirty |= answer->err != 0;
    if (s->dirty)
        tail_touch(e, a);
    else
        forget_stream(e, s);
    resend_rest(a);
    account_release(e, a);
}

/* All that the session sent is settled. That a client has ended it is written at once: what it says
 * next is new, whatever becomes of this process. */
static void write_end(struct engine *e, struct resend_stream *s)
{
    struct account *a = s->account;
    char key[KEY_CHARS + 1];
    if (!s->gone || a->state != ACCOUNT_READY) {
        tail_touch(e, a);
        return;
    }
    s->ending = true;
    s->dirty = false;
    struct store_request *batch = flow_batch(e);
    store_delete(batch, jid_bare(&a->jid), STORE_STREAMS, key_of(s->serial, key));
    account_use(e, a);
    flow_submit(e, batch, removed, s);
}

void resend_ended(struct engine *e, struct session *session)
{
    const struct sm *sm = session->sm;
    struct account *a = session->account;
    uint32_t told = resend_told_before(e, sm);
    int64_t left_ms = sm->counters->left_wall_ms;
    bool listed = sm->listed != SM_UNLISTED || session->unsettled > 0;
    if (!listed || a->state != ACCOUNT_READY)
        return;
    struct resend_stream *s = stream_of(a, sm_serial(e, session), true);
    s->began_ms = session->since_ms;
    s->ended_ms = left_ms != 0 ? left_ms : e->now.wall_ms;
    s->told = told;
    s->gone = sm->clean || (!sm->scan && !is_ahead(sm->taken, told));
    s->dirty = true;
    if (!s->gone) {
        a->resend->loaded = false;
        a->resend->outdated = true;
        limit(e, a);
    }
    if (session->unsettled == 0) {
        write_end(e, s);
        return;
    }
    s->unsettled = session->unsettled;
    hmap_insert(&e->ended, &s->node, s->serial);
    account_use(e, a);
}

void resend_settled(struct engine *e, const struct origin *origin)
{
    struct hnode *n = origin->serial != 0 ? hmap_first(&e->ended, origin->serial) : NULL;
    if (n == NULL)
        return;
    struct resend_stream *s = CONTAINER_OF(n, struct resend_stream, node);
    struct account *a = s->account;
    if (s->unsettled > 1) {
        s->unsettled--;
        return;
    }
    hmap_remove(&e->ended, &s->node);
    s->unsettled = 0;
    if (s->dirty)
        write_end(e, s);
    else
        forget_stream(e, s); /* the account is gone */
    resend_go_on(e, a);
    resend_rest(a);
    account_release(e, a);
}
