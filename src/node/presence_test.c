/* Presence: RFC 6121 section 4, as dialogues on one shard and on three; the limits of L19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define FROM_ALICE  " from='alice@example.org/phone'"
#define UNAVAILABLE "<presence from='alice@example.org/phone' type='unavailable'/>"

/* alice and bob see each other; both are there, and nothing waits to be read. */
struct pair {
    struct client *alice, *bob;
};

static struct pair friends(struct bench *b)
{
    struct pair p;
    b->config.core.limits.rate = false;
    bench_befriend(b, "alice@example.org", "bob@example.org");
    p.bob = bench_online(b, "bob@example.org/desk");
    p.alice = bench_online(b, "alice@example.org/phone");
    client_discard(p.bob);
    return p;
}

static void initial_presence_introduces_everybody(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, "alice@example.org", "bob@example.org");
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *sofa = bench_login(b, "bob@example.org/sofa");
        struct client *other = bench_online(b, "alice@example.org/other");
        struct client *stranger = bench_online(b, "carol@example.org/desk");
        client_send(bob, "<presence><show>dnd</show><x xmlns='urn:x'/></presence>");
        client_discard(bob);
        client_discard(other);
        struct client *alice = bench_login(b, "alice@example.org/phone");
        client_send(alice, "<presence><priority>5</priority></presence>");
        expect(bob, "<presence" FROM_ALICE "><priority>5</priority></presence>");
        expect(other, "<presence" FROM_ALICE "><priority>5</priority></presence>");
        expect_somewhere(alice, "<presence" FROM_ALICE "><priority>5</priority></presence>");
        expect_somewhere(alice, "<presence from='alice@example.org/other'/>");
        expect_somewhere(alice, "<presence from='bob@example.org/desk'><show>dnd</show>"
                                "<x xmlns='urn:x'/></presence>");
        expect_nothing(alice);
        expect_nothing(bob);
        expect_nothing(sofa); /* has not said that it wants to know */
        expect_nothing(stranger);
    }
}

static void an_update_is_told_and_the_newest_is_kept(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct pair p = friends(b);
        static const char *const SHOWS[] = {"away", "xa", "chat"};
        for (unsigned i = 0; i < 3; i++) {
            client_sendf(p.alice, "<presence id='%u' xml:lang='de'><show>%s</show></presence>", i,
                         SHOWS[i]);
            expect(p.bob, "<presence id='*'" FROM_ALICE " xml:lang='de'><show>*</show></presence>");
        }
        struct client *later = bench_login(b, "bob@example.org/later");
        client_send(later, "<presence/>");
        expect_somewhere(later,
                         "<presence" FROM_ALICE " xml:lang='de'><show>chat</show></presence>");
        expect_somewhere(later, "<presence from='bob@example.org/desk'/>");
        expect_somewhere(later, "<presence from='bob@example.org/later'/>");
        expect_nothing(later);
    }
}

static void unavailable_is_told_however_it_comes(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        for (unsigned way = 0; way < 4; way++) {
            struct pair p = friends(b);
            if (way == 0) {
                client_send(p.alice,
                            "<presence type='unavailable'><status>bye</status></presence>");
                expect(p.bob, "<presence" FROM_ALICE
                              " type='unavailable'><status>bye</status></presence>");
                client_lose(&p.alice);
            } else if (way == 1) {
                client_lose(&p.alice);
                expect(p.bob, UNAVAILABLE);
            } else if (way == 2) {
                client_close(&p.alice);
                expect(p.bob, UNAVAILABLE);
            } else {
                client_send(p.alice, "<message from='a@b'/>");
                expect(p.bob, UNAVAILABLE);
                client_lose(&p.alice);
            }
            expect_nothing(p.bob);
            client_lose(&p.bob);
            /* Forgotten in memory too, so that the rosters may be written again. */
            bench_advance(b, 120000);
        }
    }
}

static void who_is_unavailable_hears_nothing_and_can_be_written_to(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct pair p = friends(b);
        client_send(p.alice, "<presence type='unavailable'/>");
        expect(p.bob, UNAVAILABLE);
        client_discard(p.alice);
        client_send(p.bob, "<presence><show>away</show></presence>");
        expect_nothing(p.alice);
        client_send(p.bob, "<message to='alice@example.org/phone'><body>x</body></message>");
        expect(p.alice, "<message from='bob@example.org/desk'><body>x</body></message>");
        client_send(p.alice, "<presence/>");
        client_discard(p.bob);
        expect_somewhere(p.alice,
                         "<presence from='bob@example.org/desk'><show>away</show></presence>");
    }
}

static void presence_goes_one_way_alone(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        client_send(bob, "<presence type='subscribe' to='alice@example.org'/>");
        expect(alice, "<presence type='subscribe' from='bob@example.org'/>");
        client_send(alice, "<presence type='subscribed' to='bob@example.org'/>");
        expect_somewhere(bob, "<presence" FROM_ALICE "/>");
        client_discard(bob);
        client_discard(alice);
        client_send(alice, "<presence><show>away</show></presence>");
        expect(bob, "<presence" FROM_ALICE "><show>away</show></presence>");
        client_discard(alice);
        client_send(bob, "<presence><show>away</show></presence>");
        expect_nothing(alice);
        /* Taken back: bob sees her go. */
        client_send(alice, "<presence type='unsubscribed' to='bob@example.org'/>");
        expect_somewhere(bob, UNAVAILABLE);
        client_discard(bob);
        client_send(alice, "<presence><show>dnd</show></presence>");
        expect_nothing(bob);
    }
}

static void what_was_directed_is_taken_back(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *carol = bench_online(b, "carol@example.org/desk");
        struct client *dave = bench_online(b, "dave@example.org/desk");
        struct pair p = friends(b);
        client_send(p.alice, "<presence to='carol@example.org'><show>chat</show></presence>"
                             "<presence to='dave@example.org/desk'/>"
                             "<presence to='bob@example.org'><show>dnd</show></presence>");
        expect(carol, "<presence" FROM_ALICE "><show>chat</show></presence>");
        expect(dave, "<presence" FROM_ALICE "/>");
        expect(p.bob, "<presence" FROM_ALICE "><show>dnd</show></presence>");
        client_send(p.alice, "<presence><show>away</show></presence>");
        expect_nothing(carol); /* a broadcast is for subscribers */
        client_discard(p.bob);
        client_send(p.alice, "<presence to='dave@example.org/desk' type='unavailable'/>");
        expect(dave, UNAVAILABLE);
        client_lose(&p.alice);
        expect(carol, UNAVAILABLE);
        expect(p.bob, UNAVAILABLE);
        expect_nothing(carol);
        expect_nothing(dave);
        expect_nothing(p.bob);
    }
}

/* A session that never said that it is available, but showed itself to single ones: to a stranger
 * and to a subscriber. Both hear of its end, once. */
static void a_ghost_is_gone_for_those_who_saw_it(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *carol = bench_online(b, "carol@example.org/desk");
        struct pair p = friends(b);
        for (unsigned way = 0; way < 2; way++) {
            struct client *ghost = bench_login(b, "alice@example.org/ghost");
            client_send(ghost,
                        "<presence to='carol@example.org'/><presence to='bob@example.org'/>");
            expect(carol, "<presence from='alice@example.org/ghost'/>");
            expect(p.bob, "<presence from='alice@example.org/ghost'/>");
            if (way == 1) {
                client_send(ghost, "<presence/>");
                expect(p.bob, "<presence from='alice@example.org/ghost'/>");
                expect_nothing(carol);
            }
            client_lose(&ghost);
            expect(carol, "<presence type='unavailable' from='alice@example.org/ghost'/>");
            expect(p.bob, "<presence type='unavailable' from='alice@example.org/ghost'/>");
            expect_nothing(carol);
            expect_nothing(p.bob);
        }
    }
}

static void probes_are_answered_for_subscribers_alone(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct pair p = friends(b);
        struct client *carol = bench_online(b, "carol@example.org/desk");
        client_send(p.alice, "<presence><show>away</show></presence>");
        client_discard(p.bob);
        client_discard(p.alice);
        client_send(p.bob, "<presence type='probe' to='alice@example.org'/>");
        expect(p.bob, "<presence" FROM_ALICE "><show>away</show></presence>");
        client_send(carol, "<presence type='probe' to='alice@example.org'/>"
                           "<presence type='probe' to='alice@example.org/phone'/>");
        while (client_waiting(carol) > 0)
            assert_true(slice_is(xml_attr(client_next(carol), SLICE("type")), "unsubscribed"));
        expect_nothing(p.alice);
    }
}

static void presence_errors_go_back_to_the_session(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct pair p = friends(b);
        client_send(p.bob, "<presence type='error' to='alice@example.org/phone' id='e'>"
                           "<error type='cancel'><gone "
                           "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>");
        expect(p.alice, "<presence type='error' id='e' from='bob@example.org/desk'>"
                        "<error type='cancel'><gone "
                        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>");
        client_send(p.bob, "<presence type='error' to='alice@example.org'/>");
        expect_nothing(p.alice);
        expect_nothing(p.bob);
    }
}

static void L19_S13_requests_are_counted_by_the_hour(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        uint32_t limit = b->config.core.limits.subscriptions_per_hour;
        assert_int_equal(limit, 30);
        for (uint32_t i = 0; i < limit; i++)
            client_sendf(alice, "<presence type='subscribe' to='nobody%u@example.org'/>", i);
        client_discard(alice);
        ask(alice, "<presence type='subscribe' to='bob@example.org' id='1'/>",
            "<presence type='error' id='1' from='bob@example.org'><error type='*'>"
            "<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/></error>"
            "</presence>");
        assert_true(bench_logged(b, "event=sub.limit"));
        expect_nothing(bob);
        /* Answers and farewells are none. */
        client_send(alice, "<presence type='unsubscribe' to='nobody1@example.org'/>"
                           "<presence type='subscribed' to='nobody1@example.org'/>");
        expect_nothing(alice);
        bench_advance(b, 3600000);
        client_send(alice, "<presence type='subscribe' to='bob@example.org' id='2'/>");
        expect_nothing(alice);
        expect(bob, "<presence type='subscribe' from='alice@example.org' id='2'/>");
    }
}

static void L19_requests_that_wait_are_bounded(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.pending_subscriptions = 2;
        static const char *const SENDERS[] = {"a@example.org/x", "b@example.org/x",
                                              "c@example.org/x"};
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *senders[3];
        for (unsigned i = 0; i < 3; i++) {
            senders[i] = bench_login(b, SENDERS[i]);
            for (unsigned k = 0; k < 2; k++) /* again is the same row */
                client_send(senders[i], "<presence type='subscribe' to='bob@example.org'/>");
        }
        expect(bob, "<presence type='subscribe' from='a@example.org'/>");
        assert_true(client_waiting(bob) >= 1);
        client_discard(bob);
        /* They are told again at the next login: two rows, one each. */
        struct client *later = bench_login(b, "bob@example.org/later");
        client_send(later, "<presence/>");
        expect_somewhere(later, "<presence type='subscribe' from='a@example.org'/>");
        expect_somewhere(later, "<presence type='subscribe' from='b@example.org'/>");
        while (client_waiting(later) > 0)
            assert_false(slice_is(xml_attr(client_next(later), SLICE("type")), "subscribe"));
    }
}

/* A contact that is added by an alias of the host is the contact. */
static void an_alias_is_no_second_contact(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        client_send(alice, "<presence type='subscribe' to='bob@talk.example.org'/>");
        expect(bob, "<presence type='subscribe' from='alice@example.org'/>");
        client_send(bob, "<presence type='subscribed' to='alice@talk.example.org'/>");
        expect_somewhere(alice, "<presence from='bob@example.org/desk'/>");
        client_discard(alice);
        client_send(bob, "<presence><show>away</show></presence>");
        expect(alice, "<presence from='bob@example.org/desk'><show>away</show></presence>");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_presence_introduces_everybody),
        cmocka_unit_test(an_update_is_told_and_the_newest_is_kept),
        cmocka_unit_test(unavailable_is_told_however_it_comes),
        cmocka_unit_test(who_is_unavailable_hears_nothing_and_can_be_written_to),
        cmocka_unit_test(presence_goes_one_way_alone),
        cmocka_unit_test(what_was_directed_is_taken_back),
        cmocka_unit_test(a_ghost_is_gone_for_those_who_saw_it),
        cmocka_unit_test(probes_are_answered_for_subscribers_alone),
        cmocka_unit_test(presence_errors_go_back_to_the_session),
        cmocka_unit_test(L19_S13_requests_are_counted_by_the_hour),
        cmocka_unit_test(L19_requests_that_wait_are_bounded),
        cmocka_unit_test(an_alias_is_no_second_contact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
