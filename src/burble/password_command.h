/* Passwords that a program prints, such as pass(1). */
#ifndef BURBLE_PASSWORD_COMMAND_H
#define BURBLE_PASSWORD_COMMAND_H

#include "base/buf.h"
#include "burbled/config.h"

struct app;

/* Runs the program (looked for in PATH, no shell) with the terminal as its standard input, so that
 * it can ask its own questions, and appends the first line that it prints. 0, or EXIT_USAGE having
 * said why: it cannot be started, fails, prints nothing, takes longer than PASSWORD_COMMAND_MS_MAX.
 * out has room for PASSWORD_BYTES_MAX + 2 bytes. */
int password_command_run(const struct app *app, const struct config_strings *words,
                         const char *where, struct buf *out);

#endif
