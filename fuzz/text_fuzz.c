/* Text of strangers for terminals (V72) and commands split into words: whatever comes, what is
 * shown is UTF-8 without anything that steers a terminal, cut where it was asked for. */
#include <locale.h>
#include <stdint.h>

#include "base/check.h"
#include "base/utf8.h"
#include "burble/text.h"
#include "burble/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(struct slice shown, enum text_kind kind, size_t columns, size_t lines)
{
    size_t width = 0, line = 1;
    struct text_reader r = {.rest = shown, .kind = kind};
    struct text_piece piece;
    CHECK(utf8_valid(shown));
    for (size_t i = 0; i < shown.len; i++) {
        unsigned char c = (unsigned char)shown.ptr[i];
        CHECK(c != 0x7f && (c >= 0x20 || (c == '\n' && kind == TEXT_LINES)));
        CHECK(c != 0xc2 || (unsigned char)shown.ptr[i + 1] >= 0xa0); /* C1 */
        line += c == '\n';
    }
    CHECK(lines == 0 || line <= lines + 1);
    while (columns > 0 && text_next(&r, &piece)) {
        width = piece.line_end ? 0 : width + piece.columns;
        /* a joiner before the cut is shown as an escape when it is read again */
        CHECK(width <= columns || piece.bytes[0] == '<' || width <= columns + 16);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready)
        ready = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
    if (size < 3)
        return 0;
    enum text_kind kind = (enum text_kind)(data[0] % 3);
    size_t columns = data[1] % 100, lines = data[2] % 10;
    struct slice text = slice_of((const char *)data + 3, size - 3);
    struct buf cut = {0}, whole = {0}, again = {0};
    CHECK(text_cut(text, kind, columns, lines, &cut) == 0);
    check_shown(buf_slice(&cut), kind, columns, lines);
    CHECK(text_show(text, kind, &whole) == 0);
    check_shown(buf_slice(&whole), kind, 0, 0);
    CHECK(text_show(buf_slice(&whole), kind, &again) == 0);
    CHECK(slice_eq(buf_slice(&whole), buf_slice(&again)));
    CHECK(text_width(text, kind) == text_width(buf_slice(&whole), kind));
    buf_free(&cut);
    buf_free(&whole);
    buf_free(&again);

    struct config_strings words;
    if (words_split(text, &words))
        CHECK(words.count <= WORDS_MAX && words.items[words.count] == NULL);
    words_free(&words);
    return 0;
}
