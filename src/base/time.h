/* Time as an argument: monotonic milliseconds for deadlines, wall clock for stamps. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct now {
    uint64_t mono_ms; /* never goes back, starts anywhere above 0 */
    int64_t wall_ms;  /* milliseconds since 1970-01-01T00:00:00Z */
};

#define TIME_NEVER UINT64_MAX

enum { TIME_STAMP_BYTES = 25 };

/* XEP-0082 DateTime in UTC with milliseconds, "2026-11-20T06:09:34.123Z", NUL-terminated; the
 * length is returned. Times outside of the years 0..9999 are clamped. */
unsigned time_stamp(int64_t wall_ms, char out[TIME_STAMP_BYTES]);

/* Parses XEP-0082 DateTime (zone required; any number of fraction digits; leap second accepted as
 * the second after). False when it is not one. */
bool time_parse(struct slice s, int64_t *wall_ms_out);

#endif
