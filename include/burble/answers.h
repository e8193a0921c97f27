/** @file
 * Small questions between entities, both ways: ping (XEP-0199), software version (XEP-0092), time
 * (XEP-0202), last activity (XEP-0012).
 */
#ifndef BURBLE_ANSWERS_H
#define BURBLE_ANSWERS_H

#include "burble/disco.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Answers all of them, and service discovery, to those who may know that we are here
 * (burble_set_tell); others get service-unavailable. What the program answers itself
 * (burble_on_request) is left to it. The version is that of the configuration, with the system only
 * if that names it; the time is UTC, so that nobody learns the time zone. There are no answers
 * without this call, and no other remote access with it: commands (XEP-0050) are offered only by a
 * program that does so itself. MEMORY. */
BURBLE_API int burble_answer_usual(struct burble *c);
/** A person did something just now: what last activity counts from. Until the first call, and while
 * it is not used: from burble_answer_usual. */
BURBLE_API void burble_touch(struct burble *c);

/** An answer to a ping. */
struct burble_pong {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< when the outcome is no result */
    const char *from;                 /**< who answered */
    bool there;                       /**< it answered, be it that it knows no ping */
    uint32_t rtt_ms;                  /**< until the answer */
};
/** Gets the answer. */
typedef void burble_pong_fn(struct burble *c, const struct burble_pong *pong, void *arg);
/** jid NULL: the own server. timeout_ms 0: 30,000. In these four fn is called exactly once, never
 * from inside of the call, unless burble_cancel comes before (handle_out NULL: not wanted). SYNTAX,
 * LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_ping(struct burble *c, const char *jid, uint32_t timeout_ms,
                           burble_pong_fn *fn, void *arg, uint64_t *handle_out);

/** An answer about the software. */
struct burble_software {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< when the outcome is no result */
    const char *from;                 /**< who answered */
    const char *name;                 /**< of the software; NULL: not told */
    const char *version;              /**< NULL: not told */
    const char *os;                   /**< the system; NULL: not told */
};
/** Gets the answer. */
typedef void burble_software_fn(struct burble *c, const struct burble_software *software,
                                void *arg);
/** Asks what software somebody uses (XEP-0092). As burble_ping. */
BURBLE_API int burble_version_of(struct burble *c, const char *jid, burble_software_fn *fn,
                                 void *arg, uint64_t *handle_out);

/** An answer about the time. */
struct burble_clock {
    enum burble_iq_outcome outcome;   /**< ERROR also for an answer that is no time */
    struct burble_stanza_error error; /**< when the outcome is no result */
    const char *from;                 /**< who answered */
    int64_t wall_ms;                  /**< since 1970-01-01T00:00:00Z */
    int zone_minutes;                 /**< east of UTC */
};
/** Gets the answer. */
typedef void burble_clock_fn(struct burble *c, const struct burble_clock *clock, void *arg);
/** Asks for somebody's time (XEP-0202). As burble_ping. */
BURBLE_API int burble_time_of(struct burble *c, const char *jid, burble_clock_fn *fn, void *arg,
                              uint64_t *handle_out);

/** An answer about the last activity. */
struct burble_activity {
    enum burble_iq_outcome outcome;   /**< ERROR also for an answer that is none */
    struct burble_stanza_error error; /**< when the outcome is no result */
    const char *from;                 /**< who answered */
    uint64_t seconds;   /**< of a full address: idle; bare: since it was last online; domain: since
                             its start */
    const char *status; /**< said when it left; NULL: none */
};
/** Gets the answer. */
typedef void burble_activity_fn(struct burble *c, const struct burble_activity *activity,
                                void *arg);
/** Asks for the last activity (XEP-0012). As burble_ping. */
BURBLE_API int burble_last_of(struct burble *c, const char *jid, burble_activity_fn *fn, void *arg,
                              uint64_t *handle_out);

#ifdef __cplusplus
}
#endif
#endif
