"""Requests of this node to its manager, in their channel from provisioning (SPEC section 10)."""

from leafkey.coap import uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT_FORMAT, POST
from leafkey.oscore.association import Association
from leafnode.transfer import transfer

TOKEN_PATH = "/token"
SERVER_TOKEN_PATH = "/server-token"
RECEIPT_PATH = "/receipt"


class Uplink:
    """Posts to the manager."""

    def __init__(self, association: Association, manager: str, resolve):
        """`resolve(host, port)` gives the remote behind the manager's URI `manager`."""
        self._association = association
        self._resolve = resolve
        self._host, self._port, _ = uri.parse(manager)
        self.token_uri = manager.rstrip("/") + TOKEN_PATH

    async def post(self, send_to, path: str, payload: bytes, content_format: int) -> Message:
        """Return the manager's response, whatever its code; bodies of any size travel in blocks.

        `send_to(message, remote)` makes one CoAP exchange. Unreachable if it does not answer,
        ProtocolError if it does not know this node.
        """
        remote = self._resolve(self._host, self._port)

        async def send(message: Message) -> Message:
            return await send_to(message, remote)

        # The manager takes a request twice as once: by request id, and by version (SPEC 9).
        async def exchange(message: Message) -> Message:
            return (await self._association.request(message, send))[1]

        request = Message(POST, ((CONTENT_FORMAT, content_format),), payload)
        request.set_path(path)
        return await transfer(request, exchange)
