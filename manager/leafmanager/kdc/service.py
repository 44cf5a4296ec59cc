"""The KDC among the manager's resources: whose request it is, and what it observes."""

from leafkey.ace import cwt, labels
from leafkey.coap.message import Message
from leafkey.coap.numbers import DELETE, OBSERVE, POST
from leafmanager import audiences, issue, scopes
from leafmanager.ace import tokens
from leafmanager.events import NOTE, Event, Sink
from leafmanager.kdc import groups, resources, rights
from leafmanager.kdc.asking import Asker, Nonces
from leafmanager.kdc.resources import Kdc
from leafmanager.net.peer import Peer
from leafmanager.net.subscriptions import Observed, Subscriptions
from leafmanager.store.database import Store

_VERBS = {POST: "asks to join or for a Sender ID", DELETE: "leaves"}


class Service:
    """Answers everything below `/ace-group`."""

    def __init__(self, store: Store, subscriptions: Subscriptions, tell: Sink):
        self._store = store
        self._subscriptions = subscriptions
        self._tell = tell
        self.nonces = Nonces()
        self._kdc = Kdc(store, self.nonces)

    async def answer(self, peer: Peer, request: Message) -> Message | Observed:
        """Return the answer, and the subscription if it registers one."""
        asker = asker_of(peer)
        response, state = self._kdc.answer(asker, request, issue.now())
        path = resources.path_of(request)
        if request.code in _VERBS:
            code = f"{response.code >> 5}.{response.code & 31:02}"
            self._tell(Event(NOTE, peer.name, "kdc", f"{_VERBS[request.code]}: {path} {code}"))
        if state is None:
            return response
        subscription = self._subscriptions.add(asker.subject, path, state)
        if subscription is None:
            response.remove(OBSERVE)
            return response
        return Observed(response, subscription)

    def more(self, request: dict, claims: dict) -> dict:
        """Return what the answer to a token says beside the nonce and the ID (RFC 9594 3.3)."""
        now = issue.now()
        with self._store.transaction() as session:
            audience = audiences.named(session, scopes.KDC, now)
            token = tokens.find(session, audience, claims.get(cwt.CTI, b""))
            if token is None:
                return {}
            names = [name for name, _ in scopes.stored(token.scope)]
            found = [groups.find(session, name) for name in names]
            signed = [group for group in found if group and groups.KINDS[group.kind].is_signed]
            said: dict = {}
            if signed:
                subject = rights.subject(rights.TOKEN, token.client_id)
                said[labels.KDCCHALLENGE] = self.nonces.new(subject, now)
            if signed and labels.SIGN_INFO in request:
                said[labels.SIGN_INFO] = [groups.sign_info(group) for group in signed]
            return said


def asker_of(peer: Peer) -> Asker:
    """Return who a peer is to the KDC."""
    if peer.access is None:
        return Asker(rights.subject(rights.NODE, peer.id), peer.name, peer.address)
    subject = rights.subject(rights.TOKEN, peer.id)
    scope, ends_at = dict(peer.access.scope), peer.access.ends_at
    return Asker(subject, peer.name, peer.address, scope, ends_at)
