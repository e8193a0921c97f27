/* The client's side of a message archive (XEP-0313): asking for page after page of one's own. */
#ifndef BENCH_MAM_H
#define BENCH_MAM_H

#include <stdbool.h>

#include "base/slice.h"

struct client;

/* Asks for the page that follows the entry with the id `after`; empty: the first one. */
void mam_ask(struct client *c, struct slice after);

enum mam_kind {
    MAM_OTHER,  /* nothing of an archive */
    MAM_ENTRY,  /* one message of it */
    MAM_PAGE,   /* the page is complete, others follow */
    MAM_END,    /* the page is complete and the last one */
    MAM_REFUSED /* the query was answered with an error */
};

/* What the unit is. Of an entry, *text_out is its message, from its '<' on; of a page, the id of
 * its last entry. */
enum mam_kind mam_read(struct slice unit, struct slice *text_out);

#endif
