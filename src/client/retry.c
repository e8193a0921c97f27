/* The end of a connection: why, and what comes next. A lost one is made again with capped
 * exponential back-off and jitter (RFC 6120 section 3.3); what would fail again the same way is not
 * tried again, unless there was a session before and nothing was sent to what is there now. What a
 * session that cannot be resumed leaves behind is told to whom it concerns. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/why.h"

enum {
    END_MS = 5000,     /* the server's end of the stream is awaited */
    STEADY_MS = 10000, /* a session of that age has succeeded: the next wait is the first one */
    LATER_TRIES = 4,   /* where patience is asked for: as after so many tries */
    TRIES_MAX = 64,
    BAD_XML_MAX = 2, /* then resuming would only bring the same again (V20) */
};

/* Cuts between characters. */
static void copy_text(char *to, size_t cap, struct slice from)
{
    size_t len = from.len < cap - 1 ? from.len : cap - 1;
    while (len > 0 && len < from.len && ((unsigned char)from.ptr[len] & 0xc0) == 0x80)
        len--;
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

static void record(struct burble *c, enum burble_why why, const char *condition, const char *text)
{
    if (c->state == BURBLE_LEAVING && c->ending.why == BURBLE_WHY_LEFT)
        return; /* the program has asked for it: what happens on the way out is of no interest */
    if (c->wish == WISH_LEAVE || c->wish == WISH_SUSPEND) {
        why = BURBLE_WHY_LEFT;
        condition = text = NULL;
    }
    if (text == NULL || *text == '\0')
        text = why_text(why);
    copy_text(c->ending_text, sizeof(c->ending_text), slice_z(text));
    copy_text(c->ending_condition, sizeof(c->ending_condition), slice_z(condition));
    c->ending = (struct burble_state_event){
        .why = why,
        .text = c->ending_text,
        .condition = condition != NULL ? c->ending_condition : NULL,
    };
}

void client_fail(struct burble *c, enum burble_why why, const char *condition, const char *text)
{
    record(c, why, condition, text);
    client_ended(c);
}

static bool is_open(const struct burble *c)
{
    return c->link.state == LINK_OPEN && c->stream.state != STREAM_NONE &&
           c->stream.state != STREAM_CLOSED;
}

/* Ends what is open, and waits a moment for the server to do the same. */
static void close_in_order(struct burble *c)
{
    if (!is_open(c)) {
        client_ended(c);
        return;
    }
    stream_close(c);
    client_link_end(c);
    client_timer_set(c, &c->phase_timer, c->now.mono_ms + END_MS);
}

void client_fail_stream_app(struct burble *c, enum burble_why why, struct slice stream_error,
                            struct slice app, const char *text)
{
    struct buf b = {0};
    record(c, why, NULL, text);
    if (is_open(c)) {
        buf_lit(&b, "<stream:error><");
        buf_add(&b, stream_error);
        buf_lit(&b, " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
        buf_add(&b, app);
        buf_lit(&b, "</stream:error>");
        client_link_write_built(c, &b);
    }
    close_in_order(c);
}

void client_fail_stream(struct burble *c, enum burble_why why, struct slice stream_error,
                        const char *text)
{
    client_fail_stream_app(c, why, stream_error, SLICE_NONE, text);
}

void client_fail_closing(struct burble *c, enum burble_why why, const char *condition,
                         const char *text)
{
    record(c, why, condition, text);
    close_in_order(c);
}

static void drop_connection(struct burble *c)
{
    client_timer_stop(&c->phase_timer);
    client_timer_stop(&c->alive_timer);
    client_timer_stop(&c->ask_timer);
    auth_stop(c);
    c->auth.mechanism[0] = '\0';
    client_link_drop(c);
    stream_reset(c);
    c->outbox_held = false;
}

/* ------------------------------------------------------------------------- what the server says */

static void sent_away(struct burble *c, enum burble_why why, struct slice where)
{
    struct buf b = {0};
    struct slice shown = slice_of(where.ptr, where.len < 300 ? where.len : 300);
    bool around = why == BURBLE_WHY_REDIRECT && c->dial.hops >= DIAL_HOPS;
    (void)buf_printf(&b,
                     around ? "the server sends us around, now to \"%.*s\""
                            : "the server sends us to \"%.*s\"",
                     SLICE_ARG(shown));
    buf_byte(&b, '\0');
    client_fail(c, why, "see-other-host", b.failed ? NULL : buf_slice(&b).ptr);
    buf_free(&b);
}

/* A session of that age has succeeded. */
static bool is_steady(const struct burble *c)
{
    return c->online_ms != 0 && c->now.mono_ms - c->online_ms >= STEADY_MS;
}

/* RFC 6120 section 4.9.3.19, at any time. Before a session stands it is a step of the search; a
 * session ends with it, is lost like others, and the next search begins at that place. */
static void see_other_host(struct burble *c, struct slice where)
{
    if (is_steady(c))
        c->dial.hops = 0;
    if (c->dial.run != NULL && dial_redirect(c, where)) {
        drop_connection(c);
        dial_follow(c);
    } else if (c->dial.run == NULL && dial_move(c, where)) {
        sent_away(c, BURBLE_WHY_STREAM_ERROR, where);
    } else {
        c->later = true;
        sent_away(c, BURBLE_WHY_REDIRECT, where);
    }
}

static bool had_session(const struct burble *c)
{
    return c->stream.state == STREAM_READY || c->stream.state == STREAM_ENABLE ||
           c->state == BURBLE_ONLINE || c->state == BURBLE_LEAVING;
}

void retry_stream_error(struct burble *c, struct slice condition, struct slice text,
                        struct slice where)
{
    const struct why_condition *known = why_condition(condition);
    struct buf b = {0};
    char name[64];
    copy_text(name, sizeof(name), condition);
    if (strcmp(name, "see-other-host") == 0 && c->wanted && c->stream.state != STREAM_CLOSED) {
        see_other_host(c, where);
        return;
    }
    buf_add(&b, slice_z(known->text));
    if (known->name.len == 0 || known->next == WHY_BLAME)
        (void)buf_printf(&b, " (%s)", name);
    if (text.len > 0)
        (void)buf_printf(&b, ": %.*s", SLICE_ARG(text));
    buf_byte(&b, '\0');
    if (known->next == WHY_NEVER)
        client_sm_forget(c);
    if (known->next == WHY_BLAME && had_session(c))
        c->outbox_blamed = true;
    c->later = known->next == WHY_LATER || known->next == WHY_BLAME;
    client_fail(c, known->why, name, b.failed ? known->text : buf_slice(&b).ptr);
    buf_free(&b);
}

/* The session may be over with it or not: an attempt to resume it costs nothing, and tells what the
 * server has of what we sent. */
void retry_stream_closed(struct burble *c)
{
    bool ours = c->stream.state == STREAM_CLOSED;
    if (ours) {
        client_ended(c);
        return;
    }
    client_fail_closing(c, BURBLE_WHY_LOST, NULL, "the server ended the stream");
}

void retry_login(struct burble *c)
{
    bool external_refused = c->auth.external_refused;
    drop_connection(c);
    dial_stop(c);
    c->auth.external_refused = external_refused;
    dial_begin(c);
}

/* ------------------------------------------------------------------------------- what comes next
 */

static uint32_t wait_ms(struct burble *c)
{
    uint64_t wait = c->setup.config.retry_first_ms;
    for (uint32_t i = 1; i < c->tries && wait < c->setup.config.retry_max_ms; i++)
        wait *= 2;
    if (wait > c->setup.config.retry_max_ms)
        wait = c->setup.config.retry_max_ms;
    return (uint32_t)(wait / 2 + rng_u64(&c->rng) % (wait / 2 + 1));
}

void client_gone(struct burble *c)
{
    c->session = false;
    c->presence_due = false;
    client_iq_gone(c);
    EXTENSIONS_WITH(gone, x, c)
    {
        x->ops->gone(x);
    }
}

/* Counts what went wrong in a row. */
static void count(struct burble *c, enum burble_why why, bool stood)
{
    if (stood && is_steady(c))
        c->tries = c->bad_xml = 0;
    c->online_ms = 0;
    if (why == BURBLE_WHY_BAD_XML)
        c->bad_xml++;
    if (c->tries < TRIES_MAX)
        c->tries++;
    if (c->later && c->tries < LATER_TRIES)
        c->tries = LATER_TRIES;
    c->later = false;
}

/* Who was let in a minute ago need not give up because of a place that is odd now: a portal before
 * the network, a certificate that was renewed too late, a server that is being set up again.
 * Nothing was sent there, so trying again is safe. */
static bool may_pass(const struct burble *c, enum burble_why why, bool early)
{
    bool odd = early && (dial_worth(why) || why == BURBLE_WHY_NO_SERVICE);
    return c->stood && (odd || why == BURBLE_WHY_REDIRECT);
}

static bool stays(const struct burble *c, enum burble_why why, bool early)
{
    return c->wanted && (!burble_why_permanent(why) || may_pass(c, why, early)) &&
           (c->setup.config.flags & BURBLE_NO_RECONNECT) == 0;
}

/* The state is the new one while others are told; the event is the last that they hear. */
static void over(struct burble *c, struct burble_state_event *e, bool early)
{
    e->before = c->state;
    c->wanted = stays(c, e->why, early);
    c->wish = WISH_NONE;
    e->state = c->state = c->wanted ? BURBLE_WAITING : BURBLE_OFFLINE;
    bool kept = c->wanted || c->suspended;
    if (!kept || c->bad_xml >= BAD_XML_MAX)
        client_sm_forget(c);
    if (c->wanted) {
        e->retry_ms = wait_ms(c);
        client_timer_set(c, &c->retry_timer, c->now.mono_ms + e->retry_ms);
    } else {
        c->tries = c->bad_xml = 0;
    }
    if (!client_sm_can_resume(c) && (c->session || c->request_count > 0))
        client_gone(c);
    if (!kept)
        outbox_clear(c, ERR_CLOSED);
    if (client_sm_can_resume(c))
        client_sm_keep(c); /* the server will hear of all that came */
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_STATE, .state = e});
}

void client_ended(struct burble *c)
{
    bool stood = had_session(c);
    bool early = !c->stream.authenticated && !stood;
    if (c->ending.why == BURBLE_WHY_NONE)
        record(c, BURBLE_WHY_LOST, NULL, NULL);
    struct burble_state_event e = c->ending;
    c->ending = (struct burble_state_event){0};
    drop_connection(c);
    client_timer_stop(&c->retry_timer);
    if (early && c->wanted && dial_again(c, &e))
        return;
    dial_stop(c);
    client_sm_lost(c);
    count(c, e.why, stood);
    over(c, &e, early);
}
