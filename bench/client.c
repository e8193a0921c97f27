/* Connections of the load program: sockets, TLS, reading and writing, cutting the incoming bytes
 * into units. Owns descriptor, SSL and buffers of a client. What the units mean is in login.c and
 * chat.c. A client writes once per turn. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

enum { READ_BYTES = 64 * 1024, UNIT_BYTES_MAX = 1024 * 1024, EVENTS = 1024, COMPLAINTS_MAX = 10 };

uint64_t bench_clock_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool client_pending(enum client_state s)
{
    return s != CLIENT_OFF && s != CLIENT_READY;
}

void client_change_state(struct client *c, enum client_state to)
{
    struct bench *b = c->bench;
    b->pending += (client_pending(to) ? 1u : 0u) - (client_pending(c->state) ? 1u : 0u);
    b->ready += (to == CLIENT_READY ? 1u : 0u) - (c->state == CLIENT_READY ? 1u : 0u);
    if (to == CLIENT_READY)
        stats_add(&b->login_time, (b->now_ns - c->began_ns) / 1000);
    c->state = to;
}

int client_detach(struct client *c)
{
    int fd = c->fd;
    CHECK(c->state != CLIENT_OFF);
    CHECK(epoll_ctl(c->bench->epoll, EPOLL_CTL_DEL, fd, NULL) == 0);
    SSL_free(c->ssl);
    c->ssl = NULL;
    c->fd = -1;
    c->sm.on = false;
    buf_free(&c->in);
    buf_free(&c->out);
    client_change_state(c, CLIENT_OFF);
    return fd;
}

void client_close(struct client *c)
{
    if (c->state != CLIENT_OFF)
        close(client_detach(c));
}

void client_fail(struct client *c, const char *why, struct slice what)
{
    struct bench *b = c->bench;
    int state = (int)c->state;
    if (c->state == CLIENT_OFF)
        return;
    if (b->ops->lost == NULL && b->may_lose)
        b->lost++;
    else if (b->ops->lost == NULL && b->failed++ < COMPLAINTS_MAX)
        fprintf(stderr, "%s: %s: client %u in state %d: %s %.*s\n", b->ops->program, b->opt.label,
                c->index, state, why, (int)(what.len < 400 ? what.len : 400), what.ptr);
    client_close(c);
    if (b->ops->lost != NULL)
        b->ops->lost(c, why);
}

static void client_watch(struct client *c, int op, bool write)
{
    struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    c->want_write = write;
    CHECK(epoll_ctl(c->bench->epoll, op, c->fd, &ev) == 0);
}

void client_connect(struct client *c)
{
    struct bench *b = c->bench;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(b->opt.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    CHECK(c->state == CLIENT_OFF);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(c->fd >= 0); /* more clients than descriptors: main has checked it */
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->scan = (struct scan){0};
    c->secured = c->authenticated = false;
    c->began_ns = bench_clock_ns();
    c->offers_sm = false;
    client_change_state(c, CLIENT_CONNECT);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        client_watch(c, EPOLL_CTL_ADD, false);
        client_fail(c, "connect:", slice_z(strerror(errno)));
        return;
    }
    client_watch(c, EPOLL_CTL_ADD, true);
}

void client_send(struct client *c, struct slice bytes)
{
    CHECK(c->state == CLIENT_OFF || buf_add(&c->out, bytes) == 0);
}

static bool client_ssl_waits(struct client *c, int result)
{
    int e = SSL_get_error(c->ssl, result);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

static ssize_t client_write(struct client *c, struct slice s)
{
    if (c->ssl == NULL)
        return write(c->fd, s.ptr, s.len);
    ERR_clear_error();
    int n = SSL_write(c->ssl, s.ptr, (int)s.len);
    if (n <= 0)
        errno = client_ssl_waits(c, n) ? EAGAIN : EIO;
    return n <= 0 ? -1 : n;
}

void client_flush(struct client *c)
{
    if (c->state <= CLIENT_HANDSHAKE)
        return;
    while (buf_len(&c->out) > 0) {
        ssize_t n = client_write(c, buf_slice(&c->out));
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            client_fail(c, "write:", slice_z(strerror(errno)));
            return;
        }
        buf_consume(&c->out, (size_t)n);
    }
    if (c->want_write != (buf_len(&c->out) > 0))
        client_watch(c, EPOLL_CTL_MOD, !c->want_write);
}

static void client_left(struct client *c)
{
    sm_forget(c);
    client_close(c);
    if (c->bench->ops->left != NULL)
        c->bench->ops->left(c);
}

static void client_unit(struct client *c, enum scan_event event, struct slice unit)
{
    if (event == SCAN_END && c->state == CLIENT_LEAVING)
        client_left(c);
    else if (event == SCAN_END)
        client_fail(c, "the server ended the stream", SLICE_NONE);
    else if (c->sm.on && c->state != CLIENT_LEAVING && sm_unit(c, unit))
        return;
    else if (c->state == CLIENT_READY ||
             (c->bench->ops->early && c->state == CLIENT_SETTLE && scan_is(unit, SLICE("message"))))
        c->bench->ops->unit(c, unit);
    else if (c->state != CLIENT_LEAVING)
        login_unit(c, event, unit);
}

/* Cuts units off; returns what belongs to an unfinished one. */
static struct slice client_units(struct client *c, struct slice bytes)
{
    size_t len;
    enum scan_event event;
    while (c->state != CLIENT_OFF && bytes.len > 0 &&
           (event = scan_next(&c->scan, bytes, &len)) != SCAN_MORE) {
        struct slice unit = slice_of(bytes.ptr, len);
        bytes = slice_from(bytes, len);
        client_unit(c, event, unit);
    }
    return c->state == CLIENT_OFF ? SLICE_NONE : bytes;
}

static void client_pairing(struct client *c, struct slice bytes)
{
    if (slice_is(bytes, "OK\n")) {
        c->scan.depth = 1; /* no stream tag: messages follow at once */
        client_change_state(c, CLIENT_READY);
    } else {
        client_fail(c, "the relay says", bytes);
    }
}

static void client_bytes(struct client *c, struct slice bytes)
{
    if (c->state == CLIENT_PAIRING) {
        client_pairing(c, bytes);
    } else if (buf_len(&c->in) == 0) {
        struct slice rest = client_units(c, bytes);
        CHECK(rest.len == 0 || buf_add(&c->in, rest) == 0);
    } else {
        CHECK(buf_add(&c->in, bytes) == 0);
        struct slice rest = client_units(c, buf_slice(&c->in));
        if (c->state != CLIENT_OFF)
            buf_consume(&c->in, buf_len(&c->in) - rest.len);
    }
    if (buf_len(&c->in) > UNIT_BYTES_MAX)
        client_fail(c, "a stanza without end", SLICE_NONE);
}

/* A TLS handshake step; the stream goes on when it is done. */
static void client_handshake(struct client *c)
{
    ERR_clear_error();
    int n = SSL_connect(c->ssl);
    if (n == 1) {
        c->secured = true;
        login_begin(c);
    } else if (!client_ssl_waits(c, n)) {
        client_fail(c, "TLS:", slice_z(ERR_reason_error_string(ERR_peek_error())));
    } else if (c->want_write) {
        client_watch(c, EPOLL_CTL_MOD, false);
    }
}

static ssize_t client_read_some(struct client *c)
{
    if (c->ssl == NULL)
        return read(c->fd, c->bench->bytes, READ_BYTES);
    ERR_clear_error();
    int n = SSL_read(c->ssl, c->bench->bytes, READ_BYTES);
    if (n > 0)
        return n;
    errno = client_ssl_waits(c, n) ? EAGAIN : EIO;
    return SSL_get_error(c->ssl, n) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static void client_readable(struct client *c)
{
    for (;;) {
        ssize_t n = client_read_some(c);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 && c->state == CLIENT_LEAVING && c->bench->ops->lost == NULL)
            client_close(c);
        else if (n <= 0)
            client_fail(c, "read:", n == 0 ? SLICE("closed") : slice_z(strerror(errno)));
        else
            client_bytes(c, slice_of(c->bench->bytes, (size_t)n));
        /* Without TLS what is left tells epoll; with it, OpenSSL may hold more. */
        if (c->state <= CLIENT_HANDSHAKE || c->ssl == NULL)
            return;
    }
}

static void client_connected(struct client *c)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0)
        client_fail(c, "connect:", slice_z(strerror(error)));
    else
        login_begin(c);
}

static void client_event(struct client *c, uint32_t events)
{
    if (c->state == CLIENT_CONNECT)
        client_connected(c);
    else if (c->state > CLIENT_HANDSHAKE && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        client_readable(c);
    if (c->state == CLIENT_HANDSHAKE) /* also when the event above has begun it */
        client_handshake(c);
    client_flush(c);
}

void bench_turn(struct bench *b, int wait_ms)
{
    static struct epoll_event events[EVENTS];
    int n = epoll_wait(b->epoll, events, EVENTS, wait_ms);
    for (int i = 0; i < n; i++) {
        b->now_ns = bench_clock_ns();
        client_event(events[i].data.ptr, events[i].events);
    }
    b->now_ns = bench_clock_ns();
}

void client_leave(struct client *c)
{
    if (c->state != CLIENT_READY)
        return;
    client_change_state(c, CLIENT_LEAVING);
    if (c->bench->opt.relay) {
        client_close(c);
        return;
    }
    if (c->sm.on)
        sm_tell(c); /* XEP-0198 section 4 recommends it */
    client_send(c, SLICE("</stream:stream>"));
    client_flush(c);
}

void client_decline(struct client *c, struct slice unit)
{
    struct slice type;
    struct slice id;
    struct slice from = SLICE_NONE;
    if (!scan_is(unit, SLICE("iq")) || !scan_attr(unit, SLICE("type"), &type) ||
        !(slice_is(type, "get") || slice_is(type, "set")) || !scan_attr(unit, SLICE("id"), &id))
        return;
    bool has_from = scan_attr(unit, SLICE("from"), &from);
    buf_printf(&c->out, "<iq type='error' id='%.*s'%s%.*s%s><error type='cancel'>", SLICE_ARG(id),
               has_from ? " to='" : "", SLICE_ARG(from), has_from ? "'" : "");
    buf_lit(&c->out, "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                     "</error></iq>");
    sm_sent(c, SM_NOTHING);
}

void client_free(struct client *c)
{
    client_close(c);
    sm_free(c);
    scram_free(&c->scram);
    buf_free(&c->message);
}
