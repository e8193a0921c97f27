/* XEP-0012: Last Activity (version 2.0).
 *
 * Of the server: since when it runs. Of an account: how long ago its last session ended, with the
 * status of the last unavailable presence; 0 while there is a session; only for those who may see
 * its presence, and forbidden alike whether there is such an account or not. A request to a full
 * JID is the client's. */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/module.h"

#define STORE_LAST SLICE("last")

enum { STATUS_BYTES_MAX = 1024 };

extern const struct module LAST_MODULE;

/* What happened since the account was loaded. */
struct last {
    int64_t wall_ms;     /* 0: no session has ended */
    struct slice status; /* owned */
};

static struct last *last_of(struct engine *e, const struct account *a)
{
    return account_slot(a, module_index(e, &LAST_MODULE));
}

static struct last *last_make(struct engine *e, struct account *a)
{
    struct last *l = last_of(e, a);
    if (l == NULL) {
        l = mem_new(struct last);
        account_slot_set(e, a, module_index(e, &LAST_MODULE), l);
    }
    return l;
}

static void unload(struct engine *e, struct account *a)
{
    struct last *l = last_of(e, a);
    if (l == NULL)
        return;
    mem_free((void *)(uintptr_t)l->status.ptr);
    mem_free(l);
    account_slot_set(e, a, module_index(e, &LAST_MODULE), NULL);
}

static void presence_sent(struct engine *e, struct session *session, const struct stanza *s)
{
    struct slice status = xml_text(xml_child(s->root, NS_CLIENT, SLICE("status")));
    if (s->type != TYPE_UNAVAILABLE || status.len > STATUS_BYTES_MAX)
        status = SLICE_NONE;
    if (status.len == 0 && last_of(e, session->account) == NULL)
        return;
    struct last *l = last_make(e, session->account);
    mem_free((void *)(uintptr_t)l->status.ptr);
    l->status = status.len > 0 ? slice_of(mem_copy(status), status.len) : SLICE_NONE;
}

static void written(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)ctx;
    if (answer->err == 0 || answer->err == ERR_NOT_FOUND)
        return;
    struct log_line line;
    log_begin(&line, e->log, LOG_WARNING, "last.lost");
    log_z(&line, "reason", err_text(answer->err));
    log_end(&line);
}

static void session_ended(struct engine *e, struct session *session)
{
    struct account *a = session->account;
    if (a->session_count > 0 || a->state != ACCOUNT_READY)
        return;
    struct last *l = last_make(e, a);
    l->wall_ms = e->now.wall_ms;
    struct buf value = {0};
    buf_printf(&value, "%lld ", (long long)l->wall_ms);
    buf_add(&value, l->status);
    struct store_request *batch = flow_batch(e);
    struct slice owner = jid_bare(&a->jid);
    store_expect(batch, owner, STORE_ACCOUNT, SLICE(""), SLICE_NONE); /* unless it was removed */
    store_put(batch, owner, STORE_LAST, SLICE(""), buf_slice(&value));
    flow_submit(e, batch, written, NULL);
    buf_free(&value);
}

static void tell(struct iq *iq, int64_t since_wall_ms, struct slice status)
{
    int64_t ms = iq->e->now.wall_ms - since_wall_ms;
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)(ms > 0 ? ms / 1000 : 0));
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("query"), NS_LAST);
    xml_attr_put(&w, SLICE("seconds"), slice_of(text, (size_t)n));
    if (status.len > 0)
        xml_text_put(&w, status);
    xml_close(&w);
    iq_result_end(iq, &w);
}

static bool decode(struct slice value, int64_t *wall_ms_out, struct slice *status_out)
{
    size_t space = slice_find(value, ' ');
    unsigned long long ms;
    if (space == value.len || !slice_to_u64(slice_of(value.ptr, space), &ms) || ms > INT64_MAX)
        return false;
    *wall_ms_out = (int64_t)ms;
    *status_out = slice_from(value, space + 1);
    return true;
}

static void read_from_store(struct iq *iq, struct store_request *answer)
{
    struct store_row row;
    struct slice status;
    int64_t wall_ms;
    size_t at = 0;
    if (iq_store_failed(iq, answer))
        return;
    if (!store_rows(answer, &at, &row))
        iq_error(iq, STANZA_ITEM_NOT_FOUND); /* has never been here */
    else if (!decode(row.value, &wall_ms, &status))
        iq_error(iq, STANZA_INTERNAL_SERVER_ERROR);
    else
        tell(iq, wall_ms, status);
}

static void last(struct iq *iq)
{
    struct account *a = iq->account;
    if (a == NULL) {
        tell(iq, iq->e->started_wall_ms, SLICE_NONE);
        return;
    }
    if (!module_sees_presence(a, &iq->stanza.from)) {
        iq_error(iq, STANZA_FORBIDDEN);
        return;
    }
    const struct last *l = last_of(iq->e, a);
    if (a->session_count > 0) {
        tell(iq, iq->e->now.wall_ms, SLICE_NONE);
    } else if (l != NULL && l->wall_ms != 0) {
        tell(iq, l->wall_ms, l->status);
    } else {
        struct store_request *q = flow_query(iq->e);
        store_get(q, jid_bare(&a->jid), STORE_LAST, SLICE(""));
        iq_wait(iq, q, read_from_store);
    }
}

static const struct module_iq IQS[] = {
    {"jabber:iq:last", "query", IQ_HOST | IQ_SELF | IQ_CONTACT | IQ_NOBODY, IQ_GET, last},
    {0},
};

static const char *const FEATURES[] = {"jabber:iq:last", NULL};
static const char *const STORES[] = {"last", NULL};

const struct module LAST_MODULE = {
    .name = "last",
    .xep = "0012",
    .version = "2.0",
    .summary = "tells how long ago somebody left, and since when the server runs",
    .host_features = FEATURES,
    .account_features = FEATURES,
    .iqs = IQS,
    .stores = STORES,
    .presence_sent = presence_sent,
    .session_ended = session_ended,
    .account_unload = unload,
};
