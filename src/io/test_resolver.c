/* The bench of the resolver's tests. */
#include "io/test_resolver.h"

struct loop loop;
struct dns_server server;
struct resolver *resolver;

void on_srv(void *ctx, enum resolver_result result, const struct resolver_srv *records, size_t n)
{
    struct outcome *o = ctx;
    o->calls++;
    o->result = result;
    o->n = n;
    if (n > 0)
        o->srv = records[n - 1];
    if (o->asks_at != NULL)
        assert_int_not_equal(resolver_srv(o->asks_at, "bad name", on_srv, o->asks), 0);
    if (o->cancels_at != NULL)
        resolver_cancel(o->cancels_at, o->cancels);
    if (o->closes != NULL)
        resolver_close(o->closes);
}

void on_addr(void *ctx, enum resolver_result result, const struct addr *addresses, size_t n,
             bool more)
{
    struct outcome *o = ctx;
    assert_true(o->calls == 0 || o->more);
    o->calls++;
    o->result = result;
    o->n = n;
    o->more = more;
    for (size_t i = 0; i < n && o->addr_count < ANSWERS_MAX; i++)
        o->addr[o->addr_count++] = addresses[i];
    if (o->cancels_at != NULL)
        resolver_cancel(o->cancels_at, o->cancels);
    if (o->closes != NULL)
        resolver_close(o->closes);
}

void on_tlsa(void *ctx, enum resolver_result result, const struct resolver_tlsa *records, size_t n,
             bool authenticated)
{
    struct outcome *o = ctx;
    o->calls++;
    o->result = result;
    o->n = n;
    o->authenticated = authenticated;
    if (n > 0)
        assert_memory_equal(records[0].data, "key", records[0].len);
}

void bench_begin(void (*answer)(struct dns_server *s, const struct dns_question *q))
{
    assert_int_equal(loop_init(&loop), 0);
    dns_server_open(&server, &loop, answer);
    const struct resolver_options o = {.servers = server.address};
    assert_int_equal(resolver_open(&loop, &o, &resolver), 0);
    assert_true(resolver_deadline(resolver) == TIME_NEVER);
}

void bench_end(void)
{
    resolver_close(&resolver);
    resolver_close(&resolver);
    dns_server_close(&server);
    loop_close(&loop);
}

void turn(void)
{
    uint64_t deadline_ms = resolver_deadline(resolver);
    loop_once(&loop, deadline_ms, NULL, NULL);
    if (resolver != NULL)
        resolver_run(resolver, loop.now);
}

void settle(void)
{
    for (int i = 0; i < 10; i++) {
        loop_once(&loop, 0, NULL, NULL);
        resolver_run(resolver, loop.now);
    }
}

void until(const struct outcome *o)
{
    for (int turns = 0; o->calls == 0 || o->more; turns++) {
        assert_true(turns < TURNS_MAX);
        turn();
    }
}

void assert_idle(void)
{
    assert_int_equal(resolver->count, 0);
    assert_true(list_empty(&resolver->sockets));
    assert_true(resolver_deadline(resolver) == TIME_NEVER);
}

void until_deadline(struct outcome *o, unsigned n, uint64_t began_ms, uint64_t asked_ms)
{
    assert_true(resolver_deadline(resolver) <= asked_ms + RESOLVER_TIMEOUT_MS);
    resolver_run(resolver, (struct now){.mono_ms = began_ms + RESOLVER_TIMEOUT_MS - 1});
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(o[i].calls, 0);
    resolver_run(resolver, (struct now){.mono_ms = asked_ms + RESOLVER_TIMEOUT_MS});
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(o[i].calls, 1);
        assert_int_equal(o[i].result, RESOLVER_TIMEOUT);
        assert_int_equal(o[i].n, 0);
    }
    assert_idle();
}

enum resolver_result ask_srv(struct outcome *o)
{
    *o = (struct outcome){0};
    assert_int_not_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, o), 0);
    assert_int_equal(o->calls, 0); /* never from inside */
    until(o);
    assert_idle();
    return o->result;
}

void say_nothing(struct dns_server *s, const struct dns_question *q)
{
    (void)s, (void)q;
}

void say_records(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 0);
    if (q->type == RESOLVER_SRV) {
        dns_srv(&s->reply, 1, 2, 5222, "one.example");
    } else if (q->type == RESOLVER_TLSA) {
        size_t record = dns_record(&s->reply, RESOLVER_TLSA);
        dns_bytes(&s->reply, "\3\1\1key", 6);
        dns_end(&s->reply, record);
        s->reply.at[3] |= q->at[3] & 0x20; /* only who asks for AD is told */
    } else {
        dns_address(&s->reply, q->type == RESOLVER_A ? "192.0.2.1" : "2001:db8::1");
    }
    dns_say(s, q);
}

void truncate_udp(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 0);
    s->reply.at[2] |= 0x02;
    dns_say(s, q);
}

void say_no_data(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 0);
    dns_say(s, q);
}

void say_four_at_first(struct dns_server *s, const struct dns_question *q)
{
    if (q->type == RESOLVER_A)
        say_records(s, q);
}

void say_half_by_tcp(struct dns_server *s, const struct dns_question *q)
{
    if (q->tcp)
        assert_int_equal(send(q->fd, "\xff\xff half", 7, 0), 7);
    else
        truncate_udp(s, q);
}
