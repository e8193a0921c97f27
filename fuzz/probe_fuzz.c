/* The probe: stream features and host-meta of strangers. Whatever comes, what is kept is bounded
 * and printable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/probe.h"
#include "xml/parser.h"
#include "xmpp/ns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_plain(const char *text, size_t cap)
{
    size_t n = strnlen(text, cap);
    CHECK(n < cap);
    for (size_t i = 0; i < n; i++)
        CHECK(text[i] > ' ' && text[i] < 0x7f);
}

static void features(struct slice text)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree = NULL;
    struct probe_features f;
    if (xml_parse(text, NS_CLIENT, &limits, &tree) != XML_OK)
        return;
    probe_read_features(xml_root(tree), &f);
    CHECK(f.sasl.count <= PROBE_MECHANISMS_MAX && f.sasl2.count <= PROBE_MECHANISMS_MAX);
    for (size_t i = 0; i < f.sasl.count; i++)
        is_plain(f.sasl.text[i], PROBE_NAME_BYTES);
    for (size_t i = 0; i < f.sasl2.count; i++)
        is_plain(f.sasl2.text[i], PROBE_NAME_BYTES);
    xml_tree_free(&tree);
}

static void meta(struct slice text, bool (*read)(struct slice, struct probe_meta *))
{
    struct probe_meta m = {0};
    bool good = read(text, &m);
    CHECK(good == m.readable && m.count <= PROBE_LINKS_MAX && (good || m.count == 0));
    for (size_t i = 0; i < m.count; i++) {
        is_plain(m.links[i].rel, PROBE_NAME_BYTES);
        is_plain(m.links[i].href, PROBE_TEXT_BYTES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    features(text);
    meta(text, probe_read_xrd);
    meta(text, probe_read_jrd);
    return 0;
}
