/** @file
 * Service discovery (XEP-0030): what others are and can, where a service is, and what we say of
 * ourselves.
 */
#ifndef BURBLE_DISCO_H
#define BURBLE_DISCO_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------------------------------------- asking */

/** What an entity is. */
struct burble_disco_identity {
    const char *category; /**< "conference" */
    const char *type;     /**< "text" */
    const char *name;     /**< for people; NULL: none */
    const char *lang;     /**< NULL: none */
};

/** An answer. Everything in it lives until the callback returns. */
struct burble_disco_info {
    enum burble_iq_outcome outcome;                 /**< how it ended */
    struct burble_stanza_error error;               /**< when the outcome is no result */
    const char *from;                               /**< whom it is about */
    const char *node;                               /**< NULL: the entity itself */
    const struct burble_disco_identity *identities; /**< what it is */
    size_t identity_count;                          /**< how many */
    const char *const *features;                    /**< ends with NULL */
    size_t feature_count;                           /**< how many */
    const struct burble_xml *forms;                 /**< of jabber:x:data (XEP-0128) */
    size_t form_count;                              /**< how many */
    struct burble_xml query;                        /**< all of it */
};
/** Gets the answer. */
typedef void burble_disco_info_fn(struct burble *c, const struct burble_disco_info *info,
                                  void *arg);

/** Something that belongs to an entity. */
struct burble_disco_item {
    const char *jid;  /**< its address */
    const char *node; /**< NULL: none */
    const char *name; /**< NULL: none */
};
/** An answer: what belongs to an entity. It lives until the callback returns. */
struct burble_disco_items {
    enum burble_iq_outcome outcome;        /**< how it ended */
    struct burble_stanza_error error;      /**< when the outcome is no result */
    const char *from;                      /**< whom it is about */
    const char *node;                      /**< NULL: the entity itself */
    const struct burble_disco_item *items; /**< what belongs to it */
    size_t item_count;                     /**< how many */
    const char *last; /**< where the next page begins; NULL: the other side has no pages, or this
                           one is empty */
};
/** Gets the answer. */
typedef void burble_disco_items_fn(struct burble *c, const struct burble_disco_items *items,
                                   void *arg);

/** Asks an entity, or one of its nodes, for identities and features. jid NULL: the own server;
 * node NULL: none. fn is called exactly once, never from inside of this call, unless burble_cancel
 * comes before (handle_out NULL: not wanted). SYNTAX, LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_disco_info(struct burble *c, const char *jid, const char *node,
                                 burble_disco_info_fn *fn, void *arg, uint64_t *handle_out);

/** A part of the items (XEP-0059): what a service with thousands is asked for. */
struct burble_disco_page {
    uint32_t max;      /**< 0: as many as the other side gives */
    const char *after; /**< last of the page before; NULL: from the beginning */
};
/** Asks for what belongs to an entity or node; page NULL: all. As burble_disco_info. */
BURBLE_API int burble_disco_items(struct burble *c, const char *jid, const char *node,
                                  const struct burble_disco_page *page, burble_disco_items_fn *fn,
                                  void *arg, uint64_t *handle_out);

/** Is the feature among those of an answer? */
BURBLE_API bool burble_disco_has(const struct burble_disco_info *info, const char *feature);
/** Has it an identity of this category and type? type NULL: of any. */
BURBLE_API bool burble_disco_is(const struct burble_disco_info *info, const char *category,
                                const char *type);

/* --------------------------------------------------------------------------- finding a service */

/** What is looked for; what is NULL does not matter. */
struct burble_service {
    const char *category; /**< "conference", "store", "proxy", "pubsub" */
    const char *type;     /**< "text", "file", "bytestreams", "service" */
    const char *feature;  /**< "urn:xmpp:http:upload:0" */
};
/** Finds a service of the own server: the server itself, then its items in its order, at most 64 of
 * them, each asked once per session and remembered until that ends. fn is called exactly once,
 * never from inside of this call: with the answer of the first that has all that is wanted, or with
 * BURBLE_IQ_ERROR "item-not-found" when there is none. OFFLINE, MEMORY. */
BURBLE_API int burble_find_service(struct burble *c, const struct burble_service *wanted,
                                   burble_disco_info_fn *fn, void *arg);
/** None of the open searches with this argument will be answered. */
BURBLE_API void burble_find_cancel(struct burble *c, const void *arg);

/* ------------------------------------------------------------------------------------ answering */

/** To whom a client shows that it is there, when they ask: for discovery, its version, the time,
 * and whether it answers at all. All others get what a resource that does not exist would get,
 * service-unavailable. The own account and the own server are always told. */
enum burble_tell {
    BURBLE_TELL_CONTACTS, /**< who gets our presence: contacts as far as the program has a roster
                               (burble/roster.h), rooms that it is in */
    BURBLE_TELL_NOBODY,
    BURBLE_TELL_ALL, /**< for services and bots that are open to everybody */
};
/** From now on. BURBLE_TELL_CONTACTS unless it is called. */
BURBLE_API void burble_set_tell(struct burble *c, enum burble_tell who);

/** Answers service discovery with this identity and the features that are in use; without a call
 * of this, of burble_answer_usual, or of burble_caps_start nothing is answered. category NULL:
 * "client"; type NULL: "pc" ("bot", "console", "phone", "web" are others); name NULL: the software
 * of the configuration. The last call counts. MEMORY. */
BURBLE_API int burble_set_identity(struct burble *c, const char *category, const char *type,
                                   const char *name);
/** A feature that the program brings itself, shown to those who ask. MEMORY. */
BURBLE_API int burble_add_feature(struct burble *c, const char *feature);
/** Answers questions about this node with these children of the answer, as text: identities and
 * features; items. Node "": what belongs to us, info is not used. Both NULL takes it back.
 * SYNTAX, LIMIT (100 nodes), MEMORY. */
BURBLE_API int burble_set_disco_node(struct burble *c, const char *node, const char *info,
                                     const char *items);

#ifdef __cplusplus
}
#endif
#endif
