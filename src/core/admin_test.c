/* The administrator's commands: arguments, pages, what shards add up (O17). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/admin.h"
#include "core/test_support.h"

/* An answer: the rows of all its parts as "name=value name=value\n". */
struct answer {
    int exit;
    struct buf rows, error;
    unsigned count;
};

static void take_rows(struct admin_request *r, struct answer *out)
{
    struct admin_cell cell;
    size_t at = 0;
    unsigned row, before = UINT32_MAX;
    while (admin_cells(r, &at, &row, &cell)) {
        buf_byte(&out->rows, row != before ? '\n' : ' ');
        out->count += row != before;
        before = row;
        buf_printf(&out->rows, "%.*s=", SLICE_ARG(cell.name));
        if (cell.kind == ADMIN_TEXT)
            buf_add(&out->rows, cell.text);
        else
            buf_printf(&out->rows, "%lld", cell.number);
    }
    buf_clear(&r->rows);
}

static struct answer ask(struct hall *h, const char *command, const char *jid, const char *host,
                         const char *password)
{
    struct admin_request *r = admin_request_new();
    struct answer out = {0};
    r->from = h->shards;
    r->command = slice_z(command);
    if (jid != NULL)
        r->args[r->arg_count++] = (struct admin_argument){SLICE("jid"), slice_z(jid)};
    if (host != NULL)
        r->args[r->arg_count++] = (struct admin_argument){SLICE("host"), slice_z(host)};
    r->password = slice_z(password);
    do {
        struct mail *m = mail_new(MAIL_ADMIN, h->shards, r->to < h->shards ? r->to : 0);
        m->object = r;
        engine_mail(h->engines[m->to], m);
        hall_run(h);
        assert_ptr_equal(h->returned, r);
        h->returned = NULL;
        take_rows(r, &out);
    } while (r->to != ADMIN_NOWHERE);
    out.exit = r->exit;
    out.error = r->error;
    r->error = (struct buf){0};
    buf_byte(&out.rows, '\0');
    buf_byte(&out.error, '\0');
    admin_request_free(&r);
    return out;
}

static void forget(struct answer *a)
{
    buf_free(&a->rows);
    buf_free(&a->error);
}

static void expect_exit(struct hall *h, int exit, const char *command, const char *jid,
                        const char *host, const char *password)
{
    struct answer a = ask(h, command, jid, host, password);
    assert_int_equal(a.exit, exit);
    assert_true((exit == ADMIN_OK) == (a.error.ptr[0] == '\0'));
    forget(&a);
}

static void expect_row(struct hall *h, const char *text, const char *command, const char *jid)
{
    struct answer a = ask(h, command, jid, NULL, NULL);
    assert_int_equal(a.exit, ADMIN_OK);
    if (strstr(a.rows.ptr, text) == NULL)
        fail_msg("%s is not in:%s", text, a.rows.ptr);
    forget(&a);
}

static void rows_come_back_as_they_were_written(void **state)
{
    (void)state;
    struct admin_request *r = admin_request_new();
    struct admin_cell cell;
    size_t at = 0;
    unsigned row;
    assert_false(admin_cells(r, &at, &row, &cell));
    admin_row_begin(r);
    admin_row_text(r, "text", slice_of("a\0b", 3));
    admin_row_number(r, "number", -5);
    admin_row_end(r);
    admin_row_begin(r);
    admin_row_bool(r, "yes", true);
    admin_row_end(r);
    assert_true(admin_cells(r, &at, &row, &cell));
    assert_int_equal(row, 0);
    assert_int_equal(cell.text.len, 3);
    assert_true(admin_cells(r, &at, &row, &cell));
    assert_int_equal(row, 0);
    assert_int_equal(cell.number, -5);
    assert_true(admin_cells(r, &at, &row, &cell));
    assert_int_equal(row, 1);
    assert_int_equal(cell.kind, ADMIN_BOOL);
    assert_int_equal(cell.number, 1);
    assert_false(admin_cells(r, &at, &row, &cell));
    admin_request_free(&r);
}

static void O17_wrong_arguments_change_nothing(void **state)
{
    (void)state;
    struct hall *h = hall_new(3);
    const char *a = "alice@localhost";
    expect_exit(h, ADMIN_USAGE, "account", a, NULL, NULL);
    expect_exit(h, ADMIN_USAGE, "account add", NULL, NULL, "x");
    expect_exit(h, ADMIN_USAGE, "account add", a, NULL, NULL);
    expect_exit(h, ADMIN_USAGE, "account add", a, "localhost", "x");
    expect_exit(h, ADMIN_USAGE, "account show", a, NULL, "x");
    expect_exit(h, ADMIN_USAGE, "stats", a, NULL, NULL);
    expect_exit(h, ADMIN_FAILED, "account add", "alice@elsewhere", NULL, "x");
    expect_exit(h, ADMIN_FAILED, "account add", "localhost", NULL, "x");
    expect_exit(h, ADMIN_FAILED, "account add", "al ice@localhost", NULL, "x");
    expect_exit(h, ADMIN_FAILED, "account add", "alice@localhost/here", NULL, "x");
    expect_exit(h, ADMIN_FAILED, "account add", "", NULL, "x");
    expect_exit(h, ADMIN_FAILED, "account add", a, NULL, "\x01");
    expect_exit(h, ADMIN_FAILED, "session show", a, NULL, NULL);
    expect_exit(h, ADMIN_FAILED, "account list", NULL, "elsewhere", NULL);
    assert_int_equal(h->batches, 0);
    hall_free(&h);
}

static void accounts_are_made_shown_changed_and_removed(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct hall *h = hall_new(shards);
        const char *a = "alice@localhost";
        expect_exit(h, ADMIN_OK, "account add", "ALICE@Talk.Localhost", NULL, "secret");
        expect_exit(h, ADMIN_FAILED, "account add", a, NULL, "secret");
        expect_row(h, "account=alice@localhost state=enabled", "account show", a);
        expect_row(h, "mechanisms=SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512", "account show", a);
        expect_row(h, "created=2026-11-20T07:19:16.342Z", "account show", a);
        expect_exit(h, ADMIN_OK, "account disable", a, NULL, NULL);
        expect_row(h, "state=disabled", "account show", a);
        expect_exit(h, ADMIN_OK, "account enable", a, NULL, NULL);
        expect_row(h, "state=enabled", "account show", a);
        expect_exit(h, ADMIN_OK, "account passwd", a, NULL, "other");
        expect_exit(h, ADMIN_OK, "account remove", a, NULL, NULL);
        expect_exit(h, ADMIN_FAILED, "account show", a, NULL, NULL);
        expect_exit(h, ADMIN_FAILED, "account passwd", a, NULL, "x");
        expect_exit(h, ADMIN_FAILED, "account disable", a, NULL, NULL);
        expect_exit(h, ADMIN_FAILED, "account remove", a, NULL, NULL);
        hall_free(&h);
    }
}

/* More than a page, with sessions on every shard. */
static void a_long_list_comes_in_pages(void **state)
{
    (void)state;
    enum { N = 600 };
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct hall *h = hall_new(shards);
        for (int i = 0; i < N; i++) {
            char jid[32];
            snprintf(jid, sizeof(jid), "user%03d@localhost", i);
            struct store_request *batch = store_batch_new(0, 0);
            store_put(batch, slice_z(jid), STORE_ACCOUNT, SLICE(""), SLICE("active 5\n"));
            store_submit(h->store, batch);
            store_run(h->store, 1);
        }
        const char *const busy[] = {"user001@localhost/a", "user001@localhost/b",
                                    "user300@localhost/a", "user599@localhost/a"};
        for (size_t i = 0; i < 4; i++)
            (void)hall_enter(h, busy[i]);
        struct answer a = ask(h, "account list", NULL, "TALK.localhost", NULL);
        assert_int_equal(a.exit, ADMIN_OK);
        assert_int_equal(a.count, N);
        const char *at = a.rows.ptr;
        for (int i = 0; i < N; i++) { /* in order, each once */
            char row[80];
            snprintf(row, sizeof(row), "\naccount=user%03d@localhost state=enabled sessions=%d ", i,
                     i == 1                 ? 2
                     : i == 300 || i == 599 ? 1
                                            : 0);
            at = strstr(at, row);
            assert_non_null(at);
        }
        forget(&a);
        expect_row(h,
                   "host=localhost aliases=talk.localhost registration=closed accounts=600 "
                   "sessions=4",
                   "host list", NULL);
        hall_free(&h);
    }
}

static void sessions_are_listed_shown_and_ended(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct hall *h = hall_new(shards);
        hall_add(h, "alice@localhost");
        hall_add(h, "bob@localhost");
        struct guest *one = hall_enter(h, "alice@localhost/one");
        struct guest *two = hall_enter(h, "alice@localhost/two");
        struct guest *bob = hall_enter(h, "bob@localhost/one");
        struct session *s = one->stream->session;
        s->available = true;
        s->priority = 5;
        session_set_presence(s, SLICE("<show>dnd</show><status>busy</status>"), SLICE_NONE);
        struct answer a = ask(h, "session list", NULL, NULL, NULL);
        assert_int_equal(a.count, 3);
        forget(&a);
        a = ask(h, "session list", "alice@localhost", NULL, NULL);
        assert_int_equal(a.count, 2);
        forget(&a);
        expect_row(h,
                   "jid=alice@localhost/one state=online presence=dnd status=busy priority=5 "
                   "peer=192.0.2.1 tls=none",
                   "session show", "alice@localhost/one");
        expect_row(h, "presence=none", "session show", "alice@localhost/two");
        expect_row(h, "jid=alice@localhost/one", "session kick", "alice@localhost/one");
        assert_true(guest_saw(one, "<policy-violation"));
        assert_false(two->closed);
        expect_exit(h, ADMIN_FAILED, "session show", "alice@localhost/one", NULL, NULL);
        expect_exit(h, ADMIN_FAILED, "session kick", "alice@localhost/one", NULL, NULL);
        expect_row(h, "jid=alice@localhost/two", "session kick", "alice@localhost");
        assert_true(two->closed);
        assert_false(bob->closed);
        hall_free(&h);
    }
}

static void counters_of_all_shards_add_up(void **state)
{
    (void)state;
    struct hall *h = hall_new(3);
    for (uint32_t i = 0; i < 3; i++)
        h->engines[i]->counters.stanzas_in = 10 + i;
    expect_row(h, "name=stanzas_in value=33", "stats", NULL);
    hall_free(&h);
}

static void hooks_are_shown_in_order(void **state)
{
    (void)state;
    struct hall *h = hall_new(1);
    expect_row(h, "stage=stream hook=stream_features position=1 module=roster", "hooks", NULL);
    expect_row(h, "stage=iq hook=query jabber:iq:roster position=1 module=roster", "hooks", NULL);
    hall_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were_written),
        cmocka_unit_test(O17_wrong_arguments_change_nothing),
        cmocka_unit_test(accounts_are_made_shown_changed_and_removed),
        cmocka_unit_test(a_long_list_comes_in_pages),
        cmocka_unit_test(sessions_are_listed_shown_and_ended),
        cmocka_unit_test(counters_of_all_shards_add_up),
        cmocka_unit_test(hooks_are_shown_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
