/* Addresses, listeners and connections on loopback. The linker puts the __wrap functions below in
 * place of the system calls (meson.build), so that faults can be played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "io/addr.h"
#include "io/conn.h"
#include "io/listen.h"

static struct {
    int send_calls, recv_calls; /* every third is interrupted, every third has to wait */
    bool faults;
    int accept_errno; /* once */
} play;

ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __real_recv(int fd, void *into, size_t cap, int flags);
ssize_t __wrap_recv(int fd, void *into, size_t cap, int flags);
int __real_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    assert_true(flags & MSG_NOSIGNAL);
    if (!play.faults)
        return __real_sendmsg(fd, msg, flags);
    if (play.send_calls++ % 3 < 2) {
        errno = play.send_calls % 3 == 1 ? EINTR : EAGAIN;
        return -1;
    }
    struct iovec one = msg->msg_iov[0];
    struct msghdr small = {.msg_iov = &one, .msg_iovlen = 1};
    one.iov_len = one.iov_len > 0 ? 1 : 0;
    return __real_sendmsg(fd, &small, flags);
}

ssize_t __wrap_recv(int fd, void *into, size_t cap, int flags)
{
    if (play.faults && play.recv_calls++ % 3 < 2) {
        errno = play.recv_calls % 3 == 1 ? EINTR : EAGAIN;
        return -1;
    }
    return __real_recv(fd, into, play.faults && cap > 3 ? 3 : cap, flags);
}

int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags)
{
    if (play.accept_errno != 0) {
        errno = play.accept_errno;
        play.accept_errno = 0;
        return -1;
    }
    return __real_accept4(fd, name, len, flags);
}

static void check_text(const char *in, const char *text)
{
    struct addr a;
    char out[ADDR_TEXT_BYTES];
    assert_true(addr_parse(slice_z(in), 5222, &a));
    assert_int_equal(addr_text(&a, out), strlen(text));
    assert_string_equal(out, text);
}

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    struct addr a;
    check_text("192.0.2.7", "192.0.2.7:5222");
    check_text("2001:DB8:0::1", "[2001:db8::1]:5222");
    check_text("fe80::1%3", "[fe80::1%3]:5222");
    check_text("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295",
               "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:5222");
    assert_false(addr_parse(SLICE("localhost"), 1, &a));
    assert_false(addr_parse(SLICE("192.0.2"), 1, &a));
    assert_false(addr_parse(SLICE("192.0.2.1%1"), 1, &a));
    assert_false(addr_parse(SLICE("fe80::1%eth0"), 1, &a));
    assert_false(addr_parse(SLICE(""), 1, &a));
    assert_false(addr_parse(SLICE("::1\0x"), 1, &a));
    assert_true(addr_parse(SLICE("127.9.9.9"), 1, &a) && addr_is_loopback(&a));
    assert_true(addr_parse(SLICE("::1"), 1, &a) && addr_is_loopback(&a) && !addr_is_any(&a));
    assert_true(addr_parse(SLICE("::"), 1, &a) && addr_is_any(&a) && !addr_is_loopback(&a));
}

static void a_mapped_address_is_the_one_it_stands_for(void **state)
{
    (void)state;
    struct addr six, four;
    struct sockaddr_storage raw;
    assert_true(addr_parse(SLICE("::ffff:192.0.2.1"), 7, &six));
    addr_to_socket(&six, &raw);
    addr_from_socket(&raw, &four);
    assert_int_equal(four.family, 4);
    assert_int_equal(four.port, 7);
    char out[ADDR_TEXT_BYTES];
    addr_host(&four, out);
    assert_string_equal(out, "192.0.2.1");
    struct addr none = {0};
    addr_text(&none, out);
    assert_string_equal(out, "-");
}

/* A connected pair over TCP on loopback; listener stays open. */
struct tcp {
    struct listener l;
    int client, server;
    struct addr peer;
};

static void tcp_open(struct tcp *t, struct slice address)
{
    struct buf problem = {0};
    size_t failed;
    assert_int_equal(listen_open(&(struct listen_at){address, 0}, 1, &t->l, &failed, &problem), 0);
    struct addr to = t->l.addr;
    if (addr_is_any(&to))
        assert_true(addr_parse(SLICE("127.0.0.1"), t->l.addr.port, &to));
    assert_int_equal(conn_connect(&to, &t->client), 0);
    struct pollfd p = {.fd = t->l.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(conn_accept(t->l.fd, &t->server, &t->peer), 0);
    p = (struct pollfd){.fd = t->client, .events = POLLOUT};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(conn_connected(t->client), 0);
    buf_free(&problem);
}

static void tcp_close(struct tcp *t)
{
    conn_close(&t->client);
    conn_close(&t->server);
    listen_close(&t->l, 1);
}

static void an_accepted_connection_has_its_options(void **state)
{
    (void)state;
    struct tcp t;
    tcp_open(&t, SLICE("127.0.0.1"));
    assert_true(addr_is_loopback(&t.peer));
    int value = 0;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(t.server, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    assert_int_equal(value, 1);
    assert_int_equal(getsockopt(t.server, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len), 0);
    assert_int_equal(value, CONN_USER_TIMEOUT_MS);
    assert_true(fcntl(t.server, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(t.server, F_GETFD) & FD_CLOEXEC);
    int fd;
    assert_int_equal(conn_accept(t.l.fd, &fd, &t.peer), ERR_BUSY);
    tcp_close(&t);
}

static void N09_the_wildcard_takes_both_families(void **state)
{
    (void)state;
    struct tcp t;
    tcp_open(&t, SLICE("*")); /* the client comes over IPv4 */
    assert_int_equal(t.peer.family, 4);
    tcp_close(&t);
}

static void an_end_is_told_apart_from_a_reset(void **state)
{
    (void)state;
    struct tcp t;
    char text[8];
    size_t got;
    tcp_open(&t, SLICE("127.0.0.1"));
    assert_int_equal(conn_read(t.server, text, sizeof(text), &got), ERR_BUSY);
    conn_end(t.client);
    struct pollfd p = {.fd = t.server, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(conn_read(t.server, text, sizeof(text), &got), ERR_CLOSED);
    tcp_close(&t);
    tcp_open(&t, SLICE("127.0.0.1"));
    conn_abort(&t.client);
    p = (struct pollfd){.fd = t.server, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(conn_read(t.server, text, sizeof(text), &got), ERR_IO);
    struct buf out = {0};
    buf_lit(&out, "nobody reads this");
    assert_int_equal(conn_flush(t.server, &out), ERR_CLOSED); /* N05: no signal */
    buf_free(&out);
    tcp_close(&t);
}

static void N03_bytes_keep_their_order_through_interrupted_and_tiny_transfers(void **state)
{
    (void)state;
    struct tcp t;
    struct buf out = {0}, in = {0};
    tcp_open(&t, SLICE("127.0.0.1"));
    for (int i = 0; i < 200; i++)
        buf_printf(&out, "%d,", i);
    struct buf want = {0};
    buf_add(&want, buf_slice(&out));
    play.faults = true;
    for (int spins = 0; buf_len(&in) < buf_len(&want) && spins < 100000; spins++) {
        int err = conn_flush(t.client, &out);
        assert_true(err == 0 || err == ERR_BUSY);
        err = conn_read_buf(t.server, &in, 64);
        assert_true(err == 0 || err == ERR_BUSY);
    }
    play.faults = false;
    assert_true(slice_eq(buf_slice(&in), buf_slice(&want)));
    buf_free(&in);
    buf_free(&out);
    buf_free(&want);
    tcp_close(&t);
}

static void a_full_socket_takes_a_part_and_the_rest_later(void **state)
{
    (void)state;
    struct tcp t;
    tcp_open(&t, SLICE("::1"));
    struct buf out = {0};
    enum { TOTAL = 16 << 20 };
    assert_int_equal(buf_reserve(&out, TOTAL), 0);
    for (int i = 0; i < TOTAL / 4; i++)
        buf_append(&out, &i, 4);
    assert_int_equal(conn_flush(t.client, &out), ERR_BUSY);
    assert_in_range(buf_len(&out), 1, TOTAL - 1);
    static char chunk[1 << 16];
    size_t total = 0, wrong = 0;
    for (size_t got; total < TOTAL;) {
        struct pollfd p = {.fd = t.server, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 5000), 1);
        assert_int_equal(conn_read(t.server, chunk, sizeof(chunk), &got), 0);
        for (size_t i = 0; i < got; i++) {
            uint32_t number = (uint32_t)((total + i) / 4);
            wrong += (unsigned char)chunk[i] != (unsigned char)(number >> 8 * ((total + i) % 4));
        }
        total += got;
        (void)conn_flush(t.client, &out);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(buf_len(&out), 0);
    buf_free(&out);
    tcp_close(&t);
}

static void N08_troubles_of_accept_have_their_names(void **state)
{
    (void)state;
    static const struct {
        int e, err;
    } table[] = {{ECONNABORTED, ERR_CLOSED}, {EPERM, ERR_CLOSED},  {EPROTO, ERR_CLOSED},
                 {EINTR, ERR_CLOSED},        {EMFILE, ERR_FULL},   {ENFILE, ERR_FULL},
                 {ENOBUFS, ERR_MEMORY},      {ENOMEM, ERR_MEMORY}, {EBADF, ERR_IO}};
    struct addr peer;
    int fd;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        play.accept_errno = table[i].e;
        assert_int_equal(conn_accept(0, &fd, &peer), table[i].err);
    }
}

static void R03_without_descriptors_a_connection_is_turned_away(void **state)
{
    (void)state;
    struct buf problem = {0};
    struct listener l;
    size_t failed;
    struct addr peer;
    int fd = -1, client = -1;
    assert_int_equal(
        listen_open(&(struct listen_at){SLICE("127.0.0.1"), 0}, 1, &l, &failed, &problem), 0);
    struct conn_reserve reserve;
    assert_int_equal(conn_reserve_open(&reserve), 0);
    assert_int_equal(conn_connect(&l.addr, &client), 0);
    struct pollfd p = {.fd = l.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)client + 1; /* everything below is in use */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    int filler[64], n = 0;
    while (n < 64 && (filler[n] = open("/dev/null", O_RDONLY)) >= 0)
        n++;
    assert_int_equal(conn_accept(l.fd, &fd, &peer), ERR_FULL);
    bool turned = conn_turn_away(&reserve, l.fd);
    int after = conn_accept(l.fd, &fd, &peer);
    while (n > 0)
        close(filler[--n]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(turned);
    assert_true(reserve.fd >= 0);
    assert_int_equal(after, ERR_BUSY);
    conn_reserve_close(&reserve);
    conn_close(&client);
    listen_close(&l, 1);
    buf_free(&problem);
}

static void O06_a_port_in_use_is_named_with_its_holder_and_nothing_stays_open(void **state)
{
    (void)state;
    struct buf problem = {0};
    struct listener taken, mine[2];
    size_t failed = 9;
    assert_int_equal(
        listen_open(&(struct listen_at){SLICE("127.0.0.1"), 0}, 1, &taken, &failed, &problem), 0);
    const struct listen_at at[] = {{SLICE("127.0.0.1"), 0}, {SLICE("127.0.0.1"), taken.addr.port}};
    assert_int_equal(listen_open(at, 2, mine, &failed, &problem), ERR_BUSY);
    assert_int_equal(failed, 1);
    assert_int_equal(mine[0].fd, -1);
    char want[64];
    buf_byte(&problem, '\0');
    snprintf(want, sizeof(want), "127.0.0.1:%u is in use by ", taken.addr.port);
    assert_memory_equal(problem.ptr, want, strlen(want));
    snprintf(want, sizeof(want), "(pid %d)", (int)getpid());
    assert_non_null(strstr(problem.ptr, want));
    listen_close(&taken, 1);
    buf_free(&problem);
}

static void wrong_addresses_are_refused_with_a_text(void **state)
{
    (void)state;
    struct buf problem = {0};
    struct listener l;
    size_t failed;
    assert_int_equal(
        listen_open(&(struct listen_at){SLICE("localhost"), 0}, 1, &l, &failed, &problem),
        ERR_SYNTAX);
    assert_true(slice_eq(buf_slice(&problem), SLICE("\"localhost\" is no IPv4 or IPv6 address")));
    buf_clear(&problem);
    assert_int_equal(
        listen_open(&(struct listen_at){SLICE("192.0.2.1"), 0}, 1, &l, &failed, &problem),
        ERR_NOT_FOUND);
    buf_free(&problem);
}

static void both_wildcards_share_a_port(void **state)
{
    (void)state;
    struct buf problem = {0};
    struct listener probe, l[2];
    size_t failed;
    assert_int_equal(
        listen_open(&(struct listen_at){SLICE("127.0.0.1"), 0}, 1, &probe, &failed, &problem), 0);
    uint16_t port = probe.addr.port; /* free again in a moment */
    listen_close(&probe, 1);
    const struct listen_at at[] = {{SLICE("::"), port}, {SLICE("0.0.0.0"), port}};
    assert_int_equal(listen_open(at, 2, l, &failed, &problem), 0);
    listen_close(l, 2);
    buf_free(&problem);
}

static void a_refused_connect_is_told(void **state)
{
    (void)state;
    struct tcp t;
    tcp_open(&t, SLICE("127.0.0.1"));
    struct addr nobody = t.l.addr;
    tcp_close(&t);
    int fd;
    assert_int_equal(conn_connect(&nobody, &fd), 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(conn_connected(fd), ERR_REFUSED);
    conn_close(&fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(a_mapped_address_is_the_one_it_stands_for),
        cmocka_unit_test(an_accepted_connection_has_its_options),
        cmocka_unit_test(N09_the_wildcard_takes_both_families),
        cmocka_unit_test(an_end_is_told_apart_from_a_reset),
        cmocka_unit_test(N03_bytes_keep_their_order_through_interrupted_and_tiny_transfers),
        cmocka_unit_test(a_full_socket_takes_a_part_and_the_rest_later),
        cmocka_unit_test(N08_troubles_of_accept_have_their_names),
        cmocka_unit_test(R03_without_descriptors_a_connection_is_turned_away),
        cmocka_unit_test(O06_a_port_in_use_is_named_with_its_holder_and_nothing_stays_open),
        cmocka_unit_test(wrong_addresses_are_refused_with_a_text),
        cmocka_unit_test(both_wildcards_share_a_port),
        cmocka_unit_test(a_refused_connect_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
