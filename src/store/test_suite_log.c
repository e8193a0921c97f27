/* The suite that every store passes: logs. */
#include "store/test_suite.h"

#include "base/err.h"

static void a_log_keeps_payload_and_labels(void **state)
{
    struct desk *d = suite_open(state);
    struct store_request *r = suite_batch();
    struct store_labels labels = {.peer = SLICE("juliet@example.org"),
                                  .wall_ms = -5000000000,
                                  .flags = 0xF0000001,
                                  .origin = SLICE("sess\0ion")};
    store_append(r, LOG, &ALICE, 1, &labels, SLICE("<message/>"));
    desk_do(d, r);
    uint64_t position = r->position;
    store_request_free(&r);
    r = suite_query();
    store_range(r, ALICE, LOG, position, position, 1, false);
    desk_do(d, r);
    assert_false(r->more);
    struct store_row row;
    size_t at = 0;
    assert_true(store_rows(r, &at, &row));
    assert_int_equal(row.position, position);
    assert_true(slice_is(row.value, "<message/>"));
    assert_int_equal(row.labels.wall_ms, -5000000000);
    assert_int_equal(row.labels.flags, 0xF0000001);
    assert_true(slice_eq(row.labels.peer, labels.peer));
    assert_true(slice_eq(row.labels.origin, labels.origin));
    assert_false(store_rows(r, &at, &row));
    store_request_free(&r);
    desk_free(&d);
}

static void an_entry_is_in_the_log_of_each_owner(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB}, four[] = {CAROL, BOB, ALICE, SLICE("dave@burble.example")};
    struct slice same[] = {ALICE, ALICE, ALICE};
    suite_append(d, both, 2, "one");
    suite_append(d, &ALICE, 1, "two");
    suite_append(d, four, 4, "three");
    suite_append(d, same, 3, "self");
    suite_expect_range(d, ALICE, "=one =two =three =self");
    suite_expect_range(d, BOB, "=one =three");
    suite_expect_range(d, CAROL, "=three");
    suite_expect_range(d, four[3], "=three");
    suite_expect_count(d, ALICE, LOG, 4, 15);
    suite_expect_count(d, CAROL, LOG, 1, 5);
    suite_expect_count(d, CAROL, SLICE("other"), 0, 0);
    struct store_request *r = suite_query();
    store_range(r, ALICE, SLICE("other"), 0, UINT64_MAX, 0, false);
    suite_expect_rows(d, r, "");
    desk_free(&d);
}

static void positions_grow_in_order_of_submission(void **state)
{
    struct desk *d = suite_open(state);
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        struct store_request *r = suite_batch();
        for (int k = 0; k < 3; k++)
            store_append(r, LOG, k == 1 ? &BOB : &ALICE, 1, &(struct store_labels){0}, SLICE("x"));
        desk_submit(d, r);
    }
    for (int i = 0; i < 20; i++) {
        struct store_request *r = desk_next(d);
        assert_true(r->position >= last + 3);
        last = r->position;
        store_request_free(&r);
    }
    suite_expect_count(d, ALICE, LOG, 40, 40);
    desk_free(&d);
}

/* A day back, ten years on, back again: the order is that of the writer, stamps are kept as given.
 */
static void D13_positions_grow_whatever_the_clock_says(void **state)
{
    static const int64_t stamps[] = {
        1763600000000, 1763513600000, 2079219200000, 1763513599999, -1, 0};
    static const char *const text[] = {"0", "1", "2", "3", "4", "5"};
    struct desk *d = suite_open(state);
    uint64_t last = 0;
    for (size_t i = 0; i < 6; i++) {
        struct store_request *r = suite_batch();
        struct store_labels labels = {.wall_ms = stamps[i]};
        store_append(r, LOG, &ALICE, 1, &labels, slice_z(text[i]));
        desk_do(d, r);
        assert_true(r->position > last);
        last = r->position;
        store_request_free(&r);
    }
    suite_expect_range(d, ALICE, "=0 =1 =2 =3 =4 =5");
    struct store_filter f = STORE_FILTER_NONE;
    f.wall_from = 1763513600000;
    f.wall_to = 1763600000000;
    struct store_request *r = suite_query();
    store_range_where(r, ALICE, LOG, 0, UINT64_MAX, 0, true, &f);
    suite_expect_rows(d, r, "=1 =0");
    desk_free(&d);
}

static void a_range_has_bounds_limit_and_direction(void **state)
{
    struct desk *d = suite_open(state);
    uint64_t p[5];
    static const char *const text[] = {"0", "1", "2", "3", "4"};
    for (size_t i = 0; i < 5; i++)
        p[i] = suite_append(d, &ALICE, 1, text[i]);
    struct store_request *r = suite_query();
    store_range(r, ALICE, LOG, p[1], p[3], 0, false);
    suite_expect_rows(d, r, "=1 =2 =3");
    r = suite_query();
    store_range(r, ALICE, LOG, p[1], p[3], 2, false);
    suite_expect_rows(d, r, "=1 =2+");
    r = suite_query();
    store_range(r, ALICE, LOG, p[1], p[3], 3, false);
    suite_expect_rows(d, r, "=1 =2 =3");
    r = suite_query();
    store_range(r, ALICE, LOG, 0, p[3], 2, true);
    suite_expect_rows(d, r, "=3 =2+");
    r = suite_query();
    store_range(r, ALICE, LOG, p[1], UINT64_MAX, 4, true);
    suite_expect_rows(d, r, "=4 =3 =2 =1");
    r = suite_query();
    store_range(r, ALICE, LOG, p[4] + 1, UINT64_MAX, 4, true);
    suite_expect_rows(d, r, "");
    r = suite_query();
    store_range(r, ALICE, LOG, p[3], p[1], 4, false);
    suite_expect_rows(d, r, "");
    desk_free(&d);
}

static void an_entry_goes_with_its_last_owner(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB};
    uint64_t one = suite_append(d, both, 2, "one");
    uint64_t two = suite_append(d, both, 2, "two");
    suite_append(d, both, 2, "three");
    struct store_request *r = suite_batch();
    store_drop(r, ALICE, LOG, one, two);
    suite_expect_err(d, r, 0);
    suite_expect_range(d, ALICE, "=three");
    suite_expect_range(d, BOB, "=one =two =three");
    r = suite_batch();
    store_drop(r, BOB, LOG, 0, UINT64_MAX);
    store_drop(r, CAROL, LOG, 0, UINT64_MAX);
    suite_expect_err(d, r, 0);
    suite_expect_range(d, ALICE, "=three");
    suite_expect_range(d, BOB, "");
    r = suite_batch();
    store_drop(r, ALICE, LOG, 0, UINT64_MAX);
    suite_expect_err(d, r, 0);
    suite_expect_range(d, ALICE, "");
    uint64_t next = suite_append(d, &ALICE, 1, "four");
    assert_true(next > two + 1);
    desk_free(&d);
}

static void drop_takes_an_entry_of_the_same_batch(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB};
    suite_append(d, both, 2, "old");
    struct store_request *r = suite_batch();
    store_append(r, LOG, both, 2, &(struct store_labels){0}, SLICE("new"));
    store_drop(r, ALICE, LOG, 0, UINT64_MAX);
    store_append(r, LOG, both, 2, &(struct store_labels){0}, SLICE("newest"));
    suite_expect_err(d, r, 0);
    suite_expect_range(d, ALICE, "=newest");
    suite_expect_range(d, BOB, "=old =new =newest");
    desk_free(&d);
}

static uint64_t append_from(struct desk *d, const struct slice *owners, size_t n, const char *peer,
                            int64_t wall_ms, uint32_t flags, const char *text)
{
    struct store_request *r = suite_batch();
    struct store_labels labels = {.peer = slice_z(peer), .wall_ms = wall_ms, .flags = flags};
    store_append(r, LOG, owners, n, &labels, slice_z(text));
    desk_do(d, r);
    assert_int_equal(r->err, 0);
    uint64_t position = r->position;
    store_request_free(&r);
    return position;
}

static void expect_filtered(struct desk *d, struct slice owner, const struct store_filter *filter,
                            uint32_t limit, bool backwards, const char *wanted)
{
    struct store_request *r = suite_query();
    store_range_where(r, owner, LOG, 0, UINT64_MAX, limit, backwards, filter);
    suite_expect_rows(d, r, wanted);
}

static void a_filter_selects_by_peer_time_and_flags(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB};
    append_from(d, &ALICE, 1, "far@y", 100, 0, "far");
    append_from(d, both, 2, "", 200, 1, "bob");
    append_from(d, &ALICE, 1, "far@y", 300, 3, "far2");
    append_from(d, &ALICE, 1, "alice@burble.example", 400, 2, "note");
    append_from(d, both, 2, "alice@burble.example", 500, 0, "bob2");
    struct store_filter f = STORE_FILTER_NONE;
    expect_filtered(d, ALICE, &f, 0, false, "=far =bob =far2 =note =bob2");
    f.peer = SLICE("far@y");
    expect_filtered(d, ALICE, &f, 0, false, "=far =far2");
    expect_filtered(d, ALICE, &f, 1, false, "=far+");
    expect_filtered(d, ALICE, &f, 1, true, "=far2+");
    expect_filtered(d, ALICE, &f, 2, true, "=far2 =far");
    expect_filtered(d, BOB, &f, 0, false, "");
    f.peer = BOB;
    expect_filtered(d, ALICE, &f, 0, false, "=bob =bob2");
    expect_filtered(d, ALICE, &f, 2, false, "=bob =bob2");
    f.peer = ALICE;
    expect_filtered(d, BOB, &f, 0, false, "=bob =bob2");
    expect_filtered(d, ALICE, &f, 0, false, "=note");
    f.peer = CAROL;
    expect_filtered(d, ALICE, &f, 0, false, "");
    f = STORE_FILTER_NONE;
    f.wall_from = 200;
    f.wall_to = 400;
    expect_filtered(d, ALICE, &f, 0, false, "=bob =far2 =note");
    f.flags_mask = 1;
    f.flags_wanted = 1;
    expect_filtered(d, ALICE, &f, 0, false, "=bob =far2");
    f.flags_wanted = 0;
    expect_filtered(d, ALICE, &f, 0, true, "=note");
    desk_free(&d);
}

/* How many looks an answer takes is the store's own: it may have an index. */
static void a_filtered_range_is_taken_up_where_it_stopped(void **state)
{
    enum { MANY = 2 * STORE_RANGE_LOOKS + 500 };
    struct desk *d = suite_open(state);
    struct store_request *r = suite_batch();
    for (int i = 0; i < MANY; i++) {
        bool rare = i % 5000 == 4999;
        struct store_labels labels = {.peer = rare ? SLICE("rare@y") : SLICE("often@y")};
        store_append(r, LOG, &ALICE, 1, &labels, rare ? SLICE("r") : SLICE("o"));
    }
    suite_expect_err(d, r, 0);
    struct store_filter f = STORE_FILTER_NONE;
    f.peer = SLICE("rare@y");
    uint64_t from = 0, to = UINT64_MAX, reads = 0, rows = 0;
    for (bool more = true; more; reads++) {
        r = suite_query();
        store_range_where(r, ALICE, LOG, from, to, 3, reads % 2 == 1, &f);
        desk_do(d, r);
        assert_int_equal(r->err, 0);
        assert_true(r->row_count <= 3);
        struct store_row row;
        for (size_t at = 0; store_rows(r, &at, &row);)
            assert_true(row.position >= from && row.position <= to && slice_is(row.value, "r"));
        rows += r->row_count;
        more = r->more;
        from = reads % 2 == 0 ? r->position + 1 : from;
        to = reads % 2 == 1 ? r->position - 1 : to;
        store_request_free(&r);
    }
    assert_true(reads >= 2 && reads <= 3);
    assert_int_equal(rows, 4);
    desk_free(&d);
}

static void an_owner_that_leaves_becomes_the_peer(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB};
    uint64_t one = append_from(d, both, 2, "", 0, 0, "one");
    append_from(d, both, 2, "", 0, 0, "two");
    append_from(d, both, 2, "kept@y", 0, 0, "three");
    struct store_request *r = suite_batch();
    store_drop(r, ALICE, LOG, one, one);
    suite_expect_err(d, r, 0);
    struct store_filter f = STORE_FILTER_NONE;
    f.peer = ALICE;
    expect_filtered(d, BOB, &f, 0, false, "=one =two =three");
    r = suite_batch();
    store_drop_owner(r, ALICE);
    suite_expect_err(d, r, 0);
    expect_filtered(d, BOB, &f, 0, false, "=one =two");
    f.peer = SLICE("kept@y");
    expect_filtered(d, BOB, &f, 0, false, "=three");
    desk_free(&d);
}

static uint32_t flags_of(struct desk *d, struct slice owner, uint64_t position)
{
    struct store_request *r = suite_query();
    store_range(r, owner, LOG, position, position, 0, false);
    desk_do(d, r);
    struct store_row row = {0};
    size_t at = 0;
    assert_true(store_rows(r, &at, &row));
    uint32_t flags = row.labels.flags;
    store_request_free(&r);
    return flags;
}

static void replace_marks_or_rewrites_an_entry_for_all_owners(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB};
    uint64_t one = suite_append(d, both, 2, "one");
    uint64_t two = suite_append(d, &ALICE, 1, "two");
    struct store_request *r = suite_batch();
    store_replace(r, BOB, LOG, one, 6, SLICE_NONE);
    store_replace(r, ALICE, LOG, two, 7, SLICE("tombstone of two"));
    store_replace(r, BOB, LOG, two, 99, SLICE("not bob's"));
    store_replace(r, ALICE, SLICE("other"), one, 99, SLICE("other log"));
    store_replace(r, CAROL, LOG, one, 99, SLICE("a stranger"));
    store_replace(r, ALICE, LOG, two + 10, 99, SLICE("not there"));
    suite_expect_err(d, r, 0);
    suite_expect_range(d, ALICE, "=one =tombstone of two");
    assert_int_equal(flags_of(d, ALICE, one), 6);
    assert_int_equal(flags_of(d, BOB, one), 6);
    assert_int_equal(flags_of(d, ALICE, two), 7);
    r = suite_batch();
    store_replace(r, ALICE, LOG, one, 0, SLICE(""));
    suite_expect_err(d, r, 0);
    suite_expect_range(d, BOB, "=");
    desk_free(&d);
}

/* Owners as "a+b=text ...". */
static void expect_replay(struct desk *d, uint64_t from, uint64_t to, uint32_t limit,
                          const char *wanted, bool more)
{
    struct store_request *r = suite_query();
    store_replay(r, LOG, from, to, limit);
    desk_do(d, r);
    assert_int_equal(r->err, 0);
    assert_int_equal(r->more, more);
    struct buf text = {0};
    struct store_row row;
    for (size_t at = 0; store_rows(r, &at, &row);) {
        for (size_t i = 0; i < row.key.len; i++)
            buf_byte(&text, row.key.ptr[i] == '\0' ? '+' : row.key.ptr[i]);
        buf_printf(&text, "=%.*s ", SLICE_ARG(row.value));
        assert_true(row.position >= from && row.position <= to);
    }
    buf_byte(&text, '\0');
    assert_string_equal(text.ptr, wanted);
    buf_free(&text);
    store_request_free(&r);
}

static void replay_gives_the_entries_of_all_owners(void **state)
{
    struct desk *d = suite_open(state);
    struct slice a = SLICE("a@x"), both[] = {SLICE("b@x"), a};
    expect_replay(d, 0, UINT64_MAX, 0, "", false);
    uint64_t one = suite_append(d, both, 2, "1"), two = suite_append(d, &a, 1, "2");
    uint64_t three = suite_append(d, &both[0], 1, "3");
    struct store_request *r = suite_batch();
    store_append(r, SLICE("other"), &a, 1, &(struct store_labels){0}, SLICE("other log"));
    suite_expect_err(d, r, 0);
    uint64_t four = suite_append(d, both, 2, "4");
    expect_replay(d, 0, UINT64_MAX, 0, "b@x+a@x=1 a@x=2 b@x=3 b@x+a@x=4 ", false);
    expect_replay(d, two, three, 0, "a@x=2 b@x=3 ", false);
    expect_replay(d, two, UINT64_MAX, 2, "a@x=2 b@x=3 ", true);
    expect_replay(d, two, four, 3, "a@x=2 b@x=3 b@x+a@x=4 ", false);
    r = suite_batch();
    store_drop(r, both[0], LOG, 0, three);
    suite_expect_err(d, r, 0);
    expect_replay(d, one, UINT64_MAX, 0, "a@x=1 a@x=2 b@x+a@x=4 ", false);
    desk_free(&d);
}

const struct CMUnitTest suite_log_tests[] = {
    cmocka_unit_test(a_log_keeps_payload_and_labels),
    cmocka_unit_test(an_entry_is_in_the_log_of_each_owner),
    cmocka_unit_test(positions_grow_in_order_of_submission),
    cmocka_unit_test(D13_positions_grow_whatever_the_clock_says),
    cmocka_unit_test(a_range_has_bounds_limit_and_direction),
    cmocka_unit_test(an_entry_goes_with_its_last_owner),
    cmocka_unit_test(drop_takes_an_entry_of_the_same_batch),
    cmocka_unit_test(a_filter_selects_by_peer_time_and_flags),
    cmocka_unit_test(a_filtered_range_is_taken_up_where_it_stopped),
    cmocka_unit_test(an_owner_that_leaves_becomes_the_peer),
    cmocka_unit_test(replace_marks_or_rewrites_an_entry_for_all_owners),
    cmocka_unit_test(replay_gives_the_entries_of_all_owners),
};
const size_t suite_log_test_count = sizeof(suite_log_tests) / sizeof(suite_log_tests[0]);
