/* Where log lines go (reliability rows L24, O11, V72): standard error, or journald by its native
 * datagram protocol (systemd's JOURNAL_NATIVE_PROTOCOL), written here so that a full or stopped
 * journal can be noticed instead of waited for. */
#include "io/logger.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "io/clock.h"

enum { EVENTS_MAX = 256, EVENT_BYTES = 48, WAIT_MS = 10, GIVE_UP_MS = 1000 };

/* The window of one event: a second from its first line on. */
struct window {
    char event[EVENT_BYTES];
    uint64_t start_ms;
    uint32_t lines;
    uint64_t suppressed;
    enum log_level level; /* of the last suppressed line */
};

struct logger {
    pthread_mutex_t lock;
    enum logger_target target;
    int fd; /* the stream, or the datagram socket */
    bool stamp;
    uint64_t patient_at_ms; /* before it, a full target is not waited for */
    uint64_t lost, lost_told;
    uint32_t per_s;
    size_t n;
    struct window windows[EVENTS_MAX];
};

static const char *const JOURNAL = "/run/systemd/journal/socket";

struct logger *logger_new(enum logger_target target, int fd, bool stamp)
{
    struct logger *l = mem_new(struct logger);
    CHECK(pthread_mutex_init(&l->lock, NULL) == 0);
    l->target = target;
    l->per_s = LOGGER_PER_S;
    l->stamp = stamp && target == LOGGER_STREAM;
    l->fd = fd;
    if (target == LOGGER_JOURNAL)
        l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    signal(SIGPIPE, SIG_IGN);
    return l;
}

void logger_free(struct logger **lp)
{
    struct logger *l = *lp;
    if (l == NULL)
        return;
    if (l->target == LOGGER_JOURNAL && l->fd >= 0)
        close(l->fd);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
    *lp = NULL;
}

/* A pipe or terminal that reports POLLOUT takes a line (below PIPE_BUF) without blocking; the
 * descriptor is shared with other processes, so it cannot be made non-blocking. */
static bool writable(struct logger *l, struct now now)
{
    struct pollfd p = {.fd = l->fd, .events = POLLOUT};
    int n = poll(&p, 1, now.mono_ms < l->patient_at_ms ? 0 : WAIT_MS);
    if (n > 0 && (p.revents & POLLOUT))
        return true;
    l->patient_at_ms = now.mono_ms + GIVE_UP_MS;
    return false;
}

static bool write_stream(struct logger *l, const char *line, size_t len, struct now now)
{
    char text[TIME_STAMP_BYTES + LOG_LINE_BYTES + 2];
    size_t at = 0;
    if (l->stamp) {
        at = time_stamp(now.wall_ms, text);
        text[at++] = ' ';
    }
    len = len < LOG_LINE_BYTES ? len : LOG_LINE_BYTES;
    memcpy(text + at, line, len);
    at += len;
    text[at++] = '\n';
    ssize_t n;
    do {
        if (!writable(l, now))
            return false;
        n = write(l->fd, text, at);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)at;
}

static bool write_journal(struct logger *l, enum log_level level, const char *event,
                          const char *line, size_t len)
{
    static const char priority[] = {[LOG_DEBUG] = '7',
                                    [LOG_INFO] = '6',
                                    [LOG_WARNING] = '4',
                                    [LOG_ERROR] = '3',
                                    [LOG_CRITICAL] = '2'};
    char text[LOG_LINE_BYTES + 256];
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int n =
        snprintf(text, sizeof(text),
                 "PRIORITY=%c\nSYSLOG_IDENTIFIER=burbled\nBURBLE_EVENT=%.64s\nMESSAGE=%.*s\n",
                 priority[level], event, (int)(len < LOG_LINE_BYTES ? len : LOG_LINE_BYTES), line);
    memcpy(to.sun_path, JOURNAL, strlen(JOURNAL));
    ssize_t sent;
    do {
        sent =
            sendto(l->fd, text, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to));
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static bool write_out(struct logger *l, enum log_level level, const char *event, const char *line,
                      size_t len, struct now now)
{
    bool ok = l->target == LOGGER_JOURNAL ? write_journal(l, level, event, line, len)
                                          : write_stream(l, line, len, now);
    if (!ok)
        l->lost++;
    return ok;
}

/* Tells how many lines of this event were left out. */
static void tell_suppressed(struct logger *l, struct window *w, struct now now)
{
    char line[128];
    int n = snprintf(line, sizeof(line), "%s event=log.suppressed of=%s lines=%llu",
                     log_level_name(w->level), w->event, (unsigned long long)w->suppressed);
    w->suppressed = 0;
    write_out(l, w->level, "log.suppressed", line, (size_t)n, now);
}

static void tell_lost(struct logger *l, struct now now)
{
    char line[64];
    uint64_t lost = l->lost;
    int n = snprintf(line, sizeof(line), "warning event=log.lost lines=%llu",
                     (unsigned long long)(lost - l->lost_told));
    if (write_out(l, LOG_WARNING, "log.lost", line, (size_t)n, now))
        l->lost_told = lost;
    else
        l->lost = lost; /* this line is none that anybody wrote */
}

/* The window of the event; events beyond EVENTS_MAX share the last one. */
static struct window *window_of(struct logger *l, const char *event)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strncmp(l->windows[i].event, event, EVENT_BYTES - 1) == 0)
            return &l->windows[i];
    }
    if (l->n == EVENTS_MAX)
        return &l->windows[EVENTS_MAX - 1];
    struct window *w = &l->windows[l->n++];
    snprintf(w->event, sizeof(w->event), "%s", l->n == EVENTS_MAX ? "other" : event);
    return w;
}

void logger_put(struct logger *l, enum log_level level, const char *event, const char *line,
                size_t len, struct now now)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    struct window *w = window_of(l, event);
    if (w->lines == 0 || now.mono_ms >= w->start_ms + 1000) {
        if (w->suppressed > 0)
            tell_suppressed(l, w, now);
        w->start_ms = now.mono_ms;
        w->lines = 0;
    }
    if (w->lines < l->per_s) {
        w->lines++;
        if (write_out(l, level, event, line, len, now) && l->lost > l->lost_told)
            tell_lost(l, now);
    } else {
        w->suppressed++;
        w->level = level;
    }
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
}

void logger_limit(struct logger *l, uint32_t lines_per_s)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    l->per_s = lines_per_s;
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
}

void logger_tick_at(struct logger *l, struct now now)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    for (size_t i = 0; i < l->n; i++) {
        struct window *w = &l->windows[i];
        if (w->suppressed > 0 && now.mono_ms >= w->start_ms + 1000)
            tell_suppressed(l, w, now);
    }
    if (l->lost > l->lost_told)
        tell_lost(l, now);
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
}

void logger_tick(struct logger *l)
{
    logger_tick_at(l, clock_now());
}

static void sink(void *ctx, enum log_level level, const char *event, const char *line, size_t len)
{
    logger_put(ctx, level, event, line, len, clock_now());
}

struct log logger_face(struct logger *l, enum log_level level)
{
    return (struct log){.level = level, .sink = sink, .ctx = l};
}

uint64_t logger_lost(struct logger *l)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    uint64_t n = l->lost;
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return n;
}
