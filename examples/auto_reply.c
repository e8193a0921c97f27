/* Tells everybody once an hour that nobody is here.
 *
 *   BURBLE_JID=me@example.org BURBLE_PASSWORD=... auto_reply "Back on Monday." */
#include "example.h"

#include <burble/message.h>
#include <burble/presence.h>
#include <string.h>
#include <time.h>

enum { PEOPLE_MAX = 1000, AGAIN_S = 3600 };

struct told {
    char who[512];
    time_t when;
};

struct absence {
    const char *text;
    struct told told[PEOPLE_MAX];
    size_t count;
};

static bool is_due(struct absence *a, const char *who)
{
    time_t now = time(NULL);
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->told[i].who, who) != 0)
            continue;
        if (now - a->told[i].when < AGAIN_S)
            return false;
        a->told[i].when = now;
        return true;
    }
    struct told *t = &a->told[a->count < PEOPLE_MAX ? a->count++ : (size_t)now % PEOPLE_MAX];
    snprintf(t->who, sizeof(t->who), "%s", who);
    t->when = now;
    return true;
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct absence *a = arg;
    example_say_state(e);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_ONLINE && !e->state->resumed)
        burble_set_presence(c, BURBLE_SHOW_XA, a->text, 0, NULL);
    if (e->kind != BURBLE_EVENT_MESSAGE)
        return;
    const struct burble_message *m = e->message;
    if (m->body != NULL && m->type == BURBLE_CHAT && m->origin == BURBLE_LIVE &&
        strcmp(m->from_bare, burble_bare_jid(c)) != 0 && is_due(a, m->from_bare))
        burble_say(c, m->from, a->text, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    static struct absence absence;
    absence.text = argc > 1 ? argv[1] : "I am not here; I will read this later.";
    struct burble_loop *loop = example_loop();
    struct burble *c = example_client(loop, on_event, &absence);
    burble_loop_run(loop);
    burble_free(&c);
    burble_loop_free(&loop);
    return 0;
}
