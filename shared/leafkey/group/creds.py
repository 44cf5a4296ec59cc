"""Which members' credentials are asked for: `get_creds` (RFC 9594 sections 4.1.2.1 and 4.2.1)."""

from leafkey.errors import DecodeError
from leafkey.group import fields


class Filter:
    """[inclusion flag, [roles or combinations of roles], [node identifiers]].

    `roles` are those of `scope`: an integer has all roles of a combination as its bits, a list of
    texts all of them.
    """

    def __init__(self, includes: bool, roles: list, ids: list):
        self.includes = includes
        self.roles = roles
        self.ids = ids

    def to_cbor(self) -> list:
        """Return the array that CBOR carries."""
        return [self.includes, self.roles, self.ids]

    def matches(self, roles, id: bytes) -> bool:
        """Tell whether the credential of a member with these roles is asked for.

        With the flag: one that has the roles, or is listed. Without: one that has the roles, or
        whatever if none are named, and is not listed.
        """
        has_roles = any(_has(roles, wanted) for wanted in self.roles)
        if self.includes:
            return has_roles or id in self.ids
        return (has_roles or not self.roles) and id not in self.ids


def decode(value: object) -> Filter | None:
    """Return the filter in a decoded `get_creds`; None for null, which asks for all.

    DecodeError for anything else, also where neither roles nor identifiers are named.
    """
    if value is None:
        return None
    parts = fields.array(value)
    if len(parts) != 3 or (parts[0] is not True and parts[0] is not False):
        raise DecodeError("a filter is a flag, roles and identifiers")
    roles = [_combination(element) for element in fields.array(parts[1])]
    ids = fields.array_of(fields.sender_id)(parts[2])
    if not roles and not ids:
        raise DecodeError("a filter that filters nothing")
    return Filter(parts[0] is True, roles, ids)


def decode_at_join(value: object) -> Filter | None:
    """Return the filter of a Join Request: null, or by roles alone, since nobody is known yet."""
    asked = decode(value)
    if asked is not None and (not asked.includes or asked.ids):
        raise DecodeError("a filter of a Join Request goes by roles")
    return asked


def _combination(value: object):
    if isinstance(value, list):
        if len(value) < 2:
            raise DecodeError("a combination has two or more roles")
        return [fields.label(role) for role in value]
    if isinstance(value, str):
        return fields.text(value)
    return fields.uint(value)


def _has(roles, wanted) -> bool:
    if isinstance(wanted, list):
        return all(_has(roles, role) for role in wanted)
    if fields.is_int(roles):
        return fields.is_int(wanted) and wanted != 0 and roles & wanted == wanted
    return wanted in roles
