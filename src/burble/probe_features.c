/* Reads what servers say: stream features (RFC 6120 section 4.3.2, XEP-0388, 0386, 0440, 0484), and
 * host-meta in both forms (RFC 6415, XEP-0156). Everything comes from strangers: texts are cut, and
 * counts are bounded. Pure. */
#include <jansson.h>
#include <string.h>

#include "burble/probe.h"
#include "xml/parser.h"
#include "xmpp/ns.h"

/* Printable ASCII alone: what is shown is what was there. */
static void copy(struct slice in, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len && n + 1 < size; i++)
        out[n++] = (char)(in.ptr[i] > ' ' && in.ptr[i] < 0x7f ? in.ptr[i] : '?');
    out[n] = '\0';
}

static void take_names(struct xml list, const char *element, struct probe_names *out)
{
    for (struct xml x = xml_first_element(list); xml_some(x); x = xml_next_element(x))
        if (slice_eq(xml_name(x), slice_z(element)) && xml_text(x).len > 0 &&
            out->count < PROBE_MECHANISMS_MAX)
            copy(xml_text(x), out->text[out->count++], PROBE_NAME_BYTES);
}

const struct probe_binding PROBE_BINDING[PROBE_BINDINGS] = {
    {PROBE_BIND_EXPORTER, "tls-exporter"},
    {PROBE_BIND_END_POINT, "tls-server-end-point"},
    {PROBE_BIND_UNIQUE, "tls-unique"},
    {PROBE_BIND_OTHER, "others"},
};

static void take_bindings(struct xml list, struct probe_features *out)
{
    out->bindings_said = true;
    for (struct xml x = xml_first_element(list); xml_some(x); x = xml_next_element(x)) {
        struct slice type = xml_attr(x, SLICE("type"));
        size_t i = 0;
        while (i < PROBE_BINDINGS - 1 && !slice_eq(type, slice_z(PROBE_BINDING[i].name)))
            i++;
        out->bindings |= PROBE_BINDING[i].bit;
    }
}

static void take_sasl2(struct xml authentication, struct probe_features *out)
{
    take_names(authentication, "mechanism", &out->sasl2);
    struct xml along = xml_child(authentication, NS_SASL2, SLICE("inline"));
    out->bind2 |= xml_some(xml_child(along, NS_BIND2, SLICE("bind")));
    out->fast |= xml_some(xml_child(along, NS_FAST, SLICE("fast")));
    out->sm_inline |= xml_some(xml_child(along, NS_SM, SLICE("sm")));
}

void probe_read_features(struct xml features, struct probe_features *out)
{
    *out = (struct probe_features){.seen = true};
    for (struct xml x = xml_first_element(features); xml_some(x); x = xml_next_element(x)) {
        struct slice ns = xml_ns(x), name = xml_name(x);
        if (slice_eq(ns, NS_TLS) && slice_is(name, "starttls")) {
            out->starttls = true;
            out->starttls_required = xml_some(xml_child(x, NS_TLS, SLICE("required")));
        } else if (slice_eq(ns, NS_SASL) && slice_is(name, "mechanisms")) {
            take_names(x, "mechanism", &out->sasl);
        } else if (slice_eq(ns, NS_SASL2) && slice_is(name, "authentication")) {
            take_sasl2(x, out);
        } else if (slice_eq(ns, NS_CHANNEL_BINDING) && slice_is(name, "sasl-channel-binding")) {
            take_bindings(x, out);
        } else if (slice_eq(ns, NS_REGISTER_STREAM) && slice_is(name, "register")) {
            out->registration = true;
        } else if (slice_is(ns, "urn:xmpp:features:dialback")) {
            out->dialback = true;
        } else if (slice_is(ns, "http://jabber.org/features/compress")) {
            out->compression = true;
        }
    }
}

/* ------------------------------------------------------------------------------------- host-meta
 */

static void add_link(struct probe_meta *out, struct slice rel, struct slice href)
{
    static const char PREFIX[] = "urn:xmpp:alt-connections:";
    if (!slice_starts(rel, SLICE(PREFIX)) || out->count == PROBE_LINKS_MAX)
        return;
    struct probe_link *l = &out->links[out->count++];
    copy(slice_from(rel, sizeof(PREFIX) - 1), l->rel, sizeof(l->rel));
    copy(href, l->href, sizeof(l->href));
}

/* The text without its declaration and comments, which XMPP's XML does not know. */
static void strip(struct slice in, struct buf *out)
{
    while (in.len > 0) {
        bool comment = slice_starts(in, SLICE("<!--")), pi = slice_starts(in, SLICE("<?"));
        if (!comment && !pi) {
            (void)buf_byte(out, in.ptr[0]);
            in = slice_from(in, 1);
            continue;
        }
        struct slice end = comment ? SLICE("-->") : SLICE("?>");
        while (in.len > 0 && !slice_starts(in, end))
            in = slice_from(in, 1);
        in = slice_from(in, in.len < end.len ? in.len : end.len);
    }
}

static struct slice trimmed(struct slice s)
{
    if (slice_starts(s, SLICE("\xef\xbb\xbf")))
        s = slice_from(s, 3);
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) != NULL && s.ptr[0] != '\0')
        s = slice_from(s, 1);
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL && s.ptr[s.len - 1] != '\0')
        s.len--;
    return s;
}

bool probe_read_xrd(struct slice text, struct probe_meta *out)
{
    static const struct slice XRD = {.ptr = "http://docs.oasis-open.org/ns/xri/xrd-1.0", .len = 41};
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree = NULL;
    struct buf plain = {0};
    limits.stanza_bytes = HTTP_BODY_MAX;
    strip(text, &plain);
    bool good = !plain.failed &&
                xml_parse(trimmed(buf_slice(&plain)), SLICE_NONE, &limits, &tree) == XML_OK &&
                xml_is(xml_root(tree), XRD, SLICE("XRD"));
    struct xml x = good ? xml_child(xml_root(tree), XRD, SLICE("Link")) : XML_NONE;
    for (; xml_some(x); x = xml_next_named(x, XRD, SLICE("Link")))
        add_link(out, xml_attr(x, SLICE("rel")), xml_attr(x, SLICE("href")));
    xml_tree_free(&tree);
    buf_free(&plain);
    out->readable = good;
    return good;
}

bool probe_read_jrd(struct slice text, struct probe_meta *out)
{
    json_t *all = json_loadb(text.ptr != NULL ? text.ptr : "", text.len, 0, NULL);
    const json_t *links = json_object_get(all, "links");
    bool good = json_is_object(all) && (links == NULL || json_is_array(links));
    for (size_t i = 0; good && i < json_array_size(links); i++) {
        const json_t *l = json_array_get(links, i);
        add_link(out, slice_z(json_string_value(json_object_get(l, "rel"))),
                 slice_z(json_string_value(json_object_get(l, "href"))));
    }
    json_decref(all);
    out->readable = good;
    return good;
}
