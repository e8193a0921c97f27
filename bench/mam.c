/* Queries of one's own message archive (XEP-0313 sections 3 and 4.2, paged by XEP-0059), see mam.h.
 * One query at a time for each client. */
#include "mam.h"

#include "client.h"

#define MAM_NS "urn:xmpp:mam:2"

enum { PAGE = 250 }; /* servers give less as they like */

void mam_ask(struct client *c, struct slice after)
{
    buf_lit(&c->out, "<iq type='set' id='archive'><query xmlns='" MAM_NS "' queryid='archive'>"
                     "<set xmlns='http://jabber.org/protocol/rsm'>");
    buf_printf(&c->out, "<max>%d</max>", PAGE);
    if (after.len > 0)
        buf_printf(&c->out, "<after>%.*s</after>", SLICE_ARG(after));
    buf_lit(&c->out, "</set></query></iq>");
    sm_sent(c, SM_NOTHING);
}

static struct slice mam_behind(struct slice unit, struct slice needle)
{
    const char *p = memmem(unit.ptr, unit.len, needle.ptr, needle.len);
    return p == NULL ? SLICE_NONE : slice_from(unit, (size_t)(p - unit.ptr));
}

enum mam_kind mam_read(struct slice unit, struct slice *text_out)
{
    struct slice id;
    struct slice type;
    struct slice fin;
    struct slice complete;
    *text_out = SLICE_NONE;
    if (scan_is(unit, SLICE("message"))) {
        struct slice result = mam_behind(unit, SLICE("<result "));
        if (result.len == 0 || !scan_has(result, SLICE(MAM_NS)))
            return MAM_OTHER;
        *text_out = mam_behind(result, SLICE("<message"));
        return text_out->len > 0 ? MAM_ENTRY : MAM_OTHER;
    }
    if (!scan_is(unit, SLICE("iq")) || !scan_attr(unit, SLICE("id"), &id) ||
        !slice_is(id, "archive") || !scan_attr(unit, SLICE("type"), &type))
        return MAM_OTHER;
    fin = mam_behind(unit, SLICE("<fin"));
    if (!slice_is(type, "result") || fin.len == 0)
        return MAM_REFUSED;
    if (!scan_text(fin, SLICE("last"), text_out) ||
        (scan_attr(fin, SLICE("complete"), &complete) &&
         (slice_is(complete, "true") || slice_is(complete, "1"))))
        return MAM_END;
    return MAM_PAGE;
}
