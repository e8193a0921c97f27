/* What no single key of the configuration shows: names used twice, certificates without keys,
 * passwords in clear on public addresses, files that cannot be read. */
#include "burbled/config_read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/config_address.h"
#include "io/files.h"

/* The setting itself where it is given, otherwise the group that it is missing in. */
static const config_setting_t *at(const config_setting_t *group, const char *key)
{
    const config_setting_t *s = config_setting_get_member(group, key);
    return s != NULL ? s : group;
}

static bool given(const config_setting_t *group, const char *key)
{
    return config_setting_get_member(group, key) != NULL;
}

static void warn(struct config_reader *r, const config_setting_t *s, const char *key,
                 const char *text)
{
    config_errors_add(r->errors, true, config_reader_file(r, s), config_reader_line(s), key, "%s",
                      text);
}

/* Settings of a list that became structs, in the same order. */
static const config_setting_t *element(const config_setting_t *root, const char *list, uint32_t n)
{
    const config_setting_t *s = config_setting_get_member(root, list);
    for (int i = 0; i < config_setting_length(s); i++) {
        const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
        if (config_setting_type(e) == CONFIG_TYPE_GROUP && n-- == 0)
            return e;
    }
    return NULL;
}

struct taken {
    const char *name;
    const config_setting_t *setting;
    const char *key;
    size_t order;
};

static int compare_taken(const void *left, const void *right)
{
    const struct taken *a = left, *b = right;
    int by_name = strcmp(a->name, b->name);
    return by_name != 0 ? by_name : a->order < b->order ? -1 : 1;
}

static void check_names(struct config_reader *r, const config_setting_t *root,
                        const struct config *c)
{
    size_t n = c->component_count;
    for (uint32_t i = 0; i < c->host_count; i++)
        n += 1 + c->hosts[i].aliases.count;
    struct taken *names = mem_array(n, sizeof(*names));
    n = 0;
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        const config_setting_t *s = element(root, "hosts", i);
        if (h->name != NULL)
            names[n] = (struct taken){h->name, at(s, "name"), "hosts.name", n}, n++;
        for (uint32_t j = 0; j < h->aliases.count; j++) {
            names[n] = (struct taken){h->aliases.items[j], at(s, "aliases"), "hosts.aliases", n};
            n++;
        }
    }
    for (uint32_t i = 0; i < c->component_count; i++) {
        const config_setting_t *s = element(root, "components", i);
        if (c->components[i].name != NULL)
            names[n] = (struct taken){c->components[i].name, at(s, "name"), "components.name", n},
            n++;
    }
    if (n > 1)
        qsort(names, n, sizeof(*names), compare_taken);
    for (size_t i = 1; i < n; i++) {
        const struct taken *was = &names[i - 1];
        if (strcmp(names[i].name, was->name) == 0)
            config_reader_error(r, names[i].setting, names[i].key,
                                "expected a name of its own; \"%s\" is the name%s in line %u "
                                "already",
                                names[i].name,
                                strcmp(was->key, "components.name") == 0 ? " of a component"
                                                                         : " or alias of a host",
                                (unsigned)config_reader_line(was->setting));
    }
    mem_free(names);
}

static void check_readable(struct config_reader *r, const config_setting_t *s, const char *key,
                           const char *path, const char *secret)
{
    struct buf content = {0};
    struct file_facts facts = {0};
    int err = file_read(path, CONFIG_TLS_FILE_BYTES_MAX, &content, &facts);
    if (err != 0)
        config_reader_error(r, s, key, "expected a file that can be read; %s: %s", path,
                            err_text(err));
    else if (secret != NULL && (facts.mode & S_IRWXO) != 0)
        config_errors_add(r->errors, true, config_reader_file(r, s), config_reader_line(s), key,
                          "the %s is open to everyone on this machine; chmod 640 it", secret);
    if (content.ptr != NULL)
        mem_wipe(content.ptr, content.cap);
    buf_free(&content);
}

static void check_certificate(struct config_reader *r, const config_setting_t *s,
                              const struct config_host *h)
{
    if (given(s, "certificate") != given(s, "key")) {
        bool cert = given(s, "certificate");
        config_reader_error(
            r, at(s, cert ? "certificate" : "key"), cert ? "hosts.certificate" : "hosts.key",
            "expected together with \"%s\", which is missing", cert ? "key" : "certificate");
    }
    if (r->dir == NULL)
        return;
    if (h->certificate != NULL)
        check_readable(r, at(s, "certificate"), "hosts.certificate", h->certificate, NULL);
    if (h->key != NULL)
        check_readable(r, at(s, "key"), "hosts.key", h->key, "private key");
}

static void check_admins(struct config_reader *r, const config_setting_t *s, const struct config *c,
                         const struct config_host *h)
{
    for (uint32_t i = 0; i < h->admins.count; i++) {
        const char *domain = strchr(h->admins.items[i], '@') + 1;
        if (config_find_host(c, slice_z(domain)) == NULL)
            config_errors_add(r->errors, true, config_reader_file(r, at(s, "admins")),
                              config_reader_line(at(s, "admins")), "hosts.admins",
                              "\"%s\" is not an account of a host in this file and can never log "
                              "in here",
                              h->admins.items[i]);
    }
}

static void check_tls(struct config_reader *r, const config_setting_t *s, struct config_listen *l)
{
    if (l->tls == CONFIG_TLS_NONE && given(s, "require_tls") && l->require_tls)
        config_reader_error(r, at(s, "require_tls"), "listen.require_tls",
                            "expected false where tls = \"none\"");
    else if (l->tls == CONFIG_TLS_NONE && !l->loopback && !given(s, "require_tls"))
        config_reader_error(r, at(s, "tls"), "listen.tls",
                            "expected %s\"direct\" on the public address %s, or require_tls = "
                            "false beside it",
                            l->service == CONFIG_SERVICE_C2S ? "\"starttls\" or " : "", l->address);
    else if (l->tls == CONFIG_TLS_NONE && !l->loopback)
        warn(r, at(s, "tls"), "listen.tls", "everything passes in clear on a public address");
    if (l->tls == CONFIG_TLS_NONE)
        l->require_tls = false;
    if (l->plain_without_tls && !l->loopback)
        config_reader_error(r, at(s, "plain_without_tls"), "listen.plain_without_tls",
                            "expected false on %s: passwords in clear are for loopback addresses "
                            "alone, such as \"127.0.0.1\"",
                            l->address);
    else if (l->plain_without_tls && l->require_tls)
        warn(r, at(s, "plain_without_tls"), "listen.plain_without_tls",
             "without effect while require_tls is true");
}

/* XEP-0114 knows no STARTTLS: TLS is there from the first byte, or not at all. */
static void check_component_tls(struct config_reader *r, const config_setting_t *s,
                                struct config_listen *l)
{
    if (!given(s, "tls"))
        l->tls = CONFIG_TLS_NONE;
    if (l->tls == CONFIG_TLS_STARTTLS)
        config_reader_error(r, at(s, "tls"), "listen.tls",
                            "expected \"none\" or \"direct\" for components, which know no "
                            "STARTTLS");
    if (l->plain_without_tls)
        warn(r, at(s, "plain_without_tls"), "listen.plain_without_tls",
             "without effect for components");
    l->plain_without_tls = false;
}

/* V49: a certificate that nobody asked for is not shown to the world. */
static void check_self_made(struct config_reader *r, const config_setting_t *s,
                            const struct config_listen *l, const config_setting_t *root,
                            const struct config *c)
{
    if (l->loopback || l->tls == CONFIG_TLS_NONE || l->self_signed)
        return;
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        const config_setting_t *hs = element(root, "hosts", i);
        if (given(hs, "certificate") || given(hs, "key") || h->self_signed || h->name == NULL)
            continue;
        config_reader_error(r, at(s, "address"), "listen.address",
                            "%s is public, and host \"%s\" has only the certificate that is made "
                            "at the first start; expected \"certificate\" and \"key\" of the host, "
                            "or self_signed = true here",
                            l->address, h->name);
        return;
    }
}

/* True when the port is what the file says, not a default in place of an error. */
static bool port_is_right(const config_setting_t *s, const struct config_listen *l)
{
    const config_setting_t *port = config_setting_get_member(s, "port");
    return port == NULL || config_setting_get_int64(port) == l->port;
}

static void check_listen(struct config_reader *r, const config_setting_t *root, struct config *c)
{
    for (uint32_t i = 0; i < c->listen_count; i++) {
        struct config_listen *l = &c->listen[i];
        const config_setting_t *s = element(root, "listen", i);
        l->loopback = config_address_is_loopback(l->address);
        if (l->service == CONFIG_SERVICE_COMPONENT)
            check_component_tls(r, s, l);
        if (!given(s, "port"))
            l->port = l->service == CONFIG_SERVICE_COMPONENT ? 5347
                      : l->tls == CONFIG_TLS_DIRECT          ? 5223
                                                             : l->port;
        check_tls(r, s, l);
        check_self_made(r, s, l, root, c);
        for (uint32_t j = 0; j < i; j++) {
            if (!port_is_right(s, l) || !port_is_right(element(root, "listen", j), &c->listen[j]) ||
                l->port != c->listen[j].port || strcmp(l->address, c->listen[j].address) != 0)
                continue;
            config_reader_error(r, at(s, "port"), "listen.port",
                                "expected a port of its own; %s port %u is listened on by the "
                                "entry in line %u already",
                                l->address, (unsigned)l->port, (unsigned)c->listen[j].place.line);
            break;
        }
    }
}

static void check_component(struct config_reader *r, const config_setting_t *s,
                            const struct config_component *c)
{
    bool both = given(s, "secret") && given(s, "secret_file");
    if (both)
        config_reader_error(r, at(s, "secret"), "components.secret",
                            "expected either \"secret\" or \"secret_file\", found both");
    else if (!given(s, "secret") && !given(s, "secret_file"))
        config_reader_error(r, s, "components.secret",
                            "expected, but missing (\"secret\" or \"secret_file\")");
    if (r->dir != NULL && c->secret_file != NULL)
        check_readable(r, at(s, "secret_file"), "components.secret_file", c->secret_file,
                       "secret of the component");
}

/* The one is of no use without the other. */
static void check_components(struct config_reader *r, const config_setting_t *root,
                             const struct config *c)
{
    const config_setting_t *listener = NULL;
    for (uint32_t i = 0; i < c->listen_count; i++)
        if (c->listen[i].service == CONFIG_SERVICE_COMPONENT)
            listener = element(root, "listen", i);
    for (uint32_t i = 0; i < c->component_count; i++)
        check_component(r, element(root, "components", i), &c->components[i]);
    if (c->component_count > 0 && listener == NULL)
        warn(r, at(root, "components"), "components",
             "no entry of \"listen\" has service = \"component\": none of them can connect");
    else if (c->component_count == 0 && listener != NULL)
        warn(r, at(listener, "service"), "listen.service",
             "no \"components\" are configured: nobody can connect here");
}

static void check_limits(struct config_reader *r, const config_setting_t *root, struct config *c)
{
    struct config_limits *l = &c->limits;
    const config_setting_t *s = config_setting_get_member(root, "limits");
    if (s != NULL && config_setting_type(s) == CONFIG_TYPE_GROUP) {
        if (l->login_delay_seconds_min > l->login_delay_seconds_max)
            config_reader_error(
                r, at(s, "login_delay_seconds_min"), "limits.login_delay_seconds_min",
                "expected at most login_delay_seconds_max (%u), found %u",
                (unsigned)l->login_delay_seconds_max, (unsigned)l->login_delay_seconds_min);
        if (l->preauth_element_bytes > l->stanza_bytes_c2s)
            config_reader_error(r, at(s, "preauth_element_bytes"), "limits.preauth_element_bytes",
                                "expected at most stanza_bytes_c2s (%u), found %u",
                                (unsigned)l->stanza_bytes_c2s, (unsigned)l->preauth_element_bytes);
        if (l->tls_handshake_seconds > l->login_seconds)
            config_reader_error(r, at(s, "tls_handshake_seconds"), "limits.tls_handshake_seconds",
                                "expected at most login_seconds (%u), found %u",
                                (unsigned)l->login_seconds, (unsigned)l->tls_handshake_seconds);
    }
    if (!l->rate)
        config_limits_rate_off(l);
}

void config_check_all(struct config_reader *r, const config_setting_t *root, void *config)
{
    struct config *c = config;
    check_names(r, root, c);
    for (uint32_t i = 0; i < c->host_count; i++) {
        const config_setting_t *s = element(root, "hosts", i);
        check_certificate(r, s, &c->hosts[i]);
        if (r->errors->error_count == 0)
            check_admins(r, s, c, &c->hosts[i]);
    }
    check_listen(r, root, c);
    check_components(r, root, c);
    check_limits(r, root, c);
}
