/* What the checker's clients send and get: messages that say who wrote them, to whom, and how many
 * there were before; pings as fences behind acknowledgements; the entries of archives. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "checker.h"
#include "mam.h"

enum { TEXT_BYTES_MAX = 96 };

/* The body, without what fills it up to --body. */
static struct slice stanza_text(const struct book *book, uint32_t message, char out[TEXT_BYTES_MAX])
{
    const struct book_message *m = &book->messages[message];
    int n = snprintf(out, TEXT_BYTES_MAX, "%u: number %u of %u to %u.", message, m->number,
                     m->writer, m->reader);
    return slice_of(out, (size_t)n);
}

void checker_write(struct client *c, uint32_t message)
{
    struct checker *k = c->bench->owner;
    const struct options *opt = &c->bench->opt;
    char text[TEXT_BYTES_MAX];
    struct slice body = stanza_text(&k->book, message, text);
    buf_printf(&c->out, "<message to='%s%u@%s' type='chat' id='k%08x'><body>%.*s", opt->user,
               k->book.messages[message].reader, opt->domain, message, SLICE_ARG(body));
    for (size_t i = body.len; i < opt->body; i++)
        buf_byte(&c->out, '.');
    buf_lit(&c->out, "</body></message>");
    CHECK(c->out.failed == 0);
}

void checker_send(struct checker *k, struct actor *a, uint32_t reader)
{
    uint32_t message = book_sent(&k->book, a->client->account, reader);
    k->sent++;
    checker_write(a->client, message);
    sm_sent(a->client, SM_OWN + message);
}

void checker_fence(struct actor *a)
{
    struct client *c = a->client;
    a->fenced = true;
    book_fence(a->device);
    buf_printf(&c->out, "<iq type='get' id='f%u' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
               ++a->fence, c->bench->opt.domain);
    sm_sent(c, SM_NOTHING);
}

static bool stanza_number(struct slice id, uint32_t *message_out)
{
    uint32_t value = 0;
    if (id.len != 9 || id.ptr[0] != 'k')
        return false;
    for (size_t i = 1; i < id.len; i++) {
        char ch = id.ptr[i];
        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'f'))
            return false;
        value = value << 4 | (uint32_t)(ch <= '9' ? ch - '0' : ch - 'a' + 10);
    }
    *message_out = value;
    return true;
}

/* Is it what was written, by whom it was written? */
static bool stanza_is_true(struct checker *k, struct slice unit, uint32_t message)
{
    const struct options *opt = &k->bench.opt;
    char text[TEXT_BYTES_MAX];
    char jid[128];
    struct slice from;
    struct slice body;
    if (message >= k->book.count)
        return false;
    int n = snprintf(jid, sizeof jid, "%s%u@%s/", opt->user, k->book.messages[message].writer,
                     opt->domain);
    return scan_attr(unit, SLICE("from"), &from) && slice_starts(from, slice_of(jid, (size_t)n)) &&
           scan_text(unit, SLICE("body"), &body) &&
           slice_starts(body, stanza_text(&k->book, message, text)) &&
           (body.len == opt->body || body.len < TEXT_BYTES_MAX);
}

static void stanza_message(struct checker *k, struct actor *a, struct slice unit)
{
    struct slice id;
    struct slice type;
    uint32_t message;
    if (!scan_attr(unit, SLICE("id"), &id) || !stanza_number(id, &message))
        return; /* the server's own */
    if (scan_attr(unit, SLICE("type"), &type) && slice_is(type, "error")) {
        if (k->bounced++ == 0)
            fprintf(stderr, "checker: the first error: %.*s\n", SLICE_ARG(unit));
        book_bounced(&k->book, message, a->client->account);
    } else if (a->device == NULL || !stanza_is_true(k, unit, message)) {
        book_foreign(&k->book, a->client->account, "a message that nobody wrote so");
    } else {
        book_arrived(&k->book, a->device, message);
    }
}

static void stanza_entry(struct checker *k, struct actor *a, struct slice text)
{
    struct slice id;
    uint32_t message;
    if (scan_attr(text, SLICE("id"), &id) && stanza_number(id, &message)) {
        if (stanza_is_true(k, text, message))
            book_in_archive(&k->book, a->client->account, message);
        else
            book_foreign(&k->book, a->client->account, "an archive that is not true");
    }
}

static void stanza_iq(struct actor *a, struct slice unit)
{
    struct checker *k = a->client->bench->owner;
    char expected[16];
    struct slice id;
    snprintf(expected, sizeof expected, "f%u", a->fence);
    if (scan_attr(unit, SLICE("id"), &id) && slice_eq(id, slice_z(expected)) && a->fenced) {
        a->fenced = false;
        book_confirmed(&k->book, a->device);
    } else {
        client_decline(a->client, unit);
    }
}

void checker_unit(struct client *c, struct slice unit)
{
    struct checker *k = c->bench->owner;
    struct actor *a = checker_actor(c);
    struct slice text;
    enum mam_kind kind = a->reading ? mam_read(unit, &text) : MAM_OTHER;
    if (kind == MAM_ENTRY) {
        stanza_entry(k, a, text);
    } else if (kind == MAM_PAGE) {
        mam_ask(c, text);
    } else if (kind != MAM_OTHER) {
        a->reading = false;
        a->read = kind == MAM_END;
    } else if (scan_is(unit, SLICE("message"))) {
        stanza_message(k, a, unit);
    } else if (scan_is(unit, SLICE("iq"))) {
        stanza_iq(a, unit);
    } else if (scan_is(unit, SLICE("stream:error"))) {
        client_fail(c, "stream error:", unit);
    }
}
