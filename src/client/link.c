/* The connection's bytes: in through the proxy's tunnel and TLS to the parser, and out again.
 *
 * Owns the wires, the parser and both buffers. What is written is encrypted when burble_output asks
 * for it, so that a turn makes one record of many stanzas. */
#include "client/link.h"

#include <stdlib.h>

#include "base/check.h"
#include "client/client.h"
#include "client/setup.h"
#include "client/trust.h"
#include "wire/proxy.h"
#include "wire/tls_client.h"
#include "xml/parser.h"

static void begin_tls(struct burble *c);

static void parser_limits(struct burble *c, bool after_login)
{
    struct xml_limits limits = after_login ? XML_LIMITS_C2S : XML_LIMITS_PREAUTH;
    uint32_t most = c->setup.config.stanza_bytes_max;
    /* Features of a real server are longer than what a server takes from a stranger. */
    limits.stanza_bytes = after_login || most < 65536 ? most : 65536;
    /* As many as a stanza of this size has in fair use: a roster, a list of occupants. */
    limits.elements = most / 32;
    limits.space_bytes = 0;
    xml_parser_set_limits(c->link.parser, &limits);
}

static void fail_memory(struct burble *c)
{
    client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
}

static void stands(struct burble *c)
{
    c->link.state = LINK_OPEN;
    stream_open(c);
}

/* The way to the server is free: of TCP, or of the proxy's tunnel. */
static void reached(struct burble *c)
{
    c->link.parser = xml_parser_new(XML_STREAM, &XML_LIMITS_PREAUTH);
    if (c->link.parser == NULL) {
        fail_memory(c);
        return;
    }
    parser_limits(c, false);
    if (c->link.direct_tls)
        begin_tls(c);
    else
        stands(c);
}

static void proxy_failed(struct burble *c)
{
    client_fail(c, BURBLE_WHY_PROXY, NULL, proxy_text(c->link.proxy));
}

static void begin_proxy(struct burble *c, const struct link_target *target)
{
    struct setup_proxy p;
    struct buf up = {0};
    (void)setup_proxy_parse(slice_z(c->setup.proxy), &p); /* it was checked by burble_new */
    struct proxy_target t = {.host = slice_z(target->host),
                             .port = target->port,
                             .user = p.user,
                             .password = p.password};
    int err = p.socks ? socks5_new(&t, &c->link.proxy) : http_connect_new(&t, &c->link.proxy);
    if (err != 0)
        client_fail(c, BURBLE_WHY_PROXY, NULL, "the proxy's kind cannot carry this name");
    else if (c->link.proxy->ops->feed(c->link.proxy, SLICE_NONE, &up, &c->link.net, c->now) ==
             WIRE_FAILED)
        proxy_failed(c);
    buf_free(&up);
}

void client_link_open(struct burble *c, uint32_t id, const struct link_target *target)
{
    struct link *l = &c->link;
    CHECK(l->state == LINK_NONE);
    *l = (struct link){.state = LINK_PROXY, .id = id, .direct_tls = target->direct_tls};
    if (target->host != NULL)
        begin_proxy(c, target);
    else
        reached(c);
}

static bool is_certificate(enum tls_fault fault)
{
    return fault >= TLS_FAULT_UNTRUSTED && fault <= TLS_FAULT_OWN_CERTIFICATE;
}

static void tls_failed(struct burble *c)
{
    struct tls_peer_problem problem;
    struct buf text = {0};
    tls_peer_problem(c->link.tls, &problem);
    (void)tls_problem_text(&problem, &text);
    buf_byte(&text, '\0');
    enum burble_why why = problem.fault == TLS_FAULT_NOT_TLS  ? BURBLE_WHY_NOT_XMPP
                          : problem.fault == TLS_FAULT_MEMORY ? BURBLE_WHY_MEMORY
                          : is_certificate(problem.fault)     ? BURBLE_WHY_CERTIFICATE
                                                              : BURBLE_WHY_TLS;
    client_fail(c, why, NULL, text.failed ? NULL : buf_slice(&text).ptr);
    buf_free(&text);
}

static struct wire *tls_new(struct burble *c)
{
    struct tls_context *context = trust_context(c);
    struct buf host = {0};
    struct wire *w = NULL;
    if (context != NULL && jid_domain_ascii(slice_z(c->setup.domain), &host) == 0) {
        struct tls_connect t = {
            .host = buf_slice(&host),
            .domain = slice_z(c->setup.domain),
            .alpn = c->link.direct_tls ? SLICE("xmpp-client") : SLICE_NONE,
            .pins = (const uint8_t(*)[32])c->setup.pins,
            .pin_count = c->setup.pin_count,
            .insecure = (c->setup.config.flags & BURBLE_UNSAFE_NO_VERIFY) != 0,
            .now_s = c->now.wall_ms / 1000,
        };
        w = tls_connect_new(context, &t);
    }
    buf_free(&host);
    if (context != NULL)
        tls_context_unref(&context);
    return w;
}

static void begin_tls(struct burble *c)
{
    struct link *l = &c->link;
    struct buf up = {0};
    l->state = LINK_SECURING;
    l->starting_tls = false;
    xml_parser_restart(l->parser);
    client_change_state(c, BURBLE_SECURING, NULL);
    l->tls = tls_new(c);
    if (l->tls == NULL) {
        fail_memory(c);
        return;
    }
    if (l->tls->ops->feed(l->tls, SLICE_NONE, &up, &l->net, c->now) == WIRE_FAILED)
        tls_failed(c);
    buf_free(&up);
}

void client_link_start_tls(struct burble *c)
{
    c->link.starting_tls = true;
}

/* Events of the parser, until the input is used up or something else takes over. */
static void parse(struct burble *c, struct slice in)
{
    struct link *l = &c->link;
    l->feeding = true;
    while (l->state == LINK_OPEN && !l->starting_tls && !client_stops(c)) {
        if (l->parser == NULL)
            break;
        enum xml_event event = xml_parser_feed(l->parser, &in);
        if (event == XML_MORE)
            break;
        stream_event(c, event);
        if (event == XML_BAD || event == XML_CLOSE)
            break;
    }
    l->feeding = false;
    if (l->state == LINK_NONE) {
        xml_parser_free(&l->parser); /* it was dropped meanwhile */
        return;
    }
    if (l->state == LINK_OPEN && l->starting_tls) {
        /* Bytes behind <proceed/> are nobody's: they came in clear (V31). */
        if (in.len > 0)
            client_fail(c, BURBLE_WHY_DOWNGRADE, NULL,
                        "data came between <proceed/> and TLS: somebody is tampering");
        else
            begin_tls(c);
        return;
    }
    if (l->parser != NULL)
        xml_parser_rest(l->parser);
}

static void secure_input(struct burble *c, struct slice in)
{
    struct link *l = &c->link;
    struct buf up = {0};
    enum wire_state state = l->tls->ops->feed(l->tls, in, &up, &l->net, c->now);
    if (state != WIRE_FAILED && l->state == LINK_SECURING && state != WIRE_OPENING) {
        l->secure = true;
        stands(c);
    }
    uint32_t id = l->id;
    if (buf_len(&up) > 0 && l->state == LINK_OPEN)
        parse(c, buf_slice(&up));
    buf_free(&up);
    if (l->id != id || l->state == LINK_NONE || l->tls == NULL)
        return;
    if (state == WIRE_FAILED)
        tls_failed(c);
    else if (state == WIRE_ENDED && c->stream.state != STREAM_CLOSED)
        client_fail(c, BURBLE_WHY_LOST, NULL, "the server closed the connection");
}

static void beyond_proxy(struct burble *c, struct slice bytes)
{
    struct link *l = &c->link;
    if (l->tls != NULL)
        secure_input(c, bytes);
    else if (l->state == LINK_OPEN)
        parse(c, bytes);
}

void client_link_input(struct burble *c, struct slice bytes)
{
    struct link *l = &c->link;
    if (l->state == LINK_ENDING)
        return;
    alive_heard(c);
    if (l->proxy == NULL) {
        beyond_proxy(c, bytes);
        return;
    }
    struct buf up = {0};
    enum wire_state state = l->proxy->ops->feed(l->proxy, bytes, &up, &l->net, c->now);
    if (state == WIRE_FAILED || state == WIRE_ENDED) {
        proxy_failed(c);
    } else if (state == WIRE_OPEN) {
        wire_free(&l->proxy);
        reached(c);
        if (buf_len(&up) > 0)
            beyond_proxy(c, buf_slice(&up));
    }
    buf_free(&up);
}

void client_link_restart(struct burble *c)
{
    xml_parser_restart(c->link.parser);
    parser_limits(c, c->stream.authenticated);
}

void client_link_authenticated(struct burble *c)
{
    parser_limits(c, true);
}

static void show(struct burble *c, struct slice text)
{
    if ((c->setup.config.flags & BURBLE_RAW_XML) == 0)
        return;
    struct burble_xml_event e = {.out = true, .text = text.ptr, .len = text.len};
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_XML, .xml = &e});
}

static void put(struct burble *c, struct slice text)
{
    if (c->link.state != LINK_OPEN)
        return;
    buf_add(&c->link.out, text);
    client_wake(c);
}

void client_link_write(struct burble *c, struct slice text)
{
    put(c, text);
    show(c, text);
}

void client_link_write_built(struct burble *c, struct buf *text)
{
    if (text->failed)
        c->link.out.failed = 1;
    else
        client_link_write(c, buf_slice(text));
    buf_free(text);
}

size_t client_link_backlog(const struct burble *c)
{
    return buf_len(&c->link.out) + buf_len(&c->link.net);
}

void client_link_write_secret(struct burble *c, struct slice text, const char *shown)
{
    put(c, text);
    show(c, slice_z(shown));
}

static void encrypt(struct burble *c)
{
    struct link *l = &c->link;
    if (buf_len(&l->out) == 0)
        return;
    if (l->tls != NULL) {
        (void)l->tls->ops->send(l->tls, buf_slice(&l->out), &l->net);
    } else if (buf_len(&l->net) == 0 && !l->net.failed) {
        struct buf spare = l->net; /* what was written is sent as it lies there */
        l->net = l->out;
        l->out = spare;
    } else {
        buf_add(&l->net, buf_slice(&l->out));
    }
    buf_free(&l->out);
}

void client_link_end(struct burble *c)
{
    struct link *l = &c->link;
    if (l->state != LINK_OPEN)
        return;
    encrypt(c);
    if (l->tls != NULL)
        l->tls->ops->end(l->tls, &l->net);
    l->state = LINK_ENDING;
    client_wake(c);
}

void client_link_drop(struct burble *c)
{
    struct link *l = &c->link;
    if (l->state != LINK_NONE)
        (void)client_effect(c, BURBLE_DO_CLOSE, l->id, NULL, NULL);
    struct xml_parser *parser = l->feeding ? l->parser : NULL;
    bool feeding = l->feeding;
    if (!feeding)
        xml_parser_free(&l->parser);
    wire_free(&l->proxy);
    wire_free(&l->tls);
    buf_free(&l->out);
    buf_free(&l->net);
    *l = (struct link){.parser = parser, .feeding = feeding};
}

size_t burble_output(struct burble *c, const void **data_out, uint32_t *id_out)
{
    struct link *l = &c->link;
    if (l->state != LINK_NONE && !l->out.failed)
        encrypt(c);
    if (l->out.failed || l->net.failed) { /* the next burble_feed ends the connection */
        *data_out = NULL;
        return 0;
    }
    *data_out = l->net.ptr != NULL ? buf_slice(&l->net).ptr : NULL;
    if (id_out != NULL)
        *id_out = l->id;
    return buf_len(&l->net);
}

void burble_wrote(struct burble *c, size_t n)
{
    struct buf *net = &c->link.net;
    buf_consume(net, n < buf_len(net) ? n : buf_len(net));
    if (buf_len(net) == 0)
        buf_free(net);
}

bool burble_output_ends(const struct burble *c)
{
    return c->link.state == LINK_ENDING && buf_len(&c->link.net) == 0;
}

void client_link_binding(struct burble *c, struct sasl_binding *out,
                         uint8_t scratch[SASL_BINDING_BYTES])
{
    *out = (struct sasl_binding){0};
    if (c->link.tls == NULL || !c->link.secure)
        return;
    if (tls_exporter(c->link.tls, scratch))
        out->tls_exporter = slice_of((const char *)scratch, 32);
    out->tls_server_end_point =
        slice_of((const char *)scratch + 32, tls_server_end_point(c->link.tls, scratch + 32));
    /* Also with TLS 1.3: servers older than XEP-0440 know no other (docs/decisions/0005). */
    out->tls_unique = slice_of((const char *)scratch + 96, tls_unique(c->link.tls, scratch + 96));
}

const char *burble_tls_version(const struct burble *c)
{
    return c->link.secure ? tls_version(c->link.tls) : NULL;
}
