/* Heap memory for objects that the process cannot do without. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void *mem_or_stop(void *ptr)
{
    if (ptr == NULL) {
        fputs("critical event=mem.fail\n", stderr);
        _Exit(71);
    }
    return ptr;
}

void *mem_alloc(size_t size)
{
    return mem_or_stop(calloc(1, size > 0 ? size : 1));
}

void *mem_array(size_t n, size_t size)
{
    return mem_or_stop(calloc(n > 0 ? n : 1, size));
}

void *mem_resize(void *ptr, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        return mem_or_stop(NULL);
    return mem_or_stop(realloc(ptr, total > 0 ? total : 1));
}

char *mem_copy(struct slice s)
{
    char *copy = mem_alloc(s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_wipe(void *ptr, size_t len)
{
    if (len > 0)
        memset(ptr, 0, len);
    __asm__ __volatile__("" : : "r"(ptr) : "memory");
}
