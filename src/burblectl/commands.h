/* The commands of burblectl as data: how they are typed, what they take, what the server answers
 * with, and what `burblectl help` and the man page say. Adding one is a row in commands.c. */
#ifndef BURBLECTL_COMMANDS_H
#define BURBLECTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum { COMMAND_ARGS_MAX = 2, COMMAND_COLUMNS_MAX = 20 };

enum command_place {
    COMMAND_SERVER, /* needs a running server */
    COMMAND_LIMITS, /* asks the server, or reads the configuration where none runs */
    COMMAND_CHECK,  /* looks at the files, then asks the server where one runs */
    COMMAND_BACKUP, /* read and write databases themselves, the first beside a server that runs */
    COMMAND_VERIFY,
    COMMAND_RESTORE,
    COMMAND_HELP, /* says it itself */
};

enum command_layout {
    COMMAND_QUIET,  /* no rows are expected; `done` says that it is done */
    COMMAND_TABLE,  /* one line for each row */
    COMMAND_RECORD, /* one line for each value of the row */
};

struct command_arg {
    const char *key;   /* in the request */
    const char *shown; /* in the help: JID */
    bool required;
};

struct command_column {
    const char *key; /* in the row */
    const char *title;
    bool right; /* numbers */
};

struct command {
    const char *name; /* "account add" */
    enum command_place place;
    enum command_layout layout;
    bool password; /* a new one is asked for; takes --generate */
    bool confirm;  /* asks on a terminal; takes --yes */
    struct command_arg args[COMMAND_ARGS_MAX];
    struct command_column columns[COMMAND_COLUMNS_MAX]; /* ends with key NULL */
    const char *line;                                   /* what it does, one line */
    const char *help;                                   /* the rest, may be NULL */
    const char *done; /* "Account %s was added." with the first argument; may be NULL */
    const char *none; /* said when there are no rows; may be NULL */
};

extern const struct command COMMANDS[];
extern const size_t COMMAND_COUNT;

/* NULL: no such command. */
const struct command *command_find(struct slice name);
/* True when commands of two words begin with it: "account". */
bool command_is_group(struct slice word);
/* The command with the nearest name; NULL when none is near. */
const struct command *command_nearest(struct slice name);

#endif
