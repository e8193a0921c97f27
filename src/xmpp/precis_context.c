/* Rules that look at neighbours: the contextual rules of RFC 5892 appendix A and the Bidi Rule of
 * RFC 5893 section 2. Linear in the number of code points. */
#include <string.h>
#include <unictype.h>

#include "xmpp/precis.h"

enum { VIRAMA = 9 };

static bool script_is(uint32_t code, const char *name)
{
    const uc_script_t *script = uc_script(code);
    return script != NULL && strcmp(script->name, name) == 0;
}

/* A.1: between (L|D)T* and T*(R|D). */
static bool joins_both_sides(const uint32_t *codes, size_t n, size_t at)
{
    size_t left = at, right = at + 1;
    while (left > 0 && uc_joining_type(codes[left - 1]) == UC_JOINING_TYPE_T)
        left--;
    while (right < n && uc_joining_type(codes[right]) == UC_JOINING_TYPE_T)
        right++;
    if (left == 0 || right == n)
        return false;
    int before = uc_joining_type(codes[left - 1]), after = uc_joining_type(codes[right]);
    return (before == UC_JOINING_TYPE_L || before == UC_JOINING_TYPE_D) &&
           (after == UC_JOINING_TYPE_R || after == UC_JOINING_TYPE_D);
}

/* What rules A.7 to A.9 ask of the whole string, collected once. */
struct context_sum {
    bool japanese;        /* Hiragana, Katakana or Han */
    bool arabic_digits;   /* U+0660..0669 */
    bool extended_digits; /* U+06F0..06F9 */
};

static struct context_sum context_sum(const uint32_t *codes, size_t n)
{
    struct context_sum sum = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t c = codes[i];
        sum.arabic_digits |= c >= 0x0660 && c <= 0x0669;
        sum.extended_digits |= c >= 0x06f0 && c <= 0x06f9;
        sum.japanese |= c >= 0x2e80 && (script_is(c, "Hiragana") || script_is(c, "Katakana") ||
                                        script_is(c, "Han"));
    }
    return sum;
}

static bool context_at(const uint32_t *codes, size_t n, size_t i, const struct context_sum *sum)
{
    bool first = i == 0, last = i + 1 == n;
    switch (codes[i]) {
    case 0x200c: /* A.1 ZERO WIDTH NON-JOINER */
        return !first &&
               (uc_combining_class(codes[i - 1]) == VIRAMA || joins_both_sides(codes, n, i));
    case 0x200d: /* A.2 ZERO WIDTH JOINER */
        return !first && uc_combining_class(codes[i - 1]) == VIRAMA;
    case 0x00b7: /* A.3 MIDDLE DOT: between two l */
        return !first && !last && codes[i - 1] == 'l' && codes[i + 1] == 'l';
    case 0x0375: /* A.4 GREEK LOWER NUMERAL SIGN */
        return !last && script_is(codes[i + 1], "Greek");
    case 0x05f3: /* A.5, A.6 HEBREW PUNCTUATION GERESH, GERSHAYIM */
    case 0x05f4:
        return !first && script_is(codes[i - 1], "Hebrew");
    case 0x30fb: /* A.7 KATAKANA MIDDLE DOT */
        return sum->japanese;
    default: /* A.8, A.9: the two sets of Arabic digits are never mixed */
        return !(sum->arabic_digits && sum->extended_digits);
    }
}

bool precis_context_ok(const uint32_t *codes, size_t n)
{
    bool some = false;
    for (size_t i = 0; i < n && !some; i++)
        some = codes[i] >= 0x80 && precis_property_of(codes[i]) == PRECIS_CONTEXT;
    if (!some)
        return true;
    struct context_sum sum = context_sum(codes, n);
    for (size_t i = 0; i < n; i++)
        if (codes[i] >= 0x80 && precis_property_of(codes[i]) == PRECIS_CONTEXT &&
            !context_at(codes, n, i, &sum))
            return false;
    return true;
}

bool precis_has_rtl(const uint32_t *codes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (codes[i] < 0x0590)
            continue; /* nothing below the Hebrew block */
        int class = uc_bidi_class(codes[i]);
        if (class == UC_BIDI_R || class == UC_BIDI_AL || class == UC_BIDI_AN)
            return true;
    }
    return false;
}

#define BIT(class) (1u << (class))

bool precis_bidi_ok(const uint32_t *codes, size_t n)
{
    const unsigned both = BIT(UC_BIDI_EN) | BIT(UC_BIDI_ES) | BIT(UC_BIDI_CS) | BIT(UC_BIDI_ET) |
                          BIT(UC_BIDI_ON) | BIT(UC_BIDI_BN) | BIT(UC_BIDI_NSM);
    const unsigned rtl = BIT(UC_BIDI_R) | BIT(UC_BIDI_AL) | BIT(UC_BIDI_AN);
    if (n == 0)
        return true;
    unsigned first = BIT(uc_bidi_class(codes[0])), seen = 0;
    for (size_t i = 0; i < n; i++)
        seen |= BIT(uc_bidi_class(codes[i]));
    while (n > 1 && uc_bidi_class(codes[n - 1]) == UC_BIDI_NSM)
        n--;
    unsigned last = BIT(uc_bidi_class(codes[n - 1]));
    if (first == BIT(UC_BIDI_L)) /* conditions 1, 5, 6 */
        return (seen & ~(both | BIT(UC_BIDI_L))) == 0 &&
               (last & (BIT(UC_BIDI_L) | BIT(UC_BIDI_EN))) != 0;
    if ((first & (BIT(UC_BIDI_R) | BIT(UC_BIDI_AL))) == 0)
        return false;
    const unsigned digits = BIT(UC_BIDI_EN) | BIT(UC_BIDI_AN);
    return (seen & ~(both | rtl)) == 0 && (last & (rtl | BIT(UC_BIDI_EN))) != 0 &&
           (seen & digits) != digits; /* conditions 2, 3, 4 */
}
