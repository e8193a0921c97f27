/* Memory that ends, for unit tests: link them with test_memory.c and memory_wraps (meson.build). */
#ifndef BASE_TEST_MEMORY_H
#define BASE_TEST_MEMORY_H

#include <stdbool.h>

/* While armed each allocation counts down; at zero, and for good after it, there is no memory. */
struct test_memory {
    bool armed, for_good;
    long left; /* below zero: it has run out */
};
extern struct test_memory test_memory;

#endif
