"""SPEC.md sections 4, 8, 9 and 10: tokens, refusals, the payloads of SAM."""

from typing import Any

import cbor2

from tests.vectors.reference import coap, tree
from tests.vectors.reference.protect import hmac64

LABELS = {
    "epoch": 1, "suite": 2, "n_clients": 3, "degree": 4, "depth": 5, "at_len": 6, "window": 7,
    "aead": 8, "audience": 9, "sam": 10, "slots": 11, "slot": 12, "first": 13, "last": 14,
    "level": 15, "permissions": 16, "expires_in": 17, "generation": 18, "version": 19,
    "endorsement": 21, "renewal": 22, "endorsement_version": 23, "ranges": 24,
}  # fmt: skip
PER_AT = {"notifications": 1, "seconds": 2, "requests": 3}

PROFILE = -65537
REFUSAL = -65537
REQUEST_ID = -65538
PARAMS_C = -65539
COMMANDS = -65542
CONSENT_PENDING = -65543
SAM_URI = -65544
CAI = -65545
KEPT = -65546
ACCESS_DENIED = -65537
ACE_CBOR = (coap.CONTENT_FORMAT, b"\x13")


def dumps(value: Any) -> bytes:
    """Deterministic CBOR; cbor2 sorts maps by length first, so they are put in order here."""
    return cbor2.dumps(in_order(value))


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = ((key, in_order(element)) for key, element in value.items())
        return dict(sorted(pairs, key=lambda pair: cbor2.dumps(pair[0])))
    if isinstance(value, list):
        return [in_order(element) for element in value]
    return value


def parameters(named: dict) -> dict:
    """Named parameters under their labels (section 4.1); slots are keyed by decimal text."""
    labelled = {
        LABELS[name]: value for name, value in named.items() if name not in ("slots", "ranges")
    }
    if "renewal" in named:
        limits = named["renewal"].items()
        labelled[LABELS["renewal"]] = {PER_AT[name]: value for name, value in limits}
    if "endorsement" in named:
        labelled[LABELS["endorsement"]] = bytes.fromhex(named["endorsement"])
    if "slots" in named:
        labelled[LABELS["slots"]] = {
            int(slot): None if grant is None else parameters(grant)
            for slot, grant in named["slots"].items()
        }
    if "ranges" in named:
        labelled[LABELS["ranges"]] = [slot_range(**shared) for shared in named["ranges"]]
    return labelled


def slot_range(first: int, last: int, **shared: Any) -> list:
    """What slots share (section 4.5)."""
    return [first, last, parameters(shared)]


def token(secret: bytes | None, named: dict) -> bytes:
    """A server-token or client-token."""
    return dumps([secret, parameters(named)])


def refusal_field(hint_key: bytes, random8: bytes, number: int) -> bytes:
    """R | E | T of section 8."""
    value = tree.le64(number)
    tag = hmac64(hint_key, b"\x01" + random8 + value)
    mask = hmac64(hint_key, b"\x02" + random8 + tag)
    return random8 + bytes(a ^ b for a, b in zip(value, mask, strict=True)) + tag


def hints(sam: str, audience: str, refusal: bytes) -> bytes:
    return dumps({1: sam, 5: audience, REFUSAL: refusal})


def refusal_message(payload: bytes) -> bytes:
    return coap.message(coap.UNAUTHORIZED, [ACE_CBOR], payload)
