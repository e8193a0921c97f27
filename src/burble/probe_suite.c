/* The XMPP Compliance Suites 2023 (XEP-0479 version 0.1.0): what a server has to have, as far as it
 * can be seen from outside and by an account. What can only be known by its administrator
 * (components, XEP-0114) is left
 * out, and so is what is seen in a room alone (XEP-0313, XEP-0410 there). Pure. */
#include <string.h>

#include "burble/probe.h"

static enum probe_answer any(const struct probe *p, bool (*good)(const struct probe_port *))
{
    for (size_t i = 0; i < p->port_count; i++)
        if (p->ports[i].target->service < PROBE_SERVER && good(&p->ports[i]))
            return PROBE_YES;
    return PROBE_NO;
}

static bool has_tls(const struct probe_port *port)
{
    return port->tls == PROBE_YES;
}

static bool has_direct(const struct probe_port *port)
{
    return port->tls == PROBE_YES && port->direct;
}

static enum probe_answer tls(const struct probe *p)
{
    return any(p, has_tls);
}

static enum probe_answer direct_tls(const struct probe *p)
{
    return any(p, has_direct);
}

static bool has_link(const struct probe_meta *m, const char *rel)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->links[i].rel, rel) == 0)
            return true;
    return false;
}

/* As host-meta says; who does not say so may have it all the same, but is not found. */
static enum probe_answer web(const struct probe *p, const char *rel)
{
    return has_link(&p->meta_xml, rel) || has_link(&p->meta_json, rel) ? PROBE_YES
           : p->meta_xml.there == PROBE_UNKNOWN                        ? PROBE_UNKNOWN
                                                                       : PROBE_NO;
}

static enum probe_answer websocket(const struct probe *p)
{
    return web(p, "websocket");
}

static enum probe_answer bosh(const struct probe *p)
{
    return web(p, "xbosh");
}

static enum probe_answer account_is_pep(const struct probe *p)
{
    return !p->account.online ? PROBE_UNKNOWN : p->account.pep ? PROBE_YES : PROBE_NO;
}

static enum probe_answer bookmarks(const struct probe *p)
{
    if (!p->account.online)
        return PROBE_UNKNOWN;
    return probe_has(&p->account, PROBE_AT_ACCOUNT, "urn:xmpp:bookmarks:1#compat") ||
                   probe_has(&p->account, PROBE_AT_ACCOUNT, "urn:xmpp:bookmarks:1#compat-pep") ||
                   probe_has(&p->account, PROBE_AT_SERVER, "jabber:iq:private")
               ? PROBE_YES
               : PROBE_NO;
}

/* Servers say it of themselves, or of the account. */
static enum probe_answer at_either(const struct probe *p, const char *feature)
{
    const struct probe_account *a = &p->account;
    if (!a->online)
        return PROBE_UNKNOWN;
    return probe_has(a, PROBE_AT_SERVER, feature) || probe_has(a, PROBE_AT_ACCOUNT, feature)
               ? PROBE_YES
               : PROBE_NO;
}

static enum probe_answer blocking(const struct probe *p)
{
    return at_either(p, "urn:xmpp:blocking");
}

static enum probe_answer archive(const struct probe *p)
{
    return at_either(p, "urn:xmpp:mam:2");
}

static enum probe_answer carbons(const struct probe *p)
{
    return at_either(p, "urn:xmpp:carbons:2");
}

static enum probe_answer vcard(const struct probe *p)
{
    return at_either(p, "vcard-temp");
}

static enum probe_answer push(const struct probe *p)
{
    return at_either(p, "urn:xmpp:push:0");
}

#define LOOK(suite, advanced, xep, what, fn)                                                       \
    {                                                                                              \
        suite, advanced, xep, what, fn, PROBE_AT_SERVER, NULL                                      \
    }
#define HAS(suite, advanced, xep, what, place, feature)                                            \
    {                                                                                              \
        suite, advanced, xep, what, NULL, place, feature                                           \
    }

const struct probe_need PROBE_NEEDS[] = {
    LOOK(SUITE_CORE, false, "RFC 7590", "TLS", tls),
    HAS(SUITE_CORE, false, "0030", "service discovery", PROBE_AT_SERVER,
        "http://jabber.org/protocol/disco#info"),
    LOOK(SUITE_CORE, true, "0368", "direct TLS", direct_tls),
    HAS(SUITE_CORE, true, "0115", "entity capabilities", PROBE_AT_STREAM,
        "http://jabber.org/protocol/caps"),
    LOOK(SUITE_CORE, true, "0163", "personal eventing", account_is_pep),
    LOOK(SUITE_WEB, false, "RFC 7395", "WebSocket, as host-meta says", websocket),
    LOOK(SUITE_WEB, false, "0206", "BOSH, as host-meta says", bosh),
    LOOK(SUITE_IM, false, "0054", "vcard-temp", vcard),
    LOOK(SUITE_IM, false, "0280", "message carbons", carbons),
    HAS(SUITE_IM, false, "0045", "group chat", PROBE_AT_MUC, "http://jabber.org/protocol/muc"),
    HAS(SUITE_IM, false, "0363", "file upload", PROBE_AT_UPLOAD, "urn:xmpp:http:upload:0"),
    HAS(SUITE_IM, true, "0398", "avatars in both forms", PROBE_AT_ACCOUNT,
        "urn:xmpp:pep-vcard-conversion:0"),
    LOOK(SUITE_IM, true, "0191", "blocking", blocking),
    LOOK(SUITE_IM, true, "0402", "bookmarks (or 0049)", bookmarks),
    HAS(SUITE_IM, true, "0223", "private data in pubsub", PROBE_AT_ACCOUNT,
        "http://jabber.org/protocol/pubsub#publish-options"),
    HAS(SUITE_IM, true, "0049", "private XML storage", PROBE_AT_SERVER, "jabber:iq:private"),
    HAS(SUITE_IM, true, "0198", "stream management", PROBE_AT_STREAM, "urn:xmpp:sm:3"),
    LOOK(SUITE_IM, true, "0313", "message archive", archive),
    HAS(SUITE_MOBILE, false, "0198", "stream management", PROBE_AT_STREAM, "urn:xmpp:sm:3"),
    HAS(SUITE_MOBILE, false, "0352", "client state indication", PROBE_AT_STREAM, "urn:xmpp:csi:0"),
    LOOK(SUITE_MOBILE, true, "0357", "push notifications", push),
    HAS(SUITE_CALLS, false, "0215", "STUN and TURN servers", PROBE_AT_SERVER,
        "urn:xmpp:extdisco:2"),
};
const size_t PROBE_NEED_COUNT = sizeof(PROBE_NEEDS) / sizeof(PROBE_NEEDS[0]);

const char *probe_suite_text(enum probe_suite s)
{
    static const char *const NAMES[] = {"core", "web", "IM", "mobile", "A/V calling"};
    return NAMES[s];
}

bool probe_has(const struct probe_account *a, enum probe_place where, const char *feature)
{
    size_t len = strlen(feature);
    struct slice all = buf_slice(&a->features[where]);
    while (all.len > 0) {
        size_t end = slice_find(all, '\n');
        if (end == len && memcmp(all.ptr, feature, len) == 0)
            return true;
        all = slice_from(all, end < all.len ? end + 1 : end);
    }
    return false;
}

enum probe_answer probe_meets(const struct probe *p, const struct probe_need *n)
{
    if (n->look != NULL)
        return n->look(p);
    if (!p->account.online)
        return PROBE_UNKNOWN;
    return probe_has(&p->account, n->where, n->feature) ? PROBE_YES : PROBE_NO;
}
