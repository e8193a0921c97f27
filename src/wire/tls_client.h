/* The client's side of TLS: whom it trusts, whom it expects, what was wrong, and what is known of
 * the peer. The wire itself is that of wire/tls.h.
 *
 * The peer is right when its certificate hangs on an anchor, is valid at the time that is given,
 * and speaks for the host: SAN dNSName (a wildcard stands for the whole leftmost label), SRVName
 * _xmpp-client., xmppAddr, or iPAddress when the host is an address (RFC 6120 section 13.7.1.2,
 * RFC 9525). The common name never counts. Revocation is not looked up: neither lists nor OCSP.
 *
 * Nothing here ends the process when memory is exhausted. */
#ifndef WIRE_TLS_CLIENT_H
#define WIRE_TLS_CLIENT_H

#include "wire/tls.h"

/* PEM texts as read by the caller. */
struct tls_trust {
    /* Any number of certificates, authorities or single servers; blocks that cannot be read are
     * skipped, but one must be readable. Empty: nobody is trusted but by pin. */
    struct slice anchors_pem;
    /* The own certificate (leaf first) and its key, for SASL EXTERNAL; shown only to a server that
     * asks. Both or none. */
    struct slice chain_pem, key_pem;
};

/* A context for any number of connections, made once; tls_context_ref and _unref of tls.h, any
 * thread. NULL: *problem_out says why (TLS_BAD_CERTIFICATE for the anchors, too). */
struct tls_context *tls_context_client(const struct tls_trust *trust,
                                       enum tls_problem *problem_out);

enum tls_protocol {
    TLS_PROTOCOL_ANY, /* 1.2 and 1.3 */
    TLS_PROTOCOL_1_0 = 0x301,
    TLS_PROTOCOL_1_1 = 0x302,
    TLS_PROTOCOL_1_2 = 0x303,
    TLS_PROTOCOL_1_3 = 0x304,
};

enum { TLS_HOST_MAX = 255, TLS_PINS_MAX = 64 };

struct tls_connect {
    /* The domain that the user typed, as jid_domain_ascii writes it; never what DNS or a proxy has
     * said. At most TLS_HOST_MAX bytes. It is sent as SNI unless it is an address. */
    struct slice host;
    /* The same in its prepared form, for xmppAddr (U-labels); may be left out when it is host. */
    struct slice domain;
    struct slice alpn; /* direct TLS: "xmpp-client"; at most 16 bytes; empty: none is offered */
    /* SHA-256 of the SubjectPublicKeyInfo of the server's certificate. With pins they alone
     * decide: a key that is among them is right whoever signed it, whatever its names and dates
     * are; any other is refused however valid it is, insecure or not. At most TLS_PINS_MAX;
     * copied. */
    const uint8_t (*pins)[32];
    size_t pin_count;
    /* Goes on whatever the certificate is. What is wrong with it can still be asked for. */
    bool insecure;
    /* Bounds for a look at what a server takes. Below 1.2 the weakest ciphers and keys are taken,
     * too, and the wire is for looking only: it sends no data (ERR_REFUSED). */
    enum tls_protocol version_min, version_max;
    int64_t now_s; /* Unix time */
};

/* c is copied. Its first feed is an empty one. NULL when memory is exhausted or the host is longer
 * than TLS_HOST_MAX or not a host at all (NUL). */
struct wire *tls_connect_new(struct tls_context *ctx, const struct tls_connect *c);

enum tls_fault {
    TLS_FAULT_NONE,
    TLS_FAULT_UNTRUSTED,       /* issuer; the chain ends at nobody we know */
    TLS_FAULT_SELF_SIGNED,     /* pin */
    TLS_FAULT_EXPIRED,         /* not_after_s, now_s */
    TLS_FAULT_NOT_YET_VALID,   /* not_before_s, now_s (C15) */
    TLS_FAULT_WRONG_NAME,      /* host, names */
    TLS_FAULT_PIN,             /* pin: the one that the server has */
    TLS_FAULT_WEAK,            /* key or signature are too weak (below 112 bits); detail */
    TLS_FAULT_CERTIFICATE,     /* anything else about it; detail */
    TLS_FAULT_OWN_CERTIFICATE, /* the server does not take ours, or wants one; detail */
    TLS_FAULT_VERSION,         /* no version of TLS in common */
    TLS_FAULT_ALPN,            /* the server does not speak what we asked for */
    TLS_FAULT_HOST_UNKNOWN,    /* the server says that it is not this host */
    TLS_FAULT_NOT_TLS,         /* detail: "http" (a captive portal, C04), "xmpp", "unknown" */
    TLS_FAULT_HANDSHAKE,       /* detail: the alert, as in wire_ops.reason */
    TLS_FAULT_UNFINISHED,      /* still opening: what to say when the connection has ended */
    TLS_FAULT_MEMORY,
};

enum { TLS_NAMES_MAX = 8, TLS_NAME_BYTES = 128, TLS_ISSUER_BYTES = 192, TLS_PIN_TEXT_BYTES = 72 };

/* Texts are printable ASCII: what a certificate holds beside that is written \xNN, and what does
 * not fit is cut and ends in "...". */
struct tls_names {
    char text[TLS_NAMES_MAX][TLS_NAME_BYTES]; /* dNSName, SRVName, xmppAddr */
    size_t count;                             /* of these */
    size_t more;                              /* that the certificate has beyond them */
};

struct tls_peer_problem {
    enum tls_fault fault;
    const char *detail; /* a literal, never NULL */
    /* The certificate that is at fault; an authority's unless of_server. */
    bool of_server;
    int64_t not_before_s, not_after_s, now_s;
    char issuer[TLS_ISSUER_BYTES];
    char host[TLS_HOST_MAX + 1];
    struct tls_names names; /* of the server */
    uint8_t pin[32];        /* of the server's key; zeros before it has shown one */
};

/* What is wrong with the peer of a client's wire. While it is open and insecure: what it would have
 * been refused for. */
void tls_peer_problem(const struct wire *w, struct tls_peer_problem *out);

/* A sentence without a full stop for a person, printable, at most 2 KiB. 0 or ERR_MEMORY. */
int tls_problem_text(const struct tls_peer_problem *p, struct buf *out);

struct tls_peer_facts {
    const char *version, *cipher; /* literals; "" before they are agreed on */
    bool asks_certificate;        /* the server wants to see ours */
    size_t chain_len;             /* certificates that it has sent; 0: nothing below is known */
    char subject[TLS_ISSUER_BYTES], issuer[TLS_ISSUER_BYTES];
    struct tls_names names;
    int64_t not_before_s, not_after_s;
    bool self_signed;
    char key_type[16]; /* "RSA", "EC", "ED25519" */
    int key_bits;
    uint8_t pin[32];
};

/* What the peer of a client's wire has shown of itself until now, also when it was refused. */
void tls_peer_facts(const struct wire *w, struct tls_peer_facts *out);

/* "sha256:" and 64 hexadecimal digits, NUL-terminated. */
void tls_pin_text(const uint8_t pin[32], char out[TLS_PIN_TEXT_BYTES]);
/* The same back; "sha256:" may be missing, the case does not matter. */
bool tls_pin_parse(struct slice text, uint8_t out[32]);

#endif
