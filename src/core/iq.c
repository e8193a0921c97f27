/* IQ requests that the server answers (RFC 6120 section 8.2.3, RFC 6121 section 8.5). */
#include "core/iq.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/hooks.h"
#include "core/router.h"
#include "xmpp/ns.h"

/* A request that waits: its bytes, and how to find the client again. */
struct iq_kept {
    struct iq iq;
    struct buf bytes;
    struct xml_tree *tree;
    uint64_t session;
    iq_answer_fn *fn;
    iq_job_fn *job_fn;
};

bool iq_is_set(const struct iq *iq)
{
    return iq->stanza.type == TYPE_SET;
}

static void finish(struct iq *iq)
{
    engine_settle(iq->e, &iq->origin);
    if (iq->account != NULL)
        account_release(iq->e, iq->account);
    mem_free(iq->data);
    if (iq->kept != NULL) {
        struct iq_kept *kept = iq->kept;
        xml_tree_free(&kept->tree);
        buf_free(&kept->bytes);
        mem_free(kept);
    }
}

/* The answer has the request's addresses swapped; without a `to` it has no `from`. */
static void answer(struct iq *iq, struct stanza *st)
{
    struct engine *e = iq->e;
    st->kind = STANZA_IQ;
    st->id = iq->stanza.id;
    st->from = iq->stanza.to;
    st->to = iq->stanza.from;
    st->packed = true;
    if (st->type == TYPE_ERROR)
        e->counters.errors_sent++;
    const struct origin nobody = {0};
    if (iq->session != NULL)
        session_send(e, iq->session, st);
    else
        route(e, st, &nobody);
    finish(iq);
}

void iq_result(struct iq *iq)
{
    struct stanza st = {.type = TYPE_RESULT};
    answer(iq, &st);
}

void iq_result_begin(struct iq *iq, struct xml_writer *w)
{
    buf_clear(&iq->e->scratch);
    xml_writer_init(w, &iq->e->scratch, NS_CLIENT);
}

void iq_result_end(struct iq *iq, struct xml_writer *w)
{
    CHECK(w->depth == 0);
    struct stanza st = {.type = TYPE_RESULT, .payload = buf_slice(&iq->e->scratch)};
    answer(iq, &st);
}

void iq_error_app(struct iq *iq, enum stanza_error error, struct slice text, struct slice app)
{
    struct buf payload = {0};
    stanza_error_payload(&payload, error, text, app);
    struct stanza st = {.type = TYPE_ERROR, .payload = buf_slice(&payload)};
    answer(iq, &st);
    buf_free(&payload);
}

void iq_error_text(struct iq *iq, enum stanza_error error, struct slice text)
{
    iq_error_app(iq, error, text, SLICE_NONE);
}

void iq_error(struct iq *iq, enum stanza_error error)
{
    iq_error_app(iq, error, SLICE_NONE, SLICE_NONE);
}

bool iq_store_failed(struct iq *iq, const struct store_request *r)
{
    if (r->err == 0)
        return false;
    bool wait = r->err == ERR_FULL || r->err == ERR_BUSY || r->err == ERR_READONLY;
    iq_error_text(iq, wait ? STANZA_RESOURCE_CONSTRAINT : STANZA_INTERNAL_SERVER_ERROR,
                  slice_z(err_text(r->err)));
    return true;
}

/* To the heap, with the account held. */
static struct iq_kept *keep(struct iq *iq)
{
    if (iq->kept != NULL)
        return iq->kept;
    struct iq_kept *kept = mem_new(struct iq_kept);
    stanza_encode(&kept->bytes, &iq->stanza);
    kept->iq = *iq;
    kept->iq.kept = kept;
    kept->session = iq->session != NULL ? iq->session->handle : 0;
    CHECK(stanza_decode(buf_slice(&kept->bytes), &kept->iq.stanza));
    kept->iq.payload = XML_NONE;
    return kept;
}

/* The session may have gone, and the payload is parsed again. */
static struct iq *resume(struct engine *e, struct iq_kept *kept)
{
    struct iq *iq = &kept->iq;
    iq->session = kept->session != 0 ? handle_get(&e->sessions, kept->session) : NULL;
    if (kept->tree == NULL && stanza_unpack(&iq->stanza, &kept->tree))
        iq->payload = xml_first_element(iq->stanza.root);
    return iq;
}

static void store_answered(struct engine *e, void *ctx, struct store_request *answered)
{
    struct iq_kept *kept = ctx;
    kept->fn(resume(e, kept), answered);
}

static void job_answered(struct engine *e, void *ctx, struct job *job)
{
    struct iq_kept *kept = ctx;
    kept->job_fn(resume(e, kept), job);
}

void iq_wait(struct iq *iq, struct store_request *request, iq_answer_fn *fn)
{
    struct iq_kept *kept = keep(iq);
    kept->fn = fn;
    flow_submit(iq->e, request, store_answered, kept);
}

void iq_wait_job(struct iq *iq, struct job *job, iq_job_fn *fn)
{
    struct iq_kept *kept = keep(iq);
    kept->job_fn = fn;
    flow_run(iq->e, job, job_answered, kept);
}

struct iq *iq_keep(struct iq *iq)
{
    return &keep(iq)->iq;
}

void iq_again(struct iq *iq)
{
    CHECK(iq->kept != NULL);
    (void)resume(iq->e, iq->kept);
}

/* Parses the payload of a request that came as bytes (from another shard). */
static bool open_payload(struct stanza *s, struct xml_tree **tree, struct xml *out)
{
    if (s->packed && !xml_some(s->root) && !stanza_unpack(s, tree))
        return false;
    *out = xml_first_element(s->root);
    return xml_some(*out) && !xml_some(xml_next_element(*out));
}

static unsigned scope_of(const struct iq *iq)
{
    if (iq->account == NULL)
        return IQ_HOST;
    if (iq->account->state != ACCOUNT_READY)
        return IQ_NOBODY;
    return jid_bare_eq(&iq->stanza.from, &iq->account->jid) ? IQ_SELF : IQ_CONTACT;
}

/* Which error refuses the request; STANZA_OK: it may be served. A stranger is told no more of an
 * account than if there were none. */
static enum stanza_error judge(const struct iq *iq, const struct module_iq *entry)
{
    unsigned kind = iq->stanza.type == TYPE_SET ? IQ_SET : IQ_GET;
    unsigned scope = scope_of(iq);
    if (entry == NULL)
        return STANZA_SERVICE_UNAVAILABLE;
    if ((entry->scopes & scope) == 0) {
        bool known = scope == IQ_CONTACT && (entry->scopes & IQ_SELF) != 0 &&
                     module_sees_presence(iq->account, &iq->stanza.from);
        return known ? STANZA_FORBIDDEN : STANZA_SERVICE_UNAVAILABLE;
    }
    if ((entry->kinds & kind) == 0)
        return STANZA_NOT_ALLOWED;
    return STANZA_OK;
}

void iq_dispatch(struct engine *e, struct stanza *s, const struct host_config *host,
                 struct account *account, struct session *session, const struct origin *origin)
{
    CHECK(s->kind == STANZA_IQ && (s->type == TYPE_GET || s->type == TYPE_SET));
    struct iq iq = {
        .e = e,
        .stanza = *s,
        .host = host,
        .account = account,
        .session = session,
        .origin = *origin,
    };
    if (account != NULL)
        account_use(e, account);
    struct xml_tree *tree = NULL;
    if (!open_payload(&iq.stanza, &tree, &iq.payload)) {
        iq_error(&iq, STANZA_BAD_REQUEST);
    } else {
        const struct module_iq *entry = hooks_iq(e, xml_ns(iq.payload), xml_name(iq.payload));
        enum stanza_error error = judge(&iq, entry);
        if (error == STANZA_OK)
            entry->handle(&iq);
        else
            iq_error(&iq, error);
    }
    xml_tree_free(&tree);
}
