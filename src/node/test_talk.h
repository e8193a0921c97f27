/* Alice and Bob, each with a device that behaves, where Alice says things more than once. */
#ifndef NODE_TEST_TALK_H
#define NODE_TEST_TALK_H

#include "node/test_device.h"

#define BOB   "bob@example.org"
#define ALICE "alice@example.org"
#define CAROL "carol@example.org"

enum { ALL = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000 };

struct talk {
    struct bench *b;
    struct device *alice, *bob; /* of ALICE/a and BOB/b */
};

struct talk talk_new(struct bench *b);
void talk_free(struct talk *t);
/* As BENCH_ON_SHARDS, with the two of them on the bench. */
#define TALK_ON_SHARDS(b, t)                                                                       \
    BENCH_ON_SHARDS(b, NULL)                                                                       \
    for (struct talk t = talk_new(b); (t).b != NULL; talk_free(&(t)))

/* Time passes; clients that are asked for a sign of life give one. */
void talk_pass(struct talk *t, uint64_t ms);
/* What the server took for something that had been sent before. */
unsigned talk_repeated(const struct bench *b);

#endif
