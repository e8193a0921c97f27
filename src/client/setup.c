/* Reading of struct burble_config: sizes of older programs, addresses, proxies, pins; defaults. */
#include "client/setup.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/trust.h"
#include "wire/tls_client.h"
#include "xmpp/jid.h"

enum { PINS_MAX = 16 };

static int take_text(const char *text, char **out)
{
    *out = NULL;
    if (text == NULL)
        return 0;
    *out = client_copy(slice_z(text));
    return *out != NULL ? 0 : ERR_MEMORY;
}

static int take_slice(struct slice text, char **out)
{
    if (text.len == 0)
        return 0;
    *out = client_copy(text);
    return *out != NULL ? 0 : ERR_MEMORY;
}

static int take_jid(struct client_setup *s, const char *text)
{
    struct arena mem = {0};
    struct jid jid;
    int err = text != NULL ? jid_parse(slice_z(text), &mem, &jid) : ERR_SYNTAX;
    if (err == 0)
        err = take_slice(jid_local(&jid), &s->user);
    if (err == 0)
        err = take_slice(jid_domain(&jid), &s->domain);
    if (err == 0)
        err = take_slice(jid_resource(&jid), &s->resource);
    if (err == 0)
        err = take_slice(jid_bare(&jid), &s->bare);
    if (err == 0)
        err = take_slice(jid_bare(&jid), &s->own);
    arena_free(&mem);
    return err;
}

bool setup_proxy_parse(struct slice url, struct setup_proxy *out)
{
    *out = (struct setup_proxy){0};
    static const struct slice SOCKS = {.ptr = "socks5://", .len = 9};
    static const struct slice HTTP = {.ptr = "http://", .len = 7};
    out->socks = slice_starts(url, SOCKS);
    if (!out->socks && !slice_starts(url, HTTP))
        return false;
    struct slice rest = slice_from(url, out->socks ? SOCKS.len : HTTP.len);
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    size_t at = rest.len;
    while (at > 0 && rest.ptr[at - 1] != '@')
        at--;
    if (at > 0) {
        struct slice who = slice_of(rest.ptr, at - 1);
        size_t colon = slice_find(who, ':');
        out->user = slice_of(who.ptr, colon);
        if (colon < who.len)
            out->password = slice_from(who, colon + 1);
        rest = slice_from(rest, at);
    }
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':')
        colon--;
    unsigned long long port;
    if (colon < 2 || !slice_to_u64(slice_from(rest, colon), &port) || port == 0 || port > 65535)
        return false;
    out->host = slice_of(rest.ptr, colon - 1);
    if (out->host.len > 2 && out->host.ptr[0] == '[' && out->host.ptr[out->host.len - 1] == ']')
        out->host = slice_of(out->host.ptr + 1, out->host.len - 2);
    out->port = (uint16_t)port;
    return true;
}

static int take_pins(struct client_setup *s, const char *const *pins)
{
    size_t n = 0;
    while (pins != NULL && pins[n] != NULL)
        n++;
    if (n == 0)
        return 0;
    if (n > PINS_MAX)
        return ERR_LIMIT;
    s->pins = client_alloc(n * sizeof(*s->pins));
    if (s->pins == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (!tls_pin_parse(slice_z(pins[i]), s->pins[i]))
            return ERR_SYNTAX;
    s->pin_count = n;
    return 0;
}

static void default_u32(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void take_numbers(struct burble_config *c)
{
    default_u32(&c->queue_max, 1000);
    default_u32(&c->queue_bytes_max, 4u << 20);
    default_u32(&c->stanza_bytes_max, 4u << 20);
    default_u32(&c->connect_ms, 60000);
    default_u32(&c->silence_ms, 60000);
    default_u32(&c->answer_ms, 20000);
    default_u32(&c->retry_first_ms, 1000);
    default_u32(&c->retry_max_ms, 300000);
}

int setup_take(struct client_setup *s, const struct burble_config *config)
{
    struct burble_config *c = &s->config;
    int err = client_take(c, sizeof(*c), config);
    if (err != 0)
        return err;
    c->trust = trust_keep(c->trust);
    take_numbers(c);
    struct setup_proxy proxy;
    if (c->proxy != NULL && !setup_proxy_parse(slice_z(c->proxy), &proxy))
        return ERR_SYNTAX;
    err = take_jid(s, c->jid);
    const struct {
        const char *from;
        char **to;
    } texts[] = {
        {c->password, &s->password},
        {c->host, &s->host},
        {c->proxy, &s->proxy},
        {c->mechanism, &s->mechanism},
        {c->authzid, &s->authzid},
        {c->lang, &s->lang},
        {c->software != NULL ? c->software : "libburble", &s->software},
        {c->software_version != NULL ? c->software_version : burble_version(),
         &s->software_version},
        {c->software_os, &s->software_os},
    };
    for (size_t i = 0; err == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
        err = take_text(texts[i].from, texts[i].to);
    if (err == 0)
        err = take_pins(s, c->pins);
    return err;
}

static void wipe_text(char *text)
{
    if (text != NULL)
        mem_wipe(text, strlen(text));
    free(text);
}

void setup_free(struct client_setup *s)
{
    wipe_text(s->password);
    wipe_text(s->proxy); /* may have a password in it */
    char *texts[] = {s->own,  s->user,     s->domain,           s->resource,
                     s->bare, s->host,     s->mechanism,        s->authzid,
                     s->lang, s->software, s->software_version, s->software_os};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        free(texts[i]);
    free(s->pins);
    burble_trust_free(&s->config.trust);
    *s = (struct client_setup){0};
}
