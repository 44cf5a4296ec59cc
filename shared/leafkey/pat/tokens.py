"""ST and CT with their parameters, and the CBOR they travel in (SPEC section 4).

Neither class shows what it holds: no repr prints a secret.
"""

from collections import namedtuple

from leafkey.ace import aif
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.pat import renewal as renewals
from leafkey.pat.tree import capacity

EPOCH = const(1)
SUITE = const(2)
N_CLIENTS = const(3)
DEGREE = const(4)
DEPTH = const(5)
AT_LEN = const(6)
WINDOW = const(7)
AEAD = const(8)
AUDIENCE = const(9)
SAM = const(10)
SLOTS = const(11)
SLOT = const(12)
FIRST = const(13)
LAST = const(14)
LEVEL = const(15)
PERMISSIONS = const(16)
EXPIRES_IN = const(17)
GENERATION = const(18)
VERSION = const(19)
CLOSED = const(20)
ENDORSEMENT = const(21)
RENEWAL = const(22)
LOWEST = const(23)
SLOT_RANGES = const(24)

BEARER = const(0)
POP = const(1)
INTEGRITY = const(2)
CONFIDENTIAL = const(3)
# No levels of grants: an AT in the PAT option may open a channel by OSCORE, or be a probe.
OSCORE_LEVEL = const(5)
# What a client asks for to open a DTLS session; no level of a PAT option.
DTLS_LEVEL = const(6)
PROBE_LEVEL = const(7)
LEVELS = {"bearer": BEARER, "pop": POP, "integrity": INTEGRITY, "confidential": CONFIDENTIAL}

AES_CCM_16_64_128 = const(10)
CHACHA20_POLY1305 = const(24)

SECRET_LEN = const(32)
MIN_WINDOW = const(2)
MAX_WINDOW = const(16)
MAX_TABLE = const(65535)
MAX_DEGREE = const(1025)
MAX_NUMBERS = const((1 << 30) - 1)
# A body that travels is bounded in bytes; this bounds what a node keeps of it.
MAX_ITEMS = const(65535)
MAX_UINT = const((1 << 30) - 1)
MAX_TEXT = const(255)
# Fits a datagram beside a block of 1024 bytes.
MAX_ENDORSEMENT = const(256)

MAX_SLOT_RANGES = const(16)

# Permissions that nobody has stated: the endorsement decides. They permit nothing by themselves.
UNDEFINED = ()

# (smallest, largest) of the parameters that are integers.
_RANGES = {
    EPOCH: (0, MAX_UINT),
    SUITE: (1, 2),
    N_CLIENTS: (1, MAX_TABLE),
    DEGREE: (3, MAX_DEGREE),
    DEPTH: (1, MAX_UINT),
    AT_LEN: (8, 32),
    WINDOW: (MIN_WINDOW, MAX_WINDOW),
    SLOT: (1, MAX_TABLE),
    FIRST: (0, MAX_UINT),
    LAST: (0, MAX_UINT),
    LEVEL: (BEARER, CONFIDENTIAL),
    EXPIRES_IN: (0, MAX_UINT),
    GENERATION: (1, MAX_UINT),
    VERSION: (0, MAX_UINT),
    LOWEST: (0, MAX_UINT),
}
_WHOLE = (EPOCH, SUITE, N_CLIENTS, DEGREE, DEPTH, AT_LEN, WINDOW, AEAD, AUDIENCE, SAM, SLOTS)
_NEEDED_S = _WHOLE + (VERSION,)
_PARAMS_S = _NEEDED_S + (CLOSED, SLOT_RANGES)
_CLIENT = (SUITE, DEGREE, DEPTH, AT_LEN, WINDOW, AEAD, AUDIENCE, SLOT, FIRST, LAST, LEVEL)
_PARAMS_C = _CLIENT + (SAM, PERMISSIONS, EXPIRES_IN, RENEWAL, ENDORSEMENT)
_GRANT = (GENERATION, LAST, LEVEL)
_SLOT_GRANT = _GRANT + (FIRST, PERMISSIONS, EXPIRES_IN, RENEWAL, LOWEST, ENDORSEMENT)
_TERMS = (FIRST, LAST, LEVEL)
_ENDORSED = _TERMS + (PERMISSIONS, EXPIRES_IN, RENEWAL)
_SHARED = (LEVEL, PERMISSIONS, RENEWAL)

# What the slots `first` to `last` have in common; what a range does not say is None (SPEC 4.5).
SlotRange = namedtuple("SlotRange", ("first", "last", "level", "permissions", "renewal"))


class SlotGrant:
    """What one slot of a server is worth: a generation, its ATs, level, permissions and time.

    `permissions` is a list as in ace.aif, None for implicit authorization, or UNDEFINED.
    `expires_in` is seconds or None; `renewal` a renewal.Renewal or None. `lowest` is the lowest
    version of an endorsement that S takes, `endorsement` the one it has taken, encoded, or b"".
    """

    def __init__(
        self,
        generation: int,
        last: int,
        level: int,
        first: int = 0,
        permissions: list | tuple | None = None,
        expires_in: int | None = None,
        renewal: renewals.Renewal | None = None,
        lowest: int = 0,
        endorsement: bytes = b"",
    ):
        self.generation = generation
        self.last = last
        self.level = level
        self.first = first
        self.permissions = permissions
        self.expires_in = expires_in
        self.renewal = renewal
        self.lowest = lowest
        self.endorsement = endorsement

    def within(self, shared: SlotRange) -> "SlotGrant":
        """Return what the grant is worth in a range, which never widens what it says itself."""
        return SlotGrant(
            self.generation,
            self.last,
            self.level if shared.level is None else max(self.level, shared.level),
            self.first,
            shared.permissions if self.permissions is None else self.permissions,
            self.expires_in,
            renewals.strictest(self.renewal, shared.renewal),
            self.lowest,
            self.endorsement,
        )

    def endorsed(self, lowest: int, endorsement: bytes) -> "SlotGrant":
        """Return the same grant with another lowest version and endorsement."""
        return SlotGrant(
            self.generation,
            self.last,
            self.level,
            self.first,
            self.permissions,
            self.expires_in,
            self.renewal,
            lowest,
            endorsement,
        )


class ServerToken:
    """ST = (St, paramS). `st` is 32 bytes, or None in a change to the St in force.

    `params` maps labels to values; under SLOTS a dict of slot number to SlotGrant or None, under
    SLOT_RANGES a list of SlotRange.
    """

    def __init__(self, st, params: dict):
        self.st = st
        self.params = params

    def __getitem__(self, label: int):
        return self.params[label]

    def is_whole(self) -> bool:
        """Tell a whole ST from a change."""
        return self.st is not None

    def grant(self, slot: int) -> SlotGrant | None:
        """Return what a slot is worth, with what its range adds; None if it has no grant."""
        grant = self.params[SLOTS].get(slot)
        if grant is not None:
            for shared in self.params.get(SLOT_RANGES, ()):
                if shared.first <= slot <= shared.last:
                    return grant.within(shared)
        return grant

    def params_s(self) -> dict:
        """Return paramS as CBOR carries it."""
        params = dict(self.params)
        if SLOTS in params:
            params[SLOTS] = {slot: _grant_map(grant) for slot, grant in params[SLOTS].items()}
        if SLOT_RANGES in params:
            params[SLOT_RANGES] = [_range_array(shared) for shared in params[SLOT_RANGES]]
        return params


class ClientToken:
    """CT = (Ct, paramC). `ct` is 32 bytes; `params` maps labels to values."""

    def __init__(self, ct: bytes, params: dict):
        self.ct = ct
        self.params = params

    def __getitem__(self, label: int):
        return self.params[label]

    @property
    def expires_in(self) -> int | None:
        """Seconds the grant is valid, or None."""
        return self.params.get(EXPIRES_IN)

    def params_c(self) -> dict:
        """Return paramC as CBOR carries it."""
        params = dict(self.params)
        if PERMISSIONS in params:
            params[PERMISSIONS] = aif.to_cbor(params[PERMISSIONS])
        if RENEWAL in params:
            params[RENEWAL] = renewals.to_cbor(params[RENEWAL])
        return params


def encode_server_token(token: ServerToken) -> bytes:
    """Return the CBOR of an ST."""
    return cbor.encode([token.st, token.params_s()])


def encode_client_token(token: ClientToken) -> bytes:
    """Return the CBOR of a CT."""
    return cbor.encode([token.ct, token.params_c()])


def decode_server_token(data: bytes) -> ServerToken:
    """Return the ST in `data`; DecodeError if it is none or exceeds SPEC section 11."""
    return server_token(cbor.decode(data, 8, MAX_ITEMS))


def decode_client_token(data: bytes) -> ClientToken:
    """Return the CT in `data`; DecodeError if it is none or exceeds SPEC section 11."""
    return client_token(cbor.decode(data))


def server_token(value: object) -> ServerToken:
    """Return the ST in decoded CBOR; DecodeError as `decode_server_token`."""
    st, params = _pair(value)
    if st is not None:
        _check_secret(st)
    _check_map(params, _PARAMS_S, (VERSION,) if st is None else _NEEDED_S)
    _check_closed(params.get(CLOSED, {}))
    if SLOTS in params:
        params[SLOTS] = _slots(params[SLOTS])
    if SLOT_RANGES in params:
        params[SLOT_RANGES] = _slot_ranges(params[SLOT_RANGES])
    token = ServerToken(st, params)
    if st is not None:
        check_server_token(token)
    return token


def check_server_token(token: ServerToken):
    """Raise DecodeError if a whole ST contradicts itself (SPEC section 11)."""
    params = token.params
    _check_shape(params)
    if params[N_CLIENTS] * 2 * params[WINDOW] > MAX_TABLE:
        raise DecodeError("N * 2w exceeds 65535")
    for slot, grant in params[SLOTS].items():
        if slot > params[N_CLIENTS]:
            raise DecodeError("a slot lies beyond N")
        if grant is not None:
            _check_numbers(params, grant.first, grant.last)
            _check_bearer(params, grant.level)
    for shared in params.get(SLOT_RANGES, ()):
        if shared.last > params[N_CLIENTS]:
            raise DecodeError("a range lies beyond N")


def client_token(value: object) -> ClientToken:
    """Return the CT in decoded CBOR; DecodeError as `decode_client_token`."""
    ct, params = _pair(value)
    _check_secret(ct)
    _check_map(params, _PARAMS_C, _CLIENT)
    _check_shape(params)
    _check_numbers(params, params[FIRST], params[LAST])
    _check_bearer(params, params[LEVEL])
    if PERMISSIONS in params:
        params[PERMISSIONS] = aif.from_cbor(params[PERMISSIONS])
    if RENEWAL in params:
        params[RENEWAL] = renewals.from_cbor(params[RENEWAL])
    return ClientToken(ct, params)


def terms_map(grant: SlotGrant) -> dict:
    """Return what an endorsement says of a grant, as CBOR carries it (SPEC 4.4)."""
    params: dict = {FIRST: grant.first, LAST: grant.last, LEVEL: grant.level}
    if grant.permissions is not None:
        params[PERMISSIONS] = aif.to_cbor(list(grant.permissions))
    if grant.expires_in is not None:
        params[EXPIRES_IN] = grant.expires_in
    if grant.renewal is not None:
        params[RENEWAL] = renewals.to_cbor(grant.renewal)
    return params


def terms(params: dict) -> SlotGrant:
    """Return what an endorsement says, from its decoded map: generation 0. DecodeError."""
    _check_map(params, _ENDORSED, _TERMS)
    if PERMISSIONS in params and params[PERMISSIONS] is None:
        raise DecodeError("an endorsement leaves no permissions undefined")
    return _grant(params, 0)


def _grant_map(grant: SlotGrant | None) -> dict | None:
    if grant is None:
        return None
    params = terms_map(grant)
    params[GENERATION] = grant.generation
    if not grant.first:
        del params[FIRST]
    if grant.permissions == UNDEFINED:
        params[PERMISSIONS] = None
    if grant.lowest:
        params[LOWEST] = grant.lowest
    if grant.endorsement:
        params[ENDORSEMENT] = grant.endorsement
    return params


def _slots(value: object) -> dict:
    if not isinstance(value, dict):
        raise DecodeError("slots are a map")
    slots = {}
    for slot, params in value.items():
        check_uint(slot, 1, MAX_TABLE)
        slots[slot] = None if params is None else _slot_grant(params)
    return slots


def _range_array(shared: SlotRange) -> list:
    params: dict = {}
    if shared.level is not None:
        params[LEVEL] = shared.level
    if shared.permissions is not None:
        params[PERMISSIONS] = aif.to_cbor(shared.permissions)
    if shared.renewal is not None:
        params[RENEWAL] = renewals.to_cbor(shared.renewal)
    return [shared.first, shared.last, params]


def _slot_ranges(value: object) -> list:
    if not isinstance(value, list) or len(value) > MAX_SLOT_RANGES:
        raise DecodeError("ranges of slots are an array of at most 16")
    ranges, lowest = [], 1
    for one in value:
        shared = _slot_range(one, lowest)
        lowest = shared.last + 1
        ranges.append(shared)
    return ranges


def _slot_range(value: object, lowest: int) -> SlotRange:
    """Return the range in decoded CBOR; it begins at slot `lowest` or later."""
    if not isinstance(value, list) or len(value) != 3:
        raise DecodeError("a range is its first slot, its last one and a map")
    first, last, params = value
    check_uint(first, lowest, MAX_TABLE)
    check_uint(last, first, MAX_TABLE)
    _check_map(params, _SHARED, ())
    if not params:
        raise DecodeError("a range that says nothing")
    return SlotRange(
        first,
        last,
        params.get(LEVEL),
        aif.from_cbor(params[PERMISSIONS]) if PERMISSIONS in params else None,
        renewals.from_cbor(params[RENEWAL]) if RENEWAL in params else None,
    )


def _slot_grant(params: dict) -> SlotGrant:
    _check_map(params, _SLOT_GRANT, _GRANT)
    return _grant(params, params[GENERATION])


def _grant(params: dict, generation: int) -> SlotGrant:
    return SlotGrant(
        generation,
        params[LAST],
        params[LEVEL],
        params.get(FIRST, 0),
        _permissions(params),
        params.get(EXPIRES_IN),
        renewals.from_cbor(params[RENEWAL]) if RENEWAL in params else None,
        params.get(LOWEST, 0),
        params.get(ENDORSEMENT, b""),
    )


def _permissions(params: dict):
    # What is absent permits everything, null nothing by itself.
    if PERMISSIONS not in params:
        return None
    value = params[PERMISSIONS]
    return UNDEFINED if value is None else aif.from_cbor(value)


def _check_closed(closed: object):
    if not isinstance(closed, dict):
        raise DecodeError("closed slots are a map")
    for slot, generation in closed.items():
        check_uint(slot, 1, MAX_TABLE)
        check_uint(generation, 1, MAX_UINT)


def _pair(value: object) -> list:
    if not isinstance(value, list) or len(value) != 2:
        raise DecodeError("a token is a pair of secret and parameters")
    return value


def _check_secret(secret: object):
    if not isinstance(secret, bytes) or len(secret) != SECRET_LEN:
        raise DecodeError("a token's secret is 32 bytes")


def _check_map(params: object, known: tuple, required: tuple):
    """Refuse what is unknown, since it could be a restriction, and what is missing or mistyped."""
    if not isinstance(params, dict):
        raise DecodeError("parameters are a map")
    for label in required:
        if label not in params:
            raise DecodeError("parameter missing: " + str(label))
    for label, value in params.items():
        # true is 1 to Python, and 1.0 too.
        if label is True or not isinstance(label, int) or label not in known:
            raise DecodeError("a parameter is unknown here")
        _check_parameter(label, value)


def _check_parameter(label: int, value: object):
    if label in _RANGES:
        smallest, largest = _RANGES[label]
        check_uint(value, smallest, largest)
    elif label == AEAD:
        check_uint(value, AES_CCM_16_64_128, CHACHA20_POLY1305)
        if value not in (AES_CCM_16_64_128, CHACHA20_POLY1305):
            raise DecodeError("the AEAD is 10 or 24")
    elif label in (AUDIENCE, SAM):
        _check_text(value)
    elif label == ENDORSEMENT and not (
        isinstance(value, bytes) and 0 < len(value) <= MAX_ENDORSEMENT
    ):
        raise DecodeError("an endorsement is a byte string of 1 to 256 bytes")


def _check_text(value: object):
    if not isinstance(value, str) or len(value.encode()) > MAX_TEXT:
        raise DecodeError("audience and SAM are texts of at most 255 bytes")


def check_uint(value: object, smallest: int, largest: int):
    """Raise DecodeError unless `value` is an integer of this range."""
    if value is True or value is False or not isinstance(value, int):
        raise DecodeError("a parameter is no integer")
    if not smallest <= value <= largest:
        raise DecodeError("a parameter is out of its range")


def _check_shape(params: dict):
    if params[DEGREE] < 2 * params[WINDOW] + 1:
        raise DecodeError("degree - 1 is below 2w")
    if capacity(params[DEPTH], params[DEGREE]) > MAX_NUMBERS:
        raise DecodeError("the branch holds more than 2^30 - 1 ATs")


def _check_numbers(params: dict, first: int, last: int):
    if not first <= last < capacity(params[DEPTH], params[DEGREE]):
        raise DecodeError("first to last do not fit into the branch")


def _check_bearer(params: dict, level: int):
    if level == BEARER and params[AT_LEN] < 16:
        raise DecodeError("bearer demands an at_len of 16 or more")
