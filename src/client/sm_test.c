/* Stream management row by row (XEP-0198): the counters, the questions, what a server may get
 * wrong, and sessions that are resumed or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/message.h"
#include "client/client.h"
#include "client/test_client.h"
#include "client/test_seen.h"

#define FEATURE "<sm xmlns='urn:xmpp:sm:3'/>"
#define XMLNS   " xmlns='urn:xmpp:sm:3'"
#define ENABLED "<enabled" XMLNS " id='s' resume='true' max='600'/>"
#define MESSAGE "<message from='bob@example.org/x'><body>x</body></message>"
#define SE(name)                                                                                   \
    "<stream:error><" name " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"

static struct test_client t;
static struct test_seen seen;

static void begin_with(struct burble_config config, const char *answer)
{
    seen = (struct test_seen){0};
    config.on_event = test_seen_event;
    config.arg = &seen;
    config.flags |= BURBLE_NO_CARBONS;
    test_online_with(&t, &config, FEATURE);
    test_receive(&t, answer);
    (void)test_seen_log(&seen);
}

static void begin(void)
{
    begin_with(BURBLE_CONFIG(0), ENABLED);
}

static void end(void)
{
    test_end(&t);
    test_seen_free(&seen);
}

/* Connects again and is answered so to <resume/>. */
static void resume(const char *h_expected, const char *answer)
{
    char text[128];
    test_connect(&t, FEATURE);
    snprintf(text, sizeof(text), "<resume" XMLNS " h='%s' previd='s'/>", h_expected);
    test_expect(&t, text);
    test_receive(&t, answer);
}

static void both_sides_count_from_enabled(void **state)
{
    (void)state;
    /* What comes before it is of no number. */
    begin_with(BURBLE_CONFIG(0), MESSAGE ENABLED MESSAGE "<r" XMLNS "/>");
    assert_int_equal(seen.messages, 2);
    test_expect(&t, "<a" XMLNS " h='1'/>");
    end();
}

static void messages_wait_for_enabled(void **state)
{
    (void)state;
    begin_with(BURBLE_CONFIG(0), "");
    test_write(&t, "one");
    assert_int_equal(burble_send(t.c, "<presence to='b@x.org' id='p'/>", 0, NULL), 0);
    const char *sent = test_sent(&t);
    assert_non_null(strstr(sent, "id='p'"));
    assert_null(strstr(sent, "id='one'"));
    test_receive(&t, ENABLED);
    test_expect(&t, "id='one'");
    test_expect(&t, "<r" XMLNS "/>");
    /* What was sent after <enable/> counts. */
    test_receive(&t, "<a" XMLNS " h='2'/>");
    assert_int_equal(seen.sent, 1);
    /* And not for ever. */
    end();
    begin_with(BURBLE_CONFIG(0), "");
    test_write(&t, "one");
    test_pass(&t, 19999);
    assert_int_equal(seen.state, BURBLE_ONLINE);
    test_pass(&t, 1);
    assert_int_equal(seen.state, BURBLE_WAITING);
    assert_int_equal(seen.why, BURBLE_WHY_TIMEOUT);
    assert_int_equal(burble_queued(t.c), 1);
    end();
}

static void a_server_that_refuses_is_done_without(void **state)
{
    (void)state;
    begin_with(BURBLE_CONFIG(0), "");
    test_write(&t, "one");
    assert_int_equal(seen.sent, 0);
    test_receive(&t, "<failed" XMLNS "/>");
    assert_int_equal(seen.sent, 1);
    test_receive(&t, MESSAGE "<r" XMLNS "/>");
    assert_null(strstr(test_sent(&t), "<a "));
    test_break(&t);
    assert_int_equal(seen.state, BURBLE_WAITING);
    test_connect(&t, FEATURE);
    test_expect(&t, "<bind ");
    end();
}

static void a_burst_asks_once_and_then_once_more(void **state)
{
    char text[64];
    (void)state;
    begin();
    for (int i = 0; i < 100; i++)
        test_write(&t, "burst");
    assert_int_equal(test_count(test_sent(&t), "<r "), 1);
    for (int i = 0; i < 100; i++) {
        test_write(&t, "more");
        test_pass(&t, 10);
    }
    assert_null(strstr(test_sent(&t), "<r "));
    snprintf(text, sizeof(text), "<a" XMLNS " h='%d'/>", 100);
    test_receive(&t, text);
    assert_int_equal(seen.sent, 100);
    assert_int_equal(test_count(test_sent(&t), "<r "), 1);
    test_receive(&t, "<a" XMLNS " h='200'/>");
    assert_int_equal(seen.sent, 200);
    test_pass(&t, 5000);
    test_expect_nothing(&t);
    end();
}

static void what_nobody_waits_for_is_asked_about_later(void **state)
{
    (void)state;
    begin();
    assert_int_equal(burble_send_presence(t.c, "bob@example.org", BURBLE_UNAVAILABLE, NULL), 0);
    assert_null(strstr(test_sent(&t), "<r "));
    test_pass(&t, 999);
    test_expect_nothing(&t);
    test_pass(&t, 1);
    test_expect(&t, "<r" XMLNS "/>");
    test_receive(&t, "<a" XMLNS " h='1'/>");
    for (int i = 0; i < 32; i++)
        assert_int_equal(burble_send_presence(t.c, "bob@example.org", BURBLE_UNAVAILABLE, NULL), 0);
    assert_int_equal(test_count(test_sent(&t), "<r "), 1);
    end();
}

static void who_was_asked_too_soon_is_asked_again(void **state)
{
    (void)state;
    begin();
    test_write(&t, "a");
    test_write(&t, "b");
    test_expect(&t, "<r" XMLNS "/>");
    test_receive(&t, "<a" XMLNS " h='1'/>");
    test_expect_nothing(&t);
    test_pass(&t, 1500);
    test_expect(&t, "<r" XMLNS "/>");
    test_receive(&t, "<a" XMLNS " h='2'/>");
    test_pass(&t, 1500);
    test_expect_nothing(&t);
    assert_int_equal(burble_queued(t.c), 0);
    end();
}

static void what_was_asked_too_soon_and_came_anyway_is_not_asked_about(void **state)
{
    (void)state;
    begin();
    test_write(&t, "a");
    test_expect(&t, "<r" XMLNS "/>");
    test_receive(&t, "<a" XMLNS " h='0'/>"); /* it is still being written to disk */
    test_receive(&t, "<a" XMLNS " h='1'/>");
    test_pass(&t, 1500);
    test_expect_nothing(&t);
    assert_int_equal(burble_queued(t.c), 0);
    end();
}

static void a_question_without_an_answer_is_asked_again(void **state)
{
    (void)state;
    begin();
    test_write(&t, "one");
    assert_int_equal(test_count(test_sent(&t), "<r "), 1);
    test_write(&t, "two");
    for (int i = 0; i < 6; i++) {
        assert_null(strstr(test_sent(&t), "<r "));
        test_pass(&t, 10000);
        test_receive(&t, MESSAGE); /* it lives */
    }
    assert_int_equal(test_count(test_sent(&t), "<r "), 1);
    end();
}

static void what_came_is_told_now_and_then(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 63; i++)
        test_receive(&t, MESSAGE);
    test_expect_nothing(&t);
    test_receive(&t, MESSAGE MESSAGE);
    test_expect(&t, "<a" XMLNS " h='65'/>");
    test_receive(&t, MESSAGE);
    test_expect_nothing(&t);
    end();
}

static void a_number_that_is_too_high_ends_the_session(void **state)
{
    static const char *const LIES[] = {
        "<a" XMLNS " h='3'/>",  "<a" XMLNS " h='2147483647'/>", "<a" XMLNS "/>",
        "<a" XMLNS " h='-1'/>", "<a" XMLNS " h='4294967296'/>", "<a" XMLNS " h=''/>"};
    (void)state;
    for (size_t i = 0; i < sizeof(LIES) / sizeof(LIES[0]); i++) {
        begin();
        test_write(&t, "one");
        test_write(&t, "two");
        (void)test_sent(&t);
        test_receive(&t, LIES[i]);
        test_expect(&t, "<stream:error><undefined-condition "
                        "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
        if (i < 2)
            test_expect(&t, "<handled-count-too-high" XMLNS " send-count='2'/>");
        test_expect(&t, "</stream:error></stream:stream>");
        test_break(&t);
        assert_int_equal(seen.state, BURBLE_WAITING);
        assert_int_equal(seen.why, BURBLE_WHY_BAD_XML);
        assert_int_equal(seen.sent, 0);
        /* In a new session everything is said again, once. */
        test_connect(&t, FEATURE);
        test_expect(&t, "<bind ");
        test_receive(&t, TEST_BOUND ENABLED);
        const char *sent = test_sent(&t);
        assert_int_equal(test_count(sent, "<message "), 2);
        end();
    }
}

static void an_older_number_says_nothing(void **state)
{
    (void)state;
    begin();
    test_write(&t, "one");
    test_write(&t, "two");
    (void)test_sent(&t);
    test_receive(&t, "<a" XMLNS " h='1'/><a" XMLNS " h='0'/><a" XMLNS " h='1'/>");
    assert_int_equal(seen.sent, 1);
    assert_int_equal(seen.state, BURBLE_ONLINE);
    test_receive(&t, "<a" XMLNS " h='2'/>");
    assert_int_equal(seen.sent, 2);
    end();
}

static void a_server_that_has_forgotten_gets_a_new_session(void **state)
{
    (void)state;
    begin();
    test_write(&t, "one");
    test_write(&t, "two");
    (void)test_sent(&t);
    test_receive(&t, "<a" XMLNS " h='1'/>");
    test_break(&t);
    resume("0", "<resumed" XMLNS " h='0' previd='s'/>");
    test_expect(&t, "</stream:stream>");
    test_break(&t);
    test_connect(&t, FEATURE);
    test_expect(&t, "<bind ");
    test_receive(&t, TEST_BOUND ENABLED);
    const char *sent = test_sent(&t);
    assert_null(strstr(sent, "id='one'"));
    assert_non_null(strstr(sent, "id='two'"));
    end();
}

static void another_session_than_ours_is_not_taken(void **state)
{
    (void)state;
    begin();
    test_break(&t);
    resume("0", "<resumed" XMLNS " h='0' previd='other'/>");
    test_expect(&t, "</stream:stream>");
    assert_int_equal(seen.state, BURBLE_BINDING);
    end();
}

static void counters_wrap(void **state)
{
    static const char STATE[] =
        "<state xmlns='urn:burble:state' v='1' account='me@example.org' tickets='9'>"
        "<session id='s' jid='me@example.org/x' in='4294967295' out='4294967294'/>"
        "<stanza kind='message' ticket='1' sent='true'>&lt;message id=&apos;a&apos;/&gt;</stanza>"
        "<stanza kind='message' ticket='2' sent='true'>&lt;message id=&apos;b&apos;/&gt;</stanza>"
        "<stanza kind='message' ticket='3' sent='true'>&lt;message id=&apos;c&apos;/&gt;</stanza>"
        "</state>";
    (void)state;
    seen = (struct test_seen){0};
    test_new(&t, &BURBLE_CONFIG(.on_event = test_seen_event, .arg = &seen, .state = STATE,
                                .state_len = sizeof(STATE) - 1));
    assert_int_equal(burble_connect(t.c), 0);
    resume("4294967295", "<resumed" XMLNS " h='0' previd='s'/>" MESSAGE "<r" XMLNS "/>");
    assert_int_equal(seen.sent, 2);
    test_expect(&t, "id='c'");
    test_expect(&t, "<a" XMLNS " h='0'/>");
    test_receive(&t, "<a" XMLNS " h='4294967295'/>"); /* an old one */
    assert_int_equal(seen.sent, 2);
    test_receive(&t, "<a" XMLNS " h='1'/>");
    assert_int_equal(seen.sent, 3);
    assert_int_equal(seen.state, BURBLE_ONLINE);
    end();
}

static void C06_a_session_that_cannot_be_resumed_is_made_anew(void **state)
{
    static const struct {
        const char *failed;
        unsigned sent;
    } CASES[] = {
        {"<failed" XMLNS "/>", 0},
        {"<failed" XMLNS "><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
         0},
        {"<failed" XMLNS " h='1'/>", 1},
        {"<failed" XMLNS " h='9'/>", 0}, /* cannot be */
        {"<failed" XMLNS " h='x'/>", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        begin();
        test_write(&t, "one");
        test_write(&t, "two");
        (void)test_sent(&t);
        test_break(&t);
        test_write(&t, "three");
        resume("0", CASES[i].failed);
        assert_int_equal(seen.sent, CASES[i].sent);
        test_expect(&t, "<bind ");
        test_receive(&t, TEST_BOUND);
        test_expect(&t, "<enable" XMLNS);
        test_receive(&t, ENABLED);
        const char *sent = test_sent(&t);
        assert_int_equal(test_count(sent, "<message "), 3 - CASES[i].sent);
        assert_int_equal(test_count(sent, " type='chat' id='two'"), 1);
        assert_true(strstr(sent, "id='two'") < strstr(sent, "id='three'"));
        assert_false(seen.resumed);
        assert_int_equal(seen.state, BURBLE_ONLINE);
        end();
    }
}

struct feature {
    struct client_extension x;
    char log[256];
};

static void note(struct client_extension *x, const char *what)
{
    char *log = CONTAINER_OF(x, struct feature, x)->log;
    snprintf(log + strlen(log), 256 - strlen(log), "%s ", what);
}

static void on_online(struct client_extension *x, bool resumed)
{
    note(x, resumed ? "resumed" : "new");
    if (!resumed) /* as a room is entered again */
        assert_int_equal(burble_send_presence(x->client, "room@x.org/nick", BURBLE_AVAILABLE, NULL),
                         0);
}

static void on_gone(struct client_extension *x)
{
    note(x, "gone");
}

static void C06_features_hear_what_becomes_of_the_session(void **state)
{
    static const struct client_extension_ops OPS = {
        .name = "test", .online = on_online, .gone = on_gone};
    struct feature f = {0};
    (void)state;
    begin();
    client_extend(t.c, &f.x, &OPS);
    test_break(&t);
    assert_string_equal(f.log, ""); /* it may go on */
    resume("0", "<resumed" XMLNS " h='0' previd='s'/>");
    assert_string_equal(f.log, "resumed ");
    test_write(&t, "to the room");
    (void)test_sent(&t);
    test_break(&t);
    test_break(&t); /* a try that fails tells nothing new */
    f.log[0] = '\0';
    resume("0", "<failed" XMLNS "/>");
    assert_string_equal(f.log, "gone ");
    test_receive(&t, TEST_BOUND ENABLED);
    assert_string_equal(f.log, "gone new ");
    const char *sent = test_sent(&t);
    assert_true(strstr(sent, "<presence to='room@x.org/nick'") < strstr(sent, "<message "));
    /* Without resumption the session goes with the connection. */
    test_break(&t);
    test_connect(&t, FEATURE);
    test_receive(&t, "<failed" XMLNS "/>");
    test_receive(&t, TEST_BOUND "<enabled" XMLNS "/>");
    f.log[0] = '\0';
    test_break(&t);
    assert_string_equal(f.log, "gone ");
    /* A server that does not resume any more. */
    test_connect(&t, FEATURE);
    test_receive(&t, TEST_BOUND);
    test_receive(&t, ENABLED);
    test_break(&t);
    f.log[0] = '\0';
    test_connect(&t, "");
    test_receive(&t, TEST_BOUND);
    assert_string_equal(f.log, "gone new ");
    client_unextend(&f.x);
    end();
}

static void elements_out_of_place_change_nothing(void **state)
{
    static const char *const ODD[] = {
        "<resumed" XMLNS " h='5' previd='s'/>",         "<failed" XMLNS "/>", ENABLED,
        "<enabled" XMLNS " id='other' resume='true'/>", "<sm" XMLNS "/>",     "<enable" XMLNS "/>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(ODD) / sizeof(ODD[0]); i++) {
        begin();
        test_write(&t, "one");
        test_receive(&t, MESSAGE);
        (void)test_sent(&t);
        test_receive(&t, ODD[i]);
        test_receive(&t, "<a" XMLNS " h='1'/><r" XMLNS "/>");
        test_expect(&t, "<a" XMLNS " h='1'/>");
        assert_int_equal(seen.sent, 1);
        test_break(&t);
        resume("1", "<resumed" XMLNS " h='1' previd='s'/>");
        assert_true(seen.resumed);
        end();
    }
    /* Before there is a session they are worse than odd. */
    for (size_t i = 0; i < sizeof(ODD) / sizeof(ODD[0]); i++) {
        seen = (struct test_seen){0};
        test_new(&t, &BURBLE_CONFIG(.on_event = test_seen_event, .arg = &seen));
        assert_int_equal(burble_connect(t.c), 0);
        test_connect(&t, FEATURE);
        test_receive(&t, ODD[i]);
        test_expect(&t, "<unsupported-stanza-type ");
        end();
    }
}

static void V20_what_cannot_be_read_does_not_come_for_ever(void **state)
{
    (void)state;
    begin();
    test_write(&t, "one");
    (void)test_sent(&t);
    uint32_t before = 0;
    for (unsigned i = 0; i < 2; i++) {
        test_receive(&t, "<message><&></message>");
        test_expect(&t, "<not-well-formed ");
        test_break(&t);
        assert_int_equal(seen.state, BURBLE_WAITING);
        assert_int_equal(seen.why, BURBLE_WHY_BAD_XML);
        assert_true(seen.retry_ms > before / 2 + before / 4);
        before = seen.retry_ms;
        if (i == 0)
            resume("0", "<resumed" XMLNS " h='0' previd='s'/>");
    }
    /* The server would only send it again: another session it is. */
    test_connect(&t, FEATURE);
    test_expect(&t, "<bind ");
    test_receive(&t, TEST_BOUND ENABLED);
    assert_int_equal(test_count(test_sent(&t), "id='one'"), 2); /* with the origin id */
    end();
}

static void V20_a_bad_stanza_is_not_sent_again(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 1; i <= 3; i++) {
        char h[16];
        test_receive(&t, "<message from='@@'><body>x</body></message>");
        assert_int_equal(seen.bad, i);
        test_break(&t);
        snprintf(h, sizeof(h), "%u", i);
        resume(h, "<resumed" XMLNS " h='0' previd='s'/>");
        assert_int_equal(seen.state, BURBLE_ONLINE);
    }
    end();
}

static void V20_what_the_server_does_not_bear_is_given_up(void **state)
{
    static const char *const BLAMES[] = {SE("policy-violation"), SE("not-well-formed"),
                                         SE("undefined-condition")};
    (void)state;
    begin();
    test_write(&t, "good");
    test_write(&t, "poison");
    test_write(&t, "later");
    (void)test_sent(&t);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seen.failed, 0);
        test_receive(&t, BLAMES[i]);
        assert_int_equal(seen.state, BURBLE_WAITING);
        assert_true(seen.retry_ms >= 4000);
        resume("0", "<resumed" XMLNS " h='1' previd='s'/>");
    }
    assert_int_equal(seen.failed, 1);
    assert_int_equal(seen.error, BURBLE_ERR_REFUSED);
    assert_true(seen.written);
    const char *sent = test_sent(&t);
    assert_null(strstr(sent, "poison"));
    assert_non_null(strstr(sent, "later"));
    test_receive(&t, "<a" XMLNS " h='2'/>");
    assert_int_equal(seen.sent, 2);
    end();
}

static void innocent_messages_are_not_given_up(void **state)
{
    (void)state;
    begin();
    char h[64];
    for (unsigned i = 0; i < 6; i++) { /* a server that wants us to be slower, for instance */
        test_write(&t, "m");
        test_write(&t, "m");
        (void)test_sent(&t);
        test_receive(&t, SE("policy-violation"));
        snprintf(h, sizeof(h), "<resumed" XMLNS " h='%u' previd='s'/>", i + 1);
        resume("0", h);
    }
    assert_int_equal(seen.failed, 0);
    assert_int_equal(seen.sent, 6);
    end();
}

static void what_is_said_meanwhile_waits(void **state)
{
    (void)state;
    begin();
    test_break(&t);
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_DND, NULL, 0, NULL), 0);
    test_write(&t, "one");
    assert_int_equal(burble_send(t.c, "<message/>", BURBLE_SEND_NOW, NULL), BURBLE_ERR_OFFLINE);
    assert_int_equal(burble_send(t.c, "<presence/>", 0, NULL), BURBLE_ERR_OFFLINE);
    resume("0", "<resumed" XMLNS " h='0' previd='s'/>");
    const char *sent = test_sent(&t);
    assert_int_equal(test_count(sent, "<message "), 1);
    /* The session has kept the old presence, so the new one is said. */
    assert_int_equal(test_count(sent, "<presence><show>dnd</show></presence>"), 1);
    test_break(&t);
    assert_int_equal(burble_set_unavailable(t.c, NULL), 0);
    resume("0", "<resumed" XMLNS " h='2' previd='s'/>");
    test_expect(&t, "<presence type='unavailable'/>");
    test_receive(&t, "<a" XMLNS " h='3'/>");
    test_break(&t);
    resume("0", "<resumed" XMLNS " h='3' previd='s'/>");
    assert_null(strstr(test_sent(&t), "<presence"));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_count_from_enabled),
        cmocka_unit_test(messages_wait_for_enabled),
        cmocka_unit_test(a_server_that_refuses_is_done_without),
        cmocka_unit_test(a_burst_asks_once_and_then_once_more),
        cmocka_unit_test(what_nobody_waits_for_is_asked_about_later),
        cmocka_unit_test(who_was_asked_too_soon_is_asked_again),
        cmocka_unit_test(what_was_asked_too_soon_and_came_anyway_is_not_asked_about),
        cmocka_unit_test(a_question_without_an_answer_is_asked_again),
        cmocka_unit_test(what_came_is_told_now_and_then),
        cmocka_unit_test(a_number_that_is_too_high_ends_the_session),
        cmocka_unit_test(an_older_number_says_nothing),
        cmocka_unit_test(a_server_that_has_forgotten_gets_a_new_session),
        cmocka_unit_test(another_session_than_ours_is_not_taken),
        cmocka_unit_test(counters_wrap),
        cmocka_unit_test(C06_a_session_that_cannot_be_resumed_is_made_anew),
        cmocka_unit_test(C06_features_hear_what_becomes_of_the_session),
        cmocka_unit_test(elements_out_of_place_change_nothing),
        cmocka_unit_test(V20_what_cannot_be_read_does_not_come_for_ever),
        cmocka_unit_test(V20_a_bad_stanza_is_not_sent_again),
        cmocka_unit_test(V20_what_the_server_does_not_bear_is_given_up),
        cmocka_unit_test(innocent_messages_are_not_given_up),
        cmocka_unit_test(what_is_said_meanwhile_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
