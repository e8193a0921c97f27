/* Fuzz target: the XML parser against Expat. What burble accepts, Expat accepts, and both see the
 * same tree; what burble calls not well-formed, Expat refuses.
 *
 * They differ on purpose in names beyond ASCII, which Expat takes from the fourth edition of
 * XML 1.0 and burble from the fifth; such a document is compared in a spelling of plain letters. */
#include <expat.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "xml/test_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEPARATOR = 1 }; /* a character that no document can hold */

static const struct xml_limits LIMITS = {
    .stanza_bytes = 1 << 20,
    .elements = 65536,
    .depth = 255,
    .attributes = 500,
    .declarations = 120,
    .name_bytes = 255,
    .uri_bytes = 65535,
};

/* --- burble's view --- */

struct view {
    struct buf dump;
    enum xml_error error;
    size_t used; /* bytes up to the end of the document; 0: not accepted */
};

/* mode XML_FRAGMENT: the document is one stanza; XML_STREAM: its children are. */
static void view_burble(struct view *v, struct slice doc, enum xml_mode mode)
{
    struct xml_parser *p = xml_parser_new(mode, &LIMITS);
    struct slice rest = doc;
    enum xml_event ev;
    do {
        ev = xml_parser_feed(p, &rest);
        if (ev == XML_OPEN || ev == XML_STANZA)
            dump_node(&v->dump, xml_root(xml_parser_tree(p)));
        if (ev == XML_OPEN)
            buf_truncate(&v->dump, buf_len(&v->dump) - 1);
        if (ev == XML_CLOSE)
            buf_byte(&v->dump, '>');
    } while (ev == XML_OPEN || (ev == XML_STANZA && mode == XML_STREAM));
    v->error = xml_parser_error(p);
    if (ev == XML_STANZA || ev == XML_CLOSE)
        v->used = doc.len - rest.len;
    xml_parser_free(&p);
}

/* --- Expat's view --- */

struct expat {
    XML_Parser parser;
    struct buf dump;
    struct buf text;
    unsigned depth;
    enum xml_mode mode;
};

static void flush_text(struct expat *e)
{
    /* Between stanzas there can be white space alone. */
    if (buf_len(&e->text) > 0 && (e->mode == XML_FRAGMENT || e->depth > 1))
        dump_string(&e->dump, '"', buf_slice(&e->text));
    buf_clear(&e->text);
}

static void split_name(const char *name, struct slice *ns_out, struct slice *local_out)
{
    struct slice s = slice_z(name);
    size_t at = slice_find(s, SEPARATOR);
    *ns_out = at < s.len ? slice_of(s.ptr, at) : SLICE("");
    *local_out = at < s.len ? slice_from(s, at + 1) : s;
}

static void on_start(void *ctx, const char *name, const char **attrs)
{
    struct expat *e = ctx;
    struct slice ns, local;
    flush_text(e);
    e->depth++;
    split_name(name, &ns, &local);
    dump_string(&e->dump, '<', ns);
    dump_string(&e->dump, '/', local);
    static struct xml_attribute a[512];
    size_t n = 0;
    for (; n < 512 && attrs[2 * n] != NULL; n++) {
        split_name(attrs[2 * n], &a[n].ns, &a[n].name);
        a[n].value = slice_z(attrs[2 * n + 1]);
    }
    qsort(a, n, sizeof(a[0]), dump_compare);
    for (size_t i = 0; i < n; i++) {
        dump_string(&e->dump, '@', a[i].ns);
        dump_string(&e->dump, '/', a[i].name);
        dump_string(&e->dump, '=', a[i].value);
    }
}

static void on_end(void *ctx, const char *name)
{
    struct expat *e = ctx;
    (void)name;
    flush_text(e);
    e->depth--;
    buf_byte(&e->dump, '>');
}

static void on_text(void *ctx, const char *text, int len)
{
    struct expat *e = ctx;
    buf_append(&e->text, text, (size_t)len);
}

static bool view_expat(struct buf *dump, struct slice doc, enum xml_mode mode)
{
    struct expat e = {.parser = XML_ParserCreateNS("UTF-8", SEPARATOR), .mode = mode};
    CHECK(e.parser != NULL);
    XML_SetUserData(e.parser, &e);
    XML_SetElementHandler(e.parser, on_start, on_end);
    XML_SetCharacterDataHandler(e.parser, on_text);
    bool accepted = XML_Parse(e.parser, doc.ptr, (int)doc.len, 1) == XML_STATUS_OK;
    XML_ParserFree(e.parser);
    buf_free(&e.text);
    *dump = e.dump;
    return accepted;
}

/* --- the comparison --- */

/* Expat reads the version and takes any; a document type may hide anything. */
static bool has_excuse(struct slice doc)
{
    return slice_starts(doc, SLICE("<?xml")) || slice_starts(doc, SLICE("\xef\xbb\xbf<?xml")) ||
           memmem(doc.ptr, doc.len, "<!DOCTYPE", 9) != NULL;
}

/* Every byte beyond ASCII as letters. false: there was none. */
static bool spell_out(struct buf *out, struct slice doc)
{
    bool any = false;
    for (size_t i = 0; i < doc.len; i++) {
        uint8_t c = (uint8_t)doc.ptr[i];
        any |= c >= 0x80;
        if (c >= 0x80)
            buf_printf(out, "z%02X", c);
        else
            buf_byte(out, (char)c);
    }
    return any;
}

/* Whether all characters are allowed in XML. */
static bool is_text(struct slice s)
{
    while (s.len > 0) {
        uint32_t code;
        int n = utf8_decode(s, &code);
        if (n <= 0 || code == 0xfffe || code == 0xffff)
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

static void compare(struct slice doc, enum xml_mode mode, bool spelled)
{
    struct view ours = {0};
    struct buf theirs = {0};
    view_burble(&ours, doc, mode);
    if (ours.used > 0) {
        struct slice used = slice_of(doc.ptr, ours.used);
        if (view_expat(&theirs, used, mode)) {
            CHECK(slice_eq(buf_slice(&ours.dump), buf_slice(&theirs)));
        } else {
            struct buf plain = {0};
            CHECK(!spelled && is_text(used) && spell_out(&plain, used));
            compare(buf_slice(&plain), mode, true);
            buf_free(&plain);
        }
    } else if (ours.error == XML_NOT_WELL_FORMED && !has_excuse(doc)) {
        CHECK(!view_expat(&theirs, doc, mode));
    }
    buf_free(&ours.dump);
    buf_free(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice doc = slice_of((const char *)data, size);
    compare(doc, XML_FRAGMENT, false);
    compare(doc, XML_STREAM, false);
    return 0;
}
