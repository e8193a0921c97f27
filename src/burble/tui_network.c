/* What comes to `burble chat`: messages, and the state of its session. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "burble/tui.h"
#include "io/clock.h"

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
    tui_set(&t->model.trouble, NULL);
    if (!resumed) {
        (void)burble_set_presence(s->client, t->model.show, t->model.status, 0, NULL);
        tui_catch_up(t);
        if (t->model.current != NULL && !t->model.current->room && t->model.current->count < 20)
            tui_older(t, t->model.current, false);
    }
    tui_changed(t);
}

static void offline(struct session *s, const struct burble_state_event *e)
{
    struct tui *t = s->arg;
    struct buf text = {0};
    t->model.online = false;
    (void)buf_printf(&text, "trying again in %u s: %s", (e->retry_ms + 999) / 1000, e->text);
    if (buf_byte(&text, '\0') == 0)
        tui_set(&t->model.trouble, text.ptr);
    buf_free(&text);
    LIST_EACH(it, &t->model.talks)
    tui_set(&CONTAINER_OF(it, struct tui_talk, link)->typing, NULL);
    tui_changed(t);
}

static void event(struct session *s, const struct burble_event *e)
{
    struct tui *t = s->arg;
    if (e->kind != BURBLE_EVENT_STATE)
        return;
    t->model.connection =
        e->state->state == BURBLE_WAITING ? "not connected" : burble_state_text(e->state->state);
    if (e->state->state != BURBLE_ONLINE)
        t->model.online = false;
    tui_changed(t);
}

/* -------------------------------------------------------------------------------------- messages
 */

/* It was seen, or is to be when its conversation is shown. Whether the sender may know is decided
 * by the library (V69). */
static void seen(struct tui *t, struct tui_talk *k, const struct burble_message *m)
{
    if (m->id == NULL || m->marker != BURBLE_MARKABLE || m->origin == BURBLE_CARBON_RECEIVED)
        return;
    if (k == t->model.current) {
        (void)burble_chat_displayed(t->chat, m);
        return;
    }
    tui_set(&k->last_id, m->id);
    tui_set(&k->last_from, m->from);
    tui_set(&k->last_archive_id, m->stanza_id);
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

void tui_not_delivered(struct tui *t, struct tui_talk *k, struct tui_line *l,
                       const struct burble_message *m)
{
    struct buf why = {0};
    l->mark = TUI_MARK_FAILED;
    session_error_text(&m->error, &why);
    tui_remark(k, tui_now(t), TUI_FAILURE, "not delivered: %.*s", SLICE_ARG(buf_slice(&why)));
    buf_free(&why);
}

static void came_back(struct tui *t, const struct burble_message *m)
{
    struct tui_talk *k = tui_talk_find(&t->model, m->from_bare);
    struct tui_line *l = k != NULL ? tui_line_find(k, m->id, true) : NULL;
    if (l != NULL) /* else of something that is not shown */
        tui_not_delivered(t, k, l, m);
}

static bool is_own(const struct tui *t, const struct burble_message *m)
{
    return strcmp(m->from_bare, t->model.own) == 0;
}

bool tui_correction(struct tui_talk *k, const struct burble_message *m, bool own)
{
    struct tui_line *l = m->replaces != NULL ? tui_line_find(k, m->replaces, own) : NULL;
    const char *room = k->room ? k->jid : own ? NULL : k->in_room;
    if (l == NULL || l->from == NULL ||
        (!own && k->in_room != NULL && (l->left || strcmp(l->from, m->from) != 0)))
        return false;
    struct burble_message was = {.type = k->room ? BURBLE_GROUPCHAT : BURBLE_CHAT,
                                 .from = l->from,
                                 .from_bare = room != NULL ? room : l->from,
                                 .id = l->id,
                                 .occupant_id = l->occupant_id};
    if (!burble_message_may_correct(&was, m, !l->left))
        return false;
    tui_line_set_text(k, l, m->body);
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

/* NULL: it is there already, or changed what was there. */
static struct tui_line *add(struct tui *t, struct tui_talk *k, const struct burble_message *m,
                            bool own, bool older)
{
    const char *from = k->room || (k->in_room != NULL && !own) ? m->from : m->from_bare;
    if (tui_line_known(k, from, m->id, m->stanza_id) || tui_correction(k, m, own))
        return NULL;
    char who[64];
    const char *slash = strchr(m->from, '/');
    const char *nick = k->in_room != NULL ? k->nick : k->room && slash != NULL ? slash + 1 : NULL;
    short_name(t, m->from_bare, who, sizeof(who));
    struct tui_line line = {.kind = TUI_SAID,
                            .stamp_ms = tui_stamp(t, m),
                            .own = own,
                            .left = k->room || m->origin == BURBLE_ARCHIVED,
                            .mark = own ? TUI_MARK_SENT : TUI_MARK_NONE,
                            .who = own            ? (char *)(void *)"me"
                                   : nick != NULL ? (char *)(void *)nick
                                                  : who,
                            .text = (char *)(void *)m->body,
                            .from = (char *)(void *)from,
                            .id = (char *)(void *)m->id,
                            .occupant_id = (char *)(void *)m->occupant_id,
                            .archive_id = (char *)(void *)m->stanza_id};
    return older ? tui_line_add_older(k, &line) : tui_line_add(k, &line);
}

static void marks(struct tui_talk *k, const struct burble_message *m)
{
    mark_until(k, m->receipt_for, TUI_MARK_RECEIVED);
    if (m->marker == BURBLE_DISPLAYED)
        mark_until(k, m->marker_for, TUI_MARK_READ);
}

void tui_archived(struct tui *t, struct tui_talk *k, const struct burble_message *m, bool news)
{
    const char *nick = strchr(m->from, '/');
    bool own = k->room ? k->handle != NULL && nick != NULL &&
                             strcmp(nick + 1, burble_room_nick(k->handle)) == 0
                       : is_own(t, m);
    tui_changed(t);
    if (!own)
        marks(k, m);
    struct tui_line *l = m->body != NULL ? add(t, k, m, own, !news) : NULL;
    if (l != NULL && news && !own)
        tui_news(&t->model, k, l);
}

void tui_said(struct tui *t, struct tui_talk *k, const struct burble_message *m, bool own)
{
    struct tui_line *l = add(t, k, m, own, false);
    if (l == NULL)
        return;
    if (own) {
        tui_seen(k);
        return;
    }
    tui_news(&t->model, k, l);
    t->model.bell |= k != t->model.current;
}

static void typing_seen(struct tui *t, struct tui_talk *k, const struct burble_message *m)
{
    if (m->chat_state == BURBLE_CHAT_COMPOSING && m->origin == BURBLE_LIVE)
        tui_set(&k->typing, tui_name_of(&t->model, m->from_bare));
    else if (m->chat_state != BURBLE_NO_CHAT_STATE || m->body != NULL)
        tui_set(&k->typing, NULL);
}

/* It has an encrypted text (XEP-0380, 0384), and none that says so to those who cannot read it. */
static bool is_encrypted(const struct burble_message *m)
{
    return burble_xml_some(burble_xml_child(m->xml, "urn:xmpp:eme:0", "encryption")) ||
           burble_xml_some(burble_xml_child(m->xml, "eu.siacs.conversations.axolotl", "encrypted"));
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
    bool said = m->body != NULL || is_encrypted(m);
    struct tui_talk *k = tui_aside_of(t, m, own, said);
    if (k == NULL && said)
        k = tui_talk_open(&t->model, m->with, false);
    else if (k == NULL)
        k = tui_talk_find(&t->model, m->with);
    if (k != NULL && k->room && m->body != NULL && !own)
        tui_remark(k, tui_now(t), TUI_REMARK, "%s: %s", m->from_bare, m->body);
    if (k == NULL || k->room)
        return;
    if (!own) {
        typing_seen(t, k, m);
        marks(k, m);
    } else if (m->marker == BURBLE_DISPLAYED) {
        tui_seen(k); /* we have read it elsewhere */
    }
    tui_note_last(t, m);
    if (m->body == NULL && is_encrypted(m)) {
        tui_news(
            &t->model, k,
            tui_remark(k, tui_stamp(t, m), TUI_REMARK, "encrypted: this program cannot read it"));
        t->model.bell = true;
    }
    if (m->body != NULL) {
        tui_said(t, k, m, own);
        if (!own)
            seen(t, k, m);
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
