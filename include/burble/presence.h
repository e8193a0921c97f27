/** @file
 * Presence and subscriptions (RFC 6121 sections 3 and 4).
 */
#ifndef BURBLE_PRESENCE_H
#define BURBLE_PRESENCE_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

enum burble_presence_type {
    BURBLE_AVAILABLE,
    BURBLE_UNAVAILABLE,
    BURBLE_SUBSCRIBE,
    BURBLE_SUBSCRIBED,
    BURBLE_UNSUBSCRIBE,
    BURBLE_UNSUBSCRIBED,
    BURBLE_PRESENCE_ERROR,
};
enum burble_show {
    BURBLE_SHOW_ONLINE,
    BURBLE_SHOW_CHAT,
    BURBLE_SHOW_AWAY,
    BURBLE_SHOW_XA,
    BURBLE_SHOW_DND
};
/** "online", "chat", "away", "xa", "dnd" */
BURBLE_API const char *burble_show_text(enum burble_show show);

struct burble_presence {
    enum burble_presence_type type;
    const char *from, *to, *from_bare, *resource; /**< resource NULL: none */
    enum burble_show show;
    const char *status; /**< NULL: none */
    int priority;
    struct burble_stanza_error error;
    struct burble_xml xml;
};

/** Announces us, and again after every reconnect; status NULL: none; payload: further elements as
 * text, NULL: none. Before the session it is kept and said when there is one. SYNTAX, LIMIT,
 * MEMORY. */
BURBLE_API int burble_set_presence(struct burble *c, enum burble_show show, const char *status,
                                   int priority, const char *payload);
/** Takes it back: connected, but not available; and no presence after reconnects. */
BURBLE_API int burble_set_unavailable(struct burble *c, const char *status);
/** Presence to one address alone (rooms have burble/room.h). OFFLINE, SYNTAX, MEMORY. */
BURBLE_API int burble_send_presence(struct burble *c, const char *to,
                                    enum burble_presence_type type, const char *status);

#ifdef __cplusplus
}
#endif
#endif
