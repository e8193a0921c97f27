/* What `burble help` says, from the table of commands. */
#ifndef BURBLE_HELP_H
#define BURBLE_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "burble/commands.h"

/* command NULL: of everything, or of the group of commands that begin with topic. */
void help_print(const struct command *command, const char *topic, FILE *to);

/* For the completion of shells: a line "command NAME" for each command, "option NAME VALUE" for
 * each option of all, "option NAME VALUE COMMAND" for each one of a command; VALUE is "-" for
 * options that have none. */
void help_words(FILE *to);

#endif
