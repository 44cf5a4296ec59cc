"""Freezes Leafkey for a board: all of it, or what one role imports.

    include("manifest_core.py")                 a node that serves and asks
    include("manifest_core.py", role="server")  what leafnode.server imports, directly or not
    include("manifest_core.py", role="client")  what leafnode.client imports

A role has serial lines too, which an application gives it.

Paths are relative to this folder, where MicroPython's build evaluates a manifest.
"""

import ast
import os

options.defaults(role=None)

PACKAGES = {"leafkey": "../shared", "leafnode": "../firmware"}
# CPython's backend, and the viper code for ports whose integers have 64 bits.
NEVER = ("leafkey.crypto.pyca", "leafkey.crypto.chacha20_viper64")


def sources():
    """Return a dict of every module that boards can run: dotted name -> (base folder, path)."""
    found = {}
    for package_name, base in PACKAGES.items():
        for place, _, names in os.walk(os.path.join(base, package_name)):
            for name in names:
                path = os.path.relpath(os.path.join(place, name), base)
                module_name = path[:-3].replace(os.sep, ".").replace(".__init__", "")
                if path.endswith(".py") and module_name not in NEVER:
                    found[module_name] = base, path
    return found


def imported(base, path):
    """Return the dotted names that a file imports, also inside functions."""
    with open(os.path.join(base, path), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module + "." + alias.name for alias in node.names]
            names += [] if node.module in PACKAGES else [node.module]
    return names


def needed(entry, known):
    """Return the modules of `known` that an entry module brings with it.

    Their packages come too, but not what a package loads only when it is asked for.
    """
    found, waiting = set(), [entry]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += imported(*known[name])
    packages = {name.rpartition(".")[0] for name in found}
    return found | packages | {name.partition(".")[0] for name in packages}


known = sources()
chosen = set(known)
if options.role:
    chosen = needed("leafnode." + options.role, known) | needed("leafnode.serial", known)

include("$(MPY_DIR)/extmod/asyncio")
for package_name, base in PACKAGES.items():
    paths = sorted(path for place, path in map(known.get, chosen) if place == base)
    inside = [os.path.relpath(path, package_name) for path in paths]
    package(package_name, files=inside, base_path=base)
