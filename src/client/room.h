/* Inside face of rooms (burble/room.h). One extension per client holds them all:
 *
 *   room           the objects, and which of them a stanza is for
 *   room_stay      coming in, coming back, going out: the states, the timer, the self-ping
 *   room_presence  what presence from a room says about us and the others
 *   room_occupant  who is there
 *   room_message   what is said, by us too
 *   room_admin     requests of moderators, admins and owners
 *   room_invite    invitations */
#ifndef CLIENT_ROOM_H
#define CLIENT_ROOM_H

#include "base/hash.h"
#include "burble/room.h"
#include "client/client.h"

#define NS_MUC       SLICE("http://jabber.org/protocol/muc")
#define NS_MUC_ADMIN SLICE("http://jabber.org/protocol/muc#admin")
#define NS_MUC_OWNER SLICE("http://jabber.org/protocol/muc#owner")

enum { ROOM_SEEN = 128, ROOM_SAID = 64 };

struct rooms {
    struct client_extension x;
    struct hmap by_jid;
    struct list all, dead;
    size_t count;
    struct client_timer reap;
    burble_invitation_fn *invited;
    void *invited_arg;
};

struct occupant {
    struct burble_occupant pub; /* its strings are owned */
    struct hnode node;
    struct list link;
};

struct burble_room {
    struct list link;
    struct hnode node;
    struct rooms *rooms;
    struct burble *client;
    bool freed; /* by the program, in a callback: nothing is called any more */

    /* As asked for. */
    char *jid, *wanted_nick, *password;
    unsigned flags;
    int history_max;
    int64_t history_since_ms;
    uint32_t silence_ms;
    struct burble_room_handlers handlers;
    void *arg;

    enum burble_room_state state;
    struct client_timer timer; /* of the state */
    char *nick;                /* asked for, or given by the room */
    unsigned nick_tries;
    uint32_t tries;       /* in a row, to come back */
    bool was_in;          /* since it was entered */
    bool created;         /* 201 */
    uint64_t joined_ms;   /* monotonic */
    uint64_t heard_ms;    /* monotonic, of anything */
    uint64_t said_ms;     /* the last message: monotonic, */
    int64_t said_wall_ms; /* and wall clock */
    bool doubt;           /* ask whether we are in, however much is heard */
    bool pinging;

    char *subject;
    bool subject_known;
    char *last_id;
    bool gives_ids; /* the room gives occupant ids, so those that come can be believed */

    struct hash_key key; /* of what others choose */
    struct hmap by_nick;
    struct list occupants;
    size_t occupant_count;

    uint64_t seen[ROOM_SEEN]; /* messages that came, by hash */
    uint64_t said[ROOM_SAID]; /* ids of our own */
    unsigned seen_next, said_next;

    struct list asks;             /* struct room_ask, open requests */
    struct room_ask *nick_change; /* one that is under way, */
    char *nick_asked;             /* to this nickname, */
    bool renamed;                 /* and the old one has gone */
    struct client_timer nick_timer;
};

/* A request whose answer somebody waits for. */
struct room_ask {
    struct list link;
    struct burble_room *room; /* NULL: freed meanwhile */
    burble_room_done_fn *fn;
    burble_room_item_fn *item;
    void *arg;
};

static inline bool room_speaks(const struct burble_room *r)
{
    return !r->freed && !client_doomed(r->client);
}

/* Calls the program; afterwards the room may be freed or in any other state. */
#define ROOM_TELL(r, handler, ...)                                                                 \
    do {                                                                                           \
        if (room_speaks(r) && (r)->handlers.handler != NULL) {                                     \
            client_enter((r)->client);                                                             \
            (r)->handlers.handler((r), __VA_ARGS__, (r)->arg);                                     \
            (r)->client->depth--;                                                                  \
        }                                                                                          \
    } while (0)

/* room.c: the extension, made when it is not there; NULL: no memory. */
struct rooms *rooms_of(struct burble *c);
struct burble_room *room_find(struct rooms *rooms, struct slice jid);
/* Prepares "room@host/nick" into out with a NUL: 0, ERR_SYNTAX, ERR_MEMORY. */
int room_address(const struct burble_room *r, struct slice nick, struct buf *out);
/* A stanza of which nobody waits for the receipt. */
int room_send(struct burble_room *r, enum outbox_kind kind, struct buf *text);

/* What <x xmlns='...muc#user'/> says. */
enum {
    CODE_SHOWS_JIDS = 1 << 0,   /* 100 */
    CODE_CONFIG = 1 << 1,       /* 104 */
    CODE_SELF = 1 << 2,         /* 110 */
    CODE_LOGGED = 1 << 3,       /* 170 */
    CODE_NOT_LOGGED = 1 << 4,   /* 171 */
    CODE_NOW_SHOWN = 1 << 5,    /* 172 */
    CODE_NOW_HIDDEN = 1 << 6,   /* 173 */
    CODE_CREATED = 1 << 7,      /* 201 */
    CODE_BANNED = 1 << 8,       /* 301 */
    CODE_NEW_NICK = 1 << 9,     /* 303 */
    CODE_KICKED = 1 << 10,      /* 307 */
    CODE_AFFILIATION = 1 << 11, /* 321 */
    CODE_MEMBERS = 1 << 12,     /* 322 */
    CODE_SHUTDOWN = 1 << 13,    /* 332 */
    CODE_PROBLEM = 1 << 14,     /* 333 */
};
struct room_note {
    struct xml x, item, destroy;
    unsigned codes;
    enum burble_role role;
    enum burble_affiliation affiliation;
};
void room_note_read(struct xml stanza, struct room_note *out);
bool room_role_read(struct slice name, enum burble_role *out);
bool room_affiliation_read(struct slice name, enum burble_affiliation *out);

/* room_stay.c */
void room_begin(struct burble_room *r);
void room_joined(struct burble_room *r, const struct room_note *note);
/* We are not in (any more). left->again is decided here. wait: the error says that it will pass. */
void room_out(struct burble_room *r, struct burble_room_left *left, bool wait);
void room_heard(struct burble_room *r);
/* Are we still in? Asked soon. */
void room_doubt(struct burble_room *r);
void room_online(struct burble_room *r, bool resumed);
void room_gone(struct burble_room *r);
int room_say_presence(struct burble_room *r, struct slice nick, struct slice type,
                      const char *status, bool join);
void room_timer(struct burble *c, struct client_timer *t);

/* room_presence.c */
void room_presence(struct burble_room *r, const struct stanza *s);

/* room_occupant.c: NULL: nobody of that nickname. */
struct occupant *occupant_find(const struct burble_room *r, struct slice nick);
/* NULL: there are too many, or no memory. */
struct occupant *occupant_add(struct burble_room *r, struct slice nick, bool always);
/* Takes over what presence says: which of SHOW, ROLE, AFFILIATION have changed. */
unsigned occupant_update(struct burble_room *r, struct occupant *o, const struct stanza *s,
                         const struct room_note *note);
int occupant_rename(struct burble_room *r, struct occupant *o, struct slice nick);
void occupant_remove(struct burble_room *r, struct occupant *o);
void occupants_clear(struct burble_room *r);
void occupants_forget_ids(struct burble_room *r);

/* room_message.c: false: it is for somebody else. */
bool room_message(struct burble_room *r, const struct stanza *s);

/* room_admin.c */
void room_asks_orphan(struct burble_room *r);
/* The change of our nickname that is under way, if any, has come to its end. */
void room_nick_done(struct burble_room *r, enum burble_iq_outcome outcome, struct xml answer);
void room_nick_late(struct burble *c, struct client_timer *t);

/* room_invite.c: true: it was an invitation. */
bool rooms_invitation(struct rooms *rooms, const struct stanza *s);
bool room_declined(struct burble_room *r, const struct stanza *s, struct xml x);

#endif
