/* burble bot: messages for programs, and what they answer (S11, S12). */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/bot.h"
#include "io/clock.h"

static const struct option_row OPTIONS[] = {
    {"exec", NULL, "run a program for every message", 0, false},
    {"allow", "JID", "listen to this address (with --exec: needed)", 0, true},
    {"command", "ROW", "NAME=PROGRAM [ARG...], with --exec", 0, true},
    {"shell", NULL, "unsafe: messages are for a shell", 0, false},
    {"time", "SECONDS", "a program may take so long: 10", 0, false},
    {"size", "BYTES", "of its output that are sent: 65536", 0, false},
    {"rate", "N", "messages of one address in a minute: 60", 0, false},
    {"parallel", "N", "programs at a time: 4", 0, false},
    {"max-age", "SECONDS", "of messages that waited somewhere: 3600", 0, false},
    {"raw", NULL, "whole stanzas in the JSON, too", 0, false},
    {"status", "TEXT", "of the presence", 0, false},
    {NULL, NULL, NULL, 0, false},
};

static void online(struct session *s, bool resumed)
{
    struct bot *b = s->arg;
    if (!resumed)
        (void)burble_set_presence(s->client, BURBLE_SHOW_ONLINE, app_option(b->app, "status"), 0,
                                  NULL);
}

static void message(struct session *s, const struct burble_message *m)
{
    struct bot *b = s->arg;
    struct now now = clock_now();
    const char *to = m->type == BURBLE_GROUPCHAT ? m->from_bare : m->from;
    switch (bot_judge(&b->rules, m, burble_jid(s->client), now.mono_ms, now.wall_ms)) {
    case BOT_YES:
        b->mode->message(b, m);
        return;
    case BOT_DENIED:
        if (b->mode == &BOT_EXEC)
            (void)bot_reply(s, to, m->type, "Access denied");
        return;
    case BOT_TOO_MANY:
        (void)bot_reply(s, to, m->type, "That is too much; wait a minute.");
        return;
    default:
        return;
    }
}

static int numbers(struct bot *b)
{
    int status = app_option_number(b->app, "time", 1, 86400, &b->time_s);
    if (status == 0)
        status = app_option_number(b->app, "size", 1, 1000000, &b->size);
    if (status == 0)
        status = app_option_number(b->app, "parallel", 1, 100, &b->parallel);
    return status;
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online, .message = message};
    bool exec = app_option(app, "exec") != NULL;
    struct session s = {0};
    struct bot b = {.app = app,
                    .session = &s,
                    .mode = exec ? &BOT_EXEC : &BOT_FILTER,
                    .time_s = BOT_TIME_S,
                    .size = BOT_OUTPUT_BYTES,
                    .parallel = BOT_PARALLEL};
    char **own = mem_array((size_t)argc + 1, sizeof(*own));
    for (int i = 0; i < argc; i++)
        own[i] = argv[i];
    int status = bot_rules_init(&b.rules, app);
    if (status == 0)
        status = numbers(&b);
    if (status == 0 && !exec && argc == 0)
        status = app_fail(app, EXIT_USAGE, "which program? burble bot -- PROGRAM [ARG...]");
    if (status == 0)
        status = session_open(app, &OPS, &b,
                              &(struct session_options){.stay = true, .purpose = "bot"}, &s);
    if (status == 0)
        status = b.mode->begin(&b, argc, own);
    if (status == 0)
        status = session_run(&s);
    b.mode->end(&b);
    session_close(&s);
    bot_rules_free(&b.rules);
    mem_free(own);
    return status;
}

const struct command CMD_BOT = {
    .name = "bot",
    .shown = "[-- PROGRAM [ARG...]]",
    .args_max = COMMAND_MANY,
    .account = true,
    .options = OPTIONS,
    .line = "let a program answer messages",
    .help = "The program reads a JSON object per message, one per line, as `burble listen\n"
            "--json` writes them, and writes answers: a line of text goes to whoever wrote\n"
            "last, a line {\"to\": JID, \"body\": TEXT} to whom it says.\n\n"
            "With --exec it runs once per message, with the words of the message behind its\n"
            "own: for those alone that --allow names; others are told \"Access denied\". With\n"
            "--command the first word chooses the program. What it prints is the answer, or\n"
            "what it prints to standard error when that is all. No shell reads the message.\n\n"
            "Errors, copies of what other devices say, its own words and what a room\n"
            "remembers are never answered.",
    .run = run,
};
