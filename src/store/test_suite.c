/* Steps that the suite's tests share. */
#include "store/test_suite.h"

#include "base/err.h"

struct desk *suite_open(void **state)
{
    struct conformance *c = *state;
    struct store *s = c->open(c->ctx);
    assert_non_null(s);
    return desk_new(s);
}

struct store_request *suite_batch(void)
{
    return store_batch_new(0, 0);
}

struct store_request *suite_query(void)
{
    return store_query_new(0, 0);
}

void suite_expect_err(struct desk *d, struct store_request *r, int err)
{
    desk_do(d, r);
    assert_int_equal(r->err, err);
    assert_int_equal(r->err != 0 ? r->row_count : 0, 0);
    store_request_free(&r);
}

void suite_put(struct desk *d, struct slice owner, const char *key, const char *value)
{
    struct store_request *r = suite_batch();
    store_put(r, owner, ROSTER, slice_z(key), slice_z(value));
    suite_expect_err(d, r, 0);
}

uint64_t suite_append(struct desk *d, const struct slice *owners, size_t n, const char *text)
{
    struct store_request *r = suite_batch();
    struct store_labels labels = {.wall_ms = 77, .flags = 5};
    store_append(r, LOG, owners, n, &labels, slice_z(text));
    desk_do(d, r);
    assert_int_equal(r->err, 0);
    uint64_t position = r->position;
    assert_true(position > 0);
    store_request_free(&r);
    return position;
}

void suite_expect_rows(struct desk *d, struct store_request *r, const char *wanted)
{
    desk_do(d, r);
    assert_int_equal(r->err, 0);
    struct buf text = {0};
    struct store_row row;
    uint32_t count = 0;
    for (size_t at = 0; store_rows(r, &at, &row); count++) {
        buf_printf(&text, "%s%.*s=%.*s", count > 0 ? " " : "", SLICE_ARG(row.key),
                   SLICE_ARG(row.value));
    }
    assert_int_equal(count, r->row_count);
    if (r->more)
        buf_lit(&text, "+");
    buf_byte(&text, '\0');
    assert_string_equal(text.ptr, wanted);
    buf_free(&text);
    store_request_free(&r);
}

void suite_expect_list(struct desk *d, struct slice owner, const char *wanted)
{
    struct store_request *r = suite_query();
    store_list(r, owner, ROSTER, SLICE_NONE, 0);
    suite_expect_rows(d, r, wanted);
}

void suite_expect_range(struct desk *d, struct slice owner, const char *wanted)
{
    struct store_request *r = suite_query();
    store_range(r, owner, LOG, 0, UINT64_MAX, 0, false);
    suite_expect_rows(d, r, wanted);
}

void suite_expect_count(struct desk *d, struct slice owner, struct slice name, uint64_t count,
                        int64_t bytes)
{
    struct store_request *r = suite_query();
    store_count(r, owner, name);
    desk_do(d, r);
    struct store_row row;
    size_t at = 0;
    assert_true(store_rows(r, &at, &row));
    assert_int_equal(row.position, count);
    assert_int_equal(row.labels.wall_ms, bytes);
    assert_false(store_rows(r, &at, &row));
    store_request_free(&r);
}
