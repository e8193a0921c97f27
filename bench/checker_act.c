/* What the checker's clients do while the load is on: writers write and sometimes break off,
 * readers acknowledge, break off, stop reading, forget, log out and come back. Chance decides;
 * --seed repeats its decisions, though not the server's. */
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "checker.h"

#define MS UINT64_C(1000000)

enum {
    TICK_MS = 5,
    AGAIN_MS = 20,    /* between attempts to connect */
    LOGIN_MS = 20000, /* a login that takes longer is given up */
    AWAKE_MS = 400,   /* mean time of a reader that comes and goes */
    ASLEEP_MS = 600,
    RSS_MS = 100,
    TELL_TURNS = 6, /* mean, until a reader acknowledges */
};

uint64_t checker_random(struct checker *k, uint64_t below)
{
    k->random ^= k->random << 13;
    k->random ^= k->random >> 7;
    k->random ^= k->random << 17;
    return (k->random >> 11) % below;
}

struct actor *checker_actor(struct client *c)
{
    struct checker *k = c->bench->owner;
    return &k->actors[c->index];
}

/* 0 to twice the mean. */
static uint64_t act_later(struct checker *k, uint32_t mean_ms)
{
    return k->bench.now_ns + checker_random(k, 2 * mean_ms + 1) * MS;
}

static void act_close_hung(struct actor *a)
{
    if (a->hung >= 0)
        close(a->hung);
    a->hung = -1;
}

/* ------------------------------------------------------------------- what happens to the clients
 */

static void act_fresh(struct client *c)
{
    struct checker *k = c->bench->owner;
    struct actor *a = checker_actor(c);
    if (a->device != NULL)
        book_new_life(&k->book, a->device);
}

static void act_ready(struct client *c, bool resumed)
{
    struct checker *k = c->bench->owner;
    struct actor *a = checker_actor(c);
    (void)resumed;
    act_close_hung(a); /* the old connection had to stand the new one */
    a->change_ns = act_later(k, AWAKE_MS);
}

/* The connection is gone. A reader may have lost what it had not acknowledged. */
static void act_break(struct actor *a)
{
    struct checker *k = a->client->bench->owner;
    a->connect_ns = act_later(k, AGAIN_MS);
    a->fenced = a->owes = false;
    if (a->device == NULL)
        return;
    book_unfenced(a->device);
    if (sm_resumable(a->client) && checker_random(k, 2) == 0) {
        a->client->sm.in_h = a->client->sm.in_told;
        book_forget(&k->book, a->device);
    }
}

static void act_lost(struct client *c, const char *why)
{
    struct checker *k = c->bench->owner;
    (void)why;
    k->lost_connections++;
    act_break(checker_actor(c));
}

static void act_left(struct client *c)
{
    struct checker *k = c->bench->owner;
    struct actor *a = checker_actor(c);
    a->fenced = a->leaving = false;
    a->wanted = k->recall;
    book_closed(&k->book, a->device);
    a->change_ns = act_later(k, ASLEEP_MS);
}

static void act_acked(struct client *c, uint64_t tag)
{
    struct checker *k = c->bench->owner;
    k->acked++;
    book_acked(&k->book, (uint32_t)(tag - SM_OWN));
}

static void act_resend(struct client *c, uint64_t tag, bool fresh)
{
    struct checker *k = c->bench->owner;
    if (fresh)
        book_repeated(&k->book, (uint32_t)(tag - SM_OWN));
    checker_write(c, (uint32_t)(tag - SM_OWN));
}

/* Readers answer within some turns, so that there is something to be forgotten. */
static bool act_asked(struct client *c)
{
    struct actor *a = checker_actor(c);
    a->owes = a->device != NULL;
    return a->owes;
}

static void act_telling(struct client *c)
{
    struct checker *k = c->bench->owner;
    struct actor *a = checker_actor(c);
    a->owes = false;
    if (a->device != NULL)
        book_told(&k->book, a->device);
}

static void act_wrong_h(struct client *c)
{
    book_wrong_h(&((struct checker *)c->bench->owner)->book, c->account);
}

const struct client_ops CHECKER_OPS = {
    .program = "checker",
    .unit = checker_unit,
    .early = true,
    .fresh = act_fresh,
    .ready = act_ready,
    .lost = act_lost,
    .acked = act_acked,
    .resend = act_resend,
    .asked = act_asked,
    .telling = act_telling,
    .left = act_left,
    .wrong_h = act_wrong_h,
};

/* ------------------------------------------------------------------------------ what they do */

static void act_connect(struct checker *k, struct actor *a)
{
    struct client *c = a->client;
    bool begun = c->state != CLIENT_OFF && c->state != CLIENT_READY;
    if (begun && k->bench.now_ns > a->begun_ns + LOGIN_MS * MS) {
        client_fail(c, "takes too long", SLICE_NONE);
    } else if (c->state == CLIENT_OFF && a->wanted && k->bench.now_ns >= a->connect_ns) {
        a->begun_ns = k->bench.now_ns;
        client_connect(c);
    }
}

/* A reader says what it has got. A fence only behind messages: its answer is counted too. */
static void act_tell(struct actor *a)
{
    sm_tell(a->client);
    if (!a->fenced && a->device->told.end > a->device->told.first)
        checker_fence(a);
    client_flush(a->client);
}

/* Breaks the connection, or leaves it open and never reads it again. */
static void act_die(struct checker *k, struct actor *a, bool hang)
{
    a->wanted = false;
    if (hang)
        a->hung = client_detach(a->client);
    else
        client_close(a->client);
    act_break(a);
    a->change_ns = act_later(k, ASLEEP_MS);
}

static void act_leave(struct actor *a)
{
    if (a->device->recent.end > a->device->recent.first) {
        if (!a->fenced)
            act_tell(a);
    } else if (!a->fenced || a->role == ROLE_OFFLINE) { /* these do not wait for the answer */
        client_leave(a->client);
        a->begun_ns = a->client->bench->now_ns;
    }
}

static void act_reader(struct checker *k, struct actor *a)
{
    bool due = k->running && k->bench.now_ns >= a->change_ns;
    if (a->client->state == CLIENT_READY) {
        const struct book_list *recent = &a->device->recent;
        if (a->leaving)
            act_leave(a);
        else if (due && a->role == ROLE_DEAD)
            act_die(k, a, checker_random(k, 2) == 0);
        else if (due && a->role == ROLE_OFFLINE)
            a->leaving = true;
        else if (k->running && k->warm && a->role >= ROLE_HUNG)
            act_die(k, a, a->role == ROLE_HUNG);
        else if ((recent->end > recent->first || a->owes) && checker_random(k, TELL_TURNS) == 0)
            act_tell(a);
    } else if (!a->wanted && due && a->role <= ROLE_OFFLINE) {
        a->wanted = true;
    }
}

/* Who is written to: in the beginning those who read for sure; then those who do not, if there are
 * any. */
static uint32_t act_reader_of(struct checker *k)
{
    const struct plan *p = &k->plan;
    uint32_t readers = k->book.accounts - p->writers;
    if (k->sent < p->warm)
        return p->writers + (uint32_t)checker_random(k, p->online);
    if (p->hung + p->gone > 0)
        return k->book.accounts - 1 - (uint32_t)checker_random(k, p->hung + p->gone);
    return p->writers + (uint32_t)checker_random(k, readers);
}

static bool act_may_send(const struct checker *k, const struct actor *a)
{
    const struct plan *p = &k->plan;
    return a->client->state == CLIENT_READY && a->client->sm.unacked.count < p->window &&
           (p->messages == 0 || k->sent < p->messages) && (k->set || k->sent < p->warm);
}

/* Up to n messages, by one writer after another: with a rate one each, else what the windows hold.
 */
static void act_send(struct checker *k, uint64_t n)
{
    const struct plan *p = &k->plan;
    uint32_t lot = p->rate > 0 ? 1 : p->window;
    for (uint32_t idle = 0; n > 0 && idle < p->writers; idle++) {
        struct actor *a = &k->actors[k->next_writer++ % p->writers];
        for (uint32_t i = 0; i < lot && n > 0 && act_may_send(k, a); i++, n--) {
            checker_send(k, a, act_reader_of(k));
            idle = 0;
        }
    }
}

static void act_ask(struct actor *a)
{
    struct client *c = a->client;
    if (c->state == CLIENT_READY && c->sm.unacked.count > 0 && !c->sm.asked)
        sm_ask(c);
    client_flush(c);
}

static void act_writer(struct checker *k, struct actor *a)
{
    struct client *c = a->client;
    act_ask(a);
    if (k->running && k->plan.break_ms > 0 && c->state == CLIENT_READY &&
        checker_random(k, k->plan.break_ms / TICK_MS + 1) == 0) {
        client_close(c);
        act_break(a);
    }
}

static void act_memory(struct checker *k)
{
    struct proc_use use;
    if (k->bench.opt.pid == 0 || k->bench.now_ns < k->rss_ns + RSS_MS * MS || !k->warm)
        return;
    k->rss_ns = k->bench.now_ns;
    if (!proc_read(k->bench.opt.pid, true, &use))
        return;
    if (k->rss_base == 0)
        k->rss_base = use.rss;
    k->rss_max = use.rss > k->rss_max ? use.rss : k->rss_max;
}

static void act_pace(struct checker *k)
{
    uint64_t due = UINT64_MAX;
    if (k->plan.rate > 0) {
        due = (uint64_t)((double)(k->bench.now_ns - k->paced_ns) / 1e9 * k->plan.rate);
        if (due == 0)
            return;
        /* What cannot be sent now, because no server is there, is not caught up with. */
        k->paced_ns += (uint64_t)((double)due / k->plan.rate * 1e9);
    }
    act_send(k, due);
}

static void act_all(struct checker *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        struct actor *a = &k->actors[i];
        act_connect(k, a);
        if (a->role == ROLE_WRITER)
            act_writer(k, a);
        else
            act_reader(k, a);
    }
    if (k->measuring)
        act_memory(k);
}

/* The warm messages are acknowledged, and who is not to read does not read. */
static bool act_set(const struct checker *k)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (k->actors[i].role >= ROLE_HUNG && k->actors[i].client->state != CLIENT_OFF)
            return false;
    return k->warm;
}

void checker_turn(struct checker *k)
{
    bench_turn(&k->bench, TICK_MS);
    k->warm = k->warm || k->acked >= k->plan.warm;
    k->set = k->set || act_set(k);
    bool tick = k->bench.now_ns >= k->tick_ns;
    if (k->running && (tick || k->plan.rate == 0)) {
        act_pace(k);
        for (uint32_t i = 0; i < k->plan.writers; i++)
            act_ask(&k->actors[i]);
    }
    if (tick) {
        k->tick_ns = k->bench.now_ns + TICK_MS * MS;
        act_all(k);
    }
}
