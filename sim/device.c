/* A client by the letter of XEP-0198: its session. device_login.c has the way there. */
#include "device_inside.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "xml/parser.h"
#include "xmpp/ns.h"

void device_init(struct device *d, struct book *book, const struct device_kind *kind)
{
    *d = (struct device){
        .kind = *kind, .book = book, .world = book->world, .index = book->device_count};
    snprintf(d->full, sizeof(d->full), "%s@localhost/%s", kind->user, kind->resource);
    CHECK(book->device_count < BOOK_DEVICES);
    book->devices[book->device_count++] = (struct book_device){
        .account = kind->account, .manages = kind->manages, .carbons = kind->carbons};
}

static void forget_expected(struct device *d)
{
    for (unsigned i = 0; i < d->expected_count; i++)
        mem_free(d->expected[i]);
    d->expected_count = d->expected_at = 0;
}

static void forget_unacked(struct device *d, uint32_t n)
{
    uint32_t all = d->sent - d->acked;
    for (uint32_t i = 0; i < n; i++)
        mem_free(d->unacked[i].text);
    memmove(d->unacked, d->unacked + n, (all - n) * sizeof(d->unacked[0]));
    d->acked += n;
}

void device_free(struct device *d)
{
    forget_expected(d);
    forget_unacked(d, d->sent - d->acked);
    buf_free(&d->missed);
    if (d->client != NULL)
        client_free(&d->client);
    if (d->zombie != NULL)
        client_free(&d->zombie);
}

/* -------------------------------------------------------------------------------- what it missed
 */

static struct slice body_of(struct xml message)
{
    return xml_text(xml_child(message, NS_CLIENT, SLICE("body")));
}

/* The message inside of a copy; the message itself when it is none. */
static struct xml inner_of(struct xml x, bool *copy, bool *sent)
{
    struct xml wrap = xml_child(x, NS_CARBONS, SLICE("received"));
    *sent = !xml_some(wrap);
    if (*sent)
        wrap = xml_child(x, NS_CARBONS, SLICE("sent"));
    *copy = xml_some(wrap);
    *sent &= *copy;
    struct xml forwarded = xml_child(wrap, SLICE("urn:xmpp:forward:0"), SLICE("forwarded"));
    struct xml inner = xml_child(forwarded, NS_CLIENT, SLICE("message"));
    return *copy ? inner : x;
}

/* What makes the stanza the same one when it comes again: its stamp may be new. */
static char *essence(struct xml x)
{
    struct buf out = {0};
    bool copy, sent;
    struct xml inner = inner_of(x, &copy, &sent);
    buf_printf(&out, "%.*s %s from %.*s type %.*s id %.*s body %.*s", SLICE_ARG(xml_name(x)),
               copy ? sent ? "sent" : "received" : "", SLICE_ARG(xml_attr(inner, SLICE("from"))),
               SLICE_ARG(xml_attr(inner, SLICE("type"))), SLICE_ARG(xml_attr(inner, SLICE("id"))),
               SLICE_ARG(body_of(inner)));
    char *text = mem_copy(buf_slice(&out));
    buf_free(&out);
    return text;
}

static bool parse(struct device *d, struct slice text, struct xml_tree **tree)
{
    bool good = xml_parse(text, NS_CLIENT, &XML_LIMITS_C2S, tree) == XML_OK;
    if (!good)
        book_fail(d->book, "%s got what is no XML: %.*s", d->full, SLICE_ARG(text));
    return good;
}

bool device_is_stanza(struct xml x)
{
    struct slice name = xml_name(x);
    return slice_eq(xml_ns(x), NS_CLIENT) &&
           (slice_is(name, "message") || slice_is(name, "presence") || slice_is(name, "iq"));
}

static uint32_t number(struct device *d, struct xml x, const char *name)
{
    unsigned long long n;
    if (slice_to_u64(xml_attr(x, slice_z(name)), &n) && n <= UINT32_MAX)
        return (uint32_t)n;
    book_fail(d->book, "%s got no number in %s", d->full, name);
    return 0;
}

static unsigned note_of(const struct device *d, struct slice id, char kind)
{
    unsigned long long n;
    if (id.len < 2 || id.ptr[0] != kind || !slice_to_u64(slice_from(id, 1), &n) || n == 0 ||
        n > d->book->count)
        return 0;
    return (unsigned)n;
}

/* What it missed on a connection. */
struct missing {
    bool plain; /* without stream management, or before it */
    unsigned n; /* stanzas */
};

static void missed(struct device *d, struct xml x, struct missing *m)
{
    if (slice_eq(xml_ns(x), NS_SM) && !slice_is(xml_name(x), "r") &&
        !slice_is(xml_name(x), "enabled") && xml_attr(x, SLICE("h")).ptr != NULL) {
        uint32_t h = number(d, x, "h");
        d->told_h = (int32_t)(h - d->told_h) > 0 ? h : d->told_h;
    }
    if (!device_is_stanza(x))
        return;
    m->plain |= slice_is(xml_attr(x, SLICE("id")), "bind");
    if (m->plain) {
        bool copy, sent;
        struct xml inner = inner_of(x, &copy, &sent);
        struct slice id = xml_attr(inner, SLICE("id"));
        unsigned note = note_of(d, id, 'm') != 0 ? note_of(d, id, 'm') : note_of(d, id, 'q');
        if (note != 0)
            book_missed(d->book, note);
        return;
    }
    if (!d->has_session)
        return; /* nobody asks for it again */
    char *text = essence(x);
    unsigned at = d->expected_at + m->n++;
    if (at < d->expected_count) {
        if (strcmp(text, d->expected[at]) != 0)
            book_fail(d->book, "%s was to get again \"%s\", and was sent \"%s\"", d->full,
                      d->expected[at], text);
        mem_free(text);
        return;
    }
    CHECK(d->expected_count < DEVICE_EXPECTED);
    d->expected[d->expected_count++] = text;
}

/* What was written to the connection and not taken. */
static void read_missed(struct device *d, const struct client *c, bool plain)
{
    struct buf all = {0};
    struct missing m = {.plain = plain};
    client_missed(c, &all);
    while (buf_len(&all) > 0) {
        size_t len = client_element(buf_slice(&all));
        if (len == 0)
            break;
        struct slice text = slice_of(buf_slice(&all).ptr, len);
        struct xml_tree *tree = NULL;
        bool stream = slice_starts(text, SLICE("<stream:")) ||
                      slice_starts(text, SLICE("</stream:")) || slice_starts(text, SLICE("<?"));
        if (!stream && parse(d, text, &tree))
            missed(d, xml_root(tree), &m);
        xml_tree_free(&tree);
        buf_consume(&all, len);
    }
    buf_free(&all);
}

static void drop_client(struct device *d, struct client **c, bool plain)
{
    if (*c == NULL)
        return;
    client_break(*c);
    read_missed(d, *c, plain);
    client_free(c);
}

void device_lose(struct device *d, bool zombie)
{
    if (d->client == NULL)
        return;
    device_confirm(d);
    if (!d->kind.manages)
        d->pending_count = 0; /* nobody will know */
    if (d->state >= DEVICE_ENABLING)
        d->lost_ms = world_now(d->world);
    d->state = DEVICE_OFF;
    d->owes = false;
    if (zombie && d->zombie == NULL && client_connected(d->client)) {
        client_stop_reading(d->client, true);
        d->zombie = d->client;
        d->zombie_plain = d->plain;
        d->client = NULL;
    } else {
        drop_client(d, &d->zombie, d->zombie_plain);
        drop_client(d, &d->client, d->plain);
    }
}

/* ---------------------------------------------------------------------------------- the counters
 */

void device_confirm(struct device *d)
{
    struct world_session s;
    unsigned kept = 0;
    bool all = !d->kind.manages && d->client != NULL && client_connected(d->client) &&
               client_has_read(d->client);
    bool known = d->kind.manages && world_session(d->world, d->full, &s);
    for (unsigned i = 0; i < d->pending_count; i++) {
        if (all || (known && (int32_t)(s.out_h - d->pending[i].number) >= 0))
            book_confirmed(d->book, &d->pending[i].arrival);
        else
            d->pending[kept++] = d->pending[i];
    }
    d->pending_count = kept;
}

void device_tell(struct device *d)
{
    char text[80];
    if (d->state != DEVICE_ON || !d->kind.manages)
        return;
    d->owes = false;
    snprintf(text, sizeof(text), "<a xmlns='urn:xmpp:sm:3' h='%u'/>", d->received);
    client_send(d->client, text);
}

void device_ask(struct device *d)
{
    if (d->state == DEVICE_ON && d->kind.manages)
        client_send(d->client, "<r xmlns='urn:xmpp:sm:3'/>");
}

bool device_say(struct device *d, const char *text, unsigned note, bool answer)
{
    if (d->state < DEVICE_ENABLING)
        return false;
    if (d->kind.manages) {
        if (d->sent - d->acked == DEVICE_UNACKED)
            return false;
        d->unacked[d->sent - d->acked] =
            (struct sent){.text = mem_copy(slice_z(text)), .note = note, .answer = answer};
        d->sent++;
    }
    client_send(d->client, text);
    return true;
}

void device_handled(struct device *d, uint32_t h, const char *where)
{
    if ((int32_t)(h - d->told_h) < 0)
        book_fail(d->book, "%s: %s h='%u' after %u", d->full, where, h, d->told_h);
    d->told_h = h;
    if (h - d->acked > d->sent - d->acked) {
        book_fail(d->book, "%s: %s h='%u', but %u to %u were sent", d->full, where, h, d->acked + 1,
                  d->sent);
        return;
    }
    for (uint32_t i = 0; i < h - d->acked; i++)
        if (d->unacked[i].note != 0 && !d->unacked[i].answer)
            book_acked(d->book, d->unacked[i].note);
    forget_unacked(d, h - d->acked);
}

/* ------------------------------------------------------------------------------------- the session
 */

void device_session_new(struct device *d)
{
    drop_client(d, &d->zombie, d->zombie_plain);
    book_session(d->book, d->index);
    forget_expected(d);
    forget_unacked(d, d->sent - d->acked);
    d->pending_count = 0;
    d->sent = d->acked = d->received = d->told_h = 0;
    d->has_session = d->forgiven = d->owes = false;
    d->id[0] = '\0';
    d->book->devices[d->index].wants = !d->kind.hidden && !d->kind.late;
}

/* A kept message that nobody answered for is sent in the new session, or never. */
void device_session_lost(struct device *d)
{
    struct sent *old = mem_array(DEVICE_UNACKED, sizeof(*old));
    uint32_t count = d->sent - d->acked;
    memcpy(old, d->unacked, count * sizeof(*old));
    d->acked = d->sent;
    device_session_new(d);
    device_session_begin(d);
    for (uint32_t i = 0; i < count; i++) {
        unsigned note = old[i].answer ? 0 : old[i].note;
        const struct note *m = note != 0 ? &d->book->notes[note - 1] : NULL;
        if (m != NULL && m->kind == NOTE_KEPT && m->sends < BOOK_SENDS &&
            world_random(d->world, 2) == 0 && device_say(d, old[i].text, note, false))
            book_sent(d->book, note);
        mem_free(old[i].text);
    }
    mem_free(old);
}

void device_resumed(struct device *d, struct xml x)
{
    uint32_t h = number(d, x, "h");
    if (!slice_eq(xml_attr(x, SLICE("previd")), slice_z(d->id)))
        book_fail(d->book, "%s resumed another session", d->full);
    drop_client(d, &d->zombie, d->zombie_plain);
    device_handled(d, h, "resumed");
    d->state = DEVICE_ON;
    d->plain = d->forgiven = false;
    for (uint32_t i = 0; i < d->sent - d->acked; i++) {
        client_send(d->client, d->unacked[i].text);
        if (d->unacked[i].note != 0)
            book_resent(d->book, d->unacked[i].note);
    }
    device_ask(d);
}

void device_refused(struct device *d, struct xml x)
{
    uint64_t gone_ms = world_now(d->world) - d->lost_ms;
    bool expired = gone_ms + DEVICE_PUMP_MS >= world_limits(d->world)->sm_resume_ms;
    if (!d->forgiven && !expired)
        book_fail(d->book, "%s was refused its session, %llu ms after it lost it", d->full,
                  (unsigned long long)gone_ms);
    if (xml_attr(x, SLICE("h")).ptr != NULL)
        device_handled(d, number(d, x, "h"), "failed");
    d->has_session = false;
}

void device_close(struct device *d)
{
    if (d->state != DEVICE_ON)
        return;
    book_closes(d->book, d->index);
    client_send(d->client, "</stream:stream>");
    d->has_session = false;
    d->state = DEVICE_OFF;
}

/* --------------------------------------------------------------------------------------- stanzas
 */

static void expect(struct device *d, struct xml x)
{
    if (d->expected_at == d->expected_count)
        return;
    char *text = essence(x);
    if (strcmp(text, d->expected[d->expected_at]) != 0)
        book_fail(d->book, "%s was to get \"%s\", and got \"%s\"", d->full,
                  d->expected[d->expected_at], text);
    mem_free(text);
    if (++d->expected_at == d->expected_count)
        forget_expected(d);
}

static uint64_t stanza_id(const struct device *d, struct xml message)
{
    unsigned long long id = 0;
    struct slice bare = slice_of(d->full, strcspn(d->full, "/"));
    struct slice ns = SLICE("urn:xmpp:sid:0"), name = SLICE("stanza-id");
    for (struct xml x = xml_child(message, ns, name); xml_some(x); x = xml_next_named(x, ns, name))
        if (slice_eq(xml_attr(x, SLICE("by")), bare))
            (void)slice_to_u64(xml_attr(x, SLICE("id")), &id);
    return id;
}

static void pend(struct device *d, const struct arrival *a)
{
    CHECK(d->pending_count < DEVICE_PENDING);
    d->pending[d->pending_count].arrival = *a;
    d->pending[d->pending_count++].number = d->received;
}

static void message(struct device *d, struct xml x)
{
    struct arrival a = {.device = d->index};
    bool copy;
    struct xml inner = inner_of(x, &copy, &a.sent);
    struct xml forwarded = copy ? xml_first_element(xml_first_element(x)) : x;
    unsigned n = note_of(d, xml_attr(inner, SLICE("id")), 'm');
    if (n == 0) {
        book_fail(d->book, "%s got a message that nobody sent", d->full);
        return;
    }
    if (slice_is(xml_attr(inner, SLICE("type")), "error")) {
        book_bounced(d->book, n, d->index);
        return;
    }
    a.n = n;
    a.role = copy ? NOTE_COPY : NOTE_MESSAGE;
    a.late = xml_some(xml_child(forwarded, NS_DELAY, SLICE("delay")));
    a.position = stanza_id(d, inner);
    book_came(d->book, &a);
    pend(d, &a);
}

static void iq(struct device *d, struct xml x)
{
    struct slice type = xml_attr(x, SLICE("type")), id = xml_attr(x, SLICE("id"));
    unsigned n = note_of(d, id, 'q');
    char text[200];
    if (n == 0) {
        snprintf(text, sizeof(text), "<iq type='result' id='%.*s'/>", SLICE_ARG(id));
        if (slice_is(type, "get") || slice_is(type, "set"))
            device_say(d, text, 0, false);
    } else if (slice_is(type, "result")) {
        book_answered(d->book, n, d->index);
    } else if (slice_is(type, "error")) {
        book_bounced(d->book, n, d->index);
    } else {
        struct arrival a = {.n = n, .device = d->index};
        book_came(d->book, &a);
        pend(d, &a);
        snprintf(text, sizeof(text), "<iq type='result' id='q%u' to='%.*s'/>", n,
                 SLICE_ARG(xml_attr(x, SLICE("from"))));
        if (!device_say(d, text, n, true))
            book_missed(d->book, n);
    }
}

static void presence(struct device *d, struct xml x)
{
    struct book_device *b = &d->book->devices[d->index];
    bool own = slice_eq(xml_attr(x, SLICE("from")), slice_z(d->full));
    if (own && b->wants && b->ready_tick == 0)
        b->ready_tick = ++d->book->tick;
}

static void stanza(struct device *d, struct xml x)
{
    d->received += d->kind.manages;
    expect(d, x);
    if (slice_is(xml_name(x), "message"))
        message(d, x);
    else if (slice_is(xml_name(x), "iq"))
        iq(d, x);
    else
        presence(d, x);
}

static void managed(struct device *d, struct xml x)
{
    struct slice name = xml_name(x);
    if (slice_is(name, "a")) {
        device_handled(d, number(d, x, "h"), "a");
    } else if (slice_is(name, "r")) {
        d->owes = true;
        if (!d->patient)
            device_tell(d);
    } else {
        book_fail(d->book, "%s got <%.*s/>", d->full, SLICE_ARG(name));
    }
}

void device_element(struct device *d, struct xml x)
{
    if (slice_eq(xml_ns(x), NS_SM))
        managed(d, x);
    else if (device_is_stanza(x))
        stanza(d, x);
    else
        book_fail(d->book, "%s got <%.*s/>", d->full, SLICE_ARG(xml_name(x)));
}

void device_pump(struct device *d)
{
    while (d->client != NULL && client_take(d->client)) {
        struct slice text = slice_z(client_last(d->client));
        struct xml_tree *tree = NULL;
        if (slice_starts(text, SLICE("<stream:stream")) || slice_starts(text, SLICE("<?")) ||
            slice_starts(text, SLICE("</stream:")) || slice_starts(text, SLICE("<stream:error")))
            continue; /* what the server says at the end is no matter: the connection ends */
        if (slice_starts(text, SLICE("<stream:features")))
            device_features(d, text);
        else if (parse(d, text, &tree))
            device_step(d, xml_root(tree));
        xml_tree_free(&tree);
    }
    device_confirm(d);
    if (d->client != NULL && !client_connected(d->client))
        device_lose(d, false);
}
