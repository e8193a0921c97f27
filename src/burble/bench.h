/* `burble bench`: many clients on one loop, and how long things take. */
#ifndef BURBLE_BENCH_H
#define BURBLE_BENCH_H

#include "burble/app.h"
#include "burble/burble_loop.h"
#include "burble/message.h"
#include "burble/presence.h"
#include "burble/room.h"

enum { BENCH_USERS_MAX = 100000, BENCH_SAMPLES_MAX = 10000000, BENCH_WARM_USERS = 32 };

/* Times in microseconds, and what is to be said of them. */
struct bench_times {
    uint32_t *us;
    size_t count, cap;
};
void bench_times_add(struct bench_times *t, uint64_t us);
void bench_times_free(struct bench_times *t);
/* What was measured in a phase. */
struct bench_result {
    const char *name;
    struct bench_times *times;
    double seconds;
    uint64_t lost;
    uint64_t cpu_us; /* of this process; 0: not known */
};
/* What stands above the lines. */
void bench_times_head(struct app *app);
/* One line, or a JSON object: name, how many per second, percentiles, processor time of each. */
void bench_times_report(struct app *app, const struct bench_result *r);

struct bench;

struct bench_user {
    struct bench *bench;
    struct burble *client;
    unsigned index;
    bool online, failed;
    uint64_t began_us;
    uint64_t sent_us; /* of its last message, presence */
    uint64_t seq;
    uint64_t ticket;
    struct burble_room *room;
    bool in_room;
};

struct bench_phase {
    const char *name;
    /* Starts what is measured; false: it cannot be, and why is said. */
    bool (*begin)(struct bench *b);
    void (*message)(struct bench_user *u, const struct burble_message *m);
    void (*presence)(struct bench_user *u, const struct burble_presence *p);
    void (*end)(struct bench *b);
    void (*report)(
        struct bench *b); /* instead of times and rates; may be NULL, as all the others */
};
extern const struct bench_phase BENCH_CHAT, BENCH_IDLE, BENCH_PRESENCE, BENCH_ROOM;

struct bench {
    struct app *app;
    struct burble_loop *loop;
    struct bench_user *users;
    unsigned count, online, failed, connecting, parallel, next;
    unsigned seconds, body, window;
    const char *pattern, *domain, *muc;
    struct buf password;
    const struct bench_phase *phase;
    struct bench_times times, acks, logins;
    uint64_t until_us; /* end of the phase */
    uint64_t open;     /* under way */
    uint64_t resident; /* bytes, when the first clients were online */
    unsigned resident_clients;
    bool over, interrupted, room_open;
    char *body_text;
    char why[256]; /* of the first failure, and its exit code */
    int code;
};

uint64_t bench_now_us(void);
/* Bytes, without what malloc has of freed memory. */
uint64_t bench_resident(void);
/* Is the phase still to send? */
bool bench_goes_on(const struct bench *b);
void bench_failed(struct bench *b, int code, const char *why);

#endif
