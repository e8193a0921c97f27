/* Handles: numbers that stand for objects which may be gone when they are used. Index and
 * generation; 0 is never a handle. */
#ifndef CORE_HANDLE_H
#define CORE_HANDLE_H

#include <stdint.h>

struct handles {
    struct {
        void *object; /* NULL: free */
        uint32_t generation;
        uint32_t next_free;
    } * slots;
    uint32_t count, cap, free_head; /* free_head: index + 1, 0: none */
};

uint64_t handle_new(struct handles *h, void *object);
/* NULL when the object is gone. */
void *handle_get(const struct handles *h, uint64_t handle);
/* The next object from slot *at on, which moves behind it; 0 at first. NULL: there is none. */
void *handle_walk(const struct handles *h, uint32_t *at);
void handle_drop(struct handles *h, uint64_t handle);
void handles_free(struct handles *h);

#endif
