"""For whom a request on a serial line is: its Uri-Host and Uri-Port say so (SPEC section 15).

A line has no addresses. These two options name the server by definition (RFC 7252 section 5.10.1),
and neither PAT nor OSCORE covers them.
"""

from leafkey.coap.message import Message, decode, pack
from leafkey.coap.numbers import COAP_PORT, URI_HOST, URI_PORT
from leafkey.coap.uri import is_address
from leafkey.errors import DecodeError


def addressed(request: bytes, host: str, port: int) -> bytes:
    """The request as it goes out on a line. `host`: a name, or an address without brackets.

    Raises EncodeError if the options do not fit, UnicodeError if `host` is no text.
    """
    message = decode(request)
    _remove(message)
    message.add(URI_HOST, (("[%s]" % host) if ":" in host else host).encode())
    if port != COAP_PORT:
        message.add(URI_PORT, port)
    return _packed(message)


def destination(request: Message) -> tuple:
    """(host, port) that a request from a line names; host None if it names none.

    Raises DecodeError if what it names cannot be a host and a port.
    """
    port = request.uint(URI_PORT)
    port = COAP_PORT if port is None else port
    if not 0 < port < 65536:
        raise DecodeError("port of a destination")
    raw = request.option(URI_HOST)
    return None if raw is None else _host(raw), port


def unaddressed(request: bytes) -> bytes:
    """The request as it goes to the server that it names, in a datagram.

    A name stays, because one server may have several; an address, and the port, are those of the
    datagram, and so their options' defaults.
    """
    message = decode(request)
    raw = message.option(URI_HOST)
    is_name = raw is not None and not is_address(_host(raw))
    _remove(message)
    if raw is not None and is_name:
        message.add(URI_HOST, raw)
    return _packed(message)


def _host(raw: bytes) -> str:
    try:
        host = raw.decode()
    except UnicodeError:
        raise DecodeError("host of a destination")
    if host[:1] == "[" and host[-1:] == "]" and ":" in host:
        host = host[1:-1]
    if not host or any(ord(char) <= 0x20 for char in host):
        raise DecodeError("host of a destination")
    return host


def _remove(message: Message):
    message.remove(URI_HOST)
    message.remove(URI_PORT)


def _packed(message: Message) -> bytes:
    return pack(message.type, message.code, message.mid, message.token, message)
