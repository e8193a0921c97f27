/* Archive ids (XEP-0313 section 3.1): positions of the log in decimal. */
#include "core/service/archive.h"

struct slice archive_id(uint64_t position, char out[ARCHIVE_ID_BYTES])
{
    size_t at = ARCHIVE_ID_BYTES;
    do {
        out[--at] = (char)('0' + position % 10);
        position /= 10;
    } while (position > 0);
    return slice_of(out + at, ARCHIVE_ID_BYTES - at);
}

bool archive_position(struct slice id, uint64_t *position_out)
{
    unsigned long long value;
    if (id.len == 0 || id.len > 19 || id.ptr[0] == '0' || !slice_to_u64(id, &value))
        return false;
    *position_out = value;
    return true;
}
