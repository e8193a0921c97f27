/* Addresses that are known without asking a server: literals, /etc/hosts, localhost (RFC 6761,
 * section 6.3), and what must not be asked for (.onion, RFC 7686); and the texts of the results. */
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "io/resolver_inside.h"

const char *resolver_result_text(enum resolver_result result)
{
    switch (result) {
    case RESOLVER_OK:
        return "the name was found";
    case RESOLVER_NO_NAME:
        return "the name does not exist";
    case RESOLVER_NO_DATA:
        return "the name exists but has no such record";
    case RESOLVER_SERVFAIL:
        return "the DNS server failed to find the name";
    case RESOLVER_TIMEOUT:
        return "the DNS server did not answer in time";
    case RESOLVER_BAD_ANSWER:
        return "the DNS server gave an answer that makes no sense";
    case RESOLVER_BAD_NAME:
        return "that is no name of a host";
    case RESOLVER_MEMORY:
        return "out of memory";
    case RESOLVER_NO_SERVER:
        return "no DNS server can be reached or will answer";
    }
    return "unknown";
}

/* The name is this one or lies under it. */
static bool within(const char *name, const char *domain)
{
    size_t n = strlen(name), d = strlen(domain);
    return n >= d && strcmp(name + n - d, domain) == 0 && (n == d || name[n - d - 1] == '.');
}

static void add(struct resolver_records *out, const char *literal)
{
    if (addr_parse(slice_z(literal), 0, &out->of.addr[out->n]))
        out->n++;
}

static void add_from_hosts(const struct resolver *r, const char *host, int family,
                           struct resolver_records *out)
{
    struct hostent *found = NULL;
    int size = family == AF_INET6 ? 16 : 4;
    if (ares_gethostbyname_file(r->channel, host, family, &found) != ARES_SUCCESS)
        return;
    for (char **at = found->h_addr_list; *at != NULL && found->h_length == size; at++) {
        if (out->n == RESOLVER_RECORDS_MAX)
            break;
        struct addr *a = &out->of.addr[out->n++];
        *a = (struct addr){.family = family == AF_INET6 ? 6 : 4};
        memcpy(a->ip, *at, (size_t)size);
    }
    ares_free_hostent(found);
}

bool resolver_local(const struct resolver *r, const char *host, enum resolver_result *result,
                    struct resolver_records *out)
{
    char name[RESOLVER_NAME_BYTES];
    out->n = 0;
    *result = RESOLVER_OK;
    add(out, host);
    if (out->n > 0)
        return true;
    if (!resolver_name_read(host, name)) {
        *result = RESOLVER_BAD_NAME;
        return true;
    }
    if (within(name, "onion")) {
        *result = RESOLVER_NO_NAME;
        return true;
    }
    add_from_hosts(r, name, AF_INET6, out);
    add_from_hosts(r, name, AF_INET, out);
    if (out->n == 0 && within(name, "localhost")) {
        add(out, "::1");
        add(out, "127.0.0.1");
    }
    return out->n > 0;
}
