/* The first line of a message that is printed for people; local times. */
#include "burble/message_text.h"

#include <string.h>
#include <time.h>

#include "base/time.h"

static int64_t offset_ms(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    return localtime_r(&seconds, &tm) != NULL ? (int64_t)tm.tm_gmtoff * 1000 : 0;
}

int64_t time_here(int64_t wall_ms)
{
    return wall_ms + offset_ms(wall_ms);
}

int64_t time_from_here(int64_t shown_ms)
{
    int64_t near = shown_ms - offset_ms(shown_ms); /* summer time may begin in between */
    return shown_ms - offset_ms(near);
}

void message_head(const struct burble_message *m, struct buf *out)
{
    char stamp[TIME_STAMP_BYTES];
    bool own = m->with != NULL && m->from_bare != NULL && strcmp(m->with, m->from_bare) != 0;
    (void)time_stamp(time_here(m->stamp_ms), stamp);
    (void)buf_printf(out, "%.19s %s", stamp, m->from);
    if (own && m->to != NULL)
        (void)buf_printf(out, " to %s", m->to);
}
