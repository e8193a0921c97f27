/* Answers of the DNS (RFC 1035, section 4; A there, AAAA of RFC 3596, SRV of RFC 2782, TLSA of
 * RFC 6698). Why not c-ares' own parsers: those expand every name in full, without the limit of
 * 255 octets; one answer of 64 KiB cost them 0.2 s and 140 MB, and could cost more. Here names that
 * nobody wants are stepped over, pointers lead backwards only, and names that are too long end the
 * reading.
 * Owns nothing. */
#include "io/resolver_answer.h"

#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>

enum {
    HEADER_BYTES = 12,
    RECORD_BYTES = 10, /* type, class, time to live, length */
    LABEL_BYTES_MAX = 63,
    WIRE_NAME_BYTES_MAX = 255,
    JUMPS_MAX = 127, /* as many labels as a name can have */
    CLASS_IN = 1,
    RCODE_NXDOMAIN = 3,
    RCODE_REFUSED = 5,
};

struct message {
    const uint8_t *at;
    size_t len;
};

enum fate { FATE_GOOD, FATE_UNUSABLE, FATE_MALFORMED };

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* A letter in lower case, another octet of a name as it is, 0 for what is in no name. */
static char name_char(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
        return (char)c;
    return '\0';
}

bool resolver_name_read(const char *name, char out[RESOLVER_NAME_BYTES])
{
    size_t len = strnlen(name, RESOLVER_NAME_BYTES + 1), label = 0;
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len >= RESOLVER_NAME_BYTES)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
            out[i] = '.';
            continue;
        }
        out[i] = name_char((uint8_t)name[i]);
        if (out[i] == '\0' || ++label > LABEL_BYTES_MAX)
            return false;
    }
    out[len] = '\0';
    return label > 0;
}

/* Steps over a name. */
static bool skip_name(const struct message *m, size_t *at)
{
    size_t start = *at;
    while (*at < m->len && *at - start < WIRE_NAME_BYTES_MAX) {
        uint8_t c = m->at[*at];
        if (c > LABEL_BYTES_MAX) { /* a pointer ends it; its two bits have one meaning */
            *at += 2;
            return c >= 0xc0 && *at <= m->len;
        }
        *at += 1U + c;
        if (c == 0)
            return true;
    }
    return false;
}

/* The name at this place, as text in lower case: "" is the root. */
static enum fate read_name(const struct message *m, size_t at, char out[RESOLVER_NAME_BYTES])
{
    size_t n = 0, segment = at;
    enum fate fate = FATE_GOOD;
    for (unsigned jumps = 0;;) {
        if (at >= m->len)
            return FATE_MALFORMED;
        uint8_t c = m->at[at];
        if (c > LABEL_BYTES_MAX) {
            if (c < 0xc0 || at + 2 > m->len || ++jumps > JUMPS_MAX)
                return FATE_MALFORMED;
            at = u16(m->at + at) & 0x3fffU;
            if (at >= segment) /* "a prior occurrence": so it comes to an end */
                return FATE_MALFORMED;
            segment = at;
            continue;
        }
        if (c == 0)
            break;
        if (m->len - at <= c || n + (n > 0) + c >= RESOLVER_NAME_BYTES)
            return FATE_MALFORMED;
        if (n > 0)
            out[n++] = '.';
        for (uint8_t i = 1; i <= c; i++) {
            out[n] = name_char(m->at[at + i]);
            if (out[n++] == '\0')
                fate = FATE_UNUSABLE;
        }
        at += 1U + c;
    }
    out[n] = '\0';
    return fate;
}

static enum fate read_srv(const struct message *m, size_t at, size_t len, struct resolver_srv *out)
{
    if (len < 7)
        return FATE_MALFORMED;
    out->priority = u16(m->at + at);
    out->weight = u16(m->at + at + 2);
    out->port = u16(m->at + at + 4);
    size_t end = at + 6;
    if (!skip_name(m, &end) || end != at + len)
        return FATE_MALFORMED;
    enum fate fate = read_name(m, at + 6, out->target);
    if (fate == FATE_GOOD && out->port == 0 && out->target[0] != '\0')
        return FATE_UNUSABLE;
    return fate;
}

static enum fate read_tlsa(const struct message *m, size_t at, size_t len,
                           struct resolver_tlsa *out)
{
    if (len < 4)
        return FATE_UNUSABLE;
    *out = (struct resolver_tlsa){.usage = m->at[at],
                                  .selector = m->at[at + 1],
                                  .matching = m->at[at + 2],
                                  .data = m->at + at + 3,
                                  .len = len - 3};
    return FATE_GOOD;
}

/* 0.0.0.0 and :: would be ourselves, so nobody's address. */
static enum fate read_addr(const struct message *m, size_t at, size_t len, bool six,
                           struct addr *out)
{
    struct sockaddr_storage ss = {0};
    if (len != (six ? 16 : 4))
        return FATE_UNUSABLE;
    if (six) {
        struct sockaddr_in6 in = {.sin6_family = AF_INET6};
        memcpy(&in.sin6_addr, m->at + at, len);
        memcpy(&ss, &in, sizeof(in));
    } else {
        struct sockaddr_in in = {.sin_family = AF_INET};
        memcpy(&in.sin_addr, m->at + at, len);
        memcpy(&ss, &in, sizeof(in));
    }
    addr_from_socket(&ss, out);
    return addr_is_any(out) ? FATE_UNUSABLE : FATE_GOOD;
}

static enum fate read_record(const struct message *m, size_t at, size_t len,
                             enum resolver_type type, struct resolver_records *out)
{
    switch (type) {
    case RESOLVER_SRV:
        return read_srv(m, at, len, &out->of.srv[out->n]);
    case RESOLVER_TLSA:
        return read_tlsa(m, at, len, &out->of.tlsa[out->n]);
    default:
        return read_addr(m, at, len, type == RESOLVER_AAAA, &out->of.addr[out->n]);
    }
}

static enum resolver_result read_records(const struct message *m, size_t at, unsigned count,
                                         enum resolver_type type, struct resolver_records *out)
{
    bool unusable = false;
    while (count-- > 0 && out->n < RESOLVER_RECORDS_MAX) {
        if (!skip_name(m, &at) || m->len - at < RECORD_BYTES)
            return RESOLVER_BAD_ANSWER;
        const uint8_t *record = m->at + at;
        size_t len = u16(record + 8);
        at += RECORD_BYTES;
        if (m->len - at < len)
            return RESOLVER_BAD_ANSWER;
        if (u16(record) == type && u16(record + 2) == CLASS_IN) {
            enum fate fate = read_record(m, at, len, type, out);
            if (fate == FATE_MALFORMED)
                return RESOLVER_BAD_ANSWER;
            out->n += fate == FATE_GOOD;
            unusable |= fate == FATE_UNUSABLE;
        }
        at += len;
    }
    return out->n > 0 ? RESOLVER_OK : unusable ? RESOLVER_BAD_ANSWER : RESOLVER_NO_DATA;
}

enum resolver_result resolver_answer_read(const uint8_t *message, size_t len,
                                          enum resolver_type type, struct resolver_records *out)
{
    const struct message m = {message, len};
    out->n = 0;
    out->authenticated = false;
    if (len < HEADER_BYTES || (message[2] & 0x80) == 0)
        return RESOLVER_BAD_ANSWER;
    unsigned rcode = message[3] & 0x0f;
    if (rcode != 0)
        return rcode == RCODE_NXDOMAIN  ? RESOLVER_NO_NAME
               : rcode == RCODE_REFUSED ? RESOLVER_NO_SERVER
                                        : RESOLVER_SERVFAIL;
    out->authenticated = (message[3] & 0x20) != 0;
    size_t at = HEADER_BYTES;
    for (unsigned questions = u16(message + 4); questions > 0; questions--) {
        if (!skip_name(&m, &at) || len - at < 4)
            return RESOLVER_BAD_ANSWER;
        at += 4;
    }
    enum resolver_result result = read_records(&m, at, u16(message + 6), type, out);
    if (result != RESOLVER_OK)
        out->n = 0;
    return result;
}
