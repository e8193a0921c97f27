/* TLS as a wire (RFC 8446, RFC 5246 with RFC 7590; RFC 9266 for channel binding).
 *
 * Bytes from below are cut into whole TLS records here before OpenSSL sees them: of a record that
 * is still on its way only what has come is held, and OpenSSL's own 16 KiB buffers live for the
 * length of one call. Everything else about the protocol is OpenSSL's; this file owns the limits of
 * what a peer may ask for, and the names of failures. */
#include "wire/tls.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "wire/tls_inside.h"

enum {
    RECORD_TYPE_MIN = 20, /* change_cipher_spec */
    RECORD_TYPE_MAX = 23, /* application_data */
    RECORD_BYTES_MAX = TLS_RECORD_HEAD + SSL3_RT_MAX_PLAIN_LENGTH + 2048,
    /* V34: KeyUpdates and refused renegotiations: so many at once, then one per so many ms. */
    UPDATES_BURST = 32,
    UPDATE_MS = 1000,
};

static const struct wire_ops ops;

static enum wire_state fail(struct tls *t, const char *reason)
{
    if (t->state != WIRE_FAILED)
        t->reason = reason;
    t->state = WIRE_FAILED;
    return WIRE_FAILED;
}

#define ALERT(number, name)                                                                        \
    case number:                                                                                   \
        return peers ? "peer_" name : name

/* RFC 8446 section 6. */
static const char *alert_name(uint8_t alert, bool peers)
{
    switch (alert) {
        ALERT(10, "unexpected_message");
        ALERT(20, "bad_record_mac");
        ALERT(22, "record_overflow");
        ALERT(40, "handshake_failure");
        ALERT(42, "bad_certificate");
        ALERT(43, "unsupported_certificate");
        ALERT(44, "certificate_revoked");
        ALERT(45, "certificate_expired");
        ALERT(46, "certificate_unknown");
        ALERT(47, "illegal_parameter");
        ALERT(48, "unknown_ca");
        ALERT(49, "access_denied");
        ALERT(50, "decode_error");
        ALERT(51, "decrypt_error");
        ALERT(70, "protocol_version");
        ALERT(71, "insufficient_security");
        ALERT(80, "internal_error");
        ALERT(86, "inappropriate_fallback");
        ALERT(90, "user_canceled");
        ALERT(109, "missing_extension");
        ALERT(110, "unsupported_extension");
        ALERT(112, "unrecognized_name");
        ALERT(113, "bad_certificate_status_response");
        ALERT(115, "unknown_psk_identity");
        ALERT(116, "certificate_required");
        ALERT(120, "no_application_protocol");
    default:
        return peers ? "peer_alert" : "bad_record";
    }
}

#undef ALERT

/* OpenSSL has given up: why? */
static enum wire_state fail_by_openssl(struct tls *t)
{
    if (t->client != NULL && ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE)
        t->out_of_memory = true;
    ERR_clear_error();
    if (t->out_of_memory)
        return fail(t, "memory");
    if (t->flooded)
        return fail(t, "key_update_flood");
    return fail(t, alert_name(t->alert, t->alert_is_peers));
}

/* Called by OpenSSL for each message in both directions. */
void tls_watch(int write_p, int version, int content, const void *data, size_t len, SSL *ssl,
               void *arg)
{
    (void)version, (void)arg;
    const uint8_t *bytes = data;
    bool costs = false;
    if (write_p == 0 && tls_of(ssl)->client != NULL && len > 0)
        tls_of(ssl)->client->heard |= content == SSL3_RT_ALERT || content == SSL3_RT_HANDSHAKE;
    if (len == 0 || (content != SSL3_RT_ALERT && content != SSL3_RT_HANDSHAKE))
        return;
    struct tls *t = tls_of(ssl);
    if (content == SSL3_RT_ALERT && len == 2) {
        if (bytes[0] == SSL3_AL_FATAL) {
            t->alert = bytes[1];
            t->alert_is_peers = write_p == 0;
        }
        costs = write_p != 0 && bytes[1] == SSL_AD_NO_RENEGOTIATION;
    } else {
        costs = write_p == 0 && content == SSL3_RT_HANDSHAKE && bytes[0] == SSL3_MT_KEY_UPDATE;
    }
    if (!costs)
        return;
    uint64_t full = t->updates_full_ms > t->now_ms ? t->updates_full_ms : t->now_ms;
    t->updates_full_ms = full + UPDATE_MS;
    if (t->updates_full_ms > t->now_ms + UPDATES_BURST * UPDATE_MS)
        t->flooded = true;
}

/* The rest of the handshake's memory goes. */
static void greeting_free(struct tls *t)
{
    free(t->greeting);
    t->greeting = NULL;
}

static void shake(struct tls *t)
{
    int n = SSL_do_handshake(t->ssl);
    if (n == 1) {
        t->state = WIRE_OPEN;
        greeting_free(t);
        if (t->client != NULL && !tls_client_agreed(t))
            fail(t, "no_application_protocol");
    } else if (SSL_get_error(t->ssl, n) != SSL_ERROR_WANT_READ) {
        fail_by_openssl(t);
    }
}

/* Moves what one record holds up. False when there is nothing more to be had. */
static bool read_some(struct tls *t, struct buf *up)
{
    char first;
    size_t n;
    /* Looking first makes OpenSSL decrypt a record, so that its size is known: what goes up is
     * allocated to measure, and nothing is for a record without data. */
    if (SSL_peek_ex(t->ssl, &first, 1, &n) != 1) {
        int why = SSL_get_error(t->ssl, 0);
        if (why == SSL_ERROR_ZERO_RETURN)
            t->state = WIRE_ENDED;
        else if (why != SSL_ERROR_WANT_READ)
            fail_by_openssl(t);
        return false;
    }
    size_t pending = (size_t)SSL_pending(t->ssl);
    if (buf_reserve(up, pending) != 0) {
        fail(t, "memory");
        return false;
    }
    if (SSL_read_ex(t->ssl, up->ptr + up->end, pending, &n) != 1) {
        fail_by_openssl(t);
        return false;
    }
    up->end += (uint32_t)n;
    return true;
}

/* Hands whole records to OpenSSL until it has taken them all. */
static void process(struct tls *t, struct slice records, struct buf *up)
{
    t->source = records;
    t->starved = false;
    while (t->state == WIRE_OPENING && !t->starved)
        shake(t);
    if (t->state == WIRE_OPEN) {
        /* When all was taken OpenSSL is not asked in vain: it would get its buffer for that. */
        while (read_some(t, up) && (t->source.len > 0 || SSL_has_pending(t->ssl)))
            ;
    }
    if (t->flooded)
        fail_by_openssl(t);
    t->source = SLICE_NONE;
}

/* Size of the record that begins with these bytes (RFC 8446 section 5.1); 0 when it is none. */
static size_t record_size(const char *head)
{
    const uint8_t *b = (const uint8_t *)head;
    size_t len = TLS_RECORD_HEAD + ((size_t)b[3] << 8 | b[4]);
    bool sane = b[0] >= RECORD_TYPE_MIN && b[0] <= RECORD_TYPE_MAX && b[1] == SSL3_VERSION_MAJOR;
    return sane && len <= RECORD_BYTES_MAX ? len : 0;
}

/* No TLS: OpenSSL sees the head, the same in whatever pieces it came, for the alert that fits. */
static void garbage(struct tls *t, struct slice in, struct buf *up)
{
    if (t->client != NULL) {
        t->client->garbled = true;
        memcpy(t->client->head, in.ptr, TLS_RECORD_HEAD);
    }
    process(t, slice_of(in.ptr, TLS_RECORD_HEAD), up);
    fail(t, "bad_record");
}

/* Adds to the record that has begun and processes it when it is whole. Returns what is left. */
static struct slice continue_partial(struct tls *t, struct slice in, struct buf *up)
{
    size_t had = buf_len(&t->partial);
    size_t want = had < TLS_RECORD_HEAD ? TLS_RECORD_HEAD : record_size(buf_slice(&t->partial).ptr);
    size_t n = want - had < in.len ? want - had : in.len;
    if (buf_append(&t->partial, in.ptr, n) != 0) {
        fail(t, "memory");
        return SLICE_NONE;
    }
    struct slice record = buf_slice(&t->partial);
    if (record.len >= TLS_RECORD_HEAD) {
        size_t size = record_size(record.ptr);
        if (size == 0)
            garbage(t, record, up);
        else if (size == record.len)
            process(t, record, up);
        if (size == record.len)
            buf_free(&t->partial);
    }
    return slice_from(in, n);
}

/* How many bytes at the front are whole records; *broken_out: what follows is none. */
static size_t whole_records(struct slice in, bool *broken_out)
{
    size_t at = 0, size = 1;
    while (in.len - at >= TLS_RECORD_HEAD) {
        size = record_size(in.ptr + at);
        if (size == 0 || size > in.len - at)
            break;
        at += size;
    }
    *broken_out = size == 0;
    return at;
}

static enum wire_state tls_feed(struct wire *w, struct slice in, struct buf *up, struct buf *down,
                                struct now now)
{
    struct tls *t = tls_self(w);
    bool broken;
    t->down = down;
    t->now_ms = now.mono_ms;
    ERR_clear_error();
    if (in.len == 0 && t->state == WIRE_OPENING)
        process(t, in, up); /* a client begins */
    while (in.len > 0 && (t->state == WIRE_OPENING || t->state == WIRE_OPEN)) {
        if (buf_len(&t->partial) > 0) {
            in = continue_partial(t, in, up);
            continue;
        }
        size_t n = whole_records(in, &broken);
        if (n > 0) {
            process(t, slice_of(in.ptr, n), up);
        } else if (broken) {
            garbage(t, in, up);
        } else if (buf_add(&t->partial, in) != 0) {
            fail(t, "memory");
        } else {
            n = in.len;
        }
        in = slice_from(in, n);
    }
    t->down = NULL;
    return t->state;
}

static int tls_send(struct wire *w, struct slice data, struct buf *down)
{
    struct tls *t = tls_self(w);
    size_t n;
    if ((t->state != WIRE_OPEN && t->state != WIRE_ENDED) ||
        (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
        return ERR_CLOSED;
    if (t->client != NULL && SSL_version(t->ssl) < TLS1_2_VERSION)
        return ERR_REFUSED; /* for looking only */
    if (data.len == 0)
        return 0;
    ERR_clear_error();
    t->records += 1 + (uint32_t)(data.len / SSL3_RT_MAX_PLAIN_LENGTH);
    if (t->records >= TLS_RECORDS_PER_KEY) { /* RFC 8446 section 5.5; TLS 1.2 has nothing like it */
        t->records = 0;
        (void)SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
    }
    t->down = down;
    int ok = SSL_write_ex(t->ssl, data.ptr, data.len, &n);
    t->down = NULL;
    if (ok == 1)
        return 0;
    fail_by_openssl(t);
    return t->out_of_memory ? ERR_MEMORY : ERR_CRYPTO;
}

static void tls_end(struct wire *w, struct buf *down)
{
    struct tls *t = tls_self(w);
    if (t->state != WIRE_OPEN && t->state != WIRE_ENDED)
        return;
    ERR_clear_error();
    t->down = down;
    (void)SSL_shutdown(t->ssl);
    t->down = NULL;
    ERR_clear_error();
}

static enum wire_state tls_state(const struct wire *w)
{
    return tls_self(w)->state;
}

static const char *tls_reason(const struct wire *w)
{
    const char *reason = tls_self(w)->reason;
    return reason != NULL ? reason : "";
}

static void tls_free(struct wire *w)
{
    struct tls *t = tls_self(w);
    SSL_free(t->ssl);
    greeting_free(t);
    tls_client_free(t);
    buf_free(&t->partial);
    free(t);
}

static const struct wire_ops ops = {
    .feed = tls_feed,
    .send = tls_send,
    .end = tls_end,
    .state = tls_state,
    .reason = tls_reason,
    .free = tls_free,
};

struct tls *tls_self(const struct wire *w)
{
    CHECK(w->ops == &ops);
    return (struct tls *)(uintptr_t)w;
}

struct tls *tls_new(struct tls_context *ctx)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->wire.ops = &ops;
    t->state = WIRE_OPENING;
    t->ssl = SSL_new(tls_context_ssl(ctx));
    BIO *bio = tls_bio_new(t);
    if (t->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        tls_free(&t->wire);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_bio(t->ssl, bio, bio);
    return t;
}

struct wire *tls_accept_new(const struct tls_accept *a, struct tls_context *fallback)
{
    CHECK(a->alpn.len <= TLS_ALPN_MAX);
    struct tls *t = tls_new(fallback);
    if (t == NULL)
        return NULL;
    t->greeting = calloc(1, sizeof(*t->greeting));
    if (t->greeting == NULL) {
        tls_free(&t->wire);
        return NULL;
    }
    t->greeting->choose = a->choose;
    t->greeting->choose_ctx = a->choose_ctx;
    t->greeting->alpn_len = (uint8_t)a->alpn.len;
    if (a->alpn.len > 0)
        memcpy(t->greeting->alpn, a->alpn.ptr, a->alpn.len);
    SSL_set_accept_state(t->ssl);
    return &t->wire;
}

const char *tls_version(const struct wire *w)
{
    return SSL_get_version(tls_self(w)->ssl);
}

const char *tls_cipher(const struct wire *w)
{
    return SSL_get_cipher_name(tls_self(w)->ssl);
}

bool tls_exporter(const struct wire *w, uint8_t out[32])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    struct tls *t = tls_self(w);
    /* In TLS 1.2 without the extended master secret the value does not bind (RFC 9266 section 3).
     */
    if (t->state == WIRE_OPENING || t->state == WIRE_FAILED ||
        (SSL_version(t->ssl) < TLS1_3_VERSION && SSL_get_extms_support(t->ssl) != 1))
        return false;
    bool ok = SSL_export_keying_material(t->ssl, out, 32, label, sizeof(label) - 1,
                                         (const unsigned char *)"", 0, 1) == 1;
    ERR_clear_error();
    return ok;
}

size_t tls_unique(const struct wire *w, uint8_t out[64])
{
    struct tls *t = tls_self(w);
    if (t->state == WIRE_OPENING || t->state == WIRE_FAILED ||
        (SSL_version(t->ssl) < TLS1_3_VERSION && SSL_get_extms_support(t->ssl) != 1))
        return 0;
    /* Sessions are never resumed, so the first Finished is the client's. */
    size_t n = SSL_is_server(t->ssl) ? SSL_get_peer_finished(t->ssl, out, 64)
                                     : SSL_get_finished(t->ssl, out, 64);
    return n <= 64 ? n : 0;
}
