"""Block-wise transfers (RFC 7959) on messages, whatever carries or protects them.

transfer.py is the client's side, assembler.py the server's; shelf.py bounds what that holds.
"""

from leafkey.coap.assembler import Assembler, is_in_blocks
from leafkey.coap.shelf import DEFAULT_LIMITS, Limits
from leafkey.coap.transfer import Transfer

__all__ = ["DEFAULT_LIMITS", "Assembler", "Limits", "Transfer", "is_in_blocks"]
