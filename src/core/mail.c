/* Mails between shards. */
#include "core/mail.h"

#include "base/check.h"
#include "base/mem.h"

struct mail *mail_new(enum mail_kind kind, uint32_t from, uint32_t to)
{
    struct mail *m = mem_new(struct mail);
    list_init(&m->link);
    m->kind = kind;
    m->from = from;
    m->to = to;
    return m;
}

void mail_free(struct mail **mail)
{
    if (*mail == NULL)
        return;
    buf_free(&(*mail)->data);
    buf_free(&(*mail)->targets);
    mem_free(*mail);
    *mail = NULL;
}

struct slice origin_label(const struct origin *origin, char out[ORIGIN_LABEL_BYTES])
{
    if (origin->serial == 0)
        return SLICE_NONE;
    memcpy(out, &origin->serial, sizeof(origin->serial));
    memcpy(out + sizeof(origin->serial), &origin->number, sizeof(origin->number));
    memcpy(out + sizeof(origin->serial) + sizeof(origin->number), &origin->untold,
           sizeof(origin->untold));
    return slice_of(out, ORIGIN_LABEL_BYTES);
}

bool origin_read(struct slice label, uint64_t *serial_out, uint32_t *number_out)
{
    if (label.len != ORIGIN_LABEL_BYTES)
        return false;
    memcpy(serial_out, label.ptr, sizeof(*serial_out));
    memcpy(number_out, label.ptr + sizeof(*serial_out), sizeof(*number_out));
    return true;
}

uint32_t origin_told(struct slice label)
{
    uint64_t serial;
    uint32_t number = 0;
    uint16_t untold;
    CHECK(origin_read(label, &serial, &number));
    memcpy(&untold, label.ptr + sizeof(serial) + sizeof(number), sizeof(untold));
    return number - untold;
}
