/* In-band bytestreams in both directions, and what others send that is no stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "burble/ibb.h"
#include "client/test_client.h"

#define IBB "http://jabber.org/protocol/ibb"
#define BOB "bob@example.org/x"

struct heard {
    struct test_client *t;
    struct burble_ibb *s;
    unsigned opens, ends, offers, rooms;
    enum burble_ibb_end end;
    char text[64];
    struct buf data;
    size_t room;
    unsigned block_max;
    bool accept, free_in_data, free_in_end, free_client;
    int err;
};

static void on_open(struct burble_ibb *s, void *arg)
{
    (void)s;
    ((struct heard *)arg)->opens++;
}

static void on_data(struct burble_ibb *s, const void *data, size_t len, void *arg)
{
    struct heard *h = arg;
    (void)s;
    buf_append(&h->data, data, len);
    if (h->free_in_data)
        burble_ibb_free(&h->s);
    if (h->free_client)
        burble_free(&h->t->c);
}

static void on_room(struct burble_ibb *s, size_t room, void *arg)
{
    struct heard *h = arg;
    (void)s;
    h->rooms++;
    h->room = room;
}

static void on_end(struct burble_ibb *s, enum burble_ibb_end end, const char *text, void *arg)
{
    struct heard *h = arg;
    (void)s;
    h->ends++;
    h->end = end;
    snprintf(h->text, sizeof(h->text), "%s", text);
    if (h->free_in_end)
        burble_ibb_free(&h->s);
}

static const struct burble_ibb_handlers HANDLERS = {
    .size = sizeof(HANDLERS), .open = on_open, .data = on_data, .room = on_room, .end = on_end};

static void on_offer(struct burble *c, const struct burble_ibb_offer *o, void *arg)
{
    struct heard *h = arg;
    struct burble_ibb *second;
    h->offers++;
    if (h->accept)
        h->err = burble_ibb_accept(c, o, h->block_max, &HANDLERS, h, &h->s);
    if (h->accept && h->err == 0)
        assert_int_equal(burble_ibb_accept(c, o, 0, &HANDLERS, h, &second), BURBLE_ERR_BUSY);
}

static void online(struct test_client *t, struct heard *h)
{
    *h = (struct heard){.t = t};
    test_online(t, &BURBLE_CONFIG(.jid = NULL));
}

static void end(struct test_client *t, struct heard *h)
{
    test_end(t);
    buf_free(&h->data);
}

/* A stream that stands, opened by us with blocks of this size. */
static void open_stream(struct test_client *t, struct heard *h, unsigned block)
{
    char id[TEST_ID_BYTES];
    assert_int_equal(burble_ibb_open(t->c, BOB, "s1", block, &HANDLERS, h, &h->s), 0);
    assert_int_equal(burble_ibb_room(h->s), 0);
    assert_int_equal(burble_ibb_send(h->s, "x", 1), BURBLE_ERR_OFFLINE);
    test_request(t, "set", BOB, id);
    test_result(t, id, BOB, "");
    assert_int_equal(h->opens, 1);
    (void)test_sent(t);
}

static void blocks_go_out_and_the_end_behind_them(void **state)
{
    struct test_client t;
    struct heard h;
    char a[TEST_ID_BYTES], b[TEST_ID_BYTES];
    char bytes[200];
    (void)state;
    online(&t, &h);
    open_stream(&t, &h, 128);
    memset(bytes, 'a', sizeof(bytes));
    assert_int_equal(burble_ibb_room(h.s), 128 * BURBLE_IBB_WINDOW);
    assert_int_equal(burble_ibb_send(h.s, bytes, 200), 0);
    test_request(&t, "set", BOB, a);
    test_expect(&t, "<data xmlns='" IBB "' seq='0' sid='s1'>YWFh");
    test_request(&t, "set", BOB, b);
    test_expect(&t, "<data xmlns='" IBB "' seq='1' sid='s1'>YWFh");
    (void)test_sent(&t);
    burble_ibb_close(h.s);
    assert_int_equal(burble_ibb_send(h.s, "x", 1), BURBLE_ERR_OFFLINE);
    test_result(&t, a, BOB, "");
    test_expect_nothing(&t); /* not before everything has arrived */
    test_result(&t, b, BOB, "");
    test_request(&t, "set", BOB, a);
    test_expect(&t, "<close xmlns='" IBB "' sid='s1'/>");
    assert_int_equal(h.ends, 0);
    test_result(&t, a, BOB, "");
    assert_int_equal(h.ends, 1);
    assert_int_equal(h.end, BURBLE_IBB_CLOSED);
    burble_ibb_free(&h.s);
    test_expect(&t, "</iq>");
    test_expect_nothing(&t);
    end(&t, &h);
}

static void no_more_is_under_way_than_the_window(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    char bytes[128 * BURBLE_IBB_WINDOW + 1] = {0};
    (void)state;
    online(&t, &h);
    open_stream(&t, &h, 128);
    assert_int_equal(burble_ibb_send(h.s, bytes, sizeof(bytes)), BURBLE_ERR_LIMIT);
    assert_int_equal(burble_ibb_send(h.s, bytes, sizeof(bytes) - 1), 0);
    assert_int_equal(burble_ibb_room(h.s), 0);
    test_request(&t, "set", BOB, id);
    test_result(&t, id, BOB, "");
    assert_int_equal(h.rooms, 1);
    assert_int_equal(h.room, 128);
    assert_false(burble_ibb_is_settled(h.s));
    end(&t, &h);
    assert_int_equal(h.ends, 1);
    assert_int_equal(h.end, BURBLE_IBB_LOST);
}

static void numbers_begin_again_behind_the_last(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES], last[32];
    (void)state;
    online(&t, &h);
    open_stream(&t, &h, 128);
    for (unsigned i = 0; i < 65538; i++) {
        assert_int_equal(burble_ibb_send(h.s, "x", 1), 0);
        test_request(&t, "set", BOB, id);
        if (i >= 65535 || i < 2) {
            snprintf(last, sizeof(last), "seq='%u' sid", i & 65535);
            test_expect(&t, last);
        }
        test_result(&t, id, BOB, "");
    }
    assert_int_equal(h.ends, 0);
    for (unsigned i = 0; i < 65537; i++) {
        test_receivef(&t,
                      "<iq type='set' id='q' from='" BOB "'><data xmlns='" IBB
                      "' seq='%u' sid='s1'>eA==</data></iq>",
                      i & 65535);
        (void)test_sent(&t);
    }
    assert_int_equal(buf_len(&h.data), 65537);
    assert_int_equal(h.ends, 0);
    end(&t, &h);
}

static void smaller_blocks_are_agreed_on(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_ibb_open(t.c, BOB, NULL, 512, &HANDLERS, &h, &h.s), 0);
    test_request(&t, "set", BOB, id);
    test_expect(&t, "block-size='512'");
    test_refuse(&t, id, BOB, "resource-constraint");
    test_request(&t, "set", BOB, id);
    test_expect(&t, "block-size='256'");
    test_refuse(&t, id, BOB, "resource-constraint");
    test_request(&t, "set", BOB, id);
    test_expect(&t, "block-size='128'");
    assert_int_equal(h.ends, 0);
    test_refuse(&t, id, BOB, "resource-constraint");
    assert_int_equal(h.end, BURBLE_IBB_REFUSED);
    assert_int_equal(h.ends, 1);
    burble_ibb_free(&h.s);
    end(&t, &h);
}

static void a_block_that_is_refused_ends_it(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    open_stream(&t, &h, 128);
    assert_int_equal(burble_ibb_send(h.s, "x", 1), 0);
    test_request(&t, "set", BOB, id);
    test_refuse(&t, id, BOB, "item-not-found");
    test_expect(&t, "<close xmlns='" IBB "' sid='s1'/>");
    assert_int_equal(h.end, BURBLE_IBB_BROKEN);
    assert_string_equal(h.text, "item-not-found");
    end(&t, &h);
}

static void silence_ends_it(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    open_stream(&t, &h, 128);
    assert_int_equal(burble_ibb_send(h.s, "x", 1), 0);
    test_pass(&t, 60000);
    assert_int_equal(h.end, BURBLE_IBB_LOST);
    burble_ibb_free(&h.s);
    assert_int_equal(burble_ibb_await(t.c, BOB, "s2", 0, &HANDLERS, &h, &h.s), 0);
    for (int i = 0; i < 4; i++) {
        test_receive(&t, "<message/>");
        test_pass(&t, 29000);
    }
    assert_int_equal(h.ends, 1);
    test_receive(&t, "<message/>");
    test_pass(&t, 5000);
    assert_int_equal(h.ends, 2);
    end(&t, &h);
}

/* --------------------------------------------------------------------------------------- serving
 */

#define OPEN(block, sid) "<open xmlns='" IBB "' block-size='" block "' sid='" sid "' stanza='iq'/>"
#define DATA(seq, text)  "<data xmlns='" IBB "' seq='" seq "' sid='s1'>" text "</data>"
#define CLOSE            "<close xmlns='" IBB "' sid='s1'/>"

static void nobody_is_served_who_is_not_expected(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    test_set(&t, BOB, OPEN("4096", "s1"));
    test_expect(&t, "<service-unavailable ");
    assert_int_equal(burble_ibb_listen(t.c, on_offer, &h), 0);
    test_set(&t, BOB, OPEN("4096", "s1"));
    test_expect(&t, "<not-acceptable ");
    assert_int_equal(h.offers, 1);
    static const char *const BAD[] = {
        OPEN("0", "s1"),
        OPEN("65536", "s1"),
        OPEN("-1", "s1"),
        OPEN("9223372036854775808", "s1"),
        OPEN("", "s1"),
        OPEN("4096", ""),
        "<open xmlns='" IBB "'/>",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        test_set(&t, BOB, BAD[i]);
        test_expect(&t, "<bad-request ");
    }
    test_set(&t, BOB, "<open xmlns='" IBB "' block-size='4096' sid='s1' stanza='message'/>");
    test_expect(&t, "<not-acceptable ");
    test_set(&t, BOB, DATA("0", "eA=="));
    test_expect(&t, "<item-not-found ");
    test_set(&t, BOB, CLOSE);
    test_expect(&t, "<item-not-found ");
    assert_int_equal(h.offers, 1);
    h.accept = true;
    h.block_max = 1024;
    test_set(&t, BOB, OPEN("4096", "s1"));
    test_expect(&t, "<resource-constraint ");
    assert_int_equal(h.err, BURBLE_ERR_LIMIT);
    assert_int_equal(burble_ibb_listen(t.c, NULL, NULL), 0);
    test_set(&t, BOB, OPEN("1024", "s1"));
    test_expect(&t, "<service-unavailable ");
    end(&t, &h);
}

static void accept_stream(struct test_client *t, struct heard *h, const char *block)
{
    h->accept = true;
    assert_int_equal(burble_ibb_listen(t->c, on_offer, h), 0);
    (void)test_sent(t);
    test_receivef(t,
                  "<iq type='set' id='q' from='" BOB "'><open xmlns='" IBB
                  "' block-size='%s' sid='s1'/></iq>",
                  block);
    test_expect(t, "<iq type='result' id='q' to='" BOB "'>");
    assert_non_null(h->s);
}

static void blocks_come_in_order_and_both_ways(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    accept_stream(&t, &h, "128");
    test_set(&t, BOB, DATA("0", "YWJj"));
    test_expect(&t, "type='result'");
    test_set(&t, BOB, DATA("1", ""));
    test_expect(&t, "type='result'");
    test_set(&t, BOB, DATA("2", "ZA=="));
    test_expect(&t, "type='result'");
    assert_true(slice_is(buf_slice(&h.data), "abcd"));
    assert_int_equal(burble_ibb_send(h.s, "x", 1), 0);
    test_expect(&t, "<data xmlns='" IBB "' seq='0' sid='s1'>eA==</data>");
    test_set(&t, "bob@example.org/y", DATA("3", "eA=="));
    test_expect(&t, "<item-not-found ");
    test_set(&t, BOB, OPEN("128", "s1"));
    test_expect(&t, "<not-acceptable ");
    test_set(&t, BOB, CLOSE);
    test_expect(&t, "type='result'");
    assert_int_equal(h.ends, 1);
    assert_int_equal(h.end, BURBLE_IBB_BROKEN); /* a block of ours was under way */
    burble_ibb_free(&h.s);
    end(&t, &h);
}

static void lies_about_blocks_end_the_stream(void **state)
{
    static const struct {
        const char *data, *condition;
    } LIES[] = {
        {DATA("1", "eA=="), "<unexpected-request "},
        {DATA("65535", "eA=="), "<unexpected-request "},
        {DATA("65536", "eA=="), "<bad-request "},
        {DATA("-1", "eA=="), "<bad-request "},
        {DATA("", "eA=="), "<bad-request "},
        {"<data xmlns='" IBB "' sid='s1'>eA==</data>", "<bad-request "},
        {DATA("0", "e"), "<bad-request "},
        {DATA("0", "=AAA"), "<bad-request "},
        {DATA("0", "BBBB=CCC"), "<bad-request "},
        {DATA("0", "eA==\n"), "<bad-request "},
        {DATA("0", "eB=="), "<bad-request "},
        {DATA("0", "eA==<x/>"), "<bad-request "},
    };
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    for (size_t i = 0; i < sizeof(LIES) / sizeof(LIES[0]); i++) {
        accept_stream(&t, &h, "128");
        test_set(&t, BOB, LIES[i].data);
        test_expect(&t, LIES[i].condition);
        test_expect(&t, "<close xmlns='" IBB "' sid='s1'/>");
        assert_int_equal(h.ends, i + 1);
        assert_int_equal(h.end, BURBLE_IBB_BROKEN);
        assert_int_equal(buf_len(&h.data), 0);
        burble_ibb_free(&h.s);
    }
    accept_stream(&t, &h, "128");
    char bytes[129] = {0}, text[200] = {0};
    base64_encode(slice_of(bytes, sizeof(bytes)), text);
    (void)test_sent(&t);
    test_receivef(&t,
                  "<iq type='set' id='q' from='" BOB "'><data xmlns='" IBB
                  "' seq='0' sid='s1'>%s</data></iq>",
                  text);
    test_expect(&t, "<bad-request ");
    end(&t, &h);
}

static void what_is_awaited_is_accepted_once(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_ibb_await(t.c, "Bob@example.org/x", "s1", 1024, &HANDLERS, &h, &h.s),
                     0);
    struct burble_ibb *second;
    assert_int_equal(burble_ibb_await(t.c, BOB, "s1", 1024, &HANDLERS, &h, &second),
                     BURBLE_ERR_EXISTS);
    assert_null(second);
    test_set(&t, BOB, OPEN("2048", "s1"));
    test_expect(&t, "<resource-constraint ");
    test_set(&t, "mallory@example.org/x", OPEN("1024", "s1"));
    test_expect(&t, "<service-unavailable ");
    test_set(&t, BOB, OPEN("512", "s1"));
    test_expect(&t, "type='result'");
    assert_int_equal(h.opens, 1);
    assert_int_equal(burble_ibb_block(h.s), 512);
    end(&t, &h);
}

static void V16_streams_end_in_callbacks(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    accept_stream(&t, &h, "128");
    h.free_in_data = true;
    test_set(&t, BOB, DATA("0", "eA=="));
    assert_null(h.s);
    test_expect(&t, "<close xmlns='" IBB "' sid='s1'/>");
    h.free_in_data = false;
    h.free_in_end = true;
    accept_stream(&t, &h, "128");
    test_set(&t, BOB, CLOSE);
    assert_null(h.s);
    accept_stream(&t, &h, "128");
    h.free_client = true;
    test_set(&t, BOB, DATA("0", "eA=="));
    assert_null(t.c);
    end(&t, &h);
}

static void streams_have_a_limit(void **state)
{
    struct test_client t;
    struct heard h;
    struct burble_ibb *s;
    char sid[16];
    (void)state;
    online(&t, &h);
    for (int i = 0; i < BURBLE_IBB_STREAMS_MAX; i++) {
        snprintf(sid, sizeof(sid), "s%d", i);
        assert_int_equal(burble_ibb_await(t.c, BOB, sid, 0, &HANDLERS, &h, &s), 0);
    }
    assert_int_equal(burble_ibb_await(t.c, BOB, "more", 0, &HANDLERS, &h, &s), BURBLE_ERR_LIMIT);
    assert_int_equal(burble_ibb_await(t.c, "@", "s", 0, &HANDLERS, &h, &s), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_ibb_await(t.c, BOB, "", 0, &HANDLERS, &h, &s), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_ibb_await(t.c, BOB, "s", 65536, &HANDLERS, &h, &s), BURBLE_ERR_SYNTAX);
    test_break(&t);
    assert_int_equal(h.ends, BURBLE_IBB_STREAMS_MAX);
    assert_int_equal(h.end, BURBLE_IBB_LOST);
    end(&t, &h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_go_out_and_the_end_behind_them),
        cmocka_unit_test(no_more_is_under_way_than_the_window),
        cmocka_unit_test(numbers_begin_again_behind_the_last),
        cmocka_unit_test(smaller_blocks_are_agreed_on),
        cmocka_unit_test(a_block_that_is_refused_ends_it),
        cmocka_unit_test(silence_ends_it),
        cmocka_unit_test(nobody_is_served_who_is_not_expected),
        cmocka_unit_test(blocks_come_in_order_and_both_ways),
        cmocka_unit_test(lies_about_blocks_end_the_stream),
        cmocka_unit_test(what_is_awaited_is_accepted_once),
        cmocka_unit_test(V16_streams_end_in_callbacks),
        cmocka_unit_test(streams_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
