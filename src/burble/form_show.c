/* Data forms shown. Everything in them is a stranger's text. */
#include "burble/form_show.h"

#include "burble/text.h"

bool form_show_is_question(const struct burble_field *field)
{
    return field->var != NULL && field->type != BURBLE_FIELD_HIDDEN &&
           field->type != BURBLE_FIELD_FIXED;
}

static void put(struct buf *line, const char *text)
{
    (void)text_show(slice_z(text), TEXT_LINE, line);
}

static void say(struct out *out, struct buf *line)
{
    buf_byte(line, '\n');
    (void)out_bytes(out, buf_slice(line));
    buf_clear(line);
}

static void put_values(struct buf *line, const struct burble_field *field)
{
    for (size_t i = 0; i < field->value_count; i++) {
        if (i > 0)
            buf_lit(line, ", ");
        put(line, field->type == BURBLE_FIELD_SECRET ? "(not shown)" : field->values[i]);
    }
}

/* "  name (list-single, required): Label", and below it what helps to fill it in. */
static void question(struct out *out, const struct burble_field *field)
{
    struct buf line = {0};
    buf_lit(&line, "  ");
    put(&line, field->var);
    (void)buf_printf(&line, " (%s%s)", burble_field_type_text(field->type),
                     field->required ? ", required" : "");
    if (field->label != NULL) {
        buf_lit(&line, ": ");
        put(&line, field->label);
    }
    say(out, &line);
    if (field->desc != NULL) {
        buf_lit(&line, "      ");
        put(&line, field->desc);
        say(out, &line);
    }
    if (field->value_count > 0) {
        buf_lit(&line, "      = ");
        put_values(&line, field);
        say(out, &line);
    }
    for (size_t i = 0; i < field->option_count; i++) {
        const struct burble_option *o = &field->options[i];
        buf_lit(&line, "      | ");
        put(&line, o->value);
        if (o->label != NULL) {
            buf_lit(&line, "  ");
            put(&line, o->label);
        }
        say(out, &line);
    }
    buf_free(&line);
}

static void pair(struct out *out, const char *name, const struct burble_field *field)
{
    struct buf line = {0};
    if (name != NULL) {
        put(&line, name);
        buf_lit(&line, ": ");
    }
    put_values(&line, field);
    say(out, &line);
    buf_free(&line);
}

static const char *column_label(const struct burble_form *form, const char *var)
{
    for (size_t i = 0; var != NULL && i < form->column_count; i++)
        if (form->columns[i].var != NULL && slice_eq(slice_z(form->columns[i].var), slice_z(var)))
            return form->columns[i].label != NULL ? form->columns[i].label : var;
    return var;
}

static void fields(struct out *out, const struct burble_form *form)
{
    for (size_t i = 0; i < form->field_count; i++) {
        const struct burble_field *field = &form->fields[i];
        if (field->type == BURBLE_FIELD_HIDDEN)
            continue;
        if (field->type == BURBLE_FIELD_FIXED)
            pair(out, NULL, field);
        else if (form->kind == BURBLE_FORM_ASKS && form_show_is_question(field))
            question(out, field);
        else
            pair(out, field->label != NULL ? field->label : field->var, field);
    }
}

void form_show(struct out *out, const struct burble_form *form)
{
    if (form->title != NULL)
        (void)out_line(out, "%s", form->title);
    if (form->instructions != NULL)
        (void)out_text(out, slice_z(form->instructions));
    fields(out, form);
    for (size_t i = 0; i < form->item_count; i++) {
        const struct burble_form_item *item = &form->items[i];
        if (i > 0)
            (void)out_line(out, "%s", "");
        for (size_t j = 0; j < item->field_count; j++)
            pair(out, column_label(form, item->fields[j].var), &item->fields[j]);
    }
}

/* ------------------------------------------------------------------------------------------ JSON
 */

static json_t *values_json(const struct burble_field *field)
{
    json_t *values = json_array();
    for (size_t i = 0; field->type != BURBLE_FIELD_SECRET && i < field->value_count; i++)
        json_array_append_new(values, out_string(slice_z(field->values[i])));
    return values;
}

static json_t *field_json(const struct burble_field *field)
{
    json_t *options = json_array();
    for (size_t i = 0; i < field->option_count; i++)
        json_array_append_new(
            options, json_pack("{s:o, s:o}", "value", out_string_or_null(field->options[i].value),
                               "label", out_string_or_null(field->options[i].label)));
    return json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o}", "var", out_string_or_null(field->var),
                     "type", burble_field_type_text(field->type), "label",
                     out_string_or_null(field->label), "desc", out_string_or_null(field->desc),
                     "required", field->required, "values", values_json(field), "options", options);
}

static json_t *item_json(const struct burble_form_item *item)
{
    json_t *row = json_object();
    for (size_t i = 0; i < item->field_count; i++) {
        if (item->fields[i].var == NULL)
            continue;
        json_t *name = out_string(slice_z(item->fields[i].var));
        json_object_set_new(row, json_string_value(name), values_json(&item->fields[i]));
        json_decref(name);
    }
    return row;
}

json_t *form_show_json(const struct burble_form *form)
{
    json_t *all = json_array(), *items = json_array();
    for (size_t i = 0; i < form->field_count; i++)
        if (form->fields[i].type != BURBLE_FIELD_HIDDEN)
            json_array_append_new(all, field_json(&form->fields[i]));
    for (size_t i = 0; i < form->item_count; i++)
        json_array_append_new(items, item_json(&form->items[i]));
    return json_pack("{s:b, s:o, s:o, s:o, s:o}", "asks", form->kind == BURBLE_FORM_ASKS, "title",
                     out_string_or_null(form->title), "instructions",
                     out_string_or_null(form->instructions), "fields", all, "items", items);
}
