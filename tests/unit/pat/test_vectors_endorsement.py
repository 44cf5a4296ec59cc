"""Endorsements against tests/vectors/pat/endorsement; `endorsed` is in test_vectors_server."""

import unittest

from leafkey.errors import AuthenticationError
from leafkey.pat import endorsement, tokens
from leafkey.pat.tokens import SlotGrant
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import PROVIDER, grant
from tests.unit.pat.world import server_token


class EndorsementVectorsTest(unittest.TestCase):
    def test_encodings(self):
        for name, case in load("pat/endorsement"):
            slot, version = case["slot"], case["version"]
            fields = dict(case["parameters"], generation=case["generation"])
            token = server_token(
                {slot: SlotGrant(case["generation"], 1023, 1)},
                st=unhex(case["st"]),
                suite=case["suite"],
                epoch=case["epoch"],
                audience=case["audience"],
            )
            made = endorsement.make(PROVIDER, token, slot, version, grant(fields))
            self.assertEqual(made.hex(), case["encoded"], name)
            read = endorsement.decode(made)
            endorsement.verify(PROVIDER, token, slot, read)
            self.assertEqual(read.version, version, name)
            self.assertEqual(tokens.terms_map(read.terms), tokens.terms_map(grant(fields)), name)
            read.version += 1
            with self.assertRaises(AuthenticationError):
                endorsement.verify(PROVIDER, token, slot, read)


if __name__ == "__main__":
    unittest.main()
