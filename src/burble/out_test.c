/* Tests of what burble says, and of readers that go away (C09). */
#include "burble/test_support.h"

#include <signal.h>

static struct out o;

static void V72_lines_are_harmless(void **state)
{
    (void)state;
    struct test_catch caught = test_catch_begin(STDOUT_FILENO);
    assert_true(out_line(&o, "<%s> %d", "\033[2J\n\u202e", 7));
    assert_true(out_text(&o, SLICE("one\ntwo\033\n")));
    assert_string_equal(test_catch_end(&caught), "<\\x1b[2J\\x0a<U+202E>> 7\none\ntwo\\x1b\n\n");
    caught = test_catch_begin(STDERR_FILENO);
    out_error("a\nb%s", "\033\x80");
    assert_string_equal(test_catch_end(&caught), "burble: a\nburble: b\\x1b\\x80\n");
}

static void json_is_one_object_per_line_in_ascii(void **state)
{
    (void)state;
    struct test_catch caught = test_catch_begin(STDOUT_FILENO);
    assert_true(out_json(&o, json_pack("{s:o}", "body", out_string(SLICE("a\n\"\u202e\033é")))));
    assert_true(out_json(&o, json_pack("{s:o}", "body", out_string(SLICE("\xff x \xc3")))));
    assert_true(out_json(&o, json_pack("{s:o}", "b", out_string(slice_of("a\0b", 3)))));
    assert_true(out_json(&o, json_pack("{s:o}", "b", out_string(SLICE_NONE))));
    assert_string_equal(test_catch_end(&caught), "{\"body\":\"a\\n\\\"\\u202E\\u001B\\u00E9\"}\n"
                                                 "{\"body\":\"\\uFFFD x \\uFFFD\"}\n"
                                                 "{\"b\":\"a\\uFFFDb\"}\n"
                                                 "{\"b\":\"\"}\n");
}

static void notes_follow_the_options(void **state)
{
    (void)state;
    struct out quiet = {.quiet = true}, verbose = {.verbose = true};
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    out_note(&o, "1");
    out_note(&quiet, "2");
    out_detail(&o, "3");
    out_detail(&verbose, "4");
    assert_string_equal(test_catch_end(&caught), "burble: 1\nburble: 4\n");
}

static void colours_are_for_terminals(void **state)
{
    (void)state;
    struct out colour = {.colour = true};
    assert_string_equal(out_style(&o, OUT_RED), "");
    assert_string_equal(out_style(&colour, OUT_RED), "\033[31m");
    assert_string_equal(out_style(&colour, OUT_PLAIN), "\033[0m");
}

/* Standard output becomes fd; returns what it was. */
static int put_stdout(int fd)
{
    fflush(stdout);
    int was = dup(STDOUT_FILENO);
    assert_true(was >= 0);
    dup2(fd, STDOUT_FILENO);
    return was;
}

static void C09_a_closed_pipe_ends_quietly(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int was = put_stdout(fds[1]);
    struct out out;
    out_init(&out);
    bool first = out_line(&out, "x"), second = out_line(&out, "y"), open = out_open(&out);
    int done = out_end(&out, EXIT_DONE), refused = out_end(&out, EXIT_REFUSED);
    dup2(was, STDOUT_FILENO);
    close(was);
    close(fds[1]);
    assert_string_equal(test_catch_end(&caught), "");
    assert_false(first || second || open);
    assert_int_equal(done, EXIT_INTERRUPTED);
    assert_int_equal(refused, EXIT_REFUSED);
    clearerr(stdout);
}

static void a_full_disk_is_no_success(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0)
        skip();
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int was = put_stdout(full);
    struct out out;
    out_init(&out);
    bool went = out_line(&out, "x");
    int code = out_end(&out, EXIT_DONE), interrupted = out_end(&out, EXIT_INTERRUPTED);
    dup2(was, STDOUT_FILENO);
    close(was);
    close(full);
    test_has(test_catch_end(&caught), "standard output: No space left");
    assert_false(went);
    assert_int_equal(code, EXIT_REFUSED);
    assert_int_equal(interrupted, EXIT_REFUSED);
    clearerr(stdout);
}

static void no_colour_is_honoured(void **state)
{
    (void)state;
    struct out out;
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    out_init(&out);
    assert_false(out.colour);
    unsetenv("NO_COLOR");
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), was = put_stdout(null);
    out_init(&out);
    dup2(was, STDOUT_FILENO);
    close(was);
    close(null);
    assert_false(out.colour);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V72_lines_are_harmless),
        cmocka_unit_test(json_is_one_object_per_line_in_ascii),
        cmocka_unit_test(notes_follow_the_options),
        cmocka_unit_test(colours_are_for_terminals),
        cmocka_unit_test(C09_a_closed_pipe_ends_quietly),
        cmocka_unit_test(a_full_disk_is_no_success),
        cmocka_unit_test(no_colour_is_honoured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
