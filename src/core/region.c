/* Regions: not there yet. */
#include "core/region.h"
region_ref region_tail_new(struct region *r, struct slice owner, uint64_t sent)
{
    (void)r, (void)owner, (void)sent;
    return 0;
}
void region_tail_drop(struct region *r, region_ref tail)
{
    (void)r, (void)tail;
}
void region_tail_sent(struct region *r, region_ref tail, uint64_t sent)
{
    (void)r, (void)tail, (void)sent;
}
bool region_tail_holes(struct region *r, region_ref tail, const uint64_t *positions, size_t n)
{
    (void)r, (void)tail, (void)positions, (void)n;
    return false;
}
