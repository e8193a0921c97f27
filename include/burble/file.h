/** @file
 * Files from client to client: offered by Jingle (XEP-0166, XEP-0234), sent in the session itself
 * (XEP-0261 over XEP-0047). It needs no server beside the XMPP server, no open port and no direct
 * way, and is slow; what can be uploaded is better uploaded (burble/upload.h).
 *
 * The other side may be any client with Jingle file transfer. One that offers SOCKS5 (XEP-0260) is
 * asked to fall back to in-band, which it has a minute for.
 *
 * The library reads and writes no files: bytes come from and go to the program. A SHA-256 is sent
 * along, and checked where the other side sends one.
 */
#ifndef BURBLE_FILE_H
#define BURBLE_FILE_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BURBLE_FILE_NAME_BYTES = 201, /**< with the NUL: of a safe name */
    BURBLE_FILES_MAX = 100,       /**< under way at a time, in both directions */
};

/** One file under way. Freed by the program, with the client at the latest. */
struct burble_file;

/** What is said of a file. Of a stranger's: it may be a lie, and the name may be an attack on the
 * folder that it is saved in; see burble_file_safe_name. */
struct burble_file_info {
    const char *name;    /**< of the file */
    uint64_t size;       /**< at most INT64_MAX */
    const char *type;    /**< "image/png"; NULL: not told */
    const char *desc;    /**< for people; NULL: none */
    int64_t modified_ms; /**< wall clock; 0: not told */
};

/** How a transfer ended. */
enum burble_file_end {
    BURBLE_FILE_DONE,      /**< all of it is there, as far as a hash was sent it is the same */
    BURBLE_FILE_DECLINED,  /**< the other side does not want it */
    BURBLE_FILE_CANCELLED, /**< by the other side */
    BURBLE_FILE_BROKEN,    /**< the other side did not keep to the rules, or to its word */
    BURBLE_FILE_DAMAGED,   /**< the hash is another one */
    BURBLE_FILE_LOST,      /**< the other side is silent, or our session is gone */
};

/** What becomes of a transfer. */
struct burble_file_handlers {
    size_t size; /**< sizeof(struct burble_file_handlers) */
    /** Sending: so many bytes may be given to burble_file_write now. */
    void (*room)(struct burble_file *f, size_t room, void *arg);
    /** Receiving: the next bytes; never more in all than the size that was told. */
    void (*data)(struct burble_file *f, const void *data, size_t len, void *arg);
    /** It is over; nothing is called after this. text: for people. */
    void (*end)(struct burble_file *f, enum burble_file_end end, const char *text, void *arg);
};

/** Offers a file to a full address. Handlers are called later, never from inside of a call. SYNTAX:
 * no full address, no name, no text that XML can carry; LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_file_offer(struct burble *c, const char *to,
                                 const struct burble_file_info *info,
                                 const struct burble_file_handlers *h, void *arg,
                                 struct burble_file **out);
/** How much may be written now. */
BURBLE_API size_t burble_file_room(const struct burble_file *f);
/** The next bytes; copied. With the last one of the size that was offered the transfer ends by
 * itself. LIMIT: no room, or beyond the size; OFFLINE: not now; MEMORY. */
BURBLE_API int burble_file_write(struct burble_file *f, const void *data, size_t len);

/** May this full address offer files? Asked before it learns that anybody is here. */
typedef bool burble_file_allow_fn(struct burble *c, const char *from, void *arg);
/** A file is offered: accept it now or later, or decline it (burble_file_free). Offers that nobody
 * decides on end after five minutes. */
typedef void burble_file_offer_fn(struct burble *c, struct burble_file *f, void *arg);
/** Takes offers. allow NULL: of those to whom the client shows that it is there (burble_set_tell).
 * fn NULL: no more. EXISTS: the program answers Jingle itself; MEMORY. */
BURBLE_API int burble_file_listen(struct burble *c, burble_file_allow_fn *allow,
                                  burble_file_offer_fn *fn, void *arg);
/** Begins to receive. BUSY: it is no offer that waits; OFFLINE: it is over meanwhile; LIMIT;
 * MEMORY.
 */
BURBLE_API int burble_file_accept(struct burble_file *f, const struct burble_file_handlers *h,
                                  void *arg);

/** What was said of it. */
BURBLE_API const struct burble_file_info *burble_file_about(const struct burble_file *f);
/** The other side: a full address. */
BURBLE_API const char *burble_file_peer(const struct burble_file *f);
/** Bytes that the other side has, or that we have. */
BURBLE_API uint64_t burble_file_moved(const struct burble_file *f);
/** Whose it is. */
BURBLE_API struct burble *burble_file_client(const struct burble_file *f);
/** Declines or cancels what is not over. Harmless on NULL. */
BURBLE_API void burble_file_free(struct burble_file **f);

/** A name under which a file of a stranger may be saved in a folder: without separators of any
 * system, control and invisible characters, without a dot or dash in front, none that is reserved
 * somewhere, at most 200 bytes with the ending kept. Whether there is such a file already is for
 * the program to see (O_EXCL). */
BURBLE_API void burble_file_safe_name(const char *name, char out[BURBLE_FILE_NAME_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
