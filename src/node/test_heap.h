/* What tests of memory count. Programs that link this are linked with --wrap for malloc, calloc,
 * realloc and free, so every allocation of burble's own code goes through the counters; libraries
 * are seen by heap_bytes alone. */
#ifndef NODE_TEST_HEAP_H
#define NODE_TEST_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap {
    long long bytes, peak; /* held now; most since heap_mark */
    long long allocations; /* since heap_mark */
    long long total;       /* bytes asked for since heap_mark */
};

extern struct heap heap;

/* peak begins with what is held now; the rest begins with nothing. Answers the bytes held. */
long long heap_mark(void);
/* Bytes that the whole process holds, libraries included: by the sanitizer or by the C library. */
size_t heap_bytes(void);

#endif
