/* Sessions that follow their account's log: live, or reading behind. */
#include "core/follow.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/copy.h"
#include "core/message_log.h"
#include "core/service/archive.h"
#include "core/sm.h"

enum { SLICE_ENTRIES = 50 };

static bool is_ready(const struct session *s)
{
    return s->available && s->priority >= 0;
}

/* The copy that the session gets when it does not get the message itself. One's own messages to
 * oneself are such that were sent. */
static enum role copy_role(const struct session *s, struct log_entry *entry)
{
    const struct stanza *st = &entry->stanza;
    const struct jid *us = &s->account->jid;
    if (!s->carbons)
        return ROLE_NONE;
    if (!jid_bare_eq(&st->from, us))
        return copy_is_eligible(entry, true) ? ROLE_RECEIVED : ROLE_NONE;
    bool own = slice_eq(jid_resource(&st->from), jid_resource(&s->jid));
    return !own && copy_is_eligible(entry, false) ? ROLE_SENT : ROLE_NONE;
}

enum role follow_role(const struct session *s, struct log_entry *entry)
{
    const struct account *a = s->account;
    const struct stanza *st = &entry->stanza;
    if (!jid_bare_eq(&st->to, &a->jid))
        return copy_role(s, entry);
    const struct session *target =
        st->to.resource_len > 0 ? session_find(a, jid_resource(&st->to)) : NULL;
    if (target == s || (target == NULL && is_ready(s)))
        return ROLE_MESSAGE;
    return copy_role(s, entry);
}

bool follow_is_behind(const struct session *s)
{
    return s->follow.state != FOLLOW_LIVE && s->follow.state != FOLLOW_FAILED;
}

void follow_begin(struct session *s)
{
    s->follow = (struct follow){
        .cursor = s->account->head, .ready_from = UINT64_MAX, .carbons_from = UINT64_MAX};
}

static void set_cursor(struct session *s, uint64_t position)
{
    s->follow.cursor = position;
    if (s->sm != NULL)
        sm_cursor(s);
}

bool follow_entry(struct engine *e, struct session *s, struct log_entry *entry)
{
    struct follow *f = &s->follow;
    if (f->state != FOLLOW_LIVE || entry->position <= f->cursor)
        return false;
    enum role role = (entry->flags & ARCHIVE_MARKER) != 0 ? ROLE_NONE : follow_role(s, entry);
    if (role == ROLE_NONE) {
        set_cursor(s, entry->position);
        return false;
    }
    if (!session_takes_entries(s) || !session_send_entry(e, s, entry, role)) {
        f->state = FOLLOW_BEHIND;
        return false;
    }
    set_cursor(s, entry->position);
    if (role == ROLE_MESSAGE && s->sm == NULL && (entry->flags & ARCHIVE_DELIVERY) != 0)
        tail_drop(e, s->account, entry->position);
    return role == ROLE_MESSAGE;
}

/* --------------------------------------------------------------------------------- reading behind
 */

static void read_on(struct engine *e, struct session *s);

static void read_again(struct timer *t, void *ctx)
{
    follow_go_on(ctx, CONTAINER_OF(t, struct follow_reading, retry)->session);
}

static struct follow_reading *reading_of(struct session *s)
{
    struct follow *f = &s->follow;
    if (f->reading == NULL) {
        f->reading = mem_new(struct follow_reading);
        f->reading->session = s;
        f->reading->retry.fire = read_again;
    }
    return f->reading;
}

static void stop_reading(struct engine *e, struct session *s)
{
    struct follow_reading *r = s->follow.reading;
    if (r == NULL)
        return;
    flow_cancel(e, r->flow);
    r->flow = 0;
    timer_stop(&r->retry);
}

static void forget_reading(struct session *s)
{
    struct follow_reading *r = s->follow.reading;
    if (r == NULL)
        return;
    buf_free(&r->flying);
    buf_free(&r->single);
    mem_free(r);
    s->follow.reading = NULL;
}

/* It reads no more for now. */
static void rest(struct session *s)
{
    const struct follow_reading *r = s->follow.reading;
    if (r != NULL && r->flow == 0 && !timer_armed(&r->retry) && !s->follow.drains &&
        buf_len(&r->flying) == 0)
        forget_reading(s);
}

uint64_t follow_position(const struct session *s)
{
    const struct follow *f = &s->follow;
    return f->drains && f->cursor < f->reading->owed_to ? f->reading->owed_to : f->cursor;
}

struct slice follow_flying(const struct session *s)
{
    const struct follow_reading *r = s->follow.reading;
    return r != NULL ? buf_slice(&r->flying) : SLICE_NONE;
}

/* Was the message, which is owed now, or a copy of it, sent to this session too when it was new? */
static bool had(const struct session *s, struct log_entry *entry)
{
    const struct follow *f = &s->follow;
    if (entry->stanza.to.resource_len == 0 && entry->position > f->ready_from)
        return true;
    if (entry->position >= f->known_from && entry->position <= f->known_to &&
        (entry->flags & ARCHIVE_HIDDEN) == 0)
        return true;
    return entry->position > f->carbons_from && copy_role(s, entry) != ROLE_NONE;
}

/* What a session gets that reads behind. A message for another resource that is owed is for
 * whoever comes, unless that one is there and will read it; one that came too late for it has to
 * drain, when it may. */
static enum role late_role(const struct session *s, struct log_entry *entry)
{
    const struct stanza *st = &entry->stanza;
    const struct account *a = s->account;
    bool others =
        st->to.resource_len > 0 && !slice_eq(jid_resource(&st->to), jid_resource(&s->jid));
    if (!others || !jid_bare_eq(&st->to, &a->jid))
        return follow_role(s, entry);
    if (!is_ready(s) || !tail_wants(&a->tail, entry->position))
        return copy_role(s, entry);
    struct session *target = session_find(a, jid_resource(&st->to));
    bool passed = target != NULL && follow_position(target) >= entry->position;
    if (passed && is_ready(target))
        target->follow.waits = true;
    return target == NULL || (passed && !is_ready(target)) ? ROLE_MESSAGE : copy_role(s, entry);
}

static void note(struct engine *e, struct session *s, const struct log_entry *entry, bool handed)
{
    struct account *a = s->account;
    bool incoming = jid_bare_eq(&entry->stanza.to, &a->jid);
    if (s->follow.passes)
        tail_passed(e, a, entry->position,
                    !incoming || handed || !tail_wants(&a->tail, entry->position));
    else if (incoming && handed)
        tail_handed(e, a, entry->position);
    if (handed && incoming)
        tail_counted(&a->tail, entry->bytes);
    if (handed && s->sm == NULL && !entry->taken) {
        struct follow_reading *r = reading_of(s);
        buf_append(&r->flying, &entry->position, sizeof(entry->position));
        if ((entry->flags & ARCHIVE_DELIVERY) != 0)
            buf_append(&r->single, &entry->position, sizeof(entry->position));
    }
}

/* Up to owed_to a session that drains gets only what nobody was handed. */
static bool take_entry(struct engine *e, struct session *s, struct log_entry *entry)
{
    const struct follow *f = &s->follow;
    enum role role = late_role(s, entry);
    bool handed = role == ROLE_MESSAGE;
    if (f->drains && entry->position <= f->reading->owed_to) {
        bool owed = handed && tail_wants(&s->account->tail, entry->position);
        role = owed && !had(s, entry) ? ROLE_MESSAGE : ROLE_NONE;
        if (owed && role == ROLE_NONE && s->sm != NULL)
            sm_owe(e, s, entry->position);
        handed = owed;
    }
    if (role != ROLE_NONE) {
        bool room = session_backlog(s) < e->config->limits.output_bytes / 2;
        entry->taken = role == ROLE_MESSAGE && tail_is_taken(e, s->account, entry->position);
        if (!room || !session_takes_entries(s) || !session_send_entry(e, s, entry, role))
            return false;
        e->counters.messages_delivered += role == ROLE_MESSAGE;
    }
    note(e, s, entry, handed);
    return true;
}

/* False: the client takes no more now. */
static bool take_row(struct engine *e, struct session *s, const struct store_row *row)
{
    struct log_entry entry;
    uint64_t serial;
    uint32_t number;
    if (s->sm != NULL && origin_read(row->labels.origin, &serial, &number))
        sm_settle_entry(e, s, serial, number);
    bool marker = (row->labels.flags & ARCHIVE_MARKER) != 0;
    if (!marker && message_log_row(e, s->account, row, &entry) && !take_entry(e, s, &entry))
        return false;
    set_cursor(s, row->position);
    return true;
}

static void serve_next(struct engine *e, struct account *a);

/* All that is in the log has been applied. */
static void caught_up(struct engine *e, struct session *s)
{
    struct follow *f = &s->follow;
    if (f->cursor < s->account->head)
        set_cursor(s, s->account->head);
    bool drained = f->drains;
    f->state = FOLLOW_LIVE;
    if (f->passes)
        tail_drained(e, s->account);
    f->drains = f->passes = false;
    stop_reading(e, s);
    rest(s);
    if (f->reading != NULL) /* something is on its way */
        session_watch(s);
    if (drained)
        serve_next(e, s->account);
    account_unpark(e, s->account);
}

static void slice_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct session *s = ctx;
    struct follow *f = &s->follow;
    struct follow_reading *r = f->reading;
    CHECK(f->state == FOLLOW_READING);
    r->flow = 0;
    f->state = FOLLOW_BEHIND;
    if (answer->err != 0) {
        session_log(e, s, LOG_ERROR, "archive.read_failed", err_text(answer->err));
        f->state = FOLLOW_FAILED;
        timer_set(&e->timers, &r->retry, e->now.mono_ms + FOLLOW_RETRY_MS);
        account_unpark(e, s->account); /* what waits behind it goes */
        return;
    }
    struct store_row row;
    size_t at = 0;
    bool all = true;
    while (all && store_rows(answer, &at, &row))
        all = take_row(e, s, &row);
    if (all && answer->more && f->cursor < answer->position)
        set_cursor(s, answer->position);
    if (all && !answer->more && s->account->head == r->head)
        caught_up(e, s);
    else if (all && s->sm != NULL && session_takes_entries(s))
        read_on(e, s);
    else if (session_backlog(s) > 0)
        f->state = FOLLOW_WRITTEN, session_watch(s);
    else if (session_takes_entries(s))
        read_on(e, s);
}

static void read_on(struct engine *e, struct session *s)
{
    struct follow *f = &s->follow;
    struct follow_reading *r = reading_of(s);
    struct store_request *q = flow_query(e);
    /* Who reads on from what was handed last sees all that waits for somebody. */
    f->passes |= f->drains || (is_ready(s) && f->cursor <= s->account->tail.sent);
    timer_stop(&r->retry);
    store_range(q, jid_bare(&s->account->jid), STORE_ARCHIVE, f->cursor + 1, INT64_MAX,
                SLICE_ENTRIES, false);
    r->head = s->account->head;
    f->state = FOLLOW_READING;
    r->flow = flow_submit(e, q, slice_read, s);
}

void follow_go_on(struct engine *e, struct session *s)
{
    const struct follow *f = &s->follow;
    bool reads = f->state == FOLLOW_LIVE || f->state == FOLLOW_READING;
    if (reads || !session_takes_entries(s))
        return;
    if (f->cursor == s->account->head && !f->drains)
        caught_up(e, s);
    else
        read_on(e, s);
}

/* The next of the positions in a list. */
static bool next_of(struct slice *list, uint64_t *position_out)
{
    if (list->len < sizeof(*position_out))
        return false;
    memcpy(position_out, list->ptr, sizeof(*position_out));
    *list = slice_from(*list, sizeof(*position_out));
    return true;
}

/* The client has what it was handed without stream management. */
static void land(struct engine *e, struct session *s)
{
    struct follow_reading *r = s->follow.reading;
    uint64_t position;
    if (r == NULL)
        return;
    struct slice single = buf_slice(&r->single), flying = buf_slice(&r->flying);
    while (next_of(&flying, &position))
        sm_taken(e, s, position);
    while (next_of(&single, &position))
        tail_drop(e, s->account, position);
    buf_free(&r->single);
    buf_free(&r->flying);
    rest(s);
}

void follow_taken(struct engine *e, struct session *s)
{
    if (session_backlog(s) > 0) { /* not all of it */
        if (follow_flying(s).len > 0)
            session_watch(s);
    } else {
        land(e, s);
    }
    follow_go_on(e, s);
}

/* ------------------------------------------------------------------------- what the account owes
 */

static bool owes(const struct account *a)
{
    const struct tail *t = &a->tail;
    return tail_holes(t) > 0 || (!t->whole && t->sent < a->head);
}

/* The session reads the log again from where something is owed. */
static void drain(struct engine *e, struct session *s)
{
    struct follow *f = &s->follow;
    const struct tail *t = &s->account->tail;
    uint64_t from = t->sent;
    if (tail_holes(t) > 0 && tail_hole(t, 0) <= from)
        from = tail_hole(t, 0) - 1;
    stop_reading(e, s);
    f->drains = true;
    f->waits = false;
    reading_of(s)->owed_to = f->cursor;
    if (from < f->cursor)
        f->cursor = from;
    f->state = FOLLOW_BEHIND;
    follow_go_on(e, s);
}

static bool may_drain(const struct session *s)
{
    return is_ready(s) && s->stream != NULL && !s->lags;
}

static void serve(struct engine *e, struct account *a, const struct session *but)
{
    struct session *found = NULL;
    if (a->state != ACCOUNT_READY || !owes(a))
        return;
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if (s->follow.drains)
            return;
        if (found == NULL && s != but && may_drain(s))
            found = s;
    }
    if (found != NULL)
        drain(e, found);
}

/* One that another one which drained has left something for. */
static void serve_next(struct engine *e, struct account *a)
{
    struct session *found = NULL;
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if (found == NULL && s->follow.waits && may_drain(s))
            found = s;
    }
    if (found == NULL)
        return;
    found->follow.waits = false;
    if (owes(a))
        drain(e, found);
}

void follow_ready(struct engine *e, struct session *s)
{
    if (s->follow.ready_from == UINT64_MAX)
        s->follow.ready_from = s->account->head;
    if (!owes(s->account))
        tail_drained(e, s->account);
    else
        serve(e, s->account, NULL);
}

static void stop_drain(struct session *s)
{
    s->follow.cursor = follow_position(s);
    s->follow.drains = s->follow.passes = false;
}

void follow_pause(struct engine *e, struct session *s)
{
    struct follow *f = &s->follow;
    bool drained = f->drains;
    stop_reading(e, s);
    stop_drain(s);
    rest(s);
    if (f->state != FOLLOW_LIVE)
        f->state = FOLLOW_BEHIND;
    follow_go_on(e, s);
    if (drained)
        serve(e, s->account, s);
    account_unpark(e, s->account);
}

void follow_known(struct session *s, uint64_t from, uint64_t to)
{
    struct follow *f = &s->follow;
    bool apart = f->known_to == 0 || from > f->known_to + 1 || to + 1 < f->known_from;
    if (apart && to < f->known_to)
        return; /* what is newer counts: it may be owed */
    f->known_from = apart || from < f->known_from ? from : f->known_from;
    f->known_to = apart || to > f->known_to ? to : f->known_to;
}

void follow_stop(struct engine *e, struct session *s)
{
    s->follow.ready_from = UINT64_MAX;
    follow_pause(e, s);
}

void follow_resumed(struct engine *e, struct session *s)
{
    land(e, s); /* it knows its id, which was written behind all that */
    if (is_ready(s))
        serve(e, s->account, NULL);
    follow_go_on(e, s);
}

void follow_forget(struct engine *e, struct session *s)
{
    stop_reading(e, s);
    forget_reading(s);
}

void follow_end(struct engine *e, struct session *s)
{
    struct follow *f = &s->follow;
    stop_reading(e, s);
    f->drains = f->passes = false;
    f->state = FOLLOW_BEHIND;
    tail_orphans(e, s->account, follow_flying(s));
    forget_reading(s);
    serve(e, s->account, s);
    account_unpark(e, s->account);
}
