/** @file
 * What a client does in conversations beside saying things: receipts (XEP-0184), displayed markers
 * (0333), chat states (0085); whether a correction (0308) or a retraction (0424, 0425) counts;
 * reactions (0444); what a bot may answer.
 *
 * Nothing here tells a stranger that we are there: what goes out by itself, or would show that
 * somebody reads, goes to those alone who may see our presence, while we are available.
 */
#ifndef BURBLE_CHAT_H
#define BURBLE_CHAT_H

#include "burble/message.h"
#include "burble/roster.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------- conversations */

struct burble_chat;

/** What goes out by itself. */
enum burble_chat_flag {
    BURBLE_CHAT_NO_RECEIPTS = 1 << 0, /**< none by themselves */
    BURBLE_CHAT_NO_STATES = 1 << 1,   /**< the person does not want to show what it does */
    BURBLE_CHAT_STRANGERS = 1 << 2,   /**< unsafe: all of this to anybody, who then knows that we
                                           are there */
};

/** Begin with BURBLE_CHAT_CONFIG. */
struct burble_chat_config {
    size_t size;    /**< set by BURBLE_CHAT_CONFIG */
    unsigned flags; /**< enum burble_chat_flag */
};
/** A configuration: what is named is set, the rest is zero. */
#define BURBLE_CHAT_CONFIG(...) BURBLE_MAKE(burble_chat_config, __VA_ARGS__)

/** config NULL: all defaults. Who may see our presence is what the client's roster says
 * (burble/roster.h); without one nobody may. From now on receipts that are asked for are sent: for
 * messages of contacts who may see us, live and from the offline store; not for rooms, copies, the
 * archive. What comes before the roster waits for it. Freed with the client at the latest. EXISTS:
 * c has one; MEMORY. */
BURBLE_API int burble_chat_new(struct burble *c, const struct burble_chat_config *config,
                               struct burble_chat **out);
/** Only while its client lives. Harmless on NULL. */
BURBLE_API void burble_chat_free(struct burble_chat **chat);

/** burble_say with what belongs to a conversation: a chat message to somebody who may see us says
 * that we are active, as long as the other side has not answered without chat states. As
 * burble_say. */
BURBLE_API int burble_chat_say(struct burble_chat *chat, const char *to, const char *body,
                               const struct burble_message_options *options, uint64_t *ticket_out,
                               char *id_out);
/** Tells what the person does (not in rooms). It is not sent twice in a row. NULL thread: none.
 * REFUSED: jid may not see us, has not shown that it knows chat states, or NO_STATES; OFFLINE,
 * SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_chat_state(struct burble_chat *chat, const char *jid,
                                 enum burble_chat_state state, const char *thread);
/** The person has seen this message, and with it all before. Needed of it: type, from, from_bare,
 * id, stanza_id, marker, thread. REFUSED: it did not ask (in rooms it need not), its sender may not
 * see us, we are not in that room, it is our own; OFFLINE, SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_chat_displayed(struct burble_chat *chat, const struct burble_message *m);
/** True when this message came before, by whatever way: live, as a copy, from the archive, said
 * again by a client that lost its connection. The last 1,000 are remembered, from this call on. */
BURBLE_API bool burble_chat_seen(struct burble_chat *chat, const struct burble_message *m);

/* ------------------------------------------------------------------------------- what may count */

/** May a bot answer? It is live or from the offline store, has a text, is no error, no copy, no
 * history, no retraction, not from our own account and not from a room itself. An own message that
 * a room sends back is to be told by the room's event (burble/room.h, own). */
BURBLE_API bool burble_chat_is_news(const struct burble *c, const struct burble_message *m);

/** May this correction replace that message? Same sender, and it names it: the bare address; in
 * rooms the occupant id. Where a room gives none, the full address, and only if stayed: the
 * occupant has certainly not left in between. Private messages of a room: full address and stayed.
 * What may not is a message of its own (V61). Needed of the original: type, from, from_bare, id,
 * occupant_id. */
BURBLE_API bool burble_message_may_correct(const struct burble_message *original,
                                           const struct burble_message *correction, bool stayed);

/** What a message takes back. */
struct burble_retraction {
    const char *id;     /**< of the message: in rooms its stanza_id, else its id */
    bool moderated;     /**< by a moderator of the room (XEP-0425), whoever wrote it */
    const char *by;     /**< the moderator; NULL: not told */
    const char *reason; /**< NULL: none */
};
/** True: it is a retraction. A moderation counts only from the room itself. */
BURBLE_API bool burble_message_retraction(const struct burble_message *m,
                                          struct burble_retraction *out);
/** May it take that message back? By the rules of burble_message_may_correct (V62); a moderator's
 * may take back everything of its room. Needed of the original: type, from, from_bare, id,
 * stanza_id, origin_id, occupant_id. */
BURBLE_API bool burble_message_may_retract(const struct burble_message *original,
                                           const struct burble_message *retraction, bool stayed);

/** Takes an own message back: id is its stanza_id in rooms, else its id. As burble_say. */
BURBLE_API int burble_retract(struct burble *c, const char *to, enum burble_message_type type,
                              const char *id, uint64_t *ticket_out);
/** Reacts to a message (named as for burble_retract) with these emojis instead of those before;
 * count 0: none any more. As burble_say. */
BURBLE_API int burble_react(struct burble *c, const char *to, enum burble_message_type type,
                            const char *id, const char *const *emojis, size_t count,
                            uint64_t *ticket_out);

#ifdef __cplusplus
}
#endif
#endif
