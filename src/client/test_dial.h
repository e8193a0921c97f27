/* The outside of a client that looks for its server: a test plays DNS, the network and the clock.
 * It checks that each look-up and each connection is ended once, and that nothing stays open.
 *
 *   struct test_dial t;
 *   dial_new(&t, &BURBLE_CONFIG(.security = BURBLE_DIRECT_TLS));
 *   assert_string_equal(dial_open(&t), "srv _xmpps-client._tcp.example.org");
 *   dial_srv(&t, "_xmpps-client._tcp.example.org", 1, (struct burble_srv[]){{10, 0, 5223, "x"}});
 *   dial_end(&t); */
#ifndef CLIENT_TEST_DIAL_H
#define CLIENT_TEST_DIAL_H

#include "base/buf.h"
#include "burble/io.h"

enum { TEST_DIAL_OPEN = 64 };

struct test_dial_open {
    enum burble_effect_kind kind; /* of what opened it */
    uint32_t id;
    char name[300]; /* of a host, or "192.0.2.1:5222" */
};

struct test_dial {
    struct burble *c;
    struct burble_now now;
    uint32_t next_random;
    struct test_dial_open open[TEST_DIAL_OPEN];
    size_t open_count;
    size_t look_ups, attempts; /* that were begun in all */
    struct buf sent;           /* on the connection that stands */
    char list[4096];
    enum burble_state state; /* the last one of an event, and what came with it */
    enum burble_why why;
    char text[600], condition[64];
};

/* me@example.org unless config says otherwise, and burble_connect. */
void dial_new(struct test_dial *t, const struct burble_config *config);
/* What is open, in the order of its beginning: "srv NAME", "host NAME", "connect ADDRESS:PORT",
 * separated by ", ". */
const char *dial_open(struct test_dial *t);
/* All of these are for something that is open. */
void dial_srv(struct test_dial *t, const char *name, size_t n, const struct burble_srv *records);
/* A look-up of any kind fails; "no such name" is certain, everything else is not. */
void dial_fails(struct test_dial *t, const char *name, const char *failure);
/* addresses: "192.0.2.1 2001:db8::1"; more: one family alone has come. */
void dial_host(struct test_dial *t, const char *name, const char *addresses, bool more);
void dial_connected(struct test_dial *t, const char *address);
void dial_refused(struct test_dial *t, const char *address);
void dial_says(struct test_dial *t, const char *address, const char *bytes);
/* Time passes, and whatever is due on the way is done at its time. */
void dial_pass(struct test_dial *t, uint32_t ms);
/* For the fuzzer: any input, for anything. */
void dial_feed(struct test_dial *t, const struct burble_input *in);
/* Frees the client; when it was offline or waiting, nothing may be open. */
void dial_end(struct test_dial *t);

#endif
