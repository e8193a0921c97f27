/* The source of randomness of the server: getrandom(2). */
#ifndef IO_RANDOM_H
#define IO_RANDOM_H

#include <stddef.h>

#include "base/rng.h"

/* Makes an empty pool that fills itself from the system. One pool belongs to one thread. When the
 * system gives no randomness the process stops (exit 71): nothing can be done safely without. */
void random_init(struct rng *r);
/* Straight from the system; any thread. */
void random_bytes(void *out, size_t n);

#endif
