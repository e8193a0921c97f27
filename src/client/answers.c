/* Answers to small questions: XEP-0199 version 2.0.1, XEP-0092 version 1.1, XEP-0202 version 2.0,
 * XEP-0012 version 2.0. Only who sees our presence anyway is answered; for all others it looks as
 * if nobody were here (row V69). Nothing here does anything for whoever asks (row V68). */
#include "burble/answers.h"

#include <stdlib.h>

#include "client/disco.h"
#include "client/text.h"

struct answers {
    struct client_extension x;
    uint64_t touched_ms;
};

static void on_free(struct client_extension *x)
{
    free(CONTAINER_OF(x, struct answers, x));
}

static const struct client_extension_ops ANSWERS_OPS = {.name = "answers", .free = on_free};

static void ping(struct burble *c, struct answers *a, struct xml_writer *w)
{
    (void)c, (void)a, (void)w;
}

static void version(struct burble *c, struct answers *a, struct xml_writer *w)
{
    (void)a;
    xml_open(w, SLICE("query"), NS_VERSION);
    xml_leaf(w, SLICE("name"), SLICE_NONE, slice_z(c->setup.software));
    xml_leaf(w, SLICE("version"), SLICE_NONE, slice_z(c->setup.software_version));
    if (c->setup.software_os != NULL)
        xml_leaf(w, SLICE("os"), SLICE_NONE, slice_z(c->setup.software_os));
    xml_close(w);
}

static void entity_time(struct burble *c, struct answers *a, struct xml_writer *w)
{
    char stamp[TIME_STAMP_BYTES];
    unsigned len = time_stamp(c->now.wall_ms, stamp);
    (void)a;
    xml_open(w, SLICE("time"), NS_TIME);
    xml_leaf(w, SLICE("tzo"), SLICE_NONE, SLICE("+00:00"));
    xml_leaf(w, SLICE("utc"), SLICE_NONE, slice_of(stamp, len));
    xml_close(w);
}

static void last(struct burble *c, struct answers *a, struct xml_writer *w)
{
    char seconds[CLIENT_NUMBER_BYTES];
    uint64_t idle_ms = c->now.mono_ms > a->touched_ms ? c->now.mono_ms - a->touched_ms : 0;
    xml_open(w, SLICE("query"), NS_LAST);
    xml_attr_put(w, SLICE("seconds"), client_number(idle_ms / 1000, seconds));
    xml_close(w);
}

static const struct question {
    struct slice ns, name;
    const char *feature;
    void (*write)(struct burble *c, struct answers *a, struct xml_writer *w);
} QUESTIONS[] = {
    {{"urn:xmpp:ping", 13}, {"ping", 4}, "urn:xmpp:ping", ping},
    {{"jabber:iq:version", 17}, {"query", 5}, "jabber:iq:version", version},
    {{"urn:xmpp:time", 13}, {"time", 4}, "urn:xmpp:time", entity_time},
    {{"jabber:iq:last", 14}, {"query", 5}, "jabber:iq:last", last},
};
enum { QUESTION_COUNT = sizeof(QUESTIONS) / sizeof(QUESTIONS[0]) };

static void answer(struct burble *c, const struct stanza *iq, struct xml payload, void *arg)
{
    struct xml_writer w;
    if (!client_may_tell(c, &iq->from) || iq->type != TYPE_GET) {
        (void)client_iq_refuse(c, iq, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE);
        return;
    }
    client_payload(c, &w);
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        if (xml_is(payload, QUESTIONS[i].ns, QUESTIONS[i].name))
            QUESTIONS[i].write(c, arg, &w);
    if (!c->work.failed)
        (void)client_iq_answer(c, iq, buf_slice(&c->work));
}

static struct answers *answers_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &ANSWERS_OPS);
    return x != NULL ? CONTAINER_OF(x, struct answers, x) : NULL;
}

int burble_answer_usual(struct burble *c)
{
    struct answers *a = answers_of(c);
    int err = disco_start(c);
    if (err != 0 && err != ERR_EXISTS)
        return err;
    if (a == NULL) {
        a = client_alloc(sizeof(*a));
        if (a == NULL)
            return ERR_MEMORY;
        a->touched_ms = c->now.mono_ms;
        client_extend(c, &a->x, &ANSWERS_OPS);
    }
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        err = client_iq_serve(c, QUESTIONS[i].ns, QUESTIONS[i].name, answer, a);
        if (err == 0)
            err = client_feature(c, QUESTIONS[i].feature);
        if (err != 0 && err != ERR_EXISTS)
            return err;
    }
    return 0;
}

void burble_touch(struct burble *c)
{
    struct answers *a = answers_of(c);
    if (a != NULL)
        a->touched_ms = c->now.mono_ms;
}
