/* XEP-0202: Entity Time (version 2.0). The server lives in UTC. */
#include "core/module.h"

static void tell_time(struct iq *iq)
{
    char stamp[TIME_STAMP_BYTES];
    unsigned len = time_stamp(iq->e->now.wall_ms, stamp);
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("time"), NS_TIME);
    xml_leaf(&w, SLICE("tzo"), SLICE_NONE, SLICE("+00:00"));
    xml_leaf(&w, SLICE("utc"), SLICE_NONE, slice_of(stamp, len));
    xml_close(&w);
    iq_result_end(iq, &w);
}

static const struct module_iq IQS[] = {
    {"urn:xmpp:time", "time", IQ_HOST, IQ_GET, tell_time},
    {0},
};

static const char *const FEATURES[] = {"urn:xmpp:time", NULL};

const struct module TIME_MODULE = {
    .name = "time",
    .xep = "0202",
    .version = "2.0",
    .summary = "tells the time of the server",
    .host_features = FEATURES,
    .iqs = IQS,
};
