"""Somebody who shares an OSCORE context with a node, and sends it what no node would.

What it seals comes from tests/vectors/reference, which never saw Leafkey's code.
"""

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from leafkey.coap.message import Message, decode_options
from leafkey.coap.numbers import ECHO, OSCORE
from leafkey.oscore import option
from tests.interop.oscore_peers import Shared
from tests.multi.peer import Peer
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain

TAG = 8
HELLO = Plain(coap.GET, coap.path("/hello"))


def of(protected: oscore.Protected) -> Message:
    """A protected message, to be sent."""
    return Message(protected.code, protected.options, protected.payload)


def with_option(protected: oscore.Protected, *values: bytes) -> Message:
    """The same under other OSCORE options."""
    kept = [item for item in protected.options if item[0] != OSCORE]
    return Message(
        protected.code, [*kept, *((OSCORE, value) for value in values)], protected.payload
    )


class Insider:
    """One client's end of an AES-CCM context, towards one port."""

    def __init__(self, shared: Shared, port: int):
        self.context = oscore.Context(
            shared.alg,
            shared.secret,
            shared.salt,
            shared.id_context,
            shared.client_id,
            shared.server_id,
        )
        self.peer = Peer(port)
        self._sequence = 0

    def number(self) -> int:
        """The next sequence number, which is then used."""
        self._sequence += 1
        return self._sequence - 1

    def request(self, plain: Plain = HELLO) -> oscore.Protected:
        """A request as RFC 8613 wants it."""
        return oscore.request(self.context, plain, self.number(), self.context.id_context)

    def sealed(self, plaintext: bytes) -> oscore.Protected:
        """Any plaintext."""
        bound = self.request().bound
        header = oscore.encode_option(bound.piv, self.context.id_context, bound.kid)
        return oscore.sealed(self.context, oscore.REQUEST, plaintext, [], header, bound)

    def ask(self, plain: Plain = HELLO) -> tuple[int, bytes]:
        """Code and payload of the protected response to a request."""
        sent = self.request(plain)
        return self.opened(sent.bound, self.peer.request(of(sent)))

    def opened(self, bound: oscore.Bound, response: Message) -> tuple[int, bytes]:
        """Code and payload inside a response; raises InvalidTag if it is not the server's."""
        text = self._text(bound, response)
        return text[0], decode_options(text, 1)[1]

    def echo(self, bound: oscore.Bound, response: Message) -> bytes:
        """The Echo inside a response."""
        options, _ = decode_options(self._text(bound, response), 1)
        return dict(options)[ECHO]

    def _text(self, bound: oscore.Bound, response: Message) -> bytes:
        value = response.option(OSCORE)
        assert value is not None, response.code
        own = option.decode(value).piv
        nonce = self.context.nonce(self.context.recipient_id, own) if own else bound.nonce
        return _plaintext(self.context, bound, nonce, response)


def decrypted(server: oscore.Context, request: Message) -> tuple[oscore.Bound, bytes]:
    """What binds the responses to a client's request, and its plaintext."""
    header = option.decode(request.option(OSCORE))
    bound = oscore.Bound(header.kid, header.piv, server.nonce(header.kid, header.piv))
    return bound, _plaintext(server, bound, bound.nonce, request)


def _plaintext(
    context: oscore.Context, bound: oscore.Bound, nonce: bytes, message: Message
) -> bytes:
    aad = oscore.enc_structure(oscore.aad_array(context.alg, bound.kid, bound.piv))
    cipher = AESCCM(context.key(context.recipient_id), tag_length=TAG)
    return cipher.decrypt(nonce, message.payload, aad)
