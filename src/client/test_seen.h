/* What a program sees of its client, for tests: counts, the last of each, and a log of one line per
 * event. */
#ifndef CLIENT_TEST_SEEN_H
#define CLIENT_TEST_SEEN_H

#include "base/buf.h"
#include "burble/io.h"

struct test_seen {
    unsigned states, messages, presences, stanzas, sent, failed, bad, saves, xml;
    enum burble_state state;
    enum burble_why why;
    bool resumed, written;
    uint32_t retry_ms;
    int error;
    uint64_t ticket;
    char text[600], condition[64], body[256], id[64];
    struct buf log; /* "online", "message BODY", "sent ID", "failed ID ERROR", "save", "bad WHY" */
    /* Called behind it, for tests of what a callback may do. */
    void (*then)(struct burble *c, const struct burble_event *e, void *arg);
    void *arg;
};

/* For struct burble_config: .on_event = test_seen_event, .arg = &seen. */
void test_seen_event(struct burble *c, const struct burble_event *e, void *arg);
/* The log since the last call, "online, sent x"; NUL-terminated, until the next event. */
const char *test_seen_log(struct test_seen *s);
void test_seen_free(struct test_seen *s);

#endif
