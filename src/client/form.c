/* Data forms (XEP-0004 2.13.2, FORM_TYPE of XEP-0068): reading one, and looking into it. */
#include "burble/form.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "client/client.h"
#include "client/form_inside.h"

static const char *const KINDS[] = {
    [BURBLE_FORM_ASKS] = "form",
    [BURBLE_FORM_SUBMITS] = "submit",
    [BURBLE_FORM_CANCELS] = "cancel",
    [BURBLE_FORM_TELLS] = "result",
};

static const char *const TYPES[] = {
    [BURBLE_FIELD_TEXT] = "text-single",   [BURBLE_FIELD_BOOLEAN] = "boolean",
    [BURBLE_FIELD_FIXED] = "fixed",        [BURBLE_FIELD_HIDDEN] = "hidden",
    [BURBLE_FIELD_JID] = "jid-single",     [BURBLE_FIELD_JIDS] = "jid-multi",
    [BURBLE_FIELD_CHOICE] = "list-single", [BURBLE_FIELD_CHOICES] = "list-multi",
    [BURBLE_FIELD_LINES] = "text-multi",   [BURBLE_FIELD_SECRET] = "text-private",
};

const char *burble_field_type_text(enum burble_field_type type)
{
    return (unsigned)type <= BURBLE_FIELD_SECRET ? TYPES[type] : TYPES[BURBLE_FIELD_TEXT];
}

static struct form *form_of(const struct burble_form *f)
{
    return (struct form *)(void *)f;
}

const char *form_copy(struct form *f, struct slice s)
{
    char *copy = s.ptr != NULL ? arena_alloc(&f->mem, s.len + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

void *form_array(struct form *f, size_t n, size_t size)
{
    size_t bytes = n > 0 ? n * size : 1; /* n is below the limits of a form */
    void *array = arena_alloc(&f->mem, bytes);
    if (array != NULL)
        memset(array, 0, bytes);
    return array;
}

struct burble_field *form_add(struct form *f)
{
    size_t n = f->form.field_count;
    if (n == f->cap) {
        size_t cap = n > 0 ? n * 2 : 8;
        struct burble_field *more = realloc(f->fields, cap * sizeof(*more));
        if (more == NULL)
            return NULL;
        f->fields = more;
        f->form.fields = more;
        f->cap = cap;
    }
    f->fields[n] = (struct burble_field){0};
    f->form.field_count++;
    return &f->fields[n];
}

int form_count(struct form *f, size_t n)
{
    if (n > BURBLE_FORM_VALUES_MAX - f->values)
        return ERR_LIMIT;
    f->values += n;
    return 0;
}

struct burble_form *burble_form_new(enum burble_form_kind kind, const char *form_type)
{
    struct form *f = client_alloc(sizeof(*f));
    if (f == NULL)
        return NULL;
    f->form.kind = kind;
    struct burble_form *form = &f->form;
    const struct burble_field field = {
        .var = "FORM_TYPE", .type = BURBLE_FIELD_HIDDEN, .values = &form_type, .value_count = 1};
    if (form_type != NULL && burble_form_add(form, &field) != 0)
        burble_form_free(&form);
    return form;
}

void burble_form_free(struct burble_form **form)
{
    struct form *old = form_of(*form);
    *form = NULL;
    if (old == NULL)
        return;
    arena_free(&old->mem);
    free(old->fields);
    free(old);
}

/* ------------------------------------------------------------------------------------- reading */

/* Text of an element; an empty one is "", not absent. */
static const char *text_of(struct form *f, struct xml x)
{
    struct slice text = xml_text(x);
    return xml_some(x) ? form_copy(f, text.ptr != NULL ? text : SLICE("")) : NULL;
}

static enum burble_field_type type_of(struct slice name)
{
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        if (slice_eq(name, slice_z(TYPES[i])))
            return (enum burble_field_type)i;
    return BURBLE_FIELD_TEXT;
}

static int read_values(struct form *f, struct xml x, struct burble_field *out)
{
    const struct slice name = SLICE("value");
    size_t n = xml_count_named(x, NS_DATA_FORMS, name), i = 0;
    if (form_count(f, n) != 0)
        return ERR_LIMIT;
    const char **values = form_array(f, n, sizeof(*values));
    if (values == NULL)
        return ERR_MEMORY;
    struct xml v = xml_child(x, NS_DATA_FORMS, name);
    for (; xml_some(v); v = xml_next_named(v, NS_DATA_FORMS, name))
        if ((values[i++] = text_of(f, v)) == NULL)
            return ERR_MEMORY;
    out->values = values;
    out->value_count = n;
    return 0;
}

/* An option without a value is none. */
static int read_options(struct form *f, struct xml x, struct burble_field *out)
{
    const struct slice name = SLICE("option");
    size_t n = xml_count_named(x, NS_DATA_FORMS, name);
    if (form_count(f, n) != 0)
        return ERR_LIMIT;
    struct burble_option *options = form_array(f, n, sizeof(*options));
    if (options == NULL)
        return ERR_MEMORY;
    out->options = options;
    struct xml o = xml_child(x, NS_DATA_FORMS, name);
    for (; xml_some(o); o = xml_next_named(o, NS_DATA_FORMS, name)) {
        struct xml value = xml_child(o, NS_DATA_FORMS, SLICE("value"));
        struct slice label = xml_attr(o, SLICE("label"));
        if (!xml_some(value))
            continue;
        struct burble_option option = {.value = text_of(f, value), .label = form_copy(f, label)};
        if (option.value == NULL || (label.ptr != NULL && option.label == NULL))
            return ERR_MEMORY;
        options[out->option_count++] = option;
    }
    return 0;
}

static int read_field(struct form *f, struct xml x, struct burble_field *out)
{
    struct slice var = xml_attr(x, SLICE("var")), label = xml_attr(x, SLICE("label"));
    struct xml desc = xml_child(x, NS_DATA_FORMS, SLICE("desc"));
    *out = (struct burble_field){
        .var = form_copy(f, var),
        .type = type_of(xml_attr(x, SLICE("type"))),
        .label = form_copy(f, label),
        .desc = text_of(f, desc),
        .required = xml_some(xml_child(x, NS_DATA_FORMS, SLICE("required"))),
    };
    if ((var.ptr != NULL && out->var == NULL) || (label.ptr != NULL && out->label == NULL) ||
        (xml_some(desc) && out->desc == NULL))
        return ERR_MEMORY;
    int err = read_values(f, x, out);
    return err == 0 ? read_options(f, x, out) : err;
}

/* The fields of <reported/> or of an <item/>. */
static int read_row(struct form *f, struct xml x, const struct burble_field **fields_out,
                    size_t *count_out)
{
    const struct slice name = SLICE("field");
    size_t n = xml_count_named(x, NS_DATA_FORMS, name), i = 0;
    if (n > BURBLE_FORM_FIELDS_MAX || form_count(f, n) != 0)
        return ERR_LIMIT;
    struct burble_field *fields = form_array(f, n, sizeof(*fields));
    if (fields == NULL)
        return ERR_MEMORY;
    struct xml field = xml_child(x, NS_DATA_FORMS, name);
    for (; xml_some(field); field = xml_next_named(field, NS_DATA_FORMS, name)) {
        int err = read_field(f, field, &fields[i++]);
        if (err != 0)
            return err;
    }
    *fields_out = fields;
    *count_out = n;
    return 0;
}

static int read_items(struct form *f, struct xml x)
{
    const struct slice name = SLICE("item");
    size_t n = xml_count_named(x, NS_DATA_FORMS, name), i = 0;
    if (form_count(f, n) != 0)
        return ERR_LIMIT;
    struct burble_form_item *items = form_array(f, n, sizeof(*items));
    if (items == NULL)
        return ERR_MEMORY;
    struct xml item = xml_child(x, NS_DATA_FORMS, name);
    for (; xml_some(item); item = xml_next_named(item, NS_DATA_FORMS, name), i++) {
        int err = read_row(f, item, &items[i].fields, &items[i].field_count);
        if (err != 0)
            return err;
    }
    f->form.items = items;
    f->form.item_count = n;
    struct xml reported = xml_child(x, NS_DATA_FORMS, SLICE("reported"));
    return read_row(f, reported, &f->form.columns, &f->form.column_count);
}

static int read_fields(struct form *f, struct xml x)
{
    const struct slice name = SLICE("field");
    struct xml field = xml_child(x, NS_DATA_FORMS, name);
    for (; xml_some(field); field = xml_next_named(field, NS_DATA_FORMS, name)) {
        struct burble_field read;
        if (f->form.field_count >= BURBLE_FORM_FIELDS_MAX)
            return ERR_LIMIT;
        int err = read_field(f, field, &read);
        struct burble_field *place = err == 0 ? form_add(f) : NULL;
        if (place == NULL)
            return err != 0 ? err : ERR_MEMORY;
        *place = read;
    }
    return 0;
}

/* Lines of instructions may stand in several elements. */
static int read_head(struct form *f, struct xml x)
{
    const struct slice name = SLICE("instructions");
    struct xml title = xml_child(x, NS_DATA_FORMS, SLICE("title"));
    struct buf lines = {0};
    struct xml line = xml_child(x, NS_DATA_FORMS, name);
    bool some = xml_some(line);
    for (bool first = true; xml_some(line); first = false) {
        if (!first)
            buf_byte(&lines, '\n');
        buf_add(&lines, xml_text(line));
        line = xml_next_named(line, NS_DATA_FORMS, name);
    }
    f->form.title = text_of(f, title);
    if (some && !lines.failed)
        f->form.instructions = form_copy(f, buf_len(&lines) > 0 ? buf_slice(&lines) : SLICE(""));
    buf_free(&lines);
    bool ok =
        (!xml_some(title) || f->form.title != NULL) && (!some || f->form.instructions != NULL);
    return ok ? 0 : ERR_MEMORY;
}

static bool read_kind(struct xml x, enum burble_form_kind *out)
{
    struct slice type = xml_attr(x, SLICE("type"));
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (slice_eq(type, slice_z(KINDS[i]))) {
            *out = (enum burble_form_kind)i;
            return true;
        }
    }
    return false;
}

int burble_form_read(struct burble_xml x, struct burble_form **out)
{
    enum burble_form_kind kind;
    struct xml root = view_xml(x);
    *out = NULL;
    if (!xml_is(root, NS_DATA_FORMS, SLICE("x")))
        root = xml_child(root, NS_DATA_FORMS, SLICE("x"));
    if (!xml_some(root))
        return ERR_NOT_FOUND;
    if (!read_kind(root, &kind))
        return ERR_SYNTAX;
    struct burble_form *form = burble_form_new(kind, NULL);
    if (form == NULL)
        return ERR_MEMORY;
    struct form *f = form_of(form);
    int err = read_head(f, root);
    if (err == 0)
        err = read_fields(f, root);
    if (err == 0)
        err = read_items(f, root);
    if (err != 0) {
        burble_form_free(&form);
        return err;
    }
    form->form_type = burble_form_value(form, "FORM_TYPE");
    *out = form;
    return 0;
}

/* ------------------------------------------------------------------------------------- looking */

static const struct burble_field *find(const struct burble_field *fields, size_t count,
                                       const char *var)
{
    for (size_t i = 0; var != NULL && i < count; i++)
        if (fields[i].var != NULL && strcmp(fields[i].var, var) == 0)
            return &fields[i];
    return NULL;
}

static const char *first_value(const struct burble_field *field)
{
    return field != NULL && field->value_count > 0 ? field->values[0] : NULL;
}

struct burble_field *form_find(struct form *f, const char *var)
{
    const struct burble_field *field = find(f->fields, f->form.field_count, var);
    return field != NULL ? &f->fields[field - f->fields] : NULL;
}

const struct burble_field *burble_form_find(const struct burble_form *form, const char *var)
{
    return find(form->fields, form->field_count, var);
}

const char *burble_form_value(const struct burble_form *form, const char *var)
{
    return first_value(burble_form_find(form, var));
}

const char *burble_form_cell(const struct burble_form_item *item, const char *var)
{
    return first_value(find(item->fields, item->field_count, var));
}

bool burble_form_is(const struct burble_form *form, const char *var)
{
    const char *value = burble_form_value(form, var);
    return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

const struct burble_field *burble_form_missing(const struct burble_form *form)
{
    for (size_t i = 0; i < form->field_count; i++) {
        const struct burble_field *field = &form->fields[i];
        if (field->required && field->value_count == 0 && field->type != BURBLE_FIELD_FIXED)
            return field;
    }
    return NULL;
}
