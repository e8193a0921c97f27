/* What the client wants of the outside: a queue of effects, and the public face of burble/io.h. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

struct client_effect {
    struct list link;
    struct burble_effect effect;
    char name[];
};

uint32_t client_next_id(struct burble *c)
{
    if (++c->next_id == 0)
        c->next_id = 1;
    return c->next_id;
}

int client_effect(struct burble *c, enum burble_effect_kind kind, uint32_t id, const char *name,
                  const struct burble_address *address)
{
    size_t len = name != NULL ? strlen(name) + 1 : 0;
    struct client_effect *e = client_alloc(sizeof(*e) + len);
    if (e == NULL)
        return ERR_MEMORY;
    e->effect.kind = kind;
    e->effect.id = id;
    if (name != NULL) {
        memcpy(e->name, name, len);
        e->effect.name = e->name;
    }
    if (address != NULL)
        e->effect.address = *address;
    list_push(&c->effects, &e->link);
    client_wake(c);
    return 0;
}

void client_effects_free(struct burble *c)
{
    while (!list_empty(&c->effects))
        free(CONTAINER_OF(list_pop(&c->effects), struct client_effect, link));
    free(c->effect_taken);
    c->effect_taken = NULL;
}

bool burble_next(struct burble *c, struct burble_effect *out)
{
    free(c->effect_taken);
    c->effect_taken = NULL;
    if (list_empty(&c->effects))
        return false;
    c->effect_taken = CONTAINER_OF(list_pop(&c->effects), struct client_effect, link);
    *out = c->effect_taken->effect;
    return true;
}

static void feed(struct burble *c, const struct burble_input *in)
{
    bool current = c->link.state != LINK_NONE && in->id == c->link.id;
    switch (in->kind) {
    case BURBLE_IN_TIME:
        return;
    case BURBLE_IN_BYTES:
        if (current)
            client_link_input(c, slice_of(in->data, in->len));
        return;
    case BURBLE_IN_CLOSED:
        if (!current) {
            dial_input(c, in);
        } else if (c->stream.state == STREAM_CLOSED || c->link.state == LINK_ENDING) {
            client_ended(c);
        } else {
            client_fail(c, BURBLE_WHY_LOST, NULL,
                        in->failure != NULL ? in->failure : "the server closed the connection");
        }
        return;
    default:
        dial_input(c, in);
    }
}

bool burble_feed(struct burble *c, const struct burble_input *input, struct burble_now now)
{
    c->now = (struct now){.mono_ms = now.mono_ms, .wall_ms = now.wall_ms};
    if (c->depth > 0)
        return true; /* from a callback: not permitted, and without effect */
    if (c->doomed)
        return false;
    client_enter(c);
    feed(c, input);
    client_timers_run(c);
    if (auth_busy(c))
        auth_work(c);
    client_sm_turn(c);
    return client_leave(c);
}

uint64_t burble_deadline(const struct burble *c)
{
    if (auth_busy(c))
        return 0;
    if (list_empty(&c->timers))
        return BURBLE_NEVER;
    return CONTAINER_OF(c->timers.next, struct client_timer, link)->at_ms;
}
