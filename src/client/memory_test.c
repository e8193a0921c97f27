/* When memory runs out: at every allocation of ours in turn, once and for good. Nothing may end the
 * process or leak; what was promised about messages and requests holds, and somebody is told.
 *
 * The link replaces malloc and its kin (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/test_memory.h"
#include "burble/message.h"
#include "burble/presence.h"
#include "client/test_world.h"

static void around(bool inside)
{
    test_memory.armed = inside;
}

static struct run {
    struct world w;
    bool told; /* somebody heard that memory ran out */
    unsigned asked, answered, said, settled;
    unsigned heard;
} r;

static int call(int err)
{
    test_memory.armed = false;
    CHECK(err == 0 || err == BURBLE_ERR_MEMORY || err == BURBLE_ERR_OFFLINE);
    r.told = r.told || err == BURBLE_ERR_MEMORY;
    return err;
}

/* A call of the program's. */
#define CALL(expression) (test_memory.armed = true, call(expression))

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)c, (void)arg;
    bool armed = test_memory.armed;
    test_memory.armed = false; /* what the program allocates in a callback is its own */
    if (e->kind == BURBLE_EVENT_STATE && e->state->why == BURBLE_WHY_MEMORY)
        r.told = true;
    r.settled += e->kind == BURBLE_EVENT_SENT;
    if (e->kind == BURBLE_EVENT_MESSAGE) {
        r.heard++;
        CHECK(strcmp(e->message->from, "bob@example.org/x") == 0);
        CHECK(strcmp(e->message->body, "hello") == 0 && strcmp(e->message->id, "m") == 0);
    }
    if (e->kind == BURBLE_EVENT_PRESENCE)
        CHECK(strcmp(e->presence->from, "bob@example.org/x") == 0);
    if (e->kind == BURBLE_EVENT_BAD)
        CHECK(strcmp(e->bad->from, "@@") == 0);
    test_memory.armed = armed;
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    (void)c, (void)answer, (void)arg;
    r.answered++;
}

static void on_request(struct burble *c, struct burble_xml iq, struct burble_xml payload, void *arg)
{
    (void)payload, (void)arg;
    int err = burble_answer(c, iq, "<r xmlns='r'/>"); /* may fail, too */
    r.told = r.told || err == BURBLE_ERR_MEMORY;
}

static void say(const char *id)
{
    struct burble_message_options o = {.id = id, .ask_receipt = true};
    r.said += CALL(burble_say(r.w.c, "bob@example.org", "hello", &o, NULL, NULL)) == 0;
}

static void ask(const char *to, const char *payload)
{
    r.asked += CALL(burble_get(r.w.c, to, payload, 1000, on_answer, NULL, NULL)) == 0;
}

static void talk(void)
{
    struct burble *c = r.w.c;
    (void)CALL(burble_set_presence(c, BURBLE_SHOW_AWAY, "out", 5, "<p xmlns='p'/>"));
    (void)CALL(burble_on_request(c, "r", "r", NULL, NULL));
    (void)CALL(burble_on_request(c, "r", "r", on_request, NULL));
    say("1");
    r.said += CALL(burble_send(c, "<message to='bob@example.org' id='2'><a b='c'/></message>", 0,
                               NULL)) == 0;
    ask(NULL, "<query xmlns='jabber:iq:roster'/>");
    ask("bob@example.org/x", "<refuse xmlns='q'/>");
    (void)CALL(burble_send_presence(c, "carol@example.org", BURBLE_SUBSCRIBE, "hi"));
    world_say(&r.w, "<message from='bob@example.org/x' id='m'><body>hello</body></message>");
    world_say(&r.w, "<presence from='bob@example.org/x'><status>x</status></presence>");
    world_say(&r.w, "<message from='@@'/>");
    world_say(&r.w, "<iq type='get' id='1' from='bob@example.org/x'><r xmlns='r'/></iq>");
    world_say(&r.w, "<iq type='set' id='2' from='bob@example.org/x'><s xmlns='s'/></iq>");
    world_settle(&r.w);
}

static void restart(void)
{
    void *bytes = NULL;
    size_t len = 0;
    burble_suspend(r.w.c);
    if (CALL(burble_save(r.w.c, &bytes, &len)) != 0)
        return;
    test_memory.armed = true;
    burble_free(&r.w.c);
    test_memory.armed = false;
    int err = world_restart(&r.w, bytes, len);
    CHECK(err == 0 || err == BURBLE_ERR_MEMORY);
    r.told = r.told || err != 0;
    if (err != 0) {
        test_memory.for_good = false; /* the program may try again */
        CHECK(world_restart(&r.w, bytes, len) == 0);
    }
    free(bytes);
}

/* True when memory ran out in it. */
static bool play(long left, bool for_good)
{
    memset(&r, 0, sizeof(r));
    test_memory.left = left;
    test_memory.for_good = for_good;
    r.w.around = around;
    struct burble_config config =
        BURBLE_CONFIG(.on_event = on_event, .flags = BURBLE_RAW_XML, .lang = "en");
    if (world_try(&r.w, &config) != 0) {
        r.told = true;
        world_end(&r.w);
        return true;
    }
    say("0");
    CHECK(CALL(burble_connect(r.w.c)) == 0);
    (void)world_reach_soon(&r.w, BURBLE_ONLINE);
    talk();
    world_break(&r.w, "reset");
    say("3");
    (void)world_reach_soon(&r.w, BURBLE_ONLINE);
    restart();
    int err = burble_connect(r.w.c);
    CHECK(err == 0 || err == BURBLE_ERR_BUSY);
    (void)world_reach_soon(&r.w, BURBLE_ONLINE);
    say("4");
    r.w.server.forgetful = true;
    world_break(&r.w, "reset");
    (void)world_reach_soon(&r.w, BURBLE_ONLINE);
    talk();
    burble_disconnect(r.w.c);
    for (unsigned i = 0; i < 20 && burble_state(r.w.c) != BURBLE_OFFLINE; i++)
        world_wait(&r.w);
    CHECK(burble_state(r.w.c) == BURBLE_OFFLINE);
    world_end(&r.w);
    CHECK(r.answered == r.asked);
    for (unsigned i = 0; i < WORLD_MESSAGES; i++)
        CHECK(r.w.server.got[i] <= 2); /* "talk" says the same again */
    return test_memory.left < 0;
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    long n = 0, told = 0;
    for (; play(n, false); n++)
        told += r.told;
    assert_true(n > 300);
    /* What is not told of is not missing: raw XML to show, the id of the stream, room to close. */
    assert_true(told > n * 3 / 4);
}

static void memory_ends_for_good(void **state)
{
    (void)state;
    long n = 0;
    while (play(n, true))
        n++;
    assert_true(n > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(memory_ends_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
