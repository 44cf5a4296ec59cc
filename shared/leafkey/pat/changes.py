"""What an ST from SAM makes of the one in force (SPEC 9.1)."""

from leafkey.crypto.compare import equal
from leafkey.errors import DecodeError, OutOfStep
from leafkey.pat import endorsement, functions, tokens

# Changing one of these within an epoch would show leaves twice or as parents (SPEC 3.2).
_FIXED = (
    tokens.SUITE,
    tokens.DEGREE,
    tokens.AT_LEN,
    tokens.WINDOW,
    tokens.AEAD,
    tokens.AUDIENCE,
)


def merge(current: tokens.ServerToken | None, token: tokens.ServerToken):
    """Return the whole ST that results, or None if `token` is older than what is in force.

    OutOfStep if a change does not follow the ST in force; DecodeError if it contradicts it.
    """
    if current is None:
        if not token.is_whole():
            raise OutOfStep("a change without an ST to change")
        return _settled(token, {})
    if token.is_whole():
        if token[tokens.EPOCH] > current[tokens.EPOCH]:
            return _settled(_other_st(current, token), {})
        merged = None if _order(token) < _order(current) else _same_st(current, token)
    else:
        merged = _changed(current, token)
    if merged is None:
        return None
    _check_follows(current, merged)
    return _settled(_carried(current, merged), _closed(current, merged))


def ratcheted(suite, current: tokens.ServerToken, change: tokens.ServerToken):
    """Return the whole ST of the next epoch, whose St both sides derive (SPEC 9.3).

    `suite` is that of the epoch that ends. Only the slots that `change` lists are open in the new
    one. DecodeError if `change` names another epoch than the next, or there is none.
    """
    epoch = current[tokens.EPOCH] + 1
    if change.params.get(tokens.EPOCH, epoch) != epoch or epoch > tokens.MAX_UINT:
        raise DecodeError("a ratchet leads to the next epoch")
    params = dict(current.params)
    # Under another St every generation is new.
    params.pop(tokens.CLOSED, None)
    params.update(change.params)
    params[tokens.EPOCH] = epoch
    params[tokens.SLOTS] = change.params.get(tokens.SLOTS, {})
    return tokens.ServerToken(suite.f(functions.RATCHET, current.st, epoch), params)


def kept_marks(current: tokens.ServerToken | None, merged: tokens.ServerToken, marks: dict) -> dict:
    """Return the marks that stay: those of slots whose generation goes on."""
    return {slot: mark for slot, mark in marks.items() if goes_on(current, merged, slot)}


def goes_on(current: tokens.ServerToken | None, merged: tokens.ServerToken, slot: int) -> bool:
    """Tell whether a slot's Ct is the same in both STs."""
    if current is None or current[tokens.EPOCH] != merged[tokens.EPOCH]:
        return False
    before, after = current[tokens.SLOTS].get(slot), merged[tokens.SLOTS].get(slot)
    return before is not None and after is not None and before.generation == after.generation


def _other_st(current: tokens.ServerToken, token: tokens.ServerToken) -> tokens.ServerToken:
    if equal(token.st, current.st):
        raise DecodeError("the same St in another epoch")
    return token


def _same_st(current: tokens.ServerToken, token: tokens.ServerToken) -> tokens.ServerToken:
    if not equal(token.st, current.st):
        raise DecodeError("another St in the same epoch")
    return token


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
    return tokens.ServerToken(current.st, params)


def _check_follows(current: tokens.ServerToken, merged: tokens.ServerToken):
    for label in _FIXED:
        if current[label] != merged[label]:
            raise DecodeError("a parameter that is fixed for the epoch changed")
    before, closed = current[tokens.SLOTS], current.params.get(tokens.CLOSED, {})
    for slot, grant in merged[tokens.SLOTS].items():
        if grant is None:
            continue
        if slot in before and grant.generation < before[slot].generation:
            raise DecodeError("a generation fell")
        if grant.generation <= closed.get(slot, 0):
            raise DecodeError("a generation that was closed")


def _carried(current: tokens.ServerToken, merged: tokens.ServerToken) -> tokens.ServerToken:
    """Return `merged` with the endorsements that S has taken, as far as they still count.

    Within a generation the lowest version that S takes never falls.
    """
    slots = dict(merged[tokens.SLOTS])
    for slot, before in current[tokens.SLOTS].items():
        if goes_on(current, merged, slot):
            slots[slot] = _endorsed_as(before, slots[slot])
    params = dict(merged.params)
    params[tokens.SLOTS] = slots
    return tokens.ServerToken(merged.st, params)


def _endorsed_as(before: tokens.SlotGrant, grant: tokens.SlotGrant) -> tokens.SlotGrant:
    if not before.lowest and not before.endorsement:
        return grant
    lowest, data = max(before.lowest, grant.lowest), grant.endorsement
    if before.endorsement and not data:
        data = (
            before.endorsement if endorsement.decode(before.endorsement).version >= lowest else b""
        )
    return grant.endorsed(lowest, data)


def _closed(current: tokens.ServerToken, merged: tokens.ServerToken) -> dict:
    """Return the last generations of slots without a grant: their ATs must never come back."""
    closed = dict(current.params.get(tokens.CLOSED, {}))
    for slot, generation in merged.params.get(tokens.CLOSED, {}).items():
        closed[slot] = max(generation, closed.get(slot, 0))
    for slot, grant in current[tokens.SLOTS].items():
        if merged[tokens.SLOTS].get(slot) is None:
            closed[slot] = grant.generation
    return closed


def _settled(token: tokens.ServerToken, closed: dict) -> tokens.ServerToken:
    """Return a whole ST as it is kept: slots without a grant are left out of `slots`."""
    slots = {slot: grant for slot, grant in token[tokens.SLOTS].items() if grant is not None}
    params = dict(token.params)
    params[tokens.SLOTS] = slots
    if closed:
        params[tokens.CLOSED] = {x: r for x, r in closed.items() if x not in slots}
    settled = tokens.ServerToken(token.st, params)
    tokens.check_server_token(settled)
    return settled
