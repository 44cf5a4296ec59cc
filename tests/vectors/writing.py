"""Writes groups of cases as the JSON files that are published."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


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


def write(groups: Iterable[ModuleType], suite: str) -> None:
    """Write every file of the groups to the directory on the command line, or to the suite's."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / suite
    for group in groups:
        for name, (about, cases) in group.FILES.items():
            document = {"about": about, "cases": cases()}
            (directory / name).write_text(layout(document) + "\n", encoding="utf-8")
