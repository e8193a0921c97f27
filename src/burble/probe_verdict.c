/* What is right and wrong with what was seen, and what to do about it. Rules alone: the same facts
 * at the same time give the same rows. Pure. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "burble/probe.h"

enum { DAY_S = 86400, RSA_BITS_MIN = 2048 };

void probe_add(struct probe *p, enum probe_level level, enum exit_code code, const char *what,
               const char *where, const char *fmt, ...)
{
    va_list args;
    if (p->row_count == PROBE_ROWS_MAX)
        return;
    struct probe_row *r = &p->rows[p->row_count++];
    *r = (struct probe_row){.level = level, .code = code};
    (void)snprintf(r->what, sizeof(r->what), "%s", what);
    (void)snprintf(r->where, sizeof(r->where), "%s", where);
    va_start(args, fmt);
    (void)vsnprintf(r->text, sizeof(r->text), fmt, args);
    va_end(args);
}

/* ------------------------------------------------------------------------------------------- DNS
 */

static bool absent(enum resolver_result r)
{
    return r == RESOLVER_NO_NAME || r == RESOLVER_NO_DATA;
}

static void judge_records(struct probe *p)
{
    for (enum probe_service s = 0; s < PROBE_SERVICES; s++) {
        bool asked = s < PROBE_SERVER || p->servers;
        if (asked && p->srv[s] != RESOLVER_OK && !absent(p->srv[s]))
            PROBE_ERROR_ROW(p, EXIT_UNREACHABLE, "DNS", probe_service_text(s),
                            "%s; ask the DNS servers of the domain why",
                            resolver_result_text(p->srv[s]));
    }
    if (absent(p->srv[PROBE_CLIENT]) && absent(p->srv[PROBE_CLIENT_TLS]))
        PROBE_WARNING_ROW(
            p, "DNS", probe_service_text(PROBE_CLIENT),
            "there is no record, so clients try %s:5222; add one that names the server", p->ascii);
    else if (p->srv[PROBE_CLIENT] == RESOLVER_OK && absent(p->srv[PROBE_CLIENT_TLS]))
        PROBE_OK_ROW(p, "DNS", probe_service_text(PROBE_CLIENT_TLS),
                     "there is no record: direct TLS (XEP-0368) would save a round trip");
    else if (absent(p->srv[PROBE_CLIENT]))
        PROBE_WARNING_ROW(
            p, "DNS", probe_service_text(PROBE_CLIENT),
            "there is no record: clients that know no direct TLS do not find the server");
    if (p->servers && absent(p->srv[PROBE_SERVER]) && absent(p->srv[PROBE_SERVER_TLS]))
        PROBE_OK_ROW(p, "DNS", probe_service_text(PROBE_SERVER),
                     "there is no record, so other servers try %s:5269", p->ascii);
}

static void judge_target(struct probe *p, const struct probe_target *t)
{
    char where[sizeof(((struct probe_row *)0)->where)];
    (void)snprintf(where, sizeof(where), "%.60s:%u", t->host, (unsigned)t->port);
    if (t->none) {
        if (t->service < PROBE_SERVER)
            PROBE_ERROR_ROW(p, EXIT_UNREACHABLE, "DNS", probe_service_text(t->service),
                            "the record says that there is no such service (target \".\")");
        else
            PROBE_OK_ROW(p, "DNS", probe_service_text(t->service),
                         "the record says that there is no such service");
        return;
    }
    if (t->address_count == 0 && !(t->implied && t->service >= PROBE_SERVER))
        PROBE_ERROR_ROW(p, EXIT_UNREACHABLE, "DNS", where, "%s; %s",
                        t->open ? "no answer in time" : resolver_result_text(t->resolved),
                        t->implied ? "give the name an address, or add SRV records"
                                   : "give the name an address, or take it out of the SRV records");
    if (t->tlsa_count > 0 && !t->tlsa_authenticated)
        PROBE_WARNING_ROW(
            p, "TLSA", where,
            "the records are not proven by DNSSEC (or the resolver does not check it), so nobody "
            "may use them");
}

static bool tlsa_fits(const struct probe_target *t, const struct probe_port *port, bool *known)
{
    *known = false;
    for (size_t i = 0; i < t->tlsa_count; i++) {
        const struct probe_tlsa *r = &t->tlsa[i];
        /* Of the others only the whole certificate could tell, or an authority's. */
        if ((r->usage != 3 && r->usage != 1) || r->selector != 1 || r->matching != 1)
            return true;
        *known = true;
        if (r->len == sizeof(port->facts.pin) && memcmp(r->data, port->facts.pin, r->len) == 0)
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------------------------------ ports
 */

static bool is_server(const struct probe_port *port)
{
    return port->target->service >= PROBE_SERVER;
}

/* Other servers are not looked for where nobody says that there is one. */
static bool is_guess(const struct probe_port *port)
{
    return is_server(port) && port->target->implied;
}

static void judge_reach(struct probe *p, const struct probe_port *port, const char *where)
{
    enum exit_code code = port->tls == PROBE_NO ? EXIT_LOGIN : EXIT_PROTOCOL;
    if (port->tcp == PROBE_UNKNOWN && port->error[0] != '\0') {
        PROBE_OK_ROW(p, "TCP", where, "not looked at: %s", port->error);
    } else if (port->tcp == PROBE_UNKNOWN) {
        PROBE_WARNING_ROW(p, "TCP", where, "the time was over before it was looked at");
    } else if (port->tcp == PROBE_NO && is_guess(port)) {
        PROBE_OK_ROW(p, "TCP", where, "%s: there are no other servers for this domain",
                     port->error);
    } else if (port->tcp == PROBE_NO) {
        PROBE_ERROR_ROW(p, EXIT_UNREACHABLE, "TCP", where,
                        "%s; is the server running, and does the firewall let this port in?",
                        port->error);
    } else if (strcmp(port->condition, "host-unknown") == 0) {
        PROBE_ERROR_ROW(p, EXIT_PROTOCOL, "stream", where,
                        "the server there does not know %s; add it to its domains", p->domain);
    } else if (port->error[0] != '\0' && port->tls != PROBE_YES) {
        PROBE_ERROR_ROW(p, code, port->tls == PROBE_NO ? "TLS" : "stream", where, "%s",
                        port->error);
    } else if (port->error[0] != '\0' && is_server(port)) {
        PROBE_OK_ROW(p, "stream", where, "behind TLS %s; without a certificate of our own",
                     port->error);
    } else if (port->error[0] != '\0') {
        PROBE_ERROR_ROW(p, EXIT_PROTOCOL, "stream", where, "%s", port->error);
    }
}

static const char *remedy(enum tls_fault fault, const struct probe_port *port)
{
    switch (fault) {
    case TLS_FAULT_EXPIRED:
        return "renew it, and let the server reload it";
    case TLS_FAULT_NOT_YET_VALID:
        return "check the clocks";
    case TLS_FAULT_WRONG_NAME:
        return "get one that has the domain as dNSName";
    case TLS_FAULT_UNTRUSTED:
        return port->facts.chain_len < 2
                   ? "the server sends no certificate but its own: add those between to the file"
                   : "get one of an authority that clients know";
    case TLS_FAULT_SELF_SIGNED:
        return "get one of an authority that clients know; else everybody has to be given its pin";
    default:
        return "get another one";
    }
}

static void judge_certificate(struct probe *p, const struct probe_port *port, const char *where,
                              int64_t now_s)
{
    int64_t days = (port->facts.not_after_s - now_s) / DAY_S;
    bool known;
    if (port->problem.fault != TLS_FAULT_NONE && is_server(port))
        PROBE_WARNING_ROW(p, "certificate", where, "%s; %s (other servers may go on by dialback)",
                          port->problem_text, remedy(port->problem.fault, port));
    else if (port->problem.fault != TLS_FAULT_NONE)
        PROBE_ERROR_ROW(p, EXIT_LOGIN, "certificate", where, "%s; %s", port->problem_text,
                        remedy(port->problem.fault, port));
    else if (days < PROBE_SOON_DAYS)
        PROBE_WARNING_ROW(p, "certificate", where, "it ends in %lld days; renew it",
                          (long long)days);
    if (strcmp(port->facts.key_type, "RSA") == 0 && port->facts.key_bits < RSA_BITS_MIN)
        PROBE_WARNING_ROW(p, "certificate", where,
                          "its RSA key has %d bits; make one of %d or an EC key",
                          port->facts.key_bits, (int)RSA_BITS_MIN);
    bool fits = tlsa_fits(port->target, port, &known);
    if (known && !fits)
        PROBE_ERROR_ROW(
            p, EXIT_LOGIN, "TLSA", where,
            "no record names the key of the certificate; who checks them does not come in");
}

static void judge_clear(struct probe *p, const struct probe_port *port, const char *where)
{
    if (!is_server(port) && (port->clear.sasl.count > 0 || port->clear.sasl2.count > 0))
        PROBE_ERROR_ROW(
            p, EXIT_LOGIN, "TLS", where,
            "it lets people log in without TLS: everybody on the way can read it; require TLS");
}

static void judge_tls(struct probe *p, const struct probe_port *port, const char *where)
{
    bool first = port->versions[PROBE_TLS_1_0] == PROBE_YES;
    bool second = port->versions[PROBE_TLS_1_1] == PROBE_YES;
    if (first || second)
        PROBE_WARNING_ROW(p, "TLS", where,
                          "it takes TLS %s, which RFC 8996 forbids; demand 1.2 at least",
                          first && second ? "1.0 and 1.1"
                          : first         ? "1.0"
                                          : "1.1");
    if (port->versions[PROBE_TLS_1_3] == PROBE_NO)
        PROBE_WARNING_ROW(p, "TLS", where,
                          "it does not take TLS 1.3; update the server's TLS library");
    if (!port->direct && port->clear.seen && !port->clear.starttls_required &&
        port->clear.sasl.count == 0 && !is_server(port))
        PROBE_OK_ROW(p, "TLS", where,
                     "STARTTLS is not said to be required, but nobody can log in without");
}

/* ------------------------------------------------------------------------------------------ login
 */

static bool has(const struct probe_names *n, const char *prefix, const char *suffix)
{
    size_t before = strlen(prefix), behind = strlen(suffix);
    for (size_t i = 0; i < n->count; i++) {
        size_t len = strlen(n->text[i]);
        if (len >= before + behind && strncasecmp(n->text[i], prefix, before) == 0 &&
            strcasecmp(n->text[i] + len - behind, suffix) == 0)
            return true;
    }
    return false;
}

static bool either(const struct probe_features *f, const char *prefix, const char *suffix)
{
    return has(&f->sasl, prefix, suffix) || has(&f->sasl2, prefix, suffix);
}

static void judge_login(struct probe *p, const struct probe_port *port, const char *where)
{
    const struct probe_features *f = &port->secured;
    if (!f->seen || is_server(port))
        return;
    if (f->sasl.count == 0 && f->sasl2.count == 0)
        PROBE_ERROR_ROW(p, EXIT_LOGIN, "login", where,
                        "it offers no SASL mechanism; nobody can log in");
    else if (!either(f, "SCRAM-", "") && !either(f, "EXTERNAL", ""))
        PROBE_WARNING_ROW(
            p, "login", where,
            "no SCRAM: the server gets to see passwords as they are; let it keep SCRAM keys");
    else if (!either(f, "SCRAM-SHA-", "-PLUS"))
        PROBE_OK_ROW(p, "login", where,
                     "no channel binding (SCRAM-...-PLUS): somebody with a false certificate is "
                     "not noticed");
    if (either(f, "DIGEST-MD5", "") || either(f, "CRAM-MD5", ""))
        PROBE_WARNING_ROW(p, "login", where,
                          "it offers a mechanism with MD5, which is historic; turn it off");
    if (either(f, "SCRAM-SHA-", "-PLUS") && !f->bindings_said)
        PROBE_OK_ROW(
            p, "login", where,
            "it does not say which channel bindings it takes (XEP-0440): clients have to guess");
    if (either(f, "SCRAM-SHA-", "-PLUS") && f->bindings_said &&
        port->versions[PROBE_TLS_1_3] == PROBE_YES &&
        (f->bindings & (PROBE_BIND_EXPORTER | PROBE_BIND_END_POINT)) == 0)
        PROBE_WARNING_ROW(p, "login", where,
                          "it takes no channel binding that TLS 1.3 has (RFC 9266): clients cannot "
                          "use -PLUS; update the server, or its TLS library");
    if (f->compression)
        PROBE_WARNING_ROW(p, "stream", where,
                          "it offers compression, which tells what is encrypted; turn it off");
    if (f->registration)
        PROBE_WARNING_ROW(
            p, "registration", where,
            "everybody can make accounts; if that is not wanted, or nobody keeps spammers away, "
            "turn it off");
}

static void judge_port(struct probe *p, const struct probe_port *port, int64_t now_s)
{
    char where[sizeof(((struct probe_row *)0)->where)], addr[ADDR_TEXT_BYTES];
    (void)addr_text(&port->addr, addr);
    (void)snprintf(where, sizeof(where), "%s%s", addr, is_server(port) ? " s2s" : "");
    size_t before = p->row_count;
    judge_reach(p, port, where);
    judge_clear(p, port, where);
    if (port->tls == PROBE_YES) {
        judge_certificate(p, port, where, now_s);
        judge_tls(p, port, where);
        judge_login(p, port, where);
    }
    for (size_t i = before; i < p->row_count; i++)
        if (p->rows[i].level != PROBE_OK)
            return;
    if (port->tls == PROBE_YES)
        PROBE_OK_ROW(p, is_server(port) ? "servers" : "clients", where, "nothing is wrong with it");
}

/* Somebody must be able to come in. */
static void judge_all_ports(struct probe *p, int64_t now_s)
{
    size_t reached = 0;
    for (size_t i = 0; i < p->port_count; i++) {
        judge_port(p, &p->ports[i], now_s);
        reached += p->ports[i].tcp == PROBE_YES && !is_server(&p->ports[i]);
    }
    if (reached == 0)
        PROBE_ERROR_ROW(p, EXIT_UNREACHABLE, "clients", p->domain,
                        "no address for clients could be reached");
}

void probe_judge(struct probe *p, int64_t now_s)
{
    p->row_count = 0;
    if (p->srv_asked)
        judge_records(p);
    for (size_t i = 0; i < p->target_count; i++)
        judge_target(p, &p->targets[i]);
    judge_all_ports(p, now_s);
    probe_judge_offers(p);
    if (p->target_more + p->port_more > 0)
        PROBE_OK_ROW(p, "limits", "", "%zu targets and %zu ports more were not looked at",
                     p->target_more, p->port_more);
    if (p->account.items_more > 0)
        PROBE_OK_ROW(p, "limits", "", "%zu services of the server were not looked at",
                     p->account.items_more);
    if (p->late)
        PROBE_WARNING_ROW(p, "limits", "",
                          "the time was over before all was seen; --time gives it more");
}

int probe_exit_code(const struct probe *p)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < p->row_count; i++) {
        if (p->rows[i].level == PROBE_ERROR)
            return p->rows[i].code;
        if (p->rows[i].level == PROBE_WARNING)
            code = EXIT_REFUSED;
    }
    return code;
}
