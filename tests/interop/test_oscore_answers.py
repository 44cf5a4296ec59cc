"""A server that shares a context with the MicroPython C, and answers as RFC 8613 forbids."""

from collections.abc import Callable

import pytest

from leafkey.coap.message import Message, decode_options
from leafkey.coap.numbers import OSCORE
from tests.interop.oscore_insider import decrypted
from tests.interop.oscore_peers import Shared, our_oscore_client
from tests.interop.responder import Responder
from tests.vectors.cases.common import flip
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain

SHARED = Shared()
GOOD = Plain(coap.CONTENT, [(coap.CONTENT_FORMAT, b"")], b"hello")
# Not the payload of any request.
ELSEWHERE = b"\x51" * 20
# A client has at most 16 requests under way.
AT_ONCE = 12


class Liar:
    """Answers each request as the test said for its path."""

    def __init__(self, answers: dict[str, Callable]):
        self.context = oscore.Context(
            SHARED.alg, SHARED.secret, SHARED.salt, None, SHARED.server_id, SHARED.client_id
        )
        self.asked: list[str] = []
        self._answers = answers
        self._sequence = 0

    def number(self) -> int:
        """The next sequence number."""
        self._sequence += 1
        return self._sequence

    def answer(self, request: Message) -> Message:
        """What the test wants to be said."""
        bound, text = decrypted(self.context, request)
        options, _ = decode_options(text, 1)
        path = "/".join(value.decode() for number, value in options if number == coap.URI_PATH)
        self.asked.append(path)
        made = self._answers[path](self, bound, request)
        return Message(made.code, made.options, made.payload)


def protected(liar: Liar, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    return oscore.response(liar.context, GOOD, bound)


def sealed(plaintext: bytes) -> Callable:
    """An answer that carries any plaintext."""

    def answer(liar: Liar, bound: oscore.Bound, _request: Message) -> oscore.Protected:
        return oscore.sealed(liar.context, oscore.RESPONSE, plaintext, [], b"", bound)

    return answer


def under(value: bytes) -> Callable:
    """The right answer under another OSCORE option."""

    def answer(liar: Liar, bound: oscore.Bound, request: Message) -> oscore.Protected:
        return protected(liar, bound, request)._replace(options=[(OSCORE, value)])

    return answer


def carrying(change: Callable[[bytes], bytes]) -> Callable:
    """The right answer with another payload."""

    def answer(liar: Liar, bound: oscore.Bound, request: Message) -> oscore.Protected:
        sent = protected(liar, bound, request)
        return sent._replace(payload=change(sent.payload))

    return answer


def own_number(liar: Liar, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    return oscore.response(liar.context, GOOD, bound, liar.number())


def unprotected(_liar: Liar, _bound: oscore.Bound, _request: Message) -> Message:
    return Message(coap.CONTENT, (), b"hello")


def reflected(_liar: Liar, _bound: oscore.Bound, request: Message) -> Message:
    return Message(coap.CHANGED, request.options, request.payload)


def earlier(liar: Liar, bound: oscore.Bound, request: Message) -> oscore.Protected:
    old = bound._replace(piv=b"\x63", nonce=liar.context.nonce(SHARED.client_id, b"\x63"))
    return protected(liar, old, request)


def stranger(liar: Liar, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    context = liar.context._replace(master_secret=bytes(16))
    return oscore.response(context, GOOD, bound)


def challenge(liar: Liar, bound: oscore.Bound, _request: Message) -> oscore.Protected:
    echo = Plain(coap.UNAUTHORIZED, [(coap.ECHO, b"%08d" % liar.number())])
    return oscore.response(liar.context, echo, bound, liar.number())


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
def liar() -> Liar:
    return Liar({path: answer for path, (answer, _) in CASES.items()})


@pytest.fixture(scope="module")
def results(liar, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("oscore")
    said = []
    with Responder(liar.answer) as responder:
        actions = [("get", f"coap://127.0.0.1:{responder.port}/{path}") for path in CASES]
        for first in range(0, len(actions), AT_ONCE):
            said += our_oscore_client(folder, SHARED, *actions[first : first + AT_ONCE])
    return dict(zip(CASES, said, strict=True))


@pytest.mark.parametrize("path", CASES)
def test_answers(path, results):
    assert results[path].startswith(CASES[path][1])


def test_a_client_does_not_ask_for_ever(liar, results):
    assert results["always-echo"]
    assert liar.asked.count("always-echo") == 3
