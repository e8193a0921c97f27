/* Which messages may change others (V61, V62), and which a bot may answer (C10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/chat.h"
#include "client/test_client.h"

enum { STAYED = 1, LEFT = 0 };

/* What a program remembers of a message. */
static const struct burble_message DIRECT = {.type = BURBLE_CHAT,
                                             .from = "bob@example.org/x",
                                             .from_bare = "bob@example.org",
                                             .id = "m1",
                                             .origin_id = "o1"};
static const struct burble_message IN_ROOM = {.type = BURBLE_GROUPCHAT,
                                              .from = "r@muc.example.org/bob",
                                              .from_bare = "r@muc.example.org",
                                              .id = "m1",
                                              .stanza_id = "s1",
                                              .occupant_id = "bobs"};
static const struct burble_message IN_OLD_ROOM = {.type = BURBLE_GROUPCHAT,
                                                  .from = "r@muc.example.org/bob",
                                                  .from_bare = "r@muc.example.org",
                                                  .id = "m1",
                                                  .stanza_id = "s1"};
static const struct burble_message PRIVATE = {.type = BURBLE_CHAT,
                                              .from = "r@muc.example.org/bob",
                                              .from_bare = "r@muc.example.org",
                                              .id = "m1"};

struct look {
    const struct burble_message *original;
    bool stayed;
    bool correct, retract, news;
    char id[64], by[64], reason[64];
};

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct look *l = arg;
    struct burble_retraction r;
    if (e->kind != BURBLE_EVENT_MESSAGE)
        return;
    l->news = burble_chat_is_news(c, e->message);
    if (l->original != NULL) {
        l->correct = burble_message_may_correct(l->original, e->message, l->stayed);
        l->retract = burble_message_may_retract(l->original, e->message, l->stayed);
    }
    l->id[0] = '\0';
    if (burble_message_retraction(e->message, &r)) {
        snprintf(l->id, sizeof(l->id), "%s", r.id);
        snprintf(l->by, sizeof(l->by), "%s", r.by != NULL ? r.by : "-");
        snprintf(l->reason, sizeof(l->reason), "%s", r.reason != NULL ? r.reason : "-");
    }
}

#define REPLACE     "<body>x</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"
#define RETRACT(id) "<retract xmlns='urn:xmpp:message-retract:1' id='" id "'/>"
#define MODERATE                                                                                   \
    "<retract xmlns='urn:xmpp:message-retract:1' id='s1'><moderated by='r@muc.example.org/amy' "   \
    "xmlns='urn:xmpp:message-moderate:1'/><reason>rude</reason></retract>"
#define OCCUPANT(id) "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='" id "'/>"
#define PM           "<x xmlns='http://jabber.org/protocol/muc#user'/>"

struct
try {
    const struct burble_message *original;
    int stayed;
    const char *from, *type, *payload;
    bool expected;
};

static void check(const struct try *tries, size_t n, bool retraction)
{
    struct test_client t;
    struct look l = {0};
    static char text[1024];
    test_online(&t, &BURBLE_CONFIG(.on_event = on_event, .arg = &l));
    for (size_t i = 0; i < n; i++) {
        l.original = tries[i].original;
        l.stayed = tries[i].stayed == STAYED;
        l.correct = l.retract = !tries[i].expected;
        snprintf(text, sizeof(text), "<message from='%s' type='%s' id='m2'>%s</message>",
                 tries[i].from, tries[i].type, tries[i].payload);
        test_receive(&t, text);
        if ((retraction ? l.retract : l.correct) != tries[i].expected)
            fail_msg("case %zu: %s", i, text);
    }
    test_end(&t);
}

static void V61_only_the_author_corrects(void **state)
{
    static const struct try TRIES[] = {
        {&DIRECT, LEFT, "bob@example.org/y", "chat", REPLACE, true},
        {&DIRECT, LEFT, "eve@example.org/x", "chat", REPLACE, false},
        {&DIRECT, LEFT, "bob@example.org.evil/x", "chat", REPLACE, false},
        {&DIRECT, LEFT, "bob@example.org/x", "groupchat", REPLACE, false},
        {&DIRECT, LEFT, "bob@example.org/x", "error", REPLACE, false},
        {&DIRECT, LEFT, "bob@example.org/x", "chat", "<body>x</body>", false},
        {&DIRECT, LEFT, "bob@example.org/x", "chat",
         "<replace xmlns='urn:xmpp:message-correct:0' id='other'/>", false},
        {&DIRECT, LEFT, "bob@example.org/x", "chat",
         "<replace xmlns='urn:xmpp:message-correct:0'/>", false},
        {&IN_ROOM, LEFT, "r@muc.example.org/bob", "groupchat", REPLACE OCCUPANT("bobs"), true},
        {&IN_ROOM, LEFT, "r@muc.example.org/robert", "groupchat", REPLACE OCCUPANT("bobs"), true},
        {&IN_ROOM, STAYED, "r@muc.example.org/bob", "groupchat", REPLACE OCCUPANT("eves"), false},
        {&IN_ROOM, STAYED, "r@muc.example.org/bob", "groupchat", REPLACE, false},
        {&IN_ROOM, STAYED, "r2@muc.example.org/bob", "groupchat", REPLACE OCCUPANT("bobs"), false},
        {&IN_OLD_ROOM, STAYED, "r@muc.example.org/bob", "groupchat", REPLACE, true},
        {&IN_OLD_ROOM, LEFT, "r@muc.example.org/bob", "groupchat", REPLACE, false},
        {&IN_OLD_ROOM, STAYED, "r@muc.example.org/eve", "groupchat", REPLACE, false},
        {&IN_OLD_ROOM, STAYED, "r@muc.example.org/bob", "groupchat", REPLACE OCCUPANT("bobs"),
         false},
        {&PRIVATE, STAYED, "r@muc.example.org/bob", "chat", REPLACE PM, true},
        {&PRIVATE, LEFT, "r@muc.example.org/bob", "chat", REPLACE PM, false},
        {&PRIVATE, STAYED, "r@muc.example.org/eve", "chat", REPLACE PM, false},
    };
    (void)state;
    check(TRIES, sizeof(TRIES) / sizeof(TRIES[0]), false);
}

static void V62_only_the_author_or_the_room_takes_back(void **state)
{
    static const struct try TRIES[] = {
        {&DIRECT, LEFT, "bob@example.org/y", "chat", RETRACT("m1"), true},
        {&DIRECT, LEFT, "bob@example.org/y", "chat", RETRACT("o1"), true},
        {&DIRECT, LEFT, "bob@example.org/y", "chat", RETRACT("s1"), false},
        {&DIRECT, LEFT, "eve@example.org/y", "chat", RETRACT("m1"), false},
        {&DIRECT, LEFT, "bob@example.org/y", "chat", RETRACT(""), false},
        {&DIRECT, LEFT, "bob@example.org", "chat", MODERATE, false},
        {&IN_ROOM, LEFT, "r@muc.example.org/bob", "groupchat", RETRACT("s1") OCCUPANT("bobs"),
         true},
        {&IN_ROOM, LEFT, "r@muc.example.org/bob", "groupchat", RETRACT("m1") OCCUPANT("bobs"),
         false},
        {&IN_ROOM, STAYED, "r@muc.example.org/bob", "groupchat", RETRACT("s1") OCCUPANT("eves"),
         false},
        {&IN_ROOM, STAYED, "r@muc.example.org", "groupchat", RETRACT("s1"), false},
        {&IN_OLD_ROOM, STAYED, "r@muc.example.org/bob", "groupchat", RETRACT("s1"), true},
        {&IN_OLD_ROOM, LEFT, "r@muc.example.org/bob", "groupchat", RETRACT("s1"), false},
        {&IN_ROOM, LEFT, "r@muc.example.org", "groupchat", MODERATE, true},
        {&IN_ROOM, LEFT, "r@muc.example.org/amy", "groupchat", MODERATE, false},
        {&IN_ROOM, LEFT, "r@muc.example.org/bob", "groupchat", MODERATE OCCUPANT("bobs"), false},
        {&IN_ROOM, LEFT, "r2@muc.example.org", "groupchat", MODERATE, false},
        {&IN_ROOM, LEFT, "r@muc.example.org", "chat", MODERATE, false},
    };
    (void)state;
    check(TRIES, sizeof(TRIES) / sizeof(TRIES[0]), true);
}

static void retractions_say_who_and_why(void **state)
{
    struct test_client t;
    struct look l = {0};
    (void)state;
    test_online(&t, &BURBLE_CONFIG(.on_event = on_event, .arg = &l));
    test_receive(&t, "<message type='groupchat' from='r@muc.example.org'>" MODERATE "</message>");
    assert_string_equal(l.id, "s1");
    assert_string_equal(l.by, "r@muc.example.org/amy");
    assert_string_equal(l.reason, "rude");
    test_receive(&t, "<message from='bob@example.org/x'>" RETRACT("m1") "</message>");
    assert_string_equal(l.by, "-");
    assert_string_equal(l.reason, "-");
    test_end(&t);
}

static void C10_bots_answer_news_alone(void **state)
{
    static const struct {
        const char *text;
        bool news;
    } CASES[] = {
        {"<message type='chat' from='bob@example.org/x'><body>hi</body></message>", true},
        {"<message from='bob@example.org/x'><body>hi</body></message>", true},
        {"<message from='bob@example.org/x'><body>hi</body>"
         "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/></message>",
         true},
        {"<message type='groupchat' from='r@muc.example.org/n'><body>hi</body></message>", true},
        {"<message type='groupchat' from='r@muc.example.org/n'><body>hi</body>"
         "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/></message>",
         false},
        {"<message type='groupchat' from='r@muc.example.org'><body>hi</body></message>", false},
        {"<message type='error' from='bob@example.org/x'><body>hi</body></message>", false},
        {"<message type='headline' from='bob@example.org/x'><body>hi</body></message>", false},
        {"<message type='chat' from='bob@example.org/x'><body/></message>", false},
        {"<message type='chat' from='bob@example.org/x'/>", false},
        {"<message type='chat' from='me@example.org/phone'><body>hi</body></message>", false},
        {"<message type='chat'><body>hi</body></message>", false},
        {"<message from='bob@example.org/x'><body>hi</body>" RETRACT("m") "</message>", false},
        {"<message from='me@example.org'><received xmlns='urn:xmpp:carbons:2'>"
         "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' "
         "from='bob@example.org/x' to='me@example.org/phone'><body>hi</body></message>"
         "</forwarded></received></message>",
         false},
        {"<message from='me@example.org'><sent xmlns='urn:xmpp:carbons:2'>"
         "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' "
         "from='me@example.org/phone' to='bob@example.org'><body>hi</body></message>"
         "</forwarded></sent></message>",
         false},
    };
    struct test_client t;
    struct look l = {0};
    (void)state;
    test_online(&t, &BURBLE_CONFIG(.on_event = on_event, .arg = &l));
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        l.news = !CASES[i].news;
        test_receive(&t, CASES[i].text);
        if (l.news != CASES[i].news)
            fail_msg("case %zu: %s", i, CASES[i].text);
    }
    test_end(&t);
}

static void own_messages_are_taken_back_and_others_reacted_to(void **state)
{
    static const char *const EMOJIS[] = {"\xf0\x9f\x91\x8d", "<"};
    struct test_client t;
    (void)state;
    test_online(&t, &BURBLE_CONFIG(.jid = NULL));
    assert_int_equal(burble_retract(t.c, "bob@example.org", BURBLE_CHAT, "m'1", NULL), 0);
    test_expect(&t, "<message to='bob@example.org' type='chat' id='");
    test_expect(&t, "<retract xmlns='urn:xmpp:message-retract:1' id='m&apos;1'/>"
                    "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>"
                    "<store xmlns='urn:xmpp:hints'/></message>");
    assert_int_equal(
        burble_react(t.c, "r@muc.example.org", BURBLE_GROUPCHAT, "s1", EMOJIS, 2, NULL), 0);
    test_expect(&t, "<message to='r@muc.example.org' type='groupchat' id='");
    test_expect(&t, "<reactions xmlns='urn:xmpp:reactions:0' id='s1'>"
                    "<reaction>\xf0\x9f\x91\x8d</reaction><reaction>&lt;</reaction></reactions>");
    assert_int_equal(burble_react(t.c, "bob@example.org", BURBLE_NORMAL, "m1", NULL, 0, NULL), 0);
    test_expect(&t, "<reactions xmlns='urn:xmpp:reactions:0' id='m1'/>");
    assert_int_equal(burble_retract(t.c, "bob@example.org", BURBLE_CHAT, "", NULL),
                     BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_react(t.c, "bob@", BURBLE_CHAT, "m1", NULL, 0, NULL),
                     BURBLE_ERR_SYNTAX);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V61_only_the_author_corrects),
        cmocka_unit_test(V62_only_the_author_or_the_room_takes_back),
        cmocka_unit_test(retractions_say_who_and_why),
        cmocka_unit_test(C10_bots_answer_news_alone),
        cmocka_unit_test(own_messages_are_taken_back_and_others_reacted_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
