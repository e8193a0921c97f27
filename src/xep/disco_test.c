/* XEP-0030. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define INFO       "<query xmlns='http://jabber.org/protocol/disco#info'/>"
#define ITEMS      "<query xmlns='http://jabber.org/protocol/disco#items'/>"
#define INFO_NODE  "<query xmlns='http://jabber.org/protocol/disco#info' node='no such node'/>"
#define ITEMS_NODE "<query xmlns='http://jabber.org/protocol/disco#items' node='no such node'/>"
#define ERROR(id, from, name)                                                                      \
    "<iq type='error' id='" id "' from='" from "'><error type='cancel'><" name                     \
    " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"

/* How many features of that name are in the answer to the last request. */
static unsigned features(struct client *c, const char *var)
{
    unsigned n = 0;
    struct xml query = xml_first_element(client_last(c));
    struct xml f = xml_child(query, NS_DISCO_INFO, SLICE("feature"));
    for (; xml_some(f); f = xml_next_named(f, NS_DISCO_INFO, SLICE("feature")))
        n += slice_eq(xml_attr(f, SLICE("var")), slice_z(var));
    return n;
}

static void the_server_says_what_it_is_and_can(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1' to='example.org'>" INFO "</iq>",
        "<iq type='result' id='1' from='example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'>"
        "<identity category='server' type='im' name='burble'/><_/></query></iq>");
    for (size_t i = 0; MODULES[i] != NULL; i++)
        for (size_t k = 0; MODULES[i]->host_features != NULL && MODULES[i]->host_features[k]; k++)
            assert_int_equal(features(alice, MODULES[i]->host_features[k]), 1);
    assert_int_equal(features(alice, "http://jabber.org/protocol/disco#info"), 1);
    ask(alice, "<iq type='get' id='2' to='example.org'>" ITEMS "</iq>",
        "<iq type='result' id='2' from='example.org'>" ITEMS "</iq>");
    ask(alice, "<iq type='set' id='3' to='example.org'>" INFO "</iq>",
        ERROR("3", "example.org", "not-allowed"));
    bench_free(&b);
}

extern const struct module DISCO_MODULE;

/* A feature that two modules have in common is told once. */
static void no_feature_is_told_twice(void **state)
{
    (void)state;
    static const char *const FIRST[] = {"urn:a", "urn:b", NULL};
    static const char *const SECOND[] = {"urn:b", "urn:c", "urn:b", "urn:a", NULL};
    static const struct module ONE = {.name = "one", .host_features = FIRST},
                               TWO = {.name = "two", .host_features = SECOND};
    static const struct module *const LIST[] = {&STREAM_MODULE, &DISCO_MODULE, &ONE, &TWO, NULL};
    struct bench *b = bench_new(LIST);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1' to='example.org'>" INFO "</iq>",
        "<iq type='result' id='1' from='example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'>"
        "<identity category='server' type='im' name='burble'/>"
        "<feature var='http://jabber.org/protocol/disco#info'/>"
        "<feature var='http://jabber.org/protocol/disco#items'/>"
        "<feature var='urn:a'/><feature var='urn:b'/><feature var='urn:c'/></query></iq>");
    bench_free(&b);
}

static void ones_own_account(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_online(b, "alice@example.org/phone");
    bench_login(b, "alice@example.org/bound");
    ask(alice, "<iq type='get' id='1'>" INFO "</iq>",
        "<iq type='result' id='1'><query xmlns='http://jabber.org/protocol/disco#info'>"
        "<identity category='account' type='registered'/><_/></query></iq>");
    assert_int_equal(features(alice, "http://jabber.org/protocol/disco#info"), 1);
    ask(alice, "<iq type='get' id='2' to='alice@example.org'>" INFO "</iq>",
        "<iq type='result' id='2' from='alice@example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'>"
        "<identity category='account' type='registered'/><_/></query></iq>");
    ask(alice, "<iq type='get' id='3'>" ITEMS "</iq>",
        "<iq type='result' id='3'><query xmlns='http://jabber.org/protocol/disco#items'>"
        "<item jid='alice@example.org/phone'/></query></iq>");
    bench_free(&b);
}

static void who_sees_the_presence_sees_the_account(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_befriend(b, "alice@example.org", "bob@example.org");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.org/desk");
    ask(alice, "<iq type='get' id='1' to='bob@example.org'>" INFO "</iq>",
        "<iq type='result' id='1' from='bob@example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'>"
        "<identity category='account' type='registered'/><_/></query></iq>");
    ask(alice, "<iq type='get' id='2' to='bob@example.org'>" ITEMS "</iq>",
        "<iq type='result' id='2' from='bob@example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#items'>"
        "<item jid='bob@example.org/desk'/></query></iq>");
    /* The client is asked itself, node and all. */
    client_send(alice, "<iq type='get' id='3' to='bob@example.org/desk'>" INFO_NODE "</iq>");
    expect(bob, "<iq type='get' id='3' from='alice@example.org/phone'>" INFO_NODE "</iq>");
    bench_free(&b);
}

/* Section 8: an account that does not know you looks like one that is not there. */
static void a_stranger_learns_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.org/desk");
#define ASK(who)                                                                                   \
    ask(alice, "<iq type='get' id='1' to='" who "'>" INFO "</iq>",                                 \
        ERROR("1", who, "service-unavailable"));                                                   \
    ask(alice, "<iq type='get' id='2' to='" who "'>" INFO_NODE "</iq>",                            \
        ERROR("2", who, "service-unavailable"));                                                   \
    ask(alice, "<iq type='get' id='3' to='" who "'>" ITEMS "</iq>",                                \
        "<iq type='result' id='3' from='" who "'>" ITEMS "</iq>");                                 \
    ask(alice, "<iq type='get' id='4' to='" who "'>" ITEMS_NODE "</iq>",                           \
        "<iq type='result' id='4' from='" who "'>" ITEMS_NODE "</iq>");                            \
    ask(alice, "<iq type='get' id='5' to='" who "/desk'>" INFO "</iq>",                            \
        ERROR("5", who "/desk", "service-unavailable"))
    ASK("bob@example.org");
    ASK("nobody@example.org");
    expect_nothing(bob);
    bench_free(&b);
}

static void a_node_that_is_not_there(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1' to='example.org'>" INFO_NODE "</iq>",
        ERROR("1", "example.org", "item-not-found"));
    ask(alice, "<iq type='get' id='2' to='example.org'>" ITEMS_NODE "</iq>",
        ERROR("2", "example.org", "item-not-found"));
    ask(alice, "<iq type='get' id='3' to='alice@example.org'>" INFO_NODE "</iq>",
        ERROR("3", "alice@example.org", "item-not-found"));
    ask(alice, "<iq type='get' id='4' to='alice@example.org'>" ITEMS_NODE "</iq>",
        ERROR("4", "alice@example.org", "item-not-found"));
    /* An empty one is none. */
    ask(alice,
        "<iq type='get' id='5' to='example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#items' node=''/></iq>",
        "<iq type='result' id='5' from='example.org'>" ITEMS "</iq>");
    bench_free(&b);
}

static bool own_node(struct iq *iq, struct slice node)
{
    if (!slice_is(node, "mine"))
        return false;
    iq_error(iq, STANZA_GONE);
    return true;
}

static void a_module_answers_for_its_nodes(void **state)
{
    (void)state;
    static const struct module MINE = {.name = "mine", .disco_node = own_node};
    static const struct module *const LIST[] = {&STREAM_MODULE, &DISCO_MODULE, &MINE, NULL};
    struct bench *b = bench_new(LIST);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice,
        "<iq type='get' id='1' to='example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#info' node='mine'/></iq>",
        ERROR("1", "example.org", "gone"));
    ask(alice, "<iq type='get' id='2' to='example.org'>" INFO_NODE "</iq>",
        ERROR("2", "example.org", "item-not-found"));
    bench_free(&b);
}

/* Everything that is announced and looks like a request is served. */
static void what_is_announced_is_there(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    for (size_t i = 0; MODULES[i] != NULL; i++)
        for (const struct module_iq *iq = MODULES[i]->iqs; iq != NULL && iq->ns != NULL; iq++) {
            if ((iq->scopes & IQ_HOST) == 0 || (iq->kinds & IQ_GET) == 0)
                continue;
            client_sendf(alice, "<iq type='get' id='1' to='example.org'><%s xmlns='%s'/></iq>",
                         iq->name, iq->ns);
            assert_true(xml_some(client_next(alice)));
            struct xml error = xml_child(client_last(alice), NS_CLIENT, SLICE("error"));
            assert_false(
                xml_some(xml_child(error, NS_STANZA_ERRORS, SLICE("service-unavailable"))));
        }
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_says_what_it_is_and_can),
        cmocka_unit_test(no_feature_is_told_twice),
        cmocka_unit_test(ones_own_account),
        cmocka_unit_test(who_sees_the_presence_sees_the_account),
        cmocka_unit_test(a_stranger_learns_nothing),
        cmocka_unit_test(a_node_that_is_not_there),
        cmocka_unit_test(a_module_answers_for_its_nodes),
        cmocka_unit_test(what_is_announced_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
