/* Random traffic between clients with stream management, random losses of connections, random ends
 * of the process: each message arrives at each client that it is for exactly once, in the order of
 * its sender. Rows G1, D05, S26, N02. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "node/test_device.h"

enum { DEVICES = 5, USERS = 3, STEPS = 120, MESSAGES_MAX = 2000 };

static const char *const FULL[DEVICES] = {"a@example.org/1", "a@example.org/2", "b@example.org/1",
                                          "b@example.org/2", "c@example.net/1"};
static const char *const BARE[USERS] = {"a@example.org", "b@example.org", "c@example.net"};

struct model {
    struct bench *b;
    struct device *devices[DEVICES];
    uint64_t random;
    unsigned written; /* messages; their bodies count from 0 */
    struct {
        unsigned from;
        unsigned to; /* a user, or USERS + a device */
    } messages[MESSAGES_MAX];
};

static unsigned below(struct model *m, unsigned n)
{
    return (unsigned)(test_random(&m->random) % n);
}

static unsigned user_of(unsigned device)
{
    return device / 2;
}

static void write_one(struct model *m)
{
    unsigned from = below(m, DEVICES), to = below(m, USERS + DEVICES);
    struct device *d = m->devices[from];
    if (m->written == MESSAGES_MAX || d->sent - d->acked >= DEVICE_UNACKED_MAX)
        return;
    m->messages[m->written].from = from;
    m->messages[m->written].to = to;
    device_write(d, to < USERS ? BARE[to] : FULL[to - USERS], m->written++);
}

/* The store is held back for a few messages, of which some are written and told. */
static void burst(struct model *m)
{
    m->b->store_held = true;
    for (unsigned n = 1 + below(m, 6); n > 0; n--) {
        write_one(m);
        if (below(m, 3) == 0)
            bench_query_step(m->b, 1 + below(m, 4));
        if (below(m, 3) == 0)
            bench_store_step(m->b, below(m, 4));
        if (below(m, 6) == 0)
            device_lose(m->devices[below(m, DEVICES)]);
    }
    if (below(m, 3) == 0) {
        bench_crash(m->b, below(m, 8));
        return;
    }
    bench_release(m->b);
}

static void step(struct model *m)
{
    struct device *d = m->devices[below(m, DEVICES)];
    switch (below(m, 12)) {
    case 0:
    case 1:
    case 2:
        write_one(m);
        break;
    case 3:
    case 4:
        burst(m);
        break;
    case 5:
        device_lose(d);
        break;
    case 6:
    case 7:
        if (!device_resume(d))
            fail_msg("%s was not resumed", d->full);
        break;
    case 8:
        device_take(d);
        break;
    case 9:
        d->silent = !d->silent;
        if (d->client != NULL && d->client->conn != NULL)
            client_set_deaf(d->client, below(m, 3) == 0);
        break;
    case 10:
        bench_advance(m->b, below(m, 1500));
        break;
    case 11:
        if (below(m, 4) == 0)
            bench_crash(m->b, 0);
        else if (below(m, 4) == 0)
            bench_restart(m->b, below(m, 2) == 0);
        else if (d->client != NULL)
            device_raw(d, "<r xmlns='urn:xmpp:sm:3'/>");
        break;
    default:
        break;
    }
}

static bool is_for(const struct model *m, unsigned message, unsigned device)
{
    unsigned to = m->messages[message].to;
    return to < USERS ? user_of(device) == to : to - USERS == device;
}

static void check(struct model *m, unsigned device, unsigned long long seed)
{
    static unsigned char seen[MESSAGES_MAX];
    long last[DEVICES];
    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < DEVICES; i++)
        last[i] = -1;
    struct slice all = buf_slice(&m->devices[device]->bodies);
    while (all.len > 0) {
        unsigned long long body;
        size_t end = slice_find(all, ' ');
        if (!slice_to_u64(slice_of(all.ptr, end), &body) || body >= m->written)
            fail_msg("seed %llu: %s got %.*s", seed, FULL[device], (int)end, all.ptr);
        all = slice_from(all, end + 1);
        unsigned from = m->messages[body].from;
        if (!is_for(m, (unsigned)body, device))
            fail_msg("seed %llu: %s got %llu of somebody else", seed, FULL[device], body);
        if (seen[body]++ > 0)
            fail_msg("seed %llu: %s got %llu twice", seed, FULL[device], body);
        if ((long)body < last[from])
            fail_msg("seed %llu: %s got %llu behind %ld", seed, FULL[device], body, last[from]);
        last[from] = (long)body;
    }
    for (unsigned i = 0; i < m->written; i++)
        if (is_for(m, i, device) && seen[i] == 0)
            fail_msg("seed %llu: %s lost %u", seed, FULL[device], i);
}

static void play(unsigned long long seed, uint32_t shards)
{
    static struct model m;
    memset(&m, 0, sizeof(m));
    m.b = bench_new_shards(NULL, shards);
    m.random = seed;
    m.b->config.core.limits.rate = false;
    m.b->config.core.limits.sm_resume_ms = 100000000;
    m.b->config.core.limits.sm_stanzas = seed % 3 == 0 ? 5 : 1000;
    m.b->hosts[0].archive = seed % 2 == 0;
    m.b->hosts[1].archive = seed % 4 < 2;
    bench_reload(m.b);
    for (unsigned i = 0; i < DEVICES; i++)
        m.devices[i] = device_new(m.b, FULL[i]);
    for (unsigned i = 0; i < STEPS; i++)
        step(&m);
    for (unsigned i = 0; i < DEVICES; i++) {
        m.devices[i]->silent = false;
        if (!device_resume(m.devices[i]))
            fail_msg("seed %llu: %s was not resumed", seed, FULL[i]);
    }
    for (unsigned n = 0; n < 3; n++) {
        bench_advance(m.b, 2000);
        for (unsigned i = 0; i < DEVICES; i++)
            device_raw(m.devices[i], "<r xmlns='urn:xmpp:sm:3'/>");
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        device_take(m.devices[i]);
        if (m.devices[i]->acked != m.devices[i]->sent)
            fail_msg("seed %llu: %s has %u unacknowledged", seed, FULL[i],
                     m.devices[i]->sent - m.devices[i]->acked);
        check(&m, i, seed);
    }
    /* Nothing is left for who comes next. */
    for (unsigned i = 0; i < DEVICES; i++)
        device_close(m.devices[i]);
    for (unsigned i = 0; i < USERS; i++) {
        char full[64];
        snprintf(full, sizeof(full), "%s/next", BARE[i]);
        struct device *next = device_new(m.b, full);
        device_take(next);
        if (buf_len(&next->bodies) > 0)
            fail_msg("seed %llu: %.*s are left for %s", seed, SLICE_ARG(buf_slice(&next->bodies)),
                     full);
        device_free(&next);
    }
    for (unsigned i = 0; i < DEVICES; i++)
        device_free(&m.devices[i]);
    bench_free(&m.b);
}

static void G1_each_message_arrives_once(void **state)
{
    (void)state;
    const char *text = getenv("SM_SEED");
    unsigned long long first = text != NULL ? strtoull(text, NULL, 10) : 1;
    const char *many = getenv("SM_SEEDS");
    unsigned long long n = many != NULL ? strtoull(many, NULL, 10) : text != NULL ? 1 : 40;
    for (unsigned long long seed = first; seed < first + n; seed++) {
        play(seed, 1);
        play(seed, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(G1_each_message_arrives_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
