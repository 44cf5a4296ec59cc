"""All that a listener hears between a server and two clients that differ in nothing but their CT.

The parts are the real ones: Dialogue and Presenter over an Endpoint at each client, Verifier over
an Endpoint at the server, ports as nodes draw them. The air between them loses datagrams, and the
test plays the clock, so that a seed makes all of it again.

What links and is accepted (SPEC 12.1) is left out: of each exchange only the first transmission is
recorded, of the exchanges that a request of the application takes (probes at `bearer`) only the
last, they do not overlap, and times are not recorded. A fair coin says which client is next.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass

from leafkey.coap.endpoint import Endpoint, FailureEvent, RequestEvent
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET, URI_QUERY
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused, Unreachable
from leafkey.pat import functions, tokens, tree
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.presenter import Presenter
from leafkey.pat.verifier import Verifier
from leafnode.udp import random_port

PROVIDER = default_provider()
CLIENTS = 2
SERVER = ("192.0.2.1", 5683)
HOST = "192.0.2.7"
WINDOW = 8
DEGREE = 33
DEPTH = 4000
LAST = DEPTH * (DEGREE - 1) - 1
AT_LEN = 16
# Of ten thousand datagrams so many are lost, in each direction.
LOSS = 700
GAP = 1000


@dataclass(frozen=True)
class Shown:
    """A request as it was heard for the first time, and the first answer; `client` made it."""

    client: int
    port: int
    request: bytes
    answer: bytes


class Nothing:
    """A store that keeps nothing: nobody restarts here."""

    def put_token(self, token: tokens.ServerToken, marks: dict) -> None:
        """Take an ST."""

    def put_mark(self, slot: int, mark: int) -> None:
        """Take a mark."""


class Air:
    """A server, its clients and what is between them."""

    def __init__(self, level: int, seed: int):
        self._chance = random.Random(seed)
        self._level = level
        self._now = 0
        token = _server_token(self._chance.randbytes(32), level)
        drawn = self._chance.randbytes
        self.verifier = Verifier(PROVIDER, drawn, Nothing(), token[tokens.SAM], "thermo")
        self.verifier.load(token, {})
        self._server = Endpoint(drawn)
        self._clients = [Endpoint(drawn) for _ in range(CLIENTS)]
        self.presenters = [presenter(token, slot) for slot in range(1, CLIENTS + 1)]
        self._last: Shown | None = None

    def listen(self, requests: int) -> list[Shown]:
        """Return what is heard while the clients make so many requests."""
        return [self._request(self._chance.randrange(CLIENTS)) for _ in range(requests)]

    def _request(self, client: int) -> Shown:
        self._now += GAP
        dialogue = Dialogue(self.presenters[client], _sent)
        running = dialogue.request(_get(), self._level)
        step = running.send
        given: object = None
        while True:
            try:
                message = step(given)
            except (StopIteration, Unreachable):
                assert self._last
                return self._last
            try:
                step, given = running.send, self._exchange(client, message)
            except Unreachable as error:
                step, given = running.throw, error

    def _exchange(self, client: int, message: Message) -> Message:
        """Let a client make one CoAP exchange; Unreachable if all is lost."""
        endpoint = self._clients[client]
        port = random_port(self._chance.randbytes)
        handle = endpoint.request(message, (*SERVER, port), self._now)
        requests: list[bytes] = []
        answers: list[bytes] = []
        while (event := endpoint.next_event()) is None:
            for data, _ in endpoint.datagrams_to_send(self._now):
                requests.append(data)
                if self._arrives():
                    self._server.receive_datagram(data, (HOST, port), self._now)
            self._serve()
            for data, _ in self._server.datagrams_to_send(self._now):
                answers.append(data)
                if self._arrives():
                    endpoint.receive_datagram(data, (*SERVER, port), self._now)
            waits = [end.next_timeout(self._now) for end in (endpoint, self._server)]
            self._now += min([wait for wait in waits if wait is not None], default=0)
        self._last = Shown(client, port, requests[0], (answers or [b""])[0])
        endpoint.cancel(handle)
        if isinstance(event, FailureEvent):
            raise Unreachable("the peer does not answer")
        return event.message

    def _serve(self) -> None:
        while (event := self._server.next_event()) is not None:
            if isinstance(event, RequestEvent):
                self._server.respond(event.handle, self._answer(event.message), self._now)

    def _answer(self, message: Message) -> Message:
        try:
            session = self.verifier.unprotect(message, lambda inner: self._level, self._now)
        except Refused as refused:
            return refused.response
        return session.protect(Message(CONTENT, (), b"21.5"))

    def _arrives(self) -> bool:
        return self._chance.randrange(10000) >= LOSS


class _Reply:
    """What a Dialogue awaits: it goes to whoever steps the coroutine, and the response comes."""

    def __init__(self, message: Message):
        self._message = message

    def __await__(self) -> Generator[Message, Message, Message]:
        return (yield self._message)


async def _sent(message: Message) -> Message:
    return await _Reply(message)


def _get() -> Message:
    message = Message(GET, ((URI_QUERY, b"unit=c"), (URI_QUERY, b"room=7")))
    message.set_path("/temp")
    return message


def _server_token(st: bytes, level: int) -> tokens.ServerToken:
    grants = {slot: tokens.SlotGrant(1, LAST, level) for slot in range(1, CLIENTS + 1)}
    return tokens.ServerToken(
        st,
        {
            tokens.VERSION: 1,
            tokens.EPOCH: 1,
            tokens.SUITE: functions.CHACHA20,
            tokens.N_CLIENTS: CLIENTS,
            tokens.DEGREE: DEGREE,
            tokens.DEPTH: DEPTH,
            tokens.AT_LEN: AT_LEN,
            tokens.WINDOW: WINDOW,
            tokens.AEAD: tokens.AES_CCM_16_64_128,
            tokens.AUDIENCE: "thermo",
            tokens.SAM: "coap://192.0.2.9/token",
            tokens.SLOTS: grants,
        },
    )


def presenter(token: tokens.ServerToken, slot: int) -> Presenter:
    """Return the client of a slot, which stores nothing."""
    labels = (tokens.SUITE, tokens.DEGREE, tokens.DEPTH, tokens.AT_LEN, tokens.WINDOW, tokens.AEAD)
    params = {label: token[label] for label in (*labels, tokens.AUDIENCE)}
    params |= {tokens.SLOT: slot, tokens.FIRST: 0, tokens.LAST: LAST}
    params[tokens.LEVEL] = token[tokens.SLOTS][slot].level
    ct = tree.derive(functions.suite(PROVIDER, token[tokens.SUITE]), token.st, (slot, 1))
    return Presenter(PROVIDER, tokens.ClientToken(ct, params), len)
