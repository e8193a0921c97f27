/* What a command gets: the command line, the account it is to use, its password, its output.
 *
 *   static int run(struct app *app, int argc, char **argv)
 *   {
 *       struct buf password = {0};
 *       int status = app_password(app, &password);
 *       if (status != 0)
 *           return status;
 *       ...
 *       password_free(&password);
 *       return EXIT_DONE;
 *   } */
#ifndef BURBLE_APP_H
#define BURBLE_APP_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/buf.h"
#include "burble/account.h"
#include "burble/exit_code.h"
#include "burble/options.h"
#include "burble/out.h"

struct app {
    struct options options;
    struct out out;
    struct account account;    /* with command->account: whose jid is set; else zeroed */
    struct buf stdin_password; /* of --password-stdin */
    bool debug;                /* the raw XML goes to standard error */
};

/* Says on standard error what went wrong, in one or more lines, harmless; returns code. Never put a
 * password into it. */
int app_fail(const struct app *app, enum exit_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The value of an option of the command or of all; "" for one without a value; NULL: not given. */
static inline const char *app_option(const struct app *app, const char *name)
{
    return options_get(&app->options, name);
}

/* An option that is a whole number: *out is left alone when it was not given. 0 or, having said
 * what is expected, EXIT_USAGE. */
int app_option_number(const struct app *app, const char *name, unsigned min, unsigned max,
                      unsigned *out);

/* The account that the options, the environment or the file of accounts name goes to app->account:
 * 0 or EXIT_USAGE, having said why. main calls it for commands that have .account set; others may.
 */
int app_choose_account(struct app *app);

/* app->account is made anew of an address, which may have a resource; where names the source of jid
 * in messages. 0 or EXIT_USAGE, having said why. */
int app_account_from(struct app *app, const char *jid, const char *where);
/* Sets what --host and its like say in app->account: 0 or EXIT_USAGE, having said why. */
int app_account_options(struct app *app);

/* The password of app->account: from the options, the environment, the account, or asked for on the
 * terminal; none for an account that has a certificate instead. Appended to *out, which is empty,
 * and given back with password_free (burble/password.h) also after a failure. 0 or an exit code,
 * having said why. Once per run: a descriptor can be read once. */
int app_password(struct app *app, struct buf *out);
/* The same for a new password, e.g. for registration: what the account has is not taken, and on a
 * terminal it is asked for twice. */
int app_new_password(struct app *app, struct buf *out);

#endif
