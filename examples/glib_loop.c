/* In GLib's main loop, as a program with GTK has it: a GSource with one descriptor and a deadline.
 * No thread, and nothing that blocks. An echo bot that ends with SIGINT or SIGTERM.
 *
 *   BURBLE_JID=bot@example.org BURBLE_PASSWORD=... glib_loop */
#include "example.h"

#include <burble/message.h>
#include <burble/presence.h>
#include <glib-unix.h>
#include <glib.h>
#include <signal.h>

struct burble_source {
    GSource base;
    struct burble_loop *loop;
    gpointer tag;
};

static gboolean source_prepare(GSource *source, gint *timeout_ms)
{
    struct burble_source *s = (struct burble_source *)source;
    *timeout_ms = burble_loop_wait_ms(s->loop);
    return *timeout_ms == 0;
}

static gboolean source_check(GSource *source)
{
    struct burble_source *s = (struct burble_source *)source;
    return g_source_query_unix_fd(source, s->tag) != 0 || burble_loop_wait_ms(s->loop) == 0;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer arg)
{
    struct burble_source *s = (struct burble_source *)source;
    (void)callback, (void)arg;
    burble_loop_step(s->loop);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs SOURCE = {source_prepare, source_check, source_dispatch, NULL, NULL, NULL};

struct program {
    GMainLoop *main;
    struct burble *client;
};

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct program *p = arg;
    example_say_state(e);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_ONLINE)
        burble_set_presence(c, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_OFFLINE)
        g_main_loop_quit(p->main);
    if (e->kind == BURBLE_EVENT_MESSAGE && e->message->body != NULL &&
        e->message->type == BURBLE_CHAT && e->message->origin == BURBLE_LIVE)
        burble_say(c, e->message->from, e->message->body, NULL, NULL, NULL);
}

static gboolean on_signal(gpointer arg)
{
    struct program *p = arg;
    burble_disconnect(p->client);
    return G_SOURCE_CONTINUE;
}

int main(void)
{
    struct program p = {.main = g_main_loop_new(NULL, FALSE)};
    struct burble_loop *loop = example_loop();
    GSource *source = g_source_new(&SOURCE, sizeof(struct burble_source));
    struct burble_source *s = (struct burble_source *)source;
    s->loop = loop;
    s->tag = g_source_add_unix_fd(source, burble_loop_fd(loop), G_IO_IN);
    g_source_attach(source, NULL);
    g_unix_signal_add(SIGINT, on_signal, &p);
    g_unix_signal_add(SIGTERM, on_signal, &p);
    p.client = example_client(loop, on_event, &p);
    g_main_loop_run(p.main);
    burble_free(&p.client);
    g_source_destroy(source);
    g_source_unref(source);
    burble_loop_free(&loop);
    g_main_loop_unref(p.main);
    return 0;
}
