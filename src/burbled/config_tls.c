/* Certificates of a configuration, tried with the very code that will serve them. */
#include "burbled/config_tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/time.h"
#include "io/files.h"
#include "wire/tls.h"
#include "xmpp/jid.h"

enum { DAY_S = 86400 };

static void report(struct config_tls_report *out, enum config_tls_state state, const char *key,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void report(struct config_tls_report *out, enum config_tls_state state, const char *key,
                   const char *fmt, ...)
{
    va_list args;
    out->state = state;
    out->key = key;
    va_start(args, fmt);
    vsnprintf(out->text, sizeof(out->text), fmt, args);
    va_end(args);
}

static void wipe(struct buf *b)
{
    if (b->ptr != NULL)
        mem_wipe(b->ptr, b->cap);
    buf_free(b);
}

static unsigned count_certificates(struct slice pem)
{
    static const char BEGIN[] = "-----BEGIN CERTIFICATE-----";
    unsigned n = 0;
    const char *at = pem.ptr, *end = pem.ptr + pem.len;
    while (at != NULL && (at = memmem(at, (size_t)(end - at), BEGIN, sizeof(BEGIN) - 1)) != NULL) {
        n++;
        at += sizeof(BEGIN) - 1;
    }
    return n;
}

static const char *problem_text(enum tls_problem problem)
{
    switch (problem) {
    case TLS_BAD_CERTIFICATE:
        return "expected a certificate in PEM: -----BEGIN CERTIFICATE-----";
    case TLS_BAD_KEY:
        return "expected a private key in PEM without a password";
    case TLS_KEY_MISMATCH:
        return "expected the private key of the certificate, found that of another one";
    case TLS_FINE:
    case TLS_NO_MEMORY:
        break;
    }
    return "out of memory";
}

static void judge(const struct config_host *host, const struct tls_certificate_info *info,
                  unsigned certificates, int64_t now_s, struct config_tls_report *out)
{
    static const char KEY[] = "hosts.certificate";
    char stamp[TIME_STAMP_BYTES], now[TIME_STAMP_BYTES];
    time_stamp(info->not_after_s * 1000, stamp);
    stamp[10] = '\0';
    out->not_after_s = info->not_after_s;
    if (now_s < info->not_before_s) {
        time_stamp(info->not_before_s * 1000, stamp);
        time_stamp(now_s * 1000, now);
        report(out, CONFIG_TLS_WARNING, KEY, "not valid before %s; this machine's clock says %s",
               stamp, now);
    } else if (now_s >= info->not_after_s) {
        report(out, CONFIG_TLS_WARNING, KEY, "expired on %s; get a new one", stamp);
    } else if (info->not_after_s - now_s < (int64_t)CONFIG_TLS_EXPIRES_SOON_DAYS * DAY_S) {
        report(out, CONFIG_TLS_WARNING, KEY, "expires on %s, in %lld days; renew it", stamp,
               (long long)((info->not_after_s - now_s) / DAY_S));
    } else if (!info->covers_host) {
        report(out, CONFIG_TLS_WARNING, KEY,
               "does not name \"%s\"; clients will refuse it: get one for this name", host->name);
    } else if (certificates == 1 && !info->self_signed) {
        report(out, CONFIG_TLS_WARNING, KEY,
               "the file holds one certificate; put those of the intermediate authorities behind "
               "it, as in a \"fullchain\" file");
    } else {
        report(out, CONFIG_TLS_FINE, KEY, "valid until %s%s", stamp,
               info->self_signed ? ", self-signed" : "");
    }
}

void config_tls_inspect(const struct config_host *host, int64_t now_s,
                        struct config_tls_report *out)
{
    *out = (struct config_tls_report){0};
    if (host->certificate == NULL || host->key == NULL) {
        report(out, CONFIG_TLS_SELF_MADE, NULL, "none configured; the server makes its own");
        return;
    }
    struct buf chain = {0}, key = {0}, name = {0};
    struct tls_certificate_info info;
    enum tls_problem problem = TLS_FINE;
    struct tls_context *ctx = NULL;
    int err;
    if ((err = file_read(host->certificate, CONFIG_TLS_FILE_BYTES_MAX, &chain, NULL)) != 0)
        report(out, CONFIG_TLS_BAD, "hosts.certificate", "expected a file that can be read; %s: %s",
               host->certificate, err_text(err));
    else if ((err = file_read(host->key, CONFIG_TLS_FILE_BYTES_MAX, &key, NULL)) != 0)
        report(out, CONFIG_TLS_BAD, "hosts.key", "expected a file that can be read; %s: %s",
               host->key, err_text(err));
    else if ((ctx = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem)) == NULL)
        report(out, CONFIG_TLS_BAD,
               problem == TLS_BAD_CERTIFICATE ? "hosts.certificate" : "hosts.key", "%s; %s",
               problem_text(problem),
               problem == TLS_BAD_CERTIFICATE ? host->certificate : host->key);
    else if (jid_domain_ascii(slice_z(host->name), &name) != 0 ||
             tls_context_info(ctx, buf_slice(&name), &info) != 0)
        report(out, CONFIG_TLS_BAD, "hosts.certificate", "its dates cannot be read");
    else
        judge(host, &info, count_certificates(buf_slice(&chain)), now_s, out);
    tls_context_unref(&ctx);
    buf_free(&name);
    buf_free(&chain);
    wipe(&key);
}

void config_tls_check(const struct config *c, int64_t now_s, struct config_errors *errors)
{
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        struct config_tls_report r;
        config_tls_inspect(h, now_s, &r);
        if (r.state == CONFIG_TLS_BAD || r.state == CONFIG_TLS_WARNING)
            config_errors_add(errors, r.state == CONFIG_TLS_WARNING, h->place.file, h->place.line,
                              r.key, "host \"%s\": %s", h->name, r.text);
    }
    config_errors_sort(errors);
}
