"""What the KDC says, as messages; `Problem` is an answer that also undoes what was begun."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_GROUPCOMM_CBOR,
    APPLICATION_CBOR,
    APPLICATION_PROBLEM_DETAILS_CBOR,
    BAD_REQUEST,
    CONTENT,
    CONTENT_FORMAT,
    UNSUPPORTED_CONTENT_FORMAT,
)
from leafkey.codec import cbor
from leafkey.group import messages, problem

# Nobody and nothing was found (RFC 9594 sections 4.2.1 and 4.4.1): an empty byte string.
_NONE_FOUND = cbor.encode(b"")


class Problem(Exception):
    """`message` is the answer; the transaction that this leaves changes nothing."""

    def __init__(self, message: Message):
        super().__init__(message.code)
        self.message = message


def groupcomm(parameters: dict, code: int = CONTENT, options: tuple = ()) -> Message:
    """Return an answer with parameters of ACE Groupcomm."""
    return _with(code, APPLICATION_ACE_GROUPCOMM_CBOR, messages.encode(parameters), options)


def none_found() -> Message:
    """Return the answer where nothing of what was asked for is there."""
    return _with(CONTENT, APPLICATION_ACE_GROUPCOMM_CBOR, _NONE_FOUND)


def number(value: int) -> Message:
    """Return an answer that is a bare integer."""
    return _with(CONTENT, APPLICATION_ACE_GROUPCOMM_CBOR, cbor.encode(value))


def plain(value: object) -> Message:
    """Return an answer in CBOR of no special kind."""
    return _with(CONTENT, APPLICATION_CBOR, cbor.encode(value))


def failed(error_id: int) -> Message:
    """Return an error of RFC 9594 section 9."""
    code, content_format = problem.CODES[error_id], APPLICATION_PROBLEM_DETAILS_CBOR
    return _with(code, content_format, problem.encode(error_id))


def refuse(code: int) -> Problem:
    """Return an answer without any word."""
    return Problem(Message(code))


def refuse_with(error_id: int) -> Problem:
    """Return an error of RFC 9594 section 9, to raise."""
    return Problem(failed(error_id))


def refuse_by(parameters: dict) -> Problem:
    """Return a 4.00 that says what would help, to raise."""
    return Problem(groupcomm(parameters, BAD_REQUEST) if parameters else Message(BAD_REQUEST))


def check_format(request: Message, wanted: int = APPLICATION_ACE_GROUPCOMM_CBOR) -> None:
    """Raise Problem if a request says that its payload is something else."""
    if request.uint(CONTENT_FORMAT) not in (None, wanted):
        raise refuse(UNSUPPORTED_CONTENT_FORMAT)


def _with(code: int, content_format: int, payload: bytes, options: tuple = ()) -> Message:
    return Message(code, ((CONTENT_FORMAT, content_format), *options), payload)
