/* Accounts made, changed and removed: for the administrator's commands and for XEP-0077.
 *
 * Each call is carried out on the shard that owns the address, one after the other per address, and
 * may be made on any shard. jid is prepared, bare, and of a host of ours under its own name (not an
 * alias); it and the password are copied, the copies of the password are wiped. Everything a call
 * changes is one batch of the store: it happens whole or not at all. */
#ifndef CORE_SERVICE_ACCOUNTS_H
#define CORE_SERVICE_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "xmpp/error.h"
#include "xmpp/jid.h"

enum accounts_result {
    ACCOUNTS_DONE,
    ACCOUNTS_EXISTS,       /* add: there is one of that name */
    ACCOUNTS_ABSENT,       /* all others: there is none */
    ACCOUNTS_BAD_PASSWORD, /* it cannot be prepared (RFC 8265 section 4.2), or is empty or longer
                              than 1,023 bytes */
    ACCOUNTS_BUSY,         /* too many keys are being derived (L11), or the store is slow: later */
    ACCOUNTS_FULL,         /* the store has no room, or cannot be written */
    ACCOUNTS_FAILED,       /* the store failed */
};

/* One line for people, "there is no such account". */
const char *accounts_result_text(enum accounts_result result);

/* Called exactly once, on the shard where the call was made, and never before the call returned
 * (unless it was cancelled). */
typedef void accounts_fn(struct engine *e, void *ctx, enum accounts_result result);

/* What the calls return: a handle for accounts_cancel. */

uint64_t accounts_add(struct engine *e, const struct jid *jid, struct slice password,
                      accounts_fn *fn, void *ctx);
/* Sessions and logins of the account end with the stream error reset, but for the stream
 * `keep_stream` (its handle on the owner's shard; 0: none), whose user asked for it. */
uint64_t accounts_set_password(struct engine *e, const struct jid *jid, struct slice password,
                               uint64_t keep_stream, accounts_fn *fn, void *ctx);
/* A disabled account cannot log in; its sessions end with not-authorized. */
uint64_t accounts_set_disabled(struct engine *e, const struct jid *jid, bool disabled,
                               accounts_fn *fn, void *ctx);
/* Everything of the account goes: its items and its part of every log. Its contacts are told
 * (unsubscribe, unsubscribed, unavailable). Sessions end with not-authorized after fn was called,
 * so that a result can be written to the one that asked, when it asked on the owner's shard. */
uint64_t accounts_remove(struct engine *e, const struct jid *jid, accounts_fn *fn, void *ctx);

/* fn is not called any more; what was asked for happens all the same. Harmless with 0 or a handle
 * that is done. */
void accounts_cancel(struct engine *e, uint64_t call);

/* Ends the account's sessions, and the streams that have logged in to it, on its owner's shard. How
 * many were bound sessions. keep_stream as above. */
unsigned accounts_end_streams(struct engine *e, struct slice bare, uint64_t keep_stream,
                              enum stream_error error, struct slice text);

/* For the engine. */
struct accounts_order;
void accounts_mail(struct engine *e, struct accounts_order *order);
void accounts_order_free(struct accounts_order **order);
void accounts_service_free(struct engine *e);

#endif
