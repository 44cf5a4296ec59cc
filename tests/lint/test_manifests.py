"""What a manifest freezes is enough to run, and nothing that a board cannot use."""

import ast

import pytest

from tests.lint.imports import NODE_OUTSIDE, ROOM_OUTSIDE, imported
from tests.lint.sources import parse
from tests.runner import manifests

IMPORTS = (ast.Import, ast.ImportFrom)
OUTSIDE = NODE_OUTSIDE.union(*ROOM_OUTSIDE.values())


def module_names(frozen: dict) -> set[str]:
    names = {path.removesuffix(".py").replace("/", ".") for path in frozen}
    return names | {name.removesuffix(".__init__") for name in names}


def missing(frozen: dict) -> list[str]:
    """Return the unconditional imports that the frozen set cannot serve."""
    have = module_names(frozen)
    problems = []
    for path, file in frozen.items():
        source = parse(file.read_text(encoding="utf-8"), "shared/" + path)
        always: list[ast.stmt] = [node for node in source.tree.body if isinstance(node, IMPORTS)]
        for line, name in imported(source._replace(tree=ast.Module(always, []))):
            parent = name.rpartition(".")[0]
            if name.split(".")[0] not in OUTSIDE and not {name, parent} & have:
                problems.append(f"{path}:{line}: {name}")
    return problems


@pytest.mark.parametrize("name", manifests.NAMES)
def test_every_import_of_a_frozen_module_is_frozen(name):
    assert missing(manifests.frozen(name)) == []


@pytest.mark.parametrize("name", manifests.NAMES)
def test_no_board_freezes_what_it_cannot_run(name):
    paths = manifests.frozen(name)
    assert "leafkey/crypto/pyca.py" not in paths
    assert "leafkey/crypto/chacha20_viper64.py" not in paths


@pytest.mark.parametrize("role", ["server", "client"])
def test_a_role_freezes_its_entry_and_nothing_that_is_not_there_for_both(role):
    paths = manifests.frozen(role).keys()
    assert f"leafnode/{role}.py" in paths
    assert "leafkey/crypto/provider.py" in paths
    assert paths <= manifests.frozen("core").keys()
