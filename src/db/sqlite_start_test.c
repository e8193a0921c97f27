/* Opening a database: what is created, what is refused and with which words (catalogue rows D03,
 * D10, D11, D12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/sql.h"
#include "db/sqlite_schema.h"
#include "db/test_support.h"

static int set_up(void **state)
{
    static struct test_place place;
    test_place_make(&place);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    test_place_remove(*state);
    return 0;
}

/* A database with something in it, closed in order. */
static void make_database(struct test_place *p)
{
    struct desk *d = test_open(p);
    for (int i = 0; i < 500; i++)
        assert_int_equal(test_append(d, "a@x", "some text in an entry", NULL), 0);
    assert_int_equal(test_put(d, "a@x", "k", "v"), 0);
    desk_free(&d);
}

struct bytes {
    char *ptr;
    size_t len;
};

static struct bytes read_bytes(const char *path)
{
    struct bytes b = {0};
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL && fseek(f, 0, SEEK_END) == 0);
    b.len = (size_t)ftell(f);
    b.ptr = mem_alloc(b.len);
    rewind(f);
    CHECK(fread(b.ptr, 1, b.len, f) == b.len);
    fclose(f);
    return b;
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

/* It is refused, the text names the file and has these words, and not a byte is changed. */
static void expect_refusal(struct test_place *p, int err, const char *words)
{
    struct bytes before = read_bytes(p->path);
    assert_null(test_open_store(p));
    assert_int_equal(p->err, err);
    assert_non_null(strstr(p->error, p->path));
    if (strstr(p->error, words) == NULL)
        fail_msg("no \"%s\" in \"%s\"", words, p->error);
    struct bytes after = read_bytes(p->path);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.ptr, after.ptr, before.len);
    mem_free(before.ptr);
    mem_free(after.ptr);
}

static void a_new_database_is_private_and_complete(void **state)
{
    struct test_place *p = *state;
    char left[TEST_PATH_BYTES];
    write_bytes(test_beside(p, ".new", left), "half", 4);
    struct desk *d = test_open(p);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(test_beside(p, "-wal", left), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    desk_free(&d);
    assert_int_not_equal(stat(test_beside(p, ".new", left), &st), 0);
    assert_int_not_equal(stat(test_beside(p, "-wal", left), &st), 0);
    assert_int_equal(test_log_count(p, "event="), 0);
}

static void what_was_stored_is_there_after_a_restart(void **state)
{
    struct test_place *p = *state;
    make_database(p);
    for (int i = 0; i < 3; i++) {
        struct desk *d = test_open(p);
        assert_int_equal(test_count(d, "a@x"), 500);
        assert_true(test_has(d, "a@x", "k", "v"));
        desk_free(&d);
    }
    assert_int_equal(test_log_count(p, "event="), 0);
}

static void positions_are_never_given_twice(void **state)
{
    struct test_place *p = *state;
    uint64_t last = 0, position;
    for (int i = 0; i < 4; i++) {
        struct desk *d = test_open(p);
        assert_int_equal(test_append(d, "a@x", "text", &position), 0);
        assert_true(position > last);
        last = position;
        struct store_request *r = store_batch_new(0, 0);
        if (i % 2 == 0)
            store_drop(r, SLICE("a@x"), SLICE("archive"), 0, UINT64_MAX);
        else
            store_drop_owner(r, SLICE("a@x"));
        desk_do(d, r);
        assert_int_equal(r->err, 0);
        store_request_free(&r);
        assert_int_equal(test_count(d, "a@x"), 0);
        desk_free(&d);
    }
}

static void D03_no_right_to_write_is_said_with_file_and_user(void **state)
{
    struct test_place *p = *state;
    make_database(p);
    assert_int_equal(chmod(p->path, 0400), 0);
    assert_int_equal(chmod(p->dir, 0555), 0);
    /* The superuser may write anything; a child gives that up. */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (chmod(p->path, 0444) != 0 || setuid(65534) != 0))
            _exit(9);
        char uid[32];
        snprintf(uid, sizeof(uid), "uid %u", (unsigned)geteuid());
        bool right = test_open_store(p) == NULL && p->err == ERR_READONLY &&
                     strstr(p->error, p->path) != NULL && strstr(p->error, uid) != NULL;
        if (!right)
            fprintf(stderr, "%d %s\n", p->err, p->error);
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(p->dir, 0755), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_missing_directory_is_said(void **state)
{
    struct test_place *p = *state;
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof(path), "%.200s/absent/burble.db", p->dir);
    p->config.path = path;
    assert_null(test_open_store(p));
    assert_int_equal(p->err, ERR_IO);
    assert_non_null(strstr(p->error, path));
    p->config.path = p->dir;
    assert_null(test_open_store(p));
    assert_int_equal(p->err, ERR_IO);
}

static void D10_an_empty_file_is_refused(void **state)
{
    struct test_place *p = *state;
    write_bytes(p->path, "", 0);
    expect_refusal(p, ERR_CORRUPT, "is empty");
    char wal[TEST_PATH_BYTES];
    write_bytes(test_beside(p, "-wal", wal), "0123456789", 10);
    expect_refusal(p, ERR_CORRUPT, "is empty");
    assert_int_equal(unlink(p->path), 0);
    assert_null(test_open_store(p));
    assert_int_equal(p->err, ERR_CORRUPT);
    assert_non_null(strstr(p->error, "is missing"));
    assert_int_not_equal(access(p->path, F_OK), 0);
}

static void D10_a_cut_file_is_refused(void **state)
{
    struct test_place *p = *state;
    make_database(p);
    struct bytes whole = read_bytes(p->path);
    static const size_t cuts[] = {1, 50, 100, 4096, 20000};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        write_bytes(p->path, whole.ptr, cuts[i]);
        expect_refusal(p, ERR_CORRUPT, "is cut off");
    }
    write_bytes(p->path, whole.ptr, whole.len - 1);
    expect_refusal(p, ERR_CORRUPT, "is cut off");
    write_bytes(p->path, whole.ptr, whole.len);
    struct desk *d = test_open(p);
    assert_int_equal(test_count(d, "a@x"), 500);
    desk_free(&d);
    mem_free(whole.ptr);
}

static void D10_a_damaged_page_is_refused(void **state)
{
    struct test_place *p = *state;
    make_database(p);
    struct bytes whole = read_bytes(p->path);
    unsigned refused = 0, pages = 0;
    for (size_t at = 4096; at < whole.len; at += 4096, pages++) {
        char *page = mem_alloc(whole.len);
        memcpy(page, whole.ptr, whole.len);
        memset(page + at, 0xa5, 100);
        write_bytes(p->path, page, whole.len);
        expect_refusal(p, ERR_CORRUPT, "is damaged");
        refused++;
        mem_free(page);
    }
    assert_true(pages > 5);
    assert_int_equal(refused, pages);
    memset(whole.ptr, 'x', 200);
    write_bytes(p->path, whole.ptr, whole.len);
    expect_refusal(p, ERR_CORRUPT, "is not a database");
    mem_free(whole.ptr);
}

static void exec_raw(struct test_place *p, const char *text)
{
    sqlite3 *db;
    CHECK(sqlite3_open(p->path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void D10_a_database_of_another_program_is_refused(void **state)
{
    struct test_place *p = *state;
    exec_raw(p, "PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    expect_refusal(p, ERR_CORRUPT, "is not a database of burble");
}

static void D11_a_locked_database_is_said_to_be_in_use(void **state)
{
    struct test_place *p = *state;
    make_database(p);
    sqlite3 *db;
    CHECK(sqlite3_open(p->path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL) ==
          SQLITE_OK);
    assert_null(test_open_store(p));
    assert_int_equal(p->err, ERR_BUSY);
    assert_non_null(strstr(p->error, "in use"));
    sqlite3_close(db);
}

static void D12_a_newer_version_is_refused_with_both_numbers(void **state)
{
    struct test_place *p = *state;
    make_database(p);
    char text[64], newest[32];
    snprintf(text, sizeof(text), "PRAGMA user_version=%d", sqlite_schema_newest() + 6);
    snprintf(newest, sizeof(newest), "up to %d:", sqlite_schema_newest());
    exec_raw(p, text);
    snprintf(text, sizeof(text), "has version %d,", sqlite_schema_newest() + 6);
    expect_refusal(p, ERR_SCHEMA, text);
    expect_refusal(p, ERR_SCHEMA, newest);
}

static int64_t raw_number(sqlite3 *db, const char *text)
{
    int64_t n = 0;
    CHECK(sql_number(db, text, &n) == 0);
    return n;
}

static void D12_a_step_that_fails_leaves_the_version_before_it(void **state)
{
    struct test_place *p = *state;
    sqlite3 *db;
    char text[64];
    int version;
    CHECK(sqlite3_open(p->path, &db) == SQLITE_OK);
    snprintf(text, sizeof(text), "PRAGMA application_id=%d", SQLITE_SCHEMA_APPLICATION);
    CHECK(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK);
    static const char *const steps[] = {
        "CREATE TABLE one (x); INSERT INTO one VALUES (1)",
        "ALTER TABLE one ADD COLUMN y; UPDATE one SET y=2; CREATE TABLE two (x)",
        "DROP TABLE two; UPDATE one SET y=3; INSERT INTO nowhere VALUES (1)",
    };
    assert_int_equal(sqlite_schema_steps(db, steps, 3, &version), ERR_CORRUPT);
    assert_int_equal(raw_number(db, "PRAGMA user_version"), 2);
    assert_int_equal(raw_number(db, "SELECT y FROM one"), 2);
    assert_int_equal(raw_number(db, "SELECT count(*) FROM sqlite_schema WHERE name='two'"), 1);
    assert_int_equal(sqlite_schema_steps(db, steps, 2, &version), 0);
    assert_int_equal(version, 2);
    assert_int_equal(sqlite_schema_steps(db, steps, 1, &version), ERR_SCHEMA);
    assert_int_equal(version, 2);
    sqlite3_close(db);
}

static void an_unclean_end_is_noticed_and_checked(void **state)
{
    struct test_place *p = *state;
    make_database(p);
    exec_raw(p, "UPDATE state SET clean=0");
    struct desk *d = test_open(p);
    assert_int_equal(test_log_count(p, "event=start.recovered"), 1);
    desk_free(&d);
    d = test_open(p);
    assert_int_equal(test_log_count(p, "event=start.recovered"), 1);
    desk_free(&d);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_database_is_private_and_complete),
        TEST(what_was_stored_is_there_after_a_restart),
        TEST(positions_are_never_given_twice),
        TEST(D03_no_right_to_write_is_said_with_file_and_user),
        TEST(a_missing_directory_is_said),
        TEST(D10_an_empty_file_is_refused),
        TEST(D10_a_cut_file_is_refused),
        TEST(D10_a_damaged_page_is_refused),
        TEST(D10_a_database_of_another_program_is_refused),
        TEST(D11_a_locked_database_is_said_to_be_in_use),
        TEST(D12_a_newer_version_is_refused_with_both_numbers),
        TEST(D12_a_step_that_fails_leaves_the_version_before_it),
        TEST(an_unclean_end_is_noticed_and_checked),
    };
    return cmocka_run_group_tests_name("sqlite start", tests, NULL, NULL);
}
