/* The item of a client's tokens as text: "fast1\n", then a line for each slot that is not empty:
 * number, mechanism, issued, expiry, count, token, with a space between two. */
#include "core/login_token.h"

void token_item_encode(const struct token_item *item, struct buf *out)
{
    buf_lit(out, "fast1\n");
    for (unsigned i = 0; i < TOKEN_SLOTS; i++) {
        const struct token_slot *slot = &item->slots[i];
        if (slot->ht != NULL)
            buf_printf(out, "%u %.*s %lld %lld %llu %.*s\n", i, SLICE_ARG(slot->ht->name),
                       slot->issued_ms, slot->expiry_ms, slot->count, SLICE_ARG(slot->token));
    }
}

static struct slice cut(struct slice *rest, char divider)
{
    size_t at = slice_find(*rest, divider);
    struct slice part = slice_of(rest->ptr, at);
    *rest = slice_from(*rest, at < rest->len ? at + 1 : at);
    return part;
}

static bool cut_time(struct slice *rest, long long *out)
{
    unsigned long long value;
    bool good = slice_to_u64(cut(rest, ' '), &value) && value <= INT64_MAX;
    *out = good ? (long long)value : 0;
    return good;
}

/* As we make them: visible ASCII. */
static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
            return false;
    return s.len > 0 && s.len <= SASL_HT_TOKEN_BYTES_MAX;
}

static bool decode_slot(struct slice line, struct token_item *item)
{
    unsigned long long i;
    struct token_slot slot = {0};
    if (!slice_to_u64(cut(&line, ' '), &i) || i >= TOKEN_SLOTS)
        return false;
    slot.ht = sasl_ht_find(cut(&line, ' '));
    if (slot.ht == NULL || !cut_time(&line, &slot.issued_ms) || !cut_time(&line, &slot.expiry_ms) ||
        !slice_to_u64(cut(&line, ' '), &slot.count) || !is_token(line))
        return false;
    slot.token = line;
    item->slots[i] = slot;
    return true;
}

bool token_item_decode(struct slice text, struct token_item *out)
{
    *out = (struct token_item){0};
    bool good = slice_is(cut(&text, '\n'), "fast1");
    while (good && text.len > 0)
        good = decode_slot(cut(&text, '\n'), out);
    if (!good)
        *out = (struct token_item){0};
    return good;
}

long long token_item_end(const struct token_item *item)
{
    long long end = 0;
    for (unsigned i = 0; i < TOKEN_SLOTS; i++)
        if (item->slots[i].expiry_ms > end)
            end = item->slots[i].expiry_ms;
    return end;
}

bool token_is_old(const struct token_slot *slot, int64_t now_ms)
{
    long long half = (slot->expiry_ms - slot->issued_ms) / 2;
    return now_ms - slot->issued_ms > (half < TOKEN_FRESH_MS ? half : TOKEN_FRESH_MS);
}
