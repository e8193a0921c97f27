/* A client's handshake with servers that do what ours never would: old versions, other protocols,
 * alerts, no TLS at all; its own certificate, its hello, its channel bindings. */
#include "wire/test_pair.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/err.h"

static int take_any(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static struct pair pair_that_asks(int version)
{
    struct pair p = pair_with(&good);
    SSL_CTX_set_max_proto_version(p.ctx, version);
    SSL_CTX_set_verify(p.ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(p.ctx, take_any, NULL);
    return p;
}

static void a_certificate_of_ours_is_shown_to_a_server_that_asks(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        static struct tls_peer_facts facts;
        static struct tls_peer_problem problem;
        struct pair p = pair_that_asks(version);
        begin(&p, showing, to("one.example"));
        talk(&p, 100);
        assert_int_equal(state_of(&p), WIRE_OPEN);
        X509 *seen = SSL_get0_peer_certificate(p.server);
        assert_non_null(seen);
        assert_int_equal(X509_cmp(seen, own.x), 0);
        tls_peer_facts(p.client, &facts);
        assert_true(facts.asks_certificate);
        pair_free(&p);
        /* Without one: told so, in TLS 1.3 only after our side of the handshake. */
        p = pair_that_asks(version);
        begin(&p, trusting, to("one.example"));
        talk(&p, SIZE_MAX);
        assert_int_equal(state_of(&p), WIRE_FAILED);
        tls_peer_problem(p.client, &problem);
        if (version == TLS1_3_VERSION) {
            assert_int_equal(problem.fault, TLS_FAULT_OWN_CERTIFICATE);
            assert_says(&problem, "peer_certificate_required");
        } else {
            assert_int_equal(problem.fault, TLS_FAULT_HANDSHAKE);
            assert_says(&problem, "peer_handshake_failure");
        }
        pair_free(&p);
        /* A server that does not ask sees none. */
        p = pair_with(&good);
        begin(&p, showing, to("one.example"));
        talk(&p, SIZE_MAX);
        assert_int_equal(state_of(&p), WIRE_OPEN);
        assert_null(SSL_get0_peer_certificate(p.server));
        pair_free(&p);
    }
}

/* A client that got in as its only answer; byte by byte when so wanted. */
static void answer(struct slice in, bool bytewise, struct tls_peer_problem *out)
{
    struct pair p = pair_with(&good);
    begin(&p, trusting, to("one.example"));
    size_t hello = buf_len(&p.down);
    for (size_t at = 0; at < in.len; at += bytewise ? 1 : in.len)
        p.client->ops->feed(p.client, slice_of(in.ptr + at, bytewise ? 1 : in.len), &p.up, &p.down,
                            now);
    tls_peer_problem(p.client, out);
    assert_int_equal(p.up.end, 0);
    assert_in_range(buf_len(&p.down) - hello, 0, 7); /* an alert at most */
    assert_int_equal(p.client->ops->send(p.client, SLICE("secret"), &p.down), ERR_CLOSED);
    pair_free(&p);
}

static void C04_an_answer_that_is_no_TLS_is_told_apart(void **state)
{
    (void)state;
    static struct tls_peer_problem problem;
    static const struct {
        struct slice answer;
        const char *detail, *says;
    } table[] = {
        {{"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", 48}, "http", "web page"},
        {{"HTTP/1.0 400 Bad Request\r\n\r\n", 28}, "http", "login in the browser"},
        {{"<?xml version='1.0'?><stream:stream>", 36}, "xmpp", "without TLS"},
        {{"<stream:stream>", 15}, "xmpp", "STARTTLS"},
        {{"SSH-2.0-OpenSSH_9.2\r\n", 21}, "unknown", "something else"},
        {{"220 mail.example ESMTP\r\n", 24}, "unknown", "not TLS"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (int bytewise = 0; bytewise < 2; bytewise++) {
            answer(table[i].answer, bytewise, &problem);
            assert_int_equal(problem.fault, TLS_FAULT_NOT_TLS);
            assert_string_equal(problem.detail, table[i].detail);
            assert_says(&problem, table[i].says);
        }
    }
    answer(SLICE("HTTP"), false, &problem);
    assert_int_equal(problem.fault, TLS_FAULT_UNFINISHED);
    assert_says(&problem, "in the middle");
    /* Garbage behind a beginning in TLS is another matter. */
    answer(SLICE("\x15\x03\x03\x00\x02\x01\x70HTTP/1.1 200 OK\r\n\r\n"), false, &problem);
    assert_int_equal(problem.fault, TLS_FAULT_HANDSHAKE);
}

static void alerts_have_their_meaning(void **state)
{
    (void)state;
    static struct tls_peer_problem problem;
    static const struct {
        char alert;
        enum tls_fault fault;
        const char *says;
    } table[] = {
        {40, TLS_FAULT_HANDSHAKE, "TLS failed: peer_handshake_failure"},
        {42, TLS_FAULT_OWN_CERTIFICATE, "peer_bad_certificate"},
        {48, TLS_FAULT_OWN_CERTIFICATE, "peer_unknown_ca"},
        {70, TLS_FAULT_VERSION, "no version of TLS"},
        {71, TLS_FAULT_HANDSHAKE, "peer_insufficient_security"},
        {112, TLS_FAULT_HOST_UNKNOWN, "does not know the name one.example"},
        {116, TLS_FAULT_OWN_CERTIFICATE, "peer_certificate_required"},
        {120, TLS_FAULT_ALPN, "does not speak XMPP"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char record[] = {21, 3, 3, 0, 2, 2, table[i].alert};
        answer(slice_of(record, 7), i % 2 == 0, &problem);
        assert_int_equal(problem.fault, table[i].fault);
        assert_says(&problem, table[i].says);
    }
}

static void V31_V33_an_old_version_is_refused_and_can_be_looked_at(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *name;
    } table[] = {{TLS1_VERSION, "TLSv1"}, {TLS1_1_VERSION, "TLSv1.1"}};
    for (size_t i = 0; i < 2; i++) {
        static struct tls_peer_problem problem;
        static struct tls_peer_facts facts;
        struct tls_connect c = to("one.example");
        struct pair p = pair_with(&good);
        SSL_CTX_set_max_proto_version(p.ctx, table[i].version);
        begin(&p, trusting, c);
        talk(&p, SIZE_MAX);
        assert_int_equal(state_of(&p), WIRE_FAILED);
        tls_peer_problem(p.client, &problem);
        assert_int_equal(problem.fault, TLS_FAULT_VERSION);
        pair_free(&p);
        p = pair_with(&good);
        SSL_CTX_set_max_proto_version(p.ctx, table[i].version);
        c.version_min = c.version_max = (enum tls_protocol)table[i].version;
        begin(&p, trusting, c);
        talk(&p, 10);
        assert_int_equal(state_of(&p), WIRE_OPEN);
        tls_peer_facts(p.client, &facts);
        assert_string_equal(facts.version, table[i].name);
        assert_int_equal(p.client->ops->send(p.client, SLICE("secret"), &p.down), ERR_REFUSED);
        assert_int_equal(buf_len(&p.down), 0);
        pair_free(&p);
    }
}

static void the_bounds_of_the_version_are_kept(void **state)
{
    (void)state;
    static struct tls_peer_problem problem;
    static struct tls_peer_facts facts;
    struct tls_connect c = to("one.example");
    c.version_min = c.version_max = TLS_PROTOCOL_1_2;
    struct pair p = pair_with(&good);
    begin(&p, trusting, c);
    talk(&p, SIZE_MAX);
    tls_peer_facts(p.client, &facts);
    assert_string_equal(facts.version, "TLSv1.2");
    assert_int_equal(p.client->ops->send(p.client, SLICE("x"), &p.down), 0);
    pair_free(&p);
    p = pair_with(&good); /* the server wants 1.3 */
    SSL_CTX_set_min_proto_version(p.ctx, TLS1_3_VERSION);
    begin(&p, trusting, c);
    talk(&p, SIZE_MAX);
    tls_peer_problem(p.client, &problem);
    assert_int_equal(problem.fault, TLS_FAULT_VERSION);
    pair_free(&p);
    c.version_min = c.version_max = TLS_PROTOCOL_1_3;
    p = pair_with(&good);
    SSL_CTX_set_max_proto_version(p.ctx, TLS1_2_VERSION);
    begin(&p, trusting, c);
    talk(&p, SIZE_MAX);
    tls_peer_problem(p.client, &problem);
    assert_int_equal(problem.fault, TLS_FAULT_VERSION);
    pair_free(&p);
}

/* A server that speaks what it likes. */
static int choose_http(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl, (void)in, (void)in_len;
    *out = arg;
    *out_len = (unsigned char)strlen(arg);
    return SSL_TLSEXT_ERR_OK;
}

static int refuse_all(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                      const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl, (void)in, (void)in_len, (void)arg, (void)out, (void)out_len;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void the_protocol_is_the_one_that_was_asked_for(void **state)
{
    (void)state;
    static struct tls_peer_problem problem;
    struct tls_connect c = to("one.example");
    c.alpn = SLICE("xmpp-client");
    assert_int_equal(judge(&good, trusting, c, &problem), TLS_FAULT_NONE); /* knows no ALPN */
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (int i = 0; i < 2; i++) {
            struct pair p = pair_with(&good);
            SSL_CTX_set_max_proto_version(p.ctx, version);
            if (i == 0)
                SSL_CTX_set_alpn_select_cb(p.ctx, refuse_all, NULL);
            else
                SSL_CTX_set_alpn_select_cb(p.ctx, choose_http, (void *)(uintptr_t) "xmpp-cliens");
            begin(&p, trusting, c);
            talk(&p, SIZE_MAX);
            assert_int_equal(state_of(&p), WIRE_FAILED);
            tls_peer_problem(p.client, &problem);
            /* Newer OpenSSL takes an answer that was not offered for a broken message. */
            assert_true(problem.fault == TLS_FAULT_ALPN ||
                        (i == 1 && problem.fault == TLS_FAULT_HANDSHAKE));
            pair_free(&p);
        }
    }
}

static void the_name_is_sent_unless_it_is_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *host, *sent;
    } table[] = {{"one.example", "one.example"},
                 {"xn--tda.example", "xn--tda.example"},
                 {"192.0.2.7", NULL},
                 {"2001:db8::7", NULL},
                 {"[2001:db8::7]", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct tls_connect c = to(table[i].host);
        c.insecure = true;
        struct pair p = pair_with(&good);
        begin(&p, trusting, c);
        talk(&p, SIZE_MAX);
        const char *name = SSL_get_servername(p.server, TLSEXT_NAMETYPE_host_name);
        assert_int_equal(name != NULL, table[i].sent != NULL);
        if (name != NULL)
            assert_string_equal(name, table[i].sent);
        pair_free(&p);
    }
    char lengthy[TLS_HOST_MAX + 1];
    memset(lengthy, 'a', sizeof(lengthy));
    struct tls_connect c = {.host = slice_of(lengthy, sizeof(lengthy))};
    assert_null(tls_connect_new(trusting, &c));
    c.host = SLICE("one.example\0.evil.example");
    assert_null(tls_connect_new(trusting, &c));
    c.host = slice_of(lengthy, TLS_HOST_MAX);
    struct wire *w = tls_connect_new(trusting, &c);
    assert_non_null(w);
    wire_free(&w);
}

static void a_client_binds_to_its_channel(void **state)
{
    (void)state;
    struct test_certificate c;
    make(&c, (struct test_certificate_spec){.common_name = "x",
                                            .names = "DNS:one.example",
                                            .issuer = &root,
                                            .digest = EVP_sha384()});
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        uint8_t mine[64] = {0}, theirs[64] = {0};
        unsigned len;
        struct pair p = pair_with(&c);
        SSL_CTX_set_max_proto_version(p.ctx, version);
        begin(&p, trusting, to("one.example"));
        assert_false(tls_exporter(p.client, mine));
        assert_int_equal(tls_server_end_point(p.client, mine), 0);
        assert_int_equal(tls_unique(p.client, mine), 0);
        talk(&p, SIZE_MAX);
        assert_true(tls_exporter(p.client, mine));
        assert_int_equal(SSL_export_keying_material(p.server, theirs, 32,
                                                    "EXPORTER-Channel-Binding", 24,
                                                    (const unsigned char *)"", 0, 1),
                         1);
        assert_memory_equal(mine, theirs, 32);
        assert_int_equal(tls_server_end_point(p.client, mine), 48); /* SHA-384 as its signature */
        assert_int_equal(X509_digest(c.x, EVP_sha384(), theirs, &len), 1);
        assert_memory_equal(mine, theirs, 48);
        size_t n = tls_unique(p.client, mine);
        assert_int_equal(n, SSL_get_peer_finished(p.server, theirs, 64));
        assert_memory_equal(mine, theirs, n);
        pair_free(&p);
    }
    test_certificate_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_of_ours_is_shown_to_a_server_that_asks),
        cmocka_unit_test(C04_an_answer_that_is_no_TLS_is_told_apart),
        cmocka_unit_test(alerts_have_their_meaning),
        cmocka_unit_test(V31_V33_an_old_version_is_refused_and_can_be_looked_at),
        cmocka_unit_test(the_bounds_of_the_version_are_kept),
        cmocka_unit_test(the_protocol_is_the_one_that_was_asked_for),
        cmocka_unit_test(the_name_is_sent_unless_it_is_an_address),
        cmocka_unit_test(a_client_binds_to_its_channel),
    };
    return cmocka_run_group_tests(tests, pair_set_up, pair_tear_down);
}
