/* Help texts, all from the table of commands. */
#include "burble/help.h"

#include <string.h>

enum { NAME_COLUMNS = 26, OPTION_COLUMNS = 32 };

static void print_line(const struct command *c, FILE *to)
{
    char name[96];
    snprintf(name, sizeof(name), "%s%s%s", c->name, c->shown[0] != '\0' ? " " : "", c->shown);
    if (strlen(name) > NAME_COLUMNS)
        fprintf(to, "  %s\n  %-*s %s\n", name, (int)NAME_COLUMNS, "", c->line);
    else
        fprintf(to, "  %-*s %s\n", (int)NAME_COLUMNS, name, c->line);
}

static void print_option(const struct option_row *row, FILE *to)
{
    char name[96], letter[8] = "    ";
    if (row->letter != 0)
        snprintf(letter, sizeof(letter), "-%c, ", row->letter);
    snprintf(name, sizeof(name), "%s--%s%s%s", letter, row->name, row->value != NULL ? " " : "",
             row->value != NULL ? row->value : "");
    fprintf(to, "  %-*s %s\n", (int)OPTION_COLUMNS, name, row->help);
}

static void print_options(const struct option_row *rows, FILE *to)
{
    for (; rows->name != NULL; rows++)
        print_option(rows, to);
}

static void print_command(const struct command *c, FILE *to)
{
    fprintf(to, "Usage: burble [OPTION...] %s%s%s\n\n%c%s.\n", c->name,
            c->shown[0] != '\0' ? " " : "", c->shown, c->line[0] - 'a' + 'A', c->line + 1);
    if (c->help != NULL)
        fprintf(to, "\n%s\n", c->help);
    if (c->options != NULL && c->options[0].name != NULL) {
        fputs("\nOptions:\n", to);
        print_options(c->options, to);
    }
    fputs("\nOptions of every command: burble help\n", to);
}

static void print_overview(FILE *to)
{
    fputs("Usage: burble [OPTION...] COMMAND [ARGUMENT...]\n\n"
          "Speaks XMPP: for people, for scripts, for bots.\n\nCommands:\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        print_line(COMMANDS[i], to);
    fputs("\nOptions of every command:\n", to);
    print_options(GLOBAL_OPTIONS, to);
    fputs("\nEnvironment: BURBLE_JID, BURBLE_PASSWORD, BURBLE_PASSWORD_FILE.\n"
          "Accounts: ~/.config/burble/accounts.conf; \"burble account add\" adds one.\n\n"
          "Exit status: 0 done, 1 refused or failed, 2 wrong usage or configuration,\n"
          "3 the server cannot be reached, 4 identity or login refused, 5 the other side\n"
          "does not speak XMPP properly, 6 interrupted.\n",
          to);
}

void help_print(const struct command *command, const char *topic, FILE *to)
{
    if (command != NULL) {
        print_command(command, to);
        return;
    }
    if (topic == NULL) {
        print_overview(to);
        return;
    }
    size_t len = strlen(topic);
    fprintf(to, "Commands of \"burble %s\":\n", topic);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *name = COMMANDS[i]->name;
        if (strncmp(name, topic, len) == 0 && (name[len] == ' ' || name[len] == '\0'))
            print_line(COMMANDS[i], to);
    }
}

static void print_option_words(const struct option_row *rows, const char *command, FILE *to)
{
    for (; rows != NULL && rows->name != NULL; rows++)
        fprintf(to, "option --%s %s%s%s\n", rows->name, rows->value != NULL ? rows->value : "-",
                command[0] != '\0' ? " " : "", command);
}

void help_words(FILE *to)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "command %s\n", COMMANDS[i]->name);
    print_option_words(GLOBAL_OPTIONS, "", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        print_option_words(COMMANDS[i]->options, COMMANDS[i]->name, to);
}

/* Options are read in a way of their own for it, and main prints. */
const struct command CMD_HELP = {
    .name = "help",
    .shown = "[COMMAND]",
    .args_max = 2,
    .options =
        (const struct option_row[]){
            {"words", NULL, "all commands and options, for a shell", 0, false},
            {NULL, NULL, NULL, 0, false},
        },
    .line = "explain a command",
};
