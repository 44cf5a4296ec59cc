"""What the OSCORE vector tests share: contexts and messages as tests/vectors/oscore writes them."""

from leafkey.oscore.context import Context
from leafkey.oscore.keys import Keys, derive
from leafkey.oscore.preset import Preset
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence
from tests.support.vectors import unhex
from tests.unit.pat.vectors_help import PROVIDER, message


def unhex_or_none(text: str | None) -> bytes | None:
    """The bytes, or None where the vector has null."""
    return None if text is None else unhex(text)


def keys(fields: dict) -> Keys:
    """The keys of a `context`."""
    return derive(
        PROVIDER,
        unhex(fields["master_secret"]),
        unhex(fields["sender_id"]),
        unhex(fields["recipient_id"]),
        unhex(fields["master_salt"]),
        unhex_or_none(fields["id_context"]),
        fields["alg"],
    )


def mirrored(fields: dict) -> dict:
    """The other endpoint's `context`."""
    other = dict(fields)
    other["sender_id"] = fields["recipient_id"]
    other["recipient_id"] = fields["sender_id"]
    return other


def context(fields: dict, sequence: int | None = 0, lost: bool = False) -> Context:
    """A context as it is when the next sequence number is `sequence`."""
    return Context(PROVIDER, keys(fields), Sequence(sequence or 0), ReplayWindow(lost))


def preset(fields: dict, sequence: int = 0, lost: bool = False, echo: bytes = bytes(8)) -> Preset:
    """What a server registers; it draws `echo`."""
    return Preset(context(fields, sequence, lost), lambda size: echo[:size])


def plain(part: dict):
    """The unprotected message of a request or response."""
    return message(part["code"], part["options"], part["payload"])


def asked_plainly(case: dict):
    """The Outgoing of a case that has its request without protection."""
    return context(case["context"], case["sequence"]).protect_request(plain(case["request"]))
