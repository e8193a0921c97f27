/* XEP-0198: Stream Management (version 1.6.3). The core counts, queues and resumes (core/sm.h);
 * this is what is announced of it, and the way into it along a login by XEP-0388 (section 9). */
#include "core/module.h"
#include "core/service/inline.h"
#include "core/service/sm_inline.h"

static void features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    (void)e;
    if (c2s_authenticated(stream))
        xml_leaf(w, SLICE("sm"), NS_SM, SLICE_NONE);
}

static void bound(const struct inline_bound *b)
{
    sm_inline_enable(b->session, b->element, b->reply);
}

static const struct inline_bind BINDS[] = {
    {.ns = "urn:xmpp:sm:3", .name = "enable", .feature = "urn:xmpp:sm:3", .bound = bound},
    {0},
};

static const struct inline_resume RESUME = {
    .ns = "urn:xmpp:sm:3",
    .name = "resume",
    .feature = "sm",
    .resume = sm_inline_resume,
    .resumed = sm_inline_resumed,
};

static const char *const STORES[] = {"sessions", NULL};

const struct module LOGIN_SM_MODULE = {
    .name = "sm",
    .xep = "0198",
    .version = "1.6.3",
    .summary = "acknowledgement, and sessions that outlive connections and the server's process",
    .stores = STORES,
    .inline_binds = BINDS,
    .inline_resume = &RESUME,
    .stream_features = features,
};
