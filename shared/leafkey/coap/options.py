"""Which options an endpoint understands, and what becomes of a message with others."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    ACCEPT,
    BAD_OPTION,
    BLOCK1,
    BLOCK2,
    CONTENT_FORMAT,
    ECHO,
    ETAG,
    HOP_LIMIT,
    LOCATION_PATH,
    LOCATION_QUERY,
    MAX_AGE,
    OBSERVE,
    OSCORE,
    PAT,
    PAT_DEMAND,
    PROXY_SCHEME,
    PROXY_URI,
    PROXYING_NOT_SUPPORTED,
    REQUEST_TAG,
    SIZE1,
    SIZE2,
    URI_HOST,
    URI_PATH,
    URI_PORT,
    URI_QUERY,
)

# number: (least bytes, most bytes, repeatable); RFC 7252 section 5.10, RFC 7641, 7959, 8613,
# 8768, 9175.
SUPPORTED = {
    URI_HOST: (1, 255, False),
    ETAG: (1, 8, True),
    OBSERVE: (0, 3, False),
    URI_PORT: (0, 2, False),
    LOCATION_PATH: (0, 255, True),
    OSCORE: (0, 255, False),
    URI_PATH: (0, 255, True),
    CONTENT_FORMAT: (0, 2, False),
    MAX_AGE: (0, 4, False),
    URI_QUERY: (0, 255, True),
    HOP_LIMIT: (1, 1, False),
    ACCEPT: (0, 2, False),
    LOCATION_QUERY: (0, 255, True),
    BLOCK2: (0, 3, False),
    BLOCK1: (0, 3, False),
    SIZE2: (0, 4, False),
    SIZE1: (0, 4, False),
    ECHO: (1, 40, False),
    REQUEST_TAG: (0, 8, True),
    # SPEC 5.2: a level, at most 32 bytes of At, a MAC of 8.
    PAT: (0, 41, False),
    PAT_DEMAND: (1, 1, False),
}


def screen(message: Message, supported: dict) -> int:
    """0, or the code to refuse the message with: it has a critical option that is not understood.

    Not understood are unknown options, lengths out of range and surplus repetitions (RFC 7252
    sections 5.4.1, 5.4.3 and 5.4.5). Unknown elective options stay in the message, since a MAC
    may cover them; known elective ones out of range are removed, so that nobody reads them.
    """
    last = -1
    for number, value in message.options:
        rule = supported.get(number)
        if rule is None:
            if number & 1:
                proxy = number in (PROXY_URI, PROXY_SCHEME)
                return PROXYING_NOT_SUPPORTED if proxy else BAD_OPTION
        elif not rule[0] <= len(value) <= rule[1] or (number == last and not rule[2]):
            if number & 1:
                return BAD_OPTION
            _remove_unfit(message, supported)
        last = number
    return 0


def _remove_unfit(message: Message, supported: dict):
    kept = []
    for number, value in message.options:
        least, most, repeatable = supported.get(number, (0, 0xFFFF, True))
        surplus = not repeatable and kept and kept[-1][0] == number
        if number & 1 or (least <= len(value) <= most and not surplus):
            kept.append((number, value))
    message.options = kept
