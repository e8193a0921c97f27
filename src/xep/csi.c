/* XEP-0352: Client State Indication (version 1.0.0). A client says that nobody looks at it: what it
 * is sent then, and when, is decided in core/session.c. Whether it does is nobody else's business.
 */
#include "core/module.h"
#include "core/service/inline.h"

static void features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    (void)e;
    if (c2s_authenticated(stream))
        xml_leaf(w, SLICE("csi"), NS_CSI, SLICE_NONE);
}

/* A client that comes back by itself, in a pocket. */
static void bound(const struct inline_bound *b)
{
    session_set_inactive(b->e, b->session, xml_is(b->element, NS_CSI, SLICE("inactive")));
}

static const struct inline_bind BINDS[] = {
    {.ns = "urn:xmpp:csi:0", .name = "inactive", .feature = "urn:xmpp:csi:0", .bound = bound},
    {.ns = "urn:xmpp:csi:0", .name = "active", .bound = bound},
    {0},
};

const struct module CSI_MODULE = {
    .name = "csi",
    .xep = "0352",
    .version = "1.0.0",
    .summary = "holds back presence and chat states while nobody looks",
    .stream_features = features,
    .inline_binds = BINDS,
};
