/* Result sets in pages (XEP-0059 version 1.0), the asking side. */
#ifndef CLIENT_RSM_H
#define CLIENT_RSM_H

#include <stdint.h>

#include "xml/tree.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

/* What is asked for: max items behind `after`, or the last ones before `before` (empty, not NULL:
 * before the end). A max of 0 and a ptr that is NULL say nothing. */
struct rsm_ask {
    uint32_t max;
    struct slice after, before;
};
void rsm_write(struct xml_writer *w, const struct rsm_ask *ask);

/* What was answered; slices of the tree, ptr NULL: not said. */
struct rsm_page {
    struct slice first, last;
    int64_t count; /* -1: not said */
    int64_t index; /* of the first one; -1: not said */
};
/* Of the element <set/>, or none. */
void rsm_read(struct xml set, struct rsm_page *out);

#endif
