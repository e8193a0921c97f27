/* A copy of a database in use is one moment of it (O18), and a check of one says what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "db/sqlite_copy.h"
#include "db/test_support.h"

enum { BULK = 4 << 20 };

struct copy_test {
    struct test_place place;
    struct desk *desk;
    char to[TEST_PATH_BYTES], error[TEST_ERROR_BYTES];
    int steps, give_up_at;
};

static int set_up(void **state)
{
    static struct copy_test t;
    static char bulk[BULK];
    t = (struct copy_test){0};
    test_place_make(&t.place);
    t.desk = test_open(&t.place);
    test_beside(&t.place, ".copy", t.to);
    /* Enough for many steps. */
    struct store_request *r = store_batch_new(0, 0);
    store_put(r, SLICE("a@x"), SLICE("vcard"), SLICE(""), slice_of(bulk, BULK));
    desk_do(t.desk, r);
    store_request_free(&r);
    for (int i = 1; i <= 10; i++)
        assert_int_equal(test_append(t.desk, "a@x", "before", NULL), 0);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    struct copy_test *t = *state;
    desk_free(&t->desk);
    test_place_remove(&t->place);
    return 0;
}

static bool write_meanwhile(void *ctx, uint64_t done, uint64_t all)
{
    struct copy_test *t = ctx;
    assert_true(done <= all);
    if (t->desk != NULL)
        assert_int_equal(test_append(t->desk, "a@x", "meanwhile", NULL), 0);
    return ++t->steps != t->give_up_at;
}

static int copy(struct copy_test *t, bool alone)
{
    struct sqlite_copy c = {
        .from = t->place.path, .to = t->to, .alone = alone, .progress = write_meanwhile, .ctx = t};
    int fd = open(t->to, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
    return sqlite_copy(&c, t->error, sizeof(t->error));
}

/* Entries of a@x in a database. */
static int64_t count_in(const char *path)
{
    struct sqlite_config config = {.path = path};
    char error[TEST_ERROR_BYTES];
    int err;
    struct store *s = sqlite_open(&config, error, sizeof(error), &err);
    assert_non_null(s);
    struct desk *d = desk_new(s);
    int64_t count = test_count(d, "a@x");
    desk_free(&d);
    return count;
}

static void O18_a_copy_is_the_moment_when_it_began(void **state)
{
    struct copy_test *t = *state;
    struct sqlite_report report;
    assert_int_equal(copy(t, false), 0);
    assert_true(t->steps > 1);
    assert_int_equal(sqlite_verify(t->to, &report, t->error, sizeof(t->error)), 0);
    assert_int_equal(report.entries, 10);
    assert_int_equal(report.items, 1);
    assert_int_equal(test_count(t->desk, "a@x"), 10 + t->steps);
    assert_int_equal(count_in(t->to), 10);
}

static void a_database_that_was_killed_is_copied_with_its_log(void **state)
{
    struct copy_test *t = *state;
    static char bytes[4096];
    char wal[TEST_PATH_BYTES], other[TEST_PATH_BYTES + 8];
    const char *const suffixes[] = {"", "-wal"};
    /* What a kill leaves: both files as they are now. */
    for (int i = 0; i < 2; i++) {
        FILE *in = fopen(test_beside(&t->place, suffixes[i], wal), "rb");
        snprintf(other, sizeof(other), "%s.kill%s", t->place.path, suffixes[i]);
        FILE *out = fopen(other, "wb");
        assert_true(in != NULL && out != NULL);
        for (size_t n; (n = fread(bytes, 1, sizeof(bytes), in)) > 0;)
            assert_int_equal(fwrite(bytes, 1, n, out), n);
        fclose(in);
        assert_int_equal(fclose(out), 0);
    }
    desk_free(&t->desk);
    snprintf(t->place.path, sizeof(t->place.path), "%.200s/burble.db.kill", t->place.dir);
    assert_int_equal(copy(t, true), 0);
    assert_int_equal(count_in(t->to), 10);
}

static void a_copy_that_is_given_up_says_so(void **state)
{
    struct copy_test *t = *state;
    t->give_up_at = 2;
    assert_int_equal(copy(t, false), ERR_CLOSED);
    assert_int_equal(t->steps, 2);
    assert_int_equal(test_count(t->desk, "a@x"), 12);
}

static void what_is_no_database_of_ours_is_not_copied(void **state)
{
    struct copy_test *t = *state;
    desk_free(&t->desk);
    int fd = open(t->place.path, O_WRONLY);
    assert_int_equal(pwrite(fd, "none", 4, 68), 4);
    close(fd);
    assert_int_equal(copy(t, true), ERR_CORRUPT);
    assert_non_null(strstr(t->error, "is not a database of burble"));
    assert_int_equal(unlink(t->to), 0);
    assert_int_equal(unlink(t->place.path), 0);
    assert_int_equal(copy(t, true), ERR_NOT_FOUND);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(O18_a_copy_is_the_moment_when_it_began),
        TEST(a_database_that_was_killed_is_copied_with_its_log),
        TEST(a_copy_that_is_given_up_says_so),
        TEST(what_is_no_database_of_ours_is_not_copied),
    };
    return cmocka_run_group_tests_name("sqlite copy", tests, NULL, NULL);
}
