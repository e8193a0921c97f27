/* TLS wires against each other and against plain OpenSSL, in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/err.h"
#include "wire/tls_client.h"
#include "wire/tls_inside.h"

static const int64_t NOW_S = 1800000000;
static struct now now = {.mono_ms = 1000};

/* Two hosts, each with a certificate of its own making that clients trust. */
static struct pair_of {
    struct buf chain, key;
    struct tls_context *server, *client;
} one, two;

static struct tls_context *blind; /* a client that verifies nobody */

static void make_host(struct pair_of *h, struct slice host, int64_t at_s)
{
    enum tls_problem problem;
    assert_int_equal(tls_make_certificate(&host, 1, at_s, &h->chain, &h->key), 0);
    h->server = tls_context_server(buf_slice(&h->chain), buf_slice(&h->key), &problem);
    assert_int_equal(problem, TLS_FINE);
    h->client =
        tls_context_client(&(struct tls_trust){.anchors_pem = buf_slice(&h->chain)}, &problem);
    assert_int_equal(problem, TLS_FINE);
}

static void free_host(struct pair_of *h)
{
    tls_context_unref(&h->server);
    tls_context_unref(&h->client);
    buf_free(&h->chain);
    buf_free(&h->key);
}

static int set_up(void **state)
{
    (void)state;
    enum tls_problem problem;
    make_host(&one, SLICE("one.example"), NOW_S);
    make_host(&two, SLICE("two.example"), NOW_S);
    blind = tls_context_client(&(struct tls_trust){0}, &problem);
    return blind == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free_host(&one);
    free_host(&two);
    tls_context_unref(&blind);
    return 0;
}

static struct tls_context *choose(void *ctx, struct slice name)
{
    *(int *)ctx += 1;
    if (name.len == 0 || slice_is(name, "one.example"))
        return one.server;
    return slice_is(name, "two.example") ? two.server : NULL;
}

/* Both ends and what is on its way between them. */
struct link {
    struct wire *server, *client;
    struct buf to_server, to_client; /* bytes on the way */
    struct buf server_up, client_up; /* what has come out */
};

static struct link link_new(struct tls_context *client_ctx, struct slice host, struct slice alpn,
                            struct slice server_alpn)
{
    struct link l = {0};
    struct tls_accept accept = {NULL, NULL, server_alpn};
    l.server = tls_accept_new(&accept, one.server);
    const struct tls_connect c = {
        .host = host, .alpn = alpn, .now_s = NOW_S, .insecure = client_ctx == blind};
    l.client = tls_connect_new(client_ctx, &c);
    assert_non_null(l.server);
    assert_non_null(l.client);
    return l;
}

static enum wire_state feed(struct wire *w, struct slice in, struct buf *up, struct buf *down)
{
    enum wire_state state = w->ops->feed(w, in, up, down, now);
    assert_int_equal(state, w->ops->state(w));
    return state;
}

/* Moves up to `piece` bytes into w; false when none are there. */
static bool step(struct wire *w, struct buf *from, size_t piece, struct buf *up, struct buf *down)
{
    size_t n = buf_len(from) < piece ? buf_len(from) : piece;
    if (n == 0)
        return false;
    feed(w, slice_of(buf_slice(from).ptr, n), up, down);
    buf_consume(from, n);
    return true;
}

/* Lets bytes flow in pieces until all is quiet. */
static void flow(struct link *l, size_t piece)
{
    bool moved;
    do {
        moved = step(l->server, &l->to_server, piece, &l->server_up, &l->to_client);
        moved |= step(l->client, &l->to_client, piece, &l->client_up, &l->to_server);
    } while (moved);
}

static void start(struct link *l, size_t piece)
{
    feed(l->client, SLICE_NONE, &l->client_up, &l->to_server);
    flow(l, piece);
}

static void link_free(struct link *l)
{
    wire_free(&l->server);
    wire_free(&l->client);
    buf_free(&l->to_server);
    buf_free(&l->to_client);
    buf_free(&l->server_up);
    buf_free(&l->client_up);
}

static struct link link_open(void)
{
    struct link l = link_new(one.client, SLICE("one.example"), SLICE_NONE, SLICE_NONE);
    start(&l, SIZE_MAX);
    assert_int_equal(l.server->ops->state(l.server), WIRE_OPEN);
    assert_int_equal(l.client->ops->state(l.client), WIRE_OPEN);
    return l;
}

static enum wire_state server_state(const struct link *l)
{
    return l->server->ops->state(l->server);
}

static enum wire_state client_state(const struct link *l)
{
    return l->client->ops->state(l->client);
}

static const char *server_reason(const struct link *l)
{
    return l->server->ops->reason(l->server);
}

static const char *client_reason(const struct link *l)
{
    return l->client->ops->reason(l->client);
}

static void say(struct wire *w, struct slice text, struct buf *down)
{
    assert_int_equal(w->ops->send(w, text, down), 0);
}

static void both_ends_talk_in_pieces_of_every_size(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 4, 5, 6, 7, 21, 22, 64, 255, 1000, 1460, SIZE_MAX};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct link l = link_new(one.client, SLICE("one.example"), SLICE_NONE, SLICE_NONE);
        start(&l, pieces[i]);
        assert_int_equal(server_state(&l), WIRE_OPEN);
        assert_int_equal(client_state(&l), WIRE_OPEN);
        assert_string_equal(tls_version(l.server), "TLSv1.3");
        assert_string_equal(tls_cipher(l.server), "TLS_AES_128_GCM_SHA256");
        say(l.client, SLICE("<stream"), &l.to_server);
        say(l.client, SLICE(":stream>"), &l.to_server);
        say(l.server, SLICE("<features/>"), &l.to_client);
        flow(&l, pieces[i]);
        assert_true(slice_is(buf_slice(&l.server_up), "<stream:stream>"));
        assert_true(slice_is(buf_slice(&l.client_up), "<features/>"));
        link_free(&l);
    }
}

static void a_handshake_survives_a_cut_at_every_byte(void **state)
{
    (void)state;
    struct link l = link_new(one.client, SLICE("one.example"), SLICE_NONE, SLICE_NONE);
    feed(l.client, SLICE_NONE, &l.client_up, &l.to_server);
    size_t hello = buf_len(&l.to_server);
    link_free(&l);
    assert_in_range(hello, 100, 2000);
    for (size_t cut = 1; cut < hello; cut++) {
        l = link_new(one.client, SLICE("one.example"), SLICE_NONE, SLICE_NONE);
        feed(l.client, SLICE_NONE, &l.client_up, &l.to_server);
        step(l.server, &l.to_server, cut, &l.server_up, &l.to_client);
        flow(&l, SIZE_MAX);
        say(l.client, SLICE("0123456789"), &l.to_server);
        step(l.server, &l.to_server, 1 + cut % 31, &l.server_up, &l.to_client);
        flow(&l, SIZE_MAX);
        assert_true(slice_is(buf_slice(&l.server_up), "0123456789"));
        link_free(&l);
    }
}

static void several_records_and_a_part_come_in_one_slice(void **state)
{
    (void)state;
    struct link l = link_open();
    for (int i = 0; i < 5; i++)
        say(l.client, SLICE("abcdefghij"), &l.to_server);
    size_t all = buf_len(&l.to_server);
    step(l.server, &l.to_server, all - 3, &l.server_up, &l.to_client);
    assert_int_equal(buf_len(&l.server_up), 40);
    flow(&l, SIZE_MAX);
    assert_int_equal(buf_len(&l.server_up), 50);
    link_free(&l);
}

static void ten_megabytes_pass_in_both_directions_at_once(void **state)
{
    (void)state;
    struct link l = link_open();
    enum { CHUNK = 100000, CHUNKS = 105 };
    static char out[CHUNK];
    size_t from_client = 0, from_server = 0, wrong = 0;
    for (int i = 0; i < CHUNKS; i++) {
        for (size_t j = 0; j < CHUNK; j++)
            out[j] = (char)((size_t)i + j % 251);
        say(l.client, slice_of(out, CHUNK), &l.to_server);
        say(l.server, slice_of(out, CHUNK), &l.to_client);
        flow(&l, 30011);
        from_client += buf_len(&l.server_up);
        from_server += buf_len(&l.client_up);
        wrong += !slice_eq(buf_slice(&l.server_up), slice_of(out, CHUNK));
        wrong += !slice_eq(buf_slice(&l.client_up), slice_of(out, CHUNK));
        buf_clear(&l.server_up);
        buf_clear(&l.client_up);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(from_client, CHUNK * CHUNKS);
    assert_int_equal(from_server, CHUNK * CHUNKS);
    link_free(&l);
}

static void buffers_are_allocated_for_data_alone(void **state)
{
    (void)state;
    struct link l = link_open();
    assert_null(l.server_up.ptr); /* a whole handshake brought no data */
    assert_null(l.client_up.ptr);
    say(l.client, SLICE("x"), &l.to_server);
    buf_free(&l.to_client);
    flow(&l, 1);
    assert_int_equal(l.server_up.cap, 256); /* the smallest there is */
    assert_null(l.to_client.ptr);
    /* A part of a record is held while it is one, and its memory goes with it. */
    const struct tls *inside = tls_self(l.server);
    assert_null(inside->partial.ptr);
    say(l.client, SLICE("yz"), &l.to_server);
    step(l.server, &l.to_server, 7, &l.server_up, &l.to_client);
    assert_int_equal(buf_len(&inside->partial), 7);
    flow(&l, SIZE_MAX);
    assert_null(inside->partial.ptr);
    assert_null(inside->greeting);
    buf_free(&l.server_up);
    l.client->ops->end(l.client, &l.to_server);
    flow(&l, SIZE_MAX);
    assert_null(l.server_up.ptr); /* nor did the alert */
    link_free(&l);
}

static void a_key_is_changed_before_it_is_worn_out(void **state)
{
    (void)state;
    struct link l = link_open();
    say(l.server, SLICE("old"), &l.to_client);
    size_t plain = buf_len(&l.to_client);
    struct tls *inside = tls_self(l.server);
    inside->records = TLS_RECORDS_PER_KEY - 1;
    say(l.server, SLICE("new"), &l.to_client);
    assert_true(buf_len(&l.to_client) > 2 * plain); /* a KeyUpdate stands between them */
    size_t after = buf_len(&l.to_client);
    say(l.server, SLICE("key"), &l.to_client);
    assert_int_equal(buf_len(&l.to_client), after + plain);
    flow(&l, 1);
    assert_true(slice_is(buf_slice(&l.client_up), "oldnewkey"));
    assert_int_equal(inside->records, 1);
    link_free(&l);
}

static void an_end_in_order_is_seen_and_the_other_direction_goes_on(void **state)
{
    (void)state;
    struct link l = link_open();
    say(l.client, SLICE("</stream:stream>"), &l.to_server);
    l.client->ops->end(l.client, &l.to_server);
    assert_int_equal(l.client->ops->send(l.client, SLICE("x"), &l.to_server), ERR_CLOSED);
    flow(&l, SIZE_MAX);
    assert_int_equal(server_state(&l), WIRE_ENDED);
    assert_true(slice_is(buf_slice(&l.server_up), "</stream:stream>"));
    say(l.server, SLICE("</stream:stream>"), &l.to_client);
    l.server->ops->end(l.server, &l.to_client);
    l.server->ops->end(l.server, &l.to_client); /* once is enough */
    flow(&l, SIZE_MAX);
    assert_true(slice_is(buf_slice(&l.client_up), "</stream:stream>"));
    assert_int_equal(client_state(&l), WIRE_ENDED);
    assert_string_equal(server_reason(&l), "");
    /* What comes after the end is not looked at. */
    assert_int_equal(feed(l.server, SLICE("garbage"), &l.server_up, &l.to_client), WIRE_ENDED);
    link_free(&l);
}

/* The alert in a plaintext record, -1 for none. */
static int alert_in(const struct buf *b)
{
    struct slice s = buf_slice(b);
    return s.len == 7 && s.ptr[0] == 21 && s.ptr[5] == 2 ? (unsigned char)s.ptr[6] : -1;
}

static void A17_garbage_instead_of_a_hello_is_refused(void **state)
{
    (void)state;
    static const struct slice inputs[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"<?xml version='1.0'?><stream:stream>", 36},
        {"\x16\x02\x00\x00\x05hello", 10},
        {"\x16\x03\x01\xff\xff\x01\x02\x03", 8},              /* a record of 65,535 bytes */
        {"\x16\x03\x01\x48\x01\x01\x02\x03", 8},              /* one byte above 2^14 + 2048 */
        {"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11}, /* SSLv2 */
        {"\x17\x03\x03\x00\x05hello", 10},
        {"\x14\x03\x03\x00\x01\x01\x14\x03\x03\x00\x01\x01", 12},
        {"\0\0\0\0\0\0\0\0\0\0\0\0", 12},
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        for (size_t piece = 1; piece <= inputs[i].len; piece += inputs[i].len - 1) {
            struct link l = link_new(blind, SLICE("one.example"), SLICE_NONE, SLICE_NONE);
            buf_add(&l.to_server, inputs[i]);
            while (step(l.server, &l.to_server, piece, &l.server_up, &l.to_client))
                ;
            assert_int_equal(server_state(&l), WIRE_FAILED);
            assert_true(strlen(server_reason(&l)) > 3);
            assert_null(l.server_up.ptr);
            assert_true(buf_len(&l.to_client) == 0 || alert_in(&l.to_client) > 0);
            size_t said = buf_len(&l.to_client);
            feed(l.server, SLICE("more"), &l.server_up, &l.to_client);
            assert_int_equal(l.server->ops->send(l.server, SLICE("x"), &l.to_client), ERR_CLOSED);
            l.server->ops->end(l.server, &l.to_client);
            assert_int_equal(buf_len(&l.to_client), said);
            link_free(&l);
        }
    }
}

static void A17_a_broken_record_after_the_handshake_gets_its_alert(void **state)
{
    (void)state;
    struct link l = link_open();
    say(l.client, SLICE("hello"), &l.to_server);
    say(l.client, SLICE("never read"), &l.to_server);
    l.to_server.ptr[l.to_server.start + 7] ^= 1;
    flow(&l, SIZE_MAX);
    assert_int_equal(server_state(&l), WIRE_FAILED);
    assert_string_equal(server_reason(&l), "bad_record_mac");
    assert_int_equal(buf_len(&l.server_up), 0);
    assert_string_equal(client_reason(&l), "peer_bad_record_mac");
    link_free(&l);

    l = link_open();
    feed(l.server, SLICE("\x17\x03\x03\x48\x01xxxxxx"), &l.server_up, &l.to_client);
    assert_string_equal(server_reason(&l), "record_overflow");
    flow(&l, SIZE_MAX);
    assert_string_equal(client_reason(&l), "peer_record_overflow");
    link_free(&l);

    l = link_open();
    feed(l.server, SLICE("<presence/>"), &l.server_up, &l.to_client);
    assert_int_equal(server_state(&l), WIRE_FAILED);
    assert_true(buf_len(&l.to_client) > 0);
    link_free(&l);
}

static void A18_the_name_chooses_the_certificate(void **state)
{
    (void)state;
    struct link l = link_new(two.client, SLICE("two.example"), SLICE_NONE, SLICE_NONE);
    int chosen = 0;
    wire_free(&l.server);
    l.server = tls_accept_new(&(struct tls_accept){choose, &chosen, SLICE_NONE}, one.server);
    start(&l, SIZE_MAX);
    assert_int_equal(client_state(&l), WIRE_OPEN);
    assert_int_equal(chosen, 1);
    link_free(&l);
}

static void A18_an_unknown_name_is_told(void **state)
{
    (void)state;
    int chosen = 0;
    struct link l = link_new(blind, SLICE("three.example"), SLICE_NONE, SLICE_NONE);
    wire_free(&l.server);
    l.server = tls_accept_new(&(struct tls_accept){choose, &chosen, SLICE_NONE}, one.server);
    start(&l, SIZE_MAX);
    assert_string_equal(server_reason(&l), "unrecognized_name");
    assert_string_equal(client_reason(&l), "peer_unrecognized_name");
    link_free(&l);
}

static void a_client_without_a_name_gets_what_is_chosen_for_none(void **state)
{
    (void)state;
    int chosen = 0;
    struct link l = link_new(blind, SLICE_NONE, SLICE_NONE, SLICE_NONE);
    wire_free(&l.server);
    l.server = tls_accept_new(&(struct tls_accept){choose, &chosen, SLICE_NONE}, two.server);
    start(&l, SIZE_MAX);
    assert_int_equal(server_state(&l), WIRE_OPEN);
    assert_int_equal(chosen, 1);
    link_free(&l);
}

static void A18_the_protocol_of_direct_tls_is_agreed_on(void **state)
{
    (void)state;
    static const struct {
        struct slice server, client;
        const char *reason;
    } table[] = {
        {{"xmpp-client", 11}, {"xmpp-client", 11}, ""},
        {{"xmpp-client", 11}, {NULL, 0}, ""},
        {{NULL, 0}, {"http/1.1", 8}, ""},
        {{"xmpp-client", 11}, {"xmpp-server", 11}, "no_application_protocol"},
        {{"xmpp-client", 11}, {"http/1.1", 8}, "no_application_protocol"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct link l =
            link_new(one.client, SLICE("one.example"), table[i].client, table[i].server);
        wire_free(&l.server);
        l.server = tls_accept_new(&(struct tls_accept){NULL, NULL, table[i].server}, one.server);
        start(&l, SIZE_MAX);
        bool fine = table[i].reason[0] == '\0';
        assert_string_equal(server_reason(&l), table[i].reason);
        assert_int_equal(server_state(&l), fine ? WIRE_OPEN : WIRE_FAILED);
        if (!fine)
            assert_string_equal(client_reason(&l), "peer_no_application_protocol");
        link_free(&l);
    }
}

static void a_client_refuses_the_wrong_host_a_stranger_and_the_wrong_time(void **state)
{
    (void)state;
    static const struct {
        int64_t at_s;
        const char *host, *reason;
        bool own_anchor;
    } table[] = {
        {NOW_S, "one.example", "", true},
        {NOW_S, "ONE.example", "", true},
        {NOW_S, "two.example", "bad_certificate", true},
        {NOW_S, "x.one.example", "bad_certificate", true},
        {NOW_S, "example", "bad_certificate", true},
        {NOW_S, "", "bad_certificate", true},
        {NOW_S, "one.example", "unknown_ca", false},
        {NOW_S + INT64_C(3651) * 86400, "one.example", "certificate_expired", true},
        {NOW_S - INT64_C(2) * 86400, "one.example", "bad_certificate", true},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct link l = {0};
        l.server = tls_accept_new(&(struct tls_accept){0}, one.server);
        l.client = tls_connect_new(
            table[i].own_anchor ? one.client : two.client,
            &(struct tls_connect){.host = slice_z(table[i].host), .now_s = table[i].at_s});
        start(&l, SIZE_MAX);
        assert_string_equal(client_reason(&l), table[i].reason);
        bool fine = table[i].reason[0] == '\0';
        assert_int_equal(client_state(&l), fine ? WIRE_OPEN : WIRE_FAILED);
        assert_int_equal(server_state(&l), fine ? WIRE_OPEN : WIRE_FAILED);
        link_free(&l);
    }
}

static void both_sides_hold_the_same_bindings(void **state)
{
    (void)state;
    uint8_t a[32], b[32], c[64] = {0}, d[64] = {0}, other[32];
    struct link l = link_new(one.client, SLICE("one.example"), SLICE_NONE, SLICE_NONE);
    assert_false(tls_exporter(l.server, a)); /* too early */
    assert_int_equal(tls_server_end_point(l.server, c), 0);
    start(&l, SIZE_MAX);
    assert_true(tls_exporter(l.server, a));
    assert_true(tls_exporter(l.client, b));
    assert_memory_equal(a, b, 32);
    assert_int_equal(tls_server_end_point(l.server, c), 32); /* SHA-256 */
    assert_int_equal(tls_server_end_point(l.client, d), 32);
    assert_memory_equal(c, d, 64);
    /* The hash is that of the certificate's DER form. */
    BIO *text = BIO_new_mem_buf(one.chain.ptr, (int)buf_len(&one.chain));
    X509 *x = PEM_read_bio_X509(text, NULL, NULL, NULL);
    unsigned len;
    uint8_t hash[64];
    assert_int_equal(X509_digest(x, EVP_sha256(), hash, &len), 1);
    assert_memory_equal(c, hash, 32);
    X509_free(x);
    BIO_free(text);
    link_free(&l);
    l = link_open();
    assert_true(tls_exporter(l.server, other));
    assert_memory_not_equal(a, other, 32); /* another connection, another value */
    link_free(&l);
}

/* A client of plain OpenSSL, for what ours does not do. */
struct foreign {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out; /* of ssl */
    struct wire *server;
    struct buf up, down;
};

static struct foreign foreign_new(int version_max, int security_level)
{
    struct foreign f = {.ctx = SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_security_level(f.ctx, security_level);
    SSL_CTX_set_min_proto_version(f.ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(f.ctx, version_max);
    f.ssl = SSL_new(f.ctx);
    f.in = BIO_new(BIO_s_mem());
    f.out = BIO_new(BIO_s_mem());
    SSL_set_bio(f.ssl, f.in, f.out);
    SSL_set_connect_state(f.ssl);
    f.server = tls_accept_new(&(struct tls_accept){0}, one.server);
    return f;
}

/* Carries what both have written to the other. */
static bool carry(struct foreign *f)
{
    char *data;
    long n = BIO_get_mem_data(f->out, &data);
    if (n > 0) {
        feed(f->server, slice_of(data, (size_t)n), &f->up, &f->down);
        (void)BIO_reset(f->out);
    }
    bool moved = n > 0 || buf_len(&f->down) > 0;
    if (buf_len(&f->down) > 0)
        BIO_write(f->in, f->down.ptr + f->down.start, (int)buf_len(&f->down));
    buf_clear(&f->down);
    return moved;
}

static void shake(struct foreign *f)
{
    do {
        (void)SSL_do_handshake(f->ssl);
    } while (carry(f));
    ERR_clear_error();
}

static void foreign_free(struct foreign *f)
{
    SSL_free(f->ssl);
    SSL_CTX_free(f->ctx);
    wire_free(&f->server);
    buf_free(&f->up);
    buf_free(&f->down);
}

static void V33_A16_old_versions_are_refused(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
    for (int i = 0; i < 2; i++) {
        struct foreign f = foreign_new(versions[i], 0);
        SSL_set_cipher_list(f.ssl, "ALL:@SECLEVEL=0");
        shake(&f);
        assert_int_equal(f.server->ops->state(f.server), WIRE_FAILED);
        assert_string_equal(f.server->ops->reason(f.server), "protocol_version");
        foreign_free(&f);
    }
}

static void V33_weak_ciphers_are_refused_and_good_ones_taken(void **state)
{
    (void)state;
    static const struct {
        const char *ciphers;
        bool fine;
    } table[] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {"ECDHE-ECDSA-CHACHA20-POLY1305", true},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", true},
        {"ECDHE-ECDSA-AES128-SHA256", false}, /* CBC */
        {"ECDHE-ECDSA-NULL-SHA", false},
        {"ECDHE-ECDSA-AES128-CCM8", false},
        {"AES128-GCM-SHA256:AES128-SHA", false}, /* static RSA */
        {"DHE-RSA-AES128-GCM-SHA256", false},
        {"PSK-AES128-GCM-SHA256:ADH-AES128-GCM-SHA256", false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct foreign f = foreign_new(TLS1_2_VERSION, 0);
        assert_int_equal(SSL_set_cipher_list(f.ssl, table[i].ciphers), 1);
        shake(&f);
        assert_int_equal(f.server->ops->state(f.server), table[i].fine ? WIRE_OPEN : WIRE_FAILED);
        if (table[i].fine) {
            uint8_t binding[32];
            assert_string_equal(tls_version(f.server), "TLSv1.2");
            assert_true(tls_exporter(f.server, binding));
        } else {
            assert_string_equal(f.server->ops->reason(f.server), "handshake_failure");
        }
        foreign_free(&f);
    }
}

static void tls_1_2_without_the_extended_master_secret_does_not_bind(void **state)
{
    (void)state;
    uint8_t binding[32];
    struct foreign f = foreign_new(TLS1_2_VERSION, 2);
    SSL_set_options(f.ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    shake(&f);
    assert_int_equal(f.server->ops->state(f.server), WIRE_OPEN);
    assert_false(tls_exporter(f.server, binding));
    foreign_free(&f);
}

static void V34_A16_renegotiation_is_refused(void **state)
{
    (void)state;
    struct foreign f = foreign_new(TLS1_2_VERSION, 2);
    shake(&f);
    assert_int_equal(f.server->ops->state(f.server), WIRE_OPEN);
    assert_int_equal(SSL_renegotiate(f.ssl), 1);
    (void)SSL_do_handshake(f.ssl);
    carry(&f);
    assert_int_equal(SSL_do_handshake(f.ssl), -1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    assert_int_equal(f.server->ops->state(f.server), WIRE_OPEN);
    foreign_free(&f);
}

static void V34_a_flood_of_key_updates_ends_the_connection(void **state)
{
    (void)state;
    struct foreign f = foreign_new(TLS1_3_VERSION, 2);
    shake(&f);
    int updates = 0;
    while (f.server->ops->state(f.server) == WIRE_OPEN && updates < 10000) {
        assert_int_equal(SSL_key_update(f.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(f.ssl), 1);
        carry(&f);
        updates++;
    }
    assert_int_equal(updates, 33);
    assert_string_equal(f.server->ops->reason(f.server), "key_update_flood");
    foreign_free(&f);
    /* Once a second for an hour is nobody's harm; and data goes on. */
    f = foreign_new(TLS1_3_VERSION, 2);
    shake(&f);
    for (int i = 0; i < 3600; i++) {
        assert_int_equal(SSL_key_update(f.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_write(f.ssl, "x", 1), 1);
        carry(&f);
        char c;
        (void)SSL_read(f.ssl, &c, 1);
        now.mono_ms += 1000;
    }
    assert_int_equal(f.server->ops->state(f.server), WIRE_OPEN);
    assert_int_equal(buf_len(&f.up), 3600);
    foreign_free(&f);
}

static void V34_a_flood_in_one_slice_is_cut_short(void **state)
{
    (void)state;
    struct foreign f = foreign_new(TLS1_3_VERSION, 2);
    shake(&f);
    for (int i = 0; i < 1000; i++) {
        SSL_key_update(f.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(f.ssl);
    }
    SSL_write(f.ssl, "x", 1);
    carry(&f);
    assert_string_equal(f.server->ops->reason(f.server), "key_update_flood");
    assert_int_equal(buf_len(&f.up), 0);
    foreign_free(&f);
}

static void A16_there_are_no_tickets_and_no_early_data(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct foreign f = foreign_new(version, 2);
        shake(&f);
        char c;
        assert_int_equal(SSL_read(f.ssl, &c, 1), -1);
        const SSL_SESSION *s = SSL_get_session(f.ssl);
        assert_false(SSL_SESSION_has_ticket(s));
        assert_int_equal(SSL_SESSION_get_max_early_data(s), 0);
        foreign_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_talk_in_pieces_of_every_size),
        cmocka_unit_test(a_handshake_survives_a_cut_at_every_byte),
        cmocka_unit_test(several_records_and_a_part_come_in_one_slice),
        cmocka_unit_test(ten_megabytes_pass_in_both_directions_at_once),
        cmocka_unit_test(buffers_are_allocated_for_data_alone),
        cmocka_unit_test(a_key_is_changed_before_it_is_worn_out),
        cmocka_unit_test(an_end_in_order_is_seen_and_the_other_direction_goes_on),
        cmocka_unit_test(A17_garbage_instead_of_a_hello_is_refused),
        cmocka_unit_test(A17_a_broken_record_after_the_handshake_gets_its_alert),
        cmocka_unit_test(A18_the_name_chooses_the_certificate),
        cmocka_unit_test(A18_an_unknown_name_is_told),
        cmocka_unit_test(a_client_without_a_name_gets_what_is_chosen_for_none),
        cmocka_unit_test(A18_the_protocol_of_direct_tls_is_agreed_on),
        cmocka_unit_test(a_client_refuses_the_wrong_host_a_stranger_and_the_wrong_time),
        cmocka_unit_test(both_sides_hold_the_same_bindings),
        cmocka_unit_test(V33_A16_old_versions_are_refused),
        cmocka_unit_test(V33_weak_ciphers_are_refused_and_good_ones_taken),
        cmocka_unit_test(tls_1_2_without_the_extended_master_secret_does_not_bind),
        cmocka_unit_test(V34_A16_renegotiation_is_refused),
        cmocka_unit_test(V34_a_flood_of_key_updates_ends_the_connection),
        cmocka_unit_test(V34_a_flood_in_one_slice_is_cut_short),
        cmocka_unit_test(A16_there_are_no_tickets_and_no_early_data),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
