/* What was wrong with the peer, as a sentence. */
#include "base/err.h"
#include "base/time.h"
#include "wire/tls_client.h"

/* To the second: "2027-01-15T08:00:00Z". */
static void add_time(struct buf *out, int64_t at_s)
{
    char stamp[TIME_STAMP_BYTES];
    const int64_t far = INT64_MAX / 1000;
    int64_t s = at_s > far ? far : at_s < -far ? -far : at_s;
    (void)time_stamp(s * 1000, stamp);
    (void)buf_printf(out, "%.19sZ", stamp);
}

static void add_date_problem(const struct tls_peer_problem *p, struct buf *out)
{
    bool expired = p->fault == TLS_FAULT_EXPIRED;
    (void)buf_printf(out, "the certificate of %s %s ", p->of_server ? "the server" : "its issuer",
                     expired ? "expired on" : "is not valid before");
    add_time(out, expired ? p->not_after_s : p->not_before_s);
    (void)buf_lit(out, ", and the clock of this computer says ");
    add_time(out, p->now_s);
}

static void add_names(const struct tls_peer_problem *p, struct buf *out)
{
    (void)buf_printf(out, "the certificate is not for %s but for ", p->host);
    if (p->names.count == 0)
        (void)buf_lit(out, "no name at all that counts");
    for (size_t i = 0; i < p->names.count; i++)
        (void)buf_printf(out, "%s%s", i > 0 ? ", " : "", p->names.text[i]);
    if (p->names.more > 0)
        (void)buf_printf(out, " and %zu more", p->names.more);
}

static void add_not_tls(const struct tls_peer_problem *p, struct buf *out)
{
    struct slice what = slice_z(p->detail);
    if (slice_is(what, "http"))
        (void)buf_lit(out, "the answer is a web page and not TLS: perhaps this network wants a "
                           "login in the browser first, or the port is that of a web server");
    else if (slice_is(what, "xmpp"))
        (void)buf_lit(out, "the server speaks XMPP without TLS on this port (STARTTLS?)");
    else
        (void)buf_lit(out, "the answer is not TLS: the port may be that of something else");
}

static void add_certificate_problem(const struct tls_peer_problem *p, struct buf *out)
{
    char pin[TLS_PIN_TEXT_BYTES];
    tls_pin_text(p->pin, pin);
    switch (p->fault) {
    case TLS_FAULT_UNTRUSTED:
        (void)buf_printf(out,
                         "the certificate was issued by \"%s\", whom this computer does not "
                         "trust; the pin of its key is %s",
                         p->issuer, pin);
        break;
    case TLS_FAULT_SELF_SIGNED:
        (void)buf_printf(out,
                         "the certificate is signed by itself alone; when you know that it is "
                         "the right one, pin its key: %s",
                         pin);
        break;
    case TLS_FAULT_PIN:
        (void)buf_printf(out,
                         "the key of the server is not one of those that are pinned; it has "
                         "%s",
                         pin);
        break;
    default:
        (void)buf_printf(out, "the certificate of the server cannot be accepted: %s", p->detail);
        break;
    }
}

static void add_handshake_problem(const struct tls_peer_problem *p, struct buf *out)
{
    switch (p->fault) {
    case TLS_FAULT_OWN_CERTIFICATE:
        (void)buf_printf(out, "the server does not take our certificate, or wants one (%s)",
                         p->detail);
        break;
    case TLS_FAULT_VERSION:
        (void)buf_lit(out, "the server and we have no version of TLS in common");
        break;
    case TLS_FAULT_ALPN:
        (void)buf_lit(out, "the server does not speak XMPP on this port (ALPN)");
        break;
    case TLS_FAULT_HOST_UNKNOWN:
        (void)buf_printf(out, "the server does not know the name %s", p->host);
        break;
    case TLS_FAULT_UNFINISHED:
        (void)buf_lit(out, "the connection ended in the middle of the TLS handshake");
        break;
    case TLS_FAULT_MEMORY:
        (void)buf_lit(out, "out of memory");
        break;
    case TLS_FAULT_NONE:
        (void)buf_lit(out, "nothing is wrong with TLS");
        break;
    default:
        (void)buf_printf(out, "TLS failed: %s", p->detail);
        break;
    }
}

int tls_problem_text(const struct tls_peer_problem *p, struct buf *out)
{
    switch (p->fault) {
    case TLS_FAULT_EXPIRED:
    case TLS_FAULT_NOT_YET_VALID:
        add_date_problem(p, out);
        break;
    case TLS_FAULT_WRONG_NAME:
        add_names(p, out);
        break;
    case TLS_FAULT_UNTRUSTED:
    case TLS_FAULT_SELF_SIGNED:
    case TLS_FAULT_PIN:
    case TLS_FAULT_WEAK:
    case TLS_FAULT_CERTIFICATE:
        add_certificate_problem(p, out);
        break;
    case TLS_FAULT_NOT_TLS:
        add_not_tls(p, out);
        break;
    default:
        add_handshake_problem(p, out);
        break;
    }
    return out->failed ? ERR_MEMORY : 0;
}
