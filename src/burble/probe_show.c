/* The report: tables for people, a JSON object per fact for programs. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "burble/probe.h"
#include "burble/text.h"

enum { DAY_S = 86400 };

static const char *level_text(enum probe_level l)
{
    static const char *const NAMES[] = {"ok", "warning", "error"};
    return NAMES[l];
}

static const char *answer_text(enum probe_answer a)
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
    static const struct {
        unsigned bit;
        const char *name;
    } NAMES[] = {{PROBE_BIND_EXPORTER, "tls-exporter"},
                 {PROBE_BIND_END_POINT, "tls-server-end-point"},
                 {PROBE_BIND_UNIQUE, "tls-unique"},
                 {PROBE_BIND_OTHER, "others"}};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if ((f->bindings & NAMES[i].bit) != 0)
            (void)buf_printf(out, "%s%s", buf_len(out) > 0 ? " " : "", NAMES[i].name);
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

/* ----------------------------------------------------------------------------------------- people
 */

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
            (void)out_line(o, "  %-20s %u %u %s:%u%s  %.*s",
                           t->implied ? "(no record)" : probe_service_text(t->service),
                           (unsigned)t->priority, (unsigned)t->weight, t->host, (unsigned)t->port,
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
                       n->advanced ? "advanced" : "", n->xep, answer_text(probe_meets(p, n)),
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
                         level_text(r->level), out_style(o, OUT_PLAIN), r->what);
        (void)text_show(buf_slice(&text), TEXT_LINE, &b);
        (void)buf_byte(&b, '\n');
        (void)out_bytes(o, buf_slice(&b));
        buf_free(&b);
        buf_free(&text);
    }
}

/* --------------------------------------------------------------------------------------- programs
 */

static json_t *names_json(const struct probe_names *n)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < n->count; i++)
        json_array_append_new(list, json_string(n->text[i]));
    return list;
}

static void put(json_t *row, const char *key, json_t *value)
{
    if (row != NULL)
        json_object_set_new(row, key, value);
    else
        json_decref(value);
}

static void target_json(const struct probe_target *t, struct out *o)
{
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:b, s:i, s:b}", "kind", "target", "service",
                  probe_service_text(t->service), "host", t->host, "port", (int)t->port, "priority",
                  (int)t->priority, "weight", (int)t->weight, "implied", t->implied, "tlsa",
                  (int)t->tlsa_count, "tlsa_proven", t->tlsa_authenticated);
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < t->address_count; i++) {
        char text[ADDR_TEXT_BYTES];
        (void)addr_host(&t->addresses[i], text);
        json_array_append_new(list, json_string(text));
    }
    put(row, "addresses", list);
    (void)out_json(o, row);
}

static json_t *certificate_json(const struct probe_port *port)
{
    const struct tls_peer_facts *f = &port->facts;
    char from[TIME_STAMP_BYTES], to[TIME_STAMP_BYTES], pin[TLS_PIN_TEXT_BYTES];
    json_t *names = json_array();
    tls_pin_text(f->pin, pin);
    (void)time_stamp(f->not_before_s * 1000, from);
    (void)time_stamp(f->not_after_s * 1000, to);
    for (size_t i = 0; names != NULL && i < f->names.count; i++)
        json_array_append_new(names, out_string(slice_z(f->names.text[i])));
    json_t *row =
        json_pack("{s:o, s:o, s:s, s:s, s:s, s:i, s:i, s:s, s:b}", "names", names, "issuer",
                  out_string(slice_z(f->issuer)), "from", from, "to", to, "key", f->key_type,
                  "bits", f->key_bits, "chain", (int)f->chain_len, "pin", pin, "verified",
                  port->tls == PROBE_YES && port->problem.fault == TLS_FAULT_NONE);
    if (port->problem_text[0] != '\0')
        put(row, "problem", out_string(slice_z(port->problem_text)));
    return row;
}

static json_t *features_json(const struct probe_features *f)
{
    json_t *bindings = json_array();
    struct buf b = {0};
    join_bindings(f, &b);
    struct slice rest = buf_slice(&b);
    while (bindings != NULL && rest.len > 0) {
        size_t n = slice_find(rest, ' ');
        json_array_append_new(bindings, out_string(slice_of(rest.ptr, n)));
        rest = slice_from(rest, n < rest.len ? n + 1 : n);
    }
    buf_free(&b);
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:b}", "sasl", names_json(&f->sasl), "sasl2",
                     names_json(&f->sasl2), "bindings", bindings, "bind2", f->bind2, "fast",
                     f->fast, "registration", f->registration);
}

static void port_json(const struct probe_port *port, struct out *o)
{
    char addr[ADDR_TEXT_BYTES];
    (void)addr_text(&port->addr, addr);
    json_t *versions = json_object();
    for (enum probe_version v = 0; v < PROBE_VERSIONS; v++)
        put(versions, probe_version_text(v), json_string(answer_text(port->versions[v])));
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "kind", "port", "service",
                            probe_service_text(port->target->service), "address", addr, "mode",
                            port->direct ? "direct" : "starttls", "tcp", answer_text(port->tcp),
                            "tls", answer_text(port->tls), "versions", versions);
    if (port->tcp == PROBE_YES)
        put(row, "tcp_ms", json_integer(port->tcp_ms));
    if (port->tls == PROBE_YES) {
        put(row, "tls_ms", json_integer(port->tls_ms));
        put(row, "version", json_string(port->facts.version));
        put(row, "cipher", json_string(port->facts.cipher));
    }
    if (port->facts.chain_len > 0)
        put(row, "certificate", certificate_json(port));
    if (port->clear.seen)
        put(row, "starttls",
            json_string(!port->clear.starttls           ? "no"
                        : port->clear.starttls_required ? "required"
                                                        : "optional"));
    if (port->secured.seen)
        put(row, "features", features_json(&port->secured));
    if (port->error[0] != '\0')
        put(row, "error", out_string(slice_z(port->error)));
    (void)out_json(o, row);
}

static void rest_json(const struct probe *p, struct out *o)
{
    const struct probe_account *a = &p->account;
    const struct probe_meta *metas[] = {&p->meta_xml, &p->meta_json};
    for (size_t m = 0; p->meta_asked && m < 2; m++) {
        json_t *links = json_array();
        for (size_t i = 0; links != NULL && i < metas[m]->count; i++)
            json_array_append_new(links, json_pack("{s:s, s:s}", "rel", metas[m]->links[i].rel,
                                                   "href", metas[m]->links[i].href));
        (void)out_json(o, json_pack("{s:s, s:s, s:s, s:o}", "kind", "host-meta", "form",
                                    m == 0 ? "xml" : "json", "there", answer_text(metas[m]->there),
                                    "links", links));
    }
    for (size_t i = 0; a->online && i < PROBE_NEED_COUNT; i++) {
        const struct probe_need *n = &PROBE_NEEDS[i];
        (void)out_json(o,
                       json_pack("{s:s, s:s, s:b, s:s, s:s, s:s}", "kind", "feature", "suite",
                                 probe_suite_text(n->suite), "advanced", n->advanced, "xep", n->xep,
                                 "what", n->what, "there", answer_text(probe_meets(p, n))));
    }
    if (a->pings > 0)
        (void)out_json(o, json_pack("{s:s, s:f, s:f, s:f}", "kind", "ping", "min_ms",
                                    a->ping_us_min / 1000.0, "max_ms", a->ping_us_max / 1000.0,
                                    "mean_ms", a->ping_us_sum / 1000.0 / a->pings));
}

static void show_json(const struct probe *p, struct out *o)
{
    int counts[3] = {0};
    for (size_t i = 0; i < p->target_count; i++)
        target_json(&p->targets[i], o);
    for (size_t i = 0; i < p->port_count; i++)
        port_json(&p->ports[i], o);
    rest_json(p, o);
    for (size_t i = 0; i < p->row_count; i++) {
        const struct probe_row *r = &p->rows[i];
        counts[r->level]++;
        (void)out_json(o, json_pack("{s:s, s:s, s:s, s:o, s:o}", "kind", "verdict", "level",
                                    level_text(r->level), "what", r->what, "where",
                                    out_string(slice_z(r->where)), "text",
                                    out_string(slice_z(r->text))));
    }
    (void)out_json(o, json_pack("{s:s, s:s, s:i, s:i, s:i}", "kind", "summary", "domain", p->domain,
                                "ok", counts[0], "warnings", counts[1], "errors", counts[2]));
}

void probe_show(struct probe *p)
{
    struct out *o = &p->app->out;
    if (o->json) {
        show_json(p, o);
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
