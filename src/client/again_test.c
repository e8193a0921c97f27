/* After a session: being sent elsewhere, and what is odd only for a while. Rows C05 and C04 where
 * the client had been let in before. */
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
#include "client/test_login.h"
#include "client/test_seen.h"

#define SM       "<sm xmlns='urn:xmpp:sm:3'/>"
#define XMLNS    " xmlns='urn:xmpp:sm:3'"
#define ENABLED  "<enabled" XMLNS " id='s' resume='true'/>"
#define ERROR_NS " xmlns='urn:ietf:params:xml:ns:xmpp-streams'"
#define USUAL    "xmpp.example.org" /* the host of the tests' configuration */

static struct test_client t;
static struct test_seen seen;

static void begin(void)
{
    seen = (struct test_seen){0};
    test_new(&t,
             &BURBLE_CONFIG(.on_event = test_seen_event, .arg = &seen, .flags = BURBLE_NO_CARBONS));
    assert_int_equal(burble_connect(t.c), 0);
}

static void online(void)
{
    begin();
    test_connect(&t, SM);
    test_receive(&t, TEST_BOUND ENABLED);
    (void)test_sent(&t);
}

static void end(void)
{
    test_end(&t);
    test_seen_free(&seen);
}

static void say(const char *id)
{
    struct burble_message_options o = {.id = id};
    assert_int_equal(burble_say(t.c, "bob@example.org", id, &o, NULL, NULL), 0);
}

static void send_to(const char *where)
{
    test_receivef(&t,
                  "<stream:error><see-other-host" ERROR_NS ">%s</see-other-host></stream:error>"
                  "</stream:stream>",
                  where);
}

/* The name that is looked up next, once the wait is over. */
static const char *next_host(void)
{
    for (unsigned i = 0; i < 2; i++) {
        for (size_t k = 0; k < t.effect_count; k++)
            if (t.effects[k].kind == BURBLE_DO_RESOLVE_HOST)
                return t.effects[k].name;
        t.effect_count = 0;
        assert_int_equal(burble_state(t.c), BURBLE_WAITING);
        test_pass(&t, seen.retry_ms);
    }
    return "";
}

static void come_back(unsigned h)
{
    test_connect(&t, SM);
    test_expect(&t, "<resume ");
    test_receivef(&t, "<resumed" XMLNS " h='%u' previd='s'/>", h);
    assert_true(seen.resumed);
}

/* ------------------------------------------------------------------------------- see-other-host */

static void C05_a_session_goes_on_elsewhere(void **state)
{
    (void)state;
    online();
    say("one");
    say("two");
    test_expect(&t, "id='two'");
    (void)test_seen_log(&seen);
    test_pass(&t, 60000);
    send_to("[2001:db8::7]:9222");
    assert_int_equal(seen.state, BURBLE_WAITING);
    assert_int_equal(seen.why, BURBLE_WHY_STREAM_ERROR);
    assert_string_equal(seen.condition, "see-other-host");
    assert_string_equal(seen.text, "the server sends us to \"[2001:db8::7]:9222\"");
    assert_in_range(seen.retry_ms, 500, 1000);
    say("three");
    assert_int_equal(burble_queued(t.c), 3);
    assert_string_equal(next_host(), "2001:db8::7");
    come_back(1);
    const char *sent = test_sent(&t);
    assert_null(strstr(sent, "id='one'"));
    assert_non_null(strstr(sent, "id='two'"));
    assert_non_null(strstr(sent, "id='three'"));
    assert_string_equal(test_seen_log(&seen), "waiting, resolving, connecting, authenticating, "
                                              "binding, sent one, online again");
    /* The place was for once: what comes next is looked for as usual. */
    test_break(&t);
    assert_string_equal(next_host(), USUAL);
    end();
}

static void C05_a_place_that_does_not_answer_gives_way_to_the_usual_one(void **state)
{
    (void)state;
    online();
    send_to("other.example");
    assert_string_equal(next_host(), "other.example");
    uint32_t id = t.effects[0].id;
    t.effect_count = 0;
    struct burble_input in = {
        .kind = BURBLE_IN_HOST, .id = id, .failure = "no such name", .no_name = true};
    assert_true(burble_feed(t.c, &in, t.now));
    test_collect(&t);
    assert_string_equal(next_host(), USUAL);
    come_back(0);
    end();
}

static void C05_around_and_around_is_not_gone(void **state)
{
    (void)state;
    online();
    for (int i = 0; i < 3; i++) {
        send_to("other.example");
        assert_string_equal(next_host(), "other.example");
        come_back(0);
        test_pass(&t, 9999);
    }
    /* Often enough: it is said, and after a while the usual way is taken, again and again. */
    for (int i = 0; i < 4; i++) {
        send_to("other.example");
        assert_int_equal(seen.state, BURBLE_WAITING);
        assert_int_equal(seen.why, BURBLE_WHY_REDIRECT);
        assert_string_equal(seen.text, "the server sends us around, now to \"other.example\"");
        assert_true(seen.retry_ms >= 4000);
        assert_string_equal(next_host(), USUAL);
        come_back(0);
        for (int k = 0; k < 3; k++) {
            send_to("other.example");
            assert_int_equal(seen.why, BURBLE_WHY_STREAM_ERROR);
            assert_true(seen.retry_ms >= 4000);
            assert_string_equal(next_host(), "other.example");
            come_back(0);
        }
    }
    end();
}

static void C05_what_lasted_counts_anew(void **state)
{
    (void)state;
    online();
    for (int i = 0; i < 8; i++) {
        test_pass(&t, 10000);
        send_to("other.example");
        assert_int_equal(seen.why, BURBLE_WHY_STREAM_ERROR);
        assert_true(seen.retry_ms <= 1000);
        assert_string_equal(next_host(), "other.example");
        come_back(0);
    }
    end();
}

static void C05_out_of_a_session_only_where_nothing_else_listens(void **state)
{
    static const char *const BAD[] = {"a:25", "a:1023", "a:0", "", "a b", "/etc/passwd"};
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        online();
        say("one");
        (void)test_sent(&t);
        send_to(BAD[i]);
        assert_int_equal(seen.state, BURBLE_WAITING);
        assert_int_equal(seen.why, BURBLE_WHY_REDIRECT);
        assert_non_null(strstr(seen.text, BAD[i]));
        assert_int_equal(burble_queued(t.c), 1);
        assert_string_equal(next_host(), USUAL);
        come_back(0);
        end();
    }
}

static void C05_between_the_login_and_the_session(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 3; i++) {
        test_connect(&t, SM);
        assert_int_equal(burble_state(t.c), BURBLE_BINDING);
        send_to("other.example:9222");
        test_expect(&t, "<bind "); /* of before */
        assert_string_equal(next_host(), "other.example");
    }
    test_connect(&t, SM);
    send_to("other.example:9222");
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.why, BURBLE_WHY_REDIRECT);
    end();
}

static void C05_who_leaves_goes_nowhere(void **state)
{
    (void)state;
    online();
    burble_disconnect(t.c);
    test_pass(&t, 0);
    send_to("other.example");
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.why, BURBLE_WHY_LEFT);
    t.effect_count = 0;
    assert_int_equal(burble_connect(t.c), 0);
    test_pass(&t, 0);
    assert_string_equal(next_host(), USUAL);
    end();
}

static void without_reconnect_the_program_goes_there(void **state)
{
    (void)state;
    seen = (struct test_seen){0};
    test_new(&t, &BURBLE_CONFIG(.on_event = test_seen_event, .arg = &seen,
                                .flags = BURBLE_NO_RECONNECT));
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, SM);
    test_receive(&t, TEST_BOUND ENABLED);
    send_to("other.example");
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(burble_connect(t.c), 0);
    t.effect_count = 0;
    test_pass(&t, 0);
    assert_string_equal(next_host(), "other.example");
    end();
}

/* ------------------------------------------------------------------------------ odd for a while */

static void memory_comes_back(void **state)
{
    (void)state;
    online();
    say("one");
    (void)test_sent(&t);
    uint32_t most = 1000;
    for (int i = 0; i < 6; i++) {
        client_starve(t.c);
        test_pass(&t, 0);
        assert_int_equal(seen.state, BURBLE_WAITING);
        assert_int_equal(seen.why, BURBLE_WHY_MEMORY);
        assert_string_equal(seen.text, "out of memory");
        assert_in_range(seen.retry_ms, most / 2, most);
        most *= 2;
        test_reach(&t);
    }
    buf_clear(&t.sent);
    assert_false(burble_why_permanent(BURBLE_WHY_MEMORY));
    assert_int_equal(burble_queued(t.c), 1);
    end();
}

static struct tls_context *stranger(void)
{
    struct buf chain = {0}, key = {0};
    struct slice host = SLICE("example.org");
    enum tls_problem problem;
    assert_int_equal(tls_make_certificate(&host, 1, 1800000000, &chain, &key), 0);
    struct tls_context *context = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
    assert_non_null(context);
    buf_free(&chain);
    buf_free(&key);
    return context;
}

/* A connection to somebody with another certificate; the login is not begun. */
static void meet(struct test_login *l, struct tls_context *context)
{
    buf_clear(&l->t.sent);
    test_reach(&l->t);
    test_start_tls(&l->t, context);
    assert_int_equal(buf_len(&l->t.sent), 0);
    assert_int_equal(l->t.conn, 0);
    assert_int_equal(l->why, BURBLE_WHY_CERTIFICATE);
}

static void C04_a_bad_certificate_passes_after_a_session(void **state)
{
    struct test_login l;
    struct tls_context *context = stranger();
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG());
    test_login_online(&l, "SCRAM-SHA-256", "");
    struct burble_message_options o = {.id = "one"};
    test_break(&l.t);
    assert_int_equal(burble_say(l.t.c, "bob@example.org", "x", &o, NULL, NULL), 0);
    for (int i = 0; i < 12; i++) {
        meet(&l, context);
        assert_int_equal(burble_state(l.t.c), BURBLE_WAITING);
        assert_string_not_equal(l.text, "");
    }
    assert_true(burble_deadline(l.t.c) - l.t.now.mono_ms >= 150000);
    assert_int_equal(burble_queued(l.t.c), 1);
    test_login_online(&l, "SCRAM-SHA-256", "");
    assert_int_equal(burble_state(l.t.c), BURBLE_ONLINE);
    assert_int_equal(burble_queued(l.t.c), 0);
    /* Who begins anew is told at once. */
    burble_disconnect(l.t.c);
    test_pass(&l.t, 0);
    test_receive(&l.t, "</stream:stream>");
    assert_int_equal(burble_connect(l.t.c), 0);
    meet(&l, context);
    assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
    test_login_end(&l);
    tls_context_unref(&context);
}

static void C04_a_bad_certificate_is_the_end_at_first(void **state)
{
    struct test_login l;
    struct tls_context *context = stranger();
    (void)state;
    test_login_new(&l, &BURBLE_CONFIG());
    meet(&l, context);
    assert_int_equal(burble_state(l.t.c), BURBLE_OFFLINE);
    assert_true(burble_why_permanent(l.why));
    test_login_end(&l);
    tls_context_unref(&context);
}

static void what_concerns_the_account_does_not_pass(void **state)
{
    (void)state;
    online();
    test_break(&t);
    test_reach(&t);
    test_receive(&t, TEST_HEADER
                 "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                 "<mechanism>PLAIN</mechanism></mechanisms></stream:features>");
    test_receive(&t, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/>"
                     "</failure>");
    test_pass(&t, 5000); /* for the server's end of the stream */
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.why, BURBLE_WHY_PASSWORD);
    end();
    /* A server that says so to whom it knows is to be believed; before the login it may pass. */
    for (int known = 0; known < 2; known++) {
        online();
        if (known == 0) {
            test_break(&t);
            test_reach(&t);
            test_receive(&t, TEST_HEADER);
        }
        test_receive(&t, "<stream:error><host-unknown" ERROR_NS "/></stream:error>");
        assert_int_equal(seen.why, BURBLE_WHY_HOST_UNKNOWN);
        assert_int_equal(seen.state, known ? BURBLE_OFFLINE : BURBLE_WAITING);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C05_a_session_goes_on_elsewhere),
        cmocka_unit_test(C05_a_place_that_does_not_answer_gives_way_to_the_usual_one),
        cmocka_unit_test(C05_around_and_around_is_not_gone),
        cmocka_unit_test(C05_what_lasted_counts_anew),
        cmocka_unit_test(C05_out_of_a_session_only_where_nothing_else_listens),
        cmocka_unit_test(C05_between_the_login_and_the_session),
        cmocka_unit_test(C05_who_leaves_goes_nowhere),
        cmocka_unit_test(without_reconnect_the_program_goes_there),
        cmocka_unit_test(memory_comes_back),
        cmocka_unit_test(C04_a_bad_certificate_passes_after_a_session),
        cmocka_unit_test(C04_a_bad_certificate_is_the_end_at_first),
        cmocka_unit_test(what_concerns_the_account_does_not_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
