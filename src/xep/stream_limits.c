/* XEP-0478: Stream Limits Advertisement (version 0.2.0). How large an element may be: L2 before
 * login, L1 after it. There is no limit on silence, so none is announced. */
#include <stdio.h>

#include "core/module.h"

static void features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    const struct limits *l = &e->config->limits;
    char bytes[16];
    int n = snprintf(bytes, sizeof(bytes), "%u",
                     c2s_authenticated(stream) ? l->stanza_bytes : l->preauth_bytes);
    xml_open(w, SLICE("limits"), NS_STREAM_LIMITS);
    xml_leaf(w, SLICE("max-bytes"), SLICE_NONE, slice_of(bytes, (size_t)n));
    xml_close(w);
}

const struct module STREAM_LIMITS_MODULE = {
    .name = "stream-limits",
    .xep = "0478",
    .version = "0.2.0",
    .summary = "announces how large an element may be",
    .stream_features = features,
};
