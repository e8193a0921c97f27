/* Tests of burblectl as a whole: the program itself, against a server that is only a socket and an
 * answer. BURBLECTL in the environment names the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burblectl/commands.h"

enum { OUT_BYTES = 65536, ARGS = 12, PATIENCE_MS = 20000 };

#define ROW "{\"row\":"
#define OK  "{\"ok\":true}\n"

static char folder[] = "/tmp/burblectl-XXXXXX";
static char out[OUT_BYTES], err[OUT_BYTES], asked[OUT_BYTES];
static int asked_fd = -1; /* what the server was asked */
static pid_t server = -1;

static const char *in_folder(const char *name)
{
    static char path[100];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void slurp(int fd, char text[OUT_BYTES])
{
    ssize_t n = pread(fd, text, OUT_BYTES - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
}

/* The child: one connection, one line read, one answer written. */
static _Noreturn void serve_one(int listener, const char *answer, size_t len)
{
    alarm(PATIENCE_MS / 1000);
    int fd = accept(listener, NULL, NULL);
    char c = '\0';
    while (c != '\n' && read(fd, &c, 1) == 1) {
        if (write(asked_fd, &c, 1) != 1)
            _exit(1);
    }
    while (len > 0) {
        ssize_t n = send(fd, answer, len, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        answer += n;
        len -= (size_t)n;
    }
    _exit(0);
}

static void serve_bytes(const char *answer, size_t len)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", in_folder("control.sock"));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(name.sun_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(ftruncate(asked_fd, 0), 0);
    lseek(asked_fd, 0, SEEK_SET);
    server = fork();
    assert_true(server >= 0);
    if (server == 0)
        serve_one(listener, answer, len);
    close(listener);
}

/* The next command meets a server with this answer. */
static void serve(const char *answer)
{
    serve_bytes(answer, strlen(answer));
}

/* Ends the server and fills `asked`. */
static void unserve(void)
{
    if (server > 0) {
        unlink(in_folder("control.sock"));
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
        server = -1;
    }
    slurp(asked_fd, asked);
}

static _Noreturn void exec_words(char *const *argv)
{
    execv(argv[0], argv);
    _exit(127);
}

/* Splits words at single spaces; %20 would be too much: no argument here has a space. */
static char **split(const char *words, bool data_dir)
{
    static char text[4096], dir[256];
    static char *argv[ARGS + 4];
    size_t n = 0;
    snprintf(text, sizeof(text), "%s", words);
    snprintf(dir, sizeof(dir), "--data-dir=%s", folder);
    argv[n++] = getenv("BURBLECTL");
    if (data_dir)
        argv[n++] = dir;
    for (char *at = text; *at != '\0' && n < ARGS;) {
        argv[n++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
    argv[n] = NULL;
    return argv;
}

static int run_words(char *const *argv, const char *input, size_t input_len)
{
    int in = memfd_create("in", MFD_CLOEXEC);
    int to = memfd_create("out", MFD_CLOEXEC);
    int errors = memfd_create("err", MFD_CLOEXEC);
    int status = 0;
    assert_int_equal(write(in, input, input_len), input_len);
    lseek(in, 0, SEEK_SET);
    pid_t child = fork();
    if (child == 0) {
        dup2(in, 0);
        dup2(to, 1);
        dup2(errors, 2);
        exec_words(argv);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    slurp(to, out);
    slurp(errors, err);
    close(in);
    close(to);
    close(errors);
    unserve();
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int run_with(const char *words, const char *input)
{
    return run_words(split(words, true), input, strlen(input));
}

static int run(const char *words)
{
    return run_with(words, "");
}

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL)                                                        \
            fail_msg("no \"%s\" in \"%s\"", (part), (text));                                       \
    } while (0)

static void S18_a_password_comes_from_standard_input(void **state)
{
    (void)state;
    serve(OK);
    assert_int_equal(run_with("account add billy@localhost", "pass w\xc3\xb6rd \r\nmore\n"), 0);
    assert_string_equal(asked,
                        "{\"command\":\"account add\",\"args\":{\"jid\":\"billy@localhost\"},"
                        "\"password\":\"pass w\xc3\xb6rd \"}\n");
    assert_string_equal(out, "Account billy@localhost was added.\n");
    assert_string_equal(err, "");
    serve(OK);
    assert_int_equal(run_with("account passwd billy@localhost --json", "no end"), 0);
    assert_string_equal(asked, "{\"command\":\"account passwd\",\"args\":{\"jid\":"
                               "\"billy@localhost\"},\"password\":\"no end\"}\n");
    assert_string_equal(out, "[]\n");
}

static void S18_a_made_password_is_shown_once(void **state)
{
    (void)state;
    char first[64], want[256];
    serve(OK);
    assert_int_equal(run("account add billy@localhost --generate"), 0);
    const char *shown = strstr(out, "\nPassword: ");
    assert_non_null(shown);
    snprintf(first, sizeof(first), "%.23s", shown + 11);
    assert_int_equal(strspn(first, "abcdefghijklmnopqrstuvwxyz234567-"), 23);
    assert_string_equal(shown + 11 + 23, "\n");
    snprintf(want, sizeof(want), "\"password\":\"%s\"}\n", first);
    assert_has(asked, want);
    serve(OK);
    assert_int_equal(run("account add billy@localhost --generate --json"), 0);
    assert_has(out, "[\n  {\"jid\":\"billy@localhost\",\"password\":\"");
    assert_null(strstr(out, first));
    serve("{\"error\":\"the account exists already\",\"exit\":1}\n");
    assert_int_equal(run("account add billy@localhost --generate"), 1);
    assert_string_equal(out, "");
    assert_string_equal(err, "burblectl: the account exists already\n");
}

static void C13_a_password_in_argv_is_refused_and_not_repeated(void **state)
{
    (void)state;
    static const char *const WORDS[] = {
        "account add a@b secret",          "account add a@b --password secret",
        "account add a@b --passwd=secret", "-p secret account passwd a@b",
        "account passwd a@b secret",
    };
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        serve(OK);
        assert_int_equal(run_with(WORDS[i], "other\n"), 64);
        assert_string_equal(asked, "");
        assert_string_equal(out, "");
        assert_has(err, "never taken from the command line");
        assert_null(strstr(err, "secret"));
    }
}

static void bad_passwords_never_reach_the_server(void **state)
{
    (void)state;
    char *const *argv = split("account add a@b", true);
    char big[1100];
    memset(big, 'x', sizeof(big));
    static const struct {
        const char *text;
        size_t len;
    } CASES[] = {{"", 0}, {"\n", 1}, {"\r\n", 2}, {"a\0b\n", 4}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        serve(OK);
        assert_int_equal(run_words(argv, CASES[i].text, CASES[i].len), 1);
        assert_string_equal(asked, "");
        assert_has(err, "password");
    }
    serve(OK);
    assert_int_equal(run_words(argv, big, 1024), 1);
    assert_string_equal(asked, "");
    serve(OK);
    assert_int_equal(run_words(argv, big, 1023), 0);
}

static void rows_are_an_aligned_table(void **state)
{
    (void)state;
    serve(ROW "{\"account\":\"al@x\",\"state\":\"enabled\",\"sessions\":10,\"more\":1}}\n" ROW
              "{\"account\":\"b\xc3\xb6rn@x\",\"sessions\":2,\"state\":\"disabled\",\"created\":"
              "\"2026\"}}\n" ROW "{}}\n" OK);
    assert_int_equal(run("account list x"), 0);
    assert_string_equal(out, "ACCOUNT  STATE     SESSIONS  CREATED\n"
                             "al@x     enabled         10  -\n"
                             "b\xc3\xb6rn@x   disabled         2  2026\n"
                             "-        -                -  -\n");
    assert_string_equal(asked, "{\"command\":\"account list\",\"args\":{\"host\":\"x\"}}\n");
    serve(OK);
    assert_int_equal(run("account list"), 0);
    assert_string_equal(out, "");
    assert_string_equal(err, "There are no accounts.\n");
}

static void one_row_is_a_record(void **state)
{
    (void)state;
    serve(ROW
          "{\"sessions\":0,\"account\":\"al@x\",\"new_thing\":true,\"state\":\"enabled\"}}\n" OK);
    assert_int_equal(run("account show al@x"), 0);
    assert_string_equal(out, "Account:   al@x\nState:     enabled\nSessions:  0\n"
                             "new_thing: yes\n");
}

static void json_is_an_array_of_the_rows(void **state)
{
    (void)state;
    serve(ROW "{\"name\":\"a\\u001b\xc3\xa4\",\"value\":1,\"x\":[{}]}}\n" ROW "{}}\n" OK);
    assert_int_equal(run("stats --json"), 0);
    assert_string_equal(out,
                        "[\n  {\"name\":\"a\\u001B\\u00E4\",\"value\":1,\"x\":[{}]},\n  {}\n]\n");
    serve(ROW "{\"name\":\"a\"}}\n{\"error\":\"the disk is gone\",\"exit\":75}\n");
    assert_int_equal(run("--json stats"), 75);
    assert_string_equal(out, "[\n  {\"name\":\"a\"}\n]\n");
    assert_string_equal(err, "burblectl: the disk is gone\n");
}

static void V72_nothing_of_a_stranger_reaches_the_terminal(void **state)
{
    (void)state;
    serve(ROW "{\"name\":\"\\u001b]52;c;\\u0007\\r\\n\\u202e\\u009b\",\"value\":\"\\u200b\"}}\n"
              "{\"error\":\"\\u001b[2J\\ntwo\",\"exit\":77}\n");
    assert_int_equal(run("stats"), 77);
    assert_has(out, "\\x1b]52;c;\\x07\\x0d\\x0a\\xe2\\x80\\xae\\xc2\\x9b");
    assert_null(strchr(out, '\x1b'));
    assert_string_equal(err, "burblectl: \\x1b[2J\ntwo\n");
}

static void O17_a_huge_answer_passes_through(void **state)
{
    (void)state;
    enum { ROWS = 5000, ROW_BYTES = 64 };
    static char answer[ROWS * ROW_BYTES];
    size_t len = 0;
    for (int i = 0; i < ROWS; i++)
        len += (size_t)snprintf(answer + len, ROW_BYTES, ROW "{\"jid\":\"a@x\"}}\n");
    len += (size_t)snprintf(answer + len, ROW_BYTES, OK);
    serve_bytes(answer, len);
    assert_int_equal(run("session kick a@x"), 0);
    size_t lines = 0;
    for (const char *at = out; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, ROWS + 1);
}

static void answers_that_are_none_are_told_apart(void **state)
{
    (void)state;
    static char line[70000];
    static const char *const BAD[] = {"x\n", "{}\n",          "{\"ok\":false}\n",           "[]\n",
                                      "\n",  "{\"row\":1}\n", "{\"ok\":true,\"ok\":true}\n"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        serve(BAD[i]);
        assert_int_equal(run("stats"), 1);
        assert_has(err, "Are they of one version?");
    }
    memset(line, 'x', sizeof(line));
    serve_bytes(line, sizeof(line));
    assert_int_equal(run("stats"), 1);
    serve("");
    assert_int_equal(run("stats"), 75);
    serve(ROW "{\"name\":\"a\"}}\n{\"ok\"");
    assert_int_equal(run("stats"), 75);
    assert_has(err, "ended before the answer did");
}

static void no_server_is_69_and_says_how_to_start_one(void **state)
{
    (void)state;
    assert_int_equal(run("stats"), 69);
    assert_has(err, "burbled does not run: there is no control socket at ");
    assert_has(err, "systemctl start burbled");
    serve(OK);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    server = -1;
    assert_int_equal(run("stats"), 69);
    assert_has(err, "nobody answers at ");
    unlink(in_folder("control.sock"));
}

static void wrong_usage_is_64_and_says_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *words, *said;
    } CASES[] = {
        {"acount list", "Did you mean \"burblectl account "},
        {"account lst", "Did you mean \"burblectl account list\"?"},
        {"account", "Try: burblectl help account"},
        {"account show", "Usage: burblectl account show JID"},
        {"stats now", "does not take so many words"},
        {"stats --generate", "takes no --generate"},
        {"stats --yes", "takes no --yes"},
        {"stats --nonsense", "there is no option \"--nonsense\""},
        {"help nonsense", "there is no command \"nonsense\""},
        {"stats -c", "needs a path"},
        {"account show \xff", "UTF-8"},
        {"a b c d e f g h i", "too many words"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        serve(OK);
        assert_int_equal(run(CASES[i].words), 64);
        assert_has(err, CASES[i].said);
        assert_string_equal(asked, "");
        assert_string_equal(out, "");
    }
}

static void write_config(const char *text)
{
    FILE *f = fopen(in_folder("b.conf"), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int run_config(const char *words)
{
    char all[512];
    snprintf(all, sizeof(all), "-c %s %s", in_folder("b.conf"), words);
    return run_words(split(all, false), "", 0);
}

#define HOSTS "hosts = ( { name = \"localhost\"; } ); listen = ( { service = \"c2s\"; } );\n"

static void the_data_folder_is_found(void **state)
{
    (void)state;
    write_config("data_dir = \".\";\n" HOSTS);
    serve(OK);
    assert_int_equal(run_config("stats"), 0);
    setenv("BURBLE_DATA_DIR", folder, 1);
    write_config("data_dir = \"/nonexistent\";\n" HOSTS);
    serve(OK);
    assert_int_equal(run_config("stats"), 0);
    setenv("BURBLE_DATA_DIR", "/nonexistent", 1);
    serve(OK);
    assert_int_equal(run("stats"), 0);
    unsetenv("BURBLE_DATA_DIR");
    write_config("data_dir = 5;\n");
    assert_int_equal(run_config("stats"), 78);
    assert_has(err, "b.conf:1: data_dir: expected the path of a folder, found the number 5\n");
}

static void limits_are_known_without_a_server(void **state)
{
    (void)state;
    assert_int_equal(run("limits"), 0);
    assert_has(out, "\nstanza_bytes_c2s  ");
    assert_has(err, "burbled does not run; these are the defaults.\n");
    write_config("data_dir = \".\"; limits = { depth = 32; rate = false; };\n" HOSTS);
    assert_int_equal(run_config("limits --json"), 0);
    assert_has(out, "{\"name\":\"depth\",\"value\":32,\"default\":64,\"unit\":\"\",\"id\":\"L3\"");
    assert_has(out, "{\"name\":\"connections_per_address\",\"value\":\"off\",\"default\":100");
    serve(ROW "{\"name\":\"depth\",\"value\":9}}\n" OK);
    assert_int_equal(run("limits"), 0);
    assert_has(out, "\ndepth      9        -");
}

static void check_looks_without_a_server_and_with_one(void **state)
{
    (void)state;
    write_config("data_dir = \".\";\n" HOSTS);
    assert_int_equal(run_config("check"), 0);
    assert_has(out, "configuration          ok       ");
    assert_has(out, "hosts: 1, listeners: 1\n");
    assert_has(out, "certificate localhost  ok       none configured");
    assert_has(out, "server                 warning  does not run on ");
    serve(ROW "{\"check\":\"store\",\"result\":\"error\",\"detail\":\"full\"}}\n" OK);
    assert_int_equal(run_config("check --json"), 1);
    assert_has(out, "{\"check\":\"store\",\"result\":\"error\",\"detail\":\"full\"}\n]\n");
    write_config("data_dir = \".\"; shard = 1;\n" HOSTS);
    assert_int_equal(run_config("check"), 78);
    assert_has(out, "b.conf:1: shard: unknown key; did you mean \"shards\"?\n");
}

static void help_explains_every_command(void **state)
{
    (void)state;
    assert_int_equal(run("help"), 0);
    static char overview[OUT_BYTES];
    snprintf(overview, sizeof(overview), "%s", out);
    assert_int_equal(run("--help"), 0);
    assert_string_equal(out, overview);
    assert_int_equal(run_words(split("", false), "", 0), 0);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char words[64], usage[64];
        snprintf(words, sizeof(words), "help %s", COMMANDS[i].name);
        snprintf(usage, sizeof(usage), "Usage: burblectl [OPTION...] %s", COMMANDS[i].name);
        assert_has(overview, COMMANDS[i].line);
        assert_int_equal(run(words), 0);
        assert_has(out, usage);
        if (COMMANDS[i].place == COMMAND_HELP)
            continue;
        snprintf(words, sizeof(words), "%s --help", COMMANDS[i].name);
        assert_int_equal(run(words), 0);
        assert_has(out, usage);
    }
    assert_int_equal(run("help account"), 0);
    assert_has(out, "account add JID");
    assert_null(strstr(out, "session"));
    assert_int_equal(run("--version"), 0);
    assert_int_equal(strncmp(out, "burblectl ", 10), 0);
}

static void a_full_disk_is_no_success(void **state)
{
    (void)state;
    serve(ROW "{\"name\":\"a\"}}\n" OK);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), status = 0;
    char **argv = split("stats", true);
    pid_t child = fork();
    if (child == 0) {
        dup2(full, 1);
        dup2(full, 2);
        exec_words(argv);
    }
    waitpid(child, &status, 0);
    close(full);
    unserve();
    assert_int_equal(WEXITSTATUS(status), 1);
}

/* A program on a terminal; master is ours. */
struct terminal {
    pid_t child;
    int master;
    size_t seen;
    char text[1024];
};

static struct terminal open_terminal(const char *words)
{
    struct terminal t = {.seen = 0};
    char **argv = split(words, true);
    t.child = forkpty(&t.master, NULL, NULL, NULL);
    assert_true(t.child >= 0);
    if (t.child == 0)
        exec_words(argv);
    return t;
}

static void wait_for(struct terminal *t, const char *part)
{
    while (strstr(t->text, part) == NULL) {
        struct pollfd p = {.fd = t->master, .events = POLLIN};
        ssize_t n = poll(&p, 1, PATIENCE_MS) == 1
                        ? read(t->master, t->text + t->seen, sizeof(t->text) - 1 - t->seen)
                        : -1;
        if (n <= 0)
            fail_msg("no \"%s\" in \"%s\"", part, t->text);
        t->seen += (size_t)n;
    }
}

static void type(struct terminal *t, const char *text)
{
    assert_int_equal(write(t->master, text, strlen(text)), strlen(text));
}

static int close_terminal(struct terminal *t)
{
    int status = 0;
    ssize_t n;
    while ((n = read(t->master, t->text + t->seen, sizeof(t->text) - 1 - t->seen)) > 0)
        t->seen += (size_t)n;
    waitpid(t->child, &status, 0);
    close(t->master);
    unserve();
    return status;
}

static void S18_a_terminal_is_asked_twice_without_an_echo(void **state)
{
    (void)state;
    serve(OK);
    struct terminal t = open_terminal("account add billy@localhost");
    wait_for(&t, "Password for billy@localhost: ");
    type(&t, "hidden word\n");
    wait_for(&t, "Password again: ");
    type(&t, "hidden word\n");
    assert_int_equal(close_terminal(&t), 0);
    assert_null(strstr(t.text, "hidden"));
    assert_has(t.text, "was added.");
    assert_has(asked, "\"password\":\"hidden word\"}");
    serve(OK);
    t = open_terminal("account passwd billy@localhost");
    wait_for(&t, "Password for billy@localhost: ");
    type(&t, "one\n");
    wait_for(&t, "Password again: ");
    type(&t, "two\n");
    assert_int_equal(WEXITSTATUS(close_terminal(&t)), 1);
    assert_has(t.text, "Nothing was changed.");
    assert_string_equal(asked, "");
}

static void an_interrupted_question_leaves_the_terminal_as_it_was(void **state)
{
    (void)state;
    struct termios before, after;
    int master, slave, status = 0;
    serve(OK);
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    tcgetattr(slave, &before);
    char **argv = split("account add billy@localhost", true);
    pid_t child = fork();
    if (child == 0) {
        dup2(slave, 0);
        dup2(slave, 1);
        dup2(slave, 2);
        exec_words(argv);
    }
    struct terminal t = {.master = master};
    wait_for(&t, "Password for");
    tcgetattr(slave, &after);
    assert_false(after.c_lflag & ECHO);
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    tcgetattr(slave, &after);
    assert_int_equal(after.c_lflag, before.c_lflag);
    close(master);
    close(slave);
    unserve();
    assert_string_equal(asked, "");
}

static void removing_asks_on_a_terminal(void **state)
{
    (void)state;
    serve(OK);
    struct terminal t = open_terminal("account remove billy@localhost");
    wait_for(&t, "Type \"yes\":");
    type(&t, "y\n");
    assert_int_equal(WEXITSTATUS(close_terminal(&t)), 1);
    assert_string_equal(asked, "");
    serve(OK);
    t = open_terminal("account remove billy@localhost");
    wait_for(&t, "Type \"yes\":");
    type(&t, "yes\n");
    assert_int_equal(close_terminal(&t), 0);
    assert_has(asked, "{\"command\":\"account remove\",\"args\":{\"jid\":\"billy@localhost\"}}\n");
    serve(OK);
    t = open_terminal("account remove billy@localhost --yes");
    assert_int_equal(close_terminal(&t), 0);
    serve(OK);
    assert_int_equal(run("account remove billy@localhost"), 0);
    assert_string_equal(out, "Account billy@localhost was removed.\n");
}

/* The text of a file of the source tree. */
static const char *page(const char *name)
{
    static char text[OUT_BYTES];
    char path[512];
    snprintf(path, sizeof(path), SOURCE_ROOT "/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_msg("cannot read %s", path);
    slurp(fd, text);
    close(fd);
    return text;
}

static void the_documents_know_every_command(void **state)
{
    (void)state;
    char part[128];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *c = &COMMANDS[i];
        snprintf(part, sizeof(part), ".It Ic %s", c->name);
        assert_has(page("docs/man/burblectl.1"), part);
        const char *last = strrchr(c->name, ' ');
        assert_has(page("packaging/completion/burblectl.bash"), last != NULL ? last + 1 : c->name);
        if (c->place == COMMAND_HELP)
            continue;
        snprintf(part, sizeof(part), "| `%s` | ", c->name);
        const char *protocol = page("docs/control-protocol.md");
        assert_has(protocol, part);
        for (size_t j = 0; j < COMMAND_ARGS_MAX && c->args[j].key != NULL; j++) {
            snprintf(part, sizeof(part), "`%s`", c->args[j].key);
            assert_has(protocol, part);
        }
        for (size_t j = 0; j < COMMAND_COLUMNS_MAX && c->columns[j].key != NULL; j++) {
            snprintf(part, sizeof(part), "`%s`", c->columns[j].key);
            assert_has(protocol, part);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("BURBLE_DATA_DIR");
    asked_fd = memfd_create("asked", MFD_CLOEXEC);
    return getenv("BURBLECTL") != NULL && mkdtemp(folder) != NULL && asked_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(in_folder("b.conf"));
    unlink(in_folder("control.sock"));
    close(asked_fd);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(S18_a_password_comes_from_standard_input),
        cmocka_unit_test(S18_a_made_password_is_shown_once),
        cmocka_unit_test(C13_a_password_in_argv_is_refused_and_not_repeated),
        cmocka_unit_test(bad_passwords_never_reach_the_server),
        cmocka_unit_test(rows_are_an_aligned_table),
        cmocka_unit_test(one_row_is_a_record),
        cmocka_unit_test(json_is_an_array_of_the_rows),
        cmocka_unit_test(V72_nothing_of_a_stranger_reaches_the_terminal),
        cmocka_unit_test(O17_a_huge_answer_passes_through),
        cmocka_unit_test(answers_that_are_none_are_told_apart),
        cmocka_unit_test(no_server_is_69_and_says_how_to_start_one),
        cmocka_unit_test(wrong_usage_is_64_and_says_what_is_right),
        cmocka_unit_test(the_data_folder_is_found),
        cmocka_unit_test(limits_are_known_without_a_server),
        cmocka_unit_test(check_looks_without_a_server_and_with_one),
        cmocka_unit_test(help_explains_every_command),
        cmocka_unit_test(a_full_disk_is_no_success),
        cmocka_unit_test(S18_a_terminal_is_asked_twice_without_an_echo),
        cmocka_unit_test(an_interrupted_question_leaves_the_terminal_as_it_was),
        cmocka_unit_test(removing_asks_on_a_terminal),
        cmocka_unit_test(the_documents_know_every_command),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
