"""Payloads between members and the KDC (RFC 9594): content format 261.

Each `decode_*` returns the parameters that belong into that message, by label (`labels`) and with
their types checked; parameters that are unknown or belong elsewhere are left out. DecodeError for
what is malformed, missing, or there without what it needs. Whether roles, group and evidence are
right is not looked at here.
"""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.group import creds, fields, labels, material

# A list of members' credentials has three items a member.
MAX_ITEMS = const(1024)


def encode(parameters: dict) -> bytes:
    """Return the payload of parameters by label."""
    return cbor.encode(parameters)


def decode_join_request(data: bytes) -> dict:
    """Return a Join Request's parameters (section 4.3.1); `get_creds` is a creds.Filter or None.

    A byte string that is empty stands for a credential, or evidence, that the KDC has already.
    """
    request = _decode(data, _JOIN_REQUEST, (labels.CNONCE,))
    _needs(request, labels.CLIENT_CRED_VERIFY, labels.CLIENT_CRED)
    return request


def decode_join_response(data: bytes) -> dict:
    """Return a Join Response's parameters (section 4.3.1)."""
    response = _decode(data, _JOIN_RESPONSE, (labels.GKTY, labels.KEY, labels.NUM))
    _check_members(response)
    _needs(response, labels.EXP, labels.EXI)
    _needs(response, labels.MGT_KEY_MATERIAL, labels.REKEYING_SCHEME)
    for label in (labels.KDC_NONCE, labels.KDC_CRED_VERIFY):
        _needs(response, labels.KDC_CRED, label)
        _needs(response, label, labels.KDC_CRED)
    return _with_key(response, False)


def decode_keys(data: bytes) -> dict:
    """Return the parameters of a rekeying message, or of an answer with keys (sections 4.3.2, 6).

    `key` has what all members share; how a member signs, and its Sender ID, stay as they were.
    """
    keys = _decode(data, _KEYS, (labels.GKTY, labels.KEY, labels.NUM))
    _check_members(keys)
    _needs(keys, labels.EXP, labels.EXI)
    return _with_key(keys, True)


def decode_creds(data: bytes) -> dict:
    """Return the parameters of an answer with credentials (section 4.4)."""
    found = _decode(data, _CREDS, (labels.NUM, labels.CREDS, labels.PEER_IDENTIFIERS))
    _check_members(found)
    return found


def decode_creds_request(data: bytes):
    """Return the creds.Filter of a FETCH of credentials (section 4.4.1), None for all."""
    return _decode(data, {labels.GET_CREDS: creds.decode}, (labels.GET_CREDS,))[labels.GET_CREDS]


def decode_cred_update(data: bytes) -> dict:
    """Return a new credential of a member, its nonce and evidence (section 4.9.1)."""
    wanted = (labels.CLIENT_CRED, labels.CNONCE, labels.CLIENT_CRED_VERIFY)
    return _decode(data, _JOIN_REQUEST, wanted)


def decode_kdc_cred(data: bytes) -> dict:
    """Return the KDC's credential, its nonce and evidence (section 4.5)."""
    wanted = (labels.KDC_CRED, labels.KDC_NONCE, labels.KDC_CRED_VERIFY)
    return _decode(data, _JOIN_RESPONSE, wanted)


def decode_policies(data: bytes) -> dict:
    """Return the policies of a group by their labels (section 4.6)."""
    wanted = (labels.GROUP_POLICIES,)
    return _decode(data, _JOIN_RESPONSE, wanted)[labels.GROUP_POLICIES]


def decode_num(data: bytes) -> int:
    """Return the version number that stands alone (section 4.7)."""
    return fields.num(cbor.decode(data))


def decode_individual(data: bytes) -> bytes:
    """Return the Sender ID of an answer with individual keying material (section 4.8.2)."""
    wanted = labels.GROUP_SENDER_ID
    return _decode(data, {wanted: fields.sender_id}, (wanted,))[wanted]


def decode_gids(data: bytes) -> list:
    """Return the Gids that are asked for (section 4.2.1)."""
    return _decode(data, {labels.GID: fields.array_of(_gid)}, (labels.GID,))[labels.GID]


def decode_groups(data: bytes) -> list:
    """Return (gid, name, uri) of each group in an answer (section 4.2.1)."""
    columns = (labels.GID, labels.GNAME, labels.GURI)
    found = _decode(data, _GROUPS, columns)
    gids, names, uris = [found[label] for label in columns]
    if not len(gids) == len(names) == len(uris):
        raise DecodeError("the arrays of an answer about groups are parallel")
    return list(zip(gids, names, uris))


def decode_challenge(data: bytes) -> dict:
    """Return what a 4.00 to a Join Request tells (section 4.3.1): nonce, how members sign."""
    return _decode(data, _CHALLENGE, ())


def decode_state(data: bytes) -> dict:
    """Return what a member has stored of itself (SPEC-GROUP section 5.4)."""
    state = _decode(data, _STATE, (labels.GNAME, labels.GKTY, labels.KEY, labels.NUM))
    return _with_key(state, False)


def _decode(data: bytes, checks: dict, required: tuple) -> dict:
    return fields.known(cbor.decode(data, max_items=MAX_ITEMS, lenient=True), checks, required)


def _needs(parameters: dict, label: int, other: int):
    if label in parameters and other not in parameters:
        raise DecodeError("a parameter without the one it belongs to")


def _check_members(parameters: dict):
    """Credentials, roles and identifiers are of the same members, in the same order."""
    columns = (labels.CREDS, labels.PEER_IDENTIFIERS, labels.PEER_ROLES)
    for label in columns[1:]:
        _needs(parameters, label, labels.CREDS)
    _needs(parameters, labels.CREDS, labels.PEER_IDENTIFIERS)
    sizes = [len(parameters[label]) for label in columns if label in parameters]
    if sizes and min(sizes) != max(sizes):
        raise DecodeError("the arrays about members are parallel")


def _with_key(parameters: dict, is_rekeying: bool) -> dict:
    """Decode `key` as its type has it; a type that is not ours keeps the map."""
    if parameters[labels.GKTY] == labels.GROUP_PUBSUB_KEYING_MATERIAL:
        parameters[labels.KEY] = material.pubsub(parameters[labels.KEY])
    elif parameters[labels.GKTY] == labels.GROUP_OSCORE_INPUT_MATERIAL:
        parameters[labels.KEY] = material.oscore(parameters[labels.KEY], is_rekeying)
    return parameters


def _gid(value: object):
    return fields.octets(value, fields.MAX_GID) if isinstance(value, bytes) else fields.label(value)


def _roles(value: object):
    return fields.array_of(fields.text)(value) if isinstance(value, list) else fields.label(value)


def _policies(value: object) -> dict:
    policies = dict(fields.mapping(value))
    policies.update(fields.known(policies, _POLICIES))
    return policies


def _sign_info(value: object):
    return None if value is None else fields.array_of(fields.array)(value)


_POLICIES = {
    labels.SYNC_METHOD: fields.label,
    labels.KEY_UPDATE_CHECK_INTERVAL: fields.uint,
    labels.EXPIRATION_DELTA: fields.uint,
}
_GROUPS = {
    labels.GID: fields.array_of(_gid),
    labels.GNAME: fields.array_of(fields.text),
    labels.GURI: fields.array_of(fields.text),
}
_JOIN_REQUEST = {
    labels.SCOPE: fields.octets,
    labels.GET_CREDS: creds.decode_at_join,
    labels.CLIENT_CRED: fields.octets,
    labels.CNONCE: fields.nonce,
    labels.CLIENT_CRED_VERIFY: fields.octets,
    labels.CREDS_REPO: fields.text,
    labels.CONTROL_URI: fields.text,
}
_CREDS = {
    labels.NUM: fields.num,
    labels.CREDS: fields.array_of(fields.octets),
    labels.PEER_ROLES: fields.array_of(_roles),
    labels.PEER_IDENTIFIERS: fields.array_of(fields.sender_id),
}
_KEYS = {
    labels.GKTY: fields.label,
    labels.KEY: fields.mapping,
    labels.ACE_GROUPCOMM_PROFILE: fields.integer,
    labels.EXP: fields.uint,
    labels.EXI: fields.uint,
    labels.REKEYING_SCHEME: fields.integer,
    labels.GROUP_SENDER_ID: fields.sender_id,
    labels.MGT_KEY_MATERIAL: lambda value: fields.octets(value, fields.MAX_MATERIAL),
    labels.STALE_NODE_IDS: fields.array_of(fields.sender_id),
}
_KEYS.update(_CREDS)
_JOIN_RESPONSE = {
    labels.GROUP_POLICIES: _policies,
    labels.KDC_CRED: fields.octets,
    labels.KDC_NONCE: fields.nonce,
    labels.KDC_CRED_VERIFY: fields.octets,
    labels.CONTROL_GROUP_URI: fields.text,
    labels.SIGN_ENC_KEY: fields.octets,
}
_JOIN_RESPONSE.update(_KEYS)
_STATE = {labels.GNAME: fields.array_of(fields.text)}
_STATE.update(_JOIN_RESPONSE)
_CHALLENGE = {
    labels.SIGN_INFO: _sign_info,
    labels.KDCCHALLENGE: fields.nonce,
    labels.ECDH_INFO: _sign_info,
    labels.KDC_DH_CREDS: fields.array,
}
