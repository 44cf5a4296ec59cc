"""`leafkey derive`: what an implementer of another node checks himself against."""

import sys
from typing import Annotated

import typer

from leafkey.crypto.provider import default_provider
from leafkey.pat import functions, tree
from leafmanager import units
from leafmanager.errors import UsageError

KEYS = {
    "verif": functions.VERIF_K,
    "psk": functions.PSK,
    "int": functions.INT_K,
    "conf": functions.CONF_K,
}


def derive(
    x: Annotated[
        str, typer.Option("--x", help="The root: 64 hexadecimal digits, or - to read them.")
    ],
    addr: Annotated[str, typer.Option("--addr", help='The node: 3.1.4; "" is the root.')],
    suite: Annotated[str, typer.Option("--suite", help="chacha20 or sha256.")] = "chacha20",
    key: Annotated[
        str | None,
        typer.Option("--key", help="A key of the AT at that node: verif, psk, int or conf."),
    ] = None,
) -> None:
    """Print the 32 bytes of a node of the key tree, or of a key at it, as hexadecimal.

    The node at 3.1.4 is G(G(G(x, 3), 1), 4). Its keys derive from its parent and its index:
    --addr 3.1.4 --key verif prints F(1, G(G(x, 3), 1), 4). See sections 2 and 3 of SPEC.md.

    Secrets on a command line are seen by other users of the machine: give --x - and the root on
    standard input for those that matter.
    """
    root = units.secret(sys.stdin.readline() if x == "-" else x)
    functions_of = functions.suite(default_provider(), units.suite(suite))
    print(_value(functions_of, root, units.address(addr), key).hex())


def _value(suite, root: bytes, address: tuple[int, ...], key: str | None) -> bytes:
    if key is None:
        return tree.derive(suite, root, address)
    label = units.choice(key, KEYS, "key")
    if not address:
        raise UsageError("the root has no keys", "give an address of at least one index")
    return suite.f(label, tree.derive(suite, root, address[:-1]), address[-1])
