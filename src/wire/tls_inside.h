/* What the files of the TLS wire share; nobody else includes this. */
#ifndef WIRE_TLS_INSIDE_H
#define WIRE_TLS_INSIDE_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "wire/tls_client.h"

enum {
    TLS_RECORD_HEAD = 5,
    TLS_ALPN_MAX = 16,
    TLS_RECORDS_PER_KEY = 1 << 22, /* AES-GCM bears 2^24.5 */
};

/* What only the server's handshake needs; given back when it is over. */
struct tls_greeting {
    tls_choose_fn *choose;
    void *choose_ctx;
    uint8_t alpn_len;
    char alpn[TLS_ALPN_MAX];
};

/* What a client expects and what it has seen; lives as long as the wire. */
struct tls_client {
    int64_t now_s;
    uint8_t alpn_len;
    char alpn[TLS_ALPN_MAX];
    bool insecure;
    bool heard;   /* the peer has said something in TLS */
    bool garbled; /* head holds what it has said that is no TLS */
    bool refused; /* the peer's certificate */
    bool asked;   /* the peer wants a certificate of ours */
    char head[TLS_RECORD_HEAD];
    int why;       /* X509_V_ERR_* behind the fault */
    X509 *leaf;    /* the peer's certificate */
    X509 *culprit; /* of its chain, the one that is at fault */
    int chain_len; /* certificates that it has sent */
    enum tls_fault fault;
    size_t host_len, domain_len;
    char host[TLS_HOST_MAX + 1];
    size_t pin_count;
    uint8_t (*pins)[32]; /* behind this struct */
    char *domain;        /* behind the pins */
};

struct tls {
    struct wire wire;
    SSL *ssl;
    struct tls_greeting *greeting; /* of a server; NULL after the handshake */
    struct tls_client *client;     /* NULL on the server's side */
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

/* A connection in its first state, of neither side yet; NULL when memory is exhausted. */
struct tls *tls_new(struct tls_context *ctx);

/* Callbacks of a server's context; in tls_greet.c. */
int tls_greet_name(SSL *ssl, int *alert, void *arg);
int tls_greet_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg);
/* Callbacks of a client's context; in tls_client.c. */
int tls_client_verify(X509_STORE_CTX *store, void *arg);
int tls_client_asked(SSL *ssl, void *arg);
/* The handshake is over: what was agreed on is what was asked for. */
bool tls_client_agreed(const struct tls *t);
void tls_client_free(struct tls *t);

/* Counts what a peer can make us do for nothing; in tls.c. */
void tls_watch(int write_p, int version, int content, const void *data, size_t len, SSL *ssl,
               void *arg);

SSL_CTX *tls_context_ssl(struct tls_context *ctx);

/* Services that an SRVName may be for. */
enum { TLS_FOR_CLIENTS = 1, TLS_FOR_SERVERS = 2 };

/* The certificate speaks for the host: SAN dNSName (a wildcard stands for the whole leftmost
 * label), SRVName of one of the services, xmppAddr, or iPAddress (RFC 6120 section 13.7.1.2,
 * RFC 9525). */
bool tls_certificate_covers(X509 *certificate, struct slice host, int services);
/* The host is written as an address, IPv6 perhaps in brackets. */
bool tls_host_is_address(struct slice host);
/* Seconds since 1970, without asking the clock. False for what is no time. */
bool tls_certificate_time(const ASN1_TIME *t, int64_t *out);
/* SHA-256 of the SubjectPublicKeyInfo; false when memory is exhausted. */
bool tls_certificate_pin(X509 *certificate, uint8_t out[32]);
/* The text of a dNSName, SRVName or xmppAddr; SLICE_NONE for other kinds of names. */
struct slice tls_certificate_name(const GENERAL_NAME *name);

#endif
