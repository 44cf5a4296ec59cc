"""Secrets that would be shown: printed, logged, put into an exception or a repr."""

import ast
from collections.abc import Iterator

from tests.lint.sources import Source, called_name, line_of

# The names that hold key material here, as SPEC and the code call them, and their usual endings.
NAMES = {
    "at_bytes", "conf_k", "ct", "ikm", "int_k", "key", "key32", "leaf", "node", "okm", "param_k",
    "plaintext", "prk", "psk", "secret", "seed", "st", "verif_k", "x",
}  # fmt: skip
ENDINGS = ("_key", "_secret", "_psk", "_seed", "_token_bytes")
# Calls whose result still is the secret; what others return is theirs to keep safe.
TURNING_CALLS = {"hex", "decode", "repr", "str", "format", "hexlify", "bytes", "join", "list"}
SHOWING_CALLS = {"print", "repr", "format", "debug", "info", "warning", "error", "exception", "log"}


def _secret_name(node: ast.AST) -> str:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name if name in NAMES or name.endswith(ENDINGS) else ""


def _shown(node: ast.AST) -> Iterator[str]:
    """Yield the secret names whose values end up in the value of an expression."""
    if isinstance(node, ast.Name | ast.Attribute):
        if _secret_name(node):
            yield _secret_name(node)
        return
    if isinstance(node, ast.Call):
        if called_name(node) not in TURNING_CALLS:
            return
        if isinstance(node.func, ast.Attribute):
            yield from _shown(node.func.value)
    for child in ast.iter_child_nodes(node):
        yield from _shown(child)


def _exposing(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a node that people will read."""
    if isinstance(node, ast.FormattedValue):
        return [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and _is_text(node.left):
        return [node.right]
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        return [*node.exc.args] if called_name(node.exc)[:1].isupper() else []
    if isinstance(node, ast.Call) and called_name(node) in SHOWING_CALLS:
        return [*node.args]
    return []


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def findings(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each secret that a file shows."""
    for node in ast.walk(source.tree):
        for part in _exposing(node):
            for name in _shown(part):
                yield line_of(node), name
