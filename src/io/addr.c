/* Network addresses as values (RFC 4291 text forms, RFC 4007 numeric zones). */
#include "io/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool addr_parse(struct slice text, uint16_t port, struct addr *out)
{
    char z[INET6_ADDRSTRLEN];
    struct addr a = {.port = port};
    size_t percent = slice_find(text, '%');
    if (percent < text.len) {
        unsigned long long scope;
        if (!slice_to_u64(slice_from(text, percent + 1), &scope) || scope > UINT32_MAX)
            return false;
        a.scope = (uint32_t)scope;
        text.len = percent;
    }
    if (text.len == 0 || text.len >= sizeof(z) || slice_find(text, '\0') < text.len)
        return false;
    memcpy(z, text.ptr, text.len);
    z[text.len] = '\0';
    if (inet_pton(AF_INET, z, a.ip) == 1) {
        if (a.scope != 0)
            return false;
        a.family = 4;
    } else if (inet_pton(AF_INET6, z, a.ip) == 1) {
        a.family = 6;
    } else {
        return false;
    }
    *out = a;
    return true;
}

unsigned addr_host(const struct addr *a, char out[ADDR_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "-";
    if (a->family != 0)
        inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, host, sizeof(host));
    int n = a->scope != 0 ? snprintf(out, ADDR_TEXT_BYTES, "%s%%%u", host, (unsigned)a->scope)
                          : snprintf(out, ADDR_TEXT_BYTES, "%s", host);
    return (unsigned)n;
}

unsigned addr_text(const struct addr *a, char out[ADDR_TEXT_BYTES])
{
    char host[ADDR_TEXT_BYTES];
    unsigned len = addr_host(a, host);
    if (a->family == 0) {
        memcpy(out, host, len + 1);
        return len;
    }
    /* The host takes at most 57 bytes, so nothing is cut. */
    int n = snprintf(out, ADDR_TEXT_BYTES, a->family == 6 ? "[%.60s]:%u" : "%.60s:%u", host,
                     (unsigned)a->port);
    return (unsigned)n;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t six[16] = {[15] = 1};
    return a->family == 4 ? a->ip[0] == 127
                          : a->family == 6 && memcmp(a->ip, six, sizeof(six)) == 0;
}

bool addr_is_any(const struct addr *a)
{
    static const uint8_t zero[16];
    return a->family != 0 && memcmp(a->ip, zero, sizeof(zero)) == 0;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && a->scope == b->scope && memcmp(a->ip, b->ip, 16) == 0;
}

void addr_from_socket(const struct sockaddr_storage *from, struct addr *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *out = (struct addr){0};
    if (from->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof(in));
        out->family = 4;
        out->port = ntohs(in.sin_port);
        memcpy(out->ip, &in.sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, from, sizeof(in));
        out->port = ntohs(in.sin6_port);
        if (memcmp(&in.sin6_addr, mapped, sizeof(mapped)) == 0) {
            out->family = 4;
            memcpy(out->ip, (const char *)&in.sin6_addr + sizeof(mapped), 4);
            return;
        }
        out->family = 6;
        out->scope = in.sin6_scope_id;
        memcpy(out->ip, &in.sin6_addr, 16);
    }
}

unsigned addr_to_socket(const struct addr *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (a->family == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&in.sin_addr, a->ip, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    if (a->family == 6) {
        struct sockaddr_in6 in = {
            .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
        memcpy(&in.sin6_addr, a->ip, 16);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    return 0;
}
