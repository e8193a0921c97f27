/* Rooms: what is said there, and by whom. The test is the room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/test_room.h"

/* -------------------------------------------------------------------------------------- messages
 */

static void C10_our_own_words_are_known_as_such(void **state)
{
    static struct seen s;
    char text[TEXT], id[64];
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(burble_room_say(s.room, "hi <all>", NULL, NULL, id), 0);
    test_expect(&s.t, "<message to='" ROOM "' type='groupchat' id='");
    test_expect(&s.t, "<body>hi &lt;all&gt;</body>");
    snprintf(text, sizeof(text),
             "<message type='groupchat' from='" ROOM "/me' id='%s'>"
             "<body>hi</body></message>",
             id);
    test_receive(&s.t, text);
    test_told(&s.log, "me: hi own known\n");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/alice'><body>ho</body></message>");
    test_told(&s.log, "alice: ho known\n");
    /* In history the nickname may have been somebody else's; the id tells. */
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/me' id='other'><body>x</body>"
                       "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>");
    test_told(&s.log, "me: x history\n");
    snprintf(text, sizeof(text),
             "<message type='groupchat' from='" ROOM "/me' id='new'>"
             "<origin-id xmlns='urn:xmpp:sid:0' id='%s'/><body>y</body>"
             "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>",
             id);
    test_receive(&s.t, text);
    test_told(&s.log, "me: y own history\n");
    test_end(&s.t);
}

#define OCCUPANT(id) "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='" id "'/>"

static void C10_the_occupant_id_tells_who_we_are(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    test_room_ask_in(&s, &config);
    test_receive(&s.t, "<presence from='" ROOM
                       "/alice'>" OCCUPANT("A") "<x xmlns='" USER "'/>"
                                                "</presence><presence from='" ROOM
                                                "/me'>" OCCUPANT("M") "<x xmlns='" USER "'>" SELF
                                                                      "</x></presence>");
    assert_string_equal(burble_room_occupant(s.room, "alice")->id, "A");
    test_told(&s.log, "joined me 2\n");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM
                       "/me'>" OCCUPANT("M") "<body>a</body></message>");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM
                       "/old'>" OCCUPANT("M") "<body>b</body><delay xmlns='urn:xmpp:delay' "
                                              "stamp='2026-01-01T00:00:00Z'/></message>");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM
                       "/me'>" OCCUPANT("X") "<body>c</body><delay xmlns='urn:xmpp:delay' "
                                             "stamp='2026-01-01T00:00:00Z'/></message>");
    test_told(&s.log, "me: a own known id=M\nold: b own history id=M\nme: c history id=X\n");
    test_end(&s.t);
}

static void V62_occupant_ids_of_rooms_that_give_none_are_forged(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    test_room_ask_in(&s, &config);
    test_receive(&s.t, "<presence from='" ROOM "/mallory'>" OCCUPANT("M") "</presence>");
    test_room_presence(&s, "me", "", AS_MEMBER, SELF);
    test_told(&s.log, "joined me 2\n");
    assert_null(burble_room_occupant(s.room, "mallory")->id);
    test_receive(&s.t, "<presence from='" ROOM "/eve'>" OCCUPANT("M") "</presence>");
    assert_null(burble_room_occupant(s.room, "eve")->id);
    s.log.text[0] = '\0';
    test_receive(&s.t, "<message type='groupchat' from='" ROOM
                       "/eve'>" OCCUPANT("M") "<body>x</body></message>");
    test_told(&s.log, "eve: x known\n");
    test_end(&s.t);
}

static void V62_who_speaks_is_the_rooms_word(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    /* The room itself, somebody who is not there, and addresses that look like the room's. */
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "'><body>by room</body></message>");
    test_told(&s.log, "-: by room\n");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/ghost'><body>boo</body>"
                       "<x xmlns='" USER "'><item jid='me@example.org/here'/></x></message>");
    test_told(&s.log, "ghost: boo\n");
    test_receive(&s.t, "<message type='groupchat' from='talk@muc.example.com/alice'>"
                       "<body>elsewhere</body></message>");
    test_told(&s.log, "event: elsewhere\n");
    test_room_presence(&s, "me", "", AS_MEMBER, ""); /* ours without a mark changes nothing */
    test_told(&s.log, "");
    test_receive(&s.t, "<presence type='unavailable' from='talk@muc.example.com/me'><x xmlns='" USER
                       "'>" SELF "</x></presence>");
    assert_int_equal(burble_room_state(s.room), BURBLE_ROOM_INSIDE);
    /* Only the room tells of its configuration and of those who do not come. */
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/alice'><x xmlns='" USER "'>"
                       "<status code='172'/><decline from='bob@example.org'/></x></message>");
    test_told(&s.log, "alice: - known\n");
    test_end(&s.t);
}

static void what_is_said_before_we_are_in_is_not_heard(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    test_room_ask_in(&s, &config);
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/x'><body>1</body></message>");
    test_room_presence(&s, "me", "", AS_MEMBER, SELF);
    test_room_presence(&s, "me", GONE, "role='none'", SELF "<status code='307'/>");
    s.log.text[0] = '\0';
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/x'><body>2</body></message>");
    test_room_presence(&s, "me", "", AS_MEMBER, SELF);
    test_told(&s.log, "");
    assert_int_equal(burble_room_state(s.room), BURBLE_ROOM_OUTSIDE);
    test_end(&s.t);
}

static void what_the_server_kept_for_us_is_not_history(void **state)
{
    static const char *const ROWS[][2] = {
        {"", " history"}, {" from='" ROOM "'", " history"}, {" from='example.org'", ""}};
    static struct seen s;
    char text[TEXT];
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof(text),
                 "<message type='groupchat' from='" ROOM "/bob' id='%zu'>"
                 "<body>x</body><delay xmlns='urn:xmpp:delay'%s stamp='2026-01-01T00:00:00Z'/>"
                 "</message>",
                 i, ROWS[i][0]);
        test_receive(&s.t, text);
        snprintf(text, sizeof(text), "bob: x%s\n", ROWS[i][1]);
        test_told(&s.log, text);
    }
    test_end(&s.t);
}

static void private_messages_go_both_ways(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(burble_room_say_to(s.room, "alice", "psst", NULL, NULL, NULL), 0);
    test_expect(&s.t, "<message to='" ROOM "/alice' type='chat'");
    test_expect(&s.t, "<body>psst</body>");
    test_expect(&s.t, "<x xmlns='" USER "'/>");
    test_receive(&s.t, "<message type='chat' from='" ROOM "/alice'><body>what</body></message>");
    test_told(&s.log, "alice: what private known\n");
    test_receive(&s.t, "<message type='error' from='" ROOM
                       "/alice'><body>psst</body>" ERROR("cancel", "item-not-found") "</message>");
    test_told(&s.log, "alice: psst own private error item-not-found\n");
    test_end(&s.t);
}

static void subjects_and_configuration(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(burble_room_set_subject(s.room, "tea & cake"), 0);
    test_expect(&s.t, "<message to='" ROOM "' type='groupchat'");
    test_expect(&s.t, "<subject>tea &amp; cake</subject>");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/me'><subject>tea</subject>"
                       "</message>");
    test_told(&s.log, "subject tea by me\n");
    assert_string_equal(burble_room_subject(s.room), "tea");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/alice'><subject>s</subject>"
                       "<body>with text</body></message>");
    test_told(&s.log, "alice: with text known\n");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "'><x xmlns='" USER "'>"
                       "<status code='104'/><status code='173'/></x></message>");
    test_receive(&s.t, "<message from='" ROOM "'><x xmlns='" USER "'><status code='170'/></x>"
                       "</message>");
    test_told(&s.log, "configured 0 -1\nconfigured -1 1\n");
    test_end(&s.t);
}

static void without_a_handler_messages_are_events(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    config.handlers.message = NULL;
    test_room_come_in_with(&s, &config);
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/alice'><body>a</body></message>");
    test_told(&s.log, "event: a\n");
    test_end(&s.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C10_our_own_words_are_known_as_such),
        cmocka_unit_test(C10_the_occupant_id_tells_who_we_are),
        cmocka_unit_test(V62_occupant_ids_of_rooms_that_give_none_are_forged),
        cmocka_unit_test(V62_who_speaks_is_the_rooms_word),
        cmocka_unit_test(what_is_said_before_we_are_in_is_not_heard),
        cmocka_unit_test(what_the_server_kept_for_us_is_not_history),
        cmocka_unit_test(private_messages_go_both_ways),
        cmocka_unit_test(subjects_and_configuration),
        cmocka_unit_test(without_a_handler_messages_are_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
