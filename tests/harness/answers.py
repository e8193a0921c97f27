"""What a good scripted server answers to the requests of clients; see hostile.Conn.serve."""

from xml.sax.saxutils import quoteattr

from . import ns

REFUSE = object()  # an error, service-unavailable
PUBSUB_ERRORS = "http://jabber.org/protocol/pubsub#errors"
MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"

INFO = ("<query xmlns='http://jabber.org/protocol/disco#info'>"
        "<identity category='server' type='im' name='bench'/>"
        + "".join(f"<feature var='{f}'/>" for f in (
            ns.DISCO_INFO, ns.DISCO_ITEMS, ns.PING, ns.ROSTER, ns.VCARD, ns.VERSION, ns.TIME,
            "urn:xmpp:carbons:2", MAM, ns.BLOCKING, "msgoffline"))
        + "</query>")
NO_ITEM = f"<error type='cancel'><item-not-found xmlns='{ns.STANZA_ERROR}'/></error>"


def _info(_conn, iq):
    node = iq[0].get("node")
    return INFO if node is None else INFO.replace(
        "<query ", f"<query node={quoteattr(node)} ", 1)


def _not_found(conn, iq):
    conn.answer(iq, NO_ITEM, kind="error")


GOOD = {
    f"{{{ns.ROSTER}}}query":
        f"<query xmlns='{ns.ROSTER}' ver='1'><item jid='friend@{{domain}}' name='Friend'"
        " subscription='both'><group>Friends</group></item></query>",
    f"{{{ns.DISCO_INFO}}}query": _info,
    f"{{{ns.DISCO_ITEMS}}}query": f"<query xmlns='{ns.DISCO_ITEMS}'/>",
    f"{{{ns.PING}}}ping": "",
    f"{{{ns.SESSION}}}session": "",
    "{urn:xmpp:carbons:2}enable": "",
    "{urn:xmpp:carbons:2}disable": "",
    f"{{{ns.VERSION}}}query":
        f"<query xmlns='{ns.VERSION}'><name>bench</name><version>1</version></query>",
    f"{{{ns.TIME}}}time": f"<time xmlns='{ns.TIME}'><tzo>+00:00</tzo>"
                          "<utc>2026-01-02T03:04:05Z</utc></time>",
    f"{{{ns.LAST}}}query": f"<query xmlns='{ns.LAST}' seconds='7'/>",
    f"{{{ns.VCARD}}}vCard": f"<vCard xmlns='{ns.VCARD}'><FN>Friend</FN></vCard>",
    f"{{{ns.PRIVATE}}}query": f"<query xmlns='{ns.PRIVATE}'/>",
    f"{{{ns.BLOCKING}}}blocklist": f"<blocklist xmlns='{ns.BLOCKING}'/>",
    f"{{{ns.BLOCKING}}}block": "",
    f"{{{ns.BLOCKING}}}unblock": "",
    f"{{{MAM}}}query": f"<fin xmlns='{MAM}' complete='true'><set xmlns='{RSM}'>"
                       "<count>0</count></set></fin>",
    f"{{{ns.PUBSUB}}}pubsub": _not_found,
}
