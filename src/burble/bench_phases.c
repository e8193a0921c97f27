/* What is measured: messages between pairs, presence that comes back, a room, and what a client
 * costs that only waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "burble/bench.h"

/* The time of sending stands in the body: both ends are this process. */
static void say(struct bench_user *u, const char *to, enum burble_message_type type)
{
    struct bench *b = u->bench;
    struct burble_message_options o = {.type = type};
    (void)snprintf(b->body_text, 40, "%020llu %06u", (unsigned long long)bench_now_us(), u->index);
    b->body_text[27] = ' ';
    if (burble_say(u->client, to, b->body_text, &o, &u->ticket, NULL) != 0)
        return;
    u->sent_us = bench_now_us();
    b->open++;
}

static bool read_body(const char *body, uint64_t *us_out)
{
    char number[21];
    unsigned long long us;
    if (body == NULL || strlen(body) < 28)
        return false;
    memcpy(number, body, 20);
    number[20] = '\0';
    if (!slice_to_u64(slice_z(number), &us))
        return false;
    *us_out = us;
    return true;
}

static bool arrived(struct bench_user *u, const struct burble_message *m)
{
    uint64_t sent_us, now_us = bench_now_us();
    if (m->origin != BURBLE_LIVE || !read_body(m->body, &sent_us) || sent_us > now_us)
        return false;
    bench_times_add(&u->bench->times, now_us - sent_us);
    return true;
}

/* ------------------------------------------------------------------------------------------- chat
 */

static struct bench_user *partner(struct bench_user *u)
{
    struct bench *b = u->bench;
    unsigned other = u->index ^ 1u;
    return other < b->count && b->users[other].online ? &b->users[other] : NULL;
}

static bool chat_begin(struct bench *b)
{
    unsigned pairs = 0;
    for (unsigned i = 0; i + 1 < b->count; i += 2) {
        struct bench_user *u = &b->users[i];
        if (!u->online || partner(u) == NULL)
            continue;
        pairs++;
        for (unsigned w = 0; w < b->window; w++)
            say(u, burble_jid(partner(u)->client), BURBLE_CHAT);
    }
    return pairs > 0;
}

static void chat_message(struct bench_user *u, const struct burble_message *m)
{
    struct bench_user *to = partner(u);
    if (!arrived(u, m))
        return;
    u->bench->open--;
    if (to != NULL && bench_goes_on(u->bench))
        say(u, burble_jid(to->client), BURBLE_CHAT);
}

const struct bench_phase BENCH_CHAT = {
    .name = "chat", .begin = chat_begin, .message = chat_message};

/* --------------------------------------------------------------------------------------- presence
 */

static void announce(struct bench_user *u)
{
    char status[32];
    (void)snprintf(status, sizeof(status), "%llu", (unsigned long long)++u->seq);
    u->sent_us = bench_now_us();
    if (burble_set_presence(u->client, BURBLE_SHOW_ONLINE, status, 0, NULL) == 0)
        u->bench->open++;
}

static bool presence_begin(struct bench *b)
{
    for (unsigned i = 0; i < b->count; i++)
        if (b->users[i].online)
            announce(&b->users[i]);
    return true;
}

/* The server sends the own presence back, when it has told the contacts (RFC 6121 section 4.2.2).
 */
static void presence_came(struct bench_user *u, const struct burble_presence *p)
{
    if (p->type != BURBLE_AVAILABLE || strcmp(p->from, burble_jid(u->client)) != 0 ||
        p->status == NULL || strtoull(p->status, NULL, 10) != u->seq)
        return;
    bench_times_add(&u->bench->times, bench_now_us() - u->sent_us);
    u->bench->open--;
    if (bench_goes_on(u->bench))
        announce(u);
}

const struct bench_phase BENCH_PRESENCE = {
    .name = "presence", .begin = presence_begin, .presence = presence_came};

/* ------------------------------------------------------------------------------------------- room
 */

static void room_joined(struct burble_room *room, const struct burble_room_joined *j, void *arg)
{
    struct bench_user *u = arg;
    (void)room, (void)j;
    u->in_room = true;
}

static void room_left(struct burble_room *room, const struct burble_room_left *l, void *arg)
{
    struct bench_user *u = arg;
    (void)room;
    u->in_room = false;
    if (l->why != BURBLE_ROOM_LEFT && l->why != BURBLE_ROOM_LOST)
        bench_failed(u->bench, EXIT_REFUSED, l->text);
}

static void room_say(struct bench_user *u)
{
    struct bench *b = u->bench;
    (void)snprintf(b->body_text, 40, "%020llu %06u", (unsigned long long)bench_now_us(), u->index);
    b->body_text[27] = ' ';
    if (burble_room_say(u->room, b->body_text, NULL, NULL, NULL) == 0)
        b->open++;
}

/* The one who said it says the next when its own words have come back. */
static void room_message(struct burble_room *room, const struct burble_room_message *r, void *arg)
{
    struct bench_user *u = arg;
    (void)room;
    if (r->history || r->message->body == NULL || u->bench->phase != &BENCH_ROOM ||
        !arrived(u, r->message) || !r->own)
        return;
    u->bench->open--;
    if (bench_goes_on(u->bench))
        room_say(u);
}

static void room_join(struct bench *b, struct bench_user *u)
{
    char jid[512], nick[32];
    (void)snprintf(jid, sizeof(jid), "bench@%s", b->muc);
    (void)snprintf(nick, sizeof(nick), "bench%u", u->index);
    struct burble_room_config config =
        BURBLE_ROOM_CONFIG(.nick = nick, .flags = BURBLE_ROOM_INSTANT, .history_max = -1, .arg = u,
                           .handlers = {
                               .joined = room_joined, .left = room_left, .message = room_message});
    if (u->online && burble_room_join(u->client, jid, &config, &u->room) != 0)
        bench_failed(b, EXIT_USAGE, "the address of the room is none");
}

/* Until the first n users are in, for half a minute at most. */
static void room_wait(struct bench *b, unsigned n)
{
    uint64_t end_us = bench_now_us() + 30000000;
    for (bool all = false; !all && bench_now_us() < end_us && b->failed == 0 && !b->interrupted;) {
        all = true;
        for (unsigned i = 0; i < n; i++)
            all &= !b->users[i].online || b->users[i].in_room;
        if (!all)
            (void)burble_loop_wait(b->loop, 100);
    }
}

static void room_opened(struct burble_room *room, const struct burble_room_result *result,
                        void *arg)
{
    (void)room, (void)result;
    ((struct bench *)arg)->room_open = true;
}

/* One goes first and opens the room: until it has, others are not let in. What it asks behind that
 * is answered behind that. */
static void room_open(struct bench *b)
{
    uint64_t end_us = bench_now_us() + 10000000;
    room_join(b, &b->users[0]);
    room_wait(b, 1);
    if (!b->users[0].in_room ||
        burble_room_list(b->users[0].room, BURBLE_OWNER, NULL, room_opened, b) != 0)
        return;
    while (!b->room_open && bench_now_us() < end_us && !b->interrupted)
        (void)burble_loop_wait(b->loop, 100);
}

static bool room_begin(struct bench *b)
{
    if (b->muc == NULL) {
        out_error("the room phase needs --muc, the address of a service for rooms");
        return false;
    }
    room_open(b);
    for (unsigned i = 1; i < b->count; i++)
        room_join(b, &b->users[i]);
    room_wait(b, b->count);
    b->until_us = bench_now_us() + (uint64_t)b->seconds * 1000000;
    for (unsigned i = 0; i < b->count && i < b->window; i++)
        if (b->users[i].in_room)
            room_say(&b->users[i]);
    return b->failed == 0;
}

static void room_end(struct bench *b)
{
    for (unsigned i = 0; i < b->count; i++)
        burble_room_free(&b->users[i].room);
}

const struct bench_phase BENCH_ROOM = {.name = "room", .begin = room_begin, .end = room_end};

/* ------------------------------------------------------------------------------------------- idle
 */

static bool idle_begin(struct bench *b)
{
    return b->online > b->resident_clients;
}

/* What a client takes that came behind the first ones, which have paid for what all share. */
static void idle_report(struct bench *b)
{
    uint64_t now = bench_resident();
    unsigned clients = b->online > b->resident_clients ? b->online - b->resident_clients : 0;
    double more = now > b->resident ? (double)(now - b->resident) : 0;
    double each = clients > 0 ? more / 1024 / clients : 0;
    if (b->app->out.json)
        (void)out_json(&b->app->out, json_pack("{s:s, s:i, s:f}", "phase", "idle", "count",
                                               (int)clients, "resident_kib", each));
    else
        (void)out_line(&b->app->out, "%-10s %9u clients, %.1f KiB resident each", "idle", clients,
                       each);
}

const struct bench_phase BENCH_IDLE = {.name = "idle", .begin = idle_begin, .report = idle_report};
