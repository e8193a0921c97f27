/* Fuzz target of the words of a text (store/words.h), which anybody may write into a message and
 * search for: every word is clean, folding is at rest after one turn for what FTS5 splits at, and a
 * text is found by its own words. */
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/utf8.h"
#include "store/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t check_words(struct slice text)
{
    struct words w = {.text = text};
    struct slice word;
    size_t count = 0;
    for (size_t before = 0; words_next(&w, &word); before = w.at, count++) {
        CHECK(w.at > before && w.at <= text.len);
        CHECK(word.len > 0 && word.len <= WORDS_WORD_BYTES && utf8_valid(word));
        for (size_t i = 0; i < word.len; i++) {
            unsigned char c = (unsigned char)word.ptr[i];
            CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80);
        }
        /* The mark that stands between owners and words in the index is in none. */
        CHECK(memmem(word.ptr, word.len, "\u00a7", 2) == NULL);
    }
    CHECK(w.at == text.len);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    struct words_query query;
    size_t count = check_words(text);
    int err = words_query_read(&query, text);
    CHECK(err == 0 || err == ERR_LIMIT);
    if (err == 0)
        CHECK(words_match(&query, text) == (count > 0));
    words_query_free(&query);
    return 0;
}
