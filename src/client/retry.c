/* The end of a connection: why, and what comes next. A lost one is made again with capped
 * exponential back-off and jitter; what would fail again the same way is not tried again. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "xmpp/error.h"

enum { LEAVE_MS = 5000 };

bool burble_why_permanent(enum burble_why why)
{
    return why <= BURBLE_WHY_REGISTRATION;
}

static const char *const WHY_TEXT[] = {
    [BURBLE_WHY_NONE] = "",
    [BURBLE_WHY_LEFT] = "disconnected",
    [BURBLE_WHY_PASSWORD] = "the server refused the login: is the password right?",
    [BURBLE_WHY_NO_MECHANISM] = "the server offers no way to log in that is acceptable",
    [BURBLE_WHY_DOWNGRADE] = "the server offers less than before: somebody may be tampering",
    [BURBLE_WHY_UNPROVEN] = "the server could not prove that it knows the password",
    [BURBLE_WHY_CERTIFICATE] = "the server's certificate is not acceptable",
    [BURBLE_WHY_NO_TLS] = "the server offers no encryption",
    [BURBLE_WHY_CONFLICT] = "another client has taken this resource",
    [BURBLE_WHY_HOST_UNKNOWN] = "the server does not serve this domain",
    [BURBLE_WHY_NO_SERVICE] = "the domain says that it has no XMPP service",
    [BURBLE_WHY_REDIRECT] = "the server sends us somewhere that is not acceptable",
    [BURBLE_WHY_MEMORY] = "out of memory",
    [BURBLE_WHY_REGISTRATION] = "the account could not be made",
    [BURBLE_WHY_DNS] = "the name could not be looked up",
    [BURBLE_WHY_UNREACHABLE] = "the server cannot be reached",
    [BURBLE_WHY_PROXY] = "the proxy refused",
    [BURBLE_WHY_TIMEOUT] = "the server did not answer in time",
    [BURBLE_WHY_LOST] = "the connection was lost",
    [BURBLE_WHY_TLS] = "TLS failed",
    [BURBLE_WHY_NOT_XMPP] = "what answers there does not speak XMPP",
    [BURBLE_WHY_BAD_XML] = "the server sent XML that is damaged or not permitted",
    [BURBLE_WHY_STREAM_ERROR] = "the server ended the stream",
    [BURBLE_WHY_LOGIN] = "the server cannot check the login now",
    [BURBLE_WHY_BIND] = "the server gave no resource",
};

static void copy_text(char *to, size_t cap, struct slice from)
{
    size_t len = from.len < cap - 1 ? from.len : cap - 1;
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

static void record(struct burble *c, enum burble_why why, const char *condition, const char *text)
{
    if (text == NULL || *text == '\0')
        text = WHY_TEXT[why];
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

/* Ends what is open, and waits a moment for the server to do the same. */
static void close_in_order(struct burble *c)
{
    if (c->link.state != LINK_OPEN || c->stream.state == STREAM_NONE ||
        c->stream.state == STREAM_CLOSED) {
        client_ended(c);
        return;
    }
    stream_close(c);
    client_link_end(c);
    client_timer_set(c, &c->phase_timer, c->now.mono_ms + LEAVE_MS);
}

void client_fail_stream(struct burble *c, enum burble_why why, struct slice stream_error,
                        const char *text)
{
    struct buf b = {0};
    record(c, why, NULL, text);
    if (c->link.state == LINK_OPEN && c->stream.state != STREAM_NONE &&
        c->stream.state != STREAM_CLOSED) {
        buf_lit(&b, "<stream:error><");
        buf_add(&b, stream_error);
        buf_lit(&b, " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
        client_link_write(c, buf_slice(&b));
        buf_free(&b);
    }
    close_in_order(c);
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
    auth_stop(c);
    client_link_drop(c);
    stream_reset(c);
}

static void not_there(struct burble *c, struct slice where)
{
    struct buf b = {0};
    struct slice shown = slice_of(where.ptr, where.len < 300 ? where.len : 300);
    (void)buf_printf(&b,
                     c->dial.hops >= DIAL_HOPS ? "the server sends us around, now to \"%.*s\""
                                               : "the server sends us to \"%.*s\"",
                     SLICE_ARG(shown));
    buf_byte(&b, '\0');
    client_fail(c, BURBLE_WHY_REDIRECT, "see-other-host", b.failed ? NULL : buf_slice(&b).ptr);
    buf_free(&b);
}

void retry_stream_error(struct burble *c, struct slice condition, struct slice text,
                        struct slice where)
{
    static const struct {
        const char *condition;
        enum burble_why why;
    } REASONS[] = {
        {"conflict", BURBLE_WHY_CONFLICT},
        {"host-unknown", BURBLE_WHY_HOST_UNKNOWN},
        {"host-gone", BURBLE_WHY_HOST_UNKNOWN},
    };
    struct buf b = {0};
    char name[64];
    copy_text(name, sizeof(name), condition);
    enum burble_why why = BURBLE_WHY_STREAM_ERROR;
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++)
        if (strcmp(REASONS[i].condition, name) == 0)
            why = REASONS[i].why;
    if (strcmp(name, "see-other-host") == 0 && !c->stream.authenticated) {
        if (dial_redirect(c, where)) {
            drop_connection(c);
            dial_follow(c);
        } else {
            not_there(c, where);
        }
        return;
    }
    if (why == BURBLE_WHY_STREAM_ERROR || text.len > 0) {
        (void)buf_printf(&b, "the server ended the stream: %s", name);
        if (text.len > 0)
            (void)buf_printf(&b, " (%.*s)", SLICE_ARG(text));
        buf_byte(&b, '\0');
    }
    if (why == BURBLE_WHY_CONFLICT || why == BURBLE_WHY_HOST_UNKNOWN)
        client_sm_forget(c);
    client_fail(c, why, name, b.failed || b.ptr == NULL ? NULL : buf_slice(&b).ptr);
    buf_free(&b);
}

void retry_stream_closed(struct burble *c)
{
    bool ours = c->stream.state == STREAM_CLOSED;
    stream_close(c);
    client_link_end(c);
    if (!ours) {
        record(c, BURBLE_WHY_LOST, NULL, "the server ended the stream");
        client_sm_forget(c);
    }
    client_timer_set(c, &c->phase_timer, c->now.mono_ms + LEAVE_MS);
    if (ours)
        client_ended(c);
}

static uint32_t wait_ms(struct burble *c)
{
    uint64_t wait = c->setup.config.retry_first_ms;
    for (uint32_t i = 1; i < c->tries && wait < c->setup.config.retry_max_ms; i++)
        wait *= 2;
    if (wait > c->setup.config.retry_max_ms)
        wait = c->setup.config.retry_max_ms;
    return (uint32_t)(wait / 2 + rng_u64(&c->rng) % (wait / 2 + 1));
}

static void retry_now(struct burble *c, struct client_timer *t)
{
    (void)t;
    dial_begin(c);
}

void client_gone(struct burble *c)
{
    client_iq_gone(c);
    LIST_EACH(it, &c->extensions)
    {
        struct client_extension *x = CONTAINER_OF(it, struct client_extension, link);
        if (!x->retired && x->ops->gone != NULL)
            x->ops->gone(x);
    }
}

static void session_lost(struct burble *c)
{
    LIST_EACH(it, &c->extensions)
    {
        struct client_extension *x = CONTAINER_OF(it, struct client_extension, link);
        if (!x->retired && x->ops->lost != NULL)
            x->ops->lost(x);
    }
}

static bool had_session(const struct burble *c)
{
    return c->stream.state == STREAM_READY || c->stream.state == STREAM_ENABLE ||
           c->state == BURBLE_ONLINE || c->state == BURBLE_LEAVING;
}

void client_ended(struct burble *c)
{
    bool stood = had_session(c);
    bool early = !c->stream.authenticated && !stood;
    struct burble_state_event e = c->ending;
    if (e.why == BURBLE_WHY_NONE) {
        record(c, BURBLE_WHY_LOST, NULL, NULL);
        e = c->ending;
    }
    c->ending = (struct burble_state_event){0};
    drop_connection(c);
    if (early && c->wanted && dial_again(c, &e))
        return;
    dial_stop(c);
    c->sm.on = false;
    c->sm.asked = false;
    if (e.why == BURBLE_WHY_LEFT && !c->suspended)
        client_sm_forget(c);
    if (burble_why_permanent(e.why) || (c->setup.config.flags & BURBLE_NO_RECONNECT) != 0)
        c->wanted = false;
    if (stood)
        session_lost(c);
    if (!client_sm_can_resume(c))
        client_gone(c);
    if (!c->wanted) {
        if (!c->suspended)
            outbox_clear(c, ERR_CLOSED);
        c->tries = 0;
        client_change_state(c, BURBLE_OFFLINE, &e);
        return;
    }
    c->tries++;
    e.retry_ms = wait_ms(c);
    c->retry_timer.fire = retry_now;
    client_timer_set(c, &c->retry_timer, c->now.mono_ms + e.retry_ms);
    client_change_state(c, BURBLE_WAITING, &e);
}

static void too_late(struct burble *c, struct client_timer *t)
{
    (void)t;
    if (c->stream.state == STREAM_CLOSED || c->link.state == LINK_ENDING)
        client_ended(c);
    else if (!dial_patience(c))
        client_fail(c, BURBLE_WHY_TIMEOUT, NULL, NULL);
}

static void begin_now(struct burble *c, struct client_timer *t)
{
    (void)t;
    dial_begin(c);
}

int burble_connect(struct burble *c)
{
    if (c->state != BURBLE_OFFLINE && c->state != BURBLE_WAITING)
        return ERR_BUSY;
    c->wanted = true;
    c->suspended = false;
    c->phase_timer.fire = too_late;
    /* Not from inside of this call: callbacks come from burble_feed alone. */
    c->retry_timer.fire = begin_now;
    client_timer_set(c, &c->retry_timer, 0);
    client_wake(c);
    return 0;
}

static void leave(struct burble *c, struct client_timer *t)
{
    (void)t;
    bool flows = c->state == BURBLE_ONLINE && c->link.state == LINK_OPEN;
    record(c, BURBLE_WHY_LEFT, NULL, NULL);
    if (!flows || c->suspended) {
        if (c->suspended)
            client_sm_say_count(c);
        client_ended(c);
        return;
    }
    client_sm_say_count(c);
    stream_close(c);
    client_change_state(c, BURBLE_LEAVING, NULL);
    client_timer_set(c, &c->phase_timer, c->now.mono_ms + LEAVE_MS);
}

static void end_soon(struct burble *c, bool suspended)
{
    if (c->state == BURBLE_OFFLINE && !list_linked(&c->retry_timer.link))
        return;
    c->wanted = false;
    c->suspended = suspended;
    c->retry_timer.fire = leave;
    client_timer_set(c, &c->retry_timer, 0);
    client_wake(c);
}

void burble_disconnect(struct burble *c)
{
    end_soon(c, false);
}

void burble_suspend(struct burble *c)
{
    end_soon(c, true);
}
