/* SASL2 (XEP-0388 version 1.0.4) and what comes with a login: the bind (XEP-0386 version 1.1.0),
 * the resumption of a session (XEP-0198 version 1.6.3, section 9), and tokens (XEP-0484 version
 * 0.2.0). Used over TLS alone. Steps behind the exchange (<continue/>) are refused: none is known.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/mem.h"
#include "client/client.h"

static struct xml authentication(const struct burble *c)
{
    return xml_child(stream_features(c), NS_SASL2, SLICE("authentication"));
}

static struct xml inline_offer(const struct burble *c)
{
    return xml_child(authentication(c), NS_SASL2, SLICE("inline"));
}

bool auth2_offered(const struct burble *c)
{
    return c->link.secure && (c->setup.config.flags & BURBLE_NO_SASL2) == 0 &&
           xml_some(xml_child(authentication(c), NS_SASL2, SLICE("mechanism")));
}

/* --------------------------------------------------------------------------------- the request */

/* A random UUID (RFC 9562 section 5.4), kept for the life of the saved state: the server knows the
 * client again by it, and gives it the resource of before. */
static void name_agent(struct burble *c)
{
    static const char HEX[] = "0123456789abcdef";
    uint8_t random[16];
    char *out = c->auth.agent;
    if (*out != '\0')
        return;
    rng_bytes(&c->rng, random, sizeof(random));
    random[6] = (uint8_t)(0x40 | (random[6] & 0x0f));
    random[8] = (uint8_t)(0x80 | (random[8] & 0x3f));
    for (size_t i = 0; i < sizeof(random); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = HEX[random[i] >> 4];
        *out++ = HEX[random[i] & 0x0f];
    }
    *out = '\0';
    c->auth.changed = true;
}

static bool bind_offers(struct xml bind, struct slice feature)
{
    struct xml list = xml_child(bind, NS_BIND2, SLICE("inline"));
    struct xml x = xml_child(list, NS_BIND2, SLICE("feature"));
    for (; xml_some(x); x = xml_next_named(x, NS_BIND2, SLICE("feature")))
        if (slice_eq(xml_attr(x, SLICE("var")), feature))
            return true;
    return false;
}

static void write_agent(const struct burble *c, struct xml_writer *w)
{
    xml_open(w, SLICE("user-agent"), NS_SASL2);
    xml_attr_put(w, SLICE("id"), slice_z(c->auth.agent));
    xml_leaf(w, SLICE("software"), NS_SASL2, slice_z(c->setup.software));
    if (c->setup.software_os != NULL)
        xml_leaf(w, SLICE("device"), NS_SASL2, slice_z(c->setup.software_os));
    xml_close(w);
}

static void write_bind(struct burble *c, struct xml_writer *w, struct xml bind)
{
    unsigned flags = c->setup.config.flags, *along = &c->auth.along;
    if ((flags & BURBLE_NO_RESUME) == 0 && bind_offers(bind, NS_SM))
        *along |= SESSION_SM;
    if ((flags & BURBLE_NO_CARBONS) == 0 && bind_offers(bind, NS_CARBONS))
        *along |= SESSION_CARBONS;
    if (c->inactive && bind_offers(bind, NS_CSI))
        *along |= SESSION_INACTIVE;
    xml_open(w, SLICE("bind"), NS_BIND2);
    xml_leaf(w, SLICE("tag"), NS_BIND2, slice_z(c->setup.software));
    if ((*along & SESSION_SM) != 0) {
        xml_open(w, SLICE("enable"), NS_SM);
        xml_attr_put(w, SLICE("resume"), SLICE("true"));
        xml_close(w);
    }
    if ((*along & SESSION_CARBONS) != 0)
        xml_leaf(w, SLICE("enable"), NS_CARBONS, SLICE_NONE);
    if ((*along & SESSION_INACTIVE) != 0)
        xml_leaf(w, SLICE("inactive"), NS_CSI, SLICE_NONE);
    xml_close(w);
}

/* Resumption, and the bind for when there is nothing to resume. A resource that the program asks
 * for by name can only be had by a bind of its own, and so can a session that is to be resumed when
 * the server does that later. */
static void write_session(struct burble *c, struct xml_writer *w)
{
    struct xml offer = inline_offer(c), bind = xml_child(offer, NS_BIND2, SLICE("bind"));
    bool resumable = client_sm_can_resume(c) && (c->setup.config.flags & BURBLE_NO_RESUME) == 0;
    c->auth.along = 0;
    c->auth.resuming = resumable && xml_some(xml_child(offer, NS_SM, SLICE("sm")));
    if (c->auth.resuming) {
        struct buf resume = {0};
        client_sm_write_resume(c, &resume);
        w->out->failed = w->out->failed || resume.failed;
        xml_raw_put(w, buf_slice(&resume));
        buf_free(&resume);
    }
    if (xml_some(bind) && c->setup.resource == NULL && (c->auth.resuming || !resumable))
        write_bind(c, w, bind);
}

static void write_fast(struct burble *c, struct xml_writer *w)
{
    char count[24];
    c->auth.wanted = token_wanted(c, xml_child(inline_offer(c), NS_FAST, SLICE("fast")));
    if (c->auth.wanted != NULL) {
        xml_open(w, SLICE("request-token"), NS_FAST);
        xml_attr_put(w, SLICE("mechanism"), c->auth.wanted->name);
        xml_close(w);
    }
    if (!c->auth.by_token)
        return;
    (void)snprintf(count, sizeof(count), "%llu", (unsigned long long)c->auth.token.count);
    xml_open(w, SLICE("fast"), NS_FAST);
    xml_attr_put(w, SLICE("count"), slice_z(count));
    xml_close(w);
}

static void write_request(struct burble *c, struct buf *out, struct slice initial)
{
    struct xml_writer w;
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("authenticate"), NS_SASL2);
    xml_attr_put(&w, SLICE("mechanism"), slice_z(c->auth.mechanism));
    if (initial.ptr != NULL)
        xml_leaf(&w, SLICE("initial-response"), NS_SASL2, initial);
    write_agent(c, &w);
    write_session(c, &w);
    write_fast(c, &w);
    xml_close(&w);
}

static void send_request(struct burble *c, struct slice message)
{
    struct buf text = {0}, shown = {0}, initial = {0};
    bool empty = message.len == 0 && !auth_begins_empty(c);
    name_agent(c);
    base64_append(&initial, message);
    write_request(c, &text, empty ? SLICE_NONE : slice_of(initial.ptr, buf_len(&initial)));
    write_request(c, &shown, empty ? SLICE_NONE : SLICE("[hidden]"));
    text.failed = text.failed || initial.failed;
    if (initial.ptr != NULL)
        mem_wipe(initial.ptr, initial.cap);
    buf_free(&initial);
    auth_write(c, &text, &shown);
}

static void begin_by_token(struct burble *c)
{
    struct buf message = {0};
    c->auth.by_token = true;
    auth_mechanism(c, c->auth.token.ht->name);
    int err = token_show(c, &message);
    if (err != 0) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    } else {
        /* The count first: shown twice, it would end the token. */
        c->auth.changed = true;
        auth_tell_changes(c);
        send_request(c, buf_slice(&message));
    }
    if (message.ptr != NULL)
        mem_wipe(message.ptr, message.cap);
    buf_free(&message);
}

void auth2_begin(struct burble *c)
{
    struct auth_offer offer;
    stream_change_state(c, STREAM_SASL2);
    if (token_usable(c, xml_child(inline_offer(c), NS_FAST, SLICE("fast")))) {
        begin_by_token(c);
        return;
    }
    if (!auth_offer_read(c, authentication(c), NS_SASL2, &offer)) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    if (auth_choose(c, &offer, true) && auth_step(c, sasl_client_start(c->auth.sasl)))
        send_request(c, sasl_client_output(c->auth.sasl));
    auth_offer_free(&offer);
}

/* --------------------------------------------------------------------------------- the answers */

static bool proved(struct burble *c, struct slice additional)
{
    if (!c->auth.by_token)
        return auth_succeed(c, additional);
    if (token_proved(c, additional))
        return true;
    auth_refuse(c, SASL_PROBLEM_UNPROVEN, "", NULL);
    return false;
}

static void bound(struct burble *c, struct xml x, struct xml answer)
{
    struct xml enabled = xml_child(answer, NS_SM, SLICE("enabled"));
    if (!session_address(c, xml_text(xml_child(x, NS_SASL2, SLICE("authorization-identifier")))))
        return;
    client_sm_forget(c);
    if ((c->auth.along & SESSION_SM) != 0 && xml_some(enabled))
        client_sm_take_enabled(c, enabled);
    stream_change_state(c, STREAM_BOUND);
}

static void succeeded(struct burble *c, struct xml x)
{
    struct xml resumed = xml_child(x, NS_SM, SLICE("resumed"));
    struct xml failed = xml_child(x, NS_SM, SLICE("failed"));
    struct xml answer = xml_child(x, NS_BIND2, SLICE("bound"));
    token_take(c, xml_child(x, NS_FAST, SLICE("token")), c->auth.wanted);
    stream_authenticated(c, false);
    client_change_state(c, BURBLE_BINDING, NULL);
    if (c->auth.resuming && xml_some(resumed)) {
        stream_features_resumed(c);
        client_sm_take_resumed(c, resumed);
    } else {
        if (c->auth.resuming && xml_some(failed))
            client_sm_take_failed(c, failed);
        if (xml_some(answer))
            bound(c, x, answer);
        else
            stream_change_state(c, STREAM_FEATURES);
    }
    auth_tell_changes(c);
}

void auth2_bound(struct burble *c)
{
    c->auth.changed = c->auth.changed || c->sm.id != NULL;
    session_begin(c, c->auth.along);
    auth_tell_changes(c);
}

/* What the server wants beside the password (a second factor, a new password) is not known here. */
static void refuse_tasks(struct burble *c, struct xml x)
{
    struct buf text = {0};
    struct xml tasks = xml_child(x, NS_SASL2, SLICE("tasks"));
    struct slice said = xml_text(xml_child(x, NS_SASL2, SLICE("text")));
    const char *comma = " (";
    client_link_write(c, SLICE("<abort xmlns='urn:xmpp:sasl:2'/>"));
    buf_lit(&text, "the server wants a further step, which is not known here");
    for (struct xml t = xml_child(tasks, NS_SASL2, SLICE("task")); xml_some(t);
         t = xml_next_named(t, NS_SASL2, SLICE("task"))) {
        (void)buf_printf(&text, "%s%.*s", comma, SLICE_ARG(xml_text(t)));
        comma = ", ";
    }
    if (*comma == ',')
        buf_byte(&text, ')');
    if (said.len > 0)
        (void)buf_printf(&text, ": %.*s", SLICE_ARG(said));
    buf_byte(&text, '\0');
    client_fail_closing(c, BURBLE_WHY_NO_MECHANISM, NULL,
                        text.failed ? NULL : buf_slice(&text).ptr);
    buf_free(&text);
}

static void challenged(struct burble *c, struct slice data)
{
    if (c->auth.by_token)
        auth_refuse(c, SASL_PROBLEM_MALFORMED, "a challenge where none is due", NULL);
    else if (auth_step(c, sasl_client_challenge(c->auth.sasl, data)))
        auth_respond(c, NS_SASL2);
}

void auth2_element(struct burble *c, struct xml x)
{
    struct slice name = xml_name(x), data;
    bool success = slice_is(name, "success");
    char *memory;
    if (slice_is(name, "failure")) {
        auth_failed(c, x, NS_SASL2);
        return;
    }
    if (slice_is(name, "continue")) {
        refuse_tasks(c, x);
        return;
    }
    struct xml holder = success ? xml_child(x, NS_SASL2, SLICE("additional-data")) : x;
    if (!auth_decode(xml_text(holder), &memory, &data)) {
        client_fail_stream(c, BURBLE_WHY_BAD_XML, SLICE("not-well-formed"),
                           "the server sent what is no base64");
        return;
    }
    if (slice_is(name, "challenge"))
        challenged(c, data.ptr != NULL ? data : SLICE(""));
    else if (success && proved(c, data))
        succeeded(c, x);
    free(memory);
}

static void put_hidden(struct xml_writer *w, struct xml x)
{
    bool token = xml_is(x, NS_FAST, SLICE("token"));
    xml_open(w, xml_name(x), xml_ns(x));
    if (token) {
        xml_attr_put(w, SLICE("expiry"), xml_attr(x, SLICE("expiry")));
        xml_attr_put(w, SLICE("token"), SLICE("[hidden]"));
    } else if (xml_text(x).len > 0) {
        xml_text_put(w, SLICE("[hidden]"));
    }
    xml_close(w);
}

bool auth_show(struct buf *out, struct xml x)
{
    struct xml_writer w;
    bool sasl2 = slice_eq(xml_ns(x), NS_SASL2), challenge = slice_is(xml_name(x), "challenge");
    if (!sasl2 && !slice_eq(xml_ns(x), NS_SASL))
        return false;
    if (!challenge && !slice_is(xml_name(x), "success"))
        return false;
    xml_writer_init(&w, out, NS_CLIENT);
    if (challenge || !sasl2) {
        put_hidden(&w, x);
        return true;
    }
    xml_open(&w, SLICE("success"), NS_SASL2);
    for (x = xml_first_element(x); xml_some(x); x = xml_next_element(x))
        if (xml_is(x, NS_FAST, SLICE("token")) || xml_is(x, NS_SASL2, SLICE("additional-data")))
            put_hidden(&w, x);
        else
            xml_node_put(&w, x);
    xml_close(&w);
    return true;
}
