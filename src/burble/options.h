/* What was typed: options anywhere before "--", the command, its arguments. */
#ifndef BURBLE_OPTIONS_H
#define BURBLE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "burble/commands.h"

enum { OPTIONS_MAX = 64 };

struct option_value {
    const struct option_row *row;
    const char *value; /* NULL: the option has none */
};

struct options {
    const struct command *command;
    struct option_value values[OPTIONS_MAX];
    size_t count;
    char **args; /* of the command; on the heap, the texts are argv's */
    int arg_count;
    bool help;         /* help was asked for: of the command, of the topic, of everything */
    const char *topic; /* help: of this group of commands */
};

/* Fills *out (options_free in any case), or says on standard error what is wrong and what to do:
 * 0 or EXIT_USAGE. */
int options_read(int argc, char **argv, struct options *out);
void options_free(struct options *o);

/* The value of an option, "" for one that has none, NULL when it was not given. */
const char *options_get(const struct options *o, const char *name);
/* The value number i (from 0) of an option that may be repeated; NULL behind the last. */
const char *options_get_nth(const struct options *o, const char *name, size_t i);

#endif
