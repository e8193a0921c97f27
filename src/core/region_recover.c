/* What a dead process left in a region. The head says whether it may be believed; then every block
 * is looked at once for a session or a tail, and what belongs to it is followed. */
#include "base/mem.h"
#include "core/region_inside.h"

enum region_trust region_judge(const char *base, size_t bytes, const struct region_stamp *stamp,
                               size_t *used_out)
{
    struct region_head head;
    *used_out = 0;
    if (bytes < REGION_BLOCK)
        return REGION_EMPTY;
    memcpy(&head, base, sizeof(head));
    if (head.magic == 0)
        return REGION_EMPTY;
    if (head.magic != REGION_MAGIC)
        return REGION_DAMAGED;
    if (head.format != REGION_FORMAT)
        return REGION_FOREIGN;
    if (memcmp(head.boot_id, stamp->boot_id, sizeof(head.boot_id)) != 0)
        return REGION_STALE;
    if (head.layout != stamp->layout)
        return REGION_FOREIGN;
    *used_out = (size_t)head.high * REGION_BLOCK;
    return head.high > 0 ? REGION_GOOD : REGION_DAMAGED;
}

enum region_trust region_recover(const char *base, size_t bytes, const struct region_stamp *stamp,
                                 void (*fn)(void *ctx, struct slice image), void *ctx,
                                 unsigned *damaged_out)
{
    size_t used;
    enum region_trust found = region_judge(base, bytes, stamp, &used);
    *damaged_out = 0;
    if (found != REGION_GOOD)
        return found;
    if (used > bytes)
        return REGION_DAMAGED;
    struct region_view v = {.base = base, .blocks = (uint32_t)(used / REGION_BLOCK)};
    v.seen = mem_array(v.blocks / 64 + 1, sizeof(*v.seen));
    for (uint32_t block = 1; block < v.blocks; block++) {
        uint32_t kind;
        memcpy(&kind, base + (size_t)block * REGION_BLOCK, sizeof(kind));
        if (kind != BLOCK_SESSION && kind != BLOCK_TAIL)
            continue;
        struct buf image = {0};
        if (region_image_write(&v, block, &image))
            fn(ctx, buf_slice(&image));
        else
            ++*damaged_out;
        buf_free(&image);
    }
    mem_free(v.seen);
    return REGION_GOOD;
}
