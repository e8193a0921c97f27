/* Parts of `burble bot`: who may say what and how often, and what becomes of it. */
#ifndef BURBLE_BOT_H
#define BURBLE_BOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "burble/message.h"
#include "burble/room.h"
#include "burble/session.h"

enum {
    BOT_TIME_S = 10,
    BOT_OUTPUT_BYTES = 65536,
    BOT_RATE = 60,       /* messages of one address in a minute */
    BOT_PARALLEL = 4,    /* commands at a time */
    BOT_QUEUE_MAX = 100, /* that wait */
    BOT_AGE_S = 3600,
    BOT_COMMANDS_MAX = 60,              /* options are 64 at most */
    BOT_BODY_BYTES_MAX = 65536,         /* of a message for --exec */
    BOT_REPLY_BYTES_MAX = 131072,       /* of an answer as it is written in XML */
    BOT_PEERS_MAX = 100000,             /* whose messages are counted */
    BOT_PENDING_BYTES_MAX = 384 * 1024, /* of messages that are not answered yet */
};

struct bot;

/* A message that came, and where an answer goes. */
struct bot_said {
    const struct burble_message *message;
    const char *text;  /* for the bot: the body, without its name in front */
    const char *to;    /* of the answer */
    const char *who;   /* bare address that must be allowed */
    const char *place; /* another one that is enough: the room's; NULL: none */
    const char *nick;  /* in a room; NULL: it was not said in one */
    bool overheard;    /* it was not said to the bot: nothing is answered by the bot itself */
};

/* ----------------------------------------------------------------------------------- bot_rules.c
 */

struct bot_rules {
    char **allowed; /* bare addresses, prepared */
    size_t allowed_count;
    bool all; /* nobody is named: everybody may */
    unsigned rate, age_s;
    struct hash_key key;
    struct hmap seen; /* struct bot_peer by bare address */
    uint64_t swept_ms;
};

enum bot_verdict {
    BOT_YES,
    BOT_NEVER,    /* no news: an error, an echo, a copy, old; nothing is said */
    BOT_DENIED,   /* this address may not */
    BOT_TOO_MANY, /* the first beyond the limit: it is said once */
    BOT_SILENT,   /* further ones */
};
/* The rules that the options say: 0, or EXIT_USAGE having said why. bot_rules_free in any case. */
int bot_rules_init(struct bot_rules *r, struct app *app);
/* own: the full address of the bot. */
enum bot_verdict bot_judge(struct bot_rules *r, const struct bot_said *said, const char *own,
                           uint64_t now_ms, int64_t wall_ms);
/* Is this address, or the place that it is at (NULL: none), named? */
bool bot_allows(const struct bot_rules *r, const char *who, const char *place);
void bot_rules_free(struct bot_rules *r);

/* ------------------------------------------------------------------------------------ bot_text.c
 */

/* What a program printed as the text of a message: no characters that XML cannot carry, no white
 * space at the end, and cut (" ...") where its XML would be longer than xml_max bytes.
 * NUL-terminated, appended. */
void bot_clean(struct slice in, size_t xml_max, struct buf *out);

/* What a message in a room says to nick: "nick: text", "nick, text", "@nick text" or "nick" alone;
 * the case does not matter. NULL: it is not for it. A part of body. */
const char *bot_addressed(const char *body, const char *nick);

/* --------------------------------------------------------------------------------- bot_pending.c
 */

/* What was heard and is not answered yet; the next process goes on with it. */
struct bot_pending {
    struct list link;
    bool again; /* of the process before, and not yet handed to the mode */
    enum burble_message_type type;
    int64_t time_ms;
    char *to, *who, *place, *text; /* as in struct bot_said */
    char *line;                    /* as a filter reads it; NULL: there is none */
};

/* Noted, until bot_pending_done. line may be none. */
struct bot_pending *bot_pending_add(struct bot *b, const struct bot_said *said, struct slice line);
/* Is there no room for so many bytes more? */
bool bot_pending_full(const struct bot *b, size_t more);
/* It was answered, or never will be. To be saved. */
void bot_pending_done(struct bot *b, struct bot_pending *p);
/* Saves, if something is to be saved: what was said before and what is done, at once. Before the
 * loop goes on. */
void bot_pending_save(struct bot *b);
/* Into the state that is about to be saved. */
void bot_pending_keep(struct bot *b);
/* Out of it; after session_open. */
void bot_pending_load(struct bot *b);
/* What was loaded is handed to the mode: that of a room, once the bot is in it, or (NULL) what is
 * of none. */
void bot_pending_again(struct bot *b, const char *room);
void bot_pending_free(struct bot *b);

/* ------------------------------------------------------------------------------------ bot_room.c
 */

/* Enters what --room names: 0 or an exit code, having said why. */
int bot_rooms_join(struct bot *b);
void bot_rooms_leave(struct bot *b);
/* Is this the address of a room of ours, or of somebody in it? */
bool bot_in_room(const struct bot *b, const char *to);
/* As burble_say, or in the room that the address is or is in. */
int bot_say(struct bot *b, const char *to, const char *body,
            const struct burble_message_options *o);
/* Answers, in words that were cleaned. 0, or what bot_say says, having said so. */
int bot_reply(struct bot *b, const char *to, enum burble_message_type type, const char *body);

/* --------------------------------------------------------------------------------------- the modes
 * bot_exec.c: a command per message. bot_filter.c: one program for all. */
struct bot_mode {
    /* Reads the command line; 0 or an exit code. end in any case. */
    int (*begin)(struct bot *b, int argc, char **argv);
    /* There is a loop. NULL: nothing is to be done then. */
    int (*start)(struct bot *b);
    void (*message)(struct bot *b, const struct bot_said *said);
    /* The same, with what the process before had not answered. */
    void (*again)(struct bot *b, struct bot_pending *p);
    bool reads_on; /* what it was handed it deals with even when the bot ends in order */
    /* The server took an answer. May be NULL. */
    void (*sent)(struct bot *b);
    void (*end)(struct bot *b);
};
extern const struct bot_mode BOT_EXEC, BOT_FILTER;

struct bot {
    struct app *app;
    struct session *session;
    struct bot_rules rules;
    const struct bot_mode *mode;
    void *work; /* the mode's */
    unsigned time_s, size, parallel;
    struct burble_room *rooms[OPTIONS_MAX];
    size_t room_count;
    bool all; /* what is said in rooms is all for the bot */
    struct list pending;
    size_t pending_count, pending_bytes;
    bool unsaved; /* something was done since the last save */
};

/* bot_filter.c: the type of this name; false: there is none. */
bool bot_type(const char *name, enum burble_message_type *out);

/* cmd_bot.c: judges what was said, and hands it to the mode. */
void bot_heard(struct bot *b, const struct bot_said *said);

#endif
