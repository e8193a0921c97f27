/* What the files of the resolver share: its queries, and the channel through which c-ares asks. */
#ifndef IO_RESOLVER_INSIDE_H
#define IO_RESOLVER_INSIDE_H

#include <ares.h>
#include <sys/stat.h>

#include "base/list.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/resolver_answer.h"

struct resolver_query;

/* One question of a query. */
struct resolver_part {
    struct resolver_query *query;
    enum resolver_type type;
    bool asked;    /* c-ares has it and will say how it ended */
    bool finished; /* result is known */
    bool told;     /* the callback has been made */
    enum resolver_result result;
    struct resolver_records *records; /* NULL without any */
    uint8_t *message;                 /* that the records point into, or NULL */
};

enum { RESOLVER_PARTS_MAX = 2 };

struct resolver_query {
    struct list node;  /* in live, or in gone */
    struct list ready; /* in ready, while a part is finished and not told */
    struct resolver *resolver;
    uint64_t handle, deadline_ms;
    uint32_t refusals; /* the resolver's when it began */
    bool calling;      /* its callback is running */
    bool gone;         /* nobody is to be called any more */
    unsigned part_count;
    struct resolver_part parts[RESOLVER_PARTS_MAX];
    union {
        resolver_srv_fn *srv;
        resolver_addr_fn *addr;
        resolver_tlsa_fn *tlsa;
    } fn;
    void *ctx;
    char name[RESOLVER_NAME_BYTES];
};

struct resolver {
    struct loop *loop;
    ares_channel channel;
    bool system;          /* its servers are those of the system */
    struct stat conf;     /* the file that they are from */
    struct list sockets;  /* struct watch */
    unsigned reads;       /* how many more in this turn */
    uint32_t refusals;    /* answers that were none: SERVFAIL, NOTIMP, REFUSED */
    uint8_t refusal_code; /* of the last one */
    uint32_t timeout_ms;
    uint64_t handles;
    unsigned count;    /* queries in all */
    struct list live;  /* by deadline */
    struct list gone;  /* cancelled or timed out, but c-ares still has a part of them */
    struct list ready; /* some of live */
    bool running, closed;
};

/* resolver_channel.c: c-ares and its sockets. */

/* servers: see struct resolver_options. 0, ERR_SYNTAX, ERR_MEMORY, ERR_IO. */
int resolver_channel_open(struct resolver *r, const char *servers);
/* Ends all questions with ARES_EDESTRUCTION. */
void resolver_channel_close(struct resolver *r);
/* Reads the system's list of servers again when it has changed. Only while nothing is asked. */
void resolver_channel_refresh(struct resolver *r);
/* Sends one question; answered may be called from inside. */
void resolver_channel_ask(struct resolver *r, const char *name, enum resolver_type type,
                          ares_callback answered, void *arg);
/* What c-ares says of a question without an answer. */
enum resolver_result resolver_channel_result(const struct resolver_query *q, int status);

/* resolver_local.c: what is known without asking. */

/* True when no server is to be asked: *result, and addresses with RESOLVER_OK. */
bool resolver_local(const struct resolver *r, const char *host, enum resolver_result *result,
                    struct resolver_records *out);

#endif
