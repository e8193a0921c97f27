/* Fuzz target of a client's TLS wire. The first byte says what the rest is: an answer to the
 * client's hello, taken whole and in pieces of the second byte's size with the same outcome, or a
 * certificate in DER, whose facts are printed. Nobody gets through, and what comes out for people
 * is printable. */
#include <stdint.h>

#include "base/check.h"
#include "wire/tls_client.h"
#include "wire/tls_inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct now NOW = {.mono_ms = 1};
static struct tls_context *ctx;

static void prepare(void)
{
    struct buf chain = {0}, key = {0};
    enum tls_problem problem;
    const struct slice host = SLICE("localhost");
    CHECK(tls_make_certificate(&host, 1, 1800000000, &chain, &key) == 0);
    ctx = tls_context_client(&(struct tls_trust){.anchors_pem = buf_slice(&chain)}, &problem);
    CHECK(ctx != NULL);
    buf_free(&chain);
    buf_free(&key);
}

static void printable(const char *text, size_t size)
{
    CHECK(memchr(text, '\0', size) != NULL);
    for (; *text != '\0'; text++)
        CHECK(*text >= 0x20 && *text < 0x7f);
}

static void look(const struct wire *w)
{
    static struct tls_peer_facts facts;
    static struct tls_peer_problem problem;
    struct buf text = {0};
    tls_peer_facts(w, &facts);
    tls_peer_problem(w, &problem);
    printable(facts.subject, sizeof(facts.subject));
    printable(facts.issuer, sizeof(facts.issuer));
    printable(facts.key_type, sizeof(facts.key_type));
    CHECK(facts.names.count <= TLS_NAMES_MAX && problem.names.count <= TLS_NAMES_MAX);
    for (size_t i = 0; i < facts.names.count; i++)
        printable(facts.names.text[i], TLS_NAME_BYTES);
    printable(problem.issuer, sizeof(problem.issuer));
    CHECK(tls_problem_text(&problem, &text) == 0 && buf_len(&text) <= 2048);
    buf_byte(&text, '\0');
    printable(text.ptr, buf_len(&text));
    buf_free(&text);
}

static struct wire *connect_old(bool old)
{
    struct wire *w =
        tls_connect_new(ctx, &(struct tls_connect){.host = SLICE("localhost"),
                                                   .alpn = SLICE("xmpp-client"),
                                                   .version_max = old ? TLS_PROTOCOL_1_2 : 0,
                                                   .now_s = 1800000000});
    CHECK(w != NULL);
    return w;
}

static struct wire *answered(bool old, struct slice in, size_t piece)
{
    struct buf up = {0}, down = {0};
    struct wire *w = connect_old(old);
    w->ops->feed(w, SLICE_NONE, &up, &down, NOW);
    while (in.len > 0) {
        size_t n = in.len < piece ? in.len : piece;
        w->ops->feed(w, slice_of(in.ptr, n), &up, &down, NOW);
        in = slice_from(in, n);
    }
    CHECK(buf_len(&up) == 0 && w->ops->state(w) != WIRE_OPEN);
    look(w);
    buf_free(&up);
    buf_free(&down);
    return w;
}

static void certificate(const uint8_t *der, size_t size)
{
    X509 *x = d2i_X509(NULL, &der, (long)size);
    if (x != NULL) {
        struct wire *w = connect_old(false);
        struct tls_client *c = tls_self(w)->client;
        c->chain_len = 1;
        c->leaf = x;
        CHECK(X509_up_ref(x) == 1);
        c->culprit = x;
        (void)tls_certificate_covers(x, SLICE("localhost"), TLS_FOR_CLIENTS);
        (void)tls_certificate_covers(x, SLICE("127.0.0.1"), TLS_FOR_CLIENTS);
        for (int fault = TLS_FAULT_NONE; fault <= TLS_FAULT_MEMORY; fault++) {
            c->fault = (enum tls_fault)fault;
            c->refused = true;
            tls_self(w)->state = WIRE_FAILED;
            tls_self(w)->reason = "bad_certificate";
            look(w);
        }
        wire_free(&w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    if (ctx == NULL)
        prepare();
    if (data[0] & 2) {
        certificate(data + 2, size - 2);
        return 0;
    }
    bool old = data[0] & 1;
    struct slice in = slice_of((const char *)data + 2, size - 2);
    struct wire *whole = answered(old, in, SIZE_MAX), *pieces = answered(old, in, 1U + data[1]);
    CHECK(whole->ops->state(whole) == pieces->ops->state(pieces));
    CHECK(strcmp(whole->ops->reason(whole), pieces->ops->reason(pieces)) == 0);
    wire_free(&whole);
    wire_free(&pieces);
    return 0;
}
