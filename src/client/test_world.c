/* A client and a server that behaves, in one process. */
#include "client/test_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

#define HEADER                                                                                     \
    "<?xml version='1.0'?><stream:stream from='example.org' id='s1' version='1.0'"                 \
    " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

enum { STEPS_MAX = 100000, WAITS_MAX = 1000 };

uint32_t world_random(struct world *w, uint32_t below)
{
    w->random = w->random * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)w->random * below) >> 32);
}

/* ---------------------------------------------------------------------------------- the server */

static void say(struct world *w, struct slice text)
{
    if (w->bend != NULL)
        w->bend(w, text, &w->down);
    else
        CHECK(buf_add(&w->down, text) == 0);
}

#define SAY(w, lit) say((w), SLICE(lit))

static void sayf(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void sayf(struct world *w, const char *format, ...)
{
    struct buf b = {0};
    va_list args;
    va_start(args, format);
    CHECK(buf_vprintf(&b, format, args) == 0);
    va_end(args);
    say(w, buf_slice(&b));
    buf_free(&b);
}

static void forget(struct world_server *s, size_t n)
{
    CHECK(n <= s->queued);
    for (size_t i = 0; i < n; i++)
        free(s->queue[i]);
    memmove(s->queue, s->queue + n, (s->queued - n) * sizeof(s->queue[0]));
    s->queued -= n;
    s->out_h += (uint32_t)n;
}

static void acknowledged(struct world_server *s, struct xml x)
{
    unsigned long long h;
    uint32_t more = 0;
    bool good = slice_to_u64(xml_attr(x, SLICE("h")), &h) && h <= UINT32_MAX;
    if (good)
        more = (uint32_t)h - s->out_h;
    if (good && more <= s->queued)
        forget(s, more);
    else
        s->violations++;
}

/* A stanza of the session; kept until it is acknowledged. */
static void deliver(struct world *w, const char *text)
{
    struct world_server *s = &w->server;
    bool stands = s->bound && w->conn != 0 && !s->closed && (s->counting || s->no_sm);
    if (stands)
        say(w, slice_z(text));
    if (stands && s->no_sm)
        return;
    CHECK(s->queued < WORLD_QUEUE);
    s->queue[s->queued++] = strdup(text);
}

static void features(struct world *w)
{
    struct world_server *s = &w->server;
    if (!s->authenticated)
        SAY(w, "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
               "<mechanism>PLAIN</mechanism></mechanisms></stream:features>");
    else
        sayf(w,
             "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>%s"
             "<csi xmlns='urn:xmpp:csi:0'/></stream:features>",
             s->no_sm ? "" : "<sm xmlns='urn:xmpp:sm:3'/>");
}

/* Messages that the session that was replaced did not get; the rest is of no use. */
static void deliver_again(struct world *w)
{
    struct world_server *s = &w->server;
    size_t n = 0;
    for (size_t i = 0; i < s->queued; i++) {
        if (strncmp(s->queue[i], "<message", 8) != 0) {
            free(s->queue[i]);
            continue;
        }
        s->queue[n++] = s->queue[i];
        say(w, slice_z(s->queue[n - 1]));
    }
    s->queued = n;
}

static void bind(struct world *w, struct xml iq)
{
    struct world_server *s = &w->server;
    struct slice id = xml_attr(iq, SLICE("id"));
    sayf(w,
         "<iq type='result' id='%.*s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
         "<jid>me@example.org/here</jid></bind></iq>",
         SLICE_ARG(id));
    s->bound = true;
    s->counting = s->resumable = false;
    s->in_h = 0;
    s->sessions++;
    if (s->no_sm) {
        deliver_again(w);
        forget(s, s->queued);
    }
}

static void enable(struct world *w)
{
    struct world_server *s = &w->server;
    s->counting = s->resumable = true;
    s->in_h = s->out_h = 0;
    s->session++;
    sayf(w, "<enabled xmlns='urn:xmpp:sm:3' id='s%u' resume='true'/>", s->session);
    deliver_again(w);
}

static void resume(struct world *w, struct xml x)
{
    struct world_server *s = &w->server;
    struct slice previd = xml_attr(x, SLICE("previd"));
    char id[16];
    snprintf(id, sizeof(id), "s%u", s->session);
    if (!s->resumable || s->forgetful || !slice_eq(previd, slice_z(id))) {
        if (s->resumable && slice_eq(previd, slice_z(id)))
            sayf(w, "<failed xmlns='urn:xmpp:sm:3' h='%u'/>", s->in_h);
        else
            SAY(w, "<failed xmlns='urn:xmpp:sm:3'/>");
        return;
    }
    acknowledged(s, x);
    s->bound = s->counting = true;
    s->resumptions++;
    sayf(w, "<resumed xmlns='urn:xmpp:sm:3' h='%u' previd='%s'/>", s->in_h, id);
    for (size_t i = 0; i < s->queued; i++)
        say(w, slice_z(s->queue[i]));
}

static void take_request(struct world *w, struct xml x)
{
    struct world_server *s = &w->server;
    struct slice id = xml_attr(x, SLICE("id")), to = xml_attr(x, SLICE("to"));
    struct slice payload = xml_name(xml_first_element(x));
    struct buf b = {0};
    s->requests++;
    if (s->silent || slice_is(payload, "ignore"))
        return;
    bool refuse = slice_is(payload, "refuse");
    buf_lit(&b, "<iq");
    xml_write_attr(&b, SLICE("type"), refuse ? SLICE("error") : SLICE("result"));
    xml_write_attr(&b, SLICE("id"), id);
    if (to.ptr != NULL)
        xml_write_attr(&b, SLICE("from"), to);
    buf_byte(&b, '>');
    if (refuse)
        buf_lit(&b, "<error type='cancel'><item-not-found "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
    CHECK(buf_append(&b, "</iq>", 6) == 0 && !b.failed);
    deliver(w, buf_slice(&b).ptr);
    buf_free(&b);
}

static void take_stanza(struct world *w, struct xml x)
{
    struct world_server *s = &w->server;
    struct slice name = xml_name(x), type = xml_attr(x, SLICE("type"));
    unsigned long long id;
    s->in_h += s->counting;
    if (slice_is(name, "presence")) {
        s->presences++;
    } else if (slice_is(name, "iq")) {
        if (slice_is(type, "get") || slice_is(type, "set"))
            take_request(w, x);
        else
            s->answers++;
    } else if (slice_to_u64(xml_attr(x, SLICE("id")), &id) && id < WORLD_MESSAGES) {
        s->got[id]++;
        s->reordered += id < s->last;
        s->last = (unsigned)id;
    }
}

static void take_element(struct world *w, struct xml x)
{
    struct world_server *s = &w->server;
    struct slice ns = xml_ns(x), name = xml_name(x);
    if (slice_is(name, "auth")) {
        SAY(w, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        s->authenticated = true;
        xml_parser_restart(s->parser);
    } else if (slice_is(name, "iq") && !s->bound) {
        bind(w, x);
    } else if (!slice_eq(ns, NS_SM)) {
        if (slice_eq(ns, NS_CLIENT) && s->bound)
            take_stanza(w, x);
    } else if (slice_is(name, "enable")) {
        enable(w);
    } else if (slice_is(name, "resume")) {
        resume(w, x);
    } else if (slice_is(name, "r") && s->counting && !s->deaf) {
        sayf(w, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", s->in_h);
    } else if (slice_is(name, "a") && s->counting) {
        acknowledged(s, x);
    }
}

static void take(struct world *w, struct slice in)
{
    struct world_server *s = &w->server;
    while (!s->closed) {
        enum xml_event event = xml_parser_feed(s->parser, &in);
        struct xml x = xml_root(xml_parser_tree(s->parser));
        if (event == XML_MORE)
            return;
        if (event == XML_BAD) {
            s->bad++;
            s->closed = true;
        } else if (event == XML_OPEN) {
            SAY(w, HEADER);
            features(w);
        } else if (event == XML_STANZA) {
            take_element(w, x);
        } else { /* a session that ends in order is over */
            SAY(w, "</stream:stream>");
            s->closed = true;
            s->resumable = s->bound = s->counting = false;
        }
    }
}

static void hang_up(struct world *w)
{
    struct world_server *s = &w->server;
    xml_parser_free(&s->parser);
    s->authenticated = s->bound = s->closed = false;
    w->conn = 0;
    buf_clear(&w->up);
    buf_clear(&w->down);
}

void world_serve(struct world *w, const void *bytes, size_t len)
{
    if (w->conn == 0) {
        w->conn = 1;
        w->server.parser = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
        CHECK(w->server.parser != NULL);
    }
    take(w, slice_of(bytes, len));
}

void world_hang_up(struct world *w)
{
    hang_up(w);
}

/* ---------------------------------------------------------------------------------- the client */

static void fill_random(void *ctx, void *out, size_t n)
{
    struct world *w = ctx;
    unsigned char *bytes = out;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)world_random(w, 256);
}

static void around(struct world *w, bool inside)
{
    if (w->around != NULL)
        w->around(inside);
}

static void feed(struct world *w, struct burble_input in)
{
    around(w, true);
    bool lives = w->c == NULL || burble_feed(w->c, &in, w->now);
    around(w, false);
    if (!lives)
        w->c = NULL;
}

int world_restart(struct world *w, const void *state, size_t len)
{
    struct burble_config config = w->config;
    config.state = state;
    config.state_len = len;
    CHECK(w->c == NULL);
    hang_up(w);
    around(w, true);
    int err = burble_new(&config, &w->c);
    around(w, false);
    if (err == 0)
        burble_set_outside(w->c, &(struct burble_outside){.random = fill_random, .ctx = w});
    return err;
}

int world_try(struct world *w, const struct burble_config *config)
{
    *w = (struct world){.config = *config,
                        .now = {.mono_ms = 1000, .wall_ms = 1800000000000},
                        .random = 1,
                        .around = w->around};
    w->config.jid = "me@example.org";
    w->config.password = "secret";
    w->config.host = "xmpp.example.org";
    w->config.security = BURBLE_TLS_NONE;
    w->config.flags |= BURBLE_UNSAFE_PLAIN;
    return world_restart(w, config->state, config->state_len);
}

void world_new(struct world *w, const struct burble_config *config)
{
    w->around = NULL;
    CHECK(world_try(w, config) == 0);
}

static void answer(struct world *w, const struct burble_effect *e)
{
    struct burble_address address = {.family = 4, .ip = {192, 0, 2, 1}};
    struct burble_input in = {.id = e->id};
    switch (e->kind) {
    case BURBLE_DO_RESOLVE_SRV:
        in.kind = BURBLE_IN_SRV;
        in.failure = "no such name";
        in.no_name = true;
        break;
    case BURBLE_DO_RESOLVE_HOST:
        in.kind = BURBLE_IN_HOST;
        in.addresses = &address;
        in.count = 1;
        break;
    case BURBLE_DO_CONNECT:
        CHECK(w->conn == 0);
        in.kind = w->unreachable ? BURBLE_IN_CLOSED : BURBLE_IN_CONNECTED;
        in.failure = "connection refused";
        if (!w->unreachable) {
            w->conn = e->id;
            w->opened++;
            w->server.parser = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
            CHECK(w->server.parser != NULL);
        }
        break;
    case BURBLE_DO_CLOSE:
        if (e->id == w->conn) {
            w->closed++;
            hang_up(w);
        }
        return;
    case BURBLE_DO_CANCEL:
        return;
    }
    feed(w, in);
}

static bool take_effect(struct world *w)
{
    struct burble_effect e;
    if (w->c == NULL || !burble_next(w->c, &e))
        return false;
    e.name = NULL;
    answer(w, &e);
    return true;
}

static void take_output(struct world *w)
{
    const void *data;
    size_t len;
    uint32_t id;
    if (w->c == NULL)
        return;
    around(w, true);
    len = burble_output(w->c, &data, &id);
    around(w, false);
    if (len == 0)
        return;
    if (id == w->conn)
        CHECK(buf_append(&w->up, data, len) == 0);
    burble_wrote(w->c, len);
}

/* The first bytes of what is on its way. */
static size_t piece(struct world *w, const struct buf *b)
{
    size_t len = buf_len(b);
    if (w->piece == 0 || len <= 1)
        return len;
    size_t most = w->piece < len ? w->piece : len;
    return 1 + world_random(w, (uint32_t)most);
}

/* The connection is cut, once. */
static void end_here(struct world *w)
{
    static const char CLOSE[] = "</stream:stream>";
    w->cut = 0;
    if (w->cut_how == WORLD_CLOSE)
        feed(w,
             (struct burble_input){
                 .kind = BURBLE_IN_BYTES, .id = w->conn, .data = CLOSE, .len = sizeof(CLOSE) - 1});
    world_break(w, w->cut_how == WORLD_RST ? "the connection was reset" : NULL);
}

bool world_step(struct world *w)
{
    if (take_effect(w))
        return true;
    take_output(w);
    bool up = buf_len(&w->up) > 0, down = buf_len(&w->down) > 0 && w->conn != 0;
    if (up && (!down || world_random(w, 2) == 0)) {
        size_t n = piece(w, &w->up);
        struct slice all = buf_slice(&w->up);
        take(w, slice_of(all.ptr, n));
        buf_consume(&w->up, n);
        return true;
    }
    if (down) {
        char *copy;
        size_t n = piece(w, &w->down);
        if (w->cut > 0 && w->said + n > w->cut)
            n = w->cut - w->said;
        if (n == 0) {
            end_here(w);
            return true;
        }
        w->said += n;
        copy = malloc(n);
        CHECK(copy != NULL);
        memcpy(copy, buf_slice(&w->down).ptr, n);
        buf_consume(&w->down, n);
        feed(w,
             (struct burble_input){.kind = BURBLE_IN_BYTES, .id = w->conn, .data = copy, .len = n});
        free(copy);
        return true;
    }
    if (w->c != NULL && burble_deadline(w->c) <= w->now.mono_ms) {
        feed(w, (struct burble_input){.kind = BURBLE_IN_TIME});
        return true;
    }
    if (w->c != NULL && w->conn != 0 && (burble_output_ends(w->c) || w->server.closed)) {
        world_break(w, NULL); /* both sides have ended, or the client has */
        return true;
    }
    return false;
}

void world_settle(struct world *w)
{
    unsigned steps = 0;
    while (world_step(w))
        CHECK(++steps < STEPS_MAX);
}

void world_pass(struct world *w, uint32_t ms)
{
    w->now.mono_ms += ms;
    w->now.wall_ms += ms;
    feed(w, (struct burble_input){.kind = BURBLE_IN_TIME});
}

void world_wait(struct world *w)
{
    world_settle(w);
    uint64_t at = w->c != NULL ? burble_deadline(w->c) : BURBLE_NEVER;
    if (at != BURBLE_NEVER && at > w->now.mono_ms)
        world_pass(w, (uint32_t)(at - w->now.mono_ms));
    world_settle(w);
}

static bool reach(struct world *w, enum burble_state state, bool rest)
{
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        world_settle(w);
        if (w->c == NULL || (!rest && burble_state(w->c) == BURBLE_OFFLINE))
            return w->c != NULL && burble_state(w->c) == state;
        if (burble_state(w->c) == state)
            return true;
        world_wait(w);
    }
    return false;
}

bool world_reach(struct world *w, enum burble_state state)
{
    return reach(w, state, true);
}

bool world_reach_soon(struct world *w, enum burble_state state)
{
    return reach(w, state, false);
}

void world_break(struct world *w, const char *failure)
{
    uint32_t id = w->conn;
    if (id == 0)
        return;
    w->closed++;
    hang_up(w);
    feed(w, (struct burble_input){.kind = BURBLE_IN_CLOSED, .id = id, .failure = failure});
}

void world_say(struct world *w, const char *stanza)
{
    deliver(w, stanza);
}

void world_raw(struct world *w, const char *text)
{
    if (w->conn != 0)
        say(w, slice_z(text));
}

void world_end(struct world *w)
{
    around(w, true);
    burble_free(&w->c);
    around(w, false);
    hang_up(w);
    forget(&w->server, w->server.queued);
    buf_free(&w->up);
    buf_free(&w->down);
}
