"""aiocoap's UDP transport with the checks and bounds it leaves out.

It ignores unknown critical options and malformed tokens, raises on option text that is not UTF-8,
and remembers each request for 247 s, however many there are. Here a datagram passes the gate and a
strict decoder first, and what is remembered is bounded.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import aiocoap
from aiocoap.messagemanager import MessageManager
from aiocoap.tokenmanager import TokenManager
from aiocoap.transports.udp6 import MessageInterfaceUDP6, UDP6EndpointAddress

from leafkey.coap.message import Message, decode, pack
from leafkey.coap.numbers import (
    ACK,
    BAD_OPTION,
    CON,
    EMPTY,
    LOCATION_PATH,
    LOCATION_QUERY,
    NON,
    PROXY_SCHEME,
    PROXY_URI,
    RST,
    URI_HOST,
    URI_PATH,
    URI_QUERY,
    is_request,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.errors import DecodeError, MessageError, TooManyOptions
from leafmanager.errors import ManagerError
from leafmanager.net.gate import Gate

# SPEC section 11.
MAX_DATAGRAM = 1472
# Errors of other messages may come in the place of one that is sent, each once.
_ATTEMPTS = 4
# Requests whose answers are kept for their duplicates, about 2.3 KB each.
MAX_REMEMBERED = 2048
# RFC 7252 section 4.2: classes nobody has given a meaning over UDP.
_RESERVED_CLASSES = (1, 6, 7)
# What aiocoap decodes as text, raising where it is none.
_TEXT_OPTIONS = (
    URI_HOST,
    LOCATION_PATH,
    URI_PATH,
    URI_QUERY,
    LOCATION_QUERY,
    PROXY_URI,
    PROXY_SCHEME,
)


async def listen(host: str, port: int) -> aiocoap.Context:
    """Return a context that serves and sends at one UDP port; its `serversite` is still to be set.

    ManagerError if the address is not to be had.
    """
    sock = _bind(host, port)
    logging.getLogger("coap-server").setLevel(logging.ERROR)
    context = aiocoap.Context(loggername="coap-server")
    tokens = TokenManager(context)
    messages = BoundedMessageManager(tokens)
    transport = await GuardedTransport._create_transport_endpoint(
        sock, messages, context.log, context.loop
    )
    messages.message_interface = transport
    tokens.token_interface = messages  # pyright: ignore[reportAttributeAccessIssue]
    context.request_interfaces.append(tokens)
    return context


def local_address(context: aiocoap.Context) -> tuple[str, int]:
    """Return the host and port a context of `listen` is bound to."""
    transport = context.request_interfaces[0].token_interface.message_interface.transport
    host, port = transport.get_extra_info("socket").getsockname()[:2]
    return host.removeprefix("::ffff:"), port


def owes_acknowledgement(remote: UDP6EndpointAddress) -> bool:
    """Tell whether a peer has not acknowledged yet what it was sent last."""
    return remote.interface.waits_for(remote)


def _bind(host: str, port: int) -> socket.socket:
    sock = None
    try:
        found = socket.getaddrinfo(
            host, port, socket.AF_INET6, socket.SOCK_DGRAM, 0, socket.AI_V4MAPPED
        )
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(found[0][4])
    except OSError as error:
        if sock:
            sock.close()
        raise ManagerError(
            f"cannot listen at {host} port {port}: {error.strerror}",
            "see that no other program listens there, or choose --host and --port",
        ) from None
    return sock


class GuardedTransport(MessageInterfaceUDP6):
    """Lets only well-formed messages that an endpoint understands pass, at a bounded rate."""

    transport: Any

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._gate = Gate(asyncio.get_running_loop().time)
        self._has_failed = False

    def send(self, message: aiocoap.Message) -> None:
        """Send a message, or lose it.

        Linux tells whoever sends next that somebody's port has closed, and sends nothing; aiocoap
        would end what goes on with the wrong peer. Who it was is told in another way as well.
        """
        for _ in range(_ATTEMPTS):
            self._has_failed = False
            super().send(message)
            if not self._has_failed:
                return

    def waits_for(self, remote: UDP6EndpointAddress) -> bool:
        """Tell whether a peer owes an acknowledgement."""
        messages: Any = self._ctx
        return messages.waits_for(remote)

    def error_received(self, exc: Exception) -> None:
        """Note that the last message was not sent."""
        self._has_failed = True

    def datagram_msg_received(self, data: bytes, ancdata, flags, address) -> None:
        """Answer or drop what cannot be a valid message, and pass on the rest."""
        if len(data) > MAX_DATAGRAM or not self._gate.admits(address[0]):
            return
        try:
            message = decode(data)
        except TooManyOptions as error:
            kind = data[0] >> 4 & 3
            self._refuse(Message(data[1], (), b"", kind, error.mid, _token(data)), address)
        except MessageError as error:
            self._reset(error.type, error.mid, address)
        except DecodeError:
            return
        else:
            if message.code >> 5 in _RESERVED_CLASSES:
                self._reset(message.type, message.mid, address)
            elif _refusal(message):
                self._refuse(message, address)
            elif _is_readable(message):
                super().datagram_msg_received(data, ancdata, flags, address)

    def _refuse(self, message: Message, address) -> None:
        if message.type == CON and is_request(message.code):
            code = _refusal(message) or BAD_OPTION
            self._send(pack(ACK, code, message.mid, message.token), address)
        else:
            self._reset(message.type, message.mid, address)

    def _reset(self, type: int | None, mid: int | None, address) -> None:
        if type == CON:
            self._send(pack(RST, EMPTY, mid, b""), address)

    def _send(self, data: bytes, address) -> None:
        self.transport.sendmsg(data, [], 0, address)


def _refusal(message: Message) -> int:
    """Return the code to refuse a request with at sight, or 0 (RFC 7252 sections 5.4, 5.10)."""
    if not is_request(message.code) or message.type not in (CON, NON):
        return 0
    return screen(message, SUPPORTED) if _is_readable(message) else BAD_OPTION


def _is_readable(message: Message) -> bool:
    """Tell whether aiocoap can decode the options, of a response too."""
    return all(_is_text(value) for number, value in message.options if number in _TEXT_OPTIONS)


def _token(data: bytes) -> bytes:
    return data[4 : 4 + (data[0] & 15)]


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


class BoundedMessageManager(MessageManager):
    """Recognizes duplicates by remote, message ID and content, and remembers a bounded number.

    A duplicate of what was forgotten is a used AT, which is refused like every other.
    """

    message_interface: MessageInterfaceUDP6

    def __init__(self, token_manager):
        super().__init__(token_manager)
        self._contents: dict[tuple, tuple[int, float]] = {}

    def waits_for(self, remote: UDP6EndpointAddress) -> bool:
        """Tell whether a peer owes an acknowledgement."""
        return remote in self._backlogs

    def _deduplicate_message(self, message: aiocoap.Message) -> bool:
        now = self.loop.time()
        key: Any = (message.remote, message.mid)
        content = hash((message.code, message.token, message.opt.encode(), message.payload))
        self._forget(lambda expiry: expiry <= now)
        if self._contents.get(key, (None,))[0] == content:
            return super()._deduplicate_message(message)
        self._drop(key)
        self._contents[key] = (content, now + message.transport_tuning.EXCHANGE_LIFETIME)
        self._recent_messages[key] = None
        self._forget(lambda _: len(self._contents) > MAX_REMEMBERED)
        return False

    def _forget(self, is_due: Callable[[float], bool]) -> None:
        while self._contents:
            oldest = next(iter(self._contents))
            if not is_due(self._contents[oldest][1]):
                return
            self._drop(oldest)

    def _drop(self, key: tuple) -> None:
        self._contents.pop(key, None)
        self._recent_messages.pop(key, None)
