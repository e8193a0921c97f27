/* The conversation of a pair: whoever receives a message answers it, so that the number of messages
 * on the way stays what the phase began with. The id of a message carries the phase, the sender's
 * running number and the time of sending: what is lost, doubled or out of order shows exactly. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "client.h"

/* "b" phase "-" number "-" time, in fixed-width hexadecimal. */
enum { ID_TAG = 1, ID_SEQ = 4, ID_TIME = 13, ID_BYTES = 29 };

static void chat_hex(char *out, uint64_t value, unsigned digits)
{
    while (digits-- > 0) {
        out[digits] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

static bool chat_unhex(const char *text, unsigned digits, uint64_t *value_out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < digits; i++) {
        char ch = text[i];
        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'f'))
            return false;
        value = value << 4 | (uint64_t)(ch <= '9' ? ch - '0' : ch - 'a' + 10);
    }
    *value_out = value;
    return true;
}

void chat_prepare(struct client *c, uint8_t tag)
{
    const struct options *opt = &c->bench->opt;
    struct buf *m = &c->message;
    c->seq_in = c->seq_out = 0;
    buf_clear(m);
    buf_printf(m, "<message to='%s%u@%s%s' type='chat' id='", opt->user, c->index ^ 1u, opt->domain,
               opt->bare ? "" : "/bench");
    c->id_at = buf_len(m);
    buf_printf(m, "b%02x-%08x-%016x'><body>", tag, 0, 0);
    for (uint32_t i = 0; i < opt->body; i++)
        buf_byte(m, "the quick brown fox jumps over the lazy dog "[i % 44]);
    buf_lit(m, "</body>");
    if (opt->no_store)
        buf_lit(m, "<no-store xmlns='urn:xmpp:hints'/>");
    buf_lit(m, "</message>");
    CHECK(m->failed == 0);
}

void chat_send(struct client *c)
{
    char *id = c->message.ptr + c->message.start + c->id_at;
    chat_hex(id + ID_SEQ, c->seq_out++, 8);
    chat_hex(id + ID_TIME, c->bench->now_ns, 16);
    c->bench->chat.sent++;
    c->kept += c->bench->chat.keeping ? 1 : 0;
    client_send(c, buf_slice(&c->message));
    sm_sent(c, c->bench->now_ns);
    if (c->bench->chat.asking)
        sm_ask(c);
    if (!c->bench->opt.coalesce)
        client_flush(c); /* as a person's client does: a message, a write */
}

static void chat_arrived(struct client *c, uint64_t seq, uint64_t sent_ns)
{
    struct chat *chat = &c->bench->chat;
    if (seq < c->seq_in) {
        chat->duplicates++;
        return;
    }
    chat->gaps += seq - c->seq_in;
    chat->arrived++;
    c->kept += chat->keeping ? 1 : 0;
    c->seq_in = seq + 1;
    if (chat->measured)
        stats_add(&c->bench->latency, (c->bench->now_ns - sent_ns) / 1000);
    if (chat->answering)
        chat_send(c);
}

void chat_acked(struct client *c, uint64_t tag)
{
    struct bench *b = c->bench;
    b->chat.acked++;
    /* By the time of sending: what is acknowledged late must not be left out. */
    if (tag >= b->chat.from_ns && tag < b->chat.to_ns)
        stats_add(&b->ack_time, (b->now_ns - tag) / 1000);
}

static void chat_message(struct client *c, struct slice unit)
{
    struct slice id;
    struct slice type;
    uint64_t tag;
    uint64_t seq;
    uint64_t sent_ns;
    bool ours = scan_attr(unit, SLICE("id"), &id) && id.len == ID_BYTES && id.ptr[0] == 'b' &&
                chat_unhex(id.ptr + ID_TAG, 2, &tag) && chat_unhex(id.ptr + ID_SEQ, 8, &seq) &&
                chat_unhex(id.ptr + ID_TIME, 16, &sent_ns) && tag == c->bench->chat.tag;
    if (scan_attr(unit, SLICE("type"), &type) && slice_is(type, "error")) {
        if (c->bench->chat.errors++ == 0)
            fprintf(stderr, "load: %s: %.*s\n", c->bench->opt.label, SLICE_ARG(unit));
    } else if (ours) {
        chat_arrived(c, seq, sent_ns);
    } else {
        c->bench->chat.foreign++;
    }
}

void chat_unit(struct client *c, struct slice unit)
{
    if (scan_is(unit, SLICE("message"))) {
        chat_message(c, unit);
        return;
    }
    c->bench->foreign_stanzas++;
    if (scan_is(unit, SLICE("stream:error")))
        client_fail(c, "stream error:", unit);
    else
        client_decline(c, unit);
}
