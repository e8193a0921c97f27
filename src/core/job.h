/* Slow pure computations (PBKDF2) that run off the loop. A job is a heap object that moves: the
 * engine gives it away and gets it back, done, exactly once. */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include <stdint.h>

#include "base/list.h"

struct job {
    struct list link;
    void *next_node;               /* for the queue that carries it */
    uint32_t shard;                /* where it goes back to */
    uint64_t ticket;               /* flow handle */
    void (*run)(struct job *job);  /* thread-safe; touches the job alone */
    void (*free)(struct job *job); /* wipes secrets */
    int err;                       /* ERR_BUSY: the queue was full and it did not run */
};

#endif
