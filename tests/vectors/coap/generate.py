"""Writes the CoAP vectors of this directory: python tests/vectors/coap/generate.py [directory]

Independent of Leafkey: encodings from aiocoap. The examples of RFC 7252 appendix A are written out
by hand too, from the fields printed there, and aiocoap must agree. A second
run reproduces the files byte for byte.
"""

import json
import sys
from pathlib import Path

from aiocoap import Message
from aiocoap.numbers import Code, OptionNumber, Type
from aiocoap.optiontypes import OpaqueOption

TYPES = (Type.CON, Type.NON, Type.ACK, Type.RST)
CON, NON, ACK, RST = range(4)

URI_PATH = 11
TEMPERATURE = ((URI_PATH, b"temperature"),)
GET_TEMPERATURE = "bb74656d7065726174757265"
READING = b"22.3 C"
READING_TAIL = "ff32322e332043"

# Figure, type, code, message ID, token, options, payload, the bytes written by hand.
RFC_7252 = (
    ("figure 16, request", CON, 1, 0x7D34, b"", TEMPERATURE, b"", "40017d34" + GET_TEMPERATURE),
    ("figure 16, response", ACK, 69, 0x7D34, b"", (), READING, "60457d34" + READING_TAIL),
    (
        "figure 17, request",
        CON,
        1,
        0x7D35,
        b"\x20",
        TEMPERATURE,
        b"",
        "41017d3520" + GET_TEMPERATURE,
    ),
    ("figure 17, response", ACK, 69, 0x7D35, b"\x20", (), READING, "61457d3520" + READING_TAIL),
    (
        "figure 20, request",
        CON,
        1,
        0x7D38,
        b"\x53",
        TEMPERATURE,
        b"",
        "41017d3853" + GET_TEMPERATURE,
    ),
    ("figure 20, acknowledgement", ACK, 0, 0x7D38, b"", (), b"", "60007d38"),
    ("figure 20, response", CON, 69, 0xAD7B, b"\x53", (), READING, "4145ad7b53" + READING_TAIL),
    ("figure 20, its acknowledgement", ACK, 0, 0xAD7B, b"", (), b"", "6000ad7b"),
    (
        "figure 21, request",
        CON,
        1,
        0x7D39,
        b"\x64",
        TEMPERATURE,
        b"",
        "41017d3964" + GET_TEMPERATURE,
    ),
    ("figure 21, response", CON, 69, 0xAD7C, b"\x64", (), READING, "4145ad7c64" + READING_TAIL),
    ("figure 21, reset", RST, 0, 0xAD7C, b"", (), b"", "7000ad7c"),
    (
        "figure 22, request",
        NON,
        1,
        0x7D40,
        b"\x75",
        TEMPERATURE,
        b"",
        "51017d4075" + GET_TEMPERATURE,
    ),
    ("figure 22, response", NON, 69, 0xAD7D, b"\x75", (), READING, "5145ad7d75" + READING_TAIL),
)

DELTAS = (0, 1, 12, 13, 14, 268, 269, 270, 65535)
LENGTHS = (0, 1, 12, 13, 14, 268, 269, 270, 1034)


def encode(type, code, mid, token, options, payload):
    message = Message(_mtype=TYPES[type], code=Code(code), _mid=mid, _token=token, payload=payload)
    for number, value in options:
        message.opt.add_option(OpaqueOption(OptionNumber(number), value))
    return message.encode()


def case(name, type, code, mid, token, options, payload):
    return {
        "name": name,
        "type": type,
        "code": code,
        "mid": mid,
        "token": token.hex(),
        "options": [[number, value.hex()] for number, value in options],
        "payload": payload.hex(),
        "encoded": encode(type, code, mid, token, options, payload).hex(),
    }


def rfc_cases():
    cases = []
    for *fields, by_hand in RFC_7252:
        made = case(*fields)
        if made["encoded"] != by_hand:
            raise SystemExit(f"{fields[0]}: aiocoap and the bytes written by hand differ")
        cases.append(made)
    return cases


def form_cases():
    """Every form of an option's head, and the fields of the header."""
    for delta in DELTAS:
        yield case(f"option {delta}", CON, 1, 1, b"", ((delta, b"\xaa"),), b"")
    for length in LENGTHS:
        yield case(f"{length} bytes", NON, 3, 2, b"t", ((URI_PATH, bytes(length)),), b"\xff")
    for size in range(9):
        yield case(f"token of {size} bytes", CON, 4, 65535, bytes(range(size)), (), b"")
    repeated = ((6, b""), (11, b"b"), (11, b"a"), (11, b""), (12, b"\x3c"), (65001, bytes(30)))
    yield case("repeated options", NON, 5, 0, b"\xff" * 8, repeated, bytes(range(256)))
    for code in (2, 31, 65, 95, 129, 132, 160, 165, 191):
        yield case(f"code {code}", ACK, code, 256, b"\x01", (), b"x")


def failure(name, expect, encoded):
    return {"name": name, "expect": expect, "encoded": encoded}


def failure_cases():
    for size, data in enumerate(("", "40", "4001", "400100")):
        yield failure(f"{size} bytes", "DecodeError", data)
    for version in (0, 2, 3):
        yield failure(f"version {version}", "DecodeError", f"{version << 6:02x}010001")
    for size in range(9, 16):
        yield failure(f"token length {size}", "MessageError", f"4{size:x}010001" + "00" * 16)
    yield failure("token cut", "MessageError", "4801000100112233445566")
    yield failure("empty message with a token", "MessageError", "41000001aa")
    yield failure("empty message with an option", "MessageError", "40000001b161")
    yield failure("empty message with a payload", "MessageError", "60000001ff61")
    head = "50010001"
    for name, options in (
        ("reserved delta", "f0"),
        ("reserved length", "0f"),
        ("extended delta missing", "d0"),
        ("extended delta cut", "e000"),
        ("extended length missing", "0d"),
        ("extended length cut", "0e00"),
        ("option past the end", "b4616263"),
        ("option of 65804 bytes past the end", "beffff61"),
        ("option number 65536", "e0fef3"),
        ("option numbers adding up to 65536", "e0fef210"),
        ("payload marker without payload", "ff"),
        ("payload marker without payload behind an option", "b161ff"),
    ):
        yield failure(name, "MessageError", head + options)
    yield failure("33 options", "TooManyOptions", head + "00" * 33)


def write(directory, name, about, cases):
    text = json.dumps({"about": about, "cases": list(cases)}, indent=1) + "\n"
    (directory / name).write_text(text)


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    messages = "CoAP messages (RFC 7252 section 3), `options` as [number, value]: "
    write(directory, "rfc7252.json", messages + "the examples of appendix A.", rfc_cases())
    write(directory, "messages.json", messages + "the forms of header and options.", form_cases())
    about = (
        "Datagrams and the failure they must give. DecodeError: ignored in silence. MessageError:"
        " a confirmable one is answered with a Reset. TooManyOptions: a limit of Leafkey's nodes,"
        " a confirmable request is answered 4.02."
    )
    write(directory, "failure.json", about, failure_cases())


if __name__ == "__main__":
    main()
