/* PRECIS profiles UsernameCaseMapped and OpaqueString (RFC 8265 sections 3.3 and 4.2) on the string
 * functions of libunistring. Input is bounded by PRECIS_BYTES_MAX, so is the work. The rules are
 * applied until nothing changes, at most four times (RFC 8264 section 7), so preparing what was
 * prepared changes nothing. */
#include "xmpp/precis.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { PASSES_MAX = 4 };

int precis_decode(struct slice in, struct precis_codes *out)
{
    if (in.len == 0 || in.len > PRECIS_BYTES_MAX)
        return ERR_SYNTAX;
    uint32_t *codes = malloc(in.len * sizeof(*codes));
    if (codes == NULL)
        return ERR_MEMORY;
    *out = (struct precis_codes){.ptr = codes};
    while (in.len > 0) {
        int n = utf8_decode(in, &codes[out->len]);
        if (n <= 0) {
            precis_codes_free(out);
            return ERR_SYNTAX;
        }
        out->len++;
        in = slice_from(in, (size_t)n);
    }
    return 0;
}

void precis_codes_free(struct precis_codes *c)
{
    if (c->ptr != NULL)
        mem_wipe(c->ptr, c->len * sizeof(*c->ptr));
    free(c->ptr);
    *c = (struct precis_codes){0};
}

int precis_encode(const struct precis_codes *c, struct buf *out)
{
    int err = buf_reserve(out, c->len * 4);
    for (size_t i = 0; err == 0 && i < c->len; i++) {
        char bytes[4];
        err = buf_append(out, bytes, utf8_encode(c->ptr[i], bytes));
    }
    return err;
}

/* Takes what a function of libunistring has allocated in place of the old code points. */
static int codes_replace(struct precis_codes *c, uint32_t *made, size_t len)
{
    if (made == NULL)
        return ERR_MEMORY;
    precis_codes_free(c);
    *c = (struct precis_codes){.ptr = made, .len = len};
    return 0;
}

void precis_map_width(struct precis_codes *c)
{
    for (size_t i = 0; i < c->len; i++) {
        ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
        int tag;
        if (c->ptr[i] < 0x3000)
            continue; /* the first wide form is U+3000 */
        if (uc_decomposition(c->ptr[i], &tag, parts) == 1 &&
            (tag == UC_DECOMP_WIDE || tag == UC_DECOMP_NARROW))
            c->ptr[i] = parts[0];
    }
}

int precis_lower(struct precis_codes *c)
{
    size_t len;
    uint32_t *made = u32_tolower(c->ptr, c->len, NULL, NULL, NULL, &len);
    return codes_replace(c, made, len);
}

int precis_nfc(struct precis_codes *c)
{
    size_t len, i = 0;
    while (i < c->len && c->ptr[i] < 0x300)
        i++;
    if (i == c->len)
        return 0; /* nothing below U+0300 composes or decomposes on its own */
    uint32_t *made = u32_normalize(UNINORM_NFC, c->ptr, c->len, NULL, &len);
    return codes_replace(c, made, len);
}

/* Every code point has at least this property. */
static bool all_at_least(const struct precis_codes *c, enum precis_property least)
{
    for (size_t i = 0; i < c->len; i++) {
        enum precis_property p = precis_property_of(c->ptr[i]);
        if (p < least && p != PRECIS_CONTEXT)
            return false;
    }
    return true;
}

static int username_pass(struct precis_codes *c)
{
    precis_map_width(c);
    if (!all_at_least(c, PRECIS_VALID))
        return ERR_SYNTAX;
    int err = precis_lower(c);
    if (err == 0)
        err = precis_nfc(c);
    if (err != 0)
        return err;
    bool ok = all_at_least(c, PRECIS_VALID) && precis_context_ok(c->ptr, c->len) &&
              (!precis_has_rtl(c->ptr, c->len) || precis_bidi_ok(c->ptr, c->len));
    return ok ? 0 : ERR_SYNTAX;
}

static int opaque_pass(struct precis_codes *c)
{
    if (!all_at_least(c, PRECIS_FREE))
        return ERR_SYNTAX;
    for (size_t i = 0; i < c->len; i++)
        if (c->ptr[i] >= 0x80 && uc_is_general_category_withtable(c->ptr[i], UC_CATEGORY_MASK_Zs))
            c->ptr[i] = ' ';
    int err = precis_nfc(c);
    if (err != 0)
        return err;
    return all_at_least(c, PRECIS_FREE) && precis_context_ok(c->ptr, c->len) ? 0 : ERR_SYNTAX;
}

static int enforce(struct slice in, int (*pass)(struct precis_codes *), struct buf *out)
{
    struct precis_codes before = {0}, now = {0};
    int err = precis_decode(in, &before);
    if (err == 0)
        err = precis_decode(in, &now);
    for (int i = 0; err == 0; i++) {
        err = i < PASSES_MAX ? pass(&now) : ERR_SYNTAX;
        if (err != 0 ||
            (now.len == before.len && memcmp(now.ptr, before.ptr, now.len * sizeof(*now.ptr)) == 0))
            break;
        uint32_t *copy = malloc(now.len * sizeof(*copy));
        if (copy != NULL)
            memcpy(copy, now.ptr, now.len * sizeof(*copy));
        err = codes_replace(&before, copy, now.len);
    }
    size_t start = buf_len(out);
    if (err == 0)
        err = precis_encode(&now, out);
    if (err == 0 && buf_len(out) - start > PRECIS_BYTES_MAX) {
        buf_truncate(out, start);
        err = ERR_SYNTAX;
    }
    precis_codes_free(&before);
    precis_codes_free(&now);
    return err;
}

int precis_username(struct slice in, struct buf *out)
{
    return enforce(in, username_pass, out);
}

int precis_opaque(struct slice in, struct buf *out)
{
    return enforce(in, opaque_pass, out);
}
