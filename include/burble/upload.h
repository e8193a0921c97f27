/** @file
 * HTTP upload (XEP-0363): a place for a file on the server, and how to put it there.
 *
 * The library asks for a slot; the PUT is the program's, with the HTTP client of its choice: to
 * put_url, with Content-Length (exactly the size that was asked for), Content-Type and all the
 * headers. 201 means that the file can be had from get_url, which the program sends to whom it
 * likes (burble_message_options.oob_url).
 */
#ifndef BURBLE_UPLOAD_H
#define BURBLE_UPLOAD_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BURBLE_UPLOAD_NAME_MAX = 255, /**< bytes of a file's name */
    BURBLE_UPLOAD_URL_MAX = 8192,
    BURBLE_UPLOAD_HEADERS_MAX = 32,
};

/** What a slot may be. */
enum burble_upload_flag {
    /** unsafe: a slot at http:// will do, everybody on the way can read and change the file */
    BURBLE_UPLOAD_UNSAFE_HTTP = 1,
};

/** What is to be uploaded. Zero and NULL have their defaults. */
struct burble_upload {
    const char *name; /**< of the file; folders before it are left out, nobody needs to see them */
    uint64_t size;    /**< in bytes, at most INT64_MAX */
    const char *type; /**< "image/jpeg"; NULL: not told */
    const char *service; /**< who is asked; NULL: it is found (burble_find_service) */
    const char *purpose; /**< "profile", "permanent", "message"; NULL: not told */
    unsigned flags;      /**< enum burble_upload_flag */
};

/** A header of the PUT: Authorization, Cookie or Expires; its value is printable ASCII. */
struct burble_upload_header {
    const char *name;  /**< Authorization, Cookie or Expires */
    const char *value; /**< printable ASCII */
};

/** Everything in it lives until the callback returns. */
struct burble_slot {
    enum burble_iq_outcome outcome; /**< how it ended */
    /** Beside what the service says: item-not-found, the server has no such service;
     * not-acceptable, the file is too big (max_size says how big it may be); undefined-condition,
     * the slot is none that can be used, and text says why. */
    struct burble_stanza_error error;
    const char *service;                        /**< who answered; NULL: nobody */
    const char *put_url;                        /**< where the file is put */
    const char *get_url;                        /**< where it can be had then */
    const struct burble_upload_header *headers; /**< in the order in which they are to be sent */
    size_t header_count;                        /**< how many */
    uint64_t max_size;                          /**< as far as it was told; 0: it was not */
    int64_t retry_ms; /**< with an error: try again then (wall clock); 0: it was not told */
};
/** Gets the answer. */
typedef void burble_slot_fn(struct burble *c, const struct burble_slot *slot, void *arg);

/** Asks for a slot. A file that is too big for the service is refused without asking. URLs are
 * https, or the slot is refused. fn is called exactly once, never from inside of this call, unless
 * burble_upload_cancel comes before. SYNTAX: no name, or no text that XML can carry; LIMIT: the
 * name or the file is too big; OFFLINE; MEMORY. */
BURBLE_API int burble_upload_slot(struct burble *c, const struct burble_upload *upload,
                                  burble_slot_fn *fn, void *arg);
/** None of the open requests with this argument will be answered. */
BURBLE_API void burble_upload_cancel(struct burble *c, const void *arg);

#ifdef __cplusplus
}
#endif
#endif
