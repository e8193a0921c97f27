/* Randomness from getrandom(2), blocking only before the kernel's pool is first seeded. */
#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

void random_bytes(void *out, size_t n)
{
    unsigned char *at = out;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("critical event=random.fail\n", stderr);
            _Exit(71);
        }
        at += got;
        n -= (size_t)got;
    }
}

static void fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    random_bytes(out, n);
}

void random_init(struct rng *r)
{
    *r = (struct rng){.fill = fill};
}
