/* What crosses from shard to shard: owned, immutable, serialised. Mails between two shards keep
 * their order. */
#ifndef CORE_MAIL_H
#define CORE_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

enum { ORIGIN_LABEL_BYTES = 14 };

/* The session that waits for a stanza to be settled: credit goes back there. session 0: nobody. */
struct origin {
    uint32_t shard;
    uint32_t bytes;
    uint64_t session; /* handle on that shard */
    uint64_t serial;  /* names the session in the log; 0: it has no stream management */
    uint32_t number;  /* inbound number of the stanza (XEP-0198), when serial is not 0 */
    uint16_t untold;  /* it and what came before it that the client was not told of for long */
    bool archive;     /* the sender's account wants the message in its archive */
    bool first;       /* of its session's kept messages, for all that is known (resend.h) */
};

/* What a log entry says of its origin (store_labels.origin): serial and number, and which number
 * was told long before (resend_told_before). Empty: nothing. */
struct slice origin_label(const struct origin *origin, char out[ORIGIN_LABEL_BYTES]);
bool origin_read(struct slice label, uint64_t *serial_out, uint32_t *number_out);
uint32_t origin_told(struct slice label); /* of one that can be read */

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
