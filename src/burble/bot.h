/* Parts of `burble bot`: who may say what and how often, and what becomes of it. */
#ifndef BURBLE_BOT_H
#define BURBLE_BOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "burble/message.h"
#include "burble/session.h"

enum {
    BOT_TIME_S = 10,
    BOT_OUTPUT_BYTES = 65536,
    BOT_RATE = 60,       /* messages of one address in a minute */
    BOT_PARALLEL = 4,    /* commands at a time */
    BOT_QUEUE_MAX = 100, /* that wait */
    BOT_AGE_S = 3600,
    BOT_WORDS_MAX = 256,
    BOT_COMMANDS_MAX = 100,
};

/* bot_rules.c */
struct bot_rules {
    const struct options *options; /* --allow, repeated */
    bool all;                      /* nobody is named: everybody may */
    unsigned rate, age_s;
    struct hash_key key;
    struct hmap seen; /* struct bot_peer by bare address */
};

enum bot_verdict {
    BOT_YES,
    BOT_NEVER,    /* no news: an error, an echo, a copy, old; nothing is said */
    BOT_DENIED,   /* this address may not */
    BOT_TOO_MANY, /* the first beyond the limit: it is said once */
    BOT_SILENT,   /* further ones */
};
int bot_rules_init(struct bot_rules *r, struct app *app);
enum bot_verdict bot_judge(struct bot_rules *r, const struct burble_message *m, const char *own,
                           uint64_t now_ms, int64_t wall_ms);
void bot_rules_free(struct bot_rules *r);

/* bot_words.c: a message as words for a program, without a shell. Words are separated by white
 * space; '...' and "..." hold together, a backslash takes the next character as it is (not within
 * '...'). NULL: quotes that are not closed, or too many words. Freed with bot_words_free. */
struct bot_words {
    char **argv; /* ended by NULL */
    size_t count;
    char *memory;
};
bool bot_words_split(struct slice text, struct bot_words *out);
void bot_words_free(struct bot_words *w);

/* What a program printed as the text of a message: no characters that XML cannot carry, no empty
 * lines at the end. NUL-terminated, appended. */
void bot_clean(struct slice in, struct buf *out);

/* Answers to the sender, or to the room for what was said in one. */
int bot_reply(struct session *s, const char *to, enum burble_message_type type, const char *body);

/* bot_exec.c: a command per message. bot_filter.c: one program for all. */
struct bot;
struct bot_mode {
    int (*begin)(struct bot *b, int argc, char **argv);
    void (*message)(struct bot *b, const struct burble_message *m);
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
};

#endif
