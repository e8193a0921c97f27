/* Crashes: kill -9 of a process that writes (D05), and power cuts that lose or tear what was not
 * synced (D06, G2). Everything that was answered is there afterwards, every batch is whole, and the
 * file passes every check that SQLite has.
 *
 * BURBLE_CRASHES in the environment sets how many of each; a name of a test runs that one alone.
 * bench/power_cut makes ten thousand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "db/shim_vfs.h"
#include "db/sqlite_copy.h"
#include "db/test_support.h"

enum {
    CRASH_KILLS = 15,
    CRASH_CUTS = 120,
    CRASH_CUTS_OF_RECORD = 500, /* then another record is made */
    CRASH_ENTRIES = 300,        /* before the record of a power cut ends */
    CRASH_AT_ONCE = 6,
    CRASH_LOT_ROWS = 30,
};

static int set_up(void **state)
{
    static struct test_place place;
    shim_reset();
    test_place_make(&place);
    place.config.lot_rows = CRASH_LOT_ROWS;
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    shim_record_end();
    shim_reset();
    test_place_remove(*state);
    return 0;
}

static int wanted(int otherwise)
{
    int n = 0;
    return slice_to_int(slice_z(getenv("BURBLE_CRASHES")), &n) ? n : otherwise;
}

/* Batch n: one entry for two owners, one counter, one item of its own; now and then a drop. */
static struct store_request *numbered(uint64_t n)
{
    char text[32], peer[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    snprintf(peer, sizeof(peer), "peer%llu@x", (unsigned long long)(n % 7));
    struct slice owners[] = {SLICE("a@x"), slice_z(peer)};
    struct store_request *r = store_batch_new(0, n);
    store_append(r, SLICE("archive"), owners, 2, &(struct store_labels){0}, slice_z(text));
    store_put(r, SLICE("a@x"), SLICE("last"), SLICE(""), slice_z(text));
    store_put(r, SLICE("a@x"), SLICE("roster"), slice_z(text), SLICE("v"));
    if (n % 5 == 4)
        store_drop(r, slice_z(peer), SLICE("archive"), 0, UINT64_MAX);
    return r;
}

static uint64_t number_of(struct slice s)
{
    unsigned long long n = 0;
    return slice_to_u64(s, &n) ? n : UINT64_MAX;
}

/* Reads the log of a@x page by page: 1, 2, 3 and so on up to the last one. */
static void expect_entries(struct desk *d, uint64_t last)
{
    uint64_t n = 0, position = 0;
    bool more = true;
    while (more) {
        struct store_request *r = store_query_new(0, 0);
        store_range(r, SLICE("a@x"), SLICE("archive"), position + 1, UINT64_MAX, 10000, false);
        desk_do(d, r);
        assert_int_equal(r->err, 0);
        struct store_row row;
        for (size_t at = 0; store_rows(r, &at, &row);) {
            assert_int_equal(number_of(row.value), ++n);
            assert_true(row.position > position);
            position = row.position;
        }
        more = r->more;
        store_request_free(&r);
    }
    assert_int_equal(n, last);
}

/* The last number stored, 0 for none; fails unless all batches up to it are there, each whole. */
static uint64_t expect_whole(struct desk *d)
{
    struct store_request *r = store_query_new(0, 0);
    store_get(r, SLICE("a@x"), SLICE("last"), SLICE(""));
    store_count(r, SLICE("a@x"), SLICE("roster"));
    desk_do(d, r);
    assert_int_equal(r->err, 0);
    struct store_row row;
    uint64_t last = 0;
    for (size_t at = 0; store_rows(r, &at, &row);) {
        if (row.read == 0)
            last = number_of(row.value);
        else
            assert_int_equal(row.position, last);
    }
    store_request_free(&r);
    expect_entries(d, last);
    return last;
}

/* What the peers have left, from the entries themselves. */
static void expect_parts(struct desk *d, uint64_t last)
{
    for (uint64_t peer = 0; peer < 7; peer++) {
        int64_t left = 0;
        for (uint64_t n = 1; n <= last; n++)
            if (n % 7 == peer)
                left = n % 5 == 4 ? 0 : left + 1;
        char name[32];
        snprintf(name, sizeof(name), "peer%llu@x", (unsigned long long)peer);
        assert_int_equal(test_count(d, name), left);
    }
}

/* Writes batches from first on and tells every answered number, until it is killed. */
_Noreturn static void write_for_ever(const char *path, uint64_t first, int out)
{
    char error[TEST_ERROR_BYTES];
    int err;
    struct sqlite_config config = {.path = path, .lot_rows = CRASH_LOT_ROWS};
    struct store *s = sqlite_open(&config, error, sizeof(error), &err);
    CHECK(s != NULL);
    struct desk *d = desk_new(s);
    for (uint64_t sent = first, got = first;; got++) {
        while (sent < got + CRASH_AT_ONCE)
            desk_submit(d, numbered(sent++));
        struct store_request *r = desk_next(d);
        CHECK(r->err == 0 && r->ticket == got);
        CHECK(write(out, &r->ticket, sizeof(r->ticket)) == (ssize_t)sizeof(r->ticket));
        store_request_free(&r);
    }
}

static uint64_t kill_a_writer(struct test_place *p, uint64_t first, long after_us)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* A new program, as if started by hand: nothing of this one's threads is in it. */
        char number[32], out[16];
        snprintf(number, sizeof(number), "%llu", (unsigned long long)first);
        snprintf(out, sizeof(out), "%d", pipes[1]);
        close(pipes[0]);
        execl("/proc/self/exe", "writer", p->path, number, out, (char *)NULL);
        _exit(9);
    }
    close(pipes[1]);
    uint64_t number, answered = first - 1;
    /* The clock starts with the first answer, so that it dies while it writes. */
    if (read(pipes[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
        answered = number;
    assert_true(answered >= first);
    nanosleep(&(struct timespec){.tv_nsec = after_us * 1000}, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(pipes[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
        answered = number;
    close(pipes[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return answered;
}

static void D05_kill_loses_nothing_that_was_answered(void **state)
{
    struct test_place *p = *state;
    uint64_t last = 0;
    for (int i = 0; i < wanted(CRASH_KILLS); i++) {
        uint64_t answered = kill_a_writer(p, last + 1, 500 + i % 23 * 700);
        assert_true(answered > last);
        struct desk *d = test_open(p);
        last = expect_whole(d);
        assert_true(last >= answered);
        expect_parts(d, last);
        desk_free(&d);
    }
    assert_int_equal(test_log_count(p, "event=start.recovered"), (unsigned)wanted(CRASH_KILLS));
    assert_int_equal(test_log_count(p, "event="), (unsigned)wanted(CRASH_KILLS));
}

/* What was recorded: moments[n] is the record's length when batch n was answered. */
struct record {
    size_t moments[CRASH_ENTRIES + 1];
    size_t end;
};

/* salt: which batches are bulky, and so where the log is moved. */
static void record_writes(struct test_place *p, uint64_t salt, struct record *out)
{
    struct desk *d = test_open(p);
    desk_free(&d);
    shim_record(p->path);
    p->config.vfs = SHIM_VFS;
    d = test_open(p);
    char *bulk = mem_alloc(1 << 20);
    for (uint64_t sent = 1, got = 1; got <= CRASH_ENTRIES; got++) {
        while (sent < got + CRASH_AT_ONCE && sent <= CRASH_ENTRIES) {
            struct store_request *r = numbered(sent++);
            /* Enough that the log is moved a few times meanwhile. */
            memset(bulk, (int)sent, 1 << 20);
            if ((sent + salt) % (16 - salt % 5) == 0)
                store_put(r, SLICE("bulk@x"), SLICE("bulk"), SLICE(""),
                          slice_of(bulk, (1 << 20) - salt % 7 * 4001));
            desk_submit(d, r);
        }
        struct store_request *r = desk_next(d);
        assert_int_equal(r->err, 0);
        out->moments[got] = shim_moment();
        store_request_free(&r);
    }
    mem_free(bulk);
    desk_free(&d);
    out->end = shim_moment();
}

struct cuts {
    bool relaxed; /* commits are not synced: the last ones may be missing */
    uint64_t random, answered, answered_most, unanswered, missing;
};

/* One power cut at a random moment, and what is there when the power is back. */
static void cut(struct test_place *after, const struct record *record, struct cuts *c)
{
    c->random = c->random * 6364136223846793005U + 1442695040888963407U;
    size_t moment = 1 + (c->random >> 20) % record->end;
    shim_crash(moment, c->random, after->path);
    uint64_t answered = 0;
    while (answered < CRASH_ENTRIES && record->moments[answered + 1] <= moment)
        answered++;
    struct desk *d = test_open(after);
    uint64_t last = expect_whole(d);
    if (last < answered && !c->relaxed)
        fail_msg("moment %zu of %zu, seed %llu: %llu answered, %llu there", moment, record->end,
                 (unsigned long long)c->random, (unsigned long long)answered,
                 (unsigned long long)last);
    expect_parts(d, last);
    desk_free(&d);
    struct sqlite_report report;
    if (sqlite_verify(after->path, &report, after->error, sizeof(after->error)) != 0)
        fail_msg("moment %zu, seed %llu: %s", moment, (unsigned long long)c->random, after->error);
    assert_true((uint64_t)report.entries >= last);
    c->answered += answered;
    c->unanswered += last > answered ? last - answered : 0;
    c->missing += last < answered ? answered - last : 0;
    c->answered_most = answered > c->answered_most ? answered : c->answered_most;
}

static void make_cuts(struct cuts *c, int count)
{
    static struct record record;
    struct test_place after;
    test_place_make(&after);
    after.config.lot_rows = CRASH_LOT_ROWS;
    for (int i = 0; i < count; i++) {
        if (i % CRASH_CUTS_OF_RECORD == 0) {
            struct test_place again;
            shim_record_end();
            test_place_make(&again);
            again.config.lot_rows = CRASH_LOT_ROWS;
            again.config.relaxed = c->relaxed;
            record_writes(&again, (uint64_t)(i / CRASH_CUTS_OF_RECORD), &record);
            test_place_remove(&again);
        }
        cut(&after, &record, c);
    }
    assert_true(c->answered_most > CRASH_ENTRIES / 2);
    assert_int_equal(test_log_count(&after, "event=store"), 0);
    test_place_remove(&after);
}

static void D06_G2_power_cut_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    struct cuts c = {.random = 5};
    int cuts = wanted(CRASH_CUTS);
    make_cuts(&c, cuts);
    assert_int_equal(c.missing, 0);
    print_message(
        "power cuts: %d, answered batches: %llu, lost: 0, whole though not answered: %llu, "
        "damaged files: 0\n",
        cuts, (unsigned long long)c.answered, (unsigned long long)c.unanswered);
}

static void relaxed_a_power_cut_takes_the_last_commits_and_nothing_else(void **state)
{
    (void)state;
    struct cuts c = {.random = 6, .relaxed = true};
    make_cuts(&c, CRASH_CUTS / 2);
    assert_true(c.missing > 0); /* else it is not relaxed */
}

/* With arguments: the writer that is to be killed. */
int main(int argc, char **argv)
{
    unsigned long long first;
    int out;
    if (argc == 4 && slice_to_u64(slice_z(argv[2]), &first) && slice_to_int(slice_z(argv[3]), &out))
        write_for_ever(argv[1], first, out);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(D05_kill_loses_nothing_that_was_answered),
        TEST(D06_G2_power_cut_loses_nothing_that_was_answered),
        TEST(relaxed_a_power_cut_takes_the_last_commits_and_nothing_else),
    };
    return cmocka_run_group_tests_name("sqlite crashes", tests, NULL, NULL);
}
