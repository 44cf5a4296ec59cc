"""Writes tests/vectors/oscore: python -m tests.vectors.generate_oscore [directory], from the root.

RFC 8613 on pyca/cryptography and cbor2 (reference/oscore.py). Appendix C of the RFC is reproduced
and compared. Every input is fixed, so a second run reproduces the files byte for byte.
"""

from tests.vectors.cases import (
    oscore_failures,
    oscore_messages,
    oscore_parts,
    oscore_rederivation,
    oscore_rfc,
    oscore_server,
)
from tests.vectors.writing import write

GROUPS = (
    oscore_rfc,
    oscore_parts,
    oscore_messages,
    oscore_failures,
    oscore_server,
    oscore_rederivation,
)

if __name__ == "__main__":
    write(GROUPS, "oscore")
