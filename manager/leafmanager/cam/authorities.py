"""The SAMs that a CAM shares a channel with: each has provisioned it as a client (SPEC 10)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.oscore.material import Material, from_fields
from leafmanager.cam.tables import Authority
from leafmanager.errors import ManagerError, UsageError
from leafmanager.issue import TOKEN_PATH

# Labels of an identity (SPEC section 10).
_NAME, _URI, _CHANNEL, _SAM = 1, 2, 6, 8


def join(session: Session, identity: bytes, name: str | None) -> Authority:
    """Take up what a SAM gave this CAM at provisioning; it is called `name`, or as it calls itself.

    UsageError if these bytes are no client's identity, ManagerError if that SAM is known already.
    """
    known_as, uri, channel, calls_itself = _decoded(identity)
    called = name or calls_itself
    for known in session.scalars(select(Authority)):
        if known.uri == uri:
            raise ManagerError(
                f"this CAM has joined {known.name} at {uri} already",
                f"leave it first with 'leafkey cam leave {known.name}'",
            )
        if known.name == called:
            raise ManagerError(f"a SAM is called {called!r} already", "choose a name with --name")
    joined = Authority(name=called, uri=uri, known_as=known_as, **vars(channel))
    session.add(joined)
    session.flush()
    return joined


def by_token_uri(session: Session, uri: str | None) -> Authority | None:
    """Return the SAM that a server's hints name, if this CAM shares a channel with it."""
    found = session.scalars(select(Authority))
    return next((known for known in found if known.uri + TOKEN_PATH == uri), None)


def named(session: Session, name: str | None) -> Authority:
    """Return the SAM of that name, or the only one there is; ManagerError if it is not clear."""
    known = list(session.scalars(select(Authority).order_by(Authority.name)))
    if not known:
        raise ManagerError("this CAM has joined no SAM", "see 'leafkey cam join --help'")
    fitting = [one for one in known if name in (None, one.name)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(one.name for one in known)
    problem = "there are several SAMs" if name is None else f"there is no SAM called {name!r}"
    raise ManagerError(problem, f"choose one of: {names}")


def _decoded(identity: bytes) -> tuple[str, str, Material, str]:
    """Return the CAM's name, the SAM's URI, what they share, and the SAM's name."""
    try:
        fields = cbor.decode(identity)
        if not isinstance(fields, dict) or set(fields) != {_NAME, _URI, _CHANNEL, _SAM}:
            raise DecodeError("not the identity of a client of a SAM")
        names = [fields[label] for label in (_NAME, _URI, _SAM)]
        if not all(isinstance(name, str) for name in names):
            raise DecodeError("names are text")
        known_as, uri, calls_itself = names
        return known_as, uri, from_fields(fields[_CHANNEL]), calls_itself
    except DecodeError as error:
        raise UsageError(
            f"this is no identity for a CAM: {error}",
            "let the SAM's owner make one with 'leafkey client add NAME'",
        ) from None
