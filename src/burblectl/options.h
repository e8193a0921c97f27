/* What was typed: options anywhere, the command, its arguments. */
#ifndef BURBLECTL_OPTIONS_H
#define BURBLECTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "burblectl/commands.h"

struct options {
    const char *data_dir; /* --data-dir; NULL: not given */
    const char *config;   /* -c; NULL: not given */
    bool json;
    bool version;
    bool help;     /* --help, or no command at all */
    bool generate; /* --generate */
    bool yes;      /* --yes */
    const struct command *command;
    const char *args[COMMAND_ARGS_MAX];
    size_t arg_count;
    const char *topic; /* help: of this group of commands; NULL: of `command`, else of everything */
};

/* Fills *out, or writes what is wrong and what to do to standard error. Returns 0 or the exit
 * status. Texts point into argv. */
int options_read(int argc, char **argv, struct options *out);

#endif
