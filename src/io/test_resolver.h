/* For tests of the resolver: one with a scripted server in a loop, and what its callbacks were
 * told. No test waits for time: what is late is made late by the time that resolver_run is told. */
#ifndef IO_TEST_RESOLVER_H
#define IO_TEST_RESOLVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/clock.h"
#include "io/resolver.h"
#include "io/resolver_inside.h"
#include "io/test_dns.h"

enum { TURNS_MAX = 2000, ANSWERS_MAX = 8 };

/* What came of a query, and what its callback is to do. */
struct outcome {
    unsigned calls;
    enum resolver_result result;
    size_t n;
    bool more, authenticated;
    struct resolver_srv srv;
    struct addr addr[ANSWERS_MAX]; /* of all calls */
    size_t addr_count;
    struct resolver **closes;
    struct resolver *cancels_at, *asks_at;
    uint64_t cancels;
    struct outcome *asks;
};

extern struct loop loop;
extern struct dns_server server;
extern struct resolver *resolver;

void on_srv(void *ctx, enum resolver_result result, const struct resolver_srv *records, size_t n);
void on_addr(void *ctx, enum resolver_result result, const struct addr *addresses, size_t n,
             bool more);
void on_tlsa(void *ctx, enum resolver_result result, const struct resolver_tlsa *records, size_t n,
             bool authenticated);
void bench_begin(void (*answer)(struct dns_server *s, const struct dns_question *q));
void bench_end(void);
void turn(void);
/* Turns that do not wait, so that what has been sent is read. */
void settle(void);
void until(const struct outcome *o);
/* Nothing is left of a query: nobody is watched, nothing is due. */
void assert_idle(void);
/* All of them are over when their time is, and not before. */
void until_deadline(struct outcome *o, unsigned n, uint64_t began_ms, uint64_t asked_ms);
enum resolver_result ask_srv(struct outcome *o);
void say_nothing(struct dns_server *s, const struct dns_question *q);
void say_records(struct dns_server *s, const struct dns_question *q);
void truncate_udp(struct dns_server *s, const struct dns_question *q);
void say_no_data(struct dns_server *s, const struct dns_question *q);
void say_four_at_first(struct dns_server *s, const struct dns_question *q);
void say_half_by_tcp(struct dns_server *s, const struct dns_question *q);

#endif
