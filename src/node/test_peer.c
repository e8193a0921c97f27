/* A peer of a node: its bytes, its TLS, its login. */
#include "node/test_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "wire/tls_client.h"
#include "xmpp/test_sasl_client.h"

const struct node_listener PEER_PLAIN = {.tls = NODE_TLS_NONE, .plain_without_tls = true};
const struct node_listener PEER_STARTTLS = {.tls = NODE_TLS_STARTTLS, .require_tls = true};
const struct node_listener PEER_DIRECT = {.tls = NODE_TLS_DIRECT, .require_tls = true};

/* One certificate for both hosts of the bench, made once. */
static struct {
    struct tls_context *server, *client;
    struct node_host_tls hosts[2];
} tls;

void peer_certificates(struct bench *b, const struct node_listener *listener)
{
    if (tls.server == NULL) {
        const struct slice names[] = {SLICE("example.org"), SLICE("example.net")};
        struct buf chain = {0}, key = {0};
        enum tls_problem problem;
        CHECK(tls_make_certificate(names, 2, b->now.wall_ms / 1000, &chain, &key) == 0);
        tls.server = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
        tls.client =
            tls_context_client(&(struct tls_trust){.anchors_pem = buf_slice(&chain)}, &problem);
        CHECK(tls.server != NULL && tls.client != NULL);
        for (size_t i = 0; i < 2; i++)
            tls.hosts[i] = (struct node_host_tls){.name = names[i], .tls = tls.server};
        buf_free(&chain);
        buf_free(&key);
    }
    b->config.tls = tls.hosts;
    b->config.tls_count = 2;
    b->config.listeners = listener;
}

static struct buf record; /* of an account with BENCH_PASSWORD */

void peer_account(struct bench *b, const char *bare)
{
    static const uint8_t SALTS[SASL_HASHES][SASL_SALT_BYTES] = {{1}, {2}, {3}};
    if (buf_len(&record) == 0) {
        struct sasl_credentials c;
        struct buf keys = {0};
        CHECK(sasl_credentials_derive(SLICE(BENCH_PASSWORD), SASL_ITERATIONS_MIN, SALTS, &c) == 0);
        CHECK(sasl_credentials_encode(&c, &keys) == 0);
        struct account_record r = {.created_ms = 1, .credentials = buf_slice(&keys)};
        account_record_encode(&r, &record);
        buf_free(&keys);
    }
    bench_put(b, bare, "account", "", buf_slice(&record));
}

int peer_free_all(void **state)
{
    (void)state;
    buf_free(&record);
    tls_context_unref(&tls.server);
    tls_context_unref(&tls.client);
    return 0;
}

struct peer *peer_new(struct bench *b)
{
    return peer_new_to(b, 0);
}

struct peer *peer_new_to(struct bench *b, uint32_t listener)
{
    struct peer *p = mem_new(struct peer);
    p->bench = b;
    p->client = bench_connect_to(b, listener);
    p->client->deaf = true; /* the bench leaves the output to us */
    peer_take(p);
    return p;
}

void peer_free(struct peer **peer)
{
    struct peer *p = *peer;
    *peer = NULL;
    client_lose(&p->client);
    wire_free(&p->wire);
    buf_free(&p->net);
    buf_free(&p->got);
    mem_free(p);
}

static void receive(struct peer *p, struct xml x)
{
    struct received *r = mem_new(struct received);
    xml_write_node(&r->text, x, NS_CLIENT);
    list_push(&p->client->inbox, &r->link);
    if (xml_is(x, NS_SASL, SLICE("success")) || xml_is(x, NS_TLS, SLICE("proceed")))
        xml_parser_restart(p->client->parser);
}

static void parse(struct peer *p, struct slice bytes)
{
    struct slice all = bytes;
    while (bytes.len > 0 && !p->bad) {
        enum xml_event event = xml_parser_feed(p->client->parser, &bytes);
        if (event == XML_STANZA && !p->closed)
            receive(p, xml_root(xml_parser_tree(p->client->parser)));
        else if (event == XML_OPEN)
            p->headers++;
        else if (event == XML_CLOSE && !p->closed && bytes.len == 0)
            p->closed = true;
        else if (event != XML_MORE)
            p->bad = true;
    }
    if (p->bad && !p->loose) {
        print_error("the server wrote bad XML: %.*s\n", SLICE_ARG(all));
        _fail(__FILE__, __LINE__);
    }
}

/* What the server wrote, once; false when there was nothing. */
static bool take(struct peer *p)
{
    struct client *c = p->client;
    struct buf *out = c->conn != NULL ? node_output(c->conn) : NULL;
    if (out == NULL || buf_len(out) == 0 || p->deaf)
        return false;
    struct buf bytes = {0}, up = {0};
    buf_add(&bytes, buf_slice(out));
    buf_consume(out, buf_len(out));
    node_sent(p->bench->nodes[c->shard], c->conn);
    struct slice plain = buf_slice(&bytes);
    if (p->wire != NULL) {
        p->wire->ops->feed(p->wire, plain, &up, &p->net, p->bench->now);
        plain = buf_slice(&up);
    }
    buf_add(&p->got, plain);
    parse(p, plain);
    buf_free(&bytes);
    buf_free(&up);
    return true;
}

/* Puts on its way what is to go to the server. */
static void give(struct peer *p)
{
    while (buf_len(&p->net) > 0 && p->client->conn != NULL) {
        size_t n = p->piece > 0 && p->piece < buf_len(&p->net) ? p->piece : buf_len(&p->net);
        buf_append(&p->client->unsent, buf_slice(&p->net).ptr, n);
        buf_consume(&p->net, n);
        bench_run(p->bench);
    }
    buf_free(&p->net);
}

void peer_take(struct peer *p)
{
    do {
        give(p);
        bench_run(p->bench);
    } while (take(p));
}

void peer_raw(struct peer *p, struct slice bytes)
{
    buf_add(&p->net, bytes);
    peer_take(p);
}

void peer_bytes(struct peer *p, struct slice bytes)
{
    if (p->wire == NULL)
        peer_raw(p, bytes);
    else if (p->wire->ops->send(p->wire, bytes, &p->net) == 0)
        peer_take(p);
}

void peer_text(struct peer *p, const char *text)
{
    peer_bytes(p, slice_z(text));
}

void peer_pieces(struct peer *p, struct slice bytes, size_t piece)
{
    while (bytes.len > 0) {
        size_t n = bytes.len < piece ? bytes.len : piece;
        peer_bytes(p, slice_of(bytes.ptr, n));
        bytes = slice_from(bytes, n);
    }
}

bool peer_gone(const struct peer *p)
{
    return p->client->conn == NULL;
}

struct c2s *peer_stream(const struct peer *p)
{
    struct node_link *l = p->client->conn;
    return l != NULL ? CONTAINER_OF(l->stream, struct c2s, base) : NULL;
}

void peer_clear(struct peer *p)
{
    client_discard(p->client);
    buf_clear(&p->got);
}

bool peer_has(const struct peer *p, const char *text)
{
    struct slice got = buf_slice(&p->got);
    return got.len > 0 && memmem(got.ptr, got.len, text, strlen(text)) != NULL;
}

const char *peer_error(const struct peer *p)
{
    static char name[64];
    name[0] = '\0';
    if (list_empty(&p->client->inbox))
        return name;
    const struct received *last = CONTAINER_OF(p->client->inbox.prev, struct received, link);
    struct xml_tree *tree = NULL;
    if (xml_parse(buf_slice(&last->text), NS_CLIENT, &XML_LIMITS_C2S, &tree) != XML_OK)
        return name;
    struct xml root = xml_root(tree);
    if (xml_is(root, SLICE(PEER_STREAMS), SLICE("error")))
        snprintf(name, sizeof(name), "%.*s", SLICE_ARG(xml_name(xml_first_element(root))));
    xml_tree_free(&tree);
    return name;
}

void peer_check_refused(struct peer *p, const char *error, const char *file, int line)
{
    bool ended = peer_gone(p) && p->closed && p->headers > 0;
    if (ended && strcmp(peer_error(p), error) == 0)
        return;
    print_error("expected the end by %s; %s, %s, error \"%s\"; came: %.*s\n", error,
                p->closed ? "closed" : "not closed", peer_gone(p) ? "gone" : "not gone",
                peer_error(p), SLICE_ARG(buf_slice(&p->got)));
    _fail(file, line);
}

bool peer_shake(struct peer *p, struct slice alpn)
{
    struct buf up = {0};
    p->wire =
        tls_connect_new(tls.client, &(struct tls_connect){.host = SLICE("example.org"),
                                                          .alpn = alpn,
                                                          .now_s = p->bench->now.wall_ms / 1000});
    CHECK(p->wire != NULL);
    p->wire->ops->feed(p->wire, SLICE_NONE, &up, &p->net, p->bench->now);
    buf_free(&up);
    peer_take(p);
    return p->wire->ops->state(p->wire) == WIRE_OPEN;
}

void peer_binding(const struct peer *p, struct sasl_binding *out,
                  uint8_t scratch[SASL_BINDING_BYTES])
{
    *out = (struct sasl_binding){0};
    if (p->wire == NULL)
        return;
    if (tls_exporter(p->wire, scratch))
        out->tls_exporter = slice_of((const char *)scratch, 32);
    size_t n = tls_server_end_point(p->wire, scratch + 32);
    if (n > 0)
        out->tls_server_end_point = slice_of((const char *)scratch + 32, n);
}

/* Header and features; STARTTLS on the way. */
static struct xml features(struct peer *p)
{
    peer_text(p, PEER_HEADER);
    struct xml x = client_next(p->client);
    if (p->wire == NULL && xml_some(xml_child(x, NS_TLS, SLICE("starttls")))) {
        peer_text(p, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        expect(p->client, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        if (!peer_shake(p, SLICE_NONE))
            fail_msg("the TLS handshake failed");
        peer_text(p, PEER_HEADER);
        x = client_next(p->client);
    }
    return x;
}

enum { OFFERED_MAX = 8, TYPES_MAX = 4 };

/* What came of the offer, for the client to compare (XEP-0474); how many types. */
static size_t offer_of(struct xml features, struct xml mechanisms, struct slice types[TYPES_MAX],
                       struct buf *out)
{
    struct slice names[OFFERED_MAX];
    size_t n = 0, m = 0;
    struct slice ns = xml_ns(mechanisms);
    struct xml x = xml_child(mechanisms, ns, SLICE("mechanism"));
    for (; xml_some(x) && n < OFFERED_MAX; x = xml_next_named(x, ns, SLICE("mechanism")))
        names[n++] = xml_text(x);
    x = xml_first_element(xml_child(features, NS_CHANNEL_BINDING, SLICE("sasl-channel-binding")));
    for (; xml_some(x) && m < TYPES_MAX; x = xml_next_element(x))
        types[m++] = xml_attr(x, SLICE("type"));
    CHECK(sasl_offer_text(names, n, types, m, out) == 0);
    return m;
}

static struct sasl_client *choose(struct peer *p, const char *user, const char *mechanism,
                                  bool modern)
{
    struct slice offered[OFFERED_MAX], types[TYPES_MAX];
    size_t n = 0;
    uint8_t scratch[SASL_BINDING_BYTES];
    struct buf offer = {0};
    struct sasl_client_config config = {
        .user = slice_z(user),
        .password = p->password != NULL ? slice_z(p->password) : SLICE(BENCH_PASSWORD),
        .authzid = slice_z(p->authzid),
        .tls = p->wire != NULL,
        .sasl2 = modern,
        .plain_allowed = true,
        .plain_without_tls = true,
    };
    struct xml all = features(p);
    struct xml list = modern ? xml_child(all, NS_SASL2, SLICE("authentication"))
                             : xml_child(all, NS_SASL, SLICE("mechanisms"));
    size_t n_types = offer_of(all, list, types, &offer);
    config.offer = buf_slice(&offer);
    struct xml x = xml_child(list, xml_ns(list), SLICE("mechanism"));
    for (; xml_some(x) && n < OFFERED_MAX; x = xml_next_named(x, xml_ns(list), SLICE("mechanism")))
        if (mechanism == NULL || slice_eq(xml_text(x), slice_z(mechanism)))
            offered[n++] = xml_text(x);
    if (mechanism == NULL || strstr(mechanism, "-PLUS") != NULL)
        peer_binding(p->relayed != NULL ? p->relayed : p, &config.binding, scratch);
    if (p->end_point)
        config.binding.tls_exporter = SLICE_NONE;
    enum sasl_client_problem problem;
    struct sasl_client *c = sasl_client_new(&config, offered, n, types, n_types, n_types > 0,
                                            &p->bench->inside->rng, &problem);
    buf_free(&offer);
    return c;
}

static struct slice decoded(struct slice text, struct buf *out)
{
    size_t len = 0;
    buf_clear(out);
    if (text.ptr == NULL)
        return SLICE_NONE;
    CHECK(buf_reserve(out, text.len + 1) == 0 && base64_decode(text, out->ptr, &len));
    return slice_of(out->ptr, len);
}

static void say(struct peer *p, const char *element, struct slice mechanism, struct slice data)
{
    struct buf text = {0};
    buf_printf(&text, "<%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'", element);
    if (mechanism.len > 0)
        buf_printf(&text, " mechanism='%.*s'", SLICE_ARG(mechanism));
    buf_byte(&text, '>');
    base64_append(&text, data);
    buf_printf(&text, "</%s>", element);
    peer_bytes(p, buf_slice(&text));
    buf_free(&text);
}

static bool exchange(struct peer *p, struct sasl_client *c)
{
    struct buf out = {0}, in = {0};
    bool good = test_sasl_start(c, &out) == 0, done = false;
    if (good)
        say(p, "auth", sasl_client_mechanism(c), buf_slice(&out));
    while (good && !done) {
        struct xml x = client_next(p->client);
        struct slice data = decoded(xml_text(x), &in);
        if (xml_is(x, NS_SASL, SLICE("challenge"))) {
            good = test_sasl_challenge(c, data, &out) == 0;
            if (good)
                say(p, "response", SLICE_NONE, buf_slice(&out));
        } else {
            done = true;
            good = xml_is(x, NS_SASL, SLICE("success")) && test_sasl_success(c, data) == 0;
        }
    }
    buf_free(&out);
    buf_free(&in);
    return good;
}

bool peer_login(struct peer *p, const char *user, const char *mechanism)
{
    struct sasl_client *c = choose(p, user, mechanism, false);
    bool good = c != NULL && exchange(p, c);
    sasl_client_free(&c);
    if (good)
        peer_text(p, PEER_HEADER);
    return good;
}

/* One message in the words of XEP-0388. */
static void say_modern(struct peer *p, const struct sasl_client *c, struct slice data,
                       const char *more)
{
    struct buf text = {0};
    if (more != NULL)
        buf_printf(&text,
                   "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='%.*s'><initial-response>",
                   SLICE_ARG(sasl_client_mechanism(c)));
    else
        buf_lit(&text, "<response xmlns='urn:xmpp:sasl:2'>");
    base64_append(&text, data);
    if (more != NULL)
        buf_printf(&text, "</initial-response>%s</authenticate>", more);
    else
        buf_lit(&text, "</response>");
    peer_bytes(p, buf_slice(&text));
    buf_free(&text);
}

bool peer_modern(struct peer *p, const char *user, const char *mechanism, const char *more)
{
    struct sasl_client *c = choose(p, user, mechanism, true);
    struct buf out = {0}, in = {0};
    bool good = c != NULL && test_sasl_start(c, &out) == 0;
    if (good)
        say_modern(p, c, buf_slice(&out), more);
    struct xml x = good ? client_next(p->client) : XML_NONE;
    if (xml_is(x, NS_SASL2, SLICE("challenge"))) {
        good = test_sasl_challenge(c, decoded(xml_text(x), &in), &out) == 0;
        if (good) {
            say_modern(p, c, buf_slice(&out), NULL);
            x = client_next(p->client);
        }
    }
    struct xml data = xml_child(x, NS_SASL2, SLICE("additional-data"));
    good = good && xml_is(x, NS_SASL2, SLICE("success")) &&
           test_sasl_success(c, decoded(xml_text(data), &in)) == 0;
    sasl_client_free(&c);
    buf_free(&out);
    buf_free(&in);
    return good;
}

bool peer_bind(struct peer *p, const char *user, const char *resource)
{
    char text[256];
    if (!peer_login(p, user, p->wire == NULL ? "PLAIN" : NULL))
        return false;
    client_discard(p->client);
    snprintf(text, sizeof(text),
             "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
             "<resource>%s</resource></bind></iq>",
             resource);
    peer_text(p, text);
    struct xml x = client_next(p->client);
    snprintf(p->client->jid, sizeof(p->client->jid), "%s@example.org/%s", user, resource);
    return slice_is(xml_attr(x, SLICE("type")), "result");
}

void peer_check_alive(struct peer *p, const char *file, int line)
{
    static unsigned n;
    char text[160], pattern[64];
    snprintf(text, sizeof(text),
             "<iq type='set' id='alive%u'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"
             "</iq>",
             ++n);
    snprintf(pattern, sizeof(pattern), "<iq type='result' id='alive%u'/>", n);
    peer_text(p, text);
    client_expect(p->client, pattern, file, line);
}
