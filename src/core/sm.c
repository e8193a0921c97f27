/* Stream management: XEP-0198. */
#include "core/sm.h"

bool sm_received(struct engine *e, struct session *s, struct origin *origin)
{
    (void)e, (void)s, (void)origin;
    return true;
}

void sm_settle(struct engine *e, struct session *s, const struct origin *origin)
{
    (void)e, (void)s, (void)origin;
}

bool sm_has_room(const struct engine *e, const struct session *s)
{
    (void)e, (void)s;
    return true;
}

void sm_sent(struct engine *e, struct session *s, const struct log_entry *entry, enum role role,
             struct slice bytes)
{
    (void)e, (void)s, (void)entry, (void)role, (void)bytes;
}

void sm_ask(struct engine *e, struct session *s)
{
    (void)e, (void)s;
}

bool sm_keep(struct engine *e, struct session *s, struct slice bytes)
{
    (void)e, (void)s, (void)bytes;
    return false;
}

void sm_cursor(struct session *s)
{
    (void)s;
}

void sm_state_changed(struct engine *e, struct session *s)
{
    (void)e, (void)s;
}

bool sm_resumable(const struct session *s)
{
    (void)s;
    return false;
}

void sm_hibernate(struct engine *e, struct session *s)
{
    (void)e, (void)s;
}

void sm_end(struct engine *e, struct session *s)
{
    (void)e, (void)s;
}

void sm_unacknowledged(const struct engine *e, const struct session *s, struct buf *positions)
{
    (void)e, (void)s, (void)positions;
}
