/* Resource binding along the way (XEP-0386, version 1.1.0), and what comes before it: taking up an
 * old session (XEP-0198 section 9). What modules do here is described in core/service/inline.h.
 *
 * The resource is "tag/unique": the tag as the client says, the rest stable for a client that names
 * itself, and without a way back to that name. */
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "core/hooks.h"
#include "core/login_inside.h"
#include "xmpp/digest.h"
#include "xmpp/ns.h"

enum { TAG_BYTES_MAX = 64, UNIQUE_CHARS = 16, ATTEMPTS_MAX = 3 };

/* ---------------------------------------------------------------------------------- the modules */

static const struct inline_resume *resume_hook(const struct engine *e)
{
    unsigned n;
    const struct module *const *modules = hooks_modules(e, &n);
    for (unsigned i = 0; i < n; i++)
        if (modules[i]->inline_resume != NULL)
            return modules[i]->inline_resume;
    return NULL;
}

/* The next row of the tables of the modules that serve the stream's host: begin with two zeros.
 * NULL: that was the last one. */
static const struct inline_bind *next_row(const struct c2s *s, unsigned *module, unsigned *row)
{
    unsigned n;
    const struct module *const *modules = hooks_modules(s->e, &n);
    for (; *module < n; (*module)++, *row = 0) {
        const struct module *m = modules[*module];
        bool serves = m->inline_binds != NULL && (m->serves == NULL || m->serves(c2s_host(s)));
        if (serves && m->inline_binds[*row].ns != NULL)
            return &m->inline_binds[(*row)++];
    }
    return NULL;
}

#define EACH_ROW(s, r)                                                                             \
    unsigned m_##r = 0, i_##r = 0;                                                                 \
    for (const struct inline_bind *r; (r = next_row((s), &m_##r, &i_##r)) != NULL;)

/* Does the bind ask for this feature? *x_out is its element. */
static bool is_wanted(const struct inline_bind *row, struct xml bind, struct xml *x_out)
{
    *x_out = XML_NONE;
    if (row->name == NULL)
        return true;
    *x_out = xml_child(bind, slice_z(row->ns), slice_z(row->name));
    return xml_some(*x_out);
}

void login_bind_features(struct c2s *s, struct xml_writer *w)
{
    bool any = false;
    xml_open(w, SLICE("bind"), NS_BIND2);
    EACH_ROW(s, row)
    {
        if (row->feature == NULL)
            continue;
        if (!any)
            xml_open(w, SLICE("inline"), SLICE_NONE);
        any = true;
        xml_open(w, SLICE("feature"), SLICE_NONE);
        xml_attr_put(w, SLICE("var"), slice_z(row->feature));
        xml_close(w);
    }
    if (any)
        xml_close(w);
    xml_close(w);
    const struct inline_resume *resume = resume_hook(s->e);
    if (resume != NULL)
        xml_leaf(w, slice_z(resume->feature), slice_z(resume->ns), SLICE_NONE);
}

struct xml login_resume_element(const struct c2s *s, struct xml request)
{
    const struct inline_resume *resume = resume_hook(s->e);
    return resume != NULL ? xml_child(request, slice_z(resume->ns), slice_z(resume->name))
                          : XML_NONE;
}

/* What was kept of the request; it was parsed before, so that only memory can fail. */
static struct xml parsed(const struct buf *kept, struct xml_tree **tree)
{
    *tree = NULL;
    if (xml_parse(buf_slice(kept), NS_CLIENT, &XML_LIMITS_C2S, tree) != XML_OK)
        return XML_NONE;
    return xml_root(*tree);
}

/* ------------------------------------------------------------------------------------- resuming */

static void bind_or_answer(struct c2s *s);

static void resumed(struct c2s *s)
{
    struct engine *e = s->e;
    uint64_t stream = s->handle;
    const struct inline_resume *hook = resume_hook(e);
    CHECK(s->session != NULL && hook != NULL);
    login_answer(s, NULL);
    s = handle_get(&e->streams, stream);
    if (s != NULL && s->session != NULL && hook->resumed != NULL)
        hook->resumed(e, s->session);
}

/* True: the way to the answer ends here, or is taken later. */
static bool resume(struct c2s *s)
{
    struct login *l = s->entry->login;
    struct xml_tree *tree;
    struct xml_writer w;
    const struct inline_resume *hook = resume_hook(s->e);
    struct xml x = parsed(&l->resume, &tree);
    enum inline_answer answer = INLINE_FAILED;
    xml_writer_init(&w, &l->reply, NS_SASL2);
    if (xml_some(x) && hook != NULL)
        answer = hook->resume(s->e, s, x, &w);
    xml_tree_free(&tree);
    l->resuming = answer == INLINE_WAITS;
    if (answer == INLINE_RESUMED)
        resumed(s);
    return answer != INLINE_FAILED;
}

struct account *inline_account(const struct c2s *s)
{
    return s->account;
}

uint64_t inline_stream(const struct c2s *s)
{
    return s->handle;
}

void inline_resume_done(struct engine *e, uint64_t stream, enum inline_answer answer,
                        struct slice reply)
{
    struct c2s *s = handle_get(&e->streams, stream);
    struct login *l = s != NULL && s->entry != NULL ? s->entry->login : NULL;
    if (l == NULL || !l->resuming)
        return;
    CHECK(answer != INLINE_WAITS);
    l->resuming = false;
    buf_add(&l->reply, reply);
    if (answer == INLINE_RESUMED)
        resumed(s);
    else
        bind_or_answer(s);
}

/* ------------------------------------------------------------------------------------- the bind */

/* What stands for a client that names itself: stable, and without a way back to the name. */
static bool stable(const struct c2s *s, char out[UNIQUE_CHARS + 1])
{
    uint8_t hash[DIGEST_SHA256_BYTES];
    struct buf text = {0};
    buf_lit(&text, "resource");
    buf_byte(&text, '\0');
    buf_add(&text, jid_bare(&s->entry->user));
    buf_byte(&text, '\0');
    buf_add(&text, slice_z(s->entry->login->client_id));
    struct slice key = slice_of((const char *)s->e->fake_secret, sizeof(s->e->fake_secret));
    bool good = !text.failed && digest_hmac_sha256(key, buf_slice(&text), hash) == 0;
    for (unsigned i = 0; good && i < UNIQUE_CHARS / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    buf_free(&text);
    return good;
}

/* A tag that cannot be part of a resource is left out. */
static void make_resource(const struct c2s *s, struct slice tag, struct buf *out)
{
    char unique[UNIQUE_CHARS + 1];
    struct buf text = {0};
    if (s->entry->login->client_id[0] == '\0' || !stable(s, unique))
        rng_token(s->e->rng, unique, UNIQUE_CHARS);
    if (tag.len > 0 && tag.len <= TAG_BYTES_MAX) {
        buf_add(&text, tag);
        buf_byte(&text, '/');
    }
    buf_append(&text, unique, UNIQUE_CHARS);
    if (jid_prepare_resource(buf_slice(&text), out) != 0) {
        buf_clear(out);
        buf_append(out, unique, UNIQUE_CHARS);
    }
    buf_free(&text);
}

static uint64_t client_hash(const struct c2s *s)
{
    struct slice id = slice_z(s->entry->login->client_id);
    return id.len > 0 ? hash_bytes(&s->e->key, id) | 1 : 0;
}

/* Earlier sessions of the same client give way, under whatever tag. */
static void end_others(struct c2s *s)
{
    uint64_t client = client_hash(s);
    struct session *old = NULL;
    do {
        if (old != NULL)
            c2s_session_replace(s->e, old);
        old = NULL;
        for (struct list *it = s->account->sessions.next;
             it != &s->account->sessions && client != 0; it = it->next) {
            struct session *other = CONTAINER_OF(it, struct session, link);
            if (other->client == client)
                old = other;
        }
    } while (old != NULL);
}

static void call_rows(struct c2s *s, struct xml bind, const struct store_request *answer,
                      struct xml_writer *w)
{
    struct inline_bound b = {.e = s->e, .session = s->session, .reply = w, .answer = answer};
    uint32_t reads = 0;
    EACH_ROW(s, row)
    {
        if (!is_wanted(row, bind, &b.element))
            continue;
        b.first_read = reads;
        b.answer = row->read != NULL ? answer : NULL;
        reads += row->read != NULL ? row->reads : 0;
        row->bound(&b);
    }
}

/* The account may log in; else the stream has ended. */
static bool account_good(struct c2s *s)
{
    const struct account *a = s->account;
    if (a->state == ACCOUNT_READY && !a->disabled)
        return true;
    login_refuse(s,
                 a->state == ACCOUNT_FAILED ? SASL_TEMPORARY_AUTH_FAILURE
                 : a->disabled              ? SASL_ACCOUNT_DISABLED
                                            : SASL_NOT_AUTHORIZED,
                 SLICE_NONE);
    return false;
}

static void bind(struct c2s *s, const struct store_request *answer)
{
    struct xml_tree *tree;
    struct xml_writer w;
    struct buf resource = {0}, reply = {0};
    struct xml x = parsed(&s->entry->login->bind, &tree);
    make_resource(s, xml_text(xml_child(x, NS_BIND2, SLICE("tag"))), &resource);
    end_others(s);
    if (c2s_session_open(s, buf_slice(&resource))) {
        s->session->bind2 = true;
        s->session->client = client_hash(s);
        xml_writer_init(&w, &reply, NS_BIND2);
        call_rows(s, x, answer, &w);
        login_answer(s, &reply);
    } else {
        login_refuse(s, SASL_TEMPORARY_AUTH_FAILURE,
                     SLICE("<resource-limit-exceeded xmlns='urn:xmpp:errors'/>"));
    }
    buf_free(&resource);
    buf_free(&reply);
    xml_tree_free(&tree);
}

static void begin_bind(struct c2s *s);

static void rows_read(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)e;
    struct c2s *s = ctx;
    struct login *l = s->entry->login;
    s->entry->flow = 0;
    if (!account_good(s))
        return;
    /* What was written to the log meanwhile the session would miss: it is in no answer, and not
     * sent to who was not bound yet. */
    if (s->account->head != l->head && ++l->attempts < ATTEMPTS_MAX)
        begin_bind(s);
    else
        bind(s, answer->err == 0 ? answer : NULL);
}

/* What the features want to know is asked for first. */
static void begin_bind(struct c2s *s)
{
    struct xml_tree *tree;
    struct xml element, x = parsed(&s->entry->login->bind, &tree);
    struct store_request *q = NULL;
    EACH_ROW(s, row)
    {
        if (row->read == NULL || !is_wanted(row, x, &element))
            continue;
        if (q == NULL)
            q = flow_query(s->e);
        uint32_t before = q->steps;
        row->read(s->e, s->account, q);
        CHECK(q->steps - before == row->reads);
    }
    xml_tree_free(&tree);
    s->entry->login->head = s->account->head;
    if (q != NULL)
        s->entry->flow = flow_submit(s->e, q, rows_read, s);
    else
        bind(s, NULL);
}

static void bind_or_answer(struct c2s *s)
{
    if (buf_len(&s->entry->login->bind) > 0)
        begin_bind(s);
    else
        login_answer(s, NULL);
}

void login_enter(struct c2s *s)
{
    struct login *l = s->entry->login;
    s->state = C2S_ENTERING;
    l->attempts = 0;
    if (buf_len(&l->bind) == 0 && buf_len(&l->resume) == 0) {
        login_answer(s, NULL);
        return;
    }
    if (s->account->state == ACCOUNT_FAILED)
        (void)account_get(s->e, &s->entry->user); /* tries again, once */
    if (s->account->state == ACCOUNT_LOADING)
        list_push(&account_work(s->account)->binding, &s->entry->binding);
    else
        login_account_ready(s);
}

void login_account_ready(struct c2s *s)
{
    if (account_good(s) && (buf_len(&s->entry->login->resume) == 0 || !resume(s)))
        bind_or_answer(s);
}
