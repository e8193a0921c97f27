/* Asynchronous DNS on the event loop: SRV (RFC 2782), A and AAAA, TLSA (RFC 6698). c-ares asks the
 * questions; its sockets are watched by the loop. Nothing waits: only small local files are read in
 * passing (/etc/resolv.conf when a resolver is opened and when the file has changed, /etc/hosts for
 * addresses).
 *
 * A resolver belongs to one loop and to its thread, callbacks included. Resolvers of different
 * threads share nothing but the library's initialisation, which happens once.
 *
 * Callbacks are made from resolver_run and from nowhere else, once for each query (addresses: once
 * or twice), at the latest in the first resolver_run after the query's time is over. Inside of one
 * it is allowed to ask, to cancel (this query too) and to close the resolver, but not to call
 * resolver_run. What is handed to a callback belongs to the resolver and is gone when it returns.
 *
 * An answer is hostile until it is proven otherwise: names are checked to be letters, digits,
 * hyphens, underscores and dots, records that are not what they should be are left out, and reading
 * takes time in proportion to the answer's length. Nothing here is authenticated by DNSSEC; see
 * resolver_tlsa_fn for what the AD bit is worth. */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "io/addr.h"

struct loop;
struct resolver;

enum {
    RESOLVER_TIMEOUT_MS = 5000, /* for a query in all, all servers and attempts together */
    RESOLVER_TIMEOUT_MS_MAX = 60000,
    RESOLVER_QUERIES_MAX = 1024, /* at a time */
    RESOLVER_RECORDS_MAX = 64,   /* that are handed on of an answer, in its order */
    RESOLVER_SERVERS_MAX = 8,
    RESOLVER_NAME_BYTES = 254, /* of a name with its NUL: 253 octets (RFC 1035, section 2.3.4) */
};

enum resolver_result {
    RESOLVER_OK,
    RESOLVER_NO_NAME,    /* there is no such name (NXDOMAIN) */
    RESOLVER_NO_DATA,    /* the name has no record of this type */
    RESOLVER_SERVFAIL,   /* the servers have answered that they failed */
    RESOLVER_TIMEOUT,    /* no answer in time */
    RESOLVER_BAD_ANSWER, /* malformed, or without a single record that is usable */
    RESOLVER_BAD_NAME,   /* what was asked for is no name of the DNS; nobody was asked */
    RESOLVER_MEMORY,     /* out of memory */
    RESOLVER_NO_SERVER,  /* no server is reachable, or all have refused to answer */
};

/* What went wrong, for a person, as a part of a sentence: "the name does not exist". */
const char *resolver_result_text(enum resolver_result result);

struct resolver_options {
    /* "127.0.0.1:5353,[::1]:53,192.0.2.1": to be asked in this order, port 53 unless said
     * otherwise. NULL: those of /etc/resolv.conf, read again when it has changed. */
    const char *servers;
    uint32_t timeout_ms; /* 0: RESOLVER_TIMEOUT_MS */
};

/* o may be NULL. 0 and *out, ERR_SYNTAX (servers), ERR_MEMORY, ERR_IO. The loop outlives the
 * resolver; the options are needed no longer than the call takes. */
int resolver_open(struct loop *l, const struct resolver_options *o, struct resolver **out);
/* Sets *r to NULL; harmless when it is NULL. Queries are dropped, their callbacks are not made. */
void resolver_close(struct resolver **r);

/* When resolver_run has something to do if no socket is ready before: monotonic ms, 0 for at once,
 * TIME_NEVER without queries. */
uint64_t resolver_deadline(const struct resolver *r);
/* Ends what has run out of time and makes the callbacks. To be called once in every turn of the
 * loop, after the events. */
void resolver_run(struct resolver *r, struct now now);

struct resolver_srv {
    uint16_t priority, weight, port;
    /* Lower case, without a dot at its end. "" stands for ".": the service is decidedly not
     * available there (RFC 2782); port is then whatever the record says, otherwise never 0. */
    char target[RESOLVER_NAME_BYTES];
};

struct resolver_tlsa {
    uint8_t usage, selector, matching; /* RFC 6698, sections 2.1.1 to 2.1.3; any value */
    const uint8_t *data;
    size_t len; /* at least 1 */
};

/* n > 0 when the result is RESOLVER_OK, otherwise 0. The order is that of the answer: sorting by
 * priority and weight takes randomness and is the caller's. */
typedef void resolver_srv_fn(void *ctx, enum resolver_result result,
                             const struct resolver_srv *records, size_t n);
/* Ports are 0. IPv6 and IPv4 are asked for at the same time and handed on as each comes, so that
 * RFC 8305 can be followed: more says that the other family is still to come, in a call of its own.
 * While more is true, result is that of this family. In the last call it is that of the whole:
 * RESOLVER_OK when either brought addresses, although n may be 0 in this call. */
typedef void resolver_addr_fn(void *ctx, enum resolver_result result, const struct addr *addresses,
                              size_t n, bool more);
/* authenticated: the server says by its AD bit that it has validated the answer (RFC 6840, section
 * 5.8). That is worth as much as the server and the way to it: a local validating resolver. */
typedef void resolver_tlsa_fn(void *ctx, enum resolver_result result,
                              const struct resolver_tlsa *records, size_t n, bool authenticated);

/* Each gives a handle for resolver_cancel. 0: out of memory, or RESOLVER_QUERIES_MAX are under way;
 * no callback will be made then. All other failures, a name that is none too, come by the callback.
 * Names are ASCII (A-labels) and copied; a dot at the end is allowed. */
uint64_t resolver_srv(struct resolver *r, const char *name, resolver_srv_fn *fn, void *ctx);
uint64_t resolver_tlsa(struct resolver *r, const char *name, resolver_tlsa_fn *fn, void *ctx);
/* host may be an address, is looked for in /etc/hosts before the DNS, and localhost (RFC 6761) and
 * .onion (RFC 7686) are not asked for at all. What is found without asking comes in one call. */
uint64_t resolver_addresses(struct resolver *r, const char *host, resolver_addr_fn *fn, void *ctx);
/* The callback will not be made (again). Harmless when the query has ended. */
void resolver_cancel(struct resolver *r, uint64_t handle);

#endif
