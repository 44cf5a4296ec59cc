"""`leafkey derive`: what an implementer of another node checks himself against."""

import sys
from typing import Annotated

import typer

from leafkey.crypto.provider import default_provider
from leafkey.pat import functions, tree
from leafmanager import units
from leafmanager.errors import UsageError

IDENTITY = "identity"
KEYS = {
    "verif": functions.VERIF_K,
    "psk": functions.PSK,
    "int": functions.INT_K,
    "conf": functions.CONF_K,
}
# Bytes of At in a psk_identity.
IDENTITY_LEN = 16


def derive(
    x: Annotated[
        str, typer.Option("--x", help="The root: 64 hexadecimal digits, or - to read them.")
    ],
    addr: Annotated[str, typer.Option("--addr", help='The node: 3.1.4; "" is the root.')],
    suite: Annotated[str, typer.Option("--suite", help="chacha20 or sha256.")] = "chacha20",
    key: Annotated[
        str | None,
        typer.Option("--key", help="Of the AT there: verif, psk, int, conf, or identity."),
    ] = None,
) -> None:
    """Print the 32 bytes of a node of the key tree, or of a key at it, as hexadecimal.

    The node at 3.1.4 is G(G(G(x, 3), 1), 4). Its keys derive from its parent and its index:
    --addr 3.1.4 --key verif prints F(1, G(G(x, 3), 1), 4). See sections 2 and 3 of SPEC.md.

    --key psk and --key identity are the key and the psk_identity of a DTLS client (section 5.9).

    Secrets on a command line are seen by other users of the machine: give --x - and the root on
    standard input for those that matter.
    """
    root = units.secret(sys.stdin.readline() if x == "-" else x)
    functions_of = functions.suite(default_provider(), units.suite(suite))
    print(_value(functions_of, root, units.address(addr), key).hex())


def _value(suite, root: bytes, address: tuple[int, ...], key: str | None) -> bytes:
    if key is None:
        return tree.derive(suite, root, address)
    if key == IDENTITY:
        return tree.derive(suite, root, address)[:IDENTITY_LEN]
    label = units.choice(key, KEYS, "key")
    if not address:
        raise UsageError("the root has no keys", "give an address of at least one index")
    return suite.f(label, tree.derive(suite, root, address[:-1]), address[-1])
