"""Which group, and in which roles: one entry of a scope (RFC 9594 section 3.1).

In AIF `[name, Tperm]`, whose bits are roles (`labels`); else `[name, ? role / [2* role]]` in text.
In memory roles are an integer, or a list of texts.
"""

from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.group import fields
from leafkey.group.labels import DELETE_TOPIC, MONITOR, PUBSUB_ADMIN, REQUESTER, RESPONDER, VERIFIER


class Scope:
    """A group's name, and roles in it."""

    def __init__(self, name: str, roles):
        self.name = name
        self.roles = roles


def encode(scope: Scope) -> bytes:
    """Return what the byte string of `scope` holds: one entry."""
    return cbor.encode(_entry(scope))


def decode(data: bytes) -> Scope:
    """Return the one entry in the byte string of `scope`; DecodeError if it is none."""
    return _scope(cbor.decode(data, lenient=True))


def encode_list(scopes: list) -> bytes:
    """Return what the byte string of a token's `scope` holds."""
    return cbor.encode([_entry(scope) for scope in scopes])


def decode_list(data: bytes) -> list:
    """Return the entries of a token's scope, at least one; DecodeError otherwise."""
    entries = [_scope(entry) for entry in fields.array(cbor.decode(data, lenient=True))]
    if not entries:
        raise DecodeError("a scope without an entry")
    return entries


def covers(roles, wanted) -> bool:
    """Tell whether `roles` of a token are of the kind of `wanted` ones, and have them all."""
    if fields.is_int(roles) and fields.is_int(wanted):
        return roles & wanted == wanted
    if isinstance(roles, list) and isinstance(wanted, list):
        return all(role in roles for role in wanted)
    return False


def check_oscore_roles(roles):
    """Raise DecodeError unless a node may join an OSCORE group in these roles.

    A monitor does nothing else; a verifier is no member.
    """
    fields.uint(roles, 2 * VERIFIER - 1)
    is_monitor = roles == MONITOR
    if not is_monitor and (roles == 0 or roles & ~(REQUESTER | RESPONDER)):
        raise DecodeError("no roles of an OSCORE group's member")


def check_pubsub_roles(roles):
    """Raise DecodeError unless these are permissions of a pub/sub scope."""
    fields.uint(roles, 2 * DELETE_TOPIC - 1)
    if roles == 0 or roles & PUBSUB_ADMIN:
        raise DecodeError("no permissions in a pub/sub group")


def _entry(scope: Scope) -> list:
    if fields.is_int(scope.roles):
        return [scope.name, scope.roles]
    if len(scope.roles) == 1:
        return [scope.name, scope.roles[0]]
    return [scope.name, scope.roles] if scope.roles else [scope.name]


def _scope(entry: object) -> Scope:
    parts = fields.array(entry)
    if not 1 <= len(parts) <= 2:
        raise DecodeError("a scope is a name and roles")
    name = fields.text(parts[0])
    roles = parts[1] if len(parts) == 2 else []
    if fields.is_int(roles):
        return Scope(name, fields.uint(roles))
    if not isinstance(roles, list):
        return Scope(name, [fields.text(roles)])
    if len(roles) == 1 or (len(parts) == 2 and not roles):
        raise DecodeError("a list of roles has two or more")
    return Scope(name, [fields.text(role) for role in roles])
