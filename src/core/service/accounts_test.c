/* The accounts service: from any shard, one at a time per address, whole or not at all (O13). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/roster_push.h"
#include "core/service/accounts.h"
#include "core/test_support.h"

static const char ALICE[] = "alice@localhost", BOB[] = "bob@localhost";

struct outcome {
    unsigned calls;
    enum accounts_result result;
    const struct engine *at;
};

static void done(struct engine *e, void *ctx, enum accounts_result result)
{
    struct outcome *o = ctx;
    o->calls++;
    o->result = result;
    o->at = e;
}

/* On one shard and on three, called at the owner and elsewhere. */
static void each(void (*test)(struct hall *h, struct engine *(*at)(struct hall *h, const char *)))
{
    for (uint32_t shards = 1; shards <= 3; shards += 2)
        for (int other = 0; other < 2; other++) {
            struct hall *h = hall_new(shards);
            test(h, other ? hall_other : hall_owner);
            hall_free(&h);
        }
}

typedef struct engine *place_fn(struct hall *h, const char *bare);

static void add_once(struct hall *h, place_fn *at)
{
    struct jid alice = hall_jid(ALICE);
    struct outcome first = {0}, second = {0};
    accounts_add(at(h, ALICE), &alice, SLICE("secret"), done, &first);
    assert_int_equal(first.calls, 0); /* never before the call returned */
    hall_run(h);
    assert_int_equal(first.calls, 1);
    assert_int_equal(first.result, ACCOUNTS_DONE);
    assert_ptr_equal(first.at, at(h, ALICE));
    assert_int_equal(hall_items(h, ALICE, STORE_ACCOUNT), 1);
    accounts_add(at(h, ALICE), &alice, SLICE("other"), done, &second);
    hall_run(h);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.result, ACCOUNTS_EXISTS);
}

static void an_account_is_made_once(void **state)
{
    (void)state;
    each(add_once);
}

static void add_known_absent(struct hall *h, place_fn *at)
{
    struct jid alice = hall_jid(ALICE);
    struct engine *owner = hall_owner(h, ALICE);
    struct outcome o = {0};
    struct account *a = account_get(owner, &alice);
    account_use(owner, a);
    hall_run(h);
    assert_int_equal(a->state, ACCOUNT_ABSENT);
    accounts_add(at(h, ALICE), &alice, SLICE("secret"), done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_DONE);
    assert_int_equal(a->state, ACCOUNT_READY);
    account_release(owner, a);
}

static void an_account_that_was_known_to_be_absent_is_found(void **state)
{
    (void)state;
    each(add_known_absent);
}

static void bad_passwords_are_refused(void **state)
{
    (void)state;
    struct hall *h = hall_new(1);
    struct jid alice = hall_jid(ALICE);
    static char longest[1024];
    memset(longest, 'x', sizeof(longest));
    const struct slice bad[] = {SLICE(""), slice_of(longest, 1024), SLICE("a\x01"), SLICE("\xff")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct outcome o = {0};
        accounts_add(h->engines[0], &alice, bad[i], done, &o);
        assert_int_equal(o.calls, 0);
        hall_run(h);
        assert_int_equal(o.calls, 1);
        assert_int_equal(o.result, ACCOUNTS_BAD_PASSWORD);
    }
    assert_int_equal(h->batches, 0);
    hall_free(&h);
}

static void change_password(struct hall *h, place_fn *at)
{
    struct jid alice = hall_jid(ALICE);
    struct outcome o = {0}, none = {0};
    hall_add(h, ALICE);
    const struct guest *asks = hall_enter(h, "alice@localhost/asks");
    const struct guest *other = hall_enter(h, "alice@localhost/other");
    accounts_set_password(at(h, ALICE), &alice, SLICE("better"), asks->stream->handle, done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_DONE);
    assert_false(asks->closed);
    assert_true(other->closed);
    assert_true(guest_saw(other, "<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"));
    struct jid nobody = hall_jid("nobody@localhost");
    accounts_set_password(at(h, "nobody@localhost"), &nobody, SLICE("x"), 0, done, &none);
    hall_run(h);
    assert_int_equal(none.result, ACCOUNTS_ABSENT);
}

static void O13_a_new_password_ends_the_other_sessions(void **state)
{
    (void)state;
    each(change_password);
}

static void disable(struct hall *h, place_fn *at)
{
    struct jid alice = hall_jid(ALICE);
    struct outcome o = {0};
    hall_add(h, ALICE);
    const struct guest *g = hall_enter(h, "alice@localhost/one");
    accounts_set_disabled(at(h, ALICE), &alice, true, done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_DONE);
    assert_true(guest_saw(g, "<not-authorized"));
    assert_true(account_find(hall_owner(h, ALICE), slice_z(ALICE))->disabled);
    accounts_set_disabled(at(h, ALICE), &alice, false, done, &o);
    hall_run(h);
    assert_int_equal(o.calls, 2);
    assert_int_equal(o.result, ACCOUNTS_DONE);
    assert_false(account_find(hall_owner(h, ALICE), slice_z(ALICE))->disabled);
}

static void a_disabled_account_has_no_sessions(void **state)
{
    (void)state;
    each(disable);
}

static void saved(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)e, (void)ctx;
    assert_int_equal(answer->err, 0);
}

/* Has the contact in the roster, with a subscription in both directions. */
static void befriend(struct hall *h, const char *who, const char *contact)
{
    struct engine *e = hall_owner(h, who);
    struct jid jid = hall_jid(who);
    struct account *a = account_get(e, &jid);
    account_use(e, a);
    hall_run(h);
    struct roster_item *item = roster_set(&a->roster, slice_z(contact), SLICE_NONE, SLICE_NONE);
    item->listed = item->sub.to = item->sub.from = true;
    struct store_request *batch = flow_batch(e);
    roster_save(e, a, batch, slice_z(contact), item);
    flow_submit(e, batch, saved, NULL);
    hall_run(h);
    account_release(e, a);
}

static void remove_one(struct hall *h, place_fn *at)
{
    struct jid alice = hall_jid(ALICE);
    struct outcome o = {0};
    hall_add(h, ALICE);
    hall_add(h, BOB);
    befriend(h, ALICE, BOB);
    befriend(h, BOB, ALICE);
    const struct guest *a = hall_enter(h, "alice@localhost/one");
    const struct guest *b = hall_enter(h, "bob@localhost/one");
    a->stream->session->available = b->stream->session->available = true;
    accounts_remove(at(h, ALICE), &alice, done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_DONE);
    assert_true(guest_saw(a, "<not-authorized"));
    assert_true(a->closed);
    assert_true(guest_saw(b, "type='unavailable'"));
    assert_true(guest_saw(b, "subscription='none'"));
    assert_int_equal(hall_items(h, ALICE, STORE_ACCOUNT), 0);
    assert_int_equal(hall_items(h, ALICE, STORE_ROSTER), 0);
    assert_int_equal(account_find(hall_owner(h, ALICE), slice_z(ALICE))->state, ACCOUNT_ABSENT);
    accounts_remove(at(h, ALICE), &alice, done, &o);
    hall_run(h);
    assert_int_equal(o.calls, 2);
    assert_int_equal(o.result, ACCOUNTS_ABSENT);
}

static void O13_everything_of_a_removed_account_goes(void **state)
{
    (void)state;
    each(remove_one);
}

static void remove_unloaded(struct hall *h, place_fn *at)
{
    struct jid alice = hall_jid(ALICE);
    struct outcome o = {0};
    hall_add(h, ALICE);
    hall_add(h, BOB);
    befriend(h, ALICE, BOB);
    befriend(h, BOB, ALICE);
    hall_run(h);
    account_drop(hall_owner(h, ALICE), account_find(hall_owner(h, ALICE), slice_z(ALICE)));
    const struct guest *b = hall_enter(h, "bob@localhost/one");
    accounts_remove(at(h, ALICE), &alice, done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_DONE);
    assert_true(guest_saw(b, "subscription='none'"));
}

static void contacts_of_an_account_that_is_not_loaded_are_told_too(void **state)
{
    (void)state;
    each(remove_unloaded);
}

/* The second of two orders waits for the first. */
static void remove_and_add(struct hall *h, place_fn *at)
{
    struct jid alice = hall_jid(ALICE);
    struct outcome gone = {0}, again = {0};
    hall_add(h, ALICE);
    befriend(h, ALICE, BOB);
    hall_run(h);
    accounts_remove(at(h, ALICE), &alice, done, &gone);
    accounts_add(at(h, ALICE), &alice, SLICE("fresh"), done, &again);
    hall_run(h);
    assert_int_equal(gone.result, ACCOUNTS_DONE);
    assert_int_equal(again.calls, 1);
    assert_int_equal(again.result, ACCOUNTS_DONE);
    assert_int_equal(hall_items(h, ALICE, STORE_ACCOUNT), 1);
    assert_int_equal(hall_items(h, ALICE, STORE_ROSTER), 0);
}

static void a_name_may_be_taken_again_at_once(void **state)
{
    (void)state;
    each(remove_and_add);
}

/* A change that was under way while the account was removed leaves nothing behind. */
static void what_is_written_during_the_removal_goes_too(void **state)
{
    (void)state;
    struct hall *h = hall_new(1);
    struct engine *e = h->engines[0];
    struct jid alice = hall_jid(ALICE);
    struct outcome o = {0};
    hall_add(h, ALICE);
    accounts_remove(e, &alice, done, &o);
    struct store_request *late = NULL;
    while (o.calls == 0 && late == NULL) {
        /* One step at a time, until the batch that drops everything is on its way. */
        struct list *mail = list_pop(&e->out_mails), *request = list_pop(&e->out_requests);
        if (mail != NULL)
            engine_mail(e, CONTAINER_OF(mail, struct mail, link));
        if (request == NULL)
            continue;
        struct store_request *r = CONTAINER_OF(request, struct store_request, link);
        bool drops = r->write;
        store_submit(h->store, r);
        if (drops) {
            late = flow_batch(e);
            store_put(late, slice_z(ALICE), STORE_ROSTER, SLICE("x@localhost"), SLICE("late"));
            late->ticket = 0;
            store_submit(h->store, late);
        }
        store_run(h->store, 2);
    }
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_DONE);
    assert_int_equal(hall_items(h, ALICE, STORE_ROSTER), 0);
    hall_free(&h);
}

static void a_caller_that_left_is_not_called(void **state)
{
    (void)state;
    struct hall *h = hall_new(3);
    struct jid alice = hall_jid(ALICE);
    struct outcome o = {0};
    struct engine *e = hall_other(h, ALICE);
    uint64_t call = accounts_add(e, &alice, SLICE("secret"), done, &o);
    accounts_cancel(e, call);
    accounts_cancel(e, call);
    accounts_cancel(e, 0);
    hall_run(h);
    assert_int_equal(o.calls, 0);
    assert_int_equal(hall_items(h, ALICE, STORE_ACCOUNT), 1);
    hall_free(&h);
}

static void faults_change_nothing_and_are_told(void **state)
{
    (void)state;
    struct hall *h = hall_new(1);
    struct jid alice = hall_jid(ALICE), bob = hall_jid(BOB);
    struct outcome o = {0};
    hall_add(h, ALICE);
    const struct guest *g = hall_enter(h, "alice@localhost/one");
    h->job_error = ERR_BUSY; /* L11 */
    accounts_add(h->engines[0], &bob, SLICE("secret"), done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_BUSY);
    h->job_error = 0;
    h->batch_error = ERR_FULL; /* D01 */
    accounts_add(h->engines[0], &bob, SLICE("secret"), done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_FULL);
    accounts_remove(h->engines[0], &alice, done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_FULL);
    accounts_set_disabled(h->engines[0], &alice, true, done, &o);
    hall_run(h);
    assert_int_equal(o.result, ACCOUNTS_FULL);
    h->batch_error = 0;
    assert_false(g->closed);
    assert_int_equal(hall_items(h, ALICE, STORE_ACCOUNT), 1);
    assert_int_equal(hall_items(h, BOB, STORE_ACCOUNT), 0);
    hall_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_made_once),
        cmocka_unit_test(an_account_that_was_known_to_be_absent_is_found),
        cmocka_unit_test(bad_passwords_are_refused),
        cmocka_unit_test(O13_a_new_password_ends_the_other_sessions),
        cmocka_unit_test(a_disabled_account_has_no_sessions),
        cmocka_unit_test(O13_everything_of_a_removed_account_goes),
        cmocka_unit_test(contacts_of_an_account_that_is_not_loaded_are_told_too),
        cmocka_unit_test(a_name_may_be_taken_again_at_once),
        cmocka_unit_test(what_is_written_during_the_removal_goes_too),
        cmocka_unit_test(a_caller_that_left_is_not_called),
        cmocka_unit_test(faults_change_nothing_and_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
