/* Stamps of delayed delivery: XEP-0203. */
#include "core/service/delay.h"

#include "base/time.h"
#include "xmpp/ns.h"

void delay_write(struct buf *out, struct slice from, int64_t wall_ms, struct slice why)
{
    char stamp[TIME_STAMP_BYTES];
    unsigned len = time_stamp(wall_ms, stamp);
    struct xml_writer w;
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("delay"), NS_DELAY);
    xml_attr_put(&w, SLICE("from"), from);
    xml_attr_put(&w, SLICE("stamp"), slice_of(stamp, len));
    if (why.len > 0)
        xml_text_put(&w, why);
    xml_close(&w);
}

bool delay_is_ours(const struct core_config *config, struct xml x)
{
    if (!xml_is(x, NS_DELAY, SLICE("delay")))
        return false;
    struct buf domain = {0};
    /* What is no domain is no address of a host, whatever it looks like. */
    bool ours = jid_prepare_domain(xml_attr(x, SLICE("from")), &domain) == 0 &&
                config_host(config, buf_slice(&domain)) != NULL;
    buf_free(&domain);
    return ours;
}
