"""A resource server without a node, for the unit tests."""

from leafkey.ace import aif, cwt, labels, osc
from leafkey.ace.server import Authority, ResourceServer, denial
from leafkey.coap.message import Message
from leafkey.coap.numbers import CREATED, GET
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError, Refused
from leafkey.oscore.recipients import Recipients

PROVIDER = default_provider()
AUDIENCE = "thermo"
AS = "coap://as/token"
KEY = cwt.TokenKey(10, bytes(range(16)), b"as-1")
SCOPE = aif.encode([("/temp", 1)])


class Store:
    """Keeps a number, as flash would; `fails` makes a write fail."""

    def __init__(self, number: int = -1):
        self.number = number
        self.writes = 0
        self.fails = False

    def load(self) -> int:
        return self.number

    def put(self, number: int):
        if self.fails:
            raise OSError("no room")
        self.number = number
        self.writes += 1


class Random:
    """What is drawn: first what a test has put here, then a count."""

    def __init__(self):
        self.drawn = []
        self.count = 0

    def __call__(self, size: int) -> bytes:
        if self.drawn and len(self.drawn[0]) == size:
            return self.drawn.pop(0)
        self.count += 1
        return self.count.to_bytes(size, "big")


class World:
    """One RS, its time, and clients that know what an AS would have told them."""

    def __init__(self, authority=None, clock=None, store=None, more=None):
        self.now = 0
        self.authority = authority or Authority(AS, AUDIENCE, KEY, None)
        self.clock = clock
        self.more = more
        self.store = store or Store()
        self.random = Random()
        self.tokens = 0
        self.start()

    def start(self):
        """Begin, or begin again: what is in memory is lost."""
        self.recipients = Recipients()
        self.server = ResourceServer(
            PROVIDER, self.random, self.authority, self.store, self.recipients, self.clock,
            more=self.more,
        )  # fmt: skip

    def token(self, claims: dict) -> bytes:
        """An access token with these claims, and those that it needs."""
        self.tokens += 1
        filled = {cwt.AUD: AUDIENCE, cwt.SCOPE: SCOPE}
        filled.update(claims)
        return cwt.protect(PROVIDER, KEY, self.tokens.to_bytes(13, "big"), filled)

    def counted(self, number: int, exi: int = 100, id: bytes = b"\x01", secret=bytes(16)) -> bytes:
        """An access token with exi."""
        cnf = {labels.OSC: osc.InputMaterial(id, secret, b"salt").fields()}
        cti = AUDIENCE.encode() + number.to_bytes(2, "big")
        return self.token({cwt.EXI: exi, cwt.CTI: cti, cwt.CNF: cnf})

    def post(self, token: bytes, id1: bytes = b"C") -> Message:
        """The answer of /authz-info."""
        payload = {labels.ACCESS_TOKEN: token, labels.NONCE1: b"nonce 1!",
                   labels.ACE_CLIENT_RECIPIENTID: id1}  # fmt: skip
        return self.server.post(cbor.encode(payload), self.now)

    def context(self, answer: Message, id: bytes = b"\x01", secret=bytes(16), id1: bytes = b"C"):
        """C's context after a 2.01."""
        assert answer.code == CREATED, "%x" % answer.code
        said = cbor.decode(answer.payload)
        nonces = b"nonce 1!", said[labels.NONCE2]
        made = osc.InputMaterial(id, secret, b"salt")
        return osc.context(PROVIDER, made, nonces, said[labels.ACE_SERVER_RECIPIENTID], id1)

    def ask(self, context, code: int = GET, path: str = "/temp"):
        """The Access behind a request; raises Refused, or AuthenticationError."""
        message = Message(code)
        message.set_path(path)
        return self.receive(context.protect_request(message).message)[0]

    def receive(self, message: Message) -> tuple:
        """(Access, code that refuses the request or 0)."""
        recipient, incoming = self.recipients.unprotect(message)
        access = self.server.accesses.received(recipient, self.now)
        return access, denial(access.permissions, incoming.request)

    def is_known(self, context) -> bool:
        """Tell whether a context is still good for a request."""
        try:
            return self.ask(context) is not None
        except (Refused, AuthenticationError):
            return False
