/* Login (RFC 6120 section 6): the exchange, its waits, its limits. */
#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/derive.h"
#include "core/router.h"
#include "xmpp/ns.h"

static void advance(struct c2s *s, enum sasl_step step);

static void fail(struct c2s *s, enum sasl_failure failure)
{
    struct engine *e = s->e;
    struct slice name = sasl_failure_name(failure);
    bool downgrade = s->sasl != NULL && sasl_server_downgrade(s->sasl);
    sasl_server_free(&s->sasl);
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
        if (++s->failures > e->config->limits.login_failures) {
            c2s_log(s, LOG_WARNING, "auth.too_many", "policy-violation");
            c2s_error(s, STREAM_POLICY_VIOLATION, SLICE("too many failed logins"), SLICE_NONE);
            return;
        }
    }
    struct xml_writer w;
    xml_writer_init(&w, &s->link->out, NS_CLIENT);
    xml_open(&w, SLICE("failure"), NS_SASL);
    xml_open(&w, name, SLICE_NONE);
    xml_close(&w);
    xml_close(&w);
    c2s_written(s);
    s->link->ops->resume(s->link);
}

static void credentials_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct c2s *s = ctx;
    s->flow = 0;
    struct store_row row;
    size_t at = 0;
    struct account_record record = {0};
    struct sasl_credentials credentials;
    if (answer->err != 0) {
        fail(s, SASL_TEMPORARY_AUTH_FAILURE);
        return;
    }
    if (!store_rows(answer, &at, &row)) {
        advance(s, sasl_server_credentials(s->sasl, NULL, false));
        return;
    }
    if (!account_record_decode(row.value, &record) ||
        sasl_credentials_decode(record.credentials, &credentials) != 0) {
        struct log_line l;
        log_begin(&l, e->log, LOG_ERROR, "store.corrupt");
        log_str(&l, "account", sasl_server_user(s->sasl));
        log_end(&l);
        fail(s, SASL_TEMPORARY_AUTH_FAILURE);
        return;
    }
    advance(s, sasl_server_credentials(s->sasl, &credentials, record.disabled));
    mem_wipe(&credentials, sizeof(credentials));
}

/* user@host as the address of the exchange's user. */
static void user_text(const struct c2s *s, struct buf *out)
{
    buf_add(out, sasl_server_user(s->sasl));
    buf_byte(out, '@');
    buf_add(out, s->host->name);
}

static void read_credentials(struct c2s *s)
{
    struct buf owner = {0};
    user_text(s, &owner);
    struct store_request *q = flow_query(s->e);
    q->urgent = true;
    store_get(q, buf_slice(&owner), STORE_ACCOUNT, SLICE(""));
    s->state = C2S_SASL_WAIT;
    s->flow = flow_submit(s->e, q, credentials_read, s);
    buf_free(&owner);
}

static void derived(struct engine *e, void *ctx, struct job *job)
{
    (void)e;
    struct c2s *s = ctx;
    s->flow = 0;
    if (job->err != 0)
        fail(s, SASL_TEMPORARY_AUTH_FAILURE);
    else
        advance(s, sasl_server_derived(s->sasl, derive_login_result(job)));
}

static void succeed(struct c2s *s)
{
    struct engine *e = s->e;
    struct buf text = {0};
    user_text(s, &text);
    struct jid user;
    CHECK(jid_from_prepared(buf_slice(&text), &user));
    s->user = jid_copy(&user);
    buf_clear(&s->held);
    struct slice data = sasl_server_output(s->sasl);
    base64_append(&s->held, data);
    struct log_line l;
    log_begin(&l, e->log, LOG_INFO, "auth.ok");
    log_num(&l, "conn", (long long)s->link->conn);
    log_z(&l, "peer", s->link->peer);
    log_str(&l, "jid", jid_bare(&s->user));
    log_str(&l, "mechanism", sasl_server_mechanism(s->sasl));
    log_end(&l);
    sasl_server_free(&s->sasl);
    e->counters.logins++;
    if (e->gate != NULL)
        e->gate->authenticated(e->gate->ctx, s->link->conn);
    s->state = C2S_MOVING;
    uint32_t owner = engine_owner(e, jid_bare(&s->user));
    buf_free(&text);
    if (owner == e->shard)
        c2s_arrived(s);
    else
        s->link->ops->move(s->link, owner);
}

void c2s_arrived(struct c2s *s)
{
    struct buf *out = &s->link->out;
    buf_lit(out, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'");
    if (buf_len(&s->held) > 0) {
        buf_byte(out, '>');
        buf_add(out, buf_slice(&s->held));
        buf_lit(out, "</success>");
    } else {
        buf_lit(out, "/>");
    }
    buf_free(&s->held);
    c2s_written(s);
    s->account = account_get(s->e, &s->user); /* loaded by the time of the bind */
    account_use(s->e, s->account);
    s->state = C2S_REOPENING;
    s->header_sent = false; /* what comes next is another stream */
    s->link->ops->restart(s->link, true);
    s->link->ops->resume(s->link);
}

static void advance(struct c2s *s, enum sasl_step step)
{
    switch (step) {
    case SASL_CHALLENGE:
        buf_lit(&s->link->out, "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>");
        base64_append(&s->link->out, sasl_server_output(s->sasl));
        buf_lit(&s->link->out, "</challenge>");
        c2s_written(s);
        s->state = C2S_SASL;
        s->link->ops->resume(s->link);
        break;
    case SASL_WANT_CREDENTIALS:
        read_credentials(s);
        break;
    case SASL_WANT_DERIVE:
        s->state = C2S_SASL_WAIT;
        s->flow = flow_run(s->e, derive_login(s->sasl), derived, s);
        break;
    case SASL_SUCCESS:
        succeed(s);
        break;
    case SASL_FAILURE:
        fail(s, sasl_server_failure(s->sasl));
        break;
    }
}

/* Text of <auth/> or <response/>: false when it is not base64. "=" stands for empty data. */
static bool decode(struct slice text, struct buf *out, struct slice *data)
{
    *data = slice_of("", 0);
    if (text.len == 0 || slice_is(text, "="))
        return true;
    size_t len;
    if (text.len % 4 != 0 || buf_reserve(out, text.len) != 0 ||
        !base64_decode(text, out->ptr, &len))
        return false;
    out->end = (uint32_t)len;
    *data = buf_slice(out);
    return true;
}

static void begin(struct c2s *s, struct slice mechanism, struct slice text)
{
    struct buf own = {0};
    struct slice initial;
    if (!decode(text, &own, &initial)) {
        buf_free(&own);
        fail(s, SASL_INCORRECT_ENCODING);
        return;
    }
    uint8_t scratch[SASL_BINDING_BYTES];
    bool plain = s->link->secure || s->link->plain_allowed;
    struct sasl_server_config config = {
        .host = s->host->name,
        .alias = s->host_asked,
        .plain_allowed = plain,
        .plus_offered = s->link->secure,
        .iterations = s->e->config->iterations,
        .fake_secret = s->e->fake_secret,
    };
    c2s_binding(s, &config.binding, scratch);
    enum sasl_step step;
    s->sasl =
        sasl_server_new(&config, mechanism, text.len > 0 ? initial : SLICE_NONE, s->e->rng, &step);
    mem_wipe(own.ptr, own.cap);
    buf_free(&own);
    advance(s, step);
}

void c2s_auth(struct c2s *s, struct xml x)
{
    struct slice mechanism = xml_attr(x, SLICE("mechanism")), text = xml_text(x);
    if (s->sasl != NULL || mechanism.ptr == NULL) {
        fail(s, SASL_MALFORMED_REQUEST); /* one exchange at a time (A08) */
        return;
    }
    bool plain = slice_is(mechanism, "PLAIN");
    if (!s->link->secure && (s->link->require_tls || (plain && !s->link->plain_allowed))) {
        fail(s, SASL_ENCRYPTION_REQUIRED);
        return;
    }
    struct engine *e = s->e;
    uint32_t delay_ms =
        e->gate != NULL ? e->gate->login_delay_ms(e->gate->ctx, s->link->peer, e->now) : 0;
    if (delay_ms == 0) {
        begin(s, mechanism, text);
        return;
    }
    buf_clear(&s->held);
    buf_add(&s->held, mechanism);
    buf_byte(&s->held, '\0');
    buf_add(&s->held, text);
    s->state = C2S_SASL_WAIT;
    timer_set(&e->timers, &s->delay, e->now.mono_ms + delay_ms);
}

void c2s_auth_delayed(struct c2s *s)
{
    struct buf held = s->held;
    s->held = (struct buf){0};
    struct slice all = buf_slice(&held);
    size_t end = slice_find(all, '\0');
    begin(s, slice_of(all.ptr, end), slice_from(all, end + 1));
    mem_wipe(held.ptr, held.cap);
    buf_free(&held);
}

void c2s_auth_response(struct c2s *s, struct xml x)
{
    if (s->sasl == NULL) {
        fail(s, SASL_MALFORMED_REQUEST);
        return;
    }
    struct buf own = {0};
    struct slice data;
    if (decode(xml_text(x), &own, &data))
        advance(s, sasl_server_respond(s->sasl, data));
    else
        fail(s, SASL_INCORRECT_ENCODING);
    mem_wipe(own.ptr, own.cap);
    buf_free(&own);
}

void c2s_auth_abort(struct c2s *s, struct xml x)
{
    (void)x;
    fail(s, SASL_ABORTED);
}
