"""Who may import whom, as rules over imports."""

import ast
from collections.abc import Iterator

from tests.lint.sources import CPYTHON_ONLY, Source

# What each room of the core may import from the others; the rooms below it, never those above.
ROOMS = {
    "": set(),
    "compat": set(),
    "errors": set(),
    "codec": {"compat", "errors"},
    "crypto": {"compat", "errors", "codec"},
    "coap": {"compat", "errors", "codec"},
    "ace": {"compat", "errors", "codec", "crypto", "coap", "oscore"},
    "pat": {"compat", "errors", "codec", "crypto", "coap", "ace", "oscore"},
    "group": {"compat", "errors", "codec", "crypto", "coap", "ace", "oscore", "pat"},
    "oscore": {"compat", "errors", "codec", "crypto", "coap"},
}
# CoAP knows no CBOR and no crypto: of the codec it uses the bounded reader alone.
COAP_CODEC = "leafkey.codec.buffer"
# Outside modules: on both runtimes, without I/O, clock or randomness.
CORE_OUTSIDE = {"array", "binascii", "collections", "struct"}
ROOM_OUTSIDE = {
    "compat": {"micropython", "sys"},
    "crypto": {"cryptolib", "hashlib", "micropython", "sys"},
}
PYCA_OUTSIDE = {"cryptography", "hashlib", "hmac"}
# What MicroPython's ports have of the standard library, and a node needs.
NODE_OUTSIDE = CORE_OUTSIDE | {
    "asyncio", "errno", "gc", "hashlib", "io", "json", "machine", "micropython", "os", "random",
    "select", "socket", "sys", "time", "tls",
}  # fmt: skip


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import; `from a import b` gives `a.b`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}" if node.level == 0 else "."


def room(module: str) -> str:
    """Return the room of a dotted name of the core: `codec` of `leafkey.codec.cbor`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _core(source: Source, name: str) -> str:
    own = room(source.module)
    if name.startswith("leafkey."):
        target = room(name)
        if own == "coap" and target == "codec" and not name.startswith(COAP_CODEC):
            return "CoAP uses nothing of the codec but its buffer"
        return "" if target == own or target in ROOMS[own] else f"{own} stands below {target}"
    outside = PYCA_OUTSIDE if source.path == CPYTHON_ONLY else CORE_OUTSIDE
    allowed = outside | ROOM_OUTSIDE.get(own, set())
    return "" if name.split(".", maxsplit=1)[0] in allowed else "the core does not know this module"


def _node(source: Source, name: str) -> str:
    top = name.split(".", maxsplit=1)[0]
    if top == "leafmanager":
        return "firmware and manager never meet"
    # What stands under somebody's application uses the node, and its own package.
    known = NODE_OUTSIDE | {"leafkey", "leafnode", source.module.split(".", maxsplit=1)[0]}
    return "" if top in known else "a board does not have this"


def problem(source: Source, name: str) -> str:
    """Return why `source` may not import `name`, or an empty string."""
    if name == ".":
        return "imports are absolute"
    if source.path.startswith("shared/"):
        return _core(source, name)
    if source.path.startswith("firmware/"):
        return _node(source, name)
    return "firmware and manager never meet" if name.split(".", maxsplit=1)[0] == "leafnode" else ""


def problems(source: Source) -> list[str]:
    """Return what is wrong with a file's imports, as `path:line: name: why`."""
    found = [(line, name, problem(source, name)) for line, name in imported(source)]
    return [f"{source.path}:{line}: {name}: {why}" for line, name, why in found if why]
