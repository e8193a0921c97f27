/* Drawing from the pool of randomness. Used bytes are wiped. */
#include "base/rng.h"

#include <string.h>

#include "base/mem.h"

void rng_bytes(struct rng *r, void *out, size_t n)
{
    if (n > sizeof(r->pool)) {
        r->fill(r->ctx, out, n);
        return;
    }
    if (r->left < n) {
        r->fill(r->ctx, r->pool, sizeof(r->pool));
        r->left = sizeof(r->pool);
    }
    unsigned char *from = r->pool + sizeof(r->pool) - r->left;
    memcpy(out, from, n);
    mem_wipe(from, n);
    r->left -= n;
}

void rng_forget(struct rng *r)
{
    mem_wipe(r->pool, sizeof(r->pool));
    r->left = 0;
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t n;
    rng_bytes(r, &n, sizeof(n));
    return n;
}

void rng_token(struct rng *r, char *out, size_t n)
{
    unsigned char bytes[32];
    while (n > 0) {
        size_t piece = n < sizeof(bytes) ? n : sizeof(bytes);
        rng_bytes(r, bytes, piece);
        for (size_t i = 0; i < piece; i++)
            *out++ = "abcdefghijklmnopqrstuvwxyz234567"[bytes[i] & 31];
        n -= piece;
    }
    mem_wipe(bytes, sizeof(bytes));
}
