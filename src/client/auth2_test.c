/* Logging in by SASL2: the bind, the resumption and the tokens along the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "client/client.h"
#include "client/test_login.h"

#define SASL2 "urn:xmpp:sasl:2"
#define PLUS  "SCRAM-SHA-1-PLUS SCRAM-SHA-1"
#define BIND                                                                                       \
    "<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/>"                    \
    "<feature var='urn:xmpp:csi:0'/><feature var='urn:xmpp:sm:3'/></inline></bind>"
#define SM    "<sm xmlns='urn:xmpp:sm:3'/>"
#define CSI   "<csi xmlns='urn:xmpp:csi:0'/>"
#define FAST1 "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism></fast>"
#define FAST                                                                                       \
    "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism>"                         \
    "<mechanism>HT-SHA-256-ENDP</mechanism><mechanism>HT-SHA-256-EXPR</mechanism></fast>"
#define TOKEN_OF(text, expiry)                                                                     \
    "<token xmlns='urn:xmpp:fast:0' token='" text "' expiry='" expiry "'/>"
#define TOKEN   TOKEN_OF("a-token", "2030-01-01T00:00:00Z")
#define JID     "<authorization-identifier>me@example.org/app/1</authorization-identifier>"
#define BOUND   JID "<bound xmlns='urn:xmpp:bind:0'>" ENABLED "</bound>"
#define ENABLED "<enabled xmlns='urn:xmpp:sm:3' id='session' resume='true'/>"

static void succeed(struct test_login *l, const char *more)
{
    char text[2048];
    snprintf(text, sizeof(text),
             "<success xmlns='" SASL2 "'><additional-data>%s</additional-data>%s</success>",
             test_login_additional(l), more);
    test_receive(&l->t, text);
}

/* Up to the exchange's end; what was asked for along the way is compared by the test. */
static void exchange(struct test_login *l, const char *inline_)
{
    char name[64];
    test_login_reach(l);
    test_login_offer(l, PLUS, TEST_EXPORTER, inline_);
    assert_int_equal(test_login_exchange(l, name), SASL_SUCCESS);
}

static void online(struct test_login *l, const char *inline_, const char *more)
{
    exchange(l, inline_);
    succeed(l, more);
    if (burble_state(l->t.c) != BURBLE_ONLINE)
        test_receive(&l->t, "<stream:features>" SM CSI "</stream:features>");
    assert_int_equal(burble_state(l->t.c), BURBLE_ONLINE);
}

static void a_session_in_one_go(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    test_login_reach(&l);
    burble_set_active(l.t.c, false);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND SM);
    test_expect(&l.t, "<authenticate xmlns='" SASL2 "'");
    struct buf request = l.t.sent;
    l.t.sent = (struct buf){0};
    assert_int_equal(buf_append(&l.t.sent, buf_slice(&request).ptr, buf_len(&request)), 0);
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    assert_string_equal(name, "SCRAM-SHA-1-PLUS");
    assert_int_equal(buf_byte(&request, '\0'), 0);
    const char *sent = buf_slice(&request).ptr;
    assert_non_null(strstr(sent, "<user-agent id='"));
    assert_non_null(strstr(sent, "'><software>libburble</software></user-agent>"));
    assert_int_equal(strstr(sent, "<user-agent id='")[16 + 14], '4'); /* a random UUID */
    assert_non_null(strstr(sent, "<bind xmlns='urn:xmpp:bind:0'><tag>libburble</tag>"
                                 "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
                                 "<enable xmlns='urn:xmpp:carbons:2'/>"
                                 "<inactive xmlns='urn:xmpp:csi:0'/></bind></authenticate>"));
    assert_null(strstr(sent, "<resume"));
    buf_free(&request);
    succeed(&l, BOUND);
    assert_int_equal(burble_state(l.t.c), BURBLE_BINDING);
    test_receive(&l.t, "<stream:features>" SM CSI "</stream:features>");
    assert_int_equal(burble_state(l.t.c), BURBLE_ONLINE);
    assert_string_equal(burble_jid(l.t.c), "me@example.org/app/1");
    assert_true(burble_has_stream_feature(l.t.c, "urn:xmpp:csi:0", "csi"));
    sent = test_sent(&l.t);
    assert_null(strstr(sent, "<stream:stream"));
    assert_null(strstr(sent, "<enable"));
    assert_null(strstr(sent, "<inactive"));
    assert_true(l.saves > 0);
    /* Stream management counts from here. */
    test_receive(&l.t, "<message from='a@b/c'><body>x</body></message><r xmlns='urn:xmpp:sm:3'/>");
    test_expect(&l.t, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    test_login_end(&l);
}

static void large_stanzas_may_come_then(void **state)
{
    static struct test_login l;
    struct buf big = {0};
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    online(&l, BIND SM, BOUND);
    assert_int_equal(buf_printf(&big, "<message from='a@b/c'><body>"), 0);
    for (unsigned i = 0; i < 20000; i++)
        assert_int_equal(buf_append(&big, "burble ", 7), 0);
    assert_int_equal(buf_printf(&big, "</body></message><r xmlns='urn:xmpp:sm:3'/>"), 0);
    assert_int_equal(buf_byte(&big, '\0'), 0);
    test_receive(&l.t, buf_slice(&big).ptr);
    test_expect(&l.t, "h='1'");
    buf_free(&big);
    test_login_end(&l);
}

static void a_session_goes_on_along_the_way(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    online(&l, BIND SM, BOUND);
    assert_int_equal(burble_say(l.t.c, "bob@example.org", "one", NULL, NULL, NULL), 0);
    test_expect(&l.t, "<body>one</body>");
    test_break(&l.t);
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND SM);
    char name[64];
    assert_non_null(memmem(buf_slice(&l.t.sent).ptr, buf_len(&l.t.sent),
                           "<resume xmlns='urn:xmpp:sm:3' h='0' previd='session'/><bind ", 59));
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    (void)test_sent(&l.t);
    succeed(&l, "<authorization-identifier>me@example.org</authorization-identifier>"
                "<resumed xmlns='urn:xmpp:sm:3' h='0' previd='session'/>");
    assert_int_equal(burble_state(l.t.c), BURBLE_ONLINE); /* there are no features in this case */
    assert_string_equal(burble_jid(l.t.c), "me@example.org/app/1");
    assert_true(burble_has_stream_feature(l.t.c, "urn:xmpp:csi:0", "csi"));
    test_expect(&l.t, "<body>one</body>");
    test_login_end(&l);
}

static void a_session_that_is_gone_is_followed_by_a_new_one(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    online(&l, BIND SM, BOUND);
    assert_int_equal(burble_say(l.t.c, "bob@example.org", "one", NULL, NULL, NULL), 0);
    assert_int_equal(burble_say(l.t.c, "bob@example.org", "two", NULL, NULL, NULL), 0);
    (void)test_sent(&l.t);
    test_break(&l.t);
    test_pass(&l.t, 1000);
    online(&l, BIND SM,
           "<authorization-identifier>me@example.org/app/2</authorization-identifier>"
           "<failed xmlns='urn:xmpp:sm:3' h='1'><item-not-found "
           "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
           "<bound xmlns='urn:xmpp:bind:0'>" ENABLED "</bound>");
    assert_string_equal(burble_jid(l.t.c), "me@example.org/app/2");
    const char *sent = test_sent(&l.t);
    assert_null(strstr(sent, "<body>one</body>"));
    assert_non_null(strstr(sent, "<body>two</body>"));
    test_login_end(&l);
}

static void a_resource_by_name_is_bound_as_before(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.jid = "me@example.org/home"));
    test_login_reach(&l);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND SM);
    char name[64];
    assert_null(memmem(buf_slice(&l.t.sent).ptr, buf_len(&l.t.sent), "<bind", 5));
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    succeed(&l, "<authorization-identifier>me@example.org</authorization-identifier>");
    test_receive(&l.t, "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                       "</stream:features>");
    const char *sent = test_sent(&l.t);
    assert_null(strstr(sent, "<stream:stream"));
    assert_non_null(strstr(sent, "<resource>home</resource>"));
    test_login_end(&l);
}

static void further_steps_are_refused(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    exchange(&l, BIND);
    test_receive(&l.t, "<continue xmlns='" SASL2 "'><additional-data>eA==</additional-data>"
                       "<tasks><task>TOTP-EXAMPLE</task><task>X</task></tasks>"
                       "<text>Show your card</text></continue>");
    test_expect(&l.t, "<abort xmlns='" SASL2 "'/></stream:stream>");
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_NO_MECHANISM);
    assert_non_null(strstr(l.text, "(TOTP-EXAMPLE, X): Show your card"));
    assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
    test_login_end(&l);
}

static void A12_success_without_proof_is_refused(void **state)
{
    static const char *const ANSWERS[] = {
        "<success xmlns='" SASL2 "'>" BOUND "</success>",
        "<success xmlns='" SASL2 "'><additional-data>dj1BQUFB</additional-data>" BOUND "</success>",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        static struct test_login l;
        test_login_new(&l, &BURBLE_CONFIG(0));
        exchange(&l, BIND SM);
        test_receive(&l.t, ANSWERS[i]);
        test_login_refused(&l);
        assert_int_equal(l.why, BURBLE_WHY_UNPROVEN);
        assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
        test_login_end(&l);
    }
}

static void a_contradiction_about_binding_is_refused(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    test_login_reach(&l);
    test_login_offer(&l, "SCRAM-SHA-1 PLAIN", TEST_EXPORTER, "");
    assert_null(strstr(test_sent(&l.t), "<authenticate"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_DOWNGRADE);
    test_login_end(&l);
}

/* -------------------------------------------------------------------------------------- tokens */

/* The server's side of a token for HT-SHA-256-EXPR: is what the client shows right? What the server
 * has to show is in proof (64 bytes). */
static bool shows_token(struct test_login *l, const char *mechanism, const char *token, char *proof)
{
    uint8_t data[32], want[SASL_HT_BYTES];
    char got[256];
    size_t len;
    struct buf b = {0};
    struct sasl_binding binding = {.tls_exporter = slice_of((const char *)data, 32)};
    const struct sasl_ht *ht = sasl_ht_find(slice_z(mechanism));
    assert_true(tls_exporter(l->t.tls, data));
    assert_string_equal(test_between(&l->t, "mechanism='", "'"), mechanism);
    const char *sent = test_between(&l->t, "<initial-response>", "<");
    assert_true(base64_decode(slice_z(sent), got, &len));
    assert_int_equal(len, 3 + SASL_HT_BYTES);
    assert_memory_equal(got, "me", 3);
    assert_int_equal(sasl_ht_initiator(ht, slice_z(token), &binding, want), 0);
    bool same = memcmp(got + 3, want, sizeof(want)) == 0;
    assert_int_equal(sasl_ht_responder(ht, slice_z(token), &binding, want), 0);
    assert_int_equal(base64_append(&b, slice_of((const char *)want, sizeof(want))), 0);
    snprintf(proof, 64, "%.*s", (int)buf_len(&b), buf_slice(&b).ptr);
    buf_free(&b);
    return same;
}

/* A session with a token for the next; then the connection is lost, and the next has begun. */
static void with_token(struct test_login *l, const char *fast, const char *token)
{
    char text[1024], inline_[1024];
    snprintf(text, sizeof(text), BOUND "%s", token);
    snprintf(inline_, sizeof(inline_), BIND "%s", fast);
    online(l, inline_, text);
    test_break(&l->t);
    test_pass(&l->t, 1000);
    test_login_reach(l);
    test_login_offer(l, PLUS, TEST_EXPORTER, inline_);
}

static void prove(struct test_login *l, const char *proof, const char *more)
{
    char text[2048];
    snprintf(text, sizeof(text),
             "<success xmlns='" SASL2 "'><additional-data>%s</additional-data>%s</success>", proof,
             more);
    test_receive(&l->t, text);
}

static void a_token_stands_for_the_password(void **state)
{
    static struct test_login l;
    char proof[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_RAW_XML));
    with_token(&l, FAST, TOKEN);
    assert_true(test_login_shown(&l, "<request-token xmlns='urn:xmpp:fast:0' "
                                     "mechanism='HT-SHA-256-EXPR'/>"));
    assert_true(test_login_shown(&l, "token='[hidden]'"));
    assert_false(test_login_shown(&l, "a-token"));
    unsigned saves = l.saves;
    assert_true(saves > 0);
    assert_true(shows_token(&l, "HT-SHA-256-EXPR", "a-token", proof));
    test_expect(&l.t, "<fast xmlns='urn:xmpp:fast:0' count='1'/></authenticate>");
    prove(&l, proof, BOUND TOKEN_OF("another", "2030-01-02T00:00:00Z"));
    test_receive(&l.t, "<stream:features/>");
    assert_int_equal(burble_state(l.t.c), BURBLE_ONLINE);
    assert_string_equal(burble_mechanism(l.t.c), "HT-SHA-256-EXPR");
    assert_true(l.saves > saves);
    /* The server gave another one: it is the next. */
    test_break(&l.t);
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND FAST);
    assert_true(shows_token(&l, "HT-SHA-256-EXPR", "another", proof));
    test_expect(&l.t, "count='1'");
    assert_false(test_login_shown(&l, "another"));
    test_login_end(&l);
}

static void a_token_that_is_not_taken_gives_way_to_the_password(void **state)
{
    static struct test_login l;
    char proof[64], name[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    with_token(&l, FAST, TOKEN);
    assert_true(shows_token(&l, "HT-SHA-256-EXPR", "a-token", proof));
    test_receive(&l.t, "<failure xmlns='" SASL2 "'><credentials-expired "
                       "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>");
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    assert_string_equal(name, "SCRAM-SHA-1-PLUS");
    succeed(&l, BOUND);
    test_receive(&l.t, "<stream:features/>");
    assert_int_equal(burble_state(l.t.c), BURBLE_ONLINE);
    /* It is not shown again. */
    test_break(&l.t);
    test_pass(&l.t, 1000);
    exchange(&l, BIND FAST);
    test_login_end(&l);
}

#define FAILED(condition)                                                                          \
    "<failure xmlns='" SASL2 "'><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></"       \
    "failure>"

/* Prosody's mod_sasl2: behind a refusal it takes only what it took before, on that connection. */
static void a_server_that_takes_nothing_else_behind_a_refused_token(void **state)
{
    static struct test_login l;
    char proof[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    with_token(&l, FAST, TOKEN);
    assert_true(shows_token(&l, "HT-SHA-256-EXPR", "a-token", proof));
    test_receive(&l.t, FAILED("not-authorized"));
    test_expect(&l.t, "mechanism='SCRAM-SHA-1-PLUS'");
    test_receive(&l.t, FAILED("invalid-mechanism"));
    /* At once, in a connection of its own; from there on everything is as ever. */
    assert_int_equal(burble_state(l.t.c), BURBLE_RESOLVING);
    online(&l, BIND FAST, BOUND);
    test_break(&l.t);
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND);
    test_receive(&l.t, FAILED("invalid-mechanism"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_NO_MECHANISM);
    test_login_end(&l);
}

static void a_server_that_takes_nothing_else_behind_a_refused_certificate(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new_external(&l, &BURBLE_CONFIG(.flags = BURBLE_NO_RECONNECT));
    test_login_reach(&l);
    test_login_offer(&l, "EXTERNAL SCRAM-SHA-1", "", BIND);
    test_expect(&l.t, "mechanism='EXTERNAL'");
    test_receive(&l.t, FAILED("not-authorized"));
    test_expect(&l.t, "mechanism='SCRAM-SHA-1'");
    test_receive(&l.t, FAILED("invalid-mechanism"));
    test_login_reach(&l);
    test_login_offer(&l, "EXTERNAL SCRAM-SHA-1", "", BIND);
    test_expect(&l.t, "mechanism='SCRAM-SHA-1'");
    test_receive(&l.t, FAILED("invalid-mechanism")); /* not a third time */
    test_login_refused(&l);
    test_login_end(&l);
}

static void A12_a_token_is_proved_by_both_sides(void **state)
{
    static const char *const PROOFS[] = {"", "AAAA"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        static struct test_login l;
        char proof[64];
        test_login_new(&l, &BURBLE_CONFIG(0));
        with_token(&l, FAST, TOKEN);
        assert_true(shows_token(&l, "HT-SHA-256-EXPR", "a-token", proof));
        prove(&l, PROOFS[i], BOUND);
        test_login_refused(&l);
        assert_int_equal(l.why, BURBLE_WHY_UNPROVEN);
        assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
        test_login_end(&l);
    }
}

static void V47_what_was_bound_gets_no_token_without(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_RAW_XML));
    with_token(&l, FAST, TOKEN); /* for EXPR; and now the offer has NONE alone */
    test_break(&l.t);
    test_pass(&l.t, 2000);
    test_login_reach(&l);
    buf_clear(&l.xml);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND FAST1);
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    assert_string_equal(name, "SCRAM-SHA-1-PLUS");
    assert_false(test_login_shown(&l, "<request-token"));
    test_login_end(&l);
}

static void useless_tokens_are_not_kept(void **state)
{
    static const char *const TOKENS[] = {
        TOKEN_OF("a-token", "2020-01-01T00:00:00Z"), /* it has expired */
        TOKEN_OF("a-token", "tomorrow"),
        TOKEN_OF("", "2030-01-01T00:00:00Z"),
        "<token xmlns='urn:xmpp:fast:0' token='a-token'/>",
        "<token xmlns='urn:xmpp:fast:0' expiry='2030-01-01T00:00:00Z'/>",
        "<token xmlns='urn:xmpp:fast:1' token='a-token' expiry='2030-01-01T00:00:00Z'/>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(TOKENS) / sizeof(TOKENS[0]); i++) {
        static struct test_login l;
        char name[64];
        test_login_new(&l, &BURBLE_CONFIG(0));
        with_token(&l, FAST, TOKENS[i]);
        assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
        assert_string_equal(name, "SCRAM-SHA-1-PLUS");
        test_login_end(&l);
    }
}

static void a_token_ends_at_its_time(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    online(&l, BIND FAST, BOUND TOKEN);
    test_break(&l.t);
    l.t.now.wall_ms = 1893456000000; /* 2030 */
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND FAST);
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    assert_string_equal(name, "SCRAM-SHA-1-PLUS");
    test_login_end(&l);
}

static void no_tokens_where_the_program_wants_none(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_NO_FAST | BURBLE_RAW_XML));
    online(&l, BIND FAST, BOUND TOKEN);
    assert_false(test_login_shown(&l, "<request-token"));
    test_break(&l.t);
    test_pass(&l.t, 1000);
    exchange(&l, BIND FAST);
    test_login_end(&l);
}

static void no_sasl2_where_the_program_wants_none(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_NO_SASL2));
    test_login_reach(&l);
    test_receive(&l.t, TEST_HEADER
                 "<stream:features><authentication xmlns='" SASL2 "'><mechanism>PLAIN</mechanism>"
                 "</authentication><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                 "<mechanism>PLAIN</mechanism></mechanisms></stream:features>");
    test_expect(&l.t, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'");
    test_login_end(&l);
}

/* ------------------------------------------------------------------------ freeing in a callback */

static void step(struct test_login *l, const char *bytes)
{
    if (l->t.c != NULL && l->t.conn != 0)
        test_receive(&l->t, bytes);
}

/* A login by SASL2 in which the client is freed in its nth event. False: it had fewer. */
static bool freed_at(unsigned n)
{
    static const char *const ENDS[] = {
        "<success xmlns='" SASL2 "'>" BOUND TOKEN "</success>",
        "<success xmlns='" SASL2 "'><authorization-identifier>me@example.org"
        "</authorization-identifier></success>",
        "<failure xmlns='" SASL2 "'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
        "</failure>",
        "<continue xmlns='" SASL2 "'/>",
        "<challenge xmlns='" SASL2 "'>x</challenge>",
    };
    bool freed = false;
    for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
        static struct test_login l;
        test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_RAW_XML));
        test_login_reach(&l);
        l.events = 0;
        l.free_at = n;
        test_login_offer(&l, "PLAIN", "", BIND SM FAST1);
        step(&l, ENDS[i]);
        step(&l, "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                 "</stream:features>");
        if (l.t.c != NULL && l.t.conn != 0)
            test_break(&l.t);
        freed = freed || l.t.c == NULL;
        test_login_end(&l);
    }
    return freed;
}

static void V16_the_client_may_be_freed_in_every_event(void **state)
{
    unsigned n = 1;
    (void)state;
    while (freed_at(n))
        n++;
    assert_true(n > 8);
}

/* ----------------------------------------------------------------------------- the saved state */

static char *save(const struct burble *c)
{
    struct buf b = {0};
    struct xml_writer w;
    xml_writer_init(&w, &b, SLICE_NONE);
    auth_save(c, &w);
    char *text = client_copy(buf_slice(&b));
    buf_free(&b);
    return text;
}

static bool load(struct burble *c, const char *text)
{
    struct xml_tree *tree;
    struct xml_limits limits = XML_LIMITS_C2S;
    assert_int_equal(xml_parse(slice_z(text), SLICE_NONE, &limits, &tree), XML_OK);
    bool good = auth_load(c, xml_root(tree)) == 0;
    xml_tree_free(&tree);
    return good;
}

static void the_next_process_knows_it_all(void **state)
{
    static struct test_login l;
    char proof[64], agent[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    online(&l, BIND FAST, BOUND TOKEN);
    char *saved = save(l.t.c);
    snprintf(agent, sizeof(agent), "%s", l.t.c->auth.agent);
    test_login_end(&l);
    test_login_new(&l, &BURBLE_CONFIG(.password = ""));
    assert_true(load(l.t.c, saved));
    char *again = save(l.t.c);
    assert_string_equal(again, saved);
    test_login_reach(&l);
    test_login_offer(&l, PLUS, TEST_EXPORTER, BIND FAST);
    assert_true(shows_token(&l, "HT-SHA-256-EXPR", "a-token", proof));
    assert_string_equal(test_between(&l.t, "<user-agent id='", "'"), agent);
    prove(&l, proof, BOUND);
    test_receive(&l.t, "<stream:features/>");
    assert_int_equal(burble_state(l.t.c), BURBLE_ONLINE);
    free(saved);
    free(again);
    test_login_end(&l);
    /* What was seen stays seen (V47). */
    test_login_new(&l, &BURBLE_CONFIG(0));
    assert_true(load(l.t.c, "<auth xmlns='urn:burble:state:auth' bound='true'/>"));
    test_login_reach(&l);
    test_login_offer(&l, "SCRAM-SHA-1 PLAIN", "", NULL);
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_DOWNGRADE);
    test_login_end(&l);
}

static void a_damaged_state_is_refused(void **state)
{
#define SAVED(rest) "<auth xmlns='urn:burble:state:auth'" rest
#define GOOD        " expiry-ms='1' count='1' token='t'/></auth>"
    static const char *const BAD[] = {
        "<auth/>",
        SAVED(" agent=''/>"),
        SAVED(" agent='d4565fa7-4d72-4749-b3d3-740edbf8777g'/>"),
        SAVED("><token" GOOD),
        SAVED("><token mechanism='HT-SHA-256-FOO'" GOOD),
        SAVED("><token mechanism='HT-SHA-256-EXPR' expiry-ms='x' count='1' token='t'/></auth>"),
        SAVED("><token mechanism='HT-SHA-256-EXPR' expiry-ms='1' token='t'/></auth>"),
        SAVED("><token mechanism='HT-SHA-256-EXPR' expiry-ms='1' count='1'/></auth>"),
    };
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_false(load(l.t.c, BAD[i]));
    assert_true(load(l.t.c, SAVED("><token mechanism='HT-SHA-256-EXPR'" GOOD)));
    assert_true(load(l.t.c, SAVED("/>")));
    test_login_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_in_one_go),
        cmocka_unit_test(large_stanzas_may_come_then),
        cmocka_unit_test(a_session_goes_on_along_the_way),
        cmocka_unit_test(a_session_that_is_gone_is_followed_by_a_new_one),
        cmocka_unit_test(a_resource_by_name_is_bound_as_before),
        cmocka_unit_test(further_steps_are_refused),
        cmocka_unit_test(A12_success_without_proof_is_refused),
        cmocka_unit_test(a_contradiction_about_binding_is_refused),
        cmocka_unit_test(a_token_stands_for_the_password),
        cmocka_unit_test(a_token_that_is_not_taken_gives_way_to_the_password),
        cmocka_unit_test(a_server_that_takes_nothing_else_behind_a_refused_token),
        cmocka_unit_test(a_server_that_takes_nothing_else_behind_a_refused_certificate),
        cmocka_unit_test(A12_a_token_is_proved_by_both_sides),
        cmocka_unit_test(V47_what_was_bound_gets_no_token_without),
        cmocka_unit_test(useless_tokens_are_not_kept),
        cmocka_unit_test(a_token_ends_at_its_time),
        cmocka_unit_test(no_tokens_where_the_program_wants_none),
        cmocka_unit_test(no_sasl2_where_the_program_wants_none),
        cmocka_unit_test(V16_the_client_may_be_freed_in_every_event),
        cmocka_unit_test(the_next_process_knows_it_all),
        cmocka_unit_test(a_damaged_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
