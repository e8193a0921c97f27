/* Stanzas on their way out. With stream management they stay until the server has acknowledged them
 * and outlive the connection; without, they are gone when they are written.
 *
 * The list has those that were sent in front, in order, and then those that wait. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "client/client.h"
#include "xml/parser.h"

struct outbox_item {
    struct list link;
    uint64_t ticket;
    enum outbox_kind kind;
    bool sent, secret;
    uint32_t len, id_len;
    char text[]; /* the stanza, then its id and a NUL */
};

static struct outbox_item *of(struct list *l)
{
    return CONTAINER_OF(l, struct outbox_item, link);
}

static void drop(struct burble *c, struct outbox_item *i, bool tell, int error)
{
    list_remove(&i->link);
    c->outbox_count--;
    c->outbox_bytes -= i->len;
    if (tell && i->kind == OUTBOX_KEEP) {
        struct burble_sent_event e = {
            .ticket = i->ticket, .id = i->id_len > 0 ? i->text + i->len : NULL, .error = error};
        client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_SENT, .sent = &e});
    }
    if (i->secret)
        mem_wipe(i->text, i->len);
    free(i);
}

/* What leaves is well-formed and permitted, whoever wrote it. */
static int check(struct slice text)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree = NULL;
    limits.stanza_bytes = XML_STANZA_BYTES_MAX;
    limits.elements = UINT32_MAX / 2;
    enum xml_error error = xml_parse(text, NS_CLIENT, &limits, &tree);
    xml_tree_free(&tree);
    return error == XML_OK ? 0 : error == XML_MEMORY ? ERR_MEMORY : ERR_SYNTAX;
}

static bool flows(const struct burble *c)
{
    return c->stream.state == STREAM_READY || c->stream.state == STREAM_ENABLE;
}

static void write_item(struct burble *c, struct outbox_item *i)
{
    i->sent = true;
    if (i->secret)
        client_link_write_secret(c, slice_of(i->text, i->len),
                                 "<iq type='set'>(not shown: there may be a password in it)</iq>");
    else
        client_link_write(c, slice_of(i->text, i->len));
    client_sm_count_out(c);
}

/* Behind all that was sent, and before the messages that wait if it is not one itself. */
static void place(struct burble *c, struct outbox_item *i)
{
    struct list *behind = c->outbox.prev;
    while (i->kind == OUTBOX_SESSION && behind != &c->outbox && !of(behind)->sent &&
           of(behind)->kind == OUTBOX_KEEP)
        behind = behind->prev;
    list_push_front(behind, &i->link);
    c->outbox_count++;
    c->outbox_bytes += i->len;
}

int outbox_put(struct burble *c, enum outbox_kind kind, struct slice text, struct slice id,
               unsigned flags, uint64_t *ticket_out)
{
    const struct burble_config *limit = &c->setup.config;
    if (!flows(c) && (kind != OUTBOX_KEEP || (flags & BURBLE_SEND_NOW) != 0))
        return ERR_CLOSED;
    if (kind == OUTBOX_KEEP && (c->outbox_count >= limit->queue_max ||
                                text.len > limit->queue_bytes_max - c->outbox_bytes))
        return ERR_LIMIT;
    int err = check(text);
    if (err != 0)
        return err;
    struct outbox_item *i = malloc(sizeof(*i) + text.len + id.len + 1);
    if (i == NULL)
        return ERR_MEMORY;
    *i = (struct outbox_item){.kind = kind,
                              .secret = (flags & OUTBOX_SECRET) != 0,
                              .ticket = ++c->next_ticket,
                              .len = (uint32_t)text.len,
                              .id_len = (uint32_t)id.len};
    memcpy(i->text, text.ptr, text.len);
    if (id.len > 0)
        memcpy(i->text + text.len, id.ptr, id.len);
    i->text[text.len + id.len] = '\0';
    place(c, i);
    if (ticket_out != NULL)
        *ticket_out = i->ticket;
    if (flows(c))
        outbox_flush(c);
    return 0;
}

void outbox_flush(struct burble *c)
{
    if (c->outbox_held)
        return;
    LIST_EACH(it, &c->outbox)
    {
        struct outbox_item *i = of(it);
        if (!flows(c) || c->link.state != LINK_OPEN)
            return;
        if (!i->sent)
            write_item(c, i);
    }
    client_timer_set(c, &c->settle_timer, 0);
}

/* Without stream management nobody will say more about them. Told later than the call that sent
 * them, as callbacks are. */
void outbox_settle(struct burble *c)
{
    if (c->sm.on || c->stream.state == STREAM_ENABLE)
        return;
    while (!list_empty(&c->outbox) && of(c->outbox.next)->sent)
        drop(c, of(c->outbox.next), true, 0);
}

void outbox_settle_due(struct burble *c, struct client_timer *t)
{
    (void)t;
    outbox_settle(c);
}

bool outbox_acked(struct burble *c, uint32_t n)
{
    if (n > outbox_unacked(c))
        return false;
    while (n-- > 0)
        drop(c, of(c->outbox.next), true, 0);
    return true;
}

uint32_t outbox_unacked(const struct burble *c)
{
    uint32_t n = 0;
    for (const struct list *it = c->outbox.next; it != &c->outbox; it = it->next) {
        if (!CONTAINER_OF(it, const struct outbox_item, link)->sent)
            break;
        n++;
    }
    return n;
}

void outbox_rewind(struct burble *c)
{
    LIST_EACH(it, &c->outbox)
    of(it)->sent = false;
}

void outbox_new_session(struct burble *c)
{
    outbox_rewind(c);
    LIST_EACH(it, &c->outbox)
    if (of(it)->kind == OUTBOX_SESSION)
        drop(c, of(it), false, 0);
}

void outbox_clear(struct burble *c, int error)
{
    while (!list_empty(&c->outbox))
        drop(c, of(c->outbox.next), error != 0, error);
}

size_t burble_queued(const struct burble *c)
{
    return c->outbox_count;
}

int burble_send(struct burble *c, const char *stanza, unsigned flags, uint64_t *ticket_out)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree = NULL;
    struct stanza s;
    char made[CLIENT_ID_BYTES];
    limits.stanza_bytes = XML_STANZA_BYTES_MAX;
    if (xml_parse(slice_z(stanza), NS_CLIENT, &limits, &tree) != XML_OK)
        return ERR_SYNTAX;
    if (!stanza_read(xml_root(tree), SLICE_NONE, &s) || s.type == TYPE_BAD) {
        xml_tree_free(&tree);
        return ERR_SYNTAX;
    }
    static const struct slice HEAD[] = {{.ptr = "id", .len = 2}};
    struct buf b = {0};
    struct slice name = stanza_kind_name(s.kind);
    if (s.id.ptr == NULL) {
        client_new_id(c, made);
        s.id = slice_z(made);
    }
    buf_byte(&b, '<');
    buf_add(&b, name);
    xml_write_attr(&b, SLICE("id"), s.id);
    xml_write_attributes(&b, xml_root(tree), HEAD, 1);
    buf_byte(&b, '>');
    xml_write_children(&b, xml_root(tree), NS_CLIENT);
    buf_lit(&b, "</");
    buf_add(&b, name);
    buf_byte(&b, '>');
    int err = b.failed ? ERR_MEMORY
                       : outbox_put(c, s.kind == STANZA_MESSAGE ? OUTBOX_KEEP : OUTBOX_SESSION,
                                    buf_slice(&b), s.id, flags, ticket_out);
    buf_free(&b);
    xml_tree_free(&tree);
    return err;
}
