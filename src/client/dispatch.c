/* A stanza that came: it is counted, its head is checked, and it goes to whoever takes it. What is
 * bad is reported and not processed, and the stream goes on (row V20). */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

bool client_from_self(const struct burble *c, const struct stanza *s)
{
    return !jid_some(&s->from) || slice_eq(jid_full(&s->from), slice_z(c->setup.bare));
}

void client_bad(struct burble *c, const char *why, struct slice from)
{
    if (c->starved) /* who knows? */
        return;
    struct burble_bad_event e = {.why = why, .from = view_string(&c->view, from)};
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_BAD, .bad = &e});
}

static bool extensions(struct burble *c, const struct stanza *s)
{
    EXTENSIONS_WITH(stanza, x, c)
    {
        if (x->ops->stanza(x, s))
            return true;
    }
    return false;
}

static void requests(struct burble *c, const struct stanza *s)
{
    EXTENSIONS_WITH(request, x, c)
    {
        x->ops->request(x, s);
    }
}

static void deliver(struct burble *c, const struct stanza *s)
{
    if (s->kind == STANZA_IQ) {
        if (s->type == TYPE_GET || s->type == TYPE_SET)
            requests(c, s);
        client_iq_stanza(c, s);
        return;
    }
    if (extensions(c, s))
        return;
    if (s->kind == STANZA_MESSAGE ? message_deliver(c, s) : client_presence_deliver(c, s))
        return;
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_STANZA,
                                          .stanza = view_of(&c->view, s->root)});
}

/* An address, into mem. False: it is none, or there is no memory to know. */
static bool address(struct burble *c, struct slice text, struct arena *mem, struct jid *out)
{
    int err = text.ptr != NULL ? jid_parse(text, mem, out) : 0;
    c->starved = c->starved || err == ERR_MEMORY;
    return err == 0;
}

void client_stanza(struct burble *c, struct xml root)
{
    struct arena mem = {0};
    struct stanza s;
    struct slice from = xml_attr(root, SLICE("from")), to = xml_attr(root, SLICE("to"));
    /* The end was said, and with it how much was handled: the server keeps this for later. */
    if (c->sm.on && c->stream.state == STREAM_CLOSED)
        return;
    client_sm_count_in(c);
    c->view.tree = xml_some(root) ? root.tree : NULL;
    c->view.failed = c->starved = false;
    if (!stanza_read(root, SLICE_NONE, &s))
        client_bad(c, "it is no stanza", from);
    else if (!address(c, from, &mem, &s.from))
        client_bad(c, "its from is no address", from);
    else if (!address(c, to, &mem, &s.to))
        client_bad(c, "its to is no address", from);
    else if (s.type == TYPE_BAD && s.kind == STANZA_PRESENCE)
        client_bad(c, "its type is unknown", from);
    else
        deliver(c, &s);
    arena_free(&mem);
    arena_reset(&c->view.strings);
    c->view.tree = NULL;
    c->view.failed = false;
    if (c->starved && !c->doomed) {
        client_sm_uncount_in(c);
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
    }
}
