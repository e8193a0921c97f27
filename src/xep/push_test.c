/* XEP-0357: Push Notifications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/hooks.h"
#include "xep/test_engine.h"

static const struct node_listener LISTENERS[] = {
    {.tls = NODE_TLS_NONE, .plain_without_tls = true},
    [BENCH_COMPONENT_LISTENER] = {.service = NODE_COMPONENT, .tls = NODE_TLS_NONE},
};
static const struct component_config COMPONENTS[] = {
    {.name = SLICE("push.example"), .secret = SLICE("1")},
    {.name = SLICE("evil.example"), .secret = SLICE("2")},
};

#define ALICE "alice@example.org"
#define SECRET                                                                                     \
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"                        \
    "http://jabber.org/protocol/pubsub#publish-options</value></field>"                            \
    "<field var='secret'><value>eruio</value></field></x>"
#define ENABLE(node, form)                                                                         \
    "<iq type='set' id='e'><enable xmlns='urn:xmpp:push:0' jid='push.example' node='" node         \
    "'>" form "</enable></iq>"
#define DISABLE(attributes)                                                                        \
    "<iq type='set' id='d'><disable xmlns='urn:xmpp:push:0' jid='push.example' " attributes        \
    "/></iq>"
#define DONE(id)    "<iq type='result' id='" id "'/>"
#define REFUSED(id) "<iq type='error' id='" id "'><error type='*'><_/></error></iq>"
#define PUBLISH(node, count, options)                                                              \
    "<iq type='set' id='*' from='example.org' to='push.example'>"                                  \
    "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='" node "'><item>"            \
    "<notification xmlns='urn:xmpp:push:0'><x xmlns='jabber:x:data' type='form'>"                  \
    "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:push:summary</value></field>"            \
    "<field var='message-count'><value>" count "</value></field></x></notification></item>"        \
    "</publish>" options "</pubsub></iq>"
#define OPTIONS(form) "<publish-options>" form "</publish-options>"

static void configure(struct bench *b)
{
    b->config.listeners = LISTENERS;
    b->config.listener_count = 2;
    b->config.core.components = COMPONENTS;
    b->config.core.component_count = 2;
}

/* alice has enabled a service with her phone, and is away. */
static void enable_and_leave(struct bench *b, const char *request)
{
    struct client *alice = bench_online(b, ALICE "/phone");
    ask(alice, request, DONE("e"));
    client_close(&alice);
}

static void write_to_alice(struct client *bob)
{
    client_send(bob, "<message to='" ALICE "' type='chat'><body>secret words</body></message>");
}

/* The id of the request that came last. */
static void answer(struct client *push, const char *from, const char *rest)
{
    struct slice id = xml_attr(client_last(push), SLICE("id"));
    client_sendf(push, "<iq id='%.*s' from='%s' to='example.org' %s", SLICE_ARG(id), from, rest);
}

static void a_service_is_told_of_messages_for_who_is_away(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        enable_and_leave(b, ENABLE("yxs32", SECRET));
        assert_int_equal(bench_count(b, ALICE, "push"), 1);
        write_to_alice(bob);
        expect(push, PUBLISH("yxs32", "1", OPTIONS(SECRET)));
        answer(push, "push.example", "type='result'/>");
        expect_nothing(push);
        expect_nothing(bob);
        assert_false(bench_logged(b, "eruio"));
    }
}

static void what_comes_within_seconds_is_told_at_once(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        enable_and_leave(b, ENABLE("n", ""));
        for (unsigned i = 0; i < 7; i++)
            write_to_alice(bob);
        expect(push, PUBLISH("n", "1", ""));
        bench_advance(b, 4900);
        expect_nothing(push);
        bench_advance(b, 200);
        expect(push, PUBLISH("n", "7", ""));
        bench_advance(b, 60000);
        expect_nothing(push);
        /* Who was there has seen what there was. */
        struct client *alice = bench_online(b, ALICE "/other");
        client_close(&alice);
        write_to_alice(bob);
        expect(push, PUBLISH("n", "1", ""));
    }
}

static void a_device_that_is_here_needs_no_push(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        struct client *alice = bench_online(b, ALICE "/phone");
        ask(alice, ENABLE("n", ""), DONE("e"));
        write_to_alice(bob);
        expect_somewhere(alice, "<message from='bob@example.net/desk' type='chat'><_/></message>");
        expect_nothing(push);
        /* A message that another one took is news to the one that is away. */
        struct client *desk = bench_online(b, ALICE "/desk");
        client_close(&alice);
        write_to_alice(bob);
        expect_somewhere(desk, "<message from='bob@example.net/desk' type='chat'><_/></message>");
        expect(push, PUBLISH("n", "1", ""));
    }
}

static void receipts_and_the_like_wake_nobody(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        enable_and_leave(b, ENABLE("n", ""));
        client_send(bob, "<message to='" ALICE "' type='chat'>"
                         "<received xmlns='urn:xmpp:receipts' id='1'/></message>");
        client_send(bob, "<message to='" ALICE "' type='chat'>"
                         "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>");
        client_send(bob, "<message to='" ALICE "' type='chat'><body>never</body>"
                         "<no-store xmlns='urn:xmpp:hints'/></message>");
        expect_nothing(push);
        client_send(bob, "<message to='" ALICE "' type='chat'>"
                         "<encrypted xmlns='eu.siacs.conversations.axolotl'/></message>");
        expect(push, PUBLISH("n", "1", ""));
    }
}

static void what_the_service_says_wakes_nobody(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        enable_and_leave(b, ENABLE("n", ""));
        for (unsigned i = 0; i < 3; i++)
            client_send(push, "<message from='x@push.example' to='" ALICE "' type='chat'>"
                              "<body>round and round</body></message>");
        bench_advance(b, 60000);
        expect_nothing(push);
    }
}

static void an_error_ends_it_unless_it_passes(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        enable_and_leave(b, ENABLE("n", ""));
        write_to_alice(bob);
        expect(push, PUBLISH("n", "1", ""));
        answer(push, "push.example",
               "type='error'><error type='wait'><resource-constraint "
               "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
        assert_int_equal(bench_count(b, ALICE, "push"), 1);
        bench_advance(b, 6000);
        write_to_alice(bob);
        expect(push, PUBLISH("n", "2", ""));
        answer(push, "push.example",
               "type='error'><error type='cancel'><item-not-found "
               "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
        assert_int_equal(bench_count(b, ALICE, "push"), 0);
        assert_true(bench_logged(b, "event=push.refused jid=" ALICE " service=push.example"));
        bench_advance(b, 6000);
        write_to_alice(bob);
        expect_nothing(push);
    }
}

static void a_service_that_is_not_there_is_asked_again(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *bob = bench_online(b, "bob@example.net/desk");
        enable_and_leave(b, ENABLE("n", ""));
        write_to_alice(bob);
        bench_advance(b, 6000);
        assert_int_equal(bench_count(b, ALICE, "push"), 1);
        struct client *push = bench_component(b, "push.example");
        write_to_alice(bob);
        expect(push, PUBLISH("n", "2", ""));
        bench_advance(b, 120000); /* no answer is no error */
        assert_int_equal(bench_count(b, ALICE, "push"), 1);
        assert_null(bench_loaded(b, ALICE));
        write_to_alice(bob);
        expect(push, PUBLISH("n", "1", ""));
    }
}

static void S05_answers_count_from_whom_was_asked_alone(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *evil = bench_component(b, "evil.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        enable_and_leave(b, ENABLE("n", ""));
        write_to_alice(bob);
        expect(push, PUBLISH("n", "1", ""));
        static const char gone[] = "type='error'><error type='cancel'><item-not-found "
                                   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
        struct slice id = xml_attr(client_last(push), SLICE("id"));
        client_sendf(evil, "<iq id='%.*s' from='evil.example' to='example.org' %s", SLICE_ARG(id),
                     gone);
        client_sendf(bob, "<iq id='%.*s' to='example.org' %s", SLICE_ARG(id), gone);
        answer(push, "x@push.example", gone);
        client_sendf(push, "<iq id='%.*s0' from='push.example' to='example.org' %s", SLICE_ARG(id),
                     gone);
        static const char *const IDS[] = {
            "ask", "ask:", "ask:0:1:", "ask:77:1:x", "ask:0:0:x", "ask:0:99999999999999999999:x"};
        for (size_t i = 0; i < sizeof(IDS) / sizeof(IDS[0]); i++)
            client_sendf(push, "<iq id='%s' from='push.example' to='example.org' %s", IDS[i], gone);
        assert_int_equal(bench_count(b, ALICE, "push"), 1);
        answer(push, "push.example", gone);
        assert_int_equal(bench_count(b, ALICE, "push"), 0);
        answer(push, "push.example", gone);
        expect_nothing(push);
        expect_nothing(evil);
        expect_nothing(bob);
    }
}

static void services_are_disabled_by_address_and_node(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        struct client *alice = bench_online(b, ALICE "/phone");
        ask(alice, ENABLE("1", ""), DONE("e"));
        ask(alice, ENABLE("2", SECRET), DONE("e"));
        ask(alice, ENABLE("2", ""), DONE("e")); /* the last request counts */
        ask(alice, ENABLE("3", ""), DONE("e"));
        ask(alice, DISABLE("node='1'"), DONE("d"));
        ask(alice, DISABLE("node='none'"), DONE("d"));
        assert_int_equal(bench_count(b, ALICE, "push"), 2);
        client_close(&alice);
        write_to_alice(bob);
        expect(push, PUBLISH("2", "1", ""));
        expect(push, PUBLISH("3", "1", ""));
        alice = bench_online(b, ALICE "/phone");
        ask(alice, DISABLE(""), DONE("d"));
        assert_int_equal(bench_count(b, ALICE, "push"), 0);
        ask(alice, DISABLE(""), DONE("d"));
        client_close(&alice);
        bench_advance(b, 6000);
        write_to_alice(bob);
        expect_nothing(push);
    }
}

static void the_oldest_of_too_many_gives_way(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        struct client *alice = bench_online(b, ALICE "/phone");
        for (unsigned i = 0; i < 12; i++) {
            client_sendf(alice,
                         "<iq type='set' id='e'><enable xmlns='urn:xmpp:push:0' "
                         "jid='push.example' node='%u'/></iq>",
                         i);
            expect(alice, DONE("e"));
            if (i == 5)
                ask(alice, ENABLE("0", ""), DONE("e")); /* is the newest again */
        }
        assert_int_equal(bench_count(b, ALICE, "push"), 10);
        client_close(&alice);
        bench_advance(b, 120000);
        assert_null(bench_loaded(b, ALICE));
        write_to_alice(bob);
        assert_int_equal(client_waiting(push), 10);
        expect(push, PUBLISH("3", "1", ""));
        expect(push, PUBLISH("4", "1", ""));
        expect(push, PUBLISH("5", "1", ""));
        expect(push, PUBLISH("0", "1", ""));
    }
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    configure(b);
    struct client *alice = bench_online(b, ALICE "/phone");
    static const char *const BAD[] = {
        "<enable xmlns='urn:xmpp:push:0' node='n'/>",
        "<enable xmlns='urn:xmpp:push:0' jid='' node='n'/>",
        "<enable xmlns='urn:xmpp:push:0' jid='@' node='n'/>",
        "<enable xmlns='urn:xmpp:push:0' jid='bob@example.net/desk' node='n'/>",
        "<enable xmlns='urn:xmpp:push:0' jid='talk.example.org' node='n'/>",
        "<enable xmlns='urn:xmpp:push:0' jid='push.example' node='n'>"
        "<x xmlns='jabber:x:data' type='submit'/></enable>",
        "<disable xmlns='urn:xmpp:push:0' node='n'/>",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        client_sendf(alice, "<iq type='set' id='%zu'>%s</iq>", i, BAD[i]);
        char pattern[128];
        snprintf(pattern, sizeof(pattern), REFUSED("%zu"), i);
        expect(alice, pattern);
    }
    struct buf big = {0};
    for (unsigned i = 0; i < 5000; i++)
        buf_byte(&big, 'o');
    client_sendf(alice,
                 "<iq type='set' id='big'><enable xmlns='urn:xmpp:push:0' jid='push.example' "
                 "node='%.*s'/></iq>",
                 SLICE_ARG(buf_slice(&big)));
    expect(alice, REFUSED("big"));
    client_sendf(alice,
                 "<iq type='set' id='big'><enable xmlns='urn:xmpp:push:0' jid='push.example' "
                 "node='n'><x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>"
                 "http://jabber.org/protocol/pubsub#publish-options</value></field>"
                 "<field var='a'><value>%.*s</value></field></x></enable></iq>",
                 SLICE_ARG(buf_slice(&big)));
    expect(alice, REFUSED("big"));
    buf_free(&big);
    assert_int_equal(bench_count(b, ALICE, "push"), 0);
    b->batch_error = ERR_FULL;
    ask(alice, ENABLE("n", ""), REFUSED("e"));
    b->batch_error = 0;
    assert_int_equal(bench_count(b, ALICE, "push"), 0);
    bench_free(&b);
}

static void what_a_lost_connection_swallowed_is_told(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *push = bench_component(b, "push.example");
        struct client *alice = bench_online(b, ALICE "/phone");
        ask(alice, ENABLE("n", ""), DONE("e"));
        hooks_session_hibernates(bench_engine(b, ALICE), client_session(alice), 0);
        bench_run(b);
        expect_nothing(push);
        hooks_session_hibernates(bench_engine(b, ALICE), client_session(alice), 2);
        bench_run(b);
        expect(push, PUBLISH("n", "1", ""));
    }
}

static void the_account_tells_that_it_can_be_done(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_online(b, ALICE "/phone");
    client_send(alice, "<iq type='get' id='1' to='" ALICE "'>"
                       "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    struct xml x = xml_first_element(xml_first_element(client_next(alice)));
    bool told = false;
    for (; xml_some(x); x = xml_next_element(x))
        told |= slice_is(xml_attr(x, SLICE("var")), "urn:xmpp:push:0");
    assert_true(told);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_is_told_of_messages_for_who_is_away),
        cmocka_unit_test(what_comes_within_seconds_is_told_at_once),
        cmocka_unit_test(a_device_that_is_here_needs_no_push),
        cmocka_unit_test(receipts_and_the_like_wake_nobody),
        cmocka_unit_test(what_the_service_says_wakes_nobody),
        cmocka_unit_test(an_error_ends_it_unless_it_passes),
        cmocka_unit_test(a_service_that_is_not_there_is_asked_again),
        cmocka_unit_test(S05_answers_count_from_whom_was_asked_alone),
        cmocka_unit_test(services_are_disabled_by_address_and_node),
        cmocka_unit_test(the_oldest_of_too_many_gives_way),
        cmocka_unit_test(requests_that_make_no_sense_are_refused),
        cmocka_unit_test(what_a_lost_connection_swallowed_is_told),
        cmocka_unit_test(the_account_tells_that_it_can_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
