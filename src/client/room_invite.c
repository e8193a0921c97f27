/* Invitations to rooms: through the room (XEP-0045 version 1.35.5, section 7.8.2) and direct ones
 * (XEP-0249 version 1.2). Who invites is the sender of a direct one; of the other the room says. */
#include "client/room.h"

static const char *text_of(struct burble *c, struct slice s)
{
    return s.len > 0 ? view_string(&c->view, s) : NULL;
}

/* A prepared address in the view; NULL: it is none. */
static const char *address_of(struct burble *c, struct slice text, bool bare)
{
    struct arena mem = {0};
    struct jid jid;
    const char *out = NULL;
    if (text.len > 0 && jid_parse(text, &mem, &jid) == 0)
        out = view_string(&c->view, bare ? jid_bare(&jid) : jid_full(&jid));
    arena_free(&mem);
    return out;
}

static void mediated(struct burble *c, const struct stanza *s, struct xml x, struct xml invite,
                     struct burble_invitation *out)
{
    struct xml go_on = xml_child(invite, NS_MUC_USER, SLICE("continue"));
    *out = (struct burble_invitation){
        .room = view_string(&c->view, jid_bare(&s->from)),
        .from = address_of(c, xml_attr(invite, SLICE("from")), false),
        .reason = text_of(c, xml_text(xml_child(invite, NS_MUC_USER, SLICE("reason")))),
        .password = text_of(c, xml_text(xml_child(x, NS_MUC_USER, SLICE("password")))),
        .thread = text_of(c, xml_attr(go_on, SLICE("thread"))),
    };
}

static void direct(struct burble *c, const struct stanza *s, struct xml x,
                   struct burble_invitation *out)
{
    *out = (struct burble_invitation){
        .room = address_of(c, xml_attr(x, SLICE("jid")), true),
        .from = view_string(&c->view, jid_full(&s->from)),
        .reason = text_of(c, xml_attr(x, SLICE("reason"))),
        .password = text_of(c, xml_attr(x, SLICE("password"))),
        .thread = text_of(c, xml_attr(x, SLICE("thread"))),
        .direct = true,
    };
}

bool rooms_invitation(struct rooms *rooms, const struct stanza *s)
{
    struct burble *c = rooms->x.client;
    struct burble_invitation e;
    struct xml x = xml_child(s->root, NS_MUC_USER, SLICE("x"));
    struct xml invite = xml_child(x, NS_MUC_USER, SLICE("invite"));
    struct xml conference = xml_child(s->root, NS_INVITATION, SLICE("x"));
    bool by_room = xml_some(invite) && s->from.resource_len == 0;
    if (rooms->invited == NULL || s->type == TYPE_ERROR || s->type == TYPE_GROUPCHAT)
        return false;
    if (!by_room && !xml_some(conference))
        return false;
    if (by_room)
        mediated(c, s, x, invite, &e);
    else
        direct(c, s, conference, &e);
    if (e.room == NULL || e.from == NULL) {
        client_bad(c, "an invitation without an address", jid_full(&s->from));
        return true;
    }
    if (client_doomed(c))
        return true;
    client_enter(c);
    rooms->invited(c, &e, rooms->invited_arg);
    c->depth--;
    return true;
}

bool room_declined(struct burble_room *r, const struct stanza *s, struct xml x)
{
    struct burble *c = r->client;
    struct xml decline = xml_child(x, NS_MUC_USER, SLICE("decline"));
    const char *from = address_of(c, xml_attr(decline, SLICE("from")), false);
    struct slice reason = xml_text(xml_child(decline, NS_MUC_USER, SLICE("reason")));
    if (!xml_some(decline))
        return false;
    if (from == NULL)
        client_bad(c, "a refusal of an invitation by nobody", jid_full(&s->from));
    else
        ROOM_TELL(r, declined, from, text_of(c, reason));
    return true;
}

int burble_on_invitation(struct burble *c, burble_invitation_fn *fn, void *arg)
{
    struct rooms *rooms = rooms_of(c);
    if (rooms == NULL)
        return ERR_MEMORY;
    int err = fn != NULL ? client_feature(c, NS_INVITATION.ptr) : 0;
    if (err != 0)
        return err;
    rooms->invited = fn;
    rooms->invited_arg = arg;
    return 0;
}

/* <message to=...><x xmlns='...muc#user'><NAME to=...><reason/></NAME></x></message> */
static int say_through(struct burble *c, struct slice room, struct slice name, struct slice who,
                       const char *reason)
{
    struct buf b = {0};
    struct xml_writer w;
    char id[CLIENT_ID_BYTES];
    client_new_id(c, id);
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("message"), SLICE_NONE);
    xml_attr_put(&w, SLICE("to"), room);
    xml_attr_put(&w, SLICE("id"), slice_z(id));
    xml_open(&w, SLICE("x"), NS_MUC_USER);
    xml_open(&w, name, SLICE_NONE);
    xml_attr_put(&w, SLICE("to"), who);
    if (reason != NULL)
        xml_leaf(&w, SLICE("reason"), SLICE_NONE, slice_z(reason));
    xml_close(&w);
    xml_close(&w);
    xml_close(&w);
    int err =
        b.failed ? ERR_MEMORY : outbox_put(c, OUTBOX_KEEP, buf_slice(&b), slice_z(id), 0, NULL);
    buf_free(&b);
    return err;
}

static int say_direct(struct burble_room *r, const char *jid, const char *reason)
{
    struct buf b = {0};
    struct xml_writer w;
    struct burble_message_options o = {.type = BURBLE_NORMAL};
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("x"), NS_INVITATION);
    xml_attr_put(&w, SLICE("jid"), slice_z(r->jid));
    if (r->password != NULL)
        xml_attr_put(&w, SLICE("password"), slice_z(r->password));
    if (reason != NULL)
        xml_attr_put(&w, SLICE("reason"), slice_z(reason));
    xml_close(&w);
    int err = buf_byte(&b, '\0');
    if (err == 0 && !b.failed) {
        o.payload = buf_slice(&b).ptr;
        err = burble_say(r->client, jid, NULL, &o, NULL, NULL);
    } else {
        err = ERR_MEMORY;
    }
    buf_free(&b);
    return err;
}

int burble_room_invite(struct burble_room *r, const char *jid, const char *reason,
                       bool by_ourselves)
{
    struct arena mem = {0};
    struct jid who;
    int err = jid != NULL ? jid_parse(slice_z(jid), &mem, &who) : ERR_SYNTAX;
    if (err == 0 && by_ourselves)
        err = say_direct(r, jid, reason);
    else if (err == 0 && r->state != BURBLE_ROOM_INSIDE)
        err = ERR_REFUSED;
    else if (err == 0)
        err = say_through(r->client, slice_z(r->jid), SLICE("invite"), jid_full(&who), reason);
    arena_free(&mem);
    return err;
}

int burble_invitation_decline(struct burble *c, const char *room, const char *from,
                              const char *reason)
{
    struct arena mem = {0};
    struct jid where, who;
    int err = room != NULL ? jid_parse(slice_z(room), &mem, &where) : ERR_SYNTAX;
    if (err == 0)
        err = from != NULL ? jid_parse(slice_z(from), &mem, &who) : ERR_SYNTAX;
    if (err == 0)
        err = say_through(c, jid_bare(&where), SLICE("decline"), jid_full(&who), reason);
    arena_free(&mem);
    return err;
}
