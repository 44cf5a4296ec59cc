"""Requests that go out under a CT of the manager's, or the CAM's, own (SPEC section 10)."""

import aiocoap
from aiocoap.error import Error as CoapError
from aiocoap.numbers.constants import TransportTuning

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT_FORMAT, POST
from leafkey.coap.transfer import Transfer
from leafkey.errors import Unreachable
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.presenter import Presenter
from leafmanager.net.convert import from_aiocoap, to_aiocoap


class Tuning(TransportTuning):
    """Three transmissions within four seconds: a peer that is off keeps nobody waiting."""

    ACK_TIMEOUT = 1.0
    ACK_RANDOM_FACTOR = 1.2
    MAX_RETRANSMIT = 2


async def post(
    context: aiocoap.Context,
    address: str,
    presenter: Presenter,
    path: str,
    payload: bytes,
    content_format: int,
) -> Message:
    """Return the answer of the peer at `address`, host:port, to a POST that may be made twice.

    Bodies of any size travel in blocks. Unreachable if there is no answer; leafkey.errors and
    NotRecognized as `Dialogue.request` says.
    """

    async def send(message: Message) -> Message:
        sent = to_aiocoap(message, Tuning())
        sent.unresolved_remote = address
        try:
            response = await context.request(sent, handle_blockwise=False).response
        except CoapError as error:
            raise Unreachable("the peer does not answer") from error
        return from_aiocoap(response)

    request = Message(POST, ((CONTENT_FORMAT, content_format),), payload)
    request.set_path(path)
    dialogue = Dialogue(presenter, send, repeat_all=True)
    transfer = Transfer(request)
    while transfer.response is None:
        _, response = await dialogue.request(transfer.next_request())
        transfer.receive(response)
    return transfer.response
