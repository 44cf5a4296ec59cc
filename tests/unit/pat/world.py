"""A server, its store and its clients in memory, for the tests of leafkey.pat."""

from leafkey.ace import hints
from leafkey.coap import message as coap
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.pat import functions, tokens, tree
from leafkey.pat.presenter import Presenter
from leafkey.pat.verifier import Verifier

PROVIDER = default_provider()
ST = bytes(range(32))
SAM = "coap://192.0.2.1/token"
AUDIENCE = "thermo"
WIDTH = 8


class Random:
    """The same numbers on both runtimes: xorshift (Marsaglia 2003), 32 bits."""

    def __init__(self, seed: int):
        self._state = seed * 2654435761 & 0xFFFFFFFF | 1

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return (x >> 3) % limit

    def bytes(self, count: int) -> bytes:
        """`count` bytes."""
        return bytes([self.below(256) for _ in range(count)])


class Store:
    """What a verifier keeps; `failing` makes each write fail before it is durable."""

    def __init__(self):
        self.token = b""
        self.marks = {}
        self.last = b""
        self.writes = 0
        self.failing = False

    def put_token(self, token: tokens.ServerToken, marks: dict):
        self._check()
        self.token, self.marks = tokens.encode_server_token(token), dict(marks)

    def put_command(self, token: tokens.ServerToken, marks: dict, last: bytes):
        self.put_token(token, marks)
        self.last = last

    def put_mark(self, slot: int, mark: int):
        self._check()
        self.marks[slot] = mark

    def _check(self):
        if self.failing:
            raise OSError(28)
        self.writes += 1


def server_token(slots: dict, **changes) -> tokens.ServerToken:
    """A whole ST with these grants; `changes` replace parameters, by their names."""
    params = {
        tokens.VERSION: 1,
        tokens.EPOCH: 1,
        tokens.SUITE: functions.CHACHA20,
        tokens.N_CLIENTS: 4,
        tokens.DEGREE: 17,
        tokens.DEPTH: 64,
        tokens.AT_LEN: 16,
        tokens.WINDOW: WIDTH,
        tokens.AEAD: tokens.AES_CCM_16_64_128,
        tokens.AUDIENCE: AUDIENCE,
        tokens.SAM: SAM,
        tokens.SLOTS: slots,
    }
    st = changes.pop("st", ST)
    for name, value in changes.items():
        params[getattr(tokens, name.upper())] = value
    return tokens.ServerToken(st, params)


def change(version: int, slots: dict | None = None, **changes) -> tokens.ServerToken:
    """A change to the ST in force."""
    params = {tokens.VERSION: version}
    if slots is not None:
        params[tokens.SLOTS] = slots
    for name, value in changes.items():
        params[getattr(tokens, name.upper())] = value
    return tokens.ServerToken(None, params)


def client_token(st: tokens.ServerToken, slot: int, **changes) -> tokens.ClientToken:
    """The CT of a slot's grant; `changes` replace parameters, by their names."""
    grant = st[tokens.SLOTS][slot]
    suite = functions.suite(PROVIDER, st[tokens.SUITE])
    params = {
        tokens.SLOT: slot,
        tokens.FIRST: grant.first,
        tokens.LAST: grant.last,
        tokens.LEVEL: grant.level,
    }
    for label in (tokens.SUITE, tokens.DEGREE, tokens.DEPTH, tokens.AT_LEN, tokens.WINDOW):
        params[label] = st[label]
    for label in (tokens.AEAD, tokens.AUDIENCE):
        params[label] = st[label]
    for name, value in changes.items():
        params[getattr(tokens, name.upper())] = value
    return tokens.ClientToken(tree.derive(suite, st.st, (slot, grant.generation)), params)


def presenter(st: tokens.ServerToken, slot: int = 1, save=None, **changes) -> Presenter:
    """A fresh client in a slot."""
    return Presenter(PROVIDER, client_token(st, slot, **changes), save or (lambda state: None))


def request(path: str = "/temp", code: int = GET, payload: bytes = b"") -> Message:
    """A request without protection."""
    made = Message(code, (), payload)
    made.set_path(path)
    return made


def over_the_air(message: Message) -> Message:
    """What the other side decodes: nothing but bytes passes."""
    data = coap.pack(message.type, message.code, 1, b"", message)
    return coap.decode(data)


class Server:
    """A verifier with its store; every resource answers 21.5 and demands `demands`."""

    def __init__(self, token: tokens.ServerToken | None = None, now: int = 0):
        self.store = Store()
        self.random = Random(7)
        self.demands = tokens.BEARER
        self.served = []
        self.verifier = self._verifier()
        if token is not None:
            self.verifier.apply(token, now)

    def _verifier(self) -> Verifier:
        return Verifier(PROVIDER, self.random.bytes, self.store, SAM, AUDIENCE)

    def restart(self):
        """Stop at once and start from what was stored."""
        self.verifier = self._verifier()
        if self.store.token:
            token = tokens.decode_server_token(self.store.token)
            self.verifier.load(token, dict(self.store.marks))

    def accept(self, message: Message, now: int = 0):
        """Return the session; Refused as the verifier says."""
        return self.verifier.unprotect(over_the_air(message), lambda request: self.demands, now)

    def answer(self, message: Message, now: int = 0) -> Message:
        """Return what C hears, whatever it is."""
        try:
            session = self.accept(message, now)
        except Refused as refused:
            return over_the_air(refused.response)
        self.served.append((session.request.code, session.request.path(), session.request.payload))
        return over_the_air(session.protect(Message(CONTENT, (), b"21.5")))


def refusal_field(response: Message) -> bytes:
    """The 24 bytes of a refusal."""
    return hints.decode(response.payload)[2]


def run(coroutine):
    """Run a coroutine that never waits for anything real."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("the coroutine waits")
