/* Data forms as they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xmpp/data_form.h"
#include "xmpp/ns.h"

static void assert_form(struct slice type, struct slice form_type, const char *want)
{
    struct buf out = {0};
    struct xml_writer w;
    xml_writer_init(&w, &out, NS_CLIENT);
    data_form_open(&w, type, form_type);
    data_form_field(&w, SLICE("a"), SLICE_NONE, SLICE("<1>"));
    data_form_field(&w, SLICE("b"), SLICE("boolean"), SLICE(""));
    xml_close(&w);
    buf_byte(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(buf_slice(&out).ptr, want);
    buf_free(&out);
}

static void a_form_has_its_type_first_and_fields_behind(void **state)
{
#define FIELDS                                                                                     \
    "<field var='a'><value>&lt;1&gt;</value></field>"                                              \
    "<field var='b' type='boolean'><value/></field></x>"
    (void)state;
    assert_form(SLICE("submit"), SLICE("urn:f"),
                "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
                "<value>urn:f</value></field>" FIELDS);
    assert_form(SLICE("form"), SLICE_NONE, "<x xmlns='jabber:x:data' type='form'>" FIELDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_has_its_type_first_and_fields_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
