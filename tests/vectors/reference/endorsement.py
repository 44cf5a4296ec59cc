"""SPEC.md section 4.4: what SAM endorses, and which endorsements S takes."""

import hashlib
import hmac
from typing import NamedTuple

from tests.vectors.reference import tokens, tree

ENDORSEMENT = 6


class Grant(NamedTuple):
    """One generation of one slot, and the St it lies under."""

    suite: int
    st: bytes
    audience: str
    epoch: int
    slot: int
    generation: int

    def endorse(self, version: int, named: dict) -> dict:
        """Every value on the way, hexadecimal; `encoded` is what travels."""
        params = tokens.parameters(named)
        x_i = tree.node(self.suite, self.st, [self.slot])
        key = tree.f(self.suite, ENDORSEMENT, x_i, self.generation)
        place = [self.audience, self.epoch, self.slot, self.generation]
        mac_input = tokens.dumps(["PAT-E", *place, version, params])
        mac = hmac.new(key, mac_input, hashlib.sha256).digest()[:16]
        values = {
            "key": key,
            "mac_input": mac_input,
            "mac": mac,
            "encoded": tokens.dumps([version, params, mac]),
        }
        return {name: value.hex() for name, value in values.items()}
