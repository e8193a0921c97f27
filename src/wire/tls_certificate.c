/* Certificates: whom one speaks for (RFC 6120 section 13.7.1.2, RFC 4985), its dates, its hash for
 * channel binding (RFC 5929 section 4), and making one that is signed by itself. */
#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/err.h"
#include "wire/tls_inside.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same_name(struct slice a, struct slice b)
{
    bool same = a.len == b.len;
    for (size_t i = 0; i < a.len && same; i++)
        same = lower(a.ptr[i]) == lower(b.ptr[i]);
    return same;
}

/* "*.example.org" covers a.example.org, neither example.org nor a.b.example.org. */
static bool dns_covers(struct slice name, struct slice host)
{
    if (name.len > 2 && name.ptr[0] == '*' && name.ptr[1] == '.') {
        size_t dot = slice_find(host, '.');
        return dot > 0 && dot < host.len && same_name(slice_from(name, 1), slice_from(host, dot)) &&
               slice_find(slice_from(name, 2), '.') < name.len - 2;
    }
    return same_name(name, host);
}

static bool srv_covers(struct slice name, struct slice host, int services)
{
    static const struct slice prefixes[] = {{"_xmpp-client.", 13}, {"_xmpp-server.", 13}};
    for (size_t i = 0; i < 2; i++) {
        size_t n = prefixes[i].len;
        if ((services & (1 << i)) != 0 && name.len > n &&
            same_name(slice_of(name.ptr, n), prefixes[i]) && same_name(slice_from(name, n), host))
            return true;
    }
    return false;
}

static struct slice text_of(const ASN1_STRING *s)
{
    return slice_of((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

struct slice tls_certificate_name(const GENERAL_NAME *name)
{
    if (name->type == GEN_DNS)
        return text_of(name->d.dNSName);
    if (name->type != GEN_OTHERNAME)
        return SLICE_NONE;
    const ASN1_TYPE *value = name->d.otherName->value;
    int kind = OBJ_obj2nid(name->d.otherName->type_id);
    if (kind == NID_SRVName && value->type == V_ASN1_IA5STRING)
        return text_of(value->value.ia5string);
    if (kind == NID_XmppAddr && value->type == V_ASN1_UTF8STRING)
        return text_of(value->value.utf8string);
    return SLICE_NONE;
}

static bool name_covers(const GENERAL_NAME *name, struct slice host, int services)
{
    struct slice text = tls_certificate_name(name);
    if (text.len == 0)
        return false;
    if (name->type == GEN_DNS)
        return dns_covers(text, host);
    if (OBJ_obj2nid(name->d.otherName->type_id) == NID_SRVName)
        return srv_covers(text, host, services);
    return same_name(text, host);
}

bool tls_host_is_address(struct slice host)
{
    bool digits = host.len > 0;
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == ':')
            return true;
        digits &= host.ptr[i] == '.' || (host.ptr[i] >= '0' && host.ptr[i] <= '9');
    }
    return digits;
}

static bool address_covers(X509 *certificate, struct slice host)
{
    char text[64];
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = slice_of(host.ptr + 1, host.len - 2);
    if (!tls_host_is_address(host) || host.len >= sizeof(text))
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    bool covers = X509_check_ip_asc(certificate, text, 0) == 1;
    ERR_clear_error();
    return covers;
}

bool tls_certificate_covers(X509 *certificate, struct slice host, int services)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool covers = address_covers(certificate, host);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !covers && host.len > 0; i++)
        covers = name_covers(sk_GENERAL_NAME_value(names, i), host, services);
    GENERAL_NAMES_free(names);
    return covers;
}

bool tls_certificate_time(const ASN1_TIME *t, int64_t *out)
{
    int days, seconds;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool ok = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;
    ASN1_TIME_free(epoch);
    if (ok)
        *out = (int64_t)days * 86400 + seconds;
    return ok;
}

bool tls_certificate_pin(X509 *certificate, uint8_t out[32])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    if (!ok)
        memset(out, 0, 32);
    return ok;
}

int tls_context_info(const struct tls_context *ctx, struct slice host,
                     struct tls_certificate_info *out)
{
    X509 *leaf = SSL_CTX_get0_certificate((const SSL_CTX *)(const void *)ctx);
    *out = (struct tls_certificate_info){0};
    if (leaf == NULL)
        return ERR_NOT_FOUND;
    if (!tls_certificate_time(X509_get0_notBefore(leaf), &out->not_before_s) ||
        !tls_certificate_time(X509_get0_notAfter(leaf), &out->not_after_s))
        return ERR_CRYPTO;
    out->self_signed = X509_self_signed(leaf, 0) == 1;
    out->covers_host = tls_certificate_covers(leaf, host, TLS_FOR_CLIENTS | TLS_FOR_SERVERS);
    ERR_clear_error();
    return 0;
}

/* Adds names of the host to the list: dNSName, and SRVName for the service of clients. */
static bool add_names(GENERAL_NAMES *names, struct slice host)
{
    char srv[300] = "_xmpp-client.";
    const size_t prefix = strlen(srv);
    if (host.len == 0 || host.len > sizeof(srv) - prefix)
        return false;
    memcpy(srv + prefix, host.ptr, host.len);
    GENERAL_NAME *dns = GENERAL_NAME_new(), *other = GENERAL_NAME_new();
    ASN1_IA5STRING *dns_text = ASN1_IA5STRING_new(), *srv_text = ASN1_IA5STRING_new();
    ASN1_TYPE *value = ASN1_TYPE_new();
    bool ok = dns != NULL && other != NULL && dns_text != NULL && srv_text != NULL &&
              value != NULL && ASN1_STRING_set(dns_text, host.ptr, (int)host.len) == 1 &&
              ASN1_STRING_set(srv_text, srv, (int)(prefix + host.len)) == 1;
    if (ok) {
        GENERAL_NAME_set0_value(dns, GEN_DNS, dns_text);
        dns_text = NULL;
        ASN1_TYPE_set(value, V_ASN1_IA5STRING, srv_text);
        srv_text = NULL;
        ok = GENERAL_NAME_set0_othername(other, OBJ_nid2obj(NID_SRVName), value) == 1;
        value = ok ? NULL : value;
    }
    if (ok && (ok = sk_GENERAL_NAME_push(names, dns) > 0))
        dns = NULL;
    if (ok && (ok = sk_GENERAL_NAME_push(names, other) > 0))
        other = NULL;
    ASN1_TYPE_free(value);
    ASN1_IA5STRING_free(srv_text);
    ASN1_IA5STRING_free(dns_text);
    GENERAL_NAME_free(other);
    GENERAL_NAME_free(dns);
    return ok;
}

static bool fill(X509 *x, EVP_PKEY *key, const struct slice *hosts, size_t n, int64_t now_s)
{
    unsigned char serial[EVP_MAX_MD_SIZE];
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    BIGNUM *number = NULL;
    const size_t cn_len = hosts[0].len < 64 ? hosts[0].len : 64; /* X.520 ub-common-name */
    /* The number follows from the key, which nobody else has. */
    bool ok = names != NULL && X509_set_pubkey(x, key) == 1 &&
              X509_pubkey_digest(x, EVP_sha256(), serial, NULL) == 1;
    if (ok) {
        serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, of a fixed length */
        number = BN_bin2bn(serial, 16, NULL);
    }
    for (size_t i = 0; i < n && ok; i++)
        ok = add_names(names, hosts[i]);
    X509_NAME *subject = X509_get_subject_name(x);
    /* A day of grace for clocks that are behind. */
    ok = ok && number != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL &&
         ASN1_TIME_adj(X509_getm_notBefore(x), (time_t)now_s, -1, 0) != NULL &&
         ASN1_TIME_adj(X509_getm_notAfter(x), (time_t)now_s, 3650, 0) != NULL &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)hosts[0].ptr, (int)cn_len, -1, 0) == 1 &&
         X509_set_issuer_name(x, subject) == 1 &&
         X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1 &&
         X509_sign(x, key, EVP_sha256()) > 0;
    BN_free(number);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    return ok;
}

static bool take_text(BIO *text, struct buf *out)
{
    char *data;
    long len = BIO_get_mem_data(text, &data);
    bool ok = len > 0 && buf_append(out, data, (size_t)len) == 0;
    return ok;
}

int tls_make_certificate(const struct slice *hosts, size_t n, int64_t now_s, struct buf *chain_pem,
                         struct buf *key_pem)
{
    if (n == 0)
        return ERR_CRYPTO;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    BIO *chain_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_secmem());
    bool ok = key != NULL && x != NULL && chain_text != NULL && key_text != NULL &&
              fill(x, key, hosts, n, now_s) && PEM_write_bio_X509(chain_text, x) == 1 &&
              PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              take_text(chain_text, chain_pem) && take_text(key_text, key_pem);
    BIO_free(key_text);
    BIO_free(chain_text);
    X509_free(x);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok ? 0 : ERR_CRYPTO;
}

size_t tls_server_end_point(const struct wire *w, uint8_t out[64])
{
    const struct tls *t = tls_self(w);
    const X509 *certificate =
        SSL_is_server(t->ssl) ? SSL_get_certificate(t->ssl) : SSL_get0_peer_certificate(t->ssl);
    int digest;
    unsigned len = 0;
    /* Without a hash of its own in the signature (Ed25519) the binding is not defined. */
    if (t->state == WIRE_OPENING || certificate == NULL ||
        X509_get_signature_info((X509 *)(uintptr_t)certificate, &digest, NULL, NULL, NULL) != 1 ||
        digest == NID_undef)
        return 0;
    const EVP_MD *md =
        digest == NID_md5 || digest == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest);
    if (md == NULL || EVP_MD_get_size(md) > 64 || X509_digest(certificate, md, out, &len) != 1)
        len = 0;
    return len;
}
