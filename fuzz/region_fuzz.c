/* Fuzz target of what a process left behind: the memory of a region, whose head is made to be
 * believed, and the image of a record. What comes out of memory is a good image, and is the same
 * when it was put into a region and taken out again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "core/region_inside.h"

enum { ROOM_BYTES = 64 * REGION_BLOCK };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct region_stamp STAMP = {.boot_id = {7}, .layout = 9};

/* Puts a good image into a region and takes it out again. */
static void check_restored(const struct region_image *image, struct buf *again_out)
{
    static _Alignas(8) char room[ROOM_BYTES];
    struct region_memory memory = {.base = room, .bytes = ROOM_BYTES, .bytes_max = ROOM_BYTES};
    struct region *r = region_new(&memory, &STAMP);
    region_ref session = region_session_restore(r, image);
    if (session != 0) {
        CHECK(region_count(r, session) == image->queue_count);
        region_session_image(r, session, again_out);
        region_session_drop(r, session);
    }
    CHECK(region_used(r) == REGION_BLOCK);
    region_free(&r);
}

static void check_image(struct slice text, bool good)
{
    struct region_image image;
    struct region_entry e;
    struct buf again = {0};
    size_t at = 0;
    uint32_t n = 0;
    bool read = region_image_read(text, &image);
    CHECK(read || !good);
    if (!read)
        return;
    if (image.kind == REGION_SESSION) {
        while (region_image_next(&image, &at, &e))
            n++;
        CHECK(n == image.queue_count && at == image.queue.len);
        check_restored(&image, &again);
        CHECK(!good || buf_len(&again) == 0 || slice_eq(buf_slice(&again), text));
    }
    buf_free(&again);
}

static void on_image(void *ctx, struct slice text)
{
    size_t *bytes = ctx;
    *bytes += text.len;
    check_image(text, true);
}

static void check_memory(const char *data, size_t size)
{
    char *memory = malloc(size);
    struct region_head head;
    unsigned damaged;
    size_t bytes = 0;
    CHECK(memory != NULL);
    memcpy(memory, data, size);
    if (size >= REGION_BLOCK) {
        memcpy(&head, memory, sizeof(head));
        head.magic = REGION_MAGIC;
        head.format = REGION_FORMAT;
        head.layout = STAMP.layout;
        memcpy(head.boot_id, STAMP.boot_id, sizeof(head.boot_id));
        memcpy(memory, &head, sizeof(head));
    }
    region_recover(memory, size, &STAMP, on_image, &bytes, &damaged);
    CHECK(bytes <= size * 2); /* nothing is given twice */
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'i')
        check_image(slice_of((const char *)data + 1, size - 1), false);
    else
        check_memory((const char *)data + 1, size - 1);
    return 0;
}
