/* Stream management: XEP-0198. Counters and the queue of what the client has not acknowledged; all
 * of it is written to the region first, so that every moment between two stores is a good one for
 * the process to die. c2s_sm.c has the elements, sm_resume.c the way back, sm_restore.c the way
 * through another process.
 *
 * Whether inbound number n is settled is one bit, n % 256, that means the opposite each time
 * around: for n < 256 it is settled when the bit is set, for n + 256 when it is not, and so on. So
 * a bit need not be cleared when the window passes over it, and there is no moment at which it says
 * something wrong. 2^32 is an even number of times around. */
#include "core/sm.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/router.h"
#include "core/service/archive.h"
#include "core/session_state.h"

/* Modulo 2^32: how far a is ahead of b. */
static int32_t ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static void put32(uint32_t *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static void put64(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static uint8_t state_flags(const struct session *s)
{
    return (uint8_t)(s->carbons | s->bind2 << 1 | s->roster_interested << 2);
}

/* --------------------------------------------------------------------------------------- its life
 */

enum { LOAD_WAIT_MS = 1000 };

static void timer_fired(struct timer *t, void *ctx);

struct sm *sm_new(struct session *s)
{
    struct sm *sm = mem_new(struct sm);
    sm->session = s;
    sm->timer.fire = timer_fired;
    s->sm = sm;
    return sm;
}

bool sm_begin(struct engine *e, struct session *s, uint32_t resume_ms)
{
    CHECK(e->region != NULL && s->sm == NULL);
    struct region_counters c = {.cursor = s->follow.cursor,
                                .settled = {1}, /* number 0, if there were one */
                                .flags = resume_ms > 0 ? SM_REGION_RESUMABLE : 0};
    struct sm *sm = sm_new(s);
    uint8_t id[REGION_ID_BYTES];
    uint64_t serial;
    do {
        rng_bytes(e->rng, id, sizeof(id));
        memcpy(&serial, id, sizeof(serial));
    } while (serial == 0);
    sm->resume_ms = resume_ms;
    struct buf state = {0};
    session_state_write(e, s, &state);
    if (!state.failed)
        sm->record = region_session_new(e->region, id, buf_slice(&state), &c);
    buf_free(&state);
    if (sm->record == 0) {
        mem_free(sm);
        s->sm = NULL;
        return false;
    }
    sm->counters = region_session_counters(e->region, sm->record);
    return true;
}

void sm_restored(struct engine *e, struct session *s, region_ref record)
{
    struct sm *sm = s->sm;
    sm->record = record;
    sm->counters = region_session_counters(e->region, record);
    sm->received = sm->taken = sm->counters->in_h;
    sm->scan = sm->restored = true;
    sm->listed = SM_MAYBE_LISTED;
    sm->told_flags = state_flags(s);
    sm->told_interests = s->interests;
    sm->told_known = s->follow.known_to;
    if ((sm->counters->flags & SM_REGION_RESUMABLE) == 0)
        sm->resume_ms = 0;
    if (sm->counters->left_wall_ms == 0)
        put64((uint64_t *)&sm->counters->left_wall_ms, (uint64_t)e->now.wall_ms);
    int64_t gone_ms = e->now.wall_ms - sm->counters->left_wall_ms, left_ms = sm->resume_ms;
    if (gone_ms > 0)
        left_ms = gone_ms < left_ms ? left_ms - gone_ms : 0;
    timer_set(&e->timers, &sm->timer, e->now.mono_ms + (uint64_t)left_ms);
}

void sm_forget(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    s->sm = NULL;
    timer_stop(&sm->timer);
    mem_free(sm->samples);
    sm_return_end(e, sm);
    mem_free(sm);
}

void sm_id(const struct engine *e, const struct session *s, char out[SM_ID_CHARS])
{
    static const char DIGITS[] = "0123456789abcdef";
    struct slice id = region_session_id(e->region, s->sm->record);
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];
        out[2 * i] = DIGITS[c >> 4];
        out[2 * i + 1] = DIGITS[c & 15];
    }
}

uint64_t sm_serial(const struct engine *e, const struct session *s)
{
    uint64_t serial;
    memcpy(&serial, region_session_id(e->region, s->sm->record).ptr, sizeof(serial));
    return serial;
}

struct session *sm_find(const struct engine *e, const struct account *a, struct slice id)
{
    char own[SM_ID_CHARS];
    for (const struct list *it = a->sessions.next; it != &a->sessions; it = it->next) {
        struct session *s = CONTAINER_OF((struct list *)(uintptr_t)it, struct session, link);
        if (s->sm == NULL)
            continue;
        sm_id(e, s, own);
        if (slice_eq(id, slice_of(own, sizeof(own))))
            return s;
    }
    return NULL;
}

bool sm_resumable(const struct session *s)
{
    const struct sm *sm = s->sm;
    return sm != NULL && sm->resume_ms > 0 && !sm->broken && s->account->state != ACCOUNT_ABSENT;
}

bool sm_is_over(const struct engine *e, const struct session *s)
{
    const struct sm *sm = s->sm;
    return s->stream == NULL && e->now.wall_ms - sm->counters->left_wall_ms >= sm->resume_ms;
}

void sm_hibernate(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    __atomic_store_n(&sm->counters->left_wall_ms, e->now.wall_ms, __ATOMIC_RELEASE);
    resend_told_end(e, sm);
    sm->asked = false;
    sm->owes_ack = false;
    sm->replays = false;
    sm_return_end(e, sm);
    timer_set(&e->timers, &sm->timer, e->now.mono_ms + sm->resume_ms);
    session_log(e, s, LOG_INFO, "sm.hibernate", NULL);
}

/* The end of hibernation, or of a session whose queue lacks something, or of the wait for what an
 * <r/> asked for. */
static void timer_fired(struct timer *t, void *ctx)
{
    struct engine *e = ctx;
    struct sm *sm = CONTAINER_OF(t, struct sm, timer);
    struct session *s = sm->session;
    if (s->stream != NULL && !sm->broken) {
        if (sm->owes_ack)
            c2s_sm_tell(s->stream);
        timer_stop(t);
        return;
    }
    if (s->stream != NULL) {
        c2s_error(s->stream, STREAM_RESOURCE_CONSTRAINT,
                  SLICE("there is no room for what you have not acknowledged"), SLICE_NONE);
        return;
    }
    if (s->account->state == ACCOUNT_LOADING) {
        account_need(e, s->account); /* the end has to be told to contacts that are not known yet */
        timer_set(&e->timers, t, e->now.mono_ms + LOAD_WAIT_MS);
        return;
    }
    session_log(e, s, LOG_INFO, "sm.expired", NULL);
    session_end(e, &s);
}

/* What must be in the queue found no room. */
static void break_off(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    if (sm->broken)
        return;
    sm->broken = true;
    session_log(e, s, LOG_WARNING, "sm.full", "resource-constraint");
    timer_set(&e->timers, &sm->timer, e->now.mono_ms);
}

/* ---------------------------------------------------------------------------------------- inbound
 */

static bool phase(uint32_t n)
{
    return (n / SM_WINDOW) % 2 == 0;
}

static bool is_settled(const struct sm *sm, uint32_t n)
{
    bool bit = (sm->counters->settled[n % SM_WINDOW / 64] >> (n % 64) & 1) != 0;
    return bit == phase(n);
}

static void set_settled(struct sm *sm, uint32_t n)
{
    uint64_t *word = &sm->counters->settled[n % SM_WINDOW / 64];
    uint64_t bit = 1ULL << (n % 64);
    put64(word, phase(n) ? *word | bit : *word & ~bit);
}

uint32_t sm_handled(const struct session *s)
{
    return s->sm->counters->in_h;
}

bool sm_has_window(const struct session *s)
{
    return ahead(s->sm->received, s->sm->counters->in_h) < SM_WINDOW;
}

bool sm_received(struct engine *e, struct session *s, struct origin *origin)
{
    struct sm *sm = s->sm;
    uint32_t n = ++sm->received;
    if (ahead(n, sm->taken) <= 0)
        return false; /* it was taken before the stream was lost */
    sm->taken = n;
    if (is_settled(sm, n))
        return false; /* another process took it */
    uint32_t untold = n - resend_told_before(e, sm);
    origin->serial = sm_serial(e, s);
    origin->number = n;
    origin->untold = untold < UINT16_MAX ? (uint16_t)untold : UINT16_MAX;
    origin->first = sm->listed != SM_LISTED;
    return true;
}

/* The timer serves one purpose at a time; the end of a broken session comes first. */
static void await_settling(struct engine *e, struct sm *sm)
{
    if (sm->broken)
        return;
    if (sm->owes_ack)
        timer_set(&e->timers, &sm->timer, e->now.mono_ms + SM_ANSWER_MS);
    else
        timer_stop(&sm->timer);
}

bool sm_asked(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    sm->asked_h = sm->received;
    if (ahead(sm->received, sm_handled(s)) <= 0)
        return true;
    if (!sm->owes_ack)
        sm->owed_h = sm->received;
    sm->owes_ack = true;
    if (!timer_armed(&sm->timer))
        await_settling(e, sm);
    return false;
}

void sm_told(struct engine *e, struct session *s, uint32_t h)
{
    struct sm *sm = s->sm;
    bool owed = sm->owes_ack;
    sm->owes_ack = ahead(sm->asked_h, h) > 0;
    sm->owed_h = sm->asked_h;
    if (owed)
        await_settling(e, sm);
}

static void settle_number(struct session *s, uint32_t n)
{
    struct sm *sm = s->sm;
    uint32_t h = sm->counters->in_h;
    if (ahead(n, h) <= 0 || ahead(n, h) > SM_WINDOW)
        return;
    set_settled(sm, n);
    while (is_settled(sm, h + 1))
        h++;
    if (h == sm->counters->in_h)
        return;
    put32(&sm->counters->in_h, h);
    if (sm->owes_ack && ahead(h, sm->owed_h) >= 0)
        c2s_sm_tell(s->stream);
}

void sm_settle_entry(struct engine *e, struct session *s, uint64_t serial, uint32_t number)
{
    if (sm_serial(e, s) != serial)
        return;
    s->sm->listed = SM_LISTED;
    settle_number(s, number);
}

void sm_settle(struct engine *e, struct session *s, const struct origin *origin)
{
    struct sm *sm = s->sm;
    if (origin->serial != sm_serial(e, s))
        return;
    /* What a stanza changed is kept before it is acknowledged. */
    if (sm->told_flags != state_flags(s) || sm->told_interests != s->interests ||
        sm->told_known != s->follow.known_to)
        sm_state_changed(e, s);
    settle_number(s, origin->number);
}

void sm_state_changed(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    struct buf state = {0};
    if (sm == NULL)
        return;
    session_state_write(e, s, &state);
    if (!state.failed && region_session_state(e->region, sm->record, buf_slice(&state))) {
        sm->told_flags = state_flags(s);
        sm->told_interests = s->interests;
        sm->told_known = s->follow.known_to;
    }
    buf_free(&state);
}

/* --------------------------------------------------------------------------------------- outbound
 */

/* A request by who asked and the id. */
static uint32_t request_hash(const struct engine *e, const struct session *s, struct slice peer,
                             struct slice id)
{
    const struct hash_key key = {sm_serial(e, s), 0x534d};
    return (uint32_t)(hash_pair(&key, peer, id) << SM_FLAGS_BITS);
}

static uint32_t flags_of(const struct engine *e, const struct session *s, const struct stanza *st)
{
    if (st == NULL || st->kind != STANZA_IQ || (st->type != TYPE_GET && st->type != TYPE_SET) ||
        !jid_some(&st->from))
        return 0;
    return SM_REQUEST | request_hash(e, s, jid_full(&st->from), st->id);
}

bool sm_has_room(const struct engine *e, const struct session *s)
{
    const struct limits *l = &e->config->limits;
    const struct sm *sm = s->sm;
    return !sm->broken && region_count(e->region, sm->record) < l->sm_stanzas &&
           region_bytes(e->region, sm->record) < l->sm_bytes;
}

size_t sm_room(const struct engine *e, const struct session *s)
{
    size_t used = region_count(e->region, s->sm->record), max = e->config->limits.sm_stanzas;
    return sm_has_room(e, s) ? max - used : 0;
}

uint32_t sm_sent_count(const struct engine *e, const struct session *s)
{
    return s->sm->counters->out_h + (uint32_t)region_count(e->region, s->sm->record);
}

void sm_sent_entry(struct engine *e, struct session *s, const struct log_entry *entry,
                   enum role role)
{
    bool delivery = (entry->flags & ARCHIVE_DELIVERY) != 0;
    const struct region_entry r = {.position = entry->position,
                                   .flags = (uint32_t)role | (delivery ? SM_DELIVERY : 0) |
                                            (entry->taken ? SM_TAKEN : 0)};
    if (s->sm->broken || !region_push(e->region, s->sm->record, &r))
        break_off(e, s);
}

void sm_sent(struct engine *e, struct session *s, const struct stanza *st, struct slice bytes)
{
    const struct region_entry r = {.flags = flags_of(e, s, st), .bytes = bytes};
    if (s->sm->broken || !region_push(e->region, s->sm->record, &r))
        break_off(e, s);
}

bool sm_keep(struct engine *e, struct session *s, const struct stanza *st, struct slice bytes,
             bool must)
{
    const struct limits *l = &e->config->limits;
    struct sm *sm = s->sm;
    const struct region_entry r = {.flags = flags_of(e, s, st), .bytes = bytes};
    uint64_t factor = must ? 2 : 1;
    bool room = !sm->broken && region_count(e->region, sm->record) < factor * l->sm_stanzas &&
                region_bytes(e->region, sm->record) < factor * l->sm_bytes &&
                region_push(e->region, sm->record, &r);
    if (!room && must)
        break_off(e, s);
    return room;
}

void sm_ask(struct engine *e, struct session *s)
{
    (void)e;
    struct sm *sm = s->sm;
    if (!sm->asked && !sm->replays)
        c2s_sm_ask(s->stream);
}

void sm_answered(struct engine *e, struct session *s, const struct stanza *st)
{
    struct sm *sm = s->sm;
    struct region_entry r;
    uint64_t at = 0;
    uint32_t hash = 0;
    while (region_peek(e->region, sm->record, &at, &r)) {
        if ((r.flags & (SM_REQUEST | SM_ANSWERED)) != SM_REQUEST)
            continue;
        if (hash == 0)
            hash = request_hash(e, s, jid_full(&st->to), st->id);
        if ((r.flags ^ hash) >> SM_FLAGS_BITS == 0)
            region_flag(e->region, sm->record, at, SM_ANSWERED);
    }
}

void sm_taken(struct engine *e, const struct session *by, uint64_t position)
{
    LIST_EACH(it, &by->account->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        struct region_entry r;
        uint64_t at = 0;
        while (s != by && s->sm != NULL && region_peek(e->region, s->sm->record, &at, &r))
            if (r.position == position)
                region_flag(e->region, s->sm->record, at, SM_TAKEN);
    }
}

static bool is_message(const struct region_entry *r)
{
    return r->position != 0 &&
           ((r->flags & SM_ROLE_MASK) == ROLE_MESSAGE || (r->flags & SM_OWED) != 0);
}

void sm_owe(struct engine *e, struct session *s, uint64_t position)
{
    struct region_entry r;
    uint64_t at = 0;
    while (region_peek(e->region, s->sm->record, &at, &r))
        if (r.position == position)
            region_flag(e->region, s->sm->record, at, SM_OWED);
}

/* The client has the message: nobody has to hand it to others any more. */
static void entry_acknowledged(struct engine *e, struct session *s, const struct region_entry *r)
{
    struct account *a = s->account;
    if (!is_message(r))
        return;
    sm_taken(e, s, r->position);
    if ((r->flags & SM_DELIVERY) != 0)
        tail_drop(e, a, r->position);
    tail_acknowledged(e, a);
}

bool sm_acknowledged(struct engine *e, struct session *s, uint32_t h)
{
    struct sm *sm = s->sm;
    uint32_t n = h - sm->counters->out_h;
    if (ahead(h, sm->counters->out_h) < 0)
        return true; /* it said more before */
    if (n > region_count(e->region, sm->record))
        return false;
    struct region_entry r;
    uint64_t at = 0;
    for (uint32_t i = 0; i < n && region_peek(e->region, sm->record, &at, &r); i++)
        entry_acknowledged(e, s, &r);
    region_pop(e->region, sm->record, n);
    return true;
}

void sm_cursor(struct session *s)
{
    uint64_t position = follow_position(s);
    if (position > s->sm->counters->cursor)
        put64(&s->sm->counters->cursor, position);
}

uint64_t sm_needs(const struct engine *e, const struct session *s)
{
    struct region_entry r;
    uint64_t at = 0, lowest = s->follow.cursor + 1;
    if (s->sm == NULL)
        return lowest;
    while (region_peek(e->region, s->sm->record, &at, &r))
        if (r.position != 0 && r.position < lowest)
            lowest = r.position;
    return lowest;
}

static bool is_missed(const struct region_entry *r)
{
    return is_message(r) && (r->flags & SM_TAKEN) == 0;
}

void sm_unacknowledged(const struct engine *e, const struct session *s, struct buf *positions)
{
    struct region_entry r;
    uint64_t at = 0;
    while (region_peek(e->region, s->sm->record, &at, &r))
        if (is_missed(&r))
            buf_append(positions, &r.position, sizeof(r.position));
}

bool sm_holds(const struct engine *e, const struct session *s, uint64_t position)
{
    struct region_entry r;
    uint64_t at = 0;
    while (region_peek(e->region, s->sm->record, &at, &r))
        if (r.position == position && is_missed(&r))
            return true;
    return false;
}
