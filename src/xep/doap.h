/* The modules as tables for the world: made from their descriptors. */
#ifndef XEP_DOAP_H
#define XEP_DOAP_H

#include "base/buf.h"
#include "core/module.h"

/* Appends the description of the project (RDF/XML, XEP-0453), with every XEP in the order of their
 * numbers. Buffer failure is sticky in out. */
void doap_write(const struct module *const *modules, struct buf *out);
/* Appends the same as rows of a Markdown table: XEP, version, what it does here. */
void doap_write_table(const struct module *const *modules, struct buf *out);

#endif
