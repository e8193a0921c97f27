/* The ready-made loop over real sockets. The server is in the same loop, by burble_loop_watch, so
 * that all runs on one thread and nothing has to be waited for but what is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "burble/burble_loop.h"
#include "burble/message.h"
#include "client/test_seen.h"
#include "client/test_world.h"

enum { PEERS = 1200, READ_BYTES = 65536, PATIENCE_MS = 60000 };

struct peer {
    int fd; /* -1: none */
    struct world *world;
};

static struct server {
    struct burble_loop *loop;
    int fd;
    uint16_t port;
    struct peer peers[PEERS];
    struct world *shared; /* one for all connections, one after the other; NULL: each its own */
    unsigned accepted, ended;
    bool deaf; /* it does not read */
    size_t read;
} server;

static void peer_end(struct peer *p, bool reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (p->fd < 0)
        return;
    CHECK(burble_loop_watch(server.loop, p->fd, 0, NULL, NULL) == 0);
    if (reset)
        CHECK(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    close(p->fd);
    p->fd = -1;
    server.ended++;
    world_hang_up(p->world);
    if (p->world != server.shared) {
        world_end(p->world);
        free(p->world);
    }
    p->world = NULL;
}

static void peer_write(struct peer *p)
{
    struct buf *down = &p->world->down;
    while (buf_len(down) > 0) {
        struct slice out = buf_slice(down);
        ssize_t n = send(p->fd, out.ptr, out.len, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        buf_consume(down, (size_t)n);
    }
    if (p->world->server.closed && buf_len(down) == 0)
        peer_end(p, false);
}

static void peer_ready(int fd, unsigned events, void *arg)
{
    static char bytes[READ_BYTES];
    struct peer *p = arg;
    (void)events;
    if (server.deaf)
        return;
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            peer_end(p, false);
        return;
    }
    server.read += (size_t)n;
    world_serve(p->world, bytes, (size_t)n);
    peer_write(p);
}

static void server_ready(int fd, unsigned events, void *arg)
{
    (void)events, (void)arg;
    int peer = accept(fd, NULL, NULL);
    CHECK(peer >= 0 && server.accepted < PEERS * 10);
    server.accepted++;
    for (size_t i = 0; i < PEERS; i++) {
        struct peer *p = &server.peers[i];
        if (p->fd >= 0)
            continue;
        p->fd = peer;
        p->world = server.shared != NULL ? server.shared : calloc(1, sizeof(*p->world));
        CHECK(p->world != NULL);
        CHECK(burble_loop_watch(server.loop, peer, BURBLE_READ, peer_ready, p) == 0);
        return;
    }
    CHECK(false);
}

static void listen_at(int *fd_out, uint16_t *port_out)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    *fd_out = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(*fd_out >= 0 && bind(*fd_out, (struct sockaddr *)&at, len) == 0);
    CHECK(getsockname(*fd_out, (struct sockaddr *)&at, &len) == 0);
    CHECK(listen(*fd_out, 1024) == 0);
    *port_out = ntohs(at.sin_port);
}

static void server_begin(struct world *shared)
{
    memset(&server, 0, sizeof(server));
    for (size_t i = 0; i < PEERS; i++)
        server.peers[i].fd = -1;
    server.shared = shared;
    if (shared != NULL)
        memset(shared, 0, sizeof(*shared));
    listen_at(&server.fd, &server.port);
    CHECK(burble_loop_new(NULL, &server.loop) == 0);
    CHECK(burble_loop_watch(server.loop, server.fd, BURBLE_READ, server_ready, NULL) == 0);
}

static void server_end(void)
{
    for (size_t i = 0; i < PEERS; i++)
        peer_end(&server.peers[i], false);
    burble_loop_free(&server.loop);
    close(server.fd);
    if (server.shared != NULL)
        world_end(server.shared);
}

static struct world shared;
static struct test_seen seen;

static struct burble_config config_of(uint16_t port)
{
    return BURBLE_CONFIG(.jid = "me@example.org", .password = "secret", .host = "127.0.0.1",
                         .port = port, .security = BURBLE_TLS_NONE, .flags = BURBLE_UNSAFE_PLAIN,
                         .on_event = test_seen_event, .arg = &seen, .retry_first_ms = 1,
                         .retry_max_ms = 2);
}

static struct burble *client_new(void)
{
    struct burble_config config = config_of(server.port);
    struct burble *c;
    CHECK(burble_new(&config, &c) == 0);
    CHECK(burble_loop_add(server.loop, c) == 0);
    CHECK(burble_loop_add(server.loop, c) == BURBLE_ERR_EXISTS);
    return c;
}

static void too_long(void *arg)
{
    (void)arg;
    CHECK(!"it takes too long");
}

/* Turns until what is waited for is so. */
#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        uint64_t alarm_;                                                                           \
        CHECK(burble_loop_alarm(server.loop, PATIENCE_MS, too_long, NULL, &alarm_) == 0);          \
        while (!(condition)) {                                                                     \
            struct pollfd p_ = {.fd = burble_loop_fd(server.loop), .events = POLLIN};              \
            (void)poll(&p_, 1, burble_loop_wait_ms(server.loop));                                  \
            burble_loop_step(server.loop);                                                         \
        }                                                                                          \
        burble_loop_unalarm(server.loop, alarm_);                                                  \
    } while (0)

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    CHECK(d != NULL);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static void say(struct burble *c, const char *id)
{
    struct burble_message_options o = {.id = id};
    CHECK(burble_say(c, "bob@example.org", "x", &o, NULL, NULL) == 0);
}

static void begin(void)
{
    seen = (struct test_seen){0};
    server_begin(&shared);
}

static void end(void)
{
    server_end();
    test_seen_free(&seen);
}

/* ------------------------------------------------------------------------------------- the tests
 */

static void stop_soon(void *arg)
{
    burble_loop_stop(arg);
}

static void a_session_and_its_end(void **state)
{
    (void)state;
    begin();
    struct burble *c = client_new();
    say(c, "1"); /* before it is connected */
    CHECK(burble_connect(c) == 0);
    RUN_UNTIL(seen.sent == 1);
    assert_int_equal(shared.server.got[1], 1);
    world_say(&shared, "<message from='bob@example.org/x'><body>hello</body></message>");
    peer_write(&server.peers[0]);
    RUN_UNTIL(seen.messages == 1);
    assert_string_equal(seen.body, "hello");
    burble_disconnect(c);
    /* It runs until everybody is offline for good. */
    assert_int_equal(burble_loop_run(server.loop), 0);
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.why, BURBLE_WHY_LEFT);
    assert_int_equal(shared.server.violations + shared.server.bad, 0);
    /* And at once when they are. */
    assert_int_equal(burble_loop_run(server.loop), 0);
    /* A stop is heard, also one from before. */
    CHECK(burble_connect(c) == 0);
    burble_loop_stop(server.loop);
    assert_int_equal(burble_loop_run(server.loop), 0);
    assert_int_equal(burble_state(c), BURBLE_OFFLINE);
    CHECK(burble_loop_alarm(server.loop, 1, stop_soon, server.loop, NULL) == 0);
    assert_int_equal(burble_loop_run(server.loop), 0);
    assert_true(burble_loop_fd(server.loop) >= 0);
    burble_free(&c);
    end();
}

static void run_returns_when_it_is_over(void **state)
{
    struct burble *c;
    int fd;
    (void)state;
    begin();
    /* Nobody listens there. */
    struct burble_config config = config_of(0);
    listen_at(&fd, &config.port);
    close(fd);
    config.flags |= BURBLE_NO_RECONNECT;
    assert_int_equal(burble_new(&config, &c), 0);
    assert_int_equal(burble_run(c), 0);
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    assert_int_equal(seen.why, BURBLE_WHY_UNREACHABLE);
    assert_non_null(strstr(seen.text, "refused"));
    assert_int_equal(burble_loop_add(server.loop, c), 0);
    assert_int_equal(burble_run(c), BURBLE_ERR_EXISTS);
    burble_loop_remove(server.loop, c);
    assert_int_equal(burble_connect(c), BURBLE_ERR_BUSY); /* nothing drives it */
    burble_free(&c);
    end();
}

static void connections_that_break_are_made_again(void **state)
{
    (void)state;
    begin();
    struct burble *c = client_new();
    CHECK(burble_connect(c) == 0);
    RUN_UNTIL(seen.saves > 0);
    unsigned before = descriptors();
    for (unsigned i = 0; i < 1000; i++) {
        char id[16];
        unsigned states = seen.states;
        snprintf(id, sizeof(id), "%u", i);
        say(c, id);
        if (i % 3 == 0)
            burble_loop_step(server.loop);
        struct peer *p = &server.peers[0];
        if (i % 4 == 1) { /* in the middle of something */
            assert_int_equal(send(p->fd, "<message><bo", 12, MSG_NOSIGNAL), 12);
        }
        if (i % 4 == 2)
            shutdown(p->fd, SHUT_WR);
        else
            peer_end(p, i % 2 == 0);
        RUN_UNTIL(seen.states > states + 2 && seen.state == BURBLE_ONLINE);
        assert_true(seen.resumed);
    }
    RUN_UNTIL(seen.sent == 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(shared.server.got[i], 1);
    assert_int_equal(shared.server.resumptions, 1000);
    assert_int_equal(shared.server.violations + shared.server.reordered, 0);
    assert_true(descriptors() <= before);
    burble_free(&c);
    end();
}

static void a_server_that_does_not_read_is_waited_for(void **state)
{
    static char body[60001];
    uint64_t ticket;
    (void)state;
    begin();
    struct burble *c = client_new();
    CHECK(burble_connect(c) == 0);
    RUN_UNTIL(seen.saves > 0);
    memset(body, 'x', sizeof(body) - 1);
    server.deaf = true;
    CHECK(burble_loop_watch(server.loop, server.peers[0].fd, BURBLE_WRITE, peer_ready,
                            &server.peers[0]) == 0);
    CHECK(burble_loop_watch(server.loop, server.peers[0].fd, 0, NULL, NULL) == 0);
    int small = 262144; /* less than that would make the kernel hesitate */
    CHECK(setsockopt(server.peers[0].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
    unsigned said = 0;
    while (burble_say(c, "bob@example.org", body, NULL, &ticket, NULL) == 0) {
        burble_loop_step(server.loop);
        said++;
    }
    assert_true(said > 50); /* 4 MiB of them are kept */
    for (int i = 0; i < 100; i++)
        burble_loop_step(server.loop);
    /* A loop that waits does not spin. */
    assert_true(burble_loop_wait_ms(server.loop) != 0);
    server.deaf = false;
    CHECK(burble_loop_watch(server.loop, server.peers[0].fd, BURBLE_READ, peer_ready,
                            &server.peers[0]) == 0);
    RUN_UNTIL(seen.sent == said);
    assert_true(server.read > (size_t)said * 60000);
    burble_free(&c);
    end();
}

static void note_condition(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)c;
    if (e->kind == BURBLE_EVENT_STATE && e->state->condition != NULL)
        snprintf(arg, 64, "%s", e->state->condition);
}

static void the_last_words_of_a_server_are_heard(void **state)
{
    char condition[64] = "";
    static const char BYE[] = "<stream:error><system-shutdown "
                              "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    (void)state;
    begin();
    struct burble *c = client_new();
    CHECK(burble_connect(c) == 0);
    RUN_UNTIL(seen.saves > 0);
    struct peer *p = &server.peers[0];
    assert_int_equal(send(p->fd, BYE, sizeof(BYE) - 1, MSG_NOSIGNAL), sizeof(BYE) - 1);
    peer_end(p, false);
    /* Writing fails first; what was said before is read even so. */
    say(c, "1");
    seen.then = note_condition;
    seen.arg = condition;
    RUN_UNTIL(seen.sent == 1);
    assert_string_equal(condition, "system-shutdown");
    burble_free(&c);
    end();
}

static void a_foreign_loop_sleeps_when_there_is_nothing(void **state)
{
    (void)state;
    begin();
    struct burble *c = client_new();
    assert_int_equal(burble_loop_wait_ms(server.loop), 0); /* it was just added */
    burble_loop_step(server.loop);
    assert_int_equal(burble_loop_wait_ms(server.loop), -1);
    struct pollfd p = {.fd = burble_loop_fd(server.loop), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    /* What the program asks for outside of the loop wakes it. */
    CHECK(burble_connect(c) == 0);
    assert_int_equal(poll(&p, 1, 0), 1);
    RUN_UNTIL(seen.saves > 0);
    unsigned turns = 0;
    while (burble_loop_wait_ms(server.loop) == 0 || poll(&p, 1, 0) > 0) {
        burble_loop_step(server.loop);
        CHECK(++turns < 100);
    }
    int wait = burble_loop_wait_ms(server.loop);
    assert_true(wait > 10000); /* until it asks whether the server is there */
    say(c, "1");
    assert_int_equal(poll(&p, 1, 0), 1);
    RUN_UNTIL(seen.sent == 1);
    burble_loop_wake(server.loop);
    assert_int_equal(poll(&p, 1, 0), 1);
    burble_loop_step(server.loop);
    assert_int_equal(poll(&p, 1, 0), 0);
    burble_free(&c);
    assert_int_equal(poll(&p, 1, 0), 1); /* it has to let go */
    burble_loop_step(server.loop);
    end();
}

struct waker {
    struct burble_loop *loop;
    unsigned rounds;
};

static void *wake(void *arg)
{
    struct waker *w = arg;
    for (unsigned i = 0; i < w->rounds; i++)
        burble_loop_wake(w->loop);
    burble_loop_stop(w->loop);
    return NULL;
}

static void other_threads_wake_and_stop(void **state)
{
    pthread_t threads[3];
    (void)state;
    begin();
    struct burble *c = client_new();
    CHECK(burble_connect(c) == 0);
    struct waker w = {.loop = server.loop, .rounds = 2000};
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, wake, &w) == 0);
    assert_int_equal(burble_loop_run(server.loop), 0); /* the first stop */
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    RUN_UNTIL(seen.saves > 0);
    burble_free(&c);
    end();
}

static void many_clients_on_one_loop(void **state)
{
    enum { MANY = 1000 };
    static struct burble *clients[MANY];
    struct rlimit limit;
    (void)state;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    size_t n = limit.rlim_cur > 2 * MANY + 100 ? MANY : 200;
    seen = (struct test_seen){0};
    server_begin(NULL);
    unsigned before = descriptors();
    for (size_t i = 0; i < n; i++) {
        clients[i] = client_new();
        CHECK(burble_connect(clients[i]) == 0);
    }
    RUN_UNTIL(seen.saves == n);
    for (size_t i = 0; i < n; i++)
        say(clients[i], "1");
    RUN_UNTIL(seen.sent == n);
    for (size_t i = 0; i < n; i += 2)
        burble_disconnect(clients[i]);
    for (size_t i = 1; i < n; i += 2)
        burble_free(&clients[i]);
    assert_int_equal(burble_loop_run(server.loop), 0);
    assert_int_equal(seen.state, BURBLE_OFFLINE);
    for (size_t i = 0; i < n; i += 2)
        burble_free(&clients[i]);
    RUN_UNTIL(server.ended == server.accepted);
    assert_int_equal(descriptors(), before);
    end();
}

/* ----------------------------------------------------------------- freeing while in use (row V16)
 */

static struct burble *victim;
static enum burble_event_kind when;
static enum burble_state when_state;
static enum how { FREE_CLIENT, REMOVE_CLIENT, FREE_LOOP, FREE_BOTH } how;
static bool did;

static void strike(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)c, (void)arg;
    if (did || e->kind != when || (when == BURBLE_EVENT_STATE && e->state->state != when_state))
        return;
    did = true;
    if (how == FREE_CLIENT || how == FREE_BOTH)
        burble_free(&victim);
    if (how == REMOVE_CLIENT)
        burble_loop_remove(server.loop, victim);
    if (how == FREE_LOOP || how == FREE_BOTH)
        burble_loop_free(&server.loop);
}

static void V16_clients_and_loops_may_end_in_callbacks(void **state)
{
    static const enum burble_state STATES[] = {
        BURBLE_RESOLVING, BURBLE_CONNECTING, BURBLE_AUTHENTICATING, BURBLE_ONLINE, BURBLE_WAITING};
    (void)state;
    for (unsigned i = 0; i < 4 * 7; i++) {
        unsigned at = i / 4;
        how = i % 4;
        when = at < 5 ? BURBLE_EVENT_STATE : at == 5 ? BURBLE_EVENT_SENT : BURBLE_EVENT_MESSAGE;
        when_state = at < 5 ? STATES[at] : BURBLE_OFFLINE;
        did = false;
        begin();
        seen.then = strike;
        struct burble_loop *loop = server.loop;
        victim = client_new();
        struct burble *other = client_new();
        (void)other;
        CHECK(burble_connect(victim) == 0);
        say(victim, "1");
        for (unsigned turns = 0; !did; turns++) {
            CHECK(turns < 100000);
            struct pollfd p = {.fd = burble_loop_fd(loop), .events = POLLIN};
            (void)poll(&p, 1, burble_loop_wait_ms(loop));
            burble_loop_step(loop);
            if (!did && seen.saves > 0 && when == BURBLE_EVENT_MESSAGE) {
                world_say(&shared, "<message from='b@x.org'/>");
                peer_write(&server.peers[0]);
            }
            if (!did && seen.saves > 0 && at == 4)
                peer_end(&server.peers[0], true);
        }
        if (server.loop != NULL) {
            burble_loop_step(server.loop);
            burble_free(&victim);
            burble_free(&other);
        } else { /* its descriptors are still ours */
            burble_free(&victim);
            burble_free(&other);
            CHECK(burble_loop_new(NULL, &server.loop) == 0);
        }
        end();
    }
}

static void a_client_may_change_its_loop(void **state)
{
    struct burble_loop *second;
    (void)state;
    begin();
    struct burble *c = client_new();
    CHECK(burble_connect(c) == 0);
    RUN_UNTIL(seen.saves > 0);
    say(c, "1");
    CHECK(burble_loop_new(NULL, &second) == 0);
    burble_loop_remove(server.loop, c);
    burble_loop_remove(server.loop, c);
    CHECK(burble_loop_add(second, c) == 0);
    /* The connection was the old loop's; the session goes on in the new one. */
    for (unsigned turns = 0; seen.sent < 1; turns++) {
        struct pollfd p[2] = {{.fd = burble_loop_fd(second), .events = POLLIN},
                              {.fd = burble_loop_fd(server.loop), .events = POLLIN}};
        CHECK(turns < 100000);
        (void)poll(p, 2, 1);
        burble_loop_step(second);
        burble_loop_step(server.loop);
    }
    assert_true(seen.resumed);
    assert_int_equal(shared.server.got[1], 1);
    burble_loop_free(&second);
    void *bytes;
    size_t len;
    assert_int_equal(burble_save(c, &bytes, &len), 0);
    free(bytes);
    burble_free(&c);
    end();
}

static void tick(void *arg)
{
    ++*(unsigned *)arg;
}

static void alarms_and_descriptors(void **state)
{
    unsigned fired = 0;
    uint64_t handle, other;
    int pair[2];
    (void)state;
    begin();
    CHECK(burble_loop_alarm(server.loop, 1, tick, &fired, NULL) == 0);
    CHECK(burble_loop_alarm(server.loop, 3600000, tick, &fired, &handle) == 0);
    CHECK(burble_loop_alarm(server.loop, 1, tick, &fired, &other) == 0);
    burble_loop_unalarm(server.loop, other);
    burble_loop_unalarm(server.loop, other);
    RUN_UNTIL(fired == 1);
    burble_loop_unalarm(server.loop, handle);
    /* An alarm counts from the call, not from the last turn. */
    usleep(30000);
    fired = 0;
    CHECK(burble_loop_alarm(server.loop, 100, tick, &fired, NULL) == 0);
    burble_loop_step(server.loop);
    assert_int_equal(fired, 0);
    RUN_UNTIL(fired == 1);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    assert_int_equal(burble_loop_watch(server.loop, 1000000, BURBLE_READ, NULL, NULL),
                     BURBLE_ERR_IO);
    close(pair[0]);
    close(pair[1]);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_and_its_end),
        cmocka_unit_test(run_returns_when_it_is_over),
        cmocka_unit_test(connections_that_break_are_made_again),
        cmocka_unit_test(a_server_that_does_not_read_is_waited_for),
        cmocka_unit_test(the_last_words_of_a_server_are_heard),
        cmocka_unit_test(a_foreign_loop_sleeps_when_there_is_nothing),
        cmocka_unit_test(other_threads_wake_and_stop),
        cmocka_unit_test(many_clients_on_one_loop),
        cmocka_unit_test(V16_clients_and_loops_may_end_in_callbacks),
        cmocka_unit_test(a_client_may_change_its_loop),
        cmocka_unit_test(alarms_and_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
