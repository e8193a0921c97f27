/* What a client knows of its peer, for people: the facts of its certificate, and what was wrong.
 * Everything that comes out of a certificate is foreign text and is made printable here. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "wire/tls_inside.h"

static const struct tls *client_of(const struct wire *w)
{
    const struct tls *t = tls_self(w);
    CHECK(t->client != NULL);
    return t;
}

/* One byte as printable ASCII, its length returned. */
static size_t escape(char c, char out[4])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b = (uint8_t)c;
    if (b >= 0x20 && b < 0x7f && b != '\\') {
        out[0] = c;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[b >> 4];
    out[3] = digits[b & 15];
    return 4;
}

/* NUL-terminated; what does not fit is cut and "..." stands at the end. */
static void print(struct slice text, char *out, size_t size)
{
    size_t at = 0, fits = 0; /* fits: where "..." still has room */
    char piece[4];
    for (size_t i = 0; i < text.len; i++) {
        size_t n = escape(text.ptr[i], piece);
        if (at + n >= size) {
            memcpy(out + fits, "...", 3);
            at = fits + 3;
            break;
        }
        memcpy(out + at, piece, n);
        at += n;
        if (at + 3 < size)
            fits = at;
    }
    out[at] = '\0';
}

/* "CN=..., O=...", most specific first. */
static void print_name(const X509_NAME *name, char *out, size_t size)
{
    const unsigned long style =
        (ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_DUMP_UNKNOWN | ASN1_STRFLGS_DUMP_DER) |
        XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN | XN_FLAG_DUMP_UNKNOWN_FIELDS;
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len = 0;
    if (text != NULL && X509_NAME_print_ex(text, name, 0, style) >= 0)
        len = BIO_get_mem_data(text, &data);
    print(slice_of(data, len > 0 ? (size_t)len : 0), out, size);
    BIO_free(text);
    ERR_clear_error();
}

static void take_names(X509 *certificate, struct tls_names *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        struct slice text = tls_certificate_name(sk_GENERAL_NAME_value(names, i));
        if (text.len > 0 && out->count < TLS_NAMES_MAX)
            print(text, out->text[out->count++], TLS_NAME_BYTES);
        else
            out->more += text.len > 0;
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static void take_times(const X509 *certificate, int64_t *not_before_out, int64_t *not_after_out)
{
    (void)tls_certificate_time(X509_get0_notBefore(certificate), not_before_out);
    (void)tls_certificate_time(X509_get0_notAfter(certificate), not_after_out);
    ERR_clear_error();
}

void tls_peer_facts(const struct wire *w, struct tls_peer_facts *out)
{
    const struct tls *t = client_of(w);
    const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
    X509 *leaf = t->client->leaf;
    memset(out, 0, sizeof(*out));
    out->cipher = cipher != NULL ? SSL_CIPHER_get_name(cipher) : "";
    out->version = cipher != NULL ? SSL_get_version(t->ssl) : "";
    out->asks_certificate = t->client->asked;
    if (leaf == NULL)
        return;
    out->chain_len = (size_t)t->client->chain_len;
    print_name(X509_get_subject_name(leaf), out->subject, sizeof(out->subject));
    print_name(X509_get_issuer_name(leaf), out->issuer, sizeof(out->issuer));
    take_names(leaf, &out->names);
    take_times(leaf, &out->not_before_s, &out->not_after_s);
    out->self_signed = X509_self_signed(leaf, 0) == 1;
    const EVP_PKEY *key = X509_get0_pubkey(leaf);
    if (key != NULL) {
        const char *type = EVP_PKEY_get0_type_name(key);
        print(slice_z(type), out->key_type, sizeof(out->key_type));
        out->key_bits = EVP_PKEY_get_bits(key);
    }
    (void)tls_certificate_pin(leaf, out->pin);
    ERR_clear_error();
}

/* Alerts that say something about what we have shown. */
static bool about_own_certificate(uint8_t alert)
{
    return (alert >= 42 && alert <= 46) || alert == 48 || alert == 49 || alert == 116;
}

static enum tls_fault fault_of_failure(const struct tls *t)
{
    const struct tls_client *c = t->client;
    if (t->out_of_memory || strcmp(t->reason, "memory") == 0)
        return TLS_FAULT_MEMORY;
    if (c->refused)
        return c->fault;
    if (c->garbled)
        return c->heard ? TLS_FAULT_HANDSHAKE : TLS_FAULT_NOT_TLS;
    if (strcmp(t->reason, "no_application_protocol") == 0 || t->alert == 120)
        return TLS_FAULT_ALPN;
    if (t->alert == 70)
        return TLS_FAULT_VERSION;
    if (t->alert == 112 && t->alert_is_peers)
        return TLS_FAULT_HOST_UNKNOWN;
    if (t->alert_is_peers && about_own_certificate(t->alert))
        return TLS_FAULT_OWN_CERTIFICATE;
    return TLS_FAULT_HANDSHAKE;
}

static const char *what_it_speaks(const char *head)
{
    struct slice said = slice_of(head, TLS_RECORD_HEAD);
    if (slice_is(said, "HTTP/"))
        return "http";
    return slice_is(said, "<?xml") || slice_is(said, "<stre") ? "xmpp" : "unknown";
}

void tls_peer_problem(const struct wire *w, struct tls_peer_problem *out)
{
    const struct tls *t = client_of(w);
    const struct tls_client *c = t->client;
    memset(out, 0, sizeof(*out));
    out->detail = t->reason != NULL ? t->reason : "";
    out->now_s = c->now_s;
    print(slice_of(c->host, c->host_len), out->host, sizeof(out->host));
    if (t->state == WIRE_OPENING)
        out->fault = TLS_FAULT_UNFINISHED;
    else
        out->fault = t->state == WIRE_FAILED ? fault_of_failure(t) : c->fault;
    if (out->fault == TLS_FAULT_NOT_TLS)
        out->detail = what_it_speaks(c->head);
    else if (c->fault != TLS_FAULT_NONE && out->fault == c->fault)
        out->detail = X509_verify_cert_error_string(c->why);
    if (c->leaf != NULL) {
        take_names(c->leaf, &out->names);
        (void)tls_certificate_pin(c->leaf, out->pin);
    }
    if (c->culprit != NULL) {
        out->of_server = X509_cmp(c->culprit, c->leaf) == 0;
        take_times(c->culprit, &out->not_before_s, &out->not_after_s);
        print_name(X509_get_issuer_name(c->culprit), out->issuer, sizeof(out->issuer));
    }
    ERR_clear_error();
}

void tls_pin_text(const uint8_t pin[32], char out[TLS_PIN_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    memcpy(out, "sha256:", 7);
    for (size_t i = 0; i < 32; i++) {
        out[7 + 2 * i] = digits[pin[i] >> 4];
        out[8 + 2 * i] = digits[pin[i] & 15];
    }
    out[71] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tls_pin_parse(struct slice text, uint8_t out[32])
{
    if (slice_starts(text, SLICE("sha256:")))
        text = slice_from(text, 7);
    if (text.len != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = digit_of(text.ptr[2 * i]), low = digit_of(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
