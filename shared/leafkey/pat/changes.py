"""What an ST from SAM makes of the one in force (SPEC 9.1)."""

from leafkey.crypto.compare import equal
from leafkey.errors import DecodeError, OutOfStep
from leafkey.pat import tokens

# Changing one of these within an epoch would show leaves twice or as parents (SPEC 3.2).
_FIXED = (tokens.SUITE, tokens.DEGREE, tokens.AT_LEN, tokens.AEAD, tokens.AUDIENCE)


def merge(current: tokens.ServerToken | None, token: tokens.ServerToken):
    """Return the whole ST that results, or None if `token` is older than what is in force.

    OutOfStep if a change does not follow the ST in force; DecodeError if it contradicts it.
    """
    if token.is_whole():
        if current is None or token[tokens.EPOCH] > current[tokens.EPOCH]:
            return token
        if _order(token) < _order(current):
            return None
        if not equal(token.st, current.st):
            raise DecodeError("another St in the same epoch")
        merged = token
    elif current is None:
        raise OutOfStep("a change without an ST to change")
    else:
        merged = _changed(current, token)
        if merged is None:
            return None
    _check_follows(current, merged)
    return merged


def kept_marks(current: tokens.ServerToken | None, merged: tokens.ServerToken, marks: dict) -> dict:
    """Return the marks that stay: those of slots whose generation goes on."""
    if current is None or current[tokens.EPOCH] != merged[tokens.EPOCH]:
        return {}
    slots = merged[tokens.SLOTS]
    return {slot: mark for slot, mark in marks.items() if _goes_on(current, slots, slot)}


def _goes_on(current: tokens.ServerToken, slots: dict, slot: int) -> bool:
    before, after = current[tokens.SLOTS].get(slot), slots.get(slot)
    return before is not None and after is not None and before.generation == after.generation


def _order(token: tokens.ServerToken) -> tuple:
    return token[tokens.EPOCH], token[tokens.VERSION]


def _changed(current: tokens.ServerToken, change: tokens.ServerToken):
    epoch = change.params.get(tokens.EPOCH, current[tokens.EPOCH])
    if epoch == current[tokens.EPOCH] and change[tokens.VERSION] <= current[tokens.VERSION]:
        return None
    if epoch != current[tokens.EPOCH] or change[tokens.VERSION] != current[tokens.VERSION] + 1:
        raise OutOfStep("the change does not follow the ST in force")
    params = dict(current.params)
    params.update(change.params)
    params[tokens.SLOTS] = dict(current[tokens.SLOTS])
    params[tokens.SLOTS].update(change.params.get(tokens.SLOTS, {}))
    merged = tokens.ServerToken(current.st, params)
    tokens.check_server_token(merged)
    return merged


def _check_follows(current: tokens.ServerToken, merged: tokens.ServerToken):
    for label in _FIXED:
        if current[label] != merged[label]:
            raise DecodeError("a parameter that is fixed for the epoch changed")
    before = current[tokens.SLOTS]
    for slot, grant in merged[tokens.SLOTS].items():
        known = before.get(slot)
        if grant is not None and known is not None and grant.generation < known.generation:
            raise DecodeError("a generation fell")
