"""The project's sources as syntax trees, for the tests that read them instead of running them."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CPYTHON_ONLY = "shared/leafkey/crypto/pyca.py"


class Source(NamedTuple):
    """One file: its path below the project's root, its dotted module name, its tree."""

    path: str
    module: str
    tree: ast.Module


def parse(text: str, path: str = "shared/leafkey/sample.py") -> Source:
    """Return a source from text, as if it lay at `path`."""
    parts = list(Path(path).with_suffix("").parts[1:])
    if parts[-1] == "__init__":
        parts.pop()
    return Source(path, ".".join(parts), ast.parse(text))


def below(*folders: str) -> Iterator[Source]:
    """Yield every Python file of some folders of the project."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            yield parse(file.read_text(encoding="utf-8"), path)


def on_micropython() -> list[Source]:
    """Return every file that MicroPython runs on a board."""
    return [source for source in below("shared", "firmware") if source.path != CPYTHON_ONLY]


def called_name(call: ast.Call) -> str:
    """Return the last name of what is called: `f` of `f()` and of `a.b.f()`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def line_of(node: ast.AST) -> int:
    """Return the line on which a node begins, also for nodes that carry no line themselves."""
    return min(getattr(child, "lineno", sys.maxsize) for child in ast.walk(node))
