/** @file
 * vCards: what people tell about themselves. vcard-temp (XEP-0054), which everybody has, and vCard4
 * over personal eventing (XEP-0292).
 */
#ifndef BURBLE_VCARD_H
#define BURBLE_VCARD_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Pictures with more bytes than this are not read: BURBLE_PICTURE_BYTES unless it is said; also
 * for burble/avatar.h. */
enum { BURBLE_PICTURE_BYTES = 256 << 10 };
/** Bigger pictures are refused; 0: the usual. */
BURBLE_API void burble_set_picture_max(struct burble *c, uint32_t bytes);

/** The common fields, each once; NULL: not there. */
struct burble_vcard {
    const char *full_name;    /**< as it is written on a letter */
    const char *nickname;     /**< what friends say */
    const char *family;       /**< part of the name */
    const char *given;        /**< part of the name */
    const char *email;        /**< an address */
    const char *phone;        /**< a number */
    const char *url;          /**< a web page */
    const char *birthday;     /**< "1476-06-09" */
    const char *organisation; /**< where they work */
    const char *title;        /**< as what */
    const char *note;         /**< a few words */
    const void *photo;        /**< the bytes of the picture; vcard-temp alone */
    size_t photo_len;         /**< bytes */
    const char *photo_type;   /**< "image/png" as it says; anything may be in it */
    struct burble_xml xml;    /**< all of it */
};
/** An answer: a vCard. It lives until the callback returns. */
struct burble_vcard_answer {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< "item-not-found" where there is none */
    const char *jid;                  /**< whose */
    struct burble_vcard vcard;        /**< NULL: none */
    bool photo_too_big;               /**< there is one */
};
/** Gets the answer. */
typedef void burble_vcard_fn(struct burble *c, const struct burble_vcard_answer *answer, void *arg);

/** jid NULL: our own. fn is called exactly once, never from inside of the call, unless
 * burble_cancel comes before (handle_out NULL: not wanted). SYNTAX, LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_vcard_get(struct burble *c, const char *jid, burble_vcard_fn *fn, void *arg,
                                uint64_t *handle_out);
/** Ours becomes this. What is NULL goes away; what has no field here stays as it is in xml, that of
 * an answer of burble_vcard_get (no node: nothing stays). photo NULL: that of xml stays; with
 * photo_len 0 it goes. fn may be NULL. SYNTAX, LIMIT: the picture is too big; OFFLINE, MEMORY. */
BURBLE_API int burble_vcard_set(struct burble *c, const struct burble_vcard *vcard,
                                burble_iq_fn *fn, void *arg);

/** The same over personal eventing, without pictures: others have the avatar of burble/avatar.h. As
 * burble_vcard_get. */
BURBLE_API int burble_vcard4_get(struct burble *c, const char *jid, burble_vcard_fn *fn, void *arg,
                                 uint64_t *handle_out);
/** Publishes the own vCard (XEP-0292). As burble_vcard_set. */
BURBLE_API int burble_vcard4_set(struct burble *c, const struct burble_vcard *vcard,
                                 burble_iq_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
