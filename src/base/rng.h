/* Randomness as an argument: a small pool that the outside fills (getrandom(2) in the server, a
 * seeded generator in the simulation). The only source of tokens, nonces, ids and hash keys. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    /* Writes n unpredictable bytes; cannot fail (the process stops instead). */
    void (*fill)(void *ctx, void *out, size_t n);
    void *ctx;
    size_t left; /* unused bytes at the end of pool */
    unsigned char pool[512];
};

void rng_bytes(struct rng *r, void *out, size_t n);
/* Wipes what is left in the pool: the child of a fork calls this first, so that it does not draw
 * the bytes that its parent draws. */
void rng_forget(struct rng *r);
uint64_t rng_u64(struct rng *r);
/* n characters (no NUL) of [a-z2-7], 5 bits each: 26 hold 130 bits. */
void rng_token(struct rng *r, char *out, size_t n);

#endif
