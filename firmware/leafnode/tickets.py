"""Asks for tickets: messages (6) and (7), or (5), (8) and (9) where the manager is a CAM."""

import asyncio

from leafkey.ace import aif, labels
from leafkey.ace.token import decode_error
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CREATED,
    MAX_AGE,
    SERVICE_UNAVAILABLE,
    code_text,
)
from leafkey.compat import const
from leafkey.errors import (
    ConsentDenied,
    ConsentPending,
    DecodeError,
    NotAllowed,
    ProtocolError,
    Unreachable,
)
from leafkey.pat import ticket
from leafkey.pat.tokens import AUDIENCE, FIRST, LAST
from leafnode.node import Node
from leafnode.uplink import TOKEN_PATH

REFUSALS = {
    labels.INVALID_SCOPE: "the owner's policy does not allow this",
    labels.INVALID_REQUEST: "the manager does not know this server, or does not take the request",
    labels.ACCESS_DENIED: "the owner was asked, and does not consent",
}
MAX_TICKET_TRIES = const(5)
MAX_TICKET_WAIT = const(60)


class Wish:
    """What is wanted of a server: `scope` now, `kept` of the ticket before as far as allowed."""

    def __init__(self, sam: str, audience: str, scope: list, kept: list):
        self.sam = sam
        self.audience = audience
        self.scope = scope
        self.kept = kept


class Ticket:
    """What came back. `denied` is what the CAM does not let this node do (SPEC 9.6)."""

    def __init__(self, token, scope: list, denied: list, commands: bytes):
        self.token = token
        self.scope = scope
        self.denied = denied
        self.commands = commands


class Tickets:
    """Gets them from whoever manages this node."""

    def __init__(self, node: Node, send_to):
        """`send_to(message, remote)` makes one CoAP exchange."""
        self._node = node
        self._trace = node.trace
        self._send_to = send_to
        # The numbers of request and answer: where the CAM is this node itself, they go to SAM.
        self._request, self._response = (5, 8) if node.identity.has_cam else (6, 7)

    async def get(self, wish: Wish) -> Ticket:
        """Return a ticket.

        NotAllowed, ConsentDenied, ConsentPending, Unreachable, ProtocolError as their names say.
        """
        self._trace(self._request, "ticket for " + wish.audience + ": " + aif.text(wish.scope))
        made = self._taken(await self._answer(wish), wish)
        if made.token.params[AUDIENCE] != wish.audience:
            raise ProtocolError("the manager granted another audience")
        ats = made.token.params[LAST] - made.token.params[FIRST] + 1
        self._trace(self._response, "granted " + aif.text(made.scope) + ", %d ATs" % ats)
        if made.denied:
            self._trace(9, "not to be used: " + aif.text(made.denied))
        return made

    async def _answer(self, wish: Wish) -> Message:
        payload = ticket.encode_request(self._asking(wish))
        post = self._node.uplink.post
        for _ in range(MAX_TICKET_TRIES):
            response = await post(self._send_to, TOKEN_PATH, payload, APPLICATION_ACE_CBOR)
            if response.code != SERVICE_UNAVAILABLE:
                return response
            seconds = min(response.uint(MAX_AGE) or 1, MAX_TICKET_WAIT)
            if ticket.is_pending(response.payload):
                self._trace(self._response, "not yet: the owner is asked")
                raise ConsentPending(seconds)
            await asyncio.sleep(seconds)
        raise Unreachable("the manager cannot reach the server now")

    def _asking(self, wish: Wish) -> ticket.TokenRequest:
        request_id = self._node.random_bytes(ticket.REQUEST_ID_LEN)
        sam = wish.sam if self._node.identity.has_cam else None
        return ticket.TokenRequest(wish.audience, wish.scope, request_id, kept=wish.kept, sam=sam)

    def _taken(self, response: Message, wish: Wish) -> Ticket:
        try:
            if response.code == CREATED:
                return _ticket(response.payload, wish)
            if response.code == BAD_REQUEST:
                refusal = decode_error(response.payload)
                self._trace(self._response, "refused: " + str(refusal))
                kind = ConsentDenied if refusal.error == labels.ACCESS_DENIED else NotAllowed
                raise kind(REFUSALS.get(refusal.error, str(refusal)))
        except DecodeError:
            raise ProtocolError("the manager's answer is not readable")
        raise ProtocolError("the manager answered " + code_text(response.code))


def _ticket(payload: bytes, wish: Wish) -> Ticket:
    token, scope = ticket.decode_response(payload)
    commands = ticket.decode_commands(payload)
    cai = ticket.decode_cai(payload)
    if cai is None:
        return Ticket(token, scope, [], commands)
    denied = aif.minus(aif.joined(wish.scope, wish.kept), cai)
    # What SAM grants beyond CAI, C does not use either.
    return Ticket(token, aif.common(scope, cai), denied, commands)
