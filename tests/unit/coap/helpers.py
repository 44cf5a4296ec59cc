"""What the endpoint tests share: an endpoint whose datagrams and events are read at once."""

from leafkey.coap.endpoint import Endpoint
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, CON, CONTENT, GET, URI_PATH
from tests.unit.coap.network import Generator

PEER = ("192.0.2.1", 5683)
OTHER = ("192.0.2.2", 5683)


class Bench:
    """One endpoint and the test as its peer; `now` is in ms."""

    def __init__(self, seed: int = 1):
        self.endpoint = Endpoint(Generator(seed).bytes)
        self.now = 1000

    def receive(self, message: Message, remote: tuple = PEER) -> list:
        """Give the endpoint a message; returns what it sends."""
        return self.receive_bytes(encode(message), remote)

    def receive_bytes(self, data: bytes | bytearray, remote: tuple = PEER) -> list:
        self.endpoint.receive_datagram(data, remote, self.now)
        return self.sent()

    def sent(self) -> list:
        """The messages the endpoint sends now."""
        return [decode(data) for data, _ in self.endpoint.datagrams_to_send(self.now)]

    def sent_bytes(self) -> list:
        return [data for data, _ in self.endpoint.datagrams_to_send(self.now)]

    def wait(self, milliseconds: int) -> list:
        self.now += milliseconds
        return self.sent()

    def event(self):
        found: list = [self.endpoint.next_event()]
        return found[0]

    def events(self) -> list:
        found = []
        event = self.event()
        while event is not None:
            found.append(event)
            event = self.event()
        return found

    def request(self, type: int = CON, options: tuple = (), remote: tuple = PEER):
        """Send a GET /x; returns (handle, what was sent)."""
        message = Message(GET, ((URI_PATH, b"x"),) + tuple(options), type=type)
        handle = self.endpoint.request(message, remote, self.now)
        return handle, self.sent()

    def respond(self, handle, code: int = CONTENT, payload: bytes = b"ok", refused: bool = False):
        """Answer a request; returns what is sent."""
        self.endpoint.respond(handle, Message(code, payload=payload), self.now, refused)
        return self.sent()

    def run_to_silence(self) -> list:
        """Wake up whenever the endpoint asks to; returns [(time, message)] of what it sends."""
        seen = []
        timeout = self.endpoint.next_timeout(self.now)
        while timeout is not None:
            self.now += timeout
            seen += [(self.now, message) for message in self.sent()]
            timeout = self.endpoint.next_timeout(self.now)
        return seen


def get(mid: int = 1, token: bytes = b"tk", type: int = CON, options: tuple = ()) -> Message:
    """GET /x from the peer."""
    return Message(GET, ((URI_PATH, b"x"),) + tuple(options), b"", type, mid, token)


def content(token: bytes, mid: int, type: int = ACK, options: tuple = ()) -> Message:
    """A 2.05 from the peer."""
    return Message(CONTENT, options, b"ok", type, mid, token)


def empty(type: int, mid: int) -> Message:
    """ACK, RST or ping from the peer."""
    return Message(0, (), b"", type, mid)


def heads(messages: list) -> list:
    """(type, code, mid, token) of each message."""
    return [(message.type, message.code, message.mid, message.token) for message in messages]
