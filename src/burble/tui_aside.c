/* Private conversations in rooms (XEP-0045 version 1.35.5, section 7.5). Who has a nickname now may
 * be somebody else tomorrow: after somebody has left, nothing goes to whoever has the name then,
 * unless the room tells that it is the same person, or the person here says so (/msg). */
#include <string.h>

#include "base/mem.h"
#include "burble/tui.h"

/* By what the room knows them beside their nickname: the occupant id, else the bare address. Empty:
 * by nothing. Cut where it is too long. */
static void identity(const struct burble_occupant *o, char *out, size_t cap)
{
    struct slice who = SLICE_NONE;
    if (o != NULL && o->id != NULL)
        who = slice_z(o->id);
    else if (o != NULL && o->jid != NULL)
        who = slice_of(o->jid, slice_find(slice_z(o->jid), '/'));
    size_t len = who.len < cap - 1 ? who.len : 0;
    if (len > 0)
        memcpy(out, who.ptr, len);
    out[len] = '\0';
}

static bool same_person(const struct tui_talk *k, const struct burble_occupant *o)
{
    char now[TUI_PEER_BYTES];
    identity(o, now, sizeof(now));
    return *now != '\0' && k->peer != NULL && strcmp(k->peer, now) == 0;
}

/* Whoever has the nickname now is meant from now on. */
static void take_as(struct tui_talk *k, const struct burble_occupant *o)
{
    char now[TUI_PEER_BYTES];
    identity(o, now, sizeof(now));
    tui_set(&k->peer, *now != '\0' ? now : NULL);
    k->gone = o == NULL;
}

/* What was said until now is nobody's to correct any more. */
static void forget(struct tui_talk *k)
{
    for (size_t i = 0; i < k->count; i++)
        k->lines[i]->left = true;
}

static struct tui_talk *find(const struct tui *t, const char *room, const char *nick)
{
    LIST_EACH(it, (struct list *)(void *)&t->model.talks)
    {
        struct tui_talk *k = CONTAINER_OF(it, struct tui_talk, link);
        if (k->in_room != NULL && strcmp(k->in_room, room) == 0 && strcmp(k->nick, nick) == 0)
            return k;
    }
    return NULL;
}

static struct burble_room *room_of(const struct tui *t, const struct tui_talk *k)
{
    const struct tui_talk *room = tui_talk_find(&t->model, k->in_room);
    return room != NULL ? room->handle : NULL;
}

/* ------------------------------------------------------------------------------------- beginning
 */

struct tui_talk *tui_aside_begin(struct tui *t, struct tui_talk *room, const char *nick)
{
    const struct burble_occupant *o =
        room->handle != NULL ? burble_room_occupant(room->handle, nick) : NULL;
    struct tui_talk *k = find(t, room->jid, nick);
    if (k == NULL)
        k = tui_talk_open_aside(&t->model, room->jid, nick);
    else if (k->gone)
        forget(k);
    if (k != NULL)
        take_as(k, o);
    return k;
}

/* The longest nickname of the room with which the text begins, a space or nothing behind it: they
 * may have spaces in them. Freed with mem_free. NULL: none. */
static char *nick_in(const struct tui_talk *room, const char *text, const char **rest_out)
{
    size_t longest = 0;
    const struct burble_occupant *o =
        room->handle != NULL ? burble_room_next(room->handle, NULL) : NULL;
    for (; o != NULL; o = burble_room_next(room->handle, o)) {
        size_t len = strlen(o->nick);
        if (len > longest && strncmp(text, o->nick, len) == 0 &&
            (text[len] == ' ' || text[len] == '\0'))
            longest = len;
    }
    *rest_out = text + longest;
    while (**rest_out == ' ')
        (*rest_out)++;
    return longest > 0 ? mem_copy(slice_of(text, longest)) : NULL;
}

/* The room that is meant by "room@service/nick text", else the one that is shown, or is spoken in
 * aside. *text_out: where the nickname begins. */
static struct tui_talk *room_meant(const struct tui *t, const char *text, const char **text_out)
{
    const struct tui_talk *k = t->model.current;
    LIST_EACH(it, (struct list *)(void *)&t->model.talks)
    {
        struct tui_talk *room = CONTAINER_OF(it, struct tui_talk, link);
        size_t len = strlen(room->jid);
        if (room->room && strncmp(text, room->jid, len) == 0 && text[len] == '/') {
            *text_out = text + len + 1;
            return room;
        }
    }
    *text_out = text;
    return k == NULL || k->room ? (struct tui_talk *)(void *)k
           : k->in_room != NULL ? tui_talk_find(&t->model, k->in_room)
                                : NULL;
}

bool tui_aside_open(struct tui *t, const char *text)
{
    const char *begin, *rest;
    struct tui_talk *room = room_meant(t, text, &begin);
    char *address = begin == text ? tui_address_in(text) : NULL;
    bool other =
        room == NULL || address != NULL; /* an address is an address, whoever is named so */
    mem_free(address);
    if (other)
        return false;
    char *nick = nick_in(room, begin, &rest);
    struct tui_talk *k = nick != NULL ? tui_aside_begin(t, room, nick) : NULL;
    if (nick == NULL)
        tui_tell(t, TUI_FAILURE, "%s is no address, and nobody in %s is called so", begin,
                 room->jid);
    else if (k == NULL)
        tui_tell(t, TUI_FAILURE, "too many conversations are open");
    else
        tui_show(t, k);
    mem_free(nick);
    if (k != NULL && *rest != '\0')
        (void)tui_say(t, k, rest);
    return true;
}

/* --------------------------------------------------------------------------------------- messages
 */

int tui_aside_say(struct tui *t, const struct tui_talk *k, const char *text,
                  const struct burble_message_options *o, char *id_out)
{
    struct burble_room *room = room_of(t, k);
    if (room == NULL || burble_room_state(room) != BURBLE_ROOM_INSIDE || !t->model.online) {
        tui_tell(t, TUI_FAILURE, "not sent: you are not in %s", k->in_room);
        return -1;
    }
    if (k->gone) {
        tui_tell(
            t, TUI_FAILURE,
            burble_room_occupant(room, k->nick) != NULL
                ? "not sent: %s may be somebody else now; \"/msg %s\" if not, or if it is meant"
                : "not sent: %s is not in the room; \"/msg %s\" when somebody is",
            k->nick, k->nick);
        return -1;
    }
    int err = burble_room_say_to(room, k->nick, text, o, NULL, id_out);
    if (err != 0)
        tui_tell(t, TUI_FAILURE, "not sent: %s", burble_error_text(err));
    return err;
}

/* One of ours came back. */
static bool came_back(struct tui *t, struct tui_talk *k, const struct burble_message *m)
{
    struct tui_line *l = k != NULL ? tui_line_find(k, m->id, true) : NULL;
    if (l == NULL)
        return false;
    tui_not_delivered(t, k, l, m);
    return true;
}

bool tui_aside_heard(struct tui *t, struct tui_talk *room, const struct burble_room_message *r)
{
    const struct burble_message *m = r->message;
    if (!r->private_ || r->nick == NULL)
        return false;
    struct tui_talk *k = find(t, room->jid, r->nick);
    if (m->type == BURBLE_MESSAGE_ERROR)
        return came_back(t, k, m);
    if (m->body == NULL)
        return true;
    bool known = k != NULL;
    if (k == NULL)
        k = tui_aside_begin(t, room, r->nick);
    if (k == NULL)
        return true;
    if (known && k->gone && r->occupant != NULL && !same_person(k, r->occupant)) {
        forget(k);
        tui_remark(k, tui_now(t), TUI_REMARK, "%s came back, or it is somebody else", r->nick);
    }
    if (r->occupant != NULL)
        take_as(k, r->occupant);
    tui_said(t, k, m, false);
    k->mention = k != t->model.current;
    return true;
}

struct tui_talk *tui_aside_of(struct tui *t, const struct burble_message *m, bool own, bool open)
{
    const char *full = own ? m->to : m->from;
    const char *nick = full != NULL ? strchr(full, '/') : NULL;
    struct tui_talk *room = tui_talk_find(&t->model, m->with), *k;
    bool is_room = room != NULL && room->room;
    if (nick == NULL || (!is_room && !burble_xml_some(burble_xml_child(
                                         m->xml, "http://jabber.org/protocol/muc#user", "x"))))
        return NULL;
    k = find(t, m->with, nick + 1);
    if (k != NULL || !open)
        return k;
    if (is_room)
        return tui_aside_begin(t, room, nick + 1);
    k = tui_talk_open_aside(&t->model, m->with, nick + 1);
    if (k != NULL)
        k->gone = true; /* another device of ours is in that room, not we */
    return k;
}

/* ------------------------------------------------------------------------------ who comes and goes
 */

static void renamed(struct tui *t, struct tui_talk *room, const struct burble_room_change *c)
{
    struct tui_talk *k = find(t, room->jid, c->nick_before);
    if (k == NULL)
        return;
    forget(k);
    tui_remark(k, tui_now(t), TUI_REMARK, "%s is %s now", c->nick_before, c->occupant->nick);
    if (find(t, room->jid, c->occupant->nick) == NULL)
        tui_aside_rename(k, c->occupant->nick);
    else
        k->gone = true; /* there is another conversation with that name */
}

static void came(struct tui *t, struct tui_talk *k, const struct burble_occupant *o)
{
    if (!k->gone)
        return;
    if (same_person(k, o)) {
        k->gone = false;
        tui_remark(k, tui_now(t), TUI_REMARK, "%s is back in the room", k->nick);
    } else {
        tui_remark(k, tui_now(t), TUI_REMARK, "%s is in the room: back, or another of that name",
                   k->nick);
    }
}

void tui_aside_changed(struct tui *t, struct tui_talk *room, const struct burble_room_change *c)
{
    struct tui_talk *k = find(t, room->jid, c->occupant->nick);
    if ((c->what & BURBLE_OCCUPANT_NICK) != 0) {
        if (k != NULL)
            came(t, k, c->occupant);
        renamed(t, room, c);
    } else if (k != NULL && (c->what & BURBLE_OCCUPANT_JOINED) != 0) {
        came(t, k, c->occupant);
    } else if (k != NULL && (c->what & BURBLE_OCCUPANT_LEFT) != 0 && !k->gone) {
        k->gone = true;
        forget(k);
        tui_remark(k, tui_now(t), TUI_REMARK, "%s has left the room", k->nick);
    }
}

void tui_aside_left(struct tui *t, const struct tui_talk *room)
{
    LIST_EACH(it, &t->model.talks)
    {
        struct tui_talk *k = CONTAINER_OF(it, struct tui_talk, link);
        if (k->in_room == NULL || strcmp(k->in_room, room->jid) != 0 || k->gone)
            continue;
        k->gone = true;
        forget(k);
        tui_remark(k, tui_now(t), TUI_REMARK, "you are not in %s any more", k->in_room);
    }
}

void tui_aside_joined(struct tui *t, const struct tui_talk *room)
{
    LIST_EACH(it, &t->model.talks)
    {
        struct tui_talk *k = CONTAINER_OF(it, struct tui_talk, link);
        const struct burble_occupant *o = k->in_room != NULL && strcmp(k->in_room, room->jid) == 0
                                              ? burble_room_occupant(room->handle, k->nick)
                                              : NULL;
        if (o != NULL)
            came(t, k, o);
    }
}
