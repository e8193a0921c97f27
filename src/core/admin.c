/* Requests of the administrator. */
#include "core/admin.h"

void admin_serve(struct engine *e, struct admin_request *request)
{
    struct mail *m = mail_new(MAIL_ADMIN_DONE, e->shard, request->from);
    m->object = request;
    engine_post(e, m);
}
