/* Requests (RFC 6120 section 8.2.3): ours, matched by id and sender and answered exactly once, and
 * those that others send us. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "client/client.h"
#include "xmpp/error.h"

enum { REQUESTS_MAX = 10000, TIMEOUT_MS = 30000 };

struct client_request {
    struct list link;
    struct client_timer timer;
    uint64_t handle;
    client_iq_fn *fn;
    void *arg;
    void (*drop)(void *arg);
    uint32_t wait_ms; /* asked outside of burble_feed: the time counts from the next one */
    char id[CLIENT_ID_BYTES];
    char to[]; /* prepared; "": the own account */
};

struct client_server {
    struct list link;
    client_server_fn *fn;
    void *arg;
    char *ns, *name;
};

static struct client_request *request_of(struct list *l)
{
    return CONTAINER_OF(l, struct client_request, link);
}

static void request_free(struct burble *c, struct client_request *r)
{
    client_timer_stop(&r->timer);
    list_remove(&r->link);
    c->request_count--;
    free(r);
}

/* Taken back: nobody hears of it. */
static void request_drop(struct burble *c, struct client_request *r)
{
    void (*drop)(void *arg) = r->drop;
    void *arg = r->arg;
    request_free(c, r);
    if (drop != NULL)
        drop(arg);
}

static void finish(struct burble *c, struct client_request *r, enum burble_iq_outcome outcome,
                   struct xml iq)
{
    client_iq_fn *fn = r->fn;
    void *arg = r->arg;
    request_free(c, r);
    client_enter(c);
    fn(c, outcome, iq, arg);
    c->depth--;
}

static void timed_out(struct burble *c, struct client_timer *t)
{
    struct client_request *r = CONTAINER_OF(t, struct client_request, timer);
    if (r->wait_ms > 0) {
        client_timer_set(c, t, c->now.mono_ms + r->wait_ms);
        r->wait_ms = 0;
        return;
    }
    finish(c, r, BURBLE_IQ_TIMEOUT, XML_NONE);
}

/* What the client knows of the time is old when nothing has happened for long. */
static void start_timer(struct burble *c, struct client_request *r, uint32_t wait_ms)
{
    r->timer.fire = timed_out;
    r->wait_ms = c->depth == 0 ? wait_ms : 0;
    client_timer_set(c, &r->timer, c->depth == 0 ? 0 : c->now.mono_ms + wait_ms);
    client_wake(c);
}

static void write_request(struct buf *b, const struct client_iq *iq, const char *id,
                          struct slice to)
{
    buf_lit(b, "<iq type='");
    buf_add(b, iq->set ? SLICE("set") : SLICE("get"));
    buf_byte(b, '\'');
    xml_write_attr(b, SLICE("id"), slice_z(id));
    if (to.len > 0)
        xml_write_attr(b, SLICE("to"), to);
    buf_byte(b, '>');
    buf_add(b, iq->payload);
    buf_lit(b, "</iq>");
}

static struct client_request *request_new(struct burble *c, const struct client_iq *iq,
                                          struct slice to)
{
    struct client_request *r = client_alloc(sizeof(*r) + to.len + 1);
    if (r == NULL)
        return NULL;
    if (to.len > 0)
        memcpy(r->to, to.ptr, to.len);
    r->fn = iq->fn;
    r->arg = iq->arg;
    r->drop = iq->drop;
    r->handle = ++c->next_handle;
    client_new_id(c, r->id);
    return r;
}

int client_iq_send(struct burble *c, const struct client_iq *iq, uint64_t *handle_out)
{
    struct arena mem = {0};
    struct buf b = {0};
    struct jid to = JID_NONE;
    if (c->doomed)
        return ERR_CLOSED;
    if (c->request_count >= REQUESTS_MAX)
        return ERR_LIMIT;
    int err = iq->to.len > 0 ? jid_parse(iq->to, &mem, &to) : 0;
    struct client_request *r = err == 0 ? request_new(c, iq, jid_full(&to)) : NULL;
    if (err == 0 && r == NULL)
        err = ERR_MEMORY;
    if (err == 0) {
        (void)buf_reserve(&b, iq->payload.len + 2 * iq->to.len + 128); /* one copy, to be wiped */
        write_request(&b, iq, r->id, jid_full(&to));
        err = b.failed ? ERR_MEMORY
                       : outbox_put(c, OUTBOX_SESSION, buf_slice(&b), slice_z(r->id),
                                    iq->secret ? OUTBOX_SECRET : 0, NULL);
    }
    if (iq->secret && b.ptr != NULL)
        mem_wipe(b.ptr, b.cap);
    buf_free(&b);
    arena_free(&mem);
    if (err != 0) {
        free(r);
        return err;
    }
    list_push(&c->requests, &r->link);
    c->request_count++;
    start_timer(c, r, iq->timeout_ms != 0 ? iq->timeout_ms : TIMEOUT_MS);
    if (handle_out != NULL)
        *handle_out = r->handle;
    return 0;
}

int client_iq_ask(struct burble *c, bool set, const char *to, client_iq_fn *fn, void *heap,
                  uint64_t *handle_out)
{
    struct client_iq iq = {.set = set,
                           .to = slice_z(to),
                           .payload = buf_slice(&c->work),
                           .fn = fn,
                           .arg = heap,
                           .drop = free};
    int err = heap == NULL || c->work.failed ? ERR_MEMORY : client_iq_send(c, &iq, handle_out);
    if (err != 0)
        free(heap);
    return err;
}

/* Whom the answer may come from (RFC 6120 section 10.3.3, row V60): whom we asked. Who asks the own
 * account may be answered with no from, or as the account. */
static bool is_answer(const struct burble *c, const struct client_request *r,
                      const struct stanza *s)
{
    if (!slice_eq(s->id, slice_z(r->id)))
        return false;
    struct slice from = jid_full(&s->from), to = slice_z(r->to), bare = slice_z(c->setup.bare);
    if (slice_eq(from, to))
        return true;
    if (from.len == 0)
        return slice_eq(to, bare) || slice_eq(to, slice_z(c->setup.domain));
    /* RFC 3920 servers answered for the account as the bare or the full address. */
    return to.len == 0 && (slice_eq(from, bare) || slice_eq(from, slice_z(c->jid)) ||
                           slice_eq(from, slice_z(c->setup.domain)));
}

static void answer(struct burble *c, const struct stanza *s)
{
    LIST_EACH(it, &c->requests)
    {
        struct client_request *r = request_of(it);
        if (!is_answer(c, r, s))
            continue;
        finish(c, r, s->type == TYPE_RESULT ? BURBLE_IQ_RESULT : BURBLE_IQ_ERROR, s->root);
        return;
    }
}

void burble_cancel(struct burble *c, uint64_t handle)
{
    LIST_EACH(it, &c->requests)
    if (request_of(it)->handle == handle)
        request_drop(c, request_of(it));
}

void client_iq_gone(struct burble *c)
{
    /* Those that are asked meanwhile belong to what comes next. */
    uint64_t last = c->next_handle;
    while (!list_empty(&c->requests) && request_of(c->requests.next)->handle <= last)
        finish(c, request_of(c->requests.next), BURBLE_IQ_GONE, XML_NONE);
}

void client_iq_error(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                     struct burble_stanza_error *out)
{
    *out = (struct burble_stanza_error){.condition = "", .type = "", .text = ""};
    if (outcome == BURBLE_IQ_RESULT)
        return;
    if (outcome != BURBLE_IQ_ERROR) {
        out->condition =
            outcome == BURBLE_IQ_TIMEOUT ? "remote-server-timeout" : "recipient-unavailable";
        out->type = "wait";
        out->text = outcome == BURBLE_IQ_TIMEOUT ? "no answer in time" : "the session ended";
        return;
    }
    struct xml e = xml_child(iq, NS_CLIENT, SLICE("error"));
    out->condition = "undefined-condition";
    out->node = view_of(&c->view, e);
    const char *type = view_string(&c->view, xml_attr(e, SLICE("type")));
    out->type = type != NULL ? type : "cancel";
    for (struct xml x = xml_first_element(e); xml_some(x); x = xml_next_element(x)) {
        if (!slice_eq(xml_ns(x), NS_STANZA_ERRORS))
            continue;
        bool text = slice_is(xml_name(x), "text");
        const char *value = view_string(&c->view, text ? xml_text(x) : xml_name(x));
        if (value != NULL && text)
            out->text = value;
        else if (value != NULL)
            out->condition = value;
    }
}

const char *client_condition_text(const char *const *texts, const char *condition,
                                  const char *other)
{
    const char *text = texts[stanza_error_read(slice_z(condition))];
    return text != NULL ? text : other;
}

/* ------------------------------------------------------------------------------- the public face
 */

struct public_request {
    burble_iq_fn *fn;
    void *arg;
};

static void public_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                          void *arg)
{
    struct public_request r = *(struct public_request *)arg;
    struct burble_iq answer = {.outcome = outcome, .iq = view_of(&c->view, iq)};
    free(arg);
    client_iq_error(c, outcome, iq, &answer.error);
    struct xml payload = xml_first_element(iq);
    if (slice_is(xml_name(payload), "error") && outcome == BURBLE_IQ_ERROR)
        payload = XML_NONE;
    answer.payload = view_of(&c->view, payload);
    if (r.fn != NULL)
        r.fn(c, &answer, r.arg);
}

static int ask(struct burble *c, bool set, const char *to, const char *payload, uint32_t timeout_ms,
               burble_iq_fn *fn, void *arg, uint64_t *handle_out)
{
    struct public_request *r = client_alloc(sizeof(*r));
    if (r == NULL)
        return ERR_MEMORY;
    *r = (struct public_request){.fn = fn, .arg = arg};
    struct client_iq iq = {.set = set,
                           .to = slice_z(to),
                           .payload = slice_z(payload),
                           .timeout_ms = timeout_ms,
                           .fn = public_answer,
                           .arg = r,
                           .drop = free};
    int err = client_iq_send(c, &iq, handle_out);
    if (err != 0)
        free(r);
    return err;
}

int burble_get(struct burble *c, const char *to, const char *payload, uint32_t timeout_ms,
               burble_iq_fn *fn, void *arg, uint64_t *handle_out)
{
    return ask(c, false, to, payload, timeout_ms, fn, arg, handle_out);
}

int burble_set(struct burble *c, const char *to, const char *payload, uint32_t timeout_ms,
               burble_iq_fn *fn, void *arg, uint64_t *handle_out)
{
    return ask(c, true, to, payload, timeout_ms, fn, arg, handle_out);
}

/* --------------------------------------------------------------------------- requests of others */

static struct client_server *server_find(struct burble *c, struct slice ns, struct slice name)
{
    LIST_EACH(it, &c->servers)
    {
        struct client_server *s = CONTAINER_OF(it, struct client_server, link);
        if (slice_eq(slice_z(s->ns), ns) && slice_eq(slice_z(s->name), name))
            return s;
    }
    return NULL;
}

static void server_free(struct client_server *s)
{
    if (list_linked(&s->link))
        list_remove(&s->link);
    free(s->ns);
    free(s->name);
    free(s);
}

int client_iq_serve(struct burble *c, struct slice ns, struct slice name, client_server_fn *fn,
                    void *arg)
{
    struct client_server *s = server_find(c, ns, name);
    if (fn == NULL) {
        if (s != NULL)
            server_free(s);
        return 0;
    }
    if (s != NULL)
        return ERR_EXISTS;
    s = client_alloc(sizeof(*s));
    if (s == NULL)
        return ERR_MEMORY;
    *s = (struct client_server){
        .fn = fn, .arg = arg, .ns = client_copy(ns), .name = client_copy(name)};
    if (s->ns == NULL || s->name == NULL) {
        server_free(s);
        return ERR_MEMORY;
    }
    list_push(&c->servers, &s->link);
    return 0;
}

static int reply(struct burble *c, const struct stanza *iq, struct slice type, struct slice payload)
{
    struct buf b = {0};
    buf_lit(&b, "<iq");
    xml_write_attr(&b, SLICE("type"), type);
    if (iq->id.ptr != NULL)
        xml_write_attr(&b, SLICE("id"), iq->id);
    if (jid_some(&iq->from))
        xml_write_attr(&b, SLICE("to"), jid_full(&iq->from));
    buf_byte(&b, '>');
    buf_add(&b, payload);
    buf_lit(&b, "</iq>");
    int err = b.failed ? ERR_MEMORY : outbox_put(c, OUTBOX_SESSION, buf_slice(&b), iq->id, 0, NULL);
    buf_free(&b);
    return err;
}

int client_iq_answer(struct burble *c, const struct stanza *iq, struct slice payload)
{
    return reply(c, iq, SLICE("result"), payload);
}

int client_iq_refuse(struct burble *c, const struct stanza *iq, enum stanza_error error,
                     struct slice text)
{
    return client_iq_refuse_with(c, iq, error, text, SLICE_NONE);
}

int client_iq_refuse_with(struct burble *c, const struct stanza *iq, enum stanza_error error,
                          struct slice text, struct slice app)
{
    struct buf b = {0};
    stanza_error_payload(&b, error, text, app);
    int err = b.failed ? ERR_MEMORY : reply(c, iq, SLICE("error"), buf_slice(&b));
    buf_free(&b);
    return err;
}

void client_iq_stanza(struct burble *c, const struct stanza *s)
{
    if (s->type == TYPE_RESULT || s->type == TYPE_ERROR) {
        answer(c, s);
        return;
    }
    struct xml payload = xml_first_element(s->root);
    struct client_server *server = server_find(c, xml_ns(payload), xml_name(payload));
    bool good = s->id.ptr != NULL && xml_some(payload) && s->type != TYPE_BAD;
    if (good && server != NULL) {
        server->fn(c, s, payload, server->arg);
        return;
    }
    int err =
        client_iq_refuse(c, s, good ? STANZA_SERVICE_UNAVAILABLE : STANZA_BAD_REQUEST, SLICE_NONE);
    c->starved = c->starved || err == ERR_MEMORY;
}

struct public_server {
    burble_request_fn *fn;
    void *arg;
};

static void public_serve(struct burble *c, const struct stanza *iq, struct xml payload, void *arg)
{
    const struct public_server *s = arg;
    s->fn(c, view_of(&c->view, iq->root), view_of(&c->view, payload), s->arg);
}

int burble_on_request(struct burble *c, const char *ns, const char *name, burble_request_fn *fn,
                      void *arg)
{
    struct client_server *old = server_find(c, slice_z(ns), slice_z(name));
    if (fn == NULL) {
        if (old != NULL && old->fn == public_serve) {
            free(old->arg);
            server_free(old);
        }
        return 0;
    }
    struct public_server *s = client_alloc(sizeof(*s));
    if (s == NULL)
        return ERR_MEMORY;
    *s = (struct public_server){.fn = fn, .arg = arg};
    int err = client_iq_serve(c, slice_z(ns), slice_z(name), public_serve, s);
    if (err != 0)
        free(s);
    return err;
}

/* The head of a request that the program holds as a tree. */
static bool read_request(struct burble_xml iq, struct arena *mem, struct stanza *out)
{
    struct xml x = view_xml(iq);
    if (!stanza_read(x, SLICE_NONE, out) || out->kind != STANZA_IQ)
        return false;
    struct slice from = xml_attr(x, SLICE("from"));
    return from.ptr == NULL || jid_parse(from, mem, &out->from) == 0;
}

int burble_answer(struct burble *c, struct burble_xml iq, const char *payload)
{
    struct arena mem = {0};
    struct stanza s;
    int err = read_request(iq, &mem, &s) ? client_iq_answer(c, &s, slice_z(payload)) : ERR_SYNTAX;
    arena_free(&mem);
    return err;
}

int burble_refuse(struct burble *c, struct burble_xml iq, const char *condition, const char *text)
{
    struct arena mem = {0};
    struct stanza s;
    enum stanza_error error = stanza_error_read(slice_z(condition));
    int err = error != STANZA_OK && read_request(iq, &mem, &s)
                  ? client_iq_refuse(c, &s, error, slice_z(text))
                  : ERR_SYNTAX;
    arena_free(&mem);
    return err;
}

void client_iq_free(struct burble *c)
{
    while (!list_empty(&c->requests))
        request_drop(c, request_of(c->requests.next));
    while (!list_empty(&c->servers)) {
        struct client_server *s = CONTAINER_OF(c->servers.next, struct client_server, link);
        if (s->fn == public_serve)
            free(s->arg);
        server_free(s);
    }
}
