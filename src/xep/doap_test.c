/* The DOAP file is well-formed and complete. The file in docs/ is made from the same descriptors;
 * "doap_xep_test docs/burble.doap" makes it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "xep/doap.h"
#include "xep/test_engine.h"
#include "xml/parser.h"

#define XMPP SLICE("https://linkmauve.fr/ns/xmpp-doap#")
#define DOAP SLICE("http://usefulinc.com/ns/doap#")
#define RDF  SLICE("http://www.w3.org/1999/02/22-rdf-syntax-ns#")

static const struct module LATER = {
    .name = "later", .xep = "0999", .version = "1.0", .summary = "less < more & more"};
static const struct module EARLIER = {
    .name = "earlier", .xep = "0001", .version = "2.1", .status = "partial", .summary = "half"};
static const struct module *const LIST[] = {&STREAM_MODULE, &LATER, &EARLIER, NULL};

/* The n-th XEP that is named. */
static struct xml nth(struct xml project, unsigned n)
{
    struct xml x = xml_child(project, DOAP, SLICE("implements"));
    for (; xml_some(x); x = xml_next_named(x, DOAP, SLICE("implements"))) {
        struct xml xep = xml_child(x, XMPP, SLICE("SupportedXep"));
        if (xml_some(xep) && n-- == 0)
            return xep;
    }
    return XML_NONE;
}

static void assert_leaf(struct xml xep, const char *name, const char *want)
{
    struct slice text = xml_text(xml_child(xep, XMPP, slice_z(name)));
    assert_true(slice_eq(text, slice_z(want)));
}

static void every_xep_is_named_in_order(void **state)
{
    (void)state;
    struct buf out = {0};
    struct xml_tree *tree;
    doap_write(LIST, &out);
    assert_int_equal(xml_parse(buf_slice(&out), SLICE_NONE, &XML_LIMITS_C2S, &tree), XML_OK);
    struct xml project = xml_child(xml_root(tree), DOAP, SLICE("Project"));
    assert_true(slice_is(xml_text(xml_child(project, DOAP, SLICE("name"))), "burble"));
    struct xml first = nth(project, 0), second = nth(project, 1);
    struct xml url = xml_child(first, XMPP, SLICE("xep"));
    assert_true(slice_is(xml_attr_ns(url, RDF, SLICE("resource")),
                         "https://xmpp.org/extensions/xep-0001.html"));
    assert_leaf(first, "status", "partial");
    assert_leaf(first, "version", "2.1");
    assert_leaf(second, "status", "complete");
    assert_leaf(second, "note", "less < more & more");
    assert_false(xml_some(nth(project, 2)));
    xml_tree_free(&tree);
    buf_free(&out);
}

static void the_table_has_a_row_for_each(void **state)
{
    (void)state;
    struct buf out = {0};
    doap_write_table(LIST, &out);
    buf_byte(&out, '\0');
    assert_string_equal(out.ptr,
                        "| XEP | version | |\n|---|---|---|\n"
                        "| [0001](https://xmpp.org/extensions/xep-0001.html) | 2.1, partial | "
                        "half |\n"
                        "| [0999](https://xmpp.org/extensions/xep-0999.html) | 1.0 | "
                        "less < more & more |\n");
    buf_free(&out);
}

static void the_file_in_docs_is_up_to_date(void **state)
{
    (void)state;
    struct buf want = {0}, got = {0};
    FILE *file = fopen(DOAP_FILE, "r");
    assert_non_null(file);
    char part[1024];
    size_t n;
    while ((n = fread(part, 1, sizeof(part), file)) > 0)
        buf_append(&got, part, n);
    fclose(file);
    doap_write(MODULES, &want);
    if (!slice_eq(buf_slice(&want), buf_slice(&got)))
        fail_msg("make it anew: doap_xep_test %s", DOAP_FILE);
    buf_free(&want);
    buf_free(&got);
}

static int make(const char *path)
{
    struct buf out = {0};
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return 1;
    doap_write(MODULES, &out);
    struct slice text = buf_slice(&out);
    bool bad = fwrite(text.ptr, 1, text.len, file) != text.len;
    bad |= fclose(file) != 0;
    buf_free(&out);
    return bad;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_xep_is_named_in_order),
        cmocka_unit_test(the_table_has_a_row_for_each),
        cmocka_unit_test(the_file_in_docs_is_up_to_date),
    };
    if (argc == 2)
        return make(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
