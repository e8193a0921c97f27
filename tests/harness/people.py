"""What two people do over and over: subscribe, befriend."""

from .xmpp import bare


def subscribe(user, contact):
    """user asks, contact approves; both are bound. Leaves nothing of it in the inboxes."""
    user.presence("subscribe", to=bare(contact.jid))
    contact.expect("presence", type="subscribe", frm=bare(user.jid))
    contact.presence("subscribed", to=bare(user.jid))
    # Only a resource that fetched its roster is told of the approval itself.
    clean(user, contact)


def befriend(user, contact):
    """Subscriptions both ways."""
    subscribe(user, contact)
    subscribe(contact, user)


def clean(*clients):
    """Fences every pair and forgets what came."""
    for sender in clients:
        for receiver in clients:
            sender.fence(receiver)
    for client in clients:
        client.inbox.clear()
