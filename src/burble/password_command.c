/* Runs the program that prints a password. It inherits nothing but standard error and a terminal
 * (posix_spawn(3); every other descriptor of ours is closed on exec). */
#include "burble/password_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "burble/app.h"
#include "burble/password.h"
#include "io/clock.h"

extern char **environ;

static int spawn(const struct config_strings *words, int output, pid_t *pid_out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t defaults;
    char **argv = mem_array((size_t)words->count + 1, sizeof(*argv));
    for (uint32_t i = 0; i < words->count; i++)
        argv[i] = words->items[i];
    const char *input = access("/dev/tty", R_OK) == 0 ? "/dev/tty" : "/dev/null";
    int fd = open(input, O_RDONLY | O_CLOEXEC); /* /dev/tty is there also where no terminal is */
    if (fd >= 0)
        close(fd);
    else
        input = "/dev/null";
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    int e = posix_spawnp(pid_out, argv[0], &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    mem_free(argv);
    return e;
}

/* The first line; the rest is read and dropped, so that the program does not meet a closed pipe.
 * False when there is no end in time. */
static bool read_line(int fd, struct buf *out)
{
    uint64_t end = clock_now().mono_ms + PASSWORD_COMMAND_MS_MAX;
    bool line = true;
    char chunk[512];
    for (;;) {
        uint64_t now = clock_now().mono_ms;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= end || (poll(&p, 1, (int)(end - now)) < 0 && errno != EINTR))
            break;
        if (p.revents == 0)
            continue;
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            mem_wipe(chunk, sizeof(chunk));
            return n == 0;
        }
        for (ssize_t i = 0; i < n && line; i++) {
            line = chunk[i] != '\n';
            if (line && buf_len(out) <= PASSWORD_BYTES_MAX)
                buf_byte(out, chunk[i]);
        }
    }
    mem_wipe(chunk, sizeof(chunk));
    return false;
}

int password_command_run(const struct app *app, const struct config_strings *words,
                         const char *where, struct buf *out)
{
    int fds[2], result = 0;
    pid_t pid;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return app_fail(app, EXIT_REFUSED, "%s: %s", where, strerror(errno));
    int e = spawn(words, fds[1], &pid);
    close(fds[1]);
    if (e != 0) {
        close(fds[0]);
        return app_fail(app, EXIT_USAGE, "%s: \"%s\" cannot be started: %s", where, words->items[0],
                        strerror(e));
    }
    bool good = read_line(fds[0], out);
    close(fds[0]);
    if (!good)
        kill(pid, SIGTERM);
    while (waitpid(pid, &result, 0) < 0 && errno == EINTR)
        ;
    if (!good)
        return app_fail(app, EXIT_USAGE, "%s: \"%s\" did not end in %d seconds", where,
                        words->items[0], PASSWORD_COMMAND_MS_MAX / 1000);
    if (WIFSIGNALED(result))
        return app_fail(app, EXIT_USAGE, "%s: \"%s\" was ended by signal %d", where,
                        words->items[0], WTERMSIG(result));
    if (WEXITSTATUS(result) != 0)
        return app_fail(app, EXIT_USAGE, "%s: \"%s\" failed with status %d", where, words->items[0],
                        WEXITSTATUS(result));
    if (buf_len(out) > 0 && out->ptr[out->end - 1] == '\r')
        buf_truncate(out, buf_len(out) - 1);
    return 0;
}
