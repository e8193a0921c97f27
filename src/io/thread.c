/* Threads with a name, a small stack and no signals (pthreads(7)). */
#include "io/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

/* The sanitizers keep more on the stack. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_BYTES = 8 * THREAD_STACK_BYTES };
#else
enum { STACK_BYTES = THREAD_STACK_BYTES };
#endif

struct begin {
    void (*start)(void *arg);
    void *arg;
    char name[THREAD_NAME_BYTES];
};

static void *run(void *data)
{
    struct begin b = *(struct begin *)data;
    mem_free(data);
    pthread_setname_np(pthread_self(), b.name);
    b.start(b.arg);
    return NULL;
}

int thread_start(struct thread *t, const char *name, void (*start)(void *arg), void *arg)
{
    struct begin *b = mem_new(struct begin);
    pthread_attr_t attr;
    sigset_t block, before;
    b->start = start;
    b->arg = arg;
    snprintf(b->name, sizeof(b->name), "%s", name);
    CHECK(pthread_attr_init(&attr) == 0);
    CHECK(pthread_attr_setstacksize(&attr, STACK_BYTES) == 0);
    /* The signals of a bug stay open, or they would end the process without a word. */
    sigfillset(&block);
    sigdelset(&block, SIGSEGV);
    sigdelset(&block, SIGBUS);
    sigdelset(&block, SIGFPE);
    sigdelset(&block, SIGILL);
    sigdelset(&block, SIGABRT);
    sigdelset(&block, SIGTRAP);
    CHECK(pthread_sigmask(SIG_SETMASK, &block, &before) == 0);
    int e = pthread_create(&t->id, &attr, run, b);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    pthread_attr_destroy(&attr);
    t->running = e == 0;
    if (e == 0)
        return 0;
    mem_free(b);
    return e == ENOMEM ? ERR_MEMORY : ERR_LIMIT;
}

void thread_join(struct thread *t)
{
    if (!t->running)
        return;
    CHECK(pthread_join(t->id, NULL) == 0);
    t->running = false;
}
