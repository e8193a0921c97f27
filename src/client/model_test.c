/* Clients that do anything at any time, over a network that breaks: what is promised holds.
 * Messages come once and only once, in order; each is told of once; each request is answered once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "burble/message.h"
#include "burble/presence.h"
#include "client/test_world.h"

enum { SEEDS = 400, OPERATIONS = 150, REQUESTS = 1024 };

enum fate { UNUSED, OPEN, SENT, FAILED, FAILED_WRITTEN };
enum request { NOT_ASKED, ASKED, ANSWERED, CANCELLED };

static struct model {
    struct world w;
    /* Said by the client. */
    enum fate fate[WORLD_MESSAGES];
    unsigned said;
    /* Said by the server. */
    unsigned heard[WORLD_MESSAGES];
    unsigned sent;
    enum request request[REQUESTS];
    uint64_t handle[REQUESTS];
    unsigned requests;
    unsigned depth;
    unsigned busy; /* of ten callbacks so many do something themselves */
    bool may_free; /* in a callback */
    bool new_sessions, crashes;
    bool inexact; /* something may come twice */
    bool stays;   /* it never leaves in order */
    unsigned frees, in_order;
    /* Of a program that is killed at any time, and saves when it is asked to. */
    bool killed;
    void *disk;
    size_t disk_len;
    bool here[WORLD_MESSAGES];    /* heard by this process */
    bool settled[WORLD_MESSAGES]; /* and saved: it must not come again */
} m;
static unsigned exact_runs, resumptions, kills;

static void operate(void);

static void in_callback(void)
{
    if (m.depth < 3 && world_random(&m.w, 10) < m.busy)
        operate();
}

static void told(const struct burble_sent_event *e)
{
    unsigned id = (unsigned)strtoul(e->id, NULL, 10);
    CHECK(id < m.said && m.fate[id] == OPEN);
    CHECK(e->ticket != 0);
    m.fate[id] = e->error == 0 ? SENT : e->written ? FAILED_WRITTEN : FAILED;
    CHECK(e->error == 0 || e->error == BURBLE_ERR_OFFLINE);
}

static void keep(void)
{
    free(m.disk);
    CHECK(burble_save(m.w.c, &m.disk, &m.disk_len) == 0);
    burble_saved(m.w.c);
    for (unsigned i = 0; i < m.sent; i++)
        m.settled[i] = m.settled[i] || m.here[i];
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)arg;
    m.depth++;
    if (e->kind == BURBLE_EVENT_SENT)
        told(e->sent);
    if (e->kind == BURBLE_EVENT_MESSAGE) {
        unsigned id = (unsigned)strtoul(e->message->id, NULL, 10);
        CHECK(id < m.sent && !m.settled[id]);
        m.heard[id]++;
        m.here[id] = true;
        if (m.killed && world_random(&m.w, 8) == 0)
            keep();
    }
    if (e->kind == BURBLE_EVENT_SAVE && m.killed)
        keep();
    if (e->kind == BURBLE_EVENT_STATE) {
        CHECK(e->state->state == burble_state(c));
        CHECK(e->state->state != e->state->before || e->state->state == BURBLE_OFFLINE);
        m.in_order += e->state->why == BURBLE_WHY_LEFT && !m.stays;
    }
    in_callback();
    m.depth--;
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    size_t i = (size_t)(uintptr_t)arg;
    (void)c;
    CHECK(m.request[i] == ASKED);
    m.request[i] = ANSWERED;
    CHECK(answer->outcome <= BURBLE_IQ_GONE);
    m.depth++;
    in_callback();
    m.depth--;
}

static void on_request(struct burble *c, struct burble_xml iq, struct burble_xml payload, void *arg)
{
    (void)payload, (void)arg;
    m.depth++;
    int err = burble_answer(c, iq, NULL);
    CHECK(err == 0 || err == BURBLE_ERR_OFFLINE);
    in_callback();
    m.depth--;
}

static void say(void)
{
    char id[16];
    struct burble_message_options o = {.id = id};
    if (m.said == WORLD_MESSAGES)
        return;
    snprintf(id, sizeof(id), "%u", m.said);
    m.fate[m.said++] = OPEN;
    int err = burble_say(m.w.c, "bob@example.org", "x", &o, NULL, NULL);
    CHECK(err == 0 || err == BURBLE_ERR_OFFLINE);
    if (err != 0)
        m.fate[m.said - 1] = FAILED;
    if (m.killed && world_random(&m.w, 2) == 0)
        keep();
}

static void hear(void)
{
    char text[160];
    if (m.sent == WORLD_MESSAGES || !m.w.server.counting)
        return;
    snprintf(text, sizeof(text),
             "<message from='bob@example.org/x' id='%u'><body>x</body></message>", m.sent++);
    world_say(&m.w, text);
}

static void ask(void)
{
    static const char *const PAYLOADS[] = {"<q xmlns='q'/>", "<ignore xmlns='q'/>",
                                           "<refuse xmlns='q'/>"};
    if (m.requests == REQUESTS)
        return;
    size_t i = m.requests++;
    m.request[i] = ASKED;
    int err = burble_get(m.w.c, i % 2 == 0 ? "bob@example.org/x" : NULL,
                         PAYLOADS[world_random(&m.w, 3)], world_random(&m.w, 20000), on_answer,
                         (void *)(uintptr_t)i, &m.handle[i]); /* NOLINT */
    CHECK(err == 0 || err == BURBLE_ERR_OFFLINE);
    if (err != 0)
        m.request[i] = NOT_ASKED;
}

static void cancel(void)
{
    if (m.requests == 0)
        return;
    size_t i = world_random(&m.w, m.requests);
    burble_cancel(m.w.c, m.handle[i]);
    if (m.request[i] == ASKED)
        m.request[i] = CANCELLED;
}

static void save(void)
{
    void *bytes;
    size_t len;
    CHECK(burble_save(m.w.c, &bytes, &len) == 0 && len > 0);
    free(bytes);
}

/* What may be done from anywhere. */
static void operate(void)
{
    struct burble *c = m.w.c;
    if (c == NULL)
        return;
    switch (world_random(&m.w, 24)) {
    case 0:
        if (!m.stays)
            burble_disconnect(c);
        break;
    case 1:
        burble_suspend(c);
        break;
    case 2:
        if (m.may_free && world_random(&m.w, 8) == 0) {
            m.frees++;
            burble_free(&m.w.c);
        }
        break;
    case 3:
    case 4:
    case 5:
        (void)burble_connect(c);
        break;
    case 6:
        cancel();
        break;
    case 7:
    case 8:
    case 9:
        ask();
        break;
    case 10:
        save();
        break;
    case 11:
        (void)burble_set_presence(c, BURBLE_SHOW_AWAY, NULL, 0, NULL);
        break;
    case 12:
        burble_set_active(c, world_random(&m.w, 2) == 0);
        break;
    case 13:
        (void)burble_on_request(c, "q", "q", NULL, NULL);
        break;
    case 14:
        (void)burble_on_request(c, "q", "q", on_request, NULL);
        break;
    case 15:
        (void)burble_set_unavailable(c, NULL);
        break;
    default:
        say();
    }
}

/* What becomes of messages and requests of a client that was freed. */
static void forget_open(void)
{
    for (unsigned i = 0; i < m.said; i++)
        if (m.fate[i] == OPEN)
            m.fate[i] = FAILED_WRITTEN; /* nobody says what became of it */
    for (unsigned i = 0; i < m.requests; i++)
        CHECK(m.request[i] != ASKED);
}

static void restart(void)
{
    void *bytes = NULL;
    size_t len = 0;
    bool crash = m.crashes && world_random(&m.w, 2) == 0;
    if (!crash)
        burble_suspend(m.w.c);
    CHECK(burble_save(m.w.c, &bytes, &len) == 0);
    bool session = memmem(bytes, len, "<session", 8) != NULL;
    /* Saved on its way out: what is not acknowledged may be there. */
    if (!session && memmem(bytes, len, "written", 7) != NULL)
        m.inexact = true;
    if (session && !crash && world_random(&m.w, 2) == 0)
        world_settle(&m.w); /* or it ends at once */
    burble_free(&m.w.c);
    for (unsigned i = 0; i < m.requests; i++)
        CHECK(m.request[i] != ASKED);
    memset(m.handle, 0, sizeof(m.handle)); /* they were the old client's */
    CHECK(world_restart(&m.w, bytes, len) == 0);
    free(bytes);
}

/* The process is gone, and another one begins with what was saved last. */
static void kill_it(void)
{
    kills++;
    burble_free(&m.w.c);
    for (unsigned i = 0; i < m.said; i++) {
        char id[32];
        snprintf(id, sizeof(id), " id='%u'", i);
        bool saved = m.disk != NULL && memmem(m.disk, m.disk_len, id, strlen(id)) != NULL;
        if (saved)
            m.fate[i] = OPEN; /* it will be told, perhaps again */
        else if (m.fate[i] == OPEN)
            m.fate[i] = FAILED_WRITTEN; /* nobody says what became of it */
    }
    memset(m.handle, 0, sizeof(m.handle));
    memset(m.here, 0, sizeof(m.here));
    CHECK(world_restart(&m.w, m.disk, m.disk_len) == 0);
}

static void outside(void)
{
    struct world_server *s = &m.w.server;
    switch (world_random(&m.w, 16)) {
    case 0:
        world_break(&m.w, world_random(&m.w, 2) == 0 ? "reset" : NULL);
        break;
    case 1:
        world_wait(&m.w);
        break;
    case 2:
        world_pass(&m.w, world_random(&m.w, 30000));
        break;
    case 3:
        if (m.killed)
            kill_it();
        else if (m.depth == 0 && m.busy == 0)
            restart();
        break;
    case 4:
        s->deaf = world_random(&m.w, 3) == 0;
        break;
    case 5:
        s->forgetful = m.new_sessions && world_random(&m.w, 2) == 0;
        break;
    case 6:
        m.w.unreachable = world_random(&m.w, 4) == 0;
        break;
    case 7:
        m.w.piece = world_random(&m.w, 40);
        break;
    case 8:
        if (s->counting)
            world_say(&m.w, "<iq type='get' id='q' from='bob@example.org/x'><q xmlns='q'/></iq>");
        break;
    case 9:
    case 10:
        if (s->counting && s->bound && m.killed)
            world_raw(&m.w, "<r xmlns='urn:xmpp:sm:3'/>");
        else
            hear();
        break;
    default:
        hear();
    }
}

/* Everything gets its end. */
static void calm_down(void)
{
    m.busy = 0;
    m.may_free = false;
    m.w.unreachable = m.w.server.deaf = m.w.server.forgetful = false;
    if (m.w.c == NULL) {
        forget_open();
        CHECK(world_restart(&m.w, NULL, 0) == 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        world_settle(&m.w);
        (void)burble_connect(m.w.c);
        if (world_reach(&m.w, BURBLE_ONLINE) && burble_queued(m.w.c) == 0)
            break;
        world_wait(&m.w);
    }
    CHECK(burble_state(m.w.c) == BURBLE_ONLINE && burble_queued(m.w.c) == 0);
    for (unsigned i = 0; i < 10; i++)
        world_wait(&m.w);
}

static void check(void)
{
    const struct world_server *s = &m.w.server;
    bool exact = m.frees == 0 && !m.crashes && !m.inexact;
    CHECK(s->violations == 0 && s->bad == 0);
    for (unsigned i = 0; i < m.said; i++) {
        CHECK(m.fate[i] != OPEN);
        CHECK(m.fate[i] != SENT || s->got[i] >= 1);
        CHECK(m.fate[i] != FAILED || s->got[i] == 0);
        CHECK(s->got[i] <= 1 || m.inexact);
    }
    CHECK(s->reordered == 0 || m.inexact);
    /* What the server had sent in a session that ended in order is not said again. */
    exact = exact && !m.new_sessions && m.in_order == 0;
    for (unsigned i = 0; exact && i < m.sent; i++)
        CHECK(m.heard[i] == 1 || (m.killed && m.heard[i] > 1));
    exact_runs += exact;
    resumptions += s->resumptions;
}

static void begin(uint32_t seed, unsigned flags)
{
    memset(&m, 0, sizeof(m));
    world_new(&m.w, &BURBLE_CONFIG(.on_event = on_event, .queue_max = 100000, .flags = flags));
    m.w.random = seed * 7919 + 1;
    m.stays = seed % 2 == 0;
}

static void live(void)
{
    (void)burble_connect(m.w.c);
    for (unsigned i = 0; i < OPERATIONS && m.w.c != NULL; i++) {
        unsigned steps = world_random(&m.w, 12);
        while (steps-- > 0 && world_step(&m.w))
            continue;
        if (m.w.c == NULL)
            break;
        if (world_random(&m.w, 3) == 0)
            outside();
        else
            operate();
    }
    calm_down();
    check();
    burble_free(&m.w.c);
    forget_open();
    world_end(&m.w);
}

static void run(uint32_t seed, unsigned busy, bool may_free, bool new_sessions, bool crashes)
{
    begin(seed, 0);
    m.busy = busy;
    m.may_free = may_free;
    m.new_sessions = new_sessions;
    m.crashes = m.inexact = crashes;
    live();
}

static void C06_C07_messages_come_once_and_only_once(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++)
        run(seed, 0, false, false, false);
    /* It is the test that is tested here. */
    assert_true(exact_runs >= SEEDS / 4);
    assert_true(resumptions >= SEEDS);
}

static void C06_also_over_new_sessions(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++)
        run(seed, 0, false, true, false);
}

static void messages_outlive_crashes(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++)
        run(seed, 0, false, false, true);
}

/* What was saved is said once and only once, and heard once and only once; the rest is heard. */
static void C06_who_saves_may_be_killed_at_any_time(void **state)
{
    (void)state;
    exact_runs = resumptions = kills = 0;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        begin(seed, BURBLE_ACK_SAVED);
        m.killed = m.stays = true;
        live();
        free(m.disk);
    }
    assert_int_equal(exact_runs, SEEDS);
    assert_true(kills >= SEEDS && resumptions >= kills / 2);
}

static void C08_V16_callbacks_may_do_anything(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        run(seed, 1 + seed % 5, false, false, false);
        run(seed, 1 + seed % 5, true, true, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C06_C07_messages_come_once_and_only_once),
        cmocka_unit_test(C06_also_over_new_sessions),
        cmocka_unit_test(messages_outlive_crashes),
        cmocka_unit_test(C06_who_saves_may_be_killed_at_any_time),
        cmocka_unit_test(C08_V16_callbacks_may_do_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
