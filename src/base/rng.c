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
    for (size_t i = 0; i < n; i++) {
        unsigned char byte;
        rng_bytes(r, &byte, 1);
        out[i] = "abcdefghijklmnopqrstuvwxyz234567"[byte & 31];
    }
}
