/* The words of a text: what separates, what is folded, what is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/test_support.h"
#include "base/utf8.h"
#include "store/words.h"

static void expect_words(const char *text, const char *wanted)
{
    struct buf got = {0};
    struct words w = {.text = slice_z(text)};
    struct slice word;
    while (words_next(&w, &word)) {
        if (buf_len(&got) > 0)
            buf_byte(&got, '|');
        buf_add(&got, word);
    }
    buf_byte(&got, '\0');
    assert_string_equal(got.ptr, wanted);
    buf_free(&got);
}

static void words_are_letters_and_digits(void **state)
{
    (void)state;
    expect_words("", "");
    expect_words(" ,.-\n", "");
    expect_words("Hello, world! a1-b2", "hello|world|a1|b2");
    expect_words("don't https://x.example/?q=1", "don|t|https|x|example|q|1");
    expect_words("one\u00a0two\u2014three\u2026\U0001F600four\u200bfive",
                 "one|two|three|four|five");
    expect_words("a\xff"
                 "b \xe2\x82",
                 "a|b");
}

static void case_and_marks_do_not_matter(void **state)
{
    (void)state;
    expect_words("CAFÉ Cafe\u0301 ÀÉÎÕÜ Łódź İI", "cafe|cafe|aeiou|lodz|ii");
    expect_words("Straße ÆON ﬀ", "straße|æon|ﬀ");
    expect_words("ΆΛΦΑ άλφα ΣΊΣΥΦΟΣ σίσυφος", "αλφα|αλφα|σισυφοσ|σισυφοσ");
    expect_words("ПРИВЕТ Ёлка ЙОД Ђ Ѡ Ӂ Ѐ", "привет|елка|йод|ђ|ѡ|ӂ|ѐ");
    expect_words("Երևան ԵՐԵՎԱՆ", "երևան|երեվան");
    expect_words("Ｆｕｌｌ９ Việt", "full9|viet");
    expect_words("שָׁלוֹם שלום مُحَمَّد محمد", "שלום|שלום|محمد|محمد");
}

static void ideographs_are_words_of_their_own(void **state)
{
    (void)state;
    expect_words("abc日本x。カナ", "abc|日|本|x|カ|ナ");
    expect_words("한국 어", "한국|어");
}

static void a_long_word_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[400];
    for (size_t i = 0; i < 399; i += 2)
        memcpy(text + i, "ж", 2);
    struct words w = {.text = slice_of(text + 2, 396)};
    struct slice word;
    assert_true(words_next(&w, &word));
    assert_int_equal(word.len, WORDS_WORD_BYTES);
    assert_true(utf8_valid(word));
    assert_false(words_next(&w, &word));
}

static void expect_match(const char *query, const char *text, bool wanted)
{
    struct words_query q;
    assert_int_equal(words_query_read(&q, slice_z(query)), 0);
    assert_int_equal(words_match(&q, slice_z(text)), wanted);
    words_query_free(&q);
}

static void all_words_must_occur_whole_and_in_any_order(void **state)
{
    (void)state;
    expect_match("world hello", "Hello, World", true);
    expect_match("hello hello HELLO", "hello", true);
    expect_match("hello moon", "hello world", false);
    expect_match("hell", "hello", false);
    expect_match("hello", "hell o", false);
    expect_match("", "hello", false);
    expect_match("...", "...", false);
    expect_match("a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5",
                 "5 4 3 2 1 0 z y x w v u t s r q p o n m l k j i h g f e d c b a", true);
}

static void a_search_of_too_many_words_is_refused(void **state)
{
    (void)state;
    struct words_query q;
    struct slice many = SLICE("a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6");
    assert_int_equal(words_query_read(&q, many), ERR_LIMIT);
    words_query_free(&q);
}

/* Whatever the bytes are: words are not empty, are UTF-8, hold no separator of their own. */
static void random_bytes_become_clean_words(void **state)
{
    (void)state;
    uint64_t random = 9;
    for (int i = 0; i < 20000; i++) {
        char text[24];
        for (size_t k = 0; k < sizeof(text); k++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            text[k] = (char)((random >> 40) % 3 == 0 ? 'a' + (random >> 50) % 26 : random >> 33);
        }
        struct words w = {.text = slice_of(text, sizeof(text))};
        struct slice word;
        while (words_next(&w, &word)) {
            assert_true(word.len > 0 && word.len <= WORDS_WORD_BYTES && utf8_valid(word));
            for (size_t k = 0; k < word.len; k++) {
                unsigned char c = (unsigned char)word.ptr[k];
                assert_true((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_letters_and_digits),
        cmocka_unit_test(case_and_marks_do_not_matter),
        cmocka_unit_test(ideographs_are_words_of_their_own),
        cmocka_unit_test(a_long_word_is_cut_at_a_character),
        cmocka_unit_test(all_words_must_occur_whole_and_in_any_order),
        cmocka_unit_test(a_search_of_too_many_words_is_refused),
        cmocka_unit_test(random_bytes_become_clean_words),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
