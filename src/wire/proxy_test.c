/* Proxies as wires: what is asked, every answer at every split, and what is no answer at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "wire/proxy.h"

static const struct now now = {.mono_ms = 1000};

typedef int new_fn(const struct proxy_target *target, struct wire **out);

/* A wire with what it has written to both sides. */
struct tunnel {
    struct wire *w;
    struct buf up, down;
};

static struct tunnel tunnel_new(new_fn *make, struct proxy_target target)
{
    struct tunnel t = {0};
    assert_int_equal(make(&target, &t.w), 0);
    assert_int_equal(t.w->ops->state(t.w), WIRE_OPENING);
    assert_int_equal(t.w->ops->feed(t.w, SLICE_NONE, &t.up, &t.down, now), WIRE_OPENING);
    return t;
}

static enum wire_state feed(struct tunnel *t, struct slice in)
{
    enum wire_state state = t->w->ops->feed(t->w, in, &t->up, &t->down, now);
    assert_int_equal(state, t->w->ops->state(t->w));
    return state;
}

static void tunnel_free(struct tunnel *t)
{
    wire_free(&t->w);
    buf_free(&t->up);
    buf_free(&t->down);
}

static void assert_down(struct tunnel *t, struct slice expected)
{
    assert_int_equal(buf_len(&t->down), expected.len);
    assert_memory_equal(buf_slice(&t->down).ptr, expected.ptr, expected.len);
    buf_clear(&t->down);
}

static const struct proxy_target PLAIN = {.host = {"one.example", 11}, .port = 5222};
static const struct proxy_target LOGIN = {
    .host = {"one.example", 11}, .port = 443, .user = {"alice", 5}, .password = {"se:cret", 7}};

/* Ends the way it should for the whole answer, cut once at every byte, and byte by byte. */
static void at_every_split(new_fn *make, const struct proxy_target *target, struct slice answer,
                           const char *reason, struct slice up)
{
    for (size_t cut = 0; cut <= answer.len + 1; cut++) {
        struct tunnel t = tunnel_new(make, *target);
        if (cut <= answer.len) {
            feed(&t, slice_of(answer.ptr, cut));
            feed(&t, slice_from(answer, cut));
        } else {
            for (size_t i = 0; i < answer.len; i++)
                feed(&t, slice_of(answer.ptr + i, 1));
        }
        assert_string_equal(t.w->ops->reason(t.w), reason);
        assert_int_equal(t.w->ops->state(t.w), reason[0] == '\0' ? WIRE_OPEN : WIRE_FAILED);
        assert_int_equal(buf_len(&t.up), up.len);
        assert_memory_equal(up.len > 0 ? buf_slice(&t.up).ptr : "", up.len > 0 ? up.ptr : "",
                            up.len);
        assert_in_range(strlen(proxy_text(t.w)), 10, 127);
        tunnel_free(&t);
    }
}

static void socks_asks_for_a_name_an_address_and_with_a_password(void **state)
{
    (void)state;
    struct tunnel t = tunnel_new(socks5_new, PLAIN);
    assert_down(&t, SLICE("\x05\x01\x00"));
    feed(&t, SLICE("\x05\x00"));
    assert_down(&t, SLICE("\x05\x01\x00\x03\x0bone.example\x14\x66"));
    feed(&t, SLICE("\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38hello"));
    assert_int_equal(t.w->ops->state(t.w), WIRE_OPEN);
    assert_true(slice_is(buf_slice(&t.up), "hello"));
    /* From here on it changes nothing. */
    buf_clear(&t.up);
    feed(&t, SLICE("\x05\x01 world"));
    assert_true(slice_is(buf_slice(&t.up), "\x05\x01 world"));
    assert_int_equal(t.w->ops->send(t.w, SLICE("\0answer"), &t.down), 0);
    assert_down(&t, SLICE("\0answer"));
    t.w->ops->end(t.w, &t.down);
    assert_int_equal(buf_len(&t.down), 0);
    tunnel_free(&t);

    t = tunnel_new(socks5_new, LOGIN);
    assert_down(&t, SLICE("\x05\x02\x00\x02"));
    feed(&t, SLICE("\x05\x02"));
    assert_down(&t, SLICE("\x01\x05"
                          "alice\x07se:cret"));
    assert_int_equal(t.w->ops->send(t.w, SLICE("early"), &t.down), ERR_CLOSED);
    feed(&t, SLICE("\x01\x00"));
    assert_down(&t, SLICE("\x05\x01\x00\x03\x0bone.example\x01\xbb"));
    tunnel_free(&t);
    t = tunnel_new(socks5_new, LOGIN); /* the password is not told to one that does not ask */
    buf_clear(&t.down);
    feed(&t, SLICE("\x05\x00"));
    assert_down(&t, SLICE("\x05\x01\x00\x03\x0bone.example\x01\xbb"));
    tunnel_free(&t);

    t = tunnel_new(socks5_new, (struct proxy_target){.host = SLICE("192.0.2.7"), .port = 5223});
    buf_clear(&t.down);
    feed(&t, SLICE("\x05\x00"));
    assert_down(&t, SLICE("\x05\x01\x00\x01\xc0\x00\x02\x07\x14\x67"));
    tunnel_free(&t);
    for (int i = 0; i < 2; i++) {
        t = tunnel_new(socks5_new,
                       (struct proxy_target){
                           .host = i ? SLICE("2001:db8::7") : SLICE("[2001:db8::7]"), .port = 1});
        buf_clear(&t.down);
        feed(&t, SLICE("\x05\x00"));
        assert_down(&t, SLICE("\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00"
                              "\x00\x00\x00\x07\x00\x01"));
        tunnel_free(&t);
    }
}

static void socks_answers_are_taken_at_every_split(void **state)
{
    (void)state;
    static const struct {
        struct slice answer;
        const char *reason;
        struct slice up;
    } table[] = {
        {{"\x05\x00\x05\x00\x00\x01\x01\x02\x03\x04\x05\x06\x05\x00", 14}, "", {"\x05\x00", 2}},
        {{"\x05\x00\x05\x00\x00\x03\x01x\x05\x06", 10}, "", {NULL, 0}},
        {{"\x05\x00\x05\x00\x00\x03\x00\x05\x06z", 10}, "", {"z", 1}},
        {{"\x05\x00\x05\x00\x00\x04"
          "0123456789abcdef"
          "\x05\x06<stream>",
          32},
         "",
         {"<stream>", 8}},
        {{"\x05\x00\x05\x01\x00\x01\0\0\0\0\0\0", 12}, "proxy_general_failure", {NULL, 0}},
        {{"\x05\x00\x05\x02\x00\x01\0\0\0\0\0\0", 12}, "proxy_not_allowed", {NULL, 0}},
        {{"\x05\x00\x05\x03\x00\x01\0\0\0\0\0\0", 12}, "proxy_network_unreachable", {NULL, 0}},
        {{"\x05\x00\x05\x04\x00\x01\0\0\0\0\0\0", 12}, "proxy_host_unreachable", {NULL, 0}},
        {{"\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0", 12}, "proxy_connection_refused", {NULL, 0}},
        {{"\x05\x00\x05\x06\x00\x01\0\0\0\0\0\0", 12}, "proxy_ttl_expired", {NULL, 0}},
        {{"\x05\x00\x05\x07\x00\x01\0\0\0\0\0\0", 12}, "proxy_command", {NULL, 0}},
        {{"\x05\x00\x05\x08", 4}, "proxy_address_type", {NULL, 0}},
        {{"\x05\x00\x05\x09", 4}, "proxy_unknown_reply", {NULL, 0}},
        {{"\x05\x00\x05\xff", 4}, "proxy_unknown_reply", {NULL, 0}},
        {{"\x05\x00\x04\x00", 4}, "proxy_not_socks5", {NULL, 0}},
        {{"\x05\x00\x05\x00\x01\x01", 6}, "proxy_not_socks5", {NULL, 0}},
        {{"\x05\x00\x05\x00\x00\x02zzzzzzzz", 14}, "proxy_not_socks5", {NULL, 0}},
        {{"\x05\x02", 2}, "proxy_not_socks5", {NULL, 0}}, /* not offered */
        {{"\x05\x01", 2}, "proxy_not_socks5", {NULL, 0}},
        {{"\x05\xff", 2}, "proxy_no_method", {NULL, 0}},
        {{"\x04\x00", 2}, "proxy_not_socks5", {NULL, 0}},
        {{"HTTP/1.1 400 Bad Request\r\n\r\n", 28}, "proxy_not_socks5", {NULL, 0}},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        at_every_split(socks5_new, &PLAIN, table[i].answer, table[i].reason, table[i].up);
    at_every_split(socks5_new, &LOGIN,
                   SLICE("\x05\x02\x01\x00\x05\x00\x00\x01\x01\x02\x03\x04\x05\x06up"), "",
                   SLICE("up"));
    at_every_split(socks5_new, &LOGIN, SLICE("\x05\x02\x01\x01"), "proxy_login", SLICE_NONE);
    at_every_split(socks5_new, &LOGIN, SLICE("\x05\x02\x05\x00"), "proxy_not_socks5", SLICE_NONE);
    at_every_split(socks5_new, &LOGIN, SLICE("\x05\xff"), "proxy_no_method", SLICE_NONE);
}

static void the_request_of_http_is_whole_and_has_nothing_in_it_that_was_not_asked_for(void **state)
{
    (void)state;
    struct tunnel t = tunnel_new(http_connect_new, PLAIN);
    assert_down(&t, SLICE("CONNECT one.example:5222 HTTP/1.1\r\nHost: one.example:5222\r\n\r\n"));
    tunnel_free(&t);
    t = tunnel_new(http_connect_new, LOGIN);
    assert_down(&t, SLICE("CONNECT one.example:443 HTTP/1.1\r\nHost: one.example:443\r\n"
                          "Proxy-Authorization: Basic YWxpY2U6c2U6Y3JldA==\r\n\r\n"));
    tunnel_free(&t);
    t = tunnel_new(http_connect_new,
                   (struct proxy_target){.host = SLICE("2001:db8::7"), .port = 65535});
    assert_down(&t, SLICE("CONNECT [2001:db8::7]:65535 HTTP/1.1\r\n"
                          "Host: [2001:db8::7]:65535\r\n\r\n"));
    tunnel_free(&t);
}

static void http_answers_are_taken_at_every_split(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *reason, *up;
    } table[] = {
        {"HTTP/1.1 200 Connection established\r\n\r\n", "", ""},
        {"HTTP/1.0 200 OK\r\nVia: x\r\nContent-Length: 5\r\n\r\n<stream>", "", "<stream>"},
        {"HTTP/1.1 200\r\n\r\n\r\n", "", "\r\n"},
        {"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0", "", "0"},
        {"HTTP/1.1 299 Gr\xc3\xbc\xc3\x9f\r\n\r\n", "", ""},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 X\r\nA: b\r\n\r\nHTTP/1.1 204 No\r\n\r\nz", "",
         "z"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n", "proxy_not_allowed", ""},
        {"HTTP/1.1 101 Switching\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1 301 Moved\r\nLocation: http://x/\r\n\r\n", "proxy_refused", ""},
        {"HTTP/1.1 400 Bad\r\n\r\nbody", "proxy_status_400", ""},
        {"HTTP/1.1 404 Not Found\r\n\r\n", "proxy_status_404", ""},
        {"HTTP/1.1 405 X\r\n\r\n", "proxy_command", ""},
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy_login", ""},
        {"HTTP/1.1 500 X\r\n\r\n", "proxy_status_500", ""},
        {"HTTP/1.1 502 X\r\n\r\n", "proxy_host_unreachable", ""},
        {"HTTP/1.1 503 X\r\n\r\n", "proxy_status_503", ""},
        {"HTTP/1.1 504 X\r\n\r\n", "proxy_timeout", ""},
        {"HTTP/1.1 999 X\r\n\r\n", "proxy_refused", ""},
        {"HTTP/1.1 099 X\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1 20 X\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1 2000 X\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1 -20 X\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1  200 X\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.x 200 X\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/2 200\r\n\r\n", "proxy_not_http", ""},
        {"http/1.1 200 OK\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1 200 O\x1b[1mK\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1 200 OK\n\n", "proxy_not_http", ""},
        {"HTTP/1.1 200 OK\rX\r\n\r\n", "proxy_not_http", ""},
        {"HTTP/1.1 200 OK\r\nA: b\n\r\n", "proxy_not_http", ""},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", "proxy_not_http", ""},
        {"SSH-2.0-OpenSSH\r\n", "proxy_not_http", ""},
        {"\x05\x01", "proxy_not_http", ""},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        at_every_split(http_connect_new, i % 2 ? &PLAIN : &LOGIN, slice_z(table[i].answer),
                       table[i].reason, slice_z(table[i].up));
    at_every_split(http_connect_new, &PLAIN, SLICE("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"),
                   "proxy_not_http", SLICE_NONE);
}

static void the_status_is_told(void **state)
{
    (void)state;
    char line[64];
    for (int status = 300; status < 1000; status++) {
        struct tunnel t = tunnel_new(http_connect_new, PLAIN);
        (void)snprintf(line, sizeof(line), "HTTP/1.1 %d \r\n", status);
        assert_int_equal(feed(&t, slice_z(line)), WIRE_FAILED);
        (void)snprintf(line, sizeof(line), "the HTTP proxy answers %d: ", status);
        assert_memory_equal(proxy_text(t.w), line, strlen(line));
        tunnel_free(&t);
    }
}

static void a_header_without_end_is_cut_off(void **state)
{
    (void)state;
    static const struct slice endless[] = {
        {"x", 1}, {"A: b\r\n", 6}, {"\r\nHTTP/1.1 100 X\r\n", 18}};
    static const char *const begin[] = {"HTTP/1.1 200 ", "HTTP/1.1 200 X\r\n",
                                        "HTTP/1.1 100 X\r\n"};
    for (size_t i = 0; i < 3; i++) {
        struct tunnel t = tunnel_new(http_connect_new, PLAIN);
        size_t fed = strlen(begin[i]);
        feed(&t, slice_z(begin[i]));
        while (feed(&t, endless[i]) == WIRE_OPENING)
            fed += endless[i].len;
        assert_in_range(fed, PROXY_HEADER_MAX - 18, PROXY_HEADER_MAX);
        assert_string_equal(t.w->ops->reason(t.w), "proxy_header_too_long");
        tunnel_free(&t);
    }
    /* The longest one is taken. */
    struct tunnel t = tunnel_new(http_connect_new, PLAIN);
    feed(&t, SLICE("HTTP/1.1 200 X\r\n"));
    for (size_t i = 16; i < PROXY_HEADER_MAX - 4; i++)
        feed(&t, SLICE("x"));
    assert_int_equal(feed(&t, SLICE("\r\n\r\nup")), WIRE_OPEN);
    assert_true(slice_is(buf_slice(&t.up), "up"));
    tunnel_free(&t);
}

static void V31_a_failed_proxy_gets_nothing_more(void **state)
{
    (void)state;
    static new_fn *const kinds[] = {socks5_new, http_connect_new};
    for (int i = 0; i < 2; i++) {
        struct tunnel t = tunnel_new(kinds[i], LOGIN);
        buf_clear(&t.down);
        feed(&t, SLICE("junk"));
        assert_int_equal(feed(&t, SLICE("\x05\x02HTTP/1.1 200 OK\r\n\r\n")), WIRE_FAILED);
        assert_int_equal(t.w->ops->send(t.w, SLICE("secret"), &t.down), ERR_CLOSED);
        t.w->ops->end(t.w, &t.down);
        assert_int_equal(buf_len(&t.down), 0);
        assert_int_equal(buf_len(&t.up), 0);
        tunnel_free(&t);
    }
}

static void targets_that_cannot_be_asked_for_are_refused(void **state)
{
    (void)state;
    static char lengthy[PROXY_TEXT_MAX + 1];
    memset(lengthy, 'a', sizeof(lengthy));
    const struct slice most = slice_of(lengthy, PROXY_TEXT_MAX);
    const struct slice too_long = slice_of(lengthy, PROXY_TEXT_MAX + 1);
    const struct {
        struct proxy_target target;
        int socks, http;
    } table[] = {
        {{.host = SLICE_NONE, .port = 1}, ERR_SYNTAX, ERR_SYNTAX},
        {{.host = SLICE("a"), .port = 0}, ERR_SYNTAX, ERR_SYNTAX},
        {{.host = SLICE("a b"), .port = 1}, ERR_SYNTAX, ERR_SYNTAX},
        {{.host = SLICE("a\r\nX: y"), .port = 1}, ERR_SYNTAX, ERR_SYNTAX},
        {{.host = SLICE("a\0b"), .port = 1}, ERR_SYNTAX, ERR_SYNTAX},
        {{.host = SLICE("\xc3\xbc.example"), .port = 1}, ERR_SYNTAX, ERR_SYNTAX},
        {{.host = SLICE("a@b"), .port = 1}, ERR_SYNTAX, ERR_SYNTAX},
        {{.host = most, .port = 1}, 0, 0},
        {{.host = too_long, .port = 1}, ERR_LIMIT, ERR_LIMIT},
        {{.host = most, .port = 1, .user = most, .password = most}, 0, 0},
        {{.host = most, .port = 1, .user = too_long, .password = most}, ERR_LIMIT, ERR_LIMIT},
        {{.host = most, .port = 1, .user = most, .password = too_long}, ERR_LIMIT, ERR_LIMIT},
        {{.host = SLICE("a"), .port = 1, .user = SLICE("u")}, ERR_SYNTAX, 0},
        {{.host = SLICE("a"), .port = 1, .user = SLICE("a:b"), .password = SLICE("c")},
         0,
         ERR_SYNTAX},
        {{.host = SLICE("a"), .port = 1, .user = SLICE("a\n"), .password = SLICE("c")},
         0,
         ERR_SYNTAX},
        {{.host = SLICE("a"), .port = 1, .user = SLICE("a"), .password = SLICE("c\r")},
         0,
         ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct wire *w;
        assert_int_equal(socks5_new(&table[i].target, &w), table[i].socks);
        assert_int_equal(w != NULL, table[i].socks == 0);
        wire_free(&w);
        assert_int_equal(http_connect_new(&table[i].target, &w), table[i].http);
        assert_int_equal(w != NULL, table[i].http == 0);
        wire_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socks_asks_for_a_name_an_address_and_with_a_password),
        cmocka_unit_test(socks_answers_are_taken_at_every_split),
        cmocka_unit_test(the_request_of_http_is_whole_and_has_nothing_in_it_that_was_not_asked_for),
        cmocka_unit_test(http_answers_are_taken_at_every_split),
        cmocka_unit_test(the_status_is_told),
        cmocka_unit_test(a_header_without_end_is_cut_off),
        cmocka_unit_test(V31_a_failed_proxy_gets_nothing_more),
        cmocka_unit_test(targets_that_cannot_be_asked_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
