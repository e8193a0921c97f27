/* Tests of time.c: the calendar against one that counts days one by one, XEP-0082 spellings, and
 * the bad stamps of row V25. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "base/time.h"

static int month_days(int year, int month)
{
    bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    return month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void every_day_of_ten_thousand_years_is_written_and_read(void **state)
{
    (void)state;
    int64_t day_ms = 86400000, at = -719528 * day_ms; /* 0000-01-01 */
    uint64_t seed = 2;
    int days = 0;
    for (int year = 0; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= month_days(year, month); day++, at += day_ms, days++) {
                int ms = (int)test_below(&seed, 86400000);
                char text[TIME_STAMP_BYTES], expected[64];
                int64_t back = 0;
                unsigned len = time_stamp(at + ms, text);
                snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year,
                         month, day, ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
                if (len != 24 || strcmp(text, expected) != 0)
                    fail_msg("%s instead of %s", text, expected);
                if (!time_parse(slice_of(text, len), &back) || back != at + ms)
                    fail_msg("%s was not read back", text);
            }
        }
    }
    assert_int_equal(days, 3652425);
}

static void stamps_outside_of_the_years_are_clamped(void **state)
{
    (void)state;
    char text[TIME_STAMP_BYTES];
    assert_int_equal(time_stamp(INT64_MIN, text), 24);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
    assert_int_equal(time_stamp(INT64_MAX, text), 24);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    time_stamp(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    time_stamp(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void assert_reads(const char *text, int64_t expected)
{
    int64_t ms = 0;
    if (!time_parse(slice_z(text), &ms) || ms != expected)
        fail_msg("%s read as %lld", text, (long long)ms);
}

static void zones_fractions_and_leap_seconds_are_read(void **state)
{
    (void)state;
    assert_reads("1970-01-01T00:00:00Z", 0);
    assert_reads("1970-01-01T00:00:00+00:00", 0);
    assert_reads("1970-01-01T00:00:00-00:00", 0);
    assert_reads("1970-01-01T02:00:00+02:00", 0);
    assert_reads("1969-12-31T14:15:00-09:45", 0);
    assert_reads("1970-01-01T23:59:00+23:59", 0);
    assert_reads("2002-09-10T23:41:07Z", 1031701267000);
    assert_reads("1969-07-21T02:56:15Z", -14159025000);
    assert_reads("1970-01-01T00:00:00.5Z", 500);
    assert_reads("1970-01-01T00:00:00.12Z", 120);
    assert_reads("1970-01-01T00:00:00.123Z", 123);
    assert_reads("1970-01-01T00:00:00.1239999Z", 123);
    assert_reads("2000-02-29T00:00:00Z", 951782400000);
}

static void V25_strange_but_valid_stamps_are_read(void **state)
{
    (void)state;
    assert_reads("0000-01-01T00:00:00Z", -62167219200000);
    assert_reads("9999-12-31T23:59:59Z", 253402300799000);
    assert_reads("1970-01-01T00:00:00.12345678901234567890Z", 123);
    assert_reads("2016-12-31T23:59:60Z", 1483228800000); /* the leap second as the second after */
}

static void V25_bad_stamps_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "-001-01-01T00:00:00Z",
        "-2026-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z",
        "2026-01-01T00:00:00", /* no zone */
        "2026-01-01T00:00:00z",
        "2026-01-01t00:00:00Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00.-1Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T24:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "2026-01-01T00:00:00+0000",
        "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00+",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "20260101T00:00:00Z",
        "20260101T00:00:00", /* XEP-0091 */
        "2026-01-01",
        "T00:00:00Z",
        "99999999999999999999",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 77;
        if (time_parse(slice_z(bad[i]), &ms) || ms != 77)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void every_beginning_of_a_stamp_is_refused_without_reading_past_it(void **state)
{
    (void)state;
    const char *text = "2026-11-20T06:09:34.123+01:00";
    for (size_t len = 0; len < strlen(text); len++) {
        char exact[32]; /* the bytes behind len are poison */
        memset(exact, '9', sizeof(exact));
        memcpy(exact, text, len);
        int64_t ms;
        assert_false(time_parse(slice_of(exact, len), &ms));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_ten_thousand_years_is_written_and_read),
        cmocka_unit_test(stamps_outside_of_the_years_are_clamped),
        cmocka_unit_test(zones_fractions_and_leap_seconds_are_read),
        cmocka_unit_test(V25_strange_but_valid_stamps_are_read),
        cmocka_unit_test(V25_bad_stamps_are_refused),
        cmocka_unit_test(every_beginning_of_a_stamp_is_refused_without_reading_past_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
