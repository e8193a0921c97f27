/* XEP-0352: Client State Indication (version 1.0.0). A client says that nobody looks at it: what it
 * is sent then, and when, is decided in core/session.c. Whether it does is nobody else's business.
 */
#include "core/module.h"

static void features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    (void)e;
    if (c2s_authenticated(stream))
        xml_leaf(w, SLICE("csi"), NS_CSI, SLICE_NONE);
}

const struct module CSI_MODULE = {
    .name = "csi",
    .xep = "0352",
    .version = "1.0.0",
    .summary = "holds back presence and chat states while nobody looks",
    .stream_features = features,
};
