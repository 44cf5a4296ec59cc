"""Freezes Leafkey for a board: all of it, or what one role needs.

    include("manifest_core.py")                 a node that serves and asks
    include("manifest_core.py", role="server")  one that only serves; "client" for one that asks

Paths are relative to this folder, where MicroPython's build evaluates a manifest.
"""

import os

options.defaults(role="both")

# CPython's backend, and the viper code for ports whose integers have 64 bits.
NEVER = ("leafkey/crypto/pyca.py", "leafkey/crypto/chacha20_viper64.py")
# What only one role imports. A module that is not named here goes into every firmware.
ONLY = {
    "server": (
        "leafkey/coap/assembler.py",
        "leafkey/coap/block.py",
        "leafkey/coap/shelf.py",
        "leafkey/pat/changes.py",
        "leafkey/pat/verifier.py",
        "leafkey/pat/window.py",
        "leafnode/admission.py",
        "leafnode/guard.py",
        "leafnode/observers.py",
        "leafnode/router.py",
        "leafnode/server.py",
    ),
    "client": (
        "leafkey/codec/cose.py",
        "leafkey/pat/ticket.py",
        "leafnode/access.py",
        "leafnode/client.py",
        "leafnode/observation.py",
    ),
}


def others(role):
    """Return the paths that a role does without."""
    if role == "both":
        return NEVER
    return NEVER + ONLY["client" if role == "server" else "server"]


def files(base, name, skipped):
    """Return the paths below the package's folder that are frozen."""
    found = []
    for place, _, names in os.walk(os.path.join(base, name)):
        paths = (os.path.relpath(os.path.join(place, file), base) for file in names)
        found += [path for path in paths if path.endswith(".py") and path not in skipped]
    return sorted(os.path.relpath(path, name) for path in found)


include("$(MPY_DIR)/extmod/asyncio")
for base, name in (("../shared", "leafkey"), ("../firmware", "leafnode")):
    package(name, files=files(base, name, others(options.role)), base_path=base)
