/* An order to the accounts service, carried out at the owner's shard. Private to the service. */
#ifndef CORE_SERVICE_ACCOUNTS_ORDER_H
#define CORE_SERVICE_ACCOUNTS_ORDER_H

#include "core/account.h"
#include "core/service/accounts.h"

enum accounts_kind {
    ACCOUNTS_ADD,
    ACCOUNTS_PASSWORD,
    ACCOUNTS_DISABLE,
    ACCOUNTS_ENABLE,
    ACCOUNTS_REMOVE,
};

struct accounts_order {
    struct list link; /* in the service's orders, at the owner */
    enum accounts_kind kind;
    uint32_t from; /* the shard that asked */
    uint64_t call; /* handle there */
    bool done;     /* on its way back: call and result are all that counts */
    enum accounts_result result;
    struct jid jid;         /* bare, owned */
    struct buf password;    /* prepared */
    uint64_t keep_stream;   /* at the owner */
    struct buf credentials; /* derived from the password */
    struct roster roster;   /* remove: the contacts as stored */
    unsigned attempts;      /* the record had changed in between */
};

struct accounts_service {
    struct handles calls; /* struct accounts_call: who waits on this shard */
    struct list orders;   /* at this shard as the owner; in order, one of an address at a time */
};

enum accounts_result accounts_result_of(int err);

/* accounts_work.c: begins the work, which ends, later, with the two below. */
void accounts_start(struct engine *e, struct accounts_order *o);

/* Tells the caller; once per order. */
void accounts_tell(struct engine *e, const struct accounts_order *o, enum accounts_result result);
/* The order is done and freed; the next of the address begins. */
void accounts_complete(struct engine *e, struct accounts_order *o);

#endif
