/* What SOCKS5 and HTTP CONNECT have in common: a question, an answer that is taken byte by byte so
 * that not one of the tunnel's is swallowed, and then nothing more to do. */
#include "wire/proxy.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/proxy_inside.h"

static const struct wire_ops ops;

static struct proxy *self(const struct wire *w)
{
    CHECK(w->ops == &ops);
    return (struct proxy *)(uintptr_t)w;
}

static void wipe(struct buf *b)
{
    if (b->ptr != NULL)
        mem_wipe(b->ptr, b->cap);
    buf_free(b);
}

static void wipe_all(struct proxy *p)
{
    wipe(&p->question);
    wipe(&p->secret);
    wipe(&p->request);
    wipe(&p->answer);
}

static void set_sentence(struct proxy *p, const char *sentence)
{
    size_t len = strlen(sentence);
    CHECK(len < sizeof(p->sentence));
    memcpy(p->sentence, sentence, len + 1);
}

void proxy_fail(struct proxy *p, const char *reason, const char *sentence)
{
    if (p->state == WIRE_FAILED)
        return;
    p->state = WIRE_FAILED;
    p->reason = reason;
    set_sentence(p, sentence);
    wipe_all(p);
}

static void fail_for_memory(struct proxy *p)
{
    proxy_fail(p, "memory", "out of memory");
}

void proxy_open(struct proxy *p)
{
    p->state = WIRE_OPEN;
    set_sentence(p, "the tunnel through the proxy stands");
    wipe_all(p);
}

void proxy_say(struct proxy *p, struct buf *message, struct buf *down)
{
    int failed = buf_add(down, buf_slice(message));
    wipe(message);
    if (failed != 0)
        fail_for_memory(p);
}

void proxy_expect(struct proxy *p, uint8_t stage)
{
    p->stage = stage;
    buf_clear(&p->answer);
}

static enum wire_state feed(struct wire *w, struct slice in, struct buf *up, struct buf *down,
                            struct now now)
{
    (void)now;
    struct proxy *p = self(w);
    if (p->state == WIRE_OPENING && !p->asked) {
        p->asked = true;
        proxy_say(p, &p->question, down);
    }
    while (p->state == WIRE_OPENING && in.len > 0) {
        if (buf_byte(&p->answer, in.ptr[0]) != 0) {
            fail_for_memory(p);
            break;
        }
        in = slice_from(in, 1);
        p->taken++;
        p->step(p, down);
    }
    if (p->state == WIRE_OPEN && in.len > 0 && buf_add(up, in) != 0)
        fail_for_memory(p);
    return p->state;
}

static int send(struct wire *w, struct slice data, struct buf *down)
{
    return self(w)->state == WIRE_OPEN ? buf_add(down, data) : ERR_CLOSED;
}

static void end(struct wire *w, struct buf *down)
{
    (void)w, (void)down; /* the connection's end is the tunnel's */
}

static enum wire_state state(const struct wire *w)
{
    return self(w)->state;
}

static const char *reason(const struct wire *w)
{
    return self(w)->reason;
}

static void free_proxy(struct wire *w)
{
    wipe_all(self(w));
    free(self(w));
}

static const struct wire_ops ops = {
    .feed = feed,
    .send = send,
    .end = end,
    .state = state,
    .reason = reason,
    .free = free_proxy,
};

struct proxy *proxy_new(void (*step)(struct proxy *p, struct buf *down), const char *waits_for)
{
    struct proxy *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->wire.ops = &ops;
    p->step = step;
    p->reason = "";
    p->state = WIRE_OPENING;
    set_sentence(p, waits_for);
    return p;
}

const char *proxy_text(const struct wire *w)
{
    return self(w)->sentence;
}

struct slice proxy_bare_host(struct slice host)
{
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        return slice_of(host.ptr + 1, host.len - 2);
    return host;
}

/* Letters, digits, "-", "_" and "."; ":" for IPv6. */
static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
}

int proxy_check_target(const struct proxy_target *target)
{
    struct slice host = proxy_bare_host(target->host);
    if (host.len > PROXY_TEXT_MAX || target->user.len > PROXY_TEXT_MAX ||
        target->password.len > PROXY_TEXT_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_byte(host.ptr[i]))
            return ERR_SYNTAX;
    }
    return host.len > 0 && target->port != 0 ? 0 : ERR_SYNTAX;
}
