/* Accounts made, changed and removed, on the shard that owns the address (reliability row O13).
 *
 * A call becomes an order: a heap object that travels by mail to the owner's shard and back. There
 * orders of one address are carried out one after the other. The caller is found again by a handle,
 * so it may be gone meanwhile. */
#include "core/service/accounts.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/account.h"
#include "core/c2s.h"
#include "core/derive.h"
#include "core/service/accounts_order.h"
#include "core/session.h"

struct accounts_call {
    accounts_fn *fn;
    void *ctx;
};

const char *accounts_result_text(enum accounts_result result)
{
    switch (result) {
    case ACCOUNTS_DONE:
        return "done";
    case ACCOUNTS_EXISTS:
        return "the account exists already";
    case ACCOUNTS_ABSENT:
        return "there is no such account";
    case ACCOUNTS_BAD_PASSWORD:
        return "the password is empty, too long, or has characters that passwords may not have";
    case ACCOUNTS_BUSY:
        return "the server is busy; try again in a moment";
    case ACCOUNTS_FULL:
        return "nothing can be stored at the moment; the server's log says why";
    case ACCOUNTS_FAILED:
        break;
    }
    return "the store failed; the server's log says why";
}

static struct accounts_service *service(struct engine *e)
{
    if (e->accounts_service == NULL) {
        e->accounts_service = mem_new(struct accounts_service);
        list_init(&e->accounts_service->orders);
    }
    return e->accounts_service;
}

void accounts_order_free(struct accounts_order **order)
{
    struct accounts_order *o = *order;
    if (o == NULL)
        return;
    *order = NULL;
    roster_free(&o->roster);
    mem_wipe(o->password.ptr, o->password.cap);
    buf_free(&o->password);
    buf_free(&o->credentials);
    mem_free((void *)(uintptr_t)o->jid.text);
    mem_free(o);
}

void accounts_service_free(struct engine *e)
{
    struct accounts_service *s = e->accounts_service;
    if (s == NULL)
        return;
    while (!list_empty(&s->orders)) {
        struct accounts_order *o = CONTAINER_OF(list_pop(&s->orders), struct accounts_order, link);
        accounts_order_free(&o);
    }
    for (uint32_t i = 0; i < s->calls.count; i++)
        mem_free(s->calls.slots[i].object);
    handles_free(&s->calls);
    mem_free(s);
    e->accounts_service = NULL;
}

static void send(struct engine *e, struct accounts_order *o, uint32_t to)
{
    struct mail *m = mail_new(MAIL_ACCOUNTS, e->shard, to);
    m->object = o;
    engine_post(e, m);
}

/* The answer has come: tells the caller, if it is still there. */
static void answered(struct engine *e, struct accounts_order *o)
{
    struct accounts_service *s = service(e);
    struct accounts_call *found = handle_get(&s->calls, o->call);
    if (found == NULL)
        return;
    struct accounts_call call = *found;
    handle_drop(&s->calls, o->call);
    mem_free(found);
    call.fn(e, call.ctx, o->result);
}

/* A call begins. password.ptr NULL: none is needed. */
static uint64_t call(struct engine *e, enum accounts_kind kind, const struct jid *jid,
                     struct slice password, uint64_t keep_stream, accounts_fn *fn, void *ctx)
{
    CHECK(jid->local_len > 0 && jid->resource_len == 0);
    struct accounts_call *c = mem_new(struct accounts_call);
    *c = (struct accounts_call){.fn = fn, .ctx = ctx};
    struct accounts_order *o = mem_new(struct accounts_order);
    o->kind = kind;
    o->from = e->shard;
    o->call = handle_new(&service(e)->calls, c);
    o->jid = jid_copy(jid);
    o->keep_stream = keep_stream;
    bool needs = kind == ACCOUNTS_ADD || kind == ACCOUNTS_PASSWORD;
    uint64_t handle = o->call;
    if (needs && jid_prepare_password(password, &o->password) != 0) {
        o->result = ACCOUNTS_BAD_PASSWORD;
        o->done = true;
        send(e, o, e->shard);
    } else {
        send(e, o, engine_owner(e, jid_bare(jid)));
    }
    return handle;
}

uint64_t accounts_add(struct engine *e, const struct jid *jid, struct slice password,
                      accounts_fn *fn, void *ctx)
{
    return call(e, ACCOUNTS_ADD, jid, password, 0, fn, ctx);
}

uint64_t accounts_set_password(struct engine *e, const struct jid *jid, struct slice password,
                               uint64_t keep_stream, accounts_fn *fn, void *ctx)
{
    return call(e, ACCOUNTS_PASSWORD, jid, password, keep_stream, fn, ctx);
}

uint64_t accounts_set_disabled(struct engine *e, const struct jid *jid, bool disabled,
                               accounts_fn *fn, void *ctx)
{
    enum accounts_kind kind = disabled ? ACCOUNTS_DISABLE : ACCOUNTS_ENABLE;
    return call(e, kind, jid, SLICE_NONE, 0, fn, ctx);
}

uint64_t accounts_remove(struct engine *e, const struct jid *jid, accounts_fn *fn, void *ctx)
{
    return call(e, ACCOUNTS_REMOVE, jid, SLICE_NONE, 0, fn, ctx);
}

void accounts_cancel(struct engine *e, uint64_t handle)
{
    struct accounts_service *s = service(e);
    struct accounts_call *found = handle_get(&s->calls, handle);
    if (found == NULL)
        return;
    handle_drop(&s->calls, handle);
    mem_free(found);
}

unsigned accounts_end_streams(struct engine *e, struct slice bare, uint64_t keep_stream,
                              enum stream_error error, struct slice text)
{
    unsigned sessions = 0;
    struct c2s *stream;
    for (uint32_t at = 0; (stream = handle_walk(&e->streams, &at)) != NULL;) {
        if (stream->account == NULL || stream->handle == keep_stream ||
            !slice_eq(jid_bare(&stream->account->jid), bare))
            continue;
        sessions += stream->session != NULL;
        c2s_end(stream, error, text);
    }
    struct account *a = account_find(e, bare);
    if (a == NULL)
        return sessions;
    account_use(e, a);
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if (s->stream == NULL) {
            sessions++;
            session_end(e, &s);
        }
    }
    account_release(e, a);
    return sessions;
}

enum accounts_result accounts_result_of(int err)
{
    switch (err) {
    case 0:
        return ACCOUNTS_DONE;
    case ERR_EXISTS:
        return ACCOUNTS_EXISTS;
    case ERR_NOT_FOUND:
        return ACCOUNTS_ABSENT;
    case ERR_BUSY:
        return ACCOUNTS_BUSY;
    case ERR_FULL:
    case ERR_READONLY:
        return ACCOUNTS_FULL;
    default:
        return ACCOUNTS_FAILED;
    }
}

/* The first order of its address may go ahead. */
static struct accounts_order *first_of(struct accounts_service *s, const struct jid *jid)
{
    LIST_EACH(it, &s->orders)
    {
        struct accounts_order *o = CONTAINER_OF(it, struct accounts_order, link);
        if (jid_bare_eq(&o->jid, jid))
            return o;
    }
    return NULL;
}

void accounts_tell(struct engine *e, const struct accounts_order *o, enum accounts_result result)
{
    struct accounts_order *answer = mem_new(struct accounts_order);
    answer->call = o->call;
    answer->result = result;
    answer->done = true;
    if (o->from != e->shard) {
        send(e, answer, o->from);
        return;
    }
    answered(e, answer);
    accounts_order_free(&answer);
}

void accounts_complete(struct engine *e, struct accounts_order *o)
{
    struct accounts_service *s = service(e);
    list_remove(&o->link);
    struct accounts_order *next = first_of(s, &o->jid);
    accounts_order_free(&o);
    if (next != NULL)
        accounts_start(e, next);
}

void accounts_mail(struct engine *e, struct accounts_order *o)
{
    if (o->done) {
        answered(e, o);
        accounts_order_free(&o);
        return;
    }
    struct accounts_service *s = service(e);
    bool alone = first_of(s, &o->jid) == NULL;
    list_push(&s->orders, &o->link);
    if (alone)
        accounts_start(e, o);
}
