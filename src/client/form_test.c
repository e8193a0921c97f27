/* Data forms: what is read, filled in and written, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "burble/form.h"

#define X "<x xmlns='jabber:x:data' "

static struct burble_form *read_text(const char *text)
{
    struct burble_form *form;
    struct burble_xml x = burble_xml_parse(text, strlen(text), NULL);
    assert_true(burble_xml_some(x));
    assert_int_equal(burble_form_read(x, &form), 0);
    burble_xml_free(&x);
    return form;
}

static int read_error(const char *text)
{
    struct burble_form *form;
    struct burble_xml x = burble_xml_parse(text, strlen(text), NULL);
    assert_true(burble_xml_some(x));
    int err = burble_form_read(x, &form);
    assert_null(form);
    burble_xml_free(&x);
    return err;
}

static void expect_submission(const struct burble_form *form, const char *text)
{
    char *out;
    assert_int_equal(burble_form_submission(form, &out), 0);
    assert_string_equal(out, text);
    free(out);
}

static const char ROOM[] =
    "<query xmlns='urn:test'>" X "type='form'>"
    "<title>Room</title><instructions>One</instructions><instructions>Two</instructions>"
    "<field var='FORM_TYPE' type='hidden'><value>urn:room</value></field>"
    "<field type='fixed'><value>Who may come</value></field>"
    "<field var='name' type='text-single' label='Name'><desc>of it</desc><required/></field>"
    "<field var='open' type='boolean'><value>true</value></field>"
    "<field var='who' type='list-single'><value>all</value>"
    "<option label='Everybody'><value>all</value></option><option><value>some</value></option>"
    "<option label='no value'/></field>"
    "<field var='about' type='text-multi'><value>a</value><value/><value>b</value></field>"
    "<field var='owners' type='jid-multi'/><field var='odd' type='colour'/>"
    "</x></query>";

static void a_form_is_read(void **state)
{
    struct burble_form *form = read_text(ROOM);
    (void)state;
    assert_int_equal(form->kind, BURBLE_FORM_ASKS);
    assert_string_equal(form->title, "Room");
    assert_string_equal(form->instructions, "One\nTwo");
    assert_string_equal(form->form_type, "urn:room");
    assert_int_equal(form->field_count, 8);
    assert_null(form->fields[1].var);
    const struct burble_field *name = burble_form_find(form, "name");
    assert_true(name->required);
    assert_string_equal(name->label, "Name");
    assert_string_equal(name->desc, "of it");
    assert_ptr_equal(burble_form_missing(form), name);
    assert_true(burble_form_is(form, "open"));
    const struct burble_field *who = burble_form_find(form, "who");
    assert_int_equal(who->type, BURBLE_FIELD_CHOICE);
    assert_int_equal(who->option_count, 2);
    assert_string_equal(who->options[0].label, "Everybody");
    assert_null(who->options[1].label);
    assert_int_equal(burble_form_find(form, "about")->value_count, 3);
    assert_string_equal(burble_form_find(form, "about")->values[1], "");
    assert_int_equal(burble_form_find(form, "odd")->type, BURBLE_FIELD_TEXT);
    assert_null(burble_form_value(form, "owners"));
    assert_null(burble_form_find(form, "none"));
    burble_form_free(&form);
    assert_null(form);
}

static void a_submission_has_what_was_asked_and_filled_in(void **state)
{
    struct burble_form *form = read_text(ROOM);
    (void)state;
    assert_int_equal(burble_form_set(form, "name", "a < b"), 0);
    assert_int_equal(burble_form_set(form, "open", "0"), 0);
    assert_int_equal(burble_form_set(form, "about", "one\n\ntwo"), 0);
    assert_int_equal(burble_form_set_many(form, "owners", NULL, 0), 0);
    assert_null(burble_form_missing(form));
    expect_submission(form, X "type='submit'>"
                              "<field var='FORM_TYPE' type='hidden'><value>urn:room</value></field>"
                              "<field var='name'><value>a &lt; b</value></field>"
                              "<field var='open'><value>0</value></field>"
                              "<field var='who'><value>all</value></field>"
                              "<field var='about'><value>one</value><value/><value>two</value>"
                              "</field><field var='owners'/></x>");
    burble_form_free(&form);
}

static void what_cannot_be_filled_in_is_refused(void **state)
{
    static const char *const TWO[] = {"a", "b"};
    struct burble_form *form =
        read_text(X "type='form'><field var='t'/><field var='b' type='boolean'/>"
                    "<field var='f' type='fixed'><value>x</value></field></x>");
    (void)state;
    assert_int_equal(burble_form_set(form, "none", "x"), BURBLE_ERR_NOT_FOUND);
    assert_int_equal(burble_form_set(form, "f", "x"), BURBLE_ERR_REFUSED);
    assert_int_equal(burble_form_set(form, "b", "yes"), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_form_set(form, "t", "\x01"), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_form_set(form, "t", "\xff"), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_form_set(form, "t", NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_form_set_many(form, "t", TWO, 2), BURBLE_ERR_SYNTAX);
    expect_submission(form, X "type='submit'/>");
    burble_form_free(&form);
}

static void a_submission_is_made_without_a_form(void **state)
{
    static const char *const TWO[] = {"a", "b"};
    struct burble_form *form = burble_form_new(BURBLE_FORM_SUBMITS, "urn:options");
    (void)state;
    assert_non_null(form);
    assert_string_equal(form->form_type, "urn:options");
    for (int i = 0; i < 20; i++) {
        char var[] = {(char)('a' + i), '\0'};
        assert_int_equal(burble_form_set(form, var, "1"), 0);
    }
    assert_int_equal(form->field_count, 21);
    burble_form_free(&form);
    form = burble_form_new(BURBLE_FORM_SUBMITS, NULL);
    assert_int_equal(burble_form_set_many(form, "many", TWO, 2), 0);
    expect_submission(form, X "type='submit'><field var='many'><value>a</value><value>b</value>"
                              "</field></x>");
    burble_form_free(&form);
}

static void a_form_that_is_made_is_read_again(void **state)
{
    static const struct burble_option OPTIONS[] = {{"1", "One"}, {"2", NULL}};
    static const char *const VALUES[] = {"2"};
    struct burble_form *form = burble_form_new(BURBLE_FORM_ASKS, "urn:ask");
    const struct burble_field field = {.var = "n",
                                       .type = BURBLE_FIELD_CHOICE,
                                       .label = "N",
                                       .desc = "how many",
                                       .required = true,
                                       .values = VALUES,
                                       .value_count = 1,
                                       .options = OPTIONS,
                                       .option_count = 2};
    char *out;
    (void)state;
    assert_int_equal(burble_form_head(form, "T", "I\nJ"), 0);
    assert_int_equal(burble_form_add(form, &field), 0);
    assert_int_equal(burble_form_add(form, &field), BURBLE_ERR_EXISTS);
    assert_int_equal(burble_form_write(form, &out), 0);
    burble_form_free(&form);
    form = read_text(out);
    free(out);
    assert_string_equal(form->title, "T");
    assert_string_equal(form->instructions, "I\nJ");
    const struct burble_field *n = burble_form_find(form, "n");
    assert_int_equal(n->type, BURBLE_FIELD_CHOICE);
    assert_true(n->required);
    assert_string_equal(n->desc, "how many");
    assert_string_equal(n->options[0].label, "One");
    assert_string_equal(burble_form_value(form, "n"), "2");
    burble_form_free(&form);
}

static void a_table_of_results_is_read(void **state)
{
    struct burble_form *form =
        read_text(X "type='result'><reported><field var='jid' label='Address'/></reported>"
                    "<item><field var='jid'><value>a@b</value></field></item>"
                    "<item><field var='jid'><value>c@d</value></field><field/></item></x>");
    (void)state;
    assert_int_equal(form->kind, BURBLE_FORM_TELLS);
    assert_int_equal(form->column_count, 1);
    assert_string_equal(form->columns[0].label, "Address");
    assert_int_equal(form->item_count, 2);
    assert_string_equal(burble_form_cell(&form->items[1], "jid"), "c@d");
    assert_null(burble_form_cell(&form->items[0], "name"));
    burble_form_free(&form);
}

static void what_is_no_form_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_error("<query xmlns='urn:test'/>"), BURBLE_ERR_NOT_FOUND);
    assert_int_equal(read_error("<x xmlns='urn:test' type='form'/>"), BURBLE_ERR_NOT_FOUND);
    assert_int_equal(read_error(X "/>"), BURBLE_ERR_SYNTAX);
    assert_int_equal(read_error(X "type='FORM'/>"), BURBLE_ERR_SYNTAX);
}

/* So many of what between begin and end. */
static int read_many(const char *begin, const char *what, size_t n, const char *end)
{
    struct buf text = {0};
    struct burble_form *form;
    buf_add(&text, slice_z(begin));
    for (size_t i = 0; i < n; i++)
        buf_add(&text, slice_z(what));
    buf_add(&text, slice_z(end));
    struct burble_xml x = burble_xml_parse(buf_slice(&text).ptr, buf_len(&text), NULL);
    assert_true(burble_xml_some(x));
    int err = burble_form_read(x, &form);
    assert_true((form == NULL) == (err != 0));
    burble_form_free(&form);
    burble_xml_free(&x);
    buf_free(&text);
    return err;
}

static void forms_have_limits(void **state)
{
    (void)state;
    assert_int_equal(read_many(X "type='form'>", "<field/>", BURBLE_FORM_FIELDS_MAX, "</x>"), 0);
    assert_int_equal(read_many(X "type='form'>", "<field/>", BURBLE_FORM_FIELDS_MAX + 1, "</x>"),
                     BURBLE_ERR_LIMIT);
    assert_int_equal(read_many(X "type='form'><field>", "<value/>", 4000, "</field></x>"), 0);
    struct burble_form *form = burble_form_new(BURBLE_FORM_SUBMITS, NULL);
    int err = 0;
    for (int i = 0; i <= BURBLE_FORM_VALUES_MAX && err == 0; i++)
        err = burble_form_set(form, "a", "");
    assert_int_equal(err, BURBLE_ERR_LIMIT);
    burble_form_free(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_read),
        cmocka_unit_test(a_submission_has_what_was_asked_and_filled_in),
        cmocka_unit_test(what_cannot_be_filled_in_is_refused),
        cmocka_unit_test(a_submission_is_made_without_a_form),
        cmocka_unit_test(a_form_that_is_made_is_read_again),
        cmocka_unit_test(a_table_of_results_is_read),
        cmocka_unit_test(what_is_no_form_is_refused),
        cmocka_unit_test(forms_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
