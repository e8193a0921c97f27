/** @file
 * The sans-I/O face of a client: for programs that bring their own sockets and resolver. With
 * burble/burble_loop.h none of this is needed.
 *
 * After each call into the library the program takes effects with burble_next until there are none,
 * writes what burble_output gives, and calls burble_feed with BURBLE_IN_TIME at burble_deadline at
 * the latest. All numbers called id are the client's; what comes for an old id is ignored, and a
 * connection or look-up that is to be closed or cancelled may have ended already.
 */
#ifndef BURBLE_IO_H
#define BURBLE_IO_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The time, when something happens. */
struct burble_now {
    uint64_t mono_ms; /**< never goes back, above 0 */
    int64_t wall_ms;  /**< since 1970-01-01T00:00:00Z */
};
/** No deadline. */
#define BURBLE_NEVER UINT64_MAX

/** Where to connect. */
struct burble_address {
    uint8_t family; /**< 4 or 6 */
    uint16_t port;  /**< in host order */
    uint32_t scope; /**< of a link-local address */
    uint8_t ip[16]; /**< network order; IPv4 in the first four */
};

/** A record of DNS (RFC 2782). */
struct burble_srv {
    uint16_t priority;  /**< the lowest is tried first */
    uint16_t weight;    /**< among those of one priority (RFC 2782) */
    uint16_t port;      /**< of the target */
    const char *target; /**< without the last dot; "": decidedly not available */
};

/** What the client wants to be done. */
enum burble_effect_kind {
    BURBLE_DO_RESOLVE_SRV,  /**< name; answer with BURBLE_IN_SRV */
    BURBLE_DO_RESOLVE_HOST, /**< name: A and AAAA, the system's hosts file too; BURBLE_IN_HOST */
    BURBLE_DO_CONNECT,      /**< address: TCP; BURBLE_IN_CONNECTED or BURBLE_IN_CLOSED */
    BURBLE_DO_CLOSE,        /**< id: of a connection, made or under way; nothing is to be said */
    BURBLE_DO_CANCEL,       /**< id: of a look-up whose answer is not wanted any more */
};
/** Something that the client wants to be done. */
struct burble_effect {
    enum burble_effect_kind kind;  /**< what is to be done */
    uint32_t id;                   /**< comes back with the answer */
    const char *name;              /**< lives until the next call */
    struct burble_address address; /**< with CONNECT */
};
/** False: nothing more now. */
BURBLE_API bool burble_next(struct burble *c, struct burble_effect *out);

/** Bytes for the connection, and its id (NULL: not wanted); 0: none now. *data lives until the next
 * call. burble_wrote takes n of them away. When they are all written and burble_output_ends, the
 * own direction is shut down. */
BURBLE_API size_t burble_output(struct burble *c, const void **data_out, uint32_t *id_out);
/** n bytes of burble_output were written. */
BURBLE_API void burble_wrote(struct burble *c, size_t n);
/** Nothing comes behind what burble_output gives: then the own direction is shut down. */
BURBLE_API bool burble_output_ends(const struct burble *c);

/** What has happened. */
enum burble_input_kind {
    BURBLE_IN_TIME,      /**< nothing but the time */
    BURBLE_IN_SRV,       /**< id, srv, count, failure */
    BURBLE_IN_HOST,      /**< id, addresses, count, more, failure */
    BURBLE_IN_CONNECTED, /**< id */
    BURBLE_IN_CLOSED,    /**< id, failure NULL: the peer ended its direction in order */
    BURBLE_IN_BYTES,     /**< id, data, len: all are taken */
};
/** Something that has happened. */
struct burble_input {
    enum burble_input_kind kind; /**< what happened */
    uint32_t id;                 /**< of the effect that it answers */
    const char *failure;         /**< why it failed, for people; NULL: it did not */
    bool no_name; /**< with SRV, HOST: there is certainly no such name (NXDOMAIN, no data) */
    const struct burble_srv *srv;           /**< records */
    const struct burble_address *addresses; /**< with HOST */
    size_t count;                           /**< of records or addresses */
    bool more;        /**< with HOST: the other address family is still under way */
    const void *data; /**< with BYTES */
    size_t len;       /**< bytes */
};
/** Tells the client what happened and when. Callbacks are called from here. True while the client
 * lives; false: it was freed in a callback. */
BURBLE_API bool burble_feed(struct burble *c, const struct burble_input *input,
                            struct burble_now now);
/** Monotonic milliseconds at which burble_feed is to be called at the latest; BURBLE_NEVER. */
BURBLE_API uint64_t burble_deadline(const struct burble *c);

/** What the machine needs of the outside beside events; set once, before burble_connect. */
struct burble_outside {
    /** Writes n unpredictable bytes; cannot fail. Required. */
    void (*random)(void *ctx, void *out, size_t n);
    /** Something was asked for outside of burble_feed: output or effects may be there, the deadline
     * may have come nearer. May be NULL. */
    void (*wake)(void *ctx);
    /** System roots for clients without a trust of their own; asked at the first use. May be NULL.
     * The client takes a reference, the outside keeps its own. */
    struct burble_trust *(*trust)(void *ctx);
    void *ctx; /**< given to each of them */
};
/** Once, before burble_connect. It is copied. */
BURBLE_API void burble_set_outside(struct burble *c, const struct burble_outside *outside);

#ifdef __cplusplus
}
#endif
#endif
