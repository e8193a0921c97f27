/* Tests of commands split into words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/test_support.h"
#include "burble/words.h"

/* The words with "|" between them, or "-" when the text is refused. */
static void splits(const char *text, const char *expected)
{
    struct config_strings words;
    struct buf joined = {0};
    if (!words_split(slice_z(text), &words)) {
        assert_int_equal(words.count, 0);
        assert_null(words.items);
        assert_string_equal(expected, "-");
        return;
    }
    for (uint32_t i = 0; i < words.count; i++)
        buf_printf(&joined, "%s%s", i > 0 ? "|" : "", words.items[i]);
    assert_null(words.items[words.count]);
    buf_byte(&joined, '\0');
    assert_string_equal(buf_slice(&joined).ptr, expected);
    buf_free(&joined);
    words_free(&words);
}

static void words_are_those_of_a_shell(void **state)
{
    (void)state;
    splits("", "");
    splits("  \t ", "");
    splits("pass show xmpp/me", "pass|show|xmpp/me");
    splits("  a\tb\nc ", "a|b|c");
    splits("a 'b c' d", "a|b c|d");
    splits("a \"b c\" d", "a|b c|d");
    splits("a'b c'd\"e f\"g", "ab cde fg");
    splits("'' \"\" x", "||x");
    splits("a\\ b \\'c\\' \\\\", "a b|'c'|\\");
    splits("'a\\b' \"a\\b\" \"a\\\"b\\\\\"", "a\\b|a\\b|a\"b\\");
}

static void nothing_is_expanded(void **state)
{
    (void)state;
    splits("echo $HOME `id` $(id) * ~ a;b |c &", "echo|$HOME|`id`|$(id)|*|~|a;b||c|&");
}

static void what_has_no_end_is_refused(void **state)
{
    (void)state;
    splits("a 'b", "-");
    splits("a \"b", "-");
    splits("a \"b\\\"", "-");
    splits("a \\", "-");
    splits("'", "-");
}

static void there_are_limits(void **state)
{
    (void)state;
    char text[3 * WORDS_MAX + 4] = "";
    size_t len = 0;
    for (int i = 0; i < WORDS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "x ");
    struct config_strings words;
    assert_true(words_split(slice_of(text, len), &words));
    assert_int_equal(words.count, WORDS_MAX);
    words_free(&words);
    text[len] = 'y';
    assert_false(words_split(slice_of(text, len + 1), &words));
    char *big = mem_alloc(WORDS_TEXT_BYTES_MAX + 1);
    memset(big, 'x', WORDS_TEXT_BYTES_MAX + 1);
    assert_false(words_split(slice_of(big, WORDS_TEXT_BYTES_MAX + 1), &words));
    mem_free(big);
}

/* Words put between single quotes come back as they were. */
static void quoted_words_come_back(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        struct buf text = {0};
        char originals[8][16];
        size_t count = test_below(&seed, 8);
        for (size_t i = 0; i < count; i++) {
            size_t len = test_below(&seed, 15);
            buf_byte(&text, ' ');
            buf_byte(&text, '\'');
            for (size_t j = 0; j < len; j++) {
                originals[i][j] = " \t\n'\"\\$a"[test_below(&seed, 8)];
                if (originals[i][j] == '\'')
                    buf_lit(&text, "'\\''");
                else
                    buf_byte(&text, originals[i][j]);
            }
            originals[i][len] = '\0';
            buf_byte(&text, '\'');
        }
        struct config_strings words;
        assert_true(words_split(buf_slice(&text), &words));
        assert_int_equal(words.count, count);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(words.items[i], originals[i]);
        words_free(&words);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_a_shell), cmocka_unit_test(nothing_is_expanded),
        cmocka_unit_test(what_has_no_end_is_refused), cmocka_unit_test(there_are_limits),
        cmocka_unit_test(quoted_words_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
