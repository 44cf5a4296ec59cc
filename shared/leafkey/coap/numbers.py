"""CoAP numbers, spelled as the IANA CoRE Parameters registries spell them.

Codes are one byte, class << 5 | detail (RFC 7252 section 3).
"""

from leafkey.compat import const

CON = const(0)
NON = const(1)
ACK = const(2)
RST = const(3)

EMPTY = const(0)

GET = const(1)
POST = const(2)
PUT = const(3)
DELETE = const(4)
FETCH = const(5)
PATCH = const(6)
IPATCH = const(7)

CREATED = const(0x41)
DELETED = const(0x42)
VALID = const(0x43)
CHANGED = const(0x44)
CONTENT = const(0x45)
CONTINUE = const(0x5F)

BAD_REQUEST = const(0x80)
UNAUTHORIZED = const(0x81)
BAD_OPTION = const(0x82)
FORBIDDEN = const(0x83)
NOT_FOUND = const(0x84)
METHOD_NOT_ALLOWED = const(0x85)
NOT_ACCEPTABLE = const(0x86)
REQUEST_ENTITY_INCOMPLETE = const(0x88)
CONFLICT = const(0x89)
PRECONDITION_FAILED = const(0x8C)
REQUEST_ENTITY_TOO_LARGE = const(0x8D)
UNSUPPORTED_CONTENT_FORMAT = const(0x8F)
UNPROCESSABLE_ENTITY = const(0x96)
TOO_MANY_REQUESTS = const(0x9D)

INTERNAL_SERVER_ERROR = const(0xA0)
NOT_IMPLEMENTED = const(0xA1)
BAD_GATEWAY = const(0xA2)
SERVICE_UNAVAILABLE = const(0xA3)
GATEWAY_TIMEOUT = const(0xA4)
PROXYING_NOT_SUPPORTED = const(0xA5)
HOP_LIMIT_REACHED = const(0xA8)

IF_MATCH = const(1)
URI_HOST = const(3)
ETAG = const(4)
IF_NONE_MATCH = const(5)
OBSERVE = const(6)
URI_PORT = const(7)
LOCATION_PATH = const(8)
OSCORE = const(9)
URI_PATH = const(11)
CONTENT_FORMAT = const(12)
MAX_AGE = const(14)
URI_QUERY = const(15)
HOP_LIMIT = const(16)
ACCEPT = const(17)
LOCATION_QUERY = const(20)
BLOCK2 = const(23)
BLOCK1 = const(27)
SIZE2 = const(28)
PROXY_URI = const(35)
PROXY_SCHEME = const(39)
SIZE1 = const(60)
ECHO = const(252)
NO_RESPONSE = const(258)
REQUEST_TAG = const(292)
# Carries an AT; from the range for experiments. Odd: critical; bit 1 clear: safe to forward;
# not of the form that leaves the cache key (RFC 7252 section 5.4.6).
PAT = const(65001)
# What S demands in a protected 4.01 or 4.03; elective, safe to forward (SPEC 5.2).
PAT_DEMAND = const(65002)
# Carries an endorsement, sealed; critical, safe to forward (SPEC 4.4).
ENDORSEMENT = const(65005)

TEXT_PLAIN = const(0)
APPLICATION_COSE_ENCRYPT0 = const(16)
APPLICATION_ACE_CBOR = const(19)
APPLICATION_LINK_FORMAT = const(40)
APPLICATION_OCTET_STREAM = const(42)
APPLICATION_JSON = const(50)
APPLICATION_CBOR = const(60)
APPLICATION_PROBLEM_DETAILS_CBOR = const(257)
APPLICATION_ACE_GROUPCOMM_CBOR = const(261)

COAP_PORT = const(5683)


def is_critical(number: int) -> bool:
    """True if whoever does not know the option must not go on (RFC 7252 section 5.4.1)."""
    return number & 1 == 1


def is_request(code: int) -> bool:
    """True for the method codes 0.01 to 0.31."""
    return 0 < code < 32


def is_response(code: int) -> bool:
    """True for the classes 2, 4 and 5; 1, 3, 6 and 7 are reserved."""
    return code >> 5 in (2, 4, 5)


def is_success(code: int) -> bool:
    """True for 2.xx."""
    return code >> 5 == 2


def code_text(code: int) -> str:
    """The dotted form: 0x81 -> "4.01"."""
    return "%d.%02d" % (code >> 5, code & 31)
