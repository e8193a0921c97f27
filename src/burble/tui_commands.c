/* What is typed in `burble chat`: a message, or a command that begins with "/". */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "burble/tui.h"

enum { WORDS_MAX = 4 };

struct tui_command {
    const char *name, *shown, *help;
    unsigned args_min;
    /* words: the first ones; rest[i]: the line from word i on. */
    void (*run)(struct tui *t, char **words, char **rest, unsigned count);
    enum { ANYWHERE, IN_A_TALK, IN_A_ROOM } where;
};

static const struct tui_command TUI_COMMANDS[];

static void cmd_msg(struct tui *t, char **words, char **rest, unsigned count)
{
    if (tui_aside_open(t, rest[0]))
        return;
    char *jid = tui_address(words[0]);
    tui_open(t, words[0]);
    if (count > 1 && jid != NULL && t->model.current != NULL &&
        strcmp(t->model.current->jid, jid) == 0)
        (void)tui_say(t, t->model.current, rest[1]);
    mem_free(jid);
}

static void cmd_join(struct tui *t, char **words, char **rest, unsigned count)
{
    (void)rest;
    tui_join(t, words[0], count > 1 ? words[1] : NULL, count > 2 ? words[2] : NULL);
}

static void cmd_close(struct tui *t, char **words, char **rest, unsigned count)
{
    struct tui_talk *k = t->model.current;
    (void)words, (void)rest, (void)count;
    if (k->room)
        tui_leave(t, k);
    else
        tui_talk_close(&t->model, k);
    tui_changed(t);
}

static void cmd_who(struct tui *t, char **words, char **rest, unsigned count)
{
    (void)words, (void)rest, (void)count;
    tui_who(t, t->model.current);
}

static void cmd_topic(struct tui *t, char **words, char **rest, unsigned count)
{
    struct tui_talk *k = t->model.current;
    (void)words;
    int err = k->handle == NULL ? BURBLE_ERR_OFFLINE
                                : burble_room_set_subject(k->handle, count > 0 ? rest[0] : "");
    if (err != 0)
        tui_tell(t, TUI_FAILURE, "the subject: %s", burble_error_text(err));
}

static void nick_answered(struct burble_room *room, const struct burble_room_result *r, void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = tui_talk_find(&t->model, burble_room_jid(room));
    if (k != NULL && r->outcome != BURBLE_IQ_RESULT)
        tui_remark(k, tui_now(t), TUI_FAILURE, "the nickname: %s", r->text);
    tui_changed(t);
}

static void cmd_nick(struct tui *t, char **words, char **rest, unsigned count)
{
    struct tui_talk *k = t->model.current;
    (void)words, (void)count;
    int err = k->handle == NULL ? BURBLE_ERR_OFFLINE
                                : burble_room_set_nick(k->handle, rest[0], nick_answered, t);
    if (err != 0)
        tui_tell(t, TUI_FAILURE, "the nickname: %s", burble_error_text(err));
}

static void cmd_invite(struct tui *t, char **words, char **rest, unsigned count)
{
    struct tui_talk *k = t->model.current;
    int err = k->handle == NULL
                  ? BURBLE_ERR_OFFLINE
                  : burble_room_invite(k->handle, words[0], count > 1 ? rest[1] : NULL, true);
    tui_tell(t, err == 0 ? TUI_REMARK : TUI_FAILURE, "%s: %s", words[0],
             err == 0 ? "invited" : burble_error_text(err));
}

static void cmd_correct(struct tui *t, char **words, char **rest, unsigned count)
{
    (void)words, (void)count;
    tui_correct(t, t->model.current, rest[0]);
}

static void cmd_me(struct tui *t, char **words, char **rest, unsigned count)
{
    struct buf text = {0};
    (void)words, (void)count;
    if (buf_printf(&text, "/me %s", rest[0]) == 0 && buf_byte(&text, '\0') == 0)
        (void)tui_say(t, t->model.current, text.ptr);
    buf_free(&text);
}

static void cmd_status(struct tui *t, char **words, char **rest, unsigned count)
{
    enum burble_show show = BURBLE_SHOW_ONLINE;
    while (show < BURBLE_SHOW_DND && strcmp(burble_show_text(show), words[0]) != 0)
        show++;
    if (strcmp(burble_show_text(show), words[0]) != 0)
        tui_tell(t, TUI_FAILURE, "/status online, chat, away, xa or dnd, and a text");
    else
        tui_set_status(t, show, count > 1 ? rest[1] : NULL);
}

/* The address that is meant: the word, or the current conversation; freed with mem_free. NULL:
 * none, having said so. */
static char *whom(struct tui *t, char **words, unsigned count)
{
    const struct tui_talk *k = t->model.current;
    const char *typed = count > 0                                     ? words[0]
                        : k != NULL && !k->room && k->in_room == NULL ? k->jid
                                                                      : NULL;
    char *jid = typed != NULL ? tui_address(typed) : NULL;
    if (typed == NULL)
        tui_tell(t, TUI_FAILURE, "who? Name an address");
    else if (jid == NULL)
        tui_tell(t, TUI_FAILURE, "%s is no address, such as bob@example.org", typed);
    return jid;
}

static void contact_done(struct tui *t, const char *jid, int err, const char *done)
{
    struct tui_talk *k = tui_talk_find(&t->model, jid);
    if (err == 0 && k != NULL)
        k->asks = false;
    if (err == 0)
        tui_tell(t, TUI_REMARK, "%s %s", jid, done);
    else
        tui_tell(t, TUI_FAILURE, "%s: %s", jid, burble_error_text(err));
}

/* A change of the roster that the server refused. */
static void roster_answered(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct tui *t = arg;
    struct buf why = {0};
    (void)c;
    if (answer->outcome == BURBLE_IQ_RESULT)
        return;
    session_error_text(&answer->error, &why);
    tui_tell(t, TUI_FAILURE, "the contacts were not changed: %.*s", SLICE_ARG(buf_slice(&why)));
    buf_free(&why);
}

static void cmd_add(struct tui *t, char **words, char **rest, unsigned count)
{
    char *jid = whom(t, words, count);
    if (jid == NULL)
        return;
    int err =
        burble_roster_set(t->roster, jid, count > 1 ? rest[1] : NULL, NULL, 0, roster_answered, t);
    if (err == 0)
        err = burble_roster_subscribe(t->roster, jid, NULL);
    if (err == 0)
        tui_open(t, jid);
    if (err == 0 && t->model.current != NULL)
        t->model.current->invited = true;
    contact_done(t, jid, err, "was asked");
    mem_free(jid);
}

static void cmd_remove(struct tui *t, char **words, char **rest, unsigned count)
{
    char *jid = whom(t, words, count);
    (void)rest;
    if (jid == NULL)
        return;
    contact_done(t, jid, burble_roster_remove(t->roster, jid, roster_answered, t), "is removed");
    mem_free(jid);
}

static void cmd_accept(struct tui *t, char **words, char **rest, unsigned count)
{
    char *jid = whom(t, words, count);
    (void)rest;
    if (jid == NULL)
        return;
    int err = burble_roster_approve(t->roster, jid);
    if (err == 0)
        err = burble_roster_subscribe(t->roster, jid, NULL);
    contact_done(t, jid, err, "may see when you are here, and was asked");
    mem_free(jid);
}

static void cmd_deny(struct tui *t, char **words, char **rest, unsigned count)
{
    char *jid = whom(t, words, count);
    (void)rest;
    if (jid == NULL)
        return;
    contact_done(t, jid, burble_roster_cancel(t->roster, jid), "may not see when you are here");
    mem_free(jid);
}

static void cmd_help(struct tui *t, char **words, char **rest, unsigned count);

static void cmd_quit(struct tui *t, char **words, char **rest, unsigned count)
{
    (void)words, (void)rest, (void)count;
    session_end(&t->session, EXIT_DONE);
}

static const struct tui_command TUI_COMMANDS[] = {
    {"accept", "[JID]", "they may see when you are here, and are asked", 0, cmd_accept, ANYWHERE},
    {"add", "[JID] [NAME]", "add a contact, and ask to see them", 0, cmd_add, ANYWHERE},
    {"close", "", "close the conversation, leave the room", 0, cmd_close, IN_A_TALK},
    {"correct", "TEXT", "say your last message anew", 1, cmd_correct, IN_A_TALK},
    {"deny", "[JID]", "they may not see when you are here", 0, cmd_deny, ANYWHERE},
    {"help", NULL, NULL, 0, cmd_help, ANYWHERE},
    {"invite", "JID [REASON]", "invite into this room", 1, cmd_invite, IN_A_ROOM},
    {"join", "ROOM [NICK [PASSWORD]]", "enter a room", 1, cmd_join, ANYWHERE},
    {"leave", NULL, NULL, 0, cmd_close, IN_A_TALK},
    {"me", "TEXT", "say what you do", 1, cmd_me, IN_A_TALK},
    {"msg", "JID or NICK [TEXT]", "open a conversation, in private with NICK", 1, cmd_msg,
     ANYWHERE},
    {"nick", "NAME", "another nickname in this room", 1, cmd_nick, IN_A_ROOM},
    {"quit", "", "end (also Ctrl-C)", 0, cmd_quit, ANYWHERE},
    {"remove", "[JID]", "remove a contact", 0, cmd_remove, ANYWHERE},
    {"status", "SHOW [TEXT]", "online, chat, away, xa or dnd", 1, cmd_status, ANYWHERE},
    {"topic", "[TEXT]", "set the subject of this room", 0, cmd_topic, IN_A_ROOM},
    {"who", "", "who is in this room", 0, cmd_who, IN_A_ROOM},
};
enum { TUI_COMMAND_COUNT = sizeof(TUI_COMMANDS) / sizeof(TUI_COMMANDS[0]) };

static void cmd_help(struct tui *t, char **words, char **rest, unsigned count)
{
    static const char KEYS[] =
        "\n"
        "Tab  next unread, or completes    Ctrl-N Ctrl-P Alt-1 ...  through the list\n"
        "PgUp PgDn  scroll, older messages    Up Down  what you typed before\n"
        "Ctrl-W ^U ^K  delete word, line, rest   Alt-Enter  line break   Ctrl-Z  stop\n"
        "\xe2\x80\xa6 waits  \xe2\x9c\x93 sent  \xe2\x9c\x93\xe2\x9c\x93 received (green: read)"
        "  \xe2\x9c\x97 failed\n"
        "! asks to see you  ? no contact  # room  * somebody in a room, in private\n";
    struct buf page = {0};
    (void)words, (void)rest, (void)count;
    for (size_t i = 0; i < TUI_COMMAND_COUNT; i++)
        if (TUI_COMMANDS[i].help != NULL)
            (void)buf_printf(&page, "/%-7s %-23s %s\n", TUI_COMMANDS[i].name, TUI_COMMANDS[i].shown,
                             TUI_COMMANDS[i].help);
    (void)buf_lit(&page, KEYS);
    if (buf_byte(&page, '\0') == 0)
        tui_set(&t->model.page, page.ptr);
    t->model.page_top = 0;
    buf_free(&page);
    tui_changed(t);
}

static unsigned split(char *line, char **words, char **rest, char *copy)
{
    unsigned n = 0;
    size_t at = 0;
    while (n < WORDS_MAX) {
        while (line[at] == ' ')
            at++;
        if (line[at] == '\0')
            break;
        rest[n] = line + at;
        words[n] = copy + at;
        size_t end = at + slice_find(slice_z(line + at), ' ');
        bool more = line[end] != '\0';
        copy[end] = '\0';
        n++;
        at = end + (more ? 1 : 0);
    }
    return n;
}

static void command(struct tui *t, const char *text)
{
    char *line = mem_copy(slice_z(text)), *copy = mem_copy(slice_z(text));
    char *words[WORDS_MAX], *rest[WORDS_MAX];
    unsigned n = split(line, words, rest, copy);
    const struct tui_command *found = NULL;
    for (size_t i = 0; i < TUI_COMMAND_COUNT && n > 0; i++)
        if (strcmp(TUI_COMMANDS[i].name, words[0]) == 0)
            found = &TUI_COMMANDS[i];
    if (found == NULL)
        tui_tell(t, TUI_FAILURE, "there is no command /%s; /help lists them",
                 n > 0 ? words[0] : "");
    else if (n - 1 < found->args_min)
        tui_tell(t, TUI_FAILURE, "/%s %s: %s", found->name, found->shown, found->help);
    else if (found->where != ANYWHERE && t->model.current == NULL)
        tui_tell(t, TUI_FAILURE, "/%s needs an open conversation", found->name);
    else if (found->where == IN_A_ROOM && !t->model.current->room)
        tui_tell(t, TUI_FAILURE, "/%s is for rooms, and this is none", found->name);
    else
        found->run(t, words + 1, rest + 1, n - 1);
    mem_free(line);
    mem_free(copy);
}

void tui_enter(struct tui *t, const char *line)
{
    struct tui_talk *k = t->model.current;
    tui_set(&t->model.notice, NULL);
    tui_changed(t);
    if (line[0] == '/' && line[1] != '/')
        command(t, line + 1);
    else if (k == NULL)
        tui_tell(t, TUI_FAILURE, "to whom? /msg JID opens a conversation");
    else if (!tui_say(t, k, line[0] == '/' ? line + 1 : line))
        editor_set(&t->model.editor, slice_z(line)); /* nothing that was typed is lost */
}

/* Commands, nicknames in a room, addresses of contacts. */
void tui_complete(struct tui *t)
{
    struct slice word = editor_word(&t->model.editor);
    struct buf by = {0};
    if (word.len == 0)
        return;
    bool first = word.ptr == editor_text(&t->model.editor).ptr;
    if (first && word.ptr[0] == '/') {
        for (size_t i = 0; i < TUI_COMMAND_COUNT && by.ptr == NULL; i++)
            if (slice_starts(slice_z(TUI_COMMANDS[i].name), slice_from(word, 1)))
                (void)buf_printf(&by, "/%s ", TUI_COMMANDS[i].name);
    } else if (t->model.current != NULL && t->model.current->handle != NULL) {
        const struct burble_occupant *o = burble_room_next(t->model.current->handle, NULL);
        for (; o != NULL && by.ptr == NULL; o = burble_room_next(t->model.current->handle, o))
            if (!o->self && slice_starts(slice_z(o->nick), word))
                (void)buf_printf(&by, "%s%s ", o->nick, first ? ":" : "");
    }
    for (size_t i = 0; i < t->model.contact_count && by.ptr == NULL; i++)
        if (slice_starts(slice_z(t->model.contacts[i]->jid), word))
            (void)buf_printf(&by, "%s ", t->model.contacts[i]->jid);
    if (buf_len(&by) > 0)
        editor_replace_word(&t->model.editor, buf_slice(&by));
    buf_free(&by);
}
