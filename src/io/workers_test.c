/* The pool of workers, and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/thread.h"
#include "io/workers.h"

/* Holds workers back until the test lets them go on. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool open;
    int inside;
} door = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};

static void door_pass(void)
{
    pthread_mutex_lock(&door.lock);
    door.inside++;
    pthread_cond_broadcast(&door.change);
    while (!door.open)
        pthread_cond_wait(&door.change, &door.lock);
    door.inside--;
    pthread_mutex_unlock(&door.lock);
}

static void door_await(int inside)
{
    pthread_mutex_lock(&door.lock);
    while (door.inside < inside)
        pthread_cond_wait(&door.change, &door.lock);
    pthread_mutex_unlock(&door.lock);
}

static void door_set(bool open)
{
    pthread_mutex_lock(&door.lock);
    door.open = open;
    pthread_cond_broadcast(&door.change);
    pthread_mutex_unlock(&door.lock);
}

struct sum {
    struct job job;
    struct mailbox *answers;
    int in, out;
};

static void sum_run(struct job *job)
{
    struct sum *s = CONTAINER_OF(job, struct sum, job);
    door_pass();
    s->out = s->in * 2;
}

static void sum_done(struct job *job)
{
    struct sum *s = CONTAINER_OF(job, struct sum, job);
    mailbox_push(s->answers, &job->node);
}

static void L11_the_queue_is_bounded(void **state)
{
    (void)state;
    struct workers *w;
    struct mailbox answers;
    struct sum sums[5];
    mailbox_init(&answers, NULL);
    door_set(false);
    assert_int_equal(workers_start("test", 1, 3, &w), 0);
    for (int i = 0; i < 5; i++)
        sums[i] = (struct sum){{.run = sum_run, .done = sum_done}, &answers, i, -1};
    assert_int_equal(workers_submit(w, &sums[0].job), 0);
    door_await(1); /* one runs */
    for (int i = 1; i < 4; i++)
        assert_int_equal(workers_submit(w, &sums[i].job), 0);
    assert_int_equal(workers_submit(w, &sums[4].job), ERR_BUSY);
    assert_int_equal(workers_waiting(w), 3);
    door_set(true);
    int total = 0;
    while (total < 4) {
        for (struct mailbox_node *n = mailbox_take(&answers), *next; n != NULL; n = next) {
            const struct sum *s = CONTAINER_OF(n, struct sum, job.node);
            next = n->next;
            assert_int_equal(s->in, total); /* in order, with one worker */
            assert_int_equal(s->out, total * 2);
            assert_false(s->job.dropped);
            total++;
        }
    }
    workers_stop(&w);
    assert_null(w);
    workers_stop(&w);
}

static void a_stop_hands_waiting_jobs_back(void **state)
{
    (void)state;
    struct workers *w;
    struct mailbox answers;
    struct sum sums[6];
    mailbox_init(&answers, NULL);
    door_set(false);
    assert_int_equal(workers_start("test", 2, 10, &w), 0);
    for (int i = 0; i < 6; i++) {
        sums[i] = (struct sum){{.run = sum_run, .done = sum_done}, &answers, i, -1};
        assert_int_equal(workers_submit(w, &sums[i].job), 0);
    }
    door_await(2);
    door_set(true);
    workers_stop(&w);
    int ran = 0, dropped = 0;
    for (struct mailbox_node *n = mailbox_take(&answers); n != NULL; n = n->next) {
        const struct sum *s = CONTAINER_OF(n, struct sum, job.node);
        assert_int_equal(s->out, s->job.dropped ? -1 : s->in * 2);
        ran += !s->job.dropped;
        dropped += s->job.dropped;
    }
    assert_int_equal(ran + dropped, 6);
    assert_true(ran >= 2);
}

struct facts {
    char name[THREAD_NAME_BYTES];
    sigset_t blocked;
    size_t stack;
};

static void look(void *arg)
{
    struct facts *f = arg;
    pthread_attr_t attr;
    pthread_getname_np(pthread_self(), f->name, sizeof(f->name));
    pthread_sigmask(SIG_SETMASK, NULL, &f->blocked);
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &f->stack);
    pthread_attr_destroy(&attr);
}

static void a_thread_has_a_name_a_small_stack_and_no_signals(void **state)
{
    (void)state;
    struct thread t = {0};
    struct facts f;
    thread_join(&t);
    assert_int_equal(thread_start(&t, "a-name-that-is-too-long", look, &f), 0);
    thread_join(&t);
    assert_string_equal(f.name, "a-name-that-is-");
    assert_true(sigismember(&f.blocked, SIGTERM) && sigismember(&f.blocked, SIGHUP));
    assert_false(sigismember(&f.blocked, SIGSEGV));
    assert_in_range(f.stack, THREAD_STACK_BYTES, 16 * THREAD_STACK_BYTES);
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(L11_the_queue_is_bounded),
        cmocka_unit_test(a_stop_hands_waiting_jobs_back),
        cmocka_unit_test(a_thread_has_a_name_a_small_stack_and_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
