/* The archive of an account as its clients see it: what the files of this folder share. The log
 * itself is described in core/service/archive.h. */
#ifndef XEP_ARCHIVE_ARCHIVE_H
#define XEP_ARCHIVE_ARCHIVE_H

#include "core/module.h"
#include "core/service/archive.h"
#include "core/service/inline.h"

#define NS_ARCHIVE SLICE("urn:xmpp:mam:2")

/* What of the log is history: no marker, nothing that is kept for its delivery alone. */
#define ARCHIVE_VISIBLE                                                                            \
    ((struct store_filter){.wall_from = INT64_MIN,                                                 \
                           .wall_to = INT64_MAX,                                                   \
                           .flags_mask = ARCHIVE_HIDDEN,                                           \
                           .flags_wanted = 0})

enum {
    ARCHIVE_REFS = 4,        /* ids that a query may name as its bounds */
    ARCHIVE_COUNT_MAX = 1000 /* as far as it is counted: farther would not be cheap */
};

/* ------------------------------------------------------------------------------------ addresses
 */

/* An address in a payload, prepared, an alias of our host replaced by its name; an owned copy in
 * *out. STANZA_OK, STANZA_JID_MALFORMED, STANZA_RESOURCE_CONSTRAINT. */
enum stanza_error archive_address(struct engine *e, struct slice text, struct jid *out);
/* Gives the copy back. */
void archive_address_free(struct jid *jid);

/* --------------------------------------------------------------------------- what a query wants
 */

struct archive_want {
    struct jid with;            /* none: any */
    struct store_filter filter; /* its peer is in `with` */
    bool no_groupchat;
    uint64_t from, to; /* positions, inclusive; none when from > to */
    uint64_t refs[ARCHIVE_REFS];
    unsigned ref_count; /* ids that have to be there */
    uint64_t *ids;      /* the only ones that are wanted, ascending; NULL: any. Owned */
    uint32_t id_count;
    uint32_t max;       /* results of a page; 0: they are counted */
    bool backwards;     /* the last ones of the set */
    bool flip;          /* the newest first */
    bool bounded;       /* it is a page of the set, as it was cut by an id of RSM */
    struct slice query; /* queryid; ptr NULL: none. Lives with the payload */
    struct slice text;  /* XEP-0431; empty: none. Lives with the payload */
};

/* Reads the <query/> of an account of this host. Otherwise the error that refuses it, with a text
 * for people in *why_out. The want is to be freed in either case. */
enum stanza_error archive_want_read(struct engine *e, const struct host_config *host,
                                    struct xml query, struct archive_want *out,
                                    struct slice *why_out);
void archive_want_free(struct archive_want *want);
/* Whether a decoded entry is wanted, by everything but its position and its text. */
bool archive_wanted(const struct archive_want *want, const struct jid *owner,
                    const struct stanza *s, int64_t wall_ms);
/* Answers with the form of all fields. */
void archive_form(struct iq *iq);

/* XEP-0431. Can the archives of this host be searched? */
bool archive_searches(const struct host_config *host);
/* Takes the value of its field; as archive_want_read. */
enum stanza_error archive_search_read(struct slice text, struct archive_want *want,
                                      struct slice *why_out);
/* True: the error is about the text, and the query is answered with it. */
bool archive_search_failed(struct iq *iq, int err);

/* --------------------------------------------------------------------------------------- a page
 */

/* Results that are found, each serialised. */
struct archive_page {
    struct buf bytes; /* payloads of the messages, in the order in which they were found */
    uint32_t *ends;   /* of each in bytes; owned */
    uint32_t count, cap;
    uint64_t first, last; /* positions in the order of finding */
    bool more;            /* another one would follow */
};

enum archive_take {
    ARCHIVE_TAKEN,
    ARCHIVE_PASSED,  /* not wanted, or damaged (D09) */
    ARCHIVE_NO_ROOM, /* wanted, but the page is full */
};

/* Adds an entry when it is wanted. bytes_max: a page ends before the result that brings it above
 * this, but has one. */
enum archive_take archive_page_add(struct engine *e, const struct account *a,
                                   const struct archive_want *want, const struct store_row *row,
                                   size_t bytes_max, struct archive_page *page);
void archive_page_clear(struct archive_page *page);
/* Bytes that archive_page_send writes at most. */
size_t archive_page_bytes(const struct archive_page *page, const struct session *s);
/* Writes the results to the session, in their order; false: it did not take all. */
bool archive_page_send(struct engine *e, struct session *s, const struct archive_want *want,
                       const struct archive_page *page);
/* Answers the query with <fin/>. */
void archive_fin(struct iq *iq, const struct archive_want *want, const struct archive_page *page);

/* One line about an entry that cannot be read. */
void archive_tell_corrupt(struct engine *e, const struct account *a, uint64_t position);

/* Answers <metadata/>. */
void archive_metadata(struct iq *iq);
/* The same in the answer to a bind (XEP-0386). */
enum { ARCHIVE_ENDS_READS = 2 };
void archive_ends_read(struct engine *e, const struct account *a, struct store_request *query);
void archive_ends_bound(const struct inline_bound *b);

/* False: it was answered, because the archive is another's or there are none on this host. */
bool archive_may_ask(struct iq *iq);

#endif
