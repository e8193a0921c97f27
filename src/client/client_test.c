/* The client as a whole: a session, messages, requests, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/message.h"
#include "burble/presence.h"
#include "client/test_client.h"

struct seen {
    unsigned messages, bad, answers, sent;
    enum burble_iq_outcome outcome;
    enum burble_origin origin;
    enum burble_why why;
    char body[64], from[64], condition[64];
};

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct seen *s = arg;
    (void)c;
    if (e->kind == BURBLE_EVENT_MESSAGE) {
        s->messages++;
        s->origin = e->message->origin;
        snprintf(s->body, sizeof(s->body), "%s", e->message->body != NULL ? e->message->body : "");
        snprintf(s->from, sizeof(s->from), "%s", e->message->from);
    } else if (e->kind == BURBLE_EVENT_BAD) {
        s->bad++;
    } else if (e->kind == BURBLE_EVENT_SENT) {
        s->sent++;
    } else if (e->kind == BURBLE_EVENT_STATE) {
        s->why = e->state->why;
    }
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct seen *s = arg;
    (void)c;
    s->answers++;
    s->outcome = answer->outcome;
    snprintf(s->condition, sizeof(s->condition), "%s", answer->error.condition);
}

static void online(struct test_client *t, struct seen *s)
{
    *s = (struct seen){0};
    test_online(t, &BURBLE_CONFIG(.on_event = on_event, .arg = s));
}

static void online_with_sm(struct test_client *t, struct seen *s)
{
    *s = (struct seen){0};
    test_online_with(t, &BURBLE_CONFIG(.on_event = on_event, .arg = s),
                     "<sm xmlns='urn:xmpp:sm:3'/>");
    test_receive(t, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>");
}

static void messages_go_both_ways(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_say(t.c, "bob@example.org", "a < b & c", NULL, NULL, NULL), 0);
    test_expect(&t, "<message to='bob@example.org' type='chat' id='");
    test_expect(&t, "<body>a &lt; b &amp; c</body>");
    test_receive(&t, "<message from='bob@example.org/x' type='chat'><body>fine</body></message>");
    assert_int_equal(s.messages, 1);
    assert_string_equal(s.body, "fine");
    assert_string_equal(s.from, "bob@example.org/x");
    test_end(&t);
}

static void nothing_bad_leaves(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_say(t.c, "bob@", "x", NULL, NULL, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_say(t.c, "b@x.org", "\x01", NULL, NULL, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_say(t.c, "b@x.org", "\xff", NULL, NULL, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_send(t.c, "<message><a></message>", 0, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_send(t.c, "<other/>", 0, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_send(t.c, "<iq type='get' id='1'/>", 0, NULL), BURBLE_ERR_SYNTAX);
    static const char *const PAYLOADS[] = {"", "x", "<a/><b/>", "<a>", "</iq><message/><iq>"};
    for (size_t i = 0; i < sizeof(PAYLOADS) / sizeof(PAYLOADS[0]); i++)
        assert_int_equal(burble_get(t.c, NULL, PAYLOADS[i], 0, on_answer, &s, NULL),
                         BURBLE_ERR_SYNTAX);
    test_expect_nothing(&t);
    test_end(&t);
}

/* What we write ourselves is not parsed, what is a program's is: both know the same characters. */
static void characters_are_judged_alike_with_and_without_a_payload(void **state)
{
    static const struct {
        const char *text;
        int err;
    } ROWS[] = {
        {"\t\n\r ~", 0},
        {"\x1f", BURBLE_ERR_SYNTAX},
        {"a\x0b", BURBLE_ERR_SYNTAX},
        {"\x7f", 0},
        {"\xc2\x80", 0},
        {"\xc0\x80", BURBLE_ERR_SYNTAX},
        {"\x80", BURBLE_ERR_SYNTAX},
        {"a\xc3", BURBLE_ERR_SYNTAX},
        {"\xed\x9f\xbf", 0},
        {"\xed\xa0\x80", BURBLE_ERR_SYNTAX},
        {"\xee\x80\x80", 0},
        {"\xef\xbf\xbd", 0},
        {"\xef\xbf\xbe", BURBLE_ERR_SYNTAX},
        {"\xef\xbf\xbf", BURBLE_ERR_SYNTAX},
        {"\xf0\x90\x80\x80", 0},
        {"\xf4\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", BURBLE_ERR_SYNTAX},
        {"\xf8\x88\x80\x80\x80", BURBLE_ERR_SYNTAX},
        {"]]>&<'\"", 0},
    };
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct burble_message_options o = {.payload = "<x xmlns='y'/>"}, own = {0};
        const char *text = ROWS[i].text;
        assert_int_equal(burble_say(t.c, "b@x.org", text, &o, NULL, NULL), ROWS[i].err);
        assert_int_equal(burble_say(t.c, "b@x.org", text, NULL, NULL, NULL), ROWS[i].err);
        own.subject = own.thread = own.replaces = own.oob_url = own.id = text;
        assert_int_equal(burble_say(t.c, "b@x.org", NULL, &own, NULL, NULL), ROWS[i].err);
    }
    test_end(&t);
}

static void the_body_in_the_messages_own_language_counts(void **state)
{
    struct test_client t;
    struct seen s = {0};
    (void)state;
    online(&t, &s);
    test_receive(&t, "<message from='bob@example.org/x'><body xml:lang='de'>Hallo</body>"
                     "<body>Hello</body><body>Again</body><body xml:lang='fr'>Salut</body>"
                     "</message>");
    assert_string_equal(s.body, "Hello");
    test_end(&t);
}

static void X03_X05_headers_that_are_none_are_told_so(void **state)
{
    static const struct {
        const char *ns, *version, *error;
    } ROWS[] = {
        {"http://etherx.jabber.org/streams", "1.0", NULL},
        {"http://etherx.jabber.org/streams", "2.10", NULL},
        {"http://etherx.jabber.org/streams", "", "<unsupported-version "},
        {"http://etherx.jabber.org/streams", "0.9", "<unsupported-version "},
        {"http://etherx.jabber.org/streams", "1", "<unsupported-version "},
        {"http://etherx.jabber.org/streams", "1.", "<unsupported-version "},
        {"http://etherx.jabber.org/streams", "1.x.y", "<unsupported-version "},
        {"http://etherx.jabber.org/streams", "1.0.0", "<unsupported-version "},
        {"urn:other", "1.0", "<invalid-namespace "},
    };
    struct test_client t;
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct seen s = {0};
        test_new(&t, &BURBLE_CONFIG(.on_event = on_event, .arg = &s));
        assert_int_equal(burble_connect(t.c), 0);
        test_reach(&t);
        test_expect(&t, "xmlns:stream='http://etherx.jabber.org/streams'>");
        test_receivef(&t,
                      "<stream:stream from='example.org' version='%s' xmlns='jabber:client'"
                      " xmlns:stream='%s'>",
                      ROWS[i].version, ROWS[i].ns);
        if (ROWS[i].error == NULL) {
            test_expect_nothing(&t);
        } else {
            test_expect(&t, "<stream:error>");
            test_expect(&t, ROWS[i].error);
            test_expect(&t, "</stream:error></stream:stream>");
            test_break(&t);
            assert_int_equal(s.why, BURBLE_WHY_NOT_XMPP);
        }
        test_end(&t);
    }
}

static void V60_answers_match_by_id_and_sender(void **state)
{
    static const char *const LIARS[] = {"mallory@example.org/x", "bob@example.org", "example.org",
                                        "me@example.org"};
    struct test_client t;
    struct seen s;
    char text[256];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_get(t.c, "bob@example.org/x", "<ping xmlns='urn:xmpp:ping'/>", 0,
                                on_answer, &s, NULL),
                     0);
    char id[64];
    snprintf(id, sizeof(id), "%s", test_between(&t, "id='", "'"));
    assert_true(strlen(id) * 5 >= 96);
    for (size_t i = 0; i < sizeof(LIARS) / sizeof(LIARS[0]); i++) {
        snprintf(text, sizeof(text), "<iq type='result' id='%s' from='%s'/>", id, LIARS[i]);
        test_receive(&t, text);
    }
    assert_int_equal(s.answers, 0);
    snprintf(text, sizeof(text), "<iq type='result' id='%s' from='bob@example.org/x'/>", id);
    test_receive(&t, text);
    test_receive(&t, text);
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    test_end(&t);
}

static void requests_complete_exactly_once(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    const char *ping = "<ping xmlns='urn:xmpp:ping'/>";
    assert_int_equal(burble_get(t.c, "bob@example.org", ping, 5000, on_answer, &s, NULL), 0);
    test_pass(&t, 0);
    test_pass(&t, 4999);
    assert_int_equal(s.answers, 0);
    test_pass(&t, 1);
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.outcome, BURBLE_IQ_TIMEOUT);
    t.now.mono_ms += 50000; /* nothing has happened for long: the wait begins now all the same */
    assert_int_equal(burble_get(t.c, "bob@example.org", ping, 0, on_answer, &s, NULL), 0);
    test_pass(&t, 0);
    assert_int_equal(s.answers, 1);
    test_break(&t);
    assert_int_equal(s.answers, 2);
    assert_int_equal(s.outcome, BURBLE_IQ_GONE);
    assert_int_equal(burble_get(t.c, "bob@example.org", ping, 0, on_answer, &s, NULL),
                     BURBLE_ERR_OFFLINE);
    test_end(&t);
    assert_int_equal(s.answers, 2);
}

static void a_roster_of_20000_fits(void **state)
{
    struct test_client t;
    struct seen s;
    struct buf text = {0};
    (void)state;
    online(&t, &s);
    assert_int_equal(
        burble_get(t.c, NULL, "<query xmlns='jabber:iq:roster'/>", 0, on_answer, &s, NULL), 0);
    (void)buf_printf(&text, "<iq type='result' id='%s'><query xmlns='jabber:iq:roster'>",
                     test_between(&t, "id='", "'"));
    for (unsigned i = 0; i < 20000; i++)
        (void)buf_printf(&text,
                         "<item jid='contact%u@some.example.org' subscription='both'>"
                         "<group>Friends</group></item>",
                         i);
    (void)buf_lit(&text, "</query></iq>");
    assert_int_equal(buf_byte(&text, '\0'), 0);
    test_receive(&t, buf_slice(&text).ptr);
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    buf_free(&text);
    test_end(&t);
}

static void V58_copies_are_the_own_accounts_alone(void **state)
{
    static const char INNER[] =
        "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
        "<message xmlns='jabber:client' from='bob@example.org/x' to='me@example.org/phone'>"
        "<body>copied</body></message></forwarded></received>";
    static const char *const LIARS[] = {"bob@example.org/x", "me@example.org/other", "example.org",
                                        "room@rooms.example.org"};
    struct test_client t;
    struct seen s;
    char text[512];
    (void)state;
    online(&t, &s);
    for (size_t i = 0; i < sizeof(LIARS) / sizeof(LIARS[0]); i++) {
        snprintf(text, sizeof(text), "<message from='%s'>%s</message>", LIARS[i], INNER);
        test_receive(&t, text);
    }
    assert_int_equal(s.messages, 0);
    assert_int_equal(s.bad, 4);
    snprintf(text, sizeof(text), "<message from='me@example.org'>%s</message>", INNER);
    test_receive(&t, text);
    assert_int_equal(s.messages, 1);
    assert_int_equal(s.origin, BURBLE_CARBON_RECEIVED);
    assert_string_equal(s.from, "bob@example.org/x");
    test_end(&t);
}

static void V20_a_bad_stanza_is_counted_and_the_stream_goes_on(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online_with_sm(&t, &s);
    test_receive(&t, "<message from='@@@'><body>x</body></message>");
    test_receive(&t, "<presence type='nonsense' from='bob@example.org'/>");
    assert_int_equal(s.bad, 2);
    assert_int_equal(s.messages, 0);
    test_receive(&t, "<r xmlns='urn:xmpp:sm:3'/>");
    test_expect(&t, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(burble_state(t.c), BURBLE_ONLINE);
    test_end(&t);
}

static void a_message_outlives_the_connection_once_and_only_once(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online_with_sm(&t, &s);
    assert_int_equal(burble_say(t.c, "bob@example.org", "one", NULL, NULL, NULL), 0);
    assert_int_equal(burble_say(t.c, "bob@example.org", "two", NULL, NULL, NULL), 0);
    test_expect(&t, "<body>two</body>");
    test_break(&t);
    assert_int_equal(burble_state(t.c), BURBLE_WAITING);
    assert_int_equal(burble_say(t.c, "bob@example.org", "three", NULL, NULL, NULL), 0);
    test_pass(&t, 1000);
    test_connect(&t, "<sm xmlns='urn:xmpp:sm:3'/>");
    test_expect(&t, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='s'/>");
    test_receive(&t, "<resumed xmlns='urn:xmpp:sm:3' h='2' previd='s'/>"); /* carbons, "one" */
    const char *sent = test_sent(&t);
    assert_null(strstr(sent, "<body>one</body>"));
    assert_non_null(strstr(sent, "<body>two</body>"));
    assert_non_null(strstr(sent, "<body>three</body>"));
    assert_int_equal(s.sent, 1);
    test_receive(&t, "<a xmlns='urn:xmpp:sm:3' h='4'/>");
    assert_int_equal(s.sent, 3);
    assert_int_equal(burble_queued(t.c), 0);
    test_end(&t);
}

static void a_presence_that_cannot_be_taken_back_stays(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_AWAY, NULL, 0, NULL), 0);
    test_expect(&t, "<show>away</show>");
    (void)test_sent(&t);
    assert_int_equal(burble_set_unavailable(t.c, "\x01"), BURBLE_ERR_SYNTAX);
    test_expect_nothing(&t);
    test_break(&t);
    test_pass(&t, 5000);
    test_connect(&t, "");
    test_receive(&t, TEST_BOUND);
    test_expect(&t, "<show>away</show>");
    assert_int_equal(burble_set_unavailable(t.c, "Bye"), 0);
    test_expect(&t, "<presence type='unavailable'><status>Bye</status></presence>");
    test_end(&t);
}

static void free_me(struct burble *c, const struct burble_event *e, void *arg)
{
    struct test_client *t = arg;
    (void)c;
    if (e->kind == BURBLE_EVENT_MESSAGE)
        burble_free(&t->c);
}

static void V16_freeing_in_a_callback_is_safe(void **state)
{
    struct test_client t;
    (void)state;
    test_online(&t, &BURBLE_CONFIG(.on_event = free_me, .arg = &t));
    test_receive(&t, "<message from='bob@example.org/x'><body>x</body></message>"
                     "<message from='bob@example.org/x'><body>y</body></message>");
    assert_null(t.c);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways),
        cmocka_unit_test(nothing_bad_leaves),
        cmocka_unit_test(characters_are_judged_alike_with_and_without_a_payload),
        cmocka_unit_test(the_body_in_the_messages_own_language_counts),
        cmocka_unit_test(X03_X05_headers_that_are_none_are_told_so),
        cmocka_unit_test(V60_answers_match_by_id_and_sender),
        cmocka_unit_test(requests_complete_exactly_once),
        cmocka_unit_test(a_roster_of_20000_fits),
        cmocka_unit_test(V58_copies_are_the_own_accounts_alone),
        cmocka_unit_test(V20_a_bad_stanza_is_counted_and_the_stream_goes_on),
        cmocka_unit_test(a_message_outlives_the_connection_once_and_only_once),
        cmocka_unit_test(a_presence_that_cannot_be_taken_back_stays),
        cmocka_unit_test(V16_freeing_in_a_callback_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
