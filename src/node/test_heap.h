/* What tests of memory count. Programs that link this are linked with --wrap for malloc, calloc,
 * realloc and free, so every allocation of burble's own code goes through the counters; so does
 * OpenSSL's, which is asked to. */
#ifndef NODE_TEST_HEAP_H
#define NODE_TEST_HEAP_H

struct heap {
    long long bytes, peak; /* held now; most since heap_mark */
    long long allocations; /* since heap_mark */
    long long total;       /* bytes asked for since heap_mark */
};

extern struct heap heap;

/* peak begins with what is held now; the rest begins with nothing. Answers the bytes held. */
long long heap_mark(void);
#endif
