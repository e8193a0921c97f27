/* Stanzas of a bound client: who it is from, where it is for, whether it is well made (RFC 6120
 * section 8). */
#include "base/err.h"
#include "core/c2s.h"
#include "core/router.h"
#include "core/sm.h"
#include "xmpp/ns.h"

/* The client may name itself, by bare or full address, and nobody else (section 8.1.2.1). */
static bool from_is_own(struct c2s *s, struct slice from)
{
    struct jid jid;
    if (from.ptr == NULL)
        return true;
    if (jid_parse(from, &s->e->arena, &jid) != 0)
        return false;
    const struct jid *own = &s->session->jid;
    if (jid.resource_len > 0 && !slice_eq(jid_resource(&jid), jid_resource(own)))
        return false;
    return slice_eq(jid_local(&jid), jid_local(own)) &&
           config_host(s->e->config, jid_domain(&jid)) == s->session->account->host;
}

/* Section 8.2.3: an id always; requests have one child, results at most one. */
static bool iq_well_made(const struct stanza *st)
{
    struct xml first = xml_first_element(st->root);
    bool one = xml_some(first) && !xml_some(xml_next_element(first));
    if (st->type == TYPE_BAD || st->id.ptr == NULL)
        return false;
    return (st->type != TYPE_GET && st->type != TYPE_SET) || one;
}

void c2s_stanza(struct c2s *s, struct xml x, size_t bytes)
{
    struct engine *e = s->e;
    struct stanza st;
    if (!stanza_read(x, c2s_lang(s), &st)) {
        c2s_error(s, STREAM_UNSUPPORTED_STANZA_TYPE, SLICE_NONE, SLICE_NONE);
        return;
    }
    if (!from_is_own(s, xml_attr(x, SLICE("from")))) {
        c2s_log(s, LOG_WARNING, "stanza.spoof", "invalid-from");
        c2s_error(s, STREAM_INVALID_FROM, SLICE_NONE, SLICE_NONE);
        return;
    }
    st.from = s->session->jid;
    e->counters.stanzas_in++;
    struct origin origin = {
        .shard = e->shard, .session = s->session->handle, .bytes = (uint32_t)bytes};
    if (s->session->sm != NULL && !sm_received(e, s->session, &origin))
        return;
    s->session->unsettled++;
    s->session->unsettled_bytes += origin.bytes;
    struct slice to = xml_attr(x, SLICE("to"));
    if (to.ptr != NULL) {
        int err = jid_parse(to, &e->arena, &st.to);
        if (err != 0) {
            st.to = JID_NONE;
            route_error(e, &st,
                        err == ERR_SYNTAX ? STANZA_JID_MALFORMED : STANZA_RESOURCE_CONSTRAINT,
                        SLICE_NONE, &origin);
            return;
        }
    }
    if (s->session->sm != NULL && (st.type == TYPE_RESULT || st.type == TYPE_ERROR))
        sm_answered(e, s->session, &st);
    if (st.kind == STANZA_IQ && !iq_well_made(&st))
        route_error(e, &st, STANZA_BAD_REQUEST, SLICE_NONE, &origin);
    else
        route_from_session(e, s->session, &st, &origin);
}
