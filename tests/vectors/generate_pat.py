"""Writes tests/vectors/pat: python -m tests.vectors.generate_pat [directory], from the root.

SPEC.md implemented a second time, from its text alone, on pyca/cryptography and cbor2 (reference/).
Every input is fixed, so a second run reproduces the files byte for byte.
"""

from tests.vectors.cases import (
    channel,
    commands,
    endorsement,
    failures,
    freshness,
    messages,
    provisioning,
    server,
    tokens,
    tree,
)
from tests.vectors.writing import write

GROUPS = (
    tree,
    tokens,
    messages,
    failures,
    server,
    endorsement,
    freshness,
    commands,
    channel,
    provisioning,
)


if __name__ == "__main__":
    write(GROUPS, "pat")
