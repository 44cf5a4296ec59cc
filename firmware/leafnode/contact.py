"""The first contact of a client with a server, whatever protects what follows."""

from leafkey.ace import aif
from leafkey.coap import uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import GET
from leafkey.errors import NotAllowed


def greeting(message: Message, level: int | None) -> Message:
    """Return message (1): what a stranger may read goes out as it is, all else as a bare GET."""
    if level is None and message.code == GET and not message.payload:
        return message
    return Message(GET)


def check_audience(audience: str, host: str):
    """Raise NotAllowed unless a server is who the application's URI names (SPEC 8)."""
    if not uri.is_address(host) and audience not in (host, host.split(".", 1)[0]):
        raise NotAllowed("the server calls itself by another name than the URI")


def needed(message: Message) -> list:
    """Return the permissions that a request needs; NotAllowed if none can name its path."""
    try:
        path = "/" + "/".join([segment.decode() for segment in message.path()])
    except UnicodeError:
        raise NotAllowed("no permission can name this path")
    return [(path, aif.method_bit(message.code))]
