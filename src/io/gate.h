/* The gate of the process: limits per network address, asked at accept and told of failures
 * (reliability rows L8, L9, L10, A28). One table for all shards, guarded by one mutex; time comes
 * as an argument. An address is an IPv4 /32 or an IPv6 /64. */
#ifndef IO_GATE_H
#define IO_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/rng.h"
#include "base/time.h"
#include "io/addr.h"

struct gate;

struct gate_limits {
    bool rate;                     /* false: everything below is counted and nothing refused */
    uint32_t open_max;             /* L8: connections open per address, 100 */
    uint32_t new_per_s, new_burst; /* L8: 20, 100 */
    uint32_t unauthenticated_max;  /* L9: in all, min(1000, a tenth of the descriptors) */
    uint32_t failures_per_min;     /* L10: failed logins per address, 10 */
    uint32_t delay_ms_min, delay_ms_max; /* L10: 1000, 60000; doubles with each failure */
    uint32_t register_ms;                /* A28: one registration per address in, 600000 */
};

/* The values of the catalogue for a process with this many descriptors. */
void gate_defaults(uint64_t descriptors, struct gate_limits *out);

/* Who owns a connection: what the accepting shard needs to find it again. */
struct gate_owner {
    uint32_t shard;
    uint64_t conn;
};

struct gate_stranger;

/* Embedded in a connection from gate_enter until gate_leave; it does not move meanwhile. */
struct gate_ticket {
    struct gate_entry *entry;       /* of its address */
    struct gate_stranger *stranger; /* until it has logged in, or was shown the door */
};

enum gate_verdict {
    GATE_IN,
    GATE_MANY, /* as many as allowed are open from this address: close it */
    GATE_FAST, /* too many new ones in a short time from this address: close it */
};

/* Remembers at most idle_max addresses that have no connection open; the one unused for the longest
 * time goes first. Those with connections are bounded by the descriptors. */
struct gate *gate_new(const struct gate_limits *limits, uint32_t idle_max, struct rng *rng);
/* No ticket is in use any more. */
void gate_free(struct gate **g);
/* Any thread, at any time (reload). */
void gate_configure(struct gate *g, const struct gate_limits *limits);

/* A connection was accepted. On GATE_IN the ticket is in use. When now more than L9 are
 * unauthenticated, *victim_out is the owner of the oldest and true is written to *evict_out: the
 * caller has it closed (by mail when it is another shard's); it counts no more from here on. */
enum gate_verdict gate_enter(struct gate *g, struct gate_ticket *t, const struct addr *peer,
                             struct gate_owner owner, struct now now, bool *evict_out,
                             struct gate_owner *victim_out);
/* The descriptors are used up (R03): takes the oldest unauthenticated one out like gate_enter does,
 * whatever the limits say. False when there is none. */
bool gate_evict(struct gate *g, struct gate_owner *victim_out);
/* The connection has logged in. The owner may have changed shards; nobody looks at it again. */
void gate_authenticated(struct gate *g, struct gate_ticket *t);
/* The connection is closed. Harmless for a zeroed ticket and a second time. */
void gate_leave(struct gate *g, struct gate_ticket *t, struct now now);

/* A login failed: returns for how many ms the answer is to be held back (0: not at all). */
uint32_t gate_login_failed(struct gate *g, const struct addr *peer, struct now now);
/* A login begins: for how many ms it has to wait because of earlier failures. */
uint32_t gate_login_delay(struct gate *g, const struct addr *peer, struct now now);
/* Asks for one registration: true counts it; false: too soon. */
bool gate_register(struct gate *g, const struct addr *peer, struct now now);

struct gate_counts {
    uint32_t open, unauthenticated; /* connections */
    uint32_t addresses;             /* remembered */
    uint64_t refused_many, refused_fast, evicted, delayed, refused_register;
};
void gate_counts(struct gate *g, struct gate_counts *out);

#endif
