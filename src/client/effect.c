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

int client_effects_init(struct burble *c)
{
    c->effect_spare = client_alloc(sizeof(*c->effect_spare));
    return c->effect_spare != NULL ? 0 : ERR_MEMORY;
}

/* What ends something needs no memory: a connection would stay open for ever. */
static struct client_effect *effect_new(struct burble *c, enum burble_effect_kind kind, size_t len)
{
    struct client_effect *e = client_alloc(sizeof(*e) + len);
    if (e != NULL || (kind != BURBLE_DO_CLOSE && kind != BURBLE_DO_CANCEL))
        return e;
    e = c->effect_spare;
    c->effect_spare = NULL;
    return e;
}

int client_effect(struct burble *c, enum burble_effect_kind kind, uint32_t id, const char *name,
                  const struct burble_address *address)
{
    size_t len = name != NULL ? strlen(name) + 1 : 0;
    struct client_effect *e = effect_new(c, kind, len);
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

static void effect_free(struct burble *c, struct client_effect *e)
{
    if (c->effect_spare != NULL || e == NULL) {
        free(e);
        return;
    }
    *e = (struct client_effect){0};
    c->effect_spare = e;
}

void client_effects_free(struct burble *c)
{
    while (!list_empty(&c->effects))
        free(CONTAINER_OF(list_pop(&c->effects), struct client_effect, link));
    free(c->effect_taken);
    free(c->effect_spare);
    c->effect_taken = c->effect_spare = NULL;
}

bool burble_next(struct burble *c, struct burble_effect *out)
{
    effect_free(c, c->effect_taken);
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

/* Memory ran out in the middle of what was to be written: half of it must not leave. */
static bool writing_failed(const struct burble *c)
{
    return c->link.state != LINK_NONE && (c->link.out.failed || c->link.net.failed);
}

/* What is to be done when all that came is processed. */
static void turn(struct burble *c)
{
    if (auth_busy(c))
        auth_work(c);
    retry_wish(c);
    session_turn(c);
    outbox_turn(c);
    client_sm_turn(c);
    retry_turn(c);
    if (writing_failed(c))
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
}

/* Who only waits holds no memory of what it has done. */
static void rest(struct burble *c)
{
    arena_free(&c->view.strings);
    buf_free(&c->work);
}

bool burble_feed(struct burble *c, const struct burble_input *input, struct burble_now now)
{
    if (c->depth > 0)
        return true; /* from a callback: not permitted, and without effect */
    if (c->doomed)
        return false;
    uint64_t passed_ms = now.mono_ms > c->now.mono_ms ? now.mono_ms - c->now.mono_ms : 0;
    c->now = (struct now){.mono_ms = c->now.mono_ms + passed_ms, .wall_ms = now.wall_ms};
    client_enter(c);
    client_timers_arm(c, passed_ms);
    if (c->unplugged) {
        c->unplugged = false;
        client_fail(c, BURBLE_WHY_LOST, NULL, "the loop was left");
    }
    retry_wish(c); /* before the input: a session that was suspended hears nothing more */
    if (!c->doomed)
        feed(c, input);
    if (!c->doomed)
        client_timers_run(c);
    if (!c->doomed)
        turn(c);
    rest(c);
    return client_leave(c);
}

uint64_t burble_deadline(const struct burble *c)
{
    if (c->unplugged || auth_busy(c) || c->wish != WISH_NONE || !list_empty(&c->unarmed) ||
        session_due(c) || outbox_due(c) || writing_failed(c))
        return 0;
    if (list_empty(&c->timers))
        return BURBLE_NEVER;
    return CONTAINER_OF(c->timers.next, struct client_timer, link)->at_ms;
}
