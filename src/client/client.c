/* The client as an object: making and freeing it, its configuration, its events. */
#include "client/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "client/setup.h"

void *client_alloc(size_t size)
{
    return calloc(1, size);
}

char *client_copy(struct slice s)
{
    char *copy = malloc(s.len + 1);
    if (copy == NULL)
        return NULL;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

int client_set(char **to, struct slice s)
{
    char *copy = s.ptr != NULL ? client_copy(s) : NULL;
    if (copy == NULL && s.ptr != NULL)
        return ERR_MEMORY;
    free(*to);
    *to = copy;
    return 0;
}

int client_take(void *out, size_t size, const void *in)
{
    size_t given;
    memset(out, 0, size);
    if (in == NULL)
        return 0;
    memcpy(&given, in, sizeof(given));
    if (given < sizeof(given))
        return ERR_SYNTAX;
    memcpy(out, in, given < size ? given : size);
    return 0;
}

int client_copy_jid(const char *text, bool bare, char **out)
{
    struct arena mem = {0};
    struct jid jid;
    if (text == NULL)
        return 0;
    int err = jid_parse(slice_z(text), &mem, &jid);
    if (err == 0)
        err = client_set(out, bare ? jid_bare(&jid) : jid_full(&jid));
    arena_free(&mem);
    return err;
}

/* The saved state, where the program is new enough to know of it. */
static struct slice state_of(const struct burble_config *config)
{
    size_t known = offsetof(struct burble_config, state_len) + sizeof(config->state_len);
    if (config == NULL || config->size < known || config->state == NULL)
        return SLICE_NONE;
    return slice_of(config->state, config->state_len);
}

int burble_new(const struct burble_config *config, struct burble **out)
{
    *out = NULL;
    struct burble *c = client_alloc(sizeof(*c));
    if (c == NULL)
        return ERR_MEMORY;
    list_init(&c->effects);
    list_init(&c->timers);
    list_init(&c->unarmed);
    list_init(&c->outbox);
    list_init(&c->requests);
    list_init(&c->servers);
    list_init(&c->extensions);
    list_init(&c->features);
    burble_set_outside(c, &(struct burble_outside){0});
    retry_init(c);
    alive_init(c);
    client_sm_init(c);
    int err = client_effects_init(c);
    if (err == 0)
        err = setup_take(&c->setup, config);
    if (err == 0 && (c->jid = client_copy(slice_z(c->setup.bare))) == NULL)
        err = ERR_MEMORY;
    if (err == 0)
        err = save_load(c, state_of(config));
    if (err != 0) {
        burble_free(&c);
        return err;
    }
    *out = c;
    return 0;
}

static void extensions_free(struct burble *c)
{
    while (!list_empty(&c->extensions)) {
        struct client_extension *x =
            CONTAINER_OF(list_pop(&c->extensions), struct client_extension, link);
        client_timer_stop(&x->end);
        if (x->ops->free != NULL)
            x->ops->free(x);
    }
}

static void client_end(struct burble *c)
{
    dial_free(c);
    client_link_drop(c);
    auth_free(c);
    stream_free(c);
    client_iq_free(c);
    outbox_clear(c, 0);
    extensions_free(c);
    while (!list_empty(&c->features))
        free(CONTAINER_OF(list_pop(&c->features), struct client_feature, link));
    client_effects_free(c);
    client_sm_forget(c);
    setup_free(&c->setup);
    buf_free(&c->presence);
    buf_free(&c->work);
    buf_free(&c->kept);
    arena_free(&c->view.strings);
    free(c->jid);
    free(c);
}

void burble_free(struct burble **c)
{
    struct burble *old = *c;
    *c = NULL;
    if (old == NULL)
        return;
    old->wanted = false;
    old->doomed = true;
    if (old->depth > 0)
        return;
    /* Whoever waits for an answer hears that none will come, as its words say. */
    old->depth++;
    client_iq_gone(old);
    old->depth--;
    if (old->holds)
        client_wake(old);
    else
        client_end(old);
}

void client_starve(struct burble *c)
{
    c->link.out.failed = 1;
}

void client_hold(struct burble *c)
{
    c->holds = true;
}

void client_release(struct burble *c)
{
    c->holds = false;
    if (c->doomed && c->depth == 0)
        client_end(c);
}

void client_unplug(struct burble *c)
{
    c->unplugged = c->state != BURBLE_OFFLINE && c->state != BURBLE_WAITING;
    burble_set_outside(c, &(struct burble_outside){0});
}

bool client_doomed(const struct burble *c)
{
    return c->doomed;
}

bool client_idle(const struct burble *c)
{
    return c->state == BURBLE_OFFLINE && c->wish == WISH_NONE;
}

bool client_stops(const struct burble *c)
{
    return c->doomed || c->wish == WISH_SUSPEND;
}

void client_enter(struct burble *c)
{
    c->depth++;
}

bool client_leave(struct burble *c)
{
    CHECK(c->depth > 0);
    if (--c->depth > 0 || !c->doomed)
        return true;
    struct burble *dead = c;
    burble_free(&dead);
    return false;
}

void client_emit(struct burble *c, const struct burble_event *event)
{
    const struct burble_config *config = &c->setup.config;
    /* What was read for want of memory without some of its strings is not shown (dispatch.c). */
    bool partial = c->view.failed && event->kind != BURBLE_EVENT_STATE &&
                   event->kind != BURBLE_EVENT_SENT && event->kind != BURBLE_EVENT_SAVE;
    c->starved = c->starved || partial;
    if (config->on_event == NULL || c->doomed || partial)
        return;
    c->depth++;
    config->on_event(c, event, config->arg);
    c->depth--;
}

void client_change_state(struct burble *c, enum burble_state to,
                         const struct burble_state_event *more)
{
    struct burble_state_event e = more != NULL ? *more : (struct burble_state_event){0};
    e.before = c->state;
    e.state = to;
    if (e.text == NULL)
        e.text = "";
    if (c->state == to && more == NULL)
        return;
    c->state = to;
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_STATE, .state = &e});
}

void client_wake(struct burble *c)
{
    if (c->outside.wake != NULL && c->depth == 0)
        c->outside.wake(c->outside.ctx);
}

/* For a client that nothing drives: not unpredictable, and for nothing that is ever sent. */
static void fill_poorly(void *ctx, void *out, size_t n)
{
    const struct burble *c = ctx;
    uint64_t x = c->now.mono_ms + c->next_id;
    for (size_t i = 0; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        ((unsigned char *)out)[i] = (unsigned char)(x >> 56);
    }
}

void burble_set_outside(struct burble *c, const struct burble_outside *outside)
{
    bool some = outside->random != NULL;
    c->outside = *outside;
    c->rng =
        (struct rng){.fill = some ? outside->random : fill_poorly, .ctx = some ? outside->ctx : c};
}

void client_new_id(struct burble *c, char out[CLIENT_ID_BYTES])
{
    if (c->outside.random == NULL) { /* whatever it is for is refused: outbox_put */
        out[0] = '\0';
        return;
    }
    rng_token(&c->rng, out, CLIENT_ID_BYTES - 1);
    out[CLIENT_ID_BYTES - 1] = '\0';
}

void client_payload(struct burble *c, struct xml_writer *w)
{
    buf_clear(&c->work);
    c->work.failed = 0;
    xml_writer_init(w, &c->work, NS_CLIENT);
}

enum burble_state burble_state(const struct burble *c)
{
    return c->state;
}

const char *burble_jid(const struct burble *c)
{
    return c->jid;
}

const char *burble_bare_jid(const struct burble *c)
{
    return c->setup.bare;
}

const char *burble_domain(const struct burble *c)
{
    return c->setup.domain;
}

const char *burble_mechanism(const struct burble *c)
{
    return c->auth.mechanism[0] != '\0' ? c->auth.mechanism : NULL;
}
