/* Loop, waker and mailbox, on socket pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/list.h"
#include "io/clock.h"
#include "io/conn.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/thread.h"

struct probe {
    struct loop_fd watch;
    struct loop *loop;
    struct probe *forgets; /* taken out of the loop by this one's callback */
    int calls;
    unsigned events;
    size_t bytes; /* read */
    bool reads, ended;
};

static void on_ready(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)ctx;
    struct probe *p = CONTAINER_OF(f, struct probe, watch);
    p->calls++;
    p->events |= events;
    char text[64];
    size_t got;
    while (p->reads && (events & LOOP_READ)) {
        int err = conn_read(f->fd, text, sizeof(text), &got);
        p->bytes += got;
        if (err == ERR_CLOSED || err == ERR_IO)
            p->ended = true;
        if (err != 0)
            break;
    }
    if (p->forgets != NULL)
        loop_forget(p->loop, &p->forgets->watch);
}

struct pair {
    int ours, theirs;
    struct probe probe;
};

static void pair_open(struct loop *l, struct pair *p, unsigned want)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *p = (struct pair){fds[0], fds[1], {.watch = {.ready = on_ready}, .loop = l, .reads = true}};
    assert_int_equal(loop_watch(l, &p->probe.watch, p->ours, want), 0);
}

static void pair_close(struct loop *l, struct pair *p)
{
    loop_forget(l, &p->probe.watch);
    conn_close(&p->ours);
    conn_close(&p->theirs);
}

static void N13_data_comes_before_the_end_of_the_peer(void **state)
{
    (void)state;
    struct loop l;
    struct pair p;
    assert_int_equal(loop_init(&l), 0);
    pair_open(&l, &p, LOOP_READ);
    assert_int_equal(write(p.theirs, "last words", 10), 10);
    conn_close(&p.theirs); /* IN and HUP at once */
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.calls, 1);
    assert_int_equal(p.probe.bytes, 10);
    assert_true(p.probe.ended);
    pair_close(&l, &p);
    loop_close(&l);
}

static void a_paused_link_hears_once_that_the_peer_is_gone(void **state)
{
    (void)state;
    struct loop l;
    struct pair p;
    assert_int_equal(loop_init(&l), 0);
    pair_open(&l, &p, LOOP_READ);
    assert_int_equal(loop_want(&l, &p.probe.watch, 0), 0);
    assert_int_equal(write(p.theirs, "abc", 3), 3);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.calls, 0);
    conn_close(&p.theirs);
    for (int i = 0; i < 5; i++)
        loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.calls, 1);
    assert_int_equal(p.probe.events, LOOP_GONE);
    /* Reading again still finds the data. */
    assert_int_equal(loop_want(&l, &p.probe.watch, LOOP_READ), 0);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.bytes, 3);
    assert_true(p.probe.ended);
    pair_close(&l, &p);
    loop_close(&l);
}

static void only_what_is_wanted_is_reported(void **state)
{
    (void)state;
    struct loop l;
    struct pair p;
    assert_int_equal(loop_init(&l), 0);
    pair_open(&l, &p, 0);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.calls, 0);
    assert_int_equal(loop_want(&l, &p.probe.watch, LOOP_WRITE), 0);
    assert_int_equal(write(p.theirs, "x", 1), 1);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.events, LOOP_WRITE);
    assert_int_equal(loop_want(&l, &p.probe.watch, LOOP_READ | LOOP_WRITE), 0);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.events, LOOP_READ | LOOP_WRITE);
    pair_close(&l, &p);
    loop_close(&l);
}

static void a_forgotten_descriptor_is_not_called_in_the_same_turn(void **state)
{
    (void)state;
    struct loop l;
    struct pair a, b;
    assert_int_equal(loop_init(&l), 0);
    pair_open(&l, &a, LOOP_READ);
    pair_open(&l, &b, LOOP_READ);
    a.probe.forgets = &b.probe;
    b.probe.forgets = &a.probe;
    assert_int_equal(write(a.theirs, "x", 1), 1);
    assert_int_equal(write(b.theirs, "x", 1), 1);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(a.probe.calls + b.probe.calls, 1);
    pair_close(&l, &a);
    pair_close(&l, &b);
    loop_close(&l);
}

static void a_link_moves_to_another_loop_with_its_unread_bytes(void **state)
{
    (void)state;
    struct loop one, two;
    struct pair p;
    assert_int_equal(loop_init(&one), 0);
    assert_int_equal(loop_init(&two), 0);
    pair_open(&one, &p, LOOP_READ);
    assert_int_equal(write(p.theirs, "unread", 6), 6);
    loop_forget(&one, &p.probe.watch);
    assert_int_equal(loop_watch(&two, &p.probe.watch, p.ours, LOOP_READ), 0);
    loop_once(&one, 0, NULL, NULL);
    assert_int_equal(p.probe.calls, 0);
    loop_once(&two, 0, NULL, NULL);
    assert_int_equal(p.probe.bytes, 6);
    pair_close(&two, &p);
    loop_close(&one);
    loop_close(&two);
}

static void a_listener_is_paused_and_served_again(void **state)
{
    (void)state;
    struct loop l;
    struct pair p;
    assert_int_equal(loop_init(&l), 0);
    pair_open(&l, &p, LOOP_READ | LOOP_EXCLUSIVE);
    assert_int_equal(loop_want(&l, &p.probe.watch, 0), 0);
    assert_int_equal(write(p.theirs, "x", 1), 1);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.calls, 0);
    assert_int_equal(loop_want(&l, &p.probe.watch, LOOP_READ), 0);
    loop_once(&l, 0, NULL, NULL);
    assert_int_equal(p.probe.bytes, 1);
    pair_close(&l, &p);
    loop_close(&l);
}

/* More descriptors than a wait reports at once, all of them with something to read, always. */
static void N14_whoever_is_ready_is_called_within_a_few_turns(void **state)
{
    (void)state;
    enum { PAIRS = 300, TURNS = 10 };
    static struct pair p[PAIRS];
    struct loop l;
    assert_int_equal(loop_init(&l), 0);
    for (int i = 0; i < PAIRS; i++) {
        pair_open(&l, &p[i], LOOP_READ);
        p[i].probe.reads = false;
        assert_int_equal(write(p[i].theirs, "x", 1), 1);
    }
    for (int i = 0; i < 2 * TURNS; i++)
        loop_once(&l, 0, NULL, NULL);
    for (int i = 0; i < PAIRS; i++) {
        assert_in_range(p[i].probe.calls, TURNS, 2 * TURNS);
        pair_close(&l, &p[i]);
    }
    loop_close(&l);
}

static void mail_comes_out_in_the_order_in_which_it_went_in(void **state)
{
    (void)state;
    struct mailbox m;
    struct mailbox_node nodes[5];
    mailbox_init(&m, NULL);
    assert_null(mailbox_take(&m));
    assert_true(mailbox_empty(&m));
    for (int i = 0; i < 5; i++)
        mailbox_push(&m, &nodes[i]);
    assert_false(mailbox_empty(&m));
    struct mailbox_node *at = mailbox_take(&m);
    for (int i = 0; i < 5; i++, at = at->next)
        assert_ptr_equal(at, &nodes[i]);
    assert_null(at);
    assert_true(mailbox_empty(&m));
}

/* Four producers, one consuming loop that sleeps whenever there is nothing. */
enum { PRODUCERS = 4, MAILS = 2000 };

struct mail {
    struct mailbox_node node;
    int producer, number;
};

struct office {
    struct loop loop;
    struct mailbox box;
    int next[PRODUCERS], total, disorder;
};

struct producer {
    struct thread thread;
    struct office *office;
    struct mail mails[MAILS];
    int index;
};

static void produce(void *arg)
{
    struct producer *p = arg;
    for (int i = 0; i < MAILS; i++) {
        p->mails[i].producer = p->index;
        p->mails[i].number = i;
        mailbox_push(&p->office->box, &p->mails[i].node);
    }
}

static uint64_t consume(void *ctx, struct now now)
{
    (void)now;
    struct office *o = ctx;
    for (struct mailbox_node *n = mailbox_take(&o->box); n != NULL; n = n->next) {
        const struct mail *m = CONTAINER_OF(n, struct mail, node);
        o->disorder += m->number != o->next[m->producer]++;
        o->total++;
    }
    if (o->total == PRODUCERS * MAILS)
        loop_stop(&o->loop);
    return TIME_NEVER;
}

static bool has_mail(void *ctx)
{
    return !mailbox_empty(&((struct office *)ctx)->box);
}

static void no_mail_is_lost_and_each_producer_keeps_its_order(void **state)
{
    (void)state;
    static struct office o;
    static struct producer producers[PRODUCERS];
    assert_int_equal(loop_init(&o.loop), 0);
    mailbox_init(&o.box, &o.loop.waker);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i].office = &o;
        producers[i].index = i;
        assert_int_equal(thread_start(&producers[i].thread, "producer", produce, &producers[i]), 0);
    }
    loop_run(&o.loop, &(struct loop_hooks){consume, has_mail}, &o);
    for (int i = 0; i < PRODUCERS; i++)
        thread_join(&producers[i].thread);
    assert_int_equal(o.total, PRODUCERS * MAILS);
    assert_int_equal(o.disorder, 0);
    loop_close(&o.loop);
}

static void stop_soon(void *arg)
{
    loop_stop(arg);
}

static uint64_t never(void *ctx, struct now now)
{
    (void)ctx, (void)now;
    return TIME_NEVER;
}

static void another_thread_stops_a_sleeping_loop(void **state)
{
    (void)state;
    struct loop l;
    struct thread t;
    assert_int_equal(loop_init(&l), 0);
    assert_int_equal(thread_start(&t, "stopper", stop_soon, &l), 0);
    loop_run(&l, &(struct loop_hooks){never, NULL}, NULL);
    thread_join(&t);
    loop_close(&l);
}

static void a_deadline_ends_the_wait_and_not_before(void **state)
{
    (void)state;
    struct loop l;
    assert_int_equal(loop_init(&l), 0);
    uint64_t at = clock_now().mono_ms + 20;
    loop_once(&l, at, NULL, NULL);
    assert_true(l.now.mono_ms >= at);
    loop_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(N13_data_comes_before_the_end_of_the_peer),
        cmocka_unit_test(a_paused_link_hears_once_that_the_peer_is_gone),
        cmocka_unit_test(only_what_is_wanted_is_reported),
        cmocka_unit_test(a_forgotten_descriptor_is_not_called_in_the_same_turn),
        cmocka_unit_test(a_link_moves_to_another_loop_with_its_unread_bytes),
        cmocka_unit_test(a_listener_is_paused_and_served_again),
        cmocka_unit_test(N14_whoever_is_ready_is_called_within_a_few_turns),
        cmocka_unit_test(mail_comes_out_in_the_order_in_which_it_went_in),
        cmocka_unit_test(no_mail_is_lost_and_each_producer_keeps_its_order),
        cmocka_unit_test(another_thread_stops_a_sleeping_loop),
        cmocka_unit_test(a_deadline_ends_the_wait_and_not_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
