/* What tests of memory count. */
#include "node/test_heap.h"

#include <malloc.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/check.h"

struct heap heap;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static void count(void *p, long long pieces)
{
    size_t usable = malloc_usable_size(p), class = (usable + sizeof(size_t)) / HEAP_STEP;
    heap.bytes += pieces * (long long)usable;
    heap.pieces[class < HEAP_CLASSES ? class : HEAP_CLASSES - 1] += pieces;
}

static void took(void *p, size_t asked)
{
    if (p == NULL)
        return;
    count(p, 1);
    heap.allocations++;
    heap.total += (long long)asked;
    if (heap.bytes > heap.peak)
        heap.peak = heap.bytes;
}

static void gave(void *p)
{
    if (p != NULL)
        count(p, -1);
}

void *__wrap_malloc(size_t n)
{
    void *p = __real_malloc(n);
    took(p, n);
    return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *p = __real_calloc(n, size);
    took(p, n * size);
    return p;
}

void *__wrap_realloc(void *p, size_t n)
{
    gave(p);
    void *moved = __real_realloc(p, n);
    if (moved != NULL)
        took(moved, n);
    else if (p != NULL)
        count(p, 1);
    return moved;
}

void __wrap_free(void *p)
{
    gave(p);
    __real_free(p);
}

long long heap_mark(void)
{
    heap.peak = heap.bytes;
    heap.allocations = heap.total = 0;
    return heap.bytes;
}

static void *crypto_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return n > 0 ? __wrap_malloc(n) : NULL;
}

static void *crypto_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n > 0)
        return __wrap_realloc(p, n);
    __wrap_free(p);
    return NULL;
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    __wrap_free(p);
}

/* Before OpenSSL has allocated anything. */
__attribute__((constructor)) static void count_crypto(void)
{
    CHECK(CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1);
}
