/* Devices of contacts by the name of their resource. Presence comes when it comes: it is waited for
 * until none came for a second, at most five. */
#include "burble/resources.h"

#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"

enum { TICK_MS = 250, QUIET_TICKS = 4, TICKS_MAX = 20 };

static bool is_wanted(const struct resources *r, const struct burble_contact *k)
{
    for (size_t i = 0; i < r->only_count; i++)
        if (burble_roster_find(r->roster, r->only[i]) == k)
            return true;
    return r->only_count == 0;
}

static void collect(struct resources *r)
{
    for (size_t i = 0; i < burble_roster_count(r->roster); i++) {
        const struct burble_contact *k = burble_roster_at(r->roster, i);
        for (size_t j = 0; is_wanted(r, k) && j < k->available_count; j++) {
            if (fnmatch(r->pattern, k->resources[j].resource, 0) != 0)
                continue;
            r->jids = mem_resize(r->jids, r->count + 1, sizeof(*r->jids));
            r->jids[r->count++] = mem_copy(slice_z(k->resources[j].jid));
        }
    }
    r->found(r->session, r->jids, r->count);
}

static void tick(void *arg)
{
    struct resources *r = arg;
    if (r->session->ending)
        return;
    if (++r->ticks >= TICKS_MAX || ++r->quiet >= QUIET_TICKS)
        collect(r);
    else
        (void)burble_loop_alarm(r->session->loop, TICK_MS, tick, r, NULL);
}

static void on_presence(struct burble_roster *roster, const struct burble_contact *k,
                        const struct burble_resource *x, void *arg)
{
    struct resources *r = arg;
    (void)roster, (void)k, (void)x;
    r->quiet = 0;
}

static void on_ready(struct burble_roster *roster, const struct burble_stanza_error *error,
                     void *arg)
{
    struct resources *r = arg;
    struct session *s = r->session;
    (void)roster;
    if (error != NULL) {
        session_refused(s, "the contacts", BURBLE_IQ_ERROR, error);
    } else if (!r->asked) {
        r->asked = true;
        int err = burble_set_presence(s->client, BURBLE_SHOW_ONLINE, NULL, -1, NULL);
        if (err == 0)
            err = burble_loop_alarm(s->loop, TICK_MS, tick, r, NULL);
        if (err != 0)
            session_end(s, app_fail(s->app, EXIT_REFUSED, "%s", burble_error_text(err)));
    }
}

int resources_open(struct resources *r)
{
    int err = burble_roster_new(
        r->session->client,
        &BURBLE_ROSTER_CONFIG(.arg = r, .ready = on_ready, .presence = on_presence), &r->roster);
    return err == 0 ? 0
                    : app_fail(r->session->app, EXIT_REFUSED, "cannot start: %s",
                               burble_error_text(err));
}

void resources_close(struct resources *r)
{
    while (r->count > 0)
        mem_free(r->jids[--r->count]);
    mem_free(r->jids);
    r->jids = NULL;
}
