/* Ping, version, time, last activity: who is answered what, and what is made of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/answers.h"
#include "burble/caps.h"
#include "client/client.h"
#include "client/test_client.h"

#define PING    "<ping xmlns='urn:xmpp:ping'/>"
#define VERSION "<query xmlns='jabber:iq:version'/>"
#define TIME    "<time xmlns='urn:xmpp:time'/>"
#define LAST    "<query xmlns='jabber:iq:last'/>"

struct heard {
    struct test_client *t;
    unsigned answers;
    bool there, free_client;
    enum burble_iq_outcome outcome;
    uint64_t number;
    int zone;
    char text[64];
};

static void heard(struct heard *h, enum burble_iq_outcome outcome)
{
    h->answers++;
    h->outcome = outcome;
    if (h->free_client)
        burble_free(&h->t->c);
}

static void on_pong(struct burble *c, const struct burble_pong *p, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->there = p->there;
    h->number = p->rtt_ms;
    heard(h, p->outcome);
}

static void on_software(struct burble *c, const struct burble_software *s, void *arg)
{
    struct heard *h = arg;
    (void)c;
    snprintf(h->text, sizeof(h->text), "%s|%s|%s", s->name != NULL ? s->name : "-",
             s->version != NULL ? s->version : "-", s->os != NULL ? s->os : "-");
    heard(h, s->outcome);
}

static void on_clock(struct burble *c, const struct burble_clock *k, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->number = (uint64_t)k->wall_ms;
    h->zone = k->zone_minutes;
    heard(h, k->outcome);
}

static void on_activity(struct burble *c, const struct burble_activity *a, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->number = a->seconds;
    snprintf(h->text, sizeof(h->text), "%s", a->status != NULL ? a->status : "-");
    heard(h, a->outcome);
}

static void online(struct test_client *t, struct heard *h)
{
    *h = (struct heard){.t = t};
    test_online(t, &BURBLE_CONFIG(.software = "Robot", .software_version = "1<2"));
}

static void ask(struct test_client *t, const char *from, const char *type, const char *payload)
{
    test_receivef(t, "<iq type='%s' id='q' from='%s'>%s</iq>", type, from, payload);
}

static void the_usual_questions_are_answered(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_answer_usual(t.c), 0);
    assert_int_equal(burble_answer_usual(t.c), 0);
    ask(&t, "example.org", "get", PING);
    test_expect(&t, "<iq type='result' id='q' to='example.org'></iq>");
    ask(&t, "me@example.org/other", "get", VERSION);
    test_expect(&t, "<query xmlns='jabber:iq:version'><name>Robot</name>"
                    "<version>1&lt;2</version></query></iq>");
    ask(&t, "me@example.org", "get", TIME);
    test_expect(&t, "<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo>"
                    "<utc>2027-01-15T08:00:00.000Z</utc></time></iq>");
    test_pass(&t, 12999);
    ask(&t, "me@example.org", "get", LAST);
    test_expect(&t, "<query xmlns='jabber:iq:last' seconds='12'/></iq>");
    burble_touch(t.c);
    ask(&t, "me@example.org", "get", LAST);
    test_expect(&t, "seconds='0'");
    ask(&t, "me@example.org", "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    test_expect(&t, "<feature var='urn:xmpp:ping'/><feature var='jabber:iq:version'/>"
                    "<feature var='urn:xmpp:time'/><feature var='jabber:iq:last'/></query>");
    test_end(&t);
}

static void V69_strangers_cannot_tell_whether_we_are_here(void **state)
{
    static const char *const ALL[] = {PING, VERSION, TIME, LAST};
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    for (int on = 0; on < 2; on++) {
        for (size_t i = 0; i < sizeof(ALL) / sizeof(ALL[0]); i++) {
            ask(&t, "mallory@example.net/x", "get", ALL[i]);
            test_expect(&t, "<iq type='error' id='q' to='mallory@example.net/x'>"
                            "<error type='cancel'><service-unavailable ");
        }
        assert_int_equal(burble_answer_usual(t.c), 0);
    }
    test_end(&t);
}

static void V68_nothing_is_done_for_anybody(void **state)
{
    static const char *const WHO[] = {"example.org", "me@example.org", "me@example.org/other",
                                      "mallory@example.net/x"};
    static const char *const WHAT[] = {
        "<command xmlns='http://jabber.org/protocol/commands' action='execute'"
        " node='http://jabber.org/protocol/rc#set-status'/>",
        "<query xmlns='jabber:iq:rpc'><methodCall/></query>",
        "<query xmlns='jabber:iq:oob'><url>https://example.net/</url></query>",
        VERSION,
        PING,
    };
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_answer_usual(t.c), 0);
    assert_int_equal(burble_caps_start(t.c, "https://example.org", NULL, NULL), 0);
    burble_set_tell(t.c, BURBLE_TELL_ALL);
    for (size_t i = 0; i < sizeof(WHO) / sizeof(WHO[0]); i++)
        for (size_t k = 0; k < sizeof(WHAT) / sizeof(WHAT[0]); k++) {
            ask(&t, WHO[i], "set", WHAT[k]);
            test_expect(&t, "<service-unavailable ");
        }
    ask(&t, "me@example.org", "get",
        "<query xmlns='http://jabber.org/protocol/disco#items'"
        " node='http://jabber.org/protocol/commands'/>");
    test_expect(&t, "<item-not-found ");
    ask(&t, "me@example.org", "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    assert_null(strstr(test_sent(&t), "commands"));
    test_end(&t);
}

static void pings_come_back_with_the_time_they_took(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    t.now.mono_ms += 30000; /* the client does not know */
    assert_int_equal(burble_ping(t.c, NULL, 0, on_pong, &h, NULL), 0);
    test_request(&t, "get", "example.org", id);
    test_pass(&t, 70);
    test_result(&t, id, "example.org", "");
    assert_true(h.answers == 1 && h.there);
    assert_int_equal(h.number, 70);
    const struct {
        const char *jid, *condition;
        bool there;
    } cases[] = {{"bob@example.net/x", "service-unavailable", false},
                 {"example.net", "service-unavailable", true},
                 {"bob@example.net/x", "feature-not-implemented", true},
                 {"example.net", "remote-server-not-found", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(burble_ping(t.c, cases[i].jid, 0, on_pong, &h, NULL), 0);
        test_request(&t, "get", cases[i].jid, id);
        test_receivef(&t,
                      "<iq type='error' from='%s' id='%s'><error type='cancel'>"
                      "<%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                      cases[i].jid, id, cases[i].condition);
        assert_int_equal(h.answers, 2 + i);
        assert_int_equal(h.there, cases[i].there);
    }
    assert_int_equal(burble_ping(t.c, NULL, 1000, on_pong, &h, NULL), 0);
    test_pass(&t, 0);
    test_pass(&t, 1000);
    assert_int_equal(h.outcome, BURBLE_IQ_TIMEOUT);
    assert_false(h.there);
    test_end(&t);
}

static void answers_of_others_are_read(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_version_of(t.c, "example.net", on_software, &h, NULL), 0);
    test_request(&t, "get", "example.net", id);
    test_result(&t, id, "example.net",
                "<query xmlns='jabber:iq:version'>"
                "<name>N</name><version/></query>");
    assert_string_equal(h.text, "N||-");
    static const struct {
        const char *tzo, *utc;
        bool good;
        int zone;
    } TIMES[] = {{"-06:30", "2006-12-19T17:58:35Z", true, -390},
                 {"Z", "2006-12-19T17:58:35Z", true, 0},
                 {"+99:00", "2006-12-19T17:58:35Z", false, 0},
                 {"+0a:00", "2006-12-19T17:58:35Z", false, 0},
                 {"+00:00", "yesterday", false, 0}};
    for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
        assert_int_equal(burble_time_of(t.c, "bob@example.net/x", on_clock, &h, NULL), 0);
        test_request(&t, "get", "bob@example.net/x", id);
        test_receivef(&t,
                      "<iq type='result' from='bob@example.net/x' id='%s'>"
                      "<time xmlns='urn:xmpp:time'><tzo>%s</tzo><utc>%s</utc></time></iq>",
                      id, TIMES[i].tzo, TIMES[i].utc);
        assert_int_equal(h.outcome, TIMES[i].good ? BURBLE_IQ_RESULT : BURBLE_IQ_ERROR);
        assert_int_equal(h.zone, TIMES[i].zone);
        assert_int_equal(h.number, TIMES[i].good ? 1166551115000 : 0);
    }
    assert_int_equal(burble_last_of(t.c, "bob@example.net", on_activity, &h, NULL), 0);
    test_request(&t, "get", "bob@example.net", id);
    test_result(&t, id, "bob@example.net",
                "<query xmlns='jabber:iq:last' seconds='903'>Bye</query>");
    assert_int_equal(h.number, 903);
    assert_string_equal(h.text, "Bye");
    assert_int_equal(burble_last_of(t.c, "bob@example.net", on_activity, &h, NULL), 0);
    test_request(&t, "get", "bob@example.net", id);
    test_result(&t, id, "bob@example.net", "<query xmlns='jabber:iq:last' seconds='-1'/>");
    assert_int_equal(h.outcome, BURBLE_IQ_ERROR);
    test_end(&t);
}

static void V16_free_in_the_callbacks(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    uint64_t handle;
    (void)state;
    online(&t, &h);
    h.free_client = true;
    assert_int_equal(burble_ping(t.c, NULL, 0, on_pong, &h, &handle), 0);
    burble_cancel(t.c, handle);
    assert_int_equal(burble_ping(t.c, NULL, 0, on_pong, &h, NULL), 0);
    test_request(&t, "get", "example.org", id);
    test_request(&t, "get", "example.org", id);
    test_result(&t, id, "example.org", "");
    assert_null(t.c);
    assert_int_equal(h.answers, 1);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_questions_are_answered),
        cmocka_unit_test(V69_strangers_cannot_tell_whether_we_are_here),
        cmocka_unit_test(V68_nothing_is_done_for_anybody),
        cmocka_unit_test(pings_come_back_with_the_time_they_took),
        cmocka_unit_test(answers_of_others_are_read),
        cmocka_unit_test(V16_free_in_the_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
