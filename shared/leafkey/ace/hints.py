"""AS Request Creation Hints with the refusal field: message (4) (RFC 9200 section 5.3, SPEC 8)."""

from leafkey.ace import labels
from leafkey.codec import cbor
from leafkey.errors import DecodeError


def encode(sam: str, audience: str, refusal: bytes) -> bytes:
    """Return the payload of a refusal: SAM's URI, the audience, 24 bytes of refusal field."""
    return cbor.encode({labels.AS: sam, labels.AUDIENCE: audience, labels.REFUSAL: refusal})


def decode(data: bytes) -> tuple:
    """Return (SAM's URI, audience, refusal field or None); DecodeError if these are no hints."""
    hints = cbor.decode(data)
    if not isinstance(hints, dict):
        raise DecodeError("hints are a map")
    sam, audience = hints.get(labels.AS), hints.get(labels.AUDIENCE)
    if not isinstance(sam, str) or not isinstance(audience, str):
        raise DecodeError("hints name a SAM and an audience as text")
    refusal = hints.get(labels.REFUSAL)
    return sam, audience, refusal if isinstance(refusal, bytes) else None
