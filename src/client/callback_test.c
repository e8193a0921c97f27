/* C08, V16: from inside of every callback everything may be called but burble_feed. One session
 * that has all of them is played again and again; each time one thing is done in one callback. */
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

enum { REQUESTS = 8, CALLBACKS_MAX = 400 };

enum action {
    DISCONNECT,
    SUSPEND,
    CONNECT,
    FREE,
    SEND,
    SEND_NOW,
    SAY_RAW, /* in a callback for what is written: it is called again */
    SAVE,
    ASK,
    CANCEL,
    SERVE,
    UNSERVE,
    PRESENCE,
    ABSENCE,
    ACTIVE,
    FEED,
    IO,
    LEAVE_AND_COME,
    SUSPEND_AND_SAVE,
    ACTIONS
};

static struct play {
    struct world w;
    unsigned calls; /* so many callbacks came */
    unsigned at;    /* in this one */
    enum action action;
    bool done;
    bool freed;
    unsigned kinds; /* of events that came */
    unsigned answers[REQUESTS];
    uint64_t handle[REQUESTS];
    bool asked[REQUESTS];
    unsigned tickets, told;
} p;

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg);
static void on_request(struct burble *c, struct burble_xml iq, struct burble_xml payload,
                       void *arg);

static void ask(size_t i, const char *payload)
{
    CHECK(!p.asked[i]);
    int err = burble_get(p.w.c, NULL, payload, 1000, on_answer, (void *)(uintptr_t)i, /* NOLINT */
                         &p.handle[i]);
    CHECK(err == 0 || err == BURBLE_ERR_OFFLINE);
    p.asked[i] = err == 0;
}

static void say(unsigned flags)
{
    int err = burble_send(p.w.c, "<message to='bob@example.org' id='7'/>", flags, NULL);
    CHECK(err == 0 || err == BURBLE_ERR_OFFLINE);
    p.tickets += err == 0;
}

static void save(struct burble *c)
{
    void *bytes;
    size_t len;
    CHECK(burble_save(c, &bytes, &len) == 0);
    free(bytes);
}

static void io(struct burble *c)
{
    struct burble_now now = {.mono_ms = 1, .wall_ms = 1};
    struct burble_input in = {.kind = BURBLE_IN_CLOSED, .id = p.w.conn, .failure = "no"};
    CHECK(burble_feed(c, &in, now)); /* refused, without effect */
    (void)burble_deadline(c);
    (void)burble_output_ends(c);
}

static void act_else(struct burble *c)
{
    int err;
    switch (p.action) {
    case CANCEL:
        for (size_t i = 0; i < REQUESTS; i++) {
            burble_cancel(c, p.handle[i]);
            p.asked[i] = p.asked[i] && p.answers[i] == 1; /* the others will not come */
        }
        break;
    case SERVE:
        err = burble_on_request(c, "r", "r", on_request, NULL);
        CHECK(err == 0 || err == BURBLE_ERR_EXISTS);
        break;
    case UNSERVE:
        CHECK(burble_on_request(c, "r", "r", NULL, NULL) == 0);
        break;
    case PRESENCE:
        CHECK(burble_set_presence(c, BURBLE_SHOW_XA, "x", 1, NULL) == 0);
        break;
    case ABSENCE:
        err = burble_set_unavailable(c, NULL);
        CHECK(err == 0 || err == BURBLE_ERR_OFFLINE);
        break;
    case ACTIVE:
        burble_set_active(c, false);
        break;
    case FEED:
        io(c);
        break;
    case IO:
        (void)burble_jid(c);
        (void)burble_has_stream_feature(c, "urn:xmpp:csi:0", "csi");
        (void)burble_tls_version(c);
        break;
    case LEAVE_AND_COME:
        burble_disconnect(c);
        (void)burble_connect(c);
        break;
    case SUSPEND_AND_SAVE:
        burble_suspend(c);
        save(c);
        break;
    default:
        break;
    }
}

static void act(struct burble *c)
{
    int err;
    switch (p.action) {
    case DISCONNECT:
        burble_disconnect(c);
        break;
    case SUSPEND:
        burble_suspend(c);
        break;
    case CONNECT:
        err = burble_connect(c);
        CHECK(err == 0 || err == BURBLE_ERR_BUSY);
        break;
    case FREE:
        p.freed = true;
        burble_free(&p.w.c);
        CHECK(p.w.c == NULL);
        break;
    case SEND:
    case SAY_RAW:
        say(0);
        break;
    case SEND_NOW:
        say(BURBLE_SEND_NOW);
        break;
    case SAVE:
        save(c);
        break;
    case ASK:
        ask(7, "<q xmlns='q'/>");
        break;
    default:
        act_else(c);
    }
}

static void called(struct burble *c)
{
    CHECK(!p.freed); /* nothing is called then, but for requests that end */
    if (p.calls++ == p.at && p.action < ACTIONS) {
        p.done = true;
        act(c);
    } else if (p.action == SAY_RAW && p.done && p.calls < p.at + 8) {
        say(0);
    }
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)arg;
    p.kinds |= 1u << e->kind;
    p.told += e->kind == BURBLE_EVENT_SENT;
    called(c);
    /* Is what was handed out still there? */
    if (e->kind == BURBLE_EVENT_MESSAGE)
        CHECK(strcmp(e->message->from_bare, "bob@example.org") == 0 &&
              burble_xml_is(e->message->xml, "jabber:client", "message"));
    if (e->kind == BURBLE_EVENT_PRESENCE)
        CHECK(strcmp(e->presence->from, "bob@example.org/x") == 0);
    if (e->kind == BURBLE_EVENT_BAD)
        CHECK(strcmp(e->bad->from, "@@") == 0);
    if (e->kind == BURBLE_EVENT_STATE)
        CHECK(strlen(e->state->text) < 600);
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    size_t i = (size_t)(uintptr_t)arg;
    CHECK(p.asked[i]);
    p.answers[i]++;
    if (!p.freed)
        called(c);
    else
        CHECK(answer->outcome == BURBLE_IQ_GONE);
    CHECK(answer->error.condition != NULL);
}

static void on_request(struct burble *c, struct burble_xml iq, struct burble_xml payload, void *arg)
{
    (void)arg;
    called(c);
    CHECK(burble_xml_is(payload, "r", "r"));
    int err = burble_answer(c, iq, "<r xmlns='r'/>");
    CHECK(err == 0 || err == BURBLE_ERR_OFFLINE);
}

static bool there(void)
{
    return p.w.c != NULL;
}

static void begin(void)
{
    world_new(&p.w, &BURBLE_CONFIG(.on_event = on_event, .flags = BURBLE_RAW_XML));
    CHECK(burble_on_request(p.w.c, "r", "r", on_request, NULL) == 0);
    CHECK(burble_connect(p.w.c) == 0);
    (void)world_reach(&p.w, BURBLE_ONLINE);
}

static void talk(void)
{
    if (!there())
        return;
    say(0);
    ask(0, "<q xmlns='q'/>");
    ask(1, "<refuse xmlns='q'/>");
    ask(2, "<ignore xmlns='q'/>");
    (void)burble_set_presence(p.w.c, BURBLE_SHOW_AWAY, NULL, 0, NULL);
    world_say(&p.w, "<message from='bob@example.org/x'><body>x</body></message>");
    world_say(&p.w, "<presence from='bob@example.org/x'/>");
    world_say(&p.w, "<message from='@@'/>");
    world_say(&p.w, "<iq type='get' id='1' from='bob@example.org/x'><r xmlns='r'/></iq>");
    world_say(&p.w, "<iq type='get' id='2' from='bob@example.org/x'><s xmlns='s'/></iq>");
    world_settle(&p.w);
    world_pass(&p.w, 1000);
    world_settle(&p.w);
}

static void lose(bool for_good)
{
    if (!there())
        return;
    say(0);
    ask(for_good ? 3 : 4, "<ignore xmlns='q'/>");
    world_step(&p.w);
    p.w.server.forgetful = for_good;
    world_break(&p.w, "reset");
    if (there())
        say(0);
    (void)world_reach(&p.w, BURBLE_ONLINE);
}

/* Everything ends, whatever was done. */
static void end(void)
{
    if (there()) {
        ask(5, "<ignore xmlns='q'/>");
        say(0);
    }
    for (unsigned i = 0; there() && i < 20; i++) { /* who comes back once is sent away again */
        burble_disconnect(p.w.c);
        world_wait(&p.w);
    }
    if (there()) {
        CHECK(burble_state(p.w.c) == BURBLE_OFFLINE && burble_queued(p.w.c) == 0);
        CHECK(p.told == p.tickets);
        CHECK(burble_connect(p.w.c) == 0); /* and begins again */
        (void)world_reach(&p.w, BURBLE_ONLINE);
    }
    if (there()) {
        ask(6, "<ignore xmlns='q'/>");
        p.freed = true;
        burble_free(&p.w.c);
    }
    CHECK(p.w.server.bad == 0 && p.w.server.violations == 0);
    for (size_t i = 0; i < REQUESTS; i++)
        CHECK(p.answers[i] == p.asked[i]);
    world_end(&p.w);
}

static void play(unsigned at, enum action action)
{
    memset(&p, 0, sizeof(p));
    p.at = at;
    p.action = action;
    begin();
    talk();
    lose(false);
    lose(true);
    end();
}

static void C08_V16_everything_in_every_callback(void **state)
{
    (void)state;
    play(CALLBACKS_MAX, ACTIONS);
    unsigned all = p.calls;
    /* All kinds of events but the one for stanzas that nobody takes: there is none. */
    unsigned wanted = (1u << BURBLE_EVENT_STATE) | (1u << BURBLE_EVENT_MESSAGE) |
                      (1u << BURBLE_EVENT_PRESENCE) | (1u << BURBLE_EVENT_SENT) |
                      (1u << BURBLE_EVENT_XML) | (1u << BURBLE_EVENT_BAD) |
                      (1u << BURBLE_EVENT_SAVE);
    assert_int_equal(p.kinds & wanted, wanted);
    assert_true(all > 100 && all < CALLBACKS_MAX);
    for (enum action action = 0; action < ACTIONS; action++)
        for (unsigned at = 0; at < all; at++) {
            play(at, action);
            assert_true(p.done);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C08_V16_everything_in_every_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
