/* Tests of the control socket's lines, with jansson as the oracle of what JSON is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"

static char held[CONTROL_REQUEST_BYTES_MAX + 16];

static int parse_len(const char *text, size_t len, struct control_request *out)
{
    assert_true(len <= sizeof(held));
    memcpy(held, text, len);
    return control_request_parse(held, len, out);
}

static int parse(const char *text, struct control_request *out)
{
    return parse_len(text, strlen(text), out);
}

#define assert_slice(s, z) assert_true(slice_eq((s), slice_z(z)))

static void a_request_is_read_in_place(void **state)
{
    (void)state;
    struct control_request r;
    assert_int_equal(parse("{\"command\":\"account add\",\"args\":{\"jid\":\"alice@localhost\","
                           "\"note_text\":\"\"},\"password\":\"p \\\"\\\\\\/\\b\\f\\n\\r\\t"
                           "\\u00e4\\uD83D\\ude00\"}",
                           &r),
                     0);
    assert_null(r.problem);
    assert_slice(r.command, "account add");
    assert_int_equal(r.arg_count, 2);
    assert_slice(control_request_arg(&r, "jid"), "alice@localhost");
    assert_int_equal(control_request_arg(&r, "note_text").len, 0);
    assert_non_null(control_request_arg(&r, "note_text").ptr);
    assert_null(control_request_arg(&r, "other").ptr);
    assert_slice(r.password, "p \"\\/\b\f\n\r\t\xc3\xa4\xf0\x9f\x98\x80");
    assert_true(r.password.ptr > held && r.password.ptr < held + sizeof(held));
    assert_int_equal(parse(" { \"args\" : { } , \"command\" : \"stats\" } \r", &r), 0);
    assert_int_equal(r.arg_count, 0);
    assert_null(r.password.ptr);
}

static void what_is_no_request_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        " ",
        "{",
        "{}",
        "[]",
        "null",
        "\"stats\"",
        "{\"command\"}",
        "{\"command\":}",
        "{\"command\":1}",
        "{\"command\":null}",
        "{\"command\":[\"stats\"]}",
        "{\"command\":\"\"}",
        "{\"command\":\"stats\"",
        "{\"command\":\"stats\",}",
        "{\"command\":\"stats\"}}",
        "{\"command\":\"stats\"} x",
        "{\"command\":\"stats\",\"command\":\"stats\"}",
        "{\"command\":\"Stats\"}",
        "{\"command\":\" stats\"}",
        "{\"command\":\"a  b\"}",
        "{\"command\":\"a b \"}",
        "{\"command\":\"stats\",\"more\":\"x\"}",
        "{\"command\":\"stats\",\"args\":[]}",
        "{\"command\":\"stats\",\"args\":\"x\"}",
        "{\"command\":\"stats\",\"args\":{\"a\":1}}",
        "{\"command\":\"stats\",\"args\":{\"a\":{}}}",
        "{\"command\":\"stats\",\"args\":{\"a\":true}}",
        "{\"command\":\"stats\",\"args\":{\"a\"}}",
        "{\"command\":\"stats\",\"args\":{\"A\":\"x\"}}",
        "{\"command\":\"s\",\"args\":{\"\":\"\"}}",
        "{\"command\":\"stats\",\"args\":{\"a\":\"x\",\"a\":\"y\"}}",
        "{\"command\":\"stats\",\"args\":{\"a\":\"x\"},\"args\":{}}",
        "{\"command\":\"stats\",\"args\":{},\"args\":{}}",
        "{\"command\":\"stats\",\"password\":\"a\",\"password\":\"b\"}",
        "{\"command\":\"s\\u0000\"}",
        "{\"command\":\"s\\x\"}",
        "{\"command\":\"s\\u12\"}",
        "{\"command\":\"s\\ud800\"}",
        "{\"command\":\"s\\udc00\\ud800\"}",
        "{\"command\":\"s",
        "{\"command\":\"s\\",
        "{\"command\":\"s\\ud800\\u0041\"}",
        "{\"command\":\"s\n\"}",
        "{\"command\":\"s\",\"password\":\"\xff\"}",
        "{\"command\":\"s\",\"password\":\"\xc3\"}",
        "{'command':'s'}",
        "{command:\"s\"}",
        "/**/{\"command\":\"s\"}",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct control_request r;
        if (parse(BAD[i], &r) != ERR_SYNTAX)
            fail_msg("accepted: %s", BAD[i]);
        assert_non_null(r.problem);
        assert_null(r.command.ptr);
        assert_int_equal(r.arg_count, 0);
    }
    struct control_request r;
    assert_int_equal(parse_len("{\"command\":\"s\"}\0", 16, &r), ERR_SYNTAX);
    assert_int_equal(parse_len("{\"command\":\"s\0\"}", 16, &r), ERR_SYNTAX);
}

/* A request with n arguments of len bytes each. */
static struct buf request_of(size_t n, size_t len)
{
    static char value[CONTROL_REQUEST_BYTES_MAX];
    struct buf b = {0};
    memset(value, 'v', len);
    buf_lit(&b, "{\"command\":\"s\",\"args\":{");
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s\"a%c\":\"%.*s\"", i > 0 ? "," : "", (char)('a' + i), (int)len, value);
    buf_lit(&b, "}}");
    return b;
}

static void limits_hold_to_the_byte(void **state)
{
    (void)state;
    static const struct {
        size_t n, len;
        int result;
    } CASES[] = {{16, 900, 0}, {17, 1, ERR_LIMIT}, {1, 1024, 0}, {1, 1025, ERR_LIMIT}};
    struct control_request r;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buf b = request_of(CASES[i].n, CASES[i].len);
        assert_int_equal(parse_len(b.ptr, buf_len(&b), &r), CASES[i].result);
        buf_free(&b);
    }
    static char line[CONTROL_REQUEST_BYTES_MAX + 1];
    memset(line, ' ', sizeof(line));
    memcpy(line, "{\"command\":\"s\"", 14);
    line[CONTROL_REQUEST_BYTES_MAX - 2] = '}';
    assert_int_equal(parse_len(line, CONTROL_REQUEST_BYTES_MAX - 1, &r), 0);
    assert_int_equal(parse_len(line, CONTROL_REQUEST_BYTES_MAX, &r), ERR_LIMIT);
    assert_string_equal(r.problem, "the request is too long");
}

static void what_is_encoded_is_parsed_back(void **state)
{
    (void)state;
    struct buf b = {0};
    struct control_request r;
    struct control_arg args[] = {{SLICE("jid"), SLICE("\xc3\xbc\"\\\n\x7f@x")},
                                 {SLICE("host_name"), SLICE("")}};
    assert_int_equal(control_request_encode(SLICE("account add"), args, 2, SLICE("s\te"), &b), 0);
    assert_int_equal(b.ptr[b.end - 1], '\n');
    assert_null(memchr(b.ptr, '\n', buf_len(&b) - 1));
    assert_int_equal(parse_len(b.ptr, buf_len(&b) - 1, &r), 0);
    assert_slice(r.command, "account add");
    assert_slice(r.args[0].value, "\xc3\xbc\"\\\n\x7f@x");
    assert_slice(r.args[1].key, "host_name");
    assert_slice(r.password, "s\te");
    buf_clear(&b);
    assert_int_equal(control_request_encode(SLICE("stats"), NULL, 0, SLICE_NONE, &b), 0);
    assert_slice(buf_slice(&b), "{\"command\":\"stats\",\"args\":{}}\n");
    buf_clear(&b);
    static char big[CONTROL_VALUE_BYTES_MAX + 1];
    memset(big, '\x01', sizeof(big));
    args[0].value = slice_of(big, sizeof(big));
    assert_int_equal(control_request_encode(SLICE("s"), args, 1, SLICE_NONE, &b), ERR_LIMIT);
    struct control_arg many[CONTROL_ARGS_MAX];
    for (size_t i = 0; i < CONTROL_ARGS_MAX; i++)
        many[i] = (struct control_arg){SLICE("k"), slice_of(big, CONTROL_VALUE_BYTES_MAX)};
    assert_int_equal(control_request_encode(SLICE("s"), many, 16, SLICE_NONE, &b), ERR_LIMIT);
    assert_int_equal(buf_len(&b), 0);
    buf_free(&b);
}

/* What is accepted here is JSON with the same values elsewhere. */
static void compare_with_jansson(const char *text, size_t len)
{
    struct control_request r;
    if (parse_len(text, len, &r) != 0)
        return;
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(json);
    assert_slice(r.command, json_string_value(json_object_get(json, "command")));
    assert_int_equal(json_object_size(json_object_get(json, "args")), r.arg_count);
    for (size_t i = 0; i < r.arg_count; i++) {
        char *key = mem_copy(r.args[i].key);
        const json_t *value = json_object_get(json_object_get(json, "args"), key);
        assert_slice(r.args[i].value, json_string_value(value));
        mem_free(key);
    }
    if (r.password.ptr != NULL)
        assert_slice(r.password, json_string_value(json_object_get(json, "password")));
    json_decref(json);
}

static void V86_garbage_is_refused_and_never_misread(void **state)
{
    (void)state;
    static const char TEXT[] = "{\"command\":\"account add\",\"args\":{\"jid\":\"a\\u00e4@b\","
                               "\"k\":\"\\\\\\\"\\ud83d\\ude00\"},\"password\":\"\xc3\xa4\"}";
    static const char BYTES[] = "\0\"{}[]:,\\u0aD \xc3\xa4\xff\n/";
    uint32_t seed = 7;
    compare_with_jansson(TEXT, sizeof(TEXT) - 1);
    for (size_t cut = 0; cut < sizeof(TEXT) - 1; cut++) {
        struct control_request r;
        assert_int_equal(parse_len(TEXT, cut, &r), ERR_SYNTAX);
    }
    for (int i = 0; i < 100000; i++) {
        char text[sizeof(TEXT)];
        memcpy(text, TEXT, sizeof(TEXT));
        for (int j = 0; j < 1 + i % 3; j++) {
            seed = seed * 1664525 + 1013904223;
            text[(seed >> 8) % (sizeof(TEXT) - 1)] = BYTES[(seed >> 20) % (sizeof(BYTES) - 1)];
        }
        compare_with_jansson(text, sizeof(TEXT) - 1);
    }
}

static void rows_are_lines_of_json(void **state)
{
    (void)state;
    struct buf b = {0};
    struct control_row row;
    control_row_begin(&row, &b);
    control_row_str(&row, "account", SLICE("a\"\\\n\xff\xc3\xa4"));
    control_row_num(&row, "sessions", -3);
    control_row_bool(&row, "enabled", true);
    control_row_z(&row, "note", "");
    assert_int_equal(control_row_end(&row), 0);
    control_row_begin(&row, &b);
    assert_int_equal(control_row_end(&row), 0);
    control_ok(&b);
    control_error(&b, CONTROL_TRY_AGAIN, SLICE("the store does not answer"));
    assert_slice(buf_slice(&b),
                 "{\"row\":{\"account\":\"a\\\"\\\\\\u000a\xef\xbf\xbd\xc3\xa4\",\"sessions\":-3,"
                 "\"enabled\":true,\"note\":\"\"}}\n{\"row\":{}}\n{\"ok\":true}\n"
                 "{\"error\":\"the store does not answer\",\"exit\":75}\n");
    buf_free(&b);
}

static void O17_a_row_that_is_too_long_leaves_nothing_behind(void **state)
{
    (void)state;
    static char value[CONTROL_ANSWER_BYTES_MAX];
    struct buf b = {0};
    struct control_row row;
    memset(value, 'x', sizeof(value));
    size_t around = sizeof("{\"row\":{\"v\":\"\"}}\n") - 1;
    for (size_t len = sizeof(value) - around; len < sizeof(value) - around + 2; len++) {
        buf_clear(&b);
        buf_lit(&b, "before\n");
        control_row_begin(&row, &b);
        control_row_str(&row, "v", slice_of(value, len));
        bool fits = len + around <= CONTROL_ANSWER_BYTES_MAX;
        assert_int_equal(control_row_end(&row), fits ? 0 : ERR_LIMIT);
        assert_int_equal(buf_len(&b), 7 + (fits ? len + around : 0));
    }
    buf_clear(&b);
    control_error(&b, CONTROL_FAILED, slice_of(value, sizeof(value)));
    assert_true(buf_len(&b) < CONTROL_ERROR_BYTES_MAX + 64);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_in_place),
        cmocka_unit_test(what_is_no_request_is_refused_with_a_reason),
        cmocka_unit_test(limits_hold_to_the_byte),
        cmocka_unit_test(what_is_encoded_is_parsed_back),
        cmocka_unit_test(V86_garbage_is_refused_and_never_misread),
        cmocka_unit_test(rows_are_lines_of_json),
        cmocka_unit_test(O17_a_row_that_is_too_long_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
