/* Clients and proxies when memory runs out: at every allocation in turn, once and for good. Nothing
 * may end the process, be lost, or look as if it had worked.
 *
 * The link replaces malloc and its kin of our own code (--wrap); OpenSSL is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/test_memory.h"
#include "wire/proxy.h"
#include "wire/tls_client.h"

static const int64_t NOW_S = 1800000000;
static const struct now now = {.mono_ms = 1000};

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(size);
}

static void *openssl_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(p, size);
}

static void openssl_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static struct buf chain, key;
static struct tls_context *server_ctx;

/* All that a client does: trust, connect, shake hands, ask, talk. The fault that it ends with; the
 * bytes of both directions are the caller's. */
static enum tls_fault whole_client(struct slice host, struct buf *up, struct buf *to_server,
                                   struct buf *to_client)
{
    static struct tls_peer_facts facts;
    static struct tls_peer_problem problem;
    enum tls_problem why = TLS_FINE;
    struct buf scratch = {0}, text = {0};
    enum tls_fault fault = TLS_FAULT_MEMORY;
    test_memory.armed = true;
    const struct tls_trust trust = {buf_slice(&chain), buf_slice(&chain), buf_slice(&key)};
    struct tls_context *ctx = tls_context_client(&trust, &why);
    const struct tls_connect c = {.host = host, .alpn = SLICE("xmpp-client"), .now_s = NOW_S};
    struct wire *w = ctx != NULL ? tls_connect_new(ctx, &c) : NULL;
    test_memory.armed = false;
    struct wire *server = tls_accept_new(&(struct tls_accept){0}, server_ctx);
    assert_non_null(server);
    while (w != NULL && w->ops->state(w) == WIRE_OPENING) {
        test_memory.armed = true;
        w->ops->feed(w, buf_slice(to_client), up, to_server, now);
        test_memory.armed = false;
        buf_clear(to_client);
        if (server->ops->state(server) > WIRE_OPEN || buf_len(to_server) == 0)
            break;
        server->ops->feed(server, buf_slice(to_server), &scratch, to_client, now);
        buf_clear(to_server);
    }
    if (w != NULL) {
        test_memory.armed = true;
        tls_peer_facts(w, &facts);
        tls_peer_problem(w, &problem);
        int e = tls_problem_text(&problem, &text);
        if (w->ops->state(w) != WIRE_OPEN)
            fault = e == 0 ? problem.fault : TLS_FAULT_MEMORY;
        else if (w->ops->send(w, SLICE("hello"), to_server) == 0 && e == 0)
            fault = TLS_FAULT_NONE;
        test_memory.armed = false;
        assert_true(e == 0 || e == ERR_MEMORY);
    } else {
        assert_true(ctx != NULL || why != TLS_FINE);
    }
    wire_free(&w);
    wire_free(&server);
    tls_context_unref(&ctx);
    buf_free(&scratch);
    buf_free(&text);
    return fault;
}

static bool right_server(struct buf *up, struct buf *to_server, struct buf *to_client)
{
    return whole_client(SLICE("one.example"), up, to_server, to_client) == TLS_FAULT_NONE;
}

/* However short memory is, a wrong certificate is not taken for a right one. */
static bool wrong_server(struct buf *up, struct buf *to_server, struct buf *to_client)
{
    enum tls_fault fault = whole_client(SLICE("two.example"), up, to_server, to_client);
    assert_int_not_equal(fault, TLS_FAULT_NONE);
    return fault == TLS_FAULT_WRONG_NAME;
}

/* Runs fn with memory for ever more allocations until none is refused; how many there were. */
static long with_ever_more(bool (*fn)(struct buf *, struct buf *, struct buf *), bool for_good,
                           long step)
{
    long n = 0, failed = 0;
    bool done;
    do {
        struct buf a = {0}, b = {0}, c = {0};
        test_memory.left = n;
        test_memory.for_good = for_good;
        done = fn(&a, &b, &c);
        failed += !done;
        assert_true(done || test_memory.left < 0);
        buf_free(&a);
        buf_free(&b);
        buf_free(&c);
        ERR_clear_error();
        n += step;
    } while (test_memory.left < 0);
    assert_true(done);
    assert_true(failed > 0);
    return n;
}

static void a_client_survives_that_memory_runs_out(void **state)
{
    (void)state;
    assert_in_range(with_ever_more(right_server, false, 11), 500, 100000);
    assert_in_range(with_ever_more(right_server, true, 29), 500, 100000);
    assert_in_range(with_ever_more(wrong_server, false, 13), 500, 100000);
}

static bool through(int e, struct wire *w, struct slice answer, struct buf *up, struct buf *down)
{
    assert_int_equal(e, w != NULL ? 0 : ERR_MEMORY);
    if (w == NULL)
        return false;
    w->ops->feed(w, SLICE_NONE, up, down, now);
    enum wire_state state = w->ops->feed(w, answer, up, down, now);
    bool open = state == WIRE_OPEN;
    if (!open)
        assert_string_equal(w->ops->reason(w), "memory");
    bool done = open && buf_len(up) > 0 && w->ops->send(w, SLICE("hello"), down) == 0;
    wire_free(&w);
    return done;
}

static bool both_proxies(struct buf *up, struct buf *down, struct buf *unused)
{
    (void)unused;
    struct wire *w;
    const struct proxy_target target = {.host = SLICE("one.example"),
                                        .port = 5222,
                                        .user = SLICE("alice"),
                                        .password = SLICE("secret")};
    test_memory.armed = true;
    int e = socks5_new(&target, &w);
    bool done = through(e, w, SLICE("\x05\x02\x01\x00\x05\x00\x00\x01\x01\x02\x03\x04\x05\x06up"),
                        up, down);
    buf_free(up);
    buf_free(down);
    e = http_connect_new(&target, &w);
    done &= through(e, w, SLICE("HTTP/1.1 200 OK\r\n\r\nup"), up, down);
    test_memory.armed = false;
    return done;
}

static void proxies_survive_that_memory_runs_out(void **state)
{
    (void)state;
    assert_in_range(with_ever_more(both_proxies, false, 1), 8, 100);
    assert_in_range(with_ever_more(both_proxies, true, 1), 8, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_survives_that_memory_runs_out),
        cmocka_unit_test(proxies_survive_that_memory_runs_out),
    };
    enum tls_problem problem;
    const struct slice host = SLICE("one.example");
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1 ||
        tls_make_certificate(&host, 1, NOW_S, &chain, &key) != 0)
        return 1;
    server_ctx = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
    struct buf a = {0}, b = {0}, c = {0};
    test_memory.left = 1L << 40;
    if (server_ctx == NULL || !right_server(&a, &b, &c)) /* what is made once is made now */
        return 1;
    buf_free(&a);
    buf_free(&b);
    buf_free(&c);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tls_context_unref(&server_ctx);
    buf_free(&chain);
    buf_free(&key);
    return failed;
}
