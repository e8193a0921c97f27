/* The server of a test that logs in. */
#include "client/test_login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/check.h"

enum { NAMES_MAX = 16 };

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct test_login *l = arg;
    (void)c;
    if (++l->events == l->free_at)
        burble_free(&l->t.c);
    if (e->kind == BURBLE_EVENT_SAVE)
        l->saves++;
    if (e->kind == BURBLE_EVENT_XML)
        CHECK(buf_append(&l->xml, e->xml->text, e->xml->len) == 0);
    if (e->kind != BURBLE_EVENT_STATE || e->state->why == BURBLE_WHY_NONE)
        return;
    l->why = e->state->why;
    snprintf(l->text, sizeof(l->text), "%s", e->state->text);
    snprintf(l->condition, sizeof(l->condition), "%s",
             e->state->condition != NULL ? e->state->condition : "");
}

static void fill_random(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 'r', n);
}

static void make(struct test_login *l, const struct burble_config *config, bool own_certificate)
{
    static const uint8_t SALTS[SASL_HASHES][SASL_SALT_BYTES] = {{1}, {2}, {3}};
    struct buf chain = {0}, key = {0};
    struct slice host = SLICE("example.org");
    struct burble_config own = *config;
    enum tls_problem problem;
    *l = (struct test_login){.rng = {.fill = fill_random}};
    CHECK(sasl_credentials_derive(SLICE("secret"), 4096, SALTS, &l->credentials) == 0);
    CHECK(tls_make_certificate(&host, 1, 1800000000, &chain, &key) == 0);
    l->context = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
    const char *pem = buf_slice(&chain).ptr;
    struct burble_trust *trust =
        burble_trust_new(pem, buf_len(&chain), own_certificate ? pem : NULL, buf_len(&chain),
                         own_certificate ? buf_slice(&key).ptr : NULL, buf_len(&key));
    CHECK(l->context != NULL && trust != NULL);
    own.on_event = on_event;
    own.arg = l;
    own.trust = trust;
    own.security = own.security == BURBLE_TLS ? BURBLE_DIRECT_TLS : own.security;
    test_new(&l->t, &own);
    burble_trust_free(&trust); /* the client has a reference of its own */
    CHECK(burble_connect(l->t.c) == 0);
    buf_free(&chain);
    buf_free(&key);
}

void test_login_new(struct test_login *l, const struct burble_config *config)
{
    make(l, config, false);
}

void test_login_new_external(struct test_login *l, const struct burble_config *config)
{
    make(l, config, true);
}

void test_login_reach(struct test_login *l)
{
    buf_clear(&l->t.sent); /* of the connection before */
    test_reach(&l->t);
    test_start_tls(&l->t, l->context);
    test_expect(&l->t, "<stream:stream to='example.org' from='me@example.org'");
}

/* The names in a text, divided by spaces; they are sorted by sasl_offer_text. */
static size_t split(const char *text, struct slice *out)
{
    size_t n = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        CHECK(n < NAMES_MAX && len > 0);
        out[n++] = slice_of(text, len);
        text += len + (text[len] == ' ');
    }
    return n;
}

static void keep_offer(struct test_login *l, const char *mechanisms, bool exporter)
{
    struct slice names[NAMES_MAX], type = SLICE("tls-exporter");
    size_t n = split(l->lie != NULL ? l->lie : mechanisms, names);
    buf_clear(&l->offer);
    CHECK(sasl_offer_text(names, n, &type, exporter ? 1 : 0, &l->offer) == 0);
}

void test_login_offer(struct test_login *l, const char *mechanisms, const char *more,
                      const char *inline_)
{
    struct slice names[NAMES_MAX];
    struct buf b = {0};
    size_t n = split(mechanisms, names);
    l->sasl2 = inline_ != NULL;
    CHECK(buf_printf(&b, TEST_HEADER "<stream:features>%s<%s>", more,
                     l->sasl2 ? "authentication xmlns='urn:xmpp:sasl:2'"
                              : "mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'") == 0);
    for (size_t i = 0; i < n; i++)
        CHECK(buf_printf(&b, "<mechanism>%.*s</mechanism>", SLICE_ARG(names[i])) == 0);
    if (l->sasl2)
        CHECK(buf_printf(&b, "<inline>%s</inline>", inline_) == 0);
    CHECK(buf_printf(&b, "</%s></stream:features>", l->sasl2 ? "authentication" : "mechanisms") ==
          0);
    CHECK(buf_byte(&b, '\0') == 0);
    keep_offer(l, mechanisms, strstr(more, "tls-exporter") != NULL);
    test_receive(&l->t, buf_slice(&b).ptr);
    buf_free(&b);
}

static bool contains(struct buf *b, const char *text)
{
    CHECK(buf_byte(b, '\0') == 0);
    bool found = strstr(buf_slice(b).ptr, text) != NULL;
    buf_truncate(b, buf_len(b) - 1);
    return found;
}

bool test_login_shown(struct test_login *l, const char *text)
{
    return contains(&l->xml, text);
}

void test_login_refused(struct test_login *l)
{
    if (l->t.conn != 0)
        test_break(&l->t);
    CHECK(l->why != BURBLE_WHY_NONE);
}

static struct slice decode(const char *text, char *room)
{
    size_t len = 0;
    CHECK(strlen(text) < 1024 && base64_decode(slice_z(text), room, &len));
    return slice_of(room, len);
}

static enum sasl_step serve(struct test_login *l, enum sasl_step step)
{
    struct sasl_derivation work;
    if (step == SASL_WANT_CREDENTIALS)
        step = sasl_server_credentials(l->sasl, &l->credentials, false);
    if (step == SASL_WANT_DERIVE) {
        sasl_server_derivation(l->sasl, &work);
        sasl_derivation_run(&work);
        step = sasl_server_derived(l->sasl, &work);
    }
    return step;
}

enum sasl_step test_login_exchange(struct test_login *l, char *name_out)
{
    static const uint8_t FAKE[SASL_SECRET_BYTES];
    uint8_t data[32] = {0};
    char room[1024];
    enum sasl_step step;
    bool bound = l->t.tls != NULL && tls_exporter(l->t.tls, data);
    snprintf(name_out, 64, "%s", test_between(&l->t, "mechanism='", "'"));
    struct sasl_server_config config = {
        .host = SLICE("example.org"),
        .plain_allowed = true,
        .plus_offered = contains(&l->offer, "-PLUS"),
        .binding.tls_exporter = slice_of((const char *)data, bound ? 32 : 0),
        .iterations = 4096,
        .fake_secret = FAKE,
        .offer = buf_slice(&l->offer),
    };
    struct slice first =
        decode(test_between(&l->t, l->sasl2 ? "<initial-response>" : ">", "<"), room);
    sasl_server_free(&l->sasl);
    l->sasl = sasl_server_new(&config, slice_z(name_out), first, &l->rng, &step);
    step = serve(l, step);
    while (step == SASL_CHALLENGE) {
        struct buf b = {0};
        const char *ns = l->sasl2 ? "urn:xmpp:sasl:2" : "urn:ietf:params:xml:ns:xmpp-sasl";
        CHECK(buf_printf(&b, "<challenge xmlns='%s'>", ns) == 0);
        CHECK(base64_append(&b, sasl_server_output(l->sasl)) == 0);
        CHECK(buf_append(&b, "</challenge>", sizeof("</challenge>")) == 0);
        test_receive(&l->t, buf_slice(&b).ptr);
        buf_free(&b);
        if (!contains(&l->t.sent, "<response"))
            return SASL_FAILURE; /* the client has had enough */
        test_expect(&l->t, "<response");
        step = serve(
            l, sasl_server_respond(l->sasl, decode(test_between(&l->t, ">", "</response>"), room)));
    }
    return step;
}

const char *test_login_additional(struct test_login *l)
{
    static char text[256];
    struct buf b = {0};
    CHECK(base64_append(&b, sasl_server_output(l->sasl)) == 0);
    snprintf(text, sizeof(text), "%.*s", (int)buf_len(&b), buf_slice(&b).ptr);
    buf_free(&b);
    return text;
}

void test_login_finish(struct test_login *l)
{
    char text[512];
    snprintf(text, sizeof(text), "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</success>",
             test_login_additional(l));
    test_receive(&l->t, text);
    test_expect(&l->t, "<stream:stream ");
    test_receive(&l->t, TEST_HEADER "<stream:features>"
                                    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                                    "</stream:features>");
    test_expect(&l->t, "<bind ");
    test_receive(&l->t,
                 "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                 "<jid>me@example.org/here</jid></bind></iq>");
    CHECK(burble_state(l->t.c) == BURBLE_ONLINE);
    (void)test_sent(&l->t);
}

void test_login_online(struct test_login *l, const char *mechanisms, const char *more)
{
    char name[64];
    test_login_reach(l);
    test_login_offer(l, mechanisms, more, NULL);
    CHECK(test_login_exchange(l, name) == SASL_SUCCESS);
    test_login_finish(l);
}

void test_login_end(struct test_login *l)
{
    test_end(&l->t);
    sasl_server_free(&l->sasl);
    tls_context_unref(&l->context);
    buf_free(&l->xml);
    buf_free(&l->offer);
}
