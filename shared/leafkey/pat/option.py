"""The PAT option of requests and responses (SPEC 5.2)."""

from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.pat.tokens import (
    BEARER,
    CONFIDENTIAL,
    INTEGRITY,
    OSCORE_LEVEL,
    POP,
    PROBE_LEVEL,
)

MAC_LEN = const(8)
MAX_COUNTER = const((1 << 24) - 1)
# What PAT-Demand says in a protected 4.03, beside the levels: S asks for the endorsement.
SHOW_ENDORSEMENT = const(4)
# And in a 4.01 in a DTLS session: that is over, and nothing was done.
ANOTHER_AT = const(5)

_MAC_LENGTHS = {BEARER: 0, POP: MAC_LEN, INTEGRITY: MAC_LEN, CONFIDENTIAL: 0, PROBE_LEVEL: MAC_LEN}


def encode_request(level: int, at: bytes, mac: bytes) -> bytes:
    """Return the option of a request; `mac` is empty where the level has none."""
    return bytes((level,)) + at + mac


def decode_request(value: bytes, at_len: int) -> tuple:
    """Return (level, At, MAC); DecodeError for an unknown level or another length."""
    if not value or value[0] not in _MAC_LENGTHS:
        raise DecodeError("no level of the PAT option")
    if len(value) != 1 + at_len + _MAC_LENGTHS[value[0]]:
        raise DecodeError("a PAT option of the wrong length")
    return value[0], value[1 : 1 + at_len], value[1 + at_len :]


def encode_channel(at: bytes) -> bytes:
    """Return the option of a request that opens a channel by OSCORE (SPEC 5.8)."""
    return bytes((OSCORE_LEVEL,)) + at


def decode_channel(value: bytes, at_len: int) -> bytes:
    """Return the At of such an option; DecodeError for any other."""
    if len(value) != 1 + at_len or value[0] != OSCORE_LEVEL:
        raise DecodeError("no PAT option that opens a channel")
    return value[1:]


def encode_response(counter: int, mac: bytes) -> bytes:
    """Return the option of a response; the counter in as few bytes as it needs."""
    size = 0
    while counter >> 8 * size:
        size += 1
    return counter.to_bytes(size, "big") + mac


def decode_response(value: bytes, level: int) -> tuple:
    """Return (counter, MAC) for a response at `level`; DecodeError for anything else."""
    size = len(value) - _MAC_LENGTHS[level]
    if not 0 <= size <= 3 or (size and value[0] == 0):
        raise DecodeError("a PAT option of the wrong length")
    return int.from_bytes(value[:size], "big"), value[size:]
