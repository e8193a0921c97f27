/* The commands of burble as data: how they are typed, what they take, what `burble help`, the man
 * page and the completion say. Adding one is a file cmd_NAME.c with its rows, a line below, a line
 * in commands.c, and a section of burble(1); the tests compare them. */
#ifndef BURBLE_COMMANDS_H
#define BURBLE_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct app;

enum { COMMAND_MANY = 1000000 };

struct option_row {
    const char *name;  /* "password-file" */
    const char *value; /* "FILE"; NULL: the option has no value */
    const char *help;  /* one line */
    char letter;       /* 'q' for -q; 0: none */
    bool repeat;       /* may stand more than once */
};

struct command {
    const char *name;                 /* "send", or two words: "account add" */
    const char *shown;                /* its arguments in the help: "JID... [TEXT|-]"; may be "" */
    unsigned args_min, args_max;      /* how many of them; COMMAND_MANY: as many as there are */
    bool account;                     /* app->account is chosen before it runs */
    bool password;                    /* a password could be expected among its arguments */
    const struct option_row *options; /* beside those of every command; ends with name NULL; may be
                                         NULL */
    const char *line;                 /* what it does, one line, lower case, no full stop */
    const char *help;                 /* the rest, lines of at most 79 columns; may be NULL */
    /* args are the words behind the name, without options. Returns an enum exit_code. */
    int (*run)(struct app *app, int argc, char **argv);
};

extern const struct command CMD_ACCOUNT_ADD;
extern const struct command CMD_ACCOUNT_DEFAULT;
extern const struct command CMD_ACCOUNT_LIST;
extern const struct command CMD_ACCOUNT_REMOVE;
extern const struct command CMD_ACCOUNT_SHOW;
extern const struct command CMD_BENCH;
extern const struct command CMD_BOT;
extern const struct command CMD_BRIDGE_POST;
extern const struct command CMD_BRIDGE_RUN;
extern const struct command CMD_CHAT;
extern const struct command CMD_COMMAND;
extern const struct command CMD_CONSOLE;
extern const struct command CMD_DISCO;
extern const struct command CMD_FILE_RECEIVE;
extern const struct command CMD_FILE_SEND;
extern const struct command CMD_HELP;
extern const struct command CMD_HISTORY;
extern const struct command CMD_LISTEN;
extern const struct command CMD_PASSWD;
extern const struct command CMD_PING;
extern const struct command CMD_PROBE;
extern const struct command CMD_REGISTER;
extern const struct command CMD_ROSTER;
extern const struct command CMD_SEND;
extern const struct command CMD_STATUS;

extern const struct command *const COMMANDS[];
extern const size_t COMMAND_COUNT;

/* What every command takes; ends with name NULL. */
extern const struct option_row GLOBAL_OPTIONS[];

/* NULL: no such command. */
const struct command *command_find(struct slice name);
/* True when commands of two words begin with it: "account". */
bool command_is_group(struct slice word);
/* The nearest name of a command or a group; SLICE_NONE when none is near. */
struct slice command_nearest(struct slice name);

/* The option of this command (NULL: none) or of all; NULL: no such option. */
const struct option_row *command_option(const struct command *c, struct slice name);
const struct option_row *command_option_letter(const struct command *c, char letter);
const struct option_row *command_option_nearest(const struct command *c, struct slice name);

#endif
