/* What the files of the main thread share. */
#ifndef BURBLED_SERVER_INSIDE_H
#define BURBLED_SERVER_INSIDE_H

#include <stdatomic.h>

#include "base/rng.h"
#include "burbled/server.h"
#include "burbled/shard.h"
#include "io/logger.h"
#include "io/notify.h"
#include "store/store.h"

struct control;

struct server;

/* Called when a reload is done or refused; problems: all errors and warnings of the file. */
typedef void reload_fn(struct server *s, uint64_t ticket, bool done,
                       const struct config_errors *problems);

struct server {
    const char *config_path;
    struct shards all;
    struct loop loop;
    struct setup *setup; /* in force; older ones behind it */
    struct logger *logger;
    struct log log;       /* of the main thread */
    struct log store_log; /* of the driver's threads: its level does not change */
    struct notify notify;
    struct rng rng;
    uint64_t descriptors;
    int lock_fd;
    uint8_t fake_secret[32];
    struct hash_key owner_key;
    struct loop_fd signals;
    struct control *control;
    struct server_regions *regions; /* NULL: none */
    int64_t started_wall_ms;
    uint64_t started_mono_ms;
    uint64_t tick_at_ms;
    uint64_t inspect_at_ms; /* the certificates' dates */
    bool memory_known;
    uint64_t memory_max; /* of the service, bytes; 0: none */
    uint64_t memory_warn_ms;
    /* A reload under way: the shards that have not taken it yet. */
    uint32_t reload_left;
    struct setup *reload_was;
    struct config_errors reload_problems;
    struct reload_waiter {
        reload_fn *fn;
        uint64_t ticket;
        struct reload_waiter *next;
    } * reload_waiters;
    bool reload_again; /* asked for meanwhile */
    /* The end. */
    bool stopping, aborted;
    uint64_t stop_at_ms; /* when it began */
    uint32_t stop_left;
    bool stop_asked_again;
    int exit;
    atomic_bool store_failed; /* D07 */
    /* The watchdog: what has not answered yet. */
    uint32_t pings_left;
    bool probe_left;
    uint64_t watchdog_at_ms;
};

/* server_start.c: 0 or the exit status, after telling why. */
int server_start(struct server *s);
void server_free(struct server *s);
/* "burbled: text" to standard error, and a line of the log. Returns the exit status. */
int server_fail(struct server *s, enum server_exit exit, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* server_store.c */
/* Begins to open the store, and waits for it: the exit status, after telling why. Both are called;
 * config stays until then. */
struct server_opening;
struct server_opening *server_store_begin(struct server *s, const struct config *config);
int server_store_finish(struct server *s, struct server_opening **opening);

/* server_restored.c: 0 or the exit status when a restore was not finished; tells of one that was.
 */
int server_refuse_half_restored(struct server *s, const struct config *config);
void server_tell_restored(struct server *s, const struct config *config);

/* reload.c: fn is called later, or never when the server ends before. */
void server_reload(struct server *s, reload_fn *fn, uint64_t ticket);
void reload_ack(struct server *s);
void reload_free(struct server *s);
/* Warns of certificates that expire soon and the like. */
void server_inspect_certificates(struct server *s);

/* server_regions.c: the files of the sessions that can be resumed. Where they cannot be had, the
 * server serves without; a folder that can be neither replaced nor removed stops the start. */
int server_regions_make(struct server *s);
/* Of a shard; NULL: none. */
struct region *server_region(const struct server *s, uint32_t shard);
/* All shards are made and none runs: they get what the last process left, and the new files take
 * the place of the old ones. */
int server_regions_recover(struct server *s);
/* The shards are gone. The files stay. */
void server_regions_free(struct server *s);

/* server_memory.c: once a second. */
void server_watch_memory(struct server *s, struct now now);

/* server.c: ends the server in order; again: at once. */
void server_stop(struct server *s);

#endif
