/* Hashed tokens (draft-schmaus-kitten-sasl-ht-09): names, the one message, the two hashes. Nothing
 * is kept between calls. Comparing what is shown is secret_equal's affair (secret.h). */
#include "xmpp/sasl_ht.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        .ptr = (text), .len = sizeof(text) - 1                                                     \
    }

const struct sasl_ht SASL_HT[] = {
    {NAME("HT-SHA-256-EXPR"), SASL_HT_EXPR},
    {NAME("HT-SHA-256-ENDP"), SASL_HT_ENDP},
    {NAME("HT-SHA-256-NONE"), SASL_HT_NONE},
};
const size_t SASL_HT_COUNT = sizeof(SASL_HT) / sizeof(SASL_HT[0]);

const struct sasl_ht *sasl_ht_find(struct slice name)
{
    for (size_t i = 0; i < SASL_HT_COUNT; i++)
        if (slice_eq(name, SASL_HT[i].name))
            return &SASL_HT[i];
    return NULL;
}

static struct slice bound_to(const struct sasl_ht *m, const struct sasl_binding *binding)
{
    switch (m->binding) {
    case SASL_HT_EXPR:
        return binding->tls_exporter;
    case SASL_HT_ENDP:
        return binding->tls_server_end_point;
    case SASL_HT_NONE:
        return SLICE_NONE;
    }
    UNREACHABLE();
}

bool sasl_ht_possible(const struct sasl_ht *m, const struct sasl_binding *binding)
{
    return m->binding == SASL_HT_NONE || bound_to(m, binding).len > 0;
}

bool sasl_ht_parse(struct slice in, struct slice *authcid_out, struct slice *shown_out)
{
    size_t end = slice_find(in, '\0');
    *authcid_out = *shown_out = SLICE_NONE;
    if (end == 0 || end > JID_BYTES || in.len != end + 1 + SASL_HT_BYTES)
        return false;
    *authcid_out = slice_of(in.ptr, end);
    *shown_out = slice_from(in, end + 1);
    return true;
}

static int hash(const struct sasl_ht *m, struct slice token, const struct sasl_binding *binding,
                struct slice side, uint8_t out[SASL_HT_BYTES])
{
    char data[16 + SASL_BINDING_BYTES];
    uint8_t room[SASL_KEY_BYTES];
    struct slice bound = bound_to(m, binding);
    CHECK(sasl_ht_possible(m, binding) && side.len <= 16 && bound.len <= SASL_BINDING_BYTES);
    CHECK(token.len > 0 && token.len <= SASL_HT_TOKEN_BYTES_MAX);
    memcpy(data, side.ptr, side.len);
    if (bound.len > 0)
        memcpy(data + side.len, bound.ptr, bound.len);
    int err = scram_hmac(SASL_SHA256, token, slice_of(data, side.len + bound.len), room);
    memcpy(out, room, SASL_HT_BYTES);
    mem_wipe(room, sizeof(room));
    return err;
}

int sasl_ht_initiator(const struct sasl_ht *m, struct slice token,
                      const struct sasl_binding *binding, uint8_t out[SASL_HT_BYTES])
{
    return hash(m, token, binding, SLICE("Initiator"), out);
}

int sasl_ht_responder(const struct sasl_ht *m, struct slice token,
                      const struct sasl_binding *binding, uint8_t out[SASL_HT_BYTES])
{
    return hash(m, token, binding, SLICE("Responder"), out);
}
