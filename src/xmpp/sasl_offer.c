/* Protection against a downgrade (XEP-0474, version 0.5.0): what a server offered, as one text
 * whose hash goes into the signed messages of SCRAM. Mechanisms and types of channel binding are
 * sorted by their bytes and divided by U+001E, the two lists by U+001F; neither can stand in XML.
 */
#include "base/check.h"
#include "xmpp/sasl.h"

static int add_sorted(const struct slice *names, size_t n, struct buf *out)
{
    CHECK(n <= SASL_OFFER_NAMES_MAX);
    struct slice sorted[SASL_OFFER_NAMES_MAX];
    int err = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && slice_compare(sorted[at - 1], names[i]) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = names[i];
    }
    for (size_t i = 0; i < n && err == 0; i++) {
        if (i > 0)
            err = buf_byte(out, '\x1e');
        if (err == 0)
            err = buf_add(out, sorted[i]);
    }
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
