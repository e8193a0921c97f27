/* The stream of a component (XEP-0114, version 1.6): its life, and the table of what is legal when.
 * The proof of the secret is the SHA-1 of stream id and secret in lower-case hexadecimal (section
 * 3); it is compared in constant time, and failures count for the address (L10). */
#include "core/component.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "core/components.h"
#include "xml/writer.h"
#include "xmpp/digest.h"
#include "xmpp/ns.h"
#include "xmpp/secret.h"

enum element { EL_HANDSHAKE, EL_STANZA, EL_UNKNOWN, ELEMENTS };

enum action {
    ACT_NONE, /* cannot happen: the stream is not fed in this state */
    ACT_HANDSHAKE,
    ACT_STANZA,
    ACT_UNAUTHORIZED, /* not-authorized */
    ACT_UNEXPECTED,   /* unsupported-stanza-type */
};

/* What each element does in each state that is fed with elements; all else is ACT_NONE. */
static const enum action TABLE[COMPONENT_STATES][ELEMENTS] = {
    [COMPONENT_SHAKING] = {[EL_HANDSHAKE] = ACT_HANDSHAKE,
                           [EL_STANZA] = ACT_UNAUTHORIZED,
                           [EL_UNKNOWN] = ACT_UNEXPECTED},
    [COMPONENT_READY] =
        {[EL_HANDSHAKE] = ACT_UNEXPECTED, [EL_STANZA] = ACT_STANZA, [EL_UNKNOWN] = ACT_UNEXPECTED},
};

static const struct stream_ops COMPONENT_STREAM;

static struct component *of(struct stream *s)
{
    return CONTAINER_OF(s, struct component, base);
}

static const struct component *at(const struct stream *s)
{
    return (const struct component *)(const void *)((const char *)s -
                                                    offsetof(struct component, base));
}

void component_log(const struct component *c, enum log_level level, const char *event,
                   const char *cond)
{
    struct log_line l;
    log_begin(&l, c->e->log, level, event);
    log_num(&l, "conn", (long long)c->link->conn);
    log_z(&l, "peer", c->link->peer);
    log_str(&l, "component", c->config != NULL ? c->config->name : SLICE("-"));
    if (cond != NULL)
        log_z(&l, "cond", cond);
    log_end(&l);
}

static void op_log(const struct stream *s, enum log_level level, const char *event,
                   const char *cond)
{
    component_log(at(s), level, event, cond);
}

/* --- life --- */

static void deadline_passed(struct timer *t, void *ctx)
{
    (void)ctx;
    struct component *c = CONTAINER_OF(t, struct component, deadline);
    component_log(c, LOG_INFO, "conn.deadline", "connection-timeout");
    component_error(c, STREAM_CONNECTION_TIMEOUT, SLICE("the handshake took too long"), SLICE_NONE);
}

static void lag_expired(struct timer *t, void *ctx)
{
    (void)ctx;
    struct component *c = CONTAINER_OF(t, struct component, lag);
    component_error(c, STREAM_RESOURCE_CONSTRAINT, SLICE("the connection is not read"), SLICE_NONE);
}

static void judge(struct component *c);

static void delay_passed(struct timer *t, void *ctx)
{
    (void)ctx;
    judge(CONTAINER_OF(t, struct component, delay));
}

struct component *component_new(struct engine *e, struct link *link)
{
    struct component *c = mem_new(struct component);
    c->base.ops = &COMPONENT_STREAM;
    c->e = e;
    c->link = link;
    c->deadline.fire = deadline_passed;
    c->delay.fire = delay_passed;
    c->lag.fire = lag_expired;
    list_push(&e->components, &c->all);
    c->deadline_ms = e->now.mono_ms + e->config->limits.login_ms;
    timer_set(&e->timers, &c->deadline, c->deadline_ms);
    e->counters.streams_opened++;
    return c;
}

/* Nothing is read or sent any more. */
static void end(struct component *c)
{
    if (c->state == COMPONENT_READY)
        component_log(c, LOG_INFO, "component.close", NULL);
    c->state = COMPONENT_CLOSED;
    timer_stop(&c->deadline);
    timer_stop(&c->delay);
    timer_stop(&c->lag);
}

static void op_free(struct stream *s)
{
    struct component *c = of(s);
    end(c);
    list_remove(&c->all);
    mem_free(c);
}

static void written(struct component *c)
{
    c->link->ops->dirty(c->link);
}

static void write_header(struct component *c)
{
    struct buf *out = &c->link->out;
    rng_token(c->e->rng, c->id, sizeof(c->id));
    struct slice from = c->config != NULL ? c->config->name : c->e->config->hosts[0].name;
    buf_lit(out, "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
                 "xmlns:stream='http://etherx.jabber.org/streams'");
    xml_write_attr(out, SLICE("id"), slice_of(c->id, sizeof(c->id)));
    xml_write_attr(out, SLICE("from"), from);
    buf_lit(out, ">");
    c->header_sent = true;
    written(c);
}

void component_error(struct component *c, enum stream_error error, struct slice text,
                     struct slice app)
{
    if (c->state == COMPONENT_CLOSED)
        return;
    if (!c->header_sent)
        write_header(c);
    stream_write_error(&c->link->out, error, text, app);
    written(c);
    end(c);
    c->link->ops->close(c->link);
}

static void op_closed_by_peer(struct stream *s)
{
    struct component *c = of(s);
    if (c->state == COMPONENT_CLOSED)
        return;
    buf_lit(&c->link->out, "</stream:stream>");
    written(c);
    end(c);
    c->link->ops->close(c->link);
}

static void op_lost(struct stream *s)
{
    struct component *c = of(s);
    if (c->state == COMPONENT_CLOSED)
        return;
    component_log(c, LOG_INFO, "conn.reset", NULL);
    end(c);
}

static void op_bad_xml(struct stream *s, enum xml_error error, struct slice first_bytes)
{
    struct component *c = of(s);
    struct slice app;
    const char *event;
    enum stream_error name = stream_error_of_xml(error, !c->header_sent, first_bytes, &app, &event);
    component_log(c, LOG_INFO, event, stream_error_name(name).ptr);
    component_error(c, name, SLICE_NONE, app);
}

/* --- opening --- */

static void op_header(struct stream *s, struct xml root, struct slice content_ns)
{
    struct component *c = of(s);
    struct engine *e = c->e;
    struct slice to = xml_attr(root, SLICE("to"));
    struct jid jid = JID_NONE;
    if (!xml_is(root, NS_STREAMS, SLICE("stream")) || !slice_eq(content_ns, NS_COMPONENT)) {
        component_log(c, LOG_INFO, "stream.bad_ns", "invalid-namespace");
        component_error(c, STREAM_INVALID_NAMESPACE, SLICE_NONE, SLICE_NONE);
        return;
    }
    bool good = to.ptr != NULL && jid_parse(to, &e->arena, &jid) == 0 && jid.local_len == 0 &&
                jid.resource_len == 0;
    c->config = good ? config_component(e->config, jid_domain(&jid)) : NULL;
    arena_reset(&e->arena);
    if (c->config == NULL) {
        component_log(c, LOG_WARNING, "stream.host_unknown", "host-unknown");
        component_error(c, STREAM_HOST_UNKNOWN, SLICE("no component of that name is configured"),
                        SLICE_NONE);
        return;
    }
    write_header(c);
    c->state = COMPONENT_SHAKING;
}

/* --- the handshake --- */

static bool proves(const struct component *c, struct slice said)
{
    static const char DIGITS[] = "0123456789abcdef";
    struct buf text = {0};
    uint8_t digest[DIGEST_SHA1_BYTES];
    char hex[2 * DIGEST_SHA1_BYTES];
    buf_reserve(&text, sizeof(c->id) + c->config->secret.len); /* one copy, to be wiped */
    buf_append(&text, c->id, sizeof(c->id));
    buf_add(&text, c->config->secret);
    bool proven = !text.failed && digest_sha1(buf_slice(&text), digest) == 0;
    for (size_t i = 0; proven && i < sizeof(digest); i++) {
        hex[2 * i] = DIGITS[digest[i] >> 4];
        hex[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    proven = proven && secret_equal(said, slice_of(hex, sizeof(hex)));
    mem_wipe(text.ptr, text.cap);
    mem_wipe(digest, sizeof(digest));
    mem_wipe(hex, sizeof(hex));
    buf_free(&text);
    return proven;
}

/* At the owner's shard, where it can be seen whether there is one already: the new one goes. */
static void arrived(struct component *c)
{
    struct component *other = components_find(c->e, c->config->name);
    if (other != NULL) {
        component_log(c, LOG_WARNING, "component.conflict", "conflict");
        component_error(c, STREAM_CONFLICT, SLICE("the component is connected already"),
                        SLICE_NONE);
        return;
    }
    buf_lit(&c->link->out, "<handshake/>");
    written(c);
    c->state = COMPONENT_READY;
    timer_stop(&c->deadline);
    component_log(c, LOG_INFO, "component.open", NULL);
    c->link->ops->widen(c->link);
    c->link->ops->resume(c->link);
}

static void judge(struct component *c)
{
    struct engine *e = c->e;
    const struct core_gate *gate = e->gate;
    if (!c->passed) {
        component_log(c, LOG_WARNING, "auth.fail", "not-authorized");
        e->counters.login_failures++;
        if (gate != NULL)
            gate->login_failed(gate->ctx, c->link->peer, e->now);
        component_error(c, STREAM_NOT_AUTHORIZED, SLICE_NONE, SLICE_NONE);
        return;
    }
    e->counters.logins++;
    if (gate != NULL)
        gate->authenticated(gate->ctx, c->link->conn);
    c->state = COMPONENT_MOVING;
    uint32_t owner = engine_owner(e, c->config->name);
    if (owner == e->shard)
        arrived(c);
    else
        c->link->ops->move(c->link, owner);
}

static void handshake(struct component *c, struct xml x)
{
    struct engine *e = c->e;
    const struct core_gate *gate = e->gate;
    c->passed = proves(c, xml_text(x));
    uint32_t delay_ms = gate != NULL ? gate->login_delay_ms(gate->ctx, c->link->peer, e->now) : 0;
    if (delay_ms == 0) {
        judge(c);
        return;
    }
    c->state = COMPONENT_DELAYED;
    timer_set(&e->timers, &c->delay, e->now.mono_ms + delay_ms);
}

/* Timers and lists belong to an engine: off the old one, onto the new one. */
static void op_detach(struct stream *s)
{
    struct component *c = of(s);
    CHECK(c->state == COMPONENT_MOVING);
    timer_stop(&c->deadline);
    list_remove(&c->all);
    c->e = NULL;
}

static void op_attach(struct stream *s, struct engine *e)
{
    struct component *c = of(s);
    c->e = e;
    list_push(&e->components, &c->all);
    timer_set(&e->timers, &c->deadline, c->deadline_ms);
    c->config = config_component(e->config, c->config->name);
    if (c->config == NULL)
        component_error(c, STREAM_HOST_GONE, SLICE_NONE, SLICE_NONE);
    else if (e->stopping)
        component_error(c, STREAM_SYSTEM_SHUTDOWN, SLICE_NONE, SLICE_NONE);
    else
        arrived(c);
}

/* --- elements --- */

static enum element element_of(struct xml x)
{
    struct slice name = xml_name(x);
    if (!slice_eq(xml_ns(x), NS_CLIENT)) /* as the parser hands out the content namespace */
        return EL_UNKNOWN;
    if (slice_is(name, "handshake"))
        return EL_HANDSHAKE;
    bool stanza = slice_is(name, "message") || slice_is(name, "presence") || slice_is(name, "iq");
    return stanza ? EL_STANZA : EL_UNKNOWN;
}

static void op_element(struct stream *s, struct xml root, size_t bytes)
{
    (void)bytes;
    struct component *c = of(s);
    struct engine *e = c->e;
    switch (TABLE[c->state][element_of(root)]) {
    case ACT_HANDSHAKE:
        handshake(c, root);
        break;
    case ACT_STANZA:
        component_stanza(c, root);
        break;
    case ACT_UNAUTHORIZED:
        component_log(c, LOG_INFO, "stream.unauth", "not-authorized");
        component_error(c, STREAM_NOT_AUTHORIZED, SLICE_NONE, SLICE_NONE);
        break;
    case ACT_UNEXPECTED:
        component_log(c, LOG_INFO, "stream.unexpected", "unsupported-stanza-type");
        component_error(c, STREAM_UNSUPPORTED_STANZA_TYPE, SLICE_NONE, SLICE_NONE);
        break;
    case ACT_NONE:
        UNREACHABLE();
    }
    arena_reset(&e->arena);
}

static bool op_can_read(const struct stream *s)
{
    const struct component *c = at(s);
    return c->state == COMPONENT_OPENING || c->state == COMPONENT_SHAKING ||
           c->state == COMPONENT_READY;
}

static uint32_t op_take_tokens(struct stream *s, size_t n)
{
    struct component *c = of(s);
    const struct limits *l = &c->e->config->limits;
    if (!l->rate || l->rate_bytes_per_s_s2s == 0 || c->state != COMPONENT_READY)
        return 0;
    return stream_take_tokens(&c->spent_until_ms, c->e->now.mono_ms, n, l->rate_bytes_per_s_s2s,
                              l->rate_burst_bytes_s2s);
}

/* --- what goes to it (L13) --- */

bool component_send(struct component *c, const struct stanza *s)
{
    size_t backlog = c->link->ops->backlog(c->link), cap = c->e->config->limits.output_bytes;
    bool answer = s->type == TYPE_RESULT || s->type == TYPE_ERROR;
    CHECK(c->state == COMPONENT_READY);
    /* Answers are no more than what it asked, and while it lags it is not read. */
    if (c->lags && !(answer && backlog < 2 * cap))
        return false;
    stanza_write(&c->link->out, s, NULL, SLICE_NONE);
    c->e->counters.stanzas_out++;
    written(c);
    if (!c->lags && c->link->ops->backlog(c->link) > cap) {
        c->lags = true;
        timer_set(&c->e->timers, &c->lag, c->e->now.mono_ms + c->e->config->limits.output_lag_ms);
        component_log(c, LOG_WARNING, "conn.slow", NULL);
    }
    return true;
}

static void op_drained(struct stream *s)
{
    struct component *c = of(s);
    c->lags = false;
    timer_stop(&c->lag);
}

/* --- what is simple --- */

static void op_injected(struct stream *s)
{
    (void)s;
    UNREACHABLE(); /* there is no STARTTLS */
}

static void op_secured(struct stream *s)
{
    (void)s; /* direct TLS: nothing was written before */
}

static bool op_authenticated(const struct stream *s)
{
    return at(s)->state == COMPONENT_MOVING || at(s)->state == COMPONENT_READY;
}

static bool op_may_lag(const struct stream *s)
{
    return at(s)->state == COMPONENT_READY;
}

static bool op_closed(const struct stream *s)
{
    return at(s)->state == COMPONENT_CLOSED;
}

static const struct stream_ops COMPONENT_STREAM = {
    .free = op_free,
    .can_read = op_can_read,
    .take_tokens = op_take_tokens,
    .header = op_header,
    .element = op_element,
    .closed_by_peer = op_closed_by_peer,
    .lost = op_lost,
    .bad_xml = op_bad_xml,
    .injected = op_injected,
    .secured = op_secured,
    .drained = op_drained,
    .authenticated = op_authenticated,
    .may_lag = op_may_lag,
    .closed = op_closed,
    .detach = op_detach,
    .attach = op_attach,
    .log = op_log,
};
