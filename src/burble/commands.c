/* The table of commands, and the options that all of them take. */
#include "burble/commands.h"

#include "burbled/config_text.h"

/* One per line. */
/* clang-format off */
const struct command *const COMMANDS[] = {
    &CMD_ACCOUNT_ADD,
    &CMD_ACCOUNT_DEFAULT,
    &CMD_ACCOUNT_LIST,
    &CMD_ACCOUNT_REMOVE,
    &CMD_ACCOUNT_SHOW,
    &CMD_BENCH,
    &CMD_BOT,
    &CMD_BRIDGE_POST,
    &CMD_BRIDGE_RUN,
    &CMD_CHAT,
    &CMD_COMMAND,
    &CMD_CONSOLE,
    &CMD_DISCO,
    &CMD_FILE_RECEIVE,
    &CMD_FILE_SEND,
    &CMD_HELP,
    &CMD_HISTORY,
    &CMD_LISTEN,
    &CMD_PASSWD,
    &CMD_PING,
    &CMD_PROBE,
    &CMD_REGISTER,
    &CMD_ROSTER,
    &CMD_SEND,
    &CMD_STATUS,
};
/* clang-format on */

const size_t COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]);

const struct option_row GLOBAL_OPTIONS[] = {
    {"account", "NAME", "use this account, by name or address", 'a', false},
    {"jid", "JID", "use an account that is in no file", 0, false},
    {"password-file", "FILE", "its first line is the password", 0, false},
    {"password-fd", "N", "the password is a line of this descriptor", 0, false},
    {"password-stdin", NULL, "its first line is the password", 0, false},
    {"password-command", "COMMAND", "what this prints is the password", 0, false},
    {"host", "HOST", "connect there instead of asking DNS", 0, false},
    {"port", "PORT", "the port to connect to", 0, false},
    {"tls", "MODE", "auto, starttls, direct, or none (unsafe)", 0, false},
    {"proxy", "URL", "socks5://HOST:PORT or http://HOST:PORT", 0, false},
    {"ca-file", "FILE", "trust these authorities alone", 0, false},
    {"pin", "PIN", "trust this certificate alone: sha256:...", 0, true},
    {"config", "DIR", "folder of the accounts", 0, false},
    {"json", NULL, "one JSON object per line, for programs", 0, false},
    {"quiet", NULL, "say nothing but results and errors", 'q', false},
    {"verbose", NULL, "say what is being done", 'v', false},
    {"debug", NULL, "show the XML that goes in and out", 0, false},
    {"help", NULL, "help, behind a command for it", 'h', false},
    {"version", NULL, "the version of burble", 0, false},
    {NULL, NULL, NULL, 0, false},
};

const struct command *command_find(struct slice name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (slice_eq(name, slice_z(COMMANDS[i]->name)))
            return COMMANDS[i];
    }
    return NULL;
}

bool command_is_group(struct slice word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        struct slice name = slice_z(COMMANDS[i]->name);
        if (word.len > 0 && name.len > word.len && slice_starts(name, word) &&
            name.ptr[word.len] == ' ')
            return true;
    }
    return false;
}

/* A distance from which on nothing is near. */
static size_t too_far(struct slice name)
{
    return name.len < 4 ? 2 : name.len / 2;
}

struct slice command_nearest(struct slice name)
{
    struct slice best = SLICE_NONE;
    size_t space = slice_find(name, ' ');
    bool grouped = space < name.len && command_is_group(slice_of(name.ptr, space));
    /* of the words behind that of a group, only they are misspelt */
    size_t best_distance = too_far(grouped ? slice_from(name, space + 1) : name);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        struct slice whole = slice_z(COMMANDS[i]->name);
        struct slice names[] = {whole, slice_of(whole.ptr, slice_find(whole, ' '))};
        for (size_t j = 0; j < 2; j++) {
            size_t distance = config_text_distance(name, names[j]);
            if (distance < best_distance) {
                best = names[j];
                best_distance = distance;
            }
        }
    }
    return best;
}

static const struct option_row *own_options(const struct command *c)
{
    static const struct option_row none[] = {{NULL, NULL, NULL, 0, false}};
    return c != NULL && c->options != NULL ? c->options : none;
}

const struct option_row *command_option(const struct command *c, struct slice name)
{
    const struct option_row *tables[] = {own_options(c), GLOBAL_OPTIONS};
    for (size_t i = 0; i < 2; i++) {
        for (const struct option_row *row = tables[i]; row->name != NULL; row++) {
            if (slice_eq(slice_z(row->name), name))
                return row;
        }
    }
    return NULL;
}

const struct option_row *command_option_letter(const struct command *c, char letter)
{
    const struct option_row *tables[] = {own_options(c), GLOBAL_OPTIONS};
    for (size_t i = 0; i < 2; i++) {
        for (const struct option_row *row = tables[i]; row->name != NULL; row++) {
            if (row->letter != 0 && row->letter == letter)
                return row;
        }
    }
    return NULL;
}

const struct option_row *command_option_nearest(const struct command *c, struct slice name)
{
    const struct option_row *tables[] = {own_options(c), GLOBAL_OPTIONS}, *best = NULL;
    size_t best_distance = too_far(name);
    for (size_t i = 0; i < 2; i++) {
        for (const struct option_row *row = tables[i]; row->name != NULL; row++) {
            size_t distance = config_text_distance(name, slice_z(row->name));
            if (distance < best_distance) {
                best = row;
                best_distance = distance;
            }
        }
    }
    return best;
}
