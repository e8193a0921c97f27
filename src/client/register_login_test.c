/* An account that is made before the login. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/test_login.h"

#define OFFER                    "<register xmlns='http://jabber.org/features/iq-register'/>"
#define QUERY(inside)            "<query xmlns='jabber:iq:register'>" inside "</query>"
#define FORM(inside)             QUERY("<username/>" X(inside))
#define X(inside)                "<x xmlns='jabber:x:data' type='form'>" inside "</x>"
#define FIELD(type, var, inside) "<field type='" type "' var='" var "'>" inside "</field>"
#define BOTH                                                                                       \
    FIELD("text-single", "username", "<required/>")                                                \
    FIELD("text-private", "password", "<required/>")

static void begin(struct test_login *l, unsigned flags)
{
    test_login_new(l, &BURBLE_CONFIG(.flags = BURBLE_REGISTER | flags));
    test_login_reach(l);
    test_login_offer(l, "SCRAM-SHA-1 PLAIN", OFFER, NULL);
}

/* Answers the request that is open. */
static void reply(struct test_login *l, const char *kind, const char *inside)
{
    char id[64], text[2048];
    char head[64];
    snprintf(head, sizeof(head), "<iq type='%s' to='example.org' id='", kind);
    snprintf(id, sizeof(id), "%s", test_between(&l->t, head, "'"));
    bool error = strncmp(inside, "<error", 6) == 0;
    snprintf(text, sizeof(text), "<iq type='%s' from='example.org' id='%s'>%s</iq>",
             error ? "error" : "result", id, inside);
    test_receive(&l->t, text);
}

static void an_account_is_made_and_used(void **state)
{
    static const struct {
        const char *asked, *told;
    } CASES[] = {
        {QUERY("<instructions>Choose</instructions><username/><password/>"),
         QUERY("<username>me</username><password>secret</password>") "</iq>"},
        {QUERY("<username/><password/><key>k</key>"),
         QUERY("<username>me</username><password>secret</password><key>k</key>") "</iq>"},
        {FORM(FIELD("hidden", "FORM_TYPE", "<value>jabber:iq:register</value>") FIELD(
             "fixed", "f", "<value>Hello</value>") BOTH FIELD("text-single", "email", "")),
         QUERY("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
               "<value>jabber:iq:register</value></field><field var='username'><value>me</value>"
               "</field><field var='password'><value>secret</value></field></x>") "</iq>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        char name[64];
        begin(&l, BURBLE_RAW_XML);
        reply(&l, "get", CASES[i].asked);
        char id[64];
        snprintf(id, sizeof(id), "%s",
                 test_between(&l.t, "<iq type='set' to='example.org' id='", "'"));
        test_expect(&l.t, CASES[i].told);
        assert_false(test_login_shown(&l, "secret"));
        assert_true(test_login_shown(&l, "[hidden]"));
        char text[128];
        test_receive(&l.t, "<iq type='result' id='of-nobody'/>");
        test_expect_nothing(&l.t);
        snprintf(text, sizeof(text), "<iq type='result' id='%s'/>", id);
        test_receive(&l.t, text);
        assert_int_equal(test_login_exchange(&l, name), SASL_SUCCESS);
        test_login_finish(&l);
        /* Once: the next login is one of an account that is there. */
        test_break(&l.t);
        test_pass(&l.t, 1000);
        test_login_reach(&l);
        test_login_offer(&l, "SCRAM-SHA-1 PLAIN", OFFER, NULL);
        test_expect(&l.t, "<auth ");
        test_login_end(&l);
    }
}

static void what_is_not_known_is_named(void **state)
{
    static const struct {
        const char *asked, *said;
    } CASES[] = {
        {QUERY("<instructions>Tell all</instructions><username/><password/><email/><name/>"),
         "more than is known here: email, name; it says: Tell all"},
        {FORM(BOTH FIELD("text-single", "ocr", "<required/>") "<instructions>See</instructions>"),
         ": ocr; it says: See"},
        {QUERY("<instructions>Go to the page</instructions>"),
         "elsewhere; it says: Go to the page"},
        {QUERY("<instructions>Go</instructions>"
               "<x xmlns='jabber:x:oob'><url>https://example.org/join</url></x>"),
         "elsewhere; it says: https://example.org/join"},
        {"", "elsewhere"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        begin(&l, 0);
        reply(&l, "get", CASES[i].asked);
        const char *sent = test_sent(&l.t);
        assert_null(strstr(sent, "secret"));
        assert_null(strstr(sent, "<auth"));
        test_login_refused(&l);
        assert_int_equal(l.why, BURBLE_WHY_REGISTRATION);
        assert_non_null(strstr(l.text, CASES[i].said));
        assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
        test_login_end(&l);
    }
}

static void a_refusal_is_explained(void **state)
{
    static const struct {
        const char *condition, *said;
    } CASES[] = {
        {"conflict", "there is an account of this name already; it says: Sorry"},
        {"not-acceptable", "this password"},
        {"undefined-condition", "refused to make the account"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct test_login l;
        char error[256];
        begin(&l, 0);
        reply(&l, "get", QUERY("<username/><password/>"));
        snprintf(error, sizeof(error),
                 "<error type='cancel'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                 "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Sorry</text></error>",
                 CASES[i].condition);
        reply(&l, "set", error);
        assert_null(strstr(test_sent(&l.t), "<auth"));
        test_login_refused(&l);
        assert_int_equal(l.why, BURBLE_WHY_REGISTRATION);
        assert_string_equal(l.condition, CASES[i].condition);
        assert_non_null(strstr(l.text, CASES[i].said));
        test_login_end(&l);
    }
}

static void a_server_that_makes_no_accounts_is_not_asked(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.flags = BURBLE_REGISTER));
    test_login_reach(&l);
    test_login_offer(&l, "SCRAM-SHA-1", "", NULL);
    assert_null(strstr(test_sent(&l.t), "<iq"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_REGISTRATION);
    test_login_end(&l);
}

static void V31_no_account_is_made_in_clear(void **state)
{
    static struct test_login l;
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG(.security = BURBLE_STARTTLS, .flags = BURBLE_REGISTER));
    test_reach(&l.t);
    test_receive(&l.t, TEST_HEADER "<stream:features>" OFFER "</stream:features>");
    const char *sent = test_sent(&l.t);
    assert_null(strstr(sent, "<iq"));
    assert_null(strstr(sent, "me@"));
    test_login_refused(&l);
    assert_int_equal(l.why, BURBLE_WHY_NO_TLS);
    test_login_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_made_and_used),
        cmocka_unit_test(what_is_not_known_is_named),
        cmocka_unit_test(a_refusal_is_explained),
        cmocka_unit_test(a_server_that_makes_no_accounts_is_not_asked),
        cmocka_unit_test(V31_no_account_is_made_in_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
