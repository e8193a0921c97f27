/* Tests of programs in the loop: real ones, of POSIX's shell and utilities. */
#include "burble/test_support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/child.h"

static struct burble_loop *loop;
static struct child *child;
static struct buf lines, out, err;
static int done_count, status;
static bool late, cut;
/* What the callbacks do. */
static bool free_in_line, free_in_done, pause_in_line;

static void on_line(struct child *c, struct slice line, void *arg)
{
    assert_ptr_equal(arg, &lines);
    assert_int_equal(line.ptr[line.len], '\0');
    buf_add(&lines, line);
    buf_byte(&lines, '|');
    if (free_in_line)
        child_free(&child);
    if (pause_in_line)
        child_pause(c, true);
}

static void on_done(struct child *c, const struct child_result *r, void *arg)
{
    (void)c, (void)arg;
    done_count++;
    status = r->status;
    late = r->late;
    cut = r->cut;
    buf_add(&out, r->out);
    buf_add(&err, r->err);
    if (free_in_done)
        child_free(&child);
}

static int start(struct child_config config, const char *script)
{
    char sh[] = "sh", c[] = "-c", *copy = mem_copy(slice_z(script));
    char *argv[] = {sh, c, copy, NULL};
    child_free(&child);
    buf_clear(&lines);
    buf_clear(&out);
    buf_clear(&err);
    done_count = 0;
    free_in_line = free_in_done = pause_in_line = false;
    if (config.argv == NULL)
        config.argv = argv;
    config.done = on_done;
    config.arg = &lines;
    int e = child_start(loop, &config, &child);
    mem_free(copy);
    return e;
}

static void turn(void)
{
    assert_int_equal(burble_loop_wait(loop, -1), 0);
}

static void finish(void)
{
    while (done_count == 0)
        turn();
    assert_int_equal(done_count, 1);
}

static void is(struct buf *b, const char *text)
{
    assert_int_equal(buf_byte(b, '\0'), 0);
    assert_string_equal(buf_slice(b).ptr, text);
    buf_truncate(b, buf_len(b) - 1);
}

static void output_and_errors_are_kept_apart(void **state)
{
    (void)state;
    struct child_config config = {.output_max = 100};
    assert_int_equal(start(config, "echo one; echo two >&2; exit 3"), 0);
    finish();
    is(&out, "one\n");
    is(&err, "two\n");
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_false(late || cut);
}

static void what_is_too_much_is_read_and_dropped(void **state)
{
    (void)state;
    struct child_config config = {.output_max = 10};
    assert_int_equal(start(config, "head -c 300000 /dev/zero | tr '\\0' x; echo end >&2"), 0);
    finish();
    is(&out, "xxxxxxxxxx");
    is(&err, "end\n");
    assert_true(cut);
    assert_int_equal(status, 0);
}

static void who_takes_too_long_is_killed_with_all_of_it(void **state)
{
    (void)state;
    struct child_config config = {.output_max = 100, .time_ms = 50};
    assert_int_equal(start(config, "echo begun; sleep 1000 & sleep 1000; echo never"), 0);
    finish();
    is(&out, "begun\n");
    assert_true(late && WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void what_it_leaves_behind_is_not_waited_for(void **state)
{
    (void)state;
    struct child_config config = {.output_max = 100};
    assert_int_equal(start(config, "sleep 1000 & echo $!"), 0);
    finish();
    assert_int_equal(buf_byte(&out, '\0'), 0);
    pid_t left = (pid_t)strtol(buf_slice(&out).ptr, NULL, 10);
    assert_true(left > 1);
    while (kill(left, 0) == 0) /* killed with its group; it goes when init has seen it */
        poll(NULL, 0, 1);
    /* In a group of its own nobody kills it, but its hold on the output does not keep us. */
    assert_int_equal(start(config, "setsid sleep 8 & echo here"), 0);
    finish();
    is(&out, "here\n");
    assert_false(late);
}

static void lines_are_told_as_they_come(void **state)
{
    (void)state;
    struct child_config config = {.line = on_line, .open = true};
    assert_int_equal(start(config, "while read -r x; do echo \"<$x>\"; done; printf end"), 0);
    assert_int_equal(child_write(child, SLICE("a\nb b\n")), 0);
    while (buf_len(&lines) < 10)
        turn();
    is(&lines, "<a>|<b b>|");
    assert_int_equal(child_write(child, SLICE("\n")), 0);
    while (buf_len(&lines) < 13)
        turn();
    child_stop(&child, 5000);
    assert_null(child);
    assert_int_equal(done_count, 0);
}

static void the_last_line_needs_no_end(void **state)
{
    (void)state;
    struct child_config config = {.line = on_line};
    assert_int_equal(start(config, "printf 'a\\n\\nb'"), 0);
    finish();
    is(&lines, "a||b|");
}

static void a_line_without_end_comes_in_pieces(void **state)
{
    (void)state;
    struct child_config config = {.line = on_line};
    assert_int_equal(start(config, "head -c 2500000 /dev/zero | tr '\\0' x"), 0);
    finish();
    size_t pieces = 0;
    for (size_t i = 0; i < buf_len(&lines); i++)
        pieces += buf_slice(&lines).ptr[i] == '|';
    assert_int_equal(pieces, 3);
    assert_int_equal(buf_len(&lines), 2500003);
}

static void who_does_not_read_is_told_of(void **state)
{
    (void)state;
    static char much[1 << 20];
    struct child_config config = {.line = on_line, .open = true};
    int e = 0, i = 0;
    memset(much, 'x', sizeof(much));
    assert_int_equal(start(config, "exec sleep 1000"), 0);
    while (e == 0 && i++ < 10)
        e = child_write(child, slice_of(much, sizeof(much)));
    assert_int_equal(e, ERR_FULL);
    assert_true(i >= 4 && i <= 6);
    child_free(&child);
    assert_int_equal(start(config, "exec <&-; echo closed; sleep 1000"), 0);
    while (buf_len(&lines) == 0)
        turn();
    assert_int_equal(child_write(child, SLICE("x")), ERR_CLOSED);
    assert_int_equal(child_write(child, SLICE("x")), ERR_CLOSED);
    assert_int_equal(done_count, 0);
}

static void paused_it_waits(void **state)
{
    (void)state;
    struct child_config config = {.line = on_line};
    assert_int_equal(start(config, "echo a; echo b; echo c; exit 2"), 0);
    pause_in_line = true;
    while (buf_len(&lines) == 0)
        turn();
    for (int i = 0; i < 20; i++) {
        poll(NULL, 0, 5);
        burble_loop_step(loop);
    }
    is(&lines, "a|");
    assert_int_equal(done_count, 0);
    child_pause(child, false);
    while (buf_len(&lines) < 4)
        turn();
    is(&lines, "a|b|");
    pause_in_line = false;
    child_pause(child, false);
    finish();
    is(&lines, "a|b|c|");
    assert_int_equal(WEXITSTATUS(status), 2);
}

static void V16_it_is_freed_in_its_callbacks(void **state)
{
    (void)state;
    struct child_config config = {.line = on_line};
    assert_int_equal(start(config, "echo a; echo b; sleep 1000"), 0);
    free_in_line = true;
    while (child != NULL)
        turn();
    is(&lines, "a|");
    assert_int_equal(start(config, "echo a"), 0);
    free_in_done = true;
    finish();
    assert_null(child);
}

static void what_cannot_start_says_why(void **state)
{
    (void)state;
    char none[] = "/nonexistent/program", dir[] = "/tmp", echo[] = "echo",
         *much = mem_alloc(1 << 20);
    char *argv[] = {none, NULL};
    assert_int_equal(start((struct child_config){.argv = argv}, ""), ERR_NOT_FOUND);
    argv[0] = dir;
    assert_int_equal(start((struct child_config){.argv = argv}, ""), ERR_REFUSED);
    memset(much, 'x', (1 << 20) - 1);
    char *long_argv[] = {echo, much, NULL};
    assert_int_equal(start((struct child_config){.argv = long_argv}, ""), ERR_LIMIT);
    assert_null(child);
    mem_free(much);
}

static void its_environment_is_what_is_said(void **state)
{
    (void)state;
    char path[] = "PATH=/usr/bin:/bin", text[] = "TEXT=$(id) `id`; id 'x\" -o";
    char *env[] = {path, text, NULL};
    assert_int_equal(
        start((struct child_config){.env = env, .output_max = 100}, "printf %s \"$TEXT$HOME\""), 0);
    finish();
    is(&out, text + 5);
    /* Neither our descriptors nor our signals are its affair. */
    assert_int_equal(start((struct child_config){.output_max = 1000},
                           "ls -l /proc/self/fd | grep -c anon_inode; grep -c 'SigBlk:.*00000$' "
                           "/proc/self/status"),
                     0);
    finish();
    is(&out, "0\n1\n");
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return burble_loop_new(NULL, &loop);
}

static int teardown(void **state)
{
    (void)state;
    child_free(&child);
    burble_loop_free(&loop);
    buf_free(&lines);
    buf_free(&out);
    buf_free(&err);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_errors_are_kept_apart),
        cmocka_unit_test(what_is_too_much_is_read_and_dropped),
        cmocka_unit_test(who_takes_too_long_is_killed_with_all_of_it),
        cmocka_unit_test(what_it_leaves_behind_is_not_waited_for),
        cmocka_unit_test(lines_are_told_as_they_come),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(a_line_without_end_comes_in_pieces),
        cmocka_unit_test(who_does_not_read_is_told_of),
        cmocka_unit_test(paused_it_waits),
        cmocka_unit_test(V16_it_is_freed_in_its_callbacks),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(its_environment_is_what_is_said),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
