/* Faults of the disk at run time: full, read-only, failing, slow, gone, locked (catalogue rows D01,
 * D02, D04, D07, D08, D11, D14, D16). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/shim_vfs.h"
#include "db/test_support.h"

static int set_up(void **state)
{
    static struct test_place place;
    shim_reset();
    test_place_make(&place);
    place.config.vfs = SHIM_VFS;
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    shim_reset();
    test_place_remove(*state);
    return 0;
}

static struct store_request *big_batch(size_t bytes)
{
    static unsigned char fill;
    char *value = mem_alloc(bytes);
    memset(value, ++fill, bytes); /* what does not change is not written */
    struct store_request *r = store_batch_new(0, 0);
    store_put(r, SLICE("big@x"), SLICE("vcard"), SLICE(""), slice_of(value, bytes));
    mem_free(value);
    return r;
}

static void D01_full_disk_refuses_and_recovers(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    assert_int_equal(test_append(d, "a@x", "before", NULL), 0);
    shim_fail(SHIM_WAL, SHIM_WRITE, SQLITE_FULL, 0, SIZE_MAX);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(test_append(d, "a@x", "during", NULL), ERR_FULL);
        assert_int_equal(test_put(d, "b@x", "k", "v"), ERR_FULL);
    }
    assert_int_equal(test_count(d, "a@x"), 1);
    assert_int_equal(test_log_count(p, "event=store.full"), 1);
    shim_reset();
    uint64_t position;
    assert_int_equal(test_append(d, "a@x", "after", &position), 0);
    assert_int_equal(test_put(d, "b@x", "k", "v2"), 0);
    assert_int_equal(test_count(d, "a@x"), 2);
    assert_true(test_has(d, "b@x", "k", "v2"));
    desk_free(&d);
    d = test_open(p);
    assert_int_equal(test_count(d, "a@x"), 2);
    assert_int_equal(p->log.fatal, 0);
    desk_free(&d);
}

static void D01_a_batch_that_does_not_fit_fails_alone(void **state)
{
    struct test_place *p = *state;
    p->config.page_limit = 200;
    struct desk *d = test_open(p);
    /* Held so that they wait together and become one group. */
    shim_hold(SHIM_WAL);
    struct store_request *first = store_batch_new(0, 0);
    store_put(first, SLICE("a@x"), SLICE("roster"), SLICE("first"), SLICE("v"));
    desk_submit(d, first);
    shim_wait_held();
    for (uint64_t i = 1; i <= 40; i++) {
        struct store_request *r = i == 20 ? big_batch(4 << 20) : store_batch_new(0, 0);
        r->ticket = i;
        char key[16];
        snprintf(key, sizeof(key), "k%d", (int)i);
        store_put(r, SLICE("a@x"), SLICE("roster"), slice_z(key), SLICE("v"));
        store_append(r, SLICE("archive"), &SLICE("a@x"), 1, &(struct store_labels){0}, SLICE("t"));
        desk_submit(d, r);
    }
    shim_let_go();
    uint64_t position = 0;
    for (uint64_t i = 0; i <= 40; i++) {
        struct store_request *r = desk_next(d);
        assert_int_equal(r->ticket, i);
        assert_int_equal(r->err, i == 20 ? ERR_FULL : 0);
        assert_int_equal(r->position, i == 20 || i == 0 ? 0 : ++position);
        store_request_free(&r);
    }
    assert_int_equal(test_count(d, "a@x"), 39);
    assert_true(test_has(d, "a@x", "k40", "v"));
    assert_false(test_has(d, "a@x", "k20", "v"));
    assert_int_equal(test_log_count(p, "event=store.full"), 1);
    desk_free(&d);
}

/* Some of the writes fail, all the time: what was answered is there, the rest is not. */
static void D01_a_disk_that_is_full_now_and_then_loses_nothing(void **state)
{
    struct test_place *p = *state;
    p->config.lot_rows = 20;
    struct desk *d = test_open(p);
    bool there[400] = {false};
    for (uint64_t i = 0; i < 400; i++) {
        struct store_request *r = store_batch_new(0, i);
        char key[16];
        snprintf(key, sizeof(key), "k%d", (int)i);
        struct slice owners[] = {SLICE("a@x"), slice_z(key)};
        store_put(r, SLICE("a@x"), SLICE("roster"), slice_z(key), SLICE("v"));
        store_append(r, SLICE("archive"), owners, 2, &(struct store_labels){0}, slice_z(key));
        desk_submit(d, r);
        shim_fail_some(SQLITE_FULL, 30, i);
        if (i % 10 != 9)
            continue;
        for (uint64_t k = i - 9; k <= i; k++) {
            r = desk_next(d);
            assert_int_equal(r->ticket, k);
            assert_true(r->err == 0 || r->err == ERR_FULL);
            there[k] = r->err == 0;
            store_request_free(&r);
        }
    }
    assert_true(shim_failed() > 0);
    shim_reset();
    for (int again = 0; again < 2; again++) {
        int64_t count = 0;
        for (int i = 0; i < 400; i++) {
            char key[16];
            snprintf(key, sizeof(key), "k%d", i);
            assert_int_equal(test_has(d, "a@x", key, "v"), there[i]);
            assert_int_equal(test_count(d, key), there[i]);
            count += there[i];
        }
        assert_int_equal(test_count(d, "a@x"), count);
        desk_free(&d);
        d = test_open(p);
    }
    desk_free(&d);
}

/* Writes until the log has been moved, or could have been, several times. */
static void write_much(struct desk *d, int batches, int err)
{
    for (int i = 0; i < batches; i++) {
        struct store_request *r = big_batch(256 << 10);
        desk_do(d, r);
        assert_int_equal(r->err, err);
        store_request_free(&r);
    }
}

static void D02_full_disk_when_the_log_is_moved(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    shim_fail(SHIM_DATABASE, SHIM_WRITE, SQLITE_FULL, 0, SIZE_MAX);
    write_much(d, 120, 0);
    assert_true(shim_failed() > 0);
    assert_int_equal(test_log_count(p, "event=store.full"), 1);
    shim_reset();
    write_much(d, 60, 0);
    desk_free(&d);
    struct stat st;
    char wal[TEST_PATH_BYTES];
    assert_int_not_equal(stat(test_beside(p, "-wal", wal), &st), 0);
    assert_int_equal(p->log.fatal, 0);
}

static void the_log_is_moved_while_it_is_written(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    write_much(d, 200, 0);
    struct stat st;
    char wal[TEST_PATH_BYTES];
    assert_int_equal(stat(test_beside(p, "-wal", wal), &st), 0);
    /* 50 MiB were written. */
    assert_true(st.st_size < 24 << 20);
    desk_free(&d);
}

static void D04_read_only_at_run_time(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    assert_int_equal(test_append(d, "a@x", "before", NULL), 0);
    shim_fail(SHIM_WAL, SHIM_WRITE, SQLITE_READONLY, 0, SIZE_MAX);
    for (int i = 0; i < 5; i++)
        assert_int_equal(test_append(d, "a@x", "during", NULL), ERR_READONLY);
    assert_int_equal(test_count(d, "a@x"), 1);
    assert_int_equal(test_log_count(p, "event=store.readonly"), 1);
    shim_reset();
    assert_int_equal(test_append(d, "a@x", "after", NULL), 0);
    assert_int_equal(test_count(d, "a@x"), 2);
    desk_free(&d);
}

/* Appends; the count must say afterwards what the answer said. */
static void append_and_compare(struct desk *d, int64_t *count)
{
    int err = test_append(d, "a@x", "text", NULL);
    assert_true(err == 0 || err == ERR_IO);
    *count += err == 0;
    assert_int_equal(test_count(d, "a@x"), *count);
}

static void fail_once(struct test_place *p, enum shim_file file, enum shim_call call, int code)
{
    int64_t count = 0;
    struct desk *d = test_open(p);
    append_and_compare(d, &count);
    for (size_t after = 0; after < 4; after++) {
        size_t failed = shim_failed();
        shim_fail(file, call, code, after, 1);
        for (int i = 0; i < 10 && shim_failed() == failed; i++) {
            append_and_compare(d, &count);
            if (file == SHIM_DATABASE)
                write_much(d, 20, 0);
        }
        assert_int_equal(shim_failed(), failed + 1);
        for (int i = 0; i < 5; i++)
            append_and_compare(d, &count);
    }
    assert_true(count >= 20);
    assert_int_equal(p->log.fatal, 0);
    assert_true(test_log_count(p, "event=store.fsync") >= 1);
    desk_free(&d);
    d = test_open(p);
    assert_int_equal(test_count(d, "a@x"), count);
    desk_free(&d);
}

static void D07_a_failed_sync_is_not_trusted(void **state)
{
    fail_once(*state, SHIM_WAL, SHIM_SYNC, SQLITE_IOERR_FSYNC);
}

static void D07_a_failed_write_is_not_trusted(void **state)
{
    fail_once(*state, SHIM_WAL, SHIM_WRITE, SQLITE_IOERR_WRITE);
}

static void D07_a_failed_sync_of_the_database_is_not_trusted(void **state)
{
    fail_once(*state, SHIM_DATABASE, SHIM_SYNC, SQLITE_IOERR_FSYNC);
}

static void D07_a_disk_that_keeps_failing_is_fatal(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    assert_int_equal(test_append(d, "a@x", "kept", NULL), 0);
    shim_fail(SHIM_WAL, SHIM_SYNC, SQLITE_IOERR_FSYNC, 0, SIZE_MAX);
    shim_fail(SHIM_DATABASE, SHIM_SYNC, SQLITE_IOERR_FSYNC, 0, SIZE_MAX);
    for (int i = 0; i < 3; i++)
        assert_int_equal(test_append(d, "a@x", "lost", NULL), ERR_IO);
    assert_int_equal(test_count(d, "a@x"), ERR_IO);
    assert_int_equal(p->log.fatal, 1);
    assert_true(test_log_count(p, "event=store.fsync") >= 1);
    desk_free(&d);
    shim_reset();
    d = test_open(p);
    assert_true(test_count(d, "a@x") >= 1);
    desk_free(&d);
}

static void D08_a_slow_sync_holds_nobody_but_its_own(void **state)
{
    struct test_place *p = *state;
    p->config.slow_ms = 20;
    struct desk *d = test_open(p);
    assert_int_equal(test_put(d, "a@x", "k", "old"), 0);
    shim_hold(SHIM_WAL);
    struct store_request *r = store_batch_new(0, 1);
    store_put(r, SLICE("a@x"), SLICE("roster"), SLICE("k"), SLICE("new"));
    desk_submit(d, r);
    shim_wait_held();
    /* The commit is under way; what is visible is durable, so it is not yet visible. */
    for (int i = 0; i < 10; i++)
        assert_true(test_has(d, "a@x", "k", "old"));
    assert_int_equal(desk_waiting(d), 0);
    usleep(25000);
    shim_let_go();
    r = desk_next(d);
    assert_int_equal(r->ticket, 1);
    assert_int_equal(r->err, 0);
    store_request_free(&r);
    assert_true(test_has(d, "a@x", "k", "new"));
    assert_int_equal(test_log_count(p, "event=store.slow"), 1);
    desk_free(&d);
}

static sqlite3 *open_raw(struct test_place *p)
{
    sqlite3 *db;
    CHECK(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    return db;
}

static void D11_a_backup_tool_that_locks_is_waited_for(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    sqlite3 *other = open_raw(p);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(test_append(d, "a@x", "text", NULL), ERR_BUSY);
    assert_int_equal(test_log_count(p, "event=store.locked"), 1);
    assert_int_equal(test_count(d, "a@x"), 0);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(test_append(d, "a@x", "text", NULL), 0);
    sqlite3_close(other);
    desk_free(&d);
}

static void D14_a_file_that_is_gone_acknowledges_nothing(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    assert_int_equal(test_append(d, "a@x", "before", NULL), 0);
    char moved[TEST_PATH_BYTES];
    test_beside(p, ".moved", moved);
    assert_int_equal(rename(p->path, moved), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(test_append(d, "a@x", "during", NULL), ERR_READONLY);
    struct stat st;
    assert_int_not_equal(stat(p->path, &st), 0);
    assert_int_equal(test_log_count(p, "event=store.gone"), 1);
    assert_int_equal(rename(moved, p->path), 0);
    assert_int_equal(test_append(d, "a@x", "after", NULL), 0);
    assert_int_equal(p->log.fatal, 0);
    desk_free(&d);
}

static void D16_a_long_query_is_ended(void **state)
{
    struct test_place *p = *state;
    p->config.query_ms_max = 1;
    struct desk *d = test_open(p);
    for (int i = 0; i < 8; i++) {
        struct store_request *r = store_batch_new(0, 0);
        for (int k = 0; k < 5000; k++)
            store_append(r, SLICE("archive"), &SLICE("a@x"), 1, &(struct store_labels){0},
                         SLICE("some text"));
        desk_do(d, r);
        assert_int_equal(r->err, 0);
        store_request_free(&r);
    }
    assert_int_equal(test_count(d, "a@x"), ERR_BUSY);
    assert_int_equal(test_count(d, "b@x"), 0);
    desk_free(&d);
}

static void D16_a_reader_that_stays_does_not_delay_the_writer(void **state)
{
    struct test_place *p = *state;
    struct desk *d = test_open(p);
    sqlite3 *other = open_raw(p);
    assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT * FROM state", NULL, NULL, NULL),
                     SQLITE_OK);
    write_much(d, 60, 0);
    assert_int_equal(test_append(d, "a@x", "text", NULL), 0);
    struct stat st;
    char wal[TEST_PATH_BYTES];
    assert_int_equal(stat(test_beside(p, "-wal", wal), &st), 0);
    assert_true(st.st_size > 12 << 20);
    sqlite3_close(other);
    /* Then the log starts anew and is cut. */
    write_much(d, 60, 0);
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_size <= 17 << 20);
    desk_free(&d);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(D01_full_disk_refuses_and_recovers),
        TEST(D01_a_batch_that_does_not_fit_fails_alone),
        TEST(D01_a_disk_that_is_full_now_and_then_loses_nothing),
        TEST(D02_full_disk_when_the_log_is_moved),
        TEST(the_log_is_moved_while_it_is_written),
        TEST(D04_read_only_at_run_time),
        TEST(D07_a_failed_sync_is_not_trusted),
        TEST(D07_a_failed_write_is_not_trusted),
        TEST(D07_a_failed_sync_of_the_database_is_not_trusted),
        TEST(D07_a_disk_that_keeps_failing_is_fatal),
        TEST(D08_a_slow_sync_holds_nobody_but_its_own),
        TEST(D11_a_backup_tool_that_locks_is_waited_for),
        TEST(D14_a_file_that_is_gone_acknowledges_nothing),
        TEST(D16_a_long_query_is_ended),
        TEST(D16_a_reader_that_stays_does_not_delay_the_writer),
    };
    return cmocka_run_group_tests_name("sqlite faults", tests, NULL, NULL);
}
