"""The directions of imports, over every file and over samples that must be found."""

import ast

import pytest

from tests.lint import imports
from tests.lint.sources import below, parse

ONE_HOME_OF_THE_RUNTIME = "shared/leafkey/compat.py"


def test_every_import_goes_in_an_allowed_direction():
    sources = list(below("shared", "firmware", "manager"))
    assert len(sources) > 10
    assert [line for source in sources for line in imports.problems(source)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shared/leafkey/codec/cbor.py", "import os"),
        ("shared/leafkey/codec/cbor.py", "from leafkey.pat import tree"),
        ("shared/leafkey/codec/cbor.py", "from . import buffer"),
        ("shared/leafkey/coap/message.py", "from leafkey.codec import cbor"),
        ("shared/leafkey/coap/message.py", "from leafkey.crypto import provider"),
        ("shared/leafkey/crypto/provider.py", "from leafkey.pat.tree import Branch"),
        ("shared/leafkey/crypto/provider.py", "import cryptography"),
        ("shared/leafkey/pat/tree.py", "def late():\n    import time"),
        ("shared/leafkey/pat/tree.py", "import asyncio, socket"),
        ("shared/leafkey/pat/tree.py", "import leafnode"),
        ("firmware/leafnode/server.py", "from leafmanager.store import tables"),
        ("firmware/leafnode/server.py", "import typing"),
        ("firmware/leafnode/client.py", "from leafcoapy import PatSocket"),
        ("manager/leafmanager/sam.py", "import leafnode.server"),
    ],
)
def test_a_wrong_import_is_found(path, text):
    assert imports.problems(parse(text, path))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shared/leafkey/coap/message.py", "from leafkey.codec.buffer import Reader"),
        ("shared/leafkey/crypto/pyca.py", "from cryptography.hazmat.primitives import hashes"),
        ("shared/leafkey/pat/tree.py", "from leafkey.crypto.provider import Provider"),
        ("firmware/leafnode/server.py", "import asyncio"),
        ("firmware/leafcoapy/pat_socket.py", "from leafcoapy.failures import failure"),
        ("manager/leafmanager/sam.py", "from leafkey.pat import tree"),
    ],
)
def test_a_right_import_passes(path, text):
    assert imports.problems(parse(text, path)) == []


def test_only_compat_asks_which_runtime_this_is():
    asking = {
        source.path
        for source in below("shared", "firmware")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("implementation", "platform")
        and isinstance(node.value, ast.Name)
        and node.value.id == "sys"
    }
    assert asking == {ONE_HOME_OF_THE_RUNTIME}


def test_no_room_of_the_core_imports_in_a_circle():
    graph = {
        name: {
            imports.room(target)
            for source in below("shared")
            for _, target in imports.imported(source)
            if imports.room(source.module) == name and target.startswith("leafkey.")
        }
        - {name}
        for name in imports.ROOMS
    }
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & graph.keys()}
        assert leaves, f"circle among {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in leaves}
