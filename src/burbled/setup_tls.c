/* Certificates of the hosts: read as configured (O04), or made by the server itself. One context
 * for each host, for its name and its aliases. */
#include "burbled/setup_tls.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "burbled/config_tls.h"
#include "io/files.h"
#include "wire/tls.h"
#include "xmpp/jid.h"

enum { PATH_BYTES = 1000, RENEW_S = 30 * 86400 };

static void wipe(struct buf *b)
{
    mem_wipe(b->ptr, b->cap);
    buf_free(b);
}

/* The name as DNS and certificates write it, on the heap. A prepared name always has that form. */
static char *ascii_of(const char *name)
{
    struct buf text = {0};
    CHECK(jid_domain_ascii(slice_z(name), &text) == 0);
    char *ascii = mem_copy(buf_slice(&text));
    buf_free(&text);
    return ascii;
}

static bool wants_tls(const struct config *c)
{
    for (uint32_t i = 0; i < c->listen_count; i++)
        if (c->listen[i].tls != CONFIG_TLS_NONE)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------ self-made */

/* Key and certificate are one file, so that they never differ: data_dir/tls/<host>.pem. */
static int self_made_path(const struct config *c, const struct config_host *h, char out[PATH_BYTES])
{
    struct hash_key key = {0};
    size_t len = strlen(h->name);
    int n;
    if (len <= 200)
        n = snprintf(out, PATH_BYTES, "%s/tls/%s.pem", c->data_dir, h->name);
    else
        n = snprintf(out, PATH_BYTES, "%s/tls/%016llx.pem", c->data_dir,
                     (unsigned long long)hash_bytes(&key, slice_z(h->name)));
    return n > 0 && n < PATH_BYTES ? 0 : ERR_LIMIT;
}

/* Is it for this name, and for a while yet? */
static bool good_for(const struct tls_context *ctx, const char *name, int64_t now_s)
{
    struct tls_certificate_info info = {0};
    char *ascii = ascii_of(name);
    bool good = tls_context_info(ctx, slice_z(ascii), &info) == 0 && info.covers_host &&
                now_s < info.not_after_s - RENEW_S;
    mem_free(ascii);
    return good;
}

static bool still_good(const struct tls_context *ctx, const struct config_host *h, int64_t now_s)
{
    bool good = good_for(ctx, h->name, now_s);
    for (uint32_t i = 0; good && i < h->aliases.count; i++)
        good = good_for(ctx, h->aliases.items[i], now_s);
    return good;
}

static struct tls_context *load_self_made(const char *path, const struct config_host *h,
                                          int64_t now_s)
{
    struct buf pem = {0};
    enum tls_problem problem;
    struct tls_context *ctx = NULL;
    if (file_read(path, CONFIG_TLS_FILE_BYTES_MAX, &pem, NULL) == 0)
        ctx = tls_context_server(buf_slice(&pem), buf_slice(&pem), &problem);
    wipe(&pem);
    if (ctx != NULL && !still_good(ctx, h, now_s))
        tls_context_unref(&ctx);
    return ctx;
}

static int make_self_made(const char *path, const struct config_host *h, int64_t now_s)
{
    size_t n = 1 + (size_t)h->aliases.count;
    struct slice *names = mem_array(n, sizeof(*names));
    struct buf chain = {0}, key = {0};
    for (size_t i = 0; i < n; i++)
        names[i] = slice_z(ascii_of(i == 0 ? h->name : h->aliases.items[i - 1]));
    int err = tls_make_certificate(names, n, now_s, &chain, &key);
    if (err == 0)
        err = buf_add(&key, buf_slice(&chain));
    if (err == 0)
        err = file_write(path, buf_slice(&key));
    for (size_t i = 0; i < n; i++)
        mem_free((void *)(uintptr_t)names[i].ptr);
    mem_free(names);
    buf_free(&chain);
    wipe(&key);
    return err;
}

static struct tls_context *self_made(const struct config *c, const struct config_host *h,
                                     int64_t now_s, struct config_errors *errors)
{
    char path[PATH_BYTES], dir[PATH_BYTES];
    struct tls_context *ctx = NULL;
    int err = self_made_path(c, h, path);
    if (err == 0)
        ctx = load_self_made(path, h, now_s);
    if (err == 0 && ctx == NULL) {
        snprintf(dir, sizeof(dir), "%s/tls", c->data_dir);
        err = dir_make(dir, NULL);
        if (err == 0)
            err = make_self_made(path, h, now_s);
        if (err == 0)
            ctx = load_self_made(path, h, now_s);
    }
    if (ctx == NULL)
        config_errors_add(
            errors, false, h->place.file, h->place.line, "hosts.certificate",
            "host \"%s\": none is configured, and one could not be made in %s/tls: %s", h->name,
            c->data_dir, err_text(err != 0 ? err : ERR_CRYPTO));
    return ctx;
}

/* ------------------------------------------------------------------------------------ configured
 */

static struct tls_context *configured(const struct config_host *h)
{
    struct buf chain = {0}, key = {0};
    enum tls_problem problem;
    struct tls_context *ctx = NULL;
    if (file_read(h->certificate, CONFIG_TLS_FILE_BYTES_MAX, &chain, NULL) == 0 &&
        file_read(h->key, CONFIG_TLS_FILE_BYTES_MAX, &key, NULL) == 0)
        ctx = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
    buf_free(&chain);
    wipe(&key);
    return ctx;
}

static void add_name(struct setup *s, const char *name, struct tls_context *ctx)
{
    size_t i = s->node.tls_count++;
    s->tls_names[i] = ascii_of(name);
    s->tls[i] = (struct node_host_tls){slice_z(s->tls_names[i]), ctx};
}

int setup_tls(struct setup *s, int64_t now_s, struct config_errors *errors)
{
    const struct config *c = &s->config;
    size_t names = 0;
    s->contexts = mem_array(c->host_count, sizeof(struct tls_context *));
    s->expiries_s = mem_array(c->host_count, sizeof(*s->expiries_s));
    for (uint32_t i = 0; i < c->host_count; i++)
        names += 1 + (size_t)c->hosts[i].aliases.count;
    s->tls = mem_array(names, sizeof(*s->tls));
    s->tls_names = mem_array(names, sizeof(char *));
    s->node.tls = s->tls;
    if (!wants_tls(c))
        return 0;
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        struct tls_certificate_info info = {0};
        struct tls_context *ctx =
            h->certificate != NULL ? configured(h) : self_made(c, h, now_s, errors);
        if (ctx == NULL) {
            config_tls_check(c, now_s, errors); /* says what is wrong with those of the file */
            CHECK(errors->error_count > 0);
            return ERR_SYNTAX;
        }
        s->contexts[i] = ctx;
        if (tls_context_info(ctx, slice_z(h->name), &info) == 0)
            s->expiries_s[i] = info.not_after_s;
        add_name(s, h->name, ctx);
        for (uint32_t k = 0; k < h->aliases.count; k++)
            add_name(s, h->aliases.items[k], ctx);
    }
    return 0;
}
