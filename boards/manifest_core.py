"""Freezes the core: what a board runs of shared/leafkey.

The paths are relative to this folder, where MicroPython's build evaluates a manifest.
"""

import os

CORE = "../shared/leafkey"
# CPython's backend, and the variant of the viper code for ports whose integers have 64 bits.
NOT_FOR_BOARDS = ("crypto/pyca.py", "crypto/chacha20_viper64.py")


def core_files():
    """Return the paths below CORE that boards freeze."""
    found = []
    for place, _, names in os.walk(CORE):
        for name in names:
            path = os.path.relpath(os.path.join(place, name), CORE).replace(os.sep, "/")
            if path.endswith(".py") and path not in NOT_FOR_BOARDS:
                found.append(path)
    return sorted(found)


package("leafkey", files=core_files(), base_path="../shared")
