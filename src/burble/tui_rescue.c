/* The last thing that a crash does. All that the handler needs is made before. */
#include "burble/tui_rescue.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static const int CRASHES[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGSYS};

static struct {
    volatile sig_atomic_t armed;
    struct termios modes;
    char sequence[256];
    size_t len;
    int errors[2]; /* the pipe that stands for standard error */
    int was;       /* standard error itself; 0: it is where it was */
} kept;

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

void tui_rescue(void)
{
    if (!kept.armed)
        return;
    kept.armed = false;
    write_all(STDOUT_FILENO, kept.sequence, kept.len);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &kept.modes);
    tui_rescue_errors_end();
}

static void crashed(int number)
{
    tui_rescue();
    (void)raise(number); /* the handler is gone: it does what it always did */
}

void tui_rescue_arm(const struct termios *modes, struct slice sequence)
{
    struct sigaction act = {.sa_handler = crashed, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)},
                     was;
    kept.modes = *modes;
    kept.len = sequence.len <= sizeof(kept.sequence) ? sequence.len : 0;
    memcpy(kept.sequence, sequence.ptr, kept.len);
    kept.armed = true;
    sigemptyset(&act.sa_mask);
    /* Whoever has a handler already (a sanitizer) has his reasons. */
    for (size_t i = 0; i < sizeof(CRASHES) / sizeof(CRASHES[0]); i++)
        if (sigaction(CRASHES[i], NULL, &was) == 0 && was.sa_handler == SIG_DFL)
            (void)sigaction(CRASHES[i], &act, NULL);
}

void tui_rescue_disarm(void)
{
    kept.armed = false;
}

int tui_rescue_errors(void)
{
    if (!isatty(STDERR_FILENO) || kept.was > 0 || pipe2(kept.errors, O_NONBLOCK | O_CLOEXEC) != 0)
        return -1;
    kept.was = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (kept.was > 0 && dup2(kept.errors[1], STDERR_FILENO) >= 0)
        return kept.errors[0];
    if (kept.was > 0)
        close(kept.was);
    kept.was = 0;
    close(kept.errors[0]);
    close(kept.errors[1]);
    return -1;
}

void tui_rescue_errors_end(void)
{
    char bytes[1024];
    ssize_t n;
    if (kept.was <= 0)
        return;
    (void)dup2(kept.was, STDERR_FILENO);
    while ((n = read(kept.errors[0], bytes, sizeof(bytes))) > 0)
        write_all(STDERR_FILENO, bytes, (size_t)n);
    close(kept.was);
    close(kept.errors[0]);
    close(kept.errors[1]);
    kept.was = 0;
}
