/* One connected account for a command: the client, its loop, signals, what is kept for the next
 * run.
 *
 *   static void online(struct session *s, bool resumed) { ... burble_say(s->client, ...); }
 *   static const struct session_ops OPS = {.online = online};
 *
 *   struct session s;
 *   int status = session_open(app, &OPS, &mine, NULL, &s);
 *   if (status == 0)
 *       status = session_run(&s);      // until session_end
 *   session_close(&s);
 *   return status;
 *
 * What ends a session for good (a wrong password, a bad certificate, no way there for a command
 * that does not come back) is said on standard error and becomes the exit code. */
#ifndef BURBLE_SESSION_H
#define BURBLE_SESSION_H

#include "burble/app.h"
#include "burble/burble_loop.h"
#include "burble/message.h"
#include "burble/presence.h"

struct session;

/* All may be NULL. */
struct session_ops {
    /* A session stands. */
    void (*online)(struct session *s, bool resumed);
    /* It is lost, and is being made again (only with .stay). */
    void (*offline)(struct session *s, const struct burble_state_event *e);
    void (*message)(struct session *s, const struct burble_message *m);
    void (*presence)(struct session *s, const struct burble_presence *p);
    void (*sent)(struct session *s, const struct burble_sent_event *e);
    void (*stanza)(struct session *s, struct burble_xml stanza);
    /* The second signal: the process is about to end, whatever is open. */
    void (*hurry)(struct session *s);
    /* Every event, before all of the above. */
    void (*event)(struct session *s, const struct burble_event *e);
    /* The state is about to be saved: the time for burble_keep. */
    void (*saving)(struct session *s);
};

struct session_options {
    bool stay;           /* comes back after a loss; else a loss ends the command */
    bool leaves;         /* ends its session: a person has gone; else it is kept to be resumed */
    unsigned flags;      /* further enum burble_flag */
    const char *purpose; /* of the saved state (burble/state.h), "listen"; NULL: none is kept, and
                            no stream management is asked for */
    bool sure;           /* with purpose: the server is told of what came when it is saved, so that
                            nothing is lost however the process ends */
    bool silent;         /* nothing on standard error while it runs: the screen is the command's */
    struct slice password; /* the account's; ptr NULL: what app_password finds */
    unsigned online_ms;    /* how long the way to the session may take; 0: 30,000 */
};

struct session {
    struct app *app;
    const struct session_ops *ops;
    void *arg;
    struct burble_loop *loop;
    struct burble *client;
    struct session_options options;
    struct session_inside *inside;
    int status; /* of session_end, or of what ended it */
    bool ending;
};

/* Makes loop and client of app->account, with its password, and connects. o may be NULL. 0 or an
 * exit code, having said why; session_close in any case. */
int session_open(struct app *app, const struct session_ops *ops, void *arg,
                 const struct session_options *o, struct session *out);
/* Saves what there is to be known in the next run, where there is a purpose: beside the times at
 * which it is done anyway, when something was said that is not to be said twice. */
void session_save(struct session *s);
/* Runs until it has ended; the exit code. */
int session_run(struct session *s);
/* The same, with turn called whenever something may have happened. */
int session_run_with(struct session *s, void (*turn)(void *arg), void *arg);
/* With .silent: says why it ended, where that is worth a word. */
void session_say_end(const struct session *s);
/* Ends the session in order: what waits is sent first. The first code counts. */
void session_end(struct session *s, int code);
void session_close(struct session *s);

/* The option --tls, for the library. */
enum burble_security session_security(enum account_tls tls);
/* What is said of an account whose connection will be unsafe. */
void session_warn(const struct account *a);
/* What a reason is as an exit code. */
int session_exit_code(enum burble_why why);

/* The answer to a request was no: says what and why, and ends with EXIT_REFUSED. what: "the
 * roster".
 */
void session_refused(struct session *s, const char *what, enum burble_iq_outcome outcome,
                     const struct burble_stanza_error *error);
/* "bob@example.org: " and session_error_text, as an error. */
void session_say_error(const char *who, const struct burble_stanza_error *error);

/* "the server does not know the address (item-not-found): text" in words; appended. */
struct buf;
void session_error_text(const struct burble_stanza_error *e, struct buf *out);

#endif
