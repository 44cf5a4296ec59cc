"""Writes tests/vectors/pat: python -m tests.vectors.generate_pat [directory], from the root.

SPEC.md implemented a second time, from its text alone, on pyca/cryptography and cbor2 (reference/).
Every input is fixed, so a second run reproduces the files byte for byte.
"""

import json
import sys
from pathlib import Path

from tests.vectors.cases import (
    commands,
    endorsement,
    failures,
    freshness,
    messages,
    server,
    tokens,
    tree,
)

GROUPS = (tree, tokens, messages, failures, server, endorsement, freshness, commands)


def layout(value, indent: int = 0) -> str:
    """Write JSON with one field or case a line and everything smaller within its line."""
    pad = "\n" + " " * (indent + 1)
    if isinstance(value, dict):
        fields = (f"{json.dumps(key)}: {layout(field, indent + 1)}" for key, field in value.items())
        return "{" + pad + ("," + pad).join(fields) + "\n" + " " * indent + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        elements = (layout(element, indent + 1) for element in value)
        return "[" + pad + ("," + pad).join(elements) + "\n" + " " * indent + "]"
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    default = Path(__file__).parent / "pat"
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for group in GROUPS:
        for name, (about, cases) in group.FILES.items():
            document = {"about": about, "cases": cases()}
            (directory / name).write_text(layout(document) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
