/* A peer of a node, on the bench of module tests: every byte that goes and comes is its own affair,
 * cut as the test likes, in the clear or inside of TLS. All that the server writes goes through our
 * own parser: what is not well formed ends the test. Elements that came can be expected from
 * peer->client as on the bench.
 *
 *   struct bench *b = bench_new(NULL);
 *   struct peer *p = peer_new(b);
 *   peer_text(p, "<stream:stream ...");
 *   expect(p->client, "<features ...");
 *   peer_free(&p);
 *   bench_free(&b); */
#ifndef NODE_TEST_PEER_H
#define NODE_TEST_PEER_H

#include "node/link.h"
#include "xep/test_engine.h"
#include "xep/test_inside.h"
#include "xmpp/sasl.h"

#define PEER_STREAMS "http://etherx.jabber.org/streams"
#define PEER_HEADER                                                                                \
    "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' "    \
    "xmlns:stream='" PEER_STREAMS "'>"
#define PEER_AUTH(mechanism)                                                                       \
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='" mechanism "'>"
/* alice and BENCH_PASSWORD. */
#define PEER_ALICE "AGFsaWNlAGNvcnJlY3QgaG9yc2U="
#define PEER_BIND                                                                                  \
    "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                     \
    "<resource>phone</resource></bind></iq>"

struct peer {
    struct bench *bench;
    struct client *client; /* of the bench: its inbox holds the elements that came */
    struct wire *wire;     /* NULL: in the clear */
    struct buf net;        /* what is to go to the server, encrypted when there is a wire */
    size_t piece;          /* at most so many bytes of it at once; 0: all */
    struct buf got;        /* all bytes that came, decrypted */
    size_t headers;        /* stream headers that came */
    bool closed;           /* </stream:stream> came */
    bool deaf;             /* takes nothing from its connection */
    bool bad;              /* what came is not well formed (tests of plain bytes set loose) */
    bool loose;            /* does not mind */
    /* Of its logins; NULL: BENCH_PASSWORD, none. */
    const char *password, *authzid;
    bool end_point;             /* binds by the certificate alone (RFC 5929), not by the exporter */
    const struct peer *relayed; /* whose channel it believes to be on; NULL: its own */
};

/* Listeners to put into bench->config.listeners (one each). */
extern const struct node_listener PEER_PLAIN, PEER_STARTTLS, PEER_DIRECT;
/* The bench's hosts get a certificate of the test's own making; call before the first peer. */
void peer_certificates(struct bench *b, const struct node_listener *listener);
/* An account with BENCH_PASSWORD; its keys are derived once in the process. */
void peer_account(struct bench *b, const char *bare);
/* What the process keeps for all benches: when the tests are over. */
int peer_free_all(void **state);

struct peer *peer_new(struct bench *b);
/* To the listener of that index. */
struct peer *peer_new_to(struct bench *b, uint32_t listener);
/* The connection is lost. */
void peer_free(struct peer **p);
/* The whole in one read; or in pieces of that many bytes; what comes back is taken. */
void peer_bytes(struct peer *p, struct slice bytes);
void peer_text(struct peer *p, const char *text);
void peer_pieces(struct peer *p, struct slice bytes, size_t piece);
/* Bytes as they are, below TLS. */
void peer_raw(struct peer *p, struct slice bytes);
/* Takes what the server has written until nothing comes any more. */
void peer_take(struct peer *p);
/* Of the connection: the server has let go of it. */
bool peer_gone(const struct peer *p);
/* The server's end of it; NULL when gone. */
struct c2s *peer_stream(const struct peer *p);
/* Forgets what came. */
void peer_clear(struct peer *p);
/* Some of the bytes that came, since it was cleared, are these. */
bool peer_has(const struct peer *p, const char *text);
/* The last element that came is this stream error, the stream was closed, the connection is gone.
 */
#define peer_refused(p, error) peer_check_refused((p), (error), __FILE__, __LINE__)
void peer_check_refused(struct peer *p, const char *error, const char *file, int line);
/* The name of the stream error that came; empty: none. In a static buffer. */
const char *peer_error(const struct peer *p);

/* The handshake, after <proceed/> or at once: true when TLS is open. */
bool peer_shake(struct peer *p, struct slice alpn);
/* Header, STARTTLS when the listener asks for it, SASL with what is best of the given mechanisms
 * (NULL: of what is offered), header. What was left to be expected is the features. */
bool peer_login(struct peer *p, const char *user, const char *mechanism);
/* By XEP-0388, in one stream, with what else is asked for. The last element that came is left to be
 * looked at; what follows <success/>, to be expected. */
bool peer_modern(struct peer *p, const char *user, const char *mechanism, const char *more);
/* The same and a resource. */
bool peer_bind(struct peer *p, const char *user, const char *resource);
/* The session works: a request is answered. */
#define peer_alive(p) peer_check_alive((p), __FILE__, __LINE__)
void peer_check_alive(struct peer *p, const char *file, int line);
/* The channel bindings of the peer's own end. */
void peer_binding(const struct peer *p, struct sasl_binding *out,
                  uint8_t scratch[SASL_BINDING_BYTES]);

#endif
