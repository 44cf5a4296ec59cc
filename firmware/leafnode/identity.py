"""Who this node is: what provisioning gave it, turned into state on the first start (SPEC 10)."""

from leafkey.codec import cbor
from leafkey.errors import DecodeError, StateError
from leafkey.pat import tokens
from leafkey.pat.presenter import Presenter
from leafnode.state import VerifierState, page_prefix
from leafnode.storage import Files, Storage

IDENTITY = "identity"
NODE = "node"
UPLINK = "uplink"
DOWNLINK = "downlink"
SERVER_TOKEN = "st"
GRANT_PREFIX = "ct-"

_NAME = 1
_MANAGER = 2
_CLIENT_TOKEN = 3
_SERVER_TOKEN = 4
_HAS_CAM = 5


class Identity:
    """A node's name, its manager's URI, and the keys between the two.

    `has_cam`: the manager is a CAM, which asks the SAMs of servers for this node.
    """

    def __init__(
        self,
        provider,
        storage: Storage,
        name: str,
        manager: str,
        is_server: bool,
        has_cam: bool = False,
    ):
        self._provider = provider
        self.storage = storage
        self.name = name
        self.manager = manager
        self.is_server = is_server
        self.has_cam = has_cam

    def uplink(self) -> Presenter:
        """Return what authorizes this node at its manager."""
        state = self.storage.read(UPLINK)
        if state is None:
            raise StateError("no key for the manager: provision this node again")
        return Presenter.restore(self._provider, state, self._save_uplink)

    def downlink(self) -> VerifierState:
        """Return the store of what authorizes the manager at this node."""
        return VerifierState(self.storage, DOWNLINK, twice=True)

    def server_token(self) -> VerifierState:
        """Return the store of the ST that this node serves under."""
        return VerifierState(self.storage, SERVER_TOKEN)

    def _save_uplink(self, state: bytes):
        self.storage.write(UPLINK, state, twice=True)


def load(provider, directory: str, files: Files | None = None) -> Identity:
    """Return the identity in a state directory, taking up a fresh one that provisioning left.

    StateError says what is missing and what to do. What only provisioning could bring back is kept
    twice: the channels' keys and whose they are.
    """
    storage = Storage(directory, files)
    provisioned = storage.take_raw(IDENTITY)
    if provisioned is not None:
        _take_up(provider, storage, provisioned)
    for name in [NODE, UPLINK, DOWNLINK] + storage.names(page_prefix(DOWNLINK)):
        storage.mend(name)
    record = storage.read(NODE)
    if record is None:
        raise StateError("no identity in " + directory + ": provision this node first")
    try:
        name, manager, is_server, has_cam = cbor.decode_array(record, 4)
    except DecodeError:
        raise StateError("the identity in " + directory + " is damaged: provision this node again")
    return Identity(provider, storage, name, manager, is_server, has_cam)


def _take_up(provider, storage: Storage, provisioned: bytes):
    """Make state of an identity; only then remove it, so that a cut in between starts over."""
    name, manager, ct, st, has_cam = _decode(provisioned)
    for record in (NODE, SERVER_TOKEN, DOWNLINK):
        storage.remove(record)
    for prefix in (GRANT_PREFIX, page_prefix(SERVER_TOKEN), page_prefix(DOWNLINK)):
        for record in storage.names(prefix):
            storage.remove(record)
    Presenter(provider, ct, lambda state: storage.write(UPLINK, state, twice=True))
    if st is not None:
        VerifierState(storage, DOWNLINK, twice=True).put_token(st, {})
    storage.write(NODE, cbor.encode([name, manager, st is not None, has_cam]), twice=True)
    storage.remove(IDENTITY)


def _decode(provisioned: bytes) -> tuple:
    try:
        fields = cbor.decode(provisioned)
        if not isinstance(fields, dict):
            raise DecodeError("an identity is a map")
        name, manager = fields[_NAME], fields[_MANAGER]
        ct = tokens.client_token(fields[_CLIENT_TOKEN])
        st = fields.get(_SERVER_TOKEN)
        st = None if st is None else tokens.server_token(st)
        return name, manager, ct, st, _has_cam(fields)
    except (DecodeError, KeyError, TypeError, AttributeError):
        raise StateError("the identity is not readable: provision this node again")


def _has_cam(fields: dict) -> bool:
    if _HAS_CAM not in fields:
        return False
    # A server hears the manager that has its tokens; that is a SAM.
    if fields[_HAS_CAM] is not True or _SERVER_TOKEN in fields:
        raise DecodeError("a CAM manages clients alone")
    return True
