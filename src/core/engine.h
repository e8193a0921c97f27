/* The engine of one shard: accounts, sessions, routing. Pure: bytes never come here, stanzas do;
 * what leaves is in the out lists, on links, or in the log.
 *
 * An engine is driven by its node: streams (c2s.h) bring elements; mails, store answers and
 * finished jobs come through the functions below; the node empties the out lists at the end of a
 * turn. */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/time.h"
#include "base/timer.h"
#include "core/config.h"
#include "core/gate.h"
#include "core/handle.h"
#include "core/job.h"
#include "core/mail.h"
#include "store/store.h"
#include "xmpp/stanza.h"

struct accounts_service;
struct hooks;
struct module;
struct trace;
struct region;

struct engine_setup {
    uint32_t shard, shards;
    const struct core_config *config;    /* outlives the engine or is replaced by MAIL_RELOAD */
    const struct module *const *modules; /* NULL-terminated */
    struct rng *rng;
    const struct log *log;
    const struct core_gate *gate; /* NULL: no limits across connections */
    struct region *region;        /* NULL: sessions end with the process */
    struct hash_key owner_key;    /* the same on all shards of a process */
    uint8_t fake_secret[32];      /* for unknown users; the same on all shards */
    struct now now;
};

struct counters {
    uint64_t stanzas_in, stanzas_out, messages_in, messages_delivered, messages_stored;
    uint64_t errors_sent, logins, login_failures, mails, store_batches, store_queries;
    uint64_t streams_opened, registrations;
};

struct engine {
    uint32_t shard, shards;
    const struct core_config *config;
    struct hooks *hooks;
    struct rng *rng;
    const struct log *log;
    const struct core_gate *gate;
    struct region *region;
    char *own_memory; /* of the region, when the engine had to make one (engine_own_region) */
    struct hash_key key, owner_key;
    uint8_t fake_secret[32];
    struct now now;
    struct now ticked; /* when the timers ran last (jump.h) */
    int64_t started_wall_ms;
    struct timers timers;
    struct hmap accounts; /* struct account by bare JID */
    struct list tails;    /* struct tail_work by dirty: to be written behind */
    struct timer tail_timer;
    struct list restoring;   /* struct account: with sessions of another process, not loaded yet */
    struct list waiting;     /* struct c2s_entry by binding: for sessions that the store may hold */
    unsigned saved_flows;    /* sessions are being read from the store, or written */
    bool saved;              /* they were written */
    unsigned restoring_now;  /* accounts of that list that are being loaded */
    uint64_t stopped_ms;     /* when it was told to stop */
    struct timer stop_timer; /* a turn when what is not settled is waited for no longer */
    struct list idle_accounts; /* struct account_work: nobody needs them; oldest first */
    size_t idle_count;
    struct hmap ended;       /* struct resend_stream by serial: not all of it is settled */
    struct handles streams;  /* struct c2s */
    struct handles sessions; /* struct session */
    struct handles flows;    /* struct flow */
    struct handles asks;     /* core/service/ask.c */
    size_t flow_count;       /* that wait */
    struct list components;  /* struct component: their streams (components.h) */
    struct arena arena;      /* of the stanza in hand */
    struct buf scratch;      /* of the stanza in hand */
    struct list settled;     /* mails of MAIL_SETTLED being filled, one per shard */
    struct list out_mails, out_requests, out_jobs;
    struct counters counters;
    struct accounts_service *accounts_service; /* core/service/accounts.c */
    size_t session_count;
    struct list writings;  /* message_log.c: on their way to the store */
    struct list outbounds; /* outbound.h */
    struct trace *trace;   /* trace.h; NULL: nothing happened yet */
    bool stopping;
};

struct engine *engine_new(const struct engine_setup *setup);
/* All streams are gone by then. */
void engine_free(struct engine **e);

/* Events. Each takes the object. */
void engine_mail(struct engine *e, struct mail *mail);
void engine_store_answer(struct engine *e, struct store_request *answer);
void engine_job_done(struct engine *e, struct job *job);
/* Timers; call after time moved. */
void engine_tick(struct engine *e);
uint64_t engine_deadline(struct engine *e);
/* The end of a turn: what was collected for other shards goes to out_mails. */
void engine_flush(struct engine *e);
/* A new configuration is in force; streams of hosts that are gone end with host-gone. */
void engine_reload(struct engine *e, const struct core_config *config);
/* Closes every stream with system-shutdown. Sessions that can be resumed stay in the region, and
 * are written to the store when all else is done. */
void engine_stop(struct engine *e);

/* After another process, before anything else happens: the image of a session or a tail that its
 * region holds (region_recover), for the shard that owns its account. The engine has a region of
 * its own. */
void engine_restore(struct engine *e, struct slice image);
/* What an orderly stop has left in the store: is used (when there was no good region) or not, and
 * removed. */
void engine_restore_saved(struct engine *e, bool use);
/* Is something still to be written for the next process? */
bool engine_saves(const struct engine *e);

/* A region on the heap, for an engine that was given none: sessions can be resumed as long as the
 * process lives. */
void engine_own_region(struct engine *e);

/* Which shard owns an address. */
uint32_t engine_owner(const struct engine *e, struct slice bare);

/* A flow waits for one answer at a time. fn is called once with the answer, which it may read but
 * not keep; the flow ends when fn returns without a new submit. */
typedef void flow_fn(struct engine *e, void *ctx, struct store_request *answer);
typedef void flow_job_fn(struct engine *e, void *ctx, struct job *job);

/* Requests for a flow: made here, filled by the caller, given away by flow_submit. */
struct store_request *flow_batch(struct engine *e);
struct store_request *flow_query(struct engine *e);
/* Returns the handle; flow_cancel makes the answer go nowhere. */
uint64_t flow_submit(struct engine *e, struct store_request *r, flow_fn *fn, void *ctx);
uint64_t flow_run(struct engine *e, struct job *job, flow_job_fn *fn, void *ctx);
void flow_cancel(struct engine *e, uint64_t flow);

/* Credit goes back to the session that sent a stanza; every stanza is settled exactly once. */
void engine_settle(struct engine *e, const struct origin *origin);

/* Gives a mail away. */
void engine_post(struct engine *e, struct mail *mail);
/* Frees a mail that nobody will read, with the object in it (a link excepted). */
void engine_drop_mail(struct mail **mail);

#endif
