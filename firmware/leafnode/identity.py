"""Who this node is: what provisioning gave it, turned into state on the first start (SPEC 10)."""

from leafkey.codec import cbor
from leafkey.errors import DecodeError, StateError, UnsupportedError
from leafkey.oscore.material import Material, from_fields
from leafnode.state import VerifierState, page_prefix
from leafnode.storage import Files, Storage

IDENTITY = "identity"
NODE = "node"
SERVER_TOKEN = "st"
GRANT_PREFIX = "ct-"
GROUP_PREFIX = "group-"

_NAME = 1
_MANAGER = 2
# What identities had before channels were OSCORE contexts.
_CLIENT_TOKEN = 3
_SERVER_TOKEN = 4
_HAS_CAM = 5
_CHANNEL = 6
_IS_SERVER = 7
_MANAGER_NAME = 8
_NEEDED = (_NAME, _MANAGER, _CHANNEL, _MANAGER_NAME)
_FLAGS = (_HAS_CAM, _IS_SERVER)

_NEW_ONE = ": provision this node again"


class Identity:
    """A node's name, its manager's URI and name, and what the two share.

    `has_cam`: the manager is a CAM, which asks the SAMs of servers for this node.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        manager: str,
        manager_name: str,
        channel: Material,
        is_server: bool,
        has_cam: bool,
    ):
        self.storage = storage
        self.name = name
        self.manager = manager
        self.manager_name = manager_name
        self.channel = channel
        self.is_server = is_server
        self.has_cam = has_cam

    def server_token(self) -> VerifierState:
        """Return the store of the ST that this node serves under."""
        return VerifierState(self.storage, SERVER_TOKEN)


def load(provider, directory: str, files: Files | None = None) -> Identity:
    """Return the identity in a state directory, taking up a fresh one that provisioning left.

    StateError says what is missing and what to do. It is kept twice: only provisioning could bring
    it back.
    """
    storage = Storage(directory, files)
    provisioned = storage.take_raw(IDENTITY)
    if provisioned is not None:
        _take_up(provider, storage, provisioned)
    storage.mend(NODE)
    record = storage.read(NODE)
    if record is None:
        raise StateError("no identity in " + directory + ": provision this node first")
    try:
        fields = cbor.decode_array(record, 6)
        name, manager, manager_name, channel, is_server, has_cam = fields
        channel = from_fields(channel)
        return Identity(storage, name, manager, manager_name, channel, is_server, has_cam)
    except DecodeError:
        text = "the identity in " + directory + " is damaged, or of an earlier version"
        raise StateError(text + _NEW_ONE)


def _take_up(provider, storage: Storage, provisioned: bytes):
    """Make state of an identity; only then remove it, so that a cut in between starts over."""
    record = _record(provider, provisioned)
    # The ST before its pages: one that lacks a page would be a damaged one.
    pages = storage.names(page_prefix(SERVER_TOKEN))
    owned = storage.names(GRANT_PREFIX) + storage.names(GROUP_PREFIX)
    for name in [NODE, SERVER_TOKEN] + pages + owned:
        storage.remove(name)
    storage.write(NODE, record, twice=True)
    storage.remove(IDENTITY)


def _record(provider, provisioned: bytes) -> bytes:
    """Return what is stored of an identity."""
    try:
        fields = cbor.decode(provisioned)
        if isinstance(fields, dict) and (_CLIENT_TOKEN in fields or _SERVER_TOKEN in fields):
            raise StateError("the identity is of an earlier version" + _NEW_ONE)
        names, channel, is_server, has_cam = _checked(fields)
        provider.aead(channel.alg)
    except DecodeError:
        raise StateError("the identity is not readable" + _NEW_ONE)
    except UnsupportedError:
        raise StateError("the identity needs an AEAD that this build lacks" + _NEW_ONE)
    return cbor.encode(names + [channel.fields(), is_server, has_cam])


def _checked(fields: object) -> tuple:
    """Return ([name, manager, its name], Material, is_server, has_cam)."""
    if not isinstance(fields, dict) or [label for label in _NEEDED if label not in fields]:
        raise DecodeError("an identity is a map with a name, a manager and a channel")
    for label in fields:
        # Unknown labels could be restrictions.
        if label not in _NEEDED and (label not in _FLAGS or fields[label] is not True):
            raise DecodeError("a label of an identity that there is none of")
    # A server hears the manager that has its tokens; that is a SAM.
    if _HAS_CAM in fields and _IS_SERVER in fields:
        raise DecodeError("a CAM manages clients alone")
    names = [fields[label] for label in (_NAME, _MANAGER, _MANAGER_NAME)]
    if not all(isinstance(name, str) for name in names):
        raise DecodeError("names are text")
    channel = from_fields(fields[_CHANNEL])
    return names, channel, _IS_SERVER in fields, _HAS_CAM in fields
