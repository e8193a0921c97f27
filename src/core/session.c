/* Sessions: bound resources, and what happens when a peer does not read (L13). */
#include "core/session.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/copy.h"
#include "core/hooks.h"
#include "core/lag.h"
#include "core/presence.h"
#include "core/router.h"
#include "core/service/keep.h"
#include "core/sm.h"
#include "core/trace.h"
#include "xmpp/ns.h"

struct session *session_find(const struct account *a, struct slice resource)
{
    for (struct list *it = a->sessions.next; it != &a->sessions; it = it->next) {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if (slice_eq(jid_resource(&s->jid), resource))
            return s;
    }
    return NULL;
}

bool session_shows_itself_to(const struct session *s, const struct jid *who)
{
    struct slice all = session_directed(s);
    while (all.len > 0) {
        struct jid jid;
        size_t end = slice_find(all, '\0');
        if (jid_from_prepared(slice_of(all.ptr, end), &jid) && jid_bare_eq(&jid, who))
            return true;
        all = slice_from(all, end + 1);
    }
    return false;
}

struct session *session_new(struct engine *e, struct account *a, struct c2s *stream,
                            struct slice resource)
{
    struct slice bare = jid_bare(&a->jid);
    struct session *s = mem_alloc(sizeof(*s) + bare.len + 1 + resource.len);
    memcpy(s->text, bare.ptr, bare.len);
    s->text[bare.len] = '/';
    memcpy(s->text + bare.len + 1, resource.ptr, resource.len);
    s->jid = a->jid;
    s->jid.text = s->text;
    s->jid.resource_len = (uint16_t)resource.len;
    s->account = a;
    s->stream = stream;
    s->handle = handle_new(&e->sessions, s);
    s->since_ms = e->now.wall_ms;
    list_push(&a->sessions, &s->link);
    a->session_count++;
    e->session_count++;
    account_use(e, a);
    follow_begin(s);
    return s;
}

/* What is left of it in memory. */
static void drop(struct engine *e, struct session *s)
{
    struct account *a = s->account;
    handle_drop(&e->sessions, s->handle);
    presence_unhold(s);
    session_set_directed(s, SLICE_NONE);
    session_lag_drop(s);
    mem_free(s->presence);
    mem_free(s);
    account_release(e, a);
}

void session_end(struct engine *e, struct session **session)
{
    struct session *s = *session;
    if (s == NULL)
        return;
    *session = NULL;
    struct account *a = s->account;
    if (s->stream != NULL)
        s->stream->session = NULL;
    s->stream = NULL;
    list_remove(&s->link);
    a->session_count--;
    e->session_count--;
    presence_session_ended(e, s);
    hooks_session_ended(e, s);
    a->last_seen_ms = e->now.wall_ms;
    if (s->sm != NULL)
        sm_end(e, s);
    follow_end(e, s);
    drop(e, s);
}

void session_forget(struct engine *e, struct session **session)
{
    struct session *s = *session;
    *session = NULL;
    CHECK(s->stream == NULL);
    list_remove(&s->link);
    s->account->session_count--;
    e->session_count--;
    if (s->sm != NULL)
        sm_forget(e, s);
    follow_forget(e, s);
    drop(e, s);
}

void session_leave(struct engine *e, struct session **session)
{
    struct session *s = *session;
    if (s == NULL)
        return;
    if (!sm_resumable(s)) {
        session_end(e, session);
        return;
    }
    *session = NULL;
    if (s->stream != NULL)
        s->stream->session = NULL;
    s->stream = NULL;
    s->inactive = false; /* a stream that takes it up begins active */
    session_lag_end(s);
    sm_hibernate(e, s);
    follow_pause(e, s);
}

void session_settle(struct engine *e, struct session *s, const struct origin *origin)
{
    CHECK(s->unsettled > 0 && s->unsettled_bytes >= origin->bytes);
    struct c2s *stream = s->stream;
    bool could = stream != NULL && c2s_can_read(stream);
    s->unsettled--;
    s->unsettled_bytes -= origin->bytes;
    if (s->sm != NULL && origin->serial != 0)
        sm_settle(e, s, origin);
    if (stream != NULL && !could && c2s_can_read(stream))
        stream->link->ops->resume(stream->link);
}

void session_log(struct engine *e, const struct session *s, enum log_level level, const char *event,
                 const char *cond)
{
    if (s->stream != NULL) {
        c2s_log(s->stream, level, event, cond);
        return;
    }
    struct log_line l;
    log_begin(&l, e->log, level, event);
    log_str(&l, "jid", jid_full(&s->jid));
    if (cond != NULL)
        log_z(&l, "cond", cond);
    log_end(&l);
}

static void written(struct engine *e, struct session *s)
{
    e->counters.stanzas_out++;
    c2s_written(s->stream);
    const struct link *l = s->stream->link;
    if (!s->lags && l->ops->backlog(l) > e->config->limits.output_bytes)
        session_lag_begin(e, s);
}

/* Answers to what the client sent itself are not lost because it lags: they are no more than its
 * credit, it is not read meanwhile, and what strangers make up ends at twice L13. */
static bool may_answer(const struct engine *e, const struct session *s, const struct stanza *st)
{
    const struct link *l = s->stream->link;
    return (st->type == TYPE_RESULT || st->type == TYPE_ERROR) &&
           l->ops->backlog(l) < 2 * (size_t)e->config->limits.output_bytes;
}

static bool is_bound(const struct session *s)
{
    return s->stream != NULL && s->stream->state == C2S_BOUND;
}

/* Is what is sent now the next thing that the client gets? */
static bool is_up_to_date(const struct session *s)
{
    return is_bound(s) && (s->sm == NULL || !s->sm->replays);
}

/* To a client that hibernates, or has just come back: it gets it later. Nobody waits for the news
 * that somebody was typing. */
static bool keep_volatile(struct engine *e, struct session *s, const struct stanza *st)
{
    struct buf bytes = {0};
    if (s->sm == NULL)
        return false;
    if (session_keep_presence(e, s, st))
        return true;
    if (st->kind == STANZA_MESSAGE && keep_of(st) == KEEP_SIGNAL)
        return false;
    stanza_write(&bytes, st, NULL, SLICE_NONE);
    bool must = st->type == TYPE_RESULT || st->type == TYPE_ERROR || !jid_some(&st->from);
    bool kept = !bytes.failed && sm_keep(e, s, st, buf_slice(&bytes), must);
    buf_free(&bytes);
    return kept;
}

/* XEP-0352: presence waits, the newest of each sender; that somebody was typing is no news later.
 * True: nothing is to be sent now. */
static bool wait_for_active(struct engine *e, struct session *s, const struct stanza *st)
{
    uint32_t max = e->config->limits.inactive_bytes;
    if (max > 0 && session_keep_presence(e, s, st)) {
        if (session_kept(s).len > max)
            session_flush_presence(e, s);
        return true;
    }
    return st->kind == STANZA_MESSAGE && keep_of(st) == KEEP_SIGNAL;
}

bool session_send(struct engine *e, struct session *s, const struct stanza *st)
{
    if (!is_up_to_date(s))
        return keep_volatile(e, s, st);
    if (s->inactive) {
        if (wait_for_active(e, s, st))
            return true;
        session_flush_presence(e, s);
    }
    bool full = s->sm != NULL && !sm_has_room(e, s);
    if ((s->lags || full) && !may_answer(e, s, st))
        return session_keep_presence(e, s, st);
    struct buf *out = &s->stream->link->out;
    size_t at = buf_len(out);
    stanza_write(out, st, NULL, SLICE_NONE);
    if (s->sm != NULL)
        sm_sent(e, s, st, slice_from(buf_slice(out), at));
    if (st->kind == STANZA_MESSAGE)
        trace_note(e, TRACE_HANDED, st->id, 0, jid_full(&s->jid));
    if (s->sm != NULL)
        sm_ask(e, s);
    written(e, s);
    return true;
}

void session_send_bytes(struct engine *e, struct session *s, struct slice bytes)
{
    if (!is_up_to_date(s)) {
        if (s->sm != NULL)
            (void)sm_keep(e, s, NULL, bytes, false);
        return;
    }
    if (s->inactive)
        session_flush_presence(e, s);
    buf_add(&s->stream->link->out, bytes);
    if (s->sm != NULL)
        sm_sent(e, s, NULL, bytes);
    if (s->sm != NULL)
        sm_ask(e, s);
    written(e, s);
}

bool session_takes_entries(const struct session *s)
{
    return is_up_to_date(s) && !s->lags && (s->sm == NULL || sm_has_room(s->stream->e, s));
}

bool session_send_entry(struct engine *e, struct session *s, const struct log_entry *entry,
                        enum role role)
{
    if (s->inactive)
        session_flush_presence(e, s);
    if (!session_takes_entries(s))
        return false;
    if (s->sm != NULL)
        sm_sent_entry(e, s, entry, role);
    copy_write(s, entry, role, &s->stream->link->out);
    trace_note(e, role == ROLE_MESSAGE ? TRACE_HANDED : TRACE_COPIED, entry->stanza.id,
               entry->position, jid_full(&s->jid));
    if (s->sm != NULL)
        sm_ask(e, s);
    written(e, s);
    return true;
}

void session_send_copy(struct engine *e, struct session *s, const struct log_entry *entry,
                       enum role role)
{
    struct buf bytes = {0};
    if (is_bound(s) && !session_takes_entries(s))
        return;
    if (s->inactive && keep_of(&entry->stanza) == KEEP_SIGNAL)
        return;
    copy_write(s, entry, role, &bytes);
    trace_note(e, TRACE_COPIED, entry->stanza.id, 0, jid_full(&s->jid));
    session_send_bytes(e, s, buf_slice(&bytes));
    buf_free(&bytes);
}

void session_set_carbons(struct engine *e, struct session *s, bool on)
{
    if (s->carbons == on)
        return;
    s->carbons = on;
    s->follow.carbons_from = on ? s->account->head : UINT64_MAX;
    if (s->sm != NULL)
        sm_state_changed(e, s);
}

void session_push(struct engine *e, struct session *s, struct slice payload)
{
    char id[12];
    rng_token(e->rng, id, sizeof(id));
    struct stanza st = {
        .kind = STANZA_IQ,
        .type = TYPE_SET,
        .id = slice_of(id, sizeof(id)),
        .to = s->jid,
        .payload = payload,
        .packed = true,
    };
    /* A push that a lagging client cannot take would leave it with a wrong roster: it is written
     * all the same; such changes are the user's own and few. */
    if (!s->lags) {
        session_send(e, s, &st);
        return;
    }
    struct buf bytes = {0};
    stanza_write(&bytes, &st, NULL, SLICE_NONE);
    session_send_bytes(e, s, buf_slice(&bytes));
    buf_free(&bytes);
}

void session_flush_presence(struct engine *e, struct session *s)
{
    struct stanza st;
    size_t at = 0;
    bool inactive = s->inactive;
    if (s->lags || !is_up_to_date(s))
        return; /* later */
    struct buf kept = session_take_kept(s);
    s->inactive = false;
    while (lag_next(&kept, &at, &st))
        session_send(e, s, &st);
    s->inactive = inactive;
    buf_free(&kept);
}

void session_set_inactive(struct engine *e, struct session *s, bool inactive)
{
    s->inactive = inactive;
    if (!inactive)
        session_flush_presence(e, s);
}

void session_drained(struct engine *e, struct session *s)
{
    if (s->lags) {
        session_lag_end(s);
        if (!s->inactive)
            session_flush_presence(e, s);
    }
    if (s->sm != NULL)
        sm_replay(e, s);
    follow_taken(e, s);
    hooks_session_drained(e, s);
}

size_t session_room(const struct engine *e, const struct session *s)
{
    if (!session_takes_entries(s))
        return 0;
    return s->sm != NULL ? sm_room(e, s) : SIZE_MAX;
}

size_t session_backlog(const struct session *s)
{
    return s->stream != NULL ? s->stream->link->ops->backlog(s->stream->link) : 0;
}

void session_watch(struct session *s)
{
    if (s->stream != NULL)
        s->stream->link->watched = true;
}

uint64_t session_stream(const struct session *s)
{
    return s->stream != NULL ? s->stream->handle : 0;
}
