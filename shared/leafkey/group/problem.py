"""Problem details with an error of the KDC (RFC 9594 section 4.1.2, RFC 9290): content format 257.

`{0: {0: error id}, ? -1: title, ? -2: detail}`. Nothing about the cause beyond the id goes out: a
stranger learns from a text what a number does not tell.
"""

from leafkey.coap.numbers import BAD_REQUEST, FORBIDDEN, NOT_FOUND, SERVICE_UNAVAILABLE
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.group import fields, labels

# The custom problem detail of RFC 9594, and the error within it.
ACE_GROUPCOMM_ERROR = const(0)
ERROR_ID = const(0)
TITLE = const(-1)
DETAIL = const(-2)

# The response code that goes with each error.
CODES = {
    labels.NOT_A_MEMBER: FORBIDDEN,
    labels.INCONSISTENT_WITH_ROLES: BAD_REQUEST,
    labels.INCOMPATIBLE_CREDENTIAL: BAD_REQUEST,
    labels.INVALID_EVIDENCE: BAD_REQUEST,
    labels.NO_INDIVIDUAL_MATERIAL: SERVICE_UNAVAILABLE,
    labels.MEMBERSHIP_TERMINATED: NOT_FOUND,
    labels.GROUP_DELETED: NOT_FOUND,
    labels.SIGNATURES_NOT_USED: BAD_REQUEST,
    labels.ONLY_FOR_VERIFIERS: FORBIDDEN,
    labels.GROUP_NOT_ACTIVE: SERVICE_UNAVAILABLE,
}


def encode(error_id: int, title: str | None = None, detail: str | None = None) -> bytes:
    """Return the payload for an error."""
    details: dict = {ACE_GROUPCOMM_ERROR: {ERROR_ID: error_id}}
    if title is not None:
        details[TITLE] = title
    if detail is not None:
        details[DETAIL] = detail
    return cbor.encode(details)


def decode(data: bytes) -> tuple:
    """Return (error id, title, detail), None for what is not there; DecodeError for no map."""
    details = fields.mapping(cbor.decode(data, lenient=True))
    found = details.get(ACE_GROUPCOMM_ERROR)
    error_id = found.get(ERROR_ID) if isinstance(found, dict) else None
    texts = [details.get(label) for label in (TITLE, DETAIL)]
    title, detail = [text if isinstance(text, str) else None for text in texts]
    return error_id if fields.is_int(error_id) else None, title, detail
