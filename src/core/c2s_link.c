/* The stream of a client as its link sees it (core/stream.h). */
#include "base/check.h"
#include "core/c2s.h"

static struct c2s *of(struct stream *s)
{
    return CONTAINER_OF(s, struct c2s, base);
}

static const struct c2s *at(const struct stream *s)
{
    return (const struct c2s *)(const void *)((const char *)s - offsetof(struct c2s, base));
}

static void op_free(struct stream *s)
{
    struct c2s *stream = of(s);
    c2s_free(&stream);
}

static bool op_can_read(const struct stream *s)
{
    return c2s_can_read(at(s));
}

static uint32_t op_take_tokens(struct stream *s, size_t n)
{
    return c2s_take_tokens(of(s), n);
}

static void op_header(struct stream *s, struct xml root, struct slice content_ns)
{
    c2s_header(of(s), root, content_ns);
}

static void op_element(struct stream *s, struct xml root, size_t bytes)
{
    c2s_element(of(s), root, bytes);
}

static void op_closed_by_peer(struct stream *s)
{
    c2s_closed_by_peer(of(s));
}

static void op_lost(struct stream *s)
{
    c2s_lost(of(s));
}

static void op_bad_xml(struct stream *s, enum xml_error error, struct slice first_bytes)
{
    c2s_bad_xml(of(s), error, first_bytes);
}

static void op_injected(struct stream *s)
{
    c2s_injected(of(s));
}

static void op_secured(struct stream *s)
{
    of(s)->header_sent = false;
}

static void op_drained(struct stream *s)
{
    c2s_drained(of(s));
}

static bool op_authenticated(const struct stream *s)
{
    return c2s_authenticated(at(s));
}

static bool op_may_lag(const struct stream *s)
{
    return at(s)->session != NULL;
}

static bool op_closed(const struct stream *s)
{
    return at(s)->state == C2S_CLOSED;
}

static void op_detach(struct stream *s)
{
    c2s_detach(of(s));
}

static void op_attach(struct stream *s, struct engine *e)
{
    c2s_attach(of(s), e);
}

static void op_log(const struct stream *s, enum log_level level, const char *event,
                   const char *cond)
{
    c2s_log(at(s), level, event, cond);
}

const struct stream_ops C2S_STREAM = {
    .free = op_free,
    .can_read = op_can_read,
    .take_tokens = op_take_tokens,
    .header = op_header,
    .element = op_element,
    .closed_by_peer = op_closed_by_peer,
    .lost = op_lost,
    .bad_xml = op_bad_xml,
    .injected = op_injected,
    .secured = op_secured,
    .drained = op_drained,
    .authenticated = op_authenticated,
    .may_lag = op_may_lag,
    .closed = op_closed,
    .detach = op_detach,
    .attach = op_attach,
    .log = op_log,
};
