/** @file
 * Bookmarks of rooms: kept by the server for all devices of the account (XEP-0402; where the server
 * has no personal eventing, private XML storage, XEP-0048 and XEP-0049).
 */
#ifndef BURBLE_BOOKMARKS_H
#define BURBLE_BOOKMARKS_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

struct burble_bookmarks;

/** A room that somebody wants to remember. */
struct burble_bookmark {
    const char *jid;      /**< the room, bare */
    const char *name;     /**< for people; NULL: none */
    const char *nick;     /**< NULL: none */
    const char *password; /**< of the room; NULL: none. The server can read it. */
    bool autojoin;        /**< to be entered when the program starts */
};

/** Begin with BURBLE_BOOKMARKS_CONFIG. Every callback may be NULL, and may call everything that
 * callbacks may, burble_bookmarks_free too. Bookmarks that are handed out live until the callback
 * returns. Changes count only from the own account (row V65). */
struct burble_bookmarks_config {
    size_t size; /**< set by BURBLE_BOOKMARKS_CONFIG */
    void *arg;   /**< the program's, given to each callback */
    /** This session's bookmarks are there: changed and removed were called for what is another than
     * in the session before. error NULL: good, else what is there is old. */
    void (*ready)(struct burble_bookmarks *b, const struct burble_stanza_error *error, void *arg);
    /** A bookmark is new, or another than it was. */
    void (*changed)(struct burble_bookmarks *b, const struct burble_bookmark *bookmark, void *arg);
    /** One is gone: its address. */
    void (*removed)(struct burble_bookmarks *b, const char *jid, void *arg);
    uint32_t max; /**< 1,000; what is beyond is left out, with BURBLE_EVENT_BAD */
};
/** A configuration: what is named is set, the rest is zero. */
#define BURBLE_BOOKMARKS_CONFIG(...) BURBLE_MAKE(burble_bookmarks_config, __VA_ARGS__)

/** config NULL: all defaults. Fetches them in each new session, and hears of changes by other
 * devices (with burble_caps_start, and only where the server has personal eventing). Freed with the
 * client at the latest. EXISTS: c has some; MEMORY. *out is NULL then. */
BURBLE_API int burble_bookmarks_new(struct burble *c, const struct burble_bookmarks_config *config,
                                    struct burble_bookmarks **out);
/** No callback of it comes any more; those of requests do. Only while its client lives. Harmless on
 * NULL. */
BURBLE_API void burble_bookmarks_free(struct burble_bookmarks **b);

/** This session's bookmarks have come. */
BURBLE_API bool burble_bookmarks_is_ready(const struct burble_bookmarks *b);
/** How many there are. */
BURBLE_API size_t burble_bookmarks_count(const struct burble_bookmarks *b);
/** In the order of their addresses; false: at is too big. out lives until they change. */
BURBLE_API bool burble_bookmarks_at(const struct burble_bookmarks *b, size_t at,
                                    struct burble_bookmark *out);
/** False: there is none for this room, or it is no address. */
BURBLE_API bool burble_bookmarks_find(const struct burble_bookmarks *b, const char *jid,
                                      struct burble_bookmark *out);

/** Makes or changes one; what other programs keep in it stays. They are published for ourselves
 * alone (V67). fn (NULL: none) is called exactly once, never from inside of the call; changed is
 * called before it. BUSY: they have not come yet; SYNTAX, LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_bookmarks_set(struct burble_bookmarks *b,
                                    const struct burble_bookmark *bookmark, burble_iq_fn *fn,
                                    void *arg);
/** NOT_FOUND: there is none. */
BURBLE_API int burble_bookmarks_remove(struct burble_bookmarks *b, const char *jid,
                                       burble_iq_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
