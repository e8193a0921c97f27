/* In libuv's loop: one poll handle for the descriptor, one timer for the deadline. An echo bot that
 * ends with SIGINT or SIGTERM.
 *
 *   BURBLE_JID=bot@example.org BURBLE_PASSWORD=... uv_loop */
#include "example.h"

#include <burble/message.h>
#include <burble/presence.h>
#include <signal.h>
#include <uv.h>

struct glue {
    struct burble_loop *loop;
    struct burble *client;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_signal_t interrupt, terminate;
};

static void on_timer(uv_timer_t *timer)
{
    struct glue *g = timer->data;
    burble_loop_step(g->loop);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct glue *g = poll->data;
    (void)status, (void)events;
    burble_loop_step(g->loop);
}

/* Before libuv waits: the deadline may have changed. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct glue *g = prepare->data;
    int wait_ms = burble_loop_wait_ms(g->loop);
    if (wait_ms < 0)
        uv_timer_stop(&g->timer);
    else
        uv_timer_start(&g->timer, on_timer, (uint64_t)wait_ms, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct glue *g = handle->data;
    (void)number;
    burble_disconnect(g->client);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct glue *g = arg;
    example_say_state(e);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_ONLINE)
        burble_set_presence(c, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_OFFLINE)
        uv_stop(uv_handle_get_loop((uv_handle_t *)&g->poll));
    if (e->kind == BURBLE_EVENT_MESSAGE && e->message->body != NULL &&
        e->message->type == BURBLE_CHAT && e->message->origin == BURBLE_LIVE)
        burble_say(c, e->message->from, e->message->body, NULL, NULL, NULL);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

int main(void)
{
    struct glue g = {0};
    uv_loop_t *uv = uv_default_loop();
    g.loop = example_loop();
    uv_poll_init(uv, &g.poll, burble_loop_fd(g.loop));
    uv_timer_init(uv, &g.timer);
    uv_prepare_init(uv, &g.prepare);
    uv_signal_init(uv, &g.interrupt);
    uv_signal_init(uv, &g.terminate);
    g.poll.data = g.timer.data = g.prepare.data = g.interrupt.data = g.terminate.data = &g;
    g.client = example_client(g.loop, on_event, &g);
    uv_poll_start(&g.poll, UV_READABLE, on_readable);
    uv_prepare_start(&g.prepare, on_prepare);
    uv_signal_start(&g.interrupt, on_signal, SIGINT);
    uv_signal_start(&g.terminate, on_signal, SIGTERM);
    uv_run(uv, UV_RUN_DEFAULT);
    burble_free(&g.client);
    uv_walk(uv, close_handle, NULL);
    uv_run(uv, UV_RUN_DEFAULT);
    uv_loop_close(uv);
    burble_loop_free(&g.loop);
    return 0;
}
