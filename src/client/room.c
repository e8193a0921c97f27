/* Rooms (XEP-0045 version 1.35.5) as objects of a client: making and freeing them, and finding the
 * one that a stanza is for. What comes is told apart by the room's address alone. */
#include "client/room.h"

#include <stdlib.h>
#include <string.h>

enum { ROOMS_MAX = 1000, SILENCE_MS = 900000 };

/* The program chooses its rooms, so nobody else can choose colliding keys here. */
static const struct hash_key KEY;

static struct burble_room *room_of(struct list *link)
{
    return CONTAINER_OF(link, struct burble_room, link);
}

static void room_destroy(struct burble_room *r)
{
    client_timer_stop(&r->timer);
    client_timer_stop(&r->nick_timer);
    room_asks_orphan(r);
    occupants_clear(r);
    hmap_free(&r->by_nick);
    free(r->jid);
    free(r->wanted_nick);
    free(r->password);
    free(r->nick);
    free(r->nick_asked);
    free(r->subject);
    free(r->last_id);
    free(r);
}

struct burble_room *room_find(struct rooms *rooms, struct slice jid)
{
    uint64_t hash = hash_bytes(&KEY, jid);
    for (struct hnode *n = hmap_first(&rooms->by_jid, hash); n != NULL; n = hmap_next(n, hash)) {
        struct burble_room *r = CONTAINER_OF(n, struct burble_room, node);
        if (slice_eq(slice_z(r->jid), jid))
            return r;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------- the extension */

static struct rooms *rooms_from(struct client_extension *x)
{
    return CONTAINER_OF(x, struct rooms, x);
}

static bool take(struct client_extension *x, const struct stanza *s)
{
    struct rooms *rooms = rooms_from(x);
    if (!jid_some(&s->from))
        return false;
    struct burble_room *r = room_find(rooms, jid_bare(&s->from));
    if (r == NULL)
        return s->kind == STANZA_MESSAGE && rooms_invitation(rooms, s);
    room_heard(r);
    if (s->kind == STANZA_MESSAGE)
        return room_message(r, s) || rooms_invitation(rooms, s);
    room_presence(r, s);
    return true;
}

/* Rooms may be freed by what these call, any of them: the list is walked by what is marked. */
static void each(struct rooms *rooms, void (*fn)(struct burble_room *r, bool resumed), bool resumed)
{
    struct list todo;
    list_init(&todo);
    while (!list_empty(&rooms->all))
        list_push(&todo, list_pop(&rooms->all));
    while (!list_empty(&todo)) {
        struct list *link = list_pop(&todo);
        list_push(&rooms->all, link);
        fn(room_of(link), resumed);
    }
}

static void online(struct client_extension *x, bool resumed)
{
    each(rooms_from(x), room_online, resumed);
}

static void gone_one(struct burble_room *r, bool resumed)
{
    (void)resumed;
    room_gone(r);
}

static void gone(struct client_extension *x)
{
    each(rooms_from(x), gone_one, false);
}

static void bury(struct rooms *rooms)
{
    while (!list_empty(&rooms->dead))
        room_destroy(room_of(list_pop(&rooms->dead)));
}

static void reap(struct burble *c, struct client_timer *t)
{
    (void)c;
    bury(CONTAINER_OF(t, struct rooms, reap));
}

static void rooms_free(struct client_extension *x)
{
    struct rooms *rooms = rooms_from(x);
    client_timer_stop(&rooms->reap);
    bury(rooms);
    while (!list_empty(&rooms->all))
        room_destroy(room_of(list_pop(&rooms->all)));
    hmap_free(&rooms->by_jid);
    free(rooms);
}

/* Occupants see that we are there, and ask through the room. */
static bool shows(struct client_extension *x, const struct jid *who)
{
    const struct burble_room *r = room_find(rooms_from(x), jid_bare(who));
    return r != NULL && r->state == BURBLE_ROOM_INSIDE;
}

static const struct client_extension_ops OPS = {.name = "rooms",
                                                .stanza = take,
                                                .shows = shows,
                                                .online = online,
                                                .gone = gone,
                                                .free = rooms_free};

struct rooms *rooms_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &OPS);
    if (x != NULL)
        return rooms_from(x);
    struct rooms *rooms = client_alloc(sizeof(*rooms));
    if (rooms == NULL)
        return NULL;
    list_init(&rooms->all);
    list_init(&rooms->dead);
    rooms->reap.fire = reap;
    client_extend(c, &rooms->x, &OPS);
    return rooms;
}

/* ------------------------------------------------------------------------------------- objects */

int room_address(const struct burble_room *r, struct slice nick, struct buf *out)
{
    struct arena mem = {0};
    struct buf text = {0};
    struct jid jid;
    buf_clear(out);
    buf_add(&text, slice_z(r->jid));
    buf_byte(&text, '/');
    buf_add(&text, nick);
    int err = text.failed ? ERR_MEMORY : jid_parse(buf_slice(&text), &mem, &jid);
    if (err == 0 && jid.resource_len == 0)
        err = ERR_SYNTAX;
    if (err == 0) {
        buf_add(out, jid_full(&jid));
        err = buf_byte(out, '\0');
    }
    arena_free(&mem);
    buf_free(&text);
    return err;
}

int room_send(struct burble_room *r, enum outbox_kind kind, struct buf *text)
{
    int err = text->failed ? ERR_MEMORY
                           : outbox_put(r->client, kind, buf_slice(text), SLICE_NONE, 0, NULL);
    buf_free(text);
    return err;
}

static int set_jid(struct burble_room *r, const char *text)
{
    struct arena mem = {0};
    struct jid jid;
    int err = text != NULL ? jid_parse(slice_z(text), &mem, &jid) : ERR_SYNTAX;
    if (err == 0 && (jid.resource_len > 0 || jid.local_len == 0))
        err = ERR_SYNTAX;
    if (err == 0)
        err = client_set(&r->jid, jid_full(&jid));
    arena_free(&mem);
    return err;
}

static int set_nick(struct burble_room *r, const char *nick)
{
    struct buf full = {0};
    int err = nick != NULL ? room_address(r, slice_z(nick), &full) : ERR_SYNTAX;
    if (err == 0)
        err = client_set(&r->wanted_nick, slice_z(buf_slice(&full).ptr + strlen(r->jid) + 1));
    if (err == 0)
        err = client_set(&r->nick, slice_z(r->wanted_nick));
    buf_free(&full);
    return err;
}

static int take_config(struct burble_room *r, const char *jid, const struct burble_room_config *in)
{
    struct burble_room_config own;
    int err = client_take(&own, sizeof(own), in);
    if (err == 0)
        err = set_jid(r, jid);
    if (err == 0)
        err = set_nick(r, own.nick != NULL ? own.nick : r->client->setup.user);
    if (err == 0 && own.password != NULL)
        err = client_set(&r->password, slice_z(own.password));
    r->flags = own.flags;
    r->history_max = own.history_max;
    r->history_since_ms = own.history_since_ms;
    r->silence_ms = own.silence_ms != 0 ? own.silence_ms : SILENCE_MS;
    r->handlers = own.handlers;
    r->arg = own.arg;
    return err;
}

/* Comes in at once, but not from inside of the call. */
static void start(struct burble_room *r)
{
    r->state = BURBLE_ROOM_WAITING;
    r->nick_tries = 0;
    r->tries = 0;
    r->was_in = false;
    client_timer_set(r->client, &r->timer, 0);
    client_wake(r->client);
}

int burble_room_join(struct burble *c, const char *room, const struct burble_room_config *config,
                     struct burble_room **out)
{
    *out = NULL;
    struct rooms *rooms = rooms_of(c);
    struct burble_room *r = rooms != NULL ? client_alloc(sizeof(*r)) : NULL;
    if (r == NULL)
        return ERR_MEMORY;
    r->rooms = rooms;
    r->client = c;
    r->timer.fire = room_timer;
    r->nick_timer.fire = room_nick_late;
    list_init(&r->occupants);
    list_init(&r->asks);
    int err = take_config(r, room, config);
    if (err == 0 && room_find(rooms, slice_z(r->jid)) != NULL)
        err = ERR_EXISTS;
    if (err == 0 && rooms->count >= ROOMS_MAX)
        err = ERR_LIMIT;
    if (err == 0)
        err = hmap_reserve(&rooms->by_jid);
    if (err != 0) {
        room_destroy(r);
        return err;
    }
    hmap_insert(&rooms->by_jid, &r->node, hash_bytes(&KEY, slice_z(r->jid)));
    list_push(&rooms->all, &r->link);
    rooms->count++;
    start(r);
    *out = r;
    return 0;
}

int burble_room_enter(struct burble_room *r, const char *nick, const char *password)
{
    if (r->state != BURBLE_ROOM_OUTSIDE)
        return ERR_BUSY;
    int err = set_nick(r, nick != NULL ? nick : r->wanted_nick);
    if (err == 0 && password != NULL)
        err = client_set(&r->password, slice_z(password));
    if (err == 0)
        start(r);
    return err;
}

void burble_room_free(struct burble_room **room)
{
    struct burble_room *r = *room;
    *room = NULL;
    if (r == NULL || r->freed)
        return;
    if (r->state == BURBLE_ROOM_INSIDE || r->state == BURBLE_ROOM_JOINING)
        (void)room_say_presence(r, slice_z(r->nick), SLICE("unavailable"), NULL, false);
    r->freed = true;
    client_timer_stop(&r->timer);
    client_timer_stop(&r->nick_timer);
    room_asks_orphan(r);
    list_remove(&r->link);
    hmap_remove(&r->rooms->by_jid, &r->node);
    r->rooms->count--;
    if (r->client->depth == 0) {
        room_destroy(r);
        return;
    }
    list_push(&r->rooms->dead, &r->link);
    client_timer_set(r->client, &r->rooms->reap, 0);
}

enum burble_room_state burble_room_state(const struct burble_room *r)
{
    return r->state;
}

const char *burble_room_jid(const struct burble_room *r)
{
    return r->jid;
}

const char *burble_room_nick(const struct burble_room *r)
{
    return r->nick;
}

const char *burble_room_subject(const struct burble_room *r)
{
    return r->subject != NULL ? r->subject : "";
}

struct burble *burble_room_client(const struct burble_room *r)
{
    return r->client;
}

const char *burble_room_last_id(const struct burble_room *r)
{
    return r->last_id;
}
