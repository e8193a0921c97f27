/* Says back what it is told, and survives what happens to the connection: the library makes it
 * again, resumes the session, and says what waited.
 *
 *   BURBLE_JID=bot@example.org BURBLE_PASSWORD=... echo_bot */
#include "example.h"

#include <burble/message.h>
#include <burble/presence.h>
#include <string.h>

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)arg;
    example_say_state(e);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_ONLINE && !e->state->resumed)
        burble_set_presence(c, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
    if (e->kind != BURBLE_EVENT_MESSAGE)
        return;
    const struct burble_message *m = e->message;
    /* Never an answer to an error, to a room, or to a copy of our own words on another device. */
    bool news = m->type != BURBLE_MESSAGE_ERROR && m->type != BURBLE_GROUPCHAT &&
                (m->origin == BURBLE_LIVE || m->origin == BURBLE_DELAYED);
    if (news && m->body != NULL)
        burble_say(c, m->from, m->body, NULL, NULL, NULL);
}

int main(void)
{
    struct burble_loop *loop = example_loop();
    struct burble *c = example_client(loop, on_event, NULL);
    burble_loop_run(loop);
    burble_free(&c);
    burble_loop_free(&loop);
    return 0;
}
