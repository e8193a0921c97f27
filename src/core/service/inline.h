/* What a login by SASL2 (XEP-0388) does along the way: the features that a client asks for inside
 * of <bind/> (XEP-0386), and the taking up of an old session by <resume/> (XEP-0198). A module
 * lists them in its descriptor; the core finds the elements, calls, and writes the answer.
 *
 * Order: resume, then, if nothing was resumed, bind with its features in the order of the modules,
 * then <success/> goes out with all that they have written. Everything happens on the owner's shard
 * with the account loaded. A client that could not log in was not asked what it wants. */
#ifndef CORE_SERVICE_INLINE_H
#define CORE_SERVICE_INLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "core/session.h"
#include "xml/tree.h"
#include "xml/writer.h"

/* The session that has just been bound, for inline_bind.bound. */
struct inline_bound {
    struct engine *e;
    struct session *session; /* session->bind2 is true; nothing may be sent to it yet */
    struct xml element; /* as the client sent it; none in a row without name. Gone afterwards */
    struct xml_writer *reply;           /* inside of <bound/>; what is opened here is closed here */
    const struct store_request *answer; /* to inline_bind.read; NULL: nothing was asked, or the
                                           store failed: then say nothing of it */
    uint32_t first_read;                /* store_row.read of the first of the own reads */
};

/* A feature of <bind/>: a row of the table in module.inline_binds. */
struct inline_bind {
    const char *ns, *name; /* the element inside of <bind/>. name NULL: there is none, `bound` is
                              called at each bind. ns NULL ends the table */
    const char *feature;   /* announced as <feature var=''/>; NULL: not, as in a second row of the
                              same feature */
    /* What the answer needs to know from the store (the bounds of an archive): adds exactly `reads`
     * reads to the query. The client waits for them before the session exists, so what they tell is
     * the state just before the bind. NULL: `bound` needs nothing. */
    void (*read)(struct engine *e, const struct account *a, struct store_request *query);
    uint32_t reads;
    /* The session exists; the client does not know yet. Cannot fail: what went wrong is told in
     * the reply, as the feature's XEP says. */
    void (*bound)(const struct inline_bound *b);
};

enum inline_answer {
    INLINE_FAILED,  /* the reply says why; a bind may follow */
    INLINE_RESUMED, /* stream and session are joined: c2s.session is set */
    INLINE_WAITS,   /* inline_resume_done comes later */
};

/* Taking up a session. The first module that has it serves (module.inline_resume). */
struct inline_resume {
    const char *ns, *name; /* the element in <authenticate/>: "urn:xmpp:sm:3", "resume" */
    const char *feature;   /* local name of the element of that namespace that announces it: "sm" */
    /* The account of the stream (inline_account) wants a session back. Writes what stands in
     * <success/> into the reply. When resumed, nothing may be sent to the session before
     * `resumed`. */
    enum inline_answer (*resume)(struct engine *e, struct c2s *stream, struct xml element,
                                 struct xml_writer *reply);
    /* <success/> has been written: what the client has missed may follow. */
    void (*resumed)(struct engine *e, struct session *session);
};

/* The account that a stream has logged in to. */
struct account *inline_account(const struct c2s *stream);
/* A name of the stream for later, on the same shard. */
uint64_t inline_stream(const struct c2s *stream);
/* After INLINE_WAITS: the answer, RESUMED or FAILED, and its serialised reply. Nothing happens when
 * the stream is gone. For RESUMED the caller has joined stream and session first. */
void inline_resume_done(struct engine *e, uint64_t stream, enum inline_answer answer,
                        struct slice reply);

#endif
