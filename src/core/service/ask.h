/* Questions of the server itself: an IQ request from a host of ours to anybody, and its answer.
 *
 * An answer counts only from whom was asked, once, and with the id that nobody else can know;
 * whatever else comes to a host as the answer to a request is dropped (S05). It may arrive on any
 * shard: the id tells where the question was asked. */
#ifndef CORE_SERVICE_ASK_H
#define CORE_SERVICE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"

enum { ASK_WAIT_MS = 60000 };

/* answer: the result or error, with its root; NULL: none came in time. Called once, perhaps before
 * ask_send returns; ctx is freed with mem_free afterwards, or with the engine. */
typedef void ask_fn(struct engine *e, void *ctx, const struct stanza *answer);

/* type is TYPE_GET or TYPE_SET; payload one element, serialised. ctx is one block of memory or
 * NULL. */
void ask_send(struct engine *e, const struct host_config *host, const struct jid *to,
              enum stanza_type type, struct slice payload, ask_fn *fn, void *ctx);

/* For the router: an IQ result or error to a host. */
void ask_answered(struct engine *e, const struct stanza *s);
/* For the engine, at its end. */
void ask_free(struct engine *e);

#endif
