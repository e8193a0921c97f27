/* Connects, authenticates, announces presence, and says hello to whoever writes.
 *   BURBLE_PASSWORD=... hello me@example.org */
#include <burble/burble_loop.h>
#include <burble/message.h>
#include <burble/presence.h>
#include <stdio.h>
#include <stdlib.h>

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)arg;
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_ONLINE)
        burble_set_presence(c, BURBLE_SHOW_ONLINE, "Hello!", 0, NULL);
    else if (e->kind == BURBLE_EVENT_STATE && e->state->why != BURBLE_WHY_NONE)
        fprintf(stderr, "%s: %s\n", burble_state_text(e->state->state), e->state->text);
}

int main(int argc, char **argv)
{
    struct burble *c = NULL;
    int err = burble_new(&BURBLE_CONFIG(.jid = argc > 1 ? argv[1] : NULL, .on_event = on_event,
                                        .password = getenv("BURBLE_PASSWORD")),
                         &c);
    if (err == 0 && (err = burble_run(c)) == 0)
        err = burble_state(c) == BURBLE_OFFLINE ? 0 : 1;
    if (err != 0)
        fprintf(stderr, "hello: %s\n", burble_error_text(err));
    burble_free(&c);
    return err != 0;
}
