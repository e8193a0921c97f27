/* Tests of requests and of the twins: the conformance suite on both, and scripted faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "store/conformance.h"

static struct store *open_memory(void *ctx)
{
    (void)ctx;
    struct store *s = store_memory_new();
    store_memory_text(s, &conformance_text);
    return s;
}

static struct store *open_faulty(void *ctx)
{
    return store_faulty_new(open_memory(ctx), &(struct store_faults){0});
}

static void operations_are_walked_as_they_were_built(void **state)
{
    (void)state;
    struct store_request *r = store_batch_new(3, 99);
    struct slice owners[] = {SLICE("a@x"), SLICE("b@x"), SLICE("a@x")};
    struct store_labels labels = {
        .peer = SLICE("p@y"), .wall_ms = -1, .flags = 9, .origin = SLICE("o")};
    store_put(r, owners[0], SLICE("n:1/x"), SLICE("k"), SLICE("v"));
    store_expect(r, owners[0], SLICE("n"), SLICE(""), SLICE_NONE);
    store_append(r, SLICE("log"), owners, 3, &labels, SLICE("text"));
    store_drop(r, owners[1], SLICE("log"), 5, UINT64_MAX);
    store_drop_owner(r, owners[1]);
    assert_int_equal(r->steps, 5);
    assert_int_equal(store_request_check(r), 0);
    struct store_operation o;
    size_t at = 0;
    assert_true(store_operations(r, &at, &o));
    assert_int_equal(o.op, STORE_PUT);
    assert_true(slice_is(o.owner, "a@x") && slice_is(o.name, "n:1/x"));
    assert_true(slice_is(o.key, "k") && slice_is(o.value, "v"));
    assert_true(store_operations(r, &at, &o));
    assert_int_equal(o.op, STORE_EXPECT);
    assert_non_null(o.key.ptr);
    assert_null(o.value.ptr);
    assert_true(store_operations(r, &at, &o));
    assert_int_equal(o.op, STORE_APPEND);
    assert_int_equal(o.owner_count, 2);
    assert_true(slice_is(o.owners[1], "b@x") && slice_is(o.value, "text"));
    assert_true(slice_is(o.labels.peer, "p@y") && slice_is(o.labels.origin, "o"));
    assert_true(o.labels.wall_ms == -1 && o.labels.flags == 9);
    assert_true(store_operations(r, &at, &o));
    assert_true(o.op == STORE_DROP && o.from == 5 && o.to == UINT64_MAX);
    assert_true(store_operations(r, &at, &o));
    assert_int_equal(o.op, STORE_DROP_OWNER);
    assert_false(store_operations(r, &at, &o));
    store_request_free(&r);
    assert_null(r);
    store_request_free(&r);
}

static void a_failed_buffer_is_a_lack_of_memory(void **state)
{
    (void)state;
    struct store *s = store_memory_new();
    struct desk *d = desk_new(s);
    struct store_request *r = store_batch_new(0, 0);
    store_put(r, SLICE("a@x"), SLICE("n"), SLICE("k"), SLICE("v"));
    r->data.failed = 1;
    store_put(r, SLICE("a@x"), SLICE("n"), SLICE("l"), SLICE("v"));
    desk_do(d, r);
    assert_int_equal(r->err, ERR_MEMORY);
    store_request_free(&r);
    r = store_query_new(0, 0);
    store_list(r, SLICE("a@x"), SLICE("n"), SLICE_NONE, 0);
    desk_do(d, r);
    assert_int_equal(r->row_count, 0);
    store_request_free(&r);
    desk_free(&d);
}

/* Fails every third batch and each query of shard 9. */
struct script {
    int batches;
};

static int third_batch_is_full(void *ctx, const struct store_request *r)
{
    (void)r;
    struct script *s = ctx;
    return ++s->batches % 3 == 0 ? ERR_FULL : 0;
}

static int query_of_shard_nine_fails(void *ctx, const struct store_request *r)
{
    (void)ctx;
    return r->shard == 9 ? ERR_IO : 0;
}

static void a_fault_is_answered_in_its_place_and_nothing_happens(void **state)
{
    (void)state;
    struct script script = {0};
    struct store_faults faults = {.batch_error = third_batch_is_full,
                                  .query_error = query_of_shard_nine_fails,
                                  .ctx = &script};
    struct desk *d = desk_new(store_faulty_new(store_memory_new(), &faults));
    for (uint64_t i = 0; i < 9; i++) {
        struct store_request *r = store_batch_new(0, i);
        store_append(r, SLICE("log"), &SLICE("a@x"), 1, &(struct store_labels){0}, SLICE("x"));
        desk_submit(d, r);
    }
    for (uint64_t i = 0; i < 9; i++) {
        struct store_request *r = desk_next(d);
        assert_int_equal(r->ticket, i);
        assert_int_equal(r->err, i % 3 == 2 ? ERR_FULL : 0);
        store_request_free(&r);
    }
    struct store_request *r = store_query_new(9, 0);
    store_count(r, SLICE("a@x"), SLICE("log"));
    desk_do(d, r);
    assert_int_equal(r->err, ERR_IO);
    store_request_free(&r);
    r = store_query_new(0, 0);
    store_range(r, SLICE("a@x"), SLICE("log"), 0, UINT64_MAX, 0, false);
    desk_do(d, r);
    assert_int_equal(r->row_count, 6);
    store_request_free(&r);
    desk_free(&d);
}

int main(void)
{
    struct conformance memory = {.name = "memory", .open = open_memory};
    struct conformance faulty = {.name = "faulty", .open = open_faulty};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_walked_as_they_were_built),
        cmocka_unit_test(a_failed_buffer_is_a_lack_of_memory),
        cmocka_unit_test(a_fault_is_answered_in_its_place_and_nothing_happens),
    };
    return conformance_run(&memory) + conformance_run(&faulty) +
           cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
