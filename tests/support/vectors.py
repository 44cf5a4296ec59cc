"""Loads the published test vectors (tests/vectors) on CPython and on MicroPython."""

import json
import os
from binascii import unhexlify


def root() -> str:
    """Return the directory that holds one directory per suite, beside this file's own."""
    parts = __file__.replace("\\", "/").split("/")[:-2]
    parts.append("vectors")
    return "/".join(parts)


def read(path: str) -> dict:
    """Return one whole file; `path` is relative to tests/vectors and ends in ".json"."""
    with open(root() + "/" + path) as file:
        return json.load(file)


def load(suite: str) -> list:
    """Return (name, case) pairs of a suite ("codec") or of one of its files ("codec/utf8").

    A name is "file: case"; names are unique within a suite. Byte strings are hexadecimal text.
    """
    pairs = []
    for path in _files(suite):
        label = path.split("/")[-1][:-5]
        for case in read(path)["cases"]:
            pairs.append((label + ": " + case["name"], case))
    return pairs


def unhex(text: str) -> bytes:
    """Return the bytes of hexadecimal text, spaces allowed."""
    return unhexlify(text.replace(" ", ""))


def _files(suite: str) -> list:
    if "/" in suite:
        return [suite + ".json"]
    names = sorted(name for name in os.listdir(root() + "/" + suite) if name.endswith(".json"))
    return [suite + "/" + name for name in names]
