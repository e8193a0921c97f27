/* Tests of what programs print as messages, and of who is addressed in a room. */
#include "burble/test_support.h"

#include "base/mem.h"
#include "burble/bot.h"

static struct buf out;

static const char *clean_to(const char *in, size_t len, size_t max)
{
    buf_clear(&out);
    bot_clean(slice_of(in, len), max, &out);
    assert_false(out.failed);
    assert_int_equal(strlen(buf_slice(&out).ptr) + 1, buf_len(&out));
    return buf_slice(&out).ptr;
}

#define clean(text) clean_to((text), sizeof(text) - 1, 1000)

static void text_is_left_alone(void **state)
{
    (void)state;
    assert_string_equal(clean("a\tb\nc"), "a\tb\nc");
    assert_string_equal(clean("\xd0\x90 \xf0\x9f\x98\x80"), "\xd0\x90 \xf0\x9f\x98\x80");
    assert_string_equal(clean(" x \r\n\n \t"), " x");
    assert_string_equal(clean("\n\n"), "");
    assert_string_equal(clean(""), "");
}

static void what_XML_cannot_carry_is_replaced(void **state)
{
    (void)state;
    assert_string_equal(clean("a\0b"), "a\xef\xbf\xbd"
                                       "b");
    assert_string_equal(clean("\x1b[31mred\x1b[0m"), "[31mred[0m");
    assert_string_equal(clean("1\r\n2"), "1\n2");
    assert_string_equal(clean("\x01\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(clean("\xef\xbf\xbf"), "\xef\xbf\xbd");
    assert_string_equal(clean("\xed\xa0\x80x"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx");
}

static void it_is_cut_where_its_XML_would_be_too_long(void **state)
{
    (void)state;
    assert_string_equal(clean_to("aaaaaaaaaa", 10, 15), "aaaaaaaaaa");
    assert_string_equal(clean_to("aaaaaaaaaaa", 11, 15), "aaaaaaaaaa ...");
    assert_string_equal(clean_to("<<&", 3, 15), "<< ...");
    assert_string_equal(clean_to("\xd0\x90\xd0\x90", 4, 8), "\xd0\x90 ...");
    char *big = mem_alloc(1000000);
    memset(big, '"', 1000000);
    assert_true(strlen(clean_to(big, 1000000, BOT_REPLY_BYTES_MAX)) <= BOT_REPLY_BYTES_MAX / 6 + 4);
    mem_free(big);
}

static void names_stand_in_front(void **state)
{
    (void)state;
    assert_string_equal(bot_addressed("bot: hello", "bot"), "hello");
    assert_string_equal(bot_addressed("Bot,hello", "bot"), "hello");
    assert_string_equal(bot_addressed("@bot hello", "bot"), "hello");
    assert_string_equal(bot_addressed("@bot: hello", "bot"), "hello");
    assert_string_equal(bot_addressed("bot", "bot"), "");
    assert_string_equal(bot_addressed("my bot: x", "my bot"), "x");
    assert_null(bot_addressed("bot is down", "bot"));
    assert_null(bot_addressed("bots: hello", "bot"));
    assert_null(bot_addressed("hello bot", "bot"));
    assert_null(bot_addressed("", "bot"));
    assert_null(bot_addressed("@", "bot"));
    assert_null(bot_addressed("hello", ""));
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_left_alone),
        cmocka_unit_test(what_XML_cannot_carry_is_replaced),
        cmocka_unit_test(it_is_cut_where_its_XML_would_be_too_long),
        cmocka_unit_test(names_stand_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
