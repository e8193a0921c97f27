/* The end of a session with stream management (XEP-0198 section 4): what its client has not
 * acknowledged becomes somebody else's, or its sender hears of it. */
#include "core/c2s.h"
#include "core/router.h"
#include "core/service/keep.h"
#include "core/sm.h"
#include "xml/parser.h"
#include "xmpp/ns.h"

/* A volatile stanza that nobody may have seen: its sender gets one answer. */
static void give_back(struct engine *e, const struct sm *sm, const struct region_entry *r)
{
    static const struct origin NOBODY = {0};
    struct xml_tree *tree = NULL;
    struct stanza st;
    if ((r->flags & SM_ANSWERED) != 0 ||
        xml_parse(r->bytes, NS_CLIENT, &XML_LIMITS_C2S, &tree) != XML_OK)
        return;
    struct xml root = xml_root(tree);
    if (stanza_read(root, SLICE_NONE, &st) &&
        jid_from_prepared(xml_attr(root, SLICE("from")), &st.from) &&
        jid_from_prepared(xml_attr(root, SLICE("to")), &st.to)) {
        bool request = st.kind == STANZA_IQ && (r->flags & SM_REQUEST) != 0;
        bool message = st.kind == STANZA_MESSAGE && st.type != TYPE_HEADLINE &&
                       st.type != TYPE_ERROR && keep_of(&st) != KEEP_SIGNAL && !sm->clean;
        if (request || message)
            route_error(e, &st, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE, &NOBODY);
    }
    xml_tree_free(&tree);
}

void sm_end(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    struct region_entry r;
    struct buf positions = {0}, bytes = {0};
    uint64_t at = 0;
    sm_resume_cancel(e, s, false);
    resend_ended(e, s);
    sm_unacknowledged(e, s, &positions);
    tail_orphans(e, s->account, buf_slice(&positions));
    while (region_next(e->region, sm->record, &at, &r, &bytes))
        if (r.position == 0)
            give_back(e, sm, &r);
    region_session_drop(e->region, sm->record);
    buf_free(&bytes);
    buf_free(&positions);
    sm_forget(e, s);
}
