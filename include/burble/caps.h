/** @file
 * Entity capabilities (XEP-0115): what a contact's client can do, known from its presence. Each
 * set of capabilities is named by its hash and asked for once; an answer that has another hash is
 * not believed. XEP-0390 is understood as well. Our own are said with our presence.
 */
#ifndef BURBLE_CAPS_H
#define BURBLE_CAPS_H

#include "burble/disco.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The capabilities of this full address are known now, or others than before. */
typedef void burble_caps_fn(struct burble *c, const char *jid, void *arg);

/** Says our capabilities with the presence, answers service discovery (burble/disco.h) and learns
 * those of others, from now on. node: a URI that names the software, "https://example.org/bot".
 * on_known may be NULL. Only who sees our presence is asked (burble_set_tell), because asking shows
 * that we are here; a hash that is in the cache needs no asking. Call it before burble_connect.
 * EXISTS: it was called before; MEMORY. */
BURBLE_API int burble_caps_start(struct burble *c, const char *node, burble_caps_fn *on_known,
                                 void *arg);

/** Can the client at this full address do that? 1: yes; 0: no; BURBLE_ERR_NOT_FOUND: it is not
 * known, or not yet. Others: SYNTAX, MEMORY. */
BURBLE_API int burble_caps_supports(struct burble *c, const char *jid, const char *feature);
/** The features of a full address in order, from i = 0; NULL: no more, or not known. Valid until
 * the next burble_feed. */
BURBLE_API const char *burble_caps_feature(struct burble *c, const char *jid, size_t i);

/** What is known by hash (at most 1,000 sets and 4 MiB, the latest used ones first), for the next
 * run. It has no addresses in it. *out is freed by the caller (free). NOT_FOUND: not started;
 * MEMORY. */
BURBLE_API int burble_caps_save(struct burble *c, void **out, size_t *len_out);
/** Takes it back. Every set is checked against its hash, so the file need not be trusted. CORRUPT:
 * it is none, or damaged; what was good before that is taken all the same. NOT_FOUND, MEMORY. */
BURBLE_API int burble_caps_load(struct burble *c, const void *data, size_t len);

#ifdef __cplusplus
}
#endif
#endif
