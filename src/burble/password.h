/* Where passwords come from (C13): options, the environment, the account, a person. Never argv. */
#ifndef BURBLE_PASSWORD_H
#define BURBLE_PASSWORD_H

#include "base/buf.h"

struct app;

enum { PASSWORD_BYTES_MAX = 1023, PASSWORD_COMMAND_MS_MAX = 120000 };

/* Wipes and frees. */
void password_free(struct buf *password);

/* At the start: takes BURBLE_PASSWORD out of the environment, so that no program that burble starts
 * inherits it. The copy is wiped by password_forget_environment. */
void password_take_environment(void);
void password_forget_environment(void);

/* With --password-stdin: reads the line now, before the command reads the rest. 0, or an exit code,
 * having said why. */
int password_take_stdin(struct app *app);

/* What an option says (--password-file and its like): 0 and *found_out, or an exit code, having
 * said why. */
int password_from_options(const struct app *app, struct buf *out, bool *found_out);

/* The same of --new-password-file and --new-password-fd, for commands that have them. */
int password_new_from_options(const struct app *app, struct buf *out, bool *found_out);
/* Makes one up: 26 characters of [a-z2-7], 130 random bits; appended. 0, or EXIT_REFUSED. */
int password_generate(const struct app *app, struct buf *out);

/* Asks on the terminal, twice if again. question has no colon. 0, or an exit code, having said why;
 * EXIT_USAGE where there is no terminal, with what else can be used ("--x or --y"). An empty answer
 * is an empty password if empty_ok. */
int password_ask(const struct app *app, const char *question, bool again, bool empty_ok,
                 const char *instead, struct buf *out);

#endif
