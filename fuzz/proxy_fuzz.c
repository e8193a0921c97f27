/* Fuzz target of the proxies' answers. The first byte says which proxy and whether there is a
 * login, the second how large the pieces are; in pieces the outcome is the same as whole, and what
 * goes up is the end of what came in. */
#include <stdint.h>

#include "base/check.h"
#include "wire/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct now NOW = {.mono_ms = 1};

static struct wire *run(uint8_t kind, struct slice in, size_t piece, struct buf *up)
{
    struct proxy_target target = {.host = SLICE("one.example"), .port = 5222};
    struct buf down = {0};
    struct wire *w;
    if (kind & 2) {
        target.user = SLICE("alice");
        target.password = SLICE("secret");
    }
    CHECK((kind & 1 ? socks5_new : http_connect_new)(&target, &w) == 0);
    w->ops->feed(w, SLICE_NONE, up, &down, NOW);
    while (in.len > 0) {
        size_t n = in.len < piece ? in.len : piece;
        w->ops->feed(w, slice_of(in.ptr, n), up, &down, NOW);
        in = slice_from(in, n);
    }
    CHECK(strlen(proxy_text(w)) > 0);
    buf_free(&down);
    return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice in = slice_of((const char *)data + 2, size - 2);
    struct buf a = {0}, b = {0};
    struct wire *whole = run(data[0], in, SIZE_MAX, &a),
                *pieces = run(data[0], in, 1U + data[1], &b);
    enum wire_state state = whole->ops->state(whole);
    CHECK(state == pieces->ops->state(pieces));
    CHECK(strcmp(whole->ops->reason(whole), pieces->ops->reason(pieces)) == 0);
    CHECK(slice_eq(buf_slice(&a), buf_slice(&b)));
    CHECK(state == WIRE_OPEN || buf_len(&a) == 0);
    CHECK(buf_len(&a) < in.len || in.len == 0);
    CHECK(slice_eq(buf_slice(&a), slice_from(in, in.len - buf_len(&a))));
    wire_free(&whole);
    wire_free(&pieces);
    buf_free(&a);
    buf_free(&b);
    return 0;
}
