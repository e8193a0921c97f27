/* Clients of ours against servers of plain OpenSSL, for tests. */
#include "wire/test_pair.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/err.h"

const struct now now = {.mono_ms = 1000};

struct test_certificate root, authority, good, stranger, own;
struct tls_context *trusting, *trusting_nobody, *showing;

void make(struct test_certificate *out, struct test_certificate_spec spec)
{
    if (spec.to_s == 0) {
        spec.from_s = NOW_S - DAY_S;
        spec.to_s = NOW_S + DAY_S;
    }
    test_certificate_make(out, &spec);
}

struct tls_context *trust_in(const struct test_certificate *anchor,
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

int pair_set_up(void **state)
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

int pair_tear_down(void **state)
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

struct pair pair_with(const struct test_certificate *c)
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

void begin(struct pair *p, struct tls_context *ctx, struct tls_connect c)
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
void talk(struct pair *p, size_t piece)
{
    char *data, scratch[64];
    long n;
    do {
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

void pair_free(struct pair *p)
{
    SSL_free(p->server);
    SSL_CTX_free(p->ctx);
    wire_free(&p->client);
    buf_free(&p->up);
    buf_free(&p->down);
}

enum wire_state state_of(const struct pair *p)
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
void assert_says(const struct tls_peer_problem *p, const char *what)
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
enum tls_fault judge(const struct test_certificate *c, struct tls_context *ctx,
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

struct tls_connect to(const char *host)
{
    return (struct tls_connect){.host = slice_z(host)};
}
