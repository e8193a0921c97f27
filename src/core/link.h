/* What the engine sees of a connection: a place to write to, and a few requests. The node owns the
 * descriptor's bytes, the wires and the parser behind it; a stream never sees any of them. */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "xmpp/sasl.h"

struct link;

struct link_ops {
    /* Output was appended to link->out: it is sent at the end of the turn. */
    void (*dirty)(struct link *l);
    /* What is written so far goes out plainly, then the TLS handshake begins. */
    void (*start_tls)(struct link *l);
    /* The next bytes are a new stream; after_login: the larger limits hold from there. */
    void (*restart)(struct link *l, bool after_login);
    /* The larger limits hold from the next element on, in the same stream. */
    void (*widen)(struct link *l);
    /* Input that was held back by a waiting stream may go on. */
    void (*resume)(struct link *l);
    /* After the output is flushed the connection is closed in order. The stream is gone. */
    void (*close)(struct link *l);
    /* The link goes to another shard, with its stream, at the end of the turn. */
    void (*move)(struct link *l, uint32_t shard);
    /* Channel bindings; slices live in scratch. */
    void (*binding)(struct link *l, struct sasl_binding *out, uint8_t scratch[SASL_BINDING_BYTES]);
    /* Bytes appended and not yet taken by the peer's socket. */
    size_t (*backlog)(const struct link *l);
    /* "TLSv1.3 TLS_AES_128_GCM_SHA256", NUL-terminated; only when secure. May be NULL. */
    void (*describe_tls)(const struct link *l, char *out, size_t size);
};

struct link {
    const struct link_ops *ops;
    struct buf out;     /* plaintext for the peer */
    uint64_t conn;      /* number for the log */
    const char *peer;   /* address text, owned by the node */
    uint32_t listener;  /* index into the node's listeners */
    bool secure;        /* a TLS wire is open */
    bool require_tls;   /* of the listener */
    bool starttls;      /* the listener offers STARTTLS */
    bool plain_allowed; /* PLAIN without TLS (loopback alone) */
    bool watched;       /* tell the stream (c2s_drained) when all output has been taken */
};

#endif
