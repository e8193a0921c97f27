/* XEP-0474: what was offered is told again in the messages that the password signs. The hash itself
 * is tested in src/xmpp; with TLS: src/node. */
#include "xep/login/test_login.h"

#define OFFER "PLAIN\x1eSCRAM-SHA-1\x1eSCRAM-SHA-256\x1eSCRAM-SHA-512"

static void a_client_finds_what_it_was_offered(void **state)
{
    (void)state;
    static const char *const HOW[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    struct bench *b = bench_new(NULL);
    for (unsigned i = 0; i < 3; i++) {
        struct client *c = opened(b);
        assert_true(scram(c, HOW[i], "alice", BENCH_PASSWORD, "", OFFER));
        client_lose(&c);
        c = opened(b);
        assert_false(scram(c, HOW[i], "alice", BENCH_PASSWORD, "", "SCRAM-SHA-1"));
        assert_true(xml_is(client_last(c), NS_SASL2, SLICE("challenge")));
        client_lose(&c);
    }
    bench_free(&b);
}

/* The same in the words of RFC 6120: the first message of the server ends in the hash. */
static void so_does_one_of_rfc_6120(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = opened(b);
    struct buf room = {0}, offer = {0};
    const struct slice names[] = {SLICE("SCRAM-SHA-1"), SLICE("SCRAM-SHA-256"),
                                  SLICE("SCRAM-SHA-512"), SLICE("PLAIN")};
    client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>"
                   "biwsbj1hbGljZSxyPWFiYw==</auth>");
    struct slice first = unbase64(xml_text(client_next(c)), &room);
    assert_int_equal(sasl_offer_text(names, 4, NULL, 0, &offer), 0);
    assert_true(slice_eq(buf_slice(&offer), SLICE(OFFER)));
    const char *at = memmem(first.ptr, first.len, ",i=4096,h=", 10);
    assert_non_null(at);
    assert_int_equal(first.len - (size_t)(at + 10 - first.ptr), 28); /* a SHA-1 in base64 */
    buf_free(&room);
    buf_free(&offer);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_finds_what_it_was_offered),
        cmocka_unit_test(so_does_one_of_rfc_6120),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
