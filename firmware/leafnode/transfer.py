"""Bodies of any size, one exchange after the other (RFC 7959)."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import BLOCK2, OSCORE
from leafkey.coap.transfer import Transfer


async def transfer(request: Message, exchange) -> Message:
    """The whole response to a request that carries the whole payload.

    `exchange(message)` is awaited for the response to each block. Raises what it raises, and
    errors.ProtocolError when the peer's blocks do not fit together.
    """
    return await _finish(Transfer(request), exchange)


async def complete(request: Message, first: Message, exchange) -> Message:
    """The whole of a response whose first block has arrived; otherwise like `transfer`."""
    begun = Transfer(request)
    begun.receive(first)
    return await _finish(begun, exchange)


def unfragmented(send):
    """A `send` that also puts together what was cut outside of its protection (RFC 8613 4.1.3.4.2).

    `send(message)` makes one CoAP exchange.
    """

    async def send_whole(message: Message) -> Message:
        response = await send(message)
        if response.option(OSCORE) is None or response.option(BLOCK2) is None:
            return response
        return await complete(message, response, send)

    return send_whole


async def _finish(begun: Transfer, exchange) -> Message:
    while begun.response is None:
        begun.receive(await exchange(begun.next_request()))
    return begun.response
