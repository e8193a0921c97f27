/* XEP-0115: Entity Capabilities (version 1.6.0), sections 5.1 and 6.3: the server's own, in the
 * stream features before and after login. Those of clients are passed on like any other element.
 *
 * The verification string is made from the very answer that disco#info gives, once per host and
 * configuration. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "core/module.h"
#include "core/service/disco.h"
#include "xml/parser.h"
#include "xmpp/digest.h"

enum { VER_CHARS = 28 }; /* base64 of SHA-1 */

#define NODE SLICE("https://burble.example")

extern const struct module CAPS_MODULE;

static struct slice text_of(struct xml x, struct slice child)
{
    return xml_text(xml_child(x, xml_ns(x), child));
}

/* The orders of section 5.1, all by bytes. */

static int by_identity(const void *a, const void *b)
{
    const struct xml *x = a, *y = b;
    int order = slice_compare(xml_attr(*x, SLICE("category")), xml_attr(*y, SLICE("category")));
    if (order == 0)
        order = slice_compare(xml_attr(*x, SLICE("type")), xml_attr(*y, SLICE("type")));
    return order != 0 ? order : slice_compare(xml_lang(*x), xml_lang(*y));
}

static int by_var(const void *a, const void *b)
{
    const struct xml *x = a, *y = b;
    return slice_compare(xml_attr(*x, SLICE("var")), xml_attr(*y, SLICE("var")));
}

static int by_text(const void *a, const void *b)
{
    const struct xml *x = a, *y = b;
    return slice_compare(xml_text(*x), xml_text(*y));
}

/* Of a form: the value of its FORM_TYPE. */
static struct slice form_type(struct xml form)
{
    struct xml field = xml_child(form, NS_DATA_FORMS, SLICE("field"));
    while (xml_some(field) && !slice_is(xml_attr(field, SLICE("var")), "FORM_TYPE"))
        field = xml_next_named(field, NS_DATA_FORMS, SLICE("field"));
    return text_of(field, SLICE("value"));
}

static int by_form_type(const void *a, const void *b)
{
    const struct xml *x = a, *y = b;
    return slice_compare(form_type(*x), form_type(*y));
}

/* The children of that name in that order; the caller frees the array. */
static struct xml *sorted(struct xml parent, struct slice ns, struct slice name,
                          int (*order)(const void *, const void *), size_t *n_out)
{
    size_t n = 0, cap = xml_count(parent);
    struct xml *list = mem_array(cap, sizeof(*list));
    for (struct xml x = xml_child(parent, ns, name); xml_some(x); x = xml_next_named(x, ns, name))
        list[n++] = x;
    qsort(list, n, sizeof(*list), order);
    *n_out = n;
    return list;
}

static void add(struct buf *out, struct slice text)
{
    buf_add(out, text);
    buf_byte(out, '<');
}

static void add_identities(struct xml query, struct buf *out)
{
    size_t n;
    struct xml *list = sorted(query, NS_DISCO_INFO, SLICE("identity"), by_identity, &n);
    for (size_t i = 0; i < n; i++) {
        buf_add(out, xml_attr(list[i], SLICE("category")));
        buf_byte(out, '/');
        buf_add(out, xml_attr(list[i], SLICE("type")));
        buf_byte(out, '/');
        buf_add(out, xml_lang(list[i]));
        buf_byte(out, '/');
        add(out, xml_attr(list[i], SLICE("name")));
    }
    mem_free(list);
}

static void add_field(struct xml field, struct buf *out)
{
    size_t n;
    struct xml *values = sorted(field, NS_DATA_FORMS, SLICE("value"), by_text, &n);
    add(out, xml_attr(field, SLICE("var")));
    for (size_t i = 0; i < n; i++)
        add(out, xml_text(values[i]));
    mem_free(values);
}

static void add_forms(struct xml query, struct buf *out)
{
    size_t n, fields;
    struct xml *forms = sorted(query, NS_DATA_FORMS, SLICE("x"), by_form_type, &n);
    for (size_t i = 0; i < n; i++) {
        struct xml *list = sorted(forms[i], NS_DATA_FORMS, SLICE("field"), by_var, &fields);
        add(out, form_type(forms[i]));
        for (size_t k = 0; k < fields; k++)
            if (!slice_is(xml_attr(list[k], SLICE("var")), "FORM_TYPE"))
                add_field(list[k], out);
        mem_free(list);
    }
    mem_free(forms);
}

static void add_features(struct xml query, struct buf *out)
{
    size_t n;
    struct xml *list = sorted(query, NS_DISCO_INFO, SLICE("feature"), by_var, &n);
    for (size_t i = 0; i < n; i++)
        add(out, xml_attr(list[i], SLICE("var")));
    mem_free(list);
}

static void make_ver(struct engine *e, const struct host_config *host, char ver[VER_CHARS])
{
    struct buf info = {0}, text = {0};
    struct xml_tree *tree;
    struct xml_writer w;
    uint8_t hash[DIGEST_SHA1_BYTES];
    xml_writer_init(&w, &info, NS_CLIENT);
    disco_host_info(e, host, SLICE_NONE, &w);
    CHECK(!info.failed && xml_parse(buf_slice(&info), NS_CLIENT, &XML_LIMITS_C2S, &tree) == XML_OK);
    struct xml query = xml_root(tree);
    add_identities(query, &text);
    add_features(query, &text);
    add_forms(query, &text);
    CHECK(!text.failed && digest_sha1(buf_slice(&text), hash) == 0);
    base64_encode(slice_of((const char *)hash, sizeof(hash)), ver);
    xml_tree_free(&tree);
    buf_free(&info);
    buf_free(&text);
}

/* What was made for the configuration in force: one per host, in its order. */
struct made {
    bool done;
    char ver[VER_CHARS];
};

static struct slice ver_of(struct engine *e, const struct host_config *host)
{
    struct made *made = module_slot(e, &CAPS_MODULE);
    if (made == NULL) {
        made = mem_array(e->config->host_count, sizeof(*made));
        module_slot_set(e, &CAPS_MODULE, made);
    }
    made += host - e->config->hosts;
    if (!made->done)
        make_ver(e, host, made->ver);
    made->done = true;
    return slice_of(made->ver, VER_CHARS);
}

static void forget(struct engine *e)
{
    module_slot_set(e, &CAPS_MODULE, NULL);
}

static void features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    xml_open(w, SLICE("c"), NS_CAPS);
    xml_attr_put(w, SLICE("hash"), SLICE("sha-1"));
    xml_attr_put(w, SLICE("node"), NODE);
    xml_attr_put(w, SLICE("ver"), ver_of(e, c2s_host(stream)));
    xml_close(w);
}

/* The node that the features name: NODE#ver. */
static bool answer_node(struct iq *iq, struct slice node)
{
    if (iq->account != NULL || !slice_eq(xml_ns(iq->payload), NS_DISCO_INFO))
        return false;
    struct slice ver = ver_of(iq->e, iq->host);
    if (node.len != NODE.len + 1 + ver.len || !slice_starts(node, NODE) ||
        node.ptr[NODE.len] != '#' || !slice_eq(slice_from(node, NODE.len + 1), ver))
        return false;
    struct xml_writer w;
    iq_result_begin(iq, &w);
    disco_host_info(iq->e, iq->host, node, &w);
    iq_result_end(iq, &w);
    return true;
}

static const char *const FEATURES[] = {"http://jabber.org/protocol/caps", NULL};

const struct module CAPS_MODULE = {
    .name = "caps",
    .xep = "0115",
    .version = "1.6.0",
    .summary = "what the server can, as a hash in the stream features",
    .host_features = FEATURES,
    .stream_features = features,
    .disco_node = answer_node,
    .reloaded = forget,
};
