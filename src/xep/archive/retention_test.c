/* What leaves the archives, and when. */
#include "xep/archive/test_archive.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE };
#define DAY (24LL * HOUR)

static void set_tail(struct bench *b, const char *owner, const char *text)
{
    bench_put(b, owner, "tail", "", slice_z(text));
}

/* Accounts on a host where messages leave after a day; all they have is delivered. */
static void make_accounts(struct bench *b)
{
    b->hosts[0].archive_days = 1;
    b->hosts[1].archive_days = 0;
    bench_account(b, ALICE);
    bench_account(b, BOB);
    set_tail(b, ALICE, "1000000");
    set_tail(b, BOB, "1000000");
}

static uint64_t put(struct bench *b)
{
    return bench_archive(b, CAROL "/x", ALICE, 0, "<body>x</body>");
}

static void old_messages_leave_the_archive_of_their_host_alone(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        make_accounts(b);
        for (int i = 0; i < 5; i++)
            bench_archive(b, BOB "/desk", ALICE, 0, "<body>x</body>");
        bench_advance(b, 23 * HOUR);
        for (int i = 0; i < 3; i++)
            bench_archive(b, BOB "/desk", ALICE, 0, "<body>x</body>");
        assert_int_equal(bench_count(b, ALICE, "archive"), 8);
        bench_advance(b, 3 * HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 3);
        assert_int_equal(bench_count(b, BOB, "archive"), 8);
        bench_advance(b, 24 * HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 0);
        assert_int_equal(bench_count(b, BOB, "archive"), 8);
    }
}

static void what_waits_for_delivery_stays(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        char text[64];
        uint64_t id[6];
        make_accounts(b);
        for (int i = 0; i < 6; i++)
            id[i] = put(b);
        set_tail(b, ALICE, "0");
        bench_advance(b, 27 * HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 6);
        snprintf(text, sizeof(text), "%d %d %d", (int)id[4], (int)id[2], (int)id[5]);
        set_tail(b, ALICE, text); /* the third is a hole, the sixth went early */
        bench_advance(b, HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 4);
        snprintf(text, sizeof(text), "%d", (int)id[4]);
        set_tail(b, ALICE, text);
        bench_advance(b, HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 1);
        set_tail(b, ALICE, "junk");
        bench_advance(b, HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 1);
    }
}

static void D13_a_clock_that_jumps_expires_nothing(void **state)
{
    (void)state;
    static const int64_t JUMPS[] = {3650 * DAY, -DAY};
    for (size_t i = 0; i < 2; i++)
        BENCH_ON_SHARDS(b, NULL)
        {
            make_accounts(b);
            put(b);
            bench_advance(b, 4 * HOUR);
            b->now.wall_ms += JUMPS[i];
            bench_advance(b, 2 * HOUR);
            assert_true(bench_logged(b, "time.jump"));
            assert_int_equal(bench_count(b, ALICE, "archive"), 1);
            b->now.wall_ms -= JUMPS[i];
            bench_advance(b, 10 * HOUR);
            assert_int_equal(bench_count(b, ALICE, "archive"), 1);
            bench_advance(b, 12 * HOUR);
            assert_int_equal(bench_count(b, ALICE, "archive"), 0);
        }
}

static void D13_a_clock_that_runs_astray_expires_nothing(void **state)
{
    (void)state;
    static const int64_t STEPS[] = {-2 * HOUR, 9 * HOUR};
    for (size_t i = 0; i < 2; i++)
        BENCH_ON_SHARDS(b, NULL)
        {
            make_accounts(b);
            put(b);
            for (int k = 0; k < 48; k++) {
                bench_advance(b, HOUR);
                b->now.wall_ms += STEPS[i];
            }
            assert_int_equal(bench_count(b, ALICE, "archive"), 1);
        }
}

static void D13_a_new_process_believes_its_clock_after_two_hours(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        make_accounts(b);
        b->now.wall_ms -= 30 * DAY;
        put(b);
        b->now.wall_ms += 30 * DAY;
        bench_advance(b, HOUR + MINUTE);
        assert_int_equal(bench_count(b, ALICE, "archive"), 1);
        bench_advance(b, HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 0);
        assert_false(bench_logged(b, "time.jump"));
    }
}

static void D13_a_stamp_of_the_future_does_not_stop_the_rest(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        make_accounts(b);
        put(b);
        b->now.wall_ms += 3650 * DAY;
        put(b);
        b->now.wall_ms -= 3650 * DAY;
        put(b);
        bench_advance(b, 23 * HOUR);
        put(b);
        assert_int_equal(bench_count(b, ALICE, "archive"), 4);
        bench_advance(b, 3 * HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 1);
    }
}

static void D15_a_large_archive_leaves_in_slices(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        make_accounts(b);
        for (int i = 0; i < 1000; i++)
            put(b);
        bench_advance(b, 24 * HOUR);
        uint64_t left = bench_count(b, ALICE, "archive");
        unsigned before = b->batches;
        assert_int_equal(left, 1000);
        for (int i = 0; i < 2 * HOUR / 16 && left > 0; i++) {
            bench_advance(b, 16);
            uint64_t now = bench_count(b, ALICE, "archive");
            assert_true(now <= left && left - now <= 200);
            left = now;
        }
        assert_int_equal(left, 0);
        assert_int_equal(b->batches - before, 6);
    }
}

/* A message of 100,000 bytes. */
static uint64_t put_large(struct bench *b)
{
    static char text[100000 + 16];
    memset(text, 'x', sizeof(text));
    memcpy(text, "<body>", 6);
    memcpy(text + 100000, "</body>", 8);
    return bench_archive(b, CAROL "/x", ALICE, 0, text);
}

static uint64_t oldest(struct bench *b)
{
    struct store_request *r = store_query_new(0, 0);
    struct store_row row = {0};
    size_t at = 0;
    store_range(r, SLICE(ALICE), STORE_ARCHIVE, 0, INT64_MAX, 1, false);
    r = bench_store(b, r);
    assert_true(store_rows(r, &at, &row));
    store_request_free(&r);
    return row.position;
}

static void the_oldest_leave_what_is_too_large(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[30];
        bench_account(b, ALICE);
        set_tail(b, ALICE, "1000000");
        b->hosts[0].archive_mib = 1; /* ten of them */
        for (int i = 0; i < 10; i++)
            id[i] = put_large(b);
        bench_advance(b, 2 * HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 10);
        for (int i = 10; i < 23; i++)
            id[i] = put_large(b);
        bench_archive(b, CAROL "/x", ALICE, ARCHIVE_DELIVERY, "<body>x</body>");
        bench_advance(b, HOUR + MINUTE);
        assert_int_equal(bench_count(b, ALICE, "archive"), 11);
        assert_int_equal(oldest(b), id[13]);
        id[23] = put_large(b);
        bench_advance(b, HOUR);
        assert_int_equal(oldest(b), id[14]);
        b->hosts[0].archive_mib = 0;
        bench_advance(b, 3 * HOUR);
        assert_int_equal(oldest(b), id[14]);
        b->hosts[0].archive_mib = 2;
        for (int i = 0; i < 6; i++)
            put_large(b);
        bench_advance(b, 2 * HOUR);
        assert_int_equal(oldest(b), id[14]);
        /* Nothing of it is delivered: nothing leaves. */
        b->hosts[0].archive_mib = 1;
        set_tail(b, ALICE, "0");
        bench_advance(b, 2 * HOUR);
        assert_int_equal(oldest(b), id[14]);
    }
}

static void a_size_that_cannot_be_read_is_counted_anew(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_account(b, ALICE);
    set_tail(b, ALICE, "1000000");
    bench_put(b, ALICE, "archive_size", "", SLICE("7 much"));
    b->hosts[0].archive_mib = 1;
    for (int i = 0; i < 12; i++)
        put_large(b);
    bench_advance(b, HOUR + MINUTE);
    assert_int_equal(bench_count(b, ALICE, "archive"), 10);
    bench_free(&b);
}

/* What settles numbers of sessions goes when no session can be that old, history or not. */
static void markers_leave_in_the_end(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        make_accounts(b);
        b->hosts[0].archive_days = 0;
        b->hosts[0].archive = false;
        for (int i = 0; i < 20; i++)
            bench_archive(b, CAROL "/x", ALICE, ARCHIVE_MARKER, NULL);
        put(b);
        bench_advance(b, (uint64_t)(7 * DAY));
        assert_int_equal(bench_count(b, ALICE, "archive"), 21);
        bench_advance(b, (uint64_t)(DAY + 2 * HOUR));
        assert_int_equal(bench_count(b, ALICE, "archive"), 1);
    }
}

static void D01_a_failing_store_is_asked_again(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        make_accounts(b);
        put(b);
        b->batch_error = ERR_FULL;
        bench_advance(b, 27 * HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 1);
        assert_true(bench_logged(b, "event=archive.not_trimmed jid=" ALICE));
        b->batch_error = 0;
        b->query_error = ERR_BUSY;
        bench_advance(b, 3 * HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 1);
        b->query_error = 0;
        bench_advance(b, HOUR);
        assert_int_equal(bench_count(b, ALICE, "archive"), 0);
    }
}

static void every_account_has_its_turn(void **state)
{
    (void)state;
    enum { ACCOUNTS = 150 };
    BENCH_ON_SHARDS(b, NULL)
    {
        char name[64], text[128];
        unsigned left = 0;
        b->hosts[0].archive_days = 1;
        for (int i = 0; i < ACCOUNTS; i++) {
            snprintf(name, sizeof(name), "a%d@example.org", i);
            bench_account(b, name);
            set_tail(b, name, "1000000");
            snprintf(text, sizeof(text), "<body>%d</body>", i);
            bench_archive(b, CAROL "/x", name, 0, text);
        }
        bench_advance(b, 27 * HOUR);
        for (int i = 0; i < ACCOUNTS; i++) {
            snprintf(name, sizeof(name), "a%d@example.org", i);
            left += bench_count(b, name, "archive") > 0;
        }
        assert_int_equal(left, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_messages_leave_the_archive_of_their_host_alone),
        cmocka_unit_test(what_waits_for_delivery_stays),
        cmocka_unit_test(D13_a_clock_that_jumps_expires_nothing),
        cmocka_unit_test(D13_a_clock_that_runs_astray_expires_nothing),
        cmocka_unit_test(D13_a_new_process_believes_its_clock_after_two_hours),
        cmocka_unit_test(D13_a_stamp_of_the_future_does_not_stop_the_rest),
        cmocka_unit_test(D15_a_large_archive_leaves_in_slices),
        cmocka_unit_test(the_oldest_leave_what_is_too_large),
        cmocka_unit_test(a_size_that_cannot_be_read_is_counted_anew),
        cmocka_unit_test(markers_leave_in_the_end),
        cmocka_unit_test(D01_a_failing_store_is_asked_again),
        cmocka_unit_test(every_account_has_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
