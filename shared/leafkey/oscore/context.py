"""A security context, and the messages that go through it (RFC 8613 sections 3, 5 and 8)."""

from leafkey.coap.message import Message, encode_uint
from leafkey.coap.numbers import OBSERVE, OSCORE, is_request, is_response
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError, ReplayError
from leafkey.oscore import layout, option
from leafkey.oscore.keys import Keys, nonce, nonce_base
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence

# How many bits of a Partial IV order notifications (RFC 7641 section 3.4).
_OBSERVE_MASK = const(0xFFFFFF)


class Context:
    """Both directions between two endpoints, in either role.

    Neither repr nor any error shows a key.
    """

    def __init__(self, provider, keys: Keys, sequence: Sequence, window: ReplayWindow):
        self._aead = provider.aead(keys.alg)
        self.keys = keys
        self.window = window
        self._sequence = sequence
        self._sender_base = nonce_base(keys.common_iv, keys.sender_id)
        self._recipient_base = nonce_base(keys.common_iv, keys.recipient_id)
        # `["Encrypt0", h'', external_aad]` up to the length of external_aad, and how that begins.
        self._external = b"\x85\x01" + cbor.encode([keys.alg])

    def protect_request(self, message: Message, kid_context: bytes | None = None) -> "Outgoing":
        """Return the Outgoing of a request; its Message is `message` of the result.

        `kid_context` goes into the option, where it helps the peer find this context (section
        5.1). SequenceExhausted, and what the storing of sequence numbers raises.
        """
        piv = option.encode_piv(self._sequence.take())
        aad = self._aad(self.keys.sender_id, piv)
        sealed = self._seal(self._nonce(self._sender_base, piv), aad, message)
        header = option.encode(piv, kid_context, self.keys.sender_id)
        return Outgoing(self, piv, layout.outer_request(message, header, sealed))

    def unprotect_request(self, message: Message) -> "Incoming":
        """Return the Incoming of a request that a peer protected.

        It counts as received from here on. DecodeError if it is malformed, ReplayError for a
        number that was received before, AuthenticationError if it does not verify.
        """
        header = header_of(message)
        piv = header.piv
        if piv is None:
            raise DecodeError("a request without a Partial IV")
        if header.kid != self.keys.recipient_id:
            raise AuthenticationError("the request is another peer's")
        number = int.from_bytes(piv, "big")
        if not self.window.is_fresh(number):
            raise ReplayError("a sequence number that was used before")
        aad = self._aad(self.keys.recipient_id, piv)
        request_nonce = self._nonce(self._recipient_base, piv)
        text = self._open(request_nonce, aad, message)
        # After a restart too: each old request is answered once, which bounds what numbers of
        # ours, and writes to store them, somebody can cost who has recorded them.
        self.window.accept(number)
        return Incoming(self, piv, layout.opened(text, message, is_request))

    def protect_response(
        self, response: Message, piv: bytes, own: bool, kid_context: bytes | None = None
    ) -> Message:
        """Return the Message for a response to the request with this Partial IV.

        `own` takes a Partial IV of ours for the nonce: that of a request serves one response.
        """
        aad = self._aad(self.keys.recipient_id, piv)
        if own:
            piv = option.encode_piv(self._sequence.take())
        base = self._sender_base if own else self._recipient_base
        observe = None if response.option(OBSERVE) is None else b""
        sealed = self._seal(self._nonce(base, piv), aad, response, observe)
        header = option.encode(piv if own else None, kid_context, None)
        return layout.outer_response(response, header, sealed)

    def unprotect_response(self, response: Message, piv: bytes) -> tuple:
        """Return (response, its Partial IV as a number, or None) to our request with `piv`."""
        header = header_of(response)
        if header.kid is not None and header.kid != self.keys.recipient_id:
            raise AuthenticationError("the response is another peer's")
        aad = self._aad(self.keys.sender_id, piv)
        if header.piv is None:
            used = self._nonce(self._sender_base, piv)
        else:
            used = self._nonce(self._recipient_base, header.piv)
        inner = layout.opened(self._open(used, aad, response), response, is_response)
        if inner.option(OSCORE) is not None:
            raise DecodeError("a response that is protected twice")
        return inner, None if header.piv is None else int.from_bytes(header.piv, "big")

    def _aad(self, kid: bytes, piv: bytes) -> bytes:
        """The Enc_structure; each of its parts has less than 24 bytes, so one for its length."""
        external = self._external + bytes((0x40 | len(kid),)) + kid
        external += bytes((0x40 | len(piv),)) + piv + b"\x40"
        return b"\x83\x68Encrypt0\x40" + bytes((0x40 | len(external),)) + external

    def _nonce(self, base: int, piv: bytes) -> bytes:
        return nonce(base, piv, self._aead.nonce_size)

    def _seal(self, used: bytes, aad: bytes, message: Message, observe: bytes | None = None):
        text = layout.plaintext(message, observe)
        return self._aead.encrypt(self.keys.sender_key, used, aad, text)

    def _open(self, used: bytes, aad: bytes, message: Message) -> bytes:
        return self._aead.decrypt(self.keys.recipient_key, used, aad, message.payload)


class Outgoing:
    """A request of ours, and what opens the responses to it."""

    # What the renewal rule of an AT's observation needs; a context has none by itself.
    renewal = None
    counter = 0

    def __init__(self, context: Context, piv: bytes, message: Message):
        self.message = message
        self._context = context
        self._piv = piv
        # The highest Partial IV of a response; -1 if the one that came had none.
        self._last = None

    def unprotect(self, response: Message) -> Message:
        """Return the response that a message carries.

        A notification has an Observe option that orders it (section 4.1.3.5.2).
        AuthenticationError if it is not protected or does not verify, ReplayError for a
        notification that is not newer than the last one, DecodeError if it is malformed or
        a notification that nobody asked for.
        """
        if response.option(OSCORE) is None:
            raise AuthenticationError("the response is not protected")
        inner, number = self._context.unprotect_response(response, self._piv)
        if inner.option(OBSERVE) is not None and self.message.option(OBSERVE) is None:
            raise DecodeError("a notification that nobody asked for")
        if self._last is not None and (number is None or number <= self._last):
            raise ReplayError("a response that was received before")
        self._last = -1 if number is None else number
        if inner.option(OBSERVE) is not None:
            inner.remove(OBSERVE)
            inner.add(OBSERVE, encode_uint(max(self._last, 0) & _OBSERVE_MASK))
        return inner

    def answered_in(self, context: Context) -> "Outgoing":
        """Return the same request, whose response another context protects (appendix B.2)."""
        return Outgoing(context, self._piv, self.message)


class Incoming:
    """A request of a peer's, and what protects the responses to it."""

    def __init__(self, context: Context, piv: bytes, request: Message):
        self.context = context
        self.request = request
        self._piv = piv
        # The nonce of the request is free for one response, if the request is surely a new one.
        self._is_free = not context.window.is_lost

    def protect(self, response: Message) -> Message:
        """Return the Message to send for a response or notification."""
        own = not self._is_free or response.option(OBSERVE) is not None
        # What ends an observation is no notification, and needs a Partial IV all the same, or it
        # would count as older than all of them (section 4.1.3.5).
        self._is_free = False
        return self.context.protect_response(response, self._piv, own)

    def answer_in(self, context: Context, response: Message, kid_context: bytes) -> Message:
        """Return a response protected by another context, which it names (appendix B.2).

        With a Partial IV of its own: "the nonce of the request" would be read in two ways, by the
        Common IV of this context or of the other.
        """
        return context.protect_response(response, self._piv, True, kid_context)

    def settle(self):
        """The request has shown the Echo of this start: nothing before it is taken any more."""
        self.context.window.start_at(int.from_bytes(self._piv, "big"))
        self._is_free = True


def header_of(message: Message) -> option.Header:
    """Return the Header of a protected message; DecodeError if it is malformed or repeated."""
    values = message.options_of(OSCORE)
    # The endpoint has refused options that are too long; a message needs something sealed.
    if len(values) != 1 or not message.payload:
        raise DecodeError("one OSCORE option, and a payload")
    return option.decode(values[0])
