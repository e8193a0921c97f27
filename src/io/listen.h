/* Listening TCP sockets. All are open before any is served: no half start (O06). */
#ifndef IO_LISTEN_H
#define IO_LISTEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "io/addr.h"

enum { LISTEN_BACKLOG = 4096 };

struct listen_at {
    /* An IPv4 or IPv6 literal; "" and "*" are "::". That also takes IPv4, and is "0.0.0.0" where
     * the system has no IPv6, unless another entry has an IPv4 address for the same port. */
    struct slice address;
    uint16_t port; /* 0: the system chooses (tests) */
};

struct listener {
    int fd;
    struct addr addr; /* as bound, with the port */
};

/* Opens n sockets into out[n], or none: on failure those opened are closed and *failed_out is the
 * index of the one that failed, problem gets one line of text for people ("127.0.0.1:5222 is in
 * use by prosody (pid 812)").
 *   ERR_SYNTAX   no address literal
 *   ERR_BUSY     in use                         (exit 71)
 *   ERR_REFUSED  a port that needs a privilege  (exit 77)
 *   ERR_NOT_FOUND  this machine has no such address
 *   ERR_FULL, ERR_IO */
int listen_open(const struct listen_at *at, size_t n, struct listener *out, size_t *failed_out,
                struct buf *problem);
void listen_close(struct listener *l, size_t n);

/* Appends "name (pid n)" of the process that listens on the port, as far as /proc shows it; says
 * nothing otherwise. Slow (walks /proc); for error texts. */
void listen_holder(uint16_t port, struct buf *out);

#endif
