/* burble: XMPP for people, scripts and bots. Reads the command line, chooses the account, runs the
 * command. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "burble/app.h"
#include "burble/help.h"
#include "burble/password.h"
#include "io/process.h"

/* Until a command watches for signals itself. */
static void on_signal(int number)
{
    (void)number;
    _exit(EXIT_INTERRUPTED);
}

/* What was ignored stays ignored (nohup). */
static void watch(int number)
{
    struct sigaction act = {.sa_handler = on_signal}, was;
    if (sigaction(number, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
        sigaction(number, &act, NULL);
}

/* Texts are UTF-8, and wcwidth has to know it, whatever the locale says. */
static void set_locale(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

static void set_up_process(void)
{
    struct rlimit core = {0};
    process_open_standard();
    watch(SIGINT);
    watch(SIGTERM);
    watch(SIGHUP);
    /* Passwords are no part of a core file. What is started from here may have one again. */
    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &core);
    }
    set_locale();
}

static int run(struct app *app)
{
    const struct command *c = app->options.command;
    int status = 0;
    if (app_option(app, "version") != NULL) {
        puts("burble " BURBLE_VERSION);
        return EXIT_DONE;
    }
    if (app_option(app, "words") != NULL) {
        help_words(stdout);
        return EXIT_DONE;
    }
    if (app->options.help) {
        help_print(c, app->options.topic, stdout);
        return EXIT_DONE;
    }
    app->out.json = app_option(app, "json") != NULL;
    app->out.quiet = app_option(app, "quiet") != NULL;
    app->out.verbose = app_option(app, "verbose") != NULL || app_option(app, "debug") != NULL;
    app->debug = app_option(app, "debug") != NULL;
    status = password_take_stdin(app);
    if (status == 0 && c->account)
        status = app_choose_account(app);
    return status != 0 ? status : c->run(app, app->options.arg_count, app->options.args);
}

int main(int argc, char **argv)
{
    struct app app = {.debug = false};
    set_up_process();
    out_init(&app.out);
    password_take_environment();
    int status = options_read(argc, argv, &app.options);
    if (status == 0)
        status = run(&app);
    status = out_end(&app.out, status);
    account_free(&app.account);
    password_free(&app.stdin_password);
    options_free(&app.options);
    password_forget_environment();
    return status;
}
