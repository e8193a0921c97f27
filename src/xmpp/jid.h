/* Addresses (RFC 7622): localpart@domainpart/resourcepart, prepared (PRECIS UsernameCaseMapped,
 * IDNA2008 U-labels, PRECIS OpaqueString), each part 1..1023 bytes. Domains are kept as U-labels in
 * lower case without a trailing dot. One type, one text: comparing two prepared addresses is
 * comparing bytes. Never truncates. */
#ifndef XMPP_JID_H
#define XMPP_JID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum { JID_PART_BYTES = 1023, JID_BYTES = 3 * JID_PART_BYTES + 2 };

/* text = [local "@"] domain ["/" resource], prepared; owned by whoever holds the memory. */
struct jid {
    const char *text;
    uint16_t local_len;    /* 0: no localpart */
    uint16_t domain_len;   /* 0: no address at all */
    uint16_t resource_len; /* 0: bare */
};

#define JID_NONE ((struct jid){0})

static inline bool jid_some(const struct jid *j)
{
    return j->domain_len > 0;
}

static inline struct slice jid_local(const struct jid *j)
{
    return slice_of(j->text, j->local_len);
}

static inline struct slice jid_domain(const struct jid *j)
{
    return slice_of(j->text + (j->local_len > 0 ? j->local_len + 1 : 0), j->domain_len);
}

static inline struct slice jid_bare(const struct jid *j)
{
    return slice_of(j->text, (size_t)(j->local_len > 0 ? j->local_len + 1 : 0) + j->domain_len);
}

static inline struct slice jid_resource(const struct jid *j)
{
    return j->resource_len > 0 ? slice_of(j->text + jid_bare(j).len + 1, j->resource_len)
                               : SLICE_NONE;
}

static inline struct slice jid_full(const struct jid *j)
{
    return slice_of(j->text,
                    jid_bare(j).len + (j->resource_len > 0 ? (size_t)j->resource_len + 1 : 0));
}

static inline struct jid jid_to_bare(struct jid j)
{
    j.resource_len = 0;
    return j;
}

static inline bool jid_eq(const struct jid *a, const struct jid *b)
{
    return a->local_len == b->local_len && a->resource_len == b->resource_len &&
           slice_eq(jid_full(a), jid_full(b));
}

static inline bool jid_bare_eq(const struct jid *a, const struct jid *b)
{
    return a->local_len == b->local_len && slice_eq(jid_bare(a), jid_bare(b));
}

/* Parses and prepares. Text that is prepared already (the ASCII fast path) is not copied: out->text
 * then points into in. Otherwise it is written to mem. Result: 0; ERR_SYNTAX: jid-malformed;
 * ERR_MEMORY: mem is exhausted. */
int jid_parse(struct slice in, struct arena *mem, struct jid *out);

/* Prepares one part alone (login names, resources asked for in a bind, configured hosts) into out,
 * which is cleared first. Result as above. */
int jid_prepare_local(struct slice in, struct buf *out);
int jid_prepare_domain(struct slice in, struct buf *out);
int jid_prepare_resource(struct slice in, struct buf *out);
/* A prepared domain as DNS and certificates write it (A-labels), appended. Result as above. */
int jid_domain_ascii(struct slice domain, struct buf *out);
/* PRECIS OpaqueString for passwords (RFC 8265 section 4.2), 1..1023 bytes. */
int jid_prepare_password(struct slice in, struct buf *out);

/* A jid over text that was prepared before (a store row, a mail): no checks beyond its shape.
 * False when the shape is wrong. */
bool jid_from_prepared(struct slice text, struct jid *out);

/* A copy on the heap in one block: free with mem_free((void *)j.text). */
struct jid jid_copy(const struct jid *j);

#endif
