/* The hash over what an entity says of itself: XEP-0115 version 1.6.0 section 5, XEP-0390 version
 * 0.3.2 section 4.1.
 *
 * The text that XEP-0115 hashes can be read in more than one way: whoever knows a contact's set
 * could tell another one with the same hash, with features dressed as an identity or as a form, and
 * so take features away from everybody who has the same client. What could be read in two ways is
 * refused: '<' anywhere, ':' and '/' in an identity's category, type or language, ':' and '/' in
 * the name of a form's field, forms without fields and fields without values. */
#include <stdlib.h>

#include "base/base64.h"
#include "client/caps.h"
#include "xmpp/digest.h"

enum { PIECES_MAX = 20000 };

/* Octet strings to be sorted and joined. */
struct pieces {
    struct arena *mem;
    struct slice *at;
    size_t count;
};

static int order(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static int pieces_make(struct pieces *p, struct arena *mem, size_t n)
{
    *p = (struct pieces){.mem = mem};
    if (n > PIECES_MAX)
        return ERR_SYNTAX;
    p->at = arena_alloc(mem, (n + 1) * sizeof(*p->at));
    return p->at != NULL ? 0 : ERR_MEMORY;
}

/* Takes what is in b, which is empty behind it. */
static int piece_take(struct pieces *p, struct buf *b)
{
    struct slice copy = arena_copy(p->mem, buf_slice(b));
    if (b->failed || (copy.ptr == NULL && buf_len(b) > 0))
        return ERR_MEMORY;
    p->at[p->count++] = copy;
    buf_clear(b);
    return 0;
}

/* Appends what an element says to out. 0; ERR_NOT_FOUND: it does not count, and nothing was
 * appended; ERR_SYNTAX, ERR_MEMORY. */
typedef int piece_fn(struct xml x, struct arena *mem, struct buf *out);

/* A piece for each child of that name. What fn reads of it is one level deeper, at most three. */
static int pieces_read(struct pieces *p, struct xml x, struct slice ns, struct slice name,
                       struct arena *mem, piece_fn *fn)
{
    struct buf b = {0};
    int err = pieces_make(p, mem, xml_count_named(x, ns, name));
    for (struct xml c = xml_child(x, ns, name); xml_some(c) && err == 0;
         c = xml_next_named(c, ns, name)) {
        err = fn(c, mem, &b);
        if (err == 0)
            err = piece_take(p, &b);
        else if (err == ERR_NOT_FOUND)
            err = 0;
    }
    buf_free(&b);
    return err;
}

/* In order, appended to out. Nothing may be there twice: ERR_SYNTAX. */
static int join(struct pieces *p, struct buf *out, bool twice)
{
    qsort(p->at, p->count, sizeof(*p->at), order);
    for (size_t i = 0; i < p->count; i++) {
        if (!twice && i > 0 && slice_eq(p->at[i - 1], p->at[i]))
            return ERR_SYNTAX;
        buf_add(out, p->at[i]);
    }
    return out->failed ? ERR_MEMORY : 0;
}

/* The same, where '\1' stands for the separator: it sorts below all characters that may occur. */
static int join_marked(struct pieces *p, struct buf *out, char separator)
{
    size_t from = buf_len(out);
    int err = join(p, out, false);
    for (size_t i = from; err == 0 && i < buf_len(out); i++)
        if (out->ptr[out->start + i] == '\1')
            out->ptr[out->start + i] = separator;
    return err;
}

static bool has(struct slice s, char c)
{
    return slice_find(s, c) < s.len;
}

static bool plain(struct slice s)
{
    return !has(s, '<') && !has(s, ':') && !has(s, '/');
}

/* --------------------------------------------------------------------------------- XEP-0115 */

/* Sorted by its fields, not by the text: 0x01 is in no text and below all of them. */
static int old_identity(struct xml x, struct arena *mem, struct buf *out)
{
    struct slice category = xml_attr(x, SLICE("category")), type = xml_attr(x, SLICE("type"));
    struct slice lang = xml_lang(x), label = xml_attr(x, SLICE("name"));
    (void)mem;
    if (!plain(category) || !plain(type) || !plain(lang) || has(label, '<'))
        return ERR_SYNTAX;
    buf_add(out, category);
    buf_byte(out, '\1');
    buf_add(out, type);
    buf_byte(out, '\1');
    buf_add(out, lang);
    buf_byte(out, '\1');
    buf_add(out, label);
    buf_byte(out, '<');
    return 0;
}

/* The separator is sorted with them: a feature that begins another one stands first. */
static int old_text(struct slice text, struct buf *out)
{
    if (has(text, '<'))
        return ERR_SYNTAX;
    buf_add(out, text);
    buf_byte(out, '\1');
    return 0;
}

static int old_feature(struct xml x, struct arena *mem, struct buf *out)
{
    (void)mem;
    return old_text(xml_attr(x, SLICE("var")), out);
}

static int old_value(struct xml x, struct arena *mem, struct buf *out)
{
    (void)mem;
    return old_text(xml_text(x), out);
}

/* "var<value<value<", values in order. */
static int old_field(struct xml x, struct arena *mem, struct buf *out)
{
    struct pieces p;
    struct slice var = xml_attr(x, SLICE("var"));
    if (slice_is(var, "FORM_TYPE"))
        return ERR_NOT_FOUND;
    if (!plain(var) || var.len == 0 || !xml_some(xml_child(x, NS_DATA_FORMS, SLICE("value"))))
        return ERR_SYNTAX;
    buf_add(out, var);
    buf_byte(out, '\1');
    int err = pieces_read(&p, x, NS_DATA_FORMS, SLICE("value"), mem, old_value);
    return err == 0 ? join(&p, out, true) : err;
}

/* The FORM_TYPE of a form: 0; ERR_NOT_FOUND: it has none that is hidden, and is ignored;
 * ERR_SYNTAX: two of them. */
static int form_type(struct xml form, struct slice *out)
{
    *out = SLICE_NONE;
    for (struct xml f = xml_child(form, NS_DATA_FORMS, SLICE("field")); xml_some(f);
         f = xml_next_named(f, NS_DATA_FORMS, SLICE("field"))) {
        if (!slice_is(xml_attr(f, SLICE("var")), "FORM_TYPE"))
            continue;
        if (!slice_is(xml_attr(f, SLICE("type")), "hidden"))
            return ERR_NOT_FOUND;
        if (out->ptr != NULL || xml_count_named(f, NS_DATA_FORMS, SLICE("value")) != 1)
            return ERR_SYNTAX;
        *out = xml_text(xml_child(f, NS_DATA_FORMS, SLICE("value")));
        if (out->len == 0 || has(*out, '<'))
            return ERR_SYNTAX;
    }
    return out->ptr != NULL ? 0 : ERR_NOT_FOUND;
}

static int old_form(struct xml x, struct arena *mem, struct buf *out)
{
    struct slice type;
    struct pieces p;
    int err = form_type(x, &type);
    if (err != 0)
        return err;
    buf_add(out, type);
    buf_byte(out, '\1');
    err = pieces_read(&p, x, NS_DATA_FORMS, SLICE("field"), mem, old_field);
    if (err == 0 && p.count == 0)
        err = ERR_SYNTAX;
    return err == 0 ? join(&p, out, true) : err;
}

/* Two forms of one type are ill-formed (section 5.4): the sorted texts show them side by side. */
static int same_types(const struct pieces *p)
{
    for (size_t i = 1; i < p->count; i++) {
        size_t end = slice_find(p->at[i], '\1');
        if (slice_find(p->at[i - 1], '\1') == end &&
            slice_eq(slice_of(p->at[i - 1].ptr, end), slice_of(p->at[i].ptr, end)))
            return ERR_SYNTAX;
    }
    return 0;
}

static int old_query(struct xml query, struct arena *mem, struct buf *out)
{
    struct pieces p;
    int err = pieces_read(&p, query, NS_DISCO_INFO, SLICE("identity"), mem, old_identity);
    if (err == 0)
        err = join_marked(&p, out, '/');
    if (err == 0)
        err = pieces_read(&p, query, NS_DISCO_INFO, SLICE("feature"), mem, old_feature);
    if (err == 0)
        err = join_marked(&p, out, '<');
    if (err == 0)
        err = pieces_read(&p, query, NS_DATA_FORMS, SLICE("x"), mem, old_form);
    if (err == 0)
        err = join_marked(&p, out, '<');
    return err == 0 ? same_types(&p) : err;
}

/* --------------------------------------------------------------------------------- XEP-0390 */

enum { SEP_PART = 0x1f, SEP_ITEM = 0x1e, SEP_FORM = 0x1d, SEP_SECTION = 0x1c };

static void put_part(struct buf *b, struct slice s)
{
    buf_add(b, s);
    buf_byte(b, SEP_PART);
}

/* All children of that name in order, and what ends them. */
static int put_all(struct xml x, struct slice ns, struct slice name, struct arena *mem,
                   piece_fn *fn, char end, struct buf *out)
{
    struct pieces p;
    int err = pieces_read(&p, x, ns, name, mem, fn);
    if (err == 0)
        err = join(&p, out, true);
    buf_byte(out, end);
    return err;
}

static int new_feature(struct xml x, struct arena *mem, struct buf *out)
{
    (void)mem;
    put_part(out, xml_attr(x, SLICE("var")));
    return 0;
}

static int new_identity(struct xml x, struct arena *mem, struct buf *out)
{
    (void)mem;
    put_part(out, xml_attr(x, SLICE("category")));
    put_part(out, xml_attr(x, SLICE("type")));
    put_part(out, xml_lang(x));
    put_part(out, xml_attr(x, SLICE("name")));
    buf_byte(out, SEP_ITEM);
    return 0;
}

static int new_value(struct xml x, struct arena *mem, struct buf *out)
{
    (void)mem;
    put_part(out, xml_text(x));
    return 0;
}

static int new_field(struct xml x, struct arena *mem, struct buf *out)
{
    put_part(out, xml_attr(x, SLICE("var")));
    return put_all(x, NS_DATA_FORMS, SLICE("value"), mem, new_value, SEP_ITEM, out);
}

static int new_form(struct xml x, struct arena *mem, struct buf *out)
{
    struct slice type;
    int err = form_type(x, &type);
    if (err == ERR_NOT_FOUND || xml_some(xml_child(x, NS_DATA_FORMS, SLICE("reported"))) ||
        xml_some(xml_child(x, NS_DATA_FORMS, SLICE("item"))))
        err = ERR_SYNTAX;
    if (err != 0)
        return err;
    return put_all(x, NS_DATA_FORMS, SLICE("field"), mem, new_field, SEP_FORM, out);
}

/* Nothing but these may be in it. */
static bool is_known(struct xml x)
{
    return xml_is(x, NS_DISCO_INFO, SLICE("feature")) ||
           xml_is(x, NS_DISCO_INFO, SLICE("identity")) || xml_is(x, NS_DATA_FORMS, SLICE("x"));
}

static int new_query(struct xml query, struct arena *mem, struct buf *out)
{
    for (struct xml x = xml_first_element(query); xml_some(x); x = xml_next_element(x))
        if (!is_known(x))
            return ERR_SYNTAX;
    int err = put_all(query, NS_DISCO_INFO, SLICE("feature"), mem, new_feature, SEP_SECTION, out);
    if (err == 0)
        err = put_all(query, NS_DISCO_INFO, SLICE("identity"), mem, new_identity, SEP_SECTION, out);
    if (err == 0)
        err = put_all(query, NS_DATA_FORMS, SLICE("x"), mem, new_form, SEP_SECTION, out);
    return err;
}

/* ------------------------------------------------------------------------------------- both */

static int digest(struct slice text, enum caps_method method, char out[CAPS_HASH_BYTES])
{
    uint8_t bytes[DIGEST_SHA256_BYTES];
    size_t len = method == CAPS_0115 ? DIGEST_SHA1_BYTES : DIGEST_SHA256_BYTES;
    int err = method == CAPS_0115 ? digest_sha1(text, bytes) : digest_sha256(text, bytes);
    if (err != 0)
        return err;
    struct slice raw = slice_of((const char *)bytes, len);
    base64_encode(raw, out);
    out[base64_encoded_len(len)] = '\0';
    return 0;
}

int caps_hash(struct xml query, enum caps_method method, char out[CAPS_HASH_BYTES])
{
    struct arena mem = {0};
    struct buf text = {0};
    int err = method == CAPS_0115 ? old_query(query, &mem, &text) : new_query(query, &mem, &text);
    if (err == 0 && text.failed)
        err = ERR_MEMORY;
    if (err == 0)
        err = digest(buf_slice(&text), method, out);
    buf_free(&text);
    arena_free(&mem);
    return err;
}
