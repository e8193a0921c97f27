/* Tests of files with secrets, of the file of the accounts on the disk, and of the state. */
#include "burble/test_support.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "burble/account_file.h"
#include "burble/password.h"
#include "burble/private_file.h"
#include "burble/state.h"

static char folder[] = "/tmp/burble-private-XXXXXX";
static const char *said = "";
static struct app app;

static const char *in(const char *name)
{
    return test_path(folder, name);
}

static int read_private(const char *path, bool missing_ok, size_t cap, const char *expected)
{
    struct buf out = {0};
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int status = private_file_read(&app, path, "file of a test", missing_ok, cap, &out);
    said = test_catch_end(&caught);
    if (status == 0)
        assert_true(slice_eq(buf_slice(&out), slice_z(expected)));
    password_free(&out);
    return status;
}

static void C12_a_private_file_is_read(void **state)
{
    (void)state;
    test_write(in("a"), "secret\n", 0600);
    assert_int_equal(read_private(in("a"), false, 100, "secret\n"), 0);
    assert_int_equal(read_private(in("a"), false, 7, "secret\n"), 0);
    chmod(in("a"), 0400);
    assert_int_equal(read_private(in("a"), false, 100, "secret\n"), 0);
    assert_int_equal(read_private(in("nothing"), true, 100, ""), 0);
    assert_string_equal(said, "");
    test_write(in("empty"), "", 0600);
    assert_int_equal(read_private(in("empty"), false, 100, ""), 0);
}

static void C12_what_others_can_read_is_refused_with_a_remedy(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666};
    char remedy[256];
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        test_write(in("open"), "hunter2", modes[i]);
        if (geteuid() == 0 && modes[i] == 0640)
            assert_int_equal(chown(in("open"), 0, 65534), 0);
        assert_int_equal(read_private(in("open"), false, 100, ""), EXIT_USAGE);
        snprintf(remedy, sizeof(remedy), "Type: chmod 600 %s\n", in("open"));
        test_has(said, remedy);
        assert_null(strstr(said, "hunter2"));
        unlink(in("open"));
    }
}

static void C12_links_to_files_of_others_are_refused(void **state)
{
    (void)state;
    test_write(in("mine"), "x", 0600);
    assert_int_equal(symlink(in("mine"), in("link")), 0);
    assert_int_equal(read_private(in("link"), false, 100, "x"), 0);
    if (geteuid() == 0) {
        test_write(in("other"), "x", 0600);
        assert_int_equal(chown(in("other"), 65534, 65534), 0);
        assert_int_equal(symlink(in("other"), in("link2")), 0);
        assert_int_equal(read_private(in("link2"), false, 100, "x"), EXIT_USAGE);
        test_has(said, "belongs to another user (uid 65534)");
        assert_int_equal(read_private(in("other"), true, 100, "x"), EXIT_USAGE);
    }
    assert_int_equal(symlink(in("nowhere"), in("link3")), 0);
    assert_int_equal(read_private(in("link3"), false, 100, ""), EXIT_USAGE);
    test_has(said, "cannot be read");
}

static void files_that_are_none_are_refused(void **state)
{
    (void)state;
    test_write(in("big"), "0123456789", 0600);
    assert_int_equal(read_private(in("big"), false, 9, ""), EXIT_USAGE);
    test_has(said, "more than 9 bytes");
    assert_int_equal(read_private(in(""), false, 9, ""), EXIT_USAGE);
    test_has(said, "Is a directory");
    assert_int_equal(read_private(in("nothing"), false, 9, ""), EXIT_USAGE);
    assert_int_equal(read_private(in("V72\033[2J"), false, 9, ""), EXIT_USAGE);
    test_has(said, "V72\\x1b[2J");
}

/* With --config in the folder of the test. */
static int load(const char *dir, struct accounts *out)
{
    char line[300];
    snprintf(line, sizeof(line), "account list --config %s", in(dir));
    options_free(&app.options);
    assert_int_equal(test_options(line, &app.options), 0);
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int status = accounts_load(&app, out);
    said = test_catch_end(&caught);
    return status;
}

static int save(const char *text)
{
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int status = account_file_write(&app, slice_z(text));
    said = test_catch_end(&caught);
    return status;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void C12_accounts_are_kept_to_oneself(void **state)
{
    (void)state;
    struct accounts all;
    umask(0);
    assert_int_equal(load("conf", &all), 0);
    assert_int_equal(all.count, 0);
    accounts_wipe(&all);
    assert_int_equal(save("accounts = ({ jid = \"a@b\"; password = \"hunter2\" });"), 0);
    assert_int_equal(mode_of(in("conf")), 0700);
    assert_int_equal(mode_of(in("conf/accounts.conf")), 0600);
    assert_int_equal(load("conf", &all), 0);
    assert_string_equal(all.items[0].password, "hunter2");
    accounts_wipe(&all);
    chmod(in("conf/accounts.conf"), 0644);
    assert_int_equal(load("conf", &all), EXIT_USAGE);
    test_has(said, "Type: chmod 600");
    accounts_wipe(&all);
    chmod(in("conf/accounts.conf"), 0600);
    chmod(in("conf"), 0755);
    assert_int_equal(load("conf", &all), EXIT_USAGE);
    test_has(said, "Type: chmod 700");
    assert_int_equal(save("accounts = ();"), EXIT_USAGE);
    accounts_wipe(&all);
    chmod(in("conf"), 0700);
    if (geteuid() == 0) {
        assert_int_equal(chown(in("conf"), 65534, 65534), 0);
        assert_int_equal(load("conf", &all), EXIT_USAGE);
        test_has(said, "another user");
        accounts_wipe(&all);
        assert_int_equal(chown(in("conf"), 0, 0), 0);
    }
    umask(022);
}

static void a_text_that_cannot_be_read_again_is_not_written(void **state)
{
    (void)state;
    struct accounts all;
    assert_int_equal(load("conf", &all), 0);
    accounts_wipe(&all);
    assert_int_equal(save("accounts = ({ jid = \"c@d\" });"), 0);
    assert_int_equal(save("accounts = ({ jid = 1 });"), EXIT_REFUSED);
    test_has(said, "nothing was changed");
    assert_int_equal(load("conf", &all), 0);
    assert_string_equal(all.items[0].jid, "c@d");
    accounts_wipe(&all);
}

static void a_file_that_is_a_link_stays_one(void **state)
{
    (void)state;
    struct accounts all;
    struct stat st;
    test_write(in("dotfile"), "", 0600);
    unlink(in("conf/accounts.conf"));
    assert_int_equal(symlink("../dotfile", in("conf/accounts.conf")), 0);
    assert_int_equal(load("conf", &all), 0);
    accounts_wipe(&all);
    assert_int_equal(save("accounts = ({ jid = \"e@f\" });"), 0);
    assert_int_equal(lstat(in("conf/accounts.conf"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(read_private(in("dotfile"), false, 100, "accounts = ({ jid = \"e@f\" });"), 0);
}

static int open_state(const char *purpose, struct state *s)
{
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int status = state_open(&app, purpose, s);
    said = test_catch_end(&caught);
    return status;
}

static void assert_holds(const struct state *s, const char *expected)
{
    struct buf out = {0};
    assert_int_equal(state_read(&app, s, &out), 0);
    assert_true(slice_eq(buf_slice(&out), slice_z(expected)));
    password_free(&out);
}

static void state_is_one_processes_at_a_time(void **state)
{
    (void)state;
    struct state one, two, other;
    setenv("XDG_STATE_HOME", in("state"), 1);
    assert_int_equal(app_account_from(&app, "Me@Example.org/Ü /..", "test"), 0);
    assert_int_equal(open_state("listen", &one), 0);
    assert_true(state_held(&one));
    assert_holds(&one, "");
    assert_int_equal(state_write(&app, &one, SLICE("token")), 0);
    assert_holds(&one, "token");
    assert_int_equal(mode_of(in("state/burble")), 0700);
    assert_int_equal(mode_of(in("state/burble/me@example.org%2F%C3%9C%20%2F..")), 0700);
    assert_int_equal(mode_of(in("state/burble/me@example.org%2F%C3%9C%20%2F../listen")), 0600);
    assert_int_equal(open_state("listen", &two), 0);
    assert_false(state_held(&two));
    assert_string_equal(said, "");
    assert_holds(&two, "");
    assert_int_equal(state_write(&app, &two, SLICE("lost")), 0);
    assert_int_equal(open_state("bot", &other), 0);
    assert_true(state_held(&other));
    assert_holds(&other, "");
    state_close(&two);
    state_close(&other);
    state_close(&one);
    assert_int_equal(open_state("listen", &one), 0);
    assert_holds(&one, "token");
    assert_int_equal(state_write(&app, &one, SLICE_NONE), 0);
    assert_int_equal(state_write(&app, &one, SLICE_NONE), 0);
    assert_holds(&one, "");
    state_close(&one);
}

static void C12_state_that_others_can_read_is_refused(void **state)
{
    (void)state;
    struct state s;
    assert_int_equal(app_account_from(&app, "a@b", "test"), 0);
    assert_int_equal(open_state("listen", &s), 0);
    assert_int_equal(state_write(&app, &s, SLICE("token")), 0);
    chmod(in("state/burble/a@b/listen"), 0640);
    if (geteuid() == 0)
        assert_int_equal(chown(in("state/burble/a@b/listen"), 0, 65534), 0);
    struct buf out = {0};
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    assert_int_equal(state_read(&app, &s, &out), EXIT_USAGE);
    test_has(test_catch_end(&caught), "chmod 600");
    password_free(&out);
    state_close(&s);
    chmod(in("state/burble"), 0750);
    assert_int_equal(open_state("listen", &s), EXIT_USAGE);
    test_has(said, "chmod 700");
    state_close(&s);
    chmod(in("state/burble"), 0700);
}

static void without_a_place_nothing_is_remembered(void **state)
{
    (void)state;
    struct state s;
    test_write(in("file"), "", 0600);
    setenv("XDG_STATE_HOME", in("file"), 1);
    assert_int_equal(open_state("listen", &s), EXIT_USAGE); /* no folder can be looked at there */
    state_close(&s);
    setenv("XDG_STATE_HOME", "relative", 1);
    unsetenv("HOME");
    assert_int_equal(open_state("listen", &s), 0);
    assert_false(state_held(&s));
    assert_int_equal(state_write(&app, &s, SLICE("x")), 0);
    assert_holds(&s, "");
    state_close(&s);
}

static void long_addresses_have_a_place_too(void **state)
{
    (void)state;
    struct state one, two;
    char jid[2000];
    setenv("XDG_STATE_HOME", in("state"), 1);
    for (int last = 'y'; last <= 'z'; last++) {
        memset(jid, 'x', 1000);
        snprintf(jid + 999, sizeof(jid) - 999, "%c@example.org", last);
        assert_int_equal(app_account_from(&app, jid, "test"), 0);
        assert_int_equal(open_state("listen", last == 'y' ? &one : &two), 0);
    }
    assert_true(state_held(&one) && state_held(&two));
    assert_string_not_equal(one.path, two.path);
    state_close(&one);
    state_close(&two);
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
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", folder, (char *)NULL);
        _exit(1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C12_a_private_file_is_read),
        cmocka_unit_test(C12_what_others_can_read_is_refused_with_a_remedy),
        cmocka_unit_test(C12_links_to_files_of_others_are_refused),
        cmocka_unit_test(files_that_are_none_are_refused),
        cmocka_unit_test(C12_accounts_are_kept_to_oneself),
        cmocka_unit_test(a_text_that_cannot_be_read_again_is_not_written),
        cmocka_unit_test(a_file_that_is_a_link_stays_one),
        cmocka_unit_test(state_is_one_processes_at_a_time),
        cmocka_unit_test(C12_state_that_others_can_read_is_refused),
        cmocka_unit_test(without_a_place_nothing_is_remembered),
        cmocka_unit_test(long_addresses_have_a_place_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
