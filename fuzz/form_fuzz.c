/* Data forms of strangers: whatever is read can be looked into, filled in and written, and what is
 * written of it is a form again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct burble_form *form)
{
    size_t values = 0;
    for (size_t i = 0; i < form->field_count; i++) {
        const struct burble_field *f = &form->fields[i];
        values += f->value_count + f->option_count;
        CHECK(f->var == NULL || burble_form_find(form, f->var) != NULL);
        for (size_t v = 0; v < f->value_count; v++)
            CHECK(f->values[v] != NULL);
        for (size_t o = 0; o < f->option_count; o++)
            CHECK(f->options[o].value != NULL);
    }
    CHECK(form->field_count <= BURBLE_FORM_FIELDS_MAX && values <= BURBLE_FORM_VALUES_MAX);
    for (size_t i = 0; i < form->item_count; i++)
        for (size_t j = 0; j < form->column_count; j++)
            (void)burble_form_cell(&form->items[i], form->columns[j].var);
}

static void again(const char *text, enum burble_form_kind kind)
{
    struct burble_form *form;
    struct burble_xml x = burble_xml_parse(text, strlen(text), NULL);
    if (burble_xml_some(x)) {
        int err = burble_form_read(x, &form);
        CHECK(err == BURBLE_ERR_LIMIT || (err == 0 && form->kind == kind));
        burble_form_free(&form);
    }
    burble_xml_free(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct burble_form *form;
    struct burble_xml x = burble_xml_parse((const char *)data, size, NULL);
    int err = burble_form_read(x, &form);
    burble_xml_free(&x);
    CHECK((err == 0) == (form != NULL));
    if (form == NULL)
        return 0;
    walk(form);
    char *text;
    CHECK(burble_form_write(form, &text) == 0);
    again(text, form->kind);
    free(text);
    for (size_t i = 0; i < form->field_count; i++)
        (void)burble_form_set(form, form->fields[i].var, "1\n2");
    CHECK(burble_form_submission(form, &text) == 0);
    again(text, BURBLE_FORM_SUBMITS);
    free(text);
    burble_form_free(&form);
    return 0;
}
