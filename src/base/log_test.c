/* Tests of log.c: whatever the network sends, a line stays one line of printable ASCII with its
 * fields where they were put (row V72 is about terminals that obey escape sequences). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>

#include "base/log.h"
#include "base/test_support.h"

struct catch
{
    int lines;
    enum log_level level;
    const char *event;
    size_t len;
    char text[LOG_LINE_BYTES + 1];
};

static void keep(void *ctx, enum log_level level, const char *event, const char *line, size_t len)
{
    struct catch *c = ctx;
    c->lines++;
    c->level = level;
    c->event = event;
    c->len = len;
    assert_int_equal(strlen(line), len);
    assert_true(len < LOG_LINE_BYTES);
    memcpy(c->text, line, len + 1);
}

static const char *line_with(struct catch *c, struct slice value)
{
    struct log log = {.level = LOG_DEBUG, .sink = keep, .ctx = c};
    struct log_line l;
    log_begin(&l, &log, LOG_INFO, "test");
    log_str(&l, "v", value);
    log_end(&l);
    return c->text;
}

static void a_line_holds_level_event_and_fields(void **state)
{
    (void)state;
    static struct catch c;
    struct log log = {.level = LOG_INFO, .sink = keep, .ctx = &c};
    struct log_line l;
    log_begin(&l, &log, LOG_WARNING, "auth.fail");
    log_num(&l, "conn", 42);
    log_z(&l, "peer", "127.0.0.1:5222");
    log_str(&l, "jid", SLICE("alice@localhost"));
    log_num(&l, "least", LLONG_MIN);
    log_str(&l, "user", SLICE("a b"));
    log_z(&l, "none", NULL);
    log_end(&l);
    assert_string_equal(c.text, "warning event=auth.fail conn=42 peer=127.0.0.1:5222 "
                                "jid=alice@localhost least=-9223372036854775808 user=\"a b\" "
                                "none=\"\"");
    assert_int_equal(c.level, LOG_WARNING);
    assert_string_equal(c.event, "auth.fail");
    log_end(&l);
    assert_int_equal(c.lines, 1); /* a line ends once */
}

static void lines_below_the_level_are_not_built(void **state)
{
    (void)state;
    static struct catch c;
    struct log log = {.level = LOG_WARNING, .sink = keep, .ctx = &c};
    struct log_line l;
    log_begin(&l, &log, LOG_INFO, "quiet");
    log_num(&l, "n", 1);
    log_str(&l, "s", SLICE("x"));
    log_end(&l);
    log_begin(&l, NULL, LOG_CRITICAL, "nowhere");
    log_end(&l);
    assert_int_equal(c.lines, 0);
    assert_true(log_on(&log, LOG_WARNING));
    assert_false(log_on(NULL, LOG_CRITICAL));
}

static void escape_bytes_and_line_feeds_are_shown_not_sent(void **state)
{
    (void)state;
    static struct catch c;
    assert_string_equal(line_with(&c, SLICE("\x1b[2J")), "info event=test v=\"\\x1b[2J\"");
    assert_string_equal(line_with(&c, SLICE("a\nerror event=fake")),
                        "info event=test v=\"a\\x0aerror event=fake\"");
    assert_string_equal(line_with(&c, SLICE("\xe2\x80\xae")),
                        "info event=test v=\"\\xe2\\x80\\xae\"");
    assert_string_equal(line_with(&c, SLICE("a\0b")), "info event=test v=\"a\\x00b\"");
    assert_string_equal(line_with(&c, SLICE("x\" level=1")), "info event=test v=\"x\\\" level=1\"");
    assert_string_equal(line_with(&c, SLICE("back\\slash")), "info event=test v=\"back\\\\slash\"");
    assert_string_equal(line_with(&c, SLICE("k=v")), "info event=test v=\"k=v\"");
}

static void every_byte_gives_one_line_of_printable_ascii(void **state)
{
    (void)state;
    for (int b = 0; b < 256; b++) {
        static struct catch c;
        char value[3] = {'a', (char)b, 'z'};
        line_with(&c, slice_of(value, 3));
        for (size_t i = 0; i < c.len; i++)
            assert_in_range(c.text[i], 0x20, 0x7e);
    }
}

static void values_are_cut_at_128_bytes(void **state)
{
    (void)state;
    static struct catch c;
    static char value[5000];
    memset(value, 'a', sizeof(value));
    assert_int_equal(strlen(line_with(&c, slice_of(value, 128))),
                     strlen("info event=test v=") + 128);
    assert_int_equal(strlen(line_with(&c, slice_of(value, 129))),
                     strlen("info event=test v=") + 128);
    memset(value, 0x1b, sizeof(value));
    assert_int_equal(strlen(line_with(&c, slice_of(value, sizeof(value)))),
                     strlen("info event=test v=\"\"") + 4 * 128);
}

static void a_line_never_grows_over_its_limit(void **state)
{
    (void)state;
    static struct catch c;
    struct log log = {.level = LOG_DEBUG, .sink = keep, .ctx = &c};
    struct log_line l;
    uint64_t seed = 9;
    for (int round = 0; round < 2000; round++) {
        log_begin(&l, &log, LOG_ERROR, "long");
        for (int field = 0; field < 40; field++) {
            char value[200];
            size_t len = test_below(&seed, sizeof(value));
            for (size_t i = 0; i < len; i++)
                value[i] = (char)test_random(&seed);
            log_str(&l, "field", slice_of(value, len));
            log_num(&l, "n", (long long)test_random(&seed));
        }
        log_end(&l);
        assert_in_range(c.len, 1, LOG_LINE_BYTES - 1);
    }
}

static void levels_have_names_both_ways(void **state)
{
    (void)state;
    for (int i = LOG_DEBUG; i <= LOG_CRITICAL; i++) {
        enum log_level back;
        assert_true(log_level_parse(slice_z(log_level_name((enum log_level)i)), &back));
        assert_int_equal(back, i);
    }
    enum log_level level = LOG_ERROR;
    assert_false(log_level_parse(SLICE("loud"), &level));
    assert_false(log_level_parse(SLICE("INFO"), &level));
    assert_false(log_level_parse(SLICE_NONE, &level));
    assert_int_equal(level, LOG_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_holds_level_event_and_fields),
        cmocka_unit_test(lines_below_the_level_are_not_built),
        cmocka_unit_test(escape_bytes_and_line_feeds_are_shown_not_sent),
        cmocka_unit_test(every_byte_gives_one_line_of_printable_ascii),
        cmocka_unit_test(values_are_cut_at_128_bytes),
        cmocka_unit_test(a_line_never_grows_over_its_limit),
        cmocka_unit_test(levels_have_names_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
