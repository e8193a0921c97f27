/* PRECIS: derived properties of every code point, contextual rules, Bidi Rule, both profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <uninorm.h>

#include "base/err.h"
#include "base/utf8.h"
#include "xmpp/precis.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void precis_exceptions_come_first(void **state)
{
    (void)state;
    static const uint32_t valid[] = {0xdf, 0x3c2, 0x6fd, 0x6fe, 0xf0b, 0x3007};
    static const uint32_t context[] = {0xb7,  0x375, 0x5f3, 0x5f4,  0x30fb, 0x660,
                                       0x669, 0x6f0, 0x6f9, 0x200c, 0x200d};
    static const uint32_t disallowed[] = {0x640, 0x7fa, 0x302e, 0x302f, 0x3031, 0x3035, 0x303b};
    for (size_t i = 0; i < COUNT(valid); i++)
        assert_int_equal(precis_property_of(valid[i]), PRECIS_VALID);
    for (size_t i = 0; i < COUNT(context); i++)
        assert_int_equal(precis_property_of(context[i]), PRECIS_CONTEXT);
    for (size_t i = 0; i < COUNT(disallowed); i++)
        assert_int_equal(precis_property_of(disallowed[i]), PRECIS_DISALLOWED);
}

static void precis_categories(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        enum precis_property want;
    } cases[] = {
        {0x00, PRECIS_DISALLOWED},     {0x1f, PRECIS_DISALLOWED},
        {0x20, PRECIS_FREE},           {0x21, PRECIS_VALID},
        {0x7e, PRECIS_VALID},          {0x7f, PRECIS_DISALLOWED},
        {0x85, PRECIS_DISALLOWED},     {0xa0, PRECIS_FREE},
        {0xa9, PRECIS_FREE},           {0xaa, PRECIS_FREE},
        {0xab, PRECIS_FREE},           {0xad, PRECIS_DISALLOWED},
        {0xbc, PRECIS_FREE},           {0xe9, PRECIS_VALID},
        {0x1c5, PRECIS_FREE},          {0x2b0, PRECIS_FREE},
        {0x301, PRECIS_VALID},         {0x340, PRECIS_FREE},
        {0x378, PRECIS_UNASSIGNED},    {0x488, PRECIS_FREE},
        {0x1100, PRECIS_DISALLOWED},   {0x11ff, PRECIS_DISALLOWED},
        {0x180e, PRECIS_DISALLOWED},   {0x200b, PRECIS_DISALLOWED},
        {0x200e, PRECIS_DISALLOWED},   {0x2028, PRECIS_DISALLOWED},
        {0x202e, PRECIS_DISALLOWED},   {0x2126, PRECIS_FREE},
        {0x212b, PRECIS_FREE},         {0x2163, PRECIS_FREE},
        {0x265a, PRECIS_FREE},         {0x3000, PRECIS_FREE},
        {0x3042, PRECIS_VALID},        {0x4e00, PRECIS_VALID},
        {0xac00, PRECIS_VALID},        {0xd7a3, PRECIS_VALID},
        {0xd7b0, PRECIS_DISALLOWED},   {0xd800, PRECIS_DISALLOWED},
        {0xe000, PRECIS_DISALLOWED},   {0xf900, PRECIS_FREE},
        {0xfb01, PRECIS_FREE},         {0xfdd0, PRECIS_DISALLOWED},
        {0xfe0f, PRECIS_DISALLOWED},   {0xfeff, PRECIS_DISALLOWED},
        {0xff21, PRECIS_FREE},         {0xfffe, PRECIS_DISALLOWED},
        {0x1f40e, PRECIS_FREE},        {0x20000, PRECIS_VALID},
        {0xe0001, PRECIS_DISALLOWED},  {0xe0fff, PRECIS_UNASSIGNED},
        {0xf0000, PRECIS_DISALLOWED},  {0x10ffff, PRECIS_DISALLOWED},
        {0x110000, PRECIS_DISALLOWED}, {0xffffffff, PRECIS_DISALLOWED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (precis_property_of(cases[i].code) != cases[i].want)
            print_error("U+%04X\n", cases[i].code);
        assert_int_equal(precis_property_of(cases[i].code), cases[i].want);
    }
}

/* The short cut in HasCompat against the definition (RFC 8264 section 9.17). */
static void precis_valid_code_points_are_those_that_nfkc_keeps(void **state)
{
    (void)state;
    size_t valid = 0;
    for (uint32_t code = 0x80; code < 0x110000; code++) {
        if (code >= 0xd800 && code < 0xe000)
            continue;
        enum precis_property p = precis_property_of(code);
        if (p != PRECIS_VALID && p != PRECIS_FREE)
            continue;
        uint32_t room[32];
        size_t len = COUNT(room);
        uint32_t *made = u32_normalize(UNINORM_NFKC, &code, 1, room, &len);
        assert_ptr_equal(made, room);
        bool kept = len == 1 && made[0] == code;
        if (p == PRECIS_VALID) {
            valid++;
            if (!kept)
                print_error("U+%04X\n", code);
            assert_true(kept);
        }
    }
    assert_true(valid > 100000);
}

static void check_context(const char *text, bool want)
{
    struct precis_codes codes = {0};
    assert_int_equal(precis_decode(slice_z(text), &codes), 0);
    if (precis_context_ok(codes.ptr, codes.len) != want)
        print_error("%s\n", text);
    assert_int_equal(precis_context_ok(codes.ptr, codes.len), want);
    precis_codes_free(&codes);
}

static void precis_contextual_rules(void **state)
{
    (void)state;
    check_context("abc", true);
    /* A.1 ZERO WIDTH NON-JOINER: behind a virama, or between joining letters */
    check_context("\u0915\u094d\u200c\u0937", true);
    check_context("\u0628\u200c\u0628", true);
    check_context("\u0628\u0651\u200c\u0651\u0628", true); /* transparent marks between */
    check_context("\u0627\u200c\u0628", false);            /* alef joins to the right only */
    check_context("\u0628\u200c", false);
    check_context("\u200c\u0628", false);
    check_context("a\u200cb", false);
    check_context("\u0651\u200c\u0628", false);
    /* A.2 ZERO WIDTH JOINER: behind a virama only */
    check_context("\u0915\u094d\u200d\u0937", true);
    check_context("\u0628\u200d\u0628", false);
    check_context("\u200d", false);
    check_context("\U0001f468\u200d\U0001f469", false);
    /* A.3 MIDDLE DOT */
    check_context("l\u00b7l", true);
    check_context("L\u00b7L", false);
    check_context("l\u00b7", false);
    check_context("\u00b7l", false);
    check_context("l\u00b7\u00b7l", false);
    /* A.4 GREEK LOWER NUMERAL SIGN */
    check_context("\u0375\u03b1", true);
    check_context("\u0375a", false);
    check_context("\u0375", false);
    /* A.5, A.6 HEBREW PUNCTUATION */
    check_context("\u05d0\u05f3", true);
    check_context("\u05d0\u05f4", true);
    check_context("a\u05f3", false);
    check_context("\u05f4", false);
    /* A.7 KATAKANA MIDDLE DOT */
    check_context("\u30a2\u30fb\u30a2", true);
    check_context("\u30fb\u3042", true);
    check_context("\u4e00\u30fb", true);
    check_context("\u3007\u30fb", true);
    check_context("\u30fb", false);
    check_context("a\u30fbb", false);
    /* A.8, A.9: one set of digits */
    check_context("\u0660\u0669", true);
    check_context("\u06f0\u06f9", true);
    check_context("\u0660\u06f0", false);
    check_context("\u06f0a\u0669", false);
}

static void check_bidi(const char *text, bool rtl, bool want)
{
    struct precis_codes codes = {0};
    assert_int_equal(precis_decode(slice_z(text), &codes), 0);
    if (precis_bidi_ok(codes.ptr, codes.len) != want)
        print_error("%s\n", text);
    assert_int_equal(precis_has_rtl(codes.ptr, codes.len), rtl);
    assert_int_equal(precis_bidi_ok(codes.ptr, codes.len), want);
    precis_codes_free(&codes);
}

static void precis_bidi_rule(void **state)
{
    (void)state;
    check_bidi("abc", false, true);
    check_bidi("1abc", false, false);               /* 1: begins with a letter */
    check_bidi("\u0301a", false, false);            /* 1 */
    check_bidi("\u0661\u05d0", true, false);        /* 1: AN */
    check_bidi("\u05d0\u05d1", true, true);         /* 2 */
    check_bidi("\u05d0a\u05d1", true, false);       /* 2 */
    check_bidi("\u05d01", true, true);              /* 3 */
    check_bidi("\u05d0\u0661", true, true);         /* 3 */
    check_bidi("\u05d0-", true, false);             /* 3 */
    check_bidi("\u05d0\u05b0", true, true);         /* 3: marks at the end */
    check_bidi("\u05d0-\u05b0", true, false);       /* 3 */
    check_bidi("\u05d01\u0661\u05d0", true, false); /* 4 */
    check_bidi("a\u05d0", true, false);             /* 5 */
    check_bidi("a-b1", false, true);                /* 6 */
    check_bidi("a-", false, false);                 /* 6 */
    check_bidi("a\u0301", false, true);             /* 6 */
}

/* Every code point that a name may hold, alone and before a mark: stable once prepared. */
static void precis_preparation_is_stable_for_every_code_point(void **state)
{
    (void)state;
    struct buf once = {0}, twice = {0};
    static const char *tails[] = {"", "\u0301", "\u0345"};
    size_t accepted = 0;
    for (uint32_t code = 0x80; code < 0x30000; code++) {
        if (precis_property_of(code) < PRECIS_FREE || (code > 0x4e80 && code < 0x9f00) ||
            (code > 0xac80 && code < 0xd700) || code > 0x20080)
            continue; /* of the large uniform blocks the ends */
        for (size_t t = 0; t < COUNT(tails); t++) {
            char text[8];
            size_t len = utf8_encode(code, text);
            memcpy(text + len, tails[t], strlen(tails[t]));
            struct slice in = slice_of(text, len + strlen(tails[t]));
            buf_clear(&once);
            buf_clear(&twice);
            if (precis_username(in, &once) == 0) {
                accepted++;
                assert_int_equal(precis_username(buf_slice(&once), &twice), 0);
                assert_true(slice_eq(buf_slice(&once), buf_slice(&twice)));
            }
            buf_clear(&once);
            buf_clear(&twice);
            if (precis_opaque(in, &once) == 0) {
                assert_int_equal(precis_opaque(buf_slice(&once), &twice), 0);
                assert_true(slice_eq(buf_slice(&once), buf_slice(&twice)));
            }
        }
    }
    assert_true(accepted > 50000);
    buf_free(&once);
    buf_free(&twice);
}

static void precis_refuses_what_is_not_text(void **state)
{
    (void)state;
    struct buf out = {0};
    const struct slice bad[] = {
        SLICE_NONE,    SLICE(""),          SLICE("\0"),       SLICE("a\0b"),
        SLICE("\x80"), SLICE("a\xe4\xbd"), SLICE("\xc0\x80"), SLICE("\xf5\x80\x80\x80")};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(precis_username(bad[i], &out), ERR_SYNTAX);
        assert_int_equal(precis_opaque(bad[i], &out), ERR_SYNTAX);
        assert_int_equal(buf_len(&out), 0);
    }
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precis_exceptions_come_first),
        cmocka_unit_test(precis_categories),
        cmocka_unit_test(precis_valid_code_points_are_those_that_nfkc_keeps),
        cmocka_unit_test(precis_contextual_rules),
        cmocka_unit_test(precis_bidi_rule),
        cmocka_unit_test(precis_preparation_is_stable_for_every_code_point),
        cmocka_unit_test(precis_refuses_what_is_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
