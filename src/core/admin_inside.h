/* What the files of the administrator's commands share. */
#ifndef CORE_ADMIN_INSIDE_H
#define CORE_ADMIN_INSIDE_H

#include "core/account.h"
#include "core/admin.h"

typedef void admin_fn(struct engine *e, struct admin_request *r);

enum admin_address {
    ADMIN_NO_ADDRESS,
    ADMIN_BARE,   /* "jid" is required, and bare */
    ADMIN_FULL,   /* with a resource */
    ADMIN_EITHER, /* bare or full */
    ADMIN_MAYBE,  /* optional, bare */
};

struct admin_command {
    const char *name;
    enum admin_address address;
    bool at_owner; /* served by the shard that owns the address, when there is one */
    bool password; /* required; otherwise refused */
    bool host;     /* takes the argument "host" */
    bool id;       /* takes the argument "id" */
    admin_fn *serve;
};

/* NULL-terminated tables, one for each file. */
extern const struct admin_command ADMIN_ACCOUNT_COMMANDS[];
extern const struct admin_command ADMIN_SESSION_COMMANDS[];
extern const struct admin_command ADMIN_SERVER_COMMANDS[];
extern const struct admin_command ADMIN_TRACE_COMMANDS[];

/* The request goes back; to as in the request. */
void admin_return(struct engine *e, struct admin_request *r, uint32_t to);
/* It goes back as failed. */
void admin_fail(struct engine *e, struct admin_request *r, enum admin_exit exit, const char *text);
/* The same for a request of the store that failed. */
void admin_store_failed(struct engine *e, struct admin_request *r, int err);
/* Asks the store for the next accounts behind the cursor, at most limit of them; fn is a flow's,
 * with the request as its ctx. */
void admin_owners_ask(struct engine *e, struct admin_request *r, uint32_t limit, flow_fn *fn);
/* Walks them: *at = 0 at first; false at the end. Behind it the cursor is the last one's name, or
 * empty: these were all. */
bool admin_owners_next(struct admin_request *r, const struct store_request *answer, size_t *at,
                       struct slice *owner_out);
/* The address; only where the command has one. */
struct jid admin_jid(const struct admin_request *r);
/* True on the last of the shards; otherwise the request goes back to be sent on. For commands that
 * visit shards 0 to n-1. */
bool admin_last_shard(struct engine *e, struct admin_request *r);

#endif
