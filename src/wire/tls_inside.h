/* What the files of the TLS wire share; nobody else includes this. */
#ifndef WIRE_TLS_INSIDE_H
#define WIRE_TLS_INSIDE_H

#include <openssl/ssl.h>

#include "wire/tls.h"

enum {
    TLS_RECORD_HEAD = 5,
    TLS_ALPN_MAX = 16,
    TLS_RECORDS_PER_KEY = 1 << 22, /* AES-GCM bears 2^24.5 */
};

/* What only the handshake needs; given back when it is over. */
struct tls_greeting {
    tls_choose_fn *choose;
    void *choose_ctx;
    uint8_t alpn_len;
    char alpn[TLS_ALPN_MAX];
    bool verify; /* client: host must be in the peer's certificate */
    size_t host_len;
    char host[];
};

struct tls {
    struct wire wire;
    SSL *ssl;
    struct tls_greeting *greeting; /* NULL after the handshake */
    const char *reason;
    /* While feed or send is under way: */
    struct slice source; /* whole records that OpenSSL may read */
    struct buf *down;
    uint64_t now_ms;
    struct buf partial;       /* a record that has begun to come; no memory otherwise */
    uint64_t updates_full_ms; /* when the bucket of rekeying requests is full again */
    uint32_t records;         /* sent under the present key */
    uint8_t state;            /* enum wire_state */
    bool starved;             /* source ran out in the middle of what OpenSSL wanted */
    bool flooded;
    bool out_of_memory;
    uint8_t alert; /* last fatal alert, sent or received */
    bool alert_is_peers;
};

/* The BIO of a wire: reads t->source, appends to t->down. NULL when memory is exhausted. */
BIO *tls_bio_new(struct tls *t);
struct tls *tls_of(const SSL *ssl);
/* The wire is a TLS one, or it is a bug. */
struct tls *tls_self(const struct wire *w);

/* Callbacks that every context gets; in tls_greet.c. */
int tls_greet_name(SSL *ssl, int *alert, void *arg);
int tls_greet_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg);
int tls_greet_verify(int ok, X509_STORE_CTX *store);
/* Counts what a peer can make us do for nothing; in tls.c. */
void tls_watch(int write_p, int version, int content, const void *data, size_t len, SSL *ssl,
               void *arg);

SSL_CTX *tls_context_ssl(struct tls_context *ctx);

/* The certificate speaks for the host: SAN dNSName (a wildcard stands for the whole leftmost
 * label), SRVName _xmpp-client. or _xmpp-server., xmppAddr (RFC 6120 section 13.7.1.2). */
bool tls_certificate_covers(X509 *certificate, struct slice host);

#endif
