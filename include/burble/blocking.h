/** @file
 * Blocked addresses (XEP-0191): who can neither reach us nor see us. The server keeps the list and
 * does the work; this is a copy of it, fetched in each new session and changed by the server alone.
 */
#ifndef BURBLE_BLOCKING_H
#define BURBLE_BLOCKING_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

struct burble_blocklist;

/** Begin with BURBLE_BLOCKLIST_CONFIG. Callbacks may be NULL. */
struct burble_blocklist_config {
    size_t size; /**< set by BURBLE_BLOCKLIST_CONFIG */
    void *arg;   /**< the program's, given to each callback */
    /** This session's list is there; error: the server has none, or did not answer. */
    void (*ready)(struct burble_blocklist *b, const struct burble_stanza_error *error, void *arg);
    /** An address was blocked, or is not any more; jid NULL: nobody is blocked any more. */
    void (*changed)(struct burble_blocklist *b, const char *jid, bool blocked, void *arg);
    uint32_t max; /**< 10,000 addresses; what comes beyond is left out, with BURBLE_EVENT_BAD */
};
/** A configuration: what is named is set, the rest is zero. */
#define BURBLE_BLOCKLIST_CONFIG(...) BURBLE_MAKE(burble_blocklist_config, __VA_ARGS__)

/** config NULL: all defaults. Freed with the client at the latest. EXISTS: c has one; MEMORY. *out
 * is NULL then. */
BURBLE_API int burble_blocklist_new(struct burble *c, const struct burble_blocklist_config *config,
                                    struct burble_blocklist **out);
/** No callback of it comes any more. Only while its client lives. Harmless on NULL. */
BURBLE_API void burble_blocklist_free(struct burble_blocklist **b);

/** This session's list has come. */
BURBLE_API bool burble_blocklist_is_ready(const struct burble_blocklist *b);
/** Blocked addresses in order; they live until the list changes. NULL: at is too big. */
BURBLE_API size_t burble_blocklist_count(const struct burble_blocklist *b);
/** An address of the list; NULL: at is too big. */
BURBLE_API const char *burble_blocklist_at(const struct burble_blocklist *b, size_t at);
/** Is this address blocked: itself, its bare address, or its domain (with or without its resource)?
 */
BURBLE_API bool burble_is_blocked(const struct burble_blocklist *b, const char *jid);

/** Blocks addresses: of a person, a device, a domain. fn (NULL: none) as that of burble_set; the
 * list changes before that, with the server's push. SYNTAX: one is no address, or there are none;
 * LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_block(struct burble_blocklist *b, const char *const *jids, size_t count,
                            burble_iq_fn *fn, void *arg);
/** Takes addresses off the list; count 0: everybody. As burble_block. */
BURBLE_API int burble_unblock(struct burble_blocklist *b, const char *const *jids, size_t count,
                              burble_iq_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
