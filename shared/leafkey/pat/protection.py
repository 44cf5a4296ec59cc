"""What one AT's key does for its request and the responses to it (SPEC sections 5.3 to 5.5)."""

from leafkey.coap.message import Message, decode_options, encode_options
from leafkey.coap.numbers import (
    CHANGED,
    CONTENT,
    FETCH,
    HOP_LIMIT,
    MAX_AGE,
    OBSERVE,
    PAT,
    POST,
    PROXY_SCHEME,
    PROXY_URI,
    URI_HOST,
    URI_PORT,
    is_request,
    is_response,
)
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError, DecodeError, EncodeError
from leafkey.pat import functions, option
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, PROBE_LEVEL

REQUEST = const(0)
RESPONSE = const(1)

# A proxy may change these, so nothing covers them (SPEC 5.3).
_UNCOVERED = (URI_HOST, URI_PORT, HOP_LIMIT, PROXY_URI, PROXY_SCHEME, PAT)

KEY_LABELS = {
    POP: functions.VERIF_K,
    INTEGRITY: functions.INT_K,
    CONFIDENTIAL: functions.CONF_K,
    PROBE_LEVEL: functions.PROBE,
}


def sealed_options(options: list) -> list:
    """Return the options that go inside at `confidential`, in their order."""
    return [item for item in options if item[0] not in _UNCOVERED]


def covered_options(options: list, direction: int) -> list:
    """Return the options that a MAC covers, in their order."""
    options = sealed_options(options)
    return [item for item in options if item[0] != MAX_AGE] if direction else options


class Protection:
    """One AT at one level, for its one request and the responses to it.

    The peer that made the request and the peer that took it hold equal ones. After a request went
    through it, `tag` binds every response to that request.
    """

    def __init__(self, provider, aead: int, level: int, leaf, at_len: int):
        self.level = level
        self.at = leaf.at(at_len)
        self.tag = b""
        self._provider = provider
        self._key = leaf.key(KEY_LABELS[level]) if level != BEARER else b""
        self._alg = aead

    def protect_request(self, message: Message) -> Message:
        """Return `message` with the PAT option and what its level adds."""
        if self.level == CONFIDENTIAL:
            sealed = self._seal(REQUEST, message, 0)
            outer = _outer_request(message, sealed)
            outer.add(PAT, option.encode_request(self.level, self.at, b""))
            self.tag = sealed[-option.MAC_LEN :]
            return outer
        protected = _copy(message)
        if self.level != BEARER:
            self.tag = self._mac(REQUEST, message, b"", 0)
        protected.add(PAT, option.encode_request(self.level, self.at, self.tag))
        return protected

    def unprotect_request(self, message: Message, mac: bytes) -> Message:
        """Return the request that `message` carries, without the PAT option.

        AuthenticationError if the check of its level fails, DecodeError if what was sealed is no
        request.
        """
        if self.level == CONFIDENTIAL:
            inner = self._open(REQUEST, message, b"", 0)
            self.tag = message.payload[-option.MAC_LEN :]
            return _checked(inner, is_request)
        if self.level != BEARER:
            self._verify(REQUEST, message, b"", 0, mac)
            self.tag = mac
        if self.level == PROBE_LEVEL:
            _check_probe(message)
        return _without_pat(message)

    def protect_response(self, response: Message, counter: int = 0) -> Message:
        """Return `response` protected as its request was; `counter` is that of SPEC 5.2.

        EncodeError past the last counter: a nonce must not come round again.
        """
        if not 0 <= counter <= option.MAX_COUNTER:
            raise EncodeError("no notification counter is left")
        if self.level == BEARER:
            return response
        if self.level == CONFIDENTIAL:
            outer = _outer_response(response, self._seal(RESPONSE, response, counter))
            outer.add(PAT, option.encode_response(counter, b""))
            return outer
        protected = _copy(response)
        mac = self._mac(RESPONSE, response, self.tag, counter)
        protected.add(PAT, option.encode_response(counter, mac))
        return protected

    def unprotect_response(self, response: Message) -> tuple:
        """Return (response without protection, counter).

        AuthenticationError if it is unprotected or does not verify, DecodeError if malformed.
        """
        value = response.option(PAT)
        if self.level == BEARER:
            return response, 0
        if value is None:
            raise AuthenticationError("the response is not protected")
        counter, mac = option.decode_response(value, self.level)
        if self.level == CONFIDENTIAL:
            inner = self._open(RESPONSE, response, self.tag, counter)
            return _checked(inner, is_response), counter
        self._verify(RESPONSE, response, self.tag, counter, mac)
        return _without_pat(response), counter

    def _mac(self, direction: int, message: Message, tag: bytes, counter: int) -> bytes:
        mac_input = cbor.encode(
            [
                "PAT",
                self.level,
                direction,
                self.at,
                message.code,
                encode_options(covered_options(message.options, direction)),
                tag,
                counter,
                message.payload if self.level == INTEGRITY else b"",
            ]
        )
        return self._provider.hmac_sha256(self._key, mac_input)[: option.MAC_LEN]

    def _verify(self, direction: int, message: Message, tag: bytes, counter: int, mac: bytes):
        if not equal(self._mac(direction, message, tag, counter), mac):
            raise AuthenticationError("the MAC does not verify")

    def _seal(self, direction: int, message: Message, counter: int) -> bytes:
        plaintext = bytes((message.code,)) + encode_options(sealed_options(message.options))
        if message.payload:
            plaintext += b"\xff" + message.payload
        tag = self.tag if direction else b""
        aead = self._aead
        return aead.encrypt(
            self._key[: aead.key_size],
            self._nonce(direction, counter),
            self._aad(direction, tag, counter),
            plaintext,
        )

    def _open(self, direction: int, message: Message, tag: bytes, counter: int) -> Message:
        aead = self._aead
        plaintext = aead.decrypt(
            self._key[: aead.key_size],
            self._nonce(direction, counter),
            self._aad(direction, tag, counter),
            message.payload,
        )
        if not plaintext:
            raise DecodeError("nothing was sealed")
        options, payload = decode_options(plaintext, 1)
        if len(sealed_options(options)) != len(options):
            raise DecodeError("an option inside that belongs outside")
        inner = Message(plaintext[0], (), payload)
        inner.options = options
        return inner

    @property
    def _aead(self):
        return self._provider.aead(self._alg)

    def _nonce(self, direction: int, counter: int) -> bytes:
        """One key seals one request and its responses: direction and counter make it unique."""
        zeros = bytes(self._aead.nonce_size - 4)
        return bytes((direction,)) + zeros + counter.to_bytes(3, "big")

    def _aad(self, direction: int, tag: bytes, counter: int) -> bytes:
        return cbor.encode(["PAT", CONFIDENTIAL, direction, self.at, tag, counter])


def _copy(message: Message) -> Message:
    copied = Message(message.code, (), message.payload, message.type, None, message.token)
    copied.options = list(message.options)
    return copied


def _without_pat(message: Message) -> Message:
    plain = _copy(message)
    plain.remove(PAT)
    return plain


def _checked(inner: Message, is_kind) -> Message:
    if not is_kind(inner.code):
        raise DecodeError("a code inside that does not belong there")
    return inner


def _check_probe(message: Message):
    if message.code != POST or message.payload or sealed_options(message.options):
        raise DecodeError("a probe that carries something")


def _outer_request(message: Message, sealed: bytes) -> Message:
    observe = message.option(OBSERVE)
    outer = Message(POST if observe is None else FETCH, (), sealed, message.type)
    outer.options = [item for item in message.options if item[0] in _UNCOVERED]
    if observe is not None:
        outer.add(OBSERVE, observe)
    return outer


def _outer_response(response: Message, sealed: bytes) -> Message:
    observe = response.option(OBSERVE)
    outer = Message(CHANGED if observe is None else CONTENT, (), sealed, response.type)
    outer.token = response.token
    if observe is not None:
        outer.add(OBSERVE, observe)
    return outer
