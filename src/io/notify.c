/* What systemd wants to know (sd_notify(3), sd_watchdog_enabled(3)). */
#include "io/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static unsigned long long number_in(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    unsigned long long n = strtoull(text, &end, 10);
    return *end == '\0' ? n : 0;
}

/* Connects to a path, or to an abstract name that begins with '@'. */
static int connect_to(const char *name)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    if (len < 2 || len >= sizeof(to.sun_path) || (name[0] != '/' && name[0] != '@'))
        return -1;
    memcpy(to.sun_path, name, len);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&to,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
        return fd;
    close(fd);
    return -1;
}

void notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");
    unsigned long long pid = number_in("WATCHDOG_PID"), usec = number_in("WATCHDOG_USEC");
    *n = (struct notify){.fd = name != NULL ? connect_to(name) : -1};
    if (n->fd >= 0 && (pid == 0 || pid == (unsigned long long)getpid()))
        n->watchdog_ms = usec / 1000;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    *n = (struct notify){.fd = -1};
}

static void say(const struct notify *n, const char *text)
{
    /* Not to be heard is no reason to fail: systemd has its own time limits. */
    if (n->fd >= 0)
        (void)!send(n->fd, text, strlen(text), MSG_NOSIGNAL);
}

void notify_ready(const struct notify *n)
{
    say(n, "READY=1");
}

void notify_reloading(const struct notify *n)
{
    char text[80];
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    say(n, text);
}

void notify_stopping(const struct notify *n)
{
    say(n, "STOPPING=1");
}

void notify_watchdog(const struct notify *n)
{
    if (n->watchdog_ms > 0)
        say(n, "WATCHDOG=1");
}

void notify_status(const struct notify *n, const char *text)
{
    char line[220];
    snprintf(line, sizeof(line), "STATUS=%.200s", text);
    line[strcspn(line, "\n")] = '\0';
    say(n, line);
}
