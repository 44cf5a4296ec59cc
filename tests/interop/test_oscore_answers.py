"""A server that shares a context with the MicroPython C, and answers as RFC 8613 forbids."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from leafkey.coap.message import Message, decode, decode_options, encode
from leafkey.coap.numbers import ACK, CON, OSCORE
from tests.interop.oscore_insider import decrypted
from tests.interop.oscore_peers import Shared, our_oscore_client
from tests.vectors.cases.common import flip
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain

SHARED = Shared()
GOOD = Plain(coap.CONTENT, [(coap.CONTENT_FORMAT, b"")], b"hello")
# Not the payload of any request.
ELSEWHERE = b"\x51" * 20
PATIENCE = 0.2
# A client has at most 16 requests under way.
AT_ONCE = 12


class Server(threading.Thread):
    """Answers each request as the test said for its path."""

    def __init__(self, answers: dict[str, Callable]):
        super().__init__(daemon=True)
        self.context = oscore.Context(
            SHARED.alg, SHARED.secret, SHARED.salt, None, SHARED.server_id, SHARED.client_id
        )
        self.asked: list[str] = []
        self._answers = answers
        self._sequence = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        self._over = threading.Event()
        self.port = self._socket.getsockname()[1]

    def stop(self) -> None:
        """End, and free the port."""
        self._over.set()
        self.join()
        self._socket.close()

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._over.is_set():
            try:
                data, remote = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            request = decode(data)
            if request.type == CON and request.option(OSCORE) is not None:
                answer = self._answer(request)
                answer.type, answer.mid, answer.token = ACK, request.mid, request.token
                self._socket.sendto(encode(answer), remote)

    def number(self) -> int:
        """The next sequence number."""
        self._sequence += 1
        return self._sequence

    def _answer(self, request: Message) -> Message:
        bound, text = decrypted(self.context, request)
        options, _ = decode_options(text, 1)
        path = "/".join(value.decode() for number, value in options if number == coap.URI_PATH)
        self.asked.append(path)
        made = self._answers[path](self, bound, request)
        if isinstance(made, Message):
            return made
        return Message(made.code, made.options, made.payload)


def protected(server: Server, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    return oscore.response(server.context, GOOD, bound)


def sealed(plaintext: bytes) -> Callable:
    """An answer that carries any plaintext."""

    def answer(server: Server, bound: oscore.Bound, _request: Message) -> oscore.Protected:
        return oscore.sealed(server.context, oscore.RESPONSE, plaintext, [], b"", bound)

    return answer


def under(value: bytes) -> Callable:
    """The right answer under another OSCORE option."""

    def answer(server: Server, bound: oscore.Bound, request: Message) -> oscore.Protected:
        return protected(server, bound, request)._replace(options=[(OSCORE, value)])

    return answer


def carrying(change: Callable[[bytes], bytes]) -> Callable:
    """The right answer with another payload."""

    def answer(server: Server, bound: oscore.Bound, request: Message) -> oscore.Protected:
        sent = protected(server, bound, request)
        return sent._replace(payload=change(sent.payload))

    return answer


def own_number(server: Server, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    return oscore.response(server.context, GOOD, bound, server.number())


def unprotected(_server: Server, _bound: oscore.Bound, _request: Message) -> Message:
    return Message(coap.CONTENT, (), b"hello")


def reflected(_server: Server, _bound: oscore.Bound, request: Message) -> Message:
    return Message(coap.CHANGED, request.options, request.payload)


def earlier(server: Server, bound: oscore.Bound, request: Message) -> oscore.Protected:
    old = bound._replace(piv=b"\x63", nonce=server.context.nonce(SHARED.client_id, b"\x63"))
    return protected(server, old, request)


def stranger(server: Server, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    context = server.context._replace(master_secret=bytes(16))
    return oscore.response(context, GOOD, bound)


def challenge(server: Server, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    echo = Plain(coap.UNAUTHORIZED, [(coap.ECHO, b"%08d" % server.number())])
    return oscore.response(server.context, echo, bound, server.number())


HELLO = "2.05 hello"
ALONE = "failed: NotProtected"
WRONG = "failed: ProtocolError"
CASES: dict[str, tuple[Callable, str]] = {
    "good": (protected, HELLO),
    "own-number": (own_number, HELLO),
    "outer-code": (lambda *given: protected(*given)._replace(code=coap.NOT_FOUND), HELLO),
    "unprotected": (unprotected, ALONE),
    "reflected": (reflected, WRONG),
    "earlier": (earlier, WRONG),
    "stranger": (stranger, WRONG),
    "flipped": (carrying(flip), WRONG),
    "cut": (carrying(lambda payload: payload[:-1]), WRONG),
    "no-payload": (carrying(lambda payload: b""), WRONG),
    "elsewhere": (carrying(lambda payload: ELSEWHERE), WRONG),
    "false-number": (under(b"\x01\x07"), WRONG),
    "zero-flags": (under(b"\x00"), WRONG),
    "reserved": (under(b"\x80"), WRONG),
    "group": (under(b"\x20"), WRONG),
    "long-number": (under(b"\x06" + bytes(6)), WRONG),
    "leading-zero": (under(b"\x02\x00\x01"), WRONG),
    "another-kid": (under(b"\x08X"), WRONG),
    "no-code": (sealed(b""), WRONG),
    "request-inside": (sealed(b"\x01\xb5hello"), WRONG),
    "cut-inside": (sealed(b"\x45\xb5hell"), WRONG),
    "nested": (sealed(coap.message(coap.CONTENT, [(OSCORE, b"")], b"hello")), WRONG),
    "unasked": (sealed(coap.message(coap.CONTENT, [(coap.OBSERVE, b"")], b"hello")), WRONG),
    "always-echo": (challenge, WRONG),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server({path: answer for path, (answer, _) in CASES.items()})
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def results(server, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("oscore")
    actions = [("get", f"coap://127.0.0.1:{server.port}/{path}") for path in CASES]
    said = []
    for first in range(0, len(actions), AT_ONCE):
        said += our_oscore_client(folder, SHARED, *actions[first : first + AT_ONCE])
    return dict(zip(CASES, said, strict=True))


@pytest.mark.parametrize("path", CASES)
def test_answers(path, results):
    assert results[path].startswith(CASES[path][1])


def test_a_client_does_not_ask_for_ever(server, results):
    assert results["always-echo"]
    assert server.asked.count("always-echo") == 3
