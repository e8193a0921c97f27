/* XEP-0092: Software Version (version 1.1). The operating system is nobody's business. */
#include "core/module.h"

static void version(struct iq *iq)
{
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("query"), NS_VERSION);
    xml_leaf(&w, SLICE("name"), SLICE_NONE, SLICE("burble"));
    xml_leaf(&w, SLICE("version"), SLICE_NONE, slice_z(iq->e->config->version));
    xml_close(&w);
    iq_result_end(iq, &w);
}

static const struct module_iq IQS[] = {
    {"jabber:iq:version", "query", IQ_HOST, IQ_GET, version},
    {0},
};

static const char *const FEATURES[] = {"jabber:iq:version", NULL};

const struct module VERSION_MODULE = {
    .name = "version",
    .xep = "0092",
    .version = "1.1",
    .summary = "tells the name and version of the server",
    .host_features = FEATURES,
    .iqs = IQS,
};
