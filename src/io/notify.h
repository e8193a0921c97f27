/* What systemd wants to know (sd_notify(3), protocol of its own here: one datagram). */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID once, before threads start, and takes them
 * out of the environment. Without them everything below does nothing. */
struct notify {
    int fd;               /* -1: nobody listens */
    uint64_t watchdog_ms; /* send notify_watchdog at half of it; 0: none wanted */
};

void notify_open(struct notify *n);
void notify_close(struct notify *n);
/* Any thread. A full or missing socket is ignored. */
void notify_ready(const struct notify *n);
void notify_reloading(const struct notify *n); /* followed by notify_ready */
void notify_stopping(const struct notify *n);
void notify_watchdog(const struct notify *n);
/* One line for `systemctl status`, cut at 200 bytes. */
void notify_status(const struct notify *n, const char *text);

#endif
