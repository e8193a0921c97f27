/* What `burblectl help` says, from the table of commands. */
#ifndef BURBLECTL_HELP_H
#define BURBLECTL_HELP_H

#include <stdio.h>

#include "burblectl/commands.h"

/* command NULL: of everything, or of the group of commands that begin with topic. */
void help_print(const struct command *command, const char *topic, FILE *to);

#endif
