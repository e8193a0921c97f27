/* What every store must do, as cmocka tests: the twins run them in store/, the drivers in db/. */
#ifndef STORE_CONFORMANCE_H
#define STORE_CONFORMANCE_H

#include "store/store.h"

struct conformance {
    const char *name;
    /* An empty store; each test opens one and frees it. */
    struct store *(*open)(void *ctx);
    void *ctx;
};

/* What entries say in the suite, for whoever opens a store for it: their value, unless it begins
 * with "!" or their flags are UINT32_MAX. */
extern const struct store_text conformance_text;

/* Runs the suite; the number of failed tests. */
int conformance_run(struct conformance *c);

/* A desk: a place where answers of a store arrive, on any thread. Also of use to a driver's own
 * tests. */
struct desk;

/* Takes the store's answers from now on. */
struct desk *desk_new(struct store *s);
/* Submits; does not wait. */
void desk_submit(struct desk *d, struct store_request *r);
/* The next answer of all, in the order of arrival; fails the test after 30 s without one. The
 * caller owns it. */
struct store_request *desk_next(struct desk *d);
/* Submits and waits for this answer; no other may be under way. */
void desk_do(struct desk *d, struct store_request *r);
/* Frees the store, which answers what is under way. */
void desk_close(struct desk *d);
/* Frees the store and then the desk; what is still unread is freed too. */
void desk_free(struct desk **d);
/* Answers that have arrived and are unread. */
size_t desk_waiting(struct desk *d);

#endif
