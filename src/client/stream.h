/* Negotiation of a stream (RFC 6120 section 4) as a machine. Part of struct burble. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "xml/parser.h"
#include "xml/tree.h"

struct burble;

enum stream_state {
    STREAM_NONE,
    STREAM_HEADER,   /* the server's header is awaited */
    STREAM_FEATURES, /* and its features */
    STREAM_STARTTLS, /* <proceed/> */
    STREAM_REGISTER, /* in-band registration before the login (XEP-0077) */
    STREAM_SASL,
    STREAM_SASL2,
    STREAM_BOUND, /* by SASL2; the features are awaited */
    STREAM_BIND,
    STREAM_RESUME,
    STREAM_ENABLE, /* stanzas flow; stream management was asked for */
    STREAM_READY,  /* stanzas flow */
    STREAM_CLOSED, /* our end is said, the server's is awaited */
    STREAM_STATES,
};

struct stream {
    enum stream_state state;
    bool authenticated;
    struct xml_tree *features; /* the last ones, a tree of its own */
    bool of_session;           /* they came behind the login */
    struct xml_tree *kept;     /* those of the last session */
    char *id;                  /* of the server's header; NULL: none */
};

void stream_open(struct burble *c);
void stream_change_state(struct burble *c, enum stream_state to);
/* An event of the parser; for XML_BAD, XML_CLOSE too. */
void stream_event(struct burble *c, enum xml_event event);
/* SASL succeeded: a new header (RFC 6120) unless SASL2 did it. */
void stream_authenticated(struct burble *c, bool restart);
/* The features are there and there is a login: resume or bind. */
void stream_establish(struct burble *c);
struct xml stream_features(const struct burble *c);
/* Says the end of the stream. */
void stream_close(struct burble *c);
/* The session goes on, and the server does not say its features again (XEP-0198 section 9.2): they
 * are those of before. */
void stream_features_resumed(struct burble *c);
void stream_reset(struct burble *c);
/* The client ends. */
void stream_free(struct burble *c);

#endif
