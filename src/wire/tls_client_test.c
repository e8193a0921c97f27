/* A client judges certificates: issuers, dates, names, pins, strength; and says what it has seen.
 */
#include "wire/test_pair.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/err.h"

static void a_chain_to_an_anchor_is_taken_in_every_version(void **state)
{
    (void)state;
    static struct tls_peer_problem problem;
    struct tls_connect c = to("one.example");
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_NONE);
    assert_says(&problem, "nothing is wrong");
    c.version_max = TLS_PROTOCOL_1_2;
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_NONE);
    /* An anchor need not be a root, nor an authority. */
    struct tls_context *middle = trust_in(&authority, NULL), *end = trust_in(&good, NULL);
    assert_int_equal(judge(&good, middle, c, &problem), TLS_FAULT_NONE);
    assert_int_equal(judge(&good, end, c, &problem), TLS_FAULT_NONE);
    tls_context_unref(&middle);
    tls_context_unref(&end);
}

static void anchors_that_cannot_be_read_are_passed_over(void **state)
{
    (void)state;
    struct buf text = {0};
    static struct tls_peer_problem problem;
    enum tls_problem why;
    buf_add(&text, buf_slice(&stranger.chain_pem));
    text.ptr[60] = '!';
    buf_lit(&text, "# a comment\n");
    buf_add(&text, buf_slice(&root.chain_pem));
    struct tls_context *ctx =
        tls_context_client(&(struct tls_trust){.anchors_pem = buf_slice(&text)}, &why);
    assert_non_null(ctx);
    assert_int_equal(judge(&good, ctx, to("one.example"), &problem), TLS_FAULT_NONE);
    tls_context_unref(&ctx);
    buf_free(&text);
    struct tls_trust half = {.chain_pem = buf_slice(&own.chain_pem)};
    assert_null(tls_context_client(&half, &why));
    assert_int_equal(why, TLS_BAD_KEY);
    half.key_pem = buf_slice(&root.key_pem);
    assert_null(tls_context_client(&half, &why));
    assert_int_equal(why, TLS_KEY_MISMATCH);
    half.chain_pem = SLICE_NONE;
    assert_null(tls_context_client(&half, &why));
    assert_int_equal(why, TLS_BAD_CERTIFICATE);
}

static void C04_an_unknown_issuer_is_named(void **state)
{
    (void)state;
    struct test_certificate c;
    static struct tls_peer_problem problem;
    make(&c, (struct test_certificate_spec){
                 .common_name = "x", .names = "DNS:one.example", .issuer = &stranger});
    assert_int_equal(judge(&c, trusting, to("one.example"), &problem), TLS_FAULT_UNTRUSTED);
    assert_true(problem.of_server);
    assert_string_equal(problem.issuer, "CN=Other \\x1b[31mRoot \\xc3\\xbc");
    assert_says(&problem, "issued by \"CN=Other \\x1b[31mRoot");
    assert_says(&problem, "sha256:");
    /* The last one of the chain that was sent is whose issuer is missing. */
    assert_int_equal(judge(&good, trusting_nobody, to("one.example"), &problem),
                     TLS_FAULT_UNTRUSTED);
    assert_string_equal(problem.issuer, "CN=Test Root");
    assert_false(problem.of_server);
    test_certificate_free(&c);
}

static void a_certificate_signed_by_itself_comes_with_its_pin(void **state)
{
    (void)state;
    struct test_certificate c;
    static struct tls_peer_problem problem;
    char text[TLS_PIN_TEXT_BYTES];
    uint8_t again[32];
    make(&c, (struct test_certificate_spec){.common_name = "x", .names = "DNS:one.example"});
    assert_int_equal(judge(&c, trusting, to("one.example"), &problem), TLS_FAULT_SELF_SIGNED);
    tls_pin_text(problem.pin, text);
    assert_says(&problem, text);
    /* It is what openssl pkey -pubin -outform DER | sha256sum says. */
    unsigned char *der = NULL;
    uint8_t hash[32];
    int len = i2d_PUBKEY(c.key, &der);
    assert_int_equal(EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(hash, problem.pin, 32);
    OPENSSL_free(der);
    assert_true(tls_pin_parse(slice_z(text), again));
    assert_memory_equal(again, problem.pin, 32);
    test_certificate_free(&c);
}

static void pins_are_read_strictly(void **state)
{
    (void)state;
    static const char digits[] = "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff";
    uint8_t pin[32];
    assert_true(tls_pin_parse(slice_z(digits), pin));
    assert_int_equal(pin[10], 0xaa);
    assert_int_equal(pin[31], 0xff);
    assert_false(tls_pin_parse(slice_of(digits, 63), pin));
    assert_false(tls_pin_parse(slice_of(digits, 62), pin));
    assert_false(tls_pin_parse(SLICE("sha256:"), pin));
    assert_false(tls_pin_parse(SLICE_NONE, pin));
    char wrong[64];
    for (int c = 0; c < 256; c++) {
        memcpy(wrong, digits, 64);
        wrong[63] = (char)c;
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        assert_int_equal(tls_pin_parse(slice_of(wrong, 64), pin), digit);
    }
}

static void C15_wrong_dates_are_told_with_both_times(void **state)
{
    (void)state;
    static struct tls_peer_problem problem;
    struct tls_connect c = to("one.example");
    c.now_s = NOW_S + 3 * DAY_S;
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_EXPIRED);
    assert_int_equal(problem.now_s, c.now_s);
    c.now_s = 0;
    /* Only the server's is over. */
    struct test_certificate late;
    make(&late, (struct test_certificate_spec){.common_name = "x",
                                               .names = "DNS:one.example",
                                               .issuer = &root,
                                               .from_s = NOW_S - 2 * DAY_S,
                                               .to_s = NOW_S - 1});
    assert_int_equal(judge(&late, trusting, c, &problem), TLS_FAULT_EXPIRED);
    assert_true(problem.of_server);
    assert_int_equal(problem.not_after_s, NOW_S - 1);
    assert_says(&problem, "of the server expired on 2027-01-15T07:59:59Z");
    assert_says(&problem, "clock of this computer says 2027-01-15T08:00:00Z");
    test_certificate_free(&late);
    /* A clock that stands at the beginning of time, as of a board without a battery. */
    c.now_s = 86400;
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_NOT_YET_VALID);
    assert_int_equal(problem.not_before_s, NOW_S - DAY_S);
    assert_false(problem.of_server); /* the root's is looked at first */
    assert_says(&problem, "not valid before 2027-01-14T08:00:00Z");
    assert_says(&problem, "says 1970-01-02T00:00:00Z");
}

static void a_wrong_name_is_told_with_the_right_ones(void **state)
{
    (void)state;
    struct test_certificate c;
    static struct tls_peer_problem problem;
    assert_int_equal(judge(&good, trusting, to("two.example"), &problem), TLS_FAULT_WRONG_NAME);
    assert_int_equal(problem.names.count, 2);
    assert_string_equal(problem.names.text[1], "*.wild.example");
    assert_says(&problem, "not for two.example but for one.example, *.wild.example");
    make(&c, (struct test_certificate_spec){
                 .common_name = "one.example",
                 .names = "DNS:a,DNS:b,DNS:c,DNS:d,DNS:e,DNS:f,DNS:g,DNS:h,DNS:i,DNS:j,email:x@y.z",
                 .issuer = &root});
    assert_int_equal(judge(&c, trusting, to("one.example"), &problem), TLS_FAULT_WRONG_NAME);
    assert_int_equal(problem.names.count, TLS_NAMES_MAX);
    assert_int_equal(problem.names.more, 2);
    assert_says(&problem, "g, h and 2 more");
    test_certificate_free(&c);
    make(&c, (struct test_certificate_spec){.common_name = "one.example", .issuer = &root});
    assert_int_equal(judge(&c, trusting, to("one.example"), &problem), TLS_FAULT_WRONG_NAME);
    assert_says(&problem, "no name at all");
    test_certificate_free(&c);
    assert_int_equal(judge(&good, trusting, to(""), &problem), TLS_FAULT_WRONG_NAME);
}

static void V72_hostile_names_are_escaped_and_cut(void **state)
{
    (void)state;
    static const char hostile[] = "a\0one.example\x1b]0;x\x07\xe2\x80\xae\\\n";
    static char lengthy[1000];
    struct test_certificate c;
    static struct tls_peer_problem problem;
    make(&c, (struct test_certificate_spec){.common_name = "x",
                                            .raw_name = slice_of(hostile, sizeof(hostile) - 1),
                                            .issuer = &root});
    assert_int_equal(judge(&c, trusting, to("one.example"), &problem), TLS_FAULT_WRONG_NAME);
    assert_string_equal(problem.names.text[0],
                        "a\\x00one.example\\x1b]0;x\\x07\\xe2\\x80\\xae\\x5c\\x0a");
    assert_says(&problem, "a\\x00one.example");
    test_certificate_free(&c);
    for (size_t len = 100; len < 160; len++) {
        memset(lengthy, 'x', sizeof(lengthy));
        lengthy[len - 1] = '\x01';
        make(&c, (struct test_certificate_spec){
                     .common_name = "x", .raw_name = slice_of(lengthy, len), .issuer = &root});
        judge(&c, trusting, to("one.example"), &problem);
        size_t shown = strlen(problem.names.text[0]);
        assert_int_equal(shown < TLS_NAME_BYTES, 1);
        assert_string_equal(problem.names.text[0] + shown - 3, len + 3 < 128 ? "x01" : "...");
        assert_true(len + 3 >= 128 || shown == len + 3);
        assert_true(len + 3 < 128 || shown >= TLS_NAME_BYTES - 7);
        test_certificate_free(&c);
    }
}

static void names_count_as_the_rfcs_say(void **state)
{
    (void)state;
    static const struct {
        const char *names, *host, *domain;
        bool fine;
    } table[] = {
        {"DNS:*.wild.example", "a.wild.example", "", true},
        {"DNS:*.wild.example", "b.a.wild.example", "", false},
        {"DNS:*.wild.example", "wild.example", "", false},
        {"DNS:a*.wild.example", "ab.wild.example", "", false},
        {"DNS:ONE.Example", "one.example", "", true},
        {"otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-client.one.example", "one.example", "", true},
        {"otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.one.example", "one.example", "",
         false},
        {"otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_imap.one.example", "one.example", "", false},
        {"otherName:1.3.6.1.5.5.7.8.5;UTF8:one.example", "one.example", "", true},
        {"otherName:1.3.6.1.5.5.7.8.5;UTF8:\xfc.example", "xn--tda.example", "\xc3\xbc.example",
         true},
        {"otherName:1.3.6.1.5.5.7.8.5;UTF8:xn--tda.example", "xn--tda.example", "\xc3\xbc.example",
         true},
        {"DNS:xn--tda.example", "xn--tda.example", "\xc3\xbc.example", true},
        {"DNS:other.example", "xn--tda.example", "\xc3\xbc.example", false},
        {"email:one.example@one.example", "one.example", "", false},
        {"URI:xmpp:one.example", "one.example", "", false},
        {"IP:192.0.2.7", "192.0.2.7", "", true},
        {"IP:192.0.2.7", "192.0.2.8", "", false},
        {"DNS:192.0.2.9", "192.0.2.9", "", true},
        {"IP:2001:db8::7", "[2001:db8::7]", "", true},
        {"IP:2001:db8::7", "2001:db8:0::7", "", true},
        {"IP:2001:db8::7", "2001:db8::8", "", false},
    };
    static struct tls_peer_problem problem;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct test_certificate c;
        make(&c, (struct test_certificate_spec){
                     .common_name = table[i].host, .names = table[i].names, .issuer = &root});
        struct tls_connect connect = to(table[i].host);
        connect.domain = slice_z(table[i].domain);
        enum tls_fault fault = judge(&c, trusting, connect, &problem);
        if (fault != (table[i].fine ? TLS_FAULT_NONE : TLS_FAULT_WRONG_NAME))
            fail_msg("%s for %s: %d", table[i].names, table[i].host, (int)fault);
        test_certificate_free(&c);
    }
}

static void pins_alone_decide(void **state)
{
    (void)state;
    struct test_certificate bad;
    static struct tls_peer_problem problem;
    uint8_t pins[3][32] = {{1}, {2}, {3}};
    make(&bad, (struct test_certificate_spec){.common_name = "x",
                                              .names = "DNS:elsewhere.example",
                                              .from_s = NOW_S - 2 * DAY_S,
                                              .to_s = NOW_S - DAY_S});
    struct tls_connect c = to("one.example");
    c.pins = (const uint8_t(*)[32])pins;
    c.pin_count = 3;
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_PIN);
    memcpy(pins[2], problem.pin, 32);
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_NONE);
    assert_int_equal(judge(&good, trusting_nobody, c, &problem), TLS_FAULT_NONE);
    assert_int_equal(judge(&bad, trusting, c, &problem), TLS_FAULT_PIN);
    char text[TLS_PIN_TEXT_BYTES];
    tls_pin_text(problem.pin, text);
    assert_says(&problem, text);
    memcpy(pins[0], problem.pin, 32);
    assert_int_equal(judge(&bad, trusting, c, &problem), TLS_FAULT_NONE);
    pins[0][31] ^= 1;
    c.insecure = true; /* is no way around a pin */
    struct pair p = pair_with(&bad);
    begin(&p, trusting, c);
    talk(&p, SIZE_MAX);
    assert_int_equal(state_of(&p), WIRE_FAILED);
    assert_string_equal(p.client->ops->reason(p.client), "bad_certificate");
    pair_free(&p);
    test_certificate_free(&bad);
}

static void insecure_goes_on_and_still_knows_what_was_wrong(void **state)
{
    (void)state;
    static struct tls_peer_problem problem;
    struct tls_connect c = to("two.example");
    c.insecure = true;
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_WRONG_NAME);
    assert_int_equal(judge(&good, trusting_nobody, c, &problem), TLS_FAULT_UNTRUSTED);
    c.host = SLICE("one.example");
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_NONE);
}

static void weak_keys_are_refused(void **state)
{
    (void)state;
    struct test_certificate c;
    static struct tls_peer_problem problem;
    make(&c,
         (struct test_certificate_spec){
             .common_name = "x", .names = "DNS:one.example", .issuer = &root, .rsa_bits = 1024});
    assert_int_equal(judge(&c, trusting, to("one.example"), &problem), TLS_FAULT_WEAK);
    assert_says(&problem, "too weak");
    test_certificate_free(&c);
    make(&c, (struct test_certificate_spec){.common_name = "x",
                                            .names = "DNS:one.example",
                                            .issuer = &root,
                                            .digest = EVP_sha1()});
    assert_int_equal(judge(&c, trusting, to("one.example"), &problem), TLS_FAULT_WEAK);
    test_certificate_free(&c);
    /* One that may sign others is none for a server. */
    make(&c, (struct test_certificate_spec){
                 .common_name = "x", .names = "DNS:one.example", .issuer = &good});
    struct pair p = pair_with(&c);
    assert_int_equal(SSL_CTX_add1_chain_cert(p.ctx, good.x), 1);
    assert_int_equal(SSL_CTX_add1_chain_cert(p.ctx, authority.x), 1);
    begin(&p, trusting, to("one.example"));
    talk(&p, SIZE_MAX);
    tls_peer_problem(p.client, &problem);
    assert_int_equal(problem.fault, TLS_FAULT_CERTIFICATE);
    assert_says(&problem, "invalid CA certificate");
    pair_free(&p);
    test_certificate_free(&c);
}

static void the_reason_is_the_same_in_pieces_of_every_size(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 1000};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        static struct tls_peer_problem problem;
        struct pair p = pair_with(&good);
        begin(&p, trusting, to("two.example"));
        talk(&p, pieces[i]);
        tls_peer_problem(p.client, &problem);
        assert_int_equal(problem.fault, TLS_FAULT_WRONG_NAME);
        assert_string_equal(p.client->ops->reason(p.client), "bad_certificate");
        pair_free(&p);
    }
}

static void the_facts_are_known_also_when_the_server_is_refused(void **state)
{
    (void)state;
    static struct tls_peer_facts facts;
    struct test_certificate c;
    struct pair p = pair_with(&good);
    begin(&p, trusting, to("two.example"));
    tls_peer_facts(p.client, &facts);
    assert_string_equal(facts.version, "");
    assert_int_equal(facts.chain_len, 0);
    talk(&p, SIZE_MAX);
    tls_peer_facts(p.client, &facts);
    assert_int_equal(state_of(&p), WIRE_FAILED);
    assert_string_equal(facts.version, "TLSv1.3");
    assert_string_equal(facts.cipher, "TLS_AES_128_GCM_SHA256");
    assert_int_equal(facts.chain_len, 2);
    assert_string_equal(facts.subject, "CN=cn.example");
    assert_string_equal(facts.issuer, "CN=Test Authority");
    assert_int_equal(facts.names.count, 2);
    assert_int_equal(facts.not_before_s, NOW_S - DAY_S);
    assert_int_equal(facts.not_after_s, NOW_S + DAY_S);
    assert_false(facts.self_signed);
    assert_false(facts.asks_certificate);
    assert_string_equal(facts.key_type, "EC");
    assert_int_equal(facts.key_bits, 256);
    pair_free(&p);
    make(&c, (struct test_certificate_spec){.common_name = "x", .rsa_bits = 2048});
    p = pair_with(&c);
    begin(&p, trusting, to("one.example"));
    talk(&p, SIZE_MAX);
    tls_peer_facts(p.client, &facts);
    assert_string_equal(facts.key_type, "RSA");
    assert_int_equal(facts.key_bits, 2048);
    assert_true(facts.self_signed);
    pair_free(&p);
    test_certificate_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_to_an_anchor_is_taken_in_every_version),
        cmocka_unit_test(anchors_that_cannot_be_read_are_passed_over),
        cmocka_unit_test(C04_an_unknown_issuer_is_named),
        cmocka_unit_test(a_certificate_signed_by_itself_comes_with_its_pin),
        cmocka_unit_test(pins_are_read_strictly),
        cmocka_unit_test(C15_wrong_dates_are_told_with_both_times),
        cmocka_unit_test(a_wrong_name_is_told_with_the_right_ones),
        cmocka_unit_test(V72_hostile_names_are_escaped_and_cut),
        cmocka_unit_test(names_count_as_the_rfcs_say),
        cmocka_unit_test(pins_alone_decide),
        cmocka_unit_test(insecure_goes_on_and_still_knows_what_was_wrong),
        cmocka_unit_test(weak_keys_are_refused),
        cmocka_unit_test(the_reason_is_the_same_in_pieces_of_every_size),
        cmocka_unit_test(the_facts_are_known_also_when_the_server_is_refused),
    };
    return cmocka_run_group_tests(tests, pair_set_up, pair_tear_down);
}
