/* Pictures: base64 of vCards (XEP-0054, broken into lines) and avatars (XEP-0084, XEP-0153). */
#include "client/picture.h"

#include "base/base64.h"
#include "burble/vcard.h"
#include "xmpp/digest.h"

void burble_set_picture_max(struct burble *c, uint32_t bytes)
{
    c->picture_max = bytes;
}

uint32_t picture_max(const struct burble *c)
{
    return c->picture_max != 0 ? c->picture_max : BURBLE_PICTURE_BYTES;
}

int picture_decode(struct burble *c, struct xml x, struct slice *out)
{
    struct slice text = xml_text(x);
    size_t max = base64_encoded_len(picture_max(c)), len = 0, got = 0;
    if (text.len == 0)
        return ERR_SYNTAX;
    char *block = arena_alloc(&c->view.strings, text.len);
    if (block == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];
        if (ch != ' ' && ch != '\n' && ch != '\r' && ch != '\t')
            block[len++] = ch;
    }
    if (len > max)
        return ERR_LIMIT;
    void *bytes = arena_alloc(&c->view.strings, len / 4 * 3 + 1);
    if (bytes == NULL)
        return ERR_MEMORY;
    if (!base64_decode(slice_of(block, len), bytes, &got) || got == 0)
        return ERR_SYNTAX;
    *out = slice_of(bytes, got);
    return got <= picture_max(c) ? 0 : ERR_LIMIT;
}

bool picture_id(struct slice data, char out[PICTURE_ID_BYTES])
{
    static const char HEX[] = "0123456789abcdef";
    uint8_t hash[DIGEST_SHA1_BYTES];
    if (digest_sha1(data, hash) != 0)
        return false;
    for (size_t i = 0; i < sizeof(hash); i++) {
        out[2 * i] = HEX[hash[i] >> 4];
        out[2 * i + 1] = HEX[hash[i] & 15];
    }
    out[PICTURE_ID_BYTES - 1] = '\0';
    return true;
}

bool picture_is_id(struct slice s)
{
    if (s.len != PICTURE_ID_BYTES - 1)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char ch = (char)(s.ptr[i] | 0x20);
        if ((s.ptr[i] < '0' || s.ptr[i] > '9') && (ch < 'a' || ch > 'f'))
            return false;
    }
    return true;
}

bool picture_has_id(struct slice data, const char *id)
{
    char is[PICTURE_ID_BYTES];
    if (!picture_id(data, is) || strlen(id) != sizeof(is) - 1)
        return false;
    for (size_t i = 0; i < sizeof(is) - 1; i++)
        if (is[i] != (id[i] | 0x20)) /* digits have that bit */
            return false;
    return true;
}
