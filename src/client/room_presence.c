/* Presence from a room (XEP-0045 version 1.35.5, sections 7.1 to 7.6, 7.14, 8.2, 9.1, 10.9): who is
 * there, and what becomes of us. */
#include <string.h>

#include "client/room.h"

static const struct slice ROLES[] = {
    [BURBLE_ROLE_NONE] = {"none", 4},
    [BURBLE_VISITOR] = {"visitor", 7},
    [BURBLE_PARTICIPANT] = {"participant", 11},
    [BURBLE_MODERATOR] = {"moderator", 9},
};
static const struct slice AFFILIATIONS[] = {
    [BURBLE_AFFILIATION_NONE] = {"none", 4}, [BURBLE_OUTCAST] = {"outcast", 7},
    [BURBLE_MEMBER] = {"member", 6},         [BURBLE_ADMIN] = {"admin", 5},
    [BURBLE_OWNER] = {"owner", 5},
};

const char *burble_role_text(enum burble_role role)
{
    return (unsigned)role <= BURBLE_MODERATOR ? ROLES[role].ptr : "none";
}

const char *burble_affiliation_text(enum burble_affiliation affiliation)
{
    return (unsigned)affiliation <= BURBLE_OWNER ? AFFILIATIONS[affiliation].ptr : "none";
}

bool room_role_read(struct slice name, enum burble_role *out)
{
    for (enum burble_role i = BURBLE_ROLE_NONE; i <= BURBLE_MODERATOR; i++)
        if (slice_eq(ROLES[i], name)) {
            *out = i;
            return true;
        }
    return false;
}

bool room_affiliation_read(struct slice name, enum burble_affiliation *out)
{
    for (enum burble_affiliation i = BURBLE_AFFILIATION_NONE; i <= BURBLE_OWNER; i++)
        if (slice_eq(AFFILIATIONS[i], name)) {
            *out = i;
            return true;
        }
    return false;
}

static unsigned code_of(struct slice text)
{
    static const struct {
        int number;
        unsigned code;
    } CODES[] = {
        {100, CODE_SHOWS_JIDS}, {104, CODE_CONFIG},     {110, CODE_SELF},
        {170, CODE_LOGGED},     {171, CODE_NOT_LOGGED}, {172, CODE_NOW_SHOWN},
        {173, CODE_NOW_HIDDEN}, {201, CODE_CREATED},    {301, CODE_BANNED},
        {303, CODE_NEW_NICK},   {307, CODE_KICKED},     {321, CODE_AFFILIATION},
        {322, CODE_MEMBERS},    {332, CODE_SHUTDOWN},   {333, CODE_PROBLEM},
    };
    int number;
    if (!slice_to_int(text, &number))
        return 0;
    for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
        if (CODES[i].number == number)
            return CODES[i].code;
    return 0;
}

void room_note_read(struct xml stanza, struct room_note *out)
{
    struct xml x = xml_child(stanza, NS_MUC_USER, SLICE("x"));
    *out = (struct room_note){.x = x,
                              .item = xml_child(x, NS_MUC_USER, SLICE("item")),
                              .destroy = xml_child(x, NS_MUC_USER, SLICE("destroy")),
                              .role = BURBLE_PARTICIPANT};
    struct xml status = xml_child(x, NS_MUC_USER, SLICE("status"));
    for (; xml_some(status); status = xml_next_named(status, NS_MUC_USER, SLICE("status")))
        out->codes |= code_of(xml_attr(status, SLICE("code")));
    (void)room_role_read(xml_attr(out->item, SLICE("role")), &out->role);
    (void)room_affiliation_read(xml_attr(out->item, SLICE("affiliation")), &out->affiliation);
}

/* ---------------------------------------------------------------------------------- who is there
 */

static void tell(struct burble_room *r, struct occupant *o, struct burble_room_change *change)
{
    change->occupant = &o->pub;
    if (change->what != 0 && r->state == BURBLE_ROOM_INSIDE)
        ROOM_TELL(r, changed, change);
}

/* The room calls us by another name. */
static void called(struct burble_room *r, struct slice nick)
{
    struct room_ask *change = r->nick_change;
    if (!slice_eq(nick, slice_z(r->nick)) && client_set(&r->nick, nick) == 0 && change != NULL)
        (void)client_set(&r->wanted_nick, nick);
}

static void available(struct burble_room *r, const struct stanza *s)
{
    struct slice nick = jid_resource(&s->from);
    struct room_note note;
    room_note_read(s->root, &note);
    bool self = (note.codes & CODE_SELF) != 0;
    if (self)
        called(r, nick);
    else if (r->state == BURBLE_ROOM_INSIDE)
        self = slice_eq(nick, slice_z(r->nick));
    struct occupant *o = occupant_find(r, nick);
    bool known = o != NULL;
    if (!known)
        o = occupant_add(r, nick, self);
    struct burble_room_change change = {.what = known ? 0 : BURBLE_OCCUPANT_JOINED};
    if (o != NULL) {
        change.role_before = o->pub.role;
        change.affiliation_before = o->pub.affiliation;
        o->pub.self = self;
        unsigned what = occupant_update(r, o, s, &note);
        change.what |= known ? what : 0;
    }
    if (self)
        r->gives_ids = xml_some(xml_child(s->root, NS_OCCUPANT_ID, SLICE("occupant-id")));
    if (self && r->state == BURBLE_ROOM_JOINING) {
        room_joined(r, &note);
        return;
    }
    bool done = self && (r->renamed || slice_eq(nick, slice_z(r->nick_asked)));
    if (o != NULL)
        tell(r, o, &change);
    if (done)
        room_nick_done(r, BURBLE_IQ_RESULT, XML_NONE);
}

/* ------------------------------------------------------------------------------------- who goes
 */

static enum burble_room_why why_of(const struct room_note *note)
{
    static const struct {
        unsigned code;
        enum burble_room_why why;
    } WHYS[] = {
        {CODE_PROBLEM, BURBLE_ROOM_PROBLEM},
        {CODE_SHUTDOWN, BURBLE_ROOM_SHUTDOWN},
        {CODE_BANNED, BURBLE_ROOM_BANNED},
        {CODE_KICKED, BURBLE_ROOM_KICKED},
        {CODE_AFFILIATION, BURBLE_ROOM_MEMBERS_ONLY},
        {CODE_MEMBERS, BURBLE_ROOM_MEMBERS_ONLY},
    };
    if (xml_some(note->destroy))
        return BURBLE_ROOM_DESTROYED;
    for (size_t i = 0; i < sizeof(WHYS) / sizeof(WHYS[0]); i++)
        if ((note->codes & WHYS[i].code) != 0)
            return WHYS[i].why;
    return BURBLE_ROOM_LEFT;
}

static const char *child_text(struct burble *c, struct xml x, struct slice name)
{
    struct slice text = xml_text(xml_child(x, NS_MUC_USER, name));
    return text.len > 0 ? view_string(&c->view, text) : NULL;
}

static const char *actor_of(struct burble *c, const struct room_note *note)
{
    struct xml actor = xml_child(note->item, NS_MUC_USER, SLICE("actor"));
    struct slice nick = xml_attr(actor, SLICE("nick"));
    return view_string(&c->view, nick.len > 0 ? nick : xml_attr(actor, SLICE("jid")));
}

static void we_go(struct burble_room *r, const struct room_note *note)
{
    struct burble *c = r->client;
    bool destroyed = xml_some(note->destroy);
    struct slice other = xml_attr(note->destroy, SLICE("jid"));
    struct burble_room_left left = {
        .why = why_of(note),
        .reason = child_text(c, destroyed ? note->destroy : note->item, SLICE("reason")),
        .actor = actor_of(c, note),
        .alternative = other.len > 0 ? view_string(&c->view, other) : NULL,
        .alternative_password = child_text(c, note->destroy, SLICE("password")),
    };
    room_out(r, &left, false);
}

/* Section 7.6: the old nickname goes with the new one in it; then the new one comes. */
static bool renamed(struct burble_room *r, struct occupant *o, const struct room_note *note,
                    bool self)
{
    struct slice raw = xml_attr(note->item, SLICE("nick"));
    struct buf full = {0};
    bool good = raw.len > 0 && room_address(r, raw, &full) == 0;
    if (good) {
        struct slice nick = slice_z(buf_slice(&full).ptr + strlen(r->jid) + 1);
        const char *before = o != NULL ? view_string(&r->client->view, slice_z(o->pub.nick)) : NULL;
        if (self) {
            called(r, nick);
            r->renamed = true;
        }
        if (o != NULL && before != NULL && occupant_rename(r, o, nick) == 0) {
            struct burble_room_change change = {.what = BURBLE_OCCUPANT_NICK,
                                                .nick_before = before,
                                                .role_before = o->pub.role,
                                                .affiliation_before = o->pub.affiliation};
            tell(r, o, &change);
        } else if (o != NULL) {
            occupant_remove(r, o);
        }
    }
    buf_free(&full);
    return good;
}

static void unavailable(struct burble_room *r, const struct stanza *s)
{
    struct slice nick = jid_resource(&s->from);
    struct room_note note;
    room_note_read(s->root, &note);
    struct occupant *o = occupant_find(r, nick);
    bool self = (note.codes & CODE_SELF) != 0 || slice_eq(nick, slice_z(r->nick));
    if ((note.codes & CODE_NEW_NICK) != 0 && renamed(r, o, &note, self))
        return;
    if (self) {
        we_go(r, &note);
        return;
    }
    if (o == NULL)
        return;
    struct burble_room_change change = {.what = BURBLE_OCCUPANT_LEFT,
                                        .role_before = o->pub.role,
                                        .affiliation_before = o->pub.affiliation,
                                        .why = why_of(&note),
                                        .reason = child_text(r->client, note.item, SLICE("reason")),
                                        .actor = actor_of(r->client, &note)};
    tell(r, o, &change);
    o = r->freed ? NULL : occupant_find(r, nick);
    if (o != NULL)
        occupant_remove(r, o);
}

/* --------------------------------------------------------------------------------------- errors */

static enum burble_room_why why_refused(const char *condition)
{
    switch (stanza_error_read(slice_z(condition))) {
    case STANZA_NOT_AUTHORIZED:
        return BURBLE_ROOM_PASSWORD;
    case STANZA_FORBIDDEN:
        return BURBLE_ROOM_BANNED;
    case STANZA_REGISTRATION_REQUIRED:
        return BURBLE_ROOM_MEMBERS_ONLY;
    case STANZA_CONFLICT:
        return BURBLE_ROOM_NICK_TAKEN;
    case STANZA_NOT_ACCEPTABLE:
        return BURBLE_ROOM_NICK_REFUSED;
    case STANZA_SERVICE_UNAVAILABLE:
        return BURBLE_ROOM_FULL;
    case STANZA_ITEM_NOT_FOUND:
    case STANZA_GONE:
        return BURBLE_ROOM_NOT_FOUND;
    case STANZA_NOT_ALLOWED:
        return BURBLE_ROOM_NOT_ALLOWED;
    case STANZA_REMOTE_SERVER_NOT_FOUND:
    case STANZA_REMOTE_SERVER_TIMEOUT:
        return BURBLE_ROOM_UNREACHABLE;
    default:
        return BURBLE_ROOM_REFUSED;
    }
}

static void refused(struct burble_room *r, const struct stanza *s)
{
    struct burble_stanza_error e;
    client_iq_error(r->client, BURBLE_IQ_ERROR, s->root, &e);
    if (r->state == BURBLE_ROOM_INSIDE) {
        if (r->nick_change != NULL)
            room_nick_done(r, BURBLE_IQ_ERROR, s->root);
        else
            room_doubt(r);
        return;
    }
    struct burble_room_left left = {.why = why_refused(e.condition),
                                    .condition = e.condition,
                                    .reason = *e.text != '\0' ? e.text : NULL};
    if (r->state == BURBLE_ROOM_LEAVING)
        left.why = BURBLE_ROOM_LEFT;
    room_out(r, &left, strcmp(e.type, "wait") == 0);
}

void room_presence(struct burble_room *r, const struct stanza *s)
{
    bool there = r->state == BURBLE_ROOM_INSIDE || r->state == BURBLE_ROOM_JOINING ||
                 r->state == BURBLE_ROOM_LEAVING;
    bool nick = s->from.resource_len > 0;
    if (!there)
        return;
    if (s->type == TYPE_ERROR)
        refused(r, s);
    else if (s->type == TYPE_AVAILABLE && nick && r->state != BURBLE_ROOM_LEAVING)
        available(r, s);
    else if (s->type == TYPE_UNAVAILABLE && nick)
        unavailable(r, s);
}
