/** @file
 * Publish-subscribe (XEP-0060) and personal eventing (XEP-0163): nodes with items, at services and
 * at every account.
 *
 * service is everywhere the address of a service or the bare address of an account; NULL: the own
 * account. fn is called exactly once, never from inside of the call; it may be NULL where it is a
 * burble_iq_fn. All functions answer SYNTAX, LIMIT, OFFLINE, MEMORY.
 */
#ifndef BURBLE_PUBSUB_H
#define BURBLE_PUBSUB_H

#include "burble/burble.h"
#include "burble/form.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One line of a node's configuration, "pubsub#access_model" and "whitelist"; lists of them end
 * with var NULL. */
struct burble_pubsub_option {
    const char *var;   /**< name of the field */
    const char *value; /**< as text */
};
/** Kept, and only for ourselves: what private data is published with (row V67). */
BURBLE_API const struct burble_pubsub_option *burble_pubsub_private(void);

/* --------------------------------------------------------------------------------------- items */

/** What became of an item. */
struct burble_published {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< when the outcome is no result */
    const char *node;                 /**< where */
    const char *id; /**< of the item, as the service says or as was asked for; NULL: not known */
};
/** Gets the answer. */
typedef void burble_published_fn(struct burble *c, const struct burble_published *published,
                                 void *arg);

/** What happens to a node that is there with other options. */
enum burble_publish_flag {
    /** A node that is there with other options is configured to be as they say, and the item is
     * published then; without this it is refused with "conflict". */
    BURBLE_PUBLISH_CONFIGURE = 1 << 0,
};
/** Publishes one item. id NULL: the service gives one. payload: one element as text, NULL: none.
 * options NULL: the node's, or the service's default for a new one. */
BURBLE_API int burble_pubsub_publish(struct burble *c, const char *service, const char *node,
                                     const char *id, const char *payload,
                                     const struct burble_pubsub_option *options, unsigned flags,
                                     burble_published_fn *fn, void *arg);
/** notify: subscribers are told. */
BURBLE_API int burble_pubsub_retract(struct burble *c, const char *service, const char *node,
                                     const char *id, bool notify, burble_iq_fn *fn, void *arg);

/** An item of a node. */
struct burble_pubsub_item {
    const char *id;            /**< NULL: none */
    const char *publisher;     /**< NULL: not told */
    struct burble_xml payload; /**< no node: none */
};
/** An answer: items of a node. It lives until the callback returns. */
struct burble_pubsub_items {
    enum burble_iq_outcome outcome;         /**< how it ended */
    struct burble_stanza_error error;       /**< "item-not-found": there is no such node */
    const char *service;                    /**< who answered */
    const char *node;                       /**< whose items these are */
    const struct burble_pubsub_item *items; /**< in the order of the service */
    size_t count;                           /**< how many */
    const char *last; /**< there are more: ask again with after; NULL: not told */
};
/** Gets the answer. */
typedef void burble_pubsub_items_fn(struct burble *c, const struct burble_pubsub_items *items,
                                    void *arg);

/** Which ones; zero: all. */
struct burble_pubsub_query {
    const char *const *ids; /**< these; ends with NULL */
    uint32_t max;           /**< the latest of them */
    uint32_t page;          /**< so many per answer (XEP-0059), where the service has pages */
    const char *after;      /**< the page behind this item */
};
/** query NULL: all. */
BURBLE_API int burble_pubsub_items(struct burble *c, const char *service, const char *node,
                                   const struct burble_pubsub_query *query,
                                   burble_pubsub_items_fn *fn, void *arg, uint64_t *handle_out);

/* -------------------------------------------------------------------------------------- events */

/** What has happened at a node. */
enum burble_pubsub_kind {
    BURBLE_PUBSUB_ITEM,      /**< id, payload, publisher */
    BURBLE_PUBSUB_RETRACTED, /**< id */
    BURBLE_PUBSUB_PURGED,    /**< all items are gone */
    BURBLE_PUBSUB_DELETED,   /**< the node is gone */
    BURBLE_PUBSUB_CONFIGURED,
    BURBLE_PUBSUB_SUBSCRIPTION, /**< ours is another now: state */
};
/** Something has happened at a node. It lives until the callback returns. */
struct burble_pubsub_event {
    enum burble_pubsub_kind kind; /**< what happened */
    const char *from;      /**< the service, or the bare address of the account whose node it is */
    bool own;              /**< it is our account: nobody else can make it so (row V65) */
    const char *node;      /**< where */
    const char *id;        /**< of the item; NULL: none */
    const char *publisher; /**< NULL: not told */
    const char *state;     /**< "subscribed", "none", ...; NULL: not told */
    struct burble_xml payload; /**< of the item */
    int64_t stamp_ms;          /**< when it was published, where that is told (XEP-0203); 0: now */
};
/** Something has happened at a node. */
typedef void burble_pubsub_event_fn(struct burble *c, const struct burble_pubsub_event *event,
                                    void *arg);

/** Whose events are wanted. */
enum burble_events {
    BURBLE_EVENTS_OWN = 1 << 0, /**< of our own account alone; others' are ignored */
    /** Ask for those of contacts and of the own account, with capabilities (burble_caps_start has
     * to be called): the server sends the latest item of each with every session. */
    BURBLE_EVENTS_NOTIFY = 1 << 1,
};
/** fn hears of this node, whoever's it is, once for each item. node NULL: of nodes that nobody else
 * hears of. Events from full addresses are none: BURBLE_EVENT_BAD. EXISTS: the same fn and arg are
 * there for this node; MEMORY. */
BURBLE_API int burble_on_pubsub_event(struct burble *c, const char *node, unsigned flags,
                                      burble_pubsub_event_fn *fn, void *arg);
/** Takes it back; may be called in fn. */
BURBLE_API void burble_off_pubsub_event(struct burble *c, const char *node,
                                        burble_pubsub_event_fn *fn, void *arg);

/* ------------------------------------------------------------------------------- subscriptions */

/** A subscription of ours. */
struct burble_pubsub_subscription {
    const char *node;  /**< NULL: not told */
    const char *jid;   /**< who gets the events */
    const char *state; /**< "subscribed", "pending", "unconfigured", "none" */
    const char *subid; /**< NULL: none */
};
/** What we are to a node. */
struct burble_pubsub_affiliation {
    const char *node;        /**< whose */
    const char *affiliation; /**< "owner", "publisher", "publish-only", "member", "outcast" */
};
/** An answer about ourselves; only what was asked for is filled in. */
struct burble_pubsub_own {
    enum burble_iq_outcome outcome;                         /**< how it ended */
    struct burble_stanza_error error;                       /**< when the outcome is no result */
    const char *service;                                    /**< who answered */
    const struct burble_pubsub_subscription *subscriptions; /**< ours */
    size_t subscription_count;                              /**< how many */
    const struct burble_pubsub_affiliation *affiliations;   /**< ours */
    size_t affiliation_count;                               /**< how many */
};
/** Gets the answer. */
typedef void burble_pubsub_own_fn(struct burble *c, const struct burble_pubsub_own *own, void *arg);

/** Subscribes the own bare address; the answer has the subscription. */
BURBLE_API int burble_pubsub_subscribe(struct burble *c, const char *service, const char *node,
                                       burble_pubsub_own_fn *fn, void *arg);
/** subid NULL: the only one. */
BURBLE_API int burble_pubsub_unsubscribe(struct burble *c, const char *service, const char *node,
                                         const char *subid, burble_iq_fn *fn, void *arg);
/** node NULL: all that we have there. */
BURBLE_API int burble_pubsub_subscriptions(struct burble *c, const char *service, const char *node,
                                           burble_pubsub_own_fn *fn, void *arg);
/** What we are to the nodes there; node NULL: to all of them. */
BURBLE_API int burble_pubsub_affiliations(struct burble *c, const char *service, const char *node,
                                          burble_pubsub_own_fn *fn, void *arg);

/* --------------------------------------------------------------------------------------- nodes */

/** options NULL: the service's default. */
BURBLE_API int burble_pubsub_create(struct burble *c, const char *service, const char *node,
                                    const struct burble_pubsub_option *options, burble_iq_fn *fn,
                                    void *arg);
/** The node goes, with all its items. */
BURBLE_API int burble_pubsub_delete(struct burble *c, const char *service, const char *node,
                                    burble_iq_fn *fn, void *arg);
/** All items go. */
BURBLE_API int burble_pubsub_purge(struct burble *c, const char *service, const char *node,
                                   burble_iq_fn *fn, void *arg);

/** form lives until the callback returns; NULL: the answer is an error, or has none. */
typedef void burble_pubsub_config_fn(struct burble *c, const struct burble_iq *answer,
                                     struct burble_form *form, void *arg);
/** Asks for a node's configuration, as a form. */
BURBLE_API int burble_pubsub_get_config(struct burble *c, const char *service, const char *node,
                                        burble_pubsub_config_fn *fn, void *arg);
/** What was asked for with burble_pubsub_get_config, filled in. */
BURBLE_API int burble_pubsub_set_config(struct burble *c, const char *service, const char *node,
                                        const struct burble_form *form, burble_iq_fn *fn,
                                        void *arg);
/** These lines alone, the rest stays as it is. */
BURBLE_API int burble_pubsub_configure(struct burble *c, const char *service, const char *node,
                                       const struct burble_pubsub_option *options, burble_iq_fn *fn,
                                       void *arg);

#ifdef __cplusplus
}
#endif
#endif
