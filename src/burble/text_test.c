/* Tests of text made harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/test_support.h"
#include "base/utf8.h"
#include "burble/text.h"

/* The text as it is shown, until the next call. */
static const char *cut(const char *text, size_t len, enum text_kind kind, size_t columns,
                       size_t lines)
{
    static struct buf out;
    buf_clear(&out);
    assert_int_equal(text_cut(slice_of(text, len), kind, columns, lines, &out), 0);
    assert_int_equal(buf_byte(&out, '\0'), 0);
    if (text == NULL) {
        buf_free(&out);
        return NULL;
    }
    return buf_slice(&out).ptr;
}

static const char *shown(const char *text)
{
    return cut(text, strlen(text), TEXT_LINE, 0, 0);
}

static const char *name(const char *text)
{
    return cut(text, strlen(text), TEXT_NAME, 0, 0);
}

static const char *lines(const char *text)
{
    return cut(text, strlen(text), TEXT_LINES, 0, 0);
}

static void V72_escape_sequences_are_shown(void **state)
{
    (void)state;
    assert_string_equal(shown("\033[2J\033]0;x\007"), "\\x1b[2J\\x1b]0;x\\x07");
    assert_string_equal(shown("\033]8;;http://x\033\\a"), "\\x1b]8;;http://x\\x1b\\a");
    assert_string_equal(shown("a\rb\nc\td\x7f"), "a\\x0db\\x0ac\\x09d\\x7f");
    assert_string_equal(shown("\xc2\x9b"
                              "31m"),
                        "<U+009B>31m");
    assert_string_equal(cut("a\0b", 3, TEXT_LINES, 0, 0), "a\\x00b");
    assert_string_equal(lines("a\rb\vc\fd"), "a\\x0db\\x0bc\\x0cd");
}

static void V72_nothing_turns_the_direction_or_hides(void **state)
{
    (void)state;
    assert_string_equal(shown("a\u202eb\u2066c\u2069\u200f\u061c"),
                        "a<U+202E>b<U+2066>c<U+2069><U+200F><U+061C>");
    assert_string_equal(shown("pay\u200bpal\ufeff\u2060\u00ad"),
                        "pay<U+200B>pal<U+FEFF><U+2060><U+00AD>");
    assert_string_equal(lines("a\u2028b\u2029c\xc2\x85\nd"), "a<U+2028>b<U+2029>c<U+0085>\nd");
    assert_string_equal(shown("\U000e0041\uffff\U0010ffff\ufff9"),
                        "<U+E0041><U+FFFF><U+10FFFF><U+FFF9>");
}

static void V72_invalid_bytes_are_shown(void **state)
{
    (void)state;
    assert_string_equal(shown("a\xff\xc3"), "a\\xff\\xc3");
    assert_string_equal(shown("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");
    assert_string_equal(shown("\xf0\x9f\x98 "), "\\xf0\\x9f\\x98 ");
}

static void V72_joiners_stay_where_words_need_them(void **state)
{
    (void)state;
    const char *persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645";
    assert_string_equal(shown(persian), persian);
    assert_non_null(strstr(name(persian), "<U+200C>"));
    assert_string_equal(shown("a\u200cb\u200dc"), "a<U+200C>b<U+200D>c");
    /* a family of three: shown one by one, because widths of sequences differ */
    assert_string_equal(shown("\U0001f468\u200d\U0001f469\u200d\U0001f466"),
                        "\U0001f468\U0001f469\U0001f466");
    assert_non_null(strstr(name("\U0001f468\u200d\U0001f469"), "<U+200D>"));
    assert_string_equal(shown("\u2764\ufe0f!"), "\u2764!");
    assert_string_equal(shown("a\ufe0f"), "a<U+FE0F>");
}

static void V72_accents_do_not_pile_up(void **state)
{
    (void)state;
    assert_string_equal(shown("Vie\u0323\u0302t"), "Vie\u0323\u0302t");
    assert_string_equal(shown("\u0301a"), "<U+0301>a");
    assert_string_equal(shown("a\u0301\u0301\u0301\u0301\u0301\u0301"),
                        "a\u0301\u0301\u0301\u0301<U+0301><U+0301>");
    assert_string_equal(lines("a\n\u0301"), "a\n<U+0301>");
    assert_string_equal(shown("\x01\u0301"), "\\x01<U+0301>");
}

static void what_people_write_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "Grüße, 世界 — שלום, مرحبا",
        "x < y && \"z\" \\ 'w' <U+0041>",
        "👍🏽 ok €",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_string_equal(shown(texts[i]), texts[i]);
        assert_string_equal(lines(texts[i]), texts[i]);
    }
    assert_string_equal(lines("a\r\nb\n\nc\n"), "a\nb\n\nc\n");
    assert_string_equal(lines("1\t2\n12345678\t9"), "1       2\n12345678        9");
}

static void C14_a_line_is_cut_to_its_columns(void **state)
{
    (void)state;
    assert_string_equal(cut("hello", 5, TEXT_LINE, 5, 0), "hello");
    assert_string_equal(cut("hello!", 6, TEXT_LINE, 5, 0), "hell…");
    assert_string_equal(cut("hello!", 6, TEXT_LINE, 1, 0), "…");
    assert_string_equal(cut("世界", 6, TEXT_LINE, 4, 0), "世界");
    assert_string_equal(cut("世界", 6, TEXT_LINE, 3, 0), "世…");
    assert_string_equal(cut("a世界", 7, TEXT_LINE, 3, 0), "a…");
    assert_string_equal(cut("abc\033", 4, TEXT_LINE, 6, 0), "abc…");
    assert_string_equal(cut("ae\u0301x", 5, TEXT_LINE, 2, 0), "a…");
    assert_string_equal(cut("ae\u0301", 4, TEXT_LINE, 2, 0), "ae\u0301");
    char *line = mem_alloc(1 << 20);
    memset(line, 'x', 1 << 20);
    assert_int_equal(strlen(cut(line, 1 << 20, TEXT_LINES, 80, 10)), 79 + strlen("…"));
    mem_free(line);
}

static void C14_lines_are_cut_in_both_directions(void **state)
{
    (void)state;
    const char *text = "one\ntwo is long\nthree\nfour";
    assert_string_equal(cut(text, strlen(text), TEXT_LINES, 6, 0), "one\ntwo i…\nthree\nfour");
    assert_string_equal(cut(text, strlen(text), TEXT_LINES, 6, 2), "one\ntwo i…\n…");
    assert_string_equal(cut(text, strlen(text), TEXT_LINES, 0, 4), text);
    assert_string_equal(cut("a\nb\n", 4, TEXT_LINES, 0, 2), "a\nb\n");
    assert_string_equal(cut("abcdef\r\nb", 9, TEXT_LINES, 3, 0), "ab…\nb");
}

static void width_is_what_is_shown(void **state)
{
    (void)state;
    assert_int_equal(text_width(SLICE("abc"), TEXT_LINE), 3);
    assert_int_equal(text_width(SLICE("\033"), TEXT_LINE), 4);
    assert_int_equal(text_width(SLICE("世界"), TEXT_LINE), 4);
    assert_int_equal(text_width(SLICE("e\u0301"), TEXT_LINE), 1);
    assert_int_equal(text_width(SLICE("ab\ncd"), TEXT_LINES), 2);
    assert_int_equal(text_width(SLICE("\u202e"), TEXT_NAME), 8);
}

/* Whatever comes: what is shown is UTF-8 without anything that steers, and showing it again changes
 * nothing, unless it was cut. */
static void V72_random_text_is_harmless(void **state)
{
    (void)state;
    uint64_t seed = 72;
    static const char *const parts[] = {
        "\033", "\u202e", "\u200d", "\U0001f468", "\u0301", "a",      "\n",       "\r",   "\t",
        "世",   "\xff",   "\u0645", "\x80",       "\ufe0f", "\u200c", "\xc2\x85", "\x7f", "\0"};
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t len = 0, columns = test_below(&seed, 12), rows = test_below(&seed, 4);
        enum text_kind kind = (enum text_kind)test_below(&seed, 3);
        while (len < 40) {
            const char *part = parts[test_below(&seed, sizeof(parts) / sizeof(parts[0]))];
            size_t n = part[0] == '\0' ? 1 : strlen(part);
            memcpy(text + len, part, n);
            len += n;
        }
        struct buf once = {0}, twice = {0};
        assert_int_equal(text_cut(slice_of(text, len), kind, columns, rows, &once), 0);
        assert_true(utf8_valid(buf_slice(&once)));
        struct slice s = buf_slice(&once);
        size_t width = 0;
        while (s.len > 0) {
            uint32_t code;
            int n = utf8_decode(s, &code);
            assert_true(code >= 0x20 || (code == '\n' && kind == TEXT_LINES));
            assert_true(code < 0x7f || code > 0xa0);
            assert_true(code != 0x202e && code != 0xfe0f && code < 0xe0000);
            assert_true(kind != TEXT_NAME || (code != 0x200c && code != 0x200d));
            width = code == '\n' ? 0 : width + (size_t)wcwidth((wchar_t)code);
            assert_true(columns == 0 || width <= columns);
            s = slice_from(s, (size_t)n);
        }
        assert_int_equal(text_cut(buf_slice(&once), kind, 0, 0, &twice), 0);
        assert_true(columns > 0 || rows > 0 || slice_eq(buf_slice(&once), buf_slice(&twice)));
        buf_free(&once);
        buf_free(&twice);
    }
}

static int set_up(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cut(NULL, 0, TEXT_LINE, 0, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V72_escape_sequences_are_shown),
        cmocka_unit_test(V72_nothing_turns_the_direction_or_hides),
        cmocka_unit_test(V72_invalid_bytes_are_shown),
        cmocka_unit_test(V72_joiners_stay_where_words_need_them),
        cmocka_unit_test(V72_accents_do_not_pile_up),
        cmocka_unit_test(what_people_write_stays),
        cmocka_unit_test(C14_a_line_is_cut_to_its_columns),
        cmocka_unit_test(C14_lines_are_cut_in_both_directions),
        cmocka_unit_test(width_is_what_is_shown),
        cmocka_unit_test(V72_random_text_is_harmless),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
