/* What a dead process left in a region. The head says whether it may be believed; then every block
 * is looked at once for a session or a tail, and what belongs to it is followed. */
#include "base/mem.h"
#include "core/region_inside.h"

static enum region_trust trust(const char *base, size_t bytes, const struct region_stamp *stamp,
                               uint32_t *high_out)
{
    struct region_head head;
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
    if (head.high == 0 || head.high > bytes / REGION_BLOCK)
        return REGION_DAMAGED;
    *high_out = head.high;
    return REGION_GOOD;
}

enum region_trust region_recover(const char *base, size_t bytes, const struct region_stamp *stamp,
                                 void (*fn)(void *ctx, struct slice image), void *ctx,
                                 unsigned *damaged_out)
{
    struct region_view v = {.base = base};
    *damaged_out = 0;
    enum region_trust found = trust(base, bytes, stamp, &v.blocks);
    if (found != REGION_GOOD)
        return found;
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
