/* How a client of the load program logs in: stream and features (RFC 6120 section 4), STARTTLS
 * (section 5), SASL PLAIN or SCRAM (section 6), resource binding (section 7), the session of
 * RFC 3921 where a server still demands it, stream management (XEP-0198) if wanted, initial
 * presence (RFC 6121 section 4.2). A ping (XEP-0199) after the presence tells when the server has
 * come so far. A session that can be resumed is, instead of all that follows SASL. To the relay a
 * client says its pair's number instead. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/check.h"
#include "client.h"

enum { DECODED_MAX = 1024 };

static const char *const MECHS[] = {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"};

static void login_header(struct client *c)
{
    c->scan = (struct scan){0};
    buf_printf(&c->out,
               "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xml:lang='en' "
               "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
               c->bench->opt.domain);
    client_change_state(c, CLIENT_OPENING);
}

static void login_handshake(struct client *c)
{
    c->ssl = SSL_new(c->bench->tls);
    CHECK(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1);
    SSL_set_connect_state(c->ssl);
    SSL_set_tlsext_host_name(c->ssl, c->bench->opt.domain);
    client_change_state(c, CLIENT_HANDSHAKE);
}

void login_begin(struct client *c)
{
    const struct options *opt = &c->bench->opt;
    if (opt->relay) {
        buf_printf(&c->out, "PAIR %u\n", c->index / 2);
        client_change_state(c, CLIENT_PAIRING);
    } else if (opt->tls == TLS_DIRECT && !c->secured) {
        login_handshake(c);
    } else {
        login_header(c);
    }
}

static void login_auth(struct client *c)
{
    const struct options *opt = &c->bench->opt;
    struct buf text = {0};
    char user[64];
    snprintf(user, sizeof user, "%s%u", opt->user, c->account);
    if (opt->mech == MECH_PLAIN) {
        buf_byte(&text, '\0');
        buf_add(&text, slice_z(user));
        buf_byte(&text, '\0');
        buf_add(&text, slice_z(opt->password));
    } else {
        char nonce[SCRAM_NONCE + 1];
        snprintf(nonce, sizeof nonce, "%08x%016llx", c->index, (unsigned long long)c->began_ns);
        scram_first(&c->scram, opt->mech == MECH_SCRAM_SHA_1 ? SCRAM_SHA_1 : SCRAM_SHA_256, user,
                    nonce, &text);
    }
    buf_printf(&c->out, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>",
               MECHS[opt->mech]);
    base64_append(&c->out, buf_slice(&text));
    buf_lit(&c->out, "</auth>");
    buf_free(&text);
    client_change_state(c, CLIENT_AUTH);
}

static bool login_offered(struct slice features, const char *mech)
{
    char element[64];
    int n = snprintf(element, sizeof element, "<mechanism>%s</mechanism>", mech);
    return scan_has(features, slice_of(element, (size_t)n));
}

static void login_bind(struct client *c)
{
    buf_printf(&c->out,
               "<iq type='set' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
               "<resource>%s</resource></bind></iq>",
               c->wants_session ? "bind-session" : "bind", c->resource);
    client_change_state(c, CLIENT_BIND);
}

static void login_resume(struct client *c)
{
    sm_resume(c);
    client_change_state(c, CLIENT_RESUME);
}

static void login_features(struct client *c, struct slice unit)
{
    const struct options *opt = &c->bench->opt;
    if (opt->tls == TLS_STARTTLS && !c->secured) {
        buf_lit(&c->out, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        client_change_state(c, CLIENT_PROCEED);
    } else if (!c->authenticated && login_offered(unit, MECHS[opt->mech])) {
        login_auth(c);
    } else if (!c->authenticated) {
        client_fail(c, "the wanted mechanism is not offered:", unit);
    } else {
        c->offers_sm = scan_has(unit, SLICE("urn:xmpp:sm:3"));
        /* A <session/> without <optional/> must be asked for (RFC 3921 section 3). */
        c->wants_session = scan_has(unit, SLICE("<session")) && !scan_has(unit, SLICE("<optional"));
        c->bench->no_sm = opt->sm && !c->offers_sm;
        if (c->bench->no_sm)
            client_fail(c, "stream management is not offered:", unit);
        else if (opt->sm && sm_resumable(c))
            login_resume(c);
        else
            login_bind(c);
    }
}

/* base64 text of a <challenge/> or <success/>, decoded into out. */
static bool login_decode(struct slice unit, struct slice name, char out[DECODED_MAX],
                         struct slice *decoded_out)
{
    struct slice text = SLICE_NONE;
    size_t len = 0;
    if (scan_text(unit, name, &text) && (text.len > DECODED_MAX || !base64_decode(text, out, &len)))
        return false;
    *decoded_out = slice_of(out, len);
    return true;
}

static void login_authenticating(struct client *c, struct slice unit)
{
    char bytes[DECODED_MAX];
    struct slice decoded;
    struct buf answer = {0};
    bool scram = c->bench->opt.mech != MECH_PLAIN;
    if (scan_is(unit, SLICE("success")) && login_decode(unit, SLICE("success"), bytes, &decoded) &&
        (!scram || scram_verify(&c->scram, decoded))) {
        c->authenticated = true;
        login_header(c);
    } else if (scan_is(unit, SLICE("challenge")) && scram &&
               login_decode(unit, SLICE("challenge"), bytes, &decoded) &&
               scram_final(&c->scram, decoded, c->bench->opt.password, &c->keys, &answer)) {
        buf_lit(&c->out, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>");
        base64_append(&c->out, buf_slice(&answer));
        buf_lit(&c->out, "</response>");
    } else {
        client_fail(c, "login refused:", unit);
    }
    buf_free(&answer);
}

static void login_online(struct client *c)
{
    if (c->bench->opt.roster) {
        buf_lit(&c->out, "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
        sm_sent(c, SM_NOTHING);
    }
    buf_printf(&c->out,
               "<presence/><iq type='get' id='settled' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
               c->bench->opt.domain);
    sm_sent(c, SM_PRESENCE);
    sm_sent(c, SM_NOTHING);
    client_change_state(c, CLIENT_SETTLE);
}

static void login_bound(struct client *c)
{
    if (c->bench->opt.sm) {
        sm_enable(c);
        if (c->bench->ops->fresh != NULL)
            c->bench->ops->fresh(c);
        client_change_state(c, CLIENT_ENABLE);
    } else {
        login_online(c);
    }
}

static void login_ready(struct client *c, bool resumed)
{
    client_change_state(c, CLIENT_READY);
    sm_again(c, resumed);
    if (c->bench->ops->ready != NULL)
        c->bench->ops->ready(c, resumed);
}

/* Answers to <resume/> and <enable/> (XEP-0198 sections 5 and 3). Stanzas that come before them are
 * let pass. */
static void login_managed(struct client *c, struct slice unit)
{
    bool resuming = c->state == CLIENT_RESUME;
    if (resuming && scan_is(unit, SLICE("resumed"))) {
        c->bench->resumed++;
        if (sm_resumed(c, unit))
            login_ready(c, true);
        else
            sm_wrong(c, unit);
    } else if (resuming && scan_is(unit, SLICE("failed"))) {
        c->bench->refused++;
        if (sm_refused(c, unit))
            login_bind(c);
        else
            sm_wrong(c, unit);
    } else if (!resuming && sm_enabled(c, unit)) {
        login_online(c);
    } else if (!scan_is(unit, SLICE("message")) && !scan_is(unit, SLICE("presence")) &&
               !scan_is(unit, SLICE("iq"))) {
        client_fail(c, "stream management:", unit);
    }
}

/* Answers to the requests of a login; anything else (presence, headlines) is let pass. */
static void login_answer(struct client *c, struct slice unit)
{
    struct slice id;
    struct slice type;
    if (!scan_is(unit, SLICE("iq")) || !scan_attr(unit, SLICE("id"), &id) ||
        !scan_attr(unit, SLICE("type"), &type))
        return;
    if (c->state == CLIENT_SETTLE && slice_is(id, "settled")) {
        login_ready(c, false); /* an error tells as much */
    } else if (slice_is(type, "error")) {
        client_fail(c, "request refused:", unit);
    } else if (c->state == CLIENT_BIND && slice_is(id, "bind-session")) {
        buf_lit(&c->out, "<iq type='set' id='session'>"
                         "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
        client_change_state(c, CLIENT_SESSION);
    } else if ((c->state == CLIENT_BIND && slice_is(id, "bind")) ||
               (c->state == CLIENT_SESSION && slice_is(id, "session"))) {
        login_bound(c);
    }
}

void login_unit(struct client *c, enum scan_event event, struct slice unit)
{
    if (scan_is(unit, SLICE("stream:error"))) {
        client_fail(c, "stream error:", unit);
    } else if (c->state == CLIENT_OPENING && event == SCAN_OPEN) {
        client_change_state(c, CLIENT_FEATURES);
    } else if (c->state == CLIENT_FEATURES && scan_is(unit, SLICE("stream:features"))) {
        login_features(c, unit);
    } else if (c->state == CLIENT_PROCEED && scan_is(unit, SLICE("proceed"))) {
        login_handshake(c);
    } else if (c->state == CLIENT_AUTH) {
        login_authenticating(c, unit);
    } else if (c->state == CLIENT_RESUME || c->state == CLIENT_ENABLE) {
        login_managed(c, unit);
    } else if (c->state >= CLIENT_BIND) {
        login_answer(c, unit);
    } else {
        client_fail(c, "unexpected:", unit);
    }
}
