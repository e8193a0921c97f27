/* The resolver's scripted server. What goes wrong here fails a CHECK: it is the test's own fault.
 */
#include "io/test_dns.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/check.h"
#include "base/list.h"
#include "io/addr.h"

void dns_bytes(struct dns_message *m, const void *bytes, size_t len)
{
    CHECK(len <= sizeof(m->at) - m->len);
    memcpy(m->at + m->len, bytes, len);
    m->len += len;
}

void dns_u16(struct dns_message *m, unsigned value)
{
    const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
    dns_bytes(m, bytes, 2);
}

static void put_u16(struct dns_message *m, size_t at, size_t value)
{
    m->at[at] = (uint8_t)(value >> 8);
    m->at[at + 1] = (uint8_t)value;
}

void dns_name(struct dns_message *m, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        uint8_t byte = (uint8_t)len;
        dns_bytes(m, &byte, 1);
        dns_bytes(m, name, len);
        name += len + (name[len] == '.');
    }
    dns_bytes(m, "", 1);
}

void dns_begin(struct dns_message *m, const uint8_t *question, size_t len, unsigned rcode)
{
    m->len = 0;
    dns_bytes(m, question, len);
    m->at[2] = 0x81;
    m->at[3] = (uint8_t)(0x80 | rcode);
    put_u16(m, 6, 0);
}

void dns_begin_for(struct dns_message *m, const char *name, uint16_t type)
{
    static const uint8_t header[DNS_QUESTION_AT] = {[2] = 0x81, [3] = 0x80, [5] = 1};
    m->len = 0;
    dns_bytes(m, header, sizeof(header));
    dns_name(m, name);
    dns_u16(m, type);
    dns_u16(m, 1);
}

size_t dns_record(struct dns_message *m, uint16_t type)
{
    put_u16(m, 6, (size_t)(m->at[6] << 8 | m->at[7]) + 1);
    dns_u16(m, 0xc000 | DNS_QUESTION_AT);
    dns_u16(m, type);
    dns_u16(m, 1);
    dns_u16(m, 0);
    dns_u16(m, 60);
    dns_u16(m, 0);
    return m->len;
}

void dns_end(struct dns_message *m, size_t record)
{
    put_u16(m, record - 2, m->len - record);
}

void dns_srv(struct dns_message *m, unsigned priority, unsigned weight, unsigned port,
             const char *target)
{
    size_t record = dns_record(m, 33);
    dns_u16(m, priority);
    dns_u16(m, weight);
    dns_u16(m, port);
    dns_name(m, target);
    dns_end(m, record);
}

void dns_address(struct dns_message *m, const char *literal)
{
    struct addr a;
    CHECK(addr_parse(slice_z(literal), 0, &a));
    size_t record = dns_record(m, a.family == 6 ? 28 : 1);
    dns_bytes(m, a.ip, a.family == 6 ? 16 : 4);
    dns_end(m, record);
}

/* --------------------------------------------------------------------------------- the server */

static void on_question(struct dns_server *s, const uint8_t *at, size_t len, struct dns_question *q)
{
    size_t end = DNS_QUESTION_AT;
    CHECK(len > DNS_QUESTION_AT);
    while (at[end] != 0)
        end += 1U + at[end];
    q->at = at;
    q->len = end + 5;
    q->type = (uint16_t)(at[end + 1] << 8 | at[end + 2]);
    CHECK(q->len <= len);
    s->asked++;
    s->asked_tcp += q->tcp;
    s->answer(s, q);
}

static void on_udp(struct loop_fd *f, unsigned events, void *ctx)
{
    struct dns_server *s = CONTAINER_OF(f, struct dns_server, udp);
    struct dns_question q = {.fd = f->fd, .from_len = sizeof(q.from)};
    uint8_t packet[512];
    (void)events, (void)ctx;
    ssize_t n = recvfrom(f->fd, packet, sizeof(packet), 0, (struct sockaddr *)&q.from, &q.from_len);
    if (n > 0)
        on_question(s, packet, (size_t)n, &q);
}

static void on_connection(struct loop_fd *f, unsigned events, void *ctx)
{
    struct dns_server *s = CONTAINER_OF(f, struct dns_server, connection);
    struct dns_question q = {.fd = f->fd, .tcp = true};
    uint8_t packet[514];
    (void)events, (void)ctx;
    ssize_t n = recv(f->fd, packet, sizeof(packet), 0);
    if (n > 2)
        on_question(s, packet + 2, (size_t)n - 2, &q);
    else if (n == 0)
        dns_hang_up(s);
}

static void on_accept(struct loop_fd *f, unsigned events, void *ctx)
{
    struct dns_server *s = CONTAINER_OF(f, struct dns_server, listener);
    (void)events, (void)ctx;
    int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC), bytes = 4 * DNS_MESSAGE_BYTES_MAX;
    CHECK(fd >= 0);
    /* What is said fits, since nobody reads meanwhile. */
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
    dns_hang_up(s);
    s->connection = (struct loop_fd){.ready = on_connection};
    CHECK(loop_watch(s->loop, &s->connection, fd, LOOP_READ) == 0);
}

static int open_socket(int type, uint16_t *port)
{
    struct addr a = {.family = 4, .port = *port, .ip = {127, 0, 0, 1}};
    struct sockaddr_storage ss;
    socklen_t len = addr_to_socket(&a, &ss);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    if (bind(fd, (struct sockaddr *)&ss, len) != 0) {
        close(fd);
        return -1;
    }
    CHECK(getsockname(fd, (struct sockaddr *)&ss, &len) == 0);
    addr_from_socket(&ss, &a);
    *port = a.port;
    return fd;
}

void dns_server_open(struct dns_server *s, struct loop *l,
                     void (*answer)(struct dns_server *s, const struct dns_question *q))
{
    int tcp, udp = -1;
    memset(s, 0, sizeof(*s));
    s->loop = l;
    s->answer = answer;
    s->udp.ready = on_udp;
    s->listener.ready = on_accept;
    do { /* until a port is free for both */
        if (udp >= 0)
            close(udp);
        s->port = 0;
        udp = open_socket(SOCK_DGRAM, &s->port);
        tcp = open_socket(SOCK_STREAM, &s->port);
    } while (tcp < 0);
    CHECK(listen(tcp, 8) == 0);
    CHECK(loop_watch(l, &s->udp, udp, LOOP_READ) == 0);
    CHECK(loop_watch(l, &s->listener, tcp, LOOP_READ) == 0);
    snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", (unsigned)s->port);
}

static void close_watched(struct loop *l, struct loop_fd *f)
{
    if (!f->watched)
        return;
    loop_forget(l, f);
    close(f->fd);
}

void dns_hang_up(struct dns_server *s)
{
    close_watched(s->loop, &s->connection);
}

void dns_server_close(struct dns_server *s)
{
    close_watched(s->loop, &s->udp);
    close_watched(s->loop, &s->listener);
    dns_hang_up(s);
}

void dns_say(struct dns_server *s, const struct dns_question *q)
{
    const struct dns_message *m = &s->reply;
    if (!q->tcp) {
        CHECK(sendto(q->fd, m->at, m->len, 0, (const struct sockaddr *)&q->from, q->from_len) >= 0);
        return;
    }
    const uint8_t len[] = {(uint8_t)(m->len >> 8), (uint8_t)m->len};
    CHECK(send(q->fd, len, 2, MSG_NOSIGNAL) == 2);
    CHECK(send(q->fd, m->at, m->len, MSG_NOSIGNAL) == (ssize_t)m->len);
}
