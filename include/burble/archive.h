/** @file
 * Archives of messages (XEP-0313, paged by XEP-0059, searched by XEP-0431): the own one, and those
 * of rooms.
 *
 * A query fetches page after page by itself until everything is there or its limit is reached. What
 * comes is checked: a result that nobody asked for, from somebody else than the archive, or behind
 * the end of its query is refused (BURBLE_EVENT_BAD).
 */
#ifndef BURBLE_ARCHIVE_H
#define BURBLE_ARCHIVE_H

#include "burble/burble.h"
#include "burble/message.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One message: origin BURBLE_ARCHIVED, stanza_id its id in the archive, stamp_ms when the archive
 * got it. */
typedef void burble_archive_message_fn(struct burble *c, const struct burble_message *message,
                                       void *arg);

/** How a query ended. */
struct burble_archive_result {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< "item-not-found": after_id or before_id is not there */
    const char *text;                 /**< one sentence for people; "" when it went well */
    bool complete;     /**< there are no more of them; else the limit was reached, or the
                            archive gave no more */
    bool stable;       /**< the archive does not expect these to change */
    const char *first; /**< id of the oldest that came, to go on backwards: before_id; NULL: none */
    const char *last;  /**< id of the newest that came, to go on: after_id; NULL: none */
    uint32_t count;    /**< how many came */
    int64_t total;     /**< how many the archive says there are; -1: it does not say */
};
/** The query has ended. */
typedef void burble_archive_done_fn(struct burble *c, const struct burble_archive_result *result,
                                    void *arg);

/** In which order a query asks, and where it begins. */
enum burble_archive_flag {
    /** The newest page first. In a page the oldest message comes first all the same. */
    BURBLE_ARCHIVE_BACKWARDS = 1,
    /** In each page the newest message first, if the archive can (burble_archive_look). */
    BURBLE_ARCHIVE_FLIP = 2,
    /** If after_id is not in the archive any more: everything since start_ms. */
    BURBLE_ARCHIVE_OR_SINCE = 4,
};

/** A page is complete, count messages of it came; the next one may follow. */
typedef void burble_archive_page_fn(struct burble *c, uint32_t count, void *arg);

/** Begin with BURBLE_ARCHIVE_QUERY. All is copied. What is zero is no condition. */
struct burble_archive_query {
    size_t size;         /**< set by the macro */
    const char *archive; /**< NULL: the own; else the address of a room */
    const char *with;    /**< only to and from this address, bare or full */
    int64_t start_ms;    /**< not before */
    int64_t end_ms;      /**< not after */
    const char
        *after_id; /**< only what came after it; with before_id: not every archive can that */
    const char *before_id;              /**< only what came before it */
    const char *text;                   /**< only with these words in it, where it can be searched;
                                             else the error is "feature-not-implemented" */
    uint32_t max;                       /**< so many in all; 0: 10,000 */
    uint32_t page;                      /**< so many per request, at most 250; 0: 50 */
    unsigned flags;                     /**< enum burble_archive_flag */
    burble_archive_message_fn *message; /**< may be NULL: then they are counted */
    burble_archive_done_fn *done;       /**< exactly once, never from inside of the call; may be
                                             NULL */
    void *arg;                          /**< the program's, given to each callback */
    burble_archive_page_fn *page_done;  /**< may be NULL */
};
/** A query: what is named is set, the rest is zero. */
#define BURBLE_ARCHIVE_QUERY(...) BURBLE_MAKE(burble_archive_query, __VA_ARGS__)

/** The handle (NULL: not wanted) is for burble_archive_cancel. OFFLINE, SYNTAX (an address), LIMIT
 * (100 at the same time), MEMORY: nothing is called. */
BURBLE_API int burble_archive_query(struct burble *c, const struct burble_archive_query *query,
                                    uint64_t *handle_out);
/** Neither message nor done will be called. An old handle is harmless. */
BURBLE_API void burble_archive_cancel(struct burble *c, uint64_t handle);

/** What was said while we were away: everything after the message last_id, the stanza_id of the
 * last one that is known; where the archive has forgotten that one, everything since last_ms.
 * last_id NULL: since last_ms. archive as above. As burble_archive_query; SYNTAX also when there is
 * neither an id nor a time. */
BURBLE_API int burble_archive_catch_up(struct burble *c, const char *archive, const char *last_id,
                                       int64_t last_ms, burble_archive_message_fn *message,
                                       burble_archive_done_fn *done, void *arg,
                                       uint64_t *handle_out);

/** What an archive can do. */
struct burble_archive_abilities {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< "service-unavailable": there is no archive */
    const char *text;                 /**< one sentence for people */
    bool extended;                    /**< flipped pages, after_id with before_id */
    bool search;                      /**< text */
    bool groupchat;                   /**< has what was said in rooms (XEP-0313 section 4.1.4) */
};
/** Gets the answer. */
typedef void burble_archive_look_fn(struct burble *c,
                                    const struct burble_archive_abilities *abilities, void *arg);
/** fn is called exactly once. OFFLINE, SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_archive_look(struct burble *c, const char *archive,
                                   burble_archive_look_fn *fn, void *arg);

/** Whose messages are kept (XEP-0441). */
enum burble_archive_default {
    BURBLE_ARCHIVE_ALWAYS,
    BURBLE_ARCHIVE_NEVER,
    BURBLE_ARCHIVE_ROSTER, /**< of contacts */
};
/** Whose messages an archive keeps. */
struct burble_archive_prefs {
    enum burble_archive_default otherwise; /**< of those in no list */
    const char *const *always;             /**< addresses */
    size_t always_count;                   /**< how many */
    const char *const *never;              /**< addresses */
    size_t never_count;                    /**< how many */
};
/** The preferences as they are now. */
struct burble_archive_prefs_result {
    enum burble_iq_outcome outcome;    /**< how it ended */
    struct burble_stanza_error error;  /**< when the outcome is no result */
    const char *text;                  /**< one sentence for people; "" when it went well */
    struct burble_archive_prefs prefs; /**< as they are now; at most 1,000 addresses in each list */
};
/** Gets the answer. */
typedef void burble_archive_prefs_fn(struct burble *c,
                                     const struct burble_archive_prefs_result *result, void *arg);
/** prefs NULL: only asks. Else they replace what was there. fn is called exactly once. OFFLINE,
 * SYNTAX (an address), LIMIT (1,000 in a list), MEMORY. */
BURBLE_API int burble_archive_prefs(struct burble *c, const struct burble_archive_prefs *prefs,
                                    burble_archive_prefs_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
