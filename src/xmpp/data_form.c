/* Data forms (XEP-0004 version 2.13.2, FORM_TYPE of XEP-0068 version 1.3.0) as they are written. */
#include "xmpp/data_form.h"

#include "xmpp/ns.h"

void data_form_open(struct xml_writer *w, struct slice type, struct slice form_type)
{
    xml_open(w, SLICE("x"), NS_DATA_FORMS);
    xml_attr_put(w, SLICE("type"), type);
    if (form_type.len > 0)
        data_form_field(w, SLICE("FORM_TYPE"), SLICE("hidden"), form_type);
}

void data_form_field(struct xml_writer *w, struct slice var, struct slice type, struct slice value)
{
    xml_open(w, SLICE("field"), SLICE_NONE);
    xml_attr_put(w, SLICE("var"), var);
    if (type.len > 0)
        xml_attr_put(w, SLICE("type"), type);
    xml_leaf(w, SLICE("value"), SLICE_NONE, value);
    xml_close(w);
}
