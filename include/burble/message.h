/** @file
 * Messages (RFC 6121 section 5) as a program sees them, with what belongs to chat: receipts
 * (XEP-0184), chat states (0085), markers (0333), corrections (0308), delays (0203), carbons
 * (0280), stanza and origin ids (0359).
 */
#ifndef BURBLE_MESSAGE_H
#define BURBLE_MESSAGE_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Types of messages (RFC 6121 section 5.2.2). */
enum burble_message_type {
    BURBLE_NORMAL,
    BURBLE_CHAT,
    BURBLE_GROUPCHAT,
    BURBLE_HEADLINE,
    BURBLE_MESSAGE_ERROR,
};

/** What the other side does just now (XEP-0085). */
enum burble_chat_state {
    BURBLE_NO_CHAT_STATE,
    BURBLE_CHAT_ACTIVE,
    BURBLE_CHAT_COMPOSING,
    BURBLE_CHAT_PAUSED,
    BURBLE_CHAT_INACTIVE,
    BURBLE_CHAT_GONE,
};
/** "active", as XEP-0085 names it; "" for none. */
BURBLE_API const char *burble_chat_state_text(enum burble_chat_state state);

/** Markers (XEP-0333). */
enum burble_marker { BURBLE_NO_MARKER, BURBLE_MARKABLE, BURBLE_DISPLAYED };

/** Where a message comes from; only BURBLE_LIVE is news. */
enum burble_origin {
    BURBLE_LIVE,
    BURBLE_DELAYED,         /**< stored on the way (XEP-0203): offline, history of a room */
    BURBLE_CARBON_SENT,     /**< another device of ours sent it */
    BURBLE_CARBON_RECEIVED, /**< another device of ours got it */
    BURBLE_ARCHIVED,        /**< answer to a query of the archive (burble/archive.h) */
};

/** All strings NULL when absent. Carbons count only from the own account (V58), and at one level.
 */
struct burble_message {
    enum burble_message_type type; /**< as it was sent; unknown ones are BURBLE_NORMAL */
    enum burble_origin origin;     /**< by which way it came */
    const char *from;      /**< the full address; of the forwarded message where it is one */
    const char *to;        /**< whom it was sent to */
    const char *from_bare; /**< the bare address */
    const char *with;    /**< bare address of the other side of the conversation, whoever sent it */
    const char *id;      /**< the sender's id of it */
    const char *body;    /**< the text */
    const char *subject; /**< of a room, or of this message */
    const char *thread;  /**< the conversation that it belongs to */
    const char *stanza_id;   /**< id in our archive, given by our own account; for groupchat by the
                                  room: position in the archive (XEP-0359) */
    const char *origin_id;   /**< the sender's own id of it (XEP-0359) */
    const char *receipt_for; /**< this confirms that message (XEP-0184) */
    bool receipt_wanted;     /**< the sender wants to know that it came */
    enum burble_chat_state chat_state; /**< what the sender does */
    enum burble_marker marker;         /**< MARKABLE: the sender wants to know that it was read */
    const char *marker_for;            /**< with DISPLAYED: that message was read */
    const char *replaces;    /**< this corrects that message of the same sender (XEP-0308); whoever
                                  shows it checks that with burble_message_may_correct */
    const char *occupant_id; /**< in rooms (XEP-0421) */
    const char *oob_url;     /**< XEP-0066 */
    int64_t stamp_ms;        /**< when it was sent as far as is known, else when it came */
    struct burble_stanza_error error; /**< of BURBLE_MESSAGE_ERROR */
    struct burble_xml xml;            /**< the whole message, or the forwarded one */
};

/** What else goes into a message that is sent. Zero: nothing. */
struct burble_message_options {
    enum burble_message_type type; /**< BURBLE_NORMAL becomes BURBLE_CHAT when there is a body */
    const char *id;                /**< NULL: made */
    const char *subject;           /**< NULL: none */
    const char *thread;            /**< NULL: none */
    const char *replaces;          /**< corrects this own message */
    const char *oob_url;           /**< a file at this URL (XEP-0066) */
    const char *payload;           /**< further elements as text */
    bool ask_receipt;              /**< ask whether it came */
    bool markable;                 /**< ask whether it was read */
    enum burble_chat_state chat_state; /**< what we do */
    unsigned flags;                    /**< enum burble_send_flag */
};

/** Sends text to an address; options may be NULL. id_out (NULL: not wanted) is copied, at least 64
 * bytes. SYNTAX, LIMIT, OFFLINE (with BURBLE_SEND_NOW), MEMORY. */
BURBLE_API int burble_say(struct burble *c, const char *to, const char *body,
                          const struct burble_message_options *options, uint64_t *ticket_out,
                          char *id_out);

#ifdef __cplusplus
}
#endif
#endif
