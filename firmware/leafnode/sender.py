"""The CoAP exchanges with one server that one request of an application takes."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import CON, PAT


class Sender:
    """Sends each AT from a fresh port, so that ports link no two of them (SPEC 12.1).

    What carries no AT goes from one port until `close`: by its address alone a server knows an
    unprotected body that comes in blocks.
    """

    def __init__(self, client, remote: tuple):
        """`client`: a Client."""
        self._client = client
        self._remote = remote
        self._link = None
        self._port = None
        self._owing = False

    async def send(self, message: Message, remote: tuple | None = None) -> Message:
        """Make one exchange; `remote`: in a session of that. Raises as Link.request."""
        if remote is not None:
            return await self._client.link.request(message, remote)
        if message.option(PAT) is not None:
            return await self._client.send(message, self._remote)
        if self._link is None:
            self._link = self._client.link
            self._port = self._link.fresh(self._remote)
        response = await self._link.request(message, self._port)
        self._owing = response.type == CON
        return response

    def close(self):
        """The request is over."""
        if self._link is not None:
            self._link.release(self._port, self._owing)
            self._link = None
