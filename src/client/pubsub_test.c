/* Publish-subscribe: what is asked, what is read, and whose events count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/caps.h"
#include "burble/presence.h"
#include "burble/pubsub.h"
#include "client/client.h"
#include "client/test_client.h"
#include "client/test_log.h"

#define PS     "http://jabber.org/protocol/pubsub"
#define OWNER  PS "#owner"
#define EVENT  PS "#event"
#define STANZA "urn:ietf:params:xml:ns:xmpp-stanzas"

struct heard {
    struct test_client *t;
    unsigned answers, events, bad, messages;
    enum burble_iq_outcome outcome;
    struct test_log log;
    bool free_client, take_back;
};

static void answered(struct heard *h, enum burble_iq_outcome outcome)
{
    h->answers++;
    h->outcome = outcome;
    if (h->free_client)
        burble_free(&h->t->c);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->bad += e->kind == BURBLE_EVENT_BAD;
    h->messages += e->kind == BURBLE_EVENT_MESSAGE;
}

static void on_published(struct burble *c, const struct burble_published *p, void *arg)
{
    struct heard *h = arg;
    (void)c;
    test_say(&h->log, "%s %s %s;", p->node, test_or_dash(p->id), p->error.condition);
    answered(arg, p->outcome);
}

static void on_done(struct burble *c, const struct burble_iq *answer, void *arg)
{
    (void)c;
    answered(arg, answer->outcome);
}

static void on_items(struct burble *c, const struct burble_pubsub_items *items, void *arg)
{
    struct heard *h = arg;
    (void)c;
    test_say(&h->log, "%s %s %s:", items->service, items->node, test_or_dash(items->last));
    for (size_t i = 0; i < items->count; i++)
        test_say(&h->log, " %s=%s", test_or_dash(items->items[i].id),
                 test_or_dash(burble_xml_name(items->items[i].payload)));
    answered(arg, items->outcome);
}

static void on_own(struct burble *c, const struct burble_pubsub_own *own, void *arg)
{
    struct heard *h = arg;
    (void)c;
    for (size_t i = 0; i < own->subscription_count; i++)
        test_say(&h->log, "%s %s %s %s;", test_or_dash(own->subscriptions[i].node),
                 own->subscriptions[i].jid, own->subscriptions[i].state,
                 test_or_dash(own->subscriptions[i].subid));
    for (size_t i = 0; i < own->affiliation_count; i++)
        test_say(&h->log, "%s %s;", own->affiliations[i].node, own->affiliations[i].affiliation);
    answered(arg, own->outcome);
}

static void on_config(struct burble *c, const struct burble_iq *answer, struct burble_form *form,
                      void *arg)
{
    struct heard *h = arg;
    if (form != NULL) {
        assert_int_equal(burble_form_set(form, "pubsub#access_model", "open"), 0);
        assert_int_equal(burble_pubsub_set_config(c, NULL, "n", form, on_done, h), 0);
    }
    answered(h, answer->outcome);
}

static void on_pubsub(struct burble *c, const struct burble_pubsub_event *e, void *arg)
{
    struct heard *h = arg;
    static const char *const KINDS[] = {"item",    "retracted",  "purged",
                                        "deleted", "configured", "subscription"};
    h->events++;
    test_say(&h->log, "%s %s%s %s %s %s;", KINDS[e->kind], e->from, e->own ? " own" : "", e->node,
             test_or_dash(e->id),
             test_or_dash(e->state != NULL ? e->state : burble_xml_name(e->payload)));
    if (h->take_back)
        burble_off_pubsub_event(c, e->node, on_pubsub, h);
    if (h->free_client)
        burble_free(&h->t->c);
}

static void online(struct test_client *t, struct heard *h)
{
    memset(h, 0, sizeof(*h));
    h->t = t;
    test_online(t, &BURBLE_CONFIG(.on_event = on_event, .arg = h));
}

static void items_are_published_and_retracted(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_pubsub_publish(t.c, NULL, "n&", NULL, "<a xmlns='urn:a'>&lt;</a>",
                                           burble_pubsub_private(), 0, on_published, &h),
                     0);
    test_request(&t, "set", NULL, id);
    test_expect(&t,
                "<pubsub xmlns='" PS "'><publish node='n&amp;'><item><a xmlns='urn:a'>&lt;</a>"
                "</item></publish><publish-options><x xmlns='jabber:x:data' type='submit'>"
                "<field var='FORM_TYPE' type='hidden'><value>" PS "#publish-options</value></field>"
                "<field var='pubsub#persist_items'><value>true</value></field>"
                "<field var='pubsub#access_model'><value>whitelist</value></field></x>"
                "</publish-options></pubsub></iq>");
    test_result(&t, id, NULL,
                "<pubsub xmlns='" PS "'><publish node='n&amp;'><item id='7'/></publish></pubsub>");
    test_told(&h.log, "n& 7 ;");
    assert_int_equal(
        burble_pubsub_publish(t.c, "ps.example.org", "n", "i", NULL, NULL, 0, NULL, NULL), 0);
    test_request(&t, "set", "ps.example.org", id);
    test_expect(&t, "<publish node='n'><item id='i'/></publish></pubsub></iq>");
    assert_int_equal(burble_pubsub_publish(t.c, NULL, "n", "i", "<a></b>", NULL, 0, NULL, NULL),
                     BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_pubsub_publish(t.c, NULL, "n", "i", "<a/><b/>", NULL, 0, NULL, NULL),
                     BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_pubsub_retract(t.c, NULL, "n", "i", true, on_done, &h), 0);
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<retract node='n' notify='true'><item id='i'/></retract></pubsub></iq>");
    test_result(&t, id, NULL, "");
    assert_int_equal(h.answers, 2);
    test_end(&t);
}

#define OTHER                                                                                      \
    "<error type='cancel'><conflict xmlns='" STANZA "'/><precondition-not-met xmlns='" PS          \
    "#errors'/></error>"

static void V67_private_items_do_not_go_to_an_open_node(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    for (unsigned flags = 0; flags <= BURBLE_PUBLISH_CONFIGURE; flags++) {
        assert_int_equal(burble_pubsub_publish(t.c, NULL, "n", "i", "<a xmlns='urn:a'/>",
                                               burble_pubsub_private(), flags, on_published, &h),
                         0);
        test_request(&t, "set", NULL, id);
        test_receivef(&t, "<iq type='error' id='%s'>" OTHER "</iq>", id);
    }
    test_told(&h.log, "n i conflict;"); /* that without the flag */
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<pubsub xmlns='" OWNER "'><configure node='n'><x xmlns='jabber:x:data'");
    test_expect(&t, "<field var='pubsub#access_model'><value>whitelist</value></field>");
    test_result(&t, id, NULL, "");
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<publish node='n'>");
    test_receivef(&t, "<iq type='error' id='%s'>" OTHER "</iq>", id);
    test_told(&h.log, "n i conflict;"); /* not again and again */
    assert_int_equal(h.answers, 2);
    test_end(&t);
}

#define UNKNOWN  "<error type='wait'><resource-constraint xmlns='" STANZA "'/></error>"
#define CONFLICT "<error type='cancel'><conflict xmlns='" STANZA "'/></error>"

/* ejabberd 23.01 does not know all options of a node where an item is published. */
static void nodes_are_made_where_options_are_not_known(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    for (int exists = 0; exists < 2; exists++) {
        assert_int_equal(burble_pubsub_publish(t.c, NULL, "n", "i", "<a xmlns='urn:a'/>",
                                               burble_pubsub_private(), BURBLE_PUBLISH_CONFIGURE,
                                               on_published, &h),
                         0);
        test_request(&t, "set", NULL, id);
        test_receivef(&t, "<iq type='error' id='%s'>" UNKNOWN "</iq>", id);
        test_expect(&t, "</iq>");
        test_request(&t, "set", NULL, id);
        test_expect(&t, "<create node='n'/><configure><x xmlns='jabber:x:data' type='submit'>");
        test_receivef(&t, "<iq type='%s' id='%s'>%s</iq>", exists ? "error" : "result", id,
                      exists ? CONFLICT : "");
        if (exists) {
            test_request(&t, "set", NULL, id);
            test_expect(&t, "<configure node='n'>");
            test_result(&t, id, NULL, "");
        }
        test_request(&t, "set", NULL, id);
        test_expect(&t, "<publish node='n'><item id='i'><a xmlns='urn:a'/></item></publish>"
                        "</pubsub></iq>");
        test_result(&t, id, NULL, "");
        test_told(&h.log, "n i ;");
    }
    test_end(&t);
}

static void items_are_read(void **state)
{
    static const char *const IDS[] = {"a", "b", NULL};
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(
        burble_pubsub_items(t.c, "bob@example.net", "n",
                            &(struct burble_pubsub_query){.ids = IDS, .max = 3, .page = 2},
                            on_items, &h, NULL),
        0);
    test_request(&t, "get", "bob@example.net", id);
    test_expect(&t, "<items node='n' max_items='3'><item id='a'/><item id='b'/></items>"
                    "<set xmlns='http://jabber.org/protocol/rsm'><max>2</max></set></pubsub>");
    test_result(&t, id, "bob@example.net",
                "<pubsub xmlns='" PS "'>"
                "<items node='n'><item id='a'><x xmlns='urn:x'/></item><item/></items>"
                "<set xmlns='http://jabber.org/protocol/rsm'><last>z</last></set></pubsub>");
    test_told(&h.log, "bob@example.net n z: a=x -=-");
    assert_int_equal(burble_pubsub_items(t.c, NULL, "n", NULL, on_items, &h, NULL), 0);
    test_request(&t, "get", NULL, id);
    test_expect(&t, "<pubsub xmlns='" PS "'><items node='n'/></pubsub></iq>");
    test_receivef(&t, "<iq type='error' id='%s'/>", id);
    test_told(&h.log, "me@example.org n -:");
    assert_int_equal(h.outcome, BURBLE_IQ_ERROR);
    test_end(&t);
}

#define ITEM(node) "<items node='" node "'><item id='1'><a xmlns='urn:a'/></item></items>"

static void event(struct test_client *t, const char *from, const char *content)
{
    if (from != NULL)
        test_receivef(t, "<message from='%s'><event xmlns='" EVENT "'>%s</event></message>", from,
                      content);
    else
        test_receivef(t, "<message><event xmlns='" EVENT "'>%s</event></message>", content);
}

static void V65_events_of_our_nodes_are_our_accounts_alone(void **state)
{
    static const char *const LIARS[] = {"bob@example.net", "example.org", "ps.example.org",
                                        "me@example.net", "me2@example.org"};
    static const char *const CLIENTS[] = {"bob@example.net/x", "me@example.org/other",
                                          "me@example.org/here", "example.org/x"};
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_on_pubsub_event(t.c, "own", BURBLE_EVENTS_OWN, on_pubsub, &h), 0);
    for (size_t i = 0; i < sizeof(LIARS) / sizeof(LIARS[0]); i++)
        event(&t, LIARS[i], ITEM("own"));
    assert_int_equal(h.bad, 0);
    for (size_t i = 0; i < sizeof(CLIENTS) / sizeof(CLIENTS[0]); i++)
        event(&t, CLIENTS[i], ITEM("own"));
    assert_int_equal(h.bad, 4);
    assert_int_equal(h.events, 0);
    /* Inside of something else it is not an event. */
    test_receive(&t, "<message from='bob@example.net'><x xmlns='urn:x'><event xmlns='" EVENT
                     "'>" ITEM("own") "</event></x></message>");
    test_receive(&t, "<message type='error'><event xmlns='" EVENT
                     "'>" ITEM("own") "</event></message>");
    assert_int_equal(h.events, 0);
    event(&t, NULL, ITEM("own"));
    event(&t, "me@example.org", ITEM("own"));
    test_told(&h.log, "item me@example.org own own 1 a;item me@example.org own own 1 a;");
    assert_int_equal(burble_on_pubsub_event(t.c, "all", 0, on_pubsub, &h), 0);
    event(&t, "bob@example.net", ITEM("all"));
    test_told(&h.log, "item bob@example.net all 1 a;");
    test_end(&t);
}

static void events_of_all_kinds(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_on_pubsub_event(t.c, "n", 0, on_pubsub, &h), 0);
    assert_int_equal(burble_on_pubsub_event(t.c, "n", 0, on_pubsub, &h), BURBLE_ERR_EXISTS);
    event(&t, "ps.example.org",
          "<items node='n'><retract id='1'/><item id='2'/><other/></items><purge node='n'/>"
          "<delete node='n'/><configuration node='n'/>"
          "<subscription node='n' jid='me@example.org' subscription='none'/><purge/>");
    test_told(
        &h.log,
        "retracted ps.example.org n 1 -;item ps.example.org n 2 -;purged ps.example.org n - -;"
        "deleted ps.example.org n - -;configured ps.example.org n - -;"
        "subscription ps.example.org n - none;");
    assert_int_equal(h.messages, 0);
    event(&t, "ps.example.org", ITEM("m"));
    assert_int_equal(h.messages, 1); /* nobody heard: the program gets it */
    assert_int_equal(burble_on_pubsub_event(t.c, NULL, 0, on_pubsub, &h), 0);
    event(&t, "ps.example.org", ITEM("m") ITEM("n"));
    test_told(&h.log, "item ps.example.org m 1 a;item ps.example.org n 1 a;");
    burble_off_pubsub_event(t.c, NULL, on_pubsub, &h);
    h.take_back = true;
    event(&t, "ps.example.org", ITEM("n") ITEM("n"));
    test_told(&h.log, "item ps.example.org n 1 a;");
    test_end(&t);
}

static void interest_is_shown_with_the_presence(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_caps_start(t.c, "https://me.org", NULL, NULL), 0);
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_ONLINE, NULL, 0, NULL), 0);
    (void)test_sent(&t);
    assert_int_equal(burble_on_pubsub_event(t.c, "urn:n", BURBLE_EVENTS_NOTIFY, on_pubsub, &h), 0);
    assert_int_equal(burble_on_pubsub_event(t.c, "urn:n", BURBLE_EVENTS_NOTIFY, on_pubsub, &t), 0);
    test_expect(&t, "<presence><c ");
    test_receive(&t, "<iq type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/>"
                     "</iq>");
    test_expect(&t, "<feature var='urn:n+notify'/>");
    (void)test_sent(&t);
    burble_off_pubsub_event(t.c, "urn:n", on_pubsub, &t);
    test_expect_nothing(&t);
    burble_off_pubsub_event(t.c, "urn:n", on_pubsub, &h);
    test_expect(&t, "<presence><c ");
    test_end(&t);
}

static void subscriptions_and_nodes(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_pubsub_subscribe(t.c, NULL, "n", on_own, &h), 0);
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<subscribe node='n' jid='me@example.org'/></pubsub></iq>");
    test_result(&t, id, NULL,
                "<pubsub xmlns='" PS "'><subscription node='n' jid='me@example.org' subid='s'"
                " subscription='pending'/></pubsub>");
    test_told(&h.log, "n me@example.org pending s;");
    assert_int_equal(burble_pubsub_unsubscribe(t.c, NULL, "n", "s", on_done, &h), 0);
    test_expect(&t, "<unsubscribe node='n' jid='me@example.org' subid='s'/>");
    (void)test_sent(&t);
    assert_int_equal(burble_pubsub_subscriptions(t.c, NULL, NULL, on_own, &h), 0);
    test_request(&t, "get", NULL, id);
    test_expect(&t, "<subscriptions/>");
    test_result(&t, id, NULL,
                "<pubsub xmlns='" PS
                "'><subscriptions><subscription node='a' jid='me@example.org'/>"
                "</subscriptions></pubsub>");
    test_told(&h.log, "a me@example.org subscribed -;");
    assert_int_equal(burble_pubsub_affiliations(t.c, NULL, NULL, on_own, &h), 0);
    test_request(&t, "get", NULL, id);
    test_result(&t, id, NULL,
                "<pubsub xmlns='" PS "'><affiliations><affiliation node='a' affiliation='owner'/>"
                "<affiliation/></affiliations></pubsub>");
    test_told(&h.log, "a owner;");
    assert_int_equal(burble_pubsub_create(t.c, NULL, "n", burble_pubsub_private(), on_done, &h), 0);
    test_expect(&t, "<create node='n'/><configure><x xmlns='jabber:x:data' type='submit'>");
    assert_int_equal(burble_pubsub_delete(t.c, NULL, "n", NULL, NULL), 0);
    test_expect(&t, "<pubsub xmlns='" OWNER "'><delete node='n'/></pubsub>");
    assert_int_equal(burble_pubsub_purge(t.c, NULL, "n", NULL, NULL), 0);
    test_expect(&t, "<pubsub xmlns='" OWNER "'><purge node='n'/></pubsub>");
    (void)test_sent(&t);
    assert_int_equal(burble_pubsub_get_config(t.c, NULL, "n", on_config, &h), 0);
    test_request(&t, "get", NULL, id);
    test_result(
        &t, id, NULL,
        "<pubsub xmlns='" OWNER "'><configure node='n'><x xmlns='jabber:x:data' type='form'>"
        "<field var='FORM_TYPE' type='hidden'><value>" PS "#node_config</value></field>"
        "<field var='pubsub#access_model' type='list-single'><value>presence</value></field></x>"
        "</configure></pubsub>");
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<configure node='n'><x xmlns='jabber:x:data' type='submit'>");
    test_expect(&t, "<value>open</value>");
    test_end(&t);
}

static void V16_free_in_the_callbacks(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    h.free_client = true;
    assert_int_equal(burble_on_pubsub_event(t.c, "n", 0, on_pubsub, &h), 0);
    event(&t, "ps.example.org", ITEM("n") ITEM("n"));
    assert_null(t.c);
    assert_int_equal(h.events, 1);
    test_end(&t);
    online(&t, &h);
    h.free_client = true;
    assert_int_equal(burble_pubsub_publish(t.c, NULL, "n", "i", NULL, burble_pubsub_private(),
                                           BURBLE_PUBLISH_CONFIGURE, on_published, &h),
                     0);
    test_request(&t, "set", NULL, id);
    test_receivef(&t, "<iq type='error' id='%s'>" OTHER "</iq>", id);
    test_break(&t); /* while it is being configured */
    assert_null(t.c);
    assert_int_equal(h.answers, 1);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_published_and_retracted),
        cmocka_unit_test(V67_private_items_do_not_go_to_an_open_node),
        cmocka_unit_test(nodes_are_made_where_options_are_not_known),
        cmocka_unit_test(items_are_read),
        cmocka_unit_test(V65_events_of_our_nodes_are_our_accounts_alone),
        cmocka_unit_test(events_of_all_kinds),
        cmocka_unit_test(interest_is_shown_with_the_presence),
        cmocka_unit_test(subscriptions_and_nodes),
        cmocka_unit_test(V16_free_in_the_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
