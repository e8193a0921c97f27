/* The tables of RFC 6121 appendix A, written out a second time as data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/subscription.h"

enum { N, NPO, NPI, NPOPI, TO, TOPI, FROM, FROMPO, BOTH, STATES };

static const struct subscription STATE[STATES] = {
    [N] = {0},
    [NPO] = {.pending_out = true},
    [NPI] = {.pending_in = true},
    [NPOPI] = {.pending_out = true, .pending_in = true},
    [TO] = {.to = true},
    [TOPI] = {.to = true, .pending_in = true},
    [FROM] = {.from = true},
    [FROMPO] = {.from = true, .pending_out = true},
    [BOTH] = {.to = true, .from = true},
};

struct row {
    int next;
    bool pass; /* routed or delivered */
};

static const struct row OUT[4][STATES] = {
    [SUB_SUBSCRIBE] = {{NPO, 1},
                       {NPO, 1},
                       {NPOPI, 1},
                       {NPOPI, 1},
                       {TO, 1},
                       {TOPI, 1},
                       {FROMPO, 1},
                       {FROMPO, 1},
                       {BOTH, 1}},
    [SUB_UNSUBSCRIBE] =
        {{N, 1}, {N, 1}, {NPI, 1}, {NPI, 1}, {N, 1}, {NPI, 1}, {FROM, 1}, {FROM, 1}, {FROM, 1}},
    [SUB_UNSUBSCRIBED] =
        {{N, 0}, {NPO, 0}, {N, 1}, {NPO, 1}, {TO, 0}, {TO, 1}, {N, 1}, {NPO, 1}, {TO, 1}},
};

/* Without the pre-approval rows, which have a test of their own. */
static const struct row OUT_SUBSCRIBED[STATES] = {
    [NPI] = {FROM, 1},  [NPOPI] = {FROMPO, 1},  [TOPI] = {BOTH, 1},
    [FROM] = {FROM, 0}, [FROMPO] = {FROMPO, 0}, [BOTH] = {BOTH, 0},
};

static const struct row IN[4][STATES] = {
    [SUB_SUBSCRIBE] = {{NPI, 1},
                       {NPOPI, 1},
                       {NPI, 0},
                       {NPOPI, 0},
                       {TOPI, 1},
                       {TOPI, 0},
                       {FROM, 0},
                       {FROMPO, 0},
                       {BOTH, 0}},
    [SUB_UNSUBSCRIBE] =
        {{N, 0}, {NPO, 0}, {N, 1}, {NPO, 1}, {TO, 0}, {TO, 1}, {N, 1}, {NPO, 1}, {TO, 1}},
    [SUB_SUBSCRIBED] =
        {{N, 0}, {TO, 1}, {NPI, 0}, {TOPI, 1}, {TO, 0}, {TOPI, 0}, {FROM, 0}, {BOTH, 1}, {BOTH, 0}},
    [SUB_UNSUBSCRIBED] =
        {{N, 0}, {N, 1}, {NPI, 0}, {NPI, 1}, {N, 1}, {NPI, 1}, {FROM, 0}, {FROM, 1}, {FROM, 1}},
};

static void check(struct subscription_outcome o, int was, struct row want)
{
    assert_true(subscription_eq(o.next, STATE[want.next]));
    assert_int_equal(o.pass, want.pass);
    assert_int_equal(o.changed, was != want.next);
}

static void outbound_follows_appendix_A_2(void **state)
{
    (void)state;
    for (int s = N; s < STATES; s++) {
        check(subscription_out(STATE[s], SUB_SUBSCRIBE), s, OUT[SUB_SUBSCRIBE][s]);
        check(subscription_out(STATE[s], SUB_UNSUBSCRIBE), s, OUT[SUB_UNSUBSCRIBE][s]);
        check(subscription_out(STATE[s], SUB_UNSUBSCRIBED), s, OUT[SUB_UNSUBSCRIBED][s]);
        if (s != N && s != NPO && s != TO)
            check(subscription_out(STATE[s], SUB_SUBSCRIBED), s, OUT_SUBSCRIBED[s]);
    }
}

static void inbound_follows_appendix_A_3(void **state)
{
    (void)state;
    for (int s = N; s < STATES; s++)
        for (int ev = SUB_SUBSCRIBE; ev <= SUB_UNSUBSCRIBED; ev++)
            check(subscription_in(STATE[s], (enum subscription_event)ev), s, IN[ev][s]);
}

static void a_subscribe_from_a_subscriber_is_answered_by_the_server(void **state)
{
    (void)state;
    const int subscribed[] = {FROM, FROMPO, BOTH};
    for (int i = 0; i < 3; i++)
        assert_true(subscription_in(STATE[subscribed[i]], SUB_SUBSCRIBE).auto_reply);
    assert_false(subscription_in(STATE[N], SUB_SUBSCRIBE).auto_reply);
}

static void pre_approval_is_kept_and_answers_the_request(void **state)
{
    (void)state;
    struct subscription_outcome o = subscription_out(STATE[N], SUB_SUBSCRIBED);
    assert_true(o.next.approved && o.changed && o.push);
    assert_false(o.pass);
    struct subscription_outcome in = subscription_in(o.next, SUB_SUBSCRIBE);
    assert_true(in.auto_reply && in.next.from && in.presence_to_contact);
    assert_false(in.pass); /* the user is not asked again */
    struct subscription_outcome no = subscription_out(o.next, SUB_UNSUBSCRIBED);
    assert_false(no.next.approved);
    assert_false(no.pass);
}

static void a_request_alone_is_not_pushed(void **state)
{
    (void)state;
    struct subscription_outcome o = subscription_in(STATE[N], SUB_SUBSCRIBE);
    assert_true(o.changed && o.pass);
    assert_false(o.push);
}

static void presence_follows_the_subscription(void **state)
{
    (void)state;
    assert_true(subscription_out(STATE[NPI], SUB_SUBSCRIBED).presence_to_contact);
    assert_true(subscription_out(STATE[BOTH], SUB_UNSUBSCRIBED).unavailable_to_contact);
    assert_true(subscription_in(STATE[FROM], SUB_UNSUBSCRIBE).unavailable_to_contact);
    assert_false(subscription_out(STATE[NPI], SUB_UNSUBSCRIBED).unavailable_to_contact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbound_follows_appendix_A_2),
        cmocka_unit_test(inbound_follows_appendix_A_3),
        cmocka_unit_test(a_subscribe_from_a_subscriber_is_answered_by_the_server),
        cmocka_unit_test(pre_approval_is_kept_and_answers_the_request),
        cmocka_unit_test(a_request_alone_is_not_pushed),
        cmocka_unit_test(presence_follows_the_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
