/* A link: the bytes of a connection, its wire, its parser and its stream. */
#include "node/link.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "core/component.h"

enum { CLOSE_WAIT_MS = 5000 }; /* X26 */

static struct node_link *of(struct link *l)
{
    return CONTAINER_OF(l, struct node_link, base);
}

void link_turn(struct node_link *l)
{
    if (!list_linked(&l->turn))
        list_push(&l->node->turn, &l->turn);
}

void link_stop_timer(struct node_link *l)
{
    if (l->timer != NULL)
        timer_stop(&l->timer->timer);
    mem_free(l->timer);
    l->timer = NULL;
}

static void timer_fired(struct timer *t, void *ctx)
{
    (void)ctx;
    struct node_link *l = CONTAINER_OF(t, struct link_timer, timer)->link;
    link_stop_timer(l);
    if (l->state == LINK_CLOSING || l->state == LINK_CLOSED) {
        l->state = LINK_CLOSED; /* the peer did not take the rest in time */
        buf_free(&l->base.out);
        buf_free(&l->net);
        link_tell(l);
    } else if (l->state == LINK_HANDSHAKE) {
        l->stream->ops->log(l->stream, LOG_INFO, "tls.timeout", NULL);
        l->state = LINK_CLOSED;
        buf_free(&l->net);
        link_tell(l);
    } else if (l->paused) {
        l->paused = false;
        link_turn(l);
    }
}

static void start_timer(struct node_link *l, uint64_t wait_ms)
{
    struct engine *e = l->node->engine;
    if (l->timer == NULL) {
        l->timer = mem_new(struct link_timer);
        l->timer->timer.fire = timer_fired;
        l->timer->link = l;
    }
    timer_set(&e->timers, &l->timer->timer, e->now.mono_ms + wait_ms);
}

static void op_dirty(struct link *base)
{
    link_turn(of(base));
}

static void op_start_tls(struct link *base)
{
    of(base)->state = LINK_STARTING_TLS;
    xml_parser_restart(of(base)->parser);
    link_turn(of(base));
}

static struct xml_limits limits_of(const struct node_link *l, bool after_login)
{
    const struct limits *c = &l->node->config->core.limits;
    struct xml_limits x = after_login ? XML_LIMITS_C2S : XML_LIMITS_PREAUTH;
    bool server = l->service == NODE_COMPONENT;
    uint32_t bytes = server ? c->stanza_bytes_s2s : c->stanza_bytes;
    uint32_t elements = server ? c->elements_s2s : c->elements;
    x.stanza_bytes = after_login ? bytes : c->preauth_bytes;
    x.elements = after_login ? elements : c->preauth_elements;
    x.depth = (uint16_t)c->depth;
    x.attributes = (uint16_t)c->attributes;
    x.declarations = (uint16_t)c->declarations;
    x.space_bytes = after_login ? 0 : c->preauth_space_bytes;
    return x;
}

static void op_widen(struct link *base)
{
    struct xml_limits limits = limits_of(of(base), true);
    xml_parser_set_limits(of(base)->parser, &limits);
}

static void op_restart(struct link *base, bool after_login)
{
    struct node_link *l = of(base);
    struct xml_limits limits = limits_of(l, after_login);
    xml_parser_set_limits(l->parser, &limits);
    xml_parser_restart(l->parser);
}

static void op_resume(struct link *base)
{
    link_turn(of(base));
}

static void op_close(struct link *base)
{
    struct node_link *l = of(base);
    if (l->state == LINK_HANDSHAKE) {
        l->state = LINK_CLOSED; /* there is no stream to say it on */
        buf_free(&base->out);
    } else if (l->state != LINK_CLOSED) {
        l->state = LINK_CLOSING;
    }
    buf_free(&l->in);
    start_timer(l, CLOSE_WAIT_MS);
    link_turn(l);
}

static void op_move(struct link *base, uint32_t shard)
{
    struct node_link *l = of(base);
    l->state = LINK_MOVING;
    l->move_to = shard;
    link_turn(l);
}

static void op_binding(struct link *base, struct sasl_binding *out,
                       uint8_t scratch[SASL_BINDING_BYTES])
{
    struct node_link *l = of(base);
    *out = (struct sasl_binding){0};
    if (l->wire == NULL || !base->secure)
        return;
    if (tls_exporter(l->wire, scratch))
        out->tls_exporter = slice_of((const char *)scratch, 32);
    size_t n = tls_server_end_point(l->wire, scratch + 32);
    if (n > 0)
        out->tls_server_end_point = slice_of((const char *)scratch + 32, n);
    n = tls_unique(l->wire, scratch + 96);
    if (n > 0)
        out->tls_unique = slice_of((const char *)scratch + 96, n);
}

static size_t op_backlog(const struct link *base)
{
    const struct node_link *l =
        (const struct node_link *)(const void *)((const char *)base -
                                                 offsetof(struct node_link, base));
    return buf_len(&base->out) + buf_len(&l->net);
}

static void op_describe_tls(const struct link *base, char *out, size_t size)
{
    const struct node_link *l =
        (const struct node_link *)(const void *)((const char *)base -
                                                 offsetof(struct node_link, base));
    snprintf(out, size, "%s %s", tls_version(l->wire), tls_cipher(l->wire));
}

static const struct link_ops OPS = {
    .dirty = op_dirty,
    .start_tls = op_start_tls,
    .restart = op_restart,
    .widen = op_widen,
    .resume = op_resume,
    .close = op_close,
    .move = op_move,
    .binding = op_binding,
    .backlog = op_backlog,
    .describe_tls = op_describe_tls,
};

/* Server names are those of DNS: the case does not count (RFC 6066 section 3). */
static bool same_name(struct slice a, struct slice lower)
{
    bool same = a.len == lower.len;
    for (size_t i = 0; i < a.len && same; i++) {
        char c = a.ptr[i];
        same = (c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c) == lower.ptr[i];
    }
    return same;
}

static struct tls_context *choose_tls(void *ctx, struct slice name)
{
    const struct node *n = ctx;
    for (size_t i = 0; i < n->config->tls_count; i++)
        if (name.len == 0 || same_name(name, n->config->tls[i].name))
            return n->config->tls[i].tls;
    return NULL;
}

/* Components ask for their own names, or for what the machine is called: any host will do. */
static struct tls_context *choose_any_tls(void *ctx, struct slice name)
{
    struct tls_context *named = choose_tls(ctx, name);
    return named != NULL ? named : choose_tls(ctx, SLICE_NONE);
}

static struct wire *tls_wire(struct node_link *l, struct slice alpn)
{
    struct node *n = l->node;
    CHECK(n->config->tls_count > 0);
    struct tls_accept a = {.choose = choose_tls, .choose_ctx = n, .alpn = alpn};
    if (l->service == NODE_COMPONENT)
        a.choose = choose_any_tls;
    return tls_accept_new(&a, n->config->tls[0].tls);
}

static void begin_handshake(struct node_link *l, struct slice alpn)
{
    l->wire = tls_wire(l, alpn);
    l->state = l->wire != NULL ? LINK_HANDSHAKE : LINK_CLOSED;
    start_timer(l, l->node->engine->config->limits.tls_ms);
}

struct node_link *link_new(struct node *n, uint32_t listener, const char *peer, uint64_t conn,
                           void *owner)
{
    const struct node_listener *on = &n->config->listeners[listener];
    size_t peer_size = strlen(peer) + 1;
    struct node_link *l = mem_alloc(sizeof(*l) + peer_size);
    l->node = n;
    l->owner = owner;
    l->service = on->service;
    l->told_input = true;
    memcpy(l->peer, peer, peer_size);
    l->base = (struct link){
        .ops = &OPS,
        .conn = conn,
        .peer = l->peer,
        .listener = listener,
        .require_tls = on->require_tls && on->tls != NODE_TLS_NONE,
        .starttls = on->tls == NODE_TLS_STARTTLS,
        .plain_allowed = on->plain_without_tls,
    };
    list_push(&n->links, &l->all);
    n->link_count++;
    struct xml_limits limits = limits_of(l, false);
    l->parser = xml_parser_new(XML_STREAM, &limits);
    bool component = on->service == NODE_COMPONENT;
    l->stream =
        component ? &component_new(n->engine, &l->base)->base : &c2s_new(n->engine, &l->base)->base;
    if (l->parser == NULL) {
        l->state = LINK_CLOSED;
        return l;
    }
    if (component)
        xml_parser_set_dialect(l->parser, XML_OF_COMPONENTS);
    if (on->tls == NODE_TLS_DIRECT)
        begin_handshake(l, component ? SLICE_NONE : SLICE("xmpp-client"));
    return l;
}

void link_free(struct node_link **link)
{
    struct node_link *l = *link;
    *link = NULL;
    l->stream->ops->free(l->stream);
    link_stop_timer(l);
    list_remove(&l->all);
    list_remove(&l->ready);
    list_remove(&l->turn);
    l->node->link_count--;
    xml_parser_free(&l->parser);
    wire_free(&l->wire);
    buf_free(&l->base.out);
    buf_free(&l->net);
    buf_free(&l->in);
    mem_free(l);
}

static void hold(struct node_link *l, struct slice rest)
{
    buf_add(&l->in, rest);
    link_turn(l);
}

/* Who does not take the answers is asked no further: before login a few kilobytes wait at most,
 * afterwards half of L13, so that a session does not lag by its own requests. */
static bool stuffed(const struct node_link *l)
{
    const struct limits *c = &l->node->config->core.limits;
    bool known = l->stream->ops->authenticated(l->stream);
    return op_backlog(&l->base) > (known ? c->output_bytes / 2 : c->preauth_bytes);
}

static bool may_parse(const struct node_link *l)
{
    return l->state == LINK_OPEN && !l->paused && !stuffed(l) &&
           l->stream->ops->can_read(l->stream);
}

/* One event of the parser. */
static void event(struct node_link *l, enum xml_event ev, size_t bytes, struct slice first)
{
    struct xml root = xml_root(xml_parser_tree(l->parser));
    switch (ev) {
    case XML_OPEN:
        l->stream->ops->header(l->stream, root, xml_parser_content_ns(l->parser));
        break;
    case XML_STANZA:
        l->stream->ops->element(l->stream, root, bytes);
        break;
    case XML_CLOSE:
        l->stream->ops->closed_by_peer(l->stream);
        break;
    case XML_BAD:
        l->stream->ops->bad_xml(l->stream, xml_parser_error(l->parser), first);
        break;
    case XML_MORE:
        break;
    }
}

/* L22: what was read is paid for; over the rate nothing is read for a while. */
static void pay(struct node_link *l, size_t bytes)
{
    uint32_t wait_ms = l->stream->ops->take_tokens(l->stream, bytes);
    if (wait_ms == 0 || l->state != LINK_OPEN)
        return;
    l->paused = true;
    start_timer(l, wait_ms);
}

/* Parses until the input is used up, the stream has to wait, or the turn's share is done (X30). The
 * rest that is not parsed is held. */
static void parse(struct node_link *l, struct slice bytes)
{
    uint32_t share = l->node->config->core.limits.turn_stanzas;
    size_t total = bytes.len;
    while (bytes.len > 0 && share > 0 && may_parse(l)) {
        struct slice before = bytes;
        enum xml_event ev = xml_parser_feed(l->parser, &bytes);
        if (ev == XML_MORE)
            break;
        event(l, ev, before.len - bytes.len, before);
        share--;
    }
    pay(l, total - bytes.len);
    if (l->state == LINK_STARTING_TLS && bytes.len > 0) {
        l->stream->ops->injected(l->stream);
        return;
    }
    if (l->state == LINK_CLOSING || l->state == LINK_CLOSED)
        return;
    if (bytes.len > 0)
        hold(l, bytes);
    else if (l->parser != NULL)
        xml_parser_rest(l->parser);
}

void link_feed(struct node_link *l, struct slice bytes)
{
    if (buf_len(&l->in) > 0 || !may_parse(l))
        hold(l, bytes);
    else
        parse(l, bytes);
}

void link_continue(struct node_link *l)
{
    if (l->state == LINK_STARTING_TLS && buf_len(&l->in) > 0) {
        buf_free(&l->in);
        l->stream->ops->injected(l->stream);
        return;
    }
    if (buf_len(&l->in) == 0 || !may_parse(l))
        return;
    struct buf in = l->in;
    l->in = (struct buf){0};
    parse(l, buf_slice(&in));
    buf_free(&in);
}

static void handshake_done(struct node_link *l)
{
    link_stop_timer(l);
    l->state = LINK_OPEN;
    l->base.secure = true;
    l->stream->ops->secured(l->stream);
    struct log_line line;
    log_begin(&line, l->node->engine->log, LOG_DEBUG, "tls.open");
    log_num(&line, "conn", (long long)l->base.conn);
    log_z(&line, "version", tls_version(l->wire));
    log_z(&line, "cipher", tls_cipher(l->wire));
    log_end(&line);
}

/* The connection carries no data any more; what is in net is still sent, if the peer takes it. */
static void give_up(struct node_link *l)
{
    l->state = LINK_CLOSED;
    l->stream->ops->lost(l->stream);
    buf_free(&l->base.out);
    buf_free(&l->in);
    start_timer(l, CLOSE_WAIT_MS);
    link_tell(l);
}

static void wire_failed(struct node_link *l)
{
    l->stream->ops->log(l->stream, LOG_INFO,
                        l->state == LINK_HANDSHAKE ? "tls.reject" : "tls.error",
                        l->wire->ops->reason(l->wire));
    give_up(l); /* the alert in net is still sent */
}

void link_input(struct node_link *l, struct slice bytes)
{
    if (l->state == LINK_CLOSED)
        return;
    if (l->wire == NULL) {
        if (l->state == LINK_STARTING_TLS) {
            l->stream->ops->injected(l->stream); /* before <proceed/> was sent (V32) */
            return;
        }
        if (l->state != LINK_CLOSING)
            link_feed(l, bytes);
        return;
    }
    struct buf *up = &l->node->up;
    buf_clear(up);
    enum wire_state state = l->wire->ops->feed(l->wire, bytes, up, &l->net, l->node->engine->now);
    link_turn(l);
    if (l->state == LINK_HANDSHAKE && (state == WIRE_OPEN || state == WIRE_ENDED))
        handshake_done(l);
    if (buf_len(up) > 0 && l->state != LINK_CLOSING)
        link_feed(l, buf_slice(up));
    if (state == WIRE_FAILED)
        wire_failed(l);
    else if (state == WIRE_ENDED && l->state == LINK_OPEN && !l->stream->ops->closed(l->stream))
        give_up(l); /* close_notify without </stream:stream>: as a lost connection */
}

void link_flush(struct node_link *l)
{
    if (l->wire != NULL && l->base.secure && buf_len(&l->base.out) > 0) {
        if (l->wire->ops->send(l->wire, buf_slice(&l->base.out), &l->net) != 0)
            give_up(l);
        buf_free(&l->base.out);
    } else if (l->wire == NULL && buf_len(&l->base.out) > 0) {
        if (buf_len(&l->net) == 0) {
            struct buf empty = l->net;
            l->net = l->base.out;
            l->base.out = empty;
            buf_clear(&l->base.out);
        } else {
            buf_add(&l->net, buf_slice(&l->base.out));
            buf_clear(&l->base.out);
        }
    }
    if ((l->base.out.failed || l->net.failed) && l->state != LINK_CLOSED)
        give_up(l);
    if (l->state == LINK_STARTING_TLS)
        begin_handshake(l, SLICE_NONE);
    if (l->state == LINK_CLOSING && l->wire != NULL && l->base.secure &&
        l->wire->ops->state(l->wire) == WIRE_OPEN)
        l->wire->ops->end(l->wire, &l->net);
    if (l->stream->ops->may_lag(l->stream) &&
        buf_len(&l->net) > l->node->config->core.limits.output_bytes / 4)
        l->lagging = true;
}

bool link_wants_input(const struct node_link *l)
{
    if (l->state == LINK_CLOSING)
        return true; /* to see the end */
    if (l->state == LINK_HANDSHAKE)
        return true;
    return buf_len(&l->in) == 0 && may_parse(l);
}

void link_tell(struct node_link *l)
{
    bool input = link_wants_input(l);
    bool news = buf_len(&l->net) > 0 || input != l->told_input || l->state == LINK_CLOSED ||
                (l->state == LINK_CLOSING && buf_len(&l->net) == 0);
    l->told_input = input;
    if (news && !list_linked(&l->ready))
        list_push(&l->node->ready, &l->ready);
}
