"""Datagrams and CBOR that are wrong in one way each, and what a node answers."""

from leafkey.coap.message import Message, encode
from leafkey.coap.numbers import (
    ACK,
    BAD_OPTION,
    CHANGED,
    CON,
    CONTENT,
    GET,
    IF_MATCH,
    NON,
    RST,
    UNAUTHORIZED,
    URI_PATH,
)

MID = 0x1234
SILENCE: list[bytes] = []
RESET = [encode(Message(0, type=RST, mid=MID))]


def header(type: int, token_length: int = 0, code: int = GET, version: int = 1) -> bytes:
    """Return the four bytes a message begins with."""
    return bytes((version << 6 | type << 4 | token_length, code, MID >> 8, MID & 0xFF))


def format_errors() -> list[tuple[str, bytes, list[bytes]]]:
    """Return (name, datagram, answers) of what is no CoAP message (RFC 7252 sections 3, 4)."""
    found = [(f"{size} bytes", header(CON)[:size], SILENCE) for size in range(4)]
    for version in (0, 2, 3):
        found.append((f"version {version}", header(CON, version=version), SILENCE))
    tails = {f"token length {n}": (n, bytes(n)) for n in range(9, 16)} | {
        "token cut": (8, b"cut"),
        "option past the end": (0, b"\xb5temp"[:4]),
        "option head cut": (0, b"\xbd"),
        "long option past the end": (0, b"\xbe\xff\xff" + bytes(100)),
        "reserved option delta": (0, b"\xf1x"),
        "reserved option length": (0, b"\xbfx"),
        "option number over 65535": (0, b"\xe0\xff\xff\xe0\xff\xff"),
        "payload marker alone": (0, b"\xb4temp\xff"),
    }
    for name, (length, tail) in tails.items():
        found.append((name, header(CON, length) + tail, RESET))
        found.append((name + ", NON", header(NON, length) + tail, SILENCE))
    found.append(("empty with a tail", header(CON, code=0) + b"x", RESET))
    return found


def strays() -> list[tuple[str, bytes, list[bytes]]]:
    """Return (name, datagram, answers) of messages that belong to nothing."""
    found = [("ping", header(CON, code=0), RESET)]
    found += [("stray ACK", header(ACK, code=0), SILENCE), ("stray RST", header(RST, code=0), [])]
    found.append(("stray response", header(CON, code=CONTENT), RESET))
    found.append(("piggybacked stray", header(ACK, code=CHANGED), SILENCE))
    found.append(("stray response, NON", header(NON, code=CONTENT), SILENCE))
    found.append(("reserved class", header(CON, code=0x20), RESET))
    return found


def requests() -> list[tuple[str, bytes, int]]:
    """Return (name, datagram, code) of messages that are whole, and senseless."""
    senseless = {
        "unknown critical option": ([(65003, b"")], BAD_OPTION),
        "path segment of 256 bytes": ([(URI_PATH, bytes(256))], BAD_OPTION),
        "critical option of 1000 bytes": ([(IF_MATCH, bytes(1000))], BAD_OPTION),
        "elective option of 1000 bytes": (
            [(URI_PATH, b"temp"), (65004, bytes(1000))],
            UNAUTHORIZED,
        ),
        "500 options": ([(URI_PATH, b"")] * 500, BAD_OPTION),
    }
    return [
        (name, encode(Message(GET, options, b"", CON, MID, b"t")), code)
        for name, (options, code) in senseless.items()
    ]


# One option of 2000 bytes: more than one may send over IPv6 and Ethernet.
HUGE_OPTION = encode(Message(GET, [(URI_PATH, bytes(2000))], b"", CON, MID, b"t"))
NOT_UTF8 = encode(Message(GET, [(URI_PATH, b"\xff\xfe\xc0\x80")], b"", CON, MID, b"t"))

CBOR = {
    "nothing": b"",
    "text": b"hello, this is no CBOR",
    "cut": b"\xa1\x05",
    "trailing byte": b"\xa0\x00",
    "duplicate keys": b"\xa2\x05\x61a\x05\x61b",
    "unsorted keys": b"\xa2\x09\x00\x05\x00",
    "huge array": b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    "huge map": b"\xba\xff\xff\xff\xff",
    "huge byte string": b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff" + b"x" * 8,
    "huge text": b"\x7a\xff\xff\xff\xff",
    "long way to say 1": b"\xa1\x19\x00\x05\x60",
    "indefinite length": b"\xbf\x05\x60\xff",
    "depth 1000": b"\x81" * 1000 + b"\x00",
    "depth 1000 of tags": b"\xc1" * 1000 + b"\x00",
    "text that is not UTF-8": b"\xa1\x05\x62\xc0\x80",
}
