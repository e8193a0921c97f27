/* SASL on the stream (RFC 6120 section 6): choosing, the exchange, and what a failure means. */
#include "client/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "client/client.h"
#include "xmpp/sasl_client.h"

enum { MECHANISMS_MAX = 1000, MESSAGE_BYTES_MAX = 1 << 16 };

void auth_stop(struct burble *c)
{
    sasl_client_free(&c->auth.sasl);
    c->auth.working = false;
}

/* What a problem is for the one who asks why there is no session. */
static enum burble_why why_of(enum sasl_client_problem problem)
{
    switch (problem) {
    case SASL_PROBLEM_NO_MECHANISM:
    case SASL_PROBLEM_TOO_WEAK:
    case SASL_PROBLEM_PLAIN_WITHOUT_TLS:
        return BURBLE_WHY_NO_MECHANISM;
    case SASL_PROBLEM_USER:
    case SASL_PROBLEM_PASSWORD:
        return BURBLE_WHY_PASSWORD;
    case SASL_PROBLEM_BINDING_REQUIRED:
    case SASL_PROBLEM_BINDING_TYPES:
    case SASL_PROBLEM_OFFER_CONTRADICTS:
    case SASL_PROBLEM_PINNED:
    case SASL_PROBLEM_OFFER_CHANGED:
    case SASL_PROBLEM_ITERATIONS_LOW:
    case SASL_PROBLEM_ITERATIONS_HIGH:
        return BURBLE_WHY_DOWNGRADE;
    case SASL_PROBLEM_MEMORY:
    case SASL_PROBLEM_CRYPTO:
        return BURBLE_WHY_MEMORY;
    default:
        return BURBLE_WHY_UNPROVEN;
    }
}

static void refuse(struct burble *c, enum sasl_client_problem problem, const char *detail,
                   struct slice offered)
{
    struct buf text = {0};
    buf_add(&text, slice_z(sasl_client_problem_text(problem)));
    if (*detail != '\0')
        (void)buf_printf(&text, " (%s)", detail);
    if (offered.len > 0)
        (void)buf_printf(&text, "; it offers: %.*s", SLICE_ARG(offered));
    buf_byte(&text, '\0');
    client_fail_stream(c, why_of(problem), SLICE("undefined-condition"),
                       text.failed ? NULL : buf_slice(&text).ptr);
    buf_free(&text);
}

static void refuse_step(struct burble *c)
{
    refuse(c, sasl_client_problem(c->auth.sasl), sasl_client_detail(c->auth.sasl), SLICE_NONE);
}

/* ------------------------------------------------------------------------------------ beginning */

/* Children of that name, at most max of them; the number is returned. */
static size_t collect(struct xml parent, struct slice ns, struct slice name, struct slice attr,
                      struct slice *out, size_t max)
{
    size_t n = 0;
    struct xml x = xml_child(parent, ns, name);
    for (; xml_some(x) && n < max; x = xml_next_named(x, ns, name)) {
        struct slice value = attr.len > 0 ? xml_attr(x, attr) : xml_text(x);
        if (value.len > 0)
            out[n++] = value;
    }
    return n;
}

void auth_config(struct burble *c, struct sasl_client_config *out,
                 uint8_t scratch[SASL_BINDING_BYTES])
{
    unsigned flags = c->setup.config.flags;
    struct sasl_binding binding;
    client_link_binding(c, &binding, scratch);
    *out = (struct sasl_client_config){
        .user = slice_z(c->setup.user),
        .password = slice_z(c->setup.password),
        .authzid = slice_z(c->setup.authzid),
        .host = slice_z(c->setup.domain),
        .binding = binding,
        .tls = c->link.secure,
        .plain_allowed = (flags & BURBLE_REFUSE_PLAIN) == 0,
        .plain_without_tls = (flags & BURBLE_UNSAFE_PLAIN) != 0,
        .digest_md5_allowed = (flags & BURBLE_ALLOW_DIGEST_MD5) != 0,
        .external = c->setup.config.trust != NULL && c->setup.password == NULL,
        .binding_required = (flags & BURBLE_REQUIRE_BINDING) != 0,
        .pinned = slice_z(c->setup.mechanism),
    };
}

static void send_answer(struct burble *c, const char *element, bool with_mechanism)
{
    struct slice out = sasl_client_output(c->auth.sasl);
    struct slice mechanism = sasl_client_mechanism(c->auth.sasl);
    struct buf b = {0}, shown = {0};
    (void)buf_printf(&b, "<%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'", element);
    if (with_mechanism)
        xml_write_attr(&b, SLICE("mechanism"), mechanism);
    buf_byte(&b, '>');
    buf_add(&shown, buf_slice(&b));
    /* An empty answer is "=" where there could be none (RFC 6120 section 6.4.2). */
    if (out.len == 0 && with_mechanism)
        buf_byte(&b, '=');
    else
        base64_append(&b, out);
    (void)buf_printf(&b, "</%s>", element);
    (void)buf_printf(&shown, "[hidden]</%s>", element);
    buf_byte(&shown, '\0');
    if (b.failed || shown.failed)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    else
        client_link_write_secret(c, buf_slice(&b), buf_slice(&shown).ptr);
    if (b.ptr != NULL)
        mem_wipe(b.ptr, b.cap);
    buf_free(&b);
    buf_free(&shown);
}

static void take(struct burble *c, enum sasl_client_step step, bool first)
{
    c->auth.working = step == SASL_CLIENT_WORK;
    if (step == SASL_CLIENT_SEND)
        send_answer(c, first ? "auth" : "response", first);
    else if (step == SASL_CLIENT_REFUSED)
        refuse_step(c);
    else if (step == SASL_CLIENT_WORK)
        client_wake(c);
}

void auth_begin(struct burble *c)
{
    struct xml f = stream_features(c);
    struct xml list = xml_child(f, NS_SASL, SLICE("mechanisms"));
    struct xml told = xml_child(f, NS_CHANNEL_BINDING, SLICE("sasl-channel-binding"));
    struct slice *names = client_alloc(MECHANISMS_MAX * sizeof(*names));
    struct slice types[16];
    uint8_t scratch[SASL_BINDING_BYTES];
    struct sasl_client_config config;
    enum sasl_client_problem problem = SASL_PROBLEM_MEMORY;
    client_change_state(c, BURBLE_AUTHENTICATING, NULL);
    stream_change_state(c, STREAM_SASL);
    if (names == NULL) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    size_t n = collect(list, NS_SASL, SLICE("mechanism"), SLICE_NONE, names, MECHANISMS_MAX);
    size_t n_types = collect(told, NS_CHANNEL_BINDING, SLICE("channel-binding"), SLICE("type"),
                             types, sizeof(types) / sizeof(types[0]));
    auth_config(c, &config, scratch);
    c->auth.sasl =
        sasl_client_new(&config, names, n, types, n_types, xml_some(told), &c->rng, &problem);
    struct buf offered = {0};
    if (c->auth.sasl == NULL) {
        (void)sasl_client_offered_text(names, n, &offered);
        refuse(c, problem, "", buf_slice(&offered));
    } else {
        auth_mechanism(c, sasl_client_mechanism(c->auth.sasl));
        take(c, sasl_client_start(c->auth.sasl), true);
    }
    buf_free(&offered);
    free(names);
}

void auth_mechanism(struct burble *c, struct slice name)
{
    size_t len = name.len < sizeof(c->auth.mechanism) ? name.len : sizeof(c->auth.mechanism) - 1;
    memcpy(c->auth.mechanism, name.ptr, len);
    c->auth.mechanism[len] = '\0';
}

/* ---------------------------------------------------------------------------------- the exchange
 */

/* The base64 of an element into memory of the caller's; ptr NULL: there is none. False: it is no
 * base64, or too long. */
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
    if (slice_is(text, "=")) {
        *memory_out = memory;
        *out = slice_of(memory, 0);
        return true;
    }
    if (!base64_decode(text, memory, &len)) {
        free(memory);
        return false;
    }
    *memory_out = memory;
    *out = slice_of(memory, len);
    return true;
}

/* RFC 6120 section 6.5: what will be the same the next time, and what not. */
void auth_failed(struct burble *c, struct xml failure, struct slice ns_of_text)
{
    struct slice condition = SLICE_NONE, text = SLICE_NONE;
    for (struct xml x = xml_first_element(failure); xml_some(x); x = xml_next_element(x)) {
        if (slice_is(xml_name(x), "text"))
            text = xml_text(x);
        else if (condition.len == 0 &&
                 (slice_eq(xml_ns(x), NS_SASL) || slice_eq(xml_ns(x), ns_of_text)))
            condition = xml_name(x);
    }
    enum burble_why why =
        slice_is(condition, "temporary-auth-failure") || slice_is(condition, "aborted")
            ? BURBLE_WHY_LOGIN
        : slice_is(condition, "invalid-mechanism") || slice_is(condition, "mechanism-too-weak") ||
                slice_is(condition, "encryption-required")
            ? BURBLE_WHY_NO_MECHANISM
            : BURBLE_WHY_PASSWORD;
    struct buf b = {0}, name = {0};
    buf_add(&name, condition.len > 0 ? condition : SLICE("not-authorized"));
    buf_byte(&name, '\0');
    (void)buf_printf(&b, "the server refused the login (%s)", name.failed ? "" : name.ptr);
    if (text.len > 0)
        (void)buf_printf(&b, ": %.*s", SLICE_ARG(text));
    else if (why == BURBLE_WHY_PASSWORD)
        buf_lit(&b, ": is the password right?");
    buf_byte(&b, '\0');
    stream_close(c);
    client_fail(c, why, name.failed ? NULL : name.ptr, b.failed ? NULL : b.ptr);
    buf_free(&b);
    buf_free(&name);
}

static void succeed(struct burble *c, struct slice additional)
{
    if (sasl_client_success(c->auth.sasl, additional) != SASL_CLIENT_DONE) {
        refuse_step(c);
        return;
    }
    c->auth.bound = sasl_client_bound(c->auth.sasl);
    auth_stop(c);
    stream_authenticated(c, true);
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
    if (slice_is(name, "challenge"))
        take(c, sasl_client_challenge(c->auth.sasl, data.ptr != NULL ? data : SLICE("")), false);
    else if (slice_is(name, "success"))
        succeed(c, data);
    free(memory);
}

bool auth_busy(const struct burble *c)
{
    return c->auth.working;
}

void auth_work(struct burble *c)
{
    enum sasl_client_step step = sasl_client_work(c->auth.sasl, SASL_CLIENT_SLICE);
    take(c, step, false);
}
