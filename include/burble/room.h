/** @file
 * Rooms: multi-user chat (XEP-0045), with direct invitations (0249), self-ping (0410) and occupant
 * ids (0421).
 *
 * A room is entered with burble_room_join and stays an object until burble_room_free, or until the
 * client is freed. It comes back by itself: after a session that was lost, after a restart of the
 * service, and when the service has forgotten us while the connection was away; what was said
 * meanwhile comes as history, without what was seen already.
 *
 * Who says something in a room is known by the room's word alone: its address and the nickname
 * behind it. What occupants claim about themselves (addresses, occupant ids where the room gives
 * none) is not passed on.
 */
#ifndef BURBLE_ROOM_H
#define BURBLE_ROOM_H

#include "burble/burble.h"
#include "burble/message.h"
#include "burble/presence.h"

#ifdef __cplusplus
extern "C" {
#endif

struct burble_room;

/** What somebody may do while in the room. */
enum burble_role {
    BURBLE_ROLE_NONE, /**< not in the room */
    BURBLE_VISITOR,   /**< may listen */
    BURBLE_PARTICIPANT,
    BURBLE_MODERATOR, /**< may kick, and give and take voice */
};
/** What somebody is to the room, in it or not. */
enum burble_affiliation {
    BURBLE_AFFILIATION_NONE,
    BURBLE_OUTCAST, /**< banned */
    BURBLE_MEMBER,
    BURBLE_ADMIN,
    BURBLE_OWNER,
};
/** "moderator", "owner": as in XEP-0045. */
BURBLE_API const char *burble_role_text(enum burble_role role);
/** "owner", as in XEP-0045. */
BURBLE_API const char *burble_affiliation_text(enum burble_affiliation affiliation);

/** Somebody in a room; lives until the next callback. */
struct burble_occupant {
    const char *nick; /**< the name in the room */
    const char *jid;  /**< real address, where the room shows it to us; NULL: it does not */
    const char *id;   /**< occupant id, stays the same over nicknames; NULL: the room gives none */
    enum burble_role role;               /**< what they may do */
    enum burble_affiliation affiliation; /**< what they are to the room */
    enum burble_show show;               /**< how available */
    const char *status;                  /**< NULL: none; cut at 512 bytes */
    bool self;                           /**< it is us */
};

/** Why we, or somebody else, are not in a room. */
enum burble_room_why {
    BURBLE_ROOM_LEFT, /**< on one's own account; others also when their connection broke */
    BURBLE_ROOM_KICKED,
    BURBLE_ROOM_BANNED,       /**< also: was banned before */
    BURBLE_ROOM_MEMBERS_ONLY, /**< the room is for its members */
    BURBLE_ROOM_DESTROYED,    /**< alternative may name another room */
    BURBLE_ROOM_SHUTDOWN,     /**< the service goes down */
    BURBLE_ROOM_PROBLEM,      /**< removed because stanzas to us came back */
    BURBLE_ROOM_LOST,         /**< our session ended */
    BURBLE_ROOM_FORGOTTEN,    /**< the room does not know us any more */
    BURBLE_ROOM_PASSWORD,     /**< it wants one, or another one */
    BURBLE_ROOM_NICK_TAKEN,
    BURBLE_ROOM_NICK_REFUSED, /**< a reserved nickname has to be used */
    BURBLE_ROOM_FULL,
    BURBLE_ROOM_NOT_FOUND,   /**< it does not exist, or is being set up by its owner */
    BURBLE_ROOM_NOT_ALLOWED, /**< rooms may not be made here by everybody */
    BURBLE_ROOM_UNREACHABLE, /**< there is no such service, or it does not answer */
    BURBLE_ROOM_REFUSED,     /**< anything else; condition says what */
};
/** One sentence for people, "the room wants a password". */
BURBLE_API const char *burble_room_why_text(enum burble_room_why why);

/** We are in. */
struct burble_room_joined {
    const char *nick; /**< ours; may be another than was asked for */
    bool again;       /**< it came back by itself */
    bool created;     /**< we made the room; locked until it is configured
                           (burble_room_accept_defaults), unless BURBLE_ROOM_INSTANT is set */
    bool shows_jids;  /**< everybody sees our real address */
    bool logged;      /**< what is said can be read in public */
    size_t occupants; /**< burble_room_next lists them */
};
/** We are not in, or did not come in. */
struct burble_room_left {
    enum burble_room_why why;         /**< why not */
    const char *text;                 /**< one sentence for people */
    const char *reason;               /**< somebody's words; NULL: none */
    const char *actor;                /**< nickname or address of who did it; NULL: not told */
    const char *condition;            /**< of a stanza error, "conflict"; NULL: it was none */
    const char *alternative;          /**< where to go after a room was destroyed; NULL: nowhere */
    const char *alternative_password; /**< of that room; NULL: none */
    bool again; /**< it will be tried again without our doing; else the room is idle until
                     burble_room_enter */
};

/** What has changed about somebody; bits. */
enum burble_occupant_change {
    BURBLE_OCCUPANT_JOINED = 1,
    BURBLE_OCCUPANT_LEFT = 2,
    BURBLE_OCCUPANT_NICK = 4,
    BURBLE_OCCUPANT_SHOW = 8, /**< show or status */
    BURBLE_OCCUPANT_ROLE = 16,
    BURBLE_OCCUPANT_AFFILIATION = 32,
};
/** Somebody in the room is not as before. */
struct burble_room_change {
    unsigned what;                              /**< enum burble_occupant_change, several */
    const struct burble_occupant *occupant;     /**< as it is now; who left: as it was */
    const char *nick_before;                    /**< with NICK */
    enum burble_role role_before;               /**< with ROLE */
    enum burble_affiliation affiliation_before; /**< with AFFILIATION */
    enum burble_room_why why;                   /**< with LEFT */
    const char *reason;                         /**< somebody's words; NULL: none */
    const char *actor; /**< nickname or address of who did it; NULL: not told */
};

/** Something was said in the room. */
struct burble_room_message {
    const struct burble_message *message;   /**< type BURBLE_MESSAGE_ERROR: one of ours came back */
    const char *nick;                       /**< who said it; NULL: the room itself */
    const struct burble_occupant *occupant; /**< who that is now; NULL: the room, not there any
                                                 more, or cannot be told (history without ids) */
    bool own;                               /**< we said it ourselves: never answer it */
    bool history;                           /**< it was said before we came */
    bool private_;                          /**< to us alone */
};

/** All may be NULL. */
struct burble_room_handlers {
    /** We are in. */
    void (*joined)(struct burble_room *room, const struct burble_room_joined *joined, void *arg);
    /** We are not in any more, or did not come in. */
    void (*left)(struct burble_room *room, const struct burble_room_left *left, void *arg);
    /** Not for those who were there before us: burble_room_next lists them. */
    void (*changed)(struct burble_room *room, const struct burble_room_change *change, void *arg);
    /** NULL: messages come as BURBLE_EVENT_MESSAGE. */
    void (*message)(struct burble_room *room, const struct burble_room_message *message, void *arg);
    /** subject "": none. nick NULL: not told. first: it comes with joining. */
    void (*subject)(struct burble_room *room, const char *subject, const char *nick, bool first,
                    void *arg);
    /** The configuration has changed. shows_jids -1: as before, 0: no more, 1: from now on; logged
     * likewise. */
    void (*configured)(struct burble_room *room, int shows_jids, int logged, void *arg);
    /** Whom we invited does not come. reason NULL: none. */
    void (*declined)(struct burble_room *room, const char *jid, const char *reason, void *arg);
};

/** How a room is entered and kept. */
enum burble_room_flag {
    BURBLE_ROOM_STRICT_NICK = 1, /**< a nickname that is taken is the end; else "_" is added */
    BURBLE_ROOM_NO_REJOIN = 2,   /**< does not come back by itself */
    BURBLE_ROOM_INSTANT = 4,     /**< if we make it, take the service's default configuration */
};

/** Begin with BURBLE_ROOM_CONFIG. All is copied. What is zero has its default. */
struct burble_room_config {
    size_t size;              /**< set by the macro */
    const char *nick;         /**< NULL: the localpart of the own address */
    const char *password;     /**< NULL: none */
    unsigned flags;           /**< enum burble_room_flag */
    int history_max;          /**< messages; 0: as many as the room gives; negative: none */
    int64_t history_since_ms; /**< none before that; 0: no such limit */
    uint32_t silence_ms;      /**< nothing came for so long: are we still in? 900,000 (XEP-0410) */
    struct burble_room_handlers handlers; /**< who hears of it */
    void *arg;                            /**< the program's, given to each callback */
};
/** A configuration: what is named is set, the rest is zero. */
#define BURBLE_ROOM_CONFIG(...) BURBLE_MAKE(burble_room_config, __VA_ARGS__)

/** Enters a room, "talk@rooms.example.org", now or when there is a session; config NULL: all
 * defaults, and nobody hears of it. joined or left tells what became of it. At most 1,000 rooms; a
 * room keeps 10,000 occupants. EXISTS: there is an object for this room; SYNTAX: no address of a
 * room, no nickname; LIMIT, MEMORY: *out is NULL. */
BURBLE_API int burble_room_join(struct burble *c, const char *room,
                                const struct burble_room_config *config, struct burble_room **out);
/** Again, after left without again; nick and password NULL: as before. BUSY: it is in, or on its
 * way; SYNTAX, MEMORY. */
BURBLE_API int burble_room_enter(struct burble_room *room, const char *nick, const char *password);
/** Goes out; left tells when, at most 10 s later. status NULL: no last words. BUSY: it is not in.
 */
BURBLE_API int burble_room_leave(struct burble_room *room, const char *status);
/** Goes out, if in, and forgets the room: nothing of it is called any more. Harmless on NULL. */
BURBLE_API void burble_room_free(struct burble_room **room);

/** Where we are with a room. */
enum burble_room_state {
    BURBLE_ROOM_OUTSIDE,
    BURBLE_ROOM_WAITING, /**< for a session, or for the next try */
    BURBLE_ROOM_JOINING,
    BURBLE_ROOM_INSIDE,
    BURBLE_ROOM_LEAVING,
};
/** Where we are with it. */
BURBLE_API enum burble_room_state burble_room_state(const struct burble_room *room);
/** Its address. */
BURBLE_API const char *burble_room_jid(const struct burble_room *room);
/** Ours, as the room has it. */
BURBLE_API const char *burble_room_nick(const struct burble_room *room);
/** "" when there is none. */
BURBLE_API const char *burble_room_subject(const struct burble_room *room);
/** Whose it is. */
BURBLE_API struct burble *burble_room_client(const struct burble_room *room);
/** Id in the room's archive of the last message that came, for burble_archive_catch_up; NULL. */
BURBLE_API const char *burble_room_last_id(const struct burble_room *room);

/** How many are in it, we among them. */
BURBLE_API size_t burble_room_occupants(const struct burble_room *room);
/** In the order in which they came; NULL first, NULL at the end. */
BURBLE_API const struct burble_occupant *burble_room_next(const struct burble_room *room,
                                                          const struct burble_occupant *occupant);
/** The one with this nickname; NULL: nobody. */
BURBLE_API const struct burble_occupant *burble_room_occupant(const struct burble_room *room,
                                                              const char *nick);

/** Says it to all. While the connection is away it waits, and is said once we are in again. The
 * rest as burble_say; REFUSED: we are not in and do not come back by ourselves. */
BURBLE_API int burble_room_say(struct burble_room *room, const char *body,
                               const struct burble_message_options *options, uint64_t *ticket_out,
                               char *id_out);
/** To one of them alone. As burble_room_say; SYNTAX: nobody can have this nickname. */
BURBLE_API int burble_room_say_to(struct burble_room *room, const char *nick, const char *body,
                                  const struct burble_message_options *options,
                                  uint64_t *ticket_out, char *id_out);
/** "": none. The room tells all, us too; refused: an error comes as a message. REFUSED, SYNTAX,
 * LIMIT, MEMORY. */
BURBLE_API int burble_room_set_subject(struct burble_room *room, const char *subject);
/** Tells the room what burble_set_presence has set; new rooms are told by themselves. REFUSED: we
 * are not in; MEMORY. */
BURBLE_API int burble_room_announce(struct burble_room *room);

/** What became of a request to a room. */
struct burble_room_result {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< when the outcome is no result */
    const char *text;                 /**< one sentence for people; "" when it is done */
    struct burble_xml payload;        /**< of the answer */
};
/** Called exactly once, never from inside of the request, and not after burble_room_free. May be
 * NULL. Every request may answer OFFLINE, SYNTAX, LIMIT, MEMORY; then it is not called. */
typedef void burble_room_done_fn(struct burble_room *room, const struct burble_room_result *result,
                                 void *arg);

/** Takes another nickname. BUSY: one change is under way; OFFLINE, SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_room_set_nick(struct burble_room *room, const char *nick,
                                    burble_room_done_fn *fn, void *arg);
/** Gives somebody another role; BURBLE_ROLE_NONE kicks. reason NULL: none. OFFLINE, SYNTAX, LIMIT,
 * MEMORY. */
BURBLE_API int burble_room_set_role(struct burble_room *room, const char *nick,
                                    enum burble_role role, const char *reason,
                                    burble_room_done_fn *fn, void *arg);
/** Gives somebody another affiliation; BURBLE_OUTCAST bans. jid: the real, bare address. As
 * burble_room_set_role. */
BURBLE_API int burble_room_set_affiliation(struct burble_room *room, const char *jid,
                                           enum burble_affiliation affiliation, const char *reason,
                                           burble_room_done_fn *fn, void *arg);
/** Somebody with an affiliation. */
struct burble_room_item {
    const char *jid;                     /**< NULL: not told */
    const char *nick;                    /**< NULL: not told, or none */
    enum burble_affiliation affiliation; /**< what they are to the room */
    enum burble_role role;               /**< what they may do now */
    const char *reason;                  /**< why; NULL: not told */
};
/** One of those who were asked for. */
typedef void burble_room_item_fn(struct burble_room *room, const struct burble_room_item *item,
                                 void *arg);
/** Asks who has this affiliation: item for each, fn last. OFFLINE, LIMIT, MEMORY. */
BURBLE_API int burble_room_list(struct burble_room *room, enum burble_affiliation affiliation,
                                burble_room_item_fn *item, burble_room_done_fn *fn, void *arg);

/** Asks for the configuration; for owners. The payload of the answer has the form (burble/form.h).
 * OFFLINE, LIMIT, MEMORY. */
BURBLE_API int burble_room_get_config(struct burble_room *room, burble_room_done_fn *fn, void *arg);
/** A field of the configuration, "muc#roomconfig_membersonly", and its value, "1". */
struct burble_room_setting {
    const char *name;  /**< of the field */
    const char *value; /**< as text */
};
/** Sets these fields and leaves the rest; those without a value are skipped. OFFLINE, SYNTAX, LIMIT
 * (64 fields), MEMORY. */
BURBLE_API int burble_room_configure(struct burble_room *room,
                                     const struct burble_room_setting *settings, size_t count,
                                     burble_room_done_fn *fn, void *arg);
/** Submits a whole form as text (burble_form_submission). OFFLINE, SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_room_set_config(struct burble_room *room, const char *form,
                                      burble_room_done_fn *fn, void *arg);
/** Opens a room that we have made to others, as the service configures it (instant room). OFFLINE,
 * LIMIT, MEMORY. */
BURBLE_API int burble_room_accept_defaults(struct burble_room *room, burble_room_done_fn *fn,
                                           void *arg);
/** Ends the room for all. alternative: address of the room to go to; NULL: none. left follows when
 * we are in. OFFLINE, SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_room_destroy(struct burble_room *room, const char *reason,
                                   const char *alternative, burble_room_done_fn *fn, void *arg);

/* -------------------------------------------------------------------------------- invitations */

/** Somebody invites us. */
struct burble_invitation {
    const char *room;     /**< where to */
    const char *from;     /**< who invites; of mediated ones: as the room says */
    const char *reason;   /**< NULL: none */
    const char *password; /**< NULL: none */
    const char *thread;   /**< the conversation that goes on there; NULL: none */
    bool direct;          /**< from the person itself (XEP-0249), else through the room */
};
/** Somebody invites us. */
typedef void burble_invitation_fn(struct burble *c, const struct burble_invitation *invitation,
                                  void *arg);
/** Invitations go to fn from now on; else they are messages as others are. NULL takes it back.
 * Nothing is answered by itself. MEMORY. */
BURBLE_API int burble_on_invitation(struct burble *c, burble_invitation_fn *fn, void *arg);
/** Invites. direct: from us to them, with the room's password if we have one; else through the
 * room, which may refuse (an error comes as a message) and lets members in. SYNTAX, LIMIT, MEMORY,
 * REFUSED: mediated, and we are not in. */
BURBLE_API int burble_room_invite(struct burble_room *room, const char *jid, const char *reason,
                                  bool direct);
/** Says no to a mediated invitation; there is no word for it to direct ones. SYNTAX, LIMIT, MEMORY.
 */
BURBLE_API int burble_invitation_decline(struct burble *c, const char *room, const char *from,
                                         const char *reason);

#ifdef __cplusplus
}
#endif
#endif
