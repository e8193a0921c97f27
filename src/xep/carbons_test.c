/* XEP-0280: Message Carbons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define ALICE   "alice@example.org"
#define BOB     "bob@example.net"
#define ENABLE  "<iq type='set' id='on'><enable xmlns='urn:xmpp:carbons:2'/></iq>"
#define DISABLE "<iq type='set' id='off'><disable xmlns='urn:xmpp:carbons:2'/></iq>"

/* A copy of a message: how it came, to whom, the outer type, the message. */
#define COPY(way, owner, type, message)                                                            \
    "<message xmlns='jabber:client' from='" owner "'" type "><" way " xmlns='urn:xmpp:carbons:2'>" \
    "<forwarded xmlns='urn:xmpp:forward:0'>" message "</forwarded></" way "></message>"
#define CHAT " type='chat'"
#define ID   "<stanza-id xmlns='urn:xmpp:sid:0' by='*' id='*'/>"

struct talk {
    struct bench *b;
    struct client *phone, *desk; /* of Alice; the desk wants copies */
    struct client *bob, *tablet; /* of Bob; the tablet wants copies */
};

static void want_copies(struct client *c)
{
    client_send(c, ENABLE);
    expect(c, "<iq type='result' id='on'/>");
}

static struct talk begin(uint32_t shards)
{
    struct talk t = {.b = bench_new_shards(NULL, shards)};
    t.phone = bench_online(t.b, ALICE "/phone");
    t.desk = bench_login(t.b, ALICE "/desk");
    want_copies(t.desk);
    t.bob = bench_online(t.b, BOB "/desk");
    t.tablet = bench_login(t.b, BOB "/tablet");
    want_copies(t.tablet);
    return t;
}

static void end(struct talk *t)
{
    expect_nothing(t->phone);
    expect_nothing(t->desk);
    expect_nothing(t->bob);
    expect_nothing(t->tablet);
    bench_free(&t->b);
}

#define TALKS(t, run)                                                                              \
    do {                                                                                           \
        for (uint32_t shards_ = 1; shards_ <= 3; shards_ += 2) {                                   \
            struct talk t = begin(shards_);                                                        \
            run(&t);                                                                               \
            end(&t);                                                                               \
        }                                                                                          \
    } while (0)

static void to_a_full_address(struct talk *t)
{
    client_send(t->phone,
                "<message to='" BOB "/desk' type='chat' id='1'><body>hi</body></message>");
#define HI                                                                                         \
    "<message xmlns='jabber:client' from='" ALICE "/phone' to='" BOB                               \
    "/desk' type='chat' id='1'><body>hi</body>"
    expect(t->bob, HI "</message>");
    expect(t->tablet, COPY("received", BOB, CHAT, HI ID "</message>"));
    expect(t->desk, COPY("sent", ALICE, CHAT, HI ID "</message>"));
    /* The address of the wrapper is that of the one who gets it. */
    assert_true(slice_is(xml_attr(client_last(t->desk), SLICE("to")), ALICE "/desk"));
    assert_true(slice_is(xml_attr(client_last(t->tablet), SLICE("to")), BOB "/tablet"));
}

static void each_side_gets_a_copy_of_a_message_to_a_full_address(void **state)
{
    (void)state;
    TALKS(t, to_a_full_address);
}

static void to_a_bare_address(struct talk *t)
{
    client_send(t->phone, "<message to='" BOB "' type='chat' id='1'><body>hi</body></message>");
#define ALL                                                                                        \
    "<message xmlns='jabber:client' from='" ALICE "/phone' to='" BOB                               \
    "' type='chat' id='1'><body>hi</body>"
    expect(t->bob, ALL "</message>");
    expect(t->tablet, COPY("received", BOB, CHAT, ALL ID "</message>"));
    expect(t->desk, COPY("sent", ALICE, CHAT, ALL ID "</message>"));
    /* Who gets the message itself gets no copy. */
    client_send(t->tablet, "<presence/>");
    client_discard(t->tablet);
    client_discard(t->bob);
    client_send(t->phone, "<message to='" BOB "' type='chat' id='1'><body>hi</body></message>");
    expect(t->bob, ALL "</message>");
    expect(t->tablet, ALL "</message>");
    expect(t->desk, COPY("sent", ALICE, CHAT, ALL ID "</message>"));
}

static void who_gets_the_message_gets_no_copy(void **state)
{
    (void)state;
    TALKS(t, to_a_bare_address);
}

static void volatile_ones(struct talk *t)
{
    client_send(t->phone, "<message to='" BOB "/desk' type='chat'><composing "
                          "xmlns='http://jabber.org/protocol/chatstates'/></message>");
#define TYPING                                                                                     \
    "<message xmlns='jabber:client' from='" ALICE "/phone' to='" BOB                               \
    "/desk' type='chat'><composing "                                                               \
    "xmlns='http://jabber.org/protocol/chatstates'/></message>"
    expect(t->bob, TYPING);
    expect(t->tablet, COPY("received", BOB, CHAT, TYPING));
    expect(t->desk, COPY("sent", ALICE, CHAT, TYPING));
    client_send(t->phone, "<message to='" BOB "' id='v'><body>now</body>"
                          "<no-store xmlns='urn:xmpp:hints'/></message>");
#define NOW                                                                                        \
    "<message xmlns='jabber:client' from='" ALICE "/phone' to='" BOB "' id='v'><body>now</body>"   \
    "<no-store xmlns='urn:xmpp:hints'/></message>"
    expect(t->bob, NOW);
    expect(t->tablet, COPY("received", BOB, "", NOW));
    expect(t->desk, COPY("sent", ALICE, "", NOW));
}

static void volatile_messages_are_copied_too(void **state)
{
    (void)state;
    TALKS(t, volatile_ones);
}

/* What is not in the sender's archive is copied all the same: it wants none, or the message is for
 * nobody's archive. */
static void unarchived(struct talk *t)
{
    client_send(t->phone, "<message to='" BOB "' type='chat'><body>1</body>"
                          "<no-permanent-store xmlns='urn:xmpp:hints'/></message>");
    client_next(t->bob);
    client_next(t->tablet);
    expect(t->desk, COPY("sent", ALICE, CHAT,
                         "<message xmlns='jabber:client' from='" ALICE "/phone' to='" BOB
                         "' type='chat'><body>1</body>"
                         "<no-permanent-store xmlns='urn:xmpp:hints'/></message>"));
    t->b->hosts[0].archive = false;
    bench_reload(t->b);
    client_send(t->phone, "<message to='" BOB "' type='chat'><body>2</body></message>");
    client_next(t->bob);
    client_next(t->tablet);
    expect(t->desk, COPY("sent", ALICE, CHAT,
                         "<message xmlns='jabber:client' from='" ALICE "/phone' to='" BOB
                         "' type='chat'><body>2</body>"
                         "</message>"));
    client_send(t->phone, "<message to='room@conference.example' type='chat'><body>3</body>"
                          "</message>");
    expect(t->phone, "<message type='error' from='room@conference.example'><_/></message>");
    expect_somewhere(t->desk, COPY("sent", ALICE, CHAT,
                                   "<message xmlns='jabber:client' from='" ALICE
                                   "/phone' to='room@conference.example' "
                                   "type='chat'><body>3</body></message>"));
    client_next(t->desk); /* the error */
}

static void what_the_sender_does_not_archive_is_copied(void **state)
{
    (void)state;
    TALKS(t, unarchived);
}

/* Section 6.1. */
static const struct {
    const char *type, *payload;
    bool out, in; /* copies for the sender's, the recipient's others */
} RULES[] = {
    {"chat", "<body>x</body>", true, true},
    {"chat", "<subject>x</subject>", true, true},
    {"normal", "<body>x</body>", true, true},
    {"normal", "<x xmlns='urn:example:x'/>", false, false},
    {"normal", "<received xmlns='urn:xmpp:receipts' id='1'/>", true, true},
    {"normal", "<active xmlns='http://jabber.org/protocol/chatstates'/>", true, true},
    {"normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true, true},
    {"headline", "<body>x</body>", false, false},
    {"chat", "<body>x</body><private xmlns='urn:xmpp:carbons:2'/>", false, false},
    {"chat", "<body>x</body><no-copy xmlns='urn:xmpp:hints'/>", false, false},
    {"normal", "<x xmlns='jabber:x:conference' jid='r@example.org'/>", true, true},
    {"normal", "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@example.org'/></x>",
     true, true},
    /* in private to or from an occupant of a room */
    {"chat", "<body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/>", true, false},
};

static void every_rule(struct talk *t)
{
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        client_sendf(t->phone, "<message to='" BOB "/desk' type='%s'>%s</message>", RULES[i].type,
                     RULES[i].payload);
        if (client_waiting(t->bob) != 1 || client_waiting(t->desk) != RULES[i].out ||
            client_waiting(t->tablet) != RULES[i].in)
            fail_msg("%s %s: %zu sent, %zu received", RULES[i].type, RULES[i].payload,
                     client_waiting(t->desk), client_waiting(t->tablet));
        client_discard(t->bob);
        client_discard(t->desk);
        client_discard(t->tablet);
    }
}

static void messages_of_people_are_copied_and_no_others(void **state)
{
    (void)state;
    TALKS(t, every_rule);
}

static void errors(struct talk *t)
{
    /* One that comes back from nobody. */
    client_send(t->phone, "<message to='nobody@example.net' type='chat' id='e'><body>x</body>"
                          "</message>");
#define LOST                                                                                       \
    "<message xmlns='jabber:client' from='nobody@example.net' to='" ALICE                          \
    "/phone' type='error' id='e'>"                                                                 \
    "<error type='cancel'><service-unavailable "                                                   \
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    expect(t->phone, LOST);
    expect_somewhere(t->desk, COPY("received", ALICE, " type='error'", LOST));
    client_discard(t->desk);
    /* One that answers what was never copied. */
    client_send(t->bob, "<message to='" ALICE "/phone' type='error' id='h'>"
                        "<event xmlns='urn:example:event'/><error type='cancel'>"
                        "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
    client_next(t->phone);
    /* To a session that is not there any more. */
    client_send(t->bob, "<message to='" ALICE "/gone' type='error' id='g'><error type='cancel'>"
                        "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
    client_next(t->desk);
    client_discard(t->tablet);
}

static void errors_come_where_the_message_was_copied(void **state)
{
    (void)state;
    TALKS(t, errors);
}

static void own(struct talk *t)
{
    struct client *third = bench_login(t->b, ALICE "/third");
    want_copies(third);
    client_send(t->phone, "<message to='" ALICE "/desk' type='chat' id='o'><body>x</body>"
                          "</message>");
#define OWN                                                                                        \
    "<message xmlns='jabber:client' from='" ALICE "/phone' to='" ALICE                             \
    "/desk' type='chat' id='o'><body>x</body>"
    expect(t->desk, OWN "</message>");
    expect(third, COPY("sent", ALICE, CHAT, OWN ID "</message>"));
    expect_nothing(third);
    /* The same for one that nobody keeps. */
    client_send(t->phone, "<message to='" ALICE "/desk' type='chat' id='o'><body>x</body>"
                          "<no-store xmlns='urn:xmpp:hints'/></message>");
    client_next(t->desk);
    expect(third, COPY("sent", ALICE, CHAT, OWN "<no-store xmlns='urn:xmpp:hints'/></message>"));
    expect_nothing(third);
    /* To the account itself: the sender is among those who get it. */
    client_send(t->phone, "<message to='" ALICE "' type='chat' id='n'><body>note</body></message>");
    expect(t->phone, "<message xmlns='jabber:client' from='" ALICE
                     "/phone' type='chat' id='n'><body>note</body>"
                     "</message>");
#define NOTE                                                                                       \
    "<message xmlns='jabber:client' from='" ALICE "/phone' to='" ALICE                             \
    "' type='chat' id='n'><body>note</body>"
    expect(t->desk, COPY("sent", ALICE, CHAT, NOTE ID "</message>"));
    expect(third, COPY("sent", ALICE, CHAT, NOTE ID "</message>"));
    client_lose(&third);
}

static void messages_among_ones_own_resources_come_once(void **state)
{
    (void)state;
    TALKS(t, own);
}

static void twice(struct talk *t)
{
    client_send(t->phone, ENABLE);
    expect(t->phone, "<iq type='result' id='on'/>");
    want_copies(t->phone); /* again: no error */
    client_send(t->desk, "<message to='" BOB "/desk' type='chat'><body>x</body></message>");
    client_next(t->phone);
    client_send(t->phone, DISABLE);
    expect(t->phone, "<iq type='result' id='off'/>");
    client_send(t->phone, DISABLE);
    expect(t->phone, "<iq type='result' id='off'/>");
    client_send(t->desk, "<message to='" BOB "/desk' type='chat'><body>x</body></message>");
    client_discard(t->bob);
    client_discard(t->tablet);
}

static void copies_can_be_switched_on_and_off(void **state)
{
    (void)state;
    TALKS(t, twice);
}

/* V58, S14: a copy that somebody made up, and one of a copy. */
static void forged(struct talk *t)
{
    client_send(t->bob, "<message to='" ALICE "/desk' type='chat' id='f'><body>x</body>"
                        "<received xmlns='urn:xmpp:carbons:2'><forwarded "
                        "xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='" ALICE
                        "' to='" ALICE "/desk'>"
                        "<body>believe me</body></message></forwarded></received></message>");
    expect(t->desk, "<message xmlns='jabber:client' from='" BOB
                    "/desk' type='chat' id='f'><body>x</body></message>");
    expect(t->tablet, COPY("sent", BOB, CHAT,
                           "<message xmlns='jabber:client' from='" BOB "/desk' to='" ALICE
                           "/desk' type='chat' id='f'>"
                           "<body>x</body>" ID "</message>"));
    /* An error to a copy goes nowhere (section 10.3). */
    client_send(t->desk, "<message to='" ALICE "' type='error' id='f'><error type='cancel'>"
                         "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
    expect_nothing(t->phone);
    /* Nobody switches for another. */
    client_send(t->bob, "<iq type='set' id='x' to='" ALICE "'><disable xmlns='urn:xmpp:carbons:2'/>"
                        "</iq>");
    expect(t->bob, "<iq type='error' id='x' from='" ALICE "'><_/></iq>");
    assert_true(client_session(t->desk)->carbons);
}

static void V58_a_forged_copy_is_taken_out(void **state)
{
    (void)state;
    TALKS(t, forged);
}

/* A session that reads behind gets its copies in their place, with their stamps. */
static void late(struct talk *t)
{
    t->b->config.core.limits.output_bytes = 2000;
    client_set_deaf(t->desk, true);
    char text[2200];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    client_sendf(t->phone,
                 "<message to='" BOB "/desk' type='chat' id='0'><body>%s</body></message>", text);
    for (int i = 1; i < 4; i++)
        client_sendf(t->phone,
                     "<message to='" BOB "/desk' type='chat' id='%d'><body>%d</body>"
                     "</message>",
                     i, i);
    client_send(t->bob,
                "<message to='" ALICE "/phone' type='chat' id='4'><body>4</body></message>");
    client_next(t->phone);
    client_discard(t->tablet);
    client_discard(t->bob);
    assert_true(client_session(t->desk)->lags);
    bench_advance(t->b, 5000);
    client_set_deaf(t->desk, false);
    client_next(t->desk);
#define DELAY "<delay xmlns='urn:xmpp:delay' from='example.org' stamp='2026-01-02T03:04:05.000Z'/>"
    for (int i = 1; i < 4; i++) {
        char want[700];
        snprintf(want, sizeof(want),
                 COPY("sent", ALICE, CHAT,
                      DELAY "<message xmlns='jabber:client' from='" ALICE "/phone' to='" BOB
                            "/desk' type='chat' id='%d'>"
                            "<body>%d</body>" ID "</message>"),
                 i, i);
        expect(t->desk, want);
    }
    expect(t->desk, COPY("received", ALICE, CHAT,
                         DELAY "<message xmlns='jabber:client' from='" BOB "/desk' to='" ALICE
                               "/phone' type='chat' "
                               "id='4'><body>4</body>" ID "</message>"));
}

static void who_reads_behind_gets_its_copies_with_stamps(void **state)
{
    (void)state;
    TALKS(t, late);
}

/* Nobody was ready: the message is owed, but not to who had its copy. */
static void owed(struct talk *t)
{
    client_lose(&t->bob);
    client_send(t->phone, "<message to='" BOB "' type='chat' id='1'><body>x</body></message>");
    client_next(t->tablet);
    client_next(t->desk);
    client_send(t->tablet, "<presence/>");
    expect(t->tablet, "<presence from='" BOB "/tablet'/>");
    expect_nothing(t->tablet);
    t->bob = bench_login(t->b, BOB "/desk");
    client_send(t->bob, "<presence/>");
    client_discard(t->tablet);
    for (int i = 0; i < 2; i++)
        assert_true(slice_is(xml_name(client_next(t->bob)), "presence"));
}

static void a_copy_is_not_followed_by_the_message(void **state)
{
    (void)state;
    TALKS(t, owed);
}

static void it_is_announced(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = bench_login(b, ALICE "/phone");
    const char *const TO[] = {"example.org", ALICE};
    for (int i = 0; i < 2; i++) {
        client_sendf(c,
                     "<iq type='get' id='d' to='%s'><query "
                     "xmlns='http://jabber.org/protocol/disco#info'/></iq>",
                     TO[i]);
        struct xml query = xml_first_element(client_next(c));
        unsigned found = 0;
        for (struct xml x = xml_first_element(query); xml_some(x); x = xml_next_element(x))
            found += slice_is(xml_attr(x, SLICE("var")), "urn:xmpp:carbons:2") ||
                     slice_is(xml_attr(x, SLICE("var")), "urn:xmpp:carbons:rules:0");
        assert_int_equal(found, 2);
    }
    bench_free(&b);
}

/* XEP-0386: a feature of the bind. */
static void copies_can_be_asked_for_with_the_login(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_account(b, ALICE);
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    client_discard(c);
    client_send(c, "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>"
                   "AGFsaWNlAGNvcnJlY3QgaG9yc2U=</initial-response><bind xmlns='urn:xmpp:bind:0'>"
                   "<enable xmlns='urn:xmpp:carbons:2'/></bind></authenticate>");
    client_next(c);
    const struct account *a = bench_loaded(b, ALICE);
    assert_int_equal(a->session_count, 1);
    assert_true(CONTAINER_OF(a->sessions.next, struct session, link)->carbons);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_side_gets_a_copy_of_a_message_to_a_full_address),
        cmocka_unit_test(who_gets_the_message_gets_no_copy),
        cmocka_unit_test(volatile_messages_are_copied_too),
        cmocka_unit_test(what_the_sender_does_not_archive_is_copied),
        cmocka_unit_test(messages_of_people_are_copied_and_no_others),
        cmocka_unit_test(errors_come_where_the_message_was_copied),
        cmocka_unit_test(messages_among_ones_own_resources_come_once),
        cmocka_unit_test(copies_can_be_switched_on_and_off),
        cmocka_unit_test(V58_a_forged_copy_is_taken_out),
        cmocka_unit_test(who_reads_behind_gets_its_copies_with_stamps),
        cmocka_unit_test(a_copy_is_not_followed_by_the_message),
        cmocka_unit_test(it_is_announced),
        cmocka_unit_test(copies_can_be_asked_for_with_the_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
