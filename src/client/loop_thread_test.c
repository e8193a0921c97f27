/* Loops and clients in threads of their own, as a program with threads has them: each has its
 * server and its DNS in its loop, and shares nothing with the others but what the libraries below
 * keep for the process (c-ares, OpenSSL). Made for ThreadSanitizer: script/check-threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "burble/burble_loop.h"
#include "burble/message.h"
#include "client/test_seen.h"
#include "client/test_world.h"

enum { THREADS = 4, ROUNDS = 3, PATIENCE_MS = 60000, DNS_HEADER_BYTES = 12, TYPE_A = 1 };

struct place {
    struct burble_loop *loop;
    struct world world;
    struct test_seen seen;
    int server, dns, peer; /* peer: -1: none */
    unsigned asked;        /* of the DNS */
};

static void peer_ready(int fd, unsigned events, void *arg)
{
    struct place *p = arg;
    char bytes[2048];
    (void)events;
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    if (n > 0)
        world_serve(&p->world, bytes, (size_t)n);
    struct slice out = buf_slice(&p->world.down);
    CHECK(send(fd, out.ptr, out.len, MSG_NOSIGNAL) == (ssize_t)out.len || n <= 0);
    buf_consume(&p->world.down, out.len);
    if (n > 0 && !p->world.server.closed)
        return;
    CHECK(burble_loop_watch(p->loop, fd, 0, NULL, NULL) == 0);
    close(fd);
    p->peer = -1;
    world_hang_up(&p->world);
}

static void server_ready(int fd, unsigned events, void *arg)
{
    struct place *p = arg;
    (void)events;
    CHECK(p->peer < 0);
    p->peer = accept(fd, NULL, NULL);
    CHECK(p->peer >= 0 && burble_loop_watch(p->loop, p->peer, BURBLE_READ, peer_ready, p) == 0);
}

/* Every name is 127.0.0.1 (RFC 1035 section 4.1). */
static void dns_ready(int fd, unsigned events, void *arg)
{
    static const uint8_t HERE[] = {0xc0, DNS_HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0,
                                   1};
    struct place *p = arg;
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    uint8_t m[1024];
    (void)events;
    ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &from_len);
    if (n <= DNS_HEADER_BYTES)
        return;
    size_t end = DNS_HEADER_BYTES;
    while (end < (size_t)n && m[end] != 0)
        end += m[end] + 1u;
    end += 5;
    CHECK(end <= (size_t)n);
    bool address = m[end - 3] == TYPE_A;
    memcpy(m + 2, (uint8_t[]){0x81, 0x80, 0, 1, 0, address, 0, 0, 0, 0}, 10);
    if (address) {
        memcpy(m + end, HERE, sizeof(HERE));
        end += sizeof(HERE);
    }
    p->asked++;
    CHECK(sendto(fd, m, end, 0, (struct sockaddr *)&from, from_len) == (ssize_t)end);
}

static uint16_t bound(int type, int *fd_out)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    *fd_out = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    CHECK(*fd_out >= 0 && bind(*fd_out, (struct sockaddr *)&at, len) == 0);
    CHECK(getsockname(*fd_out, (struct sockaddr *)&at, &len) == 0);
    CHECK(type != SOCK_STREAM || listen(*fd_out, 1) == 0);
    return ntohs(at.sin_port);
}

static void too_long(void *arg)
{
    (void)arg;
    CHECK(!"it takes too long");
}

/* A session from the name of the server to its end. */
static void session(struct place *p, uint16_t port)
{
    struct burble_config config =
        BURBLE_CONFIG(.jid = "me@example.org", .password = "secret", .host = "server.example",
                      .port = port, .security = BURBLE_TLS_NONE, .flags = BURBLE_UNSAFE_PLAIN,
                      .on_event = test_seen_event, .arg = &p->seen);
    struct burble_message_options o = {.id = "1"};
    struct burble *c;
    unsigned sent = p->seen.sent;
    CHECK(burble_new(&config, &c) == 0 && burble_loop_add(p->loop, c) == 0);
    CHECK(burble_connect(c) == 0);
    CHECK(burble_say(c, "bob@example.org", "x", &o, NULL, NULL) == 0);
    while (p->seen.sent == sent)
        CHECK(burble_loop_wait(p->loop, -1) == 0);
    burble_disconnect(c);
    CHECK(burble_loop_run(p->loop) == 0);
    CHECK(p->seen.why == BURBLE_WHY_LEFT);
    burble_free(&c);
    while (p->peer >= 0)
        CHECK(burble_loop_wait(p->loop, -1) == 0);
}

static void *live(void *arg)
{
    struct place *p = arg;
    char servers[32];
    uint16_t port = bound(SOCK_STREAM, &p->server);
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", bound(SOCK_DGRAM, &p->dns));
    for (unsigned i = 0; i < ROUNDS; i++) {
        p->peer = -1;
        CHECK(burble_loop_new(&BURBLE_LOOP_CONFIG(.nameservers = servers), &p->loop) == 0);
        CHECK(burble_loop_alarm(p->loop, PATIENCE_MS, too_long, NULL, NULL) == 0);
        CHECK(burble_loop_watch(p->loop, p->server, BURBLE_READ, server_ready, p) == 0);
        CHECK(burble_loop_watch(p->loop, p->dns, BURBLE_READ, dns_ready, p) == 0);
        session(p, port);
        burble_loop_free(&p->loop);
    }
    close(p->server);
    close(p->dns);
    return NULL;
}

static void loops_live_in_threads_of_their_own(void **state)
{
    pthread_t threads[THREADS];
    struct place *places = calloc(THREADS, sizeof(*places));
    (void)state;
    assert_non_null(places);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, live, &places[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        struct place *p = &places[i];
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(p->seen.sent, ROUNDS);
        assert_int_equal(p->world.server.got[1], ROUNDS);
        assert_int_equal(p->world.server.violations + p->world.server.bad, 0);
        assert_true(p->asked >= ROUNDS);
        test_seen_free(&p->seen);
        world_end(&p->world);
    }
    free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_live_in_threads_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
