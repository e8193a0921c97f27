/* Resource binding (RFC 6120 section 7) and the beginning of a session: the address, the legacy
 * session (RFC 3921), stream management, carbons (XEP-0280), client state (XEP-0352). */
#include <stdlib.h>

#include "client/client.h"

static const struct slice BIND_ID = {.ptr = "bind", .len = 4};
static const struct slice SESSION_ID = {.ptr = "session", .len = 7};

void session_bind(struct burble *c)
{
    struct buf b = {0};
    struct xml_writer w;
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("iq"), SLICE_NONE);
    xml_attr_put(&w, SLICE("type"), SLICE("set"));
    xml_attr_put(&w, SLICE("id"), BIND_ID);
    xml_open(&w, SLICE("bind"), NS_BIND);
    if (c->setup.resource != NULL)
        xml_leaf(&w, SLICE("resource"), SLICE_NONE, slice_z(c->setup.resource));
    xml_close(&w);
    xml_close(&w);
    client_link_write_built(c, &b);
}

static void refused(struct burble *c, struct xml iq)
{
    struct burble_stanza_error e;
    struct buf b = {0};
    client_iq_error(c, BURBLE_IQ_ERROR, iq, &e);
    (void)buf_printf(&b, "the server gave no resource: %s %s", e.condition, e.text);
    buf_byte(&b, '\0');
    client_fail(c, BURBLE_WHY_BIND, e.condition, b.failed ? NULL : buf_slice(&b).ptr);
    buf_free(&b);
}

/* RFC 3921's session: only for servers that insist. */
static bool wants_legacy(const struct burble *c)
{
    struct xml session = xml_child(stream_features(c), NS_SESSION, SLICE("session"));
    return xml_some(session) && !xml_some(xml_child(session, NS_SESSION, SLICE("optional")));
}

void session_element(struct burble *c, struct xml x)
{
    struct slice id = xml_attr(x, SLICE("id"));
    struct xml bind = xml_child(x, NS_BIND, SLICE("bind"));
    bool good = slice_is(xml_attr(x, SLICE("type")), "result");
    if (!slice_eq(id, BIND_ID) && !slice_eq(id, SESSION_ID))
        return; /* nobody asked for it */
    if (!good) {
        refused(c, x);
        return;
    }
    if (slice_eq(id, SESSION_ID)) {
        session_begin(c, 0);
        return;
    }
    if (!session_address(c, xml_text(xml_child(bind, NS_BIND, SLICE("jid")))))
        return;
    if (!wants_legacy(c)) {
        session_begin(c, 0);
        return;
    }
    client_link_write(c, SLICE("<iq type='set' id='session'>"
                               "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"));
}

static void carbons_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                           void *arg)
{
    (void)c, (void)outcome, (void)iq, (void)arg; /* without them it goes, too */
}

static bool has_csi(const struct burble *c)
{
    return xml_some(xml_child(stream_features(c), NS_CSI, SLICE("csi")));
}

static void say_inactive(struct burble *c)
{
    c->active_due = false;
    if (c->inactive && has_csi(c))
        client_link_write(c, SLICE("<inactive xmlns='urn:xmpp:csi:0'/>"));
}

static void stands(struct burble *c, bool resumed)
{
    struct burble_state_event e = {
        .state = BURBLE_ONLINE, .before = c->state, .text = "", .resumed = resumed};
    client_timer_stop(&c->phase_timer);
    c->online_ms = c->now.mono_ms;
    c->session = c->stood = true;
    dial_stop(c);
    c->state = BURBLE_ONLINE;
    alive_begin(c);
    EXTENSIONS_WITH(online, x, c)
    {
        x->ops->online(x, resumed);
    }
    /* Behind the request for the roster, so that nothing is missed (RFC 6121 section 2.2). */
    if (resumed)
        client_presence_resume(c);
    else
        client_presence_announce(c);
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_STATE, .state = &e});
    /* What waits goes last: rooms that it is for have been entered again (C06). */
    c->outbox_held = false;
    outbox_flush(c);
}

/* The server may have put us in another account (authzid, ANONYMOUS), or the domain that we know
 * may be another name of its. */
int session_take_address(struct burble *c, struct slice jid)
{
    struct arena mem = {0};
    struct jid full;
    char *own = NULL, *bare = NULL;
    int err = jid_parse(jid, &mem, &full);
    if (err == 0 && full.resource_len == 0)
        err = ERR_SYNTAX;
    if (err == 0) {
        own = client_copy(jid_full(&full));
        bare = client_copy(jid_bare(&full));
        err = own != NULL && bare != NULL ? 0 : ERR_MEMORY;
    }
    arena_free(&mem);
    if (err != 0) {
        free(own);
        free(bare);
        return err == ERR_MEMORY ? ERR_MEMORY : ERR_SYNTAX;
    }
    free(c->jid);
    free(c->setup.bare);
    c->jid = own;
    c->setup.bare = bare;
    return 0;
}

bool session_address(struct burble *c, struct slice jid)
{
    int err = session_take_address(c, jid);
    if (err == ERR_MEMORY)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    else if (err != 0)
        client_fail_stream(c, BURBLE_WHY_BIND, SLICE("undefined-condition"),
                           "the server bound us to what is no address");
    return err == 0;
}

void session_begin(struct burble *c, unsigned along)
{
    if (c->session) { /* it was to be resumed, but the server does not do that any more */
        if ((along & SESSION_SM) == 0)
            client_sm_forget(c);
        client_gone(c);
    }
    stream_change_state(c, STREAM_READY);
    outbox_new_session(c);
    c->outbox_held = true;
    if ((along & SESSION_SM) == 0 && client_sm_offered(c))
        client_sm_enable(c);
    if ((along & SESSION_CARBONS) == 0 && (c->setup.config.flags & BURBLE_NO_CARBONS) == 0) {
        struct client_iq iq = {.set = true,
                               .payload = SLICE("<enable xmlns='urn:xmpp:carbons:2'/>"),
                               .fn = carbons_answer};
        if (client_iq_send(c, &iq, NULL) == ERR_MEMORY)
            client_starve(c);
    }
    if ((along & SESSION_INACTIVE) == 0)
        say_inactive(c);
    else
        c->active_due = !c->inactive; /* somebody came to look meanwhile */
    stands(c, false);
}

void session_resumed(struct burble *c)
{
    if (session_take_address(c, slice_z(c->sm.jid)) != 0) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    stream_change_state(c, STREAM_READY);
    outbox_rewind(c);
    say_inactive(c);
    outbox_flush(c);
    stands(c, true);
}

void burble_set_active(struct burble *c, bool active)
{
    if (c->inactive == !active)
        return;
    c->inactive = !active;
    c->active_due = true;
    client_wake(c);
}

bool session_due(const struct burble *c)
{
    return c->active_due && c->state == BURBLE_ONLINE && c->link.state == LINK_OPEN;
}

void session_turn(struct burble *c)
{
    if (!session_due(c))
        return;
    c->active_due = false;
    if (has_csi(c))
        client_link_write(c, c->inactive ? SLICE("<inactive xmlns='urn:xmpp:csi:0'/>")
                                         : SLICE("<active xmlns='urn:xmpp:csi:0'/>"));
}
