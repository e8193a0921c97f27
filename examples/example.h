/* What the examples share: an account from the environment, and a word about states.
 *
 *   BURBLE_JID          me@example.org
 *   BURBLE_PASSWORD     its password
 *   BURBLE_HOST         connect there instead of asking DNS: a name or an address
 *   BURBLE_PORT         and this port
 *   BURBLE_CA_FILE      trust these certificates (PEM) instead of the system's */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <burble/burble_loop.h>
#include <stdio.h>
#include <stdlib.h>

static inline struct burble_config example_config(burble_event_fn *on_event, void *arg)
{
    const char *port = getenv("BURBLE_PORT");
    return BURBLE_CONFIG(.jid = getenv("BURBLE_JID"), .password = getenv("BURBLE_PASSWORD"),
                         .host = getenv("BURBLE_HOST"),
                         .port = (unsigned short)(port != NULL ? strtoul(port, NULL, 10) : 0),
                         .on_event = on_event, .arg = arg);
}

static inline struct burble_loop *example_loop(void)
{
    struct burble_loop *loop;
    struct burble_loop_config config = BURBLE_LOOP_CONFIG(.ca_file = getenv("BURBLE_CA_FILE"));
    int err = burble_loop_new(&config, &loop);
    if (err != 0) {
        fprintf(stderr, "no loop: %s\n", burble_error_text(err));
        exit(1);
    }
    return loop;
}

/* A client in the loop, on its way; ends the program when there is none. */
static inline struct burble *example_client(struct burble_loop *loop, burble_event_fn *on_event,
                                            void *arg)
{
    struct burble *c;
    struct burble_config config = example_config(on_event, arg);
    int err = burble_new(&config, &c);
    if (err == 0)
        err = burble_loop_add(loop, c);
    if (err == 0)
        err = burble_connect(c);
    if (err != 0) {
        fprintf(stderr, "no client: %s (are BURBLE_JID and BURBLE_PASSWORD set?)\n",
                burble_error_text(err));
        exit(1);
    }
    return c;
}

/* To standard error: what becomes of the connection. */
static inline void example_say_state(const struct burble_event *e)
{
    if (e->kind == BURBLE_EVENT_STATE)
        fprintf(stderr, "%s%s%s\n", burble_state_text(e->state->state),
                *e->state->text != '\0' ? ": " : "", e->state->text);
}

#endif
