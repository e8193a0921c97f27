/* Conversations: receipts that are sent by themselves (XEP-0184 1.4.0), displayed markers (XEP-0333
 * 1.0.0), chat states (XEP-0085 2.1), and which messages came before. All that would tell somebody
 * that we are there goes only to who may see our presence (row V69). Owns what is known of the last
 * 200 partners. */
#include "burble/chat.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "client/client.h"
#include "client/room.h"

enum { PARTNERS_MAX = 200, WAITING_MAX = 1000, SEEN_MAX = 1000, KEYS_PER_MESSAGE = 3 };

/* Does the other side know chat states? */
enum knows { UNKNOWN, KNOWS, DOES_NOT };

struct partner {
    struct list link;
    enum knows knows;
    enum burble_chat_state said; /* last standalone one, or active with a message */
    char jid[];                  /* bare */
};

/* A receipt for when the roster says who may have it. */
struct receipt {
    struct list link;
    bool chat;  /* type of the message */
    char *id;   /* in the same block */
    char jid[]; /* full */
};

struct burble_chat {
    struct client_extension x;
    struct burble_chat_config config;
    struct list partners; /* latest first */
    size_t partner_count;
    struct list waiting;
    size_t waiting_count;
    struct hash_key key;
    bool keyed;
    size_t seen_next;
    uint64_t seen[SEEN_MAX * KEYS_PER_MESSAGE];
};

static struct burble_chat *chat_of(struct client_extension *x)
{
    return CONTAINER_OF(x, struct burble_chat, x);
}

/* The one place that decides who may learn that we are there. */
static bool may_know(const struct burble_chat *chat, const char *jid)
{
    if ((chat->config.flags & BURBLE_CHAT_STRANGERS) != 0)
        return true;
    struct burble_roster *roster = client_roster(chat->x.client);
    return chat->x.client->available && roster != NULL && burble_roster_sees_us(roster, jid);
}

static bool is_own(const struct burble_chat *chat, const char *bare)
{
    return strcmp(bare, burble_bare_jid(chat->x.client)) == 0;
}

/* Partner of a bare address; NULL: none yet, or no memory to make one. */
static struct partner *partner(struct burble_chat *chat, const char *jid, bool make)
{
    LIST_EACH(it, &chat->partners)
    {
        struct partner *p = CONTAINER_OF(it, struct partner, link);
        if (strcmp(p->jid, jid) != 0)
            continue;
        list_remove(&p->link);
        list_push_front(&chat->partners, &p->link);
        return p;
    }
    size_t len = strlen(jid) + 1;
    struct partner *p = make ? client_alloc(sizeof(*p) + len) : NULL;
    if (p == NULL)
        return NULL;
    memcpy(p->jid, jid, len);
    list_push_front(&chat->partners, &p->link);
    if (++chat->partner_count > PARTNERS_MAX) {
        struct partner *last = CONTAINER_OF(chat->partners.prev, struct partner, link);
        list_remove(&last->link);
        free(last);
        chat->partner_count--;
    }
    return p;
}

/* A message without a text of its own: <message to type id>payload<thread/></message>. */
static int send(struct burble *c, const char *to, struct slice type, const struct buf *payload,
                const char *thread, unsigned flags)
{
    struct buf b = {0};
    struct xml_writer w;
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("message"), SLICE_NONE);
    xml_attr_put(&w, SLICE("to"), slice_z(to));
    if (type.len > 0)
        xml_attr_put(&w, SLICE("type"), type);
    xml_raw_put(&w, buf_slice(payload));
    if (thread != NULL)
        xml_leaf(&w, SLICE("thread"), SLICE_NONE, slice_z(thread));
    xml_close(&w);
    buf_byte(&b, '\0');
    int err =
        b.failed || payload->failed ? ERR_MEMORY : burble_send(c, buf_slice(&b).ptr, flags, NULL);
    buf_free(&b);
    return err;
}

/* An element of that namespace with an id; *b is the caller's to free. */
static void put_named(struct buf *b, struct slice name, struct slice ns, const char *id)
{
    struct xml_writer w;
    xml_writer_init(&w, b, NS_CLIENT);
    xml_open(&w, name, ns);
    if (id != NULL)
        xml_attr_put(&w, SLICE("id"), slice_z(id));
    xml_close(&w);
}

/* ------------------------------------------------------------------------------------- receipts */

static void send_receipt(struct burble_chat *chat, const char *jid, const char *id, bool is_chat)
{
    struct buf b = {0};
    put_named(&b, SLICE("received"), NS_RECEIPTS, id);
    buf_lit(&b, "<store xmlns='urn:xmpp:hints'/>");
    (void)send(chat->x.client, jid, is_chat ? SLICE("chat") : SLICE_NONE, &b, NULL, 0);
    buf_free(&b);
}

static void wait_for_roster(struct burble_chat *chat, const struct burble_message *m)
{
    size_t jid_len = strlen(m->from) + 1, id_len = strlen(m->id) + 1;
    if (chat->waiting_count >= WAITING_MAX)
        return;
    struct receipt *r = client_alloc(sizeof(*r) + jid_len + id_len);
    if (r == NULL)
        return;
    r->chat = m->type == BURBLE_CHAT;
    r->id = r->jid + jid_len;
    memcpy(r->jid, m->from, jid_len);
    memcpy(r->id, m->id, id_len);
    list_push(&chat->waiting, &r->link);
    chat->waiting_count++;
}

static void drop_waiting(struct burble_chat *chat, bool decide)
{
    while (!list_empty(&chat->waiting)) {
        struct receipt *r = CONTAINER_OF(list_pop(&chat->waiting), struct receipt, link);
        if (decide && may_know(chat, r->jid))
            send_receipt(chat, r->jid, r->id, r->chat);
        free(r);
    }
    chat->waiting_count = 0;
}

static bool wants_receipt(const struct burble_chat *chat, const struct burble_message *m)
{
    return (chat->config.flags & BURBLE_CHAT_NO_RECEIPTS) == 0 && m->receipt_wanted &&
           m->receipt_for == NULL && m->id != NULL && *m->id != '\0' &&
           (m->type == BURBLE_CHAT || m->type == BURBLE_NORMAL);
}

/* What came with a message about chat states (XEP-0085 section 5.1). */
static void learn(struct burble_chat *chat, const struct burble_message *m)
{
    bool content = m->body != NULL;
    if (m->type != BURBLE_CHAT || (m->chat_state == BURBLE_NO_CHAT_STATE && !content))
        return;
    struct partner *p = partner(chat, m->from_bare, true);
    if (p == NULL)
        return;
    if (m->chat_state == BURBLE_CHAT_GONE) {
        p->knows = UNKNOWN;
        p->said = BURBLE_NO_CHAT_STATE;
    } else {
        p->knows = m->chat_state != BURBLE_NO_CHAT_STATE ? KNOWS : DOES_NOT;
    }
}

static bool stanza(struct client_extension *x, const struct stanza *s)
{
    struct burble_chat *chat = chat_of(x);
    struct burble *c = x->client;
    struct burble_message m;
    if (s->kind != STANZA_MESSAGE || s->type == TYPE_ERROR || s->type == TYPE_GROUPCHAT)
        return false;
    message_read(c, s, BURBLE_LIVE, 0, &m);
    if (m.from == NULL || m.from_bare == NULL || is_own(chat, m.from_bare))
        return false;
    const struct burble_roster *roster = client_roster(c);
    if (wants_receipt(chat, &m)) {
        if (may_know(chat, m.from))
            send_receipt(chat, m.from, m.id, m.type == BURBLE_CHAT);
        else if (roster != NULL && !burble_roster_is_ready(roster))
            wait_for_roster(chat, &m);
    }
    if (m.origin == BURBLE_LIVE && may_know(chat, m.from))
        learn(chat, &m);
    return false;
}

static void roster_came(struct client_extension *x)
{
    drop_waiting(chat_of(x), true);
}

/* ------------------------------------------------------------------------- what the person does */

int burble_chat_say(struct burble_chat *chat, const char *to, const char *body,
                    const struct burble_message_options *options, uint64_t *ticket_out,
                    char *id_out)
{
    struct burble_message_options o = {0};
    char *bare = NULL;
    if (options != NULL)
        o = *options;
    int err = to != NULL ? client_copy_jid(to, true, &bare) : ERR_SYNTAX;
    if (err != 0)
        return err;
    bool states = (o.type == BURBLE_CHAT || (o.type == BURBLE_NORMAL && body != NULL)) &&
                  (chat->config.flags & BURBLE_CHAT_NO_STATES) == 0 &&
                  o.chat_state == BURBLE_NO_CHAT_STATE && may_know(chat, bare);
    struct partner *p = states ? partner(chat, bare, true) : NULL;
    if (p != NULL && p->knows != DOES_NOT)
        o.chat_state = BURBLE_CHAT_ACTIVE;
    err = burble_say(chat->x.client, to, body, &o, ticket_out, id_out);
    if (err == 0 && p != NULL)
        p->said = BURBLE_CHAT_ACTIVE;
    free(bare);
    return err;
}

static int send_state(struct burble_chat *chat, const char *bare, enum burble_chat_state state,
                      const char *thread)
{
    struct partner *p = partner(chat, bare, false);
    struct buf b = {0};
    if (state == BURBLE_NO_CHAT_STATE || (unsigned)state > BURBLE_CHAT_GONE)
        return ERR_SYNTAX;
    if (!may_know(chat, bare) || p == NULL || p->knows != KNOWS)
        return ERR_REFUSED;
    if (p->said == state)
        return 0;
    put_named(&b, slice_z(burble_chat_state_text(state)), NS_CHAT_STATES, NULL);
    int err = send(chat->x.client, bare, SLICE("chat"), &b, thread, BURBLE_SEND_NOW);
    buf_free(&b);
    if (err == 0)
        p->said = state;
    return err;
}

int burble_chat_state(struct burble_chat *chat, const char *jid, enum burble_chat_state state,
                      const char *thread)
{
    char *bare = NULL;
    if ((chat->config.flags & BURBLE_CHAT_NO_STATES) != 0)
        return ERR_REFUSED;
    int err = jid != NULL ? client_copy_jid(jid, true, &bare) : ERR_SYNTAX;
    if (err != 0)
        return err;
    err = send_state(chat, bare, state, thread);
    free(bare);
    return err;
}

/* Are we in this room? Anybody can call a message one of a room's. */
static bool is_inside(struct burble *c, const struct burble_message *m)
{
    struct rooms *rooms = rooms_of(c);
    struct burble_room *room = rooms != NULL ? room_find(rooms, slice_z(m->from_bare)) : NULL;
    size_t bare = strlen(m->from_bare);
    if (room == NULL || burble_room_state(room) != BURBLE_ROOM_INSIDE || m->from[bare] != '/')
        return false;
    return strcmp(m->from + bare + 1, burble_room_nick(room)) != 0; /* our own */
}

static bool may_mark(struct burble_chat *chat, const struct burble_message *m)
{
    if (m->type == BURBLE_GROUPCHAT)
        return is_inside(chat->x.client, m);
    return (m->type == BURBLE_CHAT || m->type == BURBLE_NORMAL) && m->marker == BURBLE_MARKABLE &&
           !is_own(chat, m->from_bare) && may_know(chat, m->from);
}

int burble_chat_displayed(struct burble_chat *chat, const struct burble_message *m)
{
    bool room = m->type == BURBLE_GROUPCHAT;
    const char *id = room && m->stanza_id != NULL ? m->stanza_id : m->id;
    struct buf b = {0};
    if (m->from == NULL || m->from_bare == NULL || id == NULL || *id == '\0')
        return ERR_SYNTAX;
    if (!may_mark(chat, m))
        return ERR_REFUSED;
    /* Whose presence we do not know may be a private conversation in a room. */
    struct burble_roster *roster = client_roster(chat->x.client);
    bool contact = room || (roster != NULL && burble_roster_find(roster, m->from_bare) != NULL);
    put_named(&b, SLICE("displayed"), NS_MARKERS, id);
    buf_lit(&b, "<store xmlns='urn:xmpp:hints'/>");
    struct slice type = room                     ? SLICE("groupchat")
                        : m->type == BURBLE_CHAT ? SLICE("chat")
                                                 : SLICE_NONE;
    int err = send(chat->x.client, contact ? m->from_bare : m->from, type, &b, m->thread, 0);
    buf_free(&b);
    return err;
}

/* ------------------------------------------------------------------------------ what came before
 */

/* Never 0. */
static uint64_t key_of(const struct burble_chat *chat, const char *who, const char *id,
                       const char *what)
{
    uint64_t first = hash_pair(&chat->key, slice_z(who), slice_z(id));
    return hash_pair(&chat->key, slice_of((const char *)&first, sizeof(first)), slice_z(what)) | 1;
}

/* The archive's id is certain. A sender's own id is as good as its client: it counts for its own
 * messages alone, and where it may be a mere number only together with the text. */
static size_t keys_of(const struct burble_chat *chat, const struct burble_message *m,
                      uint64_t out[KEYS_PER_MESSAGE])
{
    bool room = m->type == BURBLE_GROUPCHAT;
    const char *sender = room ? m->from : m->from_bare;
    size_t n = 0;
    if (m->from == NULL || m->from_bare == NULL)
        return 0;
    if (m->stanza_id != NULL)
        out[n++] = key_of(chat, room ? m->from_bare : "", m->stanza_id, "archive");
    if (m->origin_id != NULL)
        out[n++] = key_of(chat, sender, m->origin_id, "origin");
    if (m->id != NULL)
        out[n++] = key_of(chat, sender, m->id, m->body != NULL ? m->body : "");
    return n;
}

bool burble_chat_seen(struct burble_chat *chat, const struct burble_message *m)
{
    uint64_t keys[KEYS_PER_MESSAGE];
    size_t all = sizeof(chat->seen) / sizeof(chat->seen[0]);
    bool seen = false;
    if (!chat->keyed)
        rng_bytes(&chat->x.client->rng, &chat->key, sizeof(chat->key));
    chat->keyed = true;
    size_t n = keys_of(chat, m, keys);
    for (size_t i = 0; i < n; i++) {
        bool there = false;
        for (size_t j = 0; j < all && !there; j++)
            there = chat->seen[j] == keys[i];
        seen |= there;
        if (!there) {
            chat->seen[chat->seen_next] = keys[i];
            chat->seen_next = (chat->seen_next + 1) % all;
        }
    }
    return seen;
}

/* ----------------------------------------------------------------------------------- the object */

static void gone(struct client_extension *x)
{
    struct burble_chat *chat = chat_of(x);
    drop_waiting(chat, false);
    LIST_EACH(it, &chat->partners)
    CONTAINER_OF(it, struct partner, link)->said = BURBLE_NO_CHAT_STATE;
}

static void chat_free(struct client_extension *x)
{
    struct burble_chat *chat = chat_of(x);
    drop_waiting(chat, false);
    while (!list_empty(&chat->partners))
        free(CONTAINER_OF(list_pop(&chat->partners), struct partner, link));
    free(chat);
}

static const struct client_extension_ops OPS = {
    .name = "chat",
    .stanza = stanza,
    .roster = roster_came,
    .gone = gone,
    .free = chat_free,
};

int burble_chat_new(struct burble *c, const struct burble_chat_config *config,
                    struct burble_chat **out)
{
    *out = NULL;
    if (client_extension(c, &OPS) != NULL)
        return ERR_EXISTS;
    struct burble_chat *chat = client_alloc(sizeof(*chat));
    if (chat == NULL)
        return ERR_MEMORY;
    int err = client_take(&chat->config, sizeof(chat->config), config);
    if (err != 0) {
        free(chat);
        return err;
    }
    list_init(&chat->partners);
    list_init(&chat->waiting);
    client_extend(c, &chat->x, &OPS);
    err = client_feature(c, NS_RECEIPTS.ptr);
    if (err == 0)
        err = client_feature(c, NS_MARKERS.ptr);
    if (err == 0 && (chat->config.flags & BURBLE_CHAT_NO_STATES) == 0)
        err = client_feature(c, NS_CHAT_STATES.ptr);
    if (err != 0) {
        client_unextend(&chat->x);
        chat_free(&chat->x);
        return err;
    }
    *out = chat;
    return 0;
}

void burble_chat_free(struct burble_chat **chat)
{
    struct burble_chat *old = *chat;
    *chat = NULL;
    if (old != NULL && !old->x.retired)
        client_retire(&old->x);
}
