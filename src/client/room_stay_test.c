/* Rooms: being thrown out, coming back, and what the program does in callbacks. The test is the
 * room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/test_room.h"

/* ------------------------------------------------------------------------------------ thrown out
 */

static void being_thrown_out_is_told_with_who_and_why(void **state)
{
    static const struct {
        const char *x, *text;
    } ROWS[] = {
        {"<item role='none'><actor nick='alice'/><reason>noise</reason></item>"
         "<status code='307'/>" SELF,
         "left kicked out of the room reason=noise actor=alice condition=- other=-\n"},
        {"<item affiliation='outcast' role='none'><actor jid='alice@example.org'/></item>"
         "<status code='301'/>" SELF,
         "left banned from the room reason=- actor=alice@example.org condition=- other=-\n"},
        {"<item/><status code='322'/>" SELF,
         "left the room is for its members only reason=- actor=- condition=- other=-\n"},
        {"<item/><destroy jid='new@muc.example.org'><reason>old</reason></destroy>" SELF,
         "left the room was destroyed reason=old actor=- condition=- other=new@muc.example.org\n"},
        {"<item/>", "left left the room reason=- actor=- condition=- other=-\n"},
    };
    static struct seen s;
    char text[TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        test_room_begin(&s, "");
        test_room_come_in(&s);
        snprintf(text, sizeof(text),
                 "<presence type='unavailable' from='" ROOM "/me'><x xmlns='" USER
                 "'>%s</x></presence>",
                 ROWS[i].x);
        test_receive(&s.t, text);
        test_told(&s.log, ROWS[i].text);
        test_pass(&s.t, 1000000);
        assert_null(strstr(test_sent(&s.t), ROOM));
        test_end(&s.t);
    }
}

static void after_a_restart_of_the_service_it_comes_back(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    test_pass(&s.t, 70000);
    (void)test_sent(&s.t);
    test_room_presence(&s, "me", GONE, AS_MEMBER, "<status code='332'/>" SELF);
    test_told(&s.log,
              "left the room's service is shutting down, again reason=- actor=- condition=- "
              "other=-\n");
    assert_int_equal(burble_room_state(s.room), BURBLE_ROOM_WAITING);
    assert_int_equal(burble_room_say(s.room, "hi", NULL, NULL, NULL), BURBLE_ERR_OFFLINE);
    test_expect_nothing(&s.t);
    test_pass(&s.t, 5000);
    test_expect(&s.t, "<presence to='" ROOM "/me'><x xmlns='http://jabber.org/protocol/muc'>"
                      "<history seconds='80'/></x></presence>");
    test_receive(&s.t, "<presence type='error' from='" ROOM
                       "/me'>" ERROR("wait", "remote-server-timeout") "</presence>");
    s.log.text[0] = '\0';
    test_pass(&s.t, 10000);
    test_expect(&s.t, "<presence to='" ROOM "/me'>");
    test_room_presence(&s, "me", "", AS_MEMBER, SELF);
    test_told(&s.log, "joined me 1 again\n");
    test_end(&s.t);
}

/* ---------------------------------------------------------------------------- sessions that break
 */

static void C06_a_lost_session_rejoins_before_what_waits_is_said(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, SM);
    test_receive(&s.t, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>");
    test_room_come_in(&s);
    assert_int_equal(burble_room_say(s.room, "one", NULL, NULL, NULL), 0);
    test_expect(&s.t, "<body>one</body>");
    test_break(&s.t);
    test_told(&s.log, ""); /* it may go on */
    assert_int_equal(burble_room_say(s.room, "two", NULL, NULL, NULL), 0);
    test_pass(&s.t, 1000);
    test_connect(&s.t, SM);
    test_receive(&s.t, "<failed xmlns='urn:xmpp:sm:3'/>");
    test_told(&s.log, "left the connection was lost, again reason=- actor=- condition=- other=-\n");
    test_expect(&s.t, "<bind ");
    test_receive(&s.t, BOUND);
    test_expect(&s.t, "<presence to='" ROOM "/me'>");
    test_expect(&s.t, "<history seconds='6'/>");
    test_receive(&s.t, "<enabled xmlns='urn:xmpp:sm:3' id='t' resume='true'/>");
    test_expect(&s.t, "<body>one</body>");
    test_expect(&s.t, "<body>two</body>");
    test_room_presence(&s, "me", "", AS_MEMBER, SELF);
    test_told(&s.log, "joined me 1 again\n");
    assert_int_equal(s.failed, 0);
    test_end(&s.t);
}

static void C06_history_that_was_seen_comes_once(void **state)
{
    static const char OLD[] =
        "<message type='groupchat' from='" ROOM "/alice' id='a'><body>old</body>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='" ROOM "' id='7'/>%s</message>";
    static const char DELAY[] = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
    static struct seen s;
    char text[TEXT];
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    snprintf(text, sizeof(text), OLD, "");
    test_receive(&s.t, text);
    test_told(&s.log, "alice: old known\n");
    assert_string_equal(burble_room_last_id(s.room), "7");
    test_break(&s.t);
    test_pass(&s.t, 1000);
    test_connect(&s.t, "");
    test_receive(&s.t, BOUND);
    s.log.text[0] = '\0';
    test_room_presence(&s, "me", "", AS_MEMBER, SELF);
    snprintf(text, sizeof(text), OLD, DELAY);
    test_receive(&s.t, text);
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/alice' id='b'><body>new</body>"
                       "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:01Z'/></message>");
    test_told(&s.log, "joined me 1 again\nalice: new history\n");
    test_end(&s.t);
}

static void resume(struct seen *s)
{
    test_break(&s->t);
    test_pass(&s->t, 1000);
    test_connect(&s->t, SM);
    test_expect(&s->t, "<resume ");
    test_receive(&s->t, "<resumed xmlns='urn:xmpp:sm:3' h='2' previd='s'/>");
}

static void a_resumed_session_asks_whether_it_is_still_in(void **state)
{
    static struct seen s;
    char id[64];
    (void)state;
    test_room_begin(&s, SM);
    test_receive(&s.t, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>");
    test_room_come_in(&s);
    resume(&s);
    test_expect(&s.t, "<iq type='get'");
    test_room_id(&s, id);
    test_expect(&s.t, " to='" ROOM "/me'><ping xmlns='urn:xmpp:ping'/></iq>");
    test_room_answer(&s, id, ROOM "/alice", "error", ERROR("cancel", "not-acceptable"));
    test_told(&s.log, ""); /* that was somebody else */
    test_room_answer(&s, id, ROOM "/me", "error", ERROR("cancel", "not-acceptable"));
    test_told(&s.log, "left the room does not know us any more, again reason=- actor=- condition=- "
                      "other=-\n");
    test_expect(&s.t, "<presence to='" ROOM "/me'>");
    test_end(&s.t);
}

static void silence_is_broken_by_a_self_ping(void **state)
{
    static const struct {
        const char *type, *payload;
        bool in;
    } ROWS[] = {
        {"result", "", true},
        {"error", ERROR("cancel", "service-unavailable"), true},
        {"error", ERROR("cancel", "feature-not-implemented"), true},
        {"error", ERROR("cancel", "item-not-found"), true},
        {"error", ERROR("wait", "remote-server-timeout"), true},
        {"error", ERROR("cancel", "not-allowed"), false},
        {"error", ERROR("modify", "bad-request"), false},
    };
    static struct seen s;
    char id[64];
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        test_room_begin(&s, "");
        struct burble_room_config config = test_room_config(&s);
        config.silence_ms = 10000; /* before the client asks its server */
        test_room_come_in_with(&s, &config);
        test_pass(&s.t, 6000);
        test_room_presence(&s, "alice", "", AS_MEMBER, "");
        test_pass(&s.t, 9999);
        test_expect_nothing(&s.t);
        test_pass(&s.t, 1);
        test_room_id(&s, id);
        test_expect(&s.t, "<ping xmlns='urn:xmpp:ping'/>");
        test_room_answer(&s, id, ROOM "/me", ROWS[i].type, ROWS[i].payload);
        assert_int_equal(s.log.text[0] == '\0', ROWS[i].in);
        assert_int_equal(burble_room_state(s.room),
                         ROWS[i].in ? BURBLE_ROOM_INSIDE : BURBLE_ROOM_JOINING);
        test_end(&s.t);
    }
}

static void a_message_that_comes_back_as_not_acceptable_raises_doubt(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(burble_room_say(s.room, "hi", NULL, NULL, NULL), 0);
    (void)test_sent(&s.t);
    test_receive(&s.t, "<message type='error' from='" ROOM
                       "'><body>hi</body>" ERROR("modify", "not-acceptable") "</message>");
    test_told(&s.log, "-: hi own error not-acceptable\n");
    test_pass(&s.t, 1000);
    test_expect(&s.t, "<ping xmlns='urn:xmpp:ping'/>");
    test_end(&s.t);
}

/* ------------------------------------------------------------------------ freeing in callbacks
 */

/* Each of these causes one callback at least, in a room that we are in. */
static const char *const CAUSES[] = {
    "<presence from='" ROOM "/new'/>",
    "<presence from='" ROOM "/alice'><show>away</show></presence>",
    "<presence type='unavailable' from='" ROOM "/alice'/>",
    "<presence type='unavailable' from='" ROOM "/alice'><x xmlns='" USER "'><item nick='b'/>"
    "<status code='303'/></x></presence>",
    "<presence type='unavailable' from='" ROOM "/me'><x xmlns='" USER "'><item nick='b'/>"
    "<status code='303'/></x></presence>",
    "<presence type='unavailable' from='" ROOM "/me'/>",
    "<presence type='unavailable' from='" ROOM "/me'><x xmlns='" USER "'><status code='332'/></x>"
    "</presence>",
    "<message type='groupchat' from='" ROOM "/alice'><body>x</body></message>",
    "<message type='groupchat' from='" ROOM "/alice'><subject>x</subject></message>",
    "<message type='chat' from='" ROOM "/alice'><body>x</body></message>",
    "<message type='error' from='" ROOM "'>" ERROR("modify", "not-acceptable") "</message>",
    "<message from='" ROOM "'><x xmlns='" USER "'><status code='104'/></x></message>",
    "<message from='" ROOM "'><x xmlns='" USER "'><decline from='b@example.org'/></x></message>",
    "<message from='" ROOM "'><x xmlns='" USER "'><invite from='b@example.org'/></x></message>",
};

static void cause(bool client, bool room)
{
    static struct seen s;
    for (size_t i = 0; i < sizeof(CAUSES) / sizeof(CAUSES[0]); i++) {
        test_room_begin(&s, "");
        test_room_come_in(&s);
        assert_int_equal(burble_on_invitation(s.t.c, test_room_on_invitation, &s), 0);
        assert_int_equal(
            burble_room_list(s.room, BURBLE_OWNER, test_room_on_item, test_room_on_done, &s), 0);
        assert_int_equal(burble_room_set_nick(s.room, "b", test_room_on_done, &s), 0);
        s.free_client = client;
        s.free_room = room;
        test_receive(&s.t, CAUSES[i]);
        assert_true(s.log.text[0] != '\0');
        if (client)
            assert_null(s.t.c);
        if (room)
            assert_null(s.room);
        test_pass(&s.t, 100000);
        test_end(&s.t);
    }
}

static void V16_the_room_may_be_freed_in_each_callback(void **state)
{
    (void)state;
    cause(false, true);
}

static void V16_the_client_may_be_freed_in_each_callback(void **state)
{
    (void)state;
    cause(true, false);
}

static void V16_both_may_be_freed_in_each_callback(void **state)
{
    (void)state;
    cause(true, true);
}

static void V16_freed_while_coming_in_or_answered(void **state)
{
    static struct seen s;
    char id[64];
    (void)state;
    for (int i = 0; i < 4; i++) {
        test_room_begin(&s, "");
        struct burble_room_config config = test_room_config(&s);
        config.flags = BURBLE_ROOM_INSTANT;
        test_room_ask_in(&s, &config);
        s.free_room = i % 2 == 0;
        s.free_client = i >= 2;
        test_room_presence(&s, "me", "", AS_MEMBER, SELF "<status code='201'/>");
        test_pass(&s.t, 100000);
        test_end(&s.t);
    }
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(
        burble_room_list(s.room, BURBLE_OWNER, test_room_on_item, test_room_on_done, &s), 0);
    test_room_id(&s, id);
    s.free_room = true;
    test_room_answer(
        &s, id, ROOM, "result",
        "<query xmlns='http://jabber.org/protocol/muc#admin'><item jid='a@example.org'/>"
        "<item jid='b@example.org'/></query>");
    test_told(&s.log, "item a@example.org - none -\n");
    test_expect(&s.t, "<presence to='" ROOM "/me' type='unavailable'/>");
    test_end(&s.t);
}

static void freeing_a_room_leaves_it_and_ends_its_calls(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(
        burble_room_list(s.room, BURBLE_OWNER, test_room_on_item, test_room_on_done, &s), 0);
    burble_room_free(&s.room);
    burble_room_free(&s.room);
    test_expect(&s.t, "<presence to='" ROOM "/me' type='unavailable'/>");
    test_pass(&s.t, 40000);
    test_room_presence(&s, "me", GONE, "", SELF);
    test_told(&s.log, "");
    test_end(&s.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(being_thrown_out_is_told_with_who_and_why),
        cmocka_unit_test(after_a_restart_of_the_service_it_comes_back),
        cmocka_unit_test(C06_a_lost_session_rejoins_before_what_waits_is_said),
        cmocka_unit_test(C06_history_that_was_seen_comes_once),
        cmocka_unit_test(a_resumed_session_asks_whether_it_is_still_in),
        cmocka_unit_test(silence_is_broken_by_a_self_ping),
        cmocka_unit_test(a_message_that_comes_back_as_not_acceptable_raises_doubt),
        cmocka_unit_test(V16_the_room_may_be_freed_in_each_callback),
        cmocka_unit_test(V16_the_client_may_be_freed_in_each_callback),
        cmocka_unit_test(V16_both_may_be_freed_in_each_callback),
        cmocka_unit_test(V16_freed_while_coming_in_or_answered),
        cmocka_unit_test(freeing_a_room_leaves_it_and_ends_its_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
