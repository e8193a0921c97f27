/* Signals as readable events (signalfd(2)). */
#include "io/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

static void wanted(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
}

int signals_open(int *fd_out)
{
    sigset_t set;
    wanted(&set);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE ? ERR_FULL : ERR_IO;
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    *fd_out = fd;
    return 0;
}

int signals_next(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n;
    do {
        n = read(fd, &info, sizeof(info));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

void signals_close(int *fd)
{
    sigset_t set;
    wanted(&set);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
}
