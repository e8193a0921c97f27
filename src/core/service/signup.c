/* What a module does with a stream on which nobody has logged in (XEP-0077). */
#include "core/service/signup.h"

#include "base/check.h"
#include "core/c2s.h"

struct engine *signup_engine(const struct c2s *s)
{
    return s->e;
}

const char *signup_peer(const struct c2s *s)
{
    return s->link->peer;
}

void signup_wait(struct c2s *s, void *data)
{
    CHECK(s->state == C2S_NEGOTIATING && data != NULL);
    s->state = C2S_REGISTERING;
    s->entry->module_data = data;
}

static void answer(struct c2s *s, const struct stanza *st)
{
    stanza_write(&s->link->out, st, NULL, SLICE_NONE);
    c2s_written(s);
    if (s->state != C2S_REGISTERING)
        return;
    s->entry->module_data = NULL;
    s->state = C2S_NEGOTIATING;
    s->link->ops->resume(s->link);
}

void signup_result(struct c2s *s, struct slice id, struct slice payload)
{
    struct stanza st = {
        .kind = STANZA_IQ, .type = TYPE_RESULT, .id = id, .payload = payload, .packed = true};
    answer(s, &st);
}

void signup_error(struct c2s *s, struct slice id, enum stanza_error error, struct slice text)
{
    struct buf payload = {0};
    stanza_error_payload(&payload, error, text, SLICE_NONE);
    struct stanza st = {.kind = STANZA_IQ,
                        .type = TYPE_ERROR,
                        .id = id,
                        .payload = buf_slice(&payload),
                        .packed = true};
    s->e->counters.errors_sent++;
    answer(s, &st);
    buf_free(&payload);
}
