/* Conversations: what goes out by itself, and to whom (V69); what came before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/chat.h"
#include "burble/room.h"
#include "client/test_client.h"

struct world {
    struct test_client t;
    struct burble_roster *roster;
    struct burble_chat *chat;
    char roster_id[64];
    bool seen;
    int displayed;
    bool free_on_message, blind;
};

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct world *w = arg;
    (void)c;
    if (e->kind != BURBLE_EVENT_MESSAGE)
        return;
    w->seen = burble_chat_seen(w->chat, e->message);
    if (!w->blind)
        w->displayed = burble_chat_displayed(w->chat, e->message);
    if (w->free_on_message)
        burble_chat_free(&w->chat);
}

static void give_roster(struct world *w)
{
    static char text[1024];
    snprintf(text, sizeof(text),
             "<iq type='result' id='%s'><query xmlns='jabber:iq:roster'>"
             "<item jid='bob@example.org' subscription='both'/>"
             "<item jid='fred@example.org' subscription='from'/>"
             "<item jid='tom@example.org' subscription='to'/></query></iq>",
             w->roster_id);
    test_receive(&w->t, text);
}

/* Online, with a roster under way. */
static void begin(struct world *w, unsigned flags, bool available)
{
    *w = (struct world){0};
    test_new(&w->t, &BURBLE_CONFIG(.on_event = on_event, .arg = w));
    assert_int_equal(burble_roster_new(w->t.c, &BURBLE_ROSTER_CONFIG(.arg = NULL), &w->roster), 0);
    assert_int_equal(burble_chat_new(w->t.c, &BURBLE_CHAT_CONFIG(.flags = flags), &w->chat), 0);
    if (available)
        assert_int_equal(burble_set_presence(w->t.c, BURBLE_SHOW_ONLINE, NULL, 0, NULL), 0);
    assert_int_equal(burble_connect(w->t.c), 0);
    test_connect(&w->t, "");
    test_receive(&w->t, "<iq type='result' id='bind'>"
                        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                        "<jid>me@example.org/here</jid></bind></iq>");
    const char *at = strstr(test_sent(&w->t), "<query xmlns='jabber:iq:roster'");
    assert_non_null(at);
    while (strncmp(at, " id='", 5) != 0)
        at--;
    snprintf(w->roster_id, sizeof(w->roster_id), "%.*s", (int)strcspn(at + 5, "'"), at + 5);
}

static void ready(struct world *w, unsigned flags, bool available)
{
    begin(w, flags, available);
    give_roster(w);
    test_expect_nothing(&w->t);
}

#define ALL                                                                                        \
    "<body>hi</body><request xmlns='urn:xmpp:receipts'/>"                                          \
    "<markable xmlns='urn:xmpp:chat-markers:0'/>"                                                  \
    "<active xmlns='http://jabber.org/protocol/chatstates'/>"
#define RECEIPT(id) "<received xmlns='urn:xmpp:receipts' id='" id "'/>"

static void from(struct world *w, const char *who, const char *type, const char *payload)
{
    static char text[1024];
    snprintf(text, sizeof(text), "<message from='%s' type='%s' id='m1'>%s</message>", who, type,
             payload);
    test_receive(&w->t, text);
}

static void receipts_go_to_who_may_see_us(void **state)
{
    struct world w;
    (void)state;
    ready(&w, 0, true);
    from(&w, "bob@example.org/x", "chat", "<body>hi</body><request xmlns='urn:xmpp:receipts'/>");
    test_expect(&w.t, "<message");
    test_expect(&w.t, " to='bob@example.org/x' type='chat'>" RECEIPT("m1"));
    from(&w, "fred@example.org/x", "normal", ALL);
    test_expect(&w.t, " to='fred@example.org/x'>" RECEIPT("m1"));
    test_end(&w.t);
}

static void V69_strangers_get_nothing(void **state)
{
    static const char *const WHO[] = {
        "eve@example.org/x", "eve@elsewhere.example/x",  "example.org",
        "tom@example.org/x", "room@muc.example.org/bob", "eve@example.org"};
    struct world w;
    (void)state;
    ready(&w, 0, true);
    for (size_t i = 0; i < sizeof(WHO) / sizeof(WHO[0]); i++) {
        from(&w, WHO[i], "chat", ALL);
        assert_int_equal(w.displayed, BURBLE_ERR_REFUSED);
        assert_int_equal(burble_chat_state(w.chat, WHO[i], BURBLE_CHAT_COMPOSING, NULL),
                         BURBLE_ERR_REFUSED);
        from(&w, WHO[i], "normal", ALL);
        from(&w, WHO[i], "headline", ALL);
        from(&w, WHO[i], "error", ALL);
        from(&w, WHO[i], "groupchat", ALL);
        test_expect_nothing(&w.t);
    }
    burble_roster_free(&w.roster); /* nobody is known any more */
    from(&w, "bob@example.org/x", "chat", ALL);
    test_expect_nothing(&w.t);
    test_end(&w.t);
}

static void V69_nor_does_anybody_while_we_are_not_available(void **state)
{
    struct world w;
    (void)state;
    ready(&w, 0, false);
    from(&w, "bob@example.org/x", "chat", ALL);
    assert_int_equal(w.displayed, BURBLE_ERR_REFUSED);
    test_expect_nothing(&w.t);
    test_end(&w.t);
}

static void receipts_are_not_for_everything(void **state)
{
    static const char *const PAYLOADS[] = {
        "<body>hi</body>", "<request xmlns='urn:xmpp:receipts'/>" RECEIPT("x"),
        "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
        "<message xmlns='jabber:client' type='chat' id='c' from='bob@example.org/x'>" ALL
        "</message></forwarded></received>"};
    struct world w;
    (void)state;
    ready(&w, 0, true);
    w.blind = true;
    for (size_t i = 0; i < sizeof(PAYLOADS) / sizeof(PAYLOADS[0]); i++)
        from(&w, i < 2 ? "bob@example.org/x" : "me@example.org", "chat", PAYLOADS[i]);
    from(&w, "me@example.org/other", "chat", "<request xmlns='urn:xmpp:receipts'/>");
    test_receive(&w.t, "<message from='bob@example.org/x' type='chat'><body>no id</body>"
                       "<request xmlns='urn:xmpp:receipts'/></message>");
    from(&w, "bob@example.org/x", "groupchat", "<request xmlns='urn:xmpp:receipts'/>");
    test_expect_nothing(&w.t);
    test_end(&w.t);
    ready(&w, BURBLE_CHAT_NO_RECEIPTS, true);
    from(&w, "bob@example.org/x", "chat", "<request xmlns='urn:xmpp:receipts'/>");
    test_expect_nothing(&w.t);
    test_end(&w.t);
}

static void receipts_wait_for_the_roster(void **state)
{
    struct world w;
    (void)state;
    begin(&w, 0, true);
    from(&w, "bob@example.org/x", "chat", "<body>a</body><request xmlns='urn:xmpp:receipts'/>");
    from(&w, "eve@example.org/x", "chat", "<body>b</body><request xmlns='urn:xmpp:receipts'/>");
    test_expect_nothing(&w.t);
    give_roster(&w);
    const char *sent = test_sent(&w.t);
    assert_non_null(strstr(sent, " to='bob@example.org/x' type='chat'>" RECEIPT("m1")));
    assert_null(strstr(sent, "eve@"));
    test_end(&w.t);
    begin(&w, 0, true); /* it never comes */
    from(&w, "bob@example.org/x", "chat", "<body>a</body><request xmlns='urn:xmpp:receipts'/>");
    test_break(&w.t);
    test_end(&w.t);
}

static void strangers_get_all_only_on_demand(void **state)
{
    struct world w;
    (void)state;
    ready(&w, BURBLE_CHAT_STRANGERS, false);
    from(&w, "eve@example.org/x", "chat", ALL);
    test_expect(&w.t, RECEIPT("m1"));
    test_expect(&w.t, " to='eve@example.org/x' type='chat'>"
                      "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>");
    test_end(&w.t);
}

static void markers_are_for_messages_that_ask(void **state)
{
    struct world w;
    (void)state;
    ready(&w, BURBLE_CHAT_NO_RECEIPTS, true);
    from(&w, "bob@example.org/x", "chat", ALL "<thread>t</thread>");
    assert_int_equal(w.displayed, 0);
    test_expect(&w.t, " to='bob@example.org' type='chat'>"
                      "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"
                      "<store xmlns='urn:xmpp:hints'/><thread>t</thread></message>");
    from(&w, "bob@example.org/x", "chat", "<body>x</body>");
    assert_int_equal(w.displayed, BURBLE_ERR_REFUSED);
    test_expect_nothing(&w.t);
    test_end(&w.t);
}

static void markers_in_rooms_are_for_those_that_we_are_in(void **state)
{
    static const char SELF[] =
        "<presence from='room@muc.example.org/me'>"
        "<x xmlns='http://jabber.org/protocol/muc#user'>"
        "<item affiliation='member' role='participant'/><status code='110'/></x></presence>";
    struct world w;
    struct burble_room *room;
    (void)state;
    ready(&w, 0, true);
    from(&w, "room@muc.example.org/n", "groupchat", ALL);
    assert_int_equal(w.displayed, BURBLE_ERR_REFUSED);
    test_expect_nothing(&w.t);
    assert_int_equal(
        burble_room_join(w.t.c, "room@muc.example.org", &BURBLE_ROOM_CONFIG(.nick = "me"), &room),
        0);
    test_expect(&w.t, "<presence to='room@muc.example.org/me'>");
    test_receive(&w.t, SELF);
    test_receive(&w.t,
                 "<message type='groupchat' from='room@muc.example.org'><subject/></message>");
    assert_int_equal(burble_room_state(room), BURBLE_ROOM_INSIDE);
    (void)test_sent(&w.t);
    from(&w, "room@muc.example.org/n", "groupchat",
         "<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='room@muc.example.org' id='s1'/>");
    assert_int_equal(w.displayed, 0);
    test_expect(&w.t, " to='room@muc.example.org' type='groupchat'>"
                      "<displayed xmlns='urn:xmpp:chat-markers:0' id='s1'/>");
    test_expect(&w.t, "</message>");
    from(&w, "room@muc.example.org/me", "groupchat", ALL);
    assert_int_equal(w.displayed, BURBLE_ERR_REFUSED);
    from(&w, "room@muc.example.org", "groupchat", ALL);
    assert_int_equal(w.displayed, BURBLE_ERR_REFUSED);
    test_expect_nothing(&w.t);
    test_end(&w.t);
}

static void chat_states_only_to_who_knows_them(void **state)
{
    struct world w;
    static const char ACTIVE[] = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
    (void)state;
    ready(&w, 0, true);
    assert_int_equal(burble_chat_state(w.chat, "bob@example.org", BURBLE_CHAT_COMPOSING, NULL),
                     BURBLE_ERR_REFUSED);
    assert_int_equal(burble_chat_say(w.chat, "bob@example.org", "hi", NULL, NULL, NULL), 0);
    assert_non_null(strstr(test_sent(&w.t), ACTIVE));
    assert_int_equal(burble_chat_state(w.chat, "bob@example.org", BURBLE_CHAT_COMPOSING, NULL),
                     BURBLE_ERR_REFUSED);
    from(&w, "bob@example.org/x", "chat",
         "<composing xmlns='http://jabber.org/protocol/chatstates'/>");
    assert_int_equal(burble_chat_state(w.chat, "Bob@example.org/x", BURBLE_CHAT_COMPOSING, "t"), 0);
    test_expect(&w.t, " to='bob@example.org' type='chat'><composing "
                      "xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>");
    (void)test_sent(&w.t);
    assert_int_equal(burble_chat_state(w.chat, "bob@example.org", BURBLE_CHAT_COMPOSING, "t"), 0);
    test_expect_nothing(&w.t);
    assert_int_equal(burble_chat_state(w.chat, "bob@example.org", BURBLE_CHAT_PAUSED, NULL), 0);
    test_expect(&w.t, "<paused ");
    from(&w, "bob@example.org/x", "chat", "<body>plain</body>");
    assert_int_equal(burble_chat_state(w.chat, "bob@example.org", BURBLE_CHAT_COMPOSING, NULL),
                     BURBLE_ERR_REFUSED);
    assert_int_equal(burble_chat_say(w.chat, "bob@example.org", "hi", NULL, NULL, NULL), 0);
    assert_null(strstr(test_sent(&w.t), ACTIVE));
    /* Strangers do not learn it from what we say either. */
    assert_int_equal(burble_chat_say(w.chat, "eve@example.org", "hi", NULL, NULL, NULL), 0);
    assert_null(strstr(test_sent(&w.t), ACTIVE));
    assert_int_equal(burble_chat_state(w.chat, "bob@", BURBLE_CHAT_GONE, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_chat_say(w.chat, "bob@", "x", NULL, NULL, NULL), BURBLE_ERR_SYNTAX);
    test_end(&w.t);
}

static void partners_are_forgotten_in_order(void **state)
{
    struct world w;
    char jid[64];
    (void)state;
    ready(&w, BURBLE_CHAT_STRANGERS | BURBLE_CHAT_NO_RECEIPTS, true);
    for (unsigned i = 0; i < 201; i++) {
        snprintf(jid, sizeof(jid), "p%u@example.org/x", i);
        from(&w, jid, "chat", "<paused xmlns='http://jabber.org/protocol/chatstates'/>");
    }
    (void)test_sent(&w.t);
    assert_int_equal(burble_chat_state(w.chat, "p0@example.org", BURBLE_CHAT_COMPOSING, NULL),
                     BURBLE_ERR_REFUSED);
    assert_int_equal(burble_chat_state(w.chat, "p1@example.org", BURBLE_CHAT_COMPOSING, NULL), 0);
    test_break(&w.t);
    assert_int_equal(burble_chat_state(w.chat, "p1@example.org", BURBLE_CHAT_PAUSED, NULL),
                     BURBLE_ERR_OFFLINE);
    test_end(&w.t);
}

#define SID(by, id) "<stanza-id xmlns='urn:xmpp:sid:0' by='" by "' id='" id "'/>"

static void messages_that_came_before_are_known(void **state)
{
    static const struct {
        const char *text;
        bool seen;
    } CASES[] = {
        {"<message from='bob@example.org/x' id='1'><body>a</body></message>", false},
        {"<message from='bob@example.org/x' id='1'><body>a</body></message>", true},
        {"<message from='bob@example.org/y' id='1'><body>a</body></message>", true},
        {"<message from='bob@example.org/x' id='1'><body>b</body></message>", false},
        {"<message from='amy@example.org/x' id='1'><body>a</body></message>", false},
        {"<message from='bob@example.org/x'><body>a</body></message>", false},
        {"<message from='bob@example.org/x' id='2'><body>a</body>" SID("me@example.org",
                                                                       "s1") "</message>",
         false},
        {"<message from='bob@example.org/x' id='3'><body>c</body>" SID("me@example.org",
                                                                       "s1") "</message>",
         true},
        /* Somebody else's word for our archive counts for nothing. */
        {"<message from='bob@example.org/x' id='4'><body>c</body>" SID("bob@example.org",
                                                                       "s1") "</message>",
         false},
        {"<message type='groupchat' from='r@muc.example.org/n' id='5'><body>c</body>" SID(
             "r@muc.example.org", "s1") "</message>",
         false},
        {"<message from='bob@example.org/x' id='6'><body>d</body>"
         "<origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>",
         false},
        {"<message from='bob@example.org/z' id='7'><body>e</body>"
         "<origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>",
         true},
        {"<message from='amy@example.org/z' id='8'><body>e</body>"
         "<origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>",
         false},
    };
    struct world w;
    (void)state;
    ready(&w, 0, true);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        test_receive(&w.t, CASES[i].text);
        assert_int_equal(w.seen, CASES[i].seen);
    }
    test_end(&w.t);
}

static void V16_chat_may_end_in_a_callback(void **state)
{
    struct world w;
    struct burble_chat *second;
    (void)state;
    ready(&w, 0, true);
    assert_int_equal(burble_chat_new(w.t.c, &BURBLE_CHAT_CONFIG(.flags = 0), &second),
                     BURBLE_ERR_EXISTS);
    w.free_on_message = true;
    from(&w, "bob@example.org/x", "chat", ALL);
    assert_null(w.chat);
    assert_int_equal(burble_chat_new(w.t.c, &BURBLE_CHAT_CONFIG(.flags = 0), &second), 0);
    burble_chat_free(&second);
    test_end(&w.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts_go_to_who_may_see_us),
        cmocka_unit_test(V69_strangers_get_nothing),
        cmocka_unit_test(V69_nor_does_anybody_while_we_are_not_available),
        cmocka_unit_test(receipts_are_not_for_everything),
        cmocka_unit_test(receipts_wait_for_the_roster),
        cmocka_unit_test(strangers_get_all_only_on_demand),
        cmocka_unit_test(markers_are_for_messages_that_ask),
        cmocka_unit_test(markers_in_rooms_are_for_those_that_we_are_in),
        cmocka_unit_test(chat_states_only_to_who_knows_them),
        cmocka_unit_test(partners_are_forgotten_in_order),
        cmocka_unit_test(messages_that_came_before_are_known),
        cmocka_unit_test(V16_chat_may_end_in_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
