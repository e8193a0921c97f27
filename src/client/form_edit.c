/* Data forms (XEP-0004 2.13.2): filling one in, and making one. */
#include <string.h>

#include "base/err.h"
#include "client/client.h"
#include "client/form_inside.h"
#include "client/text.h"

static struct form *form_of(struct burble_form *f)
{
    return (struct form *)(void *)f;
}

static bool takes_many(enum burble_field_type type)
{
    return type == BURBLE_FIELD_JIDS || type == BURBLE_FIELD_CHOICES ||
           type == BURBLE_FIELD_LINES || type == BURBLE_FIELD_HIDDEN;
}

static bool is_boolean(const char *text)
{
    static const char *const WORDS[] = {"0", "1", "false", "true"};
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
        if (strcmp(text, WORDS[i]) == 0)
            return true;
    return false;
}

/* Copies of values; *out is only changed on success. */
static int take_values(struct form *f, struct burble_field *field, const char *const *values,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] == NULL || !client_text_valid(slice_z(values[i])) ||
            (field->type == BURBLE_FIELD_BOOLEAN && !is_boolean(values[i])))
            return ERR_SYNTAX;
    if (form_count(f, count) != 0)
        return ERR_LIMIT;
    const char **copies = form_array(f, count, sizeof(*copies));
    if (copies == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        if ((copies[i] = form_copy(f, slice_z(values[i]))) == NULL)
            return ERR_MEMORY;
    field->values = copies;
    field->value_count = count;
    return 0;
}

static void note_form_type(struct form *f, const struct burble_field *field)
{
    if (field->var != NULL && strcmp(field->var, "FORM_TYPE") == 0)
        f->form.form_type = field->value_count > 0 ? field->values[0] : NULL;
}

/* The field to fill in: it is asked for, or it is made. */
static int place_for(struct form *f, const char *var, size_t count, struct burble_field **out)
{
    *out = form_find(f, var);
    if (*out != NULL)
        return (*out)->type == BURBLE_FIELD_FIXED ? ERR_REFUSED : 0;
    if (f->form.kind == BURBLE_FORM_ASKS)
        return ERR_NOT_FOUND;
    struct burble_field field = {.var = var,
                                 .type = count > 1 ? BURBLE_FIELD_LINES : BURBLE_FIELD_TEXT};
    int err = burble_form_add(&f->form, &field);
    *out = form_find(f, var);
    return err;
}

int burble_form_set_many(struct burble_form *form, const char *var, const char *const *values,
                         size_t count)
{
    struct form *f = form_of(form);
    struct burble_field *field;
    int err = var != NULL ? place_for(f, var, count, &field) : ERR_SYNTAX;
    if (err != 0)
        return err;
    bool asked = form->kind == BURBLE_FORM_ASKS;
    if (asked && count > 1 && !takes_many(field->type))
        return ERR_SYNTAX;
    err = take_values(f, field, values, count);
    if (err != 0)
        return err;
    field->changed = true;
    note_form_type(f, field);
    return 0;
}

/* A value per line (XEP-0004 section 3.3, third note). */
static int set_lines(struct form *f, const char *var, const char *text)
{
    size_t count = 1, i = 0;
    struct slice rest = slice_z(text);
    for (const char *p = text; *p != '\0'; p++)
        count += *p == '\n';
    if (count > BURBLE_FORM_VALUES_MAX)
        return ERR_LIMIT;
    const char **lines = form_array(f, count, sizeof(*lines));
    if (lines == NULL)
        return ERR_MEMORY;
    for (; i < count; i++) {
        size_t len = slice_find(rest, '\n');
        if ((lines[i] = form_copy(f, slice_of(rest.ptr, len))) == NULL)
            return ERR_MEMORY;
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
    return burble_form_set_many(&f->form, var, lines, count);
}

int burble_form_set(struct burble_form *form, const char *var, const char *text)
{
    const struct burble_field *field = burble_form_find(form, var);
    if (text == NULL)
        return ERR_SYNTAX;
    if (field != NULL && field->type == BURBLE_FIELD_LINES)
        return set_lines(form_of(form), var, text);
    return burble_form_set_many(form, var, &text, 1);
}

static bool valid_or_null(const char *text)
{
    return text == NULL || client_text_valid(slice_z(text));
}

/* True: there is a copy, or there is nothing to copy. */
static bool copy_to(struct form *f, const char **place, const char *text)
{
    *place = form_copy(f, slice_z(text));
    return *place != NULL || text == NULL;
}

static int take_options(struct form *f, struct burble_field *out, const struct burble_field *from)
{
    if (form_count(f, from->option_count) != 0)
        return ERR_LIMIT;
    struct burble_option *options = form_array(f, from->option_count, sizeof(*options));
    if (options == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < from->option_count; i++) {
        const struct burble_option *o = &from->options[i];
        if (o->value == NULL || !valid_or_null(o->value) || !valid_or_null(o->label))
            return ERR_SYNTAX;
        if (!copy_to(f, &options[i].value, o->value) || !copy_to(f, &options[i].label, o->label))
            return ERR_MEMORY;
    }
    out->options = options;
    out->option_count = from->option_count;
    return 0;
}

int burble_form_add(struct burble_form *form, const struct burble_field *field)
{
    struct form *f = form_of(form);
    struct burble_field copy = {.type = field->type, .required = field->required};
    if ((field->var == NULL && field->type != BURBLE_FIELD_FIXED) || !valid_or_null(field->var) ||
        !valid_or_null(field->label) || !valid_or_null(field->desc))
        return ERR_SYNTAX;
    if (burble_form_find(form, field->var) != NULL)
        return ERR_EXISTS;
    if (form->field_count >= BURBLE_FORM_FIELDS_MAX)
        return ERR_LIMIT;
    if (!copy_to(f, &copy.var, field->var) || !copy_to(f, &copy.label, field->label) ||
        !copy_to(f, &copy.desc, field->desc))
        return ERR_MEMORY;
    int err = take_values(f, &copy, field->values, field->value_count);
    if (err == 0)
        err = take_options(f, &copy, field);
    struct burble_field *place = err == 0 ? form_add(f) : NULL;
    if (place == NULL)
        return err != 0 ? err : ERR_MEMORY;
    *place = copy;
    note_form_type(f, place);
    return 0;
}

int burble_form_head(struct burble_form *form, const char *title, const char *instructions)
{
    struct form *f = form_of(form);
    const char *copies[2];
    if (!valid_or_null(title) || !valid_or_null(instructions))
        return ERR_SYNTAX;
    if (!copy_to(f, &copies[0], title) || !copy_to(f, &copies[1], instructions))
        return ERR_MEMORY;
    form->title = copies[0];
    form->instructions = copies[1];
    return 0;
}

struct burble_form *burble_form_copy(const struct burble_form *form)
{
    struct burble_form *copy = burble_form_new(form->kind, NULL);
    int err = copy != NULL ? burble_form_head(copy, form->title, form->instructions) : 0;
    for (size_t i = 0; copy != NULL && err == 0 && i < form->field_count; i++) {
        err = burble_form_add(copy, &form->fields[i]);
        if (err == 0)
            form_of(copy)->fields[copy->field_count - 1].changed = form->fields[i].changed;
        if (err == ERR_EXISTS || err == ERR_SYNTAX)
            err = 0; /* what has no name, or another's, cannot be answered */
    }
    if (err != 0)
        burble_form_free(&copy);
    return copy;
}
