/* Help texts. */
#include "burblectl/help.h"

#include <string.h>

enum { NAME_COLUMNS = 32 };

static void print_line(const struct command *c, FILE *to)
{
    char name[96];
    int n = snprintf(name, sizeof(name), "%s", c->name);
    for (size_t i = 0; i < COMMAND_ARGS_MAX && c->args[i].key != NULL && n < NAME_COLUMNS; i++) {
        const struct command_arg *a = &c->args[i];
        bool bare = a->required || a->shown[0] == '[';
        n += snprintf(name + n, sizeof(name) - (size_t)n, bare ? " %s" : " [%s]", a->shown);
    }
    fprintf(to, "  %-*s %s\n", (int)NAME_COLUMNS, name, c->line);
}

static void print_command(const struct command *c, FILE *to)
{
    fprintf(to, "Usage: burblectl [OPTION...] %s", c->name);
    for (size_t i = 0; i < COMMAND_ARGS_MAX && c->args[i].key != NULL; i++) {
        const struct command_arg *a = &c->args[i];
        bool bare = a->required || a->shown[0] == '[';
        fprintf(to, bare ? " %s" : " [%s]", a->shown);
    }
    fprintf(to, "%s%s\n\n%c%s.\n", c->password ? " [--generate]" : "", c->confirm ? " [--yes]" : "",
            c->line[0] - 'a' + 'A', c->line + 1);
    if (c->help != NULL)
        fprintf(to, "\n%s\n", c->help);
    if (c->columns[0].key == NULL)
        return;
    fputs("\nWith --json each row has:", to);
    for (size_t i = 0; i < COMMAND_COLUMNS_MAX && c->columns[i].key != NULL; i++)
        fprintf(to, "%s %s", i > 0 ? "," : "", c->columns[i].key);
    fputc('\n', to);
}

static void print_overview(FILE *to)
{
    fputs("Usage: burblectl [OPTION...] COMMAND [ARGUMENT...]\n\n"
          "Administers the burbled that runs on this machine.\n\nCommands:\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        print_line(&COMMANDS[i], to);
    fputs("\nOptions:\n"
          "  --data-dir DIR   data folder of the server; default: $BURBLE_DATA_DIR, else the\n"
          "                   data_dir of -c FILE, else /var/lib/burble\n"
          "  -c FILE          configuration of the server\n"
          "  --json           rows as a JSON array, for programs\n"
          "  --version        the version of burblectl\n"
          "  --help           this help; behind a command: help for it\n\n"
          "Exit status: 0 done, 1 not done, 64 wrong usage, 69 the server does not run,\n"
          "75 try again later, 77 not permitted, 78 the configuration is wrong.\n",
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
    fprintf(to, "Commands of \"burblectl %s\":\n", topic);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t len = strlen(topic);
        if (strncmp(COMMANDS[i].name, topic, len) == 0 && COMMANDS[i].name[len] == ' ')
            print_line(&COMMANDS[i], to);
    }
}
