/* What a program sees of its client, for tests. */
#include "client/test_seen.h"

#include <stdio.h>

#include "base/check.h"
#include "burble/message.h"

static const char *some(const char *text)
{
    return text != NULL ? text : "";
}

static void state(struct test_seen *s, const struct burble_state_event *e)
{
    s->states++;
    s->state = e->state;
    s->why = e->why;
    s->resumed = e->resumed;
    s->retry_ms = e->retry_ms;
    snprintf(s->text, sizeof(s->text), "%s", e->text);
    snprintf(s->condition, sizeof(s->condition), "%s", some(e->condition));
    CHECK(buf_printf(&s->log, "%s%s, ", burble_state_text(e->state), e->resumed ? " again" : "") ==
          0);
}

static void message(struct test_seen *s, const struct burble_message *m)
{
    s->messages++;
    snprintf(s->body, sizeof(s->body), "%s", some(m->body));
    snprintf(s->id, sizeof(s->id), "%s", some(m->id));
    CHECK(buf_printf(&s->log, "message %s, ", s->body) == 0);
}

static void sent(struct test_seen *s, const struct burble_sent_event *e)
{
    *(e->error == 0 ? &s->sent : &s->failed) += 1;
    s->error = e->error;
    s->written = e->written;
    s->ticket = e->ticket;
    if (e->error == 0)
        CHECK(buf_printf(&s->log, "sent %s, ", some(e->id)) == 0);
    else
        CHECK(buf_printf(&s->log, "failed %s %d, ", some(e->id), e->error) == 0);
}

void test_seen_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct test_seen *s = arg;
    switch (e->kind) {
    case BURBLE_EVENT_STATE:
        state(s, e->state);
        break;
    case BURBLE_EVENT_MESSAGE:
        message(s, e->message);
        break;
    case BURBLE_EVENT_PRESENCE:
        s->presences++;
        break;
    case BURBLE_EVENT_STANZA:
        s->stanzas++;
        break;
    case BURBLE_EVENT_SENT:
        sent(s, e->sent);
        break;
    case BURBLE_EVENT_XML:
        s->xml++;
        break;
    case BURBLE_EVENT_BAD:
        s->bad++;
        CHECK(buf_printf(&s->log, "bad %s, ", e->bad->why) == 0);
        break;
    case BURBLE_EVENT_SAVE:
        s->saves++;
        CHECK(buf_lit(&s->log, "save, ") == 0);
        break;
    }
    if (s->then != NULL)
        s->then(c, e, s->arg);
}

const char *test_seen_log(struct test_seen *s)
{
    size_t len = buf_len(&s->log);
    if (len >= 2)
        buf_truncate(&s->log, len - 2);
    CHECK(buf_byte(&s->log, '\0') == 0);
    const char *text = buf_slice(&s->log).ptr;
    s->log.start = s->log.end = 0;
    return text;
}

void test_seen_free(struct test_seen *s)
{
    buf_free(&s->log);
}
