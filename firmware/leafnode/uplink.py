"""Requests of this node to its manager, in their channel from provisioning (SPEC section 10)."""

from leafkey.coap import uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT_FORMAT, POST
from leafkey.oscore.association import Association
from leafnode.transfer import transfer, unfragmented

TOKEN_PATH = "/token"
SERVER_TOKEN_PATH = "/server-token"
RECEIPT_PATH = "/receipt"


class Uplink:
    """The way to the manager."""

    def __init__(self, association: Association, identity, resolve):
        """`identity`: an Identity. `resolve(host, port)` gives the remote behind an origin."""
        self._association = association
        self._resolve = resolve
        self._name = identity.manager_name
        host, port, _ = uri.parse(identity.manager)
        # (host, port) of the manager's URI.
        self.origin = host, port
        self.token_uri = identity.manager.rstrip("/") + TOKEN_PATH

    def leads_to(self, origin: tuple) -> bool:
        """Tell whether an application that says (host, port) means the manager: by name, or so."""
        return origin == self.origin or origin[0] == self._name.lower()

    async def exchange(self, message: Message, send) -> tuple:
        """Return (response without protection, what opens its notifications).

        `send(message)` makes one CoAP exchange with the manager. Errors as of Association.request.
        The request may be made twice.
        """
        outgoing, response = await self._association.request(message, unfragmented(send))
        return response, outgoing

    async def post(self, send_to, path: str, payload: bytes, content_format: int) -> Message:
        """Return the manager's response, whatever its code; bodies of any size travel in blocks.

        `send_to(message, remote)` makes one CoAP exchange. Unreachable if it does not answer,
        ProtocolError if it does not know this node.
        """
        remote = self._resolve(*self.origin)

        async def send(message: Message) -> Message:
            return await send_to(message, remote)

        # The manager takes a request twice as once: by request id, and by version (SPEC 9).
        async def exchange(message: Message) -> Message:
            return (await self.exchange(message, send))[0]

        request = Message(POST, ((CONTENT_FORMAT, content_format),), payload)
        request.set_path(path)
        return await transfer(request, exchange)
