/* A stream as its link sees it, whatever is spoken on it: the first member of struct c2s (clients,
 * RFC 6120) and struct component (XEP-0114). The node feeds it with the events of its parser and
 * asks can_read before each; everything that a stream writes goes to its link. */
#ifndef CORE_STREAM_H
#define CORE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "xml/parser.h"
#include "xmpp/error.h"

struct engine;
struct stream;

struct stream_ops {
    void (*free)(struct stream *s);
    /* False: no event before link_ops.resume. */
    bool (*can_read)(const struct stream *s);
    /* L22: takes n bytes; the milliseconds after which reading may go on (0: at once). */
    uint32_t (*take_tokens)(struct stream *s, size_t n);
    /* content_ns: the default namespace inside of the stream. */
    void (*header)(struct stream *s, struct xml root, struct slice content_ns);
    /* bytes: how many the element took on the wire. */
    void (*element)(struct stream *s, struct xml root, size_t bytes);
    void (*closed_by_peer)(struct stream *s);
    /* Nothing more can be said on the connection. */
    void (*lost)(struct stream *s);
    void (*bad_xml)(struct stream *s, enum xml_error error, struct slice first_bytes);
    /* Plaintext behind <starttls/> (V32). */
    void (*injected)(struct stream *s);
    /* TLS is on: what comes next is another stream. */
    void (*secured)(struct stream *s);
    /* The peer has taken output (see may_lag). */
    void (*drained)(struct stream *s);
    bool (*authenticated)(const struct stream *s);
    /* Shall drained be called when the backlog has fallen below a quarter of L13? */
    bool (*may_lag)(const struct stream *s);
    /* The end was written; nothing is read any more. */
    bool (*closed)(const struct stream *s);
    /* The link leaves this engine; it has arrived at that one. */
    void (*detach)(struct stream *s);
    void (*attach)(struct stream *s, struct engine *e);
    void (*log)(const struct stream *s, enum log_level level, const char *event, const char *cond);
};

struct stream {
    const struct stream_ops *ops;
};

/* Writes <stream:error/> and the end of the stream. app: serialised application condition or empty.
 */
void stream_write_error(struct buf *out, enum stream_error error, struct slice text,
                        struct slice app);
/* What an error of the parser is called: the stream error, its application condition (may be empty)
 * and the event for the log. fresh: no header was read yet; first_bytes is then looked at. */
enum stream_error stream_error_of_xml(enum xml_error error, bool fresh, struct slice first_bytes,
                                      struct slice *app_out, const char **event_out);
/* L22 in one number: *spent_until_ms is when what was read will have been paid for at this rate.
 * Takes n bytes; the milliseconds after which reading may go on. */
uint32_t stream_take_tokens(uint64_t *spent_until_ms, uint64_t now_ms, size_t n,
                            uint32_t bytes_per_s, uint32_t burst_bytes);

#endif
