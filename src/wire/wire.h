/* A wire turns bytes from below into bytes for above and back: TLS now, WebSocket and BOSH later.
 * Wires are pure and stack; a plain connection has none. They hold no buffers of their own while
 * idle: input comes as a slice, output is appended to the link's buffers. */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/time.h"

struct wire;

enum wire_state {
    WIRE_OPENING, /* handshake under way */
    WIRE_OPEN,    /* carries data */
    WIRE_ENDED,   /* the peer closed its direction in order (close_notify) */
    WIRE_FAILED,  /* wire_reason; what is in down (an alert) is still to be sent */
};

struct wire_ops {
    /* Takes all of in. Appends what goes up to up, what must go to the peer to down. */
    enum wire_state (*feed)(struct wire *w, struct slice in, struct buf *up, struct buf *down,
                            struct now now);
    /* Appends data for the peer to down. Only when WIRE_OPEN. 0 or ERR_MEMORY, ERR_CRYPTO. */
    int (*send)(struct wire *w, struct slice data, struct buf *down);
    /* Ends the own direction in order (close_notify). */
    void (*end)(struct wire *w, struct buf *down);
    enum wire_state (*state)(const struct wire *w);
    /* A literal for the log: why it failed ("no_application_protocol", "bad_record", ...). */
    const char *(*reason)(const struct wire *w);
    void (*free)(struct wire *w);
};

struct wire {
    const struct wire_ops *ops;
};

static inline void wire_free(struct wire **w)
{
    if (*w != NULL)
        (*w)->ops->free(*w);
    *w = NULL;
}

#endif
