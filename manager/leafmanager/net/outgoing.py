"""Requests that go out: in the manager's, or the CAM's, channels (SPEC section 10), or open."""

from collections.abc import Awaitable, Callable

import aiocoap
from aiocoap.error import Error as CoapError
from aiocoap.numbers.constants import TransportTuning

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT_FORMAT, DELETE, POST
from leafkey.coap.transfer import Transfer
from leafkey.errors import Unreachable
from leafmanager.net.convert import from_aiocoap, to_aiocoap

Send = Callable[[Message], Awaitable[Message]]
# Makes one request in a channel: (message, how one CoAP exchange is made).
Request = Callable[[Message, Send], Awaitable[Message]]


class Tuning(TransportTuning):
    """Three transmissions within four seconds: a peer that is off keeps nobody waiting."""

    ACK_TIMEOUT = 1.0
    ACK_RANDOM_FACTOR = 1.2
    MAX_RETRANSMIT = 2


async def post(
    context: aiocoap.Context,
    address: str,
    request: Request,
    path: str,
    payload: bytes,
    content_format: int,
) -> Message:
    """Return the answer of the peer at `address`, host:port, to a POST that may be made twice.

    Bodies of any size travel in blocks. Unreachable if there is no answer; other errors are those
    of Association.request.
    """
    send = _sender(context, address)

    async def exchange(message: Message) -> Message:
        return await request(message, send)

    return await _transferred(path, payload, content_format, exchange)


async def delete(context: aiocoap.Context, address: str, request: Request, path: str) -> Message:
    """Return the answer of the peer at `address` to a DELETE; errors as those of `post`."""
    message = Message(DELETE)
    message.set_path(path)
    return await request(message, _sender(context, address))


async def post_open(
    context: aiocoap.Context, address: str, path: str, payload: bytes, content_format: int
) -> Message:
    """Return the answer to a POST without protection, as `post`; anybody may have made it."""
    return await _transferred(path, payload, content_format, _sender(context, address))


def _sender(context: aiocoap.Context, address: str) -> Send:
    async def send(message: Message) -> Message:
        sent = to_aiocoap(message, Tuning())
        sent.unresolved_remote = address
        try:
            response = await context.request(sent, handle_blockwise=False).response
        except CoapError as error:
            raise Unreachable("the peer does not answer") from error
        return from_aiocoap(response)

    return send


async def _transferred(path: str, payload: bytes, content_format: int, exchange) -> Message:
    request = Message(POST, ((CONTENT_FORMAT, content_format),), payload)
    request.set_path(path)
    transfer = Transfer(request)
    while transfer.response is None:
        transfer.receive(await exchange(transfer.next_request()))
    return transfer.response
