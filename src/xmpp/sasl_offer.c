/* Protection against a downgrade (XEP-0474, version 0.5.0): what a server offered, as one text
 * whose hash goes into the signed messages of SCRAM. Mechanisms and types of channel binding are
 * sorted by their bytes and divided by U+001E, the two lists by U+001F; neither can stand in XML.
 */
#include <stdlib.h>

#include "base/err.h"
#include "xmpp/sasl.h"

static int by_bytes(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static int add_sorted(const struct slice *names, size_t n, struct buf *out)
{
    if (n == 0)
        return 0;
    struct slice *sorted = calloc(n, sizeof(*sorted));
    int err = sorted != NULL ? 0 : ERR_MEMORY;
    if (err == 0) {
        memcpy(sorted, names, n * sizeof(*sorted));
        qsort(sorted, n, sizeof(*sorted), by_bytes);
    }
    for (size_t i = 0; i < n && err == 0; i++) {
        if (i > 0)
            err = buf_byte(out, '\x1e');
        if (err == 0)
            err = buf_add(out, sorted[i]);
    }
    free(sorted);
    return err;
}

int sasl_offer_text(const struct slice *mechanisms, size_t n, const struct slice *bindings,
                    size_t binding_count, struct buf *out)
{
    int err = add_sorted(mechanisms, n, out);
    if (err == 0 && binding_count > 0)
        err = buf_byte(out, '\x1f');
    return err != 0 ? err : add_sorted(bindings, binding_count, out);
}
