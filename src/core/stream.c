/* What the streams of clients and of components share: errors (RFC 6120 section 4.9), the price of
 * what was read. */
#include "core/stream.h"

#include "xml/writer.h"
#include "xmpp/ns.h"

void stream_write_error(struct buf *out, enum stream_error error, struct slice text,
                        struct slice app)
{
    struct xml_writer w;
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("stream:error"), SLICE_NONE);
    if (error == STREAM_SEE_OTHER_HOST)
        xml_leaf(&w, stream_error_name(error), NS_STREAM_ERRORS, text);
    else
        xml_leaf(&w, stream_error_name(error), NS_STREAM_ERRORS, SLICE_NONE);
    if (text.len > 0 && error != STREAM_SEE_OTHER_HOST)
        xml_leaf(&w, SLICE("text"), NS_STREAM_ERRORS, text);
    if (app.len > 0)
        xml_raw_put(&w, app);
    xml_close(&w);
    buf_lit(out, "</stream:stream>");
}

enum stream_error stream_error_of_xml(enum xml_error error, bool fresh, struct slice first_bytes,
                                      struct slice *app_out, const char **event_out)
{
    static const struct {
        enum stream_error error;
        const char *event;
    } NAMES[] = {
        [XML_NOT_WELL_FORMED] = {STREAM_NOT_WELL_FORMED, "stream.bad_xml"},
        [XML_RESTRICTED] = {STREAM_RESTRICTED_XML, "stream.restricted"},
        [XML_UNSUPPORTED_ENCODING] = {STREAM_UNSUPPORTED_ENCODING, "stream.encoding"},
        [XML_BAD_FORMAT] = {STREAM_BAD_FORMAT, "stream.bad_format"},
        [XML_TOO_BIG] = {STREAM_POLICY_VIOLATION, "stream.limit"},
        [XML_TOO_COMPLEX] = {STREAM_POLICY_VIOLATION, "stream.limit"},
        [XML_SECOND_HEADER] = {STREAM_UNSUPPORTED_STANZA_TYPE, "stream.unexpected"},
        [XML_MEMORY] = {STREAM_RESOURCE_CONSTRAINT, "mem.fail"},
    };
    bool big = error == XML_TOO_BIG;
    *app_out = big ? SLICE("<stanza-too-big xmlns='urn:xmpp:errors'/>") : SLICE_NONE;
    *event_out = NAMES[error].event;
    /* A TLS handshake record: type 22, major version 3 (X02). */
    if (fresh && first_bytes.len >= 2 && first_bytes.ptr[0] == 22 && first_bytes.ptr[1] == 3)
        *event_out = "stream.tls_on_plain";
    return NAMES[error].error;
}

uint32_t stream_take_tokens(uint64_t *spent_until_ms, uint64_t now_ms, size_t n,
                            uint32_t bytes_per_s, uint32_t burst_bytes)
{
    if (*spent_until_ms < now_ms)
        *spent_until_ms = now_ms;
    *spent_until_ms += (uint64_t)n * 1000 / bytes_per_s;
    uint64_t ahead = *spent_until_ms - now_ms;
    uint64_t burst = (uint64_t)burst_bytes * 1000 / bytes_per_s;
    return ahead > burst ? (uint32_t)(ahead - burst) : 0;
}
