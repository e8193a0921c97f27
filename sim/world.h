/* The world of the simulation: one server of several shards, its clients, its store, its clock, all
 * driven from one seed in one thread. What happens next is drawn: which connection brings how many
 * bytes, which mail arrives, which store request or key derivation is carried out, when time moves.
 * Order is kept only where the real thing keeps it: bytes of a connection, mails of a lane,
 * requests of the store. The same seed gives the same bytes everywhere: world_hash. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct world;
struct client;

struct world_setup {
    uint64_t seed;
    uint32_t shards;
    bool trace; /* prints what happens */
};

struct world *world_new(const struct world_setup *setup);
void world_free(struct world **w);
/* An account with SCRAM keys of few iterations, put straight into the store. */
void world_account(struct world *w, const char *user, const char *password);
/* Lets up to n events happen; false when nothing is left to happen before time would have to move.
 */
bool world_run(struct world *w, unsigned n);
/* Until nothing happens any more. */
void world_settle(struct world *w);
/* Time moves by ms, and what is due happens. */
void world_sleep(struct world *w, uint64_t ms);
/* The process dies (kill -9) and is started again: what the store has committed and the memory of
 * the regions survive; requests, mails, jobs and bytes that are under way are gone, in both
 * directions, and all connections break. */
void world_crash(struct world *w);
/* The same for the whole machine: the regions are of another boot then. */
void world_power_cut(struct world *w);
/* Of every byte sent to clients and every mail, in order. */
uint64_t world_hash(const struct world *w);
/* Random number below n, from the seed. */
uint32_t world_random(struct world *w, uint32_t n);

/* A plain connection. */
struct client *client_connect(struct world *w, const char *name);
/* The connection breaks, without a word. */
void client_break(struct client *c);
void client_send(struct client *c, const char *text);
/* While it does not read, what the server sends stays with the server. */
void client_stop_reading(struct client *c, bool stopped);
bool client_closed(const struct client *c);
/* Lets things happen until an element arrives in which all of the texts occur (NULL-terminated
 * list), and takes it and what came before it out of the client's inbox. False: it did not come. */
bool client_expect(struct client *c, ...) __attribute__((sentinel));
/* The element that client_expect found. */
const char *client_last(const struct client *c);
/* Settles; true when no complete element holding the text is in the inbox. */
bool client_quiet(struct client *c, const char *text);
/* Header, PLAIN, bind; true when it worked. */
bool client_login(struct client *c, const char *user, const char *password, const char *resource);

#endif
