/* Rooms and archives when memory runs out: at every allocation in turn, once and for good. Nothing
 * may end the process or be lost; who asked for something hears of it.
 *
 * The link replaces malloc and its kin of our own code (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "burble/archive.h"
#include "client/test_room.h"
#include "client/test_starve.h"

static unsigned asked, answered;

static void on_done(struct burble_room *r, const struct burble_room_result *e, void *arg)
{
    (void)r, (void)e, (void)arg;
    answered++;
}

static void on_archived(struct burble *c, const struct burble_archive_result *r, void *arg)
{
    (void)c, (void)r, (void)arg;
    answered++;
}

static void ask(struct seen *s)
{
    struct burble_archive_query q = BURBLE_ARCHIVE_QUERY(.done = on_archived, .with = "b@b.org");
    test_memory.armed = true;
    if (s->room != NULL) {
        asked += burble_room_set_nick(s->room, "we", on_done, s) == 0;
        asked += burble_room_list(s->room, BURBLE_OWNER, NULL, on_done, s) == 0;
        (void)burble_room_say(s->room, "x", NULL, NULL, NULL);
        (void)burble_room_say_to(s->room, "alice", "x", NULL, NULL, NULL);
        (void)burble_room_set_subject(s->room, "x");
        (void)burble_room_invite(s->room, "b@b.org", "x", true);
        (void)burble_room_invite(s->room, "b@b.org", "x", false);
    }
    asked += burble_archive_query(s->t.c, &q, NULL) == 0;
    test_memory.armed = false;
    test_collect(&s->t);
}

static void join(struct seen *s)
{
    struct burble_room_config config = test_room_config(s);
    test_memory.armed = true;
    int err = burble_room_join(s->t.c, ROOM, &config, &s->room);
    test_memory.armed = false;
    assert_int_equal(err == 0, s->room != NULL);
    assert_true(err == 0 || err == BURBLE_ERR_MEMORY);
}

static void play(struct seen *s)
{
    static const char *const SCRIPT[] = {
        NULL,
        "<presence from='" ROOM "/alice'><show>away</show><status>tea</status><x xmlns='" USER
        "'><item jid='a@b.org/x'/></x></presence>",
        "<presence from='" ROOM "/me'><occupant-id xmlns='urn:xmpp:occupant-id:0' id='M'/>"
        "<x xmlns='" USER "'><item/>" SELF "</x></presence>",
        "<message type='groupchat' from='" ROOM "'><subject>s</subject></message>",
        "<message type='groupchat' from='" ROOM "/alice' id='1'><body>x</body>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='" ROOM "' id='7'/></message>",
        "<presence type='unavailable' from='" ROOM "/alice'><x xmlns='" USER "'><item nick='al'/>"
        "<status code='303'/></x></presence>",
        "<message from='" ROOM "'><x xmlns='" USER "'><decline from='b@b.org'/></x></message>",
        "<message from='b@b.org'><x xmlns='jabber:x:conference' jid='" ROOM "'/></message>",
        "<presence type='unavailable' from='" ROOM "/me'><x xmlns='" USER "'><item/>"
        "<status code='332'/></x></presence>",
    };
    join(s);
    test_memory.armed = true;
    (void)burble_on_invitation(s->t.c, test_room_on_invitation, s);
    test_memory.armed = false;
    for (size_t i = 0; i < sizeof(SCRIPT) / sizeof(SCRIPT[0]); i++) {
        starve_feed(&s->t, SCRIPT[i]);
        if (i == 4)
            ask(s);
    }
    s->t.now.mono_ms += 400000;
    starve_feed(&s->t, NULL);
}

/* How often memory was asked for. */
static long run(long fail_at, bool for_good)
{
    static struct seen s;
    test_room_begin(&s, "");
    asked = answered = 0;
    test_memory.left = fail_at;
    test_memory.for_good = for_good;
    play(&s);
    long used = fail_at - test_memory.left;
    test_memory.armed = true; /* the end, too, does without */
    burble_free(&s.t.c);
    test_memory.armed = false;
    assert_int_equal(answered, asked);
    test_end(&s.t);
    return used;
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    long all = run(1000000, false);
    assert_true(all > 100 && asked == 3);
    for (long i = 0; i < all; i++) {
        (void)run(i, false);
        (void)run(i, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
