"""What the vector tests share: leaves, messages and values as tests/vectors/pat writes them."""

from leafkey.coap.message import Message, decode_options, encode_options
from leafkey.crypto.provider import default_provider
from leafkey.pat import functions, tokens
from leafkey.pat.renewal import Renewal
from leafkey.pat.tree import Leaf
from tests.support.vectors import unhex

PROVIDER = default_provider()

LABELS = {
    "epoch": tokens.EPOCH,
    "suite": tokens.SUITE,
    "n_clients": tokens.N_CLIENTS,
    "degree": tokens.DEGREE,
    "depth": tokens.DEPTH,
    "at_len": tokens.AT_LEN,
    "window": tokens.WINDOW,
    "aead": tokens.AEAD,
    "audience": tokens.AUDIENCE,
    "sam": tokens.SAM,
    "slot": tokens.SLOT,
    "first": tokens.FIRST,
    "last": tokens.LAST,
    "level": tokens.LEVEL,
    "permissions": tokens.PERMISSIONS,
    "expires_in": tokens.EXPIRES_IN,
    "renewal": tokens.RENEWAL,
    "endorsement": tokens.ENDORSEMENT,
    "version": tokens.VERSION,
}
NESTED = ("slots", "ranges")


def suite(case: dict):
    """The suite a case names."""
    return functions.suite(PROVIDER, case["suite"])


def leaf(case: dict) -> Leaf:
    """The AT a case names by its parent and child index."""
    return Leaf(suite(case), unhex(case["parent"]), 0, case["child"])


def message(code: int, options: list, payload: str) -> Message:
    """A message from the parts a case lists."""
    return Message(code, [(number, unhex(value)) for number, value in options], unhex(payload))


def parse(text: str) -> Message:
    """A message from code | options | [0xFF | payload]."""
    data = unhex(text)
    parsed = Message(data[0])
    parsed.options, parsed.payload = decode_options(data, 1)
    return parsed


def serialize(sent: Message) -> str:
    """The hexadecimal text of code | options | [0xFF | payload]."""
    data = bytes((sent.code,)) + encode_options(sent.options)
    return (data + b"\xff" + sent.payload if sent.payload else data).hex()


def pairs(permissions: list | None) -> list | None:
    """Permissions as leafkey.ace.aif has them in memory."""
    return None if permissions is None else [(path, methods) for path, methods in permissions]


def parameters(named: dict) -> dict:
    """Named parameters under their labels, as tokens have them in memory."""
    params = {LABELS[name]: value for name, value in named.items() if name not in NESTED}
    if tokens.PERMISSIONS in params:
        params[tokens.PERMISSIONS] = pairs(params[tokens.PERMISSIONS])
    if tokens.RENEWAL in params:
        params[tokens.RENEWAL] = renewal(params[tokens.RENEWAL])
    if tokens.ENDORSEMENT in params:
        params[tokens.ENDORSEMENT] = unhex(params[tokens.ENDORSEMENT])
    if "slots" in named:
        slots = named["slots"].items()
        params[tokens.SLOTS] = {int(slot): grant(fields) for slot, fields in slots}
    if "ranges" in named:
        params[tokens.SLOT_RANGES] = [slot_range(fields) for fields in named["ranges"]]
    return params


def slot_range(fields: dict) -> tokens.SlotRange:
    """A range from its named parameters."""
    return tokens.SlotRange(
        fields["first"],
        fields["last"],
        fields.get("level"),
        pairs(fields.get("permissions")),
        renewal(fields.get("renewal")),
    )


def grant(fields: dict | None) -> tokens.SlotGrant | None:
    """A slot grant from its named parameters."""
    if fields is None:
        return None
    return tokens.SlotGrant(
        fields["generation"],
        fields["last"],
        fields["level"],
        fields.get("first", 0),
        _permissions(fields),
        fields.get("expires_in"),
        renewal(fields.get("renewal")),
        fields.get("endorsement_version", 0),
        unhex(fields.get("endorsement", "")),
    )


def _permissions(fields: dict):
    if "permissions" in fields and fields["permissions"] is None:
        return tokens.UNDEFINED
    return pairs(fields.get("permissions"))


def renewal(fields: dict | None) -> Renewal | None:
    """A renewal rule from its named limits."""
    if fields is None:
        return None
    return Renewal(fields.get("notifications"), fields.get("seconds"), fields.get("requests"))
