/* Tests of the first line of a message, and of local times. */
#include "burble/message_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/time.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(time_parse(slice_z(text), &ms));
    return ms;
}

static void zone(const char *name)
{
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
}

static void head_is(const struct burble_message *m, const char *expected)
{
    struct buf out = {0};
    message_head(m, &out);
    assert_int_equal(buf_byte(&out, '\0'), 0);
    assert_string_equal(buf_slice(&out).ptr, expected);
    buf_free(&out);
}

static void what_the_own_account_said_tells_to_whom(void **state)
{
    (void)state;
    zone("UTC0");
    struct burble_message m = {.stamp_ms = at("2026-11-20T06:09:34.123Z"),
                               .from = "bob@x/pc",
                               .from_bare = "bob@x",
                               .with = "bob@x",
                               .to = "me@x"};
    head_is(&m, "2026-11-20T06:09:34 bob@x/pc");
    m = (struct burble_message){.stamp_ms = m.stamp_ms,
                                .from = "me@x/pc",
                                .from_bare = "me@x",
                                .with = "bob@x",
                                .to = "bob@x"};
    head_is(&m, "2026-11-20T06:09:34 me@x/pc to bob@x");
}

static void times_are_those_of_the_place(void **state)
{
    (void)state;
    struct burble_message m = {.stamp_ms = at("2026-07-01T23:30:00Z"),
                               .from = "bob@x/pc",
                               .from_bare = "bob@x",
                               .with = "bob@x"};
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    head_is(&m, "2026-07-02T01:30:00 bob@x/pc");
    assert_int_equal(time_from_here(at("2026-07-02T01:30:00Z")), m.stamp_ms);
    assert_int_equal(time_from_here(at("2026-12-02T00:00:00Z")), at("2026-12-01T23:00:00Z"));
    /* An hour before summer time begins, and an hour behind. */
    assert_int_equal(time_from_here(at("2026-03-29T01:00:00Z")), at("2026-03-29T00:00:00Z"));
    assert_int_equal(time_from_here(at("2026-03-29T04:00:00Z")), at("2026-03-29T02:00:00Z"));
    zone("EST5");
    head_is(&m, "2026-07-01T18:30:00 bob@x/pc");
    zone("UTC0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_own_account_said_tells_to_whom),
        cmocka_unit_test(times_are_those_of_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
