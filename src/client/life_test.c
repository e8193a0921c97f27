/* Ordinary life: connecting, leaving in every state, coming back, silence, and what is said about
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/message.h"
#include "burble/presence.h"
#include "client/client.h"
#include "client/test_client.h"
#include "client/test_login.h"
#include "client/test_seen.h"
#include "client/why.h"

#define SM       "<sm xmlns='urn:xmpp:sm:3'/>"
#define XMLNS    " xmlns='urn:xmpp:sm:3'"
#define ENABLED  "<enabled" XMLNS " id='s' resume='true'/>"
#define MESSAGE  "<message from='bob@example.org/x'><body>x</body></message>"
#define ERROR_NS " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"

static struct test_client t;
static struct test_seen seen;

static void begin(struct burble_config config)
{
    seen = (struct test_seen){0};
    config.on_event = test_seen_event;
    config.arg = &seen;
    config.flags |= BURBLE_NO_CARBONS;
    test_new(&t, &config);
}

static void online(bool sm)
{
    begin(BURBLE_CONFIG(0));
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, sm ? SM : "");
    test_receive(&t, TEST_BOUND);
    if (sm)
        test_receive(&t, ENABLED);
    (void)test_sent(&t);
    (void)test_seen_log(&seen);
}

static void end(void)
{
    test_end(&t);
    test_seen_free(&seen);
}

/* ------------------------------------------------------------------------------------- leaving */

static void leaving_waits_for_acknowledgements_and_the_end(void **state)
{
    (void)state;
    online(true);
    test_receive(&t, MESSAGE);
    test_write(&t, "one");
    burble_disconnect(t.c);
    test_expect(&t, "id='one'");
    test_expect(&t, "<r" XMLNS "/>");
    assert_int_equal(burble_state(t.c), BURBLE_LEAVING);
    test_expect_nothing(&t);
    /* Nothing more is taken, and what comes is still heard. */
    assert_int_equal(burble_say(t.c, "b@x.org", "x", NULL, NULL, NULL), BURBLE_ERR_OFFLINE);
    assert_int_equal(burble_connect(t.c), BURBLE_ERR_BUSY);
    test_receive(&t, MESSAGE);
    assert_int_equal(seen.messages, 2);
    test_receive(&t, "<a" XMLNS " h='1'/>");
    test_expect(&t, "<a" XMLNS " h='2'/></stream:stream>");
    /* The server keeps for later what it does not know to be here. */
    test_receive(&t, MESSAGE "</stream:stream>");
    assert_int_equal(seen.messages, 2);
    assert_int_equal(seen.why, BURBLE_WHY_LEFT);
    assert_string_equal(test_seen_log(&seen), "message x, leaving, message x, sent one, offline");
    assert_int_equal(t.conn, 0);
    assert_int_equal(burble_deadline(t.c), BURBLE_NEVER);
    end();
}

static void leaving_without_stream_management(void **state)
{
    (void)state;
    online(false);
    test_write(&t, "one");
    burble_disconnect(t.c);
    test_expect(&t, "id='one'");
    test_expect(&t, "</stream:stream>");
    assert_int_equal(seen.sent, 1);
    test_receive(&t, MESSAGE "</stream:stream>"); /* nobody will send it again */
    assert_int_equal(seen.messages, 1);
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    end();
}

static void leaving_takes_five_seconds_at_most(void **state)
{
    (void)state;
    online(true);
    test_write(&t, "one");
    burble_disconnect(t.c);
    test_pass(&t, 2999);
    assert_null(strstr(test_sent(&t), "</stream:stream>"));
    test_pass(&t, 1);
    test_expect(&t, "</stream:stream>");
    test_pass(&t, 1999);
    assert_int_equal(seen.state, BURBLE_LEAVING);
    test_pass(&t, 1);
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.why, BURBLE_WHY_LEFT);
    assert_int_equal(seen.failed, 1);
    assert_int_equal(seen.error, BURBLE_ERR_OFFLINE);
    assert_true(seen.written);
    assert_int_equal(burble_queued(t.c), 0);
    end();
}

static void a_connection_that_breaks_while_leaving_is_left(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        online(true);
        test_write(&t, "one");
        burble_disconnect(t.c);
        (void)test_sent(&t);
        if (i == 2)
            test_receive(&t, "<stream:error><conflict" ERROR_NS "</stream:error>");
        else if (i == 1)
            test_receive(&t, "</stream:stream>");
        if (t.conn != 0)
            test_break(&t);
        assert_int_equal(seen.state, BURBLE_OFFLINE);
        assert_int_equal(seen.why, BURBLE_WHY_LEFT);
        assert_int_equal(seen.failed, 1);
        end();
    }
}

/* Drives a client to a state. */
static void reach(enum burble_state wanted)
{
    begin(BURBLE_CONFIG(0));
    if (wanted == BURBLE_OFFLINE)
        return;
    assert_int_equal(burble_connect(t.c), 0);
    test_pass(&t, 0);
    if (wanted == BURBLE_RESOLVING)
        return;
    test_reach(&t);
    if (wanted == BURBLE_CONNECTING)
        return;
    test_receive(&t, TEST_HEADER
                 "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                 "<mechanism>PLAIN</mechanism></mechanisms></stream:features>");
    if (wanted == BURBLE_AUTHENTICATING)
        return;
    test_receive(&t, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    test_receive(&t, TEST_HEADER "<stream:features>" SM
                                 "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                                 "</stream:features>");
    if (wanted == BURBLE_BINDING)
        return;
    test_receive(&t, TEST_BOUND ENABLED);
    if (wanted == BURBLE_LEAVING) {
        burble_disconnect(t.c);
        test_pass(&t, 0);
    } else if (wanted == BURBLE_WAITING) {
        test_break(&t);
    }
    assert_int_equal(burble_state(t.c), wanted);
}

static const enum burble_state ALL[] = {
    BURBLE_OFFLINE, BURBLE_RESOLVING, BURBLE_CONNECTING, BURBLE_AUTHENTICATING,
    BURBLE_BINDING, BURBLE_ONLINE,    BURBLE_LEAVING,    BURBLE_WAITING,
};
enum { STATES = sizeof(ALL) / sizeof(ALL[0]) };

static void go_online_again(void)
{
    assert_int_equal(burble_connect(t.c), 0);
    assert_int_equal(burble_connect(t.c), BURBLE_ERR_BUSY);
    t.effect_count = 0;
    buf_clear(&t.sent);
    test_connect(&t, SM);
    struct slice sent = buf_slice(&t.sent);
    if (memmem(sent.ptr, sent.len, "<bind", 5) != NULL)
        test_receive(&t, TEST_BOUND);
    else
        test_receive(&t, "<resumed" XMLNS " h='0' previd='s'/>");
    assert_int_equal(burble_state(t.c), BURBLE_ONLINE);
}

static void leaving_in_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        reach(ALL[i]);
        if (ALL[i] != BURBLE_LEAVING)
            test_write(&t, "waits");
        burble_disconnect(t.c);
        burble_disconnect(t.c);
        test_pass(&t, 0);
        test_pass(&t, 3000);
        test_pass(&t, 2000);
        assert_int_equal(burble_state(t.c), BURBLE_OFFLINE);
        assert_int_equal(seen.state, BURBLE_OFFLINE);
        assert_int_equal(seen.why, BURBLE_WHY_LEFT);
        assert_int_equal(seen.failed, ALL[i] != BURBLE_LEAVING);
        assert_int_equal(burble_queued(t.c), 0);
        assert_int_equal(t.conn, 0);
        assert_int_equal(burble_deadline(t.c), BURBLE_NEVER);
        /* And nothing happens any more, whatever comes. */
        unsigned states = seen.states;
        burble_disconnect(t.c);
        burble_suspend(t.c);
        test_pass(&t, 1000000);
        assert_int_equal(seen.states, states);
        go_online_again();
        assert_false(seen.resumed);
        end();
    }
}

static void suspending_in_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        bool had = ALL[i] == BURBLE_ONLINE || ALL[i] == BURBLE_WAITING;
        reach(ALL[i]);
        if (ALL[i] != BURBLE_LEAVING)
            test_write(&t, "waits");
        burble_suspend(t.c);
        burble_suspend(t.c);
        test_pass(&t, 0);
        assert_true(ALL[i] == BURBLE_LEAVING || strstr(test_sent(&t), "</stream") == NULL);
        test_pass(&t, 3000);
        test_pass(&t, 2000);
        assert_int_equal(burble_state(t.c), BURBLE_OFFLINE);
        assert_int_equal(seen.failed, 0);
        assert_int_equal(burble_queued(t.c), ALL[i] != BURBLE_LEAVING);
        assert_int_equal(t.conn, 0);
        go_online_again();
        assert_int_equal(seen.resumed, had);
        (void)test_sent(&t);
        end();
    }
}

static void who_is_not_online_yet_can_think_again(void **state)
{
    (void)state;
    begin(BURBLE_CONFIG(0));
    assert_int_equal(burble_connect(t.c), 0);
    burble_disconnect(t.c);
    test_pass(&t, 0);
    assert_string_equal(test_seen_log(&seen), "offline");
    assert_int_equal(burble_connect(t.c), 0);
    test_pass(&t, 0);
    assert_string_equal(test_seen_log(&seen), "resolving");
    /* A farewell that was not said yet ends in a connection when that is the last word. */
    test_reach(&t);
    test_break(&t);
    assert_int_equal(seen.state, BURBLE_WAITING);
    burble_disconnect(t.c);
    assert_int_equal(burble_connect(t.c), 0);
    test_pass(&t, 0);
    assert_int_equal(seen.state, BURBLE_RESOLVING);
    end();
}

static void what_was_suspended_can_be_given_up(void **state)
{
    (void)state;
    online(true);
    test_write(&t, "one");
    (void)test_sent(&t);
    burble_suspend(t.c);
    test_pass(&t, 2000);
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.failed, 0);
    burble_disconnect(t.c);
    test_pass(&t, 0);
    assert_int_equal(seen.failed, 1);
    assert_int_equal(burble_queued(t.c), 0);
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, SM);
    test_expect(&t, "<bind ");
    end();
}

/* ---------------------------------------------------------------------------------- coming back */

static uint32_t next_wait(void)
{
    test_reach(&t);
    test_break(&t);
    assert_int_equal(seen.state, BURBLE_WAITING);
    uint32_t ms = seen.retry_ms;
    unsigned states = seen.states;
    if (ms > 1)
        test_pass(&t, ms - 1);
    assert_int_equal(seen.states, states);
    test_pass(&t, 1);
    assert_int_equal(seen.state, BURBLE_RESOLVING);
    return ms;
}

static void waits_grow_to_a_cap_and_begin_again(void **state)
{
    uint32_t most = 1000;
    (void)state;
    online(false);
    test_pass(&t, 10000);
    test_break(&t);
    assert_true(seen.retry_ms >= 500 && seen.retry_ms <= 1000);
    test_pass(&t, 1000);
    for (int i = 0; i < 14; i++) {
        most = most * 2 < 300000 ? most * 2 : 300000;
        uint32_t ms = next_wait();
        assert_true(ms >= most / 2 && ms <= most);
    }
    /* A session that lasts makes it good again; one that does not, does not. */
    test_connect(&t, "");
    test_receive(&t, TEST_BOUND);
    test_pass(&t, 9999);
    test_break(&t);
    assert_true(seen.retry_ms >= 150000);
    test_connect(&t, "");
    test_receive(&t, TEST_BOUND);
    test_pass(&t, 10000);
    test_break(&t);
    assert_true(seen.retry_ms <= 1000);
    end();
}

static void waits_differ_between_clients(void **state)
{
    uint32_t first = 0;
    bool differ = false;
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        begin(BURBLE_CONFIG(0));
        t.next_random = i * 77;
        assert_int_equal(burble_connect(t.c), 0);
        test_reach(&t);
        test_break(&t);
        differ = differ || (i > 0 && seen.retry_ms != first);
        first = seen.retry_ms;
        end();
    }
    assert_true(differ);
}

static void connecting_while_waiting_is_now(void **state)
{
    (void)state;
    reach(BURBLE_WAITING);
    assert_int_equal(burble_connect(t.c), 0);
    test_pass(&t, 0);
    assert_int_equal(seen.state, BURBLE_RESOLVING);
    assert_int_equal(burble_connect(t.c), BURBLE_ERR_BUSY);
    end();
}

static void stream_errors_say_what_comes_next(void **state)
{
    static const struct {
        const char *name;
        enum burble_why why;
        uint32_t least, most; /* of the wait; 0: none, it is over */
        const char *text;
    } CASES[] = {
        {"conflict", BURBLE_WHY_CONFLICT, 0, 0, "another client has taken this resource: why"},
        {"host-gone", BURBLE_WHY_HOST_UNKNOWN, 0, 0,
         "the server does not serve this domain any more: why"},
        {"host-unknown", BURBLE_WHY_HOST_UNKNOWN, 0, 0,
         "the server does not serve this domain: why"},
        {"system-shutdown", BURBLE_WHY_STREAM_ERROR, 500, 1000,
         "the server is being shut down: why"},
        {"reset", BURBLE_WHY_STREAM_ERROR, 500, 1000, "the server wants a new connection: why"},
        {"connection-timeout", BURBLE_WHY_STREAM_ERROR, 500, 1000,
         "the server heard nothing from us: why"},
        {"resource-constraint", BURBLE_WHY_STREAM_ERROR, 4000, 8000,
         "the server is overloaded: why"},
        {"policy-violation", BURBLE_WHY_STREAM_ERROR, 4000, 8000,
         "we broke a rule of the server (policy-violation): why"},
        {"not-authorized", BURBLE_WHY_STREAM_ERROR, 4000, 8000,
         "the server says that we may not be there: why"},
        {"of-a-later-time", BURBLE_WHY_STREAM_ERROR, 4000, 8000,
         "the server ended the stream (of-a-later-time): why"},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        online(true);
        test_pass(&t, 60000);
        snprintf(text, sizeof(text),
                 "<stream:error><%s" ERROR_NS
                 "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>why</text></stream:error>",
                 CASES[i].name);
        test_receive(&t, text);
        assert_int_equal(seen.why, CASES[i].why);
        assert_string_equal(seen.text, CASES[i].text);
        assert_string_equal(seen.condition, CASES[i].name);
        assert_int_equal(seen.state, CASES[i].most > 0 ? BURBLE_WAITING : BURBLE_OFFLINE);
        assert_true(seen.retry_ms >= CASES[i].least && seen.retry_ms <= CASES[i].most);
        assert_int_equal(burble_why_permanent(seen.why), CASES[i].most == 0);
        end();
    }
}

static void a_long_text_is_cut_between_characters(void **state)
{
    struct buf text = {0};
    (void)state;
    buf_lit(&text,
            "<stream:error><reset" ERROR_NS "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>");
    for (int i = 0; i < 400; i++)
        buf_lit(&text, "\xe2\x82\xac");
    assert_int_equal(buf_append(&text, "</text></stream:error>", 23), 0); /* with its end */
    online(false);
    test_receive(&t, buf_slice(&text).ptr);
    size_t len = strlen(seen.text);
    assert_true(len >= 508 && len < 512);
    assert_string_equal(seen.text + len - 3, "\xe2\x82\xac");
    buf_free(&text);
    end();
}

static void a_server_that_ends_the_stream_is_asked_to_resume(void **state)
{
    (void)state;
    online(true);
    test_write(&t, "one");
    (void)test_sent(&t);
    test_receive(&t, "</stream:stream>");
    test_expect(&t, "</stream:stream>");
    test_write(&t, "two");
    test_pass(&t, 5000);
    assert_int_equal(seen.state, BURBLE_WAITING);
    assert_int_equal(seen.why, BURBLE_WHY_LOST);
    assert_string_equal(seen.text, "the server ended the stream");
    test_connect(&t, SM);
    test_expect(&t, "<resume ");
    test_receive(&t, "<failed" XMLNS " h='1'/>");
    assert_int_equal(seen.sent, 1);
    test_receive(&t, TEST_BOUND ENABLED);
    const char *sent = test_sent(&t);
    assert_null(strstr(sent, "id='one'"));
    assert_non_null(strstr(sent, "id='two'"));
    end();
}

static void without_reconnect_a_lost_session_stays_lost(void **state)
{
    (void)state;
    begin(BURBLE_CONFIG(.flags = BURBLE_NO_RECONNECT));
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, SM);
    test_receive(&t, TEST_BOUND ENABLED);
    test_write(&t, "one");
    (void)test_sent(&t);
    test_break(&t);
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.why, BURBLE_WHY_LOST);
    assert_int_equal(seen.failed, 1);
    assert_int_equal(burble_deadline(t.c), BURBLE_NEVER);
    go_online_again();
    assert_false(seen.resumed);
    end();
}

/* -------------------------------------------------------------------------------------- silence
 */

static void N01_silence_is_asked_about_and_is_the_end(void **state)
{
    (void)state;
    for (int sm = 0; sm < 2; sm++) {
        online(sm == 1);
        test_pass(&t, 59999);
        test_expect_nothing(&t);
        test_pass(&t, 1);
        test_expect(&t, sm == 1 ? "<r" XMLNS "/>" : "<ping xmlns='urn:xmpp:ping'/>");
        test_pass(&t, 19999);
        assert_int_equal(seen.state, BURBLE_ONLINE);
        test_pass(&t, 1);
        assert_int_equal(seen.state, BURBLE_WAITING);
        assert_int_equal(seen.why, BURBLE_WHY_LOST);
        assert_string_equal(seen.text, "the server does not answer any more");
        end();
    }
}

static void anything_that_comes_is_a_sign_of_life(void **state)
{
    (void)state;
    online(true);
    for (int i = 0; i < 5; i++) {
        test_pass(&t, 60000);
        test_expect(&t, "<r" XMLNS "/>");
        test_pass(&t, 19000);
        test_receive(&t, i % 2 == 0 ? " " : MESSAGE);
        assert_int_equal(seen.state, BURBLE_ONLINE);
    }
    test_receive(&t, "<a" XMLNS " h='0'/>");
    /* Also a question that was open already is asked again. */
    test_write(&t, "one");
    test_expect(&t, "<r" XMLNS "/>");
    test_pass(&t, 60000);
    test_expect(&t, "<r" XMLNS "/>");
    end();
}

/* ------------------------------------------------------------------------------- what is promised
 */

static void C07_nothing_is_lost_in_silence(void **state)
{
    uint64_t tickets[8] = {0};
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        begin(kind == 0 ? BURBLE_CONFIG(.queue_max = 3) : BURBLE_CONFIG(.queue_bytes_max = 120));
        unsigned taken = 0;
        for (int i = 0; i < 8; i++) {
            int err =
                burble_send(t.c, "<message to='bob@x.org' id='0123456'/>", 0, &tickets[taken]);
            assert_true(err == 0 || err == BURBLE_ERR_LIMIT);
            taken += err == 0;
        }
        assert_true(taken >= 2 && taken <= 3);
        assert_int_equal(burble_queued(t.c), taken);
        assert_int_equal(burble_send(t.c, "<message/>", BURBLE_SEND_NOW, NULL), BURBLE_ERR_OFFLINE);
        assert_int_equal(burble_connect(t.c), 0);
        test_connect(&t, SM);
        test_receive(&t, TEST_BOUND ENABLED);
        /* Not acknowledged is not settled. */
        assert_int_equal(burble_send(t.c, "<message to='bob@x.org' id='0123456'/>", 0, NULL),
                         BURBLE_ERR_LIMIT);
        test_receive(&t, "<a" XMLNS " h='1'/>");
        assert_int_equal(seen.sent, 1);
        assert_int_equal(seen.ticket, tickets[0]);
        assert_int_equal(burble_send(t.c, "<message to='bob@x.org' id='0123456'/>", 0, NULL), 0);
        test_break(&t);
        burble_disconnect(t.c);
        test_pass(&t, 0);
        assert_int_equal(seen.sent + seen.failed, taken + 1);
        end();
    }
}

static void C07_a_hostile_server_cannot_fill_the_memory(void **state)
{
    (void)state;
    online(true);
    for (int i = 0; i < 25000; i++) { /* it asks, and does not acknowledge the answers */
        test_receive(&t, "<iq type='get' id='x' from='a@b.c'><q xmlns='q'/></iq>");
        buf_clear(&t.sent);
    }
    assert_true(burble_queued(t.c) <= 21000);
    assert_int_equal(seen.state, BURBLE_ONLINE);
    test_write(&t, "one");
    end();
}

static void what_the_connection_does_not_take_waits(void **state)
{
    static char body[100001];
    const void *data;
    struct burble_input tick = {.kind = BURBLE_IN_TIME};
    (void)state;
    memset(body, 'x', sizeof(body) - 1);
    for (int sm = 0; sm < 2; sm++) {
        online(sm == 1);
        for (int i = 0; i < 30; i++)
            assert_int_equal(burble_say(t.c, "b@x.org", body, NULL, NULL, NULL), 0);
        assert_true(burble_feed(t.c, &tick, t.now));
        assert_true(burble_output(t.c, &data, NULL) < 500000);
        assert_true(burble_output(t.c, &data, NULL) > 200000);
        /* Not told before the connection has taken it. */
        assert_int_equal(seen.sent, 0);
        burble_disconnect(t.c);
        assert_true(burble_feed(t.c, &tick, t.now));
        assert_int_equal(burble_state(t.c), BURBLE_LEAVING);
        test_pass(&t, 0);
        assert_true(buf_len(&t.sent) > 3000000);
        if (sm == 1)
            test_receive(&t, "<a" XMLNS " h='30'/>");
        assert_int_equal(seen.sent, 30);
        test_receive(&t, "</stream:stream>");
        assert_int_equal(seen.state, BURBLE_OFFLINE);
        end();
    }
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    (void)c;
    *(enum burble_iq_outcome *)arg = answer->outcome;
}

static void time_counts_from_the_call(void **state)
{
    enum burble_iq_outcome outcome = BURBLE_IQ_RESULT;
    (void)state;
    online(false);
    /* The loop slept for long when the program asks. */
    t.now.mono_ms += 50000;
    t.now.wall_ms += 50000;
    assert_int_equal(
        burble_get(t.c, "bob@example.org", "<q xmlns='q'/>", 30000, on_answer, &outcome, NULL), 0);
    assert_int_equal(burble_deadline(t.c), 0);
    test_pass(&t, 0);
    assert_int_equal(outcome, BURBLE_IQ_RESULT);
    test_pass(&t, 29999);
    assert_int_equal(outcome, BURBLE_IQ_RESULT);
    test_pass(&t, 1);
    assert_int_equal(outcome, BURBLE_IQ_TIMEOUT);
    end();
}

static void connect_in_callback(struct burble *c, const struct burble_iq *answer, void *arg)
{
    (void)answer, (void)arg;
    assert_int_equal(burble_connect(c), 0);
}

static void a_wish_and_a_retry_at_the_same_time(void **state)
{
    (void)state;
    online(true);
    assert_int_equal(burble_get(t.c, NULL, "<q xmlns='q'/>", 400, connect_in_callback, NULL, NULL),
                     0);
    test_break(&t);
    assert_int_equal(seen.state, BURBLE_WAITING);
    test_pass(&t, 3000); /* both are late */
    assert_int_equal(seen.state, BURBLE_RESOLVING);
    end();
}

static void nothing_is_called_from_inside_of_a_call(void **state)
{
    (void)state;
    begin(BURBLE_CONFIG(.flags = BURBLE_RAW_XML));
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, SM "<csi xmlns='urn:xmpp:csi:0'/>");
    test_receive(&t, TEST_BOUND ENABLED);
    size_t len = buf_len(&seen.log);
    unsigned xml = seen.xml;
    test_write(&t, "one");
    burble_set_active(t.c, false);
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_AWAY, NULL, 0, NULL), 0);
    assert_int_equal(seen.xml, xml);
    assert_int_equal(buf_len(&seen.log), len);
    test_expect(&t, "<inactive xmlns='urn:xmpp:csi:0'/>");
    assert_true(seen.xml >= xml + 3);
    end();
}

static void each_message_is_told_of_and_nothing_else(void **state)
{
    uint64_t ticket;
    (void)state;
    online(true);
    assert_int_equal(burble_send(t.c, "<message id='' to='b@x.org'/>", 0, &ticket), 0);
    assert_int_equal(burble_send_presence(t.c, "b@x.org", BURBLE_SUBSCRIBE, NULL), 0);
    (void)test_sent(&t);
    test_receive(&t, "<a" XMLNS " h='2'/>");
    assert_int_equal(seen.sent, 1);
    assert_int_equal(seen.ticket, ticket);
    assert_int_equal(burble_queued(t.c), 0);
    end();
}

static void who_is_not_driven_yet_is_refused(void **state)
{
    struct burble *c;
    (void)state;
    assert_int_equal(burble_new(&BURBLE_CONFIG(.jid = "me@example.org"), &c), 0);
    assert_int_equal(burble_connect(c), BURBLE_ERR_BUSY);
    assert_int_equal(burble_say(c, "b@x.org", "x", NULL, NULL, NULL), BURBLE_ERR_BUSY);
    assert_int_equal(burble_send(c, "<message/>", 0, NULL), BURBLE_ERR_BUSY);
    assert_int_equal(burble_set_presence(c, BURBLE_SHOW_AWAY, NULL, 0, NULL), 0);
    burble_disconnect(c);
    burble_suspend(c);
    burble_free(&c);
}

static void every_reason_has_a_sentence(void **state)
{
    (void)state;
    for (enum burble_why why = BURBLE_WHY_NONE; why <= BURBLE_WHY_BIND; why++) {
        const char *text = why_text(why);
        assert_int_equal(*text == '\0', why == BURBLE_WHY_NONE);
        assert_int_equal(burble_why_permanent(why),
                         why != BURBLE_WHY_NONE && why <= BURBLE_WHY_REGISTRATION);
        for (enum burble_why other = BURBLE_WHY_NONE; other < why; other++)
            assert_string_not_equal(text, why_text(other));
    }
    for (enum burble_state s = BURBLE_OFFLINE; s <= BURBLE_WAITING; s++)
        assert_string_not_equal(burble_state_text(s), "unknown");
    assert_string_equal(burble_state_text(BURBLE_WAITING + 1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaving_waits_for_acknowledgements_and_the_end),
        cmocka_unit_test(leaving_without_stream_management),
        cmocka_unit_test(leaving_takes_five_seconds_at_most),
        cmocka_unit_test(a_connection_that_breaks_while_leaving_is_left),
        cmocka_unit_test(leaving_in_every_state),
        cmocka_unit_test(suspending_in_every_state),
        cmocka_unit_test(who_is_not_online_yet_can_think_again),
        cmocka_unit_test(what_was_suspended_can_be_given_up),
        cmocka_unit_test(waits_grow_to_a_cap_and_begin_again),
        cmocka_unit_test(waits_differ_between_clients),
        cmocka_unit_test(connecting_while_waiting_is_now),
        cmocka_unit_test(stream_errors_say_what_comes_next),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_server_that_ends_the_stream_is_asked_to_resume),
        cmocka_unit_test(without_reconnect_a_lost_session_stays_lost),
        cmocka_unit_test(N01_silence_is_asked_about_and_is_the_end),
        cmocka_unit_test(anything_that_comes_is_a_sign_of_life),
        cmocka_unit_test(C07_nothing_is_lost_in_silence),
        cmocka_unit_test(C07_a_hostile_server_cannot_fill_the_memory),
        cmocka_unit_test(what_the_connection_does_not_take_waits),
        cmocka_unit_test(time_counts_from_the_call),
        cmocka_unit_test(a_wish_and_a_retry_at_the_same_time),
        cmocka_unit_test(nothing_is_called_from_inside_of_a_call),
        cmocka_unit_test(each_message_is_told_of_and_nothing_else),
        cmocka_unit_test(who_is_not_driven_yet_is_refused),
        cmocka_unit_test(every_reason_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
