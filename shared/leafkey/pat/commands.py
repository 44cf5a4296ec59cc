"""Sealed commands: changes of an ST that anybody may carry to S, and S's receipts (SPEC 9.3).

SAM seals a command once and stores the bytes before it sends them: a second content under one
(epoch, version) would share its key and nonce. `token` is always the ST of the epoch that the
command or receipt names: whole, with St, suite, AEAD and audience of that epoch.
"""

from collections import namedtuple

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError, OutOfStep
from leafkey.pat import functions, tokens
from leafkey.pat.changes import merge, ratcheted
from leafkey.pat.tokens import AEAD, AUDIENCE, EPOCH, MAX_ITEMS, MAX_UINT, VERSION, ServerToken

# What a command does with its params-s.
CHANGE = const(1)
RATCHET = const(2)

# Results in receipts.
TAKEN = const(0)

MAX_COMMANDS = const(8)
MAX_RECEIPT = const(64)

# A command or a receipt as it travels: what it says in clear, and what is sealed.
Sealed = namedtuple("Sealed", ("epoch", "version", "ciphertext"))


def seal(provider, token: ServerToken, kind: int, change: ServerToken) -> bytes:
    """Return the command of version `change[VERSION]` in the epoch of `token`, encoded.

    `kind` is CHANGE or RATCHET; `change` has no St, and lists under SLOTS what changes, or for a
    ratchet all slots that are open afterwards.
    """
    plaintext = cbor.encode([kind, change.params_s()])
    return _seal(provider, token, functions.COMMAND, change[VERSION], plaintext)


def unseal(provider, token: ServerToken, command: Sealed) -> tuple:
    """Return (kind, change) of a command in the epoch of `token`.

    OutOfStep for another epoch, AuthenticationError if SAM did not seal it for this server, epoch
    and version, DecodeError if it sealed what is no change or ratchet of this version.
    """
    plaintext = _open(provider, token, functions.COMMAND, command)
    kind, params = cbor.decode_array(plaintext, 2, MAX_ITEMS)
    change = tokens.server_token([None, params])
    if kind is True or kind not in (CHANGE, RATCHET):
        raise DecodeError("neither a change nor a ratchet")
    if change[VERSION] != command.version:
        raise DecodeError("sealed for another version than it is of")
    return kind, change


def followed(provider, token: ServerToken, kind: int, change: ServerToken) -> ServerToken:
    """Return the whole ST that a command makes of the one in force, on either side.

    OutOfStep if it is not the next version; DecodeError if it contradicts the ST in force.
    """
    follows = change[VERSION] == token[VERSION] + 1
    if kind == RATCHET:
        change = ratcheted(functions.suite(provider, token[tokens.SUITE]), token, change)
    merged = merge(token, change) if follows else None
    if merged is None:
        raise OutOfStep("the command does not follow the ST in force")
    return merged


def make_receipt(provider, token: ServerToken, version: int, result: int = TAKEN) -> bytes:
    """Return S's receipt for the command `version` in the epoch of `token`, encoded.

    There is one result for a version: another one would share its key and nonce.
    """
    return _seal(provider, token, functions.RECEIPT, version, cbor.encode(result))


def open_receipt(provider, token: ServerToken, receipt: Sealed) -> int:
    """Return the result in a receipt: TAKEN says that S has this version, and all before it.

    OutOfStep for another epoch, AuthenticationError if this server did not make it, DecodeError if
    it holds no result.
    """
    result = cbor.decode(_open(provider, token, functions.RECEIPT, receipt))
    if not isinstance(result, int) or not _is_uint(result):
        raise DecodeError("a receipt holds a result")
    return result


def decode(data: bytes) -> Sealed:
    """Return an encoded command or receipt; nothing in it is verified yet. DecodeError."""
    return _sealed(cbor.decode(data))


def encode_list(commands: list) -> bytes:
    """Return the payload that carries 1 to 8 encoded commands, which are in their order."""
    return cbor.encode([cbor.decode(command) for command in commands])


def decode_list(data: bytes) -> list:
    """Return the Sealed commands in a payload; DecodeError if it is no list of 1 to 8."""
    commands = cbor.decode(data)
    if not isinstance(commands, list) or not 1 <= len(commands) <= MAX_COMMANDS:
        raise DecodeError("commands are a list of at most 8")
    return [_sealed(command) for command in commands]


def encode_report(audience: str, receipt: bytes) -> bytes:
    """Return what a carrier tells SAM: which server gave this encoded receipt.

    DecodeError if `receipt` is none: a carrier cannot verify it, but passes on nothing else.
    """
    if len(receipt) > MAX_RECEIPT:
        raise DecodeError("a receipt is at most 64 bytes")
    return cbor.encode([audience, list(decode(receipt))])


def decode_report(data: bytes) -> tuple:
    """Return (audience, Sealed receipt) from a carrier's report; DecodeError if it is none."""
    audience, receipt = cbor.decode_array(data, 2)
    if not isinstance(audience, str):
        raise DecodeError("an audience is text")
    return audience, _sealed(receipt)


def _sealed(value: object) -> Sealed:
    if not isinstance(value, list) or len(value) != 3:
        raise DecodeError("a command is epoch, version and ciphertext")
    epoch, version, ciphertext = value
    if not (_is_uint(epoch) and _is_uint(version) and isinstance(ciphertext, bytes)):
        raise DecodeError("a command is epoch, version and ciphertext")
    return Sealed(epoch, version, ciphertext)


def _is_uint(value: object) -> bool:
    if value is True or value is False or not isinstance(value, int):
        return False
    return 0 <= value <= MAX_UINT


def _seal(provider, token: ServerToken, label: int, version: int, plaintext: bytes) -> bytes:
    aead = provider.aead(token[AEAD])
    sealed = aead.encrypt(*_key_nonce_aad(provider, aead, token, label, version), plaintext)
    return cbor.encode([token[EPOCH], version, sealed])


def _open(provider, token: ServerToken, label: int, sealed: Sealed) -> bytes:
    if sealed.epoch != token[EPOCH]:
        raise OutOfStep("sealed in another epoch")
    aead = provider.aead(token[AEAD])
    opening = _key_nonce_aad(provider, aead, token, label, sealed.version)
    return aead.decrypt(*opening, sealed.ciphertext)


def _key_nonce_aad(provider, aead, token: ServerToken, label: int, version: int) -> tuple:
    """One key seals one text, so the nonce may be constant."""
    suite = functions.suite(provider, token[tokens.SUITE])
    key = suite.f(label, token.st, version)[: aead.key_size]
    name = "PAT-C" if label == functions.COMMAND else "PAT-R"
    aad = cbor.encode([name, token[AUDIENCE], token[EPOCH], version])
    return key, bytes(aead.nonce_size), aad
