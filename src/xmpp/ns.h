/* Namespaces, as slices. */
#ifndef XMPP_NS_H
#define XMPP_NS_H

#include "base/slice.h"

#define NS_CLIENT          SLICE("jabber:client")
#define NS_COMPONENT       SLICE("jabber:component:accept")
#define NS_STREAMS         SLICE("http://etherx.jabber.org/streams")
#define NS_STREAM_ERRORS   SLICE("urn:ietf:params:xml:ns:xmpp-streams")
#define NS_STANZA_ERRORS   SLICE("urn:ietf:params:xml:ns:xmpp-stanzas")
#define NS_APP_ERRORS      SLICE("urn:xmpp:errors")
#define NS_TLS             SLICE("urn:ietf:params:xml:ns:xmpp-tls")
#define NS_SASL            SLICE("urn:ietf:params:xml:ns:xmpp-sasl")
#define NS_SASL2           SLICE("urn:xmpp:sasl:2")
#define NS_SASL_UPGRADE    SLICE("urn:xmpp:sasl:upgrade:0")
#define NS_SCRAM_UPGRADE   SLICE("urn:xmpp:scram-upgrade:0")
#define NS_FAST            SLICE("urn:xmpp:fast:0")
#define NS_BIND2           SLICE("urn:xmpp:bind:0")
#define NS_BIND            SLICE("urn:ietf:params:xml:ns:xmpp-bind")
#define NS_SESSION         SLICE("urn:ietf:params:xml:ns:xmpp-session")
#define NS_ROSTER          SLICE("jabber:iq:roster")
#define NS_ROSTER_VERSION  SLICE("urn:xmpp:features:rosterver")
#define NS_PRE_APPROVAL    SLICE("urn:xmpp:features:pre-approval")
#define NS_REGISTER        SLICE("jabber:iq:register")
#define NS_REGISTER_STREAM SLICE("http://jabber.org/features/iq-register")
#define NS_DELAY           SLICE("urn:xmpp:delay")
#define NS_HINTS           SLICE("urn:xmpp:hints")
#define NS_CARBONS         SLICE("urn:xmpp:carbons:2")
#define NS_CSI             SLICE("urn:xmpp:csi:0")
#define NS_MUC_USER        SLICE("http://jabber.org/protocol/muc#user")
#define NS_INVITATION      SLICE("jabber:x:conference")
#define NS_CHAT_STATES     SLICE("http://jabber.org/protocol/chatstates")
#define NS_RECEIPTS        SLICE("urn:xmpp:receipts")
#define NS_MARKERS         SLICE("urn:xmpp:chat-markers:0")
#define NS_DISCO_INFO      SLICE("http://jabber.org/protocol/disco#info")
#define NS_DISCO_ITEMS     SLICE("http://jabber.org/protocol/disco#items")
#define NS_CAPS            SLICE("http://jabber.org/protocol/caps")
#define NS_DATA_FORMS      SLICE("jabber:x:data")
#define NS_CHANNEL_BINDING SLICE("urn:xmpp:sasl-cb:0")
#define NS_STREAM_LIMITS   SLICE("urn:xmpp:stream-limits:0")
#define NS_XML             SLICE("http://www.w3.org/XML/1998/namespace")

#endif
