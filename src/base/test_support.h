/* What unit tests share: a reproducible stream of numbers and the proof that a check fires. */
#ifndef BASE_TEST_SUPPORT_H
#define BASE_TEST_SUPPORT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* SplitMix64: the same seed gives the same numbers; never for anything but tests. */
static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static inline uint64_t test_below(uint64_t *state, uint64_t bound)
{
    return test_random(state) % bound;
}

/* Runs fn in a child process and returns its wait status; what it wrote to stderr is in text,
 * NUL-terminated and cut to size. */
static inline int test_in_child(void (*fn)(void), char *text, size_t size)
{
    int fds[2];
    if (pipe(fds) != 0)
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        fn();
        _exit(0);
    }
    close(fds[1]);
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(fds[0], text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fds[0]);
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

/* True when fn ends in a failed CHECK whose text holds what. */
static inline bool test_check_fires(void (*fn)(void), const char *what)
{
    char text[512];
    int status = test_in_child(fn, text, sizeof(text));
    return status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
           strstr(text, "critical event=bug") != NULL && strstr(text, what) != NULL;
}

#endif
