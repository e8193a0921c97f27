/* Threads with a name, a small stack and no signals. */
#ifndef IO_THREAD_H
#define IO_THREAD_H

#include <pthread.h>
#include <stdbool.h>

struct thread {
    pthread_t id;
    bool running; /* started and not joined */
};

enum { THREAD_STACK_BYTES = 256 * 1024, THREAD_NAME_BYTES = 16 };

/* Runs start(arg). name is cut to 15 bytes. All signals that can be blocked sensibly are: they go
 * to the main thread. 0, or ERR_LIMIT (the system allows no more threads), ERR_MEMORY. */
int thread_start(struct thread *t, const char *name, void (*start)(void *arg), void *arg);
/* Waits for its end. Harmless when it was never started. */
void thread_join(struct thread *t);

#endif
