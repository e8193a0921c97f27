/* Stream management (XEP-0198 version 1.6.3): what was handled on each side, and a session that
 * goes on over a lost connection. */
#include "client/sm.h"

#include <stdlib.h>

#include "client/client.h"

static bool number(struct slice text, uint32_t *out)
{
    unsigned long long n;
    if (!slice_to_u64(text, &n) || n > UINT32_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

bool client_sm_can_resume(const struct burble *c)
{
    return c->sm.id != NULL;
}

bool client_sm_offered(const struct burble *c)
{
    return (c->setup.config.flags & BURBLE_NO_RESUME) == 0 &&
           xml_some(xml_child(stream_features(c), NS_SM, SLICE("sm")));
}

void client_sm_forget(struct burble *c)
{
    free(c->sm.id);
    free(c->sm.jid);
    free(c->sm.location);
    c->sm = (struct sm){0};
}

void client_sm_enable(struct burble *c)
{
    client_sm_forget(c);
    client_link_write(c, SLICE("<enable xmlns='urn:xmpp:sm:3' resume='true'/>"));
    stream_change_state(c, STREAM_ENABLE);
}

void client_sm_write_resume(struct burble *c, struct buf *out)
{
    buf_lit(out, "<resume xmlns='urn:xmpp:sm:3'");
    (void)buf_printf(out, " h='%u'", c->sm.in_h);
    xml_write_attr(out, SLICE("previd"), slice_z(c->sm.id));
    buf_lit(out, "/>");
}

void client_sm_resume(struct burble *c)
{
    struct buf b = {0};
    client_sm_write_resume(c, &b);
    client_link_write(c, buf_slice(&b));
    buf_free(&b);
}

void client_sm_say_count(struct burble *c)
{
    struct buf b = {0};
    if (!c->sm.on || c->link.state != LINK_OPEN)
        return;
    (void)buf_printf(&b, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", c->sm.in_h);
    client_link_write(c, buf_slice(&b));
    buf_free(&b);
}

/* The server says how much it has. An h beyond what was sent is a lie (XEP-0198 section 4). */
static bool settle(struct burble *c, struct xml x)
{
    uint32_t h;
    if (!number(xml_attr(x, SLICE("h")), &h))
        return false;
    if (!outbox_acked(c, h - c->sm.out_h))
        return false;
    c->sm.out_h = h;
    return true;
}

static void liar(struct burble *c)
{
    client_sm_forget(c);
    client_fail_stream(c, BURBLE_WHY_BAD_XML, SLICE("undefined-condition"),
                       "the server acknowledges what was never sent");
}

void client_sm_take_enabled(struct burble *c, struct xml x)
{
    struct slice id = xml_attr(x, SLICE("id")), resume = xml_attr(x, SLICE("resume"));
    struct slice location = xml_attr(x, SLICE("location"));
    c->sm.on = true;
    if (id.len > 0 && (slice_is(resume, "true") || slice_is(resume, "1"))) {
        c->sm.id = client_copy(id);
        c->sm.jid = client_copy(slice_z(c->jid));
        if (location.len > 0)
            c->sm.location = client_copy(location);
        if (c->sm.jid == NULL) {
            free(c->sm.id);
            c->sm.id = NULL;
        }
    }
}

static void enabled(struct burble *c, struct xml x)
{
    client_sm_take_enabled(c, x);
    stream_change_state(c, STREAM_READY);
    c->sm.ask = outbox_unacked(c) > 0;
    if (c->sm.id != NULL)
        client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_SAVE});
}

void client_sm_take_resumed(struct burble *c, struct xml x)
{
    if (!settle(c, x)) {
        liar(c);
        return;
    }
    c->sm.on = true;
    session_resumed(c);
}

void client_sm_take_failed(struct burble *c, struct xml x)
{
    if (xml_attr(x, SLICE("h")).ptr != NULL)
        (void)settle(c, x); /* what it has will not be said again */
    client_sm_forget(c);
    client_gone(c);
}

static void failed(struct burble *c, struct xml x)
{
    if (c->stream.state == STREAM_ENABLE) {
        stream_change_state(c, STREAM_READY); /* we do without */
        outbox_settle(c);
        return;
    }
    client_sm_take_failed(c, x);
    stream_establish(c);
}

void client_sm_element(struct burble *c, struct xml x)
{
    struct slice name = xml_name(x);
    enum stream_state state = c->stream.state;
    if (slice_is(name, "r")) {
        client_sm_say_count(c);
    } else if (slice_is(name, "a") && c->sm.on) {
        c->sm.asked = false;
        if (!settle(c, x))
            liar(c);
    } else if (slice_is(name, "enabled") && state == STREAM_ENABLE) {
        enabled(c, x);
    } else if (slice_is(name, "resumed") && state == STREAM_RESUME) {
        client_sm_take_resumed(c, x);
    } else if (slice_is(name, "failed") && (state == STREAM_RESUME || state == STREAM_ENABLE)) {
        failed(c, x);
    }
}

void client_sm_count_in(struct burble *c)
{
    c->sm.in_h++;
}

void client_sm_count_out(struct burble *c)
{
    c->sm.ask = true;
}

/* One question for all that was sent in a turn, and none while one is open. */
void client_sm_turn(struct burble *c)
{
    if (!c->sm.on || !c->sm.ask || c->sm.asked || c->stream.state != STREAM_READY)
        return;
    c->sm.ask = false;
    c->sm.asked = true;
    client_link_write(c, SLICE("<r xmlns='urn:xmpp:sm:3'/>"));
}
