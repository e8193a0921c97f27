/* Stanzas on their way out. With stream management they stay until the server has acknowledged them
 * and outlive the connection; without, they are gone when the connection has taken them.
 *
 * The list has those that were sent in front, in order, and then those that wait. Nothing is
 * written from inside of the program's call when that is outside of burble_feed. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "client/client.h"
#include "xml/parser.h"

enum {
    BACKLOG_BYTES = 256 * 1024, /* the connection takes no more: the rest waits here */
    SESSION_STANZAS = 20000,    /* beside queue_max: requests, answers, presence */
    SESSION_BYTES = 16 << 20,   /* beside queue_bytes_max */
    STRIKES = 3,
    LATE_MS = 60000, /* said so long after it was meant: with the time when it was */
};

struct outbox_item {
    struct list link;
    uint64_t ticket;
    int64_t since_ms;
    enum outbox_kind kind;
    bool sent;    /* on the present connection, or before it in a session that goes on */
    bool written; /* on any connection */
    bool secret;
    bool placed; /* nothing goes before it any more: a saved state counts on that */
    uint8_t strikes;
    uint32_t len, id_len;
    char text[]; /* the stanza, then its id and a NUL */
};

static struct outbox_item *of(struct list *l)
{
    return CONTAINER_OF(l, struct outbox_item, link);
}

/* A request has exactly one payload (RFC 6120 section 8.2.3). */
static bool is_complete(struct xml x)
{
    struct slice type = xml_attr(x, SLICE("type"));
    if (!xml_is(x, NS_CLIENT, SLICE("iq")) || (!slice_is(type, "get") && !slice_is(type, "set")))
        return true;
    struct xml payload = xml_first_element(x);
    return xml_some(payload) && !xml_some(xml_next_element(payload));
}

/* What leaves is one well-formed stanza, whoever wrote it: a program, or one of us with a piece of
 * its own in it. Parsing costs a seventh of all that is done for a message. */
static int check(struct slice text, struct xml_tree **tree_out)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    limits.stanza_bytes = XML_STANZA_BYTES_MAX;
    limits.elements = UINT32_MAX / 2;
    enum xml_error error = xml_parse(text, NS_CLIENT, &limits, tree_out);
    if (error == XML_OK && is_complete(xml_root(*tree_out)))
        return 0;
    return error == XML_MEMORY ? ERR_MEMORY : ERR_SYNTAX;
}

/* A session is there. */
static bool stands(const struct burble *c)
{
    return !c->suspended && (c->stream.state == STREAM_READY || c->stream.state == STREAM_ENABLE);
}

/* And takes more. */
static bool flows(const struct burble *c)
{
    return stands(c) && c->state != BURBLE_LEAVING;
}

/* Who floods us with requests does not keep messages from being sent. */
static bool has_room(const struct burble *c, enum outbox_kind kind, size_t bytes)
{
    const struct burble_config *limit = &c->setup.config;
    bool keep = kind == OUTBOX_KEEP;
    size_t n = keep ? c->outbox_kept : c->outbox_count - c->outbox_kept;
    size_t used = keep ? c->outbox_kept_bytes : c->outbox_bytes - c->outbox_kept_bytes;
    size_t most = keep ? limit->queue_bytes_max : SESSION_BYTES;
    return n < (keep ? limit->queue_max : SESSION_STANZAS) && used <= most && bytes <= most - used;
}

/* The item was put into the list, or (direction -1) is taken from it. */
static void add_up(struct burble *c, const struct outbox_item *i, int direction)
{
    size_t one = (size_t)direction, bytes = i->len * one;
    c->outbox_count += one;
    c->outbox_bytes += bytes;
    c->outbox_waiting += i->sent ? 0 : one;
    if (i->kind == OUTBOX_KEEP) {
        c->outbox_kept += one;
        c->outbox_kept_bytes += bytes;
    }
}

static void drop(struct burble *c, struct outbox_item *i, bool tell, int error)
{
    list_remove(&i->link);
    add_up(c, i, -1);
    if (tell && i->kind == OUTBOX_KEEP && i->id_len > 0) { /* messages; not subscriptions */
        struct burble_sent_event e = {
            .ticket = i->ticket, .id = i->text + i->len, .error = error, .written = i->written};
        client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_SENT, .sent = &e});
    }
    if (i->secret)
        mem_wipe(i->text, i->len);
    free(i);
}

/* Behind all that was sent, and before the messages that wait if it is not one itself. */
static void place(struct burble *c, struct outbox_item *i)
{
    struct list *behind = c->outbox.prev;
    while (i->kind == OUTBOX_SESSION && behind != &c->outbox && !of(behind)->sent &&
           !of(behind)->placed && of(behind)->kind == OUTBOX_KEEP)
        behind = behind->prev;
    list_push_front(behind, &i->link);
    add_up(c, i, 1);
}

static struct outbox_item *item_new(enum outbox_kind kind, struct slice text, struct slice id)
{
    size_t size;
    if (text.len > UINT32_MAX || id.len > UINT32_MAX ||
        __builtin_add_overflow(text.len + id.len, sizeof(struct outbox_item) + 1, &size))
        return NULL;
    struct outbox_item *i = malloc(size);
    if (i == NULL)
        return NULL;
    *i = (struct outbox_item){.kind = kind, .len = (uint32_t)text.len, .id_len = (uint32_t)id.len};
    memcpy(i->text, text.ptr, text.len);
    if (id.len > 0)
        memcpy(i->text + text.len, id.ptr, id.len);
    i->text[text.len + id.len] = '\0';
    return i;
}

static int may_put(const struct burble *c, enum outbox_kind kind, size_t bytes, unsigned flags)
{
    bool kept = kind == OUTBOX_KEEP && (flags & BURBLE_SEND_NOW) == 0;
    if (c->doomed || (!flows(c) && !kept) || (c->state == BURBLE_LEAVING && !c->suspended))
        return ERR_CLOSED;
    if (c->outside.random == NULL)
        return ERR_BUSY;
    return has_room(c, kind, bytes) ? 0 : ERR_LIMIT;
}

int outbox_put(struct burble *c, enum outbox_kind kind, struct slice text, struct slice id,
               unsigned flags, uint64_t *ticket_out)
{
    struct xml_tree *tree = NULL;
    int err = may_put(c, kind, text.len, flags);
    if (err == 0 && ((flags & OUTBOX_WRITTEN) == 0 || text.len > XML_STANZA_BYTES_MAX))
        err = check(text, &tree);
    xml_tree_free(&tree);
    if (err != 0)
        return err;
    struct outbox_item *i = item_new(kind, text, id);
    if (i == NULL)
        return ERR_MEMORY;
    i->ticket = ++c->next_ticket;
    i->secret = (flags & OUTBOX_SECRET) != 0;
    if (c->depth > 0)
        i->since_ms = c->now.wall_ms;
    else
        c->outbox_undated = true; /* it is not known how late it is */
    place(c, i);
    if (ticket_out != NULL)
        *ticket_out = i->ticket;
    if (c->depth > 0)
        outbox_flush(c);
    else
        client_wake(c);
    return 0;
}

/* ------------------------------------------------------------------------------------- writing */

static bool is_late(const struct burble *c, const struct outbox_item *i)
{
    static const char BEGIN[] = "<message ", END[] = "</message>", STAMP[] = "urn:xmpp:delay";
    struct slice text = slice_of(i->text, i->len), end = SLICE("</message>");
    return i->kind == OUTBOX_KEEP && i->since_ms != 0 && c->now.wall_ms - i->since_ms >= LATE_MS &&
           slice_starts(text, slice_of(BEGIN, sizeof(BEGIN) - 1)) && text.len > end.len &&
           memcmp(text.ptr + text.len - end.len, END, end.len) == 0 &&
           memmem(text.ptr, text.len, STAMP, sizeof(STAMP) - 1) == NULL;
}

/* With the time when it was said (XEP-0198 section 4, XEP-0203). */
static void write_late(struct burble *c, const struct outbox_item *i)
{
    struct buf b = {0};
    char stamp[TIME_STAMP_BYTES];
    struct slice end = SLICE("</message>");
    unsigned n = time_stamp(i->since_ms, stamp);
    buf_append(&b, i->text, i->len - end.len);
    buf_lit(&b, "<delay xmlns='urn:xmpp:delay'");
    xml_write_attr(&b, SLICE("from"), slice_z(c->jid));
    xml_write_attr(&b, SLICE("stamp"), slice_of(stamp, n));
    buf_lit(&b, "/>");
    buf_add(&b, end);
    client_link_write_built(c, &b);
}

static void write_item(struct burble *c, struct outbox_item *i)
{
    i->sent = i->written = true;
    c->outbox_waiting--;
    client_sm_sent(c, i->kind == OUTBOX_KEEP);
    if (i->secret)
        client_link_write_secret(c, slice_of(i->text, i->len),
                                 "<iq type='set'>(not shown: there may be a password in it)</iq>");
    else if (is_late(c, i))
        write_late(c, i);
    else
        client_link_write(c, slice_of(i->text, i->len));
}

static bool can_write(const struct burble *c)
{
    return c->outbox_waiting > 0 && stands(c) && c->link.state == LINK_OPEN &&
           client_link_backlog(c) < BACKLOG_BYTES;
}

/* Messages wait for the answer to <enable/>: were it lost on the way, nobody could say whether the
 * server has them. */
static bool holds(const struct burble *c)
{
    return c->outbox_held || c->stream.state == STREAM_ENABLE;
}

static bool may_write(const struct burble *c, const struct outbox_item *i)
{
    return can_write(c) && (!holds(c) || i->kind == OUTBOX_SESSION);
}

/* The first that was not sent. */
static struct list *first_waiting(struct burble *c)
{
    struct list *at = &c->outbox;
    for (size_t n = c->outbox_waiting; n > 0; n--)
        at = at->prev;
    return at;
}

void outbox_flush(struct burble *c)
{
    if (c->outbox_flushing) /* by a callback that was shown what is written */
        return;
    c->outbox_flushing = true;
    struct list *at = first_waiting(c);
    while (at != &c->outbox && may_write(c, of(at))) {
        write_item(c, of(at));
        at = at->next;
    }
    c->outbox_flushing = false;
}

/* Without stream management nobody will say more about them. */
static bool can_settle(const struct burble *c)
{
    return !c->sm.on && c->stream.state == STREAM_READY && client_link_backlog(c) == 0 &&
           c->outbox_count > c->outbox_waiting;
}

bool outbox_due(const struct burble *c)
{
    return (can_write(c) && !holds(c)) || can_settle(c);
}

static void date(struct burble *c)
{
    LIST_EACH(it, &c->outbox)
    if (of(it)->since_ms == 0)
        of(it)->since_ms = c->now.wall_ms;
    c->outbox_undated = false;
}

void outbox_turn(struct burble *c)
{
    if (c->outbox_undated)
        date(c);
    outbox_flush(c);
    if (can_settle(c))
        while (!list_empty(&c->outbox) && of(c->outbox.next)->sent)
            drop(c, of(c->outbox.next), true, 0);
}

/* ------------------------------------------------------------------------------------ settling */

bool outbox_acked(struct burble *c, uint32_t n)
{
    if (n > outbox_unacked(c))
        return false;
    while (n-- > 0) {
        c->sm.out_h++; /* before the callback: it may save */
        drop(c, of(c->outbox.next), true, 0);
    }
    return true;
}

uint32_t outbox_unacked(const struct burble *c)
{
    return (uint32_t)(c->outbox_count - c->outbox_waiting);
}

void outbox_suspect(struct burble *c)
{
    c->outbox_blamed = false;
    if (outbox_unacked(c) == 0)
        return;
    struct outbox_item *i = of(c->outbox.next);
    if (++i->strikes >= STRIKES)
        drop(c, i, true, ERR_REFUSED);
}

void outbox_rewind(struct burble *c)
{
    LIST_EACH(it, &c->outbox)
    of(it)->sent = false;
    c->outbox_waiting = c->outbox_count;
}

void outbox_new_session(struct burble *c)
{
    outbox_rewind(c);
    c->outbox_blamed = false;
    LIST_EACH(it, &c->outbox)
    {
        of(it)->placed = false;
        if (of(it)->kind == OUTBOX_SESSION)
            drop(c, of(it), false, 0);
    }
}

void outbox_clear(struct burble *c, int error)
{
    uint64_t last = c->next_ticket;
    while (!list_empty(&c->outbox) && of(c->outbox.next)->ticket <= last)
        drop(c, of(c->outbox.next), error != 0, error);
}

size_t burble_queued(const struct burble *c)
{
    return c->outbox_count;
}

/* -------------------------------------------------------------------------------- saved states */

bool outbox_place(struct burble *c)
{
    if (holds(c))
        return false;
    LIST_EACH(it, &c->outbox)
    of(it)->placed = true;
    return true;
}

bool outbox_each(const struct burble *c, const struct list **at, struct outbox_saved *out)
{
    *at = *at == NULL ? c->outbox.next : (*at)->next;
    if (*at == &c->outbox) {
        *at = NULL;
        return false;
    }
    const struct outbox_item *i = CONTAINER_OF(*at, const struct outbox_item, link);
    *out = (struct outbox_saved){.kind = i->kind,
                                 .sent = i->sent,
                                 .written = i->written,
                                 .secret = i->secret,
                                 .ticket = i->ticket,
                                 .since_ms = i->since_ms,
                                 .text = slice_of(i->text, i->len)};
    return true;
}

int outbox_restore(struct burble *c, const struct outbox_saved *item)
{
    struct xml_tree *tree = NULL;
    struct stanza s;
    struct outbox_item *i = NULL;
    int err = check(item->text, &tree);
    if (err == ERR_SYNTAX || (err == 0 && !stanza_read(xml_root(tree), SLICE_NONE, &s)))
        err = ERR_CORRUPT;
    if (err == 0) {
        i = item_new(item->kind, item->text, s.id);
        err = i != NULL ? 0 : ERR_MEMORY;
    }
    xml_tree_free(&tree);
    if (err != 0)
        return err;
    i->ticket = item->ticket;
    i->since_ms = item->since_ms;
    i->sent = item->sent;
    i->written = item->written;
    i->secret = item->secret;
    list_push(&c->outbox, &i->link);
    add_up(c, i, 1);
    return 0;
}
