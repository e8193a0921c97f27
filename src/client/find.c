/* Where the servers of a domain are: RFC 6120 section 3.2.1, RFC 2782, XEP-0368 (version 1.1.0).
 *
 * What comes in is hostile: any number of records with any text in them. It is bounded by
 * FIND_TARGETS, and what is no host name or address does not get in. */
#include "client/find.h"

#include <string.h>

#include "base/buf.h"
#include "xmpp/jid.h"

/* ------------------------------------------------------------------------------------ the records
 */

static bool is_known(const struct find *f, const struct find_target *t)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct find_target *k = &f->records[i].target;
        if (k->port == t->port && k->direct_tls == t->direct_tls && strcmp(k->host, t->host) == 0)
            return true;
    }
    return false;
}

/* Behind those with the same priority. When all places are taken, the last one falls out. */
static void insert(struct find *f, const struct find_record *r)
{
    size_t at = f->count;
    while (at > 0 && f->records[at - 1].priority > r->priority)
        at--;
    if (at == FIND_TARGETS)
        return;
    if (f->count < FIND_TARGETS)
        f->count++;
    memmove(&f->records[at + 1], &f->records[at], (f->count - at - 1) * sizeof(f->records[0]));
    f->records[at] = *r;
}

enum find_answer find_add(struct find *f, const struct burble_input *answer, bool direct_tls)
{
    bool denied = false, good = false;
    if (answer->failure != NULL || answer->count == 0)
        return answer->no_name ? FIND_ABSENT : FIND_FAILED;
    for (size_t i = 0; i < answer->count; i++) {
        const struct burble_srv *srv = &answer->srv[i];
        struct find_record r = {.priority = srv->priority, .weight = srv->weight};
        if (srv->target[0] == '\0' || strcmp(srv->target, ".") == 0) {
            denied = true;
            continue;
        }
        r.target.port = srv->port;
        r.target.direct_tls = direct_tls;
        if (srv->port == 0 || !find_host(slice_z(srv->target), r.target.host))
            continue;
        good = true;
        if (!is_known(f, &r.target))
            insert(f, &r);
    }
    return good ? FIND_RECORDS : denied ? FIND_DENIED : FIND_FAILED;
}

/* Moves one to the front of [from, to), with a chance in proportion to its weight. Those without
 * weight come first in the sum, so that they have a very small one (RFC 2782, "Weight"). */
static void draw(struct find *f, size_t from, size_t to, struct rng *rng)
{
    uint64_t sum = 0, running = 0;
    size_t chosen = to;
    for (size_t i = from; i < to; i++)
        sum += f->records[i].weight;
    uint64_t r = rng_u64(rng) % (sum + 1);
    if (sum == 0) /* nothing is said about their shares: all the same */
        chosen = from + (size_t)(rng_u64(rng) % (to - from));
    for (int pass = 0; pass < 2 && chosen == to; pass++) {
        for (size_t i = from; i < to && chosen == to; i++) {
            if ((f->records[i].weight == 0) != (pass == 0))
                continue;
            running += f->records[i].weight;
            if (running >= r)
                chosen = i;
        }
    }
    struct find_record one = f->records[chosen];
    memmove(&f->records[from + 1], &f->records[from], (chosen - from) * sizeof(f->records[0]));
    f->records[from] = one;
}

void find_order(struct find *f, struct rng *rng)
{
    size_t to;
    for (size_t from = 0; from < f->count; from = to) {
        to = from;
        while (to < f->count && f->records[to].priority == f->records[from].priority)
            to++;
        for (size_t i = from; i + 1 < to; i++)
            draw(f, i, to, rng);
    }
}

/* ---------------------------------------------------------------------------------------- places
 */

static bool is_name(struct slice s)
{
    size_t label = 0;
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        bool good = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_';
        if (ch == '.' && label > 0)
            label = 0;
        else if (!good || ++label > 63)
            return false;
    }
    return label > 0;
}

bool find_is_address(const char *host)
{
    struct slice s = slice_z(host);
    size_t dots = 0;
    if (slice_find(s, ':') < s.len)
        return true;
    for (size_t i = 0; i < s.len; i++) {
        dots += s.ptr[i] == '.';
        if (s.ptr[i] != '.' && (s.ptr[i] < '0' || s.ptr[i] > '9'))
            return false;
    }
    return dots == 3;
}

/* In lower case, without brackets and a last dot. Names from DNS may have underscores, which a
 * domain of an address may not. */
static bool take_ascii(struct slice s, char out[FIND_HOST_BYTES])
{
    bool bracket = s.len > 1 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';
    if (bracket)
        s = slice_of(s.ptr + 1, s.len - 2);
    else if (s.len > 1 && s.ptr[s.len - 1] == '.')
        s.len--;
    if (s.len == 0 || s.len >= FIND_HOST_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] + 32) : s.ptr[i];
    out[s.len] = '\0';
    if (!bracket && slice_find(s, ':') == s.len)
        return is_name(slice_of(out, s.len));
    struct buf text = {0}, good = {0};
    bool is_v6 = buf_byte(&text, '[') == 0 && buf_add(&text, slice_of(out, s.len)) == 0 &&
                 buf_byte(&text, ']') == 0 && jid_prepare_domain(buf_slice(&text), &good) == 0;
    buf_free(&text);
    buf_free(&good);
    return is_v6;
}

bool find_host(struct slice text, char out[FIND_HOST_BYTES])
{
    if (take_ascii(text, out))
        return true;
    struct buf prepared = {0}, ascii = {0};
    bool good = text.len > 0 && jid_prepare_domain(text, &prepared) == 0 &&
                jid_domain_ascii(buf_slice(&prepared), &ascii) == 0 &&
                take_ascii(buf_slice(&ascii), out);
    buf_free(&prepared);
    buf_free(&ascii);
    return good;
}

bool find_place(struct slice text, struct find_target *out)
{
    unsigned long long port = 0;
    size_t end = 0;
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL)
        text = slice_from(text, 1);
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        text.len--;
    if (text.len == 0)
        return false;
    if (text.ptr[0] == '[') {
        end = slice_find(text, ']');
        if (end < text.len)
            end++;
    } else {
        end = slice_find(text, ':');
        if (slice_find(slice_from(text, end < text.len ? end + 1 : end), ':') + end + 1 < text.len)
            end = text.len; /* IPv6 without brackets: then there is no port */
    }
    struct slice rest = slice_from(text, end);
    if (rest.len > 0) {
        if (rest.ptr[0] != ':' || !slice_to_u64(slice_from(rest, 1), &port) || port == 0 ||
            port > 65535)
            return false;
        out->port = (uint16_t)port;
    }
    return find_host(slice_of(text.ptr, end), out->host);
}
