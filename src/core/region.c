/* The head of a region: who wrote it. region_blocks.c has the memory, region_session.c the
 * sessions and their queues, region_tail.c the tails, region_image.c records as bytes, and
 * region_recover.c what a dead process left. */
#include "core/region.h"

#include "base/mem.h"
#include "core/region_inside.h"

struct region *region_new(const struct region_memory *memory, const struct region_stamp *stamp)
{
    CHECK((uintptr_t)memory->base % sizeof(uint64_t) == 0 && memory->bytes >= REGION_BLOCK);
    CHECK(memory->bytes <= memory->bytes_max && memory->bytes_max / REGION_BLOCK <= UINT32_MAX);
    struct region *r = mem_new(struct region);
    r->memory = *memory;
    r->high = 1;
    struct region_head *head = region_block(r, 0);
    region_put64(&head->magic, 0); /* nothing is there */
    region_put64(&head->format, REGION_FORMAT);
    region_put_bytes(head->boot_id, stamp->boot_id, sizeof(head->boot_id));
    region_put64(&head->layout, stamp->layout);
    region_put32(&head->high, r->high);
    region_put64(&head->magic, REGION_MAGIC);
    return r;
}

void region_free(struct region **region)
{
    struct region *r = *region;
    if (r == NULL)
        return;
    mem_free(r->free);
    mem_free(r);
    *region = NULL;
}
