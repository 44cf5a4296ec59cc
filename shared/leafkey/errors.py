"""Every exception Leafkey raises on purpose. None of them carries key material or peer bytes.

LeafkeyError
  DecodeError             bytes from outside are malformed or exceed a limit
    MessageError          a CoAP message whose header was readable
      TooManyOptions      well-formed so far, but with more options than a node keeps
  EncodeError             a value of ours cannot be represented
  UnsupportedError        an algorithm, suite or option this build does not have
  AuthenticationError     a MAC or an AEAD tag does not verify
  TokenError              an AT cannot be accepted or made
    UnknownToken          no slot has this At in its window
    UsedToken             the At was accepted before
    TokenTooOld           the number lies before what the branch can still derive
    TokenTooFar           the number lies past the window or past the grant
    TokensExhausted       the grant has no AT left
  ReplayError             a message was received before, or may have been
  SequenceExhausted       a security context has no sequence number left
  OutOfStep               a change does not follow what is in force
  NoGroupKey              no key of a group serves for this, or not now
  UnknownSender           no credential of who signed for a group
  StateError              stored state is missing, corrupt or from another identity
  Refused                 a request that gets no answer from a resource
  AccessError             what an application can act on
    Unreachable           the peer did not answer
    NotAllowed            the owner's policy does not allow this
      ConsentDenied       the owner was asked and said no, or nothing in time
      Evicted             this node is no member of the group any more
    ConsentPending        the owner is being asked
    OutcomeUnknown        the server may have acted on the request, or not
    ProtocolError         the peer answered, but not with what the protocol allows
"""


class LeafkeyError(Exception):
    """Root of the tree."""


class DecodeError(LeafkeyError):
    """Bytes from outside are malformed or exceed a limit."""


class MessageError(DecodeError):
    """A CoAP message is malformed behind a readable header (RFC 7252 section 3).

    `type` and `mid` are what a Reset needs; None in an inner message, which has neither.
    """

    def __init__(self, text: str, type: int | None = None, mid: int | None = None):
        super().__init__(text)
        self.type = type
        self.mid = mid


class TooManyOptions(MessageError):
    """A CoAP message has more options than a node keeps; a request is answered 4.02."""


class EncodeError(LeafkeyError):
    """A value of ours cannot be represented."""


class UnsupportedError(LeafkeyError):
    """An algorithm, suite or option this build does not have."""


class AuthenticationError(LeafkeyError):
    """A MAC or an AEAD tag does not verify."""


class TokenError(LeafkeyError):
    """An AT cannot be accepted or made."""


class UnknownToken(TokenError):
    """No slot has this At in its window."""


class UsedToken(TokenError):
    """The At was accepted before."""


class TokenTooOld(TokenError):
    """The AT number lies before what the branch can still derive."""


class TokenTooFar(TokenError):
    """The AT number lies past the window or past the grant."""


class TokensExhausted(TokenError):
    """The grant has no AT left: ask for a new ticket."""


class ReplayError(LeafkeyError):
    """A message was received before, or may have been (RFC 8613 section 7.4)."""


class SequenceExhausted(LeafkeyError):
    """A security context has no sequence number left: its peers need another one."""


class OutOfStep(LeafkeyError):
    """A change does not follow what is in force, an ST (SPEC 9.1) or a path of a key tree
    (SPEC-GROUP 6.3): the whole of it is needed."""


class NoGroupKey(LeafkeyError):
    """No key of a group serves for this, or not now: the KDC knows (SPEC-GROUP section 5)."""


class UnknownSender(LeafkeyError):
    """No credential of who signed for a group: the KDC may have one."""


class StateError(LeafkeyError):
    """Stored state is missing, corrupt or from another identity."""


class Refused(LeafkeyError):
    """A request that gets no answer from a resource; `response` is the Message to send instead."""

    def __init__(self, response):
        super().__init__("refused")
        self.response = response


class AccessError(LeafkeyError):
    """What an application can act on."""


class Unreachable(AccessError):
    """The peer did not answer within the retransmission span (RFC 7252 section 4.8)."""


class NotAllowed(AccessError):
    """The owner's policy does not allow this request."""


class ConsentDenied(NotAllowed):
    """The owner was asked for this request and said no, or did not answer in time."""


class Evicted(NotAllowed):
    """This node is no member of the group any more: it left, was put out, or the group is gone."""


class ConsentPending(AccessError):
    """The owner is being asked; come again after `seconds`."""

    def __init__(self, seconds: int):
        super().__init__("the owner is being asked")
        self.seconds = seconds


class OutcomeUnknown(AccessError):
    """The server may have acted on the request, or not: repeating it could do it twice."""


class ProtocolError(AccessError):
    """The peer answered, but not with what the protocol allows."""
