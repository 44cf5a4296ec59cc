"""Writes tests/vectors/group: python -m tests.vectors.generate_group [directory], from the root.

SPEC-GROUP.md on pyca/cryptography and cbor2 (reference/group.py). Every input is fixed, so a second
run reproduces the files byte for byte.
"""

from tests.vectors.cases import group_messages, group_publications, group_tree
from tests.vectors.writing import write

GROUPS = (group_messages, group_publications, group_tree)

if __name__ == "__main__":
    write(GROUPS, "group")
