/* XEP-0077: In-Band Registration (version 2.4), with the feature of its section 8.
 *
 * Before login a client may make an account, where the host is open; after it its user may change
 * the password and leave, on any host. Which account is meant is known from the session alone.
 * Limits: A28 for new accounts; names that are taken count like failed logins (L10), so that nobody
 * tries them all. */
#include "base/mem.h"
#include "core/module.h"
#include "core/service/accounts.h"
#include "core/service/signup.h"

/* ----------------------------------------------------------------------------------- before login
 */

/* A registration that waits, for the store or for the accounts service. */
struct signup {
    struct c2s *stream;
    uint64_t flow, call;
    struct buf id, jid, password; /* of the request; the address is prepared */
};

static void signup_free(struct signup *r)
{
    mem_wipe(r->password.ptr, r->password.cap);
    buf_free(&r->password);
    buf_free(&r->id);
    buf_free(&r->jid);
    mem_free(r);
}

/* The stream is gone. */
static void abandon(struct c2s *s, void *data)
{
    struct signup *r = data;
    flow_cancel(signup_engine(s), r->flow);
    accounts_cancel(signup_engine(s), r->call);
    signup_free(r);
}

static void log_limit(struct engine *e, const struct signup *r)
{
    struct log_line l;
    log_begin(&l, e->log, LOG_INFO, "register.limit");
    log_z(&l, "peer", signup_peer(r->stream));
    log_z(&l, "cond", "resource-constraint");
    log_end(&l);
}

static void fail(struct signup *r, enum stanza_error error, struct slice text)
{
    signup_error(r->stream, buf_slice(&r->id), error, text);
    signup_free(r);
}

static enum stanza_error error_of(enum accounts_result result)
{
    switch (result) {
    case ACCOUNTS_DONE:
        return STANZA_OK;
    case ACCOUNTS_EXISTS:
        return STANZA_CONFLICT;
    case ACCOUNTS_ABSENT:
        return STANZA_REGISTRATION_REQUIRED;
    case ACCOUNTS_BAD_PASSWORD:
        return STANZA_NOT_ACCEPTABLE;
    case ACCOUNTS_BUSY:
    case ACCOUNTS_FULL:
        return STANZA_RESOURCE_CONSTRAINT;
    case ACCOUNTS_FAILED:
        break;
    }
    return STANZA_INTERNAL_SERVER_ERROR;
}

/* Those who watch the host get a message from it. */
static void tell_watchers(struct engine *e, const struct host_config *host, struct slice jid,
                          const char *peer)
{
    struct buf text = {0}, payload = {0};
    struct xml_writer w;
    buf_printf(&text, "New account %.*s, registered from %s.", SLICE_ARG(jid), peer);
    xml_writer_init(&w, &payload, NS_CLIENT);
    xml_leaf(&w, SLICE("subject"), SLICE_NONE, SLICE("New account"));
    xml_leaf(&w, SLICE("body"), SLICE_NONE, buf_slice(&text));
    for (size_t i = 0; i < host->watcher_count; i++) {
        char id[16];
        rng_token(e->rng, id, sizeof(id));
        struct stanza s = {
            .kind = STANZA_MESSAGE,
            .type = TYPE_NORMAL,
            .id = slice_of(id, sizeof(id)),
            .payload = buf_slice(&payload),
            .packed = true,
        };
        if (jid_from_prepared(host->name, &s.from) && jid_from_prepared(host->watchers[i], &s.to))
            module_route(e, &s);
    }
    buf_free(&text);
    buf_free(&payload);
}

static void added(struct engine *e, void *ctx, enum accounts_result result)
{
    struct signup *r = ctx;
    r->call = 0;
    if (result != ACCOUNTS_DONE) {
        fail(r, error_of(result), slice_z(accounts_result_text(result)));
        return;
    }
    e->counters.registrations++;
    struct log_line l;
    log_begin(&l, e->log, LOG_INFO, "register.ok");
    log_z(&l, "peer", signup_peer(r->stream));
    log_str(&l, "jid", buf_slice(&r->jid));
    log_end(&l);
    const struct host_config *host = c2s_host(r->stream);
    signup_result(r->stream, buf_slice(&r->id), SLICE_NONE);
    tell_watchers(e, host, buf_slice(&r->jid), signup_peer(r->stream));
    signup_free(r);
}

/* The name is free: the address of the client may make one account in a while (A28). */
static void looked(struct engine *e, void *ctx, struct store_request *answer)
{
    struct signup *r = ctx;
    const struct core_gate *gate = e->gate;
    const char *peer = signup_peer(r->stream);
    struct jid jid;
    r->flow = 0;
    if (answer->err != 0) {
        fail(r, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE);
    } else if (answer->row_count > 0) {
        if (gate != NULL && e->config->limits.rate)
            gate->login_failed(gate->ctx, peer, e->now);
        fail(r, STANZA_CONFLICT, SLICE_NONE);
    } else if (gate != NULL && e->config->limits.rate &&
               !gate->may_register(gate->ctx, peer, e->now)) {
        log_limit(e, r);
        fail(r, STANZA_RESOURCE_CONSTRAINT, SLICE("too many registrations, try again later"));
    } else if (!jid_from_prepared(buf_slice(&r->jid), &jid)) {
        fail(r, STANZA_NOT_ACCEPTABLE, SLICE_NONE);
    } else {
        r->call = accounts_add(e, &jid, buf_slice(&r->password), added, r);
    }
}

static void look(struct engine *e, struct signup *r)
{
    const struct core_gate *gate = e->gate;
    if (gate != NULL && e->config->limits.rate &&
        gate->login_delay_ms(gate->ctx, signup_peer(r->stream), e->now) > 0) {
        log_limit(e, r);
        fail(r, STANZA_RESOURCE_CONSTRAINT, SLICE("too many attempts, try again later"));
        return;
    }
    struct store_request *q = flow_query(e);
    store_get(q, buf_slice(&r->jid), STORE_ACCOUNT, SLICE(""));
    signup_wait(r->stream, r);
    r->flow = flow_submit(e, q, looked, r);
}

/* Text of a field of the form; ptr NULL: it is missing or empty. */
static struct slice field(struct xml query, struct slice name)
{
    struct slice text = xml_text(xml_child(query, NS_REGISTER, name));
    return text.len > 0 ? text : SLICE_NONE;
}

static void make_account(struct c2s *s, struct slice id, struct xml query)
{
    struct slice user = field(query, SLICE("username"));
    struct slice password = field(query, SLICE("password"));
    struct buf local = {0}, prepared = {0};
    bool good = user.len > 0 && jid_prepare_local(user, &local) == 0 && password.len > 0 &&
                jid_prepare_password(password, &prepared) == 0;
    mem_wipe(prepared.ptr, prepared.cap);
    buf_free(&prepared);
    if (!good) {
        signup_error(s, id, STANZA_NOT_ACCEPTABLE, SLICE("this name or password cannot be"));
    } else {
        struct signup *r = mem_new(struct signup);
        r->stream = s;
        buf_add(&r->id, id);
        buf_add(&r->jid, buf_slice(&local));
        buf_byte(&r->jid, '@');
        buf_add(&r->jid, c2s_host(s)->name);
        buf_add(&r->password, password);
        look(signup_engine(s), r);
    }
    buf_free(&local);
}

static void write_form(struct xml_writer *w, struct slice instructions, struct slice user)
{
    xml_open(w, SLICE("query"), NS_REGISTER);
    if (user.len > 0) {
        xml_open(w, SLICE("registered"), SLICE_NONE);
        xml_close(w);
    }
    xml_leaf(w, SLICE("instructions"), SLICE_NONE, instructions);
    xml_leaf(w, SLICE("username"), SLICE_NONE, user);
    xml_leaf(w, SLICE("password"), SLICE_NONE, SLICE_NONE);
    xml_close(w);
}

static void signup_iq(struct c2s *s, struct stanza *st)
{
    struct xml query = xml_first_element(st->root);
    bool good = st->id.ptr != NULL && (st->type == TYPE_GET || st->type == TYPE_SET) &&
                slice_is(xml_name(query), "query") && !xml_some(xml_next_element(query));
    if (!good) {
        signup_error(s, st->id, STANZA_BAD_REQUEST, SLICE_NONE);
    } else if (c2s_host(s)->registration != REGISTRATION_OPEN) {
        signup_error(s, st->id, STANZA_NOT_ALLOWED, SLICE_NONE);
    } else if (st->type == TYPE_GET) {
        struct buf payload = {0};
        struct xml_writer w;
        xml_writer_init(&w, &payload, NS_CLIENT);
        write_form(&w, SLICE("Choose a name and a password."), SLICE_NONE);
        signup_result(s, st->id, buf_slice(&payload));
        buf_free(&payload);
    } else if (xml_some(xml_child(query, NS_REGISTER, SLICE("remove")))) {
        signup_error(s, st->id, STANZA_UNEXPECTED_REQUEST, SLICE("log in first"));
    } else {
        make_account(s, st->id, query);
    }
}

static const struct signup_hook SIGNUP = {.iq = signup_iq, .free = abandon};

/* ------------------------------------------------------------------------------------ after login
 */

static void answer(struct engine *e, void *ctx, enum accounts_result result)
{
    (void)e;
    struct iq *iq = ctx;
    iq_again(iq);
    if (result == ACCOUNTS_DONE)
        iq_result(iq);
    else
        iq_error_text(iq, error_of(result), slice_z(accounts_result_text(result)));
}

/* Is it the user's own name, as localpart or as bare address? */
static bool own_name(const struct account *a, struct slice text)
{
    struct buf local = {0};
    bool own =
        slice_eq(text, jid_bare(&a->jid)) ||
        (jid_prepare_local(text, &local) == 0 && slice_eq(buf_slice(&local), jid_local(&a->jid)));
    buf_free(&local);
    return own;
}

static void change_password(struct iq *iq)
{
    struct account *a = iq->session->account;
    struct slice user = field(iq->payload, SLICE("username"));
    struct slice password = field(iq->payload, SLICE("password"));
    if (user.len == 0 || password.len == 0) {
        iq_error(iq, STANZA_BAD_REQUEST);
    } else if (!own_name(a, user)) {
        iq_error(iq, STANZA_NOT_ALLOWED);
    } else {
        uint64_t stream = session_stream(iq->session);
        struct iq *kept = iq_keep(iq);
        accounts_set_password(iq->e, &a->jid, password, stream, answer, kept);
    }
}

static void remove_account(struct iq *iq)
{
    struct xml only = xml_first_element(iq->payload);
    if (xml_some(xml_next_element(only))) {
        iq_error(iq, STANZA_BAD_REQUEST);
        return;
    }
    struct account *a = iq->session->account;
    struct iq *kept = iq_keep(iq);
    accounts_remove(kept->e, &a->jid, answer, kept);
}

static void show(struct iq *iq)
{
    struct xml_writer w;
    iq_result_begin(iq, &w);
    write_form(&w, SLICE("You have an account here. You may change its password, or remove it."),
               jid_local(&iq->session->account->jid));
    iq_result_end(iq, &w);
}

static void register_iq(struct iq *iq)
{
    bool at_home = iq->session != NULL && iq->session->account->host == iq->host;
    if (!at_home)
        iq_error(iq, STANZA_NOT_ALLOWED);
    else if (!iq_is_set(iq))
        show(iq);
    else if (xml_some(xml_child(iq->payload, NS_REGISTER, SLICE("remove"))))
        remove_account(iq);
    else
        change_password(iq);
}

static void stream_features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    (void)e;
    if (c2s_authenticated(stream) || c2s_host(stream)->registration != REGISTRATION_OPEN)
        return;
    xml_open(w, SLICE("register"), NS_REGISTER_STREAM);
    xml_close(w);
}

static const struct module_iq IQS[] = {
    {"jabber:iq:register", "query", IQ_SELF | IQ_HOST, IQ_GET | IQ_SET, register_iq},
    {0},
};

static const char *const FEATURES[] = {"jabber:iq:register", NULL};

const struct module REGISTER_MODULE = {
    .name = "register",
    .xep = "0077",
    .version = "2.4",
    .summary = "makes accounts, changes passwords, removes accounts",
    .host_features = FEATURES,
    .iqs = IQS,
    .signup = &SIGNUP,
    .stream_features = stream_features,
};
