/* What crosses from shard to shard: owned, immutable, serialised. Mails between two shards keep
 * their order. */
#ifndef CORE_MAIL_H
#define CORE_MAIL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

/* The stream that waits for a stanza to be settled: credit goes back there. stream 0: nobody. */
struct origin {
    uint32_t shard;
    uint32_t bytes;
    uint64_t stream; /* handle on that shard */
};

enum mail_kind {
    MAIL_STANZA,     /* data: an encoded stanza; recipients in targets when it is a fan-out */
    MAIL_SETTLED,    /* data: an array of struct origin */
    MAIL_LINK,       /* object: a link with its stream, for its owner's shard */
    MAIL_ADMIN,      /* object: struct admin_request for this shard */
    MAIL_ADMIN_DONE, /* object: struct admin_request, answered, for whoever asked */
    MAIL_ACCOUNTS,   /* object: struct accounts_order, to the owner of an account or back */
    MAIL_RELOAD,     /* object: const struct core_config */
};

struct mail {
    struct list link;  /* for whoever holds it */
    void *next_node;   /* for the mailbox that carries it */
    uint32_t from, to; /* shards */
    enum mail_kind kind;
    struct origin origin;
    struct buf data;
    struct buf targets; /* NUL-terminated prepared bare JIDs */
    void *object;
};

struct mail *mail_new(enum mail_kind kind, uint32_t from, uint32_t to);
/* Does not free the object. */
void mail_free(struct mail **mail);

#endif
