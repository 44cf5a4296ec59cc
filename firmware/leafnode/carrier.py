"""What a client carries between SAM and a server that do not reach each other (SPEC 9.3)."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import APPLICATION_CBOR, CHANGED, CONTENT_FORMAT, POST
from leafkey.errors import AccessError, DecodeError
from leafkey.pat import commands
from leafnode.node import Node
from leafnode.transfer import transfer
from leafnode.uplink import RECEIPT_PATH

COMMANDS_PATH = "/commands"


class Carrier:
    """Takes sealed commands to servers, and their receipts to the manager; it can read neither."""

    def __init__(self, node: Node, send_to):
        """`send_to(message, remote)` makes one CoAP exchange."""
        self._node = node
        self._send_to = send_to

    async def carry(self, audience: str, payload: bytes, send):
        """Deliver a list of commands; `send(message)` makes one CoAP exchange with the server.

        Unreachable if the server does not answer. Whatever else it answers proves nothing: our
        request under the new ticket will show whether it has heard.
        """
        self._node.trace(3, "sealed commands, carried to " + audience)
        request = Message(POST, ((CONTENT_FORMAT, APPLICATION_CBOR),), payload)
        request.set_path(COMMANDS_PATH)
        response = await transfer(request, send)
        if response.code != CHANGED:
            return
        try:
            await self._report(commands.encode_report(audience, response.payload))
        except (AccessError, DecodeError):
            self._node.trace(3, "no receipt of " + audience + " for the manager")

    async def _report(self, report: bytes):
        post = self._node.uplink.post
        await post(self._send_to, RECEIPT_PATH, report, APPLICATION_CBOR)
        self._node.trace(3, "receipt, carried to the manager")
