/* Logging in by SASL: what is chosen, what is refused and why, and what leaves the client. */
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

#define ALL      "SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS " NOT_PLUS
#define NOT_PLUS "SCRAM-SHA-512 SCRAM-SHA-1 PLAIN"
#define SASL     "urn:ietf:params:xml:ns:xmpp-sasl"

static void the_best_is_taken_and_bound(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_RAW_XML));
    test_login_reach(&l);
    test_login_offer(&l, ALL, TEST_EXPORTER, NULL);
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    assert_string_equal(name, "SCRAM-SHA-512-PLUS");
    test_login_finish(&l);
    assert_string_equal(burble_mechanism(l.t.c), "SCRAM-SHA-512-PLUS");
    assert_true(l.saves > 0);
    assert_true(test_login_shown(&l, "<response xmlns='" SASL "'>[hidden]</response>"));
    assert_true(test_login_shown(&l, "<challenge xmlns='" SASL "'>[hidden]</challenge>"));
    assert_true(test_login_shown(&l, "<success xmlns='" SASL "'>[hidden]</success>"));
    test_break(&l.t);
    assert_null(burble_mechanism(l.t.c)); /* of this connection, and there is none */
    test_login_end(&l);
}

static void credentials_are_never_shown(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_RAW_XML));
    test_login_reach(&l);
    test_login_offer(&l, "PLAIN", "", NULL);
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    test_login_finish(&l);
    assert_true(test_login_shown(&l, "mechanism='PLAIN'>[hidden]</auth>"));
    assert_false(test_login_shown(&l, "AG1lAHNlY3JldA==")); /* NUL me NUL secret */
    test_login_end(&l);
}

static void V47_once_bound_always_bound(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    test_login_online(&l, ALL, TEST_EXPORTER);
    test_break(&l.t);
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, NOT_PLUS, "", NULL);
    const char *sent = test_sent(&l.t);
    assert_null(strstr(sent, "<auth"));
    assert_non_null(strstr(sent, "</stream:stream>"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_DOWNGRADE);
    assert_non_null(strstr(l.text, "as it was before"));
    assert_non_null(strstr(l.text, "it offers: SCRAM-SHA-512, SCRAM-SHA-1, PLAIN"));
    assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
    /* Until a person has decided. */
    burble_forget_binding(l.t.c);
    assert_int_equal(burble_connect(l.t.c), 0);
    test_login_online(&l, NOT_PLUS, "");
    test_login_end(&l);
}

/* A client whose server offers these mechanisms, and tells these binding types. */
static void offered(struct test_login *l, const char *mechanisms, const char *told)
{
    test_login_new(l, &BURBLE_CONFIG(0));
    test_login_reach(l);
    test_login_offer(l, mechanisms, told, NULL);
}

/* What the client says first, behind which it is refused with this condition. */
static void refuse_first(struct test_login *l, const char *gs2, const char *condition)
{
    char room[512], text[128];
    size_t len = 0;
    test_expect(&l->t, "mechanism='SCRAM-SHA-512-PLUS'");
    struct slice first = slice_z(test_between(&l->t, ">", "<"));
    assert_true(first.len < sizeof(room) && base64_decode(first, room, &len));
    assert_true(slice_starts(slice_of(room, len), slice_z(gs2)));
    (void)test_sent(&l->t);
    snprintf(text, sizeof(text), "<failure xmlns='" SASL "'><%s/></failure>", condition);
    test_receive(&l->t, text);
}

/* The server tells no types (XEP-0440), and knows tls-exporter alone. */
static void V47_a_wrong_guess_of_the_binding_is_followed_by_another(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    offered(&l, ALL, "");
    refuse_first(&l, "p=tls-unique,,", "malformed-request");
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    assert_string_equal(name, "SCRAM-SHA-512-PLUS");
    test_login_finish(&l);
    assert_true(l.t.c->auth.bound);
    test_login_end(&l);
}

/* It hangs up when it refuses: the next connection goes on with the next type. */
static void V47_guesses_go_on_in_the_next_connection(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    offered(&l, ALL, "");
    refuse_first(&l, "p=tls-unique,,", "not-authorized");
    test_break(&l.t);
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, ALL, "", NULL);
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    test_login_end(&l);
}

/* Whoever stands in between can refuse as well: there is no way to a login that is not bound. */
static void V47_refusals_never_lead_to_a_login_without_binding(void **state)
{
    static struct test_login l;
    (void)state;
    offered(&l, ALL, "");
    refuse_first(&l, "p=tls-unique,,", "not-authorized");
    refuse_first(&l, "p=tls-exporter,,", "not-authorized");
    refuse_first(&l, "p=tls-server-end-point,,", "not-authorized");
    assert_null(strstr(test_sent(&l.t), "<auth"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_PASSWORD);
    assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
    test_login_end(&l);
}

/* The second connection offers less: what was offered before is not forgotten. */
static void A13_behind_a_refused_guess_the_offer_may_not_shrink(void **state)
{
    static struct test_login l;
    (void)state;
    offered(&l, ALL, "");
    refuse_first(&l, "p=tls-unique,,", "not-authorized");
    test_break(&l.t);
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, NOT_PLUS, "", NULL);
    assert_null(strstr(test_sent(&l.t), "<auth"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_DOWNGRADE);
    test_login_end(&l);
}

/* Told, or for another reason: once is enough. */
static void A11_what_is_no_wrong_guess_is_final(void **state)
{
    static const struct {
        const char *told, *gs2, *condition;
    } CASES[] = {
        {TEST_EXPORTER, "p=tls-exporter,,", "not-authorized"},
        {"", "p=tls-unique,,", "account-disabled"},
        {"", "p=tls-unique,,", "invalid-mechanism"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        offered(&l, ALL, CASES[i].told);
        refuse_first(&l, CASES[i].gs2, CASES[i].condition);
        assert_null(strstr(test_sent(&l.t), "<auth"));
        test_login_refused(&l);
        test_login_end(&l);
    }
}

static void A13_the_offer_was_changed_on_the_way(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    test_login_reach(&l);
    l.lie = NOT_PLUS; /* what the server has sent, before somebody took things away */
    test_login_offer(&l, "SCRAM-SHA-1 PLAIN", TEST_EXPORTER, NULL);
    assert_int_equal(test_login_exchange(&l, name), SASL_FAILURE);
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_DOWNGRADE);
    assert_non_null(strstr(l.text, "changed on the way"));
    test_login_end(&l);
}

static void A13_weaker_than_pinned_is_refused(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.mechanism = "SCRAM-SHA-256"));
    test_login_reach(&l);
    test_login_offer(&l, "SCRAM-SHA-1 PLAIN", "", NULL);
    assert_null(strstr(test_sent(&l.t), "<auth"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_DOWNGRADE);
    assert_non_null(strstr(l.text, "it offers: SCRAM-SHA-1, PLAIN"));
    test_login_end(&l);
}

static void C03_what_is_offered_is_said(void **state)
{
    static const struct {
        const char *offered, *said;
    } CASES[] = {
        {"X-TOKEN GSSAPI", "it offers: X-TOKEN, GSSAPI"},
        {"CRAM-MD5", "it offers: CRAM-MD5"},
        {"", "it offers: nothing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        offered(&l, CASES[i].offered, "");
        assert_null(strstr(test_sent(&l.t), "<auth"));
        test_login_refused(&l);
        assert_int_equal(l.why, BURBLE_WHY_NO_MECHANISM);
        assert_non_null(strstr(l.text, CASES[i].said));
        assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
        test_login_end(&l);
    }
}

static void V21_strange_features_are_a_clean_error(void **state)
{
    static const char MECHANISM[] = "<mechanism>X-NONE</mechanism>";
    static const char *const FEATURES[] = {
        "<features xmlns='jabber:client'/>",
        "<stream:features/>",
        "<stream:features><mechanisms xmlns='other'/></stream:features>",
        "<stream:features><mechanisms xmlns='" SASL "'/></stream:features>",
        "<stream:features><mechanisms xmlns='" SASL "'><mechanism/><mechanism></mechanism>"
        "<mechanism xmlns='x'>PLAIN</mechanism><mechanism><a/></mechanism></mechanisms>"
        "</stream:features>",
        "<stream:features><mechanisms xmlns='" SASL "'><mechanism>X</mechanism>"
        "<mechanism>X</mechanism></mechanisms></stream:features>",
        "<stream:features><authentication xmlns='urn:xmpp:sasl:2'/></stream:features>",
        "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism/><inline/>"
        "</authentication></stream:features>",
    };
    struct buf many = {0};
    (void)state;
    assert_int_equal(buf_printf(&many, "<stream:features><mechanisms xmlns='" SASL "'>"), 0);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(buf_append(&many, MECHANISM, sizeof(MECHANISM) - 1), 0);
    assert_int_equal(buf_printf(&many, "</mechanisms></stream:features>"), 0);
    assert_int_equal(buf_byte(&many, '\0'), 0);
    for (size_t i = 0; i <= sizeof(FEATURES) / sizeof(FEATURES[0]); i++) {
        bool last = i == sizeof(FEATURES) / sizeof(FEATURES[0]);
        static struct test_login l;
        test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_NO_RECONNECT));
        test_login_reach(&l);
        test_receive(&l.t, TEST_HEADER);
        test_receive(&l.t, last ? buf_slice(&many).ptr : FEATURES[i]);
        assert_null(strstr(test_sent(&l.t), "<auth"));
        test_login_refused(&l);
        assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
        assert_true(l.why == BURBLE_WHY_NO_MECHANISM || l.why == BURBLE_WHY_BAD_XML);
        assert_string_not_equal(l.text, "");
        test_login_end(&l);
    }
    buf_free(&many);
}

static void V21_thousands_of_mechanisms_do_no_harm(void **state)
{
    static struct test_login l;
    struct buf many = {0};
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    test_login_reach(&l);
    assert_int_equal(
        buf_printf(&many, TEST_HEADER "<stream:features><mechanisms xmlns='" SASL "'>"), 0);
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(buf_printf(&many, "<mechanism>X%u</mechanism>", i % 7), 0);
    assert_int_equal(
        buf_printf(&many, "<mechanism>PLAIN</mechanism></mechanisms></stream:features>"), 0);
    assert_int_equal(buf_byte(&many, '\0'), 0);
    test_receive(&l.t, buf_slice(&many).ptr);
    test_expect(&l.t, "<auth xmlns='" SASL "' mechanism='PLAIN'>");
    buf_free(&many);
    test_login_end(&l);
}

static void A12_a_server_that_proves_nothing_is_refused(void **state)
{
    static const struct {
        const char *success; /* NULL: with another signature */
    } CASES[] = {{"<success xmlns='" SASL "'/>"}, {"<success xmlns='" SASL "'>dj1BQUFB</success>"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        static struct test_login l;
        char name[64];
        offered(&l, "SCRAM-SHA-1", "");
        assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
        test_receive(&l.t, CASES[i].success);
        assert_null(strstr(test_sent(&l.t), "<stream:stream"));
        test_login_refused(&l);
        assert_int_equal(l.why, BURBLE_WHY_UNPROVEN);
        assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
        test_login_end(&l);
    }
}

static void A10_success_at_once_is_no_login(void **state)
{
    static const char *const ANSWERS[] = {
        "<success xmlns='" SASL "'/>",
        "<challenge xmlns='" SASL "'/>",
        "<challenge xmlns='" SASL "'>bm9uc2Vuc2U=</challenge>",
        "<challenge xmlns='" SASL "'>!</challenge>",
        "<challenge xmlns='" SASL "'>=</challenge>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++) {
        static struct test_login l;
        test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_NO_RECONNECT));
        test_login_reach(&l);
        test_login_offer(&l, "SCRAM-SHA-1", "", NULL);
        test_receive(&l.t, ANSWERS[i]);
        test_login_refused(&l);
        assert_true(l.why == BURBLE_WHY_UNPROVEN || l.why == BURBLE_WHY_BAD_XML);
        assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
        test_login_end(&l);
    }
}

/* Prosody 0.12 answers <false/> to a certificate that has expired. */
static void V21_an_unknown_answer_to_a_login_ends_it(void **state)
{
    static const struct {
        const char *ns, *inline_;
    } CASES[] = {{SASL, NULL}, {"urn:xmpp:sasl:2", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        char text[64];
        test_login_new(&l, &BURBLE_CONFIG(0));
        test_login_reach(&l);
        test_login_offer(&l, "SCRAM-SHA-256", "", CASES[i].inline_);
        test_expect(&l.t, i == 0 ? "<auth" : "<authenticate");
        snprintf(text, sizeof(text), "<false xmlns='%s'/>", CASES[i].ns);
        test_receive(&l.t, text);
        test_login_refused(&l);
        assert_int_equal(l.why, BURBLE_WHY_BAD_XML);
        test_login_end(&l);
    }
}

static void a_refused_password_is_final_and_a_busy_server_is_not(void **state)
{
    static const struct {
        const char *condition;
        enum burble_why why;
        enum burble_state state;
    } CASES[] = {
        {"not-authorized", BURBLE_WHY_PASSWORD, BURBLE_OFFLINE},
        {"account-disabled", BURBLE_WHY_PASSWORD, BURBLE_OFFLINE},
        {"temporary-auth-failure", BURBLE_WHY_LOGIN, BURBLE_WAITING},
        {"mechanism-too-weak", BURBLE_WHY_NO_MECHANISM, BURBLE_OFFLINE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        char text[256];
        offered(&l, "SCRAM-SHA-1", "");
        snprintf(text, sizeof(text),
                 "<failure xmlns='" SASL "'><text>who are you?</text><%s/></failure>",
                 CASES[i].condition);
        test_receive(&l.t, text);
        test_expect(&l.t, "</stream:stream>");
        test_login_refused(&l);
        assert_int_equal(l.why, CASES[i].why);
        assert_string_equal(l.condition, CASES[i].condition);
        assert_non_null(strstr(l.text, "who are you?"));
        assert_int_equal(burble_state(l.t.c), CASES[i].state);
        test_login_end(&l);
    }
}

/* A challenge with this count of iterations, behind the nonce that the client has sent. */
static void challenge(struct test_login *l, const char *iterations)
{
    char first[256], text[512];
    size_t len;
    struct buf b = {0};
    const char *sent = test_between(&l->t, "mechanism='SCRAM-SHA-1'>", "<");
    assert_true(base64_decode(slice_z(sent), first, &len));
    first[len] = '\0';
    snprintf(text, sizeof(text), "%sserver,s=QUJDREVGR0hJSktM,i=%s", strstr(first, "r="),
             iterations);
    assert_int_equal(base64_append(&b, slice_z(text)), 0);
    snprintf(text, sizeof(text), "<challenge xmlns='" SASL "'>%.*s</challenge>", (int)buf_len(&b),
             buf_slice(&b).ptr);
    buf_free(&b);
    test_receive(&l->t, text);
}

static void V46_counts_out_of_range_are_refused(void **state)
{
    static const char *const COUNTS[] = {"1",       "4095",       "0",
                                         "-1",      "1000001",    "4294967295",
                                         "4096abc", "4294971392", "10000000000000000000"};
    (void)state;
    for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        static struct test_login l;
        test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_NO_RECONNECT));
        test_login_reach(&l);
        test_login_offer(&l, "SCRAM-SHA-1", "", NULL);
        challenge(&l, COUNTS[i]);
        assert_null(strstr(test_sent(&l.t), "<response"));
        assert_int_equal(burble_deadline(l.t.c) == 0, false);
        test_login_refused(&l);
        assert_true(l.why == BURBLE_WHY_DOWNGRADE || l.why == BURBLE_WHY_UNPROVEN);
        test_login_end(&l);
    }
}

static void V46_the_loop_goes_on_meanwhile(void **state)
{
    static struct test_login l;
    (void)state;
    offered(&l, "SCRAM-SHA-1", "");
    l.t.slices = 0;
    challenge(&l, "100000");
    test_expect(&l.t, "<response");
    /* Each call of burble_feed did a part alone. */
    assert_true(l.t.slices >= 100000 / SASL_CLIENT_SLICE);
    test_login_end(&l);
}

static void a_reconnect_does_not_derive_the_password_again(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(0));
    test_login_online(&l, "SCRAM-SHA-512", "");
    test_break(&l.t);
    test_pass(&l.t, 1000);
    l.t.slices = 0;
    test_login_online(&l, "SCRAM-SHA-512", "");
    assert_true(l.t.slices < 4); /* other work that waited */
    test_login_end(&l);
}

static void a_certificate_comes_before_the_password(void **state)
{
    static struct test_login l;
    char name[64];
    (void)state;
    test_login_new_external(&l, &BURBLE_CONFIG(0));
    test_login_reach(&l);
    test_login_offer(&l, "EXTERNAL SCRAM-SHA-1", "", NULL);
    test_expect(&l.t, "<auth xmlns='" SASL "' mechanism='EXTERNAL'>bWVAZXhhbXBsZS5vcmc=</auth>");
    test_receive(&l.t, "<failure xmlns='" SASL "'><not-authorized/></failure>");
    /* It is not taken: the password is tried on the same stream, once. */
    assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
    assert_string_equal(name, "SCRAM-SHA-1");
    test_login_finish(&l);
    test_break(&l.t);
    test_pass(&l.t, 1000);
    test_login_reach(&l);
    test_login_offer(&l, "EXTERNAL SCRAM-SHA-1", "", NULL);
    test_expect(&l.t, "mechanism='EXTERNAL'>");
    test_login_end(&l);
}

static void without_password_and_certificate_it_says_so(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.password = ""));
    test_login_reach(&l);
    test_login_offer(&l, "SCRAM-SHA-1", "", NULL);
    assert_null(strstr(test_sent(&l.t), "<auth"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_PASSWORD);
    test_login_end(&l);
}

/* Before TLS: V31. */

static void starttls(struct test_login *l)
{
    test_login_new(l, &BURBLE_CONFIG(.security = BURBLE_STARTTLS, .flags = BURBLE_NO_RECONNECT));
    test_reach(&l->t);
}

/* All that went over the wire in clear, and how it ended. */
static void assert_silent(struct test_login *l, const char *sent, enum burble_why why)
{
    assert_null(strstr(sent, "me@"));
    assert_null(strstr(sent, "from="));
    assert_null(strstr(sent, "<auth"));
    assert_null(strstr(sent, "secret"));
    assert_null(strstr(sent, "<iq"));
    test_login_refused(l);
    assert_int_equal(l->why, why);
    assert_int_equal(burble_state(l->t.c), BURBLE_OFFLINE);
}

static void V31_without_tls_nothing_is_said(void **state)
{
    static const struct {
        const char *features;
        enum burble_why why;
    } CASES[] = {
        {"<stream:features/>", BURBLE_WHY_NO_TLS},
        {"<stream:features><mechanisms xmlns='" SASL "'><mechanism>PLAIN</mechanism>"
         "<mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>",
         BURBLE_WHY_NO_TLS},
        {"<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism>"
         "</authentication></stream:features>",
         BURBLE_WHY_NO_TLS},
        {"<stream:features><starttls/></stream:features>", BURBLE_WHY_NO_TLS},
        {"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
         "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
         BURBLE_WHY_NO_TLS},
        /* Twice, the second time without what the first had; or with a login at once. */
        {"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
         "<stream:features><mechanisms xmlns='" SASL "'><mechanism>PLAIN</mechanism></mechanisms>"
         "</stream:features>",
         BURBLE_WHY_BAD_XML},
        {"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
         "<success xmlns='" SASL "'/>",
         BURBLE_WHY_BAD_XML},
        {"<success xmlns='" SASL "'/>", BURBLE_WHY_BAD_XML},
        {"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", BURBLE_WHY_BAD_XML},
        {"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
         "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><stream:features>",
         BURBLE_WHY_DOWNGRADE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        char text[1024];
        starttls(&l);
        snprintf(text, sizeof(text), TEST_HEADER "%s", CASES[i].features);
        test_receive(&l.t, text);
        assert_silent(&l, test_sent(&l.t), CASES[i].why);
        test_login_end(&l);
    }
}

static void V31_what_was_offered_in_clear_is_forgotten(void **state)
{
    static struct test_login l;
    (void)state;
    starttls(&l);
    test_receive(&l.t, TEST_HEADER
                 "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
                 "<mechanisms xmlns='" SASL "'><mechanism>PLAIN</mechanism></mechanisms>"
                 "</stream:features>");
    const char *sent = test_sent(&l.t);
    assert_null(strstr(sent, "me@"));
    assert_null(strstr(sent, "<auth"));
    test_receive(&l.t, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    test_start_tls(&l.t, l.context);
    test_expect(&l.t, "<stream:stream to='example.org' from='me@example.org'");
    test_receive(&l.t, TEST_HEADER "<stream:features/>");
    assert_null(strstr(test_sent(&l.t), "<auth"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_NO_MECHANISM);
    test_login_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_is_taken_and_bound),
        cmocka_unit_test(credentials_are_never_shown),
        cmocka_unit_test(V47_once_bound_always_bound),
        cmocka_unit_test(V47_a_wrong_guess_of_the_binding_is_followed_by_another),
        cmocka_unit_test(V47_guesses_go_on_in_the_next_connection),
        cmocka_unit_test(V47_refusals_never_lead_to_a_login_without_binding),
        cmocka_unit_test(A13_behind_a_refused_guess_the_offer_may_not_shrink),
        cmocka_unit_test(A11_what_is_no_wrong_guess_is_final),
        cmocka_unit_test(A13_the_offer_was_changed_on_the_way),
        cmocka_unit_test(A13_weaker_than_pinned_is_refused),
        cmocka_unit_test(C03_what_is_offered_is_said),
        cmocka_unit_test(V21_strange_features_are_a_clean_error),
        cmocka_unit_test(V21_thousands_of_mechanisms_do_no_harm),
        cmocka_unit_test(A12_a_server_that_proves_nothing_is_refused),
        cmocka_unit_test(A10_success_at_once_is_no_login),
        cmocka_unit_test(V21_an_unknown_answer_to_a_login_ends_it),
        cmocka_unit_test(a_refused_password_is_final_and_a_busy_server_is_not),
        cmocka_unit_test(V46_counts_out_of_range_are_refused),
        cmocka_unit_test(V46_the_loop_goes_on_meanwhile),
        cmocka_unit_test(a_reconnect_does_not_derive_the_password_again),
        cmocka_unit_test(a_certificate_comes_before_the_password),
        cmocka_unit_test(without_password_and_certificate_it_says_so),
        cmocka_unit_test(V31_without_tls_nothing_is_said),
        cmocka_unit_test(V31_what_was_offered_in_clear_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
