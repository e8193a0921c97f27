/* Requests of the administrator, served by the shard that they concern or by all of them. */
#ifndef CORE_ADMIN_H
#define CORE_ADMIN_H

#include "core/engine.h"

struct admin_request;

/* Serves the request on this shard; it comes back as MAIL_ADMIN_DONE to request.from, answered,
 * exactly once. */
void admin_serve(struct engine *e, struct admin_request *request);

#endif
