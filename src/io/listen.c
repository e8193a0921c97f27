/* Listening TCP sockets (tcp(7), ipv6(7)). Shared by all shards: each watches the same descriptor
 * with EPOLLEXCLUSIVE. */
#include "io/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

static bool wildcard(struct slice address)
{
    return address.len == 0 || slice_is(address, "*");
}

/* Another entry of the same port wants an IPv4 address of its own. */
static bool four_beside(const struct listen_at *at, size_t n, uint16_t port)
{
    struct addr a;
    for (size_t i = 0; i < n; i++) {
        if (at[i].port == port && addr_parse(at[i].address, 0, &a) && a.family == 4)
            return true;
    }
    return false;
}

static int open_error(const struct addr *a, int e, struct buf *problem)
{
    char text[ADDR_TEXT_BYTES];
    addr_text(a, text);
    switch (e) {
    case EADDRINUSE:
        buf_printf(problem, "%s is in use", text);
        size_t before = buf_len(problem);
        buf_lit(problem, " by ");
        listen_holder(a->port, problem);
        if (buf_len(problem) == before + 4)
            buf_truncate(problem, before);
        return ERR_BUSY;
    case EACCES:
    case EPERM:
        buf_printf(problem, "%s: not permitted%s", text,
                   a->port < 1024 ? " (ports below 1024 need a privilege or socket activation)"
                                  : "");
        return ERR_REFUSED;
    case EADDRNOTAVAIL:
        buf_printf(problem, "%s: this machine has no such address", text);
        return ERR_NOT_FOUND;
    case EAFNOSUPPORT:
        buf_printf(problem, "%s: this system has no IPv%d", text, a->family);
        return ERR_NOT_FOUND;
    default:
        buf_printf(problem, "%s: %s", text, strerrordesc_np(e) != NULL ? strerrordesc_np(e) : "?");
        return e == EMFILE || e == ENFILE ? ERR_FULL : ERR_IO;
    }
}

/* 0 or errno. */
static int open_socket(const struct addr *a, bool six_only, struct listener *out)
{
    struct sockaddr_storage name;
    socklen_t len = addr_to_socket(a, &name);
    int domain = a->family == 4 ? AF_INET : AF_INET6;
    int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int on = 1, six = six_only ? 1 : 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->family == 6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &six, sizeof(six));
    struct sockaddr_storage bound = {0};
    socklen_t bound_len = sizeof(bound);
    if (bind(fd, (const struct sockaddr *)&name, len) != 0 || listen(fd, LISTEN_BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_len) != 0) {
        int e = errno;
        close(fd);
        return e;
    }
    out->fd = fd;
    addr_from_socket(&bound, &out->addr);
    return 0;
}

static int open_one(const struct listen_at *at, size_t n, size_t i, struct listener *out,
                    struct buf *problem)
{
    struct addr a;
    bool any = wildcard(at[i].address);
    if (!addr_parse(any ? SLICE("::") : at[i].address, at[i].port, &a)) {
        buf_printf(problem, "\"%.*s\" is no IPv4 or IPv6 address", SLICE_ARG(at[i].address));
        return ERR_SYNTAX;
    }
    bool all = addr_is_any(&a) && a.family == 6;
    bool six_only = !all || four_beside(at, n, at[i].port);
    int e = open_socket(&a, six_only, out);
    if (all && !six_only && (e == EAFNOSUPPORT || e == EADDRNOTAVAIL)) {
        (void)addr_parse(SLICE("0.0.0.0"), at[i].port, &a);
        e = open_socket(&a, false, out);
    }
    return e == 0 ? 0 : open_error(&a, e, problem);
}

int listen_open(const struct listen_at *at, size_t n, struct listener *out, size_t *failed_out,
                struct buf *problem)
{
    for (size_t i = 0; i < n; i++) {
        int err = open_one(at, n, i, &out[i], problem);
        if (err != 0) {
            listen_close(out, i);
            *failed_out = i;
            return err;
        }
    }
    return 0;
}

void listen_close(struct listener *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (l[i].fd >= 0)
            close(l[i].fd);
        l[i].fd = -1;
    }
}
