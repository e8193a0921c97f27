/* How a device logs in: SCRAM-SHA-256 (RFC 7677) with a password that was derived once, resumption
 * or bind (XEP-0198 section 5, RFC 6120 section 7). */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/check.h"
#include "device_inside.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"

#define PASSWORD "secret"

static void header(struct device *d)
{
    client_send(d->client, "<stream:stream xmlns='jabber:client' to='localhost' version='1.0' "
                           "xmlns:stream='http://etherx.jabber.org/streams'>");
}

void device_connect(struct device *d, bool anew)
{
    CHECK(d->client == NULL);
    if (anew)
        d->has_session = false;
    d->client = client_connect(d->world, d->full);
    d->state = DEVICE_HEADER;
    d->plain = false;
    header(d);
}

/* The text, in base64, as an element of SASL. */
static void send_sasl(struct device *d, const char *begin, const char *end, struct slice text)
{
    struct buf out = {0};
    buf_add(&out, slice_z(begin));
    base64_append(&out, text);
    buf_add(&out, slice_z(end));
    buf_byte(&out, '\0');
    client_send(d->client, buf_slice(&out).ptr);
    buf_free(&out);
}

static void auth(struct device *d)
{
    char first[80];
    snprintf(d->nonce, sizeof(d->nonce), "n%08x", world_random(d->world, 1U << 31));
    snprintf(first, sizeof(first), "n,,n=%s,r=%s", d->kind.user, d->nonce);
    send_sasl(d, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>",
              "</auth>", slice_z(first));
}

/* All accounts have the same salt. */
static const uint8_t *salted_password(const struct scram_server_first *m)
{
    static uint8_t salted[SASL_KEY_BYTES];
    static bool known;
    char salt[64];
    size_t len = 0;
    if (known)
        return salted;
    CHECK(m->salt.len < sizeof(salt) && base64_decode(m->salt, salt, &len));
    CHECK(sasl_salted_password(SASL_SHA256, SLICE(PASSWORD), (const uint8_t *)salt, len,
                               (uint32_t)m->iterations, salted) == 0);
    known = true;
    return salted;
}

static void response(struct device *d, struct slice challenge)
{
    char text[512];
    size_t len = 0;
    struct scram_server_first m;
    uint8_t client[SASL_KEY_BYTES], stored[SASL_KEY_BYTES], server[SASL_KEY_BYTES];
    uint8_t signature[SASL_KEY_BYTES];
    struct buf message = {0}, out = {0};
    CHECK(challenge.len < sizeof(text) && base64_decode(challenge, text, &len));
    CHECK(scram_parse_server_first(slice_of(text, len), &m));
    buf_printf(&out, "c=biws,r=%.*s", SLICE_ARG(m.nonce));
    buf_printf(&message, "n=%s,r=%s,%.*s,", d->kind.user, d->nonce, (int)len, text);
    buf_add(&message, buf_slice(&out));
    CHECK(scram_keys(SASL_SHA256, salted_password(&m), client, stored, server) == 0);
    size_t key = sasl_hash_len(SASL_SHA256);
    CHECK(scram_hmac(SASL_SHA256, slice_of((const char *)stored, key), buf_slice(&message),
                     signature) == 0);
    for (size_t i = 0; i < key; i++)
        client[i] ^= signature[i];
    buf_lit(&out, ",p=");
    base64_append(&out, slice_of((const char *)client, key));
    send_sasl(d, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", "</response>",
              buf_slice(&out));
    buf_free(&message);
    buf_free(&out);
}

static void bind(struct device *d)
{
    char text[256];
    snprintf(text, sizeof(text),
             "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
             "<resource>%s</resource></bind></iq>",
             d->kind.resource);
    client_send(d->client, text);
    d->state = DEVICE_BINDING;
}

static void resume(struct device *d)
{
    char text[200];
    snprintf(text, sizeof(text), "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", d->id,
             d->received);
    client_send(d->client, text);
    d->state = DEVICE_RESUMING;
}

void device_features(struct device *d, struct slice text)
{
    (void)text;
    if (d->state == DEVICE_HEADER) {
        auth(d);
        d->state = DEVICE_CHALLENGE;
    } else if (d->state == DEVICE_FEATURES && d->has_session) {
        resume(d);
    } else if (d->state == DEVICE_FEATURES) {
        bind(d);
    }
}

void device_session_begin(struct device *d)
{
    d->state = d->kind.manages ? DEVICE_ENABLING : DEVICE_ON;
    d->plain = true;
    if (d->kind.manages)
        client_send(d->client, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    if (d->kind.carbons)
        device_say(d, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>", 0, false);
    if (!d->kind.hidden)
        device_say(d, d->kind.late ? "<presence><priority>-1</priority></presence>" : "<presence/>",
                   0, false);
}

static void enabled(struct device *d, struct xml x)
{
    snprintf(d->id, sizeof(d->id), "%.*s", SLICE_ARG(xml_attr(x, SLICE("id"))));
    d->state = DEVICE_ON;
    d->has_session = d->id[0] != '\0';
    d->received = 0;
    d->plain = false;
    for (unsigned i = 0; i < d->pending_count; i++)
        d->pending[i].number = 0; /* it came before, as without stream management */
}

void device_step(struct device *d, struct xml x)
{
    struct slice name = xml_name(x);
    bool sm = slice_eq(xml_ns(x), NS_SM);
    switch (d->state) {
    case DEVICE_CHALLENGE:
        if (!slice_is(name, "challenge"))
            break;
        response(d, xml_text(x));
        d->state = DEVICE_SUCCESS;
        return;
    case DEVICE_SUCCESS:
        if (!slice_is(name, "success"))
            break;
        header(d);
        d->state = DEVICE_FEATURES;
        return;
    case DEVICE_RESUMING:
        if (!sm || (!slice_is(name, "resumed") && !slice_is(name, "failed")))
            break;
        if (slice_is(name, "resumed")) {
            device_resumed(d, x);
            return;
        }
        device_refused(d, x);
        bind(d);
        return;
    case DEVICE_BINDING:
        if (!slice_is(xml_attr(x, SLICE("type")), "result"))
            break;
        device_session_lost(d);
        return;
    case DEVICE_ENABLING:
        if (sm && slice_is(name, "enabled")) {
            enabled(d, x);
            return;
        }
        device_element(d, x);
        return;
    default:
        device_element(d, x);
        return;
    }
    book_fail(d->book, "%s got <%.*s/> in state %d", d->full, SLICE_ARG(name), (int)d->state);
}
