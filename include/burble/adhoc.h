/** @file
 * Ad-hoc commands (XEP-0050): running what a service offers, step by step with forms; and offering
 * commands, which nobody does unless the program says so and says to whom.
 */
#ifndef BURBLE_ADHOC_H
#define BURBLE_ADHOC_H

#include "burble/disco.h"
#include "burble/form.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How far a command is. */
enum burble_adhoc_status {
    BURBLE_ADHOC_EXECUTING, /**< there is a further step */
    BURBLE_ADHOC_COMPLETED, /**< well or not: the notes say it */
    BURBLE_ADHOC_CANCELED,
};

/** As bits where several are meant. */
enum burble_adhoc_action {
    BURBLE_ADHOC_EXECUTE = 0, /**< what the other side takes for the default */
    BURBLE_ADHOC_PREV = 1,
    BURBLE_ADHOC_NEXT = 2,
    BURBLE_ADHOC_COMPLETE = 4,
    BURBLE_ADHOC_CANCEL = 8, /**< always permitted while there is a further step */
};

/** How serious a note is. */
enum burble_note_type { BURBLE_NOTE_INFO, BURBLE_NOTE_WARN, BURBLE_NOTE_ERROR };
/** A word about what came of a command. */
struct burble_adhoc_note {
    enum burble_note_type type; /**< how serious it is */
    const char *text;           /**< for people */
};

/* ------------------------------------------------------------------------------------- running */

/** Asks for the commands of an entity; node and name of the items are the commands. jid NULL: the
 * own server. What an entity says of the commands of others is left out (section 6). fn and result
 * as of burble_disco_items. */
BURBLE_API int burble_adhoc_list(struct burble *c, const char *jid, burble_disco_items_fn *fn,
                                 void *arg, uint64_t *handle_out);

/** A command that is being run. Freed by the program, with the client at the latest. */
struct burble_adhoc;

/** What came of a step. */
struct burble_adhoc_step {
    enum burble_iq_outcome outcome;        /**< with an error the step before still stands */
    struct burble_stanza_error error;      /**< when the outcome is no result */
    enum burble_adhoc_status status;       /**< is there a further step? */
    unsigned actions;                      /**< which are permitted now: bits */
    enum burble_adhoc_action execute;      /**< what BURBLE_ADHOC_EXECUTE stands for */
    const struct burble_adhoc_note *notes; /**< words about it */
    size_t note_count;                     /**< how many */
    /** To be filled in where it is, and sent with the next burble_adhoc_go; or the result. The
     * execution's, until the next step has come. NULL: none. */
    struct burble_form *form;
    const char *url;           /**< XEP-0066, not checked; NULL: none */
    struct burble_xml command; /**< all of it, until the callback returns */
};
/** What came of a step. */
typedef void burble_adhoc_fn(struct burble_adhoc *a, const struct burble_adhoc_step *step,
                             void *arg);

/** Begins. fn is called exactly once for this and for each burble_adhoc_go, never from inside of
 * them, unless burble_adhoc_free comes before. SYNTAX, LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_adhoc_run(struct burble *c, const char *jid, const char *node,
                                burble_adhoc_fn *fn, void *arg, struct burble_adhoc **out);
/** Goes on, with the form as it is filled in (PREV and CANCEL go without it). BUSY: the answer to
 * the step before has not come; REFUSED: the action is not permitted, or it is all over. */
BURBLE_API int burble_adhoc_go(struct burble_adhoc *a, enum burble_adhoc_action action);
/** Whose it is. */
BURBLE_API struct burble *burble_adhoc_client(const struct burble_adhoc *a);
/** Cancels what is not over. Harmless on NULL. */
BURBLE_API void burble_adhoc_free(struct burble_adhoc **a);

/* ------------------------------------------------------------------------------------ offering */

/** What somebody wants; all of it until the callback returns. */
struct burble_adhoc_call {
    const char *from;                /**< the full address */
    const char *from_bare;           /**< the bare one, which is the person's */
    const char *node;                /**< the command */
    const char *session;             /**< the same for all steps of one run */
    bool first;                      /**< the first step */
    enum burble_adhoc_action action; /**< what is wanted */
    const struct burble_form *form;  /**< what was filled in; NULL: nothing */
    struct burble_xml command;       /**< all of it */
};

/** What a command of ours answers. */
struct burble_adhoc_answer {
    enum burble_adhoc_status status; /**< EXECUTING: there is a further step */
    unsigned actions;                /**< which are permitted then; 0: COMPLETE alone */
    enum burble_note_type note_type; /**< of the note */
    const char *note;                /**< NULL: none */
    const struct burble_form *form;  /**< NULL: none */
};

/** May this address use the command? Asked at every step, and before it is listed. The bare address
 * is what counts for people; whoever trusts their server not at all may say no to everybody. */
typedef bool burble_adhoc_allow_fn(struct burble *c, const char *from, const char *node, void *arg);
/** Does it, and answers with burble_adhoc_answer before it returns; else the other side hears of an
 * internal error. A run that was cancelled is told once, with BURBLE_ADHOC_CANCEL, and answered by
 * the library. */
typedef void burble_adhoc_call_fn(struct burble *c, const struct burble_adhoc_call *call,
                                  void *arg);

/** Offers a command; allow and call are required. Those who may not are answered as if there were
 * no commands. call NULL takes it back. SYNTAX, EXISTS, LIMIT (100 commands), BUSY (within allow),
 * MEMORY. */
BURBLE_API int burble_adhoc_offer(struct burble *c, const char *node, const char *name,
                                  burble_adhoc_allow_fn *allow, burble_adhoc_call_fn *call,
                                  void *arg);
/** REFUSED: it is answered already. MEMORY. */
BURBLE_API int burble_adhoc_reply(struct burble *c, const struct burble_adhoc_call *call,
                                  const struct burble_adhoc_answer *answer);

#ifdef __cplusplus
}
#endif
#endif
