/* The suite that every store passes: full-text search. */
#include "base/err.h"
#include "store/test_suite.h"

static bool value_is_text(void *ctx, struct slice name, struct slice value, uint32_t flags,
                          struct buf *out)
{
    (void)ctx, (void)name;
    if (flags == UINT32_MAX || slice_starts(value, SLICE("!")))
        return false;
    return buf_add(out, value) == 0;
}

const struct store_text conformance_text = {.of = value_is_text};

static void search(struct store_request *r, struct slice owner, const char *text)
{
    store_search(r, owner, LOG, slice_z(text), 0, UINT64_MAX, 0, false, &STORE_FILTER_NONE);
}

static void expect_found(struct desk *d, struct slice owner, const char *text, const char *wanted)
{
    struct store_request *r = suite_query();
    search(r, owner, text);
    suite_expect_rows(d, r, wanted);
}

static void a_search_finds_entries_with_every_word(void **state)
{
    struct desk *d = suite_open(state);
    expect_found(d, ALICE, "hello", "");
    suite_append(d, &ALICE, 1, "Hello, world!");
    suite_append(d, &ALICE, 1, "goodbye world");
    suite_append(d, &ALICE, 1, "say hello twice: hello");
    expect_found(d, ALICE, "hello", "=Hello, world! =say hello twice: hello");
    expect_found(d, ALICE, "WORLD, hello", "=Hello, world!");
    expect_found(d, ALICE, "world", "=Hello, world! =goodbye world");
    expect_found(d, ALICE, "moon", "");
    expect_found(d, ALICE, "worl", "");
    expect_found(d, ALICE, "hello moon", "");
    expect_found(d, ALICE, "hello hello", "=Hello, world! =say hello twice: hello");
    expect_found(d, BOB, "hello", "");
    desk_free(&d);
}

static void a_search_without_words_finds_nothing(void **state)
{
    struct desk *d = suite_open(state);
    suite_append(d, &ALICE, 1, "?!");
    expect_found(d, ALICE, "", "");
    expect_found(d, ALICE, "?!", "");
    desk_free(&d);
}

static void a_search_folds_letters_of_all_scripts(void **state)
{
    struct desk *d = suite_open(state);
    suite_append(d, &ALICE, 1, "CAFÉ");
    suite_append(d, &ALICE, 1, "Привет");
    suite_append(d, &ALICE, 1, "\xff broken \xc3");
    suite_append(d, &ALICE, 1, "東京タワー");
    expect_found(d, ALICE, "cafe", "=CAFÉ");
    expect_found(d, ALICE, "café", "=CAFÉ");
    expect_found(d, ALICE, "ПРИВЕТ", "=Привет");
    expect_found(d, ALICE, "broken", "=\xff broken \xc3");
    expect_found(d, ALICE, "東京", "=東京タワー");
    desk_free(&d);
}

/* Whatever a store makes of words that mean something in its own language of queries. */
static void words_of_query_languages_are_words(void **state)
{
    struct desk *d = suite_open(state);
    suite_append(d, &ALICE, 1, "this AND that OR NOT near");
    suite_append(d, &ALICE, 1, "words \"quoted\" col:umn star*");
    expect_found(d, ALICE, "and", "=this AND that OR NOT near");
    expect_found(d, ALICE, "NOT near", "=this AND that OR NOT near");
    expect_found(d, ALICE, "\"quoted\"", "=words \"quoted\" col:umn star*");
    expect_found(d, ALICE, "words:", "=words \"quoted\" col:umn star*");
    expect_found(d, ALICE, "umn*", "=words \"quoted\" col:umn star*");
    expect_found(d, ALICE, "colu*", "");
    desk_free(&d);
}

static void a_search_keeps_to_its_owner_and_log(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB};
    suite_append(d, both, 2, "word for both");
    suite_append(d, &BOB, 1, "word for bob");
    struct store_request *r = suite_batch();
    store_append(r, SLICE("other"), &ALICE, 1, &(struct store_labels){0}, SLICE("other word"));
    suite_expect_err(d, r, 0);
    expect_found(d, ALICE, "word", "=word for both");
    expect_found(d, BOB, "word", "=word for both =word for bob");
    expect_found(d, CAROL, "word", "");
    r = suite_query();
    store_search(r, ALICE, SLICE("other"), SLICE("word"), 0, UINT64_MAX, 0, false,
                 &STORE_FILTER_NONE);
    suite_expect_rows(d, r, "=other word");
    desk_free(&d);
}

static void a_search_has_bounds_limit_direction_and_filter(void **state)
{
    struct desk *d = suite_open(state);
    uint64_t p[6];
    static const char *const text[] = {"w 0", "w 1", "x 2", "w 3", "w 4", "w 5"};
    for (size_t i = 0; i < 6; i++) {
        struct store_request *r = suite_batch();
        struct store_labels labels = {.peer = i % 2 == 0 ? SLICE("even@y") : SLICE("odd@y"),
                                      .wall_ms = (int64_t)i * 100,
                                      .flags = i == 4 ? 1 : 0};
        store_append(r, LOG, &ALICE, 1, &labels, slice_z(text[i]));
        desk_do(d, r);
        p[i] = r->position;
        store_request_free(&r);
    }
    static const struct {
        size_t from, to;
        uint32_t limit;
        bool backwards;
        const char *wanted;
    } cases[] = {
        {0, 5, 0, false, "=w 0 =w 1 =w 3 =w 4 =w 5"},
        {1, 4, 0, false, "=w 1 =w 3 =w 4"},
        {1, 4, 2, false, "=w 1 =w 3+"},
        {1, 4, 3, false, "=w 1 =w 3 =w 4"},
        {0, 4, 2, true, "=w 4 =w 3+"},
        {2, 2, 0, false, ""},
        {4, 1, 0, false, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_request *r = suite_query();
        store_search(r, ALICE, LOG, SLICE("W"), p[cases[i].from], p[cases[i].to], cases[i].limit,
                     cases[i].backwards, &STORE_FILTER_NONE);
        suite_expect_rows(d, r, cases[i].wanted);
    }
    struct store_filter f = STORE_FILTER_NONE;
    f.peer = SLICE("odd@y");
    struct store_request *r = suite_query();
    store_search(r, ALICE, LOG, SLICE("w"), 0, UINT64_MAX, 0, true, &f);
    suite_expect_rows(d, r, "=w 5 =w 3 =w 1");
    f = STORE_FILTER_NONE;
    f.wall_to = 400;
    f.flags_mask = 1;
    r = suite_query();
    store_search(r, ALICE, LOG, SLICE("w"), 0, UINT64_MAX, 0, false, &f);
    suite_expect_rows(d, r, "=w 0 =w 1 =w 3");
    desk_free(&d);
}

static void what_is_dropped_is_not_found(void **state)
{
    struct desk *d = suite_open(state);
    struct slice both[] = {ALICE, BOB};
    uint64_t one = suite_append(d, both, 2, "word one");
    suite_append(d, both, 2, "word two");
    struct store_request *r = suite_batch();
    store_drop(r, ALICE, LOG, one, one);
    suite_expect_err(d, r, 0);
    expect_found(d, ALICE, "word", "=word two");
    expect_found(d, BOB, "word", "=word one =word two");
    r = suite_batch();
    store_drop_owner(r, BOB);
    suite_expect_err(d, r, 0);
    expect_found(d, BOB, "word", "");
    expect_found(d, ALICE, "word", "=word two");
    desk_free(&d);
}

static void what_is_replaced_is_found_by_its_new_words_alone(void **state)
{
    struct desk *d = suite_open(state);
    uint64_t one = suite_append(d, &ALICE, 1, "old secret");
    uint64_t two = suite_append(d, &ALICE, 1, "old text");
    uint64_t three = suite_append(d, &ALICE, 1, "! nothing");
    expect_found(d, ALICE, "old", "=old secret =old text");
    expect_found(d, ALICE, "nothing", "");
    struct store_request *r = suite_batch();
    store_replace(r, ALICE, LOG, one, 0, SLICE("! gone"));
    store_replace(r, ALICE, LOG, two, 0, SLICE("new text"));
    store_replace(r, ALICE, LOG, three, 0, SLICE("now it says text"));
    suite_expect_err(d, r, 0);
    expect_found(d, ALICE, "secret", "");
    expect_found(d, ALICE, "old", "");
    expect_found(d, ALICE, "gone", "");
    expect_found(d, ALICE, "text", "=new text =now it says text");
    expect_found(d, ALICE, "new", "=new text");
    r = suite_batch();
    store_replace(r, ALICE, LOG, two, UINT32_MAX, SLICE_NONE);
    suite_expect_err(d, r, 0);
    expect_found(d, ALICE, "text", "=now it says text");
    r = suite_batch();
    store_replace(r, ALICE, LOG, two, 1, SLICE_NONE);
    suite_expect_err(d, r, 0);
    expect_found(d, ALICE, "text", "=new text =now it says text");
    desk_free(&d);
}

static void too_many_words_are_refused(void **state)
{
    struct desk *d = suite_open(state);
    struct store_request *r = suite_query();
    search(r, ALICE, "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6");
    suite_expect_err(d, r, ERR_LIMIT);
    static char text[STORE_TEXT_BYTES + 2];
    memset(text, 'x', STORE_TEXT_BYTES + 1);
    r = suite_query();
    search(r, ALICE, text);
    suite_expect_err(d, r, ERR_LIMIT);
    text[STORE_TEXT_BYTES] = '\0';
    suite_append(d, &ALICE, 1, text);
    r = suite_query();
    search(r, ALICE, text);
    desk_do(d, r);
    assert_int_equal(r->err, 0);
    assert_int_equal(r->row_count, 1);
    store_request_free(&r);
    desk_free(&d);
}

const struct CMUnitTest suite_search_tests[] = {
    cmocka_unit_test(a_search_finds_entries_with_every_word),
    cmocka_unit_test(a_search_without_words_finds_nothing),
    cmocka_unit_test(a_search_folds_letters_of_all_scripts),
    cmocka_unit_test(words_of_query_languages_are_words),
    cmocka_unit_test(a_search_keeps_to_its_owner_and_log),
    cmocka_unit_test(a_search_has_bounds_limit_direction_and_filter),
    cmocka_unit_test(what_is_dropped_is_not_found),
    cmocka_unit_test(what_is_replaced_is_found_by_its_new_words_alone),
    cmocka_unit_test(too_many_words_are_refused),
};
const size_t suite_search_test_count = sizeof(suite_search_tests) / sizeof(suite_search_tests[0]);
