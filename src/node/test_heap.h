/* What tests of memory count. Programs that link this are linked with --wrap for malloc, calloc,
 * realloc and free, so every allocation of burble's own code goes through the counters; so does
 * OpenSSL's, which is asked to. */
#ifndef NODE_TEST_HEAP_H
#define NODE_TEST_HEAP_H

enum { HEAP_STEP = 16, HEAP_CLASSES = 257 };

struct heap {
    long long bytes, peak; /* held now; most since heap_mark */
    long long allocations; /* since heap_mark */
    long long total;       /* bytes asked for since heap_mark */
    /* Held now, by size in steps, the word that glibc keeps beside each included; the last class
     * has all that are larger. */
    long long pieces[HEAP_CLASSES];
};

extern struct heap heap;

/* peak begins with what is held now; the rest begins with nothing. Answers the bytes held. */
long long heap_mark(void);
#endif
