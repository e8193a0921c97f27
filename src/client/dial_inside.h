/* Inside of dial: one search, and what it has met with. */
#ifndef CLIENT_DIAL_INSIDE_H
#define CLIENT_DIAL_INSIDE_H

#include "client/client.h"
#include "client/find.h"
#include "client/setup.h"

enum dial_service { DIAL_XMPP, DIAL_XMPPS, DIAL_JABBER, DIAL_SERVICES };

enum {
    DIAL_TARGETS = FIND_TARGETS + 1 + DIAL_HOPS, /* a location, and redirections */
    DIAL_REASON_BYTES = 64,
    DIAL_FAILURES = 24, /* that are told */
};

struct dial_query {
    uint32_t id; /* 0: not under way */
    enum find_answer answer;
};

struct dial_attempt {
    uint32_t id; /* 0: free */
    size_t target;
    struct burble_address address;
};

/* A failure before there was a connection. */
struct dial_failure {
    size_t target;
    struct burble_address address; /* family 0: the name could not be looked up */
    char reason[DIAL_REASON_BYTES];
};

struct dial_run {
    uint64_t deadline_ms; /* for everything until the session stands */
    struct client_timer timer;
    bool over; /* the end is being told */

    struct dial_query queries[DIAL_SERVICES];
    bool searched; /* SRV was asked, or is not to be asked */
    struct find found;
    char srv_reason[DIAL_REASON_BYTES];

    struct find_target targets[DIAL_TARGETS];
    size_t count, next;
    bool proxied;
    struct setup_proxy proxy;
    char proxy_host[FIND_HOST_BYTES];

    /* The target that is being tried, next - 1: its addresses by family. */
    uint32_t host_query;
    struct burble_address addresses[2][DIAL_ADDRESSES]; /* 0: IPv6 */
    size_t found_count[2], used[2];
    unsigned turn;       /* the family whose turn it is */
    uint64_t not_before; /* the next attempt, or the next target */
    uint64_t six_until;  /* IPv6 is waited for */

    struct dial_attempt attempts[DIAL_ATTEMPTS];
    size_t linked; /* target of the connection that the link has, + 1; 0: none */

    struct dial_failure failures[DIAL_FAILURES];
    size_t failure_count;
    enum burble_why why; /* the most telling one behind a connection; NONE: there was none */
    char text[512], condition[64];
};

/* dial.c: the next thing that is to be done. The run may be gone afterwards. */
void dial_step(struct burble *c);
void dial_cancel(struct burble *c, uint32_t *query);

/* dial_search.c */
void dial_add_target(struct dial_run *run, const struct find_target *t);
/* Begins to look for targets, or adds the only one and goes on. */
void dial_search(struct burble *c);
bool dial_is_searching(const struct dial_run *run);
void dial_srv_came(struct burble *c, struct dial_query *q, const struct burble_input *in);
/* What has not been answered yet is not waited for. */
void dial_search_late(struct burble *c);
/* A place that the server has told: with TLS from the start (direct_tls) or not as the connection
 * on which it did, as far as the configuration permits both. False: it is none, or none to go to
 * (C05). */
bool dial_told_place(const struct burble *c, struct slice where, bool direct_tls,
                     struct find_target *out);

/* dial_text.c */
void dial_note(struct dial_run *run, size_t target, const struct burble_address *address,
               const char *reason);
/* A connection was made, and then this. */
void dial_remember(struct dial_run *run, size_t target, const struct burble_state_event *why);
/* What was tried and how it went, appended. */
void dial_summary(const struct dial_run *run, struct buf *out);

#endif
