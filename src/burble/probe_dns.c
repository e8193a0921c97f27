/* What the DNS says of a domain: SRV (RFC 6120 section 3.2, XEP-0368), addresses, TLSA (RFC 7673).
 * Everything is asked at once; what comes opens the next questions. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "burble/probe.h"
#include "io/clock.h"

static const char *const SERVICES[] = {"_xmpp-client._tcp", "_xmpps-client._tcp",
                                       "_xmpp-server._tcp", "_xmpps-server._tcp"};

const char *probe_service_text(enum probe_service s)
{
    return SERVICES[s];
}

static struct probe_ask *ask_new(struct probe *p, enum probe_service service,
                                 struct probe_target *target)
{
    if (p->ask_count == PROBE_ASKS_MAX)
        return NULL;
    p->asks[p->ask_count] = (struct probe_ask){.p = p, .service = service, .target = target};
    return &p->asks[p->ask_count++];
}

static void addresses(void *ctx, enum resolver_result result, const struct addr *found, size_t n,
                      bool more)
{
    struct probe_ask *a = ctx;
    struct probe_target *t = a->target;
    for (size_t i = 0; i < n; i++)
        if (t->address_count < PROBE_ADDRESSES_MAX) {
            t->addresses[t->address_count] = found[i];
            t->addresses[t->address_count++].port = t->port;
        } else {
            t->address_more++;
        }
    if (more)
        return;
    t->resolved = t->address_count > 0 ? RESOLVER_OK : result;
    t->open = false;
    a->p->open--;
}

static void tlsa(void *ctx, enum resolver_result result, const struct resolver_tlsa *records,
                 size_t n, bool authenticated)
{
    struct probe_ask *a = ctx;
    struct probe_target *t = a->target;
    t->tlsa_result = result;
    t->tlsa_authenticated = authenticated;
    for (size_t i = 0; i < n && t->tlsa_count < PROBE_TLSA_MAX; i++) {
        struct probe_tlsa *r = &t->tlsa[t->tlsa_count++];
        size_t len = records[i].len < sizeof(r->data) ? records[i].len : sizeof(r->data);
        *r = (struct probe_tlsa){.usage = records[i].usage,
                                 .selector = records[i].selector,
                                 .matching = records[i].matching,
                                 .len = (uint8_t)len};
        memcpy(r->data, records[i].data, len);
    }
    a->p->open--;
}

static void look_up(struct probe *p, struct probe_target *t)
{
    char name[RESOLVER_NAME_BYTES + 16];
    struct probe_ask *a = ask_new(p, t->service, t);
    t->tlsa_result = RESOLVER_NO_DATA;
    if (t->none || a == NULL)
        return;
    t->open = true;
    if (resolver_addresses(p->resolver, t->host, addresses, a) == 0)
        t->resolved = RESOLVER_MEMORY;
    else
        p->open++;
    (void)snprintf(name, sizeof(name), "_%u._tcp.%s", (unsigned)t->port, t->host);
    a = ask_new(p, t->service, t);
    struct addr literal;
    if (a != NULL && !addr_parse(slice_z(t->host), 0, &literal) &&
        resolver_tlsa(p->resolver, name, tlsa, a) != 0)
        p->open++;
}

static struct probe_target *target_new(struct probe *p, enum probe_service service)
{
    if (p->target_count == PROBE_ALL_TARGETS_MAX)
        return NULL;
    struct probe_target *t = &p->targets[p->target_count++];
    t->service = service;
    return t;
}

static void srv(void *ctx, enum resolver_result result, const struct resolver_srv *records,
                size_t n)
{
    struct probe_ask *a = ctx;
    struct probe *p = a->p;
    p->srv[a->service] = result;
    p->open--;
    for (size_t i = 0; i < n; i++) {
        struct probe_target *t = i < PROBE_TARGETS_MAX ? target_new(p, a->service) : NULL;
        if (t == NULL) {
            p->target_more++;
            continue;
        }
        t->priority = records[i].priority;
        t->weight = records[i].weight;
        t->port = records[i].port;
        t->none = records[i].target[0] == '\0';
        memcpy(t->host, records[i].target, sizeof(t->host));
        look_up(p, t);
    }
}

/* Until all that was asked is answered. */
static void run(struct probe *p)
{
    while (p->open > 0) {
        uint64_t at = resolver_deadline(p->resolver);
        loop_once(&p->loop, at < p->deadline_ms ? at : p->deadline_ms, NULL, p);
        resolver_run(p->resolver, p->loop.now);
        if (p->loop.now.mono_ms >= p->deadline_ms) {
            p->late = true;
            return;
        }
    }
}

/* RFC 6120 section 3.2.2: without records the domain itself, on the usual port. */
static void fall_back(struct probe *p, enum probe_service service, uint16_t port)
{
    for (size_t i = 0; i < p->target_count; i++)
        if (p->targets[i].service / 2 == service / 2)
            return;
    struct probe_target *t = target_new(p, service);
    if (t == NULL)
        return;
    t->implied = true;
    t->port = port;
    (void)snprintf(t->host, sizeof(t->host), "%s", p->ascii);
    look_up(p, t);
}

/* --host and --port: that alone. */
static int only(struct probe *p, const char *host, unsigned port, bool direct)
{
    struct probe_target *t = target_new(p, direct ? PROBE_CLIENT_TLS : PROBE_CLIENT);
    if (t == NULL || strlen(host) >= sizeof(t->host))
        return app_fail(p->app, EXIT_USAGE, "--host is too long");
    t->implied = true;
    t->port = (uint16_t)(port != 0 ? port : direct ? 5223 : 5222);
    (void)snprintf(t->host, sizeof(t->host), "%s", host);
    look_up(p, t);
    return 0;
}

/* A domain that is an address has no records (RFC 6120 section 3.2.3). bare_out: without brackets.
 */
static bool is_address(const char *domain, char bare_out[RESOLVER_NAME_BYTES + 1])
{
    struct addr literal;
    struct slice s = slice_z(domain);
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        s = slice_of(s.ptr + 1, s.len - 2);
    (void)snprintf(bare_out, RESOLVER_NAME_BYTES + 1, "%.*s", SLICE_ARG(s));
    return addr_parse(s, 0, &literal);
}

int probe_dns(struct probe *p)
{
    char name[RESOLVER_NAME_BYTES + 32], bare[RESOLVER_NAME_BYTES + 1];
    const char *host = app_option(p->app, "host"), *tls = app_option(p->app, "tls");
    unsigned port = 0;
    int status = app_option_number(p->app, "port", 1, 65535, &port);
    if (status != 0)
        return status;
    if (host != NULL || port != 0 || is_address(p->ascii, bare)) {
        status =
            only(p, host != NULL ? host : bare, port, tls != NULL && strcmp(tls, "direct") == 0);
        run(p);
        return status;
    }
    p->srv_asked = true;
    for (enum probe_service s = 0; s < PROBE_SERVICES; s++) {
        struct probe_ask *a = ask_new(p, s, NULL);
        p->srv[s] = RESOLVER_TIMEOUT; /* until it answers */
        if ((s == PROBE_SERVER || s == PROBE_SERVER_TLS) && !p->servers)
            continue;
        (void)snprintf(name, sizeof(name), "%s.%s", SERVICES[s], p->ascii);
        if (a == NULL || resolver_srv(p->resolver, name, srv, a) == 0)
            p->srv[s] = RESOLVER_MEMORY;
        else
            p->open++;
    }
    run(p);
    if (p->late)
        return 0;
    fall_back(p, PROBE_CLIENT, 5222);
    if (p->servers)
        fall_back(p, PROBE_SERVER, 5269);
    run(p);
    return 0;
}
