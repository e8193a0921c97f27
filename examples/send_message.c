/* Sends one message and ends when the server has it: status 0, or 1 when it could not be sent.
 *
 *   BURBLE_JID=me@example.org BURBLE_PASSWORD=... send_message bob@example.org "Hello!" */
#include "example.h"

#include <burble/message.h>
#include <string.h>

struct errand {
    const char *to, *text;
    int status;
};

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct errand *errand = arg;
    example_say_state(e);
    if (e->kind == BURBLE_EVENT_SENT) {
        errand->status = e->sent->error == 0 ? 0 : 1;
        burble_disconnect(c);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: send_message JID TEXT\n");
        return 2;
    }
    struct errand errand = {.to = argv[1], .text = argv[2], .status = 1};
    struct burble_loop *loop = example_loop();
    struct burble *c = example_client(loop, on_event, &errand);
    /* It waits for the session by itself, and outlives a lost one. */
    int err = burble_say(c, errand.to, errand.text, NULL, NULL, NULL);
    if (err != 0)
        fprintf(stderr, "not sent: %s\n", burble_error_text(err));
    else
        burble_loop_run(loop);
    burble_free(&c);
    burble_loop_free(&loop);
    return errand.status;
}
