/* What a search has met with, for people: which failure tells most, and what was tried. */
#include <string.h>

#include "client/dial_inside.h"

/* The later in this list, the more it says about what is wrong. What is not in it ends the search:
 * it concerns the account, or somebody is tampering. */
static const enum burble_why TELLING[] = {
    BURBLE_WHY_UNREACHABLE, BURBLE_WHY_PROXY,        BURBLE_WHY_LOST,     BURBLE_WHY_TIMEOUT,
    BURBLE_WHY_NOT_XMPP,    BURBLE_WHY_BAD_XML,      BURBLE_WHY_TLS,      BURBLE_WHY_STREAM_ERROR,
    BURBLE_WHY_NO_TLS,      BURBLE_WHY_HOST_UNKNOWN, BURBLE_WHY_REDIRECT, BURBLE_WHY_CERTIFICATE,
};
enum { TELLING_COUNT = sizeof(TELLING) / sizeof(TELLING[0]) };

static size_t rank(enum burble_why why)
{
    for (size_t i = 0; i < TELLING_COUNT; i++)
        if (TELLING[i] == why)
            return i + 1;
    return 0;
}

bool dial_worth(enum burble_why why)
{
    return rank(why) > 0;
}

static void take(char *to, size_t cap, struct slice from)
{
    size_t len = from.len < cap - 1 ? from.len : cap - 1;
    while (len < from.len && len > 0 && ((unsigned char)from.ptr[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

void dial_note(struct dial_run *run, size_t target, const struct burble_address *address,
               const char *reason)
{
    if (run->failure_count == DIAL_FAILURES)
        return;
    struct dial_failure *f = &run->failures[run->failure_count++];
    f->target = target;
    f->address = address != NULL ? *address : (struct burble_address){0};
    take(f->reason, sizeof(f->reason), slice_z(reason != NULL ? reason : "no answer"));
}

static void place(const char *host, uint16_t port, struct buf *out)
{
    (void)buf_printf(out, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

void dial_remember(struct dial_run *run, size_t target, const struct burble_state_event *why)
{
    const struct find_target *t = &run->targets[target];
    struct buf text = {0};
    if (rank(why->why) <= rank(run->why))
        return;
    run->why = why->why;
    take(run->condition, sizeof(run->condition), slice_z(why->condition));
    if (!t->typed) {
        place(t->host, t->port, &text);
        (void)buf_lit(&text, ": ");
    }
    (void)buf_add(&text, slice_z(why->text));
    take(run->text, sizeof(run->text), text.failed ? slice_z(why->text) : buf_slice(&text));
    buf_free(&text);
}

static void ipv6_text(const struct burble_address *a, struct buf *out)
{
    unsigned group[8], best = 8, best_len = 1;
    for (unsigned i = 0; i < 8; i++)
        group[i] = (unsigned)a->ip[2 * i] << 8 | a->ip[2 * i + 1];
    for (unsigned i = 0; i < 8; i++) { /* RFC 5952: the first of the longest runs of zeros */
        unsigned len = 0;
        while (i + len < 8 && group[i + len] == 0)
            len++;
        if (len > best_len)
            best = i, best_len = len;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i == best) {
            (void)buf_lit(out, "::");
            i += best_len - 1;
        } else {
            (void)buf_printf(out, i == 0 || i == best + best_len ? "%x" : ":%x", group[i]);
        }
    }
}

static void address_text(const struct burble_address *a, struct buf *out)
{
    if (a->family == 6)
        ipv6_text(a, out);
    else
        (void)buf_printf(out, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
}

/* Whom the connection was to be made to. */
static void peer(const struct dial_run *run, size_t target, struct buf *out)
{
    const struct find_target *t = &run->targets[target];
    if (run->proxied) {
        (void)buf_lit(out, "the proxy ");
        place(run->proxy_host, run->proxy.port, out);
    } else {
        place(t->host, t->port, out);
    }
}

static bool same(const struct dial_failure *a, const struct dial_failure *b)
{
    return a->target == b->target && (a->address.family == 0) == (b->address.family == 0) &&
           strcmp(a->reason, b->reason) == 0;
}

/* All failures like the one at i: "connection refused (2001:db8::1, 192.0.2.1)". */
static void alike(const struct dial_run *run, size_t i, struct buf *out)
{
    const char *sep = " (";
    (void)buf_printf(out, "%s", run->failures[i].reason);
    for (size_t k = i; k < run->failure_count; k++) {
        const struct dial_failure *f = &run->failures[k];
        if (!same(f, &run->failures[i]) || f->address.family == 0)
            continue;
        (void)buf_add(out, slice_z(sep));
        address_text(&f->address, out);
        sep = ", ";
    }
    if (sep[0] == ',')
        (void)buf_lit(out, ")");
}

static bool is_told(const struct dial_run *run, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (same(&run->failures[k], &run->failures[i]))
            return true;
    return false;
}

void dial_summary(const struct dial_run *run, struct buf *out)
{
    for (size_t target = 0; target < run->next; target++) {
        bool begun = false;
        for (size_t i = 0; i < run->failure_count; i++) {
            const struct dial_failure *f = &run->failures[i];
            if (f->target != target || is_told(run, i))
                continue;
            if (!begun && buf_len(out) > 0)
                (void)buf_lit(out, "; ");
            if (f->address.family == 0) {
                peer(run, target, out);
                (void)buf_lit(out, ": ");
            } else if (!begun) {
                (void)buf_lit(out, "no address of ");
                peer(run, target, out);
                (void)buf_lit(out, " answered: ");
            } else {
                (void)buf_lit(out, ", ");
            }
            begun = true;
            alike(run, i, out);
        }
    }
    if (run->srv_reason[0] != '\0')
        (void)buf_printf(out, "%sSRV records could not be looked up: %s",
                         buf_len(out) > 0 ? "; " : "", run->srv_reason);
}
