/** @file
 * Avatars: pictures of people. Over personal eventing (XEP-0084), and those of vCards whose hash is
 * in the presence (XEP-0153). A picture is believed when its SHA-1 is what was announced.
 * burble_set_picture_max (burble/vcard.h) limits all of them.
 */
#ifndef BURBLE_AVATAR_H
#define BURBLE_AVATAR_H

#include "burble/presence.h"
#include "burble/pubsub.h"
#include "burble/vcard.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What somebody announces. */
struct burble_avatar {
    const char *jid;  /**< bare address */
    bool own;         /**< it is ours */
    const char *id;   /**< SHA-1 in hexadecimal; NULL: no avatar any more */
    const char *type; /**< "image/png" as it says */
    uint32_t bytes;   /**< how big the picture is */
    unsigned width;   /**< in pixels; 0: not told */
    unsigned height;  /**< 0: not told */
    const char *url;  /**< where else it is (then burble_avatar_fetch does not have it); NULL.
                           Fetching it shows our address to whoever is there. */
};
/** Somebody has another avatar. */
typedef void burble_avatar_fn(struct burble *c, const struct burble_avatar *avatar, void *arg);

/** fn hears of the avatars of contacts and of the own account (with burble_caps_start), each in
 * every session and when it changes. EXISTS: fn and arg are there already; LIMIT: 16 of them;
 * MEMORY. */
BURBLE_API int burble_on_avatar(struct burble *c, burble_avatar_fn *fn, void *arg);
/** Takes it back; may be called in fn. */
BURBLE_API void burble_off_avatar(struct burble *c, burble_avatar_fn *fn, void *arg);

/** An answer: a picture. It lives until the callback returns. */
struct burble_picture {
    enum burble_iq_outcome outcome;   /**< ERROR "not-acceptable" also for what is not the picture
                                         that was asked for, or too big */
    struct burble_stanza_error error; /**< when the outcome is no result */
    const char *jid;                  /**< whose */
    const char *id;                   /**< of the picture */
    const void *data;                 /**< the picture */
    size_t len;                       /**< bytes */
    const char *type;                 /**< of vCards; NULL: not told */
};
/** Gets the picture. */
typedef void burble_picture_fn(struct burble *c, const struct burble_picture *picture, void *arg);
/** The picture that was announced by event, jid NULL: our own. fn is called exactly once, never
 * from inside of the call, unless burble_cancel comes before (handle_out NULL: not wanted). SYNTAX:
 * id is no SHA-1; LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_avatar_fetch(struct burble *c, const char *jid, const char *id,
                                   burble_picture_fn *fn, void *arg, uint64_t *handle_out);
/** The picture whose hash was in a presence: from the vCard of this address, bare, or of an
 * occupant of a room. As burble_avatar_fetch. */
BURBLE_API int burble_avatar_fetch_vcard(struct burble *c, const char *jid, const char *id,
                                         burble_picture_fn *fn, void *arg, uint64_t *handle_out);

/** What a client says of its own avatar in presence. */
enum burble_avatar_said {
    BURBLE_AVATAR_NOTHING, /**< the presence says nothing about it */
    BURBLE_AVATAR_NONE,    /**< there is no avatar */
    BURBLE_AVATAR_HASH,
};
/** What a presence says (XEP-0153); *id_out lives as long as the presence, NULL without a hash. */
BURBLE_API enum burble_avatar_said burble_avatar_of_presence(const struct burble_presence *p,
                                                             const char **id_out);

/** Publishes ours: the picture, then what it is. type "image/png"; width, height 0: not told.
 * options: who may see it, NULL: the default of the node, which is contacts. fn may be NULL.
 * LIMIT: too big; SYNTAX, OFFLINE, MEMORY. */
BURBLE_API int burble_avatar_publish(struct burble *c, const void *data, size_t len,
                                     const char *type, unsigned width, unsigned height,
                                     const struct burble_pubsub_option *options,
                                     burble_published_fn *fn, void *arg);
/** We have none any more. As burble_avatar_publish. */
BURBLE_API int burble_avatar_remove(struct burble *c, burble_published_fn *fn, void *arg);
/** Puts the hash of our vCard's picture into the presence (XEP-0153), "": there is none; NULL:
 * nothing is said any more. The server may do that itself. SYNTAX, MEMORY. */
BURBLE_API int burble_avatar_announce(struct burble *c, const char *id);

#ifdef __cplusplus
}
#endif
#endif
