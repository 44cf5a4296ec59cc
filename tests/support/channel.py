"""The node's end of a channel, made of an identity, for tests that stand in for nodes (SPEC 10)."""

import asyncio
import os
from pathlib import Path

from leafkey.coap.message import Message
from leafkey.coap.numbers import OSCORE, UNAUTHORIZED
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.oscore.association import Association
from leafkey.oscore.context import Context, Incoming, header_of
from leafkey.oscore.material import Material, from_fields
from leafkey.oscore.recipients import unprotect

# Labels of an identity.
NAME, URI, HAS_CAM, CHANNEL, IS_SERVER, MANAGER = 1, 2, 5, 6, 7, 8


def fields_of(identity: Path) -> dict:
    """Return what an identity file says."""
    fields = cbor.decode(identity.read_bytes())
    assert isinstance(fields, dict)
    return fields


def association_of(material: Material) -> Association:
    """Return one end with no context yet."""
    return Association(default_provider(), os.urandom, material, asyncio.Lock())


def node_end(fields: dict) -> Association:
    """Return the node's end of the channel in an identity."""
    return association_of(from_fields(fields[CHANNEL]))


def manager_end(fields: dict) -> Association:
    """Return the manager's end of the channel in an identity."""
    return association_of(from_fields(fields[CHANNEL]).mirrored())


def received(end: Association, message: Message) -> Incoming:
    """Return what a request carries; Refused carries the answer to all others."""
    if message.option(OSCORE) is None:
        raise Refused(Message(UNAUTHORIZED))
    return unprotect(message, lambda kid: [end] if kid == end.kid else [])[1]


def newest(end: Association) -> Context:
    """Return the context in which an end makes its next request."""
    return end._contexts[0]


def kid_context_of(message: Message) -> bytes | None:
    """Return the kid context of a protected message."""
    return header_of(message).kid_context
