/* Kept messages: written to the log of the account that they are for, and of the one that they are
 * from, in one batch, before anything of them is seen (design, section 5). */
#ifndef CORE_MESSAGE_LOG_H
#define CORE_MESSAGE_LOG_H

#include "core/session.h"

/* Is this a message that would be written to the account's log when it is delivered? */
bool message_log_takes(const struct account *a, const struct stanza *s);
/* Writes it; settles origin, later. */
void message_log_write(struct engine *e, struct account *a, struct stanza *s,
                       const struct origin *origin);
/* An entry of an account of this shard was written, in commit order: its sessions hear of it. */
void message_log_apply(struct engine *e, struct account *a, struct log_entry *entry);
/* The engine ends: what is on its way is forgotten. */
void message_log_free(struct engine *e);
/* A batch of another shard with entries of accounts of this one. */
void message_log_echo(struct engine *e, const struct store_request *r);
/* An entry from a row of the log; false: damaged (it is told to the log). The stanza lives with the
 * row. */
bool message_log_row(struct engine *e, const struct account *a, const struct store_row *row,
                     struct log_entry *out);

#endif
