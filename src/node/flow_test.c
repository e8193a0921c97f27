/* How stanzas wait: for an account that is being loaded, for the store, for a client that does not
 * read; their order; the credit of a stream. On one shard and on three, where the one who waits and
 * the one who sends are apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "xep/test_inside.h"

enum { MANY = 300 };

static void send_many(struct client *c, const char *to, unsigned n)
{
    struct buf text = {0};
    for (unsigned i = 0; i < n; i++)
        buf_printf(&text, "<message to='%s' type='chat' id='%u'><body>%u</body></message>", to, i,
                   i);
    buf_byte(&text, '\0');
    client_send(c, text.ptr);
    buf_free(&text);
}

static unsigned long long id_of(struct xml x)
{
    unsigned long long id;
    assert_true(slice_to_u64(xml_attr(x, SLICE("id")), &id));
    return id;
}

/* The messages 0..n-1 came, in this order, whatever else came between them. */
static void assert_all_in_order(struct client *c, unsigned n)
{
    unsigned next = 0;
    while (client_waiting(c) > 0) {
        struct xml x = client_next(c);
        if (slice_is(xml_name(x), "message"))
            assert_int_equal(id_of(x), next++);
    }
    assert_int_equal(next, n);
}

static void a_stream_may_have_256_stanzas_under_way(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        struct client *carol = bench_login(b, "carol@example.org/desk");
        struct c2s *stream = client_session(alice)->stream;
        assert_int_equal(b->config.core.limits.credit_stanzas, 256);
        b->store_held = true;
        send_many(alice, "bob@example.org", MANY);
        assert_int_equal(stream->session->unsettled, 256);
        assert_false(c2s_can_read(stream));
        /* Others are served. */
        ask(carol, "<iq type='get' id='1' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='result' id='1' from='example.org'/>");
        bench_release(b);
        assert_int_equal(stream->session->unsettled, 0);
        assert_int_equal(stream->session->unsettled_bytes, 0);
        expect_nothing(alice);
        struct client *bob = bench_login(b, "bob@example.org/desk");
        client_send(bob, "<presence/>");
        assert_all_in_order(bob, MANY);
    }
}

static void credit_is_counted_in_bytes_too(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.credit_bytes = 10000;
        bench_account(b, "bob@example.org");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        struct c2s *stream = client_session(alice)->stream;
        b->store_held = true;
        for (unsigned i = 0; i < 8; i++)
            client_sendf(alice,
                         "<message to='bob@example.org' type='chat' id='%u'><body>%03000u</body>"
                         "</message>",
                         i, i);
        assert_int_equal(stream->session->unsettled,
                         4); /* the one that goes over the limit is taken */
        bench_release(b);
        assert_int_equal(stream->session->unsettled_bytes, 0);
        struct client *bob = bench_login(b, "bob@example.org/desk");
        client_send(bob, "<presence/>");
        assert_all_in_order(bob, 8);
    }
}

/* Who sends and leaves has sent. */
static void what_waits_outlives_its_sender(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        b->store_held = true;
        send_many(alice, "bob@example.org", 50);
        client_lose(&alice);
        bench_release(b);
        struct client *bob = bench_login(b, "bob@example.org/desk");
        client_send(bob, "<presence/>");
        assert_all_in_order(bob, 50);
    }
}

/* One who is not loaded keeps nobody else's stanzas waiting, and those for him stay in order,
 * whatever their kind. */
/* Behind a request that is being written: what only a server may say goes, whoever is still there
 * (V58). */
static void V58_what_waits_is_relieved_when_its_sender_has_left(void **state)
{
    (void)state;
    for (int stays = 0; stays < 2; stays++)
        BENCH_ON_SHARDS(b, NULL)
        {
            struct client *bob = bench_online(b, "bob@example.org/b");
            struct client *alice = bench_login(b, "alice@example.org/a");
            b->store_held = true;
            client_send(alice, "<presence type='subscribe' to='bob@example.org'/>"
                               "<message type='chat' to='bob@example.org'><body>1</body>"
                               "<received xmlns='urn:xmpp:carbons:2'/></message>");
            if (stays == 0)
                client_lose(&alice);
            bench_release(b);
            expect_somewhere(bob, "<message type='chat' from='alice@example.org/a'>"
                                  "<body>1</body></message>");
        }
}

static void a_slow_store_delays_only_those_who_need_it(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *dave = bench_online(b, "dave@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        b->store_held = true;
        client_send(alice,
                    "<message to='bob@example.org' id='1'><body>1</body></message>"
                    "<iq type='get' id='2' to='bob@example.org'><x xmlns='urn:x'/></iq>"
                    "<message to='dave@example.org' type='headline' id='3'><body>3</body></message>"
                    "<message to='nobody@example.org' type='headline' id='4'/>"
                    "<message to='bob@example.org' type='groupchat' id='5'/>"
                    "<iq type='get' id='6' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>"
                    "<iq type='get' id='7' to='bob@example.org/gone'><x xmlns='urn:x'/></iq>");
        expect(dave, "<message from='alice@example.org/phone' type='headline' id='3'>"
                     "<body>3</body></message>");
        expect(alice, "<iq type='result' id='6' from='example.org'/>");
        expect_nothing(alice);
        bench_release(b);
        static const char *const IDS[] = {"2", "5", "7"};
        for (unsigned i = 0; i < 3; i++) {
            struct xml x = client_next(alice);
            assert_true(slice_is(xml_attr(x, SLICE("type")), "error"));
            assert_true(slice_eq(xml_attr(x, SLICE("id")), slice_z(IDS[i])));
        }
        expect_nothing(alice);
    }
}

/* The store answers one request at a time: whatever the interleaving, order is kept. */
static void order_is_kept_at_every_step_of_the_store(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        struct client *bob = NULL;
        b->store_held = true;
        for (unsigned i = 0; i < 40; i++) {
            client_sendf(alice,
                         "<message to='bob@example.org' type='chat' id='%u'><body>x</body>"
                         "</message>",
                         i);
            bench_store_step(b, i % 3);
            if (i == 20) {
                b->store_held = false; /* to log in */
                bob = bench_login(b, "bob@example.org/desk");
                b->store_held = true;
                client_send(bob, "<presence/>");
            }
        }
        for (unsigned i = 0; i < 400; i++)
            bench_store_step(b, 1);
        bench_release(b);
        assert_all_in_order(bob, 40);
    }
}

static unsigned count(struct client *c, const char *name, bool errors)
{
    unsigned n = 0;
    while (client_waiting(c) > 0) {
        struct xml x = client_next(c);
        bool error = slice_is(xml_attr(x, SLICE("type")), "error");
        n += slice_eq(xml_name(x), slice_z(name)) && error == errors;
    }
    return n;
}

/* L13, V75: what a client does not read is kept or refused, and its memory is bounded. */
static void L13_messages_for_who_does_not_read_are_all_accounted_for(void **state)
{
    (void)state;
    enum { MESSAGES = 2000 };
    BENCH_ON_SHARDS(b, NULL)
    {
        b->hosts[0].archive = false;
        b->config.core.limits.output_bytes = 40000;
        b->config.core.limits.offline_messages = 100;
        b->config.core.limits.rate = false;
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        struct client *other = bench_login(b, "carol@example.org/desk");
        client_set_deaf(bob, true);
        send_many(alice, "bob@example.org", MESSAGES);
        assert_true(bench_logged(b, "event=conn.slow"));
        assert_in_range(buf_len(node_output(bob->conn)), 1, 2 * 40000);
        assert_int_equal(client_session(alice)->stream->session->unsettled, 0);
        unsigned refused = count(alice, "message", true);
        assert_in_range(refused, 1000, MESSAGES - 100);
        client_send(other, "<message to='carol@example.org/desk' id='0'/>");
        assert_int_equal(count(other, "message", false), 1);
        client_set_deaf(bob, false);
        assert_int_equal(count(bob, "message", false) + refused, MESSAGES);
    }
}

static void L13_requests_to_who_does_not_read_are_refused(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.output_bytes = 20000;
        bench_befriend(b, "alice@example.org", "bob@example.org");
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        client_set_deaf(bob, true);
        send_many(alice, "bob@example.org", MANY);
        client_discard(alice);
        ask(alice, "<iq type='get' id='q' to='bob@example.org/desk'><x xmlns='urn:x'/></iq>",
            "<iq type='error' id='q' from='bob@example.org/desk'><error type='wait'>"
            "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    }
}

static void L13_the_newest_presence_is_what_counts(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.output_bytes = 20000;
        b->config.core.limits.rate = false;
        bench_befriend(b, "alice@example.org", "bob@example.org");
        bench_befriend(b, "carol@example.org", "bob@example.org");
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct client *carol = bench_online(b, "carol@example.org/phone");
        client_discard(bob);
        client_set_deaf(bob, true);
        send_many(alice, "bob@example.org", MANY);
        for (unsigned i = 0; i < 50; i++) {
            client_sendf(alice, "<presence><status>%u</status></presence>", i);
            client_sendf(carol, "<presence><status>%u</status></presence>", i);
        }
        client_lose(&carol);
        client_set_deaf(bob, false);
        while (client_waiting(bob) > 0 && !slice_is(xml_name(client_next(bob)), "presence"))
            ;
        struct xml x = client_last(bob);
        assert_true(slice_is(xml_text(xml_first_element(x)), "49"));
        expect(bob, "<presence type='unavailable' from='carol@example.org/phone'/>");
        while (client_waiting(bob) > 0)
            assert_false(slice_is(xml_name(client_next(bob)), "presence"));
    }
}

/* Presence that is broadcast keeps its place behind a message that is being written (RFC 6120,
 * 10.1). */
static void presence_does_not_overtake_a_message(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *phone = bench_online(b, "alice@example.org/phone");
        struct client *bob = bench_online(b, "bob@example.org/desk");
        client_send(bob, "<presence to='alice@example.org' type='subscribe'/>");
        client_send(phone, "<presence to='bob@example.org' type='subscribed'/>");
        client_discard(phone);
        client_discard(bob);
        b->store_held = true;
        client_send(phone,
                    "<message to='bob@example.org' type='chat' id='1'><body>x</body></message>"
                    "<presence><show>away</show></presence>");
        expect_nothing(bob);
        bench_release(b);
        expect(bob, "<message from='alice@example.org/phone' type='chat' id='1'><_/></message>");
        expect(bob, "<presence from='alice@example.org/phone'><show>away</show></presence>");
        expect_nothing(bob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presence_does_not_overtake_a_message),
        cmocka_unit_test(a_stream_may_have_256_stanzas_under_way),
        cmocka_unit_test(credit_is_counted_in_bytes_too),
        cmocka_unit_test(what_waits_outlives_its_sender),
        cmocka_unit_test(V58_what_waits_is_relieved_when_its_sender_has_left),
        cmocka_unit_test(a_slow_store_delays_only_those_who_need_it),
        cmocka_unit_test(order_is_kept_at_every_step_of_the_store),
        cmocka_unit_test(L13_messages_for_who_does_not_read_are_all_accounted_for),
        cmocka_unit_test(L13_requests_to_who_does_not_read_are_refused),
        cmocka_unit_test(L13_the_newest_presence_is_what_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
