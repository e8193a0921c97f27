/* burblectl: the administrator's tool. Reads the command line, finds the server, asks, shows. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "burblectl/backup.h"
#include "burblectl/check.h"
#include "burblectl/client.h"
#include "burblectl/help.h"
#include "burblectl/options.h"
#include "burblectl/output.h"
#include "burblectl/password.h"
#include "burbled/config.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"

/* The data folder that was named, or NULL. */
static const char *named_data_dir(const struct options *options)
{
    const char *dir = options->data_dir;
    if (dir == NULL)
        dir = getenv("BURBLE_DATA_DIR");
    return dir != NULL && dir[0] != '\0' ? dir : NULL;
}

/* The data folder to talk to, on the heap; NULL after telling why the configuration is refused. */
static char *find_data_dir(const struct options *options)
{
    const char *named = named_data_dir(options);
    if (named != NULL || options->config == NULL)
        return mem_copy(slice_z(named != NULL ? named : CONFIG_DEFAULT_DATA_DIR));
    struct config config;
    struct config_errors errors = {0};
    char *dir = NULL;
    if (config_load(options->config, &config, &errors) == 0)
        dir = mem_copy(slice_z(config.data_dir));
    else
        config_errors_print(&errors, stderr);
    config_errors_free(&errors);
    config_free(&config);
    return dir;
}

static void on_row(void *ctx, const json_t *row)
{
    output_row(ctx, row);
}

/* The command was done: says so, and shows a password that was made. */
static void say_done(const struct options *options, const struct password *password,
                     struct output *o)
{
    const char *done = options->command->done;
    if (options->json) {
        if (options->generate) {
            json_t *row =
                json_pack("{s:s, s:s}", "jid", options->args[0], "password", password->text);
            CHECK(row != NULL);
            output_row(o, row);
            json_decref(row);
        }
        return;
    }
    const char *hole = done != NULL ? strstr(done, "%s") : NULL;
    if (hole != NULL) {
        char *shown = output_harmless(options->args[0]);
        printf("%.*s%s%s\n", (int)(hole - done), done, shown, hole + 2);
        mem_free(shown);
    } else if (done != NULL) {
        puts(done);
    }
    if (options->generate)
        printf("Password: %s\n", password->text);
}

static int exchange(const struct options *options, const char *data_dir,
                    const struct password *password, struct output *o)
{
    struct control_arg args[COMMAND_ARGS_MAX];
    struct buf request = {0};
    for (size_t i = 0; i < options->arg_count; i++)
        args[i] =
            (struct control_arg){slice_z(options->command->args[i].key), slice_z(options->args[i])};
    /* Room for everything, so that a password is never copied to a second place. */
    int err = buf_reserve(&request, CONTROL_REQUEST_BYTES_MAX * 2);
    if (err == 0)
        err = control_request_encode(
            slice_z(options->command->name), args, options->arg_count,
            options->command->password ? slice_of(password->text, password->len) : SLICE_NONE,
            &request);
    CHECK(err == 0); /* the parts were measured when they were read */
    struct client_end end = client_run(data_dir, &request, on_row, o);
    buf_free(&request);
    if (end.status == 0)
        say_done(options, password, o);
    if (options->command->place == COMMAND_LIMITS && end.status == CONTROL_UNAVAILABLE) {
        fprintf(stderr, "burbled does not run; these are %s%s.\n",
                options->config != NULL ? "the limits of " : "the defaults",
                options->config != NULL ? options->config : "");
        end.status = check_limits(options->config, o);
    } else if (end.status != 0) {
        output_error("%s", end.text);
    }
    mem_free(end.text);
    return end.status;
}

static bool confirmed(const struct options *options)
{
    if (!options->command->confirm || options->yes || !isatty(STDIN_FILENO))
        return true;
    char question[256];
    char *shown = output_harmless(options->args[0]);
    snprintf(question, sizeof(question),
             "Remove %.150s with its contacts, messages and all other data? Type \"yes\":", shown);
    mem_free(shown);
    if (password_confirm(question))
        return true;
    output_error("nothing was changed.");
    return false;
}

/* What needs no server. */
static bool is_local(const struct options *options, const char *data_dir, struct output *o,
                     int *status_out)
{
    switch (options->command->place) {
    case COMMAND_BACKUP:
        *status_out = backup_run(options, data_dir, o);
        return true;
    case COMMAND_VERIFY:
        *status_out = backup_verify(options, o);
        return true;
    case COMMAND_RESTORE:
        *status_out = restore_run(options, data_dir, o);
        return true;
    default:
        return false;
    }
}

static int run(const struct options *options, struct output *o)
{
    if (options->command->place == COMMAND_CHECK)
        return check_run(options, named_data_dir(options), o);
    char *data_dir = find_data_dir(options);
    if (data_dir == NULL)
        return CONTROL_CONFIG;
    struct password password = {.len = 0};
    int status;
    if (is_local(options, data_dir, o, &status)) {
        mem_free(data_dir);
        return status;
    }
    status = confirmed(options) ? 0 : CONTROL_FAILED;
    if (status == 0 && options->generate)
        password_generate(&password);
    else if (status == 0 && options->command->password)
        status = password_read(options->args[0], &password);
    if (status == 0)
        status = exchange(options, data_dir, &password, o);
    password_wipe(&password);
    mem_free(data_dir);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    setlocale(LC_CTYPE, "");
    int status = options_read(argc, argv, &options);
    if (status != 0)
        return status;
    if (options.version) {
        puts("burblectl " BURBLE_VERSION);
    } else if (options.help) {
        help_print(options.command, options.topic, stdout);
    } else {
        struct output o = {.command = options.command, .json = options.json};
        status = run(&options, &o);
        output_end(&o, status == 0);
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
        perror("burblectl: standard output");
        status = CONTROL_FAILED;
    }
    return status;
}
