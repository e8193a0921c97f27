/* Passwords: the order in which sources are asked, and the sources that are no command. Every
 * buffer has its full size from the start, so that no copy stays behind when it grows. */
#include "burble/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "burble/app.h"
#include "burble/password_command.h"
#include "burble/private_file.h"
#include "burble/text.h"
#include "burble/words.h"
#include "burblectl/prompt.h"
#include "burbled/config_address.h"
#include "io/random.h"

static char *environment; /* of BURBLE_PASSWORD */

void password_free(struct buf *password)
{
    if (password->ptr != NULL)
        mem_wipe(password->ptr, password->cap);
    buf_free(password);
}

void password_take_environment(void)
{
    char *value = getenv("BURBLE_PASSWORD");
    if (value == NULL)
        return;
    environment = mem_copy(slice_z(value));
    mem_wipe(value, strlen(value)); /* /proc/self/environ shows these bytes */
    unsetenv("BURBLE_PASSWORD");
}

void password_forget_environment(void)
{
    if (environment != NULL)
        mem_wipe(environment, strlen(environment));
    mem_free(environment);
    environment = NULL;
}

static int judge(const struct app *app, const struct buf *password, const char *where)
{
    struct slice s = buf_slice(password);
    if (s.len == 0)
        return app_fail(app, EXIT_USAGE, "%s: there is no password", where);
    if (s.len > PASSWORD_BYTES_MAX)
        return app_fail(app, EXIT_USAGE, "%s: a password has at most 1,023 bytes", where);
    if (memchr(s.ptr, '\0', s.len) != NULL || !utf8_valid(s))
        return app_fail(app, EXIT_USAGE, "%s: a password is UTF-8 without a zero byte", where);
    return 0;
}

static int reserve(const struct app *app, struct buf *out)
{
    if (buf_reserve(out, PASSWORD_BYTES_MAX + 2) != 0)
        return app_fail(app, EXIT_REFUSED, "out of memory");
    return 0;
}

/* The first line of fd. What is behind it is left to be read. */
static int from_fd(const struct app *app, int fd, const char *where, struct buf *out)
{
    size_t len;
    int status = reserve(app, out);
    if (status != 0)
        return status;
    if (fcntl(fd, F_GETFD) < 0)
        return app_fail(app, EXIT_USAGE, "%s: the descriptor %d is not open", where, fd);
    /* a line that is too long is one byte longer than a password can be */
    prompt_line(fd, out->ptr + out->end, PASSWORD_BYTES_MAX + 1, &len);
    out->end += (uint32_t)len;
    return judge(app, out, where);
}

static int from_file(const struct app *app, const char *path, struct buf *out)
{
    int fd;
    int status = private_open(app, path, "file of a password", &fd);
    if (status != 0)
        return status;
    status = from_fd(app, fd, path, out);
    close(fd);
    return status;
}

static int from_text(const struct app *app, const char *text, const char *where, struct buf *out)
{
    int status = reserve(app, out);
    if (status == 0 && strlen(text) > PASSWORD_BYTES_MAX)
        return app_fail(app, EXIT_USAGE, "%s: a password has at most 1,023 bytes", where);
    if (status == 0)
        buf_add(out, slice_z(text));
    return status != 0 ? status : judge(app, out, where);
}

static int from_command(const struct app *app, const struct config_strings *words,
                        const char *where, struct buf *out)
{
    int status = reserve(app, out);
    if (status == 0)
        status = password_command_run(app, words, where, out);
    return status != 0 ? status : judge(app, out, where);
}

static int from_command_text(const struct app *app, const char *text, struct buf *out)
{
    struct config_strings words;
    if (!words_split(slice_z(text), &words) || words.count == 0) {
        words_free(&words);
        return app_fail(app, EXIT_USAGE,
                        "--password-command: expected a program and its arguments, "
                        "with a closing quote for each opening one");
    }
    int status = from_command(app, &words, "--password-command", out);
    words_free(&words);
    return status;
}

int password_take_stdin(struct app *app)
{
    if (app_option(app, "password-stdin") == NULL)
        return 0;
    return from_fd(app, STDIN_FILENO, "--password-stdin", &app->stdin_password);
}

int password_from_options(const struct app *app, struct buf *out, bool *found_out)
{
    static const char *const names[] = {"password-file", "password-fd", "password-stdin",
                                        "password-command"};
    const char *found = NULL, *value = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *given = app_option(app, names[i]);
        if (given != NULL && found != NULL)
            return app_fail(app, EXIT_USAGE, "--%s and --%s exclude each other", found, names[i]);
        if (given != NULL) {
            found = names[i];
            value = given;
        }
    }
    *found_out = found != NULL;
    if (found == NULL)
        return 0;
    if (strcmp(found, "password-file") == 0)
        return from_file(app, value, out);
    if (strcmp(found, "password-command") == 0)
        return from_command_text(app, value, out);
    if (strcmp(found, "password-stdin") == 0) {
        int err = buf_reserve(out, PASSWORD_BYTES_MAX + 2);
        return err == 0 && buf_add(out, buf_slice(&app->stdin_password)) == 0
                   ? judge(app, out, "--password-stdin")
                   : app_fail(app, EXIT_REFUSED, "out of memory");
    }
    unsigned fd = 0;
    int status = app_option_number(app, "password-fd", 0, 1 << 20, &fd);
    return status != 0 ? status : from_fd(app, (int)fd, "--password-fd", out);
}

int password_new_from_options(const struct app *app, struct buf *out, bool *found_out)
{
    const char *file = app_option(app, "new-password-file");
    unsigned fd = 0;
    *found_out = file != NULL || app_option(app, "new-password-fd") != NULL;
    if (file != NULL && app_option(app, "new-password-fd") != NULL)
        return app_fail(app, EXIT_USAGE,
                        "--new-password-file and --new-password-fd exclude each other");
    if (!*found_out)
        return 0;
    if (file != NULL)
        return from_file(app, file, out);
    int status = app_option_number(app, "new-password-fd", 0, 1 << 20, &fd);
    return status != 0 ? status : from_fd(app, (int)fd, "--new-password-fd", out);
}

int password_generate(const struct app *app, struct buf *out)
{
    enum { CHARACTERS = 26 };
    struct rng rng;
    int status = reserve(app, out);
    if (status != 0)
        return status;
    random_init(&rng);
    rng_token(&rng, out->ptr + out->end, CHARACTERS);
    out->end += CHARACTERS;
    rng_forget(&rng);
    return 0;
}

/* The password in the environment goes with BURBLE_JID: it is not sent to the server of another
 * account that was named. */
static bool environment_fits(const struct app *app)
{
    const char *jid = getenv("BURBLE_JID");
    struct buf prepared = {0};
    if (jid == NULL || jid[0] == '\0')
        return app_option(app, "jid") != NULL || app->account.place.file == NULL ||
               (app->account.password == NULL && app->account.password_file == NULL &&
                app->account.password_env == NULL && app->account.password_command.count == 0);
    struct slice bare = slice_of(jid, slice_find(slice_z(jid), '/'));
    bool fits = config_address_account(bare, &prepared) &&
                slice_eq(buf_slice(&prepared), slice_z(app->account.jid));
    buf_free(&prepared);
    return fits;
}

static int from_environment(const struct app *app, struct buf *out, bool *found_out)
{
    const char *file = getenv("BURBLE_PASSWORD_FILE");
    *found_out = false;
    if (!environment_fits(app))
        return 0;
    *found_out = environment != NULL || (file != NULL && file[0] != '\0');
    if (environment != NULL)
        return from_text(app, environment, "BURBLE_PASSWORD", out);
    return *found_out ? from_file(app, file, out) : 0;
}

static int from_account(const struct app *app, struct buf *out, bool *found_out)
{
    const struct account *a = &app->account;
    *found_out = true;
    if (a->password != NULL)
        return from_text(app, a->password, "accounts.conf", out);
    if (a->password_file != NULL)
        return from_file(app, a->password_file, out);
    if (a->password_command.count > 0)
        return from_command(app, &a->password_command, "password_command", out);
    *found_out = a->password_env != NULL;
    if (!*found_out)
        return 0;
    const char *value =
        strcmp(a->password_env, "BURBLE_PASSWORD") == 0 ? environment : getenv(a->password_env);
    if (value == NULL)
        return app_fail(app, EXIT_USAGE,
                        "the environment has no %s, which holds the password of %s",
                        a->password_env, a->jid);
    return from_text(app, value, a->password_env, out);
}

/* One answer, without its echo. */
static int ask_once(const struct app *app, int tty, const char *question, struct buf *out)
{
    struct buf shown = {0};
    size_t len = 0;
    text_show(slice_z(question), TEXT_LINE, &shown);
    buf_lit(&shown, ": ");
    ssize_t n = write(tty, shown.ptr, buf_len(&shown));
    buf_free(&shown);
    enum prompt_line line =
        n < 0 ? PROMPT_END : prompt_line(tty, out->ptr + out->end, PASSWORD_BYTES_MAX + 1, &len);
    n = write(tty, "\n", 1);
    out->end += (uint32_t)len;
    if (line == PROMPT_END && n < 1)
        return app_fail(app, EXIT_USAGE, "the terminal does not answer");
    return 0;
}

int password_ask(const struct app *app, const char *question, bool again, bool empty_ok,
                 const char *instead, struct buf *out)
{
    struct buf second = {0};
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0)
        return app_fail(app, EXIT_USAGE, "there is no terminal to ask for the password.\nUse %s.",
                        instead);
    int status = reserve(app, out);
    if (status == 0)
        status = reserve(app, &second);
    if (status == 0 && !prompt_hide(tty))
        status = app_fail(app, EXIT_USAGE, "the terminal cannot hide what is typed");
    if (status == 0) {
        status = ask_once(app, tty, question, out);
        if (status == 0 && !(empty_ok && buf_len(out) == 0))
            status = judge(app, out, "terminal");
        if (status == 0 && again && buf_len(out) > 0)
            status = ask_once(app, tty, "Again", &second);
        prompt_show();
    }
    if (status == 0 && again && !slice_eq(buf_slice(out), buf_slice(&second)))
        status = app_fail(app, EXIT_USAGE, "the two passwords differ. Nothing was changed.");
    close(tty);
    password_free(&second);
    return status;
}

static int ask(const struct app *app, bool again, struct buf *out)
{
    char question[160];
    snprintf(question, sizeof(question), "%s for %.100s", again ? "New password" : "Password",
             app->account.jid);
    return password_ask(app, question, again, false,
                        "--password-file, --password-fd, --password-stdin, --password-command or "
                        "BURBLE_PASSWORD",
                        out);
}

int app_password(struct app *app, struct buf *out)
{
    bool found;
    int status = password_from_options(app, out, &found);
    if (status == 0 && !found)
        status = from_environment(app, out, &found);
    if (status == 0 && !found)
        status = from_account(app, out, &found);
    if (status == 0 && !found && app->account.certificate == NULL)
        status = ask(app, false, out);
    return status;
}

int app_new_password(struct app *app, struct buf *out)
{
    bool found;
    int status = password_from_options(app, out, &found);
    if (status == 0 && !found)
        status = from_environment(app, out, &found);
    if (status == 0 && !found)
        status = ask(app, true, out);
    return status;
}
