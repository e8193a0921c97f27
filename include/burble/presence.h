/** @file
 * Presence and subscriptions (RFC 6121 sections 3 and 4).
 */
#ifndef BURBLE_PRESENCE_H
#define BURBLE_PRESENCE_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Types of presence (RFC 6121 section 4.7.1). */
enum burble_presence_type {
    BURBLE_AVAILABLE,
    BURBLE_UNAVAILABLE,
    BURBLE_SUBSCRIBE,
    BURBLE_SUBSCRIBED,
    BURBLE_UNSUBSCRIBE,
    BURBLE_UNSUBSCRIBED,
    BURBLE_PRESENCE_ERROR,
};
/** How available somebody is (RFC 6121 section 4.7.2.1). */
enum burble_show {
    BURBLE_SHOW_ONLINE,
    BURBLE_SHOW_CHAT,
    BURBLE_SHOW_AWAY,
    BURBLE_SHOW_XA,
    BURBLE_SHOW_DND
};
/** "online", "chat", "away", "xa", "dnd" */
BURBLE_API const char *burble_show_text(enum burble_show show);

/** Presence that came. All strings live until the callback returns. */
struct burble_presence {
    enum burble_presence_type type; /**< what it says */
    const char *from;               /**< the full address */
    const char *to;                 /**< ours */
    const char *from_bare;          /**< the bare address */
    const char *resource;           /**< the last part of from; NULL: none */
    enum burble_show show;          /**< how available */
    const char *status;             /**< NULL: none */
    int priority; /**< -128 to 127; below 0: messages to the bare address do not go there */
    struct burble_stanza_error error; /**< of BURBLE_PRESENCE_ERROR */
    struct burble_xml xml;            /**< the whole presence */
};

/** Announces us, and again after every reconnect; status NULL: none; payload: further elements as
 * text, NULL: none. Before the session it is kept and said when there is one. SYNTAX, LIMIT,
 * MEMORY. */
BURBLE_API int burble_set_presence(struct burble *c, enum burble_show show, const char *status,
                                   int priority, const char *payload);
/** Takes it back: connected, but not available; and no presence after reconnects. status: last
 * words, NULL: none. SYNTAX: they are no text that XML can carry; MEMORY. */
BURBLE_API int burble_set_unavailable(struct burble *c, const char *status);
/** Presence to one address alone (rooms have burble/room.h). OFFLINE, SYNTAX, MEMORY. */
BURBLE_API int burble_send_presence(struct burble *c, const char *to,
                                    enum burble_presence_type type, const char *status);

#ifdef __cplusplus
}
#endif
#endif
