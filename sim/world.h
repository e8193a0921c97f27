/* The world of the simulation: one server of several shards, its clients, its store, its clock, all
 * driven from one seed in one thread. What happens next is drawn: which connection brings how many
 * bytes, which mail arrives, which store request or key derivation is carried out, when time moves.
 * Order is kept only where the real thing keeps it: bytes of a connection, mails of a lane, batches
 * of the store and their answers to a shard. The same seed gives the same bytes everywhere:
 * world_hash. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "core/config.h"
#include "store/store.h"

struct world;
struct client;

struct world_setup {
    uint64_t seed;
    uint32_t shards;
    bool trace; /* prints what happens */
};

struct world *world_new(const struct world_setup *setup);
void world_free(struct world **w);
/* An account with SCRAM keys of few iterations, put straight into the store. All accounts of a
 * password have the same salts. */
void world_account(struct world *w, const char *user, const char *password);
/* The account has the other one in its roster, and both see each other's presence. Before anything
 * of it happens. */
void world_befriend(struct world *w, const char *user, const char *contact);
/* To be changed before anything happens. */
struct limits *world_limits(struct world *w);
/* Lets up to n events happen; false when nothing is left to happen before time would have to move.
 */
bool world_run(struct world *w, unsigned n);
/* Until nothing happens any more. */
void world_settle(struct world *w);
/* Time moves by ms, and what is due happens. */
void world_sleep(struct world *w, uint64_t ms);
/* Monotonic milliseconds. */
uint64_t world_now(const struct world *w);
/* The process dies (kill -9) and is started again: what the store has committed and the memory of
 * the regions survive; requests, mails, jobs and bytes that are under way are gone, in both
 * directions, and all connections break. */
void world_crash(struct world *w);
/* The same for the whole machine: the regions are of another boot then. */
void world_power_cut(struct world *w);
/* An orderly stop begins; to be followed by an end. */
void world_stop(struct world *w);
/* The stop comes to its end and the server is started again with so many shards. regions: they can
 * be read; else it is a binary with another layout of them. */
void world_restart(struct world *w, uint32_t shards, bool regions);
/* Of every byte sent to clients and every mail, in order. */
uint64_t world_hash(const struct world *w);
uint32_t world_shards(const struct world *w);
/* Random number below n, from the seed. */
uint32_t world_random(struct world *w, uint32_t n);
/* Every line of the server's log is told, with its event; fn NULL: none. */
typedef void world_log_fn(void *ctx, const char *event, struct slice line);
void world_log_to(struct world *w, world_log_fn *fn, void *ctx);
/* What the store has in the log of an account. */
typedef void world_row_fn(void *ctx, const struct store_row *row);
void world_log(struct world *w, const char *bare, world_row_fn *fn, void *ctx);

/* What the server knows of a session with stream management. */
struct world_session {
    uint32_t out_h; /* the client has acknowledged so many */
    uint32_t in_h;  /* so many of the client's are settled */
    bool connected;
};
/* False: there is no such session, or it is not known yet after a start. */
bool world_session(struct world *w, const char *full, struct world_session *out);

/* A plain connection. The name is not copied. */
struct client *client_connect(struct world *w, const char *name);
/* The connection breaks, without a word. One that is just being handed to another shard breaks
 * there. */
void client_break(struct client *c);
/* The same, and nobody will ask for it any more. */
void client_free(struct client **c);
void client_send(struct client *c, const char *text);
/* While it does not read, what the server sends stays with the server. */
void client_stop_reading(struct client *c, bool stopped);
bool client_connected(const struct client *c);
/* The connection is gone and everything that came was taken. */
bool client_closed(const struct client *c);
/* Has everything been read that the server has written? */
bool client_has_read(const struct client *c);
/* Takes the next complete element (a header, the end of the stream) out of the inbox, without
 * letting anything happen: client_last. False: there is none. */
bool client_take(struct client *c);
/* What the server has written and the client has not taken: the rest of the inbox and what was not
 * read, also after the end of the connection. Appended. */
void client_missed(const struct client *c, struct buf *out);
/* Length of the first complete thing in text: a stream header, an end of stream, an element; 0: it
 * is not there yet. For serialised XML of our own: '<' and '>' stand for markup alone. */
size_t client_element(struct slice text);
/* Lets things happen until an element arrives in which all of the texts occur (NULL-terminated
 * list), and takes it and what came before it out of the client's inbox. False: it did not come. */
bool client_expect(struct client *c, ...) __attribute__((sentinel));
/* The element that client_take or client_expect found. */
const char *client_last(const struct client *c);
/* Settles; true when no complete element holding the text is in the inbox. */
bool client_quiet(struct client *c, const char *text);
/* Header, PLAIN, bind; true when it worked. */
bool client_login(struct client *c, const char *user, const char *password, const char *resource);

#endif
