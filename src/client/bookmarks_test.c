/* Bookmarks: fetched, changed here and elsewhere, and by nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/bookmarks.h"
#include "client/client.h"
#include "client/test_client.h"
#include "client/test_log.h"

#define PS   "http://jabber.org/protocol/pubsub"
#define NODE "urn:xmpp:bookmarks:1"

struct heard {
    struct test_client *t;
    struct burble_bookmarks *b;
    unsigned bad, answers;
    enum burble_iq_outcome outcome;
    struct test_log log;
    bool free_client, free_bookmarks;
};

static void perhaps_free(struct heard *h)
{
    if (h->free_bookmarks)
        burble_bookmarks_free(&h->b);
    if (h->free_client)
        burble_free(&h->t->c);
}

static void on_ready(struct burble_bookmarks *b, const struct burble_stanza_error *error, void *arg)
{
    struct heard *h = arg;
    (void)b;
    test_say(&h->log, "ready %s;", error != NULL ? error->condition : "");
    perhaps_free(h);
}

static void on_changed(struct burble_bookmarks *b, const struct burble_bookmark *k, void *arg)
{
    struct heard *h = arg;
    (void)b;
    test_say(&h->log, "+%s %s %s %s%s;", k->jid, test_or_dash(k->name), test_or_dash(k->nick),
             test_or_dash(k->password), k->autojoin ? " auto" : "");
    perhaps_free(h);
}

static void on_removed(struct burble_bookmarks *b, const char *jid, void *arg)
{
    struct heard *h = arg;
    (void)b;
    test_say(&h->log, "-%s;", jid);
    perhaps_free(h);
}

static void on_done(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->answers++;
    h->outcome = answer->outcome;
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->bad += e->kind == BURBLE_EVENT_BAD;
}

static void online(struct test_client *t, struct heard *h, uint32_t max, char id[TEST_ID_BYTES])
{
    memset(h, 0, sizeof(*h));
    h->t = t;
    test_online(t, &BURBLE_CONFIG(.on_event = on_event, .arg = h));
    const struct burble_bookmarks_config config =
        BURBLE_BOOKMARKS_CONFIG(.arg = h, .ready = on_ready, .changed = on_changed,
                                .removed = on_removed, .max = max);
    assert_int_equal(burble_bookmarks_new(t->c, &config, &h->b), 0);
    test_request(t, "get", NULL, id);
    test_expect(t, "<items node='" NODE "'/></pubsub></iq>");
}

#define ITEM(jid, attrs, content)                                                                  \
    "<item id='" jid "'><conference xmlns='" NODE "' " attrs ">" content "</conference></item>"
#define TWO                                                                                        \
    ITEM("b@rooms.org", "name='B' autojoin='1'", "<nick>me</nick><password>pw</password>")         \
    ITEM("A@rooms.org", "autojoin='false'", "<extensions><x xmlns='urn:x'/></extensions>")

static void items(struct test_client *t, const char *id, const char *content)
{
    test_receivef(t,
                  "<iq type='result' id='%s'><pubsub xmlns='" PS "'><items node='" NODE
                  "'>%s</items></pubsub></iq>",
                  id, content);
}

static void event(struct test_client *t, const char *from, const char *content)
{
    test_receivef(t,
                  "<message from='%s'><event xmlns='" PS "#event'><items node='" NODE
                  "'>%s</items></event></message>",
                  from, content);
}

static void they_are_fetched_and_kept_over_sessions(void **state)
{
    struct test_client t;
    struct heard h;
    struct burble_bookmark k;
    struct burble_bookmarks *second;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h, 0, id);
    assert_int_equal(burble_bookmarks_new(t.c, &BURBLE_BOOKMARKS_CONFIG(.max = 1), &second),
                     BURBLE_ERR_EXISTS);
    items(&t, id, TWO ITEM("no@@room", "", "") ITEM("c@rooms.org/nick", "", ""));
    test_told(&h.log, "+b@rooms.org B me pw auto;+a@rooms.org - - -;ready ;");
    assert_int_equal(h.bad, 2);
    assert_int_equal(burble_bookmarks_count(h.b), 2);
    assert_true(burble_bookmarks_at(h.b, 0, &k));
    assert_string_equal(k.jid, "a@rooms.org");
    assert_true(burble_bookmarks_find(h.b, "B@ROOMS.org", &k));
    assert_string_equal(k.password, "pw");
    assert_false(burble_bookmarks_find(h.b, "@@", &k));
    assert_false(burble_bookmarks_at(h.b, 2, &k));
    test_break(&t);
    assert_false(burble_bookmarks_is_ready(h.b));
    test_pass(&t, 5000);
    test_connect(&t, "");
    test_receive(&t, "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                     "<jid>me@example.org/here</jid></bind></iq>");
    test_expect(&t, "<pubsub ");
    test_break(&t);
    test_told(&h.log, "ready recipient-unavailable;");
    assert_int_equal(burble_bookmarks_count(h.b), 2);
    test_pass(&t, 5000);
    test_connect(&t, "");
    (void)test_sent(&t);
    test_receive(&t, "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                     "<jid>me@example.org/here</jid></bind></iq>");
    snprintf(id, sizeof(id), "%s", test_between(&t, "</iq><iq type='get' id='", "'"));
    items(
        &t, id,
        ITEM("b@rooms.org", "name='C' autojoin='true'", "<nick>me</nick><password>pw</password>"));
    test_told(&h.log, "+b@rooms.org C me pw auto;-a@rooms.org;ready ;");
    test_end(&t);
}

static void V65_they_are_changed_by_the_own_account_alone(void **state)
{
    static const char *const LIARS[] = {"bob@example.net",  "example.org", "me@example.org/here",
                                        "me@example.org/x", "rooms.org",   "b@rooms.org"};
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h, 0, id);
    items(&t, id, TWO);
    h.log.text[0] = '\0';
    for (size_t i = 0; i < sizeof(LIARS) / sizeof(LIARS[0]); i++) {
        event(&t, LIARS[i], ITEM("evil@rooms.org", "autojoin='1'", ""));
        event(&t, LIARS[i], "<retract id='b@rooms.org'/>");
        test_receivef(&t,
                      "<message from='%s'><event xmlns='" PS "#event'><delete node='" NODE
                      "'/></event></message>",
                      LIARS[i]);
    }
    test_told(&h.log, "");
    assert_int_equal(burble_bookmarks_count(h.b), 2);
    event(&t, "me@example.org", ITEM("new@rooms.org", "", "") "<retract id='B@rooms.org'/>");
    test_told(&h.log, "+new@rooms.org - - -;-b@rooms.org;");
    event(&t, "me@example.org", ITEM("new@rooms.org", "", ""));
    test_told(&h.log, ""); /* as it was */
    test_receive(&t, "<message from='me@example.org'><event xmlns='" PS "#event'><purge node='" NODE
                     "'/></event></message>");
    test_told(&h.log, "-a@rooms.org;-new@rooms.org;");
    test_end(&t);
}

static void V67_changes_are_published_for_ourselves_alone(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h, 3, id);
    const struct burble_bookmark a = {.jid = "A@rooms.org", .name = "A&", .autojoin = true};
    assert_int_equal(burble_bookmarks_set(h.b, &a, on_done, &h), BURBLE_ERR_BUSY);
    items(&t, id, TWO);
    h.log.text[0] = '\0';
    assert_int_equal(
        burble_bookmarks_set(h.b, &(struct burble_bookmark){.jid = "a@rooms.org/x"}, on_done, &h),
        BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_bookmarks_set(h.b, &a, on_done, &h), 0);
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<publish node='" NODE "'><item id='a@rooms.org'><conference xmlns='" NODE
                    "' name='A&amp;' autojoin='true'><extensions><x xmlns='urn:x'/></extensions>"
                    "</conference></item></publish>");
    test_expect(&t, "<field var='pubsub#access_model'><value>whitelist</value></field>");
    test_told(&h.log, "");
    test_result(&t, id, NULL, "");
    test_told(&h.log, "+a@rooms.org A& - - auto;");
    assert_int_equal(h.answers, 1);
    assert_int_equal(burble_bookmarks_remove(h.b, "x@rooms.org", on_done, &h),
                     BURBLE_ERR_NOT_FOUND);
    assert_int_equal(burble_bookmarks_remove(h.b, "b@rooms.org", on_done, &h), 0);
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<retract node='" NODE "' notify='true'><item id='b@rooms.org'/></retract>");
    test_result(&t, id, NULL, "");
    test_told(&h.log, "-b@rooms.org;");
    assert_int_equal(burble_bookmarks_set(h.b, &a, on_done, &h), 0);
    test_break(&t);
    assert_int_equal(h.answers, 3);
    assert_int_equal(h.outcome, BURBLE_IQ_GONE);
    assert_int_equal(burble_bookmarks_set(h.b, &a, on_done, &h), BURBLE_ERR_OFFLINE);
    test_end(&t);
}

static void they_have_a_limit(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h, 1, id);
    items(&t, id, TWO);
    assert_int_equal(burble_bookmarks_count(h.b), 1);
    assert_int_equal(h.bad, 1);
    assert_int_equal(
        burble_bookmarks_set(h.b, &(struct burble_bookmark){.jid = "c@rooms.org"}, on_done, &h),
        BURBLE_ERR_LIMIT);
    test_end(&t);
}

#define STORED(content)                                                                            \
    "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>" content                 \
    "</storage></query>"
#define URL "<url name='u' url='https://x.org/'/>"

/* The server answers a request for the storage. */
static void load(struct test_client *t, const char *content)
{
    char id[TEST_ID_BYTES];
    test_request(t, "get", NULL, id);
    test_expect(t, "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>");
    test_receivef(t, "<iq type='result' id='%s'>%s</iq>", id, content);
}

static void without_pep_they_are_in_private_storage(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h, 0, id);
    test_refuse(&t, id, NULL, "service-unavailable");
    load(&t, STORED("<conference jid='A@rooms.org' name='A' autojoin='1'><nick>me</nick>"
                    "<other xmlns='urn:o'/></conference>" URL));
    test_told(&h.log, "+a@rooms.org A me - auto;ready ;");
    const struct burble_bookmark a = {.jid = "a@rooms.org", .name = "AA"},
                                 b = {.jid = "b@rooms.org", .password = "pw"};
    assert_int_equal(burble_bookmarks_set(h.b, &a, on_done, &h), 0);
    assert_int_equal(burble_bookmarks_set(h.b, &b, on_done, &h), 0);
    assert_int_equal(burble_bookmarks_remove(h.b, "a@rooms.org", on_done, &h), 0);
    load(&t, STORED("<conference jid='A@rooms.org' name='A' autojoin='1'><nick>me</nick>"
                    "<other xmlns='urn:o'/></conference>" URL));
    test_request(&t, "set", NULL, id);
    test_expect(&t, STORED("<conference jid='a@rooms.org' name='AA' autojoin='false'>"
                           "<other xmlns='urn:o'/></conference>" URL) "</iq>");
    test_expect_nothing(&t); /* one after the other */
    test_result(&t, id, NULL, "");
    test_told(&h.log, "+a@rooms.org AA - -;");
    load(&t, STORED(URL "<conference jid='a@rooms.org'/>"));
    test_request(&t, "set", NULL, id);
    test_expect(&t, STORED(URL "<conference jid='a@rooms.org'/><conference jid='b@rooms.org'"
                               " autojoin='false'><password>pw</password></conference>"));
    (void)test_sent(&t);
    test_result(&t, id, NULL, "");
    assert_int_equal(h.answers, 2);
    h.log.text[0] = '\0';
    load(&t, STORED(URL "<conference jid='a@rooms.org'/>"));
    test_request(&t, "set", NULL, id);
    test_expect(&t, STORED(URL));
    assert_int_equal(burble_bookmarks_set(h.b, &b, on_done, &h), 0);
    test_break(&t); /* the last two end */
    assert_int_equal(h.answers, 4);
    assert_int_equal(h.outcome, BURBLE_IQ_GONE);
    test_told(&h.log, "");
    test_end(&t);
}

static void V16_free_in_the_callbacks(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    for (int what = 0; what < 3; what++) {
        online(&t, &h, 0, id);
        h.free_client = what > 0;
        h.free_bookmarks = what < 2;
        items(&t, id, TWO);
        test_told(&h.log, "+b@rooms.org B me pw auto;");
        if (what == 0) {
            assert_null(h.b);
            event(&t, "me@example.org", ITEM("new@rooms.org", "", ""));
            test_told(&h.log, "");
        } else {
            assert_null(t.c);
        }
        test_end(&t);
    }
    online(&t, &h, 0, id); /* while changes are under way */
    items(&t, id, TWO);
    const struct burble_bookmark a = {.jid = "a@rooms.org"};
    assert_int_equal(burble_bookmarks_set(h.b, &a, on_done, &h), 0);
    assert_int_equal(burble_bookmarks_remove(h.b, "b@rooms.org", on_done, &h), 0);
    test_request(&t, "set", NULL, id);
    burble_bookmarks_free(&h.b);
    test_result(&t, id, NULL, "");
    assert_int_equal(h.answers, 0);
    test_end(&t);
    assert_int_equal(h.answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_fetched_and_kept_over_sessions),
        cmocka_unit_test(V65_they_are_changed_by_the_own_account_alone),
        cmocka_unit_test(V67_changes_are_published_for_ourselves_alone),
        cmocka_unit_test(they_have_a_limit),
        cmocka_unit_test(without_pep_they_are_in_private_storage),
        cmocka_unit_test(V16_free_in_the_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
