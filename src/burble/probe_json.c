/* The report for programs: a JSON object per fact, and the verdict. What strangers said is text of
 * out_string, or was made printable when it was read. */
#include <string.h>

#include "base/time.h"
#include "burble/probe.h"

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

/* What the DNS has said of a service. */
static void srv_json(const struct probe *p, enum probe_service s, struct out *o)
{
    size_t records = 0;
    bool none = false;
    for (size_t i = 0; i < p->target_count; i++)
        if (p->targets[i].service == s && !p->targets[i].implied) {
            records++;
            none = none || p->targets[i].none;
        }
    (void)out_json(o, json_pack("{s:s, s:s, s:s, s:i, s:b}", "kind", "srv", "service",
                                probe_service_text(s), "result",
                                p->srv[s] == RESOLVER_OK ? "ok" : resolver_result_text(p->srv[s]),
                                "records", (int)records, "none", none));
}

static void target_json(const struct probe_target *t, struct out *o)
{
    if (t->none)
        return;
    json_t *row =
        json_pack("{s:s, s:s, s:o, s:i, s:i, s:i, s:b, s:i, s:b}", "kind", "target", "service",
                  probe_service_text(t->service), "host", out_string(slice_z(t->host)), "port",
                  (int)t->port, "priority", (int)t->priority, "weight", (int)t->weight, "implied",
                  t->implied, "tlsa", (int)t->tlsa_count, "tlsa_proven", t->tlsa_authenticated);
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < t->address_count; i++) {
        char text[ADDR_TEXT_BYTES];
        (void)addr_host(&t->addresses[i], text);
        json_array_append_new(list, json_string(text));
    }
    put(row, "addresses", list);
    put(row, "more_addresses", json_integer((json_int_t)t->address_more));
    if (t->address_count == 0)
        put(row, "error",
            json_string(resolver_result_text(t->open ? RESOLVER_TIMEOUT : t->resolved)));
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
    if (f->names.more > 0)
        put(row, "more_names", json_integer((json_int_t)f->names.more));
    if (port->problem_text[0] != '\0')
        put(row, "problem", out_string(slice_z(port->problem_text)));
    return row;
}

static json_t *features_json(const struct probe_features *f)
{
    json_t *bindings = json_array();
    for (size_t i = 0; bindings != NULL && i < PROBE_BINDINGS; i++)
        if ((f->bindings & PROBE_BINDING[i].bit) != 0)
            json_array_append_new(bindings, json_string(PROBE_BINDING[i].name));
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "sasl",
                     names_json(&f->sasl), "sasl2", names_json(&f->sasl2), "bindings", bindings,
                     "bindings_said", f->bindings_said, "bind2", f->bind2, "fast", f->fast,
                     "inline_sm", f->sm_inline, "registration", f->registration, "dialback",
                     f->dialback, "compression", f->compression);
}

static void port_json(const struct probe_port *port, struct out *o)
{
    char addr[ADDR_TEXT_BYTES];
    (void)addr_text(&port->addr, addr);
    json_t *versions = json_object();
    for (enum probe_version v = 0; v < PROBE_VERSIONS; v++)
        put(versions, probe_version_text(v), json_string(probe_answer_text(port->versions[v])));
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "kind", "port", "service",
                  probe_service_text(port->target->service), "address", addr, "mode",
                  port->direct ? "direct" : "starttls", "tcp", probe_answer_text(port->tcp), "tls",
                  probe_answer_text(port->tls), "versions", versions);
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
    if (port->clear.seen)
        put(row, "features_in_clear", features_json(&port->clear));
    if (port->secured.seen)
        put(row, "features", features_json(&port->secured));
    if (port->condition[0] != '\0')
        put(row, "condition", out_string(slice_z(port->condition)));
    if (port->error[0] != '\0')
        put(row, "error", out_string(slice_z(port->error)));
    (void)out_json(o, row);
}

static void meta_json(const struct probe_meta *m, const char *form, struct out *o)
{
    json_t *links = json_array();
    for (size_t i = 0; links != NULL && i < m->count; i++)
        json_array_append_new(
            links, json_pack("{s:s, s:s}", "rel", m->links[i].rel, "href", m->links[i].href));
    json_t *row = json_pack("{s:s, s:s, s:s, s:i, s:b, s:b, s:o}", "kind", "host-meta", "form",
                            form, "there", probe_answer_text(m->there), "status", m->status,
                            "readable", m->readable, "any_origin", m->any_origin, "links", links);
    if (m->why[0] != '\0')
        put(row, "why", out_string(slice_z(m->why)));
    (void)out_json(o, row);
}

static void account_json(const struct probe_account *a, struct out *o)
{
    json_t *row = json_pack("{s:s, s:b, s:i}", "kind", "account", "online", a->online,
                            "more_services", (int)a->items_more);
    if (a->why[0] != '\0')
        put(row, "why", out_string(slice_z(a->why)));
    (void)out_json(o, row);
}

static void rest_json(const struct probe *p, struct out *o)
{
    const struct probe_account *a = &p->account;
    if (p->meta_asked) {
        meta_json(&p->meta_xml, "xml", o);
        meta_json(&p->meta_json, "json", o);
    }
    if (a->asked)
        account_json(a, o);
    for (size_t i = 0; a->online && i < PROBE_NEED_COUNT; i++) {
        const struct probe_need *n = &PROBE_NEEDS[i];
        (void)out_json(o,
                       json_pack("{s:s, s:s, s:b, s:s, s:s, s:s}", "kind", "feature", "suite",
                                 probe_suite_text(n->suite), "advanced", n->advanced, "xep", n->xep,
                                 "what", n->what, "there", probe_answer_text(probe_meets(p, n))));
    }
    if (a->pings > 0)
        (void)out_json(o, json_pack("{s:s, s:f, s:f, s:f}", "kind", "ping", "min_ms",
                                    a->ping_us_min / 1000.0, "max_ms", a->ping_us_max / 1000.0,
                                    "mean_ms", a->ping_us_sum / 1000.0 / a->pings));
}

void probe_json(const struct probe *p)
{
    struct out *o = &p->app->out;
    int counts[3] = {0};
    for (enum probe_service s = 0; p->srv_asked && s < PROBE_SERVICES; s++)
        if (s < PROBE_SERVER || p->servers)
            srv_json(p, s, o);
    for (size_t i = 0; i < p->target_count; i++)
        target_json(&p->targets[i], o);
    for (size_t i = 0; i < p->port_count; i++)
        port_json(&p->ports[i], o);
    rest_json(p, o);
    for (size_t i = 0; i < p->row_count; i++) {
        const struct probe_row *r = &p->rows[i];
        counts[r->level]++;
        (void)out_json(o, json_pack("{s:s, s:s, s:s, s:o, s:o}", "kind", "verdict", "level",
                                    probe_level_text(r->level), "what", r->what, "where",
                                    out_string(slice_z(r->where)), "text",
                                    out_string(slice_z(r->text))));
    }
    (void)out_json(o, json_pack("{s:s, s:s, s:i, s:i, s:i, s:b, s:i}", "kind", "summary", "domain",
                                p->domain, "ok", counts[0], "warnings", counts[1], "errors",
                                counts[2], "late", p->late, "code", probe_exit_code(p)));
}
