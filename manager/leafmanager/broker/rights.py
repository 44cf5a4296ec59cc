"""What somebody may do with a topic, as bits of Tperm: PUBLISH, READ, DELETE_TOPIC."""

from sqlalchemy.orm import Session

from leafmanager import scopes
from leafmanager.ace import tokens
from leafmanager.ace.tables import AccessToken
from leafmanager.broker.tables import Topic
from leafmanager.kdc import membership, rights
from leafmanager.kdc.service import asker_of
from leafmanager.net.peer import Access, Peer


def of(session: Session, peer: Peer, topic: Topic, now: int) -> int:
    """Return the rights of the holder of an access token, or of a node in its channel.

    A token says all that it gives. A node has what it has joined the topic's group for, and what
    the owner's rules for the broker add.
    """
    if peer.access is not None:
        return _by_token(session, peer.access, topic, now)
    by_rules = rights.by_rules(session, peer.id, scopes.BROKER, topic.name, now)
    return _of_member(session, peer, topic, now) | by_rules.roles


def _by_token(session: Session, access: Access, topic: Topic, now: int) -> int:
    """Return what a token gives as long as it stands: subscriptions last longer than a request."""
    token = session.get(AccessToken, access.token_id)
    if token is None or not tokens.is_live(token, now):
        return 0
    return dict(scopes.stored(token.scope)).get(topic.name, 0)


def _of_member(session: Session, peer: Peer, topic: Topic, now: int) -> int:
    if topic.group is None:
        return 0
    member = membership.find(session, topic.group, asker_of(peer).subject)
    if member is None or (member.expires_at is not None and member.expires_at <= now):
        return 0
    return member.roles
