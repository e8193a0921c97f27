/* The report for people: tables, and the verdict. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "burble/probe.h"
#include "burble/text.h"

enum { DAY_S = 86400 };

const char *probe_level_text(enum probe_level l)
{
    static const char *const NAMES[] = {"ok", "warning", "error"};
    return NAMES[l];
}

const char *probe_answer_text(enum probe_answer a)
{
    static const char *const NAMES[] = {"unknown", "no", "yes"};
    return NAMES[a];
}

static const char *date(int64_t at_s, char out[TIME_STAMP_BYTES])
{
    (void)time_stamp(at_s * 1000, out);
    out[10] = '\0';
    return out;
}

static void join(const struct probe_names *n, struct buf *out)
{
    for (size_t i = 0; i < n->count; i++)
        (void)buf_printf(out, "%s%s", i > 0 ? " " : "", n->text[i]);
}

static void join_bindings(const struct probe_features *f, struct buf *out)
{
    for (size_t i = 0; i < PROBE_BINDINGS; i++)
        if ((f->bindings & PROBE_BINDING[i].bit) != 0)
            (void)buf_printf(out, "%s%s", buf_len(out) > 0 ? " " : "", PROBE_BINDING[i].name);
}

static void join_names(const struct tls_names *n, struct buf *out)
{
    for (size_t i = 0; i < n->count; i++)
        (void)buf_printf(out, "%s%s", i > 0 ? " " : "", n->text[i]);
    if (n->more > 0)
        (void)buf_printf(out, " and %zu more", n->more);
}

static void heading(struct out *o, const char *text)
{
    (void)out_line(o, "%s", "");
    if (!o->colour) {
        (void)out_line(o, "%s", text);
        return;
    }
    struct buf b = {0};
    (void)buf_printf(&b, "%s%s%s\n", out_style(o, OUT_BOLD), text, out_style(o, OUT_PLAIN));
    (void)out_bytes(o, buf_slice(&b));
    buf_free(&b);
}

static void show_targets(const struct probe *p, struct out *o)
{
    heading(o, "DNS");
    for (enum probe_service s = 0; p->srv_asked && s < PROBE_SERVICES; s++)
        if (p->srv[s] != RESOLVER_OK && (s < PROBE_SERVER || p->servers))
            (void)out_line(o, "  %-20s %s", probe_service_text(s),
                           p->srv[s] == RESOLVER_NO_NAME || p->srv[s] == RESOLVER_NO_DATA
                               ? "no record"
                               : resolver_result_text(p->srv[s]));
    for (size_t i = 0; i < p->target_count; i++) {
        const struct probe_target *t = &p->targets[i];
        struct buf b = {0};
        char order[16] = "";
        if (!t->implied)
            (void)snprintf(order, sizeof(order), "%u %u ", (unsigned)t->priority,
                           (unsigned)t->weight);
        for (size_t n = 0; n < t->address_count; n++) {
            char text[ADDR_TEXT_BYTES];
            (void)addr_host(&t->addresses[n], text);
            (void)buf_printf(&b, "%s%s", n > 0 ? ", " : "", text);
        }
        if (t->address_more > 0)
            (void)buf_printf(&b, " and %zu more", t->address_more);
        if (t->none)
            (void)out_line(o, "  %-20s no such service", probe_service_text(t->service));
        else
            (void)out_line(o, "  %-20s %s%s:%u%s  %.*s",
                           !t->implied     ? probe_service_text(t->service)
                           : !p->srv_asked ? "(given)"
                                           : "(no record)",
                           order, t->host, (unsigned)t->port,
                           t->tlsa_count == 0      ? ""
                           : t->tlsa_authenticated ? " TLSA"
                                                   : " TLSA (unproven)",
                           SLICE_ARG(buf_slice(&b)));
        buf_free(&b);
    }
}

static void show_port(const struct probe_port *port, struct out *o)
{
    char addr[ADDR_TEXT_BYTES];
    struct buf b = {0};
    (void)addr_text(&port->addr, addr);
    if (port->tcp == PROBE_YES)
        (void)buf_printf(&b, "TCP %u ms", (unsigned)port->tcp_ms);
    if (port->tls == PROBE_YES)
        (void)buf_printf(&b, ", %s %u ms, takes", port->facts.version, (unsigned)port->tls_ms);
    for (enum probe_version v = 0; port->tls == PROBE_YES && v < PROBE_VERSIONS; v++)
        if (port->versions[v] == PROBE_YES)
            (void)buf_printf(&b, " %s", probe_version_text(v));
    if (port->error[0] != '\0')
        (void)buf_printf(&b, "%s%s", buf_len(&b) > 0 ? ", " : "", port->error);
    (void)out_line(o, "  %-7s %-9s %-24s %.*s",
                   port->target->service < PROBE_SERVER ? "clients" : "servers",
                   port->direct ? "TLS" : "STARTTLS", addr, SLICE_ARG(buf_slice(&b)));
    buf_free(&b);
}

/* Have we shown this certificate for another port? */
static bool shown(const struct probe *p, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (p->ports[i].facts.chain_len > 0 &&
            memcmp(p->ports[i].facts.pin, p->ports[at].facts.pin, 32) == 0)
            return true;
    return false;
}

static void show_certificate(const struct probe *p, const struct probe_port *port, struct out *o)
{
    const struct tls_peer_facts *f = &port->facts;
    char from[TIME_STAMP_BYTES], to[TIME_STAMP_BYTES], pin[TLS_PIN_TEXT_BYTES],
        addr[ADDR_TEXT_BYTES];
    struct buf names = {0};
    join_names(&f->names, &names);
    tls_pin_text(f->pin, pin);
    (void)addr_text(&port->addr, addr);
    heading(o, "Certificate");
    (void)out_line(o, "  of        %s", addr);
    (void)out_line(o, "  names     %.*s", SLICE_ARG(buf_slice(&names)));
    (void)out_line(o, "  issuer    %s", f->issuer);
    (void)out_line(o, "  valid     %s to %s, %lld days left", date(f->not_before_s, from),
                   date(f->not_after_s, to),
                   (long long)((f->not_after_s - p->began.wall_ms / 1000) / DAY_S));
    (void)out_line(o, "  key       %s %d bits, a chain of %zu", f->key_type, f->key_bits,
                   f->chain_len);
    (void)out_line(o, "  pin       %s", pin);
    (void)out_line(o, "  verified  %s",
                   port->tls != PROBE_YES                  ? "no"
                   : port->problem.fault == TLS_FAULT_NONE ? "yes"
                                                           : port->problem_text);
    buf_free(&names);
}

static void show_login(const struct probe_features *f, struct out *o)
{
    struct buf sasl = {0}, sasl2 = {0}, bindings = {0};
    join(&f->sasl, &sasl);
    join(&f->sasl2, &sasl2);
    join_bindings(f, &bindings);
    heading(o, "Login");
    (void)out_line(o, "  SASL      %.*s", SLICE_ARG(buf_slice(&sasl)));
    (void)out_line(o, "  SASL2     %.*s%s%s", SLICE_ARG(buf_slice(&sasl2)),
                   f->bind2 ? ", with Bind 2" : "", f->fast ? ", with FAST" : "");
    (void)out_line(o, "  binding   %.*s", SLICE_ARG(buf_slice(&bindings)));
    (void)out_line(o, "  register  %s", f->registration ? "everybody can" : "no");
    buf_free(&sasl);
    buf_free(&sasl2);
    buf_free(&bindings);
}

static void show_meta(const struct probe *p, struct out *o)
{
    const struct probe_meta *m = p->meta_xml.count > 0 ? &p->meta_xml : &p->meta_json;
    if (m->count == 0)
        return;
    heading(o, "For web clients");
    for (size_t i = 0; i < m->count; i++)
        (void)out_line(o, "  %-12s %s", m->links[i].rel, m->links[i].href);
}

static void show_account(const struct probe *p, struct out *o)
{
    const struct probe_account *a = &p->account;
    if (!a->online)
        return;
    heading(o, "Compliance suites (XEP-0479)");
    for (size_t i = 0; i < PROBE_NEED_COUNT; i++) {
        const struct probe_need *n = &PROBE_NEEDS[i];
        (void)out_line(o, "  %-12s %-9s %-8s %-8s %s", probe_suite_text(n->suite),
                       n->advanced ? "advanced" : "", n->xep, probe_answer_text(probe_meets(p, n)),
                       n->what);
    }
    if (a->pings > 0) {
        heading(o, "Answers");
        (void)out_line(o, "  in %.1f to %.1f ms, %.1f on average", a->ping_us_min / 1000.0,
                       a->ping_us_max / 1000.0, a->ping_us_sum / 1000.0 / a->pings);
    }
}

static void show_rows(const struct probe *p, struct out *o)
{
    static const enum out_style STYLES[] = {OUT_GREEN, OUT_YELLOW, OUT_RED};
    heading(o, "Verdict");
    for (size_t i = 0; i < p->row_count; i++) {
        const struct probe_row *r = &p->rows[i];
        struct buf b = {0}, text = {0};
        (void)buf_printf(&text, "%s%s%s", r->where, r->where[0] != '\0' ? ": " : "", r->text);
        (void)buf_printf(&b, "  %s%-8s%s %-12s ", out_style(o, STYLES[r->level]),
                         probe_level_text(r->level), out_style(o, OUT_PLAIN), r->what);
        (void)text_show(buf_slice(&text), TEXT_LINE, &b);
        (void)buf_byte(&b, '\n');
        (void)out_bytes(o, buf_slice(&b));
        buf_free(&b);
        buf_free(&text);
    }
}

void probe_show(struct probe *p)
{
    struct out *o = &p->app->out;
    if (o->json) {
        probe_json(p);
        return;
    }
    (void)out_line(o, "%s", p->domain);
    show_targets(p, o);
    if (p->port_count > 0)
        heading(o, "Connections");
    for (size_t i = 0; i < p->port_count; i++)
        show_port(&p->ports[i], o);
    for (size_t i = 0; i < p->port_count; i++)
        if (p->ports[i].facts.chain_len > 0 && !shown(p, i))
            show_certificate(p, &p->ports[i], o);
    for (size_t i = 0; i < p->port_count; i++)
        if (p->ports[i].secured.seen && p->ports[i].target->service < PROBE_SERVER) {
            show_login(&p->ports[i].secured, o);
            break;
        }
    show_meta(p, o);
    show_account(p, o);
    show_rows(p, o);
}
