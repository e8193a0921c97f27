/* TLS as a wire (OpenSSL 3), for both sides: TLS 1.2 and 1.3 alone, AEAD with ECDHE, no
 * compression, no renegotiation, no early data, no tickets and no session cache. A BIO of our own
 * reads from the slice that is being fed and writes to the buffer that is being filled.
 *
 * feed: a client's first is empty and makes it say hello. A record that has come in part is held
 * (at most 16 KiB and only what has come); nothing else is, between calls. up is allocated only
 * when there is data, to its size.
 * The client's side: wire/tls_client.h.
 * send: also after the peer has ended its direction; ERR_CLOSED when the own one is ended or the
 * wire is not open.
 * reason: the name of the alert that was sent (RFC 8446 section 6: "no_application_protocol",
 * "unrecognized_name", "protocol_version", "bad_record_mac", ...), of the peer's with "peer_" in
 * front, "bad_record" for what is no TLS, "key_update_flood", "memory". */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "wire/wire.h"

/* Immutable and shared (reference-counted by OpenSSL itself, atomically): one per host for all
 * shards, replaced on reload while older connections keep theirs; one per set of trust for clients.
 * Any thread. */
struct tls_context;

enum tls_problem {
    TLS_FINE,
    TLS_BAD_CERTIFICATE, /* not PEM, or empty, or too weak (security level 2) */
    TLS_BAD_KEY,         /* not PEM, or encrypted */
    TLS_KEY_MISMATCH,    /* the key is not that of the certificate */
    TLS_NO_MEMORY,
};

/* PEM texts as read by the caller (the room reads no file). chain: leaf first. */
struct tls_context *tls_context_server(struct slice chain_pem, struct slice key_pem,
                                       enum tls_problem *problem_out);
struct tls_context *tls_context_ref(struct tls_context *ctx);
void tls_context_unref(struct tls_context **ctx);

/* Facts about the server certificate for `check` and warnings. */
struct tls_certificate_info {
    int64_t not_before_s, not_after_s; /* Unix time */
    bool self_signed;
    /* host in the SAN: dNSName (a wildcard is the whole leftmost label), SRVName (_xmpp-client. or
     * _xmpp-server.), xmppAddr. The common name does not count. host in its ASCII form. */
    bool covers_host;
};
/* ERR_NOT_FOUND for a client's context, ERR_CRYPTO. */
int tls_context_info(const struct tls_context *ctx, struct slice host,
                     struct tls_certificate_info *out);

/* Makes an ECDSA P-256 key and a self-signed certificate for the hosts (dNSName, and SRVName
 * _xmpp-client), valid 10 years from now_s. PEM texts are appended; ERR_CRYPTO on failure. */
int tls_make_certificate(const struct slice *hosts, size_t n, int64_t now_s, struct buf *chain_pem,
                         struct buf *key_pem);

/* Chooses the context by server name (SNI): returns a context or NULL for unrecognized_name. Called
 * during feed. name is empty when the client sent none. */
typedef struct tls_context *tls_choose_fn(void *ctx, struct slice name);

struct tls_accept {
    tls_choose_fn *choose;
    void *choose_ctx;
    /* Direct TLS (XEP-0368): "xmpp-client"; a client that offers ALPN without it gets
     * no_application_protocol, one that offers none is accepted. Empty: ALPN is ignored. At most 16
     * bytes. */
    struct slice alpn;
};

/* Server side of a new connection. a is copied (choose_ctx must outlive the handshake).
 * NULL when memory is exhausted. */
struct wire *tls_accept_new(const struct tls_accept *a, struct tls_context *fallback);

/* Of a TLS wire, after WIRE_OPEN. */
const char *tls_version(const struct wire *w); /* "TLSv1.3" */
const char *tls_cipher(const struct wire *w);
/* RFC 9266: 32 bytes; false when not available (TLS 1.2 without extended master secret). */
bool tls_exporter(const struct wire *w, uint8_t out[32]);
/* RFC 5929 section 4.1: hash of the server's certificate; length 0 when not available. */
size_t tls_server_end_point(const struct wire *w, uint8_t out[64]);
/* RFC 5929 section 3, the client's Finished message; length 0 when it would not bind (TLS 1.2
 * without extended master secret). TLS 1.3 does not define it (RFC 9266): the same message is
 * taken, as the clients that know no other binding do. */
size_t tls_unique(const struct wire *w, uint8_t out[64]);

#endif
