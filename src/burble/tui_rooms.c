/* Rooms in `burble chat`. */
#include <string.h>

#include "base/mem.h"
#include "burble/tui.h"

static struct tui_talk *talk_of(struct tui *t, const struct burble_room *room)
{
    return tui_talk_find(&t->model, burble_room_jid(room));
}

static void count(struct tui *t, struct tui_talk *k, const struct burble_room *room)
{
    k->occupants = burble_room_occupants(room);
    tui_changed(t);
}

/* Whoever has this nickname from now on (NULL: all of them) may be somebody else. */
static void forget_who(struct tui_talk *k, const char *nick)
{
    size_t bare = strlen(k->jid);
    for (size_t i = 0; i < k->count; i++) {
        struct tui_line *l = k->lines[i];
        if (l->kind == TUI_SAID && l->from != NULL && !l->own &&
            (nick == NULL || (l->from[bare] == '/' && strcmp(l->from + bare + 1, nick) == 0)))
            l->left = true;
    }
}

static void joined(struct burble_room *room, const struct burble_room_joined *j, void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = talk_of(t, room);
    if (k == NULL)
        return;
    count(t, k, room);
    forget_who(k, NULL);
    tui_aside_joined(t, k);
    tui_remark(k, tui_now(t), TUI_REMARK, "%s as %s, %zu here%s",
               j->again     ? "Back in the room"
               : j->created ? "The room is new and yours; in it"
                            : "In the room",
               j->nick, j->occupants, j->shows_jids ? "; everybody here sees your address" : "");
}

static void left(struct burble_room *room, const struct burble_room_left *l, void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = talk_of(t, room);
    if (k == NULL)
        return;
    k->occupants = 0;
    tui_aside_left(t, k);
    if (l->why == BURBLE_ROOM_LEFT) {
        k->handle = NULL;
        burble_room_free(&room);
        tui_talk_close(&t->model, k);
    } else {
        tui_remark(k, tui_now(t), l->again ? TUI_REMARK : TUI_FAILURE, "%s%s%s%s", l->text,
                   l->reason != NULL ? ": " : "", l->reason != NULL ? l->reason : "",
                   l->again ? "" : "; /join again, or /leave");
    }
    tui_changed(t);
}

static void changed(struct burble_room *room, const struct burble_room_change *c, void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = talk_of(t, room);
    if (k == NULL)
        return;
    count(t, k, room);
    tui_aside_changed(t, k, c);
    if ((c->what & BURBLE_OCCUPANT_LEFT) != 0)
        forget_who(k, c->occupant->nick);
    if ((c->what & BURBLE_OCCUPANT_NICK) != 0)
        forget_who(k, c->nick_before);
    if ((c->what & BURBLE_OCCUPANT_NICK) != 0)
        tui_remark(k, tui_now(t), TUI_REMARK, "%s is %s now", c->nick_before, c->occupant->nick);
    else if ((c->what & BURBLE_OCCUPANT_JOINED) != 0)
        tui_remark(k, tui_now(t), TUI_REMARK, "%s came", c->occupant->nick);
    else if ((c->what & BURBLE_OCCUPANT_LEFT) != 0)
        tui_remark(k, tui_now(t), TUI_REMARK, "%s %s%s%s", c->occupant->nick,
                   c->why == BURBLE_ROOM_KICKED   ? "was kicked"
                   : c->why == BURBLE_ROOM_BANNED ? "was banned"
                                                  : "left",
                   c->reason != NULL ? ": " : "", c->reason != NULL ? c->reason : "");
}

/* Somebody says our name. */
static bool mentions(const char *text, const char *nick)
{
    size_t len = strlen(nick);
    for (const char *at = strstr(text, nick); at != NULL && len > 0; at = strstr(at + 1, nick)) {
        unsigned char before = at == text ? ' ' : (unsigned char)at[-1];
        unsigned char after = (unsigned char)at[len];
        bool starts = before < 0x80 && !(before >= '0' && before <= '9') &&
                      !((before | 0x20) >= 'a' && (before | 0x20) <= 'z');
        bool ends = after < 0x80 && !(after >= '0' && after <= '9') &&
                    !((after | 0x20) >= 'a' && (after | 0x20) <= 'z');
        if (starts && ends)
            return true;
    }
    return false;
}

/* The own line that the room says back here: by its id, or by its text where the room has given it
 * another one. */
static struct tui_line *echoed(struct tui_talk *k, const struct burble_message *m)
{
    struct tui_line *same_text = NULL;
    for (size_t i = k->count; i > 0; i--) {
        struct tui_line *l = k->lines[i - 1];
        if (!l->echo_wanted)
            continue;
        if ((m->id != NULL && strcmp(l->id, m->id) == 0) ||
            (m->origin_id != NULL && strcmp(l->id, m->origin_id) == 0))
            return l;
        if (m->body != NULL && strcmp(l->text, m->body) == 0)
            same_text = l;
    }
    return same_text;
}

/* It was said when the room says so: behind what others have said meanwhile. */
static void said_back(const struct tui *t, struct tui_talk *k, struct tui_line *l,
                      const struct burble_message *m)
{
    tui_line_move(k, l, tui_stamp(t, m));
    l->echo_wanted = false;
    l->mark = TUI_MARK_SENT;
    tui_set(&l->from, m->from);
    tui_set(&l->archive_id, m->stanza_id);
    tui_set(&l->occupant_id, m->occupant_id);
    if (m->id != NULL)
        tui_set(&l->id, m->id);
}

static void came_back(struct tui *t, struct tui_talk *k, const struct burble_message *m)
{
    struct buf why = {0};
    struct tui_line *l = tui_line_find(k, m->id, true);
    if (l != NULL) {
        l->echo_wanted = false;
        tui_not_delivered(t, k, l, m);
        return;
    }
    session_error_text(&m->error, &why);
    tui_remark(k, tui_now(t), TUI_FAILURE, "the room refused: %.*s", SLICE_ARG(buf_slice(&why)));
    buf_free(&why);
}

static void message(struct burble_room *room, const struct burble_room_message *r, void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = talk_of(t, room);
    const struct burble_message *m = r->message;
    tui_changed(t);
    if (k == NULL)
        return;
    if (tui_aside_heard(t, k, r))
        return;
    if (m->type == BURBLE_MESSAGE_ERROR) {
        came_back(t, k, m);
        return;
    }
    if (m->body == NULL)
        return;
    struct tui_line *own = r->own && m->replaces == NULL ? echoed(k, m) : NULL;
    if (own != NULL) {
        said_back(t, k, own, m);
        return;
    }
    if (tui_line_known(k, m->from, m->id, m->stanza_id) || tui_correction(k, m, r->own))
        return;
    const char *who = r->nick != NULL ? r->nick : "*";
    struct tui_line line = {.kind = TUI_SAID,
                            .stamp_ms = tui_stamp(t, m),
                            .own = r->own,
                            .left = r->history,
                            .mark = r->own ? TUI_MARK_SENT : TUI_MARK_NONE,
                            .who = (char *)(void *)who,
                            .text = (char *)(void *)m->body,
                            .from = (char *)(void *)m->from,
                            .id = (char *)(void *)m->id,
                            .occupant_id = (char *)(void *)m->occupant_id,
                            .archive_id = (char *)(void *)m->stanza_id};
    struct tui_line *l = tui_line_add(k, &line);
    if (r->own)
        tui_seen(k);
    if (r->own || r->history || k == t->model.current)
        return;
    tui_news(&t->model, k, l);
    if (mentions(m->body, burble_room_nick(room))) {
        k->mention = true;
        t->model.bell = true;
    }
}

static void subject(struct burble_room *room, const char *text, const char *nick, bool first,
                    void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = talk_of(t, room);
    if (k == NULL)
        return;
    tui_set(&k->subject, text);
    if (!first)
        tui_remark(k, tui_now(t), TUI_REMARK, "%s set the subject: %s",
                   nick != NULL ? nick : "somebody", text);
    tui_changed(t);
}

/* The password that came with an invitation into it. NULL: none. */
static const char *invited_with(const struct tui *t, const char *room)
{
    LIST_EACH(it, (struct list *)(void *)&t->model.talks)
    {
        const struct tui_talk *k = CONTAINER_OF(it, struct tui_talk, link);
        if (k->invited_into != NULL && strcmp(k->invited_into, room) == 0)
            return k->room_password;
    }
    return NULL;
}

static void join(struct tui *t, const char *jid, const char *nick, const char *password)
{
    struct tui_talk *old = tui_talk_find(&t->model, jid);
    if (old != NULL && !old->room)
        tui_talk_close(&t->model, old); /* it was not known to be a room */
    if (password == NULL)
        password = invited_with(t, jid);
    struct tui_talk *k = tui_talk_open(&t->model, jid, true);
    struct burble_room_config config =
        BURBLE_ROOM_CONFIG(.nick = nick != NULL ? nick : t->app->account.nick, .password = password,
                           .flags = BURBLE_ROOM_INSTANT, .history_max = 50,
                           .handlers = {.joined = joined,
                                        .left = left,
                                        .changed = changed,
                                        .message = message,
                                        .subject = subject},
                           .arg = t);
    if (k == NULL || !k->room) {
        tui_tell(t, TUI_FAILURE, "too many conversations are open");
        return;
    }
    int err = k->handle != NULL ? burble_room_enter(k->handle, nick, password)
                                : burble_room_join(t->session.client, jid, &config, &k->handle);
    if (err == 0) {
        tui_show(t, k);
        return;
    }
    if (k->handle == NULL)
        tui_talk_close(&t->model, k);
    tui_tell(t, TUI_FAILURE, "%s: %s", jid,
             err == BURBLE_ERR_SYNTAX ? "no address of a room, or no nickname"
             : err == BURBLE_ERR_BUSY ? "you are in it"
                                      : burble_error_text(err));
}

void tui_join(struct tui *t, const char *typed, const char *nick, const char *password)
{
    char *jid = tui_address(typed);
    if (jid == NULL)
        tui_tell(t, TUI_FAILURE, "%s is no address, such as talk@rooms.example.org", typed);
    else
        join(t, jid, nick, password);
    mem_free(jid);
}

void tui_leave(struct tui *t, struct tui_talk *k)
{
    struct burble_room *room = k->handle;
    tui_aside_left(t, k);
    if (room != NULL && burble_room_leave(room, NULL) == 0)
        return; /* left() closes it */
    k->handle = NULL;
    burble_room_free(&room);
    tui_talk_close(&t->model, k);
    tui_changed(t);
}

void tui_who(struct tui *t, struct tui_talk *k)
{
    struct buf names = {0};
    if (k->handle == NULL)
        return;
    const struct burble_occupant *o = burble_room_next(k->handle, NULL);
    for (; o != NULL; o = burble_room_next(k->handle, o))
        (void)buf_printf(&names, "%s%s%s", buf_len(&names) > 0 ? ", " : "",
                         o->role == BURBLE_MODERATOR ? "@" : "", o->nick);
    if (buf_byte(&names, '\0') == 0)
        tui_tell(t, TUI_REMARK, "here: %s", names.ptr);
    buf_free(&names);
}

static void invited(struct burble *c, const struct burble_invitation *i, void *arg)
{
    struct tui *t = arg;
    char *jid = tui_address(i->from), *room = tui_address(i->room);
    struct tui_talk *k = jid != NULL && room != NULL ? tui_talk_open(&t->model, jid, false) : NULL;
    (void)c;
    if (k != NULL) {
        struct tui_line *l =
            tui_remark(k, tui_now(t), TUI_REMARK, "%s invites you%s%s: /join %s", k->title,
                       i->reason != NULL ? ": " : "", i->reason != NULL ? i->reason : "", room);
        tui_news(&t->model, k, l);
        tui_set(&k->invited_into, room);
        tui_set(&k->room_password, i->password);
        t->model.bell = true;
    }
    mem_free(jid);
    mem_free(room);
    tui_changed(t);
}

int tui_rooms_start(struct tui *t)
{
    int err = burble_on_invitation(t->session.client, invited, t);
    return err == 0 ? 0
                    : app_fail(t->app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
}
