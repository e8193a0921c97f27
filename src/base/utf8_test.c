/* Tests of utf8.c (RFC 3629): all code points there and back, all classes of malformed input, every
 * split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static void every_scalar_value_survives_a_round_trip(void **state)
{
    (void)state;
    uint32_t seen = 0;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        char text[4];
        unsigned len = utf8_encode(code, text);
        unsigned expected = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        uint32_t back = UINT32_MAX;
        if (len != expected || utf8_decode(slice_of(text, len), &back) != (int)len || back != code)
            fail_msg("U+%04X: %u bytes, back as U+%04X", code, len, back);
        seen++;
    }
    assert_int_equal(seen, 0x110000 - 0x800);
}

/* The definition of RFC 3629 section 4 written a second time, by ranges of whole sequences. */
static int reference(const unsigned char *p, int len)
{
    static const struct {
        unsigned char low[4], high[4];
        int len;
    } rows[] = {
        {{0x00}, {0x7f}, 1},
        {{0xc2, 0x80}, {0xdf, 0xbf}, 2},
        {{0xe0, 0xa0, 0x80}, {0xe0, 0xbf, 0xbf}, 3},
        {{0xe1, 0x80, 0x80}, {0xec, 0xbf, 0xbf}, 3},
        {{0xed, 0x80, 0x80}, {0xed, 0x9f, 0xbf}, 3},
        {{0xee, 0x80, 0x80}, {0xef, 0xbf, 0xbf}, 3},
        {{0xf0, 0x90, 0x80, 0x80}, {0xf0, 0xbf, 0xbf, 0xbf}, 4},
        {{0xf1, 0x80, 0x80, 0x80}, {0xf3, 0xbf, 0xbf, 0xbf}, 4},
        {{0xf4, 0x80, 0x80, 0x80}, {0xf4, 0x8f, 0xbf, 0xbf}, 4},
    };
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        int fits = 0;
        while (fits < rows[r].len && fits < len && p[fits] >= rows[r].low[fits] &&
               p[fits] <= rows[r].high[fits])
            fits++;
        if (fits == rows[r].len)
            return fits;
        if (fits == len)
            return 0;
    }
    return -1;
}

static void every_three_byte_input_agrees_with_the_grammar(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 1u << 24; n++) {
        unsigned char p[3] = {(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};
        uint32_t code;
        if (utf8_decode(slice_of((char *)p, 3), &code) != reference(p, 3))
            fail_msg("%02x %02x %02x", p[0], p[1], p[2]);
    }
}

static void every_four_byte_lead_agrees_with_the_grammar(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0xbf, 0xc0, 0xff};
    for (unsigned n = 0; n < 256 * 256 * 64; n++) {
        unsigned char p[4] = {(unsigned char)(n >> 14), (unsigned char)(n >> 6), tails[n >> 3 & 7],
                              tails[n & 7]};
        uint32_t code;
        for (int len = 1; len <= 4; len++)
            if (utf8_decode(slice_of((char *)p, (size_t)len), &code) != reference(p, len))
                fail_msg("%02x %02x %02x %02x of %d", p[0], p[1], p[2], p[3], len);
    }
}

static void V11_malformed_utf8_is_never_valid(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        SLICE("\xeb"),             /* truncated, then the end */
        SLICE("\xeb/>"),           /* truncated by ASCII, as in the record */
        SLICE("\xc0\x80"),         /* overlong NUL */
        SLICE("\xc1\xbf"),         /* overlong DEL */
        SLICE("\xe0\x9f\xbf"),     /* overlong U+07FF */
        SLICE("\xf0\x8f\xbf\xbf"), /* overlong U+FFFF */
        SLICE("\xed\xa0\x80"),     /* surrogate U+D800 */
        SLICE("\xed\xbf\xbf"),     /* surrogate U+DFFF */
        SLICE("\xf4\x90\x80\x80"), /* U+110000 */
        SLICE("\xf5\x80\x80\x80"),
        SLICE("\xf8\x88\x80\x80\x80"),
        SLICE("\xff"),
        SLICE("\xfe"),
        SLICE("\x80"), /* a tail alone */
        SLICE("\xbf\xbf"),
        SLICE("ok \xe2\x82"),
        SLICE("\xf0\x9f\x98"),
        SLICE("\xc3\xc3"),
        SLICE("\xe2\x82\xe2"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (utf8_valid(bad[i]))
            fail_msg("row %zu was taken for valid", i);
}

static void a_valid_text_is_valid_and_its_beginnings_only_between_characters(void **state)
{
    (void)state;
    struct slice text = SLICE("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    assert_true(utf8_valid(text));
    assert_true(utf8_valid(SLICE_NONE));
    const char *whole = "11010010001"
                        "1"; /* by length 0..11 */
    for (size_t len = 0; len <= text.len; len++)
        assert_int_equal(utf8_valid(slice_of(text.ptr, len)), whole[len] == '1');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_survives_a_round_trip),
        cmocka_unit_test(every_three_byte_input_agrees_with_the_grammar),
        cmocka_unit_test(every_four_byte_lead_agrees_with_the_grammar),
        cmocka_unit_test(V11_malformed_utf8_is_never_valid),
        cmocka_unit_test(a_valid_text_is_valid_and_its_beginnings_only_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
