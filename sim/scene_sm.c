/* Scene "sessions": devices with stream management and resumption (XEP-0198), and without, write to
 * each other while connections break, devices do not read, the server is stopped, dies and loses
 * its power, all between any two events of the world. At the end everybody comes back, and the book
 * is checked. */
#include "scenes.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "device.h"

enum { ACCOUNTS = 4, PER_ACCOUNT = 3, ROUNDS = 30 };

struct play {
    struct world *world;
    struct book book;
    struct device devices[BOOK_DEVICES];
};

static const char *const NAMES[ACCOUNTS] = {"alice", "bob", "carol", "dave"};
static const char *const RESOURCES[PER_ACCOUNT] = {"a", "b", "c"};

static uint32_t draw(struct play *p, uint32_t n)
{
    return world_random(p->world, n);
}

/* One in n. */
static bool chance(struct play *p, uint32_t n)
{
    return draw(p, n) == 0;
}

static struct device *any(struct play *p)
{
    return &p->devices[draw(p, p->book.device_count)];
}

static void pump(struct play *p)
{
    for (unsigned i = 0; i < p->book.device_count; i++)
        device_pump(&p->devices[i]);
}

static void run(struct play *p, unsigned events)
{
    world_run(p->world, events);
    pump(p);
}

/* ------------------------------------------------------------------------------- what can happen
 */

static void sleep_ms(struct play *p, uint64_t ms)
{
    while (ms > 0) {
        uint64_t step = ms < DEVICE_PUMP_MS ? ms : DEVICE_PUMP_MS;
        world_sleep(p->world, step);
        pump(p);
        ms -= step;
    }
}

static void begin(struct play *p, struct device *d)
{
    device_connect(d, chance(p, 5));
    d->patient = chance(p, 3);
}

static void write_message(struct play *p)
{
    static const struct {
        enum note_kind kind;
        const char *type, *extra;
        bool full;
    } HOW[] = {
        {NOTE_KEPT, "chat", "", false},
        {NOTE_KEPT, "chat", "", false},
        {NOTE_KEPT, "chat", "", true},
        {NOTE_KEPT, "normal", "", false},
        {NOTE_DELIVERY, "chat", "<no-permanent-store xmlns='urn:xmpp:hints'/>", false},
        {NOTE_DELIVERY, "chat", "<no-permanent-store xmlns='urn:xmpp:hints'/>", true},
        {NOTE_VOLATILE, "chat", "<no-store xmlns='urn:xmpp:hints'/>", false},
        {NOTE_VOLATILE, "chat", "<no-store xmlns='urn:xmpp:hints'/>", true},
        {NOTE_NEWS, "headline", "", false},
    };
    struct device *from = any(p), *to = any(p);
    unsigned how = draw(p, sizeof(HOW) / sizeof(HOW[0]));
    char text[400], address[64];
    if (from->state != DEVICE_ON)
        return;
    snprintf(address, sizeof(address), "%s", to->full);
    if (!HOW[how].full)
        *strchr(address, '/') = '\0';
    unsigned n = book_new(&p->book, HOW[how].kind, from->index, to->kind.account,
                          HOW[how].full ? (int)to->index : -1);
    if (n == 0)
        return;
    snprintf(text, sizeof(text), "<message to='%s' type='%s' id='m%u'><body>%u</body>%s</message>",
             address, HOW[how].type, n, n, HOW[how].extra);
    if (device_say(from, text, n, false))
        book_sent(&p->book, n);
    if (chance(p, 4))
        device_ask(from);
}

static void write_request(struct play *p)
{
    struct device *from = any(p), *to = any(p);
    char text[200];
    if (from->state != DEVICE_ON || from->kind.account == to->kind.account)
        return;
    unsigned n = book_new(&p->book, NOTE_REQUEST, from->index, to->kind.account, (int)to->index);
    snprintf(text, sizeof(text),
             "<iq type='get' id='q%u' to='%s'><query xmlns='urn:example:q'/></iq>", n, to->full);
    if (n != 0 && device_say(from, text, n, false))
        book_sent(&p->book, n);
}

static void write_presence(struct play *p)
{
    struct device *d = any(p);
    char text[120];
    if (d->state != DEVICE_ON || d->kind.hidden || d->kind.late)
        return;
    snprintf(text, sizeof(text), "<presence><status>%u</status></presence>", draw(p, 1000));
    device_say(d, text, 0, false);
}

static void connection(struct play *p)
{
    struct device *d = any(p);
    if (d->client == NULL) {
        if (d->kind.account < ACCOUNTS - 1 || chance(p, 20)) /* the last one is away, mostly */
            begin(p, d);
    } else if (chance(p, 3)) {
        device_lose(d, chance(p, 4));
    } else if (chance(p, 6)) {
        client_stop_reading(d->client, true);
    } else if (chance(p, 3)) {
        client_stop_reading(d->client, false);
    } else if (chance(p, 12)) {
        device_close(d);
    } else {
        d->patient = chance(p, 3);
    }
}

static void acknowledgement(struct play *p)
{
    struct device *d = any(p);
    if (chance(p, 2))
        device_tell(d);
    else
        device_ask(d);
}

static void before_the_end(struct play *p)
{
    pump(p);
    book_crash(&p->book);
}

static void crash(struct play *p)
{
    before_the_end(p);
    world_crash(p->world);
}

static void power_cut(struct play *p)
{
    before_the_end(p);
    book_power_cut(&p->book);
    for (unsigned i = 0; i < p->book.device_count; i++)
        p->devices[i].forgiven = true;
    world_power_cut(p->world);
}

static void stop(struct play *p)
{
    world_stop(p->world);
    run(p, draw(p, 100));
    if (chance(p, 3)) {
        crash(p);
    } else if (chance(p, 4)) {
        power_cut(p);
    } else {
        for (unsigned i = 0; i < p->book.device_count; i++)
            if (p->devices[i].client != NULL)
                client_stop_reading(p->devices[i].client, false);
        before_the_end(p);
        uint32_t shards = world_shards(p->world);
        world_restart(p->world, shards > 1 ? 1 + draw(p, shards + 1) : 1, chance(p, 2));
    }
}

static void server(struct play *p)
{
    uint32_t what = draw(p, 8);
    if (what < 4)
        crash(p);
    else if (what < 6)
        stop(p);
    else
        power_cut(p);
    pump(p);
}

static void act(struct play *p)
{
    uint32_t what = draw(p, 100);
    if (what < 50)
        write_message(p);
    else if (what < 58)
        write_request(p);
    else if (what < 60)
        write_presence(p);
    else if (what < 84)
        connection(p);
    else if (what < 93)
        acknowledgement(p);
    else if (what < 97)
        sleep_ms(p, 1 + draw(p, 1500));
    else if (what < 98)
        sleep_ms(p, chance(p, 6) ? 310000 : 1000 * draw(p, 100));
    else
        server(p);
}

/* ------------------------------------------------------------------------------------- the scene
 */

/* The server ended the session because it had no room. */
static void on_log(void *ctx, const char *event, struct slice line)
{
    struct play *p = ctx;
    if (strcmp(event, "sm.full") != 0)
        return;
    for (unsigned i = 0; i < p->book.device_count; i++) {
        struct device *d = &p->devices[i];
        if (memmem(line.ptr, line.len, d->full, strcspn(d->full, "/")) != NULL)
            d->forgiven = true;
    }
}

static void set_up(struct play *p)
{
    struct limits *l = world_limits(p->world);
    if (chance(p, 2)) {
        l->sm_stanzas = 4 + draw(p, 30);
        l->sm_bytes = 4096 + draw(p, 16384);
    }
    if (chance(p, 3))
        l->output_bytes = 4096 + draw(p, 16384);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        world_account(p->world, NAMES[i], "secret");
        for (unsigned k = 0; k < ACCOUNTS; k++)
            if (k != i)
                world_befriend(p->world, NAMES[i], NAMES[k]);
        unsigned count = 1 + draw(p, PER_ACCOUNT);
        for (unsigned k = 0; k < count; k++) {
            struct device_kind kind = {.user = NAMES[i],
                                       .resource = RESOURCES[k],
                                       .account = i,
                                       .manages = !chance(p, 5),
                                       .carbons = chance(p, 2),
                                       .hidden = k > 0 && chance(p, 8),
                                       .late = k > 0 && chance(p, 8)};
            device_init(&p->devices[p->book.device_count], &p->book, &kind);
        }
    }
}

/* All devices are there, read, acknowledge, and get what they get. */
static bool gather(struct play *p)
{
    bool all = true;
    for (unsigned i = 0; i < p->book.device_count; i++) {
        struct device *d = &p->devices[i];
        d->patient = false;
        if (d->client == NULL)
            device_connect(d, false);
        client_stop_reading(d->client, false);
        all &= d->state == DEVICE_ON;
        device_tell(d);
        device_ask(d);
    }
    world_settle(p->world);
    pump(p);
    return all;
}

static void check_device(struct book *b, const struct device *d)
{
    struct world_session s;
    if (d->expected_at < d->expected_count)
        book_fail(b, "%s was not sent \"%s\" again", d->full, d->expected[d->expected_at]);
    if (!d->kind.manages)
        return;
    if (d->sent != d->acked)
        book_fail(b, "%s sent %u stanzas, %u are acknowledged", d->full, d->sent, d->acked);
    if (!world_session(b->world, d->full, &s) || s.out_h != d->received)
        book_fail(b, "%s has %u stanzas, the server knows another number", d->full, d->received);
}

static void everybody_comes_back(struct play *p)
{
    unsigned calm = 0;
    for (unsigned i = 0; i < ROUNDS && calm < 4; i++) {
        calm = gather(p) ? calm + 1 : 0;
        sleep_ms(p, 1500);
    }
    if (calm < 4)
        book_fail(&p->book, "not everybody came back");
}

void scene_sessions(struct world *w)
{
    struct play *p = mem_new(struct play);
    p->world = w;
    p->book.world = w;
    p->book.accounts = NAMES;
    p->book.account_count = ACCOUNTS;
    set_up(p);
    world_log_to(w, on_log, p);
    for (unsigned i = 0; i < p->book.device_count; i++)
        if (p->devices[i].kind.account < ACCOUNTS - 1 && !chance(p, 4))
            begin(p, &p->devices[i]);
    unsigned acts = 50 + draw(p, 500);
    for (unsigned i = 0; i < acts && p->book.failure[0] == '\0'; i++) {
        act(p);
        run(p, draw(p, chance(p, 10) ? 400 : 40));
    }
    everybody_comes_back(p);
    for (unsigned i = 0; i < p->book.device_count; i++)
        check_device(&p->book, &p->devices[i]);
    book_check(&p->book);
    if (p->book.failure[0] != '\0')
        scene_fail(p->book.failure);
    world_log_to(w, NULL, NULL);
    for (unsigned i = 0; i < p->book.device_count; i++)
        device_free(&p->devices[i]);
    mem_free(p);
}
