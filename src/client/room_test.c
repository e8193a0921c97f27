/* Rooms: coming in, who is there, requests, invitations. The test is the room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/test_room.h"

/* -------------------------------------------------------------------------------------- coming in
 */

static void coming_in_and_going_out(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    config.password = "sesame";
    config.history_max = 20;
    config.history_since_ms = 1000;
    test_room_ask_in(&s, &config);
    test_expect(&s.t, "<history maxstanzas='20' since='1970-01-01T00:00:01");
    test_expect(&s.t, "<password>sesame</password>");
    test_room_presence(&s, "alice", "",
                       "affiliation='owner' role='moderator' jid='alice@example.org/x'", "");
    test_told(&s.log, "");
    test_room_presence(&s, "me", "", AS_MEMBER, SELF "<status code='100'/><status code='170'/>");
    test_told(&s.log, "joined me 2 jids logged\n");
    assert_int_equal(burble_room_state(s.room), BURBLE_ROOM_INSIDE);
    assert_string_equal(burble_room_jid(s.room), ROOM);
    const struct burble_occupant *o = burble_room_next(s.room, NULL);
    assert_string_equal(o->nick, "alice");
    assert_string_equal(o->jid, "alice@example.org/x");
    assert_int_equal(o->role, BURBLE_MODERATOR);
    assert_int_equal(o->affiliation, BURBLE_OWNER);
    o = burble_room_next(s.room, o);
    assert_true(o->self);
    assert_null(burble_room_next(s.room, o));
    assert_int_equal(burble_room_leave(s.room, "bye"), 0);
    assert_int_equal(burble_room_leave(s.room, "bye"), BURBLE_ERR_BUSY);
    test_expect(&s.t, "<presence to='" ROOM "/me' type='unavailable'><status>bye</status>");
    test_told(&s.log, "");
    test_room_presence(&s, "me", GONE, AS_MEMBER, SELF);
    test_told(&s.log, "left left the room reason=- actor=- condition=- other=-\n");
    assert_int_equal(burble_room_state(s.room), BURBLE_ROOM_OUTSIDE);
    assert_int_equal(burble_room_occupants(s.room), 0);
    test_end(&s.t);
}

static void no_history_is_asked_for_as_no_characters_and_no_stanzas(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    config.history_max = -1;
    test_room_ask_in(&s, &config);
    test_expect(&s.t, "<history maxchars='0' maxstanzas='0'/>");
    test_end(&s.t);
}

static void rooms_are_addresses_and_one_object_each(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s), odd = test_room_config(&s);
    struct burble_room *room;
    odd.nick = "";
    assert_int_equal(burble_room_join(s.t.c, "nonsense", &config, &room), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_room_join(s.t.c, ROOM "/me", &config, &room), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_room_join(s.t.c, ROOM, &odd, &room), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_room_join(s.t.c, ROOM, &config, &s.room), 0);
    assert_int_equal(burble_room_join(s.t.c, "TALK@muc.example.org", &config, &room),
                     BURBLE_ERR_EXISTS);
    assert_null(room);
    for (int i = 1; i < 1000; i++) {
        char jid[64];
        snprintf(jid, sizeof(jid), "r%d@muc.example.org", i);
        assert_int_equal(burble_room_join(s.t.c, jid, &config, &room), 0);
    }
    assert_int_equal(burble_room_join(s.t.c, "more@muc.example.org", &config, &room),
                     BURBLE_ERR_LIMIT);
    burble_room_free(&s.room);
    assert_int_equal(burble_room_join(s.t.c, "more@muc.example.org", &config, &room), 0);
    test_end(&s.t);
}

static void a_room_may_be_asked_for_before_the_session(void **state)
{
    static struct seen s;
    (void)state;
    test_new(&s.t, &BURBLE_CONFIG(.on_event = test_room_on_event, .arg = &s));
    struct burble_room_config config = test_room_config(&s);
    config.nick = NULL;
    assert_int_equal(burble_room_join(s.t.c, ROOM, &config, &s.room), 0);
    assert_int_equal(burble_room_say(s.room, "early", NULL, NULL, NULL), 0);
    assert_int_equal(burble_connect(s.t.c), 0);
    test_connect(&s.t, "");
    test_receive(&s.t, BOUND);
    test_expect(&s.t, "<presence to='" ROOM "/me'>");
    test_expect(&s.t, "<body>early</body>");
    test_end(&s.t);
}

static void a_room_that_is_made_is_opened_when_it_is_asked_for(void **state)
{
    static struct seen s;
    char id[64];
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    config.flags = BURBLE_ROOM_INSTANT;
    test_room_ask_in(&s, &config);
    test_room_presence(&s, "me", "", "affiliation='owner' role='moderator'",
                       SELF "<status code='201'/>");
    test_told(&s.log, "joined me 1 created\n");
    test_expect(&s.t, "<iq type='set'");
    test_room_id(&s, id);
    test_expect(&s.t, "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                      "<x xmlns='jabber:x:data' type='submit'/></query>");
    test_room_answer(&s, id, ROOM, "result", "");
    test_told(&s.log, "");
    test_end(&s.t);
}

static void refusals_are_told_in_words(void **state)
{
    static const struct {
        const char *error, *text;
    } ROWS[] = {
        {ERROR("auth", "not-authorized"), "left the room wants a password, or another one"},
        {ERROR("auth", "forbidden"), "left banned from the room"},
        {ERROR("auth", "registration-required"), "left the room is for its members only"},
        {ERROR("cancel", "not-acceptable"), "left the room does not accept this nickname"},
        {ERROR("wait", "service-unavailable"), "left the room is full"},
        {ERROR("cancel", "item-not-found"), "left the room does not exist, or is not open yet"},
        {ERROR("cancel", "not-allowed"), "left the service does not let everybody make rooms"},
        {ERROR("cancel", "remote-server-not-found"), "left the room's service cannot be reached"},
        {ERROR("modify", "resource-constraint"), "left the room refused"},
    };
    static struct seen s;
    char text[TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        test_room_begin(&s, "");
        struct burble_room_config config = test_room_config(&s);
        test_room_ask_in(&s, &config);
        snprintf(text, sizeof(text), "<presence type='error' from='" ROOM "/me'>%s</presence>",
                 ROWS[i].error);
        test_receive(&s.t, text);
        assert_int_equal(strncmp(s.log.text, ROWS[i].text, strlen(ROWS[i].text)), 0);
        assert_null(strstr(s.log.text, "again"));
        assert_int_equal(burble_room_state(s.room), BURBLE_ROOM_OUTSIDE);
        assert_int_equal(burble_room_say(s.room, "hi", NULL, NULL, NULL), BURBLE_ERR_REFUSED);
        test_end(&s.t);
    }
}

static void a_password_can_be_given_in_the_callback(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    s.enter_again = true;
    test_room_ask_in(&s, &config);
    test_receive(&s.t, "<presence type='error' from='" ROOM
                       "/me'>" ERROR("auth", "not-authorized") "</presence>");
    test_expect(&s.t, "<presence to='" ROOM "/other'>");
    test_expect(&s.t, "<password>better</password>");
    test_end(&s.t);
}

static void a_nickname_that_is_taken_is_varied_three_times(void **state)
{
    static const char *const NICKS[] = {"me", "me_", "me__", "me___"};
    static struct seen s;
    char text[TEXT];
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    assert_int_equal(burble_room_join(s.t.c, ROOM, &config, &s.room), 0);
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "<presence to='" ROOM "/%s'>", NICKS[i]);
        test_expect(&s.t, text);
        test_told(&s.log, "");
        snprintf(text, sizeof(text), "<presence type='error' from='" ROOM "/%s'>%s</presence>",
                 NICKS[i], ERROR("cancel", "conflict"));
        test_receive(&s.t, text);
    }
    test_told(&s.log, "left the nickname is taken reason=- actor=- condition=conflict other=-\n");
    assert_int_equal(burble_room_enter(s.room, NULL, NULL), 0);
    test_expect(&s.t, "<presence to='" ROOM "/me'>");
    test_receive(&s.t, "<presence type='error' from='" ROOM
                       "/me'>" ERROR("cancel", "conflict") "</presence>");
    test_room_presence(&s, "me_", "", AS_MEMBER, SELF);
    test_told(&s.log, "joined me_ 1\n");
    assert_string_equal(burble_room_nick(s.room), "me_");
    test_end(&s.t);
}

static void a_strict_nickname_is_not_varied(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    config.flags = BURBLE_ROOM_STRICT_NICK;
    test_room_ask_in(&s, &config);
    test_receive(&s.t, "<presence type='error' from='" ROOM
                       "/me'>" ERROR("cancel", "conflict") "</presence>");
    test_told(&s.log, "left the nickname is taken reason=- actor=- condition=conflict other=-\n");
    test_end(&s.t);
}

static void a_room_that_does_not_answer_is_given_up(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    test_room_ask_in(&s, &config);
    test_pass(&s.t, 59999);
    test_told(&s.log, "");
    test_receive(&s.t, "<presence from='bob@example.org/x'/>");
    test_pass(&s.t, 1);
    test_told(&s.log,
              "left the room's service cannot be reached reason=- actor=- condition=- other=-\n");
    test_end(&s.t);
}

static void a_service_that_does_not_mark_ourselves_is_understood(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    test_room_ask_in(&s, &config);
    test_receive(&s.t, "<presence from='" ROOM "/alice'/><presence from='" ROOM "/me'/>");
    test_told(&s.log, "");
    test_receive(&s.t, "<message type='groupchat' from='" ROOM "/alice'><subject>s</subject>"
                       "</message>");
    test_told(&s.log, "joined me 2\nsubject s by alice first\n");
    test_end(&s.t);
}

/* ------------------------------------------------------------------------------------- occupants
 */

static void occupants_come_change_and_go(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    test_room_presence(&s, "bob", "", "affiliation='none' role='visitor' jid='bob@example.org/pda'",
                       "");
    test_told(&s.log, "bob joined as visitor none jid=bob@example.org/pda\n");
    test_room_presence(&s, "bob", "", "affiliation='member' role='participant'", "");
    test_told(&s.log, "bob visitor to participant none to member\n");
    test_room_presence(&s, "bob", "", "affiliation='member' role='participant'", "");
    test_told(&s.log, "");
    test_receive(&s.t, "<presence from='" ROOM
                       "/bob'><show>away</show><status>tea</status><x xmlns='" USER
                       "'><item affiliation='member' role='participant'/></x></presence>");
    test_told(&s.log, "bob is away (tea)\n");
    test_room_presence(&s, "bob", GONE, "affiliation='member' role='participant' nick='robert'",
                       "<status code='303'/>");
    test_told(&s.log, "robert was bob\n");
    test_room_presence(&s, "robert", "", "affiliation='member' role='participant'", "");
    test_told(&s.log, "robert is online (-)\n");
    assert_null(burble_room_occupant(s.room, "bob"));
    assert_string_equal(burble_room_occupant(s.room, "robert")->jid, "bob@example.org/pda");
    test_receive(&s.t, "<presence type='unavailable' from='" ROOM "/robert'><x xmlns='" USER "'>"
                       "<item affiliation='none' role='none'><actor nick='alice'/>"
                       "<reason>noise</reason></item><status code='307'/></x></presence>");
    test_told(&s.log, "robert went: kicked out of the room reason=noise actor=alice\n");
    test_room_presence(&s, "nobody", GONE, AS_MEMBER, "");
    test_told(&s.log, "");
    assert_int_equal(burble_room_occupants(s.room), 2);
    test_end(&s.t);
}

static void no_more_than_ten_thousand_occupants_are_kept(void **state)
{
    static struct seen s;
    char nick[32];
    (void)state;
    test_room_begin(&s, "");
    struct burble_room_config config = test_room_config(&s);
    test_room_ask_in(&s, &config);
    for (int i = 0; i < 10005; i++) {
        snprintf(nick, sizeof(nick), "n%d", i);
        test_room_presence(&s, nick, "", AS_MEMBER, "");
    }
    test_room_presence(&s, "me", "", AS_MEMBER, SELF);
    test_told(&s.log, "joined me 10001\n"); /* ourselves always */
    test_room_presence(&s, "late", "", AS_MEMBER, "");
    test_room_presence(&s, "n10004", GONE, AS_MEMBER, "");
    test_told(&s.log, "");
    test_room_presence(&s, "n0", GONE, AS_MEMBER, "");
    test_told(&s.log, "n0 went: left the room reason=- actor=-\n");
    test_end(&s.t);
}

static void our_nickname_can_be_changed(void **state)
{
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(burble_room_set_nick(s.room, "us", test_room_on_done, &s), 0);
    assert_int_equal(burble_room_set_nick(s.room, "we", test_room_on_done, &s), BURBLE_ERR_BUSY);
    test_expect(&s.t, "<presence to='" ROOM "/us'/>");
    test_room_presence(&s, "me", "", "affiliation='member' role='visitor'",
                       SELF); /* something else */
    test_told(&s.log, "me participant to visitor\n");
    test_room_presence(&s, "me", GONE, AS_MEMBER " nick='us'", "<status code='303'/>" SELF);
    test_room_presence(&s, "us", "", "affiliation='member' role='visitor'", SELF);
    test_told(&s.log, "us was me\ndone well ()\n");
    assert_string_equal(burble_room_nick(s.room), "us");
    assert_int_equal(burble_room_set_nick(s.room, "alice", test_room_on_done, &s), 0);
    test_receive(&s.t, "<presence type='error' from='" ROOM
                       "/alice'>" ERROR("cancel", "conflict") "</presence>");
    test_told(&s.log, "done conflict (that is taken already, or we cannot do it to ourselves)\n");
    assert_string_equal(burble_room_nick(s.room), "us");
    assert_int_equal(burble_room_set_nick(s.room, "x", test_room_on_done, &s), 0);
    test_pass(&s.t, 30000);
    test_told(&s.log, "done remote-server-timeout (the room did not answer in time)\n");
    test_end(&s.t);
}

/* --------------------------------------------------------------------------------------- requests
 */

static void moderators_ask_and_are_answered_once(void **state)
{
    static struct seen s;
    char id[64];
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(
        burble_room_set_role(s.room, "alice", BURBLE_ROLE_NONE, "noise", test_room_on_done, &s), 0);
    test_room_id(&s, id);
    test_expect(&s.t, " to='" ROOM "'><query xmlns='http://jabber.org/protocol/muc#admin'>"
                      "<item nick='alice' role='none'><reason>noise</reason></item></query></iq>");
    test_room_answer(&s, id, ROOM "/alice", "result", "");
    test_told(&s.log, "");
    test_room_answer(&s, id, ROOM, "error", ERROR("auth", "forbidden"));
    test_room_answer(&s, id, ROOM, "result", "");
    test_told(&s.log, "done forbidden (we may not do that in this room)\n");
    assert_int_equal(burble_room_set_affiliation(s.room, "Alice@example.org/x", BURBLE_OUTCAST,
                                                 NULL, test_room_on_done, &s),
                     0);
    test_room_id(&s, id);
    test_expect(&s.t, "<item jid='alice@example.org' affiliation='outcast'/>");
    test_room_answer(&s, id, ROOM, "result", "");
    test_told(&s.log, "done well ()\n");
    assert_int_equal(
        burble_room_list(s.room, BURBLE_OUTCAST, test_room_on_item, test_room_on_done, &s), 0);
    test_room_id(&s, id);
    test_expect(&s.t, "<item affiliation='outcast'/>");
    test_room_answer(
        &s, id, ROOM, "result",
        "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' "
        "jid='a@example.org'><reason>r</reason></item><item affiliation='outcast' "
        "jid='b@example.org'/></query>");
    test_told(&s.log,
              "item a@example.org - outcast r\nitem b@example.org - outcast -\ndone well ()\n");
    assert_int_equal(
        burble_room_list(s.room, BURBLE_OUTCAST, test_room_on_item, test_room_on_done, &s), 0);
    test_break(&s.t);
    test_told(&s.log, "done recipient-unavailable (the session ended before the answer came)\n"
                      "left the connection was lost, again reason=- actor=- condition=- other=-\n");
    test_end(&s.t);
}

static void owners_configure_and_destroy(void **state)
{
    static const struct burble_room_setting SETTINGS[] = {
        {"muc#roomconfig_roomname", "A & B"}, {"muc#roomconfig_membersonly", "1"}, {"x", NULL}};
    static struct seen s;
    char id[64];
    (void)state;
    test_room_begin(&s, "");
    test_room_come_in(&s);
    assert_int_equal(burble_room_get_config(s.room, test_room_on_done, &s), 0);
    test_expect(&s.t, "<iq type='get'");
    test_room_id(&s, id);
    test_expect(&s.t, "<query xmlns='http://jabber.org/protocol/muc#owner'/>");
    test_room_answer(&s, id, ROOM, "result",
                     "<query xmlns='http://jabber.org/protocol/muc#owner'/>");
    assert_int_equal(burble_room_configure(s.room, SETTINGS, 3, test_room_on_done, &s), 0);
    test_expect(&s.t, "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig"
                      "</value></field><field var='muc#roomconfig_roomname'><value>A &amp; B"
                      "</value></field><field var='muc#roomconfig_membersonly'><value>1</value>"
                      "</field></x></query>");
    assert_int_equal(burble_room_configure(s.room, SETTINGS, 65, test_room_on_done, &s),
                     BURBLE_ERR_LIMIT);
    assert_int_equal(burble_room_set_config(s.room, "<x", test_room_on_done, &s),
                     BURBLE_ERR_SYNTAX);
    test_told(&s.log, "done well ()\n");
    assert_int_equal(
        burble_room_destroy(s.room, "old", "new@muc.example.org", test_room_on_done, &s), 0);
    test_expect(&s.t, "<destroy jid='new@muc.example.org'><reason>old</reason></destroy>");
    test_end(&s.t);
}

/* ----------------------------------------------------------------------------------- invitations
 */

static void invitations_come_and_go(void **state)
{
    static const char DIRECT[] = "<message from='bob@example.org/x'><x xmlns='jabber:x:conference' "
                                 "jid='" ROOM "' reason='tea' password='p'/></message>";
    static struct seen s;
    (void)state;
    test_room_begin(&s, "");
    test_receive(&s.t, DIRECT);
    test_told(&s.log, "event: -\n");
    assert_int_equal(burble_on_invitation(s.t.c, test_room_on_invitation, &s), 0);
    test_receive(&s.t, DIRECT);
    test_told(&s.log, "invited to " ROOM " by bob@example.org/x because tea password=p directly\n");
    test_receive(&s.t, "<message from='" ROOM "'><x xmlns='" USER "'><invite "
                       "from='bob@example.org'><reason>come</reason></invite><password>q</password>"
                       "</x><x xmlns='jabber:x:conference' jid='" ROOM "'/></message>");
    test_told(&s.log, "invited to " ROOM " by bob@example.org because come password=q\n");
    test_receive(&s.t, "<message from='bob@example.org/x'><x xmlns='jabber:x:conference' "
                       "jid='@'/></message>");
    test_told(&s.log, "");
    assert_int_equal(s.bad, 1);
    test_expect_nothing(&s.t); /* V69 */
    assert_int_equal(burble_invitation_decline(s.t.c, ROOM, "bob@example.org", "busy"), 0);
    test_expect(&s.t, "<message to='" ROOM "' ");
    test_expect(&s.t, "<x xmlns='" USER "'><decline to='bob@example.org'><reason>busy</reason>");
    test_room_come_in(&s);
    assert_int_equal(burble_room_invite(s.room, "bob@example.org", "tea", true), 0);
    test_expect(&s.t, "<message to='bob@example.org' ");
    test_expect(&s.t, "<x xmlns='jabber:x:conference' jid='" ROOM "' reason='tea'/>");
    assert_int_equal(burble_room_invite(s.room, "bob@example.org", "tea", false), 0);
    test_expect(&s.t, "<invite to='bob@example.org'><reason>tea</reason></invite>");
    test_receive(&s.t, "<message from='" ROOM "'><x xmlns='" USER "'><decline "
                       "from='bob@example.org'><reason>no</reason></decline></x><body>bob says no"
                       "</body></message>");
    test_told(&s.log, "bob@example.org declines: no\n");
    test_end(&s.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coming_in_and_going_out),
        cmocka_unit_test(no_history_is_asked_for_as_no_characters_and_no_stanzas),
        cmocka_unit_test(rooms_are_addresses_and_one_object_each),
        cmocka_unit_test(a_room_may_be_asked_for_before_the_session),
        cmocka_unit_test(a_room_that_is_made_is_opened_when_it_is_asked_for),
        cmocka_unit_test(refusals_are_told_in_words),
        cmocka_unit_test(a_password_can_be_given_in_the_callback),
        cmocka_unit_test(a_nickname_that_is_taken_is_varied_three_times),
        cmocka_unit_test(a_strict_nickname_is_not_varied),
        cmocka_unit_test(a_room_that_does_not_answer_is_given_up),
        cmocka_unit_test(a_service_that_does_not_mark_ourselves_is_understood),
        cmocka_unit_test(occupants_come_change_and_go),
        cmocka_unit_test(no_more_than_ten_thousand_occupants_are_kept),
        cmocka_unit_test(our_nickname_can_be_changed),
        cmocka_unit_test(moderators_ask_and_are_answered_once),
        cmocka_unit_test(owners_configure_and_destroy),
        cmocka_unit_test(invitations_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
