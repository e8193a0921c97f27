/* The words of a text, for full-text search: every store that answers STORE_SEARCH splits and folds
 * with these functions, so that all find the same.
 *
 * A word is a run of letters and digits; everything else separates. Case and the marks of Latin and
 * Greek letters do not matter ("Café" is "cafe"). Chinese ideographs and Japanese kana, which are
 * written without spaces, are words of one character each. Bytes that are not UTF-8 separate. Of a
 * longer word the first WORDS_WORD_BYTES or a little less count. */
#ifndef STORE_WORDS_H
#define STORE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    WORDS_WORD_BYTES = 96, /* after folding */
    WORDS_QUERY_MAX = 32,  /* words of one search */
};

/* A walk over a text: set text, the rest zero. */
struct words {
    struct slice text;
    size_t at;
    char word[WORDS_WORD_BYTES];
};

/* The next word, folded; it lives until the next call. False at the end. */
bool words_next(struct words *w, struct slice *word_out);

/* The words of a search, each once. */
struct words_query {
    struct buf bytes;
    uint32_t ends[WORDS_QUERY_MAX]; /* in bytes; a word begins where the one before ends */
    uint32_t count;
};

/* 0; ERR_LIMIT: more than WORDS_QUERY_MAX; ERR_MEMORY. It is freed in any case. */
int words_query_read(struct words_query *q, struct slice text);
void words_query_free(struct words_query *q);
struct slice words_query_at(const struct words_query *q, uint32_t i);
/* True when every word of the query is a word of the text; a query without words finds nothing. */
bool words_match(const struct words_query *q, struct slice text);

#endif
