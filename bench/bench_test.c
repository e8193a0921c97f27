/* Tests of the load program's own parts: it must not measure wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "scan.h"
#include "scram.h"
#include "stats.h"

static const char STREAM[] =
    "<?xml version='1.0'?><stream:stream id=\"a>b\" xmlns='jabber:client'>"
    "<stream:features><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>\n"
    "<presence/> "
    "<message type='chat' id='b-1' to='x/y'><body a='/>'>hi</body><x/></message>"
    "</stream:stream>";

/* Feeds STREAM in pieces of step bytes; notes each unit's event and length. */
static unsigned units(size_t step, enum scan_event *events, size_t *lens)
{
    struct scan s = {0};
    unsigned count = 0;
    size_t start = 0;
    for (size_t have = 0; have < sizeof STREAM - 1;) {
        size_t len;
        have = have + step < sizeof STREAM - 1 ? have + step : sizeof STREAM - 1;
        while (start < have) {
            enum scan_event e = scan_next(&s, slice_of(STREAM + start, have - start), &len);
            if (e == SCAN_MORE)
                break;
            assert_true(count < 8);
            events[count] = e;
            lens[count++] = len;
            start += len;
        }
    }
    assert_int_equal(start, sizeof STREAM - 1);
    return count;
}

static void units_are_the_same_however_the_bytes_come(void **state)
{
    (void)state;
    static const enum scan_event EXPECTED[] = {SCAN_OPEN, SCAN_STANZA, SCAN_STANZA, SCAN_STANZA,
                                               SCAN_END};
    enum scan_event whole[8];
    enum scan_event pieces[8];
    size_t whole_lens[8];
    size_t lens[8];
    assert_int_equal(units(sizeof STREAM, whole, whole_lens), 5);
    assert_memory_equal(whole, EXPECTED, sizeof EXPECTED);
    for (size_t step = 1; step < sizeof STREAM; step++) {
        assert_int_equal(units(step, pieces, lens), 5);
        assert_memory_equal(pieces, EXPECTED, sizeof EXPECTED);
        assert_memory_equal(lens, whole_lens, 5 * sizeof lens[0]);
    }
}

static void attributes_are_found_by_their_whole_name(void **state)
{
    (void)state;
    struct slice v;
    struct slice unit = SLICE(" <message xid='no' to='a id=' id=\"b'1\"><x id='inner'/></message>");
    assert_true(scan_is(unit, SLICE("message")));
    assert_false(scan_is(unit, SLICE("mess")));
    assert_true(scan_attr(unit, SLICE("id"), &v));
    assert_true(slice_is(v, "b'1"));
    assert_false(scan_attr(unit, SLICE("type"), &v));
    assert_false(scan_attr(SLICE("<a id="), SLICE("id"), &v));
    assert_true(scan_text(SLICE("<s><t/><tt>no</tt><t>yes</t></s>"), SLICE("tt"), &v));
    assert_true(slice_is(v, "no"));
    assert_false(scan_text(SLICE("<success/>"), SLICE("success"), &v));
}

/* The exchange of RFC 5802 section 5. */
static void scram_answers_as_the_rfc_says(void **state)
{
    (void)state;
    struct scram s = {0};
    struct scram_keys keys = {0};
    struct buf out = {0};
    /* Nonces here have 24 characters, so the message is checked with one of our own. */
    scram_first(&s, SCRAM_SHA_1, "user", "fyko+d2lbbFgONRv9qkxdawL", &out);
    assert_true(slice_eq(buf_slice(&out), SLICE("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")));
    buf_clear(&out);
    struct slice challenge = SLICE("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                                   "s=QSXCR+Q6sek8bf92,i=4096");
    assert_true(scram_final(&s, challenge, "pencil", &keys, &out));
    assert_true(
        slice_eq(buf_slice(&out), SLICE("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                                        "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")));
    assert_true(scram_verify(&s, SLICE("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")));
    assert_false(scram_verify(&s, SLICE("v=rmF9pqV8S7suAoZWja4dJRkFsKA=")));
    assert_false(scram_verify(&s, SLICE("e=other-error")));
    assert_false(scram_final(&s, SLICE("r=other,s=QSXCR+Q6sek8bf92,i=4096"), "p", &keys, &out));
    buf_free(&out);
    scram_free(&s);
}

static void quantiles_are_close_and_never_above_the_largest(void **state)
{
    (void)state;
    static struct stats s;
    assert_int_equal(stats_quantile(&s, 500), 0);
    for (uint64_t i = 1; i <= 100000; i++)
        stats_add(&s, i);
    assert_in_range(stats_quantile(&s, 500), 50000, 50800);
    assert_in_range(stats_quantile(&s, 990), 99000, 100000);
    assert_int_equal(stats_quantile(&s, 1000), 100000);
    stats_add(&s, UINT64_MAX);
    assert_true(stats_quantile(&s, 1000) == UINT64_MAX);
}

static void a_process_has_time_and_memory(void **state)
{
    (void)state;
    struct proc_use use;
    assert_true(proc_read(getpid(), true, &use));
    assert_true(use.rss > 100000 && use.rss >= use.pss && use.processes >= 1);
    assert_false(proc_read(0, true, &use));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_the_same_however_the_bytes_come),
        cmocka_unit_test(attributes_are_found_by_their_whole_name),
        cmocka_unit_test(scram_answers_as_the_rfc_says),
        cmocka_unit_test(quantiles_are_close_and_never_above_the_largest),
        cmocka_unit_test(a_process_has_time_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
