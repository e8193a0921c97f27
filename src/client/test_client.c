/* The test's side of a client. */
#include "client/test_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/message.h"

enum { EFFECTS = 8 };

static void fill_random(void *ctx, void *out, size_t n)
{
    struct test_client *t = ctx;
    unsigned char *bytes = out;
    for (size_t i = 0; i < n; i++) {
        t->next_random = t->next_random * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(t->next_random >> 24);
    }
}

void test_new(struct test_client *t, const struct burble_config *config)
{
    struct burble_config own = *config;
    *t = (struct test_client){.now = {.mono_ms = 1000, .wall_ms = 1800000000000}};
    own.jid = own.jid != NULL ? own.jid : "me@example.org";
    own.password = own.password != NULL ? own.password : "secret";
    own.host = own.host != NULL ? own.host : "xmpp.example.org";
    if (own.security == BURBLE_TLS)
        own.security = BURBLE_TLS_NONE;
    own.flags |= BURBLE_UNSAFE_PLAIN;
    CHECK(burble_new(&own, &t->c) == 0);
    burble_set_outside(t->c, &(struct burble_outside){.random = fill_random, .ctx = t});
}

static void feed(struct test_client *t, struct burble_input in)
{
    if (t->c != NULL)
        (void)burble_feed(t->c, &in, t->now);
    test_collect(t);
}

static void receive(struct test_client *t, struct slice bytes)
{
    feed(t, (struct burble_input){
                .kind = BURBLE_IN_BYTES, .id = t->conn, .data = bytes.ptr, .len = bytes.len});
}

/* Bytes of the client to where the test reads them. */
static void take_output(struct test_client *t, struct slice bytes)
{
    struct buf up = {0}, down = {0};
    struct now now = {.mono_ms = t->now.mono_ms, .wall_ms = t->now.wall_ms};
    if (t->tls == NULL) {
        CHECK(buf_add(&t->sent, bytes) == 0);
        return;
    }
    (void)t->tls->ops->feed(t->tls, bytes, &up, &down, now);
    CHECK(buf_add(&t->sent, buf_slice(&up)) == 0);
    if (buf_len(&down) > 0 && t->conn != 0)
        receive(t, buf_slice(&down));
    buf_free(&up);
    buf_free(&down);
}

void test_start_tls(struct test_client *t, struct tls_context *context)
{
    struct tls_accept accept = {0};
    struct buf early = t->sent;
    t->sent = (struct buf){0};
    t->tls = tls_accept_new(&accept, context);
    CHECK(t->tls != NULL);
    take_output(t, buf_slice(&early));
    buf_free(&early);
}

static void collect(struct test_client *t)
{
    struct burble_effect e;
    const void *data;
    size_t len;
    while (burble_next(t->c, &e)) {
        if (e.kind == BURBLE_DO_CLOSE && e.id == t->conn) {
            t->conn = 0;
            wire_free(&t->tls);
        }
        CHECK(t->effect_count < EFFECTS);
        snprintf(t->names[t->effect_count], sizeof(t->names[0]), "%s",
                 e.name != NULL ? e.name : "");
        e.name = t->names[t->effect_count];
        t->effects[t->effect_count++] = e;
    }
    while (t->c != NULL && (len = burble_output(t->c, &data, NULL)) > 0) {
        struct buf bytes = {0};
        CHECK(buf_append(&bytes, data, len) == 0);
        burble_wrote(t->c, len);
        take_output(t, buf_slice(&bytes));
        buf_free(&bytes);
    }
}

void test_collect(struct test_client *t)
{
    if (t->c != NULL)
        collect(t);
    while (t->c != NULL && burble_deadline(t->c) == 0) { /* work in slices */
        struct burble_input in = {.kind = BURBLE_IN_TIME};
        t->slices++;
        if (!burble_feed(t->c, &in, t->now))
            break;
        collect(t);
    }
}

static bool take(struct test_client *t, enum burble_effect_kind kind, struct burble_effect *out)
{
    for (size_t i = 0; i < t->effect_count; i++) {
        if (t->effects[i].kind != kind)
            continue;
        *out = t->effects[i];
        t->effects[i] = t->effects[--t->effect_count];
        return true;
    }
    return false;
}

void test_reach(struct test_client *t)
{
    struct burble_effect e;
    struct burble_address address = {.family = 4, .ip = {192, 0, 2, 1}};
    test_pass(t, 0);
    while (burble_state(t->c) == BURBLE_WAITING) {
        uint64_t at = burble_deadline(t->c);
        test_pass(t, at > t->now.mono_ms ? (uint32_t)(at - t->now.mono_ms) : 0);
    }
    while (t->conn == 0) {
        if (take(t, BURBLE_DO_RESOLVE_SRV, &e)) {
            feed(t, (struct burble_input){.kind = BURBLE_IN_SRV,
                                          .id = e.id,
                                          .failure = "no such name",
                                          .no_name = true});
        } else if (take(t, BURBLE_DO_RESOLVE_HOST, &e)) {
            feed(t, (struct burble_input){
                        .kind = BURBLE_IN_HOST, .id = e.id, .addresses = &address, .count = 1});
        } else {
            CHECK(take(t, BURBLE_DO_CONNECT, &e));
            t->conn = e.id;
            feed(t, (struct burble_input){.kind = BURBLE_IN_CONNECTED, .id = e.id});
        }
    }
    t->effect_count = 0;
}

void test_receive(struct test_client *t, const char *bytes)
{
    CHECK(t->conn != 0);
    if (t->tls == NULL) {
        receive(t, slice_z(bytes));
        return;
    }
    struct buf down = {0};
    CHECK(t->tls->ops->send(t->tls, slice_z(bytes), &down) == 0);
    receive(t, buf_slice(&down));
    buf_free(&down);
}

void test_receivef(struct test_client *t, const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    CHECK(buf_vprintf(&text, fmt, args) == 0 && buf_byte(&text, '\0') == 0);
    va_end(args);
    test_receive(t, buf_slice(&text).ptr);
    buf_free(&text);
}

void test_request(struct test_client *t, const char *type, const char *to, char id[TEST_ID_BYTES])
{
    struct buf text = {0};
    CHECK(buf_printf(&text, "<iq type='%s' id='", type) == 0 && buf_byte(&text, '\0') == 0);
    snprintf(id, TEST_ID_BYTES, "%s", test_between(t, buf_slice(&text).ptr, "'"));
    buf_clear(&text);
    CHECK(buf_printf(&text, to != NULL ? "' to='%s'>" : "'>%s", to != NULL ? to : "") == 0 &&
          buf_byte(&text, '\0') == 0);
    const char *rest = buf_slice(&t->sent).ptr;
    CHECK(buf_len(&t->sent) >= buf_len(&text) - 1 &&
          memcmp(rest, buf_slice(&text).ptr, buf_len(&text) - 1) == 0);
    buf_free(&text);
}

/* " from='...'", or nothing. */
static void put_from(struct buf *b, const char *from)
{
    CHECK((from == NULL || buf_printf(b, " from='%s'", from) == 0) && buf_byte(b, '\0') == 0);
}

void test_result(struct test_client *t, const char *id, const char *from, const char *payload)
{
    struct buf b = {0};
    put_from(&b, from);
    test_receivef(t, "<iq type='result' id='%s'%s>%s</iq>", id, buf_slice(&b).ptr, payload);
    buf_free(&b);
}

void test_refuse(struct test_client *t, const char *id, const char *from, const char *condition)
{
    struct buf b = {0};
    put_from(&b, from);
    test_receivef(t,
                  "<iq type='error' id='%s'%s><error type='cancel'>"
                  "<%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                  id, buf_slice(&b).ptr, condition);
    buf_free(&b);
}

void test_set(struct test_client *t, const char *from, const char *payload)
{
    (void)test_sent(t);
    test_receivef(t, "<iq type='set' id='q' from='%s'>%s</iq>", from, payload);
}

void test_write(struct test_client *t, const char *id)
{
    struct burble_message_options o = {.id = id};
    CHECK(burble_say(t->c, "bob@example.org", id, &o, NULL, NULL) == 0);
}

unsigned test_count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

void test_break(struct test_client *t)
{
    test_collect(t);
    uint32_t id = t->conn;
    t->conn = 0;
    wire_free(&t->tls);
    feed(t, (struct burble_input){
                .kind = BURBLE_IN_CLOSED, .id = id, .failure = "the connection was reset"});
}

void test_pass(struct test_client *t, uint32_t ms)
{
    test_collect(t); /* what was asked for counts from now on */
    t->now.mono_ms += ms;
    t->now.wall_ms += ms;
    feed(t, (struct burble_input){.kind = BURBLE_IN_TIME});
}

const char *test_sent(struct test_client *t)
{
    test_pass(t, 0);
    CHECK(buf_byte(&t->sent, '\0') == 0);
    free(t->text);
    t->text = strdup(buf_slice(&t->sent).ptr);
    buf_clear(&t->sent);
    return t->text;
}

void test_expect(struct test_client *t, const char *text)
{
    test_pass(t, 0);
    CHECK(buf_byte(&t->sent, '\0') == 0);
    const char *all = buf_slice(&t->sent).ptr, *at = strstr(all, text);
    if (at == NULL)
        fprintf(stderr, "expected:\n  %s\nin:\n  %s\n", text, all);
    CHECK(at != NULL);
    buf_consume(&t->sent, (size_t)(at - all) + strlen(text));
    buf_truncate(&t->sent, buf_len(&t->sent) - 1);
}

void test_expect_nothing(struct test_client *t)
{
    const char *all = test_sent(t);
    if (*all != '\0')
        fprintf(stderr, "expected nothing, but there is:\n  %s\n", all);
    CHECK(*all == '\0');
}

const char *test_between(struct test_client *t, const char *before, const char *after)
{
    test_expect(t, before);
    CHECK(buf_byte(&t->sent, '\0') == 0);
    const char *all = buf_slice(&t->sent).ptr, *at = strstr(all, after);
    CHECK(at != NULL);
    free(t->text);
    t->text = strndup(all, (size_t)(at - all));
    buf_consume(&t->sent, (size_t)(at - all));
    buf_truncate(&t->sent, buf_len(&t->sent) - 1);
    return t->text;
}

#define HEADER                                                                                     \
    "<?xml version='1.0'?><stream:stream from='example.org' id='s1' version='1.0'"                 \
    " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

void test_connect(struct test_client *t, const char *features)
{
    struct buf text = {0};
    test_reach(t);
    test_expect(t, "<stream:stream to='example.org'");
    test_receive(t, HEADER "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                           "<mechanism>PLAIN</mechanism></mechanisms></stream:features>");
    test_expect(t, "mechanism='PLAIN'");
    test_receive(t, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    test_expect(t, "<stream:stream ");
    CHECK(buf_printf(&text,
                     HEADER "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>%s"
                            "</stream:features>",
                     features) == 0);
    CHECK(buf_byte(&text, '\0') == 0);
    test_receive(t, buf_slice(&text).ptr);
    buf_free(&text);
}

void test_online_with(struct test_client *t, const struct burble_config *config,
                      const char *features)
{
    test_new(t, config);
    CHECK(burble_connect(t->c) == 0);
    test_connect(t, features);
    test_expect(t, "<bind ");
    test_receive(t, TEST_BOUND);
    CHECK(burble_state(t->c) == BURBLE_ONLINE);
    (void)test_sent(t);
}

void test_online(struct test_client *t, const struct burble_config *config)
{
    test_online_with(t, config, "");
}

void test_end(struct test_client *t)
{
    burble_free(&t->c);
    wire_free(&t->tls);
    buf_free(&t->sent);
    free(t->text);
}
