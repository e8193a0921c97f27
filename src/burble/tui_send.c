/* What goes out of `burble chat`: messages, that we type, that we have read, our status. */
#include <string.h>

#include "base/mem.h"
#include "burble/tui.h"

enum { TYPING_MS = 5000 };

static void add_own(struct tui *t, struct tui_talk *k, const char *text, const char *id)
{
    struct tui_line line = {.kind = TUI_SAID,
                            .stamp_ms = tui_now(t),
                            .own = true,
                            .mark = TUI_MARK_WAITS,
                            .who = (char *)(void *)(k->room ? burble_room_nick(k->handle) : "me"),
                            .text = (char *)(void *)text,
                            .from = t->model.own,
                            .echo_wanted = k->room, /* it says it back */
                            .id = (char *)(void *)id};
    (void)tui_line_add(k, &line);
    k->scroll = 0;
    tui_seen(k);
}

static void not_sent(struct tui *t, int err)
{
    tui_tell(t, TUI_FAILURE, "not sent: %s", burble_error_text(err));
}

bool tui_say(struct tui *t, struct tui_talk *k, const char *text)
{
    char id[64];
    struct burble_message_options o = {.ask_receipt = true, .markable = true, .type = BURBLE_CHAT};
    if (k->in_room != NULL) {
        bool went = tui_aside_say(t, k, text, NULL, id) == 0;
        if (went)
            add_own(t, k, text, id);
        return went;
    }
    int err = k->room ? k->handle == NULL ? BURBLE_ERR_OFFLINE
                                          : burble_room_say(k->handle, text, NULL, NULL, id)
                      : burble_chat_say(t->chat, k->jid, text, &o, NULL, id);
    if (err != 0) {
        not_sent(t, err);
        return false;
    }
    add_own(t, k, text, id);
    burble_loop_unalarm(t->session.loop, t->typing_alarm);
    t->typing_alarm = 0;
    tui_set(&t->typing_to, NULL); /* the message says that we are active */
    return true;
}

void tui_correct(struct tui *t, struct tui_talk *k, const char *text)
{
    struct tui_line *last = NULL;
    for (size_t i = 0; i < k->count; i++)
        if (k->lines[i]->own && k->lines[i]->id != NULL)
            last = k->lines[i];
    if (last == NULL) {
        tui_tell(t, TUI_FAILURE, "there is nothing of yours here to correct");
        return;
    }
    struct burble_message_options o = {.type = BURBLE_CHAT, .replaces = last->id};
    if (k->in_room != NULL) {
        if (tui_aside_say(t, k, text, &o, NULL) == 0)
            tui_line_set_text(k, last, text);
        return;
    }
    int err = k->room ? k->handle == NULL ? BURBLE_ERR_OFFLINE
                                          : burble_room_say(k->handle, text, &o, NULL, NULL)
                      : burble_say(t->session.client, k->jid, text, &o, NULL, NULL);
    if (err != 0)
        not_sent(t, err);
    else if (!k->room)
        tui_line_set_text(k, last, text);
}

void tui_show(struct tui *t, struct tui_talk *k)
{
    tui_talk_show(&t->model, k);
    tui_changed(t);
    if (k == NULL)
        return;
    if (k->last_id != NULL) {
        struct burble_message last = {.type = BURBLE_CHAT,
                                      .from = k->last_from,
                                      .from_bare = k->jid,
                                      .id = k->last_id,
                                      .stanza_id = k->last_archive_id,
                                      .marker = BURBLE_MARKABLE};
        (void)burble_chat_displayed(t->chat, &last);
    }
    tui_set(&k->last_id, NULL);
    if (k->count < 20 && !k->room)
        tui_older(t, k, false);
}

void tui_open(struct tui *t, const char *typed)
{
    char *jid = tui_address(typed);
    struct tui_talk *k = jid != NULL ? tui_talk_open(&t->model, jid, false) : NULL;
    if (jid == NULL)
        tui_tell(t, TUI_FAILURE, "%s is no address, such as bob@example.org", typed);
    else if (k == NULL)
        tui_tell(t, TUI_FAILURE, "too many conversations are open");
    else
        tui_show(t, k);
    mem_free(jid);
}

void tui_set_status(struct tui *t, enum burble_show show, const char *status)
{
    t->model.show = show;
    tui_set(&t->model.status, status != NULL && *status != '\0' ? status : NULL);
    (void)burble_set_presence(t->session.client, show, t->model.status, 0, NULL);
    LIST_EACH(it, &t->model.talks)
    {
        const struct tui_talk *k = CONTAINER_OF(it, struct tui_talk, link);
        if (k->handle != NULL)
            (void)burble_room_announce(k->handle);
    }
    tui_changed(t);
}

static void stop_typing(struct tui *t, enum burble_chat_state state)
{
    burble_loop_unalarm(t->session.loop, t->typing_alarm);
    t->typing_alarm = 0;
    if (t->typing_to != NULL)
        (void)burble_chat_state(t->chat, t->typing_to, state, NULL);
    tui_set(&t->typing_to, NULL);
}

static void paused(void *arg)
{
    stop_typing(arg, BURBLE_CHAT_PAUSED);
}

void tui_typing(struct tui *t)
{
    const struct tui_talk *k = t->model.current;
    struct slice text = editor_text(&t->model.editor);
    if (t->typing_to != NULL && (text.len == 0 || k == NULL || strcmp(t->typing_to, k->jid) != 0))
        stop_typing(t, BURBLE_CHAT_ACTIVE);
    if (k == NULL || k->room || k->in_room != NULL || text.len == 0 || text.ptr[0] == '/' ||
        !t->model.online)
        return;
    if (t->typing_to == NULL) {
        if (burble_chat_state(t->chat, k->jid, BURBLE_CHAT_COMPOSING, NULL) != 0)
            return;
        tui_set(&t->typing_to, k->jid);
    }
    burble_loop_unalarm(t->session.loop, t->typing_alarm);
    (void)burble_loop_alarm(t->session.loop, TYPING_MS, paused, t, &t->typing_alarm);
}
