/* The bench of module tests: whole shards on a memory store, with a fake clock, seeded randomness
 * and clients in the same process, so that a test reads like a dialogue:
 *
 *   struct bench *b = bench_new(NULL);
 *   struct client *alice = bench_login(b, "alice@example.org/phone");
 *   client_send(alice, "<iq type='get' id='1'><query xmlns='jabber:iq:private'>...</query></iq>");
 *   expect(alice, "<iq type='result' id='1'>...</iq>");
 *   expect_nothing(alice);
 *   bench_free(&b);
 *
 * What is expected is compared as XML, not as bytes: attributes in any order, namespaces by what
 * they mean (a pattern begins in jabber:client). In a pattern
 *   attr='*'         stands for any value, but the attribute must be there;
 *   <x>*</x>         for any text;
 *   <_/>             for all children from here on, or none;
 *   the outermost to and xml:lang, and the stanza-id of a message, may be left out. Everything else
 *     counts.
 *
 * What a client sends has been answered when client_send returns, unless the store is held back or
 * a timer has to fire. A failed expectation ends the test with its place, what was expected and
 * what came. All objects belong to the bench. */
#ifndef XEP_TEST_ENGINE_H
#define XEP_TEST_ENGINE_H

#include "core/account.h"
#include "core/c2s.h"
#include "core/engine.h"
#include "core/module.h"
#include "core/session.h"
#include "node/node.h"

#define BENCH_PASSWORD "correct horse"

enum { BENCH_SHARDS_MAX = 4 };

struct client;

struct bench {
    /* May be changed before the first client connects, and later with bench_reload. */
    struct host_config hosts[2]; /* example.org (alias talk.example.org), example.net */
    struct node_config config;   /* .core.limits */
    struct now now;
    /* The gate (A28, L10). */
    bool may_register;       /* true at first */
    unsigned registrations;  /* how often it was asked */
    uint32_t login_delay_ms; /* what it answers */
    unsigned login_failures; /* how often it was told of one */
    /* The store. */
    int batch_error;           /* what batches are answered with from now on; 0: they happen */
    int query_error;           /* the same for queries */
    bool store_held;           /* requests wait until bench_store_step or bench_release */
    unsigned batches, queries; /* that were answered */
    struct buf log;            /* lines of the log, each with a line feed */
    struct node *nodes[BENCH_SHARDS_MAX];
    struct bench_inside *inside;
};

/* modules: a NULL-terminated list; NULL: all of them. One shard, or that many. */
struct bench *bench_new(const struct module *const *modules);
struct bench *bench_new_shards(const struct module *const *modules, uint32_t shards);
void bench_free(struct bench **b);
/* The statement behind it runs twice, with a bench of one shard and with one of three. */
#define BENCH_ON_SHARDS(b, modules)                                                                \
    for (uint32_t shards_ = 1; shards_ <= 3; shards_ += 2)                                         \
        for (struct bench *b = bench_new_shards((modules), shards_); (b) != NULL; bench_free(&(b)))

/* Turns until nothing moves; what is below does it by itself. */
void bench_run(struct bench *b);
/* Time passes; timers fire when they are due. */
void bench_advance(struct bench *b, uint64_t ms);
/* Carries out up to n requests that wait for the store. */
void bench_store_step(struct bench *b, size_t n);
/* The same for queries alone, past the batches before them: reads never wait for the writer. */
void bench_query_step(struct bench *b, size_t n);
/* How many requests wait. */
size_t bench_store_waiting(const struct bench *b);
/* The store is held back no longer. */
void bench_release(struct bench *b);
/* Tells the shards what was changed in hosts or config. */
void bench_reload(struct bench *b);
/* Some log line holds the text. */
bool bench_logged(const struct bench *b, const char *text);

/* The process dies and starts again. Of the requests that wait for the store the first n are
 * carried out before, and their answers come to nobody. The regions are what is left of it, unless
 * the machine went down too. Connections are lost. */
void bench_crash(struct bench *b, size_t n);
void bench_power_cut(struct bench *b, size_t n);
/* It is stopped in order and starts again, with its regions or, as another binary, with what it has
 * written to the store. */
void bench_restart(struct bench *b, bool regions);

/* Puts an account with BENCH_PASSWORD into the store. */
void bench_account(struct bench *b, const char *bare);
/* Makes the two see each other's presence (subscription 'both' in both rosters). Neither may be in
 * memory yet. */
void bench_befriend(struct bench *b, const char *bare, const char *other);
/* Carries out a request of the test itself at once, held back or not, failing or not. The answer is
 * the caller's (store_request_free). */
struct store_request *bench_store(struct bench *b, struct store_request *r);
/* Puts one item. */
void bench_put(struct bench *b, const char *owner, const char *name, const char *key,
               struct slice value);
/* Puts a message into the log of those of its two that are ours, as the core does (core/service/
 * archive.h), accepted now. from and to are prepared; payload is serialised, NULL: the value is no
 * stanza at all. Its position. */
uint64_t bench_archive(struct bench *b, const char *from, const char *to, uint32_t flags,
                       const char *payload);
/* How many entries a log, or items a map holds. */
uint64_t bench_count(struct bench *b, const char *owner, const char *name);
/* The engine of the shard that owns the address, and the account there; NULL: not in memory. */
struct engine *bench_engine(struct bench *b, const char *bare);
struct account *bench_loaded(struct bench *b, const char *bare);

/* A connection on which nothing was said yet, to the first listener; or to that one. */
struct client *bench_connect(struct bench *b);
struct client *bench_connect_to(struct bench *b, uint32_t listener);
/* Sends a stream header; the features that come are left to be expected. */
void client_open(struct client *c, const char *host);
/* A component of that name, of those in config.core.components, connected to the listener with the
 * index 1 (BENCH_COMPONENT_LISTENER). */
#define BENCH_COMPONENT_LISTENER 1
struct client *bench_component(struct bench *b, const char *domain);
/* Makes the account when there is none, connects, logs in, binds. */
struct client *bench_login(struct bench *b, const char *full);
/* The same, and initial presence; what comes of it is forgotten. */
struct client *bench_online(struct bench *b, const char *full);
/* The connection is lost, or closed in order. */
void client_lose(struct client **c);
void client_close(struct client **c);

void client_send(struct client *c, const char *text);
void client_sendf(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A deaf client takes nothing from its connection: output piles up. */
void client_set_deaf(struct client *c, bool deaf);
/* Forgets what came and was not expected yet. */
void client_discard(struct client *c);
/* How many elements came and were not expected yet. */
size_t client_waiting(const struct client *c);
/* The server has ended the stream. */
bool client_ended(const struct client *c);
/* Takes the next element as it is; no element: fails. It lives until the next one is taken. */
struct xml client_next(struct client *c);
/* The element that was taken last. */
struct xml client_last(const struct client *c);
/* Its session in the server; NULL: none. */
struct session *client_session(const struct client *c);

/* The next element matches the pattern. */
#define expect(c, pattern) client_expect((c), (pattern), __FILE__, __LINE__)
/* Some element that came matches; it is taken, the others stay. */
#define expect_somewhere(c, pattern) client_expect_somewhere((c), (pattern), __FILE__, __LINE__)
/* Nothing (else) came. */
#define expect_nothing(c) client_expect_nothing((c), __FILE__, __LINE__)
/* The next element is this stream error ("conflict"), and the stream has ended. */
#define expect_stream_error(c, name) client_expect_stream_error((c), (name), __FILE__, __LINE__)
/* One request, one answer. */
#define ask(c, text, pattern) (client_send((c), (text)), expect((c), (pattern)))

void client_expect(struct client *c, const char *pattern, const char *file, int line);
void client_expect_somewhere(struct client *c, const char *pattern, const char *file, int line);
void client_expect_nothing(struct client *c, const char *file, int line);
void client_expect_stream_error(struct client *c, const char *name, const char *file, int line);

/* The comparison itself. */
bool bench_matches(struct xml pattern, struct xml x);

#endif
