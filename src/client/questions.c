/* The small questions that we ask: XEP-0199 version 2.0.1, XEP-0092 version 1.1, XEP-0202 version
 * 2.0, XEP-0012 version 2.0. */
#include <stdlib.h>

#include "burble/answers.h"
#include "client/client.h"

struct asked {
    union {
        burble_pong_fn *pong;
        burble_software_fn *software;
        burble_clock_fn *clock;
        burble_activity_fn *activity;
    } fn;
    void *arg;
    struct client_timer start; /* of a ping that was asked from outside of burble_feed */
    uint64_t sent_ms;
    char jid[];
};

static struct asked *asked_new(const char *jid, void *arg)
{
    struct asked *a = client_alloc(sizeof(*a) + strlen(jid) + 1);
    if (a == NULL)
        return NULL;
    a->arg = arg;
    memcpy(a->jid, jid, strlen(jid) + 1);
    return a;
}

static void asked_free(void *arg)
{
    struct asked *a = arg;
    if (a != NULL)
        client_timer_stop(&a->start);
    free(a);
}

static int ask(struct burble *c, const char *jid, struct slice payload, uint32_t timeout_ms,
               client_iq_fn *fn, struct asked *a, uint64_t *handle_out)
{
    struct client_iq iq = {.to = slice_z(jid),
                           .payload = payload,
                           .timeout_ms = timeout_ms,
                           .fn = fn,
                           .arg = a,
                           .drop = asked_free};
    int err = client_iq_send(c, &iq, handle_out);
    if (err != 0)
        asked_free(a);
    return err;
}

static const struct burble_stanza_error BAD_ANSWER = {
    .condition = "undefined-condition", .type = "cancel", .text = "the answer cannot be read"};

/* ------------------------------------------------------------------------------------- ping */

/* Not implemented is an answer as well; but who says service-unavailable for a resource may be its
 * server, which does not know it. */
static bool is_there(enum burble_iq_outcome outcome, const char *condition, const char *jid)
{
    if (outcome != BURBLE_IQ_ERROR)
        return outcome == BURBLE_IQ_RESULT;
    return strcmp(condition, "feature-not-implemented") == 0 ||
           (strcmp(condition, "service-unavailable") == 0 && strchr(jid, '@') == NULL &&
            strchr(jid, '/') == NULL);
}

static void pong(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct asked *a = arg;
    struct burble_pong p = {.outcome = outcome, .from = a->jid};
    uint64_t rtt_ms = a->sent_ms != 0 ? c->now.mono_ms - a->sent_ms : 0;
    client_iq_error(c, outcome, iq, &p.error);
    p.there = is_there(outcome, p.error.condition, a->jid);
    p.rtt_ms = rtt_ms < UINT32_MAX ? (uint32_t)rtt_ms : UINT32_MAX;
    client_timer_stop(&a->start);
    a->fn.pong(c, &p, a->arg);
    asked_free(a);
}

static void started(struct burble *c, struct client_timer *t)
{
    CONTAINER_OF(t, struct asked, start)->sent_ms = c->now.mono_ms;
}

int burble_ping(struct burble *c, const char *jid, uint32_t timeout_ms, burble_pong_fn *fn,
                void *arg, uint64_t *handle_out)
{
    const char *to = jid != NULL ? jid : c->setup.domain;
    struct asked *a = asked_new(to, arg);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn.pong = fn;
    a->sent_ms = c->depth > 0 ? c->now.mono_ms : 0;
    a->start.fire = started;
    int err = ask(c, to, SLICE("<ping xmlns='urn:xmpp:ping'/>"), timeout_ms, pong, a, handle_out);
    if (err == 0 && c->depth == 0)
        client_timer_set(c, &a->start, 0); /* what is known of the time is old */
    return err;
}

/* ---------------------------------------------------------------------------------- version */

static const char *text_of(struct burble *c, struct xml parent, struct slice ns, struct slice name)
{
    struct xml x = xml_child(parent, ns, name);
    if (!xml_some(x))
        return NULL;
    struct slice text = xml_text(x);
    return text.ptr != NULL ? view_string(&c->view, text) : "";
}

static void version_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                           void *arg)
{
    struct asked *a = arg;
    struct burble_software s = {.outcome = outcome, .from = a->jid};
    struct xml query = xml_child(iq, NS_VERSION, SLICE("query"));
    client_iq_error(c, outcome, iq, &s.error);
    if (outcome == BURBLE_IQ_RESULT) {
        s.name = text_of(c, query, NS_VERSION, SLICE("name"));
        s.version = text_of(c, query, NS_VERSION, SLICE("version"));
        s.os = text_of(c, query, NS_VERSION, SLICE("os"));
    }
    a->fn.software(c, &s, a->arg);
    asked_free(a);
}

int burble_version_of(struct burble *c, const char *jid, burble_software_fn *fn, void *arg,
                      uint64_t *handle_out)
{
    const char *to = jid != NULL ? jid : c->setup.domain;
    struct asked *a = asked_new(to, arg);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn.software = fn;
    return ask(c, to, SLICE("<query xmlns='jabber:iq:version'/>"), 0, version_answer, a,
               handle_out);
}

/* ------------------------------------------------------------------------------------- time */

/* "+hh:mm", "-hh:mm" or "Z" (XEP-0082 section 3.2). */
static bool read_zone(struct slice s, int *minutes_out)
{
    unsigned long long hours, minutes;
    if (slice_is(s, "Z")) {
        *minutes_out = 0;
        return true;
    }
    if (s.len != 6 || (s.ptr[0] != '+' && s.ptr[0] != '-') || s.ptr[3] != ':' ||
        !slice_to_u64(slice_of(s.ptr + 1, 2), &hours) ||
        !slice_to_u64(slice_of(s.ptr + 4, 2), &minutes) || hours > 23 || minutes > 59)
        return false;
    int east = (int)(hours * 60 + minutes);
    *minutes_out = s.ptr[0] == '+' ? east : -east;
    return true;
}

static void time_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct asked *a = arg;
    struct burble_clock t = {.outcome = outcome, .from = a->jid};
    struct xml x = xml_child(iq, NS_TIME, SLICE("time"));
    client_iq_error(c, outcome, iq, &t.error);
    if (outcome == BURBLE_IQ_RESULT &&
        (!time_parse(xml_text(xml_child(x, NS_TIME, SLICE("utc"))), &t.wall_ms) ||
         !read_zone(xml_text(xml_child(x, NS_TIME, SLICE("tzo"))), &t.zone_minutes)))
        t = (struct burble_clock){.outcome = BURBLE_IQ_ERROR, .from = a->jid, .error = BAD_ANSWER};
    a->fn.clock(c, &t, a->arg);
    asked_free(a);
}

int burble_time_of(struct burble *c, const char *jid, burble_clock_fn *fn, void *arg,
                   uint64_t *handle_out)
{
    const char *to = jid != NULL ? jid : c->setup.domain;
    struct asked *a = asked_new(to, arg);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn.clock = fn;
    return ask(c, to, SLICE("<time xmlns='urn:xmpp:time'/>"), 0, time_answer, a, handle_out);
}

/* ---------------------------------------------------------------------------- last activity */

static void last_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct asked *a = arg;
    struct burble_activity l = {.outcome = outcome, .from = a->jid};
    struct xml query = xml_child(iq, NS_LAST, SLICE("query"));
    unsigned long long seconds = 0;
    client_iq_error(c, outcome, iq, &l.error);
    if (outcome == BURBLE_IQ_RESULT) {
        struct slice status = xml_text(query);
        if (slice_to_u64(xml_attr(query, SLICE("seconds")), &seconds))
            l.status = status.len > 0 ? view_string(&c->view, status) : NULL;
        else
            l = (struct burble_activity){
                .outcome = BURBLE_IQ_ERROR, .from = a->jid, .error = BAD_ANSWER};
        l.seconds = seconds;
    }
    a->fn.activity(c, &l, a->arg);
    asked_free(a);
}

int burble_last_of(struct burble *c, const char *jid, burble_activity_fn *fn, void *arg,
                   uint64_t *handle_out)
{
    const char *to = jid != NULL ? jid : c->setup.domain;
    struct asked *a = asked_new(to, arg);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn.activity = fn;
    return ask(c, to, SLICE("<query xmlns='jabber:iq:last'/>"), 0, last_answer, a, handle_out);
}
