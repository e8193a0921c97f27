/* Messages, presence and contacts of `burble chat`. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "burble/tui.h"
#include "io/clock.h"

enum { TYPING_MS = 5000 };

int64_t tui_now(const struct tui *t)
{
    (void)t;
    return clock_now().wall_ms;
}

void tui_tell(struct tui *t, enum tui_line_kind kind, const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    (void)buf_vprintf(&text, fmt, args);
    va_end(args);
    if (buf_byte(&text, '\0') != 0)
        return;
    if (t->model.current != NULL)
        tui_remark(t->model.current, tui_now(t), kind, "%s", text.ptr);
    else
        tui_notice(&t->model, "%s", text.ptr);
    buf_free(&text);
    tui_changed(t);
}

/* ----------------------------------------------------------------------------------------- state
 */

static void online(struct session *s, bool resumed)
{
    struct tui *t = s->arg;
    t->model.online = true;
    tui_set(&t->model.notice, NULL);
    if (!resumed) {
        (void)burble_set_presence(s->client, t->model.show, t->model.status, 0, NULL);
        tui_catch_up(t);
        if (t->model.current != NULL && t->last_ms == 0)
            tui_older(t, t->model.current);
    }
    tui_changed(t);
}

static void offline(struct session *s, const struct burble_state_event *e)
{
    struct tui *t = s->arg;
    t->model.online = false;
    tui_notice(&t->model, "%s; trying again in %u s", e->text, (e->retry_ms + 999) / 1000);
    tui_changed(t);
}

static void event(struct session *s, const struct burble_event *e)
{
    struct tui *t = s->arg;
    if (e->kind != BURBLE_EVENT_STATE)
        return;
    t->model.connection = burble_state_text(e->state->state);
    if (e->state->state != BURBLE_ONLINE)
        t->model.online = false;
    tui_changed(t);
}

/* -------------------------------------------------------------------------------------- messages
 */

static void reply_payload(struct tui *t, const char *to, const char *ns, const char *name,
                          const char *id)
{
    struct burble_writer *w = burble_writer_new();
    if (w == NULL)
        return;
    burble_writer_open(w, name, ns);
    burble_writer_attr(w, "id", id);
    burble_writer_close(w);
    const char *payload = burble_writer_result(w);
    if (payload != NULL) {
        struct burble_message_options o = {.type = BURBLE_CHAT, .payload = payload};
        (void)burble_say(t->session.client, to, NULL, &o, NULL, NULL);
    }
    burble_writer_free(&w);
}

/* Only to those who may see our presence: a stranger learns nothing of us (V69). */
static void confirm(struct tui *t, struct tui_talk *k, const struct burble_message *m)
{
    if (m->id == NULL || m->origin == BURBLE_CARBON_RECEIVED ||
        !burble_roster_sees_us(t->roster, m->from))
        return;
    if (m->receipt_wanted)
        reply_payload(t, m->from, "urn:xmpp:receipts", "received", m->id);
    if (m->marker != BURBLE_MARKABLE)
        return;
    if (k == t->model.current)
        reply_payload(t, m->from, "urn:xmpp:chat-markers:0", "displayed", m->id);
    else
        tui_set(&k->last_id, m->id);
}

static void mark_until(struct tui_talk *k, const char *id, enum tui_mark mark)
{
    struct tui_line *found = tui_line_find(k, id, true);
    for (size_t i = 0; found != NULL && i < k->count; i++) {
        struct tui_line *l = k->lines[i];
        if (l->own && l->mark != TUI_MARK_FAILED && l->mark < mark &&
            (l == found || (mark == TUI_MARK_READ && l->stamp_ms <= found->stamp_ms)))
            l->mark = mark;
    }
}

static void came_back(struct tui *t, const struct burble_message *m)
{
    struct tui_talk *k = tui_talk_find(&t->model, m->from_bare);
    struct tui_line *l = k != NULL ? tui_line_find(k, m->id, true) : NULL;
    if (l == NULL)
        return; /* of something that is not shown */
    l->mark = TUI_MARK_FAILED;
    tui_remark(k, tui_now(t), TUI_FAILURE, "not delivered: %s",
               *m->error.text != '\0' ? m->error.text : m->error.condition);
}

static bool is_own(const struct tui *t, const struct burble_message *m)
{
    return strcmp(m->from_bare, t->model.own) == 0;
}

/* A correction of the same sender replaces the text (V61); else it is a message of its own. */
static bool correct(struct tui_talk *k, const struct burble_message *m, bool own)
{
    struct tui_line *l = m->replaces != NULL ? tui_line_find(k, m->replaces, own) : NULL;
    if (l == NULL || l->from == NULL || strcmp(l->from, m->from_bare) != 0)
        return false;
    tui_line_set_text(l, m->body);
    return true;
}

/* The name that the roster has, else what is before the "@". */
static void short_name(struct tui *t, const char *jid, char *out, size_t cap)
{
    const char *name = tui_name_of(&t->model, jid);
    size_t len = strcmp(name, jid) == 0 ? slice_find(slice_z(jid), '@') : strlen(name);
    len = len < cap - 1 ? len : cap - 1;
    memcpy(out, name, len);
    out[len] = '\0';
}

/* False: it is there already, or changed what was there. */
static bool add(struct tui *t, struct tui_talk *k, const struct burble_message *m, bool own)
{
    const char *from = k->room ? m->from : m->from_bare;
    if (tui_line_known(k, from, m->id, m->stanza_id) || correct(k, m, own))
        return false;
    char who[64];
    const char *nick = strchr(m->from, '/');
    short_name(t, k->room && nick != NULL ? nick + 1 : m->from_bare, who, sizeof(who));
    struct tui_line line = {.kind = TUI_SAID,
                            .stamp_ms = m->stamp_ms,
                            .own = own,
                            .mark = own ? TUI_MARK_SENT : TUI_MARK_NONE,
                            .who = own ? (char *)(void *)"me" : who,
                            .text = (char *)(void *)m->body,
                            .from = (char *)(void *)from,
                            .id = (char *)(void *)m->id,
                            .archive_id = (char *)(void *)m->stanza_id};
    (void)tui_line_add(k, &line);
    return true;
}

bool tui_archived(struct tui *t, struct tui_talk *k, const struct burble_message *m)
{
    const char *nick = strchr(m->from, '/');
    bool own = k->room ? k->handle != NULL && nick != NULL &&
                             strcmp(nick + 1, burble_room_nick(k->handle)) == 0
                       : strcmp(m->from_bare, t->model.own) == 0;
    tui_changed(t);
    if (!add(t, k, m, own))
        return false;
    k->read++; /* it is no news */
    return true;
}

static void said(struct tui *t, struct tui_talk *k, const struct burble_message *m, bool own)
{
    if (!add(t, k, m, own))
        return;
    if (own || k == t->model.current) {
        k->read = k->count;
        return;
    }
    k->unread++;
    t->model.bell = true;
}

static void typing_seen(struct tui *t, struct tui_talk *k, const struct burble_message *m)
{
    if (m->chat_state == BURBLE_CHAT_COMPOSING && m->origin == BURBLE_LIVE)
        tui_set(&k->typing, tui_name_of(&t->model, m->from_bare));
    else if (m->chat_state != BURBLE_NO_CHAT_STATE || m->body != NULL)
        tui_set(&k->typing, NULL);
}

static void message(struct session *s, const struct burble_message *m)
{
    struct tui *t = s->arg;
    bool own = is_own(t, m);
    tui_changed(t);
    if (m->type == BURBLE_MESSAGE_ERROR) {
        came_back(t, m);
        return;
    }
    if (m->type == BURBLE_GROUPCHAT)
        return; /* of a room that we are not in */
    struct tui_talk *k = m->body != NULL ? tui_talk_open(&t->model, m->with, false)
                                         : tui_talk_find(&t->model, m->with);
    if (k == NULL)
        return;
    if (!own) {
        typing_seen(t, k, m);
        mark_until(k, m->receipt_for, TUI_MARK_RECEIVED);
        if (m->marker == BURBLE_DISPLAYED)
            mark_until(k, m->marker_for, TUI_MARK_READ);
    } else if (m->marker == BURBLE_DISPLAYED) {
        k->unread = 0; /* we have read it elsewhere */
    }
    if (m->stamp_ms > t->last_ms)
        t->last_ms = m->stamp_ms;
    if (m->body != NULL) {
        said(t, k, m, own);
        if (!own && m->origin != BURBLE_ARCHIVED)
            confirm(t, k, m);
    }
}

static void sent(struct session *s, const struct burble_sent_event *e)
{
    struct tui *t = s->arg;
    LIST_EACH(it, &t->model.talks)
    {
        struct tui_talk *k = CONTAINER_OF(it, struct tui_talk, link);
        struct tui_line *l = tui_line_find(k, e->id, true);
        if (l == NULL || l->mark != TUI_MARK_WAITS)
            continue;
        l->mark = e->error == 0 ? TUI_MARK_SENT : TUI_MARK_FAILED;
        tui_changed(t);
        return;
    }
}

const struct session_ops TUI_OPS = {
    .online = online, .offline = offline, .message = message, .sent = sent, .event = event};

/* --------------------------------------------------------------------------------------- sending
 */

static void add_own(struct tui *t, struct tui_talk *k, const char *text, const char *id)
{
    struct tui_line line = {.kind = TUI_SAID,
                            .stamp_ms = tui_now(t),
                            .own = true,
                            .mark = TUI_MARK_WAITS,
                            .who = (char *)(void *)"me",
                            .text = (char *)(void *)text,
                            .from = t->model.own,
                            .id = (char *)(void *)id};
    (void)tui_line_add(k, &line);
    k->scroll = 0;
    k->read = k->count;
}

static void not_sent(struct tui *t, int err)
{
    tui_tell(t, TUI_FAILURE, "not sent: %s", burble_error_text(err));
}

void tui_say(struct tui *t, struct tui_talk *k, const char *text)
{
    char id[64];
    struct burble_message_options o = {.chat_state = BURBLE_CHAT_ACTIVE,
                                       .ask_receipt = true,
                                       .markable = true,
                                       .type = BURBLE_CHAT};
    int err = k->room ? k->handle == NULL ? BURBLE_ERR_OFFLINE
                                          : burble_room_say(k->handle, text, NULL, NULL, id)
                      : burble_say(t->session.client, k->jid, text, &o, NULL, id);
    if (err != 0) {
        not_sent(t, err);
        return;
    }
    if (!k->room)
        add_own(t, k, text, id); /* a room says it back */
    k->scroll = 0;
    tui_set(&t->typing_to, NULL);
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
    int err = k->room ? k->handle == NULL ? BURBLE_ERR_OFFLINE
                                          : burble_room_say(k->handle, text, &o, NULL, NULL)
                      : burble_say(t->session.client, k->jid, text, &o, NULL, NULL);
    if (err != 0)
        not_sent(t, err);
    else if (!k->room)
        tui_line_set_text(last, text);
}

void tui_show(struct tui *t, struct tui_talk *k)
{
    tui_talk_show(&t->model, k);
    tui_changed(t);
    if (k == NULL)
        return;
    if (k->last_id != NULL && burble_roster_sees_us(t->roster, k->jid))
        reply_payload(t, k->jid, "urn:xmpp:chat-markers:0", "displayed", k->last_id);
    tui_set(&k->last_id, NULL);
    if (k->count < 20 && !k->room)
        tui_older(t, k);
}

void tui_open(struct tui *t, const char *jid)
{
    struct tui_talk *k = tui_talk_open(&t->model, jid, false);
    if (k == NULL)
        tui_tell(t, TUI_FAILURE, "too many conversations are open");
    else
        tui_show(t, k);
}

void tui_set_status(struct tui *t, enum burble_show show, const char *status)
{
    t->model.show = show;
    tui_set(&t->model.status, status != NULL && *status != '\0' ? status : NULL);
    (void)burble_set_presence(t->session.client, show, t->model.status, 0, NULL);
    tui_changed(t);
}

static void say_state(struct tui *t, const char *to, enum burble_chat_state state)
{
    struct burble_message_options o = {.type = BURBLE_CHAT,
                                       .chat_state = state,
                                       .flags = BURBLE_SEND_NOW,
                                       .payload = "<no-store xmlns='urn:xmpp:hints'/>"};
    (void)burble_say(t->session.client, to, NULL, &o, NULL, NULL);
}

static void stopped(void *arg)
{
    struct tui *t = arg;
    t->typing_alarm = 0;
    if (t->typing_to != NULL)
        say_state(t, t->typing_to, BURBLE_CHAT_PAUSED);
    tui_set(&t->typing_to, NULL);
}

void tui_typing(struct tui *t)
{
    const struct tui_talk *k = t->model.current;
    struct slice text = editor_text(&t->model.editor);
    if (k == NULL || k->room || text.len == 0 || text.ptr[0] == '/' || !t->model.online ||
        !burble_roster_sees_us(t->roster, k->jid))
        return;
    if (t->typing_to == NULL || strcmp(t->typing_to, k->jid) != 0) {
        tui_set(&t->typing_to, k->jid);
        say_state(t, k->jid, BURBLE_CHAT_COMPOSING);
    }
    burble_loop_unalarm(t->session.loop, t->typing_alarm);
    (void)burble_loop_alarm(t->session.loop, TYPING_MS, stopped, t, &t->typing_alarm);
}

/* -------------------------------------------------------------------------------------- contacts
 */

static void take_contact(struct tui *t, const struct burble_contact *c)
{
    struct tui_contact *mine = tui_contact_set(&t->model, c->jid, c->name);
    const struct burble_resource *best = c->available_count > 0 ? &c->resources[0] : NULL;
    mine->here = best != NULL;
    mine->show = best != NULL ? best->show : BURBLE_SHOW_ONLINE;
    mine->subscribed = c->subscription == BURBLE_SUBSCRIPTION_BOTH;
    tui_set(&mine->status, best != NULL ? best->status : NULL);
    struct tui_talk *k = tui_talk_find(&t->model, c->jid);
    if (k != NULL && best == NULL)
        tui_set(&k->typing, NULL);
    tui_changed(t);
}

static void roster_ready(struct burble_roster *r, const struct burble_stanza_error *error,
                         void *arg)
{
    struct tui *t = arg;
    for (size_t i = 0; i < burble_roster_count(r); i++)
        take_contact(t, burble_roster_at(r, i));
    if (error != NULL)
        tui_notice(&t->model, "the contacts could not be fetched: %s", error->condition);
}

static void roster_changed(struct burble_roster *r, const struct burble_contact *c, void *arg)
{
    (void)r;
    take_contact(arg, c);
}

static void roster_removed(struct burble_roster *r, const char *jid, void *arg)
{
    struct tui *t = arg;
    (void)r;
    tui_contact_remove(&t->model, jid);
    tui_changed(t);
}

static void roster_presence(struct burble_roster *r, const struct burble_contact *c,
                            const struct burble_resource *resource, void *arg)
{
    (void)r, (void)resource;
    take_contact(arg, c);
}

static void roster_request(struct burble_roster *r, const char *jid, const char *status, void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = tui_talk_open(&t->model, jid, false);
    (void)r;
    if (k == NULL)
        return;
    tui_remark(k, tui_now(t), TUI_REMARK, "%s asks to see when you are here%s%s. /accept or /deny",
               jid, status != NULL ? ": " : "", status != NULL ? status : "");
    if (k != t->model.current)
        k->unread++;
    t->model.bell = true;
    tui_changed(t);
}

int tui_network_start(struct tui *t)
{
    struct burble_roster_config config =
        BURBLE_ROSTER_CONFIG(.arg = t, .ready = roster_ready, .changed = roster_changed,
                             .removed = roster_removed, .request = roster_request,
                             .presence = roster_presence);
    int err = burble_roster_new(t->session.client, &config, &t->roster);
    if (err != 0)
        return app_fail(t->app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
    return tui_rooms_start(t);
}
