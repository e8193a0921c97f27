/* What an account sees: stream features behind the login, service discovery (XEP-0030) of the
 * server, the account and the services, and how long an answer takes (XEP-0199). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "burble/answers.h"
#include "burble/disco.h"
#include "burble/probe.h"
#include "burble/session.h"
#include "io/clock.h"

enum { PINGS = 5 };

struct work {
    struct probe *p;
    struct session s;
    size_t open; /* questions */
    unsigned pings;
    uint64_t began_us;
};

static uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void ping(struct work *w);

static void end_if_done(struct work *w)
{
    if (w->open == 0)
        session_end(&w->s, EXIT_DONE);
}

static void add(struct probe_account *a, enum probe_place where, const char *feature)
{
    if (strchr(feature, '\n') != NULL)
        return;
    (void)buf_add(&a->features[where], slice_z(feature));
    (void)buf_byte(&a->features[where], '\n');
}

static void add_all(struct probe_account *a, enum probe_place where,
                    const struct burble_disco_info *info)
{
    for (size_t i = 0; i < info->feature_count; i++)
        add(a, where, info->features[i]);
}

/* Services may be items of the server, or the server itself. */
static void take_services(struct probe_account *a, const struct burble_disco_info *info)
{
    if (burble_disco_is(info, "conference", "text"))
        add_all(a, PROBE_AT_MUC, info);
    if (burble_disco_has(info, "urn:xmpp:http:upload:0"))
        add_all(a, PROBE_AT_UPLOAD, info);
}

static void about_server(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    struct work *w = arg;
    (void)c;
    w->open--;
    if (info->outcome == BURBLE_IQ_RESULT) {
        add_all(&w->p->account, PROBE_AT_SERVER, info);
        take_services(&w->p->account, info);
    }
    end_if_done(w);
}

static void about_account(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    struct work *w = arg;
    (void)c;
    w->open--;
    if (info->outcome == BURBLE_IQ_RESULT) {
        add_all(&w->p->account, PROBE_AT_ACCOUNT, info);
        w->p->account.pep = burble_disco_is(info, "pubsub", "pep");
    }
    end_if_done(w);
}

static void about_item(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    struct work *w = arg;
    (void)c;
    w->open--;
    if (info->outcome == BURBLE_IQ_RESULT)
        take_services(&w->p->account, info);
    end_if_done(w);
}

static void items(struct burble *c, const struct burble_disco_items *list, void *arg)
{
    struct work *w = arg;
    w->open--;
    for (size_t i = 0; i < list->item_count && i < PROBE_ITEMS_MAX; i++)
        if (list->items[i].node == NULL &&
            burble_disco_info(c, list->items[i].jid, NULL, about_item, w, NULL) == 0)
            w->open++;
    if (list->item_count > PROBE_ITEMS_MAX)
        w->p->account.items_more = list->item_count - PROBE_ITEMS_MAX;
    end_if_done(w);
}

static void ponged(struct burble *c, const struct burble_pong *pong, void *arg)
{
    struct work *w = arg;
    struct probe_account *a = &w->p->account;
    uint64_t took = now_us() - w->began_us;
    uint32_t us = took > UINT32_MAX / PINGS ? UINT32_MAX / PINGS : (uint32_t)took;
    (void)c;
    w->open--;
    if (pong->there) {
        a->ping_us_min = a->pings == 0 || us < a->ping_us_min ? us : a->ping_us_min;
        a->ping_us_max = us > a->ping_us_max ? us : a->ping_us_max;
        a->ping_us_sum += us;
        a->pings++;
        ping(w);
    }
    end_if_done(w);
}

static void ping(struct work *w)
{
    w->began_us = now_us();
    if (w->pings < PINGS && burble_ping(w->s.client, NULL, 0, ponged, w, NULL) == 0) {
        w->pings++;
        w->open++;
    }
}

static void online(struct session *s, bool resumed)
{
    static const struct {
        const char *ns, *name;
    } STREAM[] = {
        {"http://jabber.org/protocol/caps", "c"},
        {"urn:xmpp:sm:3", "sm"},
        {"urn:xmpp:csi:0", "csi"},
        {"urn:xmpp:features:rosterver", "ver"},
    };
    struct work *w = s->arg;
    struct probe_account *a = &w->p->account;
    if (resumed || a->online)
        return;
    a->online = true;
    for (size_t i = 0; i < sizeof(STREAM) / sizeof(STREAM[0]); i++)
        if (burble_has_stream_feature(s->client, STREAM[i].ns, STREAM[i].name))
            add(a, PROBE_AT_STREAM, STREAM[i].ns);
    if (burble_disco_info(s->client, NULL, NULL, about_server, w, NULL) == 0)
        w->open++;
    if (burble_disco_info(s->client, burble_bare_jid(s->client), NULL, about_account, w, NULL) == 0)
        w->open++;
    if (burble_disco_items(s->client, burble_domain(s->client), NULL, NULL, items, w, NULL) == 0)
        w->open++;
    ping(w);
    end_if_done(w);
}

static void event(struct session *s, const struct burble_event *e)
{
    struct work *w = s->arg;
    struct probe_account *a = &w->p->account;
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_OFFLINE && !a->online)
        (void)snprintf(a->why, sizeof(a->why), "%s", e->state->text);
}

static void too_late(void *arg)
{
    struct work *w = arg;
    w->p->late = true;
    session_end(&w->s, EXIT_UNREACHABLE);
}

int probe_account(struct probe *p)
{
    static const struct session_ops OPS = {.online = online, .event = event};
    struct work *w = mem_new(struct work);
    uint64_t now = clock_now().mono_ms;
    uint32_t left = now < p->deadline_ms ? (uint32_t)(p->deadline_ms - now) : 1;
    w->p = p;
    p->account.asked = true;
    int status = session_open(p->app, &OPS, w, &(struct session_options){.online_ms = left}, &w->s);
    if (status == 0 && burble_loop_alarm(w->s.loop, left, too_late, w, NULL) != 0)
        status = EXIT_REFUSED;
    if (status == 0)
        (void)session_run(&w->s); /* what went wrong becomes a row */
    session_close(&w->s);
    mem_free(w);
    return status == EXIT_USAGE ? status : 0;
}
