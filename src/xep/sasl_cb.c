/* XEP-0440: SASL Channel-Binding Type Capability (version 1.0.0). What a login over this TLS
 * connection may be bound to, next to the mechanisms. */
#include "base/mem.h"
#include "core/module.h"

static void write_type(struct xml_writer *w, struct slice type)
{
    xml_open(w, SLICE("channel-binding"), SLICE_NONE);
    xml_attr_put(w, SLICE("type"), type);
    xml_close(w);
}

static void features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    (void)e;
    if (c2s_authenticated(stream) || !c2s_secure(stream))
        return;
    uint8_t scratch[SASL_BINDING_BYTES];
    struct sasl_binding binding;
    c2s_binding(stream, &binding, scratch);
    if (binding.tls_exporter.len > 0 || binding.tls_server_end_point.len > 0) {
        xml_open(w, SLICE("sasl-channel-binding"), NS_CHANNEL_BINDING);
        if (binding.tls_exporter.len > 0)
            write_type(w, SLICE("tls-exporter"));
        if (binding.tls_server_end_point.len > 0)
            write_type(w, SLICE("tls-server-end-point"));
        xml_close(w);
    }
    mem_wipe(scratch, sizeof(scratch));
}

const struct module SASL_CB_MODULE = {
    .name = "sasl-cb",
    .xep = "0440",
    .version = "1.0.0",
    .summary = "announces the channel bindings of a login",
    .stream_features = features,
};
