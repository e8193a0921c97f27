/* burble bot: messages for programs, and what they answer (S11, S12). */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/answers.h"
#include "burble/bot.h"
#include "burble/disco.h"
#include "io/clock.h"

static const struct option_row OPTIONS[] = {
    {"exec", NULL, "run a program for every message", 0, false},
    {"allow", "JID", "listen to this address (with --exec: needed)", 0, true},
    {"command", "ROW", "NAME=PROGRAM [ARG...], with --exec", 0, true},
    {"dashes", NULL, "unsafe: words of messages may be options", 0, false},
    {"shell", NULL, "unsafe: messages are for a shell", 0, false},
    {"time", "SECONDS", "a program may take so long: 10", 0, false},
    {"size", "BYTES", "of its output that are sent: 65536", 0, false},
    {"rate", "N", "messages of one address in a minute: 60", 0, false},
    {"parallel", "N", "programs at a time: 4", 0, false},
    {"max-age", "SECONDS", "of messages that waited somewhere: 3600", 0, false},
    {"room", "ROOM", "be in this room, for who calls it by its name", 0, true},
    {"nick", "NICK", "of the bot in rooms", 0, false},
    {"all", NULL, "in rooms, listen to all that is said", 0, false},
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

void bot_heard(struct bot *b, const struct bot_said *said)
{
    struct now now = clock_now();
    enum burble_message_type type = said->message->type;
    switch (bot_judge(&b->rules, said, burble_jid(b->session->client), now.mono_ms, now.wall_ms)) {
    case BOT_YES:
        b->mode->message(b, said);
        return;
    case BOT_DENIED:
        if (b->mode == &BOT_EXEC && !said->overheard)
            (void)bot_reply(b, said->to, type, "Access denied");
        return;
    case BOT_TOO_MANY:
        if (!said->overheard)
            (void)bot_reply(b, said->to, type, "That is too much; wait a minute.");
        return;
    case BOT_NEVER:
    case BOT_SILENT:
        return;
    }
}

static void message(struct session *s, const struct burble_message *m)
{
    if (s->ending || m->type == BURBLE_GROUPCHAT)
        return;
    bot_heard(s->arg, &(struct bot_said){
                          .message = m, .text = m->body, .to = m->from, .who = m->from_bare});
}

static void sent(struct session *s, const struct burble_sent_event *e)
{
    struct bot *b = s->arg;
    if (e->error != 0)
        out_error("an answer was not sent: %s", burble_error_text(e->error));
    if (b->mode->sent != NULL)
        b->mode->sent(b);
}

static void saving(struct session *s)
{
    struct bot *b = s->arg;
    if (s->ending && b->mode->reads_on)
        bot_pending_free(b);
    bot_pending_keep(b);
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

/* What others see of it, and where it is. */
static int appear(struct bot *b)
{
    int err = burble_answer_usual(b->session->client);
    if (err == 0)
        err = burble_set_identity(b->session->client, "client", "bot", NULL);
    return err == 0 ? bot_rooms_join(b)
                    : app_fail(b->app, EXIT_REFUSED, "%s", burble_error_text(err));
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {
        .online = online, .message = message, .sent = sent, .saving = saving};
    /* What other devices get and send is none of a bot's, so no copies of it. */
    static const struct session_options options = {
        .stay = true, .purpose = "bot", .sure = true, .flags = BURBLE_NO_CARBONS};
    struct session s = {0};
    struct bot b = {.app = app,
                    .session = &s,
                    .mode = app_option(app, "exec") != NULL ? &BOT_EXEC : &BOT_FILTER,
                    .time_s = BOT_TIME_S,
                    .size = BOT_OUTPUT_BYTES,
                    .parallel = BOT_PARALLEL};
    list_init(&b.pending);
    char **own = mem_array((size_t)argc + 1, sizeof(*own)); /* ends with NULL */
    if (argc > 0)
        memcpy(own, argv, (size_t)argc * sizeof(*own));
    int status = bot_rules_init(&b.rules, app);
    if (status == 0)
        status = numbers(&b);
    if (status == 0)
        status = b.mode->begin(&b, argc, own);
    if (status == 0)
        status = session_open(app, &OPS, &b, &options, &s);
    if (status == 0)
        status = appear(&b);
    if (status == 0)
        bot_pending_load(&b);
    if (status == 0 && b.mode->start != NULL)
        status = b.mode->start(&b);
    if (status == 0)
        bot_pending_again(&b, NULL);
    if (status == 0)
        status = session_run(&s);
    b.mode->end(&b);
    bot_rooms_leave(&b);
    session_close(&s);
    bot_pending_free(&b);
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
            "last, a line {\"to\": JID, \"body\": TEXT} to whom it says. It is started again\n"
            "when it fails; when it ends with status 0, so does the bot.\n\n"
            "With --exec it runs once per message, with the words of the message behind its\n"
            "own: for those alone that --allow names; others are told \"Access denied\". With\n"
            "--command the first word chooses the program. What it prints is the answer, or\n"
            "what it prints to standard error when that is all. No shell reads the message.\n"
            "Words that begin with \"-\" are refused, unless the program's own end with \"--\".\n\n"
            "In a room it hears what begins with its name (\"bot: hello\"), or with --all\n"
            "everything; the room's address in --allow names everybody in it.\n\n"
            "Errors, copies of what other devices say, its own words and what a room\n"
            "remembers are never answered. What a bot that was killed had not answered is\n"
            "handed to the program again by the next one, and nothing is answered twice.",
    .run = run,
};
