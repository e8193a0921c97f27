/* What a message costs in the library: pieces of memory, calls, bytes that leave, effects. A
 * message is received, answered in the callback, and the answer acknowledged.
 *
 *   client_cost_test        the test
 *   client_cost_test 300    prints the time that it takes, the best of so many milliseconds
 *
 * The link replaces malloc and its kin (--wrap): what OpenSSL allocates is not counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/test_memory.h"
#include "burble/message.h"
#include "client/client.h"
#include "client/test_client.h"
#include "xml/parser.h"

#define SM "<sm xmlns='urn:xmpp:sm:3'/>"
/* As burbled sends it. */
static const char MESSAGE[] =
    "<message from='bob@example.org/w7ut42kc' to='me@example.org/here' type='chat' "
    "id='ouhbeoqoxiirlvb35zihrnhx' xml:lang='en'><body>It was the nightingale, and not the lark, "
    "that pierced the fearful hollow of thine ear; nightly she sings</body>"
    "<origin-id xmlns='urn:xmpp:sid:0' id='ouhbeoqoxiirlvb35zihrnhx'/>"
    "<stanza-id xmlns='urn:xmpp:sid:0' id='1754812345678901' by='me@example.org'/></message>"
    "<r xmlns='urn:xmpp:sm:3'/>";

static struct talk {
    struct test_client t;
    bool managed; /* by XEP-0198 */
    unsigned messages, settled, effects, outputs;
    uint32_t acked;
    size_t written;
    long allocations;
} talk;

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    static const struct burble_message_options CHAT = {.type = BURBLE_CHAT};
    struct talk *k = arg;
    if (e->kind == BURBLE_EVENT_MESSAGE) {
        k->messages++;
        CHECK(burble_say(c, e->message->from, e->message->body, &CHAT, NULL, NULL) == 0);
    } else if (e->kind == BURBLE_EVENT_SENT) {
        k->settled++;
    }
}

/* What a loop does after each call. */
static void serve(struct talk *k)
{
    struct burble_effect e;
    const void *data;
    size_t len;
    while (burble_next(k->t.c, &e))
        k->effects++;
    while ((len = burble_output(k->t.c, &data, NULL)) > 0) {
        k->outputs++;
        k->written += len;
        burble_wrote(k->t.c, len);
    }
}

static void feed(struct talk *k, const char *bytes, size_t len)
{
    (void)burble_feed(
        k->t.c,
        &(struct burble_input){.kind = BURBLE_IN_BYTES, .id = k->t.conn, .data = bytes, .len = len},
        k->t.now);
    serve(k);
}

static void exchange(struct talk *k)
{
    char ack[64];
    feed(k, MESSAGE, sizeof(MESSAGE) - 1);
    if (k->managed) {
        int n = snprintf(ack, sizeof(ack), "<a xmlns='urn:xmpp:sm:3' h='%u'/>", ++k->acked);
        feed(k, ack, (size_t)n);
    } else {
        (void)burble_feed(k->t.c, &(struct burble_input){.kind = BURBLE_IN_TIME}, k->t.now);
        serve(k);
    }
}

static void begin(struct talk *k, bool managed)
{
    *k = (struct talk){.managed = managed};
    test_online_with(&k->t,
                     &BURBLE_CONFIG(.on_event = on_event, .arg = k, .flags = BURBLE_NO_CARBONS),
                     managed ? SM : "");
    if (managed)
        test_receive(&k->t, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>");
    (void)test_sent(&k->t);
    for (int i = 0; i < 4; i++) /* until buffers have their size */
        exchange(k);
}

/* One exchange of those that are alike. */
static void count(struct talk *k, bool managed)
{
    begin(k, managed);
    k->messages = k->settled = k->effects = k->outputs = 0;
    k->written = 0;
    test_memory = (struct test_memory){.armed = true, .left = 1000000};
    exchange(k);
    k->allocations = 1000000 - test_memory.left;
    test_memory.armed = false;
}

static void a_message_and_its_answer_are_cheap(void **state)
{
    (void)state;
    for (int managed = 0; managed < 2; managed++) {
        count(&talk, managed != 0);
        print_message("%s stream management: %ld allocations, %u writes of %zu bytes\n",
                      managed ? "with" : "without", talk.allocations, talk.outputs, talk.written);
        assert_int_equal(talk.messages, 1);
        assert_int_equal(talk.settled, 1);
        assert_int_equal(talk.effects, 0);
        assert_int_equal(talk.outputs, 1); /* the answer leaves with <a/> and <r/> */
        assert_true(talk.allocations <= (managed ? 9 : 6));
        test_end(&talk.t);
    }
}

static void who_waits_holds_nothing_of_what_was_said(void **state)
{
    (void)state;
    begin(&talk, true);
    struct burble *c = talk.t.c;
    size_t held = xml_parser_memory(c->link.parser);
    exchange(&talk);
    assert_null(c->view.strings.head);
    assert_null(c->work.ptr);
    assert_null(c->link.out.ptr);
    assert_null(c->link.net.ptr);
    assert_int_equal(xml_parser_memory(c->link.parser), held);
    assert_int_equal(burble_queued(c), 0);
    /* Nothing is due but the question whether the server is still there. */
    assert_ptr_equal(c->timers.next, &c->alive_timer.link);
    assert_ptr_equal(c->timers.prev, &c->alive_timer.link);
    test_end(&talk.t);
}

static void what_is_said_in_one_turn_leaves_at_once_and_together(void **state)
{
    enum { MESSAGES = 10 };
    (void)state;
    begin(&talk, true);
    talk.outputs = 0;
    for (int i = 0; i < MESSAGES; i++)
        assert_int_equal(burble_say(talk.t.c, "bob@example.org", "x", NULL, NULL, NULL), 0);
    (void)burble_feed(talk.t.c, &(struct burble_input){.kind = BURBLE_IN_TIME}, talk.t.now);
    serve(&talk);
    assert_int_equal(talk.outputs, 1);
    assert_int_equal(outbox_unacked(talk.t.c), MESSAGES);
    test_end(&talk.t);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may use the machine, too */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void measure(bool managed, int64_t budget_ns)
{
    enum { TURNS = 100 };
    int64_t best = INT64_MAX, began = now_ns();
    begin(&talk, managed);
    do {
        int64_t start = now_ns();
        for (int i = 0; i < TURNS; i++)
            exchange(&talk);
        int64_t took = (now_ns() - start) / TURNS;
        best = took < best ? took : best;
    } while (now_ns() - began < budget_ns);
    printf("%-26s %6lld ns for a message and its answer\n",
           managed ? "with stream management" : "without stream management", (long long)best);
    test_end(&talk.t);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(a_message_and_its_answer_are_cheap),
        cmocka_unit_test(who_waits_holds_nothing_of_what_was_said),
        cmocka_unit_test(what_is_said_in_one_turn_leaves_at_once_and_together),
    };
    if (argc < 2)
        return cmocka_run_group_tests(TESTS, NULL, NULL);
    int64_t budget_ns = strtol(argv[1], NULL, 10) * 1000000LL;
    measure(true, budget_ns);
    measure(false, budget_ns);
    return 0;
}
