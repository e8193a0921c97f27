/** @file
 * Data forms (XEP-0004): the questions that rooms, nodes, registrations and commands ask, and the
 * answers.
 *
 * A form is read from a tree and is the program's then: it outlives the callback. The program walks
 * its fields, sets what it wants to change, and sends burble_form_submission where the XEP that the
 * form belongs to says. A submission may also be made without a form (burble_form_new), where the
 * program knows what to ask for.
 */
#ifndef BURBLE_FORM_H
#define BURBLE_FORM_H

#include "burble/burble.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Limits of a form that is read, and of one that is made. */
enum {
    BURBLE_FORM_FIELDS_MAX = 1000,
    BURBLE_FORM_VALUES_MAX = 10000, /**< values and options of all fields and items */
};

/** What a form is for. */
enum burble_form_kind {
    BURBLE_FORM_ASKS,    /**< "form": to be filled in */
    BURBLE_FORM_SUBMITS, /**< "submit" */
    BURBLE_FORM_CANCELS, /**< "cancel" */
    BURBLE_FORM_TELLS,   /**< "result" */
};

/** What a field wants. */
enum burble_field_type {
    BURBLE_FIELD_TEXT,    /**< text-single; also where the type is absent or unknown */
    BURBLE_FIELD_BOOLEAN, /**< "0", "1"; "false" and "true" are the same */
    BURBLE_FIELD_FIXED,   /**< text between the fields; nothing to fill in */
    BURBLE_FIELD_HIDDEN,  /**< goes back as it came */
    BURBLE_FIELD_JID,
    BURBLE_FIELD_JIDS,
    BURBLE_FIELD_CHOICE,  /**< list-single */
    BURBLE_FIELD_CHOICES, /**< list-multi */
    BURBLE_FIELD_LINES,   /**< text-multi: a value per line */
    BURBLE_FIELD_SECRET,  /**< text-private: not to be shown */
};
/** "text-single" */
BURBLE_API const char *burble_field_type_text(enum burble_field_type type);

/** One of the choices of a field. */
struct burble_option {
    const char *value; /**< what is sent */
    const char *label; /**< NULL: none, the value is to be shown */
};

/** A field of a form. */
struct burble_field {
    const char *var;                     /**< NULL: none, as many fixed fields have */
    enum burble_field_type type;         /**< what it wants */
    const char *label;                   /**< NULL: none */
    const char *desc;                    /**< NULL: none */
    bool required;                       /**< it has to be filled in */
    bool changed;                        /**< burble_form_set was called */
    const char *const *values;           /**< what it has */
    size_t value_count;                  /**< how many */
    const struct burble_option *options; /**< choices */
    size_t option_count;                 /**< how many */
};

/** A row of a table of results. Its fields have values alone; labels are in the columns. */
struct burble_form_item {
    const struct burble_field *fields; /**< by their names */
    size_t field_count;                /**< how many */
};

/** To be read; changed by the functions below alone. Everything in it is the form's. */
struct burble_form {
    enum burble_form_kind kind; /**< what it is for */
    const char *title;          /**< NULL: none */
    const char *instructions;   /**< lines; NULL: none */
    const char *form_type;      /**< value of the hidden field FORM_TYPE (XEP-0068); NULL: none */
    const struct burble_field *fields;    /**< in their order */
    size_t field_count;                   /**< how many */
    const struct burble_field *columns;   /**< of a table of results */
    size_t column_count;                  /**< how many */
    const struct burble_form_item *items; /**< rows of the table */
    size_t item_count;                    /**< how many */
};

/** Reads the element x of jabber:x:data, or the first one among the children of the element that is
 * given. *out is freed with burble_form_free. NOT_FOUND: there is none; SYNTAX: its type is none;
 * LIMIT, MEMORY. *out is NULL then. */
BURBLE_API int burble_form_read(struct burble_xml x, struct burble_form **out);
/** An empty one, with a FORM_TYPE unless that is NULL. NULL: no memory. */
BURBLE_API struct burble_form *burble_form_new(enum burble_form_kind kind, const char *form_type);
/** Harmless on NULL. */
BURBLE_API void burble_form_free(struct burble_form **form);
/** A copy of its own, without the tables of results. NULL: no memory. */
BURBLE_API struct burble_form *burble_form_copy(const struct burble_form *form);

/** The field of that name; NULL: none. It stays where it is until a field is added. */
BURBLE_API const struct burble_field *burble_form_find(const struct burble_form *form,
                                                       const char *var);
/** Its first value; NULL: no such field, or it has none. */
BURBLE_API const char *burble_form_value(const struct burble_form *form, const char *var);
/** The same in a row of results. */
BURBLE_API const char *burble_form_cell(const struct burble_form_item *item, const char *var);
/** Of a boolean: is it set? */
BURBLE_API bool burble_form_is(const struct burble_form *form, const char *var);

/** Fills in a field: text is copied. Of text-multi each line becomes a value. A form that asks
 * takes only what it asks for, a form of another kind gets the field when it has none yet.
 * NOT_FOUND: it is not asked for; REFUSED: there is nothing to fill in (fixed); SYNTAX: not a
 * boolean, or no UTF-8 that XML can carry; LIMIT, MEMORY. Whether a choice is among the options is
 * for whoever asks to decide. */
BURBLE_API int burble_form_set(struct burble_form *form, const char *var, const char *text);
/** The same with any number of values, also none. SYNTAX: more than one for a field that has room
 * for one. */
BURBLE_API int burble_form_set_many(struct burble_form *form, const char *var,
                                    const char *const *values, size_t count);
/** Adds a field, for programs that ask or tell: everything is copied, .changed is ignored. EXISTS:
 * there is one of that name; SYNTAX, LIMIT, MEMORY. */
BURBLE_API int burble_form_add(struct burble_form *form, const struct burble_field *field);
/** Sets what stands above the fields, NULL: nothing. MEMORY. */
BURBLE_API int burble_form_head(struct burble_form *form, const char *title,
                                const char *instructions);

/** The first field that is required and has no value; NULL: none is missing. */
BURBLE_API const struct burble_field *burble_form_missing(const struct burble_form *form);

/** The submission as XML text: hidden fields, those that have values, those that were changed.
 * Freed by the caller (free). MEMORY: *out is NULL. */
BURBLE_API int burble_form_submission(const struct burble_form *form, char **out);
/** The form of its kind as XML text, with labels and options; without the tables of results. As
 * burble_form_submission. */
BURBLE_API int burble_form_write(const struct burble_form *form, char **out);

#ifdef __cplusplus
}
#endif
#endif
