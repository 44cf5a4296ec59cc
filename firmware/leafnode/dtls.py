"""DTLS 1.2 with a PSK, as far as the firmware's own `tls` has it (SPEC 5.9).

Mbed TLS does the protocol; here is what it is told.
"""

from binascii import hexlify, unhexlify

from leafkey.coap.message import Message, pack
from leafkey.coap.numbers import NON, PAT_DEMAND, UNAUTHORIZED
from leafkey.compat import const
from leafkey.errors import DecodeError, UnsupportedError
from leafkey.pat.option import ANOTHER_AT

try:
    import tls  # pyright: ignore[reportMissingImports]
except ImportError:
    tls = None

# The stubs describe an older firmware.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

# RFC 7252 section 9.1.3.1 demands the first; stock firmware has the second alone.
CIPHERS = ("TLS-PSK-WITH-AES-128-CCM-8", "TLS-PSK-WITH-AES-128-GCM-SHA256")
# Bytes of At in an identity. As text it has 32, the most that some peers take.
AT_LEN = const(16)
_DIGITS = set(b"0123456789abcdef")

# What S sends in a session that it ends, in place of the close_notify that MicroPython's `tls`
# cannot send: a 4.01 that answers nothing, and asks for another AT (SPEC 5.9).
_OVER = Message(UNAUTHORIZED, ((PAT_DEMAND, bytes((ANOTHER_AT,))),))
GOODBYE = pack(NON, UNAUTHORIZED, 0, b"", _OVER)

NOT_OFFERED = "no DTLS: the tls of this firmware has no PSK, as MicroPython's from 1.29 on"


def is_offered() -> bool:
    """Tell whether this firmware can do it."""
    try:
        return hasattr(_context("PROTOCOL_DTLS_SERVER"), "server_psk_keys")
    except UnsupportedError:
        return False


def identity(at: bytes) -> bytes:
    """Return the psk_identity of an AT: 32 characters."""
    return hexlify(at[:AT_LEN])


def at_of(identity: bytes) -> bytes:
    """Return the 16 bytes of At that an identity names; DecodeError if it is none."""
    if len(identity) != 2 * AT_LEN or not set(identity) <= _DIGITS:
        raise DecodeError("an identity is 32 lower-case hexadecimal digits")
    return unhexlify(identity)


def server_context(keys):
    """Return the context of all sessions of a server.

    `keys.get(identity)` returns the PSK of an identity, and does not raise. UnsupportedError if
    this firmware cannot do it.
    """
    context = _context("PROTOCOL_DTLS_SERVER")
    context.server_psk_keys = keys
    context.set_ciphers(_ciphers(context))
    return context


def client_context(identity: bytes, key: bytes):
    """Return the context of one session of a client; errors as of `server_context`."""
    context = _context("PROTOCOL_DTLS_CLIENT")
    # No certificate is used, and so there is none to verify.
    context.verify_mode = tls.CERT_NONE
    context.psk_identity = identity
    context.psk_key = key
    context.set_ciphers(_ciphers(context))
    return context


def _context(protocol: str):
    number = getattr(tls, protocol, None)
    if number is None:
        raise UnsupportedError(NOT_OFFERED)
    context = tls.SSLContext(number)
    if not hasattr(context, "server_psk_keys"):
        raise UnsupportedError(NOT_OFFERED)
    return context


def _ciphers(context) -> list:
    have = context.get_ciphers()
    return [name for name in CIPHERS if name in have]
