/* The engine's questions about addresses, answered by the gate of the process (L10, A28). */
#include "burbled/shard_inside.h"
#include "io/addr.h"

/* The text is one of ours; an address that cannot be read (a Unix socket) has no limits. */
static bool address(const char *peer, struct addr *out)
{
    return addr_parse(slice_z(peer), 0, out);
}

static uint32_t login_delay_ms(void *ctx, const char *peer, struct now now)
{
    const struct shard *s = ctx;
    struct addr a;
    return address(peer, &a) ? gate_login_delay(s->all->gate, &a, now) : 0;
}

static void login_failed(void *ctx, const char *peer, struct now now)
{
    const struct shard *s = ctx;
    struct addr a;
    if (address(peer, &a))
        (void)gate_login_failed(s->all->gate, &a, now);
}

static void authenticated(void *ctx, uint64_t number)
{
    struct shard *s = ctx;
    struct conn *c = conn_find(s, number);
    if (c != NULL)
        gate_authenticated(s->all->gate, &c->ticket);
}

static bool may_register(void *ctx, const char *peer, struct now now)
{
    const struct shard *s = ctx;
    struct addr a;
    return !address(peer, &a) || gate_register(s->all->gate, &a, now);
}

void gate_glue(struct shard *s)
{
    s->gate = (struct core_gate){
        .ctx = s,
        .login_delay_ms = login_delay_ms,
        .login_failed = login_failed,
        .authenticated = authenticated,
        .may_register = may_register,
    };
}
