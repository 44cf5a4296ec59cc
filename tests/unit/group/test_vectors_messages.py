"""Keying material and messages of RFC 9594 against tests/vectors/group."""

import unittest

from leafkey.codec import cbor
from leafkey.errors import AuthenticationError
from leafkey.group import (
    credential,
    creds,
    evidence,
    labels,
    material,
    messages,
    problem,
    scope,
)
from tests.support.vectors import load, unhex
from tests.unit.group.vectors_help import ERRORS, PROVIDER

DECODE = {
    "join request": messages.decode_join_request,
    "join response": messages.decode_join_response,
    "keys": messages.decode_keys,
    "creds": messages.decode_creds,
    "creds request": messages.decode_creds_request,
    "cred update": messages.decode_cred_update,
    "kdc cred": messages.decode_kdc_cred,
    "policies": messages.decode_policies,
    "num": messages.decode_num,
    "individual": messages.decode_individual,
    "gids": messages.decode_gids,
    "groups": messages.decode_groups,
    "challenge": messages.decode_challenge,
}


# The label of what a function returns without it.
ALONE = {
    "creds request": labels.GET_CREDS,
    "policies": labels.GROUP_POLICIES,
    "individual": labels.GROUP_SENDER_ID,
    "gids": labels.GID,
}


def encoded(kind: str, decoded) -> bytes:
    """What a decoded message travels as."""
    if kind == "num":
        return cbor.encode(decoded)
    if kind in ALONE:
        decoded = {ALONE[kind]: decoded}
    elif kind == "groups":
        decoded = {label: [group[label] for group in decoded] for label in range(3)}
    return messages.encode({label: plain(value) for label, value in decoded.items()})


def plain(value):
    """A parameter as CBOR carries it."""
    if isinstance(value, (creds.Filter, material.PubSubMaterial)):
        return value.to_cbor()
    return value


class MaterialTest(unittest.TestCase):
    def test_both_ways(self):
        for name, case in load("group/material"):
            data = unhex(case["encoded"])
            if case["gkty"] == labels.GROUP_PUBSUB_KEYING_MATERIAL:
                again = material.pubsub(cbor.decode(data)).to_cbor()
            else:
                again = material.oscore(cbor.decode(data))
            self.assertEqual(cbor.encode(again), data, name)

    def test_refused(self):
        for name, case in load("group/material_failure"):
            value = cbor.decode(unhex(case["encoded"]))
            is_pubsub = case["gkty"] == labels.GROUP_PUBSUB_KEYING_MATERIAL
            decode = material.pubsub if is_pubsub else material.oscore
            with self.assertRaises(ERRORS[case["expect"]], msg=name):
                decode(value)

    def test_what_a_member_can_do_with_signatures(self):
        found = {}
        for name, case in load("group/material"):
            if case["gkty"] == labels.GROUP_PUBSUB_KEYING_MATERIAL:
                found[name] = material.pubsub(cbor.decode(unhex(case["encoded"]))).signing
        signing = found.pop("material: pub/sub, checked value")
        self.assertTrue(signing.is_supported())
        self.assertEqual(set(found.values()), {None})
        self.assertFalse(material.Signing(labels.KCCS, -7, [[2], [2, 1]]).is_supported())
        self.assertFalse(material.Signing(33).is_supported())

    def test_no_repr_shows_a_key(self):
        key = material.GroupKey(b"gid", 10, bytes(13), b"\x5a" * 16)
        self.assertFalse("ZZ" in repr(key) or "5a5a" in repr(material.PubSubMaterial(key)))


class MessageTest(unittest.TestCase):
    def test_both_ways(self):
        for name, case in load("group/message"):
            data = unhex(case["encoded"])
            self.assertEqual(encoded(case["kind"], DECODE[case["kind"]](data)), data, name)

    def test_other_forms(self):
        for name, case in load("group/message_other_form"):
            found = encoded(case["kind"], DECODE[case["kind"]](unhex(case["encoded"])))
            self.assertEqual(found, unhex(case["same_as"]), name)

    def check_refused(self, file: str):
        for name, case in load("group/" + file):
            with self.assertRaises(ERRORS[case["expect"]], msg=name):
                DECODE[case["kind"]](unhex(case["encoded"]))

    def test_refused(self):
        for file in ("message_failure", "message_failure_request", "message_failure_response"):
            self.check_refused(file)

    def test_every_kind_is_shown_and_refused(self):
        shown, refused = set(), set()
        for _, case in load("group/message"):
            shown.add(case["kind"])
        for file in ("message_failure", "message_failure_request", "message_failure_response"):
            for _, case in load("group/" + file):
                refused.add(case["kind"])
        self.assertEqual(shown, set(DECODE))
        self.assertEqual(refused, set(DECODE))

    def test_problems(self):
        for name, case in load("group/problem"):
            data = unhex(case["encoded"])
            fields = (case["error"], case["title"], case["detail"])
            self.assertEqual(problem.decode(data), fields, name)
            if case["error"] is not None:
                again = cbor.decode(problem.encode(*fields))
                self.assertEqual(again, cbor.decode(data, lenient=True), name)

    def test_odd_problems(self):
        for value in ({}, {0: 1}, {0: {0: True}}, {0: {0: "x"}}, {-1: 5, 0: {1: 2}}):
            self.assertEqual(problem.decode(cbor.encode(value)), (None, None, None), str(value))

    def test_filters(self):
        for name, case in load("group/filter"):
            asked = messages.decode_creds_request(unhex(case["encoded"]))
            found = [id for id, roles in case["members"] if asked.matches(roles, unhex(id))]
            self.assertEqual(found, case["asked"], name)


class ScopeTest(unittest.TestCase):
    def test_both_ways(self):
        for name, case in load("group/scope"):
            data = unhex(case["encoded"])
            found = scope.decode(data)
            self.assertEqual((found.name, found.roles), (case["group"], case["roles"]), name)
            self.assertEqual(scope.encode(found), data, name)
            self.assertEqual(len(scope.decode_list(scope.encode_list([found, found]))), 2, name)

    def test_malformed(self):
        for value in (
            [], ["g", 1, 2], [1, 2], ["g", -1], ["g", ["a"]], ["g", []], ["g", None], ["g", [1, 2]],
            ["g", True], ["g" * 256, 1], {}, "g", ["g", 1 << 41],
        ):  # fmt: skip
            with self.assertRaises(ERRORS["DecodeError"], msg=str(value)):
                scope.decode(cbor.encode(value))
        with self.assertRaises(ERRORS["DecodeError"]):
            scope.decode_list(cbor.encode([]))

    def test_covers(self):
        self.assertTrue(scope.covers(6, 4))
        self.assertFalse(scope.covers(4, 6))
        self.assertTrue(scope.covers(["a", "b"], ["b"]))
        self.assertFalse(scope.covers(["a"], ["a", "b"]))
        self.assertFalse(scope.covers(["a"], 4))
        self.assertFalse(scope.covers(4, []))

    def test_roles(self):
        taken = [roles for roles in range(40) if self.is_taken(scope.check_oscore_roles, roles)]
        self.assertEqual(taken, [2, 4, 6, 8])
        taken = [roles for roles in range(40) if self.is_taken(scope.check_pubsub_roles, roles)]
        self.assertEqual(taken, list(range(2, 32, 2)))
        self.assertFalse(self.is_taken(scope.check_pubsub_roles, ["sender"]))

    def is_taken(self, check, roles) -> bool:
        try:
            check(roles)
        except ERRORS["DecodeError"]:
            return False
        return True


class EvidenceTest(unittest.TestCase):
    def test_inputs_and_signatures(self):
        for name, case in load("group/evidence"):
            inputs = [unhex(part) for part in case["inputs"]]
            make = evidence.kdc_input if len(inputs) == 2 else evidence.client_input
            signed, proof = make(*inputs), unhex(case["evidence"])
            self.assertEqual(signed, unhex(case["signed"]), name)
            key = PROVIDER.ed25519_key(unhex(case["secret"]))
            self.assertEqual(key.public, unhex(case["public"]), name)
            self.assertEqual(key.sign(signed), proof, name)
            PROVIDER.ed25519_verify(key.public, proof, signed)

    def test_the_kdc_proves_its_credential(self):
        key = PROVIDER.ed25519_key(b"\x07" * 32)
        parameters = {
            labels.KDC_CRED: credential.encode(key.public),
            labels.KDC_NONCE: b"N",
            labels.KDC_CRED_VERIFY: key.sign(evidence.kdc_input(b"C", b"N")),
        }
        self.assertEqual(evidence.kdc_public(PROVIDER, parameters, b"C"), key.public)
        self.assertIsNone(evidence.kdc_public(PROVIDER, {}, b"C"))
        with self.assertRaises(AuthenticationError):
            evidence.kdc_public(PROVIDER, parameters, b"D")
        for label in (labels.KDC_NONCE, labels.KDC_CRED_VERIFY):
            less = {key: value for key, value in parameters.items() if key != label}
            with self.assertRaises(AuthenticationError):
                evidence.kdc_public(PROVIDER, less, b"C")

    def test_credentials(self):
        for name, case in load("group/credential"):
            data, public = unhex(case["encoded"]), unhex(case["public"])
            if case["expect"] == "accepted":
                self.assertEqual(credential.decode(data), public, name)
            else:
                with self.assertRaises(ERRORS[case["expect"]], msg=name):
                    credential.decode(data)
        self.assertEqual(credential.decode(credential.encode(bytes(32))), bytes(32))


if __name__ == "__main__":
    unittest.main()
