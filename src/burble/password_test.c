/* Tests of where passwords come from, and in which order (C13). The terminal is tested with the
 * program as a whole. */
#include "burble/test_support.h"

#include <errno.h>
#include <signal.h>

#include "burble/password.h"

static char folder[] = "/tmp/burble-password-XXXXXX";
static const char *said = "";
static struct app app;

static const char *in(const char *name)
{
    return test_path(folder, name);
}

/* The account and the environment of a test; NULL takes a variable away. */
static void environment(const char *jid, const char *password, const char *file)
{
    password_forget_environment();
    jid != NULL ? setenv("BURBLE_JID", jid, 1) : unsetenv("BURBLE_JID");
    password != NULL ? setenv("BURBLE_PASSWORD", password, 1) : unsetenv("BURBLE_PASSWORD");
    file != NULL ? setenv("BURBLE_PASSWORD_FILE", file, 1) : unsetenv("BURBLE_PASSWORD_FILE");
    password_take_environment();
    assert_null(getenv("BURBLE_PASSWORD"));
}

static int ask(const char *options, const char *expected)
{
    struct buf out = {0};
    char line[1500];
    snprintf(line, sizeof(line), "account show%s%s", options[0] != '\0' ? " " : "", options);
    options_free(&app.options);
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int status = test_options(line, &app.options);
    if (status == 0)
        status = app_password(&app, &out);
    said = test_catch_end(&caught);
    if (status == 0 && !slice_eq(buf_slice(&out), slice_z(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", SLICE_ARG(buf_slice(&out)), expected);
    password_free(&out);
    assert_null(strstr(said, "hunter2"));
    return status;
}

static void account(const char *keys)
{
    struct accounts all;
    struct config_errors errors = {0};
    char text[1000];
    account_free(&app.account);
    snprintf(text, sizeof(text), "accounts = ({ jid = \"me@example.org\"; %s })", keys);
    assert_int_equal(accounts_parse(slice_z(text), "f", NULL, &all, &errors), 0);
    app.account = all.items[0];
    all.count = 0;
    accounts_wipe(&all);
    config_errors_free(&errors);
}

static void C13_the_account_has_it(void **state)
{
    (void)state;
    char keys[300];
    environment(NULL, NULL, NULL);
    account("password = \"hunter2\"");
    assert_int_equal(ask("", "hunter2"), 0);
    test_write(in("pw"), "from file\nsecond\n", 0600);
    snprintf(keys, sizeof(keys), "password_file = \"%s\"", in("pw"));
    account(keys);
    assert_int_equal(ask("", "from file"), 0);
    setenv("TEST_PW", "from env", 1);
    account("password_env = \"TEST_PW\"");
    assert_int_equal(ask("", "from env"), 0);
    account("password_env = \"TEST_NONE\"");
    assert_int_equal(ask("", ""), EXIT_USAGE);
    test_has(said, "TEST_NONE");
    account("password_command = \"printf 'a b\\\\nc'\"");
    assert_int_equal(ask("", "a b"), 0);
    account("certificate = \"/c\"; key = \"/k\"");
    assert_int_equal(ask("", ""), 0);
}

static void C13_options_come_first(void **state)
{
    (void)state;
    char options[300];
    account("password = \"hunter2\"");
    environment(NULL, "from environment", NULL);
    test_write(in("pw"), "from file\r\n", 0600);
    snprintf(options, sizeof(options), "--password-file %s", in("pw"));
    assert_int_equal(ask(options, "from file"), 0);
    assert_int_equal(ask("--password-command echo\tx", "x"), 0);
    assert_int_equal(ask("--password-command echo\tx --password-stdin", ""), EXIT_USAGE);
    test_has(said, "exclude each other");
    assert_int_equal(ask("--password-command \"echo", ""), EXIT_USAGE);
    test_has(said, "closing quote");
}

/* A pipe with this text and nothing behind it. */
static int pipe_with(const char *text, size_t len)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], text, len), len);
    close(fds[1]);
    return fds[0];
}

static int ask_fd(const char *text, size_t len, const char *expected)
{
    char options[64];
    int fd = pipe_with(text, len);
    snprintf(options, sizeof(options), "--password-fd %d", fd);
    int status = ask(options, expected);
    close(fd);
    return status;
}

static void C13_a_descriptor_gives_a_line(void **state)
{
    (void)state;
    char rest[16], options[64], longest[1100];
    account("");
    int fd = pipe_with("one\ntwo\n", 8);
    snprintf(options, sizeof(options), "--password-fd %d", fd);
    assert_int_equal(ask(options, "one"), 0);
    assert_int_equal(read(fd, rest, sizeof(rest)), 4); /* what follows is left for the command */
    close(fd);
    assert_int_equal(ask("--password-fd 1000", ""), EXIT_USAGE);
    test_has(said, "is not open");
    assert_int_equal(ask_fd("no line feed", 12, "no line feed"), 0);
    assert_int_equal(ask_fd("", 0, ""), EXIT_USAGE);
    test_has(said, "there is no password");
    assert_int_equal(ask_fd("\n", 1, ""), EXIT_USAGE);
    assert_int_equal(ask_fd("hunter2\0x\n", 10, ""), EXIT_USAGE);
    test_has(said, "zero byte");
    assert_int_equal(ask_fd("hunter2\xff\n", 9, ""), EXIT_USAGE);
    memset(longest, 'x', sizeof(longest));
    longest[1023] = '\0';
    assert_int_equal(ask_fd(longest, 1023, longest), 0);
    assert_int_equal(ask_fd(longest, 1024, ""), EXIT_USAGE);
    longest[1023] = 'x';
    assert_int_equal(ask_fd(longest, 1024, ""), EXIT_USAGE);
    test_has(said, "at most 1,023 bytes");
    assert_int_equal(ask("--password-fd x", ""), EXIT_USAGE);
    assert_int_equal(ask("--password-fd -1", ""), EXIT_USAGE);
}

static void C13_standard_input_is_read_before_the_command_reads_it(void **state)
{
    (void)state;
    char rest[16];
    int fd = pipe_with("one\ntwo\n", 8), was = dup(STDIN_FILENO);
    dup2(fd, STDIN_FILENO);
    options_free(&app.options);
    assert_int_equal(test_options("account show --password-stdin", &app.options), 0);
    assert_int_equal(password_take_stdin(&app), 0);
    assert_int_equal(read(STDIN_FILENO, rest, sizeof(rest)), 4);
    dup2(was, STDIN_FILENO);
    close(was);
    close(fd);
    assert_int_equal(ask("--password-stdin", "one"), 0);
    password_free(&app.stdin_password);
}

static void C13_the_environment_belongs_to_its_account(void **state)
{
    (void)state;
    account("password = \"stored\"");
    environment(NULL, "hunter2", NULL);
    assert_int_equal(ask("", "stored"), 0);
    environment("other@example.org", "hunter2", NULL);
    assert_int_equal(ask("", "stored"), 0);
    environment("Me@Example.org/x", "hunter2", NULL);
    assert_int_equal(ask("", "hunter2"), 0);
    account("");
    environment(NULL, "hunter2", NULL);
    assert_int_equal(ask("", "hunter2"), 0);
    test_write(in("pw"), "in a file", 0600);
    environment(NULL, NULL, in("pw"));
    assert_int_equal(ask("", "in a file"), 0);
    environment(NULL, "", NULL);
    assert_int_equal(ask("", ""), EXIT_USAGE);
    test_has(said, "BURBLE_PASSWORD: there is no password");
    assert_int_equal(app_account_from(&app, "x@y", "test"), 0);
    environment(NULL, "hunter2", NULL);
    assert_int_equal(ask("--jid x@y", "hunter2"), 0);
    environment("z@y", "hunter2", NULL);
    setsid(); /* without a terminal there is nobody to ask */
    assert_int_equal(ask("--jid x@y", ""), EXIT_USAGE);
    test_has(said, "no terminal");
    environment(NULL, NULL, NULL);
}

static void C12_a_password_file_is_private(void **state)
{
    (void)state;
    char options[300];
    account("");
    test_write(in("open"), "hunter2\n", 0644);
    snprintf(options, sizeof(options), "--password-file %s", in("open"));
    assert_int_equal(ask(options, ""), EXIT_USAGE);
    test_has(said, "chmod 600");
    environment(NULL, NULL, in("open"));
    assert_int_equal(ask("", ""), EXIT_USAGE);
    environment(NULL, NULL, NULL);
    int fd = pipe_with("from a pipe\n", 12); /* <(pass show x) */
    snprintf(options, sizeof(options), "--password-file /dev/fd/%d", fd);
    assert_int_equal(ask(options, "from a pipe"), 0);
    close(fd);
}

static void commands_that_fail_are_told(void **state)
{
    (void)state;
    account("password_command = [\"sh\", \"-c\", \"echo hunter2; exit 3\"]");
    assert_int_equal(ask("", ""), EXIT_USAGE);
    test_has(said, "\"sh\" failed with status 3");
    account("password_command = \"/nonexistent/program\"");
    assert_int_equal(ask("", ""), EXIT_USAGE);
    test_has(said, "cannot be started");
    account("password_command = [\"sh\", \"-c\", \"kill -9 $$\"]");
    assert_int_equal(ask("", ""), EXIT_USAGE);
    test_has(said, "signal 9");
    account("password_command = \"true\"");
    assert_int_equal(ask("", ""), EXIT_USAGE);
    test_has(said, "there is no password");
    account("password_command = [\"sh\", \"-c\", \"yes hunter2x | head -c 200000\"]");
    assert_int_equal(ask("", "hunter2x"), 0); /* the rest is read, and dropped */
    account("password_command = [\"sh\", \"-c\", \"head -c 5000 /dev/zero | tr '\\\\0' x\"]");
    assert_int_equal(ask("", ""), EXIT_USAGE);
    test_has(said, "at most 1,023 bytes");
}

static void C13_a_command_inherits_no_secret(void **state)
{
    (void)state;
    environment("other@example.org", "hunter2", NULL);
    account("password_command = [\"sh\", \"-c\", \"env | grep -c hunter2; ls /proc/self/fd\"]");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ask("", "0"), 0);
    close(fd);
    environment(NULL, NULL, NULL);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    options_free(&app.options);
    account_free(&app.account);
    password_forget_environment();
    unlink(in("pw"));
    unlink(in("open"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C13_the_account_has_it),
        cmocka_unit_test(C13_options_come_first),
        cmocka_unit_test(C13_a_descriptor_gives_a_line),
        cmocka_unit_test(C13_standard_input_is_read_before_the_command_reads_it),
        cmocka_unit_test(C13_the_environment_belongs_to_its_account),
        cmocka_unit_test(C12_a_password_file_is_private),
        cmocka_unit_test(commands_that_fail_are_told),
        cmocka_unit_test(C13_a_command_inherits_no_secret),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
