/* Heap memory for objects that the process cannot do without: running out of it ends the process
 * cleanly (exit 71). Anything whose size a peer can choose uses buf or arena, which return errors.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/slice.h"

/* Zeroed memory; never NULL. */
void *mem_alloc(size_t size);
/* n * size, overflow-checked, zeroed. */
void *mem_array(size_t n, size_t size);
/* Grows or shrinks; the new part is not zeroed. */
void *mem_resize(void *ptr, size_t n, size_t size);
/* A NUL-terminated copy. */
char *mem_copy(struct slice s);
void mem_free(void *ptr);
/* Overwrites the bytes in a way the compiler keeps. */
void mem_wipe(void *ptr, size_t len);

#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

#endif
