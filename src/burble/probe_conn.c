/* Looks at ports: TCP, STARTTLS (RFC 6120 section 5) or direct TLS with ALPN (XEP-0368), and the
 * stream features before and behind it; then which versions of TLS are taken, a connection each.
 * No login, and nothing is believed: the certificate is looked at, whatever it is. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "burble/probe.h"
#include "io/clock.h"
#include "io/conn.h"
#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

enum look_state {
    LOOK_CONNECTING,
    LOOK_CLEAR,    /* stream features are to come */
    LOOK_PROCEED,  /* the answer to <starttls/> */
    LOOK_SECURING, /* handshake */
    LOOK_SECURED,  /* the features behind it */
};

enum { LAST_STEP = PROBE_VERSIONS, READ_BYTES = 2048, FEATURES_BYTES_MAX = 65536 };

/* One connection. */
struct look {
    struct probe *p;
    struct probe_port *port; /* NULL: this place is free */
    enum look_state state;
    struct loop_fd f;
    int fd;
    struct wire *tls;
    struct xml_parser *parser;
    struct buf net;
    uint64_t began_ms, deadline_ms;
};

const char *probe_version_text(enum probe_version v)
{
    static const char *const NAMES[] = {"1.0", "1.1", "1.2", "1.3"};
    return NAMES[v];
}

/* The version that this connection is about; PROBE_VERSIONS: any, it is the first. */
static enum probe_version version_of(const struct look *l)
{
    return l->port->step == 0 ? PROBE_VERSIONS : (enum probe_version)(l->port->step - 1);
}

static bool is_first(const struct look *l)
{
    return l->port->step == 0;
}

static void next_step(struct probe_port *port)
{
    bool over = port->tcp != PROBE_YES || (port->step == 0 && port->tls == PROBE_UNKNOWN);
    do
        port->step = over ? LAST_STEP + 1 : port->step + 1;
    while (port->step >= 1 && port->step <= LAST_STEP &&
           port->versions[port->step - 1] == PROBE_YES);
}

/* why NULL: all was seen that was to be seen. */
static void finish(struct look *l, const char *why)
{
    struct probe_port *port = l->port;
    if (why != NULL && is_first(l) && port->error[0] == '\0')
        (void)snprintf(port->error, sizeof(port->error), "%s", why);
    loop_forget(&l->p->loop, &l->f);
    conn_close(&l->fd);
    wire_free(&l->tls);
    xml_parser_free(&l->parser);
    buf_free(&l->net);
    port->busy = false;
    next_step(port);
    l->port = NULL;
}

static bool flush(struct look *l)
{
    int err = conn_flush(l->fd, &l->net);
    if (err != 0 && err != ERR_BUSY)
        return false;
    return loop_want(&l->p->loop, &l->f, err == ERR_BUSY ? LOOP_READ | LOOP_WRITE : LOOP_READ) == 0;
}

static bool say(struct look *l, struct slice text)
{
    if (l->tls != NULL)
        return l->tls->ops->send(l->tls, text, &l->net) == 0;
    return buf_add(&l->net, text) == 0;
}

static bool open_stream(struct look *l)
{
    bool server = l->port->target->service >= PROBE_SERVER;
    struct buf b = {0};
    (void)buf_lit(&b, "<?xml version='1.0'?><stream:stream");
    xml_write_attr(&b, SLICE("to"), slice_z(l->p->domain));
    (void)buf_printf(&b, " version='1.0' xmlns='jabber:%s'%s xmlns:stream='%.*s'>",
                     server ? "server" : "client",
                     server ? " xmlns:db='jabber:server:dialback'" : "", SLICE_ARG(NS_STREAMS));
    bool good = !b.failed && say(l, buf_slice(&b));
    buf_free(&b);
    return good;
}

/* ------------------------------------------------------------------------------------------- TLS
 */

static bool begin_tls(struct look *l)
{
    static const enum tls_protocol VERSIONS[] = {
        TLS_PROTOCOL_1_0, TLS_PROTOCOL_1_1, TLS_PROTOCOL_1_2, TLS_PROTOCOL_1_3, TLS_PROTOCOL_ANY};
    enum tls_protocol version = VERSIONS[version_of(l)];
    bool server = l->port->target->service >= PROBE_SERVER;
    struct buf up = {0};
    struct tls_connect c = {
        .host = slice_z(l->p->ascii),
        .domain = slice_z(l->p->domain),
        .alpn = !l->port->direct ? SLICE_NONE
                : server         ? SLICE("xmpp-server")
                                 : SLICE("xmpp-client"),
        .insecure = true,
        .version_min = version,
        .version_max = version,
        .now_s = clock_now().wall_ms / 1000,
    };
    l->state = LOOK_SECURING;
    l->began_ms = clock_now().mono_ms;
    l->tls = tls_connect_new(l->p->trust, &c);
    if (l->tls == NULL)
        return false;
    enum wire_state state = l->tls->ops->feed(l->tls, SLICE_NONE, &up, &l->net, clock_now());
    buf_free(&up);
    return state != WIRE_FAILED; /* false: our TLS library does not know the version */
}

static void copy_problem(struct look *l, char *out, size_t size)
{
    struct buf text = {0};
    (void)tls_problem_text(&l->port->problem, &text);
    (void)snprintf(out, size, "%.*s", SLICE_ARG(buf_slice(&text)));
    buf_free(&text);
}

static void note_version(struct probe_port *port)
{
    static const char *const NAMES[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    for (size_t i = 0; i < PROBE_VERSIONS; i++)
        if (strcmp(port->facts.version, NAMES[i]) == 0)
            port->versions[i] = PROBE_YES;
}

/* The handshake is over. False: the look is over, too. */
static bool secured(struct look *l)
{
    struct probe_port *port = l->port;
    if (!is_first(l)) {
        port->versions[version_of(l)] = PROBE_YES;
        finish(l, NULL);
        return false;
    }
    port->tls = PROBE_YES;
    port->tls_ms = (uint32_t)(clock_now().mono_ms - l->began_ms);
    tls_peer_facts(l->tls, &port->facts);
    tls_peer_problem(l->tls, &port->problem);
    if (port->problem.fault != TLS_FAULT_NONE)
        copy_problem(l, port->problem_text, sizeof(port->problem_text));
    note_version(port);
    l->state = LOOK_SECURED;
    xml_parser_restart(l->parser);
    if (open_stream(l))
        return true;
    finish(l, "out of memory");
    return false;
}

static void tls_failed(struct look *l)
{
    struct probe_port *port = l->port;
    if (!is_first(l)) {
        if (l->state == LOOK_SECURING)
            port->versions[version_of(l)] = PROBE_NO;
        finish(l, NULL);
        return;
    }
    if (l->state == LOOK_SECURING) {
        port->tls = PROBE_NO;
        tls_peer_facts(l->tls, &port->facts);
    }
    tls_peer_problem(l->tls, &port->problem);
    copy_problem(l, port->error, sizeof(port->error));
    finish(l, "the TLS connection failed");
}

/* ---------------------------------------------------------------------------------------- stream
 */

static void stream_error(struct look *l, struct xml x)
{
    struct probe_port *port = l->port;
    struct slice name = SLICE("undefined-condition");
    for (struct xml c = xml_first_element(x); xml_some(c); c = xml_next_element(c))
        if (slice_eq(xml_ns(c), NS_STREAM_ERRORS) && !slice_is(xml_name(c), "text")) {
            name = xml_name(c);
            break;
        }
    char why[PROBE_NAME_BYTES + 40];
    (void)snprintf(why, sizeof(why), "it answers with the stream error %.*s",
                   name.len < PROBE_NAME_BYTES ? (int)name.len : 0, name.ptr);
    if (is_first(l))
        (void)snprintf(port->condition, sizeof(port->condition), "%.*s", SLICE_ARG(name));
    finish(l, why);
}

/* False: the look is over. */
static bool features(struct look *l, struct xml x)
{
    if (l->state == LOOK_SECURED) {
        probe_read_features(x, &l->port->secured);
        (void)say(l, SLICE("</stream:stream>"));
        (void)conn_flush(l->fd, &l->net);
        finish(l, NULL);
        return false;
    }
    struct probe_features seen;
    probe_read_features(x, &seen);
    if (is_first(l))
        l->port->clear = seen;
    if (!seen.starttls) {
        finish(l, "it does not offer STARTTLS");
        return false;
    }
    l->state = LOOK_PROCEED;
    return say(l, SLICE("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
}

/* False: the look is over, or the rest is TLS. */
static bool element(struct look *l, struct xml x)
{
    if (xml_is(x, NS_STREAMS, SLICE("features")) && l->state != LOOK_PROCEED)
        return features(l, x);
    if (xml_is(x, NS_STREAMS, SLICE("error"))) {
        stream_error(l, x);
        return false;
    }
    if (l->state == LOOK_PROCEED && xml_is(x, NS_TLS, SLICE("proceed"))) {
        xml_parser_restart(l->parser);
        if (!begin_tls(l))
            finish(l, "TLS cannot be begun here");
        return false;
    }
    if (l->state == LOOK_PROCEED) {
        finish(l, "it refuses STARTTLS although it offers it");
        return false;
    }
    return true;
}

static void parse(struct look *l, struct slice in)
{
    for (;;) {
        enum xml_event event = xml_parser_feed(l->parser, &in);
        struct xml root = xml_root(xml_parser_tree(l->parser));
        if (event == XML_MORE)
            break;
        if (event == XML_OPEN && xml_is(root, NS_STREAMS, SLICE("stream")))
            continue;
        if (event == XML_STANZA && !element(l, root)) {
            if (l->port != NULL && l->state == LOOK_SECURING && in.len > 0)
                finish(l, "data came in clear between <proceed/> and TLS: somebody is tampering");
            return;
        }
        if (event == XML_CLOSE) {
            finish(l, "it ended the stream");
            return;
        }
        if (event == XML_BAD || event == XML_OPEN) {
            finish(l, "what answers there does not speak XMPP");
            return;
        }
    }
    xml_parser_rest(l->parser);
}

static void take(struct look *l, struct slice in)
{
    struct buf up = {0};
    if (l->tls == NULL) {
        parse(l, in);
        return;
    }
    enum wire_state state = l->tls->ops->feed(l->tls, in, &up, &l->net, clock_now());
    if (state == WIRE_FAILED)
        tls_failed(l);
    else if (state == WIRE_OPENING || l->state != LOOK_SECURING || secured(l)) {
        if (buf_len(&up) > 0)
            parse(l, buf_slice(&up));
        if (l->port != NULL && state == WIRE_ENDED)
            finish(l, "it closed the connection");
    }
    buf_free(&up);
}

/* ------------------------------------------------------------------------------------ connections
 */

static void connected(struct look *l)
{
    struct probe_port *port = l->port;
    struct xml_limits limits = XML_LIMITS_PREAUTH;
    int err = conn_connected(l->fd);
    if (err == ERR_BUSY)
        return;
    if (err != 0) {
        port->tcp = is_first(l) ? PROBE_NO : port->tcp;
        finish(l, err == ERR_REFUSED ? "nobody listens there" : "there is no way there");
        return;
    }
    if (is_first(l)) {
        port->tcp = PROBE_YES;
        port->tcp_ms = (uint32_t)(clock_now().mono_ms - l->began_ms);
    }
    limits.stanza_bytes = FEATURES_BYTES_MAX;
    limits.elements = XML_LIMITS_C2S.elements;
    l->parser = xml_parser_new(XML_STREAM, &limits);
    l->state = LOOK_CLEAR;
    if (l->parser == NULL || !(port->direct ? begin_tls(l) : open_stream(l)) || !flush(l))
        finish(l, "the connection broke");
}

static void closed(struct look *l)
{
    if (l->state == LOOK_SECURING) {
        tls_failed(l); /* servers that dislike a version often just go */
        return;
    }
    finish(l, l->state == LOOK_SECURED ? "it closed the connection behind TLS"
                                       : "it closed the connection");
}

static void ready(struct loop_fd *f, unsigned events, void *ctx)
{
    struct look *l = CONTAINER_OF(f, struct look, f);
    char piece[READ_BYTES];
    size_t got;
    (void)ctx;
    if (l->state == LOOK_CONNECTING) {
        connected(l);
        return;
    }
    if ((events & (LOOP_READ | LOOP_GONE)) != 0) {
        int err = conn_read(l->fd, piece, sizeof(piece), &got);
        if (err == 0)
            take(l, slice_of(piece, got));
        else if (err != ERR_BUSY)
            closed(l);
    }
    if (l->port != NULL && !flush(l))
        closed(l);
}

static void begin(struct probe *p, struct look *l, struct probe_port *port)
{
    uint64_t now = clock_now().mono_ms;
    *l = (struct look){.p = p,
                       .port = port,
                       .fd = -1,
                       .f.ready = ready,
                       .began_ms = now,
                       .deadline_ms = now + PROBE_STEP_MS};
    port->busy = true;
    int err = conn_connect(&port->addr, &l->fd);
    if (err == 0)
        err = loop_watch(&p->loop, &l->f, l->fd, LOOP_WRITE);
    if (err != 0) /* that is nothing about the other side */
        finish(l, err == ERR_REFUSED ? "there is no way there from here" : err_text(err));
}

static struct probe_port *next_port(struct probe *p)
{
    for (size_t i = 0; i < p->port_count; i++)
        if (!p->ports[i].busy && p->ports[i].step <= LAST_STEP)
            return &p->ports[i];
    return NULL;
}

static void make_ports(struct probe *p)
{
    for (size_t t = 0; t < p->target_count; t++)
        for (size_t a = 0; a < p->targets[t].address_count; a++) {
            if (p->port_count == PROBE_PORTS_MAX) {
                p->port_more++;
                continue;
            }
            enum probe_service s = p->targets[t].service;
            p->ports[p->port_count++] =
                (struct probe_port){.target = &p->targets[t],
                                    .addr = p->targets[t].addresses[a],
                                    .direct = s == PROBE_CLIENT_TLS || s == PROBE_SERVER_TLS};
        }
}

static void end_late(struct probe *p, struct look *looks, uint64_t now)
{
    for (size_t i = 0; i < PROBE_PARALLEL; i++) {
        struct look *l = &looks[i];
        if (l->port == NULL || (now < l->deadline_ms && now < p->deadline_ms))
            continue;
        if (l->state == LOOK_CONNECTING && is_first(l))
            l->port->tcp = PROBE_NO;
        finish(l, "no answer in time");
    }
}

int probe_ports(struct probe *p)
{
    struct look *looks = mem_array(PROBE_PARALLEL, sizeof(*looks));
    make_ports(p);
    for (;;) {
        uint64_t deadline = TIME_NEVER;
        p->late = p->late || clock_now().mono_ms >= p->deadline_ms;
        for (size_t i = 0; i < PROBE_PARALLEL; i++) {
            struct probe_port *port;
            while (looks[i].port == NULL && !p->late && (port = next_port(p)) != NULL)
                begin(p, &looks[i], port);
            if (looks[i].port != NULL && looks[i].deadline_ms < deadline)
                deadline = looks[i].deadline_ms;
        }
        if (deadline == TIME_NEVER)
            break;
        loop_once(&p->loop, deadline < p->deadline_ms ? deadline : p->deadline_ms, NULL, p);
        end_late(p, looks, p->loop.now.mono_ms);
    }
    mem_free(looks);
    return 0;
}
