/* SASL: names of mechanisms and failures (RFC 6120 section 6.5), stored credentials as text, and
 * the derivation job. The text form is "scram1" *(" " hash ":" iterations ":" base64 salt ":"
 * base64 StoredKey ":" base64 ServerKey) with the hashes in the order of enum sasl_hash, each at
 * most once and at least one. */
#include "xmpp/sasl.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        .ptr = (text), .len = sizeof(text) - 1                                                     \
    }

const struct sasl_mechanism sasl_mechanisms[] = {
    {NAME("SCRAM-SHA-512-PLUS"), SASL_SHA512, true, true},
    {NAME("SCRAM-SHA-256-PLUS"), SASL_SHA256, true, true},
    {NAME("SCRAM-SHA-1-PLUS"), SASL_SHA1, true, true},
    {NAME("SCRAM-SHA-512"), SASL_SHA512, true, false},
    {NAME("SCRAM-SHA-256"), SASL_SHA256, true, false},
    {NAME("SCRAM-SHA-1"), SASL_SHA1, true, false},
    {NAME("PLAIN"), SASL_SHA256, false, false},
};
const size_t sasl_mechanism_count = sizeof(sasl_mechanisms) / sizeof(*sasl_mechanisms);

const struct sasl_mechanism *sasl_mechanism_find(struct slice name)
{
    for (size_t i = 0; i < sasl_mechanism_count; i++)
        if (slice_eq(name, sasl_mechanisms[i].name))
            return &sasl_mechanisms[i];
    return NULL;
}

const struct slice *sasl_server_mechanisms(bool plain_allowed, bool plus, size_t *n_out)
{
    static const struct slice names[] = {
        NAME("SCRAM-SHA-512-PLUS"),
        NAME("SCRAM-SHA-256-PLUS"),
        NAME("SCRAM-SHA-1-PLUS"),
        NAME("SCRAM-SHA-512"),
        NAME("SCRAM-SHA-256"),
        NAME("SCRAM-SHA-1"),
        NAME("PLAIN"),
    };
    size_t first = plus ? 0 : 3, end = plain_allowed ? 7 : 6;
    *n_out = end - first;
    return names + first;
}

struct slice sasl_failure_name(enum sasl_failure failure)
{
    static const struct slice names[] = {
        [SASL_ABORTED] = NAME("aborted"),
        [SASL_ACCOUNT_DISABLED] = NAME("account-disabled"),
        [SASL_CREDENTIALS_EXPIRED] = NAME("credentials-expired"),
        [SASL_ENCRYPTION_REQUIRED] = NAME("encryption-required"),
        [SASL_INCORRECT_ENCODING] = NAME("incorrect-encoding"),
        [SASL_INVALID_AUTHZID] = NAME("invalid-authzid"),
        [SASL_INVALID_MECHANISM] = NAME("invalid-mechanism"),
        [SASL_MALFORMED_REQUEST] = NAME("malformed-request"),
        [SASL_MECHANISM_TOO_WEAK] = NAME("mechanism-too-weak"),
        [SASL_NOT_AUTHORIZED] = NAME("not-authorized"),
        [SASL_TEMPORARY_AUTH_FAILURE] = NAME("temporary-auth-failure"),
    };
    CHECK((size_t)failure < sizeof(names) / sizeof(*names));
    return names[failure];
}

static const struct slice hash_names[SASL_HASHES] = {NAME("sha1"), NAME("sha256"), NAME("sha512")};
static const struct slice format_name = NAME("scram1");

static int encode_bytes(const uint8_t *bytes, size_t len, struct buf *out)
{
    int err = buf_byte(out, ':');
    return err != 0 ? err : base64_append(out, slice_of((const char *)bytes, len));
}

int sasl_credentials_encode(const struct sasl_credentials *c, struct buf *out)
{
    int err = buf_add(out, format_name);
    for (unsigned h = 0; err == 0 && h < SASL_HASHES; h++) {
        const struct sasl_keys *k = &c->keys[h];
        size_t len = sasl_hash_len(h);
        if (k->iterations == 0)
            continue;
        CHECK(k->salt_len <= SASL_SALT_BYTES_MAX);
        err = buf_printf(out, " %.*s:%u", SLICE_ARG(hash_names[h]), k->iterations);
        if (err == 0)
            err = encode_bytes(k->salt, k->salt_len, out);
        if (err == 0)
            err = encode_bytes(k->stored_key, len, out);
        if (err == 0)
            err = encode_bytes(k->server_key, len, out);
    }
    return err;
}

/* The part of *rest before the divider, which is dropped too. */
static struct slice cut(struct slice *rest, char divider)
{
    size_t at = slice_find(*rest, divider);
    struct slice part = slice_of(rest->ptr, at);
    *rest = slice_from(*rest, at < rest->len ? at + 1 : at);
    return part;
}

/* Base64 of min..max bytes. */
static bool decode_bytes(struct slice text, uint8_t *out, size_t min, size_t max, size_t *len_out)
{
    uint8_t room[(SASL_KEY_BYTES + 2) / 3 * 3];
    size_t len;
    if (text.len > base64_encoded_len(max) || !base64_decode(text, room, &len) || len < min ||
        len > max)
        return false;
    memcpy(out, room, len);
    mem_wipe(room, sizeof(room));
    *len_out = len;
    return true;
}

static bool decode_keys(struct slice text, enum sasl_hash hash, struct sasl_keys *out)
{
    unsigned long long iterations;
    size_t len = sasl_hash_len(hash), salt_len, same;
    if (!slice_to_u64(cut(&text, ':'), &iterations) || iterations < SASL_ITERATIONS_MIN ||
        iterations > SASL_ITERATIONS_MAX ||
        !decode_bytes(cut(&text, ':'), out->salt, SASL_SALT_BYTES_MIN, SASL_SALT_BYTES_MAX,
                      &salt_len) ||
        !decode_bytes(cut(&text, ':'), out->stored_key, len, len, &same) ||
        !decode_bytes(text, out->server_key, len, len, &same))
        return false;
    out->iterations = (uint32_t)iterations;
    out->salt_len = (uint8_t)salt_len;
    return true;
}

int sasl_credentials_decode(struct slice text, struct sasl_credentials *out)
{
    struct sasl_credentials found = {0};
    unsigned next = 0;
    bool ok =
        slice_eq(cut(&text, ' '), format_name) && text.len > 0 && text.ptr[text.len - 1] != ' ';
    *out = (struct sasl_credentials){0};
    while (ok && text.len > 0) {
        struct slice one = cut(&text, ' ');
        struct slice name = cut(&one, ':');
        while (next < SASL_HASHES && !slice_eq(name, hash_names[next]))
            next++;
        ok = next < SASL_HASHES && decode_keys(one, next, &found.keys[next]);
        next++;
    }
    if (ok)
        *out = found;
    mem_wipe(&found, sizeof(found));
    return ok ? 0 : ERR_CORRUPT;
}

int sasl_credentials_derive(struct slice password, uint32_t iterations,
                            const uint8_t salts[SASL_HASHES][SASL_SALT_BYTES],
                            struct sasl_credentials *out)
{
    uint8_t salted[SASL_KEY_BYTES];
    int err = 0;
    *out = (struct sasl_credentials){0};
    for (unsigned h = 0; err == 0 && h < SASL_HASHES; h++) {
        struct sasl_keys *k = &out->keys[h];
        k->iterations = iterations;
        k->salt_len = SASL_SALT_BYTES;
        memcpy(k->salt, salts[h], SASL_SALT_BYTES);
        err = sasl_salted_password(h, password, k->salt, k->salt_len, iterations, salted);
        if (err == 0)
            err = scram_keys(h, salted, NULL, k->stored_key, k->server_key);
    }
    if (err != 0)
        *out = (struct sasl_credentials){0};
    mem_wipe(salted, sizeof(salted));
    return err;
}

int sasl_keys_of_salted(enum sasl_hash hash, const uint8_t salted[SASL_KEY_BYTES],
                        struct sasl_keys *keys)
{
    return scram_keys(hash, salted, NULL, keys->stored_key, keys->server_key);
}

void sasl_derivation_run(struct sasl_derivation *d)
{
    CHECK(d->salt_len <= SASL_SALT_BYTES_MAX && d->password_len <= SASL_PASSWORD_BYTES);
    d->err = sasl_salted_password(d->hash, slice_of(d->password, d->password_len), d->salt,
                                  d->salt_len, d->iterations, d->salted);
    mem_wipe(d->password, sizeof(d->password));
    d->password_len = 0;
}
