/* XEP-0191: Blocking Command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "xep/test_engine.h"

#define ALICE "alice@example.org"
#define BOB   "bob@example.net"
#define LIST(items)                                                                                \
    "<iq type='result' id='list'><blocklist xmlns='urn:xmpp:blocking'>" items "</blocklist></iq>"
#define ITEM(jid)    "<item jid='" jid "'/>"
#define ASK_LIST     "<iq type='get' id='list'><blocklist xmlns='urn:xmpp:blocking'/></iq>"
#define BLOCK(items) "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>" items "</block></iq>"
#define UNBLOCK(items)                                                                             \
    "<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'>" items "</unblock></iq>"
#define BLOCKED   "<iq type='result' id='b'/>"
#define UNBLOCKED "<iq type='result' id='u'/>"
#define UNAVAILABLE_ERROR                                                                          \
    "<error type='cancel'><service-unavailable "                                                   \
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
#define BLOCKED_ERROR                                                                              \
    "<error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"           \
    "<blocked xmlns='urn:xmpp:blocking:errors'/></error>"

struct two {
    struct bench *b;
    struct client *alice, *bob;
};

/* Two friends who see each other. */
static struct two friends(uint32_t shards)
{
    struct two t = {.b = bench_new_shards(NULL, shards)};
    t.b->config.core.limits.presence_per_s = 0;
    bench_befriend(t.b, ALICE, BOB);
    t.alice = bench_online(t.b, ALICE "/phone");
    t.bob = bench_online(t.b, BOB "/desk");
    client_discard(t.alice);
    return t;
}

static void end(struct two *t)
{
    expect_nothing(t->alice);
    expect_nothing(t->bob);
    bench_free(&t->b);
}

static void the_list_is_kept(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    ask(alice, ASK_LIST, LIST(""));
    client_send(alice, BLOCK(ITEM("example.com") ITEM("Z@Example.com") ITEM("a@example.com/Res")));
    client_send(alice, BLOCK(ITEM("example.com")));
    client_discard(alice);
    ask(alice, ASK_LIST, LIST(ITEM("a@example.com/Res") ITEM("example.com") ITEM("z@example.com")));
    client_lose(&alice);
    bench_advance(b, 120000);
    assert_null(bench_loaded(b, ALICE));
    alice = bench_login(b, ALICE "/desk");
    ask(alice, ASK_LIST, LIST(ITEM("a@example.com/Res") ITEM("example.com") ITEM("z@example.com")));
    ask(alice, UNBLOCK(ITEM("example.com")), UNBLOCKED);
    client_discard(alice);
    ask(alice, ASK_LIST, LIST(ITEM("a@example.com/Res") ITEM("z@example.com")));
    bench_free(&b);
}

static void resources_that_asked_are_told(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *one = bench_login(b, ALICE "/one"), *two = bench_login(b, ALICE "/two");
    struct client *three = bench_login(b, ALICE "/three");
    ask(one, ASK_LIST, LIST(""));
    ask(two, ASK_LIST, LIST(""));
    ask(three, BLOCK(ITEM("a@example.com") ITEM("b@example.com")), BLOCKED);
    expect_nothing(three);
    expect(one, "<iq type='set' id='*'><block xmlns='urn:xmpp:blocking'>" ITEM("a@example.com")
                    ITEM("b@example.com") "</block></iq>");
    client_next(two);
    ask(one, UNBLOCK(ITEM("a@example.com")), UNBLOCKED);
    expect(one, "<iq type='set' id='*'><unblock xmlns='urn:xmpp:blocking'>" ITEM(
                    "a@example.com") "</unblock></iq>");
    client_next(two);
    ask(one, UNBLOCK(""), UNBLOCKED);
    expect(two, "<iq type='set' id='*'><unblock xmlns='urn:xmpp:blocking'/></iq>");
    client_next(one);
    ask(one, ASK_LIST, LIST(""));
    expect_nothing(two);
    bench_free(&b);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    ask(alice, BLOCK(""),
        "<iq type='error' id='b'><error type='modify'>"
        "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    ask(alice, BLOCK("<item/>"),
        "<iq type='error' id='b'><error type='modify'>"
        "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    ask(alice, BLOCK(ITEM("good@example.com") ITEM("@bad")),
        "<iq type='error' id='b'><error type='modify'>"
        "<jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    b->batch_error = ERR_FULL;
    ask(alice, BLOCK(ITEM("good@example.com")),
        "<iq type='error' id='b'><error type='wait'><_/></error></iq>");
    ask(alice, ASK_LIST, LIST(""));
    bench_free(&b);
}

/* Everything that bob, who is blocked, tries. */
static void reach(struct two *t, const char *to)
{
    client_sendf(t->bob, "<message to='%s' id='m'><body>let me in</body></message>", to);
    expect(t->bob, "<message type='error' from='*' id='m'>" UNAVAILABLE_ERROR "</message>");
    client_sendf(t->bob, "<iq type='get' to='%s' id='g'><q xmlns='urn:example:q'/></iq>", to);
    expect(t->bob, "<iq type='error' from='*' id='g'>" UNAVAILABLE_ERROR "</iq>");
    client_sendf(t->bob, "<iq type='set' to='%s' id='s'><q xmlns='urn:example:q'/></iq>", to);
    expect(t->bob, "<iq type='error' from='*' id='s'>" UNAVAILABLE_ERROR "</iq>");
    client_sendf(t->bob, "<iq type='result' to='%s' id='r'/>", to);
    client_sendf(t->bob, "<iq type='error' to='%s' id='r'><error type='cancel'/></iq>", to);
    client_sendf(t->bob, "<message type='error' to='%s' id='r'/>", to);
    client_sendf(t->bob, "<presence to='%s'/>", to);
    client_sendf(t->bob, "<presence type='probe' to='%s'/>", to);
    client_sendf(t->bob, "<presence type='subscribe' to='%s'/>", to);
    expect_nothing(t->bob);
    expect_nothing(t->alice);
}

static void S28_a_blocked_sender_reaches_nobody_on(uint32_t shards)
{
    struct two t = friends(shards);
    ask(t.alice, BLOCK(ITEM(BOB)), BLOCKED);
    client_discard(t.bob);
    reach(&t, ALICE);
    reach(&t, ALICE "/phone");
    client_send(t.bob, "<presence><show>dnd</show></presence>");
    client_next(t.bob);
    assert_int_equal(bench_count(t.b, ALICE, "archive"), 0);
    end(&t);
}

static void S28_a_blocked_sender_reaches_nobody(void **state)
{
    (void)state;
    S28_a_blocked_sender_reaches_nobody_on(1);
}

static void S28_a_blocked_sender_reaches_nobody_on_three_shards(void **state)
{
    (void)state;
    S28_a_blocked_sender_reaches_nobody_on(3);
}

static void S28_the_presence_of_the_blocker_is_not_leaked(void **state)
{
    (void)state;
    struct two t = friends(1);
    ask(t.alice, BLOCK(ITEM(BOB)), BLOCKED);
    expect(t.bob, "<presence type='unavailable' from='" ALICE "/phone'/>");
    client_send(t.alice, "<presence><show>away</show></presence>");
    client_next(t.alice);
    struct client *more = bench_online(t.b, ALICE "/more");
    client_next(t.alice);
    client_lose(&more);
    client_next(t.alice);
    expect_nothing(t.bob);
    /* A login asks the blocked for nothing, and tells it nothing. */
    client_lose(&t.alice);
    t.alice = bench_login(t.b, ALICE "/phone");
    client_send(t.alice, "<presence/>");
    expect(t.alice, "<presence from='" ALICE "/phone'/>");
    /* The other way round as well. */
    client_lose(&t.bob);
    t.bob = bench_login(t.b, BOB "/desk");
    client_send(t.bob, "<presence/>");
    expect(t.bob, "<presence from='" BOB "/desk'/>");
    end(&t);
}

static void presence_returns_with_the_end_of_the_block(void **state)
{
    (void)state;
    struct two t = friends(1);
    ask(t.alice, BLOCK(ITEM(BOB)), BLOCKED);
    client_send(t.bob, "<presence><show>dnd</show></presence>");
    client_discard(t.bob);
    ask(t.alice, UNBLOCK(""), UNBLOCKED);
    expect(t.bob, "<presence from='" ALICE "/phone'/>");
    expect(t.alice, "<presence from='" BOB "/desk'><show>dnd</show></presence>");
    client_send(t.bob, "<message to='" ALICE "' type='chat'><body>thanks</body></message>");
    expect(t.alice, "<message from='" BOB "/desk' type='chat'><body>thanks</body></message>");
    end(&t);
}

/* Nothing is shown to contacts that another item blocks, or blocks still. */
static void only_what_changes_is_shown(void **state)
{
    (void)state;
    struct two t = friends(1);
    client_send(t.alice, BLOCK(ITEM("example.net")));
    expect(t.bob, "<presence type='unavailable' from='" ALICE "/phone'/>");
    client_send(t.alice, BLOCK(ITEM(BOB) ITEM("stranger@example.com")));
    client_send(t.alice, UNBLOCK(ITEM("example.net")));
    expect_nothing(t.bob);
    client_send(t.alice, UNBLOCK(ITEM("other@example.net")));
    expect_nothing(t.bob);
    client_send(t.alice, UNBLOCK(ITEM(BOB)));
    expect(t.bob, "<presence from='" ALICE "/phone'/>");
    client_discard(t.alice);
    end(&t);
}

static void who_got_directed_presence_sees_it_end(void **state)
{
    (void)state;
    struct two t = friends(1);
    struct client *carol = bench_online(t.b, "carol@example.org/pad");
    client_send(t.alice, "<presence to='carol@example.org/pad'/>");
    client_next(carol);
    ask(t.alice, BLOCK(ITEM("carol@example.org")), BLOCKED);
    expect(carol, "<presence type='unavailable' from='" ALICE "/phone'/>");
    client_lose(&t.alice);
    expect_nothing(carol);
    client_discard(t.bob);
    bench_free(&t.b);
}

static void one_cannot_write_to_whom_one_blocked(void **state)
{
    (void)state;
    struct two t = friends(1);
    ask(t.alice, BLOCK(ITEM(BOB)), BLOCKED);
    client_discard(t.bob);
    ask(t.alice, "<message to='" BOB "/desk' id='1'><body>hi</body></message>",
        "<message type='error' id='1' from='" BOB "/desk'>" BLOCKED_ERROR "</message>");
    ask(t.alice, "<iq type='get' to='" BOB "/desk' id='2'><q xmlns='urn:example:q'/></iq>",
        "<iq type='error' id='2' from='" BOB "/desk'>" BLOCKED_ERROR "</iq>");
    ask(t.alice, "<presence to='" BOB "' id='3'/>",
        "<presence type='error' id='3' from='" BOB "'>" BLOCKED_ERROR "</presence>");
    /* Never an error in answer to an error. */
    client_send(t.alice, "<message type='error' to='" BOB "/desk' id='4'/>");
    client_send(t.alice, "<iq type='result' to='" BOB "/desk' id='5'/>");
    end(&t);
}

static void addresses_match_by_their_parts(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        bool desk, pad, carol; /* who is blocked by it */
    } CASES[] = {
        {BOB "/desk", true, false, false},        {BOB, true, true, false},
        {"example.net/desk", true, false, false}, {"example.net", true, true, true},
        {"bob@example.org", false, false, false}, {"net", false, false, false},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct bench *b = bench_new(NULL);
        struct client *alice = bench_online(b, ALICE "/phone");
        struct client *senders[] = {bench_online(b, BOB "/desk"), bench_online(b, BOB "/pad"),
                                    bench_online(b, "carol@example.net/pad")};
        const bool refused[] = {CASES[i].desk, CASES[i].pad, CASES[i].carol};
        client_sendf(alice,
                     "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='%s'/>"
                     "</block></iq>",
                     CASES[i].item);
        expect(alice, BLOCKED);
        for (int k = 0; k < 3; k++) {
            client_discard(senders[k]);
            client_send(senders[k], "<message to='" ALICE "' id='m'><body>x</body></message>");
            assert_int_equal(client_waiting(senders[k]), refused[k]);
            assert_int_equal(client_waiting(alice), !refused[k]);
            client_discard(alice);
        }
        bench_free(&b);
    }
}

static void one_is_never_blocked_from_oneself_nor_from_the_server(void **state)
{
    (void)state;
    struct two t = friends(1);
    ask(t.alice, BLOCK(ITEM("example.org") ITEM(ALICE)), BLOCKED);
    struct client *other = bench_online(t.b, ALICE "/other");
    client_next(t.alice);
    client_send(other, "<message to='" ALICE "/phone' id='1'><body>to myself</body></message>");
    expect(t.alice, "<message from='" ALICE "/other' id='1'><body>to myself</body></message>");
    ask(t.alice, "<iq type='get' to='example.org' id='2'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='result' id='2' from='example.org'/>");
    client_lose(&other);
    client_discard(t.alice);
    client_discard(t.bob);
    end(&t);
}

static void an_alias_of_the_host_blocks_the_host(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_online(b, ALICE "/phone");
    struct client *carol = bench_online(b, "carol@example.org/pad");
    ask(alice, BLOCK(ITEM("carol@talk.example.org")), BLOCKED);
    ask(alice, ASK_LIST, LIST(ITEM("carol@example.org")));
    ask(carol, "<message to='" ALICE "' id='m'><body>hi</body></message>",
        "<message type='error' id='m' from='" ALICE "'>" UNAVAILABLE_ERROR "</message>");
    ask(alice, "<message to='carol@talk.example.org' id='n'><body>hi</body></message>",
        "<message type='error' id='n' from='carol@talk.example.org'>" BLOCKED_ERROR "</message>");
    bench_free(&b);
}

static void strangers_do_not_see_the_list(void **state)
{
    (void)state;
    struct two t = friends(1);
    client_send(t.bob, "<iq type='get' id='1' to='" ALICE "'><blocklist "
                       "xmlns='urn:xmpp:blocking'/></iq>");
    expect(t.bob, "<iq type='error' id='1' from='" ALICE "'><_/></iq>");
    client_send(t.bob, "<iq type='set' id='2' to='" ALICE
                       "'><block xmlns='urn:xmpp:blocking'>" ITEM("x@example.com") "</block></iq>");
    expect(t.bob, "<iq type='error' id='2' from='" ALICE "'><_/></iq>");
    assert_int_equal(bench_count(t.b, ALICE, "blocked"), 0);
    end(&t);
}

static void an_offline_mailbox_is_shut_too(void **state)
{
    (void)state;
    struct two t = friends(1);
    ask(t.alice, BLOCK(ITEM(BOB)), BLOCKED);
    client_discard(t.bob);
    client_lose(&t.alice);
    bench_advance(t.b, 120000);
    ask(t.bob, "<message to='" ALICE "' id='m' type='chat'><body>later</body></message>",
        "<message type='error' id='m' from='" ALICE "'>" UNAVAILABLE_ERROR "</message>");
    assert_int_equal(bench_count(t.b, ALICE, "archive"), 0);
    bench_free(&t.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_kept),
        cmocka_unit_test(resources_that_asked_are_told),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(S28_a_blocked_sender_reaches_nobody),
        cmocka_unit_test(S28_a_blocked_sender_reaches_nobody_on_three_shards),
        cmocka_unit_test(S28_the_presence_of_the_blocker_is_not_leaked),
        cmocka_unit_test(presence_returns_with_the_end_of_the_block),
        cmocka_unit_test(only_what_changes_is_shown),
        cmocka_unit_test(who_got_directed_presence_sees_it_end),
        cmocka_unit_test(one_cannot_write_to_whom_one_blocked),
        cmocka_unit_test(addresses_match_by_their_parts),
        cmocka_unit_test(one_is_never_blocked_from_oneself_nor_from_the_server),
        cmocka_unit_test(an_alias_of_the_host_blocks_the_host),
        cmocka_unit_test(strangers_do_not_see_the_list),
        cmocka_unit_test(an_offline_mailbox_is_shut_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
