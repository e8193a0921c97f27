"""RFC 6121, appendix A: every state of a subscription, every stanza out and in, over real streams.

Both people live on the server, so that what is outbound for one is inbound for the other, whose
state is always the mirror image. Nine states and four stanzas, seen from both ends, are all the
rows of sections A.2 and A.3.
"""

import itertools

import pytest

from harness import ns
from harness.xmpp import push_item

pytestmark = pytest.mark.shards(1, 3)

# name: (subscription, ask, pending in)
STATES = {
    "None": ("none", None, False),
    "None+PO": ("none", "subscribe", False),
    "None+PI": ("none", None, True),
    "None+POI": ("none", "subscribe", True),
    "To": ("to", None, False),
    "To+PI": ("to", None, True),
    "From": ("from", None, False),
    "From+PO": ("from", "subscribe", False),
    "Both": ("both", None, False),
}
MIRROR = {
    "None": "None", "None+PO": "None+PI", "None+PI": "None+PO", "None+POI": "None+POI",
    "To": "From", "To+PI": "From+PO", "From": "To", "From+PO": "To+PI", "Both": "Both",
}

# A.2: stanza sent in a state → (routed, new state)
OUTBOUND = {
    "subscribe": {
        "None": (True, "None+PO"), "None+PO": (True, "None+PO"), "None+PI": (True, "None+POI"),
        "None+POI": (True, "None+POI"), "To": (True, "To"), "To+PI": (True, "To+PI"),
        "From": (True, "From+PO"), "From+PO": (True, "From+PO"), "Both": (True, "Both"),
    },
    "unsubscribe": {
        "None": (True, "None"), "None+PO": (True, "None"), "None+PI": (True, "None+PI"),
        "None+POI": (True, "None+PI"), "To": (True, "None"), "To+PI": (True, "None+PI"),
        "From": (True, "From"), "From+PO": (True, "From"), "Both": (True, "From"),
    },
    "subscribed": {
        "None": (False, "None"), "None+PO": (False, "None+PO"), "None+PI": (True, "From"),
        "None+POI": (True, "From+PO"), "To": (False, "To"), "To+PI": (True, "Both"),
        "From": (False, "From"), "From+PO": (False, "From+PO"), "Both": (False, "Both"),
    },
    "unsubscribed": {
        "None": (False, "None"), "None+PO": (False, "None+PO"), "None+PI": (True, "None"),
        "None+POI": (True, "None+PO"), "To": (False, "To"), "To+PI": (True, "To"),
        "From": (True, "None"), "From+PO": (True, "None+PO"), "Both": (True, "To"),
    },
}
# A.3: stanza received in a state → (delivered, new state). A `subscribe` from someone who is
# subscribed already is answered by the server.
INBOUND = {
    "subscribe": {
        "None": (True, "None+PI"), "None+PO": (True, "None+POI"), "None+PI": (False, "None+PI"),
        "None+POI": (False, "None+POI"), "To": (True, "To+PI"), "To+PI": (False, "To+PI"),
        "From": (False, "From"), "From+PO": (False, "From+PO"), "Both": (False, "Both"),
    },
    "unsubscribe": {
        "None": (False, "None"), "None+PO": (False, "None+PO"), "None+PI": (True, "None"),
        "None+POI": (True, "None+PO"), "To": (False, "To"), "To+PI": (True, "To"),
        "From": (True, "None"), "From+PO": (True, "None+PO"), "Both": (True, "To"),
    },
    "subscribed": {
        "None": (False, "None"), "None+PO": (True, "To"), "None+PI": (False, "None+PI"),
        "None+POI": (True, "To+PI"), "To": (False, "To"), "To+PI": (False, "To+PI"),
        "From": (False, "From"), "From+PO": (True, "Both"), "Both": (False, "Both"),
    },
    "unsubscribed": {
        "None": (False, "None"), "None+PO": (True, "None"), "None+PI": (False, "None+PI"),
        "None+POI": (True, "None+PI"), "To": (True, "None"), "To+PI": (True, "None+PI"),
        "From": (False, "From"), "From+PO": (True, "From"), "Both": (True, "From"),
    },
}
# How two strangers get there: (who, stanza).
PATHS = {
    "None": (),
    "None+PO": (("me", "subscribe"),),
    "None+PI": (("you", "subscribe"),),
    "None+POI": (("me", "subscribe"), ("you", "subscribe")),
    "To": (("me", "subscribe"), ("you", "subscribed")),
    "To+PI": (("me", "subscribe"), ("you", "subscribed"), ("you", "subscribe")),
    "From": (("you", "subscribe"), ("me", "subscribed")),
    "From+PO": (("you", "subscribe"), ("me", "subscribed"), ("me", "subscribe")),
    "Both": (("me", "subscribe"), ("you", "subscribed"), ("you", "subscribe"),
             ("me", "subscribed")),
}


def test_the_tables_fit_each_other():
    """What one end's table says is the mirror of what the other's says."""
    for stanza, state in itertools.product(OUTBOUND, STATES):
        routed, mine = OUTBOUND[stanza][state]
        other = INBOUND[stanza][MIRROR[state]][1] if routed else MIRROR[state]
        assert MIRROR[mine] == other, (stanza, state)


class Pair:
    def __init__(self, server, in_rosters=True):
        self.server = server
        self.me, self.you = (server.user(n, roster=True) for n in ("me", "you"))
        if in_rosters:
            # Entries that exist show every state by their attributes.
            self.me.roster_set(self.you.account.jid)
            self.you.roster_set(self.me.account.jid)

    def send(self, who, stanza):
        sender, receiver = (self.me, self.you) if who == "me" else (self.you, self.me)
        sender.presence(stanza, to=receiver.account.jid)
        sender.fence(receiver)
        receiver.fence(sender)

    def reach(self, state):
        for who, stanza in PATHS[state]:
            self.send(who, stanza)
        assert self.state(self.me, self.you) == STATES[state]
        assert self.state(self.you, self.me) == STATES[MIRROR[state]]
        self.me.inbox.clear()
        self.you.inbox.clear()

    def state(self, owner, contact):
        """(subscription, ask, pending in), as a client that logs in anew sees it."""
        with self.server.login(owner.account, "look", roster=False) as fresh:
            item = fresh.roster().get(contact.account.jid)
            fresh.presence()
            # A pending request is delivered with the first presence.
            contact.fence(fresh)
            fresh.sync()
            pending = bool(fresh.take("presence", type="subscribe", frm=contact.account.jid))
            fresh.close()
        if item is None:
            return ("none", None, pending)
        return (item.get("subscription"), item.get("ask"), pending)


@pytest.mark.parametrize("stanza", OUTBOUND)
@pytest.mark.parametrize("state", STATES)
def test_appendix_a(server, state, stanza):
    pair = Pair(server)
    pair.reach(state)
    routed, mine = OUTBOUND[stanza][state]
    delivered, yours = INBOUND[stanza][MIRROR[state]] if routed else (False, MIRROR[state])
    pair.send("me", stanza)
    sender = pair.me.account.jid
    got = pair.you.take("presence", type=stanza, frm=sender)
    assert bool(got) == delivered, f"delivered: {got}"
    assert len(got) <= 1
    if stanza == "subscribe" and STATES[MIRROR[state]][0] in ("from", "both"):
        # A.3.1: the contact's server answers on behalf of the contact; the answer is delivered
        # only where it is news.
        pair.me.nothing("presence", type="unsubscribed")
    pushes = [i for p in pair.you.inbox if (i := push_item(p)) is not None]
    if STATES[yours][:2] != STATES[MIRROR[state]][:2]:
        assert pushes and pushes[-1].get("subscription") == STATES[yours][0]
        assert pushes[-1].get("ask") == STATES[yours][1]
    assert pair.state(pair.me, pair.you) == STATES[mine]
    assert pair.state(pair.you, pair.me) == STATES[yours]


def available(client, frm):
    return client.take("presence", type=None, frm=frm)


def test_presence_follows_the_subscription(server):
    """RFC 6121, 3.1.5, 3.2.2, 3.3.2: presence comes with the approval, unavailable with its end."""
    pair = Pair(server)
    me, you = pair.me, pair.you
    pair.send("me", "subscribe")
    assert not available(me, you.jid)
    pair.send("you", "subscribed")
    assert available(me, you.jid)
    pair.send("you", "unsubscribed")
    assert me.take("presence", type="unavailable", frm=you.jid)
    you.presence(inner="<show>away</show>")
    you.fence(me)
    assert not available(me, you.jid)
    pair.send("me", "subscribe")
    pair.send("you", "subscribed")
    assert available(me, you.jid)
    pair.send("me", "unsubscribe")
    assert me.take("presence", type="unavailable", frm=you.jid)


def test_a_stranger_is_not_put_into_the_roster_by_asking(server):
    pair = Pair(server, in_rosters=False)
    pair.send("me", "subscribe")
    assert pair.me.account.jid not in pair.you.roster()
    assert pair.me.roster()[pair.you.account.jid].get("ask") == "subscribe"
    pair.you.nothing("iq", type="set")
    pair.send("you", "subscribed")
    assert pair.you.roster()[pair.me.account.jid].get("subscription") == "from"


def test_a_subscription_request_is_stamped_with_the_bare_jid(server):
    pair = Pair(server)
    pair.me.send(
        f"<presence type='subscribe' to='{pair.you.account.jid}/device' id='s1'>"
        f"<status>hi</status><nick xmlns='http://jabber.org/protocol/nick'>Me</nick></presence>"
    )
    request = pair.you.expect("presence", type="subscribe")
    assert request.get("from") == pair.me.account.jid
    assert request.get("to") == pair.you.account.jid
    assert len(request) >= 2


def test_a_request_to_oneself_changes_nothing(server):
    me = server.user("me", roster=True)
    me.presence("subscribe", to=me.account.jid)
    me.sync()
    assert me.roster() == {} or me.account.jid not in me.roster()


def test_a_request_to_nobody_does_not_say_so(server):
    """RFC 6121, 3.1.3: an account that does not exist looks like one that does not answer."""
    me = server.user("me", roster=True)
    me.presence("subscribe", to=f"nobody@{server.host}")
    me.expect_push(f"nobody@{server.host}", ask="subscribe")
    me.sync()
    me.nothing("presence", type="error")


class TestPreApproval:
    """RFC 6121, 3.4."""

    def test_the_feature_is_offered(self, server):
        me = server.user("me")
        assert me.feature("sub", ns.PREAPPROVAL) is not None

    def test_a_pre_approved_request_is_answered_by_the_server(self, server):
        pair = Pair(server, in_rosters=False)
        me, you = pair.me, pair.you
        you.presence("subscribed", to=me.account.jid)
        you.expect_push(me.account.jid, subscription="none", approved="true")
        you.fence(me)
        me.nothing("presence")  # it is not routed
        me.presence("subscribe", to=you.account.jid)
        me.expect_push(you.account.jid, subscription="to", ask=None)
        me.expect("presence", type="subscribed", frm=you.account.jid)
        me.expect("presence", type=None, frm=you.jid)
        you.expect_push(me.account.jid, subscription="from")
        me.fence(you)
        you.nothing("presence", type="subscribe")

    def test_a_pre_approval_waits_for_someone_offline(self, server):
        pair = Pair(server, in_rosters=False)
        me, you = pair.me, pair.you
        you.presence("subscribed", to=me.account.jid)
        you.expect_push(me.account.jid, approved="true")
        you.close()
        me.presence("subscribe", to=you.account.jid)
        me.expect_push(you.account.jid, subscription="to", ask=None)

    def test_a_pre_approval_can_be_taken_back(self, server):
        pair = Pair(server, in_rosters=False)
        me, you = pair.me, pair.you
        you.presence("subscribed", to=me.account.jid)
        you.expect_push(me.account.jid, approved="true")
        you.presence("unsubscribed", to=me.account.jid)
        you.fence(me)
        me.nothing("presence")  # nor is that routed
        assert you.roster()[me.account.jid].get("approved") in (None, "false")
        me.presence("subscribe", to=you.account.jid)
        you.expect("presence", type="subscribe", frm=me.account.jid)

    @pytest.mark.parametrize("state", ["None", "None+PO", "To"])
    def test_states_that_can_be_pre_approved(self, server, state):
        pair = Pair(server)
        pair.reach(state)
        pair.send("me", "subscribed")
        item = pair.me.roster()[pair.you.account.jid]
        assert item.get("approved") == "true"
        assert (item.get("subscription"), item.get("ask")) == STATES[state][:2]

    @pytest.mark.parametrize("state", ["From", "From+PO", "Both"])
    def test_states_that_need_no_pre_approval(self, server, state):
        pair = Pair(server)
        pair.reach(state)
        pair.send("me", "subscribed")
        assert pair.state(pair.me, pair.you) == STATES[state]
