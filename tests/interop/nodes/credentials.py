"""The OSCORE contexts of a node, as JSON: a list, with byte strings in hexadecimal."""

import json
from binascii import unhexlify

from leafnode.credentials import Credentials


def read(file: str) -> list:
    """The Credentials in a file."""
    with open(file) as opened:
        return [_credentials(fields) for fields in json.load(opened)]


def _credentials(fields: dict) -> Credentials:
    context = fields["id_context"]
    return Credentials(
        unhexlify(fields["secret"]),
        unhexlify(fields["sender_id"]),
        unhexlify(fields["recipient_id"]),
        unhexlify(fields["salt"]),
        None if context is None else unhexlify(context),
        fields["alg"],
    )
