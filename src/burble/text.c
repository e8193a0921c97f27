/* Text of strangers, made harmless (V72, C14). Unicode 15.1: the ranges below are what is invisible
 * or steers (general categories Cc, Cf, Zl, Zp, default ignorable code points, noncharacters).
 * Never changes anything that goes to a program instead of a person. */
#include "burble/text.h"

#include <stdio.h>
#include <wchar.h>

#include "base/check.h"
#include "base/err.h"
#include "base/utf8.h"

struct range {
    uint32_t from, to;
};

static const struct range UNSEEN[] = {
    {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x0600, 0x0605},   {0x061c, 0x061c},
    {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x0890, 0x0891},   {0x08e2, 0x08e2},
    {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},
    {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},   {0xfdd0, 0xfdef},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1345f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

/* Scripts in which a joiner changes what a word means: Arabic, Syriac, N'Ko, the Indic ones. */
static const struct range JOINED_SCRIPTS[] = {{0x0600, 0x07ff}, {0x0840, 0x08ff}, {0x0900, 0x0dff}};
static const struct range EMOJI[] = {{0x2190, 0x2bff}, {0x1f000, 0x1faff}};

enum { ZWNJ = 0x200c, ZWJ = 0x200d, VS15 = 0xfe0e, VS16 = 0xfe0f };

static bool within(uint32_t code, const struct range *ranges, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > ranges[middle].to)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code >= ranges[low].from;
}

#define WITHIN(code, table) within((code), (table), sizeof(table) / sizeof((table)[0]))

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static bool is_unseen(uint32_t code)
{
    return WITHIN(code, UNSEEN) || (code & 0xfffe) == 0xfffe;
}

/* The next character; for bytes that are none, -1 and *len_out 1. */
static int32_t decode(struct slice s, size_t *len_out)
{
    uint32_t code = 0;
    int len = utf8_decode(s, &code);
    *len_out = len > 0 ? (size_t)len : 1;
    return len > 0 ? (int32_t)code : -1;
}

/* A byte or a character as text. */
static void escape(struct text_reader *r, struct text_piece *out, bool byte, uint32_t value)
{
    int n = byte ? snprintf(out->bytes, sizeof(out->bytes), "\\x%02x", (unsigned)value)
                 : snprintf(out->bytes, sizeof(out->bytes), "<U+%04X>", (unsigned)value);
    CHECK(n > 0 && n < TEXT_PIECE_BYTES);
    out->len = out->columns = (uint8_t)n;
    r->last = '>'; /* an accent behind an escape would be an accent on nothing of the text */
    r->marks = TEXT_MARKS_MAX;
}

/* Joiners and variation selectors between characters that may have them. Emoji are shown one by
 * one, because no two terminals agree on the width of a sequence. */
static bool joiner(const struct text_reader *r, uint32_t code, size_t len, struct text_piece *out)
{
    size_t next_len;
    if (r->kind == TEXT_NAME || r->last == 0 || r->marks >= TEXT_MARKS_MAX)
        return false;
    if (code == VS15 || code == VS16)
        return WITHIN(r->last, EMOJI) || (r->last >= '0' && r->last <= '9') || r->last == '#';
    if (code != ZWJ && code != ZWNJ)
        return false;
    int32_t next = decode(slice_from(r->rest, len), &next_len);
    if (next < 0)
        return false;
    if (code == ZWJ && WITHIN(r->last, EMOJI) && WITHIN((uint32_t)next, EMOJI))
        return true;
    if (!WITHIN(r->last, JOINED_SCRIPTS) || !WITHIN((uint32_t)next, JOINED_SCRIPTS) ||
        is_unseen((uint32_t)next))
        return false;
    for (size_t i = 0; i < len; i++)
        out->bytes[i] = r->rest.ptr[i];
    out->len = (uint8_t)len;
    return true;
}

static void plain(struct text_reader *r, uint32_t code, size_t len, struct text_piece *out)
{
    int columns = code < 0x7f ? 1 : wcwidth((wchar_t)code);
    if (columns == 0 && (r->last == 0 || r->marks >= TEXT_MARKS_MAX)) {
        escape(r, out, code < 0x80, code);
        return;
    }
    for (size_t i = 0; i < len; i++)
        out->bytes[i] = r->rest.ptr[i];
    out->len = (uint8_t)len;
    out->columns = columns >= 0 ? (uint8_t)columns : 1;
    r->marks = columns == 0 ? r->marks + 1 : 0;
    if (columns != 0)
        r->last = code;
}

static void end_line(struct text_reader *r, struct text_piece *out)
{
    out->line_end = true;
    r->column = 0;
    r->last = 0;
    r->marks = 0;
}

static void tab(struct text_reader *r, struct text_piece *out)
{
    out->columns = (uint8_t)(TEXT_TAB - r->column % TEXT_TAB);
    for (; out->len < out->columns; out->len++)
        out->bytes[out->len] = ' ';
    r->last = ' ';
    r->marks = 0;
}

bool text_next(struct text_reader *r, struct text_piece *out)
{
    size_t len;
    if (r->rest.len == 0)
        return false;
    *out = (struct text_piece){.len = 0};
    int32_t code = decode(r->rest, &len);
    if (code < 0) {
        escape(r, out, true, (unsigned char)r->rest.ptr[0]);
    } else if (r->kind == TEXT_LINES && code == '\n') {
        end_line(r, out);
    } else if (r->kind == TEXT_LINES && code == '\r' && r->rest.len > 1 && r->rest.ptr[1] == '\n') {
        len = 2;
        end_line(r, out);
    } else if (r->kind == TEXT_LINES && code == '\t') {
        tab(r, out);
    } else if (is_control((uint32_t)code)) {
        escape(r, out, code < 0x80, (uint32_t)code);
    } else if (!is_unseen((uint32_t)code)) {
        plain(r, (uint32_t)code, len, out);
    } else if (!joiner(r, (uint32_t)code, len, out)) {
        escape(r, out, code < 0x80, (uint32_t)code);
    } else {
        r->marks++;
    }
    r->column += out->columns;
    r->rest = slice_from(r->rest, len);
    return true;
}

int text_show(struct slice text, enum text_kind kind, struct buf *out)
{
    return text_cut(text, kind, 0, 0, out);
}

/* Goes to the end of the line; the line feed is next, if there is one. */
static void skip_line(struct text_reader *r)
{
    r->rest = slice_from(r->rest, slice_find(r->rest, '\n'));
}

int text_cut(struct slice text, enum text_kind kind, size_t columns, size_t lines, struct buf *out)
{
    struct text_reader r = {.rest = text, .kind = kind};
    struct text_piece piece;
    size_t line = 1, fits = buf_len(out); /* where the line can be cut and "…" still has room */
    while (text_next(&r, &piece)) {
        if (piece.line_end) {
            buf_byte(out, '\n');
            if (lines > 0 && line++ == lines)
                return r.rest.len > 0 ? buf_lit(out, "…") : 0;
            fits = buf_len(out);
            continue;
        }
        buf_append(out, piece.bytes, piece.len);
        if (columns == 0 || r.column < columns) {
            fits = buf_len(out);
        } else if (r.column > columns) {
            buf_truncate(out, fits);
            buf_lit(out, "…");
            if (kind != TEXT_LINES)
                break;
            skip_line(&r);
        }
    }
    return out->failed ? ERR_MEMORY : 0;
}

size_t text_width(struct slice text, enum text_kind kind)
{
    struct text_reader r = {.rest = text, .kind = kind};
    struct text_piece piece;
    size_t width = 0;
    while (text_next(&r, &piece) && !piece.line_end)
        width += piece.columns;
    return width;
}
