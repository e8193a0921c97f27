/* Requests to a room: of moderators (XEP-0045 version 1.35.5, section 8), admins (section 9) and
 * owners (section 10), and the change of our nickname (section 7.6), which is presence but is
 * answered like one. Each is answered exactly once. */
#include <stdlib.h>
#include <string.h>

#include "client/room.h"
#include "xmpp/data_form.h"

enum { NICK_MS = 30000, SETTINGS_MAX = 64 };

static struct room_ask *ask_new(struct burble_room *r, burble_room_done_fn *fn, void *arg)
{
    struct room_ask *ask = client_alloc(sizeof(*ask));
    if (ask == NULL)
        return NULL;
    ask->room = r;
    ask->fn = fn;
    ask->arg = arg;
    list_push(&r->asks, &ask->link);
    return ask;
}

static void ask_free(struct room_ask *ask)
{
    list_remove(&ask->link);
    free(ask);
}

void room_asks_orphan(struct burble_room *r)
{
    if (r->nick_change != NULL)
        ask_free(r->nick_change);
    r->nick_change = NULL;
    while (!list_empty(&r->asks))
        CONTAINER_OF(list_pop(&r->asks), struct room_ask, link)->room = NULL;
}

static const char *request_text(const char *condition)
{
    static const char *const TEXTS[STANZA_ERRORS] = {
        [STANZA_FORBIDDEN] = "we may not do that in this room",
        [STANZA_NOT_AUTHORIZED] = "we may not do that in this room",
        [STANZA_NOT_ALLOWED] = "the room does not permit that, or not with somebody of this rank",
        [STANZA_CONFLICT] = "that is taken already, or we cannot do it to ourselves",
        [STANZA_ITEM_NOT_FOUND] = "there is nobody, or nothing, of that name",
        [STANZA_NOT_ACCEPTABLE] = "the room does not accept that",
        [STANZA_BAD_REQUEST] = "the room does not understand that",
        [STANZA_JID_MALFORMED] = "that is no address",
        [STANZA_FEATURE_NOT_IMPLEMENTED] = "the room's service cannot do that",
        [STANZA_SERVICE_UNAVAILABLE] = "the room's service cannot do that",
        [STANZA_REGISTRATION_REQUIRED] = "only members may do that",
        [STANZA_REMOTE_SERVER_NOT_FOUND] = "the room's service cannot be reached",
        [STANZA_REMOTE_SERVER_TIMEOUT] = "the room did not answer in time",
        [STANZA_RECIPIENT_UNAVAILABLE] = "the session ended before the answer came",
    };
    return client_condition_text(TEXTS, condition, "the room refused");
}

static void items(struct burble_room *r, burble_room_item_fn *fn, void *arg, struct xml query)
{
    struct burble_tree *v = &r->client->view;
    struct xml x = xml_child(query, NS_MUC_ADMIN, SLICE("item"));
    for (; xml_some(x); x = xml_next_named(x, NS_MUC_ADMIN, SLICE("item"))) {
        struct slice reason = xml_text(xml_child(x, NS_MUC_ADMIN, SLICE("reason")));
        reason.ptr = reason.len > 0 ? reason.ptr : NULL;
        struct burble_room_item item = {.jid = view_string(v, xml_attr(x, SLICE("jid"))),
                                        .nick = view_string(v, xml_attr(x, SLICE("nick"))),
                                        .reason = view_string(v, reason)};
        (void)room_role_read(xml_attr(x, SLICE("role")), &item.role);
        (void)room_affiliation_read(xml_attr(x, SLICE("affiliation")), &item.affiliation);
        if (!room_speaks(r))
            return;
        client_enter(r->client);
        fn(r, &item, arg);
        r->client->depth--;
    }
}

/* Calls whoever waits, and frees it. */
static void ask_finish(struct room_ask *ask, enum burble_iq_outcome outcome, struct xml answer)
{
    struct room_ask a = *ask;
    struct burble_room *r = ask->room;
    ask_free(ask);
    if (r == NULL || r->freed)
        return;
    struct burble *c = r->client;
    struct xml payload = outcome == BURBLE_IQ_RESULT ? xml_first_element(answer) : XML_NONE;
    struct burble_room_result result = {.outcome = outcome, .text = ""};
    client_iq_error(c, outcome, answer, &result.error);
    result.payload = view_of(&c->view, payload);
    if (outcome != BURBLE_IQ_RESULT)
        result.text = request_text(result.error.condition);
    if (a.item != NULL)
        items(r, a.item, a.arg, payload);
    if (a.fn == NULL || r->freed)
        return;
    client_enter(c);
    a.fn(r, &result, a.arg);
    c->depth--;
}

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    (void)c;
    ask_finish(arg, outcome, iq);
}

static int ask_room(struct burble_room *r, bool set, struct slice payload,
                    burble_room_item_fn *item, burble_room_done_fn *fn, void *arg)
{
    struct room_ask *ask = ask_new(r, fn, arg);
    if (ask == NULL)
        return ERR_MEMORY;
    ask->item = item;
    struct client_iq iq = {
        .set = set, .to = slice_z(r->jid), .payload = payload, .fn = answered, .arg = ask};
    int err = client_iq_send(r->client, &iq, NULL);
    if (err != 0)
        ask_free(ask);
    return err;
}

/* Sends what is in b, and frees it. */
static int ask_with(struct burble_room *r, bool set, struct buf *b, burble_room_item_fn *item,
                    burble_room_done_fn *fn, void *arg)
{
    int err = b->failed ? ERR_MEMORY : ask_room(r, set, buf_slice(b), item, fn, arg);
    buf_free(b);
    return err;
}

/* One <item/> in a query of admins. Values that are NULL are left out. */
static void put_item(struct buf *b, const char *attribute, const char *who, struct slice what,
                     const char *value, const char *reason)
{
    struct xml_writer w;
    xml_writer_init(&w, b, NS_CLIENT);
    xml_open(&w, SLICE("query"), NS_MUC_ADMIN);
    xml_open(&w, SLICE("item"), SLICE_NONE);
    if (who != NULL)
        xml_attr_put(&w, slice_z(attribute), slice_z(who));
    xml_attr_put(&w, what, slice_z(value));
    if (reason != NULL)
        xml_leaf(&w, SLICE("reason"), SLICE_NONE, slice_z(reason));
    xml_close(&w);
    xml_close(&w);
}

int burble_room_set_role(struct burble_room *r, const char *nick, enum burble_role role,
                         const char *reason, burble_room_done_fn *fn, void *arg)
{
    struct buf full = {0}, b = {0};
    int err = nick != NULL ? room_address(r, slice_z(nick), &full) : ERR_SYNTAX;
    if (err == 0) {
        put_item(&b, "nick", buf_slice(&full).ptr + strlen(r->jid) + 1, SLICE("role"),
                 burble_role_text(role), reason);
        err = ask_with(r, true, &b, NULL, fn, arg);
    }
    buf_free(&full);
    return err;
}

int burble_room_set_affiliation(struct burble_room *r, const char *jid,
                                enum burble_affiliation affiliation, const char *reason,
                                burble_room_done_fn *fn, void *arg)
{
    struct arena mem = {0};
    struct buf text = {0}, b = {0};
    struct jid who;
    int err = jid != NULL ? jid_parse(slice_z(jid), &mem, &who) : ERR_SYNTAX;
    if (err == 0) {
        buf_add(&text, jid_bare(&who));
        err = buf_byte(&text, '\0');
    }
    if (err == 0) {
        put_item(&b, "jid", buf_slice(&text).ptr, SLICE("affiliation"),
                 burble_affiliation_text(affiliation), reason);
        err = ask_with(r, true, &b, NULL, fn, arg);
    }
    buf_free(&text);
    arena_free(&mem);
    return err;
}

int burble_room_list(struct burble_room *r, enum burble_affiliation affiliation,
                     burble_room_item_fn *item, burble_room_done_fn *fn, void *arg)
{
    struct buf b = {0};
    put_item(&b, NULL, NULL, SLICE("affiliation"), burble_affiliation_text(affiliation), NULL);
    return ask_with(r, false, &b, item, fn, arg);
}

/* --------------------------------------------------------------------------------------- owners */

int burble_room_get_config(struct burble_room *r, burble_room_done_fn *fn, void *arg)
{
    return ask_room(r, false, SLICE("<query xmlns='http://jabber.org/protocol/muc#owner'/>"), NULL,
                    fn, arg);
}

int burble_room_set_config(struct burble_room *r, const char *form, burble_room_done_fn *fn,
                           void *arg)
{
    struct buf b = {0};
    if (form == NULL)
        return ERR_SYNTAX;
    buf_lit(&b, "<query xmlns='http://jabber.org/protocol/muc#owner'>");
    buf_add(&b, slice_z(form));
    buf_lit(&b, "</query>");
    return ask_with(r, true, &b, NULL, fn, arg);
}

int burble_room_accept_defaults(struct burble_room *r, burble_room_done_fn *fn, void *arg)
{
    return burble_room_set_config(r, "<x xmlns='jabber:x:data' type='submit'/>", fn, arg);
}

int burble_room_configure(struct burble_room *r, const struct burble_room_setting *settings,
                          size_t count, burble_room_done_fn *fn, void *arg)
{
    struct buf b = {0};
    struct xml_writer w;
    if (count > SETTINGS_MAX)
        return ERR_LIMIT;
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("query"), NS_MUC_OWNER);
    data_form_open(&w, SLICE("submit"), SLICE_NONE);
    data_form_field(&w, SLICE("FORM_TYPE"), SLICE_NONE,
                    SLICE("http://jabber.org/protocol/muc#roomconfig"));
    for (size_t i = 0; i < count; i++)
        if (settings[i].name != NULL && settings[i].value != NULL)
            data_form_field(&w, slice_z(settings[i].name), SLICE_NONE, slice_z(settings[i].value));
    xml_close(&w);
    xml_close(&w);
    return ask_with(r, true, &b, NULL, fn, arg);
}

int burble_room_destroy(struct burble_room *r, const char *reason, const char *alternative,
                        burble_room_done_fn *fn, void *arg)
{
    struct buf b = {0};
    struct xml_writer w;
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("query"), NS_MUC_OWNER);
    xml_open(&w, SLICE("destroy"), SLICE_NONE);
    if (alternative != NULL)
        xml_attr_put(&w, SLICE("jid"), slice_z(alternative));
    if (reason != NULL)
        xml_leaf(&w, SLICE("reason"), SLICE_NONE, slice_z(reason));
    xml_close(&w);
    xml_close(&w);
    return ask_with(r, true, &b, NULL, fn, arg);
}

/* ------------------------------------------------------------------------------------- nicknames
 */

void room_nick_done(struct burble_room *r, enum burble_iq_outcome outcome, struct xml answer)
{
    struct room_ask *ask = r->nick_change;
    client_timer_stop(&r->nick_timer);
    r->nick_change = NULL;
    r->renamed = false;
    free(r->nick_asked);
    r->nick_asked = NULL;
    if (ask != NULL)
        ask_finish(ask, outcome, answer);
}

void room_nick_late(struct burble *c, struct client_timer *t)
{
    (void)c;
    room_nick_done(CONTAINER_OF(t, struct burble_room, nick_timer), BURBLE_IQ_TIMEOUT, XML_NONE);
}

int burble_room_set_nick(struct burble_room *r, const char *nick, burble_room_done_fn *fn,
                         void *arg)
{
    struct buf full = {0};
    if (r->nick_change != NULL)
        return ERR_BUSY;
    if (r->state != BURBLE_ROOM_INSIDE || r->client->doomed)
        return ERR_CLOSED;
    int err = nick != NULL ? room_address(r, slice_z(nick), &full) : ERR_SYNTAX;
    struct slice asked = err == 0 ? slice_z(buf_slice(&full).ptr + strlen(r->jid) + 1) : SLICE_NONE;
    struct room_ask *ask = err == 0 ? ask_new(r, fn, arg) : NULL;
    if (err == 0)
        err = ask != NULL ? client_set(&r->nick_asked, asked) : ERR_MEMORY;
    if (err == 0)
        err = room_say_presence(r, asked, SLICE_NONE, NULL, false);
    buf_free(&full);
    if (err != 0 && ask != NULL)
        ask_free(ask);
    if (err != 0)
        return err;
    r->nick_change = ask;
    client_timer_set(r->client, &r->nick_timer, r->client->now.mono_ms + NICK_MS);
    client_wake(r->client);
    return 0;
}
