/* The table of commands. The server's side of each is described in docs/control-protocol.md; the
 * tests compare the two. */
#include "burblectl/commands.h"

#include "burbled/config_text.h"

#define PASSWORD_HELP                                                                              \
    "The password is asked for on a terminal, without showing it, twice. Otherwise it is the\n"    \
    "first line of standard input. It is never an argument: every user of the machine could\n"     \
    "read it there, and the shell would remember it.\n\n"                                          \
    "  --generate   make a strong password and print it once"

const struct command COMMANDS[] = {
    {
        .name = "account add",
        .layout = COMMAND_QUIET,
        .password = true,
        .args = {{"jid", "JID", true}},
        .line = "add an account",
        .help = PASSWORD_HELP,
        .done = "Account %s was added.",
    },
    {
        .name = "account passwd",
        .layout = COMMAND_QUIET,
        .password = true,
        .args = {{"jid", "JID", true}},
        .line = "give an account a new password",
        .help = "Sessions of the account are ended: whoever knew the old password is "
                "out.\n\n" PASSWORD_HELP,
        .done = "Account %s has a new password.",
    },
    {
        .name = "account list",
        .layout = COMMAND_TABLE,
        .args = {{"host", "HOST", false}},
        .columns = {{"account", "ACCOUNT", false},
                    {"state", "STATE", false},
                    {"sessions", "SESSIONS", true},
                    {"created", "CREATED", false}},
        .line = "list the accounts, of one host or of all",
        .none = "There are no accounts.",
    },
    {
        .name = "account show",
        .layout = COMMAND_RECORD,
        .args = {{"jid", "JID", true}},
        .columns = {{"account", "Account", false},
                    {"state", "State", false},
                    {"created", "Created", false},
                    {"password_changed", "Password changed", false},
                    {"last_active", "Last active", false},
                    {"sessions", "Sessions", false},
                    {"contacts", "Contacts", false},
                    {"archived_messages", "Archived messages", false},
                    {"mechanisms", "Mechanisms", false}},
        .line = "show one account",
    },
    {
        .name = "account disable",
        .layout = COMMAND_QUIET,
        .args = {{"jid", "JID", true}},
        .line = "keep an account, but let nobody log in to it",
        .help = "Its sessions are ended. Messages to it are kept as for an account that is\n"
                "offline. \"account enable\" undoes it.",
        .done = "Account %s is disabled.",
    },
    {
        .name = "account enable",
        .layout = COMMAND_QUIET,
        .args = {{"jid", "JID", true}},
        .line = "let a disabled account log in again",
        .done = "Account %s is enabled.",
    },
    {
        .name = "account remove",
        .layout = COMMAND_QUIET,
        .confirm = true,
        .args = {{"jid", "JID", true}},
        .line = "remove an account and everything of it",
        .help = "Contacts, messages and all other data of the account are removed, contacts are\n"
                "told, sessions are ended. This cannot be undone. On a terminal it asks first.\n\n"
                "  --yes   do not ask",
        .done = "Account %s was removed.",
    },
    {
        .name = "session list",
        .layout = COMMAND_TABLE,
        .args = {{"jid", "JID", false}},
        .columns = {{"jid", "SESSION", false},
                    {"state", "STATE", false},
                    {"presence", "PRESENCE", false},
                    {"priority", "PRIORITY", true},
                    {"peer", "PEER", false},
                    {"tls", "TLS", false},
                    {"since", "SINCE", false}},
        .line = "list the sessions, of one account or of all",
        .none = "There are no sessions.",
    },
    {
        .name = "session show",
        .layout = COMMAND_RECORD,
        .args = {{"jid", "JID/RESOURCE", true}},
        .columns = {{"jid", "Session", false},
                    {"state", "State", false},
                    {"presence", "Presence", false},
                    {"status", "Status", false},
                    {"priority", "Priority", false},
                    {"client", "Client", false},
                    {"peer", "Peer", false},
                    {"tls", "TLS", false},
                    {"mechanism", "Mechanism", false},
                    {"since", "Since", false},
                    {"shard", "Shard", false},
                    {"stanzas_in", "Stanzas in", false},
                    {"stanzas_out", "Stanzas out", false},
                    {"bytes_in", "Bytes in", false},
                    {"bytes_out", "Bytes out", false},
                    {"queue_bytes", "Bytes waiting", false},
                    {"unacknowledged", "Unacknowledged", false}},
        .line = "show one session",
    },
    {
        .name = "session kick",
        .layout = COMMAND_TABLE,
        .args = {{"jid", "JID[/RESOURCE]", true}},
        .columns = {{"jid", "ENDED", false}},
        .line = "end a session, or all of an account",
        .help = "The client gets the stream error \"policy-violation\" and may come back; to keep\n"
                "it out, disable the account.",
        .none = "There was no session to end.",
    },
    {
        .name = "host list",
        .layout = COMMAND_TABLE,
        .columns = {{"host", "HOST", false},
                    {"aliases", "ALIASES", false},
                    {"registration", "REGISTRATION", false},
                    {"accounts", "ACCOUNTS", true},
                    {"sessions", "SESSIONS", true},
                    {"certificate", "CERTIFICATE", false}},
        .line = "list the hosts that are served",
    },
    {
        .name = "stats",
        .layout = COMMAND_TABLE,
        .columns = {{"name", "NAME", false}, {"value", "VALUE", true}},
        .line = "show counters and gauges of the server",
    },
    {
        .name = "reload",
        .layout = COMMAND_TABLE,
        .columns = {{"problem", "PROBLEM", false}},
        .line = "read the configuration and the certificates again",
        .help = "No connection is dropped. A configuration that is wrong is refused as a whole:\n"
                "the old one stays in force, and all errors are shown. SIGHUP does the same.",
        .done = "The configuration was reloaded.",
    },
    {
        .name = "trace",
        .layout = COMMAND_TABLE,
        .args = {{"id", "ID", true}},
        .columns = {{"time", "TIME", false},
                    {"event", "EVENT", false},
                    {"address", "ADDRESS", false},
                    {"archive_id", "ARCHIVE ID", true},
                    {"shard", "SHARD", true}},
        .line = "show what happened to a message, and when",
        .help =
            "ID is the id of the message or its id in the archive (its stanza-id). Events:\n"
            "received, repeated, stored, waiting, handed, copied, acknowledged, pushed, bounced.\n"
            "What is remembered is metadata of the last messages, in memory (trace_bytes).",
        .none = "Nothing is known of such a message (any more).",
    },
    {
        .name = "stop",
        .layout = COMMAND_QUIET,
        .line = "end the server",
        .help =
            "Every stream is closed with \"system-shutdown\" in at most 5 seconds. SIGTERM does\n"
            "the same. Under systemd use \"systemctl stop burbled\".",
        .done = "The server was stopped.",
    },
    {
        .name = "hooks",
        .layout = COMMAND_TABLE,
        .columns = {{"stage", "STAGE", false},
                    {"hook", "HOOK", false},
                    {"position", "POSITION", true},
                    {"module", "MODULE", false}},
        .line = "show which module is asked when, in order",
    },
    {
        .name = "limits",
        .place = COMMAND_LIMITS,
        .layout = COMMAND_TABLE,
        .columns = {{"name", "LIMIT", false},
                    {"value", "VALUE", true},
                    {"default", "DEFAULT", true},
                    {"unit", "UNIT", false},
                    {"id", "ID", false},
                    {"meaning", "MEANING", false}},
        .line = "show every limit, its value and its default",
        .help = "Of the running server; where none runs, of the file given with -c, else the\n"
                "defaults. Limits are set in the group \"limits\" of the configuration.",
    },
    {
        .name = "check",
        .place = COMMAND_CHECK,
        .layout = COMMAND_TABLE,
        .columns = {{"check", "CHECK", false},
                    {"result", "RESULT", false},
                    {"detail", "DETAIL", false}},
        .line = "look for what is wrong, or soon will be",
        .help =
            "Reads the configuration (-c FILE, else /etc/burble/burble.conf), the certificates\n"
            "and their dates, and the data folder; a running server adds what it sees. Exit\n"
            "status 78 when the configuration is wrong, 1 when anything else is.",
    },
    {
        .name = "backup",
        .place = COMMAND_BACKUP,
        .layout = COMMAND_RECORD,
        .args = {{"file", "FILE", true}},
        .columns = {{"file", "Backup", false},
                    {"bytes", "Bytes", false},
                    {"seconds", "Seconds", false}},
        .line = "write a backup of all accounts and messages to a file",
        .help = "One moment of the database, also while the server runs: nobody waits for it.\n"
                "The file has mode 0600 and belongs to whoever calls; a file that is there is\n"
                "never overwritten. Certificates and the configuration are not in it.",
    },
    {
        .name = "verify",
        .place = COMMAND_VERIFY,
        .layout = COMMAND_RECORD,
        .args = {{"file", "FILE", true}},
        .columns = {{"file", "Backup", false},
                    {"result", "Result", false},
                    {"bytes", "Bytes", false},
                    {"version", "Version of the tables", false},
                    {"accounts", "Accounts", false},
                    {"items", "Items", false},
                    {"messages", "Messages", false},
                    {"newest", "Newest message", false}},
        .line = "read a backup from end to end",
        .help = "Every page, row and index is checked; the file is not changed. Exit status 1\n"
                "when it is damaged, or of a newer version than this program.",
    },
    {
        .name = "restore",
        .place = COMMAND_RESTORE,
        .layout = COMMAND_RECORD,
        .confirm = true,
        .args = {{"file", "FILE", true}},
        .columns = {{"file", "Restored", false},
                    {"accounts", "Accounts", false},
                    {"messages", "Messages", false},
                    {"replaced", "Old files", false}},
        .line = "put a backup in the place of the database",
        .help = "The server must be stopped. The backup is verified first. The database that is\n"
                "there is moved into a folder beside it, never deleted, and so are the sessions:\n"
                "clients log in anew. On a terminal it asks first.\n\n"
                "  --yes   do not ask",
    },
    {
        .name = "help",
        .place = COMMAND_HELP,
        .layout = COMMAND_QUIET,
        .args = {{"command", "[COMMAND]", false}},
        .line = "explain a command",
    },
};

const size_t COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]);

const struct command *command_find(struct slice name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (slice_eq(name, slice_z(COMMANDS[i].name)))
            return &COMMANDS[i];
    }
    return NULL;
}

bool command_is_group(struct slice word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        struct slice name = slice_z(COMMANDS[i].name);
        if (word.len > 0 && name.len > word.len && slice_starts(name, word) &&
            name.ptr[word.len] == ' ')
            return true;
    }
    return false;
}

const struct command *command_nearest(struct slice name)
{
    const struct command *best = NULL;
    size_t best_distance = name.len < 4 ? 2 : name.len / 2; /* exclusive */
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t distance = config_text_distance(name, slice_z(COMMANDS[i].name));
        if (distance < best_distance) {
            best = &COMMANDS[i];
            best_distance = distance;
        }
    }
    return best;
}
