/* The SQLite driver answers like the memory twin, whatever it is asked: random batches and queries
 * go to both, over restarts, with lots, caches and sweeps so small that they are always on their
 * way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "db/test_support.h"

enum { MODEL_OWNERS = 6, MODEL_KEYS = 6, MODEL_ROUNDS = 400, MODEL_BATCHES_MAX = 12 };

struct model {
    uint64_t random;
    uint64_t position; /* highest one seen */
    struct desk *twin, *driver;
};

static uint64_t draw(struct model *m, uint64_t below)
{
    m->random = m->random * 6364136223846793005U + 1442695040888963407U;
    return (m->random >> 33) % below;
}

static struct slice draw_owner(struct model *m)
{
    static const char *const owners[MODEL_OWNERS] = {"a@x", "b@x", "c@x", "d@x", "room@y", "Z"};
    return slice_z(owners[draw(m, MODEL_OWNERS)]);
}

static struct slice draw_name(struct model *m, bool log)
{
    if (log)
        return draw(m, 3) == 0 ? SLICE("log2") : SLICE("log");
    return draw(m, 3) == 0 ? SLICE("vcard") : SLICE("roster");
}

static struct slice draw_key(struct model *m)
{
    static const char *const keys[MODEL_KEYS] = {"", "k1", "k2", "k3", "\xff", "k"};
    return slice_z(keys[draw(m, MODEL_KEYS)]);
}

static struct slice draw_value(struct model *m)
{
    static char bytes[6000];
    bytes[0] = (char)draw(m, 3);
    return slice_of(bytes, draw(m, 20) == 0 ? draw(m, sizeof(bytes)) : draw(m, 3));
}

/* What an entry says, or is searched for. */
static struct slice draw_text(struct model *m)
{
    static char text[64];
    static const char *const words[] = {"red", "Blue", "GREEN", "\u0401\u043b\u043a\u0430",
                                        "!",   "red"};
    int n = 0;
    for (uint64_t i = 1 + draw(m, 3); i > 0; i--)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%s", n > 0 ? ", " : "",
                      words[draw(m, sizeof(words) / sizeof(words[0]))]);
    return slice_of(text, (size_t)n);
}

static struct slice draw_payload(struct model *m)
{
    return draw(m, 3) == 0 ? draw_value(m) : draw_text(m);
}

static uint64_t draw_position(struct model *m)
{
    switch (draw(m, 8)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return draw(m, m->position + 3);
    default:
        return m->position - draw(m, m->position < 30 ? m->position + 1 : 30);
    }
}

static void draw_append(struct model *m, struct store_request *r)
{
    struct slice owners[STORE_LOG_OWNERS];
    size_t n = 1 + draw(m, STORE_LOG_OWNERS);
    for (size_t i = 0; i < n; i++)
        owners[i] = draw_owner(m);
    struct store_labels labels = {.peer = draw(m, 2) == 0 ? draw_owner(m) : SLICE(""),
                                  .wall_ms = (int64_t)draw(m, 1000) - 500,
                                  .flags = (uint32_t)draw(m, 1000),
                                  .origin = draw_key(m)};
    store_append(r, draw_name(m, true), owners, n, &labels, draw_payload(m));
}

static void draw_write(struct model *m, struct store_request *r)
{
    uint64_t kind = draw(m, 100);
    if (kind < 30)
        store_put(r, draw_owner(m), draw_name(m, false), draw_key(m), draw_value(m));
    else if (kind < 65)
        draw_append(m, r);
    else if (kind < 70)
        store_replace(r, draw_owner(m), draw_name(m, true), draw_position(m), (uint32_t)draw(m, 9),
                      draw(m, 2) == 0 ? SLICE_NONE : draw_payload(m));
    else if (kind < 80)
        store_delete(r, draw_owner(m), draw_name(m, false), draw_key(m));
    else if (kind < 82)
        store_clear(r, draw_owner(m), draw_name(m, false));
    else if (kind < 92)
        store_drop(r, draw_owner(m), draw_name(m, true), draw_position(m), draw_position(m));
    else if (kind < 95)
        store_add(r, draw_owner(m), draw_name(m, false), draw_key(m), draw_value(m));
    else if (kind < 99)
        store_expect(r, draw_owner(m), draw_name(m, false), draw_key(m),
                     draw(m, 2) == 0 ? SLICE_NONE : draw_value(m));
    else
        store_drop_owner(r, draw_owner(m));
}

static void draw_filtered(struct model *m, struct store_request *r)
{
    struct store_filter f = {.peer = draw(m, 3) == 0 ? SLICE_NONE : draw_owner(m),
                             .wall_from = (int64_t)draw(m, 1500) - 1000,
                             .wall_to = INT64_MAX,
                             .flags_mask = draw(m, 2) == 0 ? 1 : 0};
    f.flags_wanted = f.flags_mask & (uint32_t)draw(m, 2);
    if (draw(m, 2) == 0) {
        f.wall_from = draw(m, 2) == 0 ? INT64_MIN : f.wall_from;
        store_search(r, draw_owner(m), draw_name(m, true), draw_text(m), draw_position(m),
                     draw_position(m), (uint32_t)draw(m, 8), draw(m, 2) == 0, &f);
        return;
    }
    store_range_where(r, draw_owner(m), draw_name(m, true), draw_position(m), UINT64_MAX,
                      (uint32_t)draw(m, 8), draw(m, 2) == 0, &f);
}

static void draw_read(struct model *m, struct store_request *r)
{
    uint32_t limit = (uint32_t)draw(m, 8);
    struct slice after = draw(m, 2) == 0 ? SLICE_NONE : draw_key(m);
    switch (draw(m, 12)) {
    case 0:
        store_get(r, draw_owner(m), draw_name(m, false), draw_key(m));
        break;
    case 1:
        store_list(r, draw_owner(m), draw_name(m, false), after, limit);
        break;
    case 2:
        store_list_back(r, draw_owner(m), draw_name(m, false), after, limit);
        break;
    case 3:
        store_count(r, draw_owner(m), draw_name(m, draw(m, 2) == 0));
        break;
    case 4:
        store_owners(r, draw_name(m, false), draw(m, 2) == 0 ? SLICE_NONE : draw_owner(m), limit);
        break;
    case 5:
    case 9:
    case 10:
    case 11:
        draw_filtered(m, r);
        break;
    case 6:
        store_replay(r, draw_name(m, true), draw_position(m), UINT64_MAX, limit);
        break;
    case 7:
        store_range(r, draw_owner(m), draw_name(m, true), 0, UINT64_MAX, 0, draw(m, 2) == 0);
        break;
    default:
        store_range(r, draw_owner(m), draw_name(m, true), draw_position(m), draw_position(m), limit,
                    draw(m, 2) == 0);
        break;
    }
}

static void expect_same_rows(const struct store_request *a, const struct store_request *b)
{
    struct store_row x, y;
    size_t i = 0, k = 0;
    assert_int_equal(a->err, b->err);
    /* Where a filtered range has stopped looking is its store's own matter: entries behind the last
     * row that are not wanted lie between. */
    if (a->write)
        assert_int_equal(a->position, b->position);
    assert_int_equal(a->row_count, b->row_count);
    assert_int_equal(a->more, b->more);
    while (store_rows(a, &i, &x)) {
        assert_true(store_rows(b, &k, &y));
        assert_int_equal(x.read, y.read);
        assert_int_equal(x.position, y.position);
        assert_int_equal(x.labels.wall_ms, y.labels.wall_ms);
        assert_int_equal(x.labels.flags, y.labels.flags);
        assert_true(slice_eq(x.key, y.key) && slice_eq(x.value, y.value));
        assert_true(slice_eq(x.labels.peer, y.labels.peer));
        assert_true(slice_eq(x.labels.origin, y.labels.origin));
    }
    assert_false(store_rows(b, &k, &y));
}

static struct store_request *copy_of(const struct store_request *r)
{
    struct store_request *copy =
        r->write ? store_batch_new(r->shard, r->ticket) : store_query_new(r->shard, r->ticket);
    copy->steps = r->steps;
    CHECK(buf_add(&copy->data, buf_slice(&r->data)) == 0);
    return copy;
}

static void submit_to_both(struct model *m, struct store_request *r)
{
    desk_submit(m->twin, copy_of(r));
    desk_submit(m->driver, r);
}

static void compare_answers(struct model *m, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct store_request *a = desk_next(m->twin), *b = desk_next(m->driver);
        assert_int_equal(a->ticket, b->ticket);
        expect_same_rows(a, b);
        if (a->position > m->position)
            m->position = a->position;
        store_request_free(&a);
        store_request_free(&b);
    }
}

static void round_of_model(struct model *m)
{
    uint64_t batches = 1 + draw(m, MODEL_BATCHES_MAX);
    for (uint64_t i = 0; i < batches; i++) {
        struct store_request *r = store_batch_new(0, i);
        for (uint64_t k = draw(m, 5); k > 0; k--)
            draw_write(m, r);
        submit_to_both(m, r);
    }
    compare_answers(m, batches);
    for (uint64_t i = 0; i < 4; i++) {
        struct store_request *r = store_query_new(0, i);
        for (uint64_t k = 1 + draw(m, 3); k > 0; k--)
            draw_read(m, r);
        submit_to_both(m, r);
        compare_answers(m, 1);
    }
}

static void run_model(uint64_t seed, uint32_t lot_rows, uint32_t owners_max)
{
    struct test_place p;
    test_place_make(&p);
    p.config.lot_rows = lot_rows;
    p.config.owners_max = owners_max;
    p.config.text = conformance_text;
    p.config.derived_rows = lot_rows;
    p.config.derived_ms = 1 + (uint32_t)seed % 3 * 20;
    p.config.sweep_ms = 5;
    struct store *twin = store_memory_new();
    store_memory_text(twin, &conformance_text);
    struct model m = {.random = seed, .twin = desk_new(twin)};
    m.driver = test_open(&p);
    for (int i = 0; i < MODEL_ROUNDS; i++) {
        round_of_model(&m);
        if (i % 40 == 39) {
            desk_free(&m.driver);
            m.driver = test_open(&p);
        }
    }
    desk_free(&m.driver);
    desk_free(&m.twin);
    assert_int_equal(test_log_count(&p, "event="), 0);
    test_place_remove(&p);
}

static void it_answers_like_the_twin_with_tiny_lots(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run_model(seed, (uint32_t)seed, 2);
}

static void it_answers_like_the_twin_with_middling_lots(void **state)
{
    (void)state;
    for (uint64_t seed = 11; seed <= 13; seed++)
        run_model(seed, 200, 4);
}

static void it_answers_like_the_twin_with_large_lots(void **state)
{
    (void)state;
    run_model(21, 100000, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_answers_like_the_twin_with_tiny_lots),
        cmocka_unit_test(it_answers_like_the_twin_with_middling_lots),
        cmocka_unit_test(it_answers_like_the_twin_with_large_lots),
    };
    return cmocka_run_group_tests_name("sqlite model", tests, NULL, NULL);
}
