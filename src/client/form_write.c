/* Data forms (XEP-0004 2.13.2) as XML text. */
#include "base/buf.h"
#include "base/err.h"
#include "client/client.h"
#include "client/form_inside.h"
#include "xmpp/data_form.h"

static void put_values(struct xml_writer *w, const struct burble_field *field)
{
    for (size_t i = 0; i < field->value_count; i++)
        xml_leaf(w, SLICE("value"), SLICE_NONE, slice_z(field->values[i]));
}

/* What goes into a submission: what has a value, and what was emptied. */
static bool is_submitted(const struct burble_field *field)
{
    return field->var != NULL && field->type != BURBLE_FIELD_FIXED &&
           (field->value_count > 0 || field->changed);
}

static void put_answer(struct xml_writer *w, const struct burble_field *field)
{
    xml_open(w, SLICE("field"), SLICE_NONE);
    xml_attr_put(w, SLICE("var"), slice_z(field->var));
    if (field->type == BURBLE_FIELD_HIDDEN)
        xml_attr_put(w, SLICE("type"), SLICE("hidden"));
    put_values(w, field);
    xml_close(w);
}

static void put_option(struct xml_writer *w, const struct burble_option *o)
{
    xml_open(w, SLICE("option"), SLICE_NONE);
    if (o->label != NULL)
        xml_attr_put(w, SLICE("label"), slice_z(o->label));
    xml_leaf(w, SLICE("value"), SLICE_NONE, slice_z(o->value));
    xml_close(w);
}

static void put_question(struct xml_writer *w, const struct burble_field *field)
{
    xml_open(w, SLICE("field"), SLICE_NONE);
    if (field->var != NULL)
        xml_attr_put(w, SLICE("var"), slice_z(field->var));
    xml_attr_put(w, SLICE("type"), slice_z(burble_field_type_text(field->type)));
    if (field->label != NULL)
        xml_attr_put(w, SLICE("label"), slice_z(field->label));
    if (field->desc != NULL)
        xml_leaf(w, SLICE("desc"), SLICE_NONE, slice_z(field->desc));
    if (field->required) {
        xml_open(w, SLICE("required"), SLICE_NONE);
        xml_close(w);
    }
    put_values(w, field);
    for (size_t i = 0; i < field->option_count; i++)
        put_option(w, &field->options[i]);
    xml_close(w);
}

static void put_instructions(struct xml_writer *w, const char *text)
{
    struct slice rest = slice_z(text);
    for (;;) {
        size_t len = slice_find(rest, '\n');
        xml_leaf(w, SLICE("instructions"), SLICE_NONE, slice_of(rest.ptr, len));
        if (len == rest.len)
            return;
        rest = slice_from(rest, len + 1);
    }
}

static void put_questions(struct xml_writer *w, const struct burble_form *form)
{
    if (form->title != NULL)
        xml_leaf(w, SLICE("title"), SLICE_NONE, slice_z(form->title));
    if (form->instructions != NULL)
        put_instructions(w, form->instructions);
    for (size_t i = 0; i < form->field_count; i++)
        put_question(w, &form->fields[i]);
}

static int write(const struct burble_form *form, const char *type, bool questions, char **out)
{
    struct buf b = {0};
    struct xml_writer w;
    xml_writer_init(&w, &b, NS_CLIENT);
    data_form_open(&w, slice_z(type), SLICE_NONE);
    if (questions)
        put_questions(&w, form);
    for (size_t i = 0; !questions && i < form->field_count; i++)
        if (is_submitted(&form->fields[i]))
            put_answer(&w, &form->fields[i]);
    xml_close(&w);
    *out = b.failed ? NULL : client_copy(buf_slice(&b));
    buf_free(&b);
    return *out != NULL ? 0 : ERR_MEMORY;
}

int burble_form_submission(const struct burble_form *form, char **out)
{
    return write(form, "submit", false, out);
}

int burble_form_write(const struct burble_form *form, char **out)
{
    static const struct burble_form EMPTY;
    switch (form->kind) {
    case BURBLE_FORM_SUBMITS:
        return write(form, "submit", false, out);
    case BURBLE_FORM_CANCELS:
        return write(&EMPTY, "cancel", false, out);
    case BURBLE_FORM_TELLS:
        return write(form, "result", true, out);
    default:
        return write(form, "form", true, out);
    }
}
