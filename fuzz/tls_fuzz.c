/* Fuzz target of the TLS wire: bytes from the network before and after a handshake. The first byte
 * says which, the second how large the pieces are; in pieces the outcome is the same as whole, and
 * nothing comes out that was not encrypted by the peer. */
#include <stdint.h>

#include "base/check.h"
#include "wire/tls_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct now NOW = {.mono_ms = 1};
static struct tls_context *server_ctx, *client_ctx;

static void prepare(void)
{
    struct buf chain = {0}, key = {0};
    enum tls_problem problem;
    const struct slice host = SLICE("localhost");
    CHECK(tls_make_certificate(&host, 1, 1800000000, &chain, &key) == 0);
    server_ctx = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
    client_ctx = tls_context_client(&(struct tls_trust){0}, &problem);
    CHECK(server_ctx != NULL && client_ctx != NULL);
    buf_free(&chain);
    buf_free(&key);
}

static void shake(struct wire *server)
{
    struct buf up = {0}, to_server = {0}, to_client = {0};
    struct wire *client = tls_connect_new(
        client_ctx, &(struct tls_connect){.host = SLICE("localhost"), .insecure = true});
    while (server->ops->state(server) == WIRE_OPENING) {
        client->ops->feed(client, buf_slice(&to_client), &up, &to_server, NOW);
        buf_clear(&to_client);
        server->ops->feed(server, buf_slice(&to_server), &up, &to_client, NOW);
        buf_clear(&to_server);
    }
    CHECK(server->ops->state(server) == WIRE_OPEN);
    wire_free(&client);
    buf_free(&up);
    buf_free(&to_server);
    buf_free(&to_client);
}

static struct wire *run(bool open, struct slice in, size_t piece)
{
    struct buf up = {0}, down = {0};
    struct wire *w = tls_accept_new(&(struct tls_accept){.alpn = SLICE("xmpp-client")}, server_ctx);
    CHECK(w != NULL);
    if (open)
        shake(w);
    while (in.len > 0) {
        size_t n = in.len < piece ? in.len : piece;
        w->ops->feed(w, slice_of(in.ptr, n), &up, &down, NOW);
        in = slice_from(in, n);
    }
    CHECK(buf_len(&up) == 0);
    w->ops->end(w, &down);
    buf_free(&up);
    buf_free(&down);
    return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    if (server_ctx == NULL)
        prepare();
    bool open = data[0] & 1;
    struct slice in = slice_of((const char *)data + 2, size - 2);
    struct wire *whole = run(open, in, SIZE_MAX), *pieces = run(open, in, 1U + data[1]);
    CHECK(whole->ops->state(whole) == pieces->ops->state(pieces));
    CHECK(strcmp(whole->ops->reason(whole), pieces->ops->reason(pieces)) == 0);
    wire_free(&whole);
    wire_free(&pieces);
    return 0;
}
