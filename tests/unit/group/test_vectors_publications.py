"""Publications against tests/vectors/group: both ways, and whatever must be refused."""

# timeout: 120

import unittest

from leafkey.codec import cose
from leafkey.group import publication
from leafkey.group.material import Signing
from leafkey.group.senders import Senders
from leafkey.group.traffic import Signatures, Traffic
from tests.support.vectors import load, unhex
from tests.unit.group.vectors_help import ERRORS, PROVIDER, group_key

PARTS = ("sender", "payload", "message")


def traffic(case: dict, signed_by: bytes | None = None, alg: int = -8) -> Traffic:
    """A receiver who knows one sender, if publications are signed here."""
    known = {unhex(case.get("sender", "")): signed_by}
    signatures = None if signed_by is None else Signatures(Signing(14, alg), None, known.get)
    return Traffic(PROVIDER, group_key(case), signatures, Senders(True))


class PublicationTest(unittest.TestCase):
    def test_without_signature(self):
        for name, case in load("group/publication"):
            sender, payload, message = [unhex(case[part]) for part in PARTS]
            key = group_key(case)
            made = publication.seal(PROVIDER, key, sender, case["number"], payload)
            self.assertEqual(made, message, name)
            sealed = publication.decode(message)
            self.assertEqual((sealed.gid, sealed.sender), (key.gid, sender), name)
            self.assertEqual(sealed.number, case["number"], name)
            found = traffic(case).unprotect(sealed)
            self.assertEqual(found, (sender, case["number"], payload, True), name)

    def test_signed(self):
        for name, case in load("group/publication_signed"):
            sender, payload, message = [unhex(case[part]) for part in PARTS]
            signer = PROVIDER.ed25519_key(unhex(case["secret"]))
            arguments = (group_key(case), sender, case["number"], payload, signer, case["sign_alg"])
            self.assertEqual(publication.seal_signed(PROVIDER, *arguments), message, name)
            receiver = traffic(case, unhex(case["public"]), case["sign_alg"])
            found = receiver.unprotect(publication.decode(message))
            self.assertEqual(found, (sender, case["number"], payload, True), name)

    def test_what_is_signed(self):
        for name, case in load("group/publication_signed"):
            message = cose.decode_encrypt0(unhex(case["message"]))
            header = message.headers[cose.COUNTERSIGNATURE][0]
            made = cose.countersign_structure(message.protected, message.ciphertext, header)
            self.assertEqual(made, unhex(case["signed"]), name)

    def check_failures(self, file: str):
        for name, case in load("group/" + file):
            public = None if case["public"] is None else unhex(case["public"])
            receiver = traffic(case, public)
            message = unhex(case["message"])
            if case["expect"] == "accepted":
                found = receiver.unprotect(publication.decode(message))
                self.assertEqual(found.payload, unhex(case["payload"]), name)
            else:
                with self.assertRaises(ERRORS[case["expect"]], msg=name):
                    receiver.unprotect(publication.decode(message))

    def test_refused_without_signature(self):
        self.check_failures("publication_failure_10")
        self.check_failures("publication_failure_24")

    def test_refused_in_a_signed_group(self):
        self.check_failures("publication_signed_failure_10")
        self.check_failures("publication_signed_failure_24")

    def test_window(self):
        for name, case in load("group/publication_window"):
            receiver = traffic(case)
            for step in case["steps"]:
                sealed = publication.decode(unhex(step["message"]))
                if step["expect"] == "accepted":
                    self.assertTrue(receiver.unprotect(sealed).is_fresh, name)
                else:
                    with self.assertRaises(ERRORS[step["expect"]], msg=name):
                        receiver.unprotect(sealed)


if __name__ == "__main__":
    unittest.main()
