/** @file
 * In-band bytestreams (XEP-0047): bytes in both directions inside of the XMPP session, in order,
 * each block acknowledged. Slow, but it works wherever messages do. Files go over it with
 * burble/file.h.
 */
#ifndef BURBLE_IBB_H
#define BURBLE_IBB_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BURBLE_IBB_BLOCK = 4096,      /**< bytes of a block unless something else is agreed */
    BURBLE_IBB_BLOCK_MIN = 128,   /**< smaller ones are refused */
    BURBLE_IBB_BLOCK_MAX = 65535, /**< section 2.1 */
    BURBLE_IBB_WINDOW = 8,        /**< blocks that are under way at a time */
    BURBLE_IBB_STREAMS_MAX = 100, /**< of a client */
};

/** A bytestream. Freed by the program, with the client at the latest. */
struct burble_ibb;

/** How a stream of bytes ended. */
enum burble_ibb_end {
    BURBLE_IBB_CLOSED,  /**< in order, by us or by the other side */
    BURBLE_IBB_REFUSED, /**< the other side did not want it */
    BURBLE_IBB_BROKEN,  /**< the other side did not keep to the rules, or reported an error */
    BURBLE_IBB_LOST,    /**< it is silent, or our session is gone */
};

/** What becomes of a stream of bytes. */
struct burble_ibb_handlers {
    size_t size; /**< sizeof(struct burble_ibb_handlers) */
    /** It stands: after burble_ibb_open and burble_ibb_await. Who sends begins here, with as much
     * as burble_ibb_room says. May be NULL, as all. */
    void (*open)(struct burble_ibb *s, void *arg);
    /** Bytes came. */
    void (*data)(struct burble_ibb *s, const void *data, size_t len, void *arg);
    /** So many bytes may be given to burble_ibb_send. Called after each block that was
     * acknowledged, so not before the first one was sent. */
    void (*room)(struct burble_ibb *s, size_t room, void *arg);
    /** It is over; nothing is called after this. text: for people. */
    void (*end)(struct burble_ibb *s, enum burble_ibb_end end, const char *text, void *arg);
};

/** Opens one to a full address. sid NULL: made; block 0: BURBLE_IBB_BLOCK. The other side may ask
 * for smaller blocks. All handlers are called later, never from inside of a call. SYNTAX, EXISTS
 * (this sid), LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_ibb_open(struct burble *c, const char *to, const char *sid, unsigned block,
                               const struct burble_ibb_handlers *h, void *arg,
                               struct burble_ibb **out);
/** Accepts one that was agreed on otherwise (Jingle, XEP-0261), when the other side opens it with
 * blocks of at most this size. It waits for that, and for each block, at most two minutes. SYNTAX,
 * EXISTS, LIMIT, MEMORY. */
BURBLE_API int burble_ibb_await(struct burble *c, const char *from, const char *sid, unsigned block,
                                const struct burble_ibb_handlers *h, void *arg,
                                struct burble_ibb **out);

/** Somebody wants to open one. */
struct burble_ibb_offer {
    const char *from; /**< who offers, the full address */
    const char *sid;  /**< of the stream */
    unsigned block;   /**< bytes of a block */
};
/** Accepts with burble_ibb_accept before it returns, or the stream is refused. */
typedef void burble_ibb_offer_fn(struct burble *c, const struct burble_ibb_offer *offer, void *arg);
/** fn hears of what nobody waits for; NULL: nobody, and all are refused as from the start. MEMORY,
 * EXISTS. */
BURBLE_API int burble_ibb_listen(struct burble *c, burble_ibb_offer_fn *fn, void *arg);
/** It stands at once, without the handler "open". block_max 0: any size. LIMIT: its blocks are
 * bigger than that, and the other side is told; BUSY: not within the callback; MEMORY. */
BURBLE_API int burble_ibb_accept(struct burble *c, const struct burble_ibb_offer *offer,
                                 unsigned block_max, const struct burble_ibb_handlers *h, void *arg,
                                 struct burble_ibb **out);

/** How much may be sent now; 0 when it does not stand. */
BURBLE_API size_t burble_ibb_room(const struct burble_ibb *s);
/** Sends bytes; they are copied. LIMIT: there is no room for all of them, nothing was taken;
 * OFFLINE: it does not stand; MEMORY. */
BURBLE_API int burble_ibb_send(struct burble_ibb *s, const void *data, size_t len);
/** Everything that was sent is acknowledged. */
BURBLE_API bool burble_ibb_is_settled(const struct burble_ibb *s);
/** Closes it when all is acknowledged; "end" is called then. */
BURBLE_API void burble_ibb_close(struct burble_ibb *s);
/** Bytes of a block, as agreed. */
BURBLE_API unsigned burble_ibb_block(const struct burble_ibb *s);
/** Whose it is. */
BURBLE_API struct burble *burble_ibb_client(const struct burble_ibb *s);
/** Ends it at once; the other side is told. Harmless on NULL. */
BURBLE_API void burble_ibb_free(struct burble_ibb **s);

#ifdef __cplusplus
}
#endif
#endif
