/* Negotiation of the stream (RFC 6120 sections 4 to 7), the client's side. What is legal in which
 * state is one table; everything else ends the stream. */
#include "client/stream.h"

#include <stdlib.h>

#include "base/check.h"
#include "client/client.h"

static void unexpected(struct burble *c, struct xml x)
{
    struct buf text = {0};
    (void)x;
    buf_lit(&text, "the server sent an element that does not belong here");
    buf_byte(&text, '\0');
    client_fail_stream(c, BURBLE_WHY_BAD_XML, SLICE("unsupported-stanza-type"),
                       text.failed ? NULL : buf_slice(&text).ptr);
    buf_free(&text);
}

void stream_change_state(struct burble *c, enum stream_state to)
{
    c->stream.state = to;
}

struct xml stream_features(const struct burble *c)
{
    return c->stream.features != NULL ? xml_root(c->stream.features) : XML_NONE;
}

bool burble_has_stream_feature(const struct burble *c, const char *ns, const char *name)
{
    return xml_some(xml_child(stream_features(c), slice_z(ns), slice_z(name)));
}

void stream_open(struct burble *c)
{
    struct buf b = {0};
    buf_lit(&b, "<?xml version='1.0'?><stream:stream");
    xml_write_attr(&b, SLICE("to"), slice_z(c->setup.domain));
    if (c->setup.user != NULL && c->link.secure)
        xml_write_attr(&b, SLICE("from"), slice_z(c->setup.own));
    if (c->setup.lang != NULL)
        xml_write_attr(&b, SLICE("xml:lang"), slice_z(c->setup.lang));
    buf_lit(&b, " version='1.0' xmlns='jabber:client'"
                " xmlns:stream='http://etherx.jabber.org/streams'>");
    stream_change_state(c, STREAM_HEADER);
    if (b.failed)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    else
        client_link_write(c, buf_slice(&b));
    buf_free(&b);
}

void stream_reset(struct burble *c)
{
    struct stream *s = &c->stream;
    if (s->of_session) {
        xml_tree_free(&s->kept);
        s->kept = s->features;
    } else {
        xml_tree_free(&s->features);
    }
    free(s->id);
    *s = (struct stream){.kept = s->kept};
}

void stream_free(struct burble *c)
{
    stream_reset(c);
    xml_tree_free(&c->stream.kept);
}

void stream_close(struct burble *c)
{
    if (c->stream.state == STREAM_NONE || c->stream.state == STREAM_CLOSED)
        return;
    client_link_write(c, SLICE("</stream:stream>"));
    stream_change_state(c, STREAM_CLOSED);
}

/* ---------------------------------------------------------------------------------- the header */

/* RFC 6120 section 4.7.5: two numbers. Of 1.0 and what is newer we speak 1.0. */
static bool speaks_version(struct slice version)
{
    unsigned long long major, minor;
    size_t dot = slice_find(version, '.');
    return dot < version.len && slice_to_u64(slice_of(version.ptr, dot), &major) &&
           slice_to_u64(slice_from(version, dot + 1), &minor) && major >= 1;
}

/* "from" may be another name than the one that we asked for (RFC 6120 section 4.7.2): the
 * certificate decides who that is, not this text. */
static void header(struct burble *c, struct xml x)
{
    bool stream = xml_is(x, NS_STREAMS, SLICE("stream"));
    free(c->stream.id);
    c->stream.id = client_copy(xml_attr(x, SLICE("id")));
    if (!stream)
        client_fail_stream(c, BURBLE_WHY_NOT_XMPP, SLICE("invalid-namespace"),
                           "what answers there does not speak XMPP (a captive portal?)");
    else if (!slice_eq(xml_parser_content_ns(c->link.parser), NS_CLIENT))
        client_fail_stream(c, BURBLE_WHY_NOT_XMPP, SLICE("invalid-namespace"),
                           "the server does not serve clients on this port");
    else if (!speaks_version(xml_attr(x, SLICE("version"))))
        client_fail_stream(c, BURBLE_WHY_NOT_XMPP, SLICE("unsupported-version"),
                           "the server does not speak XMPP 1.0");
    else
        stream_change_state(c, STREAM_FEATURES);
}

/* -------------------------------------------------------------------------------- the features */

static bool keep_features(struct burble *c, struct xml x)
{
    struct buf text = {0};
    struct xml_limits limits = XML_LIMITS_C2S;
    xml_tree_free(&c->stream.features);
    xml_write_node(&text, x, NS_CLIENT);
    bool good = !text.failed &&
                xml_parse(buf_slice(&text), NS_CLIENT, &limits, &c->stream.features) == XML_OK;
    buf_free(&text);
    return good;
}

static void want_tls(struct burble *c)
{
    bool offered = xml_some(xml_child(stream_features(c), NS_TLS, SLICE("starttls")));
    if (!offered) {
        client_fail(c, BURBLE_WHY_NO_TLS, NULL,
                    "the server offers no encryption (STARTTLS); nothing was sent");
        return;
    }
    stream_change_state(c, STREAM_STARTTLS);
    client_link_write(c, SLICE("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
}

void stream_establish(struct burble *c)
{
    struct xml f = stream_features(c);
    client_change_state(c, BURBLE_BINDING, NULL);
    if (client_sm_can_resume(c) && client_sm_offered(c)) {
        stream_change_state(c, STREAM_RESUME);
        client_sm_resume(c);
    } else if (xml_some(xml_child(f, NS_BIND, SLICE("bind")))) {
        stream_change_state(c, STREAM_BIND);
        session_bind(c);
    } else {
        client_fail_stream(c, BURBLE_WHY_BIND, SLICE("undefined-condition"),
                           "the server offers no resource binding");
    }
}

static void establish(struct burble *c)
{
    c->stream.of_session = true;
    stream_establish(c);
}

static void features(struct burble *c, struct xml x)
{
    if (!keep_features(c, x))
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    else if (!c->link.secure && c->setup.config.security != BURBLE_TLS_NONE)
        want_tls(c);
    else if (c->stream.authenticated)
        establish(c);
    else if (register_login_wanted(c))
        register_login_begin(c);
    else
        auth_begin(c);
}

/* Behind a login by SASL2 that has bound or resumed already. */
static void later_features(struct burble *c, struct xml x)
{
    if (!keep_features(c, x)) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    c->stream.of_session = true;
    if (c->stream.state == STREAM_BOUND)
        auth2_bound(c);
}

void stream_features_resumed(struct burble *c)
{
    struct stream *s = &c->stream;
    if (s->kept == NULL)
        return;
    xml_tree_free(&s->features);
    s->features = s->kept;
    s->kept = NULL;
    s->of_session = true;
}

static void proceed(struct burble *c, struct xml x)
{
    (void)x;
    client_link_start_tls(c);
}

static void no_tls(struct burble *c, struct xml x)
{
    (void)x;
    client_fail(c, BURBLE_WHY_NO_TLS, NULL, "the server refused STARTTLS; nothing was sent");
}

void stream_authenticated(struct burble *c, bool restart)
{
    c->stream.authenticated = true;
    if (!restart) {
        client_link_authenticated(c);
        return;
    }
    client_link_restart(c);
    stream_open(c);
}

/* ---------------------------------------------------------------------------------- stream errors
 */

static void stream_error(struct burble *c, struct xml x)
{
    struct slice condition = SLICE("undefined-condition"), text = SLICE_NONE, where = SLICE_NONE;
    for (struct xml e = xml_first_element(x); xml_some(e); e = xml_next_element(e)) {
        if (!slice_eq(xml_ns(e), NS_STREAM_ERRORS))
            continue;
        if (slice_is(xml_name(e), "text")) {
            text = xml_text(e);
        } else {
            condition = xml_name(e);
            where = xml_text(e);
        }
    }
    retry_stream_error(c, condition, text, where);
}

/* ------------------------------------------------------------------------------------- the table
 */

static void sasl(struct burble *c, struct xml x)
{
    auth_element(c, x);
}

static void sasl2(struct burble *c, struct xml x)
{
    auth2_element(c, x);
}

static void sm(struct burble *c, struct xml x)
{
    client_sm_element(c, x);
}

static void stanza(struct burble *c, struct xml x)
{
    client_stanza(c, x);
}

static void registration(struct burble *c, struct xml x)
{
    register_login_element(c, x);
}

static void bound(struct burble *c, struct xml x)
{
    session_element(c, x);
}

#define IN(state) (1u << STREAM_##state)
#define FLOWING   (IN(ENABLE) | IN(READY) | IN(CLOSED))

static const struct rule {
    unsigned states;
    struct slice ns, name; /* empty: any */
    void (*take)(struct burble *c, struct xml x);
} RULES[] = {
#define S(lit)                                                                                     \
    {                                                                                              \
        .ptr = (lit), .len = sizeof(lit) - 1                                                       \
    }
#define STREAMS "http://etherx.jabber.org/streams"
#define TLS     "urn:ietf:params:xml:ns:xmpp-tls"
#define SASL    "urn:ietf:params:xml:ns:xmpp-sasl"
#define SASL2   "urn:xmpp:sasl:2"
    {~IN(NONE), S(STREAMS), S("error"), stream_error},
    {IN(FEATURES), S(STREAMS), S("features"), features},
    {IN(STARTTLS), S(TLS), S("proceed"), proceed},
    {IN(STARTTLS), S(TLS), S("failure"), no_tls},
    {IN(SASL), S(SASL), S("challenge"), sasl},
    {IN(SASL), S(SASL), S("success"), sasl},
    {IN(SASL), S(SASL), S("failure"), sasl},
    {IN(SASL2), S(SASL2), S("challenge"), sasl2},
    {IN(SASL2), S(SASL2), S("success"), sasl2},
    {IN(SASL2), S(SASL2), S("continue"), sasl2},
    {IN(SASL2), S(SASL2), S("failure"), sasl2},
    {IN(REGISTER), S("jabber:client"), S("iq"), registration},
    {IN(BIND), S("jabber:client"), S("iq"), bound},
    {IN(RESUME) | FLOWING, S("urn:xmpp:sm:3"), {0}, sm},
    {FLOWING, S("jabber:client"), S("message"), stanza},
    {FLOWING, S("jabber:client"), S("presence"), stanza},
    {FLOWING, S("jabber:client"), S("iq"), stanza},
    {IN(BOUND) | IN(READY) | IN(ENABLE), S(STREAMS), S("features"), later_features},
};

static void element(struct burble *c, struct xml x)
{
    struct slice ns = xml_ns(x), name = xml_name(x);
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        const struct rule *r = &RULES[i];
        if ((r->states & 1u << c->stream.state) == 0 || !slice_eq(ns, r->ns) ||
            (r->name.len > 0 && !slice_eq(name, r->name)))
            continue;
        if (r->take != NULL)
            r->take(c, x);
        return;
    }
    if (c->stream.state != STREAM_CLOSED)
        unexpected(c, x);
}

static void show_in(struct burble *c, struct xml x)
{
    if ((c->setup.config.flags & BURBLE_RAW_XML) == 0)
        return;
    struct buf text = {0};
    if (!auth_show(&text, x))
        xml_write_node(&text, x, NS_CLIENT);
    struct burble_xml_event e = {.text = buf_slice(&text).ptr, .len = buf_len(&text)};
    if (!text.failed)
        client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_XML, .xml = &e});
    buf_free(&text);
}

static void bad_xml(struct burble *c)
{
    static const struct {
        enum xml_error error;
        struct slice condition;
    } CONDITIONS[] = {
        {XML_NOT_WELL_FORMED, S("not-well-formed")},
        {XML_RESTRICTED, S("restricted-xml")},
        {XML_UNSUPPORTED_ENCODING, S("unsupported-encoding")},
        {XML_BAD_FORMAT, S("bad-format")},
        {XML_TOO_BIG, S("policy-violation")},
        {XML_TOO_COMPLEX, S("policy-violation")},
        {XML_SECOND_HEADER, S("unsupported-stanza-type")},
    };
    enum xml_error error = xml_parser_error(c->link.parser);
    if (error == XML_MEMORY) { /* nobody's fault: the server is not told that the stream ends */
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    struct slice condition = SLICE("not-well-formed");
    for (size_t i = 0; i < sizeof(CONDITIONS) / sizeof(CONDITIONS[0]); i++)
        if (CONDITIONS[i].error == error)
            condition = CONDITIONS[i].condition;
    if (c->stream.state == STREAM_HEADER && !c->stream.authenticated)
        client_fail_stream(c, BURBLE_WHY_NOT_XMPP, condition,
                           "what answers there does not speak XMPP (a captive portal?)");
    else
        client_fail_stream(c, BURBLE_WHY_BAD_XML, condition,
                           "the server sent XML that is damaged or not permitted");
}

void stream_event(struct burble *c, enum xml_event event)
{
    struct xml x = xml_root(xml_parser_tree(c->link.parser));
    switch (event) {
    case XML_OPEN:
        show_in(c, x);
        if (c->stream.state == STREAM_HEADER)
            header(c, x);
        else
            unexpected(c, x);
        return;
    case XML_STANZA:
        show_in(c, x);
        if (!client_stops(c))
            element(c, x);
        return;
    case XML_CLOSE:
        retry_stream_closed(c);
        return;
    case XML_BAD:
        if (c->stream.state != STREAM_CLOSED)
            bad_xml(c);
        return;
    default:
        return;
    }
}
