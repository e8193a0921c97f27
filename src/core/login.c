/* Login by SASL2 (XEP-0388, version 1.0.4): the request, the way through what it asks for, and the
 * answer. The exchange itself is that of c2s_sasl.c. Offered where a password may pass: over TLS,
 * or where the listener allows it without. */
#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "core/hooks.h"
#include "core/login_inside.h"
#include "xmpp/ns.h"

enum { AGENT_TEXT_BYTES_MAX = 128, UUID_CHARS = LOGIN_CLIENT_ID_BYTES - 1 };

static void free_secret(struct buf *b)
{
    if (b->ptr != NULL)
        mem_wipe(b->ptr, b->cap);
    buf_free(b);
}

static void free_slice(struct slice *s)
{
    if (s->ptr != NULL)
        mem_wipe((void *)(uintptr_t)s->ptr, s->len);
    mem_free((void *)(uintptr_t)s->ptr);
    *s = SLICE_NONE;
}

void login_free(struct login **login)
{
    struct login *l = *login;
    *login = NULL;
    if (l == NULL)
        return;
    free_slice(&l->mechanism);
    free_slice(&l->initial);
    free_slice(&l->software);
    free_slice(&l->device);
    buf_free(&l->bind);
    buf_free(&l->resume);
    buf_free(&l->user);
    free_secret(&l->record);
    free_secret(&l->token);
    free_secret(&l->issued);
    buf_free(&l->reply);
    mem_wipe(l, sizeof(*l));
    mem_free(l);
}

/* --------------------------------------------------------------------------------- the request */

void login_features(struct c2s *s, struct xml_writer *w)
{
    size_t n;
    const struct link *l = s->link;
    if (!l->secure && !l->plain_allowed)
        return;
    const struct slice *names = sasl_server_mechanisms(true, l->secure, &n);
    xml_open(w, SLICE("authentication"), NS_SASL2);
    for (size_t i = 0; i < n; i++)
        xml_leaf(w, SLICE("mechanism"), SLICE_NONE, names[i]);
    xml_open(w, SLICE("inline"), SLICE_NONE);
    login_bind_features(s, w);
    login_fast_features(s, w);
    xml_close(w);
    login_upgrade_features(w);
    xml_close(w);
}

static struct slice own(struct slice s)
{
    return s.ptr != NULL ? slice_of(mem_copy(s), s.len) : SLICE_NONE;
}

/* What a client says of itself is told to the operator alone, and not at any length. */
static struct slice own_text(struct xml x)
{
    struct slice text = xml_text(x);
    return text.len <= AGENT_TEXT_BYTES_MAX ? own(text) : SLICE_NONE;
}

/* A UUID, in lower case. What is none counts as not said: it is needed for conveniences only. */
static void read_client_id(struct slice id, char out[LOGIN_CLIENT_ID_BYTES])
{
    char text[LOGIN_CLIENT_ID_BYTES] = {0};
    if (id.len != UUID_CHARS)
        return;
    for (size_t i = 0; i < UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = id.ptr[i];
        if (c >= 'A' && c <= 'F')
            c = (char)(c + 'a' - 'A');
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex)
            return;
        text[i] = c;
    }
    memcpy(out, text, sizeof(text));
}

static bool is_true(struct slice value)
{
    return slice_is(value, "true") || slice_is(value, "1");
}

/* <fast/>, <request-token/>: false when a number is none. */
static bool read_fast(struct c2s *s, struct login *l, struct xml x)
{
    struct xml fast = xml_child(x, NS_FAST, SLICE("fast"));
    struct slice count = xml_attr(fast, SLICE("count"));
    l->fast = xml_some(fast);
    l->invalidate = is_true(xml_attr(fast, SLICE("invalidate")));
    l->counted = count.ptr != NULL;
    if (l->counted && (!slice_to_u64(count, &l->count) || l->count > INT64_MAX))
        return false;
    struct xml request = xml_child(x, NS_FAST, SLICE("request-token"));
    const struct sasl_ht *wanted = sasl_ht_find(xml_attr(request, SLICE("mechanism")));
    if (wanted != NULL && l->client_id[0] != '\0' && login_fast_possible(s, wanted))
        l->wanted = wanted;
    return true;
}

static void keep_element(struct buf *out, struct xml x)
{
    if (xml_some(x))
        xml_write_node(out, x, NS_CLIENT);
}

static bool read_request(struct c2s *s, struct login *l, struct xml x)
{
    struct xml initial = xml_child(x, NS_SASL2, SLICE("initial-response"));
    l->mechanism = own(xml_attr(x, SLICE("mechanism")));
    if (xml_some(initial)) {
        struct slice text = xml_text(initial);
        l->initial = slice_of(mem_copy(text), text.len);
    }
    struct xml agent = xml_child(x, NS_SASL2, SLICE("user-agent"));
    read_client_id(xml_attr(agent, SLICE("id")), l->client_id);
    l->software = own_text(xml_child(agent, NS_SASL2, SLICE("software")));
    l->device = own_text(xml_child(agent, NS_SASL2, SLICE("device")));
    keep_element(&l->bind, xml_child(x, NS_BIND2, SLICE("bind")));
    keep_element(&l->resume, login_resume_element(s, x));
    struct xml upgrade = xml_child(x, NS_SASL_UPGRADE, SLICE("upgrade"));
    for (; xml_some(upgrade);
         upgrade = xml_next_named(upgrade, NS_SASL_UPGRADE, SLICE("upgrade"))) {
        enum sasl_hash hash = login_upgrade_find(xml_text(upgrade));
        if (hash < SASL_HASHES)
            l->upgrades |= 1U << hash;
    }
    return read_fast(s, l, x) && l->mechanism.ptr != NULL && !l->bind.failed && !l->resume.failed;
}

void login_begin(struct c2s *s, struct xml x)
{
    struct engine *e = s->e;
    CHECK(s->entry->login == NULL && s->entry->sasl == NULL);
    struct login *l = s->entry->login = mem_new(struct login);
    if (!s->link->secure && !s->link->plain_allowed) {
        c2s_auth_fail(s, SASL_ENCRYPTION_REQUIRED);
        return;
    }
    if (!read_request(s, l, x)) {
        c2s_auth_fail(s, SASL_MALFORMED_REQUEST);
        return;
    }
    uint32_t delay_ms =
        e->gate != NULL ? e->gate->login_delay_ms(e->gate->ctx, s->link->peer, e->now) : 0;
    s->state = C2S_SASL_WAIT;
    if (delay_ms == 0)
        login_delayed(s);
    else
        timer_set(&e->timers, &s->entry->delay, e->now.mono_ms + delay_ms);
}

void login_delayed(struct c2s *s)
{
    struct login *l = s->entry->login;
    struct buf room = {0};
    struct slice initial = SLICE_NONE;
    const struct sasl_ht *ht = sasl_ht_find(l->mechanism);
    if (ht != NULL)
        login_fast_begin(s, ht);
    else if (l->initial.ptr != NULL && !c2s_auth_decode(l->initial, &room, &initial))
        c2s_auth_fail(s, SASL_INCORRECT_ENCODING);
    else
        c2s_auth_start(s, l->mechanism, initial);
    free_secret(&room);
}

void login_keep_record(struct login *l, struct slice record)
{
    buf_clear(&l->record);
    buf_add(&l->record, record);
}

bool login_fits_header(const struct c2s *s, struct slice user)
{
    struct jid from;
    struct arena mem = {0};
    if (s->entry->from.ptr == NULL)
        return true;
    bool fits = jid_parse(s->entry->from, &mem, &from) == 0 && slice_eq(jid_local(&from), user) &&
                config_host(s->e->config, jid_domain(&from)) == s->entry->host;
    arena_free(&mem);
    return fits;
}

void login_log(const struct login *l, struct log_line *line)
{
    if (l->client_id[0] != '\0')
        log_z(line, "client", l->client_id);
    if (l->software.len > 0)
        log_str(line, "software", l->software);
    if (l->device.len > 0)
        log_str(line, "device", l->device);
}

/* -------------------------------------------------------------------------------- at the owner */

void login_arrived(struct c2s *s)
{
    login_upgrade_choose(s->entry->login);
    s->entry->login->to_store |= s->entry->login->wanted != NULL;
    login_go_on(s);
}

void login_go_on(struct c2s *s)
{
    struct login *l = s->entry->login;
    s->state = C2S_ENTERING;
    if (l->upgrades != 0)
        login_upgrade_ask(s);
    else if (l->to_store)
        login_store(s);
    else
        login_enter(s);
}

void login_answer(struct c2s *s, const struct buf *bound)
{
    struct login *l = s->entry->login;
    bool resumed = s->session != NULL && bound == NULL;
    const struct jid *who = s->session != NULL ? &s->session->jid : &s->entry->user;
    struct xml_writer w;
    xml_writer_init(&w, &s->link->out, NS_CLIENT);
    xml_open(&w, SLICE("success"), NS_SASL2);
    if (buf_len(&s->entry->held) > 0 && !l->told)
        xml_leaf(&w, SLICE("additional-data"), SLICE_NONE, buf_slice(&s->entry->held));
    xml_leaf(&w, SLICE("authorization-identifier"), SLICE_NONE, jid_full(who));
    xml_raw_put(&w, buf_slice(&l->reply));
    if (bound != NULL) {
        xml_open(&w, SLICE("bound"), NS_BIND2);
        xml_raw_put(&w, buf_slice(bound));
        xml_close(&w);
    }
    login_fast_answer(l, &w);
    xml_close(&w);
    buf_free(&s->entry->held);
    free_slice(&s->entry->from);
    login_free(&s->entry->login);
    s->link->ops->widen(s->link);
    if (!resumed)
        c2s_features(s); /* XEP-0198 section 9.2: not after a resumption */
    c2s_written(s);
    s->state = s->session != NULL ? C2S_BOUND : C2S_BINDABLE;
    if (s->session != NULL) {
        c2s_alive_begin(s);
        c2s_entered(s);
    }
    s->link->ops->resume(s->link);
}

void login_refuse(struct c2s *s, enum sasl_failure failure, struct slice app)
{
    struct slice name = sasl_failure_name(failure);
    bool busy = failure == SASL_TEMPORARY_AUTH_FAILURE;
    c2s_log(s, LOG_INFO, busy ? "auth.busy" : "auth.fail", name.ptr);
    s->e->counters.login_failures++;
    struct xml_writer w;
    xml_writer_init(&w, &s->link->out, NS_CLIENT);
    xml_open(&w, SLICE("failure"), NS_SASL2);
    xml_leaf(&w, name, NS_SASL, SLICE_NONE);
    if (app.len > 0)
        xml_raw_put(&w, app);
    xml_close(&w);
    c2s_error(s, STREAM_POLICY_VIOLATION, SLICE("log in again on another stream"), SLICE_NONE);
}
