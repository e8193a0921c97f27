/* One shard as a pure machine: links (bytes, wires, parser, stream) around an engine. burbled and
 * the simulation drive this same room.
 *
 * In a turn the driver sets the time, feeds what came (bytes, mails, store answers, finished jobs),
 * calls node_turn, and then takes what is to go out: output of ready links, links to close or to
 * move, mails, store requests, jobs. Nothing else leaves a node but log lines. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "wire/tls.h"

struct node;
struct node_link;

enum node_service { NODE_C2S, NODE_COMPONENT };
enum node_tls { NODE_TLS_NONE, NODE_TLS_STARTTLS, NODE_TLS_DIRECT };

struct node_listener {
    enum node_service service;
    enum node_tls tls;
    bool require_tls;
    bool plain_without_tls;
};

struct node_host_tls {
    struct slice name; /* host or alias, as DNS writes it (A-labels, lower case) */
    struct tls_context *tls;
};

/* TLS and listeners: immutable, like the core's configuration, and replaced with it. */
struct node_config {
    struct core_config core;
    const struct node_listener *listeners;
    size_t listener_count;
    const struct node_host_tls *tls;
    size_t tls_count;
};

struct node_setup {
    uint32_t shard, shards;
    const struct node_config *config;
    const struct module *const *modules;
    struct rng *rng;
    const struct log *log;
    const struct core_gate *gate;
    struct region *region; /* of this shard alone, outlives the node; NULL: nothing is resumed */
    struct hash_key owner_key;
    uint8_t fake_secret[32];
    struct now now;
};

struct node *node_new(const struct node_setup *setup);
/* All links are gone by then (node_link_lost). */
void node_free(struct node **n);
struct engine *node_engine(struct node *n);

/* A record of a region that a process left goes on here, in the new region. Before the first event;
 * the account is this shard's (engine_owner). */
void node_restore(struct node *n, struct slice image);
/* The same for what an orderly stop has left in the store, for binaries that cannot read the
 * region: it is used, or not, when there was a good region; in both cases it is removed.
 * Resumptions wait for it. */
void node_restore_saved(struct node *n, bool use);
/* The account of such a record: that of the tail, or of the session, whose state bytes begin with
 * the length of its full address (two bytes, the low one first) and the address. False: damaged.
 * The address points into the image. */
bool node_image_account(struct slice image, struct jid *bare_out);
/* Of what stands in the state bytes: another number when its meaning changes. */
enum { NODE_STATE_FORMAT = 1 };

/* Every event comes after this. */
void node_now(struct node *n, struct now now);

/* A connection was accepted. owner is the driver's own; conn its number; peer is copied. */
struct node_link *node_accept(struct node *n, uint32_t listener, const char *peer, uint64_t conn,
                              void *owner);
/* Bytes were read from it. All are taken. */
void node_input(struct node *n, struct node_link *l, struct slice bytes);
/* The peer ended its direction, or the connection failed: the link is gone when this returns,
 * unless half is true and output is left: then it closes when that is sent. */
void node_link_lost(struct node *n, struct node_link *l);
/* May the driver read from it? Changes are told by node_next_ready. */
bool node_wants_input(const struct node_link *l);
/* Bytes for the peer; the driver takes from the front (buf_consume) and then tells node_sent. */
struct buf *node_output(struct node_link *l);
void node_sent(struct node *n, struct node_link *l);
/* True once the output is empty and the stream has ended: the driver shuts the connection down and
 * calls node_link_lost. */
bool node_finished(const struct node_link *l);
void *node_owner(const struct node_link *l);
uint64_t node_conn(const struct node_link *l);
/* True until a login succeeded: such links are the first to go when room is needed (L9). */
bool node_unauthenticated(const struct node_link *l);

/* Events; the object is taken. */
void node_mail(struct node *n, struct mail *mail);
void node_store_answer(struct node *n, struct store_request *r);
void node_job_done(struct node *n, struct job *job);

/* Timers, held-back input, encryption of what was written. */
void node_turn(struct node *n);
/* When node_turn has something to do: monotonic milliseconds, 0: at once, TIME_NEVER. */
uint64_t node_deadline(struct node *n);

/* What leaves. Each answers NULL at the end. */
/* Links with new output, or whose wish for input changed, or that finished. */
struct node_link *node_next_ready(struct node *n);
/* Links that move: the driver takes its descriptor from this loop and sends the link, by a mail of
 * kind MAIL_LINK with it as the object (and node_owner in it), to the shard in *to_out. */
struct node_link *node_next_moving(struct node *n, uint32_t *to_out);
/* The arriving side; owner as above. */
void node_adopt(struct node *n, struct node_link *l, void *owner);
struct mail *node_next_mail(struct node *n);
struct store_request *node_next_request(struct node *n);
struct job *node_next_job(struct node *n);

/* A new configuration; the old one stays valid while anything may hold it (the driver keeps it). */
void node_reload(struct node *n, const struct node_config *config);
/* Ends all streams with system-shutdown; the links finish by themselves. */
void node_stop(struct node *n);
size_t node_link_count(const struct node *n);
/* Does anything wait for the store or a job? A shard that ends lets it finish first. */
bool node_waits(const struct node *n);
/* Walks all links: NULL to begin. */
struct node_link *node_walk(struct node *n, struct node_link *at);

#endif
