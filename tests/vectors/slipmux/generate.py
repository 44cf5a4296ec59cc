"""Writes the vectors of this directory: python tests/vectors/slipmux/generate.py [directory]

Independent of Leafkey: the FCS is computed bit by bit from its polynomial, and frames are built
byte by byte. What aiocoap and the CRC catalogue publish is written out by hand, and the computation
must agree. A second run reproduces the files byte for byte.
"""

import json
import sys
from pathlib import Path

END, ESC = 0xC0, 0xDB
DIAGNOSTIC, COAP = 0x0A, 0xA9
# RFC 1662 section C.2: x^16 + x^12 + x^5 + 1, the least significant bit first.
POLYNOMIAL = 0x8408
# The longest message that a Leafkey node takes, in bytes.
LIMIT = 2048

PUBLISHED = (
    ("CRC-16/X-25 check value", b"123456789", "6e90"),
    ("aiocoap's example", b"coap is cool!", "2426"),
)

PING = bytes.fromhex("40001234")
GET_TEMP = bytes.fromhex("40017d34b474656d70")
MESSAGES = (
    ("ping", PING),
    ("Reset", bytes.fromhex("70001234")),
    ("GET /temp", GET_TEMP),
    ("END and ESC in the payload", bytes.fromhex("40021234ffc0db")),
    ("END and ESC alone in the payload", bytes.fromhex("40021234ff") + bytes((END, ESC)) * 40),
    ("what END and ESC become in the payload", bytes.fromhex("40021234ffdcdddbdcdbdd")),
    ("FCS with an END in it", bytes.fromhex("400000d7")),
    ("FCS with an ESC in it", bytes.fromhex("40000047")),
    ("every byte", bytes.fromhex("50025678ff") + bytes(range(256))),
    ("the longest message", bytes.fromhex("50020001ff") + bytes(LIMIT - 5)),
    ("the longest message, all of it escaped", bytes.fromhex("50020001ff") + b"\xc0" * (LIMIT - 5)),
)
DIAGNOSTICS = (
    ("a line", "boot ok\n"),
    ("END and ESC cannot be in UTF-8, other bytes can", "21.5 °C\n"),
    ("an empty line", "\n"),
)


def fcs(data: bytes) -> bytes:
    register = 0xFFFF
    for byte in data:
        for bit in range(8):
            carry = (register ^ byte >> bit) & 1
            register >>= 1
            if carry:
                register ^= POLYNOMIAL
    return (register ^ 0xFFFF).to_bytes(2, "little")


def escaped(data: bytes) -> bytes:
    out = []
    for byte in data:
        out += {END: [ESC, 0xDC], ESC: [ESC, 0xDD]}.get(byte, [byte])
    return bytes(out)


def framed(data: bytes) -> bytes:
    return bytes((END,)) + escaped(data) + bytes((END,))


def coap(message: bytes) -> bytes:
    data = bytes((COAP,)) + message
    return framed(data + fcs(data))


def diagnostic(text: str) -> bytes:
    return framed(bytes((DIAGNOSTIC,)) + text.encode())


def fcs_cases():
    for name, data, by_hand in PUBLISHED:
        if fcs(data).hex() != by_hand:
            raise SystemExit(f"{name}: the computation and what is published differ")
        yield {"name": name, "data": data.hex(), "fcs": by_hand}
    for name, data in (("nothing", b""), ("every byte", bytes(range(256)))):
        yield {"name": name, "data": data.hex(), "fcs": fcs(data).hex()}


def frame_cases():
    for name, message in MESSAGES:
        yield {
            "name": name,
            "kind": COAP,
            "content": message.hex(),
            "fcs": fcs(bytes((COAP,)) + message).hex(),
            "wire": coap(message).hex(),
        }
    for name, text in DIAGNOSTICS:
        yield {
            "name": "diagnostics: " + name,
            "kind": DIAGNOSTIC,
            "content": text.encode().hex(),
            "fcs": "",
            "wire": diagnostic(text).hex(),
        }


def stream(name: str, wire: bytes, *frames: tuple[int, bytes]):
    """Every stream ends with a good frame, which must be received whatever came before."""
    frames += ((COAP, GET_TEMP),)
    return {
        "name": name,
        "stream": (wire + coap(GET_TEMP)).hex(),
        "frames": [[kind, content.hex()] for kind, content in frames],
    }


def stream_cases():
    ping, one = coap(PING), (COAP, PING)
    line = (DIAGNOSTIC, b"boot ok\n")
    yield stream("nothing before", b"")
    yield stream("two frames", ping, one)
    yield stream("two frames with one END between", ping[:-1], one)
    yield stream("empty frames", bytes((END,)) * 9)
    yield stream("a message and diagnostics", ping + diagnostic("boot ok\n"), one, line)
    yield stream("noise", bytes.fromhex("00ff1337a9"))
    yield stream("a prompt", b"MicroPython v1.28.0 on 2026-04-06; Raspberry Pi Pico\r\n>>> ")
    yield stream("a prompt between frames", ping + b"\r\n>>> ", one)
    yield stream("diagnostics without their END", diagnostic("boot ok\n")[:-1], line)
    yield stream("half a frame", ping[:5])
    yield stream("half a frame, cut within an escape", bytes((END, COAP, 0x40, ESC)))
    yield stream("an aborted frame", ping[:-1] + bytes((ESC, END)))
    yield stream("aborted diagnostics", diagnostic("boot ok\n")[:-1] + bytes((ESC, END)))
    yield stream("ESC before another byte", bytes((END, COAP)) + b"\x40\xdb\x00\x12" + ping[-3:])
    yield stream("ESC ESC", ping[:4] + bytes((ESC, ESC, 0xDC)) + ping[4:])
    yield stream(
        "diagnostics with ESC before another byte", bytes((END, DIAGNOSTIC, ESC, 0x41, END))
    )
    for position in (2, 5, 6, 7):
        broken = bytearray(ping)
        broken[position] ^= 1
        yield stream(f"byte {position} of a ping changed", bytes(broken))
    swapped = framed(bytes((COAP,)) + PING + fcs(bytes((COAP,)) + PING)[::-1])
    yield stream("the bytes of the FCS in the wrong order", swapped)
    yield stream("an FCS without the first byte", framed(bytes((COAP,)) + PING + fcs(PING)))
    yield stream("no FCS", framed(bytes((COAP,)) + PING))
    yield stream("the first byte alone", framed(bytes((COAP,))))
    yield stream("the first byte and one more", framed(bytes((COAP, 0x40))))
    for first in (0x00, 0x45, 0x4F, 0x60, 0x6F, 0xA8, 0xAA, 0xFF):
        data = bytes((first,)) + PING
        yield stream(f"a frame of kind {first:02x}", framed(data + fcs(data)))
    for first in (END, ESC):
        data = bytes((first,)) + PING
        yield stream(f"a frame of kind {first:02x}, escaped", framed(data + fcs(data)))
    too_long = bytes.fromhex("50020001ff") + bytes(LIMIT - 4)
    yield stream("a message that is too long", coap(too_long))
    yield stream("far too long", coap(too_long * 4))


def write(directory, name, about, cases):
    text = json.dumps({"about": about, "cases": list(cases)}, indent=1) + "\n"
    (directory / name).write_text(text)


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    about = "`fcs` of `data`, as its two bytes stand on the wire."
    write(directory, "fcs.json", about, fcs_cases())
    about = (
        "Frames, from END to END. `kind` is the first byte, `content` what follows it, without the"
        " FCS, which diagnostics do not have."
    )
    write(directory, "frames.json", about, frame_cases())
    about = (
        "Bytes on a line, and the [kind, content] that a receiver of messages of up to 2048 bytes"
        " makes of them, however they are cut into pieces. All else is dropped in silence."
    )
    write(directory, "streams.json", about, stream_cases())


if __name__ == "__main__":
    main()
