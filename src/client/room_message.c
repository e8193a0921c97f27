/* Messages in a room (XEP-0045 version 1.35.5, sections 7.4, 7.5, 7.8, 7.2.14, 8.1): whose they
 * are, which of them are our own, and which came before. */
#include <string.h>

#include "client/room.h"

/* ------------------------------------------------------------------------- what came, what we said
 */

static uint64_t key_of(const struct burble_room *r, const struct burble_message *m)
{
    const char *id = m->id != NULL ? m->id : m->body;
    if (m->stanza_id != NULL)
        return hash_bytes(&r->key, slice_z(m->stanza_id));
    return hash_pair(&r->key, slice_z(m->from), slice_z(id));
}

/* Has this come before? It has now. */
static bool seen(struct burble_room *r, uint64_t key)
{
    for (size_t i = 0; i < ROOM_SEEN; i++)
        if (r->seen[i] == key)
            return true;
    r->seen[r->seen_next] = key;
    r->seen_next = (r->seen_next + 1) % ROOM_SEEN;
    return false;
}

static void remember_said(struct burble_room *r, const char *id)
{
    r->said[r->said_next] = hash_bytes(&r->key, slice_z(id));
    r->said_next = (r->said_next + 1) % ROOM_SAID;
}

static bool said(const struct burble_room *r, const char *id)
{
    uint64_t key = hash_bytes(&r->key, slice_z(id));
    for (size_t i = 0; id != NULL && i < ROOM_SAID; i++)
        if (r->said[i] == key)
            return true;
    return false;
}

/* Row C10. What is said now under our nickname is ours, since nobody else can have it; in history
 * it may have been somebody else's, unless the occupant id or the id of the message is ours. */
static bool is_own(const struct burble_room *r, const struct burble_message *m, struct slice nick,
                   bool history)
{
    const struct occupant *me = occupant_find(r, slice_z(r->nick));
    const char *my_id = me != NULL ? me->pub.id : NULL;
    bool our_nick = slice_eq(nick, slice_z(r->nick));
    if (m->occupant_id != NULL && my_id != NULL)
        return strcmp(m->occupant_id, my_id) == 0;
    return our_nick && (!history || said(r, m->id) || said(r, m->origin_id));
}

static const struct burble_occupant *who(const struct burble_room *r,
                                         const struct burble_message *m, struct slice nick,
                                         bool history)
{
    const struct occupant *o = nick.len > 0 ? occupant_find(r, nick) : NULL;
    bool same_id = o != NULL && o->pub.id != NULL && m->occupant_id != NULL &&
                   strcmp(o->pub.id, m->occupant_id) == 0;
    return o != NULL && (same_id || !history) ? &o->pub : NULL;
}

/* ---------------------------------------------------------------------------------- what is said
 */

/* Services without status 110: the subject comes behind our own presence. */
static void come_in_late(struct burble_room *r)
{
    struct room_note note = {0};
    struct occupant *me = occupant_find(r, slice_z(r->nick));
    if (r->state != BURBLE_ROOM_JOINING || me == NULL)
        return;
    me->pub.self = true;
    r->gives_ids = me->pub.id != NULL;
    room_joined(r, &note);
}

static void subject(struct burble_room *r, const struct burble_message *m, const char *nick)
{
    bool first = !r->subject_known;
    r->subject_known = true;
    if (client_set(&r->subject, slice_z(m->subject)) == 0)
        ROOM_TELL(r, subject, r->subject, nick, first);
}

static void note_last(struct burble_room *r, const struct burble_message *m)
{
    r->said_ms = r->client->now.mono_ms;
    r->said_wall_ms = r->client->now.wall_ms;
    if (m->stanza_id != NULL)
        (void)client_set(&r->last_id, slice_z(m->stanza_id));
}

/* Was it said before we came? The room marks that; others on the way may have kept it for us. */
static bool is_history(const struct burble_room *r, const struct stanza *s)
{
    struct xml delay = xml_child(s->root, NS_DELAY, SLICE("delay"));
    for (; xml_some(delay); delay = xml_next_named(delay, NS_DELAY, SLICE("delay"))) {
        struct slice by = xml_attr(delay, SLICE("from"));
        if (!r->subject_known || by.ptr == NULL || slice_eq(by, slice_z(r->jid)))
            return true;
    }
    return false;
}

static bool tell(struct burble_room *r, const struct burble_room_message *m)
{
    if (r->handlers.message == NULL)
        return false;
    ROOM_TELL(r, message, m);
    return true;
}

static bool groupchat(struct burble_room *r, const struct stanza *s)
{
    struct burble_message m;
    struct slice nick = jid_resource(&s->from);
    if (r->state == BURBLE_ROOM_JOINING)
        come_in_late(r);
    if (r->state != BURBLE_ROOM_INSIDE || r->freed)
        return true; /* not in: somebody plays tricks, or it is on its way since before */
    message_read(r->client, s, BURBLE_LIVE, 0, &m);
    if (!r->gives_ids)
        m.occupant_id = NULL; /* anybody can have put it there */
    bool history = is_history(r, s);
    bool again = seen(r, key_of(r, &m));
    note_last(r, &m);
    const char *name = view_string(&r->client->view, nick);
    if (m.subject != NULL && m.body == NULL) {
        subject(r, &m, name);
        return true;
    }
    if (history && again)
        return true;
    struct burble_room_message e = {.message = &m,
                                    .nick = name,
                                    .occupant = who(r, &m, nick, history),
                                    .own = is_own(r, &m, nick, history),
                                    .history = history};
    return tell(r, &e);
}

static bool aside(struct burble_room *r, const struct stanza *s)
{
    struct burble_message m;
    struct slice nick = jid_resource(&s->from);
    message_read(r->client, s, BURBLE_LIVE, 0, &m);
    m.occupant_id = r->gives_ids ? m.occupant_id : NULL;
    struct burble_room_message e = {.message = &m,
                                    .nick = view_string(&r->client->view, nick),
                                    .occupant = who(r, &m, nick, m.origin == BURBLE_DELAYED),
                                    .own = slice_eq(nick, slice_z(r->nick)),
                                    .history = m.origin == BURBLE_DELAYED,
                                    .private_ = true};
    return tell(r, &e);
}

/* One of ours came back. not-acceptable: because we are not in (section 7.4). */
static bool came_back(struct burble_room *r, const struct stanza *s)
{
    struct burble_message m;
    struct slice nick = jid_resource(&s->from);
    message_read(r->client, s, BURBLE_LIVE, 0, &m);
    struct burble_room_message e = {.message = &m,
                                    .nick = view_string(&r->client->view, nick),
                                    .own = true,
                                    .private_ = nick.len > 0};
    if (nick.len == 0 && strcmp(m.error.condition, "not-acceptable") == 0)
        room_doubt(r);
    return tell(r, &e);
}

/* What the room itself says beside the conversation (sections 7.8.2, 10.2.1). */
static bool notice(struct burble_room *r, const struct stanza *s)
{
    struct room_note note;
    room_note_read(s->root, &note);
    if (room_declined(r, s, note.x))
        return true;
    unsigned codes = CODE_CONFIG | CODE_LOGGED | CODE_NOT_LOGGED | CODE_NOW_SHOWN |
                     CODE_NOW_HIDDEN | CODE_SHOWS_JIDS;
    if ((note.codes & codes) == 0 || r->state != BURBLE_ROOM_INSIDE)
        return false;
    int shown = (note.codes & CODE_NOW_HIDDEN) != 0                      ? 0
                : (note.codes & (CODE_NOW_SHOWN | CODE_SHOWS_JIDS)) != 0 ? 1
                                                                         : -1;
    int logged = (note.codes & CODE_NOT_LOGGED) != 0 ? 0 : (note.codes & CODE_LOGGED) != 0 ? 1 : -1;
    ROOM_TELL(r, configured, shown, logged);
    return true;
}

bool room_message(struct burble_room *r, const struct stanza *s)
{
    bool room = s->from.resource_len == 0;
    bool body = xml_some(xml_child(s->root, NS_CLIENT, SLICE("body")));
    if (s->type == TYPE_ERROR)
        return came_back(r, s);
    /* A change of the configuration comes as groupchat too; others may have words for clients that
     * do not know what they are. */
    if (room && (!body || s->type != TYPE_GROUPCHAT) && notice(r, s))
        return true;
    if (s->type == TYPE_GROUPCHAT)
        return groupchat(r, s);
    return !room && aside(r, s);
}

/* --------------------------------------------------------------------------------------- saying */

static int say(struct burble_room *r, const char *to, const char *body,
               const struct burble_message_options *o, uint64_t *ticket_out, char *id_out)
{
    char id[64];
    if (r->state == BURBLE_ROOM_OUTSIDE || r->state == BURBLE_ROOM_LEAVING)
        return ERR_REFUSED;
    /* With a session it comes to a room that we are not in. */
    if (r->state == BURBLE_ROOM_WAITING && r->client->state == BURBLE_ONLINE)
        return ERR_CLOSED;
    int err = burble_say(r->client, to, body, o, ticket_out, id);
    if (err != 0)
        return err;
    remember_said(r, id);
    if (id_out != NULL)
        memcpy(id_out, id, strlen(id) + 1);
    return 0;
}

int burble_room_say(struct burble_room *r, const char *body,
                    const struct burble_message_options *options, uint64_t *ticket_out,
                    char *id_out)
{
    struct burble_message_options o = {0};
    if (options != NULL)
        o = *options;
    o.type = BURBLE_GROUPCHAT;
    return say(r, r->jid, body, &o, ticket_out, id_out);
}

int burble_room_say_to(struct burble_room *r, const char *nick, const char *body,
                       const struct burble_message_options *options, uint64_t *ticket_out,
                       char *id_out)
{
    struct burble_message_options o = {0};
    struct buf full = {0}, payload = {0};
    if (options != NULL)
        o = *options;
    o.type = BURBLE_CHAT;
    buf_lit(&payload, "<x xmlns='http://jabber.org/protocol/muc#user'/>");
    if (o.payload != NULL)
        buf_add(&payload, slice_z(o.payload));
    buf_byte(&payload, '\0');
    int err = nick != NULL ? room_address(r, slice_z(nick), &full) : ERR_SYNTAX;
    if (err == 0 && payload.failed)
        err = ERR_MEMORY;
    if (err == 0) {
        o.payload = buf_slice(&payload).ptr;
        err = say(r, buf_slice(&full).ptr, body, &o, ticket_out, id_out);
    }
    buf_free(&full);
    buf_free(&payload);
    return err;
}

int burble_room_set_subject(struct burble_room *r, const char *subject_text)
{
    struct burble_message_options o = {.type = BURBLE_GROUPCHAT, .subject = subject_text};
    if (subject_text == NULL)
        return ERR_SYNTAX;
    return say(r, r->jid, NULL, &o, NULL, NULL);
}

int burble_room_announce(struct burble_room *r)
{
    if (r->state != BURBLE_ROOM_INSIDE)
        return ERR_REFUSED;
    return room_say_presence(r, slice_z(r->nick), SLICE_NONE, NULL, false);
}
