/* Tests of the bench clients' stream management: a client that counts wrongly accuses the server.
 */
#include "sm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "client.h"

static struct {
    struct bench bench;
    struct client client;
    uint64_t acked[64];
    unsigned acked_count;
    uint64_t again[64]; /* tags, +1000 when fresh */
    unsigned again_count;
    unsigned failed;
    unsigned wrong;
} t;

/* In place of the connection. */
void client_send(struct client *c, struct slice bytes)
{
    assert_int_equal(buf_add(&c->out, bytes), 0);
}

void client_fail(struct client *c, const char *why, struct slice what)
{
    (void)why;
    (void)what;
    c->sm.on = false;
    t.failed++;
}

static void acked(struct client *c, uint64_t tag)
{
    (void)c;
    t.acked[t.acked_count++] = tag;
}

static void resend(struct client *c, uint64_t tag, bool fresh)
{
    (void)c;
    t.again[t.again_count++] = tag + (fresh ? 1000 : 0);
}

static void wrong_h(struct client *c)
{
    (void)c;
    t.wrong++;
}

static const struct client_ops OPS = {.acked = acked, .resend = resend, .wrong_h = wrong_h};

static int begin(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.bench.ops = &OPS;
    t.client.bench = &t.bench;
    sm_enable(&t.client);
    assert_true(sm_enabled(&t.client, SLICE("<enabled id='x\"y' resume='true'/>")));
    return 0;
}

static int end(void **state)
{
    (void)state;
    sm_free(&t.client);
    buf_free(&t.client.out);
    return 0;
}

static void send(uint64_t from, uint64_t to)
{
    for (uint64_t tag = from; tag <= to; tag++)
        sm_sent(&t.client, tag);
}

static void h_settles_the_oldest_first(void **state)
{
    (void)state;
    send(SM_PRESENCE, SM_PRESENCE);
    send(11, 40);
    assert_true(sm_unit(&t.client, SLICE("<a xmlns='urn:xmpp:sm:3' h='0'/>")));
    assert_true(sm_unit(&t.client, SLICE("<a xmlns='urn:xmpp:sm:3' h='3'/>")));
    assert_int_equal(t.acked_count, 2); /* the presence is no message */
    assert_int_equal(t.acked[0], 11);
    assert_int_equal(t.acked[1], 12);
    assert_true(sm_unit(&t.client, SLICE("<a xmlns='urn:xmpp:sm:3' h='31'/>")));
    assert_int_equal(t.acked_count, 30);
    assert_int_equal(t.failed, 0);
}

static void S25_h_may_not_go_back_or_too_far(void **state)
{
    static const char *const BAD[] = {"<a h='1'/>", "<a h='4'/>", "<a h='4294967296'/>", "<a/>",
                                      "<a h='-1'/>"};
    (void)state;
    for (unsigned i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        end(NULL);
        begin(NULL);
        send(11, 13);
        assert_true(sm_unit(&t.client, SLICE("<a h='2'/>")));
        assert_true(sm_unit(&t.client, slice_z(BAD[i])));
        assert_int_equal(t.wrong, 1);
        assert_int_equal(t.failed, 1);
        assert_false(sm_resumable(&t.client));
        assert_int_equal(t.client.sm.orphans.count, 1);
    }
}

static void S25_h_wraps_around(void **state)
{
    (void)state;
    t.client.sm.out_h = UINT32_MAX;
    send(11, 13);
    assert_true(sm_unit(&t.client, SLICE("<a h='1'/>")));
    assert_int_equal(t.acked_count, 2);
    assert_int_equal(t.failed, 0);
}

static void stanzas_count_and_nothing_else(void **state)
{
    (void)state;
    assert_false(sm_unit(&t.client, SLICE("<message/>")));
    assert_false(sm_unit(&t.client, SLICE("<presence/>")));
    assert_false(sm_unit(&t.client, SLICE("<iq/>")));
    assert_false(sm_unit(&t.client, SLICE("<stream:error/>")));
    buf_clear(&t.client.out);
    assert_true(sm_unit(&t.client, SLICE("<r xmlns='urn:xmpp:sm:3'/>")));
    assert_true(slice_is(buf_slice(&t.client.out), "<a xmlns='urn:xmpp:sm:3' h='3'/>"));
}

static void a_resumed_session_sends_the_rest_again_in_order(void **state)
{
    (void)state;
    send(SM_PRESENCE, SM_PRESENCE);
    send(11, 14);
    t.client.sm.on = false;
    buf_clear(&t.client.out);
    sm_resume(&t.client);
    assert_true(
        slice_is(buf_slice(&t.client.out), "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x\"y'/>"));
    assert_true(sm_resumed(&t.client, SLICE("<resumed h='2' previd='x'/>")));
    sm_again(&t.client, true);
    assert_int_equal(t.again_count, 3);
    assert_int_equal(t.again[0], 12);
    assert_int_equal(t.again[2], 14);
    /* Once more, before any of it was acknowledged. */
    assert_true(sm_resumed(&t.client, SLICE("<resumed h='3' previd='x'/>")));
    sm_again(&t.client, true);
    assert_int_equal(t.again_count, 5);
    assert_int_equal(t.again[3], 13);
    assert_true(sm_unit(&t.client, SLICE("<a h='5'/>")));
    assert_int_equal(t.acked_count, 4);
    assert_int_equal(t.failed, 0);
}

static void what_cannot_be_resumed_is_sent_in_the_next_session(void **state)
{
    (void)state;
    send(11, 14);
    assert_true(sm_refused(&t.client, SLICE("<failed h='1'><item-not-found/></failed>")));
    assert_int_equal(t.acked_count, 1);
    assert_false(sm_resumable(&t.client));
    sm_enable(&t.client);
    assert_true(sm_enabled(&t.client, SLICE("<enabled id='z' resume='1'/>")));
    send(SM_PRESENCE, SM_PRESENCE); /* of this session, sent already */
    sm_again(&t.client, false);
    assert_int_equal(t.again_count, 3);
    assert_int_equal(t.again[0], 1012);
    assert_int_equal(t.client.sm.unacked.count, 4);
    assert_true(sm_unit(&t.client, SLICE("<a h='4'/>")));
    assert_int_equal(t.acked_count, 4);
    assert_int_equal(t.failed, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(h_settles_the_oldest_first),
        CASE(S25_h_may_not_go_back_or_too_far),
        CASE(S25_h_wraps_around),
        CASE(stanzas_count_and_nothing_else),
        CASE(a_resumed_session_sends_the_rest_again_in_order),
        CASE(what_cannot_be_resumed_is_sent_in_the_next_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
