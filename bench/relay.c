/* relay: the floor that the servers are measured against. One thread and one epoll set copy bytes
 * between the two sides of a pair; no byte of XML is looked at.
 *
 * A connection first sends "PAIR n\n"; when both sides of n are there, each is told "OK\n", and
 * from then on what one side sends is written to the other. Per turn of the loop a ready link costs
 * one read, as large as there are bytes, and one write to its peer. A peer that does not take
 * everything keeps the rest, and its source is not read until that is gone. Loopback only. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

enum {
    READ_BYTES = 256 * 1024,
    LINE_BYTES = 32,
    PAIRS_MAX = 20000,
    EVENTS = 1024,
};

struct link {
    int fd;
    bool open;
    bool held; /* not read: the peer still has unwritten bytes */
    uint32_t line_len;
    char line[LINE_BYTES]; /* what came of "PAIR n" */
    struct link *peer;     /* NULL until both are there */
    struct link *next_dead;
    struct buf rest; /* bytes for this link that its socket did not take */
};

struct relay {
    int epoll;
    int listener;
    char *bytes;           /* READ_BYTES */
    struct link **waiting; /* by pair number, the side that came first */
    struct link *dead;     /* closed in this turn, freed at its end */
};

static void relay_watch(struct relay *r, struct link *l, int op)
{
    uint32_t events = (l->held ? 0 : EPOLLIN) | (buf_len(&l->rest) > 0 ? EPOLLOUT : 0);
    struct epoll_event ev = {.events = events, .data.ptr = l};
    CHECK(epoll_ctl(r->epoll, op, l->fd, &ev) == 0);
}

static void relay_close(struct relay *r, struct link *l)
{
    if (l == NULL || !l->open)
        return;
    l->open = false;
    close(l->fd);
    l->next_dead = r->dead;
    r->dead = l;
    for (size_t i = 0; l->peer == NULL && i < PAIRS_MAX; i++)
        if (r->waiting[i] == l)
            r->waiting[i] = NULL;
    relay_close(r, l->peer); /* ends there: this side is closed */
}

static void relay_bury(struct relay *r)
{
    while (r->dead != NULL) {
        struct link *l = r->dead;
        r->dead = l->next_dead;
        buf_free(&l->rest);
        mem_free(l);
    }
}

static void relay_accept(struct relay *r)
{
    int fd;
    while ((fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct link *l = mem_new(struct link);
        l->fd = fd;
        l->open = true;
        relay_watch(r, l, EPOLL_CTL_ADD);
    }
}

/* Writes to a link; what its socket does not take waits in rest. False: it is broken. */
static bool relay_write(struct link *l, const char *data, size_t len)
{
    ssize_t n = write(l->fd, data, len);
    if (n < 0 && errno != EAGAIN)
        return false;
    size_t done = n < 0 ? 0 : (size_t)n;
    return done == len || buf_append(&l->rest, data + done, len - done) == 0;
}

/* The complete line names the pair; the second side to come joins the first. False: nonsense. */
static bool relay_join(struct relay *r, struct link *l)
{
    unsigned long long id;
    struct slice line = slice_of(l->line, l->line_len - 1);
    if (!slice_starts(line, SLICE("PAIR ")) || !slice_to_u64(slice_from(line, 5), &id) ||
        id >= PAIRS_MAX)
        return false;
    struct link *first = r->waiting[id];
    if (first == NULL) {
        r->waiting[id] = l;
        return true;
    }
    r->waiting[id] = NULL;
    l->peer = first;
    first->peer = l;
    return relay_write(l, "OK\n", 3) && relay_write(first, "OK\n", 3);
}

static bool relay_greet(struct relay *r, struct link *l)
{
    ssize_t n = read(l->fd, l->line + l->line_len, LINE_BYTES - l->line_len);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    l->line_len += (uint32_t)n;
    if (l->line[l->line_len - 1] == '\n')
        return relay_join(r, l);
    return l->line_len < LINE_BYTES && memchr(l->line, '\n', l->line_len) == NULL;
}

static bool relay_copy(struct relay *r, struct link *l)
{
    ssize_t n = read(l->fd, r->bytes, READ_BYTES);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    if (!relay_write(l->peer, r->bytes, (size_t)n))
        return false;
    if (buf_len(&l->peer->rest) > 0) {
        l->held = true;
        relay_watch(r, l, EPOLL_CTL_MOD);
        relay_watch(r, l->peer, EPOLL_CTL_MOD);
    }
    return true;
}

static bool relay_drain(struct relay *r, struct link *l)
{
    struct slice s = buf_slice(&l->rest);
    ssize_t n = write(l->fd, s.ptr, s.len);
    if (n < 0)
        return errno == EAGAIN;
    buf_consume(&l->rest, (size_t)n);
    if (buf_len(&l->rest) == 0) {
        relay_watch(r, l, EPOLL_CTL_MOD);
        l->peer->held = false;
        relay_watch(r, l->peer, EPOLL_CTL_MOD);
    }
    return true;
}

static void relay_event(struct relay *r, struct link *l, uint32_t events)
{
    bool fine = true;
    if (!l->open)
        return;
    if (fine && (events & EPOLLOUT) != 0 && buf_len(&l->rest) > 0)
        fine = relay_drain(r, l);
    if (fine && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        fine = l->peer != NULL ? relay_copy(r, l) : relay_greet(r, l);
    if (!fine)
        relay_close(r, l);
}

static int relay_listen(uint16_t port)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0) {
        perror("relay");
        return -1;
    }
    return fd;
}

int main(int argc, char **argv)
{
    unsigned long long port;
    if (argc != 2 || !slice_to_u64(slice_z(argv[1]), &port) || port == 0 || port > 65535) {
        fputs("usage: relay PORT\nCopies bytes between pairs of connections on 127.0.0.1:PORT.\n",
              stderr);
        return 64;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    struct relay r = {.listener = relay_listen((uint16_t)port), .epoll = epoll_create1(0)};
    if (r.listener < 0)
        return 69;
    r.bytes = mem_alloc(READ_BYTES);
    r.waiting = mem_array(PAIRS_MAX, sizeof(struct link *));
    struct epoll_event *events = mem_array(EVENTS, sizeof *events);
    struct epoll_event accepting = {.events = EPOLLIN, .data.ptr = NULL};
    CHECK(epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.listener, &accepting) == 0);
    for (;;) {
        int n = epoll_wait(r.epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                relay_accept(&r);
            else
                relay_event(&r, events[i].data.ptr, events[i].events);
        }
        relay_bury(&r);
    }
}
