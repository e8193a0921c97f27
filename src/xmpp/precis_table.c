/* Which code points PRECIS allows: the derived property of RFC 8264 section 8, computed from the
 * Unicode tables of libunistring in the order that the section gives. Unassigned is what those
 * tables do not know. Nothing is kept between calls. */
#include <unictype.h>
#include <uninorm.h>

#include "xmpp/precis.h"

/* RFC 8264 section 9.6: what the general rules would decide wrongly. */
static bool exception_of(uint32_t code, enum precis_property *out)
{
    switch (code) {
    case 0x00df:
    case 0x03c2:
    case 0x06fd:
    case 0x06fe:
    case 0x0f0b:
    case 0x3007:
        *out = PRECIS_VALID;
        return true;
    case 0x00b7:
    case 0x0375:
    case 0x05f3:
    case 0x05f4:
    case 0x30fb:
        *out = PRECIS_CONTEXT;
        return true;
    case 0x0640:
    case 0x07fa:
    case 0x302e:
    case 0x302f:
    case 0x303b:
        *out = PRECIS_DISALLOWED;
        return true;
    default:
        break;
    }
    if ((code >= 0x0660 && code <= 0x0669) || (code >= 0x06f0 && code <= 0x06f9)) {
        *out = PRECIS_CONTEXT;
        return true;
    }
    if (code >= 0x3031 && code <= 0x3035) {
        *out = PRECIS_DISALLOWED;
        return true;
    }
    return false;
}

/* Section 9.9: Hangul_Syllable_Type L, V or T: whole blocks. */
static bool is_old_jamo(uint32_t code)
{
    return (code >= 0x1100 && code <= 0x11ff) || (code >= 0xa960 && code <= 0xa97c) ||
           (code >= 0xd7b0 && code <= 0xd7fb);
}

/* Section 9.17: NFKC changes the code point. Hangul syllables and everything without a
 * decomposition are stable, so that most code points cost one table look-up. */
static bool has_compat(uint32_t code)
{
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    int tag;
    if (code >= 0xac00 && code <= 0xd7a3)
        return false;
    int n = uc_decomposition(code, &tag, parts);
    if (n < 0)
        return false;
    if (tag != UC_DECOMP_CANONICAL || n == 1)
        return true;
    /* A canonical pair: stable if it composes again and its first half is stable in turn; the
     * depth is that of the Unicode data, at most four. */
    if (uc_composition(parts[0], parts[1]) != code)
        return true;
    for (int depth = 0; depth < UC_DECOMPOSITION_MAX_LENGTH; depth++) {
        ucs4_t first = parts[0];
        n = uc_decomposition(first, &tag, parts);
        if (n < 0)
            return false;
        if (tag != UC_DECOMP_CANONICAL || n == 1 || uc_composition(parts[0], parts[1]) != first)
            return true;
    }
    return true;
}

enum precis_property precis_property_of(uint32_t code)
{
    enum precis_property found;
    if (code >= 0x21 && code <= 0x7e)
        return PRECIS_VALID;
    if (exception_of(code, &found))
        return found;
    if (code > 0x10ffff || uc_is_property_not_a_character(code))
        return PRECIS_DISALLOWED;
    if (uc_is_general_category_withtable(code, UC_CATEGORY_MASK_Cn))
        return PRECIS_UNASSIGNED;
    if (code == 0x200c || code == 0x200d)
        return PRECIS_CONTEXT;
    if (is_old_jamo(code) || uc_is_property_default_ignorable_code_point(code) ||
        uc_is_general_category_withtable(code, UC_CATEGORY_MASK_Cc))
        return PRECIS_DISALLOWED;
    if (has_compat(code))
        return PRECIS_FREE;
    if (uc_is_general_category_withtable(code, UC_CATEGORY_MASK_Ll | UC_CATEGORY_MASK_Lu |
                                                   UC_CATEGORY_MASK_Lo | UC_CATEGORY_MASK_Nd |
                                                   UC_CATEGORY_MASK_Lm | UC_CATEGORY_MASK_Mn |
                                                   UC_CATEGORY_MASK_Mc))
        return PRECIS_VALID;
    if (uc_is_general_category_withtable(code, UC_CATEGORY_MASK_Lt | UC_CATEGORY_MASK_Nl |
                                                   UC_CATEGORY_MASK_No | UC_CATEGORY_MASK_Me |
                                                   UC_CATEGORY_MASK_Zs | UC_CATEGORY_MASK_S |
                                                   UC_CATEGORY_MASK_P))
        return PRECIS_FREE;
    return PRECIS_DISALLOWED;
}
