/* Inside of data forms: form.c reads and finds, form_edit.c fills in, form_write.c writes. */
#ifndef CLIENT_FORM_INSIDE_H
#define CLIENT_FORM_INSIDE_H

#include "base/arena.h"
#include "base/slice.h"
#include "burble/form.h"

struct form {
    struct burble_form form; /* first: it is what programs hold */
    struct arena mem;        /* all that form points at, but fields */
    struct burble_field *fields;
    size_t cap;    /* of fields */
    size_t values; /* and options, counted for the limit */
};

/* A NUL-terminated copy; NULL: s.ptr is NULL, or no memory. */
const char *form_copy(struct form *f, struct slice s);
/* n of them, zeroed; NULL: no memory. n 0 gives some place. */
void *form_array(struct form *f, size_t n, size_t size);
/* A zeroed field behind the others; NULL: no memory, or too many. */
struct burble_field *form_add(struct form *f);
/* So many more values: 0 or ERR_LIMIT. */
int form_count(struct form *f, size_t n);
struct burble_field *form_find(struct form *f, const char *var);

#endif
