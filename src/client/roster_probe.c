/* Is a contact offline, or does it hide? (directed unavailable presence, RFC 6121 section 4.6)
 *
 * Two questions, at the same time: a ping (XEP-0199 2.0.1) to each device that was seen before and
 * is not available now: only a device that is connected answers it, others are answered for by
 * their server. And the last activity (XEP-0012 2.0) of the account, which counts from when its
 * last device went: 0 while one is there. Some servers count from the last time a device said so
 * to all, and say 0 before there was one; so 0, or more than since we saw them go, tells of a
 * hidden device only if we saw one go. */
#include <stdlib.h>

#include "client/roster.h"

enum { PROBES_MAX = 100, PINGS_MAX = RESOURCES_GONE_MAX, SECONDS_SLACK = 10 };

struct probe;

struct question {
    struct probe *probe;
    uint64_t handle; /* 0: answered */
    char *jid;       /* whom it pings; NULL: this one asks for the last activity */
};

struct probe {
    struct list link;
    struct burble_roster *r;
    burble_probe_fn *fn;
    void *arg;
    char *jid;
    unsigned open;
    unsigned answered, absent;
    int64_t idle_s; /* -1: not told */
    struct question questions[PINGS_MAX + 1];
};

static void probe_free(struct probe *p)
{
    for (size_t i = 0; i < PINGS_MAX + 1; i++) {
        if (p->questions[i].handle != 0)
            burble_cancel(p->r->x.client, p->questions[i].handle);
        free(p->questions[i].jid);
    }
    list_remove(&p->link);
    p->r->probe_count--;
    free(p->jid);
    free(p);
}

void roster_probes_free(struct burble_roster *r)
{
    while (!list_empty(&r->probes))
        probe_free(CONTAINER_OF(r->probes.next, struct probe, link));
}

/* Since when the last of its devices is gone, in seconds; -1: none was seen to go. */
static int64_t gone_s(const struct probe *p, const struct contact *k)
{
    int64_t last_ms = -1, now_ms = p->r->x.client->now.wall_ms;
    for (size_t i = 0; i < k->pub.resource_count; i++)
        if (!k->resources[i].hidden && k->resources[i].since_ms > last_ms)
            last_ms = k->resources[i].since_ms;
    return last_ms < 0 ? -1 : now_ms > last_ms ? (now_ms - last_ms) / 1000 : 0;
}

static enum burble_contact_state judge(const struct probe *p, const struct contact *k)
{
    if (k->pub.available_count > 0)
        return BURBLE_CONTACT_ONLINE;
    if (p->answered > 0)
        return BURBLE_CONTACT_HIDDEN;
    int64_t gone = gone_s(p, k);
    if (p->idle_s == 0)
        return gone >= 2 ? BURBLE_CONTACT_HIDDEN : BURBLE_CONTACT_UNKNOWN;
    if (p->idle_s > 0)
        return gone >= 0 && p->idle_s > gone + SECONDS_SLACK ? BURBLE_CONTACT_HIDDEN
                                                             : BURBLE_CONTACT_OFFLINE;
    return p->absent > 0 ? BURBLE_CONTACT_OFFLINE : BURBLE_CONTACT_UNKNOWN;
}

static void finish(struct probe *p)
{
    struct burble_roster *r = p->r;
    struct contact *k = contacts_find(&r->items, slice_z(p->jid));
    struct burble_probe result = {.idle_seconds = p->idle_s, .answered = p->answered};
    burble_probe_fn *fn = p->fn;
    void *arg = p->arg;
    if (k != NULL) {
        result.state = judge(p, k);
        k->hides = result.state == BURBLE_CONTACT_HIDDEN;
    }
    probe_free(p);
    if (!client_extension_speaks(&r->x))
        return;
    client_enter(r->x.client);
    fn(r, contact_view(r, k), &result, arg);
    r->x.client->depth--;
}

static void last_activity(struct probe *p, enum burble_iq_outcome outcome, struct xml iq)
{
    struct xml query = xml_child(iq, NS_LAST, SLICE("query"));
    unsigned long long seconds;
    if (outcome == BURBLE_IQ_RESULT && slice_to_u64(xml_attr(query, SLICE("seconds")), &seconds) &&
        seconds <= INT32_MAX)
        p->idle_s = (int64_t)seconds;
}

static bool is_any(struct slice condition, const char *const *names)
{
    for (; *names != NULL; names++)
        if (slice_eq(condition, slice_z(*names)))
            return true;
    return false;
}

/* A server answers for a device that is not there with service-unavailable, which is also what a
 * device says that knows no pings; but feature-not-implemented is only ever a device's. */
static void pong(struct probe *p, const struct question *q, enum burble_iq_outcome outcome,
                 struct xml iq)
{
    static const char *const ABSENT[] = {"service-unavailable", "recipient-unavailable",
                                         "item-not-found", NULL};
    struct contact *k = contacts_find(&p->r->items, slice_z(p->jid));
    struct xml error = xml_child(iq, NS_CLIENT, SLICE("error"));
    struct slice condition = SLICE_NONE;
    for (struct xml x = xml_first_element(error); xml_some(x); x = xml_next_element(x))
        if (slice_eq(xml_ns(x), NS_STANZA_ERRORS) && !slice_is(xml_name(x), "text"))
            condition = xml_name(x);
    bool there = outcome == BURBLE_IQ_RESULT || slice_is(condition, "feature-not-implemented");
    p->answered += there;
    p->absent += is_any(condition, ABSENT);
    struct burble_resource *x = k != NULL ? contact_resource(k, slice_z(q->jid)) : NULL;
    if (there && x != NULL && !x->available && !x->hidden)
        roster_hides(p->r, k, x);
}

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct question *q = arg;
    struct probe *p = q->probe;
    struct burble_roster *r = p->r;
    (void)c;
    q->handle = 0;
    if (q->jid == NULL)
        last_activity(p, outcome, iq);
    else
        pong(p, q, outcome, iq);
    if (!client_extension_speaks(&r->x)) /* freed in a callback of pong, and the probe with it */
        return;
    if (--p->open == 0)
        finish(p);
}

static int ask(struct probe *p, struct question *q, struct slice to, struct slice payload)
{
    struct client_iq iq = {.to = to, .payload = payload, .fn = answered, .arg = q};
    q->probe = p;
    int err = client_iq_send(p->r->x.client, &iq, &q->handle);
    p->open += err == 0;
    return err;
}

static int begin(struct probe *p, const struct contact *k)
{
    size_t n = 0;
    int err = ask(p, &p->questions[n++], slice_z(p->jid), SLICE("<query xmlns='jabber:iq:last'/>"));
    for (size_t i = k->pub.available_count; err == 0 && i < k->pub.resource_count; i++) {
        struct question *q = &p->questions[n];
        if (n == PINGS_MAX + 1)
            break;
        q->jid = client_copy(slice_z(k->resources[i].jid));
        err = q->jid == NULL ? ERR_MEMORY
                             : ask(p, q, slice_z(q->jid), SLICE("<ping xmlns='urn:xmpp:ping'/>"));
        n++;
    }
    return err;
}

int burble_roster_probe(struct burble_roster *r, const char *jid, burble_probe_fn *fn, void *arg)
{
    const struct burble_contact *found = burble_roster_find(r, jid);
    if (found == NULL)
        return ERR_NOT_FOUND;
    if (r->probe_count >= PROBES_MAX)
        return ERR_LIMIT;
    struct probe *p = client_alloc(sizeof(*p));
    if (p == NULL)
        return ERR_MEMORY;
    *p = (struct probe){.r = r, .fn = fn, .arg = arg, .idle_s = -1};
    list_push(&r->probes, &p->link);
    r->probe_count++;
    p->jid = client_copy(slice_z(found->jid));
    int err = p->jid == NULL ? ERR_MEMORY : 0;
    if (err == 0)
        err = begin(p, contacts_find(&r->items, slice_z(found->jid)));
    if (err != 0)
        probe_free(p);
    return err;
}
