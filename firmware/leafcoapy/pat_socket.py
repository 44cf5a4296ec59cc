"""Between a synchronous application that polls, and a client on asyncio."""

import asyncio
import errno

from leafcoapy.failures import failure, response_to
from leafcoapy.runner import Runner
from leafkey.coap import uri
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACCEPT,
    ACK,
    BAD_OPTION,
    CONTENT,
    CONTENT_FORMAT,
    INTERNAL_SERVER_ERROR,
    METHOD_NOT_ALLOWED,
    NON,
    URI_HOST,
    URI_PATH,
    URI_QUERY,
    is_request,
)
from leafkey.codec import utf8
from leafkey.compat import const
from leafkey.errors import DecodeError, LeafkeyError
from leafkey.pat.tokens import LEVELS
from leafnode.client import Client
from leafnode.request import NAMES
from leafnode.response import to_message
from leafnode.udp import numeric

# Requests under way, and responses that nobody has fetched, at a time.
MAX_UNDER_WAY = const(4)
MAX_READY = const(4)
# Milliseconds that a recvfrom without blocking may take while a request is under way: what is one
# round trip to the application may be four, and it sleeps long between two polls.
TURN_MS = const(100)
# What leafnode.Client knows beside the levels of PAT.
FURTHER_LEVELS = ("open", "oscore")
CARRIED = (URI_HOST, URI_PATH, URI_QUERY, CONTENT_FORMAT, ACCEPT)


class PatSocket:
    """Sends the requests of a microCoAPy `Coap` under ATs, and hands it verified responses alone.

    Whatever it takes happens inside: the ticket, retransmissions, blocks. A request gets one
    response, with its message ID and token: the server's, or one of leafcoapy.failures. Requests
    go out confirmable, NON ones too. Observe and other elective options are left out.

    Things go on only while `sendto` and `recvfrom` run. `sendto` blocks while it stores a record
    or looks up a name; `recvfrom` until a response is there, or, without blocking, for up to
    TURN_MS. Not for coroutines: those have leafnode.Client.
    """

    def __init__(
        self,
        state: str = "leafkey",
        level: str = "confidential",
        levels: dict | None = None,
        servers: dict | None = None,
        log=print,
    ):
        """`state`, `servers`, `log`: as in leafnode.Client; one socket for each state directory.

        `level`: the lowest protection of requests; `levels`: by host, as the application spells
        it, where another one holds. At "bearer" and "open" responses are not verified, at "pop"
        their payloads are not; "open" shows no AT either. StateError when the identity is damaged,
        ValueError for an unknown level.
        """
        self._level = level
        self._levels = levels or {}
        for each in [level] + list(self._levels.values()):
            if each not in LEVELS and each not in FURTHER_LEVELS:
                raise ValueError("no level of protection: " + str(each))
        self._client = Client(state, log, servers=servers)
        self._log = log
        self._runner = Runner()
        self._blocking = True
        self._under_way = []
        self._ready = []
        self._ended = asyncio.Event()

    def sendto(self, data: bytes | bytearray, address: object) -> int:
        """Begin a request; returns len(data).

        0 for what is no request, and while MAX_UNDER_WAY others have no response yet.
        """
        try:
            request = decode(data)
        except DecodeError:
            return 0
        if not is_request(request.code):
            return 0
        is_begun = self._runner.run(self._begin(request, numeric(address)))
        return len(data) if is_begun else 0

    def recvfrom(self, size: int) -> tuple:
        """(datagram, (host, port) that the request went to); OSError EAGAIN if there is none.

        A response over `size` bytes becomes a 5.00.
        """
        if not self._ready:
            self._runner.run(self._wait())
        if not self._ready:
            raise OSError(errno.EAGAIN, "no response yet")
        response, peer = self._ready.pop(0)
        data = encode(response)
        if len(data) > size:
            failed = failure(INTERNAL_SERVER_ERROR, "the response does not fit the buffer")
            data = encode(_in_reply(response, failed))
        return data, peer

    def setblocking(self, flag: bool):
        """Say whether `recvfrom` waits."""
        self._blocking = flag

    def close(self):
        """End what is under way, and free the port."""
        self._runner.run(self._end())
        self._runner.close()

    def isUnixCompatible(self) -> bool:
        """An address is one argument."""
        return True

    # The event loop's side

    async def _begin(self, request: Message, peer: tuple) -> bool:
        """Start a request unless too many are under way, and let its first datagram leave."""
        is_begun = len(self._under_way) < MAX_UNDER_WAY
        if is_begun:
            self._under_way.append(asyncio.create_task(self._carry(request, peer)))
        await asyncio.sleep(0)
        return is_begun

    async def _wait(self):
        """Let things go on until a request has ended, or for as long as `setblocking` allows."""
        # One may have ended before this task had its first turn.
        if self._ready:
            return
        self._ended.clear()
        seconds = None if self._blocking else TURN_MS / 1000
        try:
            await asyncio.wait_for(self._ended.wait(), seconds if self._under_way else 0)
        except asyncio.TimeoutError:
            return

    async def _carry(self, request: Message, peer: tuple):
        """Bring a request to its end; nothing is raised, since nobody would hear of it."""
        try:
            response = await self._response(request, peer)
        except LeafkeyError as error:
            response = response_to(error)
        except (OSError, MemoryError) as error:
            self._log("a request failed: " + type(error).__name__)
            response = failure(INTERNAL_SERVER_ERROR, type(error).__name__)
        finally:
            self._under_way.remove(asyncio.current_task())
            self._ended.set()
        if len(self._ready) == MAX_READY:
            self._ready.pop(0)
        self._ready.append((_in_reply(request, response), peer))

    async def _response(self, request: Message, peer: tuple) -> Message:
        if request.code not in NAMES:
            return failure(METHOD_NOT_ALLOWED, "no such method")
        for number, _ in request.options:
            if number & 1 and number not in CARRIED:
                return failure(BAD_OPTION, "option %d is not carried" % number)
        host, options = _destination(request, peer[0])
        response = await self._client.request(
            NAMES[request.code],
            uri.build(host, peer[1], options),
            request.payload or None,
            self._levels.get(host, self._level),
            request.uint(CONTENT_FORMAT),
            request.uint(ACCEPT),
        )
        return to_message(response, CONTENT)

    async def _end(self):
        for task in self._under_way:
            task.cancel()
        await self._client.close()
        # Let them end: on MicroPython nothing may run after this.
        await asyncio.sleep(0)


def _destination(request: Message, host: str) -> tuple:
    """(host, options of its URI) of a request to `host`, an address.

    The application's name for it comes first: it says which server must answer.
    """
    options = [option for option in request.options if option[0] in (URI_PATH, URI_QUERY)]
    name = request.option(URI_HOST)
    if name and not uri.is_address(utf8.decode(name)):
        return utf8.decode(name), [(URI_HOST, name)] + options
    return host, options


def _in_reply(request: Message, response: Message) -> Message:
    """Make `response` the one that microCoAPy expects: in the ACK, unless the request was a NON."""
    response.type = NON if request.type == NON else ACK
    response.mid, response.token = request.mid, request.token
    return response
