/* Parts of `burble bridge`: between a microblog that speaks HTTP and XMPP (S7). */
#ifndef BURBLE_BRIDGE_H
#define BURBLE_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "burble/bot.h"
#include "burble/http.h"
#include "burble/session.h"
#include "burble/state.h"

enum {
    BRIDGE_POLL_S = 60,
    BRIDGE_TEXT_BYTES_MAX = 65536,
    BRIDGE_QUEUE_MAX = 100,
    BRIDGE_POSTS_MAX = 40, /* of one look at the timeline */
    BRIDGE_TO_MAX = 16,    /* 40 posts to 16 people fit into the queue of a client */
    BRIDGE_OWN_MAX = 100,  /* ids of own posts that are remembered */
    BRIDGE_ID_BYTES = 49,  /* with more around it still the id of a stanza */
    BRIDGE_KEY_BYTES = 33,
    BRIDGE_RETRY_FIRST_S = 5,
    BRIDGE_RETRY_MAX_S = 600,
};

/* -----------------------------------------------------------------------------------
 * bridge_plain.c
 */

/* The text of a piece of HTML: paragraphs and breaks are lines, everything else in tags is left
 * out, entities are characters. Pure; never fails, whatever it is given. Appended, not
 * NUL-terminated. */
void bridge_plain(struct slice html, struct buf *out);

/* ----------------------------------------------------------------------------------- bridge_blog.c
 * Two styles: Twitter's, "statuses/update.json" with a user and a password (Basic), and Mastodon's,
 * "api/v1/statuses" with a token (bearer). */

enum blog_style { BLOG_MASTODON, BLOG_TWITTER };

struct blog {
    enum blog_style style;
    struct http *http;
    char *url; /* of the API's root, without a slash at its end */
    char *user;
    const char *timeline;
    struct buf secret; /* NUL-terminated */
    const char *visibility;
};

struct blog_post {
    char id[BRIDGE_ID_BYTES];
    char *author, *name, *text, *link; /* on the heap; any but author and text may be NULL */
};

enum blog_outcome {
    BLOG_DONE,
    BLOG_LATER,   /* trying again may help: no way there, too many requests, its fault */
    BLOG_LOGIN,   /* the same, when the secret is right */
    BLOG_STRANGE, /* what answers is no microblog; later, too */
    BLOG_REFUSED, /* never */
};

struct blog_result {
    enum blog_outcome outcome;
    char why[256]; /* for people; "" with DONE */
    uint32_t retry_after_s;
    struct blog_post *posts; /* what was posted; what is new, the oldest first */
    size_t count;
};
typedef void blog_done_fn(const struct blog_result *r, void *arg);

struct blog_call;
/* Posts. key: the same for every attempt of the same text. fn is called once, never from inside of
 * this, unless blog_cancel comes before. 0 or ERR_MEMORY, ERR_SYNTAX. */
int blog_post(struct blog *b, const char *text, const char *key, blog_done_fn *fn, void *arg,
              struct blog_call **out);
/* What is in the timeline behind since, or its last post when since is "". */
int blog_look(struct blog *b, const char *since, blog_done_fn *fn, void *arg,
              struct blog_call **out);
void blog_cancel(struct blog_call **c);
/* Is it one that a microblog may give? */
bool blog_good_id(const char *id);
/* Is id a newer than b? "" is the oldest. */
bool blog_newer(const char *a, const char *b);

/* What an answer says. Pure but for the heap; blog_result_free in any case. */
void blog_read(enum blog_style style, bool many, const struct http_answer *a,
               struct blog_result *out);
void blog_result_free(struct blog_result *r);

/* ---------------------------------------------------------------------------------- bridge_queue.c
 * What is not done yet, and what was seen: kept over restarts. */

struct bridge_item {
    struct list link;
    char key[BRIDGE_KEY_BYTES];
    char *text;
    char *from;     /* who is told; NULL: nobody */
    char *to;       /* it is a message for this address, and nothing else; NULL: it is none */
    bool under_way; /* that message */
    bool for_blog, for_pep;
    bool told; /* that it takes time */
};

struct bridge_queue {
    struct app *app;
    struct state state;
    struct list items;
    size_t count;
    char since[BRIDGE_ID_BYTES];               /* newest post that was seen; "": none yet */
    char own[BRIDGE_OWN_MAX][BRIDGE_ID_BYTES]; /* a ring */
    size_t own_next;
    char *status; /* text of the last status */
};

/* The queue of the account and this microblog: texts that wait for one are not posted to another,
 * and the ids of one say nothing of another. 0 or an exit code, having said why.
 * bridge_queue_close in any case. */
int bridge_queue_open(struct app *app, const struct blog *blog, struct bridge_queue *q);
/* NULL: the queue is full. */
struct bridge_item *bridge_queue_add(struct bridge_queue *q, const char *text, const char *from);
void bridge_queue_remove(struct bridge_queue *q, struct bridge_item **item);
void bridge_queue_own(struct bridge_queue *q, const char *id);
bool bridge_queue_is_own(const struct bridge_queue *q, const char *id);
void bridge_queue_set_status(struct bridge_queue *q, const char *text);
/* 0 or an exit code, having said why. */
int bridge_queue_save(struct bridge_queue *q);
void bridge_queue_close(struct bridge_queue *q);
/* The state as text and back, for the tests and the fuzzer. Appended; false: it is none, and q is
 * as it was before or has a part of it. */
void bridge_queue_write(const struct bridge_queue *q, struct buf *out);
bool bridge_queue_read(struct bridge_queue *q, struct slice text);

/* ----------------------------------------------------------------------------------- bridge_pump.c
 * Texts on their way to the microblog, one at a time and in order; and to PEP. */

struct bridge {
    struct app *app;
    struct session *session;
    struct blog blog;
    struct bridge_queue queue;
    /* An item was posted, refused, or has to wait: it is removed behind this where it is done. */
    void (*told)(struct bridge *b, struct bridge_item *i, const struct blog_result *r);
    void (*pep_failed)(struct bridge *b, const char *why);
    /* Nothing is under way any more: it is all done, or waits. */
    void (*idle)(struct bridge *b);
    bool stopping;              /* nothing new is begun */
    bool once;                  /* what fails waits for the next run */
    struct blog_call *call;     /* open request */
    char key[BRIDGE_KEY_BYTES]; /* of the item that it posts */
    uint32_t wait_s;            /* before the next try; 0: the last one went well */
    uint64_t alarm;             /* of it */
    size_t pep_open;            /* requests */
    size_t messages_open;
    void *work; /* the mode's */
};

/* Starts what can be started. */
void bridge_pump(struct bridge *b);
/* Publishes what is for PEP; there is a session. */
void bridge_publish(struct bridge *b);
/* Sends the messages that wait; and what became of one. */
void bridge_send(struct bridge *b);
void bridge_sent(struct bridge *b, const struct burble_sent_event *e);
/* Stops all of it; what is not done stays in the queue. */
void bridge_stop(struct bridge *b);
/* How long to wait after a failure: doubled up to BRIDGE_RETRY_MAX_S, or what the other side said.
 */
uint32_t bridge_backoff(uint32_t before_s, uint32_t said_s);

/* --------------------------------------------------------------------------- bridge_command.c */

/* What both commands read of the command line: 0 or an exit code, having said why. bridge_close in
 * any case. */
int bridge_open(struct app *app, struct bridge *b);
/* There is a loop: requests can be made. */
int bridge_begin(struct bridge *b, struct session *s);
void bridge_close(struct bridge *b);
/* The exit code of an outcome. */
int bridge_code(enum blog_outcome outcome);
/* Addresses of --to: at most BRIDGE_TO_MAX. 0 or EXIT_USAGE, having said why. */
int bridge_read_to(struct app *app, const char *to[BRIDGE_TO_MAX], size_t *count_out);

#endif
