/** @file
 * Contacts: the roster (RFC 6121 section 2), subscriptions (section 3), and who of them is there.
 *
 * A program makes a roster with its client, before burble_connect. It is fetched in each new
 * session, as a difference where the server has roster versioning and the program kept a cache; a
 * resumed session needs nothing. Changes count only from the own account.
 *
 * What is handed out as const pointers lives until the roster changes: until the callback returns,
 * or until the next burble_feed or burble_loop_run.
 */
#ifndef BURBLE_ROSTER_H
#define BURBLE_ROSTER_H

#include "burble/burble.h"
#include "burble/presence.h"

#ifdef __cplusplus
extern "C" {
#endif

struct burble_roster;

/** Who sees whose presence. */
enum burble_subscription {
    BURBLE_SUBSCRIPTION_NONE,
    BURBLE_SUBSCRIPTION_TO,   /**< we see theirs */
    BURBLE_SUBSCRIPTION_FROM, /**< they see ours */
    BURBLE_SUBSCRIPTION_BOTH,
};
/** "none", "to", "from", "both" */
BURBLE_API const char *burble_subscription_text(enum burble_subscription subscription);

/** Is a contact there? */
enum burble_contact_state {
    BURBLE_CONTACT_UNKNOWN, /**< no session, not available ourselves, or no subscription to them */
    BURBLE_CONTACT_OFFLINE, /**< no resource is announced to us, and nothing speaks against it */
    BURBLE_CONTACT_HIDDEN,  /**< connected, but announced to us as unavailable */
    BURBLE_CONTACT_ONLINE,
};
/** "unknown", "offline", "hidden", "online" */
BURBLE_API const char *burble_contact_state_text(enum burble_contact_state state);

/** One connected device of a contact, or one that was. At most 64 of a contact are kept. */
struct burble_resource {
    const char *jid;       /**< full address */
    const char *resource;  /**< its last part */
    bool available;        /**< it is there */
    bool hidden;           /**< not available, but it spoke or answered since */
    enum burble_show show; /**< how available */
    const char *status;    /**< NULL: none; cut at 1,024 bytes */
    int priority;          /**< -128 to 127 */
    int64_t since_ms;      /**< when it became what it is */
};

/** One entry of the roster. */
struct burble_contact {
    const char *jid;                       /**< bare address */
    const char *name;                      /**< NULL: none */
    enum burble_subscription subscription; /**< who sees whom */
    bool ask;      /**< we have asked to see their presence, and they have not answered */
    bool approved; /**< they may ask to see ours, the server will say yes (pre-approval) */
    const char *const *groups;       /**< names of its groups */
    size_t group_count;              /**< how many */
    enum burble_contact_state state; /**< is it there? */
    /** Those available first, the best one first: highest priority, then chat, online, away, xa,
     * dnd, then the latest. Behind them those of this process that are not available any more, at
     * most 8. */
    const struct burble_resource *resources;
    size_t resource_count;  /**< how many */
    size_t available_count; /**< of them available */
};

/** Begin with BURBLE_ROSTER_CONFIG. Every callback may be NULL, and may call everything that
 * callbacks may, burble_roster_free too. */
struct burble_roster_config {
    size_t size; /**< set by BURBLE_ROSTER_CONFIG */
    void *arg;   /**< the program's, given to each callback */
    /** This session's roster is there; error NULL: good, else the server refused it or did not
     * answer, and what the roster has is old. */
    void (*ready)(struct burble_roster *r, const struct burble_stanza_error *error, void *arg);
    /** A contact was added or changed, after ready. */
    void (*changed)(struct burble_roster *r, const struct burble_contact *contact, void *arg);
    /** A contact was removed: its address. */
    void (*removed)(struct burble_roster *r, const char *jid, void *arg);
    /** Somebody, in the roster or not, asks to see our presence: answered with
     * burble_roster_approve or burble_roster_cancel, now or later. The server repeats it in every
     * session until then. NULL: it is a BURBLE_EVENT_PRESENCE. status NULL: none. */
    void (*request)(struct burble_roster *r, const char *jid, const char *status, void *arg);
    /** A contact's resource has come, changed, gone, or showed that it hides. resource NULL: all
     * have gone. BURBLE_EVENT_PRESENCE comes as well, behind this. */
    void (*presence)(struct burble_roster *r, const struct burble_contact *contact,
                     const struct burble_resource *resource, void *arg);
    const void *cache;     /**< of burble_roster_save; copied */
    size_t cache_len;      /**< bytes */
    uint32_t contacts_max; /**< 10,000; what the server sends beyond is left out, with
                                BURBLE_EVENT_BAD */
};
/** A configuration: what is named is set, the rest is zero. */
#define BURBLE_ROSTER_CONFIG(...) BURBLE_MAKE(burble_roster_config, __VA_ARGS__)

/** The roster of c; config NULL: all defaults. It is freed with the client at the latest. CORRUPT:
 * the cache is damaged, or another account's (begin without it); EXISTS: c has one; MEMORY. *out is
 * NULL then. */
BURBLE_API int burble_roster_new(struct burble *c, const struct burble_roster_config *config,
                                 struct burble_roster **out);
/** No callback of it comes any more. Only while its client lives. Harmless on NULL. */
BURBLE_API void burble_roster_free(struct burble_roster **r);

/** This session's roster has come. */
BURBLE_API bool burble_roster_is_ready(const struct burble_roster *r);
/** Contacts in the order of their addresses. */
BURBLE_API size_t burble_roster_count(const struct burble_roster *r);
/** NULL: at is too big. */
BURBLE_API const struct burble_contact *burble_roster_at(struct burble_roster *r, size_t at);
/** The contact of a bare or full address; NULL: none in the roster, or no address. */
BURBLE_API const struct burble_contact *burble_roster_find(struct burble_roster *r,
                                                           const char *jid);
/** The own account as a contact: our other resources. */
BURBLE_API const struct burble_contact *burble_roster_self(struct burble_roster *r);
/** May this address see our presence: is it a contact with subscription "from" or "both", or
 * ourselves? */
BURBLE_API bool burble_roster_sees_us(struct burble_roster *r, const char *jid);

/** The roster as bytes for the cache of a later process: addresses, names, groups. *out is freed by
 * the caller (free). MEMORY; LIMIT: more than 16 MiB. */
BURBLE_API int burble_roster_save(struct burble_roster *r, void **out, size_t *len_out);

/** Adds a contact, or gives it another name and other groups (all of them are said each time). name
 * NULL: none. fn (NULL: none) is called as that of burble_set; the roster itself changes before
 * that, with the server's push. SYNTAX, LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_roster_set(struct burble_roster *r, const char *jid, const char *name,
                                 const char *const *groups, size_t group_count, burble_iq_fn *fn,
                                 void *arg);
/** Removes a contact, with subscriptions in both directions. As burble_roster_set. */
BURBLE_API int burble_roster_remove(struct burble_roster *r, const char *jid, burble_iq_fn *fn,
                                    void *arg);

/** Asks to see somebody's presence; status NULL: nothing is said with it. These four are kept while
 * there is no session, as messages are. SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_roster_subscribe(struct burble_roster *r, const char *jid,
                                       const char *status);
/** Does not want to see it any more. As burble_roster_subscribe. */
BURBLE_API int burble_roster_unsubscribe(struct burble_roster *r, const char *jid);
/** Lets somebody see ours: who asked, or, where burble_roster_can_preapprove says so, who will ask
 * (RFC 6121 section 3.4). As burble_roster_subscribe. */
BURBLE_API int burble_roster_approve(struct burble_roster *r, const char *jid);
/** No: denies a request, takes back an approval or a pre-approval. As burble_roster_subscribe. */
BURBLE_API int burble_roster_cancel(struct burble_roster *r, const char *jid);
/** The server of this session has pre-approval. */
BURBLE_API bool burble_roster_can_preapprove(const struct burble_roster *r);

/** What a probe found out. */
struct burble_probe {
    enum burble_contact_state state; /**< as far as is known now */
    int64_t idle_seconds; /**< last activity as the server says (XEP-0012); -1: it does not */
    unsigned answered;    /**< so many devices of those that are not available answered a ping */
};
/** contact NULL: it is not in the roster any more. */
typedef void burble_probe_fn(struct burble_roster *r, const struct burble_contact *contact,
                             const struct burble_probe *probe, void *arg);
/** Asks whether a contact without available resources is offline or hides: its server for the last
 * activity (XEP-0012), and its devices that were seen before for a ping (XEP-0199). A device that
 * hides and knows no ping looks like one that is off. fn is called exactly once, never from inside
 * of this call, unless the roster is freed before. NOT_FOUND: no such contact; OFFLINE, LIMIT (100
 * probes at a time), MEMORY. */
BURBLE_API int burble_roster_probe(struct burble_roster *r, const char *jid, burble_probe_fn *fn,
                                   void *arg);

#ifdef __cplusplus
}
#endif
#endif
