"""Stanzas that a client knows, each with something missing or bent (row V22).

`mutations()` deletes each attribute, child and text of each known stanza in turn, empties it,
doubles it, or puts it into another namespace: more than 2,000 variants, all well-formed.
"""

import copy
import xml.etree.ElementTree as ET

from . import ns
from .xmpp import dump, parse

_EVENT = "http://jabber.org/protocol/pubsub#event"
_FROM = "from='friend@{domain}/phone' to='{jid}'"
_ROOM = "from='room@muc.{domain}/Bob' to='{jid}'"
_MUC_USER = "http://jabber.org/protocol/muc#user"
_FORWARDED = ("<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp="
              "'2026-01-02T03:04:05Z'/><message xmlns='jabber:client' type='chat' id='f1'"
              " from='friend@{domain}/phone' to='{bare}'><body>forwarded</body></message>"
              "</forwarded>")
_FORM = ("<x xmlns='jabber:x:data' type='form'><title>T</title><instructions>I</instructions>"
         "<field var='FORM_TYPE' type='hidden'><value>urn:form</value></field>"
         "<field var='one' type='list-single' label='One'><required/><desc>D</desc>"
         "<option label='A'><value>a</value></option><value>a</value></field></x>")


def _event(node, item):
    return (f"<message from='friend@{{domain}}' to='{{jid}}' type='headline'><event"
            f" xmlns='{_EVENT}'><items node='{node}'>{item}</items></event></message>")


# What a server sends unasked.
PUSHES = {
    "chat": f"<message type='chat' id='m1' {_FROM}><subject>S</subject><body>B</body>"
            "<thread parent='p'>t</thread><active xmlns='http://jabber.org/protocol/chatstates'/>"
            "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>"
            "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>"
            "<stanza-id xmlns='urn:xmpp:sid:0' id='s1' by='{bare}'/></message>",
    "delayed": f"<message type='chat' id='m2' {_FROM}><body>B</body><delay xmlns='urn:xmpp:delay'"
               " from='{domain}' stamp='2026-01-02T03:04:05Z'>Offline</delay><x"
               " xmlns='jabber:x:delay' from='{domain}' stamp='20260102T03:04:05'/></message>",
    "receipt": f"<message {_FROM} id='m3'><received xmlns='urn:xmpp:receipts' id='r1'/></message>",
    "marker": f"<message {_FROM} id='m4'><displayed xmlns='urn:xmpp:chat-markers:0' id='r1'/>"
              "</message>",
    "correction": f"<message type='chat' id='m5' {_FROM}><body>B</body>"
                  "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/></message>",
    "retraction": f"<message type='chat' id='m6' {_FROM}><retract"
                  " xmlns='urn:xmpp:message-retract:1' id='m1'/><fallback"
                  " xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/><body>B</body>"
                  "</message>",
    "reactions": f"<message type='chat' id='m7' {_FROM}><reactions xmlns='urn:xmpp:reactions:0'"
                 " id='m1'><reaction>+</reaction></reactions></message>",
    "out-of-band": f"<message type='chat' id='m8' {_FROM}><body>https://x.example/a</body><x"
                   " xmlns='jabber:x:oob'><url>https://x.example/a</url><desc>D</desc></x>"
                   "</message>",
    "error": f"<message type='error' id='m9' {_FROM}><body>B</body><error type='cancel'"
             f" by='{{domain}}'><service-unavailable xmlns='{ns.STANZA_ERROR}'/><text"
             f" xmlns='{ns.STANZA_ERROR}' xml:lang='en'>T</text></error></message>",
    "carbon-received": "<message from='{bare}' to='{jid}' type='chat'><received"
                       f" xmlns='urn:xmpp:carbons:2'>{_FORWARDED}</received></message>",
    "carbon-sent": "<message from='{bare}' to='{jid}' type='chat'><sent"
                   f" xmlns='urn:xmpp:carbons:2'>{_FORWARDED}</sent></message>",
    "archived": "<message from='{bare}' to='{jid}'><result xmlns='urn:xmpp:mam:2' queryid='q1'"
                f" id='28482'>{_FORWARDED}</result></message>",
    "groupchat": f"<message type='groupchat' id='g1' {_ROOM}><body>B</body><delay"
                 " xmlns='urn:xmpp:delay' from='room@muc.{domain}' stamp='2026-01-02T03:04:05Z'/>"
                 "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o'/><stanza-id"
                 " xmlns='urn:xmpp:sid:0' id='s' by='room@muc.{domain}'/></message>",
    "subject": f"<message type='groupchat' {_ROOM}><subject>S</subject></message>",
    "invitation": "<message from='room@muc.{domain}' to='{jid}'><x xmlns='" + _MUC_USER + "'>"
                  "<invite from='friend@{domain}'><reason>R</reason><continue thread='t'/></invite>"
                  "<password>P</password></x></message>",
    "direct-invitation": f"<message {_FROM}><x xmlns='jabber:x:conference'"
                         " jid='room@muc.{domain}' password='p' reason='r' continue='true'"
                         " thread='t'/></message>",
    "captcha": f"<message {_FROM}><captcha xmlns='urn:xmpp:captcha'>{_FORM}</captcha></message>",
    "available": f"<presence id='p1' {_FROM}><show>away</show><status xml:lang='en'>S</status>"
                 "<priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'"
                 " node='http://x.example' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/><x"
                 " xmlns='vcard-temp:x:update'><photo>abc</photo></x><idle"
                 " xmlns='urn:xmpp:idle:1' since='2026-01-02T03:04:05Z'/></presence>",
    "unavailable": f"<presence type='unavailable' {_FROM}><status>gone</status></presence>",
    "subscribe": "<presence type='subscribe' id='p2' from='friend@{domain}' to='{bare}'>"
                 "<status>S</status><nick xmlns='http://jabber.org/protocol/nick'>N</nick>"
                 "</presence>",
    "presence-error": f"<presence type='error' id='p3' {_ROOM}><x"
                      " xmlns='http://jabber.org/protocol/muc'/><error type='cancel'><conflict"
                      f" xmlns='{ns.STANZA_ERROR}'/></error></presence>",
    "occupant": f"<presence id='p4' {_ROOM}><x xmlns='{_MUC_USER}'><item affiliation='member'"
                " role='participant' jid='bob@{domain}/x' nick='Bob'><actor jid='a@{domain}'"
                " nick='A'/><reason>R</reason></item><status code='110'/><status code='201'/>"
                "</x><occupant-id xmlns='urn:xmpp:occupant-id:0' id='o'/></presence>",
    "renamed": f"<presence type='unavailable' {_ROOM}><x xmlns='{_MUC_USER}'><item"
               " affiliation='member' role='participant' nick='Robert'/><status code='303'/></x>"
               "</presence>",
    "destroyed": f"<presence type='unavailable' {_ROOM}><x xmlns='{_MUC_USER}'><item"
                 " affiliation='none' role='none'/><destroy jid='new@muc.{domain}'>"
                 "<reason>R</reason><password>P</password></destroy></x></presence>",
    "roster-push": f"<iq type='set' id='i1' to='{{jid}}'><query xmlns='{ns.ROSTER}' ver='2'>"
                   "<item jid='friend@{domain}' name='N' subscription='both' ask='subscribe'"
                   " approved='true'><group>G</group></item></query></iq>",
    "block-push": f"<iq type='set' id='i2' to='{{jid}}'><block xmlns='{ns.BLOCKING}'>"
                  "<item jid='spam@example.net'/></block></iq>",
    "ping": f"<iq type='get' id='i3' {_FROM}><ping xmlns='{ns.PING}'/></iq>",
    "version": f"<iq type='get' id='i4' {_FROM}><query xmlns='{ns.VERSION}'/></iq>",
    "time": f"<iq type='get' id='i5' {_FROM}><time xmlns='{ns.TIME}'/></iq>",
    "info": f"<iq type='get' id='i6' {_FROM}><query xmlns='{ns.DISCO_INFO}' node='n'/></iq>",
    "items": f"<iq type='get' id='i7' {_FROM}><query xmlns='{ns.DISCO_ITEMS}' node='n'/></iq>",
    "command": f"<iq type='set' id='i8' {_FROM}><command action='execute' node='n'"
               f" sessionid='s' xmlns='http://jabber.org/protocol/commands'>{_FORM}</command></iq>",
    "bytestream-open": f"<iq type='set' id='i9' {_FROM}><open block-size='4096' sid='s'"
                       " stanza='iq' xmlns='http://jabber.org/protocol/ibb'/></iq>",
    "bytestream-data": f"<iq type='set' id='i10' {_FROM}><data seq='0' sid='s'"
                       " xmlns='http://jabber.org/protocol/ibb'>AAAA</data></iq>",
    "bytestream-close": f"<iq type='set' id='i11' {_FROM}><close sid='s'"
                        " xmlns='http://jabber.org/protocol/ibb'/></iq>",
    "unknown-result": f"<iq type='result' id='i12' {_FROM}/>",
    "unknown-error": f"<iq type='error' id='i13' {_FROM}><error type='cancel' code='404'>"
                     f"<gone xmlns='{ns.STANZA_ERROR}'>xmpp:x@example.net</gone></error></iq>",
    "avatar": _event("urn:xmpp:avatar:metadata", "<item id='a'><metadata"
                     " xmlns='urn:xmpp:avatar:metadata'><info bytes='1' id='a' height='1' width='1'"
                     " type='image/png' url='https://x.example/a'/></metadata></item>"),
    "bookmark": _event("urn:xmpp:bookmarks:1", "<item id='room@muc.{domain}' publisher='{bare}'>"
                       "<conference xmlns='urn:xmpp:bookmarks:1' name='N' autojoin='true'><nick>N"
                       "</nick><password>P</password></conference></item>"),
    "nick": _event("http://jabber.org/protocol/nick", "<item id='n'><nick"
                   " xmlns='http://jabber.org/protocol/nick'>N</nick></item>"),
    "retracted-item": _event("urn:node", "<retract id='a'/>"),
    "node-gone": f"<message from='friend@{{domain}}' to='{{jid}}'><event xmlns='{_EVENT}'>"
                 "<delete node='n'><redirect uri='xmpp:x?;node=n'/></delete></event></message>",
}

# What a server answers; for the payloads of requests see RESULTS.
RESULTS = {
    f"{{{ns.ROSTER}}}query": PUSHES["roster-push"].partition("'>")[2].removesuffix("</iq>"),
    f"{{{ns.DISCO_INFO}}}query":
        f"<query xmlns='{ns.DISCO_INFO}' node='n'><identity category='server' type='im' name='N'"
        f" xml:lang='en'/><feature var='{ns.PING}'/><feature var='urn:xmpp:mam:2'/>"
        + _FORM.replace("type='form'", "type='result'") + "</query>",
    f"{{{ns.DISCO_ITEMS}}}query":
        f"<query xmlns='{ns.DISCO_ITEMS}' node='n'><item jid='muc.{{domain}}' node='n' name='N'/>"
        "</query>",
    f"{{{ns.VERSION}}}query": f"<query xmlns='{ns.VERSION}'><name>N</name><version>1</version>"
                              "<os>O</os></query>",
    f"{{{ns.TIME}}}time": f"<time xmlns='{ns.TIME}'><tzo>+01:00</tzo><utc>2026-01-02T03:04:05Z"
                          "</utc></time>",
    f"{{{ns.LAST}}}query": f"<query xmlns='{ns.LAST}' seconds='7'>S</query>",
    f"{{{ns.VCARD}}}vCard":
        f"<vCard xmlns='{ns.VCARD}'><FN>F</FN><N><FAMILY>F</FAMILY><GIVEN>G</GIVEN></N><NICKNAME>N"
        "</NICKNAME><EMAIL><HOME/><USERID>u@example.net</USERID></EMAIL><PHOTO><TYPE>image/png"
        "</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard>",
    f"{{{ns.BLOCKING}}}blocklist": f"<blocklist xmlns='{ns.BLOCKING}'>"
                                   "<item jid='spam@example.net'/></blocklist>",
    "{urn:xmpp:mam:2}query":
        "<fin xmlns='urn:xmpp:mam:2' complete='true' stable='false' queryid='q'><set"
        " xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>b</last>"
        "<count>2</count></set></fin>",
    "{urn:xmpp:http:upload:0}request":
        "<slot xmlns='urn:xmpp:http:upload:0'><put url='https://x.example/put'><header"
        " name='Authorization'>Basic QQ==</header><header name='Cookie'>c=1</header></put><get"
        " url='https://x.example/get'/></slot>",
    f"{{{ns.IBR}}}query":
        f"<query xmlns='{ns.IBR}'><registered/><instructions>I</instructions><username>u"
        f"</username><password>p</password><email/>{_FORM}</query>",
    "{http://jabber.org/protocol/commands}command":
        "<command xmlns='http://jabber.org/protocol/commands' node='n' sessionid='s'"
        " status='executing'><actions execute='next'><prev/><next/><complete/></actions><note"
        f" type='info'>N</note>{_FORM}</command>",
    "{http://jabber.org/protocol/muc#owner}query":
        f"<query xmlns='http://jabber.org/protocol/muc#owner'>{_FORM}</query>",
    "{http://jabber.org/protocol/muc#admin}query":
        "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member'"
        " jid='bob@{domain}' nick='B' role='participant'><reason>R</reason></item></query>",
    f"{{{ns.PUBSUB}}}pubsub":
        f"<pubsub xmlns='{ns.PUBSUB}'><items node='n'><item id='a' publisher='{{bare}}'><data"
        " xmlns='urn:xmpp:avatar:data'>AAAA</data></item></items><set"
        " xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><count>1</count></set>"
        "</pubsub>",
    f"{{{ns.BIND}}}bind": f"<bind xmlns='{ns.BIND}'><jid>{{jid}}</jid></bind>",
}

# What a server says around the stanzas, by the step at which it does.
NEGOTIATION = {
    "features": "<features xmlns='http://etherx.jabber.org/streams'><starttls"
                f" xmlns='{ns.TLS}'><required/></starttls><mechanisms xmlns='{ns.SASL}'>"
                "<mechanism>SCRAM-SHA-256</mechanism><hostname"
                " xmlns='urn:xmpp:domain-based-name:1'>h</hostname></mechanisms>"
                "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism>"
                "<inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:sm:3'/>"
                "</inline></bind><sm xmlns='urn:xmpp:sm:3'/></inline></authentication>"
                "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding"
                " type='tls-exporter'/></sasl-channel-binding></features>",
    "failure": f"<failure xmlns='{ns.SASL}'><not-authorized/><text xml:lang='en'>T</text>"
               "</failure>",
    "error": "<error xmlns='http://etherx.jabber.org/streams'>"
             f"<conflict xmlns='{ns.STREAM_ERROR}'/><text xmlns='{ns.STREAM_ERROR}' xml:lang='en'>T</text></error>",
    "enabled": "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true' max='60' location='l:1'/>",
    "failed": f"<failed xmlns='urn:xmpp:sm:3' h='0'><item-not-found xmlns='{ns.STANZA_ERROR}'/>"
              "</failed>",
}


def mutate(text):
    """[(what was done, the stanza as XML)], each once. The stanza itself is not among them."""
    marks = text.replace("{", "\ue000").replace("}", "\ue001")  # placeholders pass ElementTree
    original = parse(marks)
    seen, found = {dump(original)}, []
    for what, changed in _changes(original):
        it = dump(changed)
        if it not in seen:
            seen.add(it)
            found.append((what, it.replace("\ue000", "{").replace("\ue001", "}")))
    return found


def _changes(original):
    for path in _paths(original):
        element = _at(original, path)
        label = "/".join([_local(original), *(_local(_at(original, path[:i + 1]))
                                              for i in range(len(path)))])
        for key in element.attrib:
            for what, value in (("without", None), ("empty", ""), ("junk", "\u202e\x7f'\"<&>"),
                                ("long", "x" * 5000)):
                copied, target = _copy(original, path)
                if value is None:
                    del target.attrib[key]
                else:
                    target.set(key, value)
                yield f"{label} {what} {key.rpartition('}')[2]}", copied
        if element.text:
            for what, value in (("no text", None), ("junk text", "\u202e\x7f<&>"),
                                ("long text", "x" * 5000)):
                copied, target = _copy(original, path)
                target.text = value
                yield f"{label} {what}", copied
        for what, tag in (("no namespace", _local(element)),
                          ("other namespace", f"{{urn:forged}}{_local(element)}"),
                          ("other name", element.tag.rpartition("}")[0] + "}forged")):
            if path:
                copied, target = _copy(original, path)
                target.tag = tag
                yield f"{label} {what}", copied
        if path:
            copied, _ = _copy(original, path)
            del _at(copied, path[:-1])[path[-1]]
            yield f"without {label}", copied
            copied, target = _copy(original, path)
            _at(copied, path[:-1]).insert(path[-1], copy.deepcopy(target))
            yield f"{label} twice", copied
            copied, target = _copy(original, path)
            target.append(copy.deepcopy(target))
            yield f"{label} in itself", copied
        if len(element):
            copied, target = _copy(original, path)
            target[:] = list(target)[::-1]
            yield f"{label} backwards", copied
            copied, target = _copy(original, path)
            target[:] = []
            yield f"{label} without children", copied


def _paths(element, path=()):
    yield path
    for index, inner in enumerate(element):
        yield from _paths(inner, (*path, index))


def _at(element, path):
    for index in path:
        element = element[index]
    return element


def _copy(original, path):
    copied = copy.deepcopy(original)
    return copied, _at(copied, path)


def _local(element):
    return element.tag.rpartition("}")[2]


def mutations(table=None):
    """[(name, what was done, XML)] of PUSHES, or of RESULTS or NEGOTIATION; templates as in
    Conn.filled. Results are payloads without their <iq/>."""
    table = PUSHES if table is None else table
    found = {}
    for key, stanza in table.items():
        for what, text in mutate(stanza):
            found.setdefault(text, (key, what, text))
    return list(found.values())


def well_formed(text):
    ET.fromstring(text)
    return True
