/* The roster: fetched, changed by pushes, kept between processes; who may change it (V57). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/roster.h"
#include "client/test_client.h"

#define VERSIONS "<ver xmlns='urn:xmpp:features:rosterver'/>"

struct seen {
    struct burble_roster *r;
    unsigned ready, changed, removed, requests, bad, presences;
    char log[256], status[64], error[64];
    bool free_in_ready, free_in_changed, free_in_removed, free_client;
    struct burble **client;
};

static void end_in(struct seen *s, bool wanted)
{
    if (!wanted)
        return;
    if (s->free_client)
        burble_free(s->client);
    else
        burble_roster_free(&s->r);
}

static void on_ready(struct burble_roster *r, const struct burble_stanza_error *error, void *arg)
{
    struct seen *s = arg;
    (void)r;
    s->ready++;
    snprintf(s->error, sizeof(s->error), "%s", error != NULL ? error->condition : "");
    end_in(s, s->free_in_ready);
}

static void on_changed(struct burble_roster *r, const struct burble_contact *k, void *arg)
{
    struct seen *s = arg;
    (void)r;
    s->changed++;
    snprintf(s->log, sizeof(s->log), "%s %s %s", k->jid, k->name != NULL ? k->name : "-",
             burble_subscription_text(k->subscription));
    end_in(s, s->free_in_changed);
}

static void on_removed(struct burble_roster *r, const char *jid, void *arg)
{
    struct seen *s = arg;
    (void)r;
    s->removed++;
    snprintf(s->log, sizeof(s->log), "%s", jid);
    end_in(s, s->free_in_removed);
}

static void on_request(struct burble_roster *r, const char *jid, const char *status, void *arg)
{
    struct seen *s = arg;
    (void)r;
    s->requests++;
    snprintf(s->log, sizeof(s->log), "%s", jid);
    snprintf(s->status, sizeof(s->status), "%s", status != NULL ? status : "-");
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct seen *s = arg;
    (void)c;
    s->bad += e->kind == BURBLE_EVENT_BAD;
    s->presences += e->kind == BURBLE_EVENT_PRESENCE;
}

static struct burble_roster_config handlers(struct seen *s)
{
    return BURBLE_ROSTER_CONFIG(.arg = s, .ready = on_ready, .changed = on_changed,
                                .removed = on_removed, .request = on_request);
}

/* Online with a roster whose request is open; its id. */
static const char *begin(struct test_client *t, struct seen *s, const char *features,
                         struct burble_roster_config config)
{
    static const char BOUND[] =
        "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
        "<jid>me@example.org/here</jid></bind></iq>";
    test_new(t, &BURBLE_CONFIG(.on_event = on_event, .arg = s));
    s->client = &t->c;
    assert_int_equal(burble_roster_new(t->c, &config, &s->r), 0);
    assert_int_equal(burble_connect(t->c), 0);
    test_connect(t, features);
    test_expect(t, "<bind ");
    test_receive(t, BOUND);
    const char *sent = test_sent(t);
    const char *query = strstr(sent, "<query xmlns='jabber:iq:roster'");
    assert_non_null(query);
    while (strncmp(query, " id='", 5) != 0)
        query--;
    static char id[64];
    snprintf(id, sizeof(id), "%.*s", (int)strcspn(query + 5, "'"), query + 5);
    return id;
}

static void answer(struct test_client *t, const char *id, const char *query)
{
    static char text[4096];
    snprintf(text, sizeof(text), "<iq type='result' id='%s'>%s</iq>", id, query);
    test_receive(t, text);
}

static const char TWO[] =
    "<query xmlns='jabber:iq:roster' ver='v1'>"
    "<item jid='Bob@example.org' name='Bob &lt;b&gt;' subscription='both' approved='true'>"
    "<group>Friends</group><group/></item>"
    "<item jid='amy@example.org' ask='subscribe' subscription='nonsense'/></query>";

static void the_roster_is_fetched_and_can_be_walked(void **state)
{
    struct test_client t;
    struct seen s = {0};
    (void)state;
    const char *id = begin(&t, &s, "", handlers(&s));
    assert_false(burble_roster_is_ready(s.r));
    answer(&t, id, TWO);
    assert_int_equal(s.ready, 1);
    assert_string_equal(s.error, "");
    assert_int_equal(burble_roster_count(s.r), 2);
    const struct burble_contact *amy = burble_roster_at(s.r, 0), *bob = burble_roster_at(s.r, 1);
    assert_string_equal(amy->jid, "amy@example.org");
    assert_null(amy->name);
    assert_true(amy->ask);
    assert_int_equal(amy->subscription, BURBLE_SUBSCRIPTION_NONE);
    assert_string_equal(bob->jid, "bob@example.org");
    assert_string_equal(bob->name, "Bob <b>");
    assert_true(bob->approved);
    assert_int_equal(bob->group_count, 2);
    assert_string_equal(bob->groups[0], "Friends");
    assert_string_equal(bob->groups[1], "");
    assert_null(burble_roster_at(s.r, 2));
    assert_ptr_equal(burble_roster_find(s.r, "BOB@example.org/x"), bob);
    assert_null(burble_roster_find(s.r, "eve@example.org"));
    assert_null(burble_roster_find(s.r, "@@"));
    assert_true(burble_roster_sees_us(s.r, "bob@example.org/x"));
    assert_true(burble_roster_sees_us(s.r, "me@example.org"));
    assert_false(burble_roster_sees_us(s.r, "amy@example.org"));
    assert_false(burble_roster_sees_us(s.r, "eve@example.org"));
    test_end(&t);
}

#define PUSH(from, item)                                                                           \
    "<iq type='set' id='p1' " from "><query xmlns='jabber:iq:roster' ver='v2'>" item "</query></"  \
    "iq>"

static void pushes_change_the_roster(void **state)
{
    struct test_client t;
    struct seen s = {0};
    (void)state;
    answer(&t, begin(&t, &s, "", handlers(&s)), TWO);
    test_receive(&t, PUSH("", "<item jid='eve@example.org' name='Eve' subscription='to'/>"));
    test_expect(&t, "<iq type='result' id='p1'></iq>");
    assert_string_equal(s.log, "eve@example.org Eve to");
    assert_int_equal(burble_roster_count(s.r), 3);
    test_receive(
        &t, PUSH("from='me@example.org'", "<item jid='bob@example.org' subscription='from'/>"));
    test_expect(&t, "<iq type='result' id='p1' to='me@example.org'></iq>");
    assert_string_equal(s.log, "bob@example.org - from");
    assert_int_equal(burble_roster_count(s.r), 3);
    assert_int_equal(burble_roster_find(s.r, "bob@example.org")->group_count, 0);
    test_receive(&t, PUSH("", "<item jid='eve@example.org' subscription='remove'/>"));
    assert_int_equal(s.removed, 1);
    assert_string_equal(s.log, "eve@example.org");
    assert_int_equal(burble_roster_count(s.r), 2);
    test_receive(&t, PUSH("", "<item jid='nobody@example.org' subscription='remove'/>"));
    test_expect(&t, "result");
    assert_int_equal(s.removed, 1);
    assert_int_equal(s.bad, 0);
    test_end(&t);
}

static void V57_only_the_own_account_pushes(void **state)
{
    static const char *const LIARS[] = {
        "bob@example.org",       "bob@example.org/x", "me@example.org/other",
        "me@example.org/here",   "example.org",       "me@examp1e.org",
        "m\xd0\xb5@example.org", "me@example.org.x",  "room@muc.example.org/n"};
    struct test_client t;
    struct seen s = {0};
    static char text[512];
    (void)state;
    answer(&t, begin(&t, &s, "", handlers(&s)), TWO);
    (void)test_sent(&t);
    for (size_t i = 0; i < sizeof(LIARS) / sizeof(LIARS[0]); i++) {
        snprintf(text, sizeof(text),
                 "<iq type='set' id='p%zu' from='%s'><query xmlns='jabber:iq:roster'>"
                 "<item jid='bob@example.org' subscription='remove'/></query></iq>",
                 i, LIARS[i]);
        test_receive(&t, text);
        test_expect(&t, "<iq type='error'");
        test_expect(&t, "<service-unavailable");
        assert_int_equal(s.bad, i + 1);
    }
    assert_int_equal(burble_roster_count(s.r), 2);
    assert_int_equal(s.changed + s.removed, 0);
    /* Nor does an answer that nobody asked for. */
    test_receive(&t, "<iq type='result' id='p1' from='me@example.org'>"
                     "<query xmlns='jabber:iq:roster'/></iq>");
    assert_int_equal(burble_roster_count(s.r), 2);
    test_end(&t);
}

static void bad_pushes_change_nothing(void **state)
{
    static const char *const BAD[] = {
        "",
        "<item/>",
        "<item jid=''/>",
        "<item jid='@' subscription='both'/>",
        "<item jid='eve@example.org'/><item jid='bob@example.org' subscription='remove'/>",
        "<other jid='eve@example.org'/>"};
    struct test_client t;
    struct seen s = {0};
    static char text[512];
    (void)state;
    answer(&t, begin(&t, &s, VERSIONS, handlers(&s)), TWO);
    (void)test_sent(&t);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        snprintf(text, sizeof(text),
                 "<iq type='set' id='p'><query xmlns='jabber:iq:roster' ver='v9'>%s</query></iq>",
                 BAD[i]);
        test_receive(&t, text);
        test_expect(&t, "<bad-request");
    }
    assert_int_equal(burble_roster_count(s.r), 2);
    assert_int_equal(s.changed + s.removed, 0);
    /* What is there now is not what the server thinks: no cache may claim so. */
    void *cache;
    size_t len;
    assert_int_equal(burble_roster_save(s.r, &cache, &len), 0);
    assert_null(strstr(cache, "ver="));
    free(cache);
    test_end(&t);
}

static void a_cache_saves_the_next_fetch(void **state)
{
    struct test_client t;
    struct seen s = {0};
    void *cache;
    size_t len;
    (void)state;
    const char *id = begin(&t, &s, VERSIONS, handlers(&s));
    answer(&t, id, TWO);
    test_receive(&t, PUSH("", "<item jid='eve@example.org' subscription='to'/>"));
    assert_int_equal(burble_roster_save(s.r, &cache, &len), 0);
    test_end(&t);

    struct burble_roster_config config = handlers(&s);
    config.cache = cache;
    config.cache_len = len;
    s = (struct seen){0};
    id = begin(&t, &s, VERSIONS, config);
    assert_int_equal(burble_roster_count(s.r), 3);
    answer(&t, id, "");
    assert_int_equal(s.ready, 1);
    assert_string_equal(s.error, "");
    assert_int_equal(burble_roster_count(s.r), 3);
    assert_string_equal(burble_roster_at(s.r, 1)->name, "Bob <b>");
    assert_true(burble_roster_at(s.r, 0)->ask);
    assert_true(burble_roster_at(s.r, 1)->approved);
    assert_int_equal(burble_roster_at(s.r, 1)->group_count, 2);
    test_end(&t);
    free(cache);
}

static void the_version_is_said_where_the_server_has_versions(void **state)
{
    static const char CACHE[] = "<roster xmlns='urn:burble:roster:1' account='me@example.org'>"
                                "<query xmlns='jabber:iq:roster' ver='v&amp;7'/></roster>";
    struct test_client t;
    struct seen s = {0};
    struct burble_roster_config config = handlers(&s);
    (void)state;
    config.cache = CACHE;
    config.cache_len = sizeof(CACHE) - 1;
    for (unsigned i = 0; i < 3; i++) {
        const char *expected = i == 0   ? "<query xmlns='jabber:iq:roster' ver='v&amp;7'/>"
                               : i == 1 ? "<query xmlns='jabber:iq:roster'/>"
                                        : "<query xmlns='jabber:iq:roster' ver=''/>";
        struct burble_roster_config plain = handlers(&s);
        test_online_with(&t, &BURBLE_CONFIG(.jid = NULL), i == 1 ? "" : VERSIONS);
        assert_int_equal(burble_roster_new(t.c, i == 2 ? &plain : &config, &s.r), 0);
        test_expect(&t, expected);
        test_end(&t);
    }
    /* An empty answer means "nothing changed" only to who told a version. */
    answer(&t, begin(&t, &s, "", config), "");
    assert_int_equal(s.ready, 1);
    assert_int_equal(burble_roster_count(s.r), 0);
    test_end(&t);
}

static void caches_that_are_no_caches_are_refused(void **state)
{
    static const char *const BAD[] = {
        "x",
        "<roster/>",
        "<roster xmlns='urn:burble:roster:1' account='me@example.org'/>",
        "<roster xmlns='urn:burble:roster:2' account='me@example.org'>"
        "<query xmlns='jabber:iq:roster'/></roster>",
        "<roster xmlns='urn:burble:roster:1' account='you@example.org'>"
        "<query xmlns='jabber:iq:roster'/></roster>",
        "<roster xmlns='urn:burble:roster:1' account='me@example.org'>"
        "<query xmlns='jabber:iq:roster'>"};
    struct test_client t;
    struct seen s = {0};
    struct burble_roster_config config = handlers(&s);
    struct burble_roster *r, *second;
    (void)state;
    test_new(&t, &BURBLE_CONFIG(.jid = NULL));
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        config.cache = BAD[i];
        config.cache_len = strlen(BAD[i]);
        assert_int_equal(burble_roster_new(t.c, &config, &r), BURBLE_ERR_CORRUPT);
        assert_null(r);
    }
    config = handlers(&s);
    assert_int_equal(burble_roster_new(t.c, &config, &r), 0);
    assert_int_equal(burble_roster_new(t.c, &config, &second), BURBLE_ERR_EXISTS);
    burble_roster_free(&r);
    assert_null(r);
    assert_int_equal(burble_roster_new(t.c, &config, &r), 0);
    test_end(&t);
}

static void more_contacts_than_the_limit_are_left_out(void **state)
{
    struct test_client t;
    struct seen s = {0};
    struct burble_roster_config config = handlers(&s);
    (void)state;
    config.contacts_max = 1;
    answer(&t, begin(&t, &s, VERSIONS, config), TWO);
    assert_int_equal(s.ready, 1);
    assert_int_equal(s.bad, 1);
    assert_int_equal(burble_roster_count(s.r), 1);
    test_receive(&t, PUSH("", "<item jid='eve@example.org' subscription='to'/>"));
    test_expect(&t, "<resource-constraint");
    assert_int_equal(burble_roster_count(s.r), 1);
    test_receive(&t, PUSH("", "<item jid='bob@example.org' subscription='to'/>"));
    assert_int_equal(s.changed, 1);
    /* It is not whole, so the next session asks for all of it. */
    test_break(&t);
    test_pass(&t, 1000);
    test_connect(&t, VERSIONS);
    test_receive(&t, "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                     "<jid>me@example.org/here</jid></bind></iq>");
    test_expect(&t, "<query xmlns='jabber:iq:roster' ver=''/>");
    test_end(&t);
}

static void a_refused_fetch_is_told(void **state)
{
    struct test_client t;
    struct seen s = {0};
    static char text[512];
    (void)state;
    const char *id = begin(&t, &s, "", handlers(&s));
    snprintf(text, sizeof(text),
             "<iq type='error' id='%s'><error type='auth'><forbidden "
             "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
             id);
    test_receive(&t, text);
    assert_int_equal(s.ready, 1);
    assert_string_equal(s.error, "forbidden");
    assert_false(burble_roster_is_ready(s.r));
    test_end(&t);
}

static void changes_are_asked_for(void **state)
{
    static const char *const GROUPS[] = {"a & b", "c"};
    struct test_client t;
    struct seen s = {0};
    (void)state;
    answer(&t, begin(&t, &s, "", handlers(&s)), TWO);
    (void)test_sent(&t);
    assert_int_equal(burble_roster_set(s.r, "Eve@example.org/x", "E <3", GROUPS, 2, NULL, NULL), 0);
    test_expect(&t, "<query xmlns='jabber:iq:roster'><item jid='eve@example.org' "
                    "name='E &lt;3'><group>a &amp; b</group><group>c</group></item></query>");
    assert_int_equal(burble_roster_set(s.r, "eve@", NULL, NULL, 0, NULL, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_roster_set(s.r, "eve@example.org", "\x01", NULL, 0, NULL, NULL),
                     BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_roster_remove(s.r, "eve@example.org", NULL, NULL), 0);
    test_expect(&t, "<item jid='eve@example.org' subscription='remove'/>");
    assert_int_equal(burble_roster_subscribe(s.r, "eve@example.org/x", "please"), 0);
    test_expect(&t, "<presence to='eve@example.org' type='subscribe'><status>please</status>");
    assert_int_equal(burble_roster_unsubscribe(s.r, "eve@example.org"), 0);
    test_expect(&t, "<presence to='eve@example.org' type='unsubscribe'/>");
    assert_int_equal(burble_roster_approve(s.r, "eve@example.org"), 0);
    test_expect(&t, "<presence to='eve@example.org' type='subscribed'/>");
    assert_int_equal(burble_roster_cancel(s.r, "eve@example.org"), 0);
    test_expect(&t, "<presence to='eve@example.org' type='unsubscribed'/>");
    assert_false(burble_roster_can_preapprove(s.r));
    assert_int_equal(burble_roster_count(s.r), 2);
    test_end(&t);
}

static void requests_go_to_who_decides(void **state)
{
    struct test_client t;
    struct seen s = {0};
    (void)state;
    answer(&t, begin(&t, &s, "<sub xmlns='urn:xmpp:features:pre-approval'/>", handlers(&s)), TWO);
    (void)test_sent(&t);
    assert_true(burble_roster_can_preapprove(s.r));
    test_receive(&t, "<presence type='subscribe' from='eve@example.org/x'>"
                     "<status>hi</status></presence>");
    assert_int_equal(s.requests, 1);
    assert_string_equal(s.log, "eve@example.org");
    assert_string_equal(s.status, "hi");
    assert_int_equal(s.presences, 0);
    test_receive(&t, "<presence type='subscribed' from='eve@example.org'/>");
    assert_int_equal(s.presences, 1);
    test_expect_nothing(&t);
    test_end(&t);
}

static void V16_the_roster_may_end_in_its_callbacks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct test_client t;
        struct seen s = {0};
        const char *id = begin(&t, &s, "", handlers(&s));
        s.free_client = i >= 3;
        s.free_in_ready = i % 3 == 0;
        s.free_in_changed = i % 3 == 1;
        s.free_in_removed = i % 3 == 2;
        answer(&t, id, TWO);
        if (i % 3 != 0)
            test_receive(&t, PUSH("", "<item jid='bob@example.org' subscription='to'/>")
                                 PUSH("", "<item jid='bob@example.org' subscription='remove'/>")
                                     PUSH("", "<item jid='amy@example.org' subscription='both'/>"));
        assert_int_equal(s.ready, 1);
        assert_int_equal(s.changed, i % 3 == 0 ? 0 : 1);
        assert_int_equal(s.removed, i % 3 == 2);
        if (s.free_client) {
            assert_null(t.c);
        } else {
            assert_null(s.r);
            test_receive(&t, PUSH("", "<item jid='x@example.org' subscription='both'/>"));
            test_expect(&t, "<service-unavailable");
        }
        test_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_roster_is_fetched_and_can_be_walked),
        cmocka_unit_test(pushes_change_the_roster),
        cmocka_unit_test(V57_only_the_own_account_pushes),
        cmocka_unit_test(bad_pushes_change_nothing),
        cmocka_unit_test(a_cache_saves_the_next_fetch),
        cmocka_unit_test(the_version_is_said_where_the_server_has_versions),
        cmocka_unit_test(caches_that_are_no_caches_are_refused),
        cmocka_unit_test(more_contacts_than_the_limit_are_left_out),
        cmocka_unit_test(a_refused_fetch_is_told),
        cmocka_unit_test(changes_are_asked_for),
        cmocka_unit_test(requests_go_to_who_decides),
        cmocka_unit_test(V16_the_roster_may_end_in_its_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
