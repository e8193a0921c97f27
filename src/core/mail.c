/* Mails between shards. */
#include "core/mail.h"

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
