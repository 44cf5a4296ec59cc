"""AS Request Creation Hints (RFC 9200 section 5.3), and PAT's, with the refusal field (SPEC 8)."""

from leafkey.ace import fields, labels
from leafkey.codec import cbor
from leafkey.errors import DecodeError

# All of them are optional.
_KINDS = {
    labels.AS: fields.is_text,
    labels.HINT_KID: fields.is_bytes,
    labels.AUDIENCE: fields.is_text,
    labels.SCOPE: fields.is_scope,
    labels.CNONCE: fields.is_bytes,
}


def decode_ace(data: bytes) -> dict:
    """Return the known hints, by the labels of labels.py; DecodeError if these are none."""
    return fields.decode(data, _KINDS)


def encode(sam: str, audience: str, refusal: bytes) -> bytes:
    """Return the payload of message (4): SAM's URI, the audience, 24 bytes of refusal field."""
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
