/* Data forms (XEP-0004 version 2.13.2) as they are written, step by step. Reading is left to those
 * who know what they look for. */
#ifndef XMPP_DATA_FORM_H
#define XMPP_DATA_FORM_H

#include "base/slice.h"
#include "xml/writer.h"

/* Opens <x/> of this type ("submit"); xml_close ends it. form_type becomes its first field, a
 * hidden FORM_TYPE (XEP-0068); empty: none. */
void data_form_open(struct xml_writer *w, struct slice type, struct slice form_type);
/* A field with one value; type empty: it is not said. */
void data_form_field(struct xml_writer *w, struct slice var, struct slice type, struct slice value);

#endif
