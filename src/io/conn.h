/* TCP connections: accept, read, write, end. Descriptors are plain ints that the caller owns;
 * everything is non-blocking and close-on-exec, and no call raises SIGPIPE. EINTR is handled here.
 */
#ifndef IO_CONN_H
#define IO_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "io/addr.h"

/* A peer that acknowledges nothing for so long is gone (N01). */
enum { CONN_USER_TIMEOUT_MS = 60000 };

/* Takes one waiting connection, sets TCP_NODELAY and TCP_USER_TIMEOUT. fd_out is the caller's.
 *   0           there is one; call again
 *   ERR_BUSY    none is waiting
 *   ERR_CLOSED  that one vanished meanwhile or the firewall refused it (N08); call again
 *   ERR_FULL    no descriptor left (EMFILE, ENFILE): drop the oldest unauthenticated connection and
 *               call again, or conn_turn_away (R03)
 *   ERR_MEMORY  the kernel is short of memory: stop accepting for a moment
 *   ERR_IO      the listener is broken */
int conn_accept(int listener, int *fd_out, struct addr *peer_out);

/* A descriptor held back, so that a full table never makes the loop spin on a connection that it
 * can neither take nor refuse. One per accepting thread. */
struct conn_reserve {
    int fd; /* -1: not there */
};
/* 0 or ERR_FULL. */
int conn_reserve_open(struct conn_reserve *r);
void conn_reserve_close(struct conn_reserve *r);
/* Gives the reserve up, takes one waiting connection, closes it, takes the reserve again. True when
 * one was turned away; false: none waits, or even that failed (wait a moment, N08). */
bool conn_turn_away(struct conn_reserve *r, int listener);

/* Reads what there is, up to cap bytes (cap > 0).
 *   0           got_out > 0; when got_out < cap the socket was drained
 *   ERR_BUSY    nothing there now
 *   ERR_CLOSED  the peer ended its direction
 *   ERR_IO      the connection failed (reset, timed out) */
int conn_read(int fd, char *into, size_t cap, size_t *got_out);
/* The same, appended to a buffer that grows by at most cap; also ERR_MEMORY. */
int conn_read_buf(int fd, struct buf *into, size_t cap);

/* Writes from the front of out and consumes what the kernel took. 0: all written; ERR_BUSY: some
 * left, wait for LOOP_WRITE; ERR_CLOSED: the peer is gone. One system call unless interrupted. */
int conn_flush(int fd, struct buf *out);
/* The same for several pieces at once (writev), n <= CONN_PIECES_MAX; wrote_out bytes are gone. */
enum { CONN_PIECES_MAX = 16 };
int conn_write(int fd, const struct slice *pieces, size_t n, size_t *wrote_out);

/* Starts to connect. 0: under way, LOOP_WRITE tells when it is decided, then conn_connected.
 * ERR_FULL, ERR_REFUSED (no route, no such family, not permitted), ERR_IO. */
int conn_connect(const struct addr *to, int *fd_out);
/* 0: connected; ERR_BUSY: not yet; ERR_REFUSED: nobody listens; ERR_CLOSED: timed out, unreachable.
 * The socket stays the caller's. */
int conn_connected(int fd);

/* Ends the own direction (FIN) and leaves the other open. To make sure that the peer gets the last
 * bytes, wait for its end (ERR_CLOSED, or a deadline) before conn_close: closing with unread input
 * makes the kernel send RST, which may overtake them. */
void conn_end(int fd);
/* Closes and sets *fd to -1; harmless when it is. */
void conn_close(int *fd);
/* Closes with RST and throws away what is unsent: for peers that never read. */
void conn_abort(int *fd);

#endif
