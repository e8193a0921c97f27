/* The stream of a component (XEP-0114, version 1.6, jabber:component:accept): a service that serves
 * a domain of its own, trusted because it knows a secret.
 *
 * It lives on the shard that owns its domain, where the link goes after the handshake; there is at
 * most one with each name. What may come from it: stanzas of its own domain to anybody whom the
 * server can reach, at most turn_stanzas a turn (X30) and L22 of servers. It holds no credit: its
 * operator trusts it. */
#ifndef CORE_COMPONENT_H
#define CORE_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "core/link.h"
#include "core/stream.h"

enum component_state {
    COMPONENT_OPENING, /* waits for the stream header */
    COMPONENT_SHAKING, /* header sent; waits for the handshake */
    COMPONENT_DELAYED, /* the answer to the handshake waits (L10) */
    COMPONENT_MOVING,  /* the handshake was good; on its way to the owner's shard */
    COMPONENT_READY,   /* stanzas go both ways */
    COMPONENT_CLOSED,  /* the end was written; nothing is read any more */
    COMPONENT_STATES
};

enum { COMPONENT_ID_CHARS = 26 };

struct component {
    struct stream base; /* what its link knows of it */
    struct list all;    /* in engine.components */
    struct engine *e;
    struct link *link;
    enum component_state state;
    bool header_sent;
    bool passed;                           /* the handshake that is delayed */
    bool lags;                             /* L13: the peer does not read */
    char id[COMPONENT_ID_CHARS];           /* of the stream */
    const struct component_config *config; /* chosen by the header's `to` */
    uint64_t spent_until_ms;               /* L22 */
    uint64_t deadline_ms;
    struct timer deadline; /* L7 */
    struct timer delay;    /* L10 */
    struct timer lag;      /* L13 */
};

/* A connection was accepted; L7 begins. Freed by its operations. */
struct component *component_new(struct engine *e, struct link *link);
/* Writes the stream error and closes. */
void component_error(struct component *c, enum stream_error error, struct slice text,
                     struct slice app);
/* A stanza for an address in its domain; false when it lags and the stanza was not taken. */
bool component_send(struct component *c, const struct stanza *s);
/* A stanza that came from it (components.c). */
void component_stanza(struct component *c, struct xml root);
void component_log(const struct component *c, enum log_level level, const char *event,
                   const char *cond);

#endif
