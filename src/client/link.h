/* Bytes of the one connection: proxy, TLS, parser; and the buffers on both sides. Part of struct
 * burble. */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "wire/wire.h"
#include "xmpp/sasl.h"

struct burble;
struct xml_parser;

enum link_state {
    LINK_NONE,
    LINK_PROXY,    /* the tunnel is being made */
    LINK_SECURING, /* TLS handshake */
    LINK_OPEN,
    LINK_ENDING, /* what is in net is still to be written, then the direction is shut */
};

struct link {
    enum link_state state;
    uint32_t id;
    bool direct_tls; /* as the target says */
    bool secure;
    bool feeding; /* the parser is in use */
    bool starting_tls;
    struct wire *proxy, *tls;
    struct xml_parser *parser;
    struct buf out; /* plain, to be encrypted */
    struct buf net; /* for the socket */
};

/* The TCP connection stands. target: host and port behind the proxy, for it to connect to. */
struct link_target {
    const char *host; /* of the proxy's errand; NULL: there is no proxy */
    uint16_t port;
    bool direct_tls;
};
void client_link_open(struct burble *c, uint32_t id, const struct link_target *target);
void client_link_input(struct burble *c, struct slice bytes);
/* TLS begins behind what is written (STARTTLS). */
void client_link_start_tls(struct burble *c);
/* Stanzas may come, on the same stream. */
void client_link_authenticated(struct burble *c);
/* A new stream on the same bytes. */
void client_link_restart(struct burble *c);
/* Text of XML, as it stands. hide: not shown raw (credentials). */
void client_link_write(struct burble *c, struct slice text);
/* The same, and frees it; where it has failed, the connection ends for want of memory. */
void client_link_write_built(struct burble *c, struct buf *text);
/* Bytes that the connection has not taken yet. */
size_t client_link_backlog(const struct burble *c);
void client_link_write_secret(struct burble *c, struct slice text, const char *shown);
/* Ends after what is written. */
void client_link_end(struct burble *c);
/* Closes at once; all buffers go. Tells nobody. */
void client_link_drop(struct burble *c);
void client_link_binding(struct burble *c, struct sasl_binding *out,
                         uint8_t scratch[SASL_BINDING_BYTES]);

#endif
