/* Login (RFC 6120 section 6): the exchange, its waits, its limits. Logins by XEP-0388 (login.h)
 * share all of it, in other words: s->entry->login tells which kind it is. */
#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/derive.h"
#include "core/login.h"
#include "core/router.h"
#include "xmpp/ns.h"

static void advance(struct c2s *s, enum sasl_step step);

static struct slice words(const struct c2s *s)
{
    return s->entry->login != NULL ? NS_SASL2 : NS_SASL;
}

void c2s_auth_fail(struct c2s *s, enum sasl_failure failure)
{
    struct engine *e = s->e;
    struct slice name = sasl_failure_name(failure);
    bool downgrade = s->entry->sasl != NULL && sasl_server_downgrade(s->entry->sasl);
    sasl_server_free(&s->entry->sasl);
    s->state = C2S_NEGOTIATING;
    const char *event = "auth.fail";
    if (downgrade)
        event = "auth.downgrade";
    else if (failure == SASL_ENCRYPTION_REQUIRED)
        event = "auth.plain_refused";
    else if (failure == SASL_INVALID_AUTHZID)
        event = "auth.authzid";
    else if (failure == SASL_TEMPORARY_AUTH_FAILURE)
        event = "auth.busy";
    c2s_log(s, downgrade ? LOG_WARNING : LOG_INFO, event, name.ptr);
    e->counters.login_failures++;
    if (failure != SASL_TEMPORARY_AUTH_FAILURE && failure != SASL_ENCRYPTION_REQUIRED) {
        if (e->gate != NULL && failure != SASL_ABORTED)
            e->gate->login_failed(e->gate->ctx, s->link->peer, e->now);
        if (++s->entry->failures > e->config->limits.login_failures) {
            c2s_log(s, LOG_WARNING, "auth.too_many", "policy-violation");
            c2s_error(s, STREAM_POLICY_VIOLATION, SLICE("too many failed logins"), SLICE_NONE);
            return;
        }
    }
    struct xml_writer w;
    xml_writer_init(&w, &s->link->out, NS_CLIENT);
    xml_open(&w, SLICE("failure"), words(s));
    xml_leaf(&w, name, NS_SASL, SLICE_NONE);
    xml_close(&w);
    login_free(&s->entry->login);
    c2s_written(s);
    s->link->ops->resume(s->link);
}

static void credentials_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct c2s *s = ctx;
    s->entry->flow = 0;
    struct store_row row;
    size_t at = 0;
    struct account_record record = {0};
    struct sasl_credentials credentials;
    if (answer->err != 0) {
        c2s_auth_fail(s, SASL_TEMPORARY_AUTH_FAILURE);
        return;
    }
    if (!store_rows(answer, &at, &row)) {
        advance(s, sasl_server_credentials(s->entry->sasl, NULL, false));
        return;
    }
    if (!account_record_decode(row.value, &record) ||
        sasl_credentials_decode(record.credentials, &credentials) != 0) {
        struct log_line l;
        log_begin(&l, e->log, LOG_ERROR, "store.corrupt");
        log_str(&l, "account", sasl_server_user(s->entry->sasl));
        log_end(&l);
        c2s_auth_fail(s, SASL_TEMPORARY_AUTH_FAILURE);
        return;
    }
    if (s->entry->login != NULL)
        login_keep_record(s->entry->login, row.value);
    advance(s, sasl_server_credentials(s->entry->sasl, &credentials, record.disabled));
    mem_wipe(&credentials, sizeof(credentials));
}

/* user@host */
static void user_text(const struct c2s *s, struct slice user, struct buf *out)
{
    buf_add(out, user);
    buf_byte(out, '@');
    buf_add(out, s->entry->host->name);
}

static void read_credentials(struct c2s *s)
{
    struct buf owner = {0};
    user_text(s, sasl_server_user(s->entry->sasl), &owner);
    struct store_request *q = flow_query(s->e);
    q->urgent = true;
    store_get(q, buf_slice(&owner), STORE_ACCOUNT, SLICE(""));
    s->state = C2S_SASL_WAIT;
    s->entry->flow = flow_submit(s->e, q, credentials_read, s);
    buf_free(&owner);
}

static void derived(struct engine *e, void *ctx, struct job *job)
{
    (void)e;
    struct c2s *s = ctx;
    s->entry->flow = 0;
    if (job->err != 0)
        c2s_auth_fail(s, SASL_TEMPORARY_AUTH_FAILURE);
    else
        advance(s, sasl_server_derived(s->entry->sasl, derive_login_result(job)));
}

void c2s_auth_succeed(struct c2s *s, struct slice user, struct slice mechanism, struct slice output)
{
    struct engine *e = s->e;
    struct buf text = {0};
    user_text(s, user, &text);
    struct jid jid;
    CHECK(jid_from_prepared(buf_slice(&text), &jid));
    s->entry->user = jid_copy(&jid);
    s->authenticated = true;
    buf_clear(&s->entry->held);
    base64_append(&s->entry->held, output);
    struct log_line l;
    log_begin(&l, e->log, LOG_INFO, "auth.ok");
    log_num(&l, "conn", (long long)s->link->conn);
    log_z(&l, "peer", s->link->peer);
    log_str(&l, "jid", jid_bare(&s->entry->user));
    log_str(&l, "mechanism", mechanism);
    if (s->entry->login != NULL)
        login_log(s->entry->login, &l);
    log_end(&l);
    sasl_server_free(&s->entry->sasl);
    e->counters.logins++;
    if (e->gate != NULL)
        e->gate->authenticated(e->gate->ctx, s->link->conn);
    s->state = C2S_MOVING;
    uint32_t owner = engine_owner(e, jid_bare(&s->entry->user));
    buf_free(&text);
    if (owner == e->shard)
        c2s_arrived(s);
    else
        s->link->ops->move(s->link, owner);
}

static void succeed(struct c2s *s)
{
    struct slice user = sasl_server_user(s->entry->sasl);
    if (s->entry->login != NULL && sasl_server_authzid(s->entry->sasl) &&
        !login_fits_header(s, user))
        c2s_auth_fail(s, SASL_INVALID_AUTHZID);
    else
        c2s_auth_succeed(s, user, sasl_server_mechanism(s->entry->sasl),
                         sasl_server_output(s->entry->sasl));
}

void c2s_arrived(struct c2s *s)
{
    struct buf *out = &s->link->out;
    s->account = account_get(s->e, &s->entry->user); /* loaded by the time of the bind */
    account_use(s->e, s->account);
    if (s->entry->login != NULL) {
        login_arrived(s);
        return;
    }
    buf_lit(out, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'");
    if (buf_len(&s->entry->held) > 0) {
        buf_byte(out, '>');
        buf_add(out, buf_slice(&s->entry->held));
        buf_lit(out, "</success>");
    } else {
        buf_lit(out, "/>");
    }
    buf_free(&s->entry->held);
    c2s_written(s);
    s->state = C2S_REOPENING;
    s->header_sent = false; /* what comes next is another stream */
    s->link->ops->restart(s->link, true);
    s->link->ops->resume(s->link);
}

static void advance(struct c2s *s, enum sasl_step step)
{
    switch (step) {
    case SASL_CHALLENGE:
        buf_lit(&s->link->out, "<challenge");
        xml_write_attr(&s->link->out, SLICE("xmlns"), words(s));
        buf_byte(&s->link->out, '>');
        base64_append(&s->link->out, sasl_server_output(s->entry->sasl));
        buf_lit(&s->link->out, "</challenge>");
        c2s_written(s);
        s->state = s->entry->login != NULL ? C2S_SASL2 : C2S_SASL;
        s->link->ops->resume(s->link);
        break;
    case SASL_WANT_CREDENTIALS:
        read_credentials(s);
        break;
    case SASL_WANT_DERIVE:
        s->state = C2S_SASL_WAIT;
        s->entry->flow = flow_run(s->e, derive_login(s->entry->sasl), derived, s);
        break;
    case SASL_SUCCESS:
        succeed(s);
        break;
    case SASL_FAILURE:
        c2s_auth_fail(s, sasl_server_failure(s->entry->sasl));
        break;
    }
}

bool c2s_auth_decode(struct slice text, struct buf *room, struct slice *data_out)
{
    size_t len;
    *data_out = slice_of("", 0);
    if (text.len == 0)
        return true;
    if (text.len % 4 != 0 || buf_reserve(room, text.len) != 0 ||
        !base64_decode(text, room->ptr, &len))
        return false;
    room->end = (uint32_t)len;
    *data_out = buf_slice(room);
    return true;
}

/* In the words of RFC 6120 "=" stands for empty data. */
static bool decode(const struct c2s *s, struct slice text, struct buf *room, struct slice *data_out)
{
    bool empty = s->entry->login == NULL && slice_is(text, "=");
    return c2s_auth_decode(empty ? SLICE_NONE : text, room, data_out);
}

static void begin(struct c2s *s, struct slice mechanism, struct slice text)
{
    struct buf own = {0};
    struct slice initial;
    if (decode(s, text, &own, &initial))
        c2s_auth_start(s, mechanism, text.len > 0 ? initial : SLICE_NONE);
    else
        c2s_auth_fail(s, SASL_INCORRECT_ENCODING);
    mem_wipe(own.ptr, own.cap);
    buf_free(&own);
}

/* XEP-0474: what we have offered here, as c2s_features and the module of XEP-0440 say it. */
static void offered(const struct c2s *s, bool plain, const struct sasl_binding *b, struct buf *out)
{
    size_t n, types = 0;
    struct slice type[2];
    const struct slice *names = sasl_server_mechanisms(plain, s->link->secure, &n);
    if (b->tls_exporter.len > 0)
        type[types++] = SLICE("tls-exporter");
    if (b->tls_server_end_point.len > 0)
        type[types++] = SLICE("tls-server-end-point");
    sasl_offer_text(names, n, type, s->link->secure ? types : 0, out);
}

void c2s_auth_start(struct c2s *s, struct slice mechanism, struct slice initial)
{
    uint8_t scratch[SASL_BINDING_BYTES];
    struct buf offer = {0};
    bool plain = s->link->secure || s->link->plain_allowed;
    struct sasl_server_config config = {
        .host = s->entry->host->name,
        .alias = s->entry->host_asked,
        .plain_allowed = plain,
        .plus_offered = s->link->secure,
        .iterations = s->e->config->iterations,
        .fake_secret = s->e->fake_secret,
    };
    c2s_binding(s, &config.binding, scratch);
    offered(s, plain, &config.binding, &offer);
    config.offer = buf_slice(&offer);
    enum sasl_step step;
    s->entry->sasl = sasl_server_new(&config, mechanism, initial, s->e->rng, &step);
    mem_wipe(scratch, sizeof(scratch));
    buf_free(&offer);
    advance(s, step);
}

void c2s_auth(struct c2s *s, struct xml x)
{
    struct slice mechanism = xml_attr(x, SLICE("mechanism")), text = xml_text(x);
    if (s->entry->sasl != NULL || mechanism.ptr == NULL) {
        c2s_auth_fail(s, SASL_MALFORMED_REQUEST); /* one exchange at a time (A08) */
        return;
    }
    bool plain = slice_is(mechanism, "PLAIN");
    if (!s->link->secure && (s->link->require_tls || (plain && !s->link->plain_allowed))) {
        c2s_auth_fail(s, SASL_ENCRYPTION_REQUIRED);
        return;
    }
    struct engine *e = s->e;
    uint32_t delay_ms =
        e->gate != NULL ? e->gate->login_delay_ms(e->gate->ctx, s->link->peer, e->now) : 0;
    if (delay_ms == 0) {
        begin(s, mechanism, text);
        return;
    }
    buf_clear(&s->entry->held);
    buf_add(&s->entry->held, mechanism);
    buf_byte(&s->entry->held, '\0');
    buf_add(&s->entry->held, text);
    s->state = C2S_SASL_WAIT;
    timer_set(&e->timers, &s->entry->delay, e->now.mono_ms + delay_ms);
}

void c2s_auth_delayed(struct c2s *s)
{
    if (s->entry->login != NULL) {
        login_delayed(s);
        return;
    }
    struct buf held = s->entry->held;
    s->entry->held = (struct buf){0};
    struct slice all = buf_slice(&held);
    size_t end = slice_find(all, '\0');
    begin(s, slice_of(all.ptr, end), slice_from(all, end + 1));
    mem_wipe(held.ptr, held.cap);
    buf_free(&held);
}

void c2s_auth_response(struct c2s *s, struct xml x)
{
    if (s->entry->sasl == NULL) {
        c2s_auth_fail(s, SASL_MALFORMED_REQUEST);
        return;
    }
    struct buf own = {0};
    struct slice data;
    if (decode(s, xml_text(x), &own, &data))
        advance(s, sasl_server_respond(s->entry->sasl, data));
    else
        c2s_auth_fail(s, SASL_INCORRECT_ENCODING);
    mem_wipe(own.ptr, own.cap);
    buf_free(&own);
}

void c2s_auth_abort(struct c2s *s, struct xml x)
{
    (void)x;
    c2s_auth_fail(s, SASL_ABORTED);
}
