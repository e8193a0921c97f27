/* Splits a command into words (like POSIX shell quoting, XCU 2.2, without any expansion). Pure. */
#include "burble/words.h"

#include "base/buf.h"
#include "base/mem.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes one word from the front of *text; false when it has no end. */
static bool take_word(struct slice *text, struct buf *out)
{
    char quote = '\0';
    while (text->len > 0) {
        char c = text->ptr[0];
        char next = text->len > 1 ? text->ptr[1] : '\0';
        size_t used = 1;
        if (quote == '\0' && is_space(c))
            break;
        if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' &&
                   (quote == '\0' || (quote == '"' && (next == '"' || next == '\\')))) {
            if (text->len < 2)
                return false;
            buf_byte(out, next);
            used = 2;
        } else {
            buf_byte(out, c);
        }
        *text = slice_from(*text, used);
    }
    return quote == '\0' && !out->failed;
}

bool words_split(struct slice text, struct config_strings *out)
{
    struct buf word = {0};
    bool good = text.len <= WORDS_TEXT_BYTES_MAX;
    *out = (struct config_strings){0};
    if (!good)
        return false;
    out->items = mem_array(WORDS_MAX + 1, sizeof(*out->items)); /* ends with NULL, for exec */
    for (;;) {
        while (text.len > 0 && is_space(text.ptr[0]))
            text = slice_from(text, 1);
        if (text.len == 0)
            break;
        buf_clear(&word);
        good = out->count < WORDS_MAX && take_word(&text, &word);
        if (!good)
            break;
        out->items[out->count++] = mem_copy(buf_slice(&word));
    }
    buf_free(&word);
    if (!good)
        words_free(out);
    return good;
}

void words_free(struct config_strings *words)
{
    for (uint32_t i = 0; i < words->count; i++)
        mem_free(words->items[i]);
    mem_free(words->items);
    *words = (struct config_strings){0};
}
