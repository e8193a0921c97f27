/* SASL on the stream (RFC 6120 section 6): the exchange, and what its end means. What SASL2 shares
 * with it is here, too. Credentials never reach BURBLE_EVENT_XML. */
#include "client/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "client/client.h"

enum { MESSAGE_BYTES_MAX = 1 << 16 };

void auth_stop(struct burble *c)
{
    sasl_client_free(&c->auth.sasl);
    c->auth.working = c->auth.second = false;
    c->auth.external_refused = false;
}

void auth_free(struct burble *c)
{
    auth_stop(c);
    mem_wipe(&c->auth.salted, sizeof(c->auth.salted));
    token_forget(c);
}

void auth_tell_changes(struct burble *c)
{
    if (!c->auth.changed)
        return;
    c->auth.changed = false;
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_SAVE});
}

void auth_mechanism(struct burble *c, struct slice name)
{
    size_t len = name.len < sizeof(c->auth.mechanism) ? name.len : sizeof(c->auth.mechanism) - 1;
    memcpy(c->auth.mechanism, name.ptr, len);
    c->auth.mechanism[len] = '\0';
}

static bool by(const struct burble *c, const char *mechanism)
{
    return strcmp(c->auth.mechanism, mechanism) == 0;
}

/* ---------------------------------------------------------------------------------- the exchange
 */

static void wipe(struct buf *b)
{
    if (b->ptr != NULL)
        mem_wipe(b->ptr, b->cap);
    buf_free(b);
}

void auth_write(struct burble *c, struct buf *text, struct buf *shown)
{
    buf_byte(shown, '\0');
    if (text->failed || shown->failed)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    else
        client_link_write_secret(c, buf_slice(text), buf_slice(shown).ptr);
    wipe(text);
    buf_free(shown);
}

bool auth_begins_empty(const struct burble *c)
{
    return !by(c, "DIGEST-MD5");
}

bool auth_step(struct burble *c, enum sasl_client_step step)
{
    c->auth.working = step == SASL_CLIENT_WORK;
    if (step == SASL_CLIENT_REFUSED)
        auth_refuse(c, sasl_client_problem(c->auth.sasl), sasl_client_detail(c->auth.sasl), NULL);
    else if (step == SASL_CLIENT_WORK)
        client_wake(c);
    return step == SASL_CLIENT_SEND;
}

void auth_respond(struct burble *c, struct slice ns)
{
    struct buf text = {0}, shown = {0};
    struct slice out = sasl_client_output(c->auth.sasl);
    buf_lit(&text, "<response");
    xml_write_attr(&text, SLICE("xmlns"), ns);
    buf_byte(&text, '>');
    buf_add(&shown, buf_slice(&text));
    base64_append(&text, out);
    buf_lit(&shown, "[hidden]");
    buf_lit(&text, "</response>");
    buf_lit(&shown, "</response>");
    auth_write(c, &text, &shown);
}

static void send_request(struct burble *c)
{
    struct buf text = {0}, shown = {0};
    struct slice out = sasl_client_output(c->auth.sasl);
    buf_lit(&text, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'");
    xml_write_attr(&text, SLICE("mechanism"), sasl_client_mechanism(c->auth.sasl));
    buf_byte(&text, '>');
    buf_add(&shown, buf_slice(&text));
    /* "=" is an empty message, nothing is none at all (RFC 6120 section 6.4.2). */
    if (out.len > 0)
        base64_append(&text, out);
    else if (auth_begins_empty(c))
        buf_byte(&text, '=');
    buf_lit(&shown, "[hidden]");
    buf_lit(&text, "</auth>");
    buf_lit(&shown, "</auth>");
    auth_write(c, &text, &shown);
}

static void begin(struct burble *c)
{
    struct xml list = xml_child(stream_features(c), NS_SASL, SLICE("mechanisms"));
    struct auth_offer offer;
    stream_change_state(c, STREAM_SASL);
    if (!auth_offer_read(c, list, NS_SASL, &offer)) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    if (auth_choose(c, &offer, false) && auth_step(c, sasl_client_start(c->auth.sasl)))
        send_request(c);
    auth_offer_free(&offer);
}

void auth_begin(struct burble *c)
{
    client_change_state(c, BURBLE_AUTHENTICATING, NULL);
    sasl_client_free(&c->auth.sasl);
    c->auth.by_token = false;
    if (auth2_offered(c))
        auth2_begin(c);
    else
        begin(c);
}

bool auth_decode(struct slice text, char **memory_out, struct slice *out)
{
    size_t len = 0;
    *memory_out = NULL;
    *out = SLICE_NONE;
    if (text.len == 0)
        return true;
    if (text.len > MESSAGE_BYTES_MAX)
        return false;
    char *memory = malloc(text.len);
    if (memory == NULL)
        return false;
    if (!slice_is(text, "=") && !base64_decode(text, memory, &len)) {
        free(memory);
        return false;
    }
    *memory_out = memory;
    *out = slice_of(memory, len);
    return true;
}

/* ------------------------------------------------------------------------------------ its end */

bool auth_succeed(struct burble *c, struct slice additional)
{
    struct auth *a = &c->auth;
    if (sasl_client_success(a->sasl, additional) != SASL_CLIENT_DONE) {
        (void)auth_step(c, SASL_CLIENT_REFUSED);
        return false;
    }
    struct sasl_salted salted;
    if (sasl_client_salted(a->sasl, &salted))
        a->salted = salted;
    mem_wipe(&salted, sizeof(salted));
    a->bound = sasl_client_bound(a->sasl);
    a->bindings_refused = 0;
    sasl_client_free(&a->sasl);
    seen_login(c, a->bound);
    return true;
}

struct failure {
    enum burble_why why;
    struct slice condition, text;
};

/* RFC 6120 section 6.5: what will be the same the next time, and what not. */
static void read_failure(struct xml x, struct slice ns, struct failure *out)
{
    *out = (struct failure){.why = BURBLE_WHY_PASSWORD};
    for (x = xml_first_element(x); xml_some(x); x = xml_next_element(x)) {
        if (!slice_eq(xml_ns(x), NS_SASL) && !slice_eq(xml_ns(x), ns))
            continue;
        if (slice_is(xml_name(x), "text"))
            out->text = xml_text(x);
        else if (out->condition.len == 0)
            out->condition = xml_name(x);
    }
    static const struct {
        const char *condition;
        enum burble_why why;
    } OTHERS[] = {
        {"aborted", BURBLE_WHY_LOGIN},
        {"temporary-auth-failure", BURBLE_WHY_LOGIN},
        {"encryption-required", BURBLE_WHY_NO_MECHANISM},
        {"invalid-mechanism", BURBLE_WHY_NO_MECHANISM},
        {"mechanism-too-weak", BURBLE_WHY_NO_MECHANISM},
    };
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
        if (slice_eq(out->condition, slice_z(OTHERS[i].condition)))
            out->why = OTHERS[i].why;
    if (out->condition.len == 0)
        out->condition = SLICE("not-authorized");
}

static void explain(const struct burble *c, const struct failure *f, struct buf *b)
{
    (void)buf_printf(b, "the server refused the login (%.*s)", SLICE_ARG(f->condition));
    if (f->text.len > 0)
        (void)buf_printf(b, ": %.*s", SLICE_ARG(f->text));
    else if (f->why == BURBLE_WHY_PASSWORD && by(c, "EXTERNAL"))
        buf_lit(b, ": does the certificate belong to this account?");
    else if (f->why == BURBLE_WHY_PASSWORD)
        buf_lit(b, ": is the password right?");
    /* The server cannot tell the two apart, so it does not say which (V47). */
    if (f->why == BURBLE_WHY_PASSWORD && c->auth.sasl != NULL && sasl_client_bound(c->auth.sasl))
        buf_lit(b, " (this login was bound to the TLS connection: with the right password it means "
                   "that somebody stands between us and the server)");
    buf_byte(b, '\0');
}

/* A server that tells no types of channel binding does not know the one that was guessed: another
 * one, bound as well (docs/decisions/0005). Nothing but names has been said yet. */
static bool another_guess(struct burble *c, const struct failure *f)
{
    bool about_names =
        slice_is(f->condition, "not-authorized") || slice_is(f->condition, "malformed-request");
    if (about_names && c->auth.sasl != NULL)
        c->auth.bindings_refused = sasl_client_refused_bindings(c->auth.sasl);
    else
        c->auth.bindings_refused = 0;
    return c->auth.bindings_refused != 0;
}

/* Behind a token or a certificate that is not taken stands the password. */
static bool another_way(struct burble *c)
{
    if (c->auth.by_token)
        token_forget(c); /* XEP-0484 section 4.1 */
    else if (by(c, "EXTERNAL") && c->setup.password != NULL)
        c->auth.external_refused = true;
    else
        return false;
    return true;
}

void auth_failed(struct burble *c, struct xml failure, struct slice ns)
{
    struct failure f;
    struct buf text = {0}, condition = {0};
    read_failure(failure, ns, &f);
    c->auth.working = false;
    if (another_guess(c, &f)) {
        auth_begin(c);
        return;
    }
    if (f.why == BURBLE_WHY_PASSWORD && !c->auth.by_token)
        mem_wipe(&c->auth.salted, sizeof(c->auth.salted));
    if (f.why != BURBLE_WHY_LOGIN && another_way(c)) {
        c->auth.second = true;
        auth_tell_changes(c);
        auth_begin(c);
        return;
    }
    /* What it offers it does not take behind a refusal: Prosody's mod_sasl2. */
    if (f.why == BURBLE_WHY_NO_MECHANISM && c->auth.second && c->wanted) {
        retry_login(c);
        return;
    }
    explain(c, &f, &text);
    buf_add(&condition, f.condition);
    buf_byte(&condition, '\0');
    client_fail_closing(c, f.why, condition.failed ? NULL : buf_slice(&condition).ptr,
                        text.failed ? NULL : buf_slice(&text).ptr);
    buf_free(&text);
    buf_free(&condition);
}

void auth_element(struct burble *c, struct xml x)
{
    struct slice name = xml_name(x), data;
    char *memory;
    if (slice_is(name, "failure")) {
        auth_failed(c, x, NS_SASL);
        return;
    }
    if (!auth_decode(xml_text(x), &memory, &data)) {
        client_fail_stream(c, BURBLE_WHY_BAD_XML, SLICE("not-well-formed"),
                           "the server sent what is no base64");
        return;
    }
    if (slice_is(name, "challenge")) {
        if (auth_step(c, sasl_client_challenge(c->auth.sasl, data.ptr != NULL ? data : SLICE(""))))
            auth_respond(c, NS_SASL);
    } else if (slice_is(name, "success")) {
        if (auth_succeed(c, data)) {
            auth_tell_changes(c);
            stream_authenticated(c, true);
        }
    }
    free(memory);
}

bool auth_busy(const struct burble *c)
{
    return c->auth.working;
}

void auth_work(struct burble *c)
{
    if (auth_step(c, sasl_client_work(c->auth.sasl, SASL_CLIENT_SLICE)))
        auth_respond(c, c->stream.state == STREAM_SASL2 ? NS_SASL2 : NS_SASL);
}
