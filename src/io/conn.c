/* TCP connections (tcp(7), socket(7)). */
#include "io/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

static void set_options(int fd)
{
    /* Both are wishes: on a socket that is no TCP (tests) they fail, and nothing is lost. */
    int on = 1, timeout_ms = CONN_USER_TIMEOUT_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static int accept_error(int e)
{
    switch (e) {
    case EAGAIN:
        return ERR_BUSY;
    case EMFILE:
    case ENFILE:
        return ERR_FULL;
    case ENOBUFS:
    case ENOMEM:
        return ERR_MEMORY;
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    /* Errors of the new connection that Linux passes on (accept(2)). */
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
        return ERR_CLOSED;
    default:
        return ERR_IO;
    }
}

static bool waits(int listener)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

int conn_accept(int listener, int *fd_out, struct addr *peer_out)
{
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof(from);
    int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int err = accept_error(errno);
        /* The system looks for a descriptor first and for a connection then. */
        return err == ERR_FULL && !waits(listener) ? ERR_BUSY : err;
    }
    set_options(fd);
    addr_from_socket(&from, peer_out);
    *fd_out = fd;
    return 0;
}

int conn_reserve_open(struct conn_reserve *r)
{
    r->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return r->fd >= 0 ? 0 : ERR_FULL;
}

void conn_reserve_close(struct conn_reserve *r)
{
    conn_close(&r->fd);
}

bool conn_turn_away(struct conn_reserve *r, int listener)
{
    conn_close(&r->fd);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bool done = fd >= 0;
    conn_close(&fd);
    /* Another thread may have been quicker; then it is tried again with the next one. */
    (void)conn_reserve_open(r);
    return done;
}

int conn_read(int fd, char *into, size_t cap, size_t *got_out)
{
    ssize_t n;
    *got_out = 0;
    do {
        n = recv(fd, into, cap, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        *got_out = (size_t)n;
        return 0;
    }
    if (n == 0)
        return ERR_CLOSED;
    return errno == EAGAIN ? ERR_BUSY : ERR_IO;
}

int conn_read_buf(int fd, struct buf *into, size_t cap)
{
    size_t got;
    int err = buf_reserve(into, cap);
    if (err != 0)
        return err;
    err = conn_read(fd, into->ptr + into->end, cap, &got);
    into->end += (uint32_t)got;
    return err;
}

int conn_write(int fd, const struct slice *pieces, size_t n, size_t *wrote_out)
{
    struct iovec iov[CONN_PIECES_MAX];
    size_t total = 0;
    CHECK(n <= CONN_PIECES_MAX);
    for (size_t i = 0; i < n; i++) {
        iov[i] =
            (struct iovec){.iov_base = (void *)(uintptr_t)pieces[i].ptr, .iov_len = pieces[i].len};
        total += pieces[i].len;
    }
    *wrote_out = 0;
    if (total == 0)
        return 0;
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    ssize_t sent;
    do {
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? ERR_BUSY : ERR_CLOSED;
    *wrote_out = (size_t)sent;
    return (size_t)sent < total ? ERR_BUSY : 0;
}

int conn_flush(int fd, struct buf *out)
{
    size_t wrote;
    struct slice all = buf_slice(out);
    int err = conn_write(fd, &all, 1, &wrote);
    buf_consume(out, wrote);
    return err;
}

int conn_connect(const struct addr *to, int *fd_out)
{
    struct sockaddr_storage name;
    socklen_t len = addr_to_socket(to, &name);
    int domain = to->family == 4 ? AF_INET : AF_INET6;
    int fd = len > 0 ? socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return len > 0 && (errno == EMFILE || errno == ENFILE) ? ERR_FULL : ERR_REFUSED;
    set_options(fd);
    /* An interrupted connect goes on by itself, like one that is in progress. */
    if (connect(fd, (const struct sockaddr *)&name, len) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        conn_close(&fd);
        return ERR_REFUSED;
    }
    *fd_out = fd;
    return 0;
}

int conn_connected(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return ERR_IO;
    if (error != 0)
        return error == ECONNREFUSED ? ERR_REFUSED : ERR_CLOSED;
    struct sockaddr_storage peer;
    len = sizeof(peer);
    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 ? 0 : ERR_BUSY;
}

void conn_end(int fd)
{
    shutdown(fd, SHUT_WR);
}

void conn_close(int *fd)
{
    /* On Linux the descriptor is gone even when close says EINTR. */
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void conn_abort(int *fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (*fd >= 0)
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    conn_close(fd);
}
