/* Connects, announces presence, stays: BURBLE_PASSWORD=... hello me@example.org */
#include <burble/burble_loop.h>
#include <burble/presence.h>
#include <stdio.h>
#include <stdlib.h>

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    if (e->kind == BURBLE_EVENT_STATE)
        printf("%s %s\n", burble_state_text(e->state->state), e->state->text);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_ONLINE)
        burble_set_presence(c, BURBLE_SHOW_ONLINE, arg, 0, NULL);
}

int main(int argc, char **argv)
{
    struct burble_config config =
        BURBLE_CONFIG(.jid = argc > 1 ? argv[1] : NULL, .arg = "Hello!",
                      .password = getenv("BURBLE_PASSWORD"), .on_event = on_event);
    struct burble *c;
    int err = burble_new(&config, &c);
    err = err == 0 ? burble_run(c) : err;
    burble_free(&c);
    return err == 0 ? 0 : (fprintf(stderr, "hello: %s\n", burble_error_text(err)), 1);
}
