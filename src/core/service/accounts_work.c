/* What the orders of the accounts service do, each a chain of steps through the store: add, change
 * the record (password, disabled), remove (O13). The state in memory follows the store. */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/account.h"
#include "core/derive.h"
#include "core/login.h"
#include "core/service/accounts_order.h"
#include "core/subscribe.h"

enum { ATTEMPTS_MAX = 3 };

static void finish(struct engine *e, struct accounts_order *o, enum accounts_result result)
{
    accounts_tell(e, o, result);
    accounts_complete(e, o);
}

static void tell_log(struct engine *e, const struct accounts_order *o, enum log_level level,
                     const char *event)
{
    struct log_line l;
    log_begin(&l, e->log, level, event);
    log_str(&l, "jid", jid_bare(&o->jid));
    log_end(&l);
}

/* ------------------------------------------------------------------------------------------ add */

static void added(struct engine *e, void *ctx, struct store_request *answer)
{
    struct accounts_order *o = ctx;
    if (answer->err == 0) {
        struct account *a = account_find(e, jid_bare(&o->jid));
        if (a != NULL)
            account_reload(e, a); /* it was known to be absent */
        tell_log(e, o, LOG_INFO, "user.added");
    }
    finish(e, o, accounts_result_of(answer->err));
}

static void add(struct engine *e, struct accounts_order *o)
{
    struct account_record record = {
        .created_ms = e->now.wall_ms,
        .credentials = buf_slice(&o->credentials),
    };
    struct buf value = {0};
    account_record_encode(&record, &value);
    struct store_request *batch = flow_batch(e);
    store_add(batch, jid_bare(&o->jid), STORE_ACCOUNT, SLICE(""), buf_slice(&value));
    mem_wipe(value.ptr, value.cap);
    buf_free(&value);
    flow_submit(e, batch, added, o);
}

/* --------------------------------------------------------------------------- change of the record
 */

static void change(struct engine *e, struct accounts_order *o);

static void changed(struct engine *e, void *ctx, struct store_request *answer)
{
    struct accounts_order *o = ctx;
    struct slice bare = jid_bare(&o->jid);
    if (answer->err == ERR_NOT_FOUND && ++o->attempts < ATTEMPTS_MAX) {
        change(e, o); /* somebody else changed it in between */
        return;
    }
    struct account *a = account_find(e, bare);
    if (answer->err == ERR_NOT_FOUND) {
        finish(e, o, ACCOUNTS_BUSY);
        return;
    }
    if (answer->err != 0) {
        finish(e, o, accounts_result_of(answer->err));
        return;
    }
    if (a != NULL && a->state == ACCOUNT_LOADING)
        account_reload(e, a); /* it may have read the old one */
    else if (a != NULL && o->kind != ACCOUNTS_PASSWORD)
        a->disabled = o->kind == ACCOUNTS_DISABLE;
    tell_log(e, o, LOG_INFO,
             o->kind == ACCOUNTS_PASSWORD  ? "user.password"
             : o->kind == ACCOUNTS_DISABLE ? "user.disabled"
                                           : "user.enabled");
    accounts_tell(e, o, ACCOUNTS_DONE);
    if (o->kind == ACCOUNTS_PASSWORD)
        accounts_end_streams(e, bare, o->keep_stream, STREAM_RESET,
                             SLICE("the password was changed"));
    else if (o->kind == ACCOUNTS_DISABLE)
        accounts_end_streams(e, bare, 0, STREAM_NOT_AUTHORIZED, SLICE("the account is disabled"));
    accounts_complete(e, o);
}

static void record_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct accounts_order *o = ctx;
    struct account_record record = {0};
    struct store_row row;
    size_t at = 0;
    if (answer->err != 0) {
        finish(e, o, accounts_result_of(answer->err));
        return;
    }
    if (!store_rows(answer, &at, &row)) {
        finish(e, o, ACCOUNTS_ABSENT);
        return;
    }
    if (!account_record_decode(row.value, &record)) {
        tell_log(e, o, LOG_ERROR, "store.corrupt");
        finish(e, o, ACCOUNTS_FAILED);
        return;
    }
    if (o->kind == ACCOUNTS_PASSWORD)
        record.credentials = buf_slice(&o->credentials);
    else
        record.disabled = o->kind == ACCOUNTS_DISABLE;
    struct buf value = {0};
    account_record_encode(&record, &value);
    struct store_request *batch = flow_batch(e);
    store_expect(batch, jid_bare(&o->jid), STORE_ACCOUNT, SLICE(""), row.value);
    store_put(batch, jid_bare(&o->jid), STORE_ACCOUNT, SLICE(""), buf_slice(&value));
    if (o->kind == ACCOUNTS_PASSWORD)
        store_clear(batch, jid_bare(&o->jid), STORE_FAST); /* who had the old one */
    mem_wipe(value.ptr, value.cap);
    buf_free(&value);
    flow_submit(e, batch, changed, o);
}

static void change(struct engine *e, struct accounts_order *o)
{
    struct store_request *q = flow_query(e);
    store_get(q, jid_bare(&o->jid), STORE_ACCOUNT, SLICE(""));
    flow_submit(e, q, record_read, o);
}

/* --------------------------------------------------------------------------------------- remove */

/* What was on its way to the store when the account was dropped has been dropped too. */
static void swept(struct engine *e, void *ctx, struct store_request *answer)
{
    struct accounts_order *o = ctx;
    if (answer->err != 0)
        tell_log(e, o, LOG_ERROR, "store.failed");
    accounts_complete(e, o);
}

static void tell_contacts(struct engine *e, struct account *a, const struct roster *contacts)
{
    for (uint32_t i = 0; i < contacts->count; i++) {
        const struct roster_item *item = contacts->items[i];
        struct jid contact;
        if (jid_from_prepared(roster_item_jid(item), &contact))
            subscribe_cancel(e, a, &contact, item->sub);
    }
}

static void removed(struct engine *e, void *ctx, struct store_request *answer)
{
    struct accounts_order *o = ctx;
    struct slice bare = jid_bare(&o->jid);
    if (answer->err != 0) {
        finish(e, o, accounts_result_of(answer->err));
        return;
    }
    tell_log(e, o, LOG_INFO, "user.removed");
    struct account *a = account_get(e, &o->jid);
    account_use(e, a);
    if (a->state == ACCOUNT_READY) { /* newer than what was read */
        roster_free(&o->roster);
        o->roster = a->roster;
        a->roster = (struct roster){0};
    }
    accounts_tell(e, o, ACCOUNTS_DONE);
    tell_contacts(e, a, &o->roster);
    accounts_end_streams(e, bare, 0, STREAM_NOT_AUTHORIZED, SLICE("the account was removed"));
    if (a->state == ACCOUNT_READY)
        account_mark_absent(e, a);
    else
        account_reload(e, a); /* a load under way may have read what is gone */
    account_release(e, a);
    struct store_request *batch = flow_batch(e);
    store_drop_owner(batch, bare);
    flow_submit(e, batch, swept, o);
}

static void contacts_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct accounts_order *o = ctx;
    bool found = false;
    struct store_row row;
    size_t at = 0;
    if (answer->err != 0) {
        finish(e, o, accounts_result_of(answer->err));
        return;
    }
    while (store_rows(answer, &at, &row)) {
        if (row.read == 0)
            found = true;
        else if (row.key.len > 0)
            (void)roster_item_decode(&o->roster, row.key,
                                     row.value); /* a damaged one goes anyway */
    }
    if (!found) {
        finish(e, o, ACCOUNTS_ABSENT);
        return;
    }
    struct store_request *batch = flow_batch(e);
    store_expect(batch, jid_bare(&o->jid), STORE_ACCOUNT, SLICE(""), SLICE_NONE);
    store_drop_owner(batch, jid_bare(&o->jid));
    flow_submit(e, batch, removed, o);
}

static void remove_account(struct engine *e, struct accounts_order *o)
{
    struct store_request *q = flow_query(e);
    store_get(q, jid_bare(&o->jid), STORE_ACCOUNT, SLICE(""));
    store_list(q, jid_bare(&o->jid), STORE_ROSTER, SLICE_NONE, UINT32_MAX);
    flow_submit(e, q, contacts_read, o);
}

/* ---------------------------------------------------------------------------------------- begin */

static void derived(struct engine *e, void *ctx, struct job *job)
{
    struct accounts_order *o = ctx;
    if (job->err != 0) {
        finish(e, o, accounts_result_of(job->err));
        return;
    }
    if (sasl_credentials_encode(derive_credentials_result(job), &o->credentials) != 0)
        finish(e, o, ACCOUNTS_FAILED);
    else if (o->kind == ACCOUNTS_ADD)
        add(e, o);
    else
        change(e, o);
}

static void derive(struct engine *e, struct accounts_order *o)
{
    flow_run(e, derive_credentials(buf_slice(&o->password), e->config->iterations, e->rng), derived,
             o);
    mem_wipe(o->password.ptr, o->password.cap);
    buf_free(&o->password);
}

/* A name that is taken, or not there, costs no derivation. */
static void looked(struct engine *e, void *ctx, struct store_request *answer)
{
    struct accounts_order *o = ctx;
    struct store_row row;
    size_t at = 0;
    bool found = answer->err == 0 && store_rows(answer, &at, &row);
    if (answer->err != 0)
        finish(e, o, accounts_result_of(answer->err));
    else if (found == (o->kind == ACCOUNTS_ADD))
        finish(e, o, found ? ACCOUNTS_EXISTS : ACCOUNTS_ABSENT);
    else
        derive(e, o);
}

void accounts_start(struct engine *e, struct accounts_order *o)
{
    struct store_request *q;
    switch (o->kind) {
    case ACCOUNTS_ADD:
    case ACCOUNTS_PASSWORD:
        q = flow_query(e);
        store_get(q, jid_bare(&o->jid), STORE_ACCOUNT, SLICE(""));
        flow_submit(e, q, looked, o);
        break;
    case ACCOUNTS_DISABLE:
    case ACCOUNTS_ENABLE:
        change(e, o);
        break;
    case ACCOUNTS_REMOVE:
        remove_account(e, o);
        break;
    }
}
