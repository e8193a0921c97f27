/* What few sessions have, or for a while: their last presence, whom they directed presence to, and
 * what waits for a client that does not read, or is told less. */
#include "base/mem.h"
#include "core/c2s.h"
#include "core/lag.h"
#include "core/session.h"

/* ------------------------------------------------------------------------------- own presence */

struct slice session_presence(const struct session *s)
{
    const struct session_presence *p = s->presence;
    return p != NULL ? slice_of(p->text, p->payload_len) : SLICE_NONE;
}

struct slice session_presence_lang(const struct session *s)
{
    const struct session_presence *p = s->presence;
    return p != NULL ? slice_of(p->text + p->payload_len, p->lang_len) : SLICE_NONE;
}

void session_set_presence(struct session *s, struct slice payload, struct slice lang)
{
    mem_free(s->presence);
    s->presence = NULL;
    if (payload.len + lang.len == 0)
        return;
    s->presence = mem_alloc(sizeof(*s->presence) + payload.len + lang.len);
    s->presence->payload_len = (uint32_t)payload.len;
    s->presence->lang_len = (uint32_t)lang.len;
    if (payload.len > 0)
        memcpy(s->presence->text, payload.ptr, payload.len);
    if (lang.len > 0)
        memcpy(s->presence->text + payload.len, lang.ptr, lang.len);
}

struct slice session_directed(const struct session *s)
{
    return s->directed != NULL ? buf_slice(s->directed) : SLICE_NONE;
}

void session_set_directed(struct session *s, struct slice addresses)
{
    struct buf *directed = NULL;
    if (addresses.len > 0) {
        directed = mem_new(struct buf);
        buf_add(directed, addresses);
    }
    if (s->directed != NULL)
        buf_free(s->directed);
    mem_free(s->directed);
    s->directed = directed;
}

/* ------------------------------------------------------------------------ presence that waits */

static void expired(struct timer *t, void *ctx)
{
    (void)ctx;
    const struct session *s = CONTAINER_OF(t, struct session_lag, timer)->session;
    c2s_log(s->stream, LOG_WARNING, "conn.slow", "resource-constraint");
    c2s_error(s->stream, STREAM_RESOURCE_CONSTRAINT, SLICE("the connection is not read"),
              SLICE_NONE);
}

static struct session_lag *lag_of(struct session *s)
{
    if (s->lag == NULL) {
        s->lag = mem_new(struct session_lag);
        s->lag->session = s;
        s->lag->timer.fire = expired;
    }
    return s->lag;
}

void session_lag_begin(struct engine *e, struct session *s)
{
    s->lags = true;
    timer_set(&e->timers, &lag_of(s)->timer, e->now.mono_ms + e->config->limits.output_lag_ms);
    c2s_log(s->stream, LOG_WARNING, "conn.slow", NULL);
}

void session_lag_drop(struct session *s)
{
    s->lags = false;
    if (s->lag == NULL)
        return;
    timer_stop(&s->lag->timer);
    buf_free(&s->lag->presence);
    mem_free(s->lag);
    s->lag = NULL;
}

void session_lag_end(struct session *s)
{
    s->lags = false;
    if (s->lag == NULL)
        return;
    timer_stop(&s->lag->timer);
    if (session_kept(s).len == 0)
        session_lag_drop(s);
}

bool session_keep_presence(struct engine *e, struct session *s, const struct stanza *st)
{
    bool status =
        st->kind == STANZA_PRESENCE && (st->type == TYPE_AVAILABLE || st->type == TYPE_UNAVAILABLE);
    if (status)
        lag_keep(&lag_of(s)->presence, e->config->limits.output_bytes, &e->key, st);
    return status;
}

struct slice session_kept(const struct session *s)
{
    return s->lag != NULL ? buf_slice(&s->lag->presence) : SLICE_NONE;
}

struct buf session_take_kept(struct session *s)
{
    struct buf kept = {0};
    if (s->lag != NULL) {
        kept = s->lag->presence;
        s->lag->presence = (struct buf){0};
        session_lag_end(s);
    }
    return kept;
}
