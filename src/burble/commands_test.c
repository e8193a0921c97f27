/* Tests of the table of commands, of the command line, and of the documents that follow the table.
 */
#include "burble/test_support.h"

#include "burble/commands.h"
#include "burble/help.h"

enum { TEXT_BYTES = TEST_TEXT_BYTES };

static const char *said = ""; /* on standard error */
static struct options o;

static int typed(const char *line)
{
    options_free(&o);
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int status = test_options(line, &o);
    said = test_catch_end(&caught);
    return status;
}

static void refused(const char *line, const char *why)
{
    assert_int_equal(typed(line), EXIT_USAGE);
    test_has(said, why);
}

static void options_stand_anywhere(void **state)
{
    (void)state;
    assert_int_equal(typed("--json account -a x show --tls=direct you -q"), 0);
    assert_ptr_equal(o.command, &CMD_ACCOUNT_SHOW);
    assert_int_equal(o.arg_count, 1);
    assert_string_equal(o.args[0], "you");
    assert_string_equal(options_get(&o, "account"), "x");
    assert_string_equal(options_get(&o, "tls"), "direct");
    assert_string_equal(options_get(&o, "json"), "");
    assert_string_equal(options_get(&o, "quiet"), "");
    assert_null(options_get(&o, "verbose"));
    assert_string_equal(said, "");
}

static void values_may_look_like_options(void **state)
{
    (void)state;
    assert_int_equal(typed("account show --config --json --host= -- --quiet"), 0);
    assert_string_equal(options_get(&o, "config"), "--json");
    assert_string_equal(options_get(&o, "host"), "");
    assert_null(options_get(&o, "json"));
    assert_string_equal(o.args[0], "--quiet");
    assert_int_equal(typed("account show -"), 0);
    assert_string_equal(o.args[0], "-");
}

static void options_of_a_command_stand_behind_it(void **state)
{
    (void)state;
    assert_int_equal(typed("account add --name n a@b --pin X --pin Y"), 0);
    assert_string_equal(options_get(&o, "name"), "n");
    assert_string_equal(options_get_nth(&o, "pin", 0), "X");
    assert_string_equal(options_get_nth(&o, "pin", 1), "Y");
    assert_null(options_get_nth(&o, "pin", 2));
    refused("--name n account add a@b", "there is no option \"--name\"");
}

static void wrong_usage_says_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"acount list", "did you mean \"burble account\"?"},
        {"account lst", "did you mean \"burble account list\"?"},
        {"account nonsense", "Try: burble help account"},
        {"nonsense", "Try: burble help"},
        {"account", "\"account\" needs one more word"},
        {"account list x", "\"account list\" does not take so many words"},
        {"account list x", "Usage: burble account list\n"},
        {"account remove", "\"account remove\" needs an argument"},
        {"account remove", "Usage: burble account remove NAME"},
        {"account list --jsno", "did you mean \"--json\"?"},
        {"account list -x", "there is no option \"-x\""},
        {"account list -qv", "there is no option \"-qv\""},
        {"account list --json=1", "\"--json\" takes no value"},
        {"account list --json --json", "\"--json\" is given twice"},
        {"account list --account", "needs a value: --account NAME"},
        {"help nonsense", "there is no command \"nonsense\""},
        {"account list \xff", "UTF-8"},
        {"\033[2J", "there is no command \"\\x1b[2J\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        refused(rows[i].line, rows[i].why);
}

static void C13_a_password_in_argv_is_refused_and_not_repeated(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--password=hunter2 account list",  "account add a@b --password hunter2",
        "account add a@b -p hunter2",       "account add a@b --pass hunter2",
        "account add a@b hunter2",          "--pw=hunter2 account list",
        "account add --passwd=hunter2 a@b",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        refused(lines[i], "never taken from the command line");
        test_has(said, "--password-file");
        assert_null(strstr(said, "hunter2"));
    }
}

static void help_is_asked_for_in_three_ways(void **state)
{
    (void)state;
    static const char *const lines[] = {"help account show", "account show --help",
                                        "-h account show"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(typed(lines[i]), 0);
        assert_true(o.help);
        assert_ptr_equal(o.command, &CMD_ACCOUNT_SHOW);
    }
    assert_int_equal(typed("help account"), 0);
    assert_string_equal(o.topic, "account");
    assert_int_equal(typed("account --help"), 0);
    assert_string_equal(o.topic, "account");
    assert_int_equal(typed("help"), 0);
    assert_true(o.help && o.command == NULL && o.topic == NULL);
    assert_int_equal(typed(""), 0);
    assert_true(o.help);
    /* too few arguments are no reason to refuse help */
    assert_int_equal(typed("account remove --help"), 0);
    assert_int_equal(typed("--version nonsense"), EXIT_USAGE);
    assert_int_equal(typed("account list --version"), 0);
}

/* What help_print says, until the next call. */
static const char *help(const struct command *c, const char *topic)
{
    static char text[TEXT_BYTES];
    FILE *to = fmemopen(text, sizeof(text), "w");
    assert_non_null(to);
    help_print(c, topic, to);
    fclose(to);
    return text;
}

static void assert_fits(const char *text)
{
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (len > 80)
            fail_msg("%d columns: %.*s", (int)len, (int)len, line);
        line += len + (line[len] != '\0');
    }
}

static void help_fits_on_a_terminal(void **state)
{
    (void)state;
    assert_fits(help(NULL, NULL));
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *c = COMMANDS[i];
        test_has(help(NULL, NULL), c->name);
        assert_true(c->line[0] >= 'a' && c->line[0] <= 'z');
        assert_true(c->line[strlen(c->line) - 1] != '.');
        assert_true(c->args_max >= c->args_min && (c->args_max > 0) == (c->shown[0] != '\0'));
        assert_fits(help(c, NULL));
        test_has(help(c, NULL), c->shown);
        if (i > 0)
            assert_true(strcmp(COMMANDS[i - 1]->name, c->name) < 0);
    }
    test_has(help(NULL, "account"), "account add JID");
    assert_null(strstr(help(NULL, "account"), "help"));
}

/* A file of the source tree, until the next call. */
static char *page(const char *name)
{
    static char text[4 * TEXT_BYTES];
    char path[512];
    snprintf(path, sizeof(path), SOURCE_ROOT "/%s", name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    assert_true(n > 0 && n < sizeof(text) - 1);
    text[n] = '\0';
    fclose(f);
    return text;
}

/* "Fl \-password\-file", as mdoc has it. */
static void man_option(const char *name, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "Fl \\-");
    for (; *name != '\0' && len + 3 < size; name++) {
        if (*name == '-')
            out[len++] = '\\';
        out[len++] = *name;
    }
    out[len] = '\0';
}

static void assert_options_are_in(const struct option_row *rows, const char *text)
{
    char part[128];
    for (; rows != NULL && rows->name != NULL; rows++) {
        man_option(rows->name, part, sizeof(part));
        test_has(text, part);
    }
}

static void the_manual_knows_every_command_and_option(void **state)
{
    (void)state;
    char part[128];
    char *manual = page("docs/man/burble.1");
    assert_options_are_in(GLOBAL_OPTIONS, manual);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        snprintf(part, sizeof(part), "\n.It Ic %s", COMMANDS[i]->name);
        test_has(manual, part);
        /* the options stand behind their command, before the next one */
        char *from = strstr(manual, part) + 1, *to = strstr(from, "\n.It Ic ");
        if (to != NULL)
            *to = '\0';
        assert_options_are_in(COMMANDS[i]->options, from);
        if (to != NULL)
            *to = '\n';
    }
}

static void no_option_of_a_command_hides_one_of_all_by_accident(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        for (const struct option_row *own = COMMANDS[i]->options; own != NULL && own->name != NULL;
             own++) {
            for (const struct option_row *all = GLOBAL_OPTIONS; all->name != NULL; all++) {
                assert_string_not_equal(own->name, all->name);
                assert_true(own->letter == 0 || own->letter != all->letter);
            }
        }
    }
}

static void words_for_shells_name_everything(void **state)
{
    (void)state;
    static char text[TEXT_BYTES];
    FILE *to = fmemopen(text, sizeof(text), "w");
    assert_non_null(to);
    help_words(to);
    fclose(to);
    test_has(text, "command account add\n");
    test_has(text, "option --json -\n");
    test_has(text, "option --password-file FILE\n");
    test_has(text, "option --mechanism NAME account add\n");
}

static int tear_down(void **state)
{
    (void)state;
    options_free(&o);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(values_may_look_like_options),
        cmocka_unit_test(options_of_a_command_stand_behind_it),
        cmocka_unit_test(wrong_usage_says_what_is_right),
        cmocka_unit_test(C13_a_password_in_argv_is_refused_and_not_repeated),
        cmocka_unit_test(help_is_asked_for_in_three_ways),
        cmocka_unit_test(help_fits_on_a_terminal),
        cmocka_unit_test(the_manual_knows_every_command_and_option),
        cmocka_unit_test(no_option_of_a_command_hides_one_of_all_by_accident),
        cmocka_unit_test(words_for_shells_name_everything),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
