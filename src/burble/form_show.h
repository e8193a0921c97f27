/* Data forms for people and for programs: what is asked, what came. */
#ifndef BURBLE_FORM_SHOW_H
#define BURBLE_FORM_SHOW_H

#include <jansson.h>

#include "burble/form.h"
#include "burble/out.h"

/* Can a person fill it in? Hidden and fixed fields are no questions. */
bool form_show_is_question(const struct burble_field *field);
/* On standard output: a form that asks with its names, types and options, another one with its
 * values, a table of results row by row. */
void form_show(struct out *out, const struct burble_form *form);
/* The same as an object; values of private fields are left out. */
json_t *form_show_json(const struct burble_form *form);

#endif
