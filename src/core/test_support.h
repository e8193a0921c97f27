/* Engines of several shards on one memory store, for the tests of the core: mails, requests and
 * jobs are carried out until nothing moves. */
#ifndef CORE_TEST_SUPPORT_H
#define CORE_TEST_SUPPORT_H

#include "core/account.h"
#include "core/admin.h"
#include "core/c2s.h"
#include "core/engine.h"
#include "core/session.h"

enum { HALL_SHARDS_MAX = 4, HALL_GUESTS_MAX = 8 };

/* A client that is there already: a bound session, what was written to it, how it ended. */
struct guest {
    struct link link;
    struct c2s *stream;
    bool closed;
};

struct hall {
    struct host_config host; /* localhost, alias talk.localhost */
    struct slice alias;
    struct core_config config;
    struct store *store;
    uint32_t shards;
    struct engine *engines[HALL_SHARDS_MAX];
    struct rng rng;
    uint64_t seed;
    struct now now;
    struct guest guests[HALL_GUESTS_MAX];
    size_t guest_count;
    struct admin_request *returned; /* the last that came back */
    int job_error;                  /* what jobs are answered with; 0: they run */
    int batch_error;                /* the same for batches */
    unsigned batches;               /* that were carried out */
};

struct hall *hall_new(uint32_t shards);
void hall_free(struct hall **h);
/* Until nothing moves. */
void hall_run(struct hall *h);
/* Bare or full; text lives on. */
struct jid hall_jid(const char *text);
struct engine *hall_owner(struct hall *h, const char *bare);
/* A shard that does not own the address; with one shard the owner. */
struct engine *hall_other(struct hall *h, const char *bare);

/* Makes the account, password "secret". */
void hall_add(struct hall *h, const char *bare);
/* A bound session of the account, which exists; full address. */
struct guest *hall_enter(struct hall *h, const char *full);
/* What was written to it so far contains the text. */
bool guest_saw(const struct guest *g, const char *text);
/* The items that the owner has under the name. */
unsigned hall_items(struct hall *h, const char *bare, struct slice name);

#endif
