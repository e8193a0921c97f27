/* What the host and its accounts say of themselves (XEP-0030 section 3, XEP-0128), collected from
 * the descriptors of all modules. */
#ifndef CORE_SERVICE_DISCO_H
#define CORE_SERVICE_DISCO_H

#include "core/engine.h"
#include "xml/writer.h"

/* Writes the <query/> of disco#info. node is mirrored; ptr NULL: there is none. */
void disco_host_info(struct engine *e, const struct host_config *host, struct slice node,
                     struct xml_writer *w);
void disco_account_info(struct engine *e, const struct host_config *host, struct slice node,
                        struct xml_writer *w);

struct iq;
/* Lets a module answer a request for a node; false: none of them knows it. */
bool disco_ask_node(struct iq *iq, struct slice node);

#endif
