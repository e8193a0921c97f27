/* A client's TLS against servers of OpenSSL's own, which do what ours never would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/err.h"
#include "wire/test_certificate.h"
#include "wire/tls_client.h"
#include "wire/tls_inside.h"

static const int64_t NOW_S = 1800000000, DAY_S = 86400;
static const struct now now = {.mono_ms = 1000};

/* root signs authority, authority signs good; stranger is another root. */
static struct test_certificate root, authority, good, stranger, own;
static struct tls_context *trusting, *trusting_nobody, *showing;

static void make(struct test_certificate *out, struct test_certificate_spec spec)
{
    if (spec.to_s == 0) {
        spec.from_s = NOW_S - DAY_S;
        spec.to_s = NOW_S + DAY_S;
    }
    test_certificate_make(out, &spec);
}

static struct tls_context *trust_in(const struct test_certificate *anchor,
                                    const struct test_certificate *shown)
{
    enum tls_problem problem;
    struct tls_trust trust = {0};
    if (anchor != NULL)
        trust.anchors_pem = buf_slice(&anchor->chain_pem);
    if (shown != NULL) {
        trust.chain_pem = buf_slice(&shown->chain_pem);
        trust.key_pem = buf_slice(&shown->key_pem);
    }
    struct tls_context *ctx = tls_context_client(&trust, &problem);
    assert_int_equal(problem, TLS_FINE);
    return ctx;
}

static int set_up(void **state)
{
    (void)state;
    make(&root, (struct test_certificate_spec){.common_name = "Test Root", .authority = true});
    make(&stranger, (struct test_certificate_spec){.common_name = "Other \x1b[31mRoot \xc3\xbc",
                                                   .authority = true});
    make(&authority, (struct test_certificate_spec){
                         .common_name = "Test Authority", .authority = true, .issuer = &root});
    make(&good, (struct test_certificate_spec){.common_name = "cn.example",
                                               .names = "DNS:one.example,DNS:*.wild.example",
                                               .issuer = &authority});
    make(&own, (struct test_certificate_spec){.common_name = "alice",
                                              .names = "otherName:1.3.6.1.5.5.7.8.5;UTF8:alice@x",
                                              .issuer = &root});
    trusting = trust_in(&root, NULL);
    showing = trust_in(&root, &own);
    trusting_nobody = trust_in(NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct test_certificate *all[] = {&root, &authority, &good, &stranger, &own};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        test_certificate_free(all[i]);
    tls_context_unref(&trusting);
    tls_context_unref(&showing);
    tls_context_unref(&trusting_nobody);
    return 0;
}

/* A connection between our client and a server of plain OpenSSL. */
struct pair {
    SSL_CTX *ctx;
    SSL *server;
    BIO *in, *out; /* of the server */
    struct wire *client;
    struct buf up, down;
    size_t sent; /* by the client */
};

static struct pair pair_with(const struct test_certificate *c)
{
    struct pair p = {.ctx = SSL_CTX_new(TLS_server_method())};
    SSL_CTX_set_security_level(p.ctx, 0);
    SSL_CTX_set_min_proto_version(p.ctx, TLS1_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(p.ctx, "ALL:@SECLEVEL=0"), 1);
    assert_int_equal(SSL_CTX_use_certificate(p.ctx, c->x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(p.ctx, c->key), 1);
    if (X509_NAME_cmp(X509_get_issuer_name(c->x), X509_get_subject_name(authority.x)) == 0)
        assert_int_equal(SSL_CTX_add1_chain_cert(p.ctx, authority.x), 1);
    return p;
}

static void begin(struct pair *p, struct tls_context *ctx, struct tls_connect c)
{
    if (c.now_s == 0)
        c.now_s = NOW_S;
    p->server = SSL_new(p->ctx);
    p->in = BIO_new(BIO_s_mem());
    p->out = BIO_new(BIO_s_mem());
    SSL_set_bio(p->server, p->in, p->out);
    SSL_set_accept_state(p->server);
    p->client = tls_connect_new(ctx, &c);
    assert_non_null(p->client);
    p->client->ops->feed(p->client, SLICE_NONE, &p->up, &p->down, now);
}

/* Lets both talk until they are silent; the server's bytes come in pieces. */
static void talk(struct pair *p, size_t piece)
{
    char *data, scratch[64];
    long n;
    do {
        p->sent += buf_len(&p->down);
        if (buf_len(&p->down) > 0)
            BIO_write(p->in, buf_slice(&p->down).ptr, (int)buf_len(&p->down));
        buf_clear(&p->down);
        if (SSL_do_handshake(p->server) == 1)
            (void)SSL_read(p->server, scratch, sizeof(scratch));
        n = BIO_get_mem_data(p->out, &data);
        for (size_t at = 0; at < (size_t)n; at += piece) {
            size_t len = (size_t)n - at < piece ? (size_t)n - at : piece;
            p->client->ops->feed(p->client, slice_of(data + at, len), &p->up, &p->down, now);
        }
        (void)BIO_reset(p->out);
    } while (n > 0 || buf_len(&p->down) > 0);
    ERR_clear_error();
}

static void pair_free(struct pair *p)
{
    SSL_free(p->server);
    SSL_CTX_free(p->ctx);
    wire_free(&p->client);
    buf_free(&p->up);
    buf_free(&p->down);
}

static enum wire_state state_of(const struct pair *p)
{
    return p->client->ops->state(p->client);
}

static void assert_printable(struct slice text)
{
    size_t odd = 0;
    for (size_t i = 0; i < text.len; i++)
        odd += text.ptr[i] < 0x20 || text.ptr[i] == 0x7f;
    assert_int_equal(odd, 0);
}

/* The sentence holds what. */
static void assert_says(const struct tls_peer_problem *p, const char *what)
{
    struct buf text = {0};
    assert_int_equal(tls_problem_text(p, &text), 0);
    assert_printable(buf_slice(&text));
    assert_in_range(buf_len(&text), 10, 2048);
    buf_byte(&text, '\0');
    if (strstr(text.ptr, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text.ptr, what);
    buf_free(&text);
}

/* A handshake with a server that shows c; what is wrong with it. */
static enum tls_fault judge(const struct test_certificate *c, struct tls_context *ctx,
                            struct tls_connect connect, struct tls_peer_problem *out)
{
    struct pair p = pair_with(c);
    begin(&p, ctx, connect);
    talk(&p, SIZE_MAX);
    tls_peer_problem(p.client, out);
    assert_int_equal(p.up.end, 0);
    if (out->fault != TLS_FAULT_NONE && !connect.insecure) {
        assert_int_equal(state_of(&p), WIRE_FAILED);
        assert_true(p.client->ops->reason(p.client)[0] != '\0');
        assert_int_equal(p.client->ops->send(p.client, SLICE("secret"), &p.down), ERR_CLOSED);
    } else {
        assert_int_equal(state_of(&p), WIRE_OPEN);
    }
    pair_free(&p);
    return out->fault;
}

static struct tls_connect to(const char *host)
{
    return (struct tls_connect){.host = slice_z(host)};
}

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
        cmocka_unit_test(a_certificate_of_ours_is_shown_to_a_server_that_asks),
        cmocka_unit_test(C04_an_answer_that_is_no_TLS_is_told_apart),
        cmocka_unit_test(alerts_have_their_meaning),
        cmocka_unit_test(V31_V33_an_old_version_is_refused_and_can_be_looked_at),
        cmocka_unit_test(the_bounds_of_the_version_are_kept),
        cmocka_unit_test(the_protocol_is_the_one_that_was_asked_for),
        cmocka_unit_test(the_name_is_sent_unless_it_is_an_address),
        cmocka_unit_test(a_client_binds_to_its_channel),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
