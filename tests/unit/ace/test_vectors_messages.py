"""The maps of ACE, access tokens and contexts against tests/vectors/ace."""

import unittest

from leafkey.ace import authz_info, cwt, fields, hints, introspection, labels, osc, token
from leafkey.codec import cbor, cose
from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError, DecodeError
from tests.support.vectors import load, unhex

PROVIDER = default_provider()
DECODERS = {
    "token_request": token.decode_request,
    "token_response": token.decode_response,
    "hints": hints.decode_ace,
    "introspection_request": introspection.decode_request,
    "introspection_response": introspection.decode_response,
    "authz_info_request": authz_info.decode_request,
    "authz_info_response": authz_info.decode_response,
    "claims": lambda data: fields.decode(data, cwt.KINDS),
}
FAILURES = {"DecodeError": DecodeError, "AuthenticationError": AuthenticationError}


def key_of(case: dict) -> cwt.TokenKey:
    kid = None if case["kid"] is None else unhex(case["kid"])
    return cwt.TokenKey(case["alg"], unhex(case["key"]), kid)


class MessagesTest(unittest.TestCase):
    def test_what_is_known(self):
        for name, case in load("ace/messages"):
            if case["kind"] == "token_error":
                error = token.decode_error(unhex(case["encoded"])).error
                self.assertEqual(error, cbor.decode(unhex(case["fields"]))[labels.ERROR], name)
                continue
            decoded = DECODERS[case["kind"]](unhex(case["encoded"]))
            self.assertEqual(cbor.encode(decoded).hex(), case["fields"], name)

    def test_what_is_refused(self):
        for name, case in load("ace/failure_messages"):
            decode = DECODERS.get(case["kind"], token.decode_error)
            with self.assertRaises(DecodeError, msg=name) as caught:
                decode(unhex(case["encoded"]))
            if case["kind"] == "token_request":
                self.assertEqual(caught.exception.error, labels.INVALID_REQUEST, name)


class TokenTest(unittest.TestCase):
    def test_channel_key(self):
        for name, case in load("ace/channel_key"):
            key = cwt.channel_key(PROVIDER, unhex(case["secret"]), case["alg"])
            self.assertEqual(key.value.hex(), case["key"], name)

    def test_read(self):
        for name, case in load("ace/token"):
            claims = cwt.unprotect(PROVIDER, key_of(case), unhex(case["encoded"]))
            self.assertEqual(cbor.encode(claims).hex(), case["claims"], name)

    def test_write(self):
        for name, case in load("ace/token"):
            if case["same"]:
                claims = cbor.decode(unhex(case["claims"]))
                made = cwt.protect(PROVIDER, key_of(case), unhex(case["iv"]), claims)
                self.assertEqual(made.hex(), case["encoded"], name)

    def test_failures(self):
        for name, case in load("ace/failure_token"):
            with self.assertRaises(FAILURES[case["expect"]], msg=name):
                cwt.unprotect(PROVIDER, key_of(case), unhex(case["encoded"]))


class ContextTest(unittest.TestCase):
    def test_both_ends(self):
        for name, case in load("ace/context"):
            made = osc.material(cbor.decode(unhex(case["material"]), lenient=True))
            nonces = unhex(case["nonce1"]), unhex(case["nonce2"])
            self.assertEqual(osc.master_salt(made.salt, *nonces).hex(), case["master_salt"], name)
            id1, id2 = unhex(case["id1"]), unhex(case["id2"])
            client = osc.context(PROVIDER, made, nonces, id2, id1).keys
            server = osc.context(PROVIDER, made, nonces, id1, id2).keys
            self.assertEqual(client.sender_key.hex(), case["client_sender_key"], name)
            self.assertEqual(client.recipient_key.hex(), case["client_recipient_key"], name)
            self.assertEqual(server.sender_key, client.recipient_key, name)
            self.assertEqual(server.recipient_key, client.sender_key, name)
            self.assertEqual(client.common_iv.hex(), case["common_iv"], name)

    def test_what_is_written_is_read(self):
        for made in (
            osc.InputMaterial(b"\x01", bytes(16)),
            osc.InputMaterial(b"", bytes(32), b"salt", b"house", 24),
        ):
            again = osc.material(cbor.decode(cbor.encode(made.fields())))
            self.assertEqual(again.fields(), made.fields())
            self.assertIn(5, made.fields())

    def test_materials_that_are_refused(self):
        for name, case in load("ace/failure_material"):
            with self.assertRaises(DecodeError, msg=name):
                osc.material(cbor.decode(unhex(case["material"]), lenient=True))


class PskTest(unittest.TestCase):
    """RFC 9202 has no code of its own here: its numbers and parts are those of the others."""

    def test_identity(self):
        case = dict(load("ace/psk"))["psk: psk_identity"]
        key = {cose.KEY_TYPE: cose.SYMMETRIC, cose.KEY_ID: unhex(case["kid"])}
        identity = cbor.encode({labels.CNF: {labels.COSE_KEY: key}})
        self.assertEqual(identity.hex(), case["output"])

    def test_derived_key(self):
        case = dict(load("ace/psk"))["psk: derived PSK"]
        size = case["size"]
        info = ["ACE-CoAP-DTLS-key-derivation", size, unhex(case["access_token"])]
        psk = PROVIDER.hkdf_sha256(b"", unhex(case["ikm"]), cbor.encode(info), size)
        self.assertEqual(psk.hex(), case["output"])


if __name__ == "__main__":
    unittest.main()
