"""Writes tests/vectors/ace: python -m tests.vectors.generate_ace [directory], from the root.

RFC 9200, 9202 and 9203 on pyca/cryptography and cbor2 (reference/ace.py). What the RFCs print is
compared. Every input is fixed, so a second run reproduces the files byte for byte.
"""

from tests.vectors.cases import ace_contexts, ace_messages, ace_server, ace_tokens
from tests.vectors.writing import write

if __name__ == "__main__":
    write((ace_messages, ace_tokens, ace_contexts, ace_server), "ace")
