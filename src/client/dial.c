/* From a domain to a TCP connection. */
#include "client/dial.h"

#include <stdlib.h>

#include "client/client.h"

void dial_begin(struct burble *c)
{
    client_change_state(c, BURBLE_RESOLVING, NULL);
    client_timer_set(c, &c->phase_timer, c->now.mono_ms + c->setup.config.connect_ms);
    c->dial.query = client_next_id(c);
    const char *host = c->setup.host != NULL ? c->setup.host : c->setup.domain;
    if (client_effect(c, BURBLE_DO_RESOLVE_HOST, c->dial.query, host, NULL) != 0)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
}

bool dial_again(struct burble *c)
{
    (void)c;
    return false;
}

void dial_stop(struct burble *c)
{
    c->dial.query = c->dial.attempt = 0;
}

void dial_free(struct burble *c)
{
    free(c->dial.redirect);
}

bool dial_redirect(struct burble *c, struct slice where)
{
    (void)c, (void)where;
    return false;
}

static void connect_to(struct burble *c, const struct burble_input *in)
{
    c->dial.query = 0;
    if (in->count == 0) {
        client_fail(c, BURBLE_WHY_DNS, NULL, in->failure);
        return;
    }
    bool direct = c->setup.config.security == BURBLE_DIRECT_TLS;
    struct burble_address to = in->addresses[0];
    to.port = c->setup.config.port != 0 ? c->setup.config.port : direct ? 5223 : 5222;
    client_change_state(c, BURBLE_CONNECTING, NULL);
    c->dial.attempt = client_next_id(c);
    if (client_effect(c, BURBLE_DO_CONNECT, c->dial.attempt, NULL, &to) != 0)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
}

void dial_input(struct burble *c, const struct burble_input *in)
{
    if (in->kind == BURBLE_IN_HOST && in->id == c->dial.query && in->id != 0) {
        connect_to(c, in);
    } else if (in->kind == BURBLE_IN_CONNECTED && in->id == c->dial.attempt && in->id != 0) {
        struct link_target t = {.direct_tls = c->setup.config.security == BURBLE_DIRECT_TLS};
        c->dial.attempt = 0;
        client_link_open(c, in->id, &t);
    } else if (in->kind == BURBLE_IN_CLOSED && in->id == c->dial.attempt && in->id != 0) {
        c->dial.attempt = 0;
        client_fail(c, BURBLE_WHY_UNREACHABLE, NULL, in->failure);
    }
}
