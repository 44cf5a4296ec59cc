"""The part of a CoAP message that is not transport: code, options, payload (RFC 7252 section 3)."""

URI_HOST = 3
OBSERVE = 6
URI_PORT = 7
URI_PATH = 11
CONTENT_FORMAT = 12
MAX_AGE = 14
URI_QUERY = 15
HOP_LIMIT = 16
PROXY_URI = 35
PROXY_SCHEME = 39
ECHO = 252
PAT = 65001
PAT_DEMAND = 65002
ENDORSEMENT = 65005

GET = 1
POST = 2
PUT = 3
DELETE = 4
FETCH = 5
CHANGED = 2 << 5 | 4
CONTENT = 2 << 5 | 5
BAD_REQUEST = 4 << 5
UNAUTHORIZED = 4 << 5 | 1
BAD_OPTION = 4 << 5 | 2
FORBIDDEN = 4 << 5 | 3
NOT_FOUND = 4 << 5 | 4
CONFLICT = 4 << 5 | 9
SERVICE_UNAVAILABLE = 5 << 5 | 3

# Options that a proxy may change (SPEC.md section 5.3); Max-Age joins them in responses.
NOT_COVERED = (URI_HOST, URI_PORT, HOP_LIMIT, PROXY_URI, PROXY_SCHEME, PAT)

Options = list[tuple[int, bytes]]


def path(text: str) -> Options:
    return [(URI_PATH, segment.encode()) for segment in text.split("/")[1:]]


def encode_options(options: Options) -> bytes:
    out, previous = b"", 0
    for number, value in sorted(options, key=lambda option: option[0]):
        delta, delta_more = nibble(number - previous)
        length, length_more = nibble(len(value))
        out += bytes([delta << 4 | length]) + delta_more + length_more + value
        previous = number
    return out


def nibble(number: int) -> tuple[int, bytes]:
    if number < 13:
        return number, b""
    if number < 269:
        return 13, bytes([number - 13])
    return 14, (number - 269).to_bytes(2, "big")


def message(code: int, options: Options, payload: bytes = b"") -> bytes:
    return bytes([code]) + encode_options(options) + (b"\xff" + payload if payload else b"")


def covered(options: Options, in_response: bool) -> bytes:
    """The `options` of a MAC input (SPEC.md section 5.3)."""
    left_out = (*NOT_COVERED, MAX_AGE) if in_response else NOT_COVERED
    return encode_options([option for option in options if option[0] not in left_out])
