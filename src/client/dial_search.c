/* Which targets a search has, see dial.h: SRV records of the domain (RFC 6120 section 3.2, RFC
 * 2782, XEP-0368 version 1.1.0), what the configuration says, and places that the server has told.
 */
#include <string.h>

#include "client/dial_inside.h"

enum { PORT_STARTTLS = 5222, PORT_DIRECT = 5223 };

static bool only_direct(const struct burble *c)
{
    return c->setup.config.security == BURBLE_DIRECT_TLS;
}

void dial_add_target(struct dial_run *run, const struct find_target *t)
{
    if (run->count < DIAL_TARGETS)
        run->targets[run->count++] = *t;
}

static bool ask(struct burble *c, enum dial_service service)
{
    static const char *const NAMES[] = {
        [DIAL_XMPP] = "_xmpp-client._tcp",
        [DIAL_XMPPS] = "_xmpps-client._tcp",
        [DIAL_JABBER] = "_jabber._tcp",
    };
    struct dial_query *q = &c->dial.run->queries[service];
    struct buf name = {0};
    int err = buf_printf(&name, "%s.", NAMES[service]);
    if (err == 0)
        err = jid_domain_ascii(slice_z(c->setup.domain), &name);
    if (err == 0)
        err = buf_byte(&name, '\0');
    *q = (struct dial_query){.id = client_next_id(c)};
    if (err == 0)
        err = client_effect(c, BURBLE_DO_RESOLVE_SRV, q->id, buf_slice(&name).ptr, NULL);
    buf_free(&name);
    if (err != 0)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    return err == 0;
}

/* The host of the configuration, or the domain when there are no records. */
static bool add_typed(struct burble *c)
{
    const char *host = c->setup.host != NULL ? c->setup.host : c->setup.domain;
    uint16_t port = c->setup.config.port;
    struct find_target t = {.typed = true};
    t.direct_tls =
        only_direct(c) || (c->setup.config.security == BURBLE_TLS && port == PORT_DIRECT);
    t.port = port != 0 ? port : t.direct_tls ? PORT_DIRECT : PORT_STARTTLS;
    if (!find_host(slice_z(host), t.host))
        return false;
    dial_add_target(c->dial.run, &t);
    return true;
}

void dial_search(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    char domain[FIND_HOST_BYTES];
    run->searched = true;
    run->found.count = 0;
    run->srv_reason[0] = '\0';
    memset(run->queries, 0, sizeof(run->queries));
    client_timer_stop(&run->timer);
    bool typed = c->setup.host != NULL || c->setup.config.port != 0;
    if (typed || (find_host(slice_z(c->setup.domain), domain) && find_is_address(domain))) {
        if (add_typed(c))
            dial_step(c);
        else
            client_fail(c, BURBLE_WHY_DNS, NULL, "the host is neither a name nor an address");
        return;
    }
    bool direct = c->setup.config.security == BURBLE_TLS || only_direct(c);
    if (direct && !ask(c, DIAL_XMPPS))
        return;
    if (!only_direct(c))
        (void)ask(c, DIAL_XMPP);
}

static void take_found(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    find_order(&run->found, &c->rng);
    for (size_t i = 0; i < run->found.count; i++)
        dial_add_target(run, &run->found.records[i].target);
    run->found.count = 0;
    dial_step(c);
}

static bool is_answer(const struct dial_run *run, enum find_answer answer)
{
    for (size_t i = 0; i < DIAL_SERVICES; i++)
        if (run->queries[i].answer == answer)
            return true;
    return false;
}

/* No records. RFC 6120 section 3.2.2 has the domain itself tried then, but not where it said of one
 * of the services that it is not there (XEP-0368 section 2). */
static void without_records(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    bool denied = run->queries[DIAL_XMPP].answer == FIND_DENIED ||
                  run->queries[DIAL_XMPPS].answer == FIND_DENIED;
    if (!denied && !only_direct(c) && run->queries[DIAL_JABBER].answer == FIND_NOT_ASKED) {
        (void)ask(c, DIAL_JABBER);
        return;
    }
    if (denied && !is_answer(run, FIND_FAILED)) {
        run->over = true;
        client_fail(c, BURBLE_WHY_NO_SERVICE, NULL, NULL);
        return;
    }
    if (!denied && !add_typed(c)) {
        client_fail(c, BURBLE_WHY_DNS, NULL, "the domain is neither a name nor an address");
        return;
    }
    dial_step(c);
}

bool dial_is_searching(const struct dial_run *run)
{
    for (size_t i = 0; i < DIAL_SERVICES; i++)
        if (run->queries[i].id != 0)
            return true;
    return false;
}

static void search_ends(struct burble *c)
{
    if (c->dial.run->found.count > 0)
        take_found(c);
    else
        without_records(c);
}

void dial_srv_came(struct burble *c, struct dial_query *q, const struct burble_input *in)
{
    struct dial_run *run = c->dial.run;
    q->id = 0;
    q->answer = find_add(&run->found, in, q == &run->queries[DIAL_XMPPS]);
    if (q->answer == FIND_FAILED) {
        struct slice reason = slice_z(in->failure != NULL ? in->failure : "no usable answer");
        size_t len = reason.len < DIAL_REASON_BYTES - 1 ? reason.len : DIAL_REASON_BYTES - 1;
        memcpy(run->srv_reason, reason.ptr, len);
        run->srv_reason[len] = '\0';
    }
    if (!dial_is_searching(run))
        search_ends(c);
    else if (q->answer == FIND_RECORDS)
        client_timer_set(c, &run->timer, c->now.mono_ms + DIAL_SRV_MS);
}

void dial_search_late(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    for (size_t i = 0; i < DIAL_SERVICES; i++) {
        if (run->queries[i].id != 0)
            run->queries[i].answer = FIND_FAILED;
        dial_cancel(c, &run->queries[i].id);
    }
    search_ends(c);
}

/* C05: not where other services of a machine might be talked to. */
static bool may_go_to(uint16_t port)
{
    return port >= 1024 || port == 443;
}

bool dial_told_place(const struct burble *c, struct slice where, bool direct_tls,
                     struct find_target *out)
{
    bool may = c->setup.config.security == BURBLE_TLS;
    *out = (struct find_target){.direct_tls = only_direct(c) || (may && direct_tls)};
    if (where.len > DIAL_WHERE_BYTES || !find_place(where, out))
        return false;
    if (out->port == 0)
        out->port = out->direct_tls ? PORT_DIRECT : PORT_STARTTLS;
    return may_go_to(out->port);
}
