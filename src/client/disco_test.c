/* Service discovery: what is read, what is found, what is answered and to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/disco.h"
#include "burble/roster.h"
#include "client/client.h"
#include "client/test_client.h"

#define INFO  "http://jabber.org/protocol/disco#info"
#define ITEMS "http://jabber.org/protocol/disco#items"

struct heard {
    struct test_client *t;
    unsigned answers;
    enum burble_iq_outcome outcome;
    size_t identities, features, forms, items;
    bool muc, conference;
    char from[64], name[64], condition[64], last[64];
    bool free_client;
};

static void take(struct heard *s, enum burble_iq_outcome outcome, const char *from,
                 const char *condition)
{
    s->answers++;
    s->outcome = outcome;
    snprintf(s->from, sizeof(s->from), "%s", from != NULL ? from : "");
    snprintf(s->condition, sizeof(s->condition), "%s", condition);
    if (s->free_client)
        burble_free(&s->t->c);
}

static void on_info(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    struct heard *s = arg;
    (void)c;
    s->identities = info->identity_count;
    s->features = info->feature_count;
    s->forms = info->form_count;
    s->muc = burble_disco_has(info, "http://jabber.org/protocol/muc");
    s->conference = burble_disco_is(info, "conference", NULL);
    if (info->identity_count > 0)
        snprintf(s->name, sizeof(s->name), "%s",
                 info->identities[0].name != NULL ? info->identities[0].name : "");
    assert_null(info->features[info->feature_count]);
    take(s, info->outcome, info->from, info->error.condition);
}

static void on_items(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    struct heard *s = arg;
    (void)c;
    s->items = items->item_count;
    snprintf(s->last, sizeof(s->last), "%s", items->last != NULL ? items->last : "");
    take(s, items->outcome, items->from, items->error.condition);
}

/* Takes the id of the request that goes to this address. */
static void id_of(struct test_client *t, const char *to, const char *ns, char id[TEST_ID_BYTES])
{
    test_request(t, "get", to, id);
    test_expect(t, "<query xmlns='");
    test_expect(t, ns);
}

static void online(struct test_client *t, struct heard *s)
{
    *s = (struct heard){.t = t};
    test_online(t, &BURBLE_CONFIG(.jid = NULL));
}

static void answers_are_read(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_disco_info(t.c, "rooms.example.org", "n&1", on_info, &s, NULL), 0);
    id_of(&t, "rooms.example.org", INFO, id);
    test_expect(&t, "node='n&amp;1'");
    test_result(&t, id, "rooms.example.org",
                "<query xmlns='" INFO "'><identity category='conference' type='text' name='R'/>"
                "<identity category='bad'/><identity type='bad'/><feature/>"
                "<feature var='http://jabber.org/protocol/muc'/><feature var='b'/>"
                "<x xmlns='jabber:x:data' type='result'/></query>");
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    assert_int_equal(s.identities, 1);
    assert_int_equal(s.features, 2);
    assert_int_equal(s.forms, 1);
    assert_true(s.muc && s.conference);
    assert_string_equal(s.name, "R");
    assert_string_equal(s.from, "rooms.example.org");

    assert_int_equal(burble_disco_items(t.c, NULL, NULL, &(struct burble_disco_page){.max = 2},
                                        on_items, &s, NULL),
                     0);
    id_of(&t, "example.org", ITEMS, id);
    test_expect(&t, "<set xmlns='http://jabber.org/protocol/rsm'><max>2</max></set>");
    test_result(&t, id, "example.org",
                "<query xmlns='" ITEMS "'><item jid='a.example.org'/><item name='without'/>"
                "<item jid='b.example.org' node='n' name='B'/>"
                "<set xmlns='http://jabber.org/protocol/rsm'><last>b</last></set></query>");
    assert_int_equal(s.answers, 2);
    assert_int_equal(s.items, 2);
    assert_string_equal(s.last, "b");
    test_end(&t);
}

static void an_answer_that_is_none_is_an_error(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_disco_info(t.c, NULL, NULL, on_info, &s, NULL), 0);
    id_of(&t, "example.org", INFO, id);
    test_result(&t, id, "example.org", "<query xmlns='urn:other'/>");
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.outcome, BURBLE_IQ_ERROR);
    assert_int_equal(s.features, 0);
    assert_int_equal(burble_disco_info(t.c, "@@", NULL, on_info, &s, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_disco_items(t.c, NULL, NULL, NULL, on_items, &s, NULL), 0);
    test_break(&t);
    assert_int_equal(s.answers, 2);
    assert_int_equal(s.outcome, BURBLE_IQ_GONE);
    assert_int_equal(burble_disco_info(t.c, NULL, NULL, on_info, &s, NULL), BURBLE_ERR_OFFLINE);
    test_end(&t);
    assert_int_equal(s.answers, 2);
}

#define SERVICE(category, feature)                                                                 \
    "<query xmlns='" INFO "'><identity category='" category "' type='text'/>"                      \
    "<feature var='" feature "'/></query>"

static void services_are_found_in_the_servers_order_and_asked_once(void **state)
{
    struct test_client t;
    struct heard muc, upload, none;
    char server[TEST_ID_BYTES], items[TEST_ID_BYTES], a[TEST_ID_BYTES], b[TEST_ID_BYTES];
    (void)state;
    online(&t, &muc);
    upload = none = muc;
    assert_int_equal(
        burble_find_service(t.c, &(struct burble_service){.category = "conference"}, on_info, &muc),
        0);
    assert_int_equal(
        burble_find_service(t.c, &(struct burble_service){.feature = "urn:up"}, on_info, &upload),
        0);
    assert_int_equal(
        burble_find_service(t.c, &(struct burble_service){.feature = "urn:no"}, on_info, &none), 0);
    id_of(&t, "example.org", INFO, server);
    id_of(&t, "example.org", ITEMS, items);
    assert_null(strstr(test_sent(&t), "<iq")); /* one each */
    test_result(&t, items, "example.org",
                "<query xmlns='" ITEMS "'><item jid='a.example.org'/><item jid='b.example.org'/>"
                "<item jid='b.example.org' node='x'/></query>");
    id_of(&t, "a.example.org", INFO, a);
    id_of(&t, "b.example.org", INFO, b);
    test_result(&t, b, "b.example.org", SERVICE("conference", "urn:up"));
    assert_int_equal(muc.answers + upload.answers, 0); /* those before may have it as well */
    test_result(&t, server, "example.org", SERVICE("server", "urn:up"));
    assert_int_equal(upload.answers, 1);
    assert_string_equal(upload.from, "example.org");
    assert_int_equal(muc.answers, 0);
    test_result(&t, a, "a.example.org", SERVICE("conference", "urn:a"));
    assert_int_equal(muc.answers, 1);
    assert_string_equal(muc.from, "a.example.org");
    assert_string_equal(muc.condition, "");
    assert_int_equal(none.answers, 1);
    assert_string_equal(none.condition, "item-not-found");
    (void)test_sent(&t);

    assert_int_equal(
        burble_find_service(t.c,
                            &(struct burble_service){.category = "conference", .feature = "urn:up"},
                            on_info, &muc),
        0);
    assert_int_equal(muc.answers, 1); /* never from inside of the call */
    test_pass(&t, 0);
    assert_int_equal(muc.answers, 2);
    assert_string_equal(muc.from, "b.example.org");
    test_expect_nothing(&t);
    test_end(&t);
    assert_int_equal(muc.answers + upload.answers + none.answers, 4);
}

static void a_search_ends_with_the_session_and_with_the_client(void **state)
{
    struct test_client t;
    struct heard s;
    const struct burble_service wanted = {.feature = "urn:up"};
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_find_service(t.c, &wanted, on_info, &s), 0);
    test_break(&t);
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.outcome, BURBLE_IQ_GONE);
    assert_int_equal(burble_find_service(t.c, &wanted, on_info, &s), BURBLE_ERR_OFFLINE);
    test_end(&t);
    online(&t, &s);
    assert_int_equal(burble_find_service(t.c, &wanted, on_info, &s), 0);
    assert_int_equal(burble_find_service(t.c, &wanted, on_info, &t), 0);
    burble_find_cancel(t.c, &t);
    test_end(&t);
    assert_int_equal(s.answers, 1);
}

static void V16_free_in_the_callbacks(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    s.free_client = true;
    assert_int_equal(burble_disco_info(t.c, NULL, NULL, on_info, &s, NULL), 0);
    id_of(&t, "example.org", INFO, id);
    test_result(&t, id, "example.org", SERVICE("server", "urn:up"));
    assert_null(t.c);
    assert_int_equal(s.answers, 1);
    test_end(&t);
    online(&t, &s);
    s.free_client = true;
    const struct burble_service wanted = {.feature = "urn:up"};
    assert_int_equal(burble_find_service(t.c, &wanted, on_info, &s), 0);
    assert_int_equal(burble_find_service(t.c, &wanted, on_info, &s), 0);
    id_of(&t, "example.org", INFO, id);
    test_result(&t, id, "example.org", SERVICE("server", "urn:up"));
    assert_null(t.c);
    assert_int_equal(s.answers, 2); /* the second hears that the client goes */
    test_end(&t);
}

static void taken_back_requests_leave_nothing_behind(void **state)
{
    struct test_client t;
    struct heard s;
    uint64_t handle;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_disco_info(t.c, NULL, NULL, on_info, &s, &handle), 0);
    burble_cancel(t.c, handle);
    id_of(&t, "example.org", INFO, id);
    test_result(&t, id, "example.org", SERVICE("server", "urn:up"));
    assert_int_equal(s.answers, 0);
    test_end(&t);
    assert_int_equal(s.answers, 0);
}

static void ask(struct test_client *t, const char *from, const char *payload)
{
    if (from == NULL)
        test_receivef(t, "<iq type='get' id='q'>%s</iq>", payload);
    else
        test_receivef(t, "<iq type='get' id='q' from='%s'>%s</iq>", from, payload);
}

#define ASK_INFO "<query xmlns='" INFO "'/>"

static void V69_strangers_learn_nothing(void **state)
{
    static const char *const STRANGERS[] = {
        "mallory@example.net/x", "mallory@example.net", "mallory@example.org/here",
        "example.net",           "example.org/x",       "rooms.example.org"};
    static const char *const OWN[] = {NULL, "me@example.org", "me@example.org/other",
                                      "example.org"};
    struct test_client t;
    struct heard s;
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_set_identity(t.c, NULL, "bot", "Robot"), 0);
    for (size_t i = 0; i < sizeof(STRANGERS) / sizeof(STRANGERS[0]); i++) {
        ask(&t, STRANGERS[i], "<query xmlns='urn:unknown'/>");
        const char *nothing = strdup(test_sent(&t));
        assert_non_null(strstr(nothing, "<service-unavailable "));
        ask(&t, STRANGERS[i], ASK_INFO);
        assert_string_equal(test_sent(&t), nothing); /* not to be told from what is not there */
        ask(&t, STRANGERS[i], "<query xmlns='" ITEMS "' node='x'/>");
        assert_string_equal(test_sent(&t), nothing);
        free((void *)(uintptr_t)nothing);
    }
    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++) {
        ask(&t, OWN[i], ASK_INFO);
        test_expect(&t, "<query xmlns='" INFO "'>"
                        "<identity category='client' type='bot' name='Robot'/>"
                        "<feature var='" INFO "'/><feature var='" ITEMS "'/></query></iq>");
    }
    burble_set_tell(t.c, BURBLE_TELL_ALL);
    ask(&t, STRANGERS[0], ASK_INFO);
    test_expect(&t, "<identity ");
    test_end(&t);
}

static bool shows(struct client_extension *x, const struct jid *who)
{
    (void)x;
    return slice_is(jid_bare(who), "bob@example.net");
}

static void contacts_are_told_unless_nobody_is(void **state)
{
    static const struct client_extension_ops OPS = {.name = "test", .shows = shows};
    struct client_extension x;
    struct test_client t;
    struct heard s;
    (void)state;
    online(&t, &s);
    memset(&x, 0, sizeof(x));
    client_extend(t.c, &x, &OPS);
    ask(&t, "bob@example.net/x", ASK_INFO);
    test_expect(&t, "<service-unavailable "); /* nobody has asked for answers */
    assert_int_equal(burble_set_identity(t.c, NULL, NULL, NULL), 0);
    assert_int_equal(burble_add_feature(t.c, "urn:mine"), 0);
    ask(&t, "bob@example.net/x", ASK_INFO);
    test_expect(&t, "<identity category='client' type='pc' name='libburble'/>");
    test_expect(&t, "<feature var='urn:mine'/>");
    burble_set_tell(t.c, BURBLE_TELL_NOBODY);
    ask(&t, "bob@example.net/x", ASK_INFO);
    test_expect(&t, "<service-unavailable ");
    client_unextend(&x);
    test_end(&t);
}

static void V69_contacts_are_those_who_see_our_presence(void **state)
{
    static const char *const TOLD[] = {"from@a.org/x", "both@b.org", "a.org", "b.org"};
    static const char *const NOT[] = {"to@c.org/x", "none@d.org/x", "c.org", "other@a.org",
                                      "a.org/x"};
    struct test_client t;
    struct burble_roster *r;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_set_identity(t.c, NULL, NULL, NULL), 0);
    assert_int_equal(burble_roster_new(t.c, &BURBLE_ROSTER_CONFIG(.arg = NULL), &r), 0);
    test_request(&t, "get", NULL, id);
    test_result(&t, id, NULL,
                "<query xmlns='jabber:iq:roster'>"
                "<item jid='from@a.org' subscription='from'/>"
                "<item jid='both@b.org' subscription='both'/>"
                "<item jid='to@c.org' subscription='to'/>"
                "<item jid='none@d.org' subscription='none'/></query>");
    (void)test_sent(&t);
    for (size_t i = 0; i < sizeof(TOLD) / sizeof(TOLD[0]); i++) {
        ask(&t, TOLD[i], ASK_INFO);
        test_expect(&t, "<identity ");
    }
    for (size_t i = 0; i < sizeof(NOT) / sizeof(NOT[0]); i++) {
        ask(&t, NOT[i], ASK_INFO);
        test_expect(&t, "<service-unavailable ");
    }
    test_end(&t);
}

static void nodes_are_answered(void **state)
{
    struct test_client t;
    struct heard s;
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_set_identity(t.c, NULL, NULL, NULL), 0);
    assert_int_equal(burble_set_disco_node(t.c, "n", "<feature var='a'>", NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_set_disco_node(t.c, "n", "<feature var='a'/>", "<item jid='x.org'/>"),
                     0);
    ask(&t, NULL, "<query xmlns='" INFO "' node='n'/>");
    test_expect(&t, "<query xmlns='" INFO "' node='n'><feature var='a'/></query>");
    ask(&t, NULL, "<query xmlns='" ITEMS "' node='n'/>");
    test_expect(&t, "<query xmlns='" ITEMS "' node='n'><item jid='x.org'/></query>");
    ask(&t, NULL, "<query xmlns='" INFO "' node='other'/>");
    test_expect(&t, "<item-not-found ");
    ask(&t, NULL, "<query xmlns='" ITEMS "'/>");
    test_expect(&t, "<query xmlns='" ITEMS "'/>");
    assert_int_equal(burble_set_disco_node(t.c, "n", NULL, NULL), 0);
    ask(&t, NULL, "<query xmlns='" INFO "' node='n'/>");
    test_expect(&t, "<item-not-found ");
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(an_answer_that_is_none_is_an_error),
        cmocka_unit_test(services_are_found_in_the_servers_order_and_asked_once),
        cmocka_unit_test(a_search_ends_with_the_session_and_with_the_client),
        cmocka_unit_test(V16_free_in_the_callbacks),
        cmocka_unit_test(taken_back_requests_leave_nothing_behind),
        cmocka_unit_test(V69_strangers_learn_nothing),
        cmocka_unit_test(contacts_are_told_unless_nobody_is),
        cmocka_unit_test(V69_contacts_are_those_who_see_our_presence),
        cmocka_unit_test(nodes_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
