/* The clocks. */
#include "io/clock.h"

#include <time.h>

#include "base/check.h"

static int64_t read_ms(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct now clock_now(void)
{
    /* One more than the kernel says: 0 is no valid time above. */
    return (struct now){.mono_ms = (uint64_t)read_ms(CLOCK_MONOTONIC) + 1,
                        .wall_ms = read_ms(CLOCK_REALTIME)};
}
