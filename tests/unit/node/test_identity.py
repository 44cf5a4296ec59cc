"""leafnode.identity: what provisioning leaves, against tests/vectors/pat, and what it is not."""
# heap: 1m

import asyncio
import unittest

from leafkey.codec import cbor
from leafkey.errors import Refused, StateError, UnsupportedError
from leafkey.oscore.association import Association
from leafkey.oscore.context import header_of
from leafkey.oscore.material import Material
from leafnode.identity import load
from leafnode.storage import Storage
from tests.support.vectors import load as vectors
from tests.support.vectors import unhex
from tests.unit.pat.vectors_help import message, parse, serialize
from tests.unit.pat.world import PROVIDER, run
from tests.unit.robust.flash import Flash, PowerCut

DIRECTORY = "state"
FILE = DIRECTORY + "/identity"


class NoAes:
    """A build that has no AES."""

    def aead(self, alg: int):
        if alg == 10:
            raise UnsupportedError("no AES")


class Drawn:
    """Gives the random strings of a vector in their order."""

    def __init__(self, *texts: str):
        self._left = [unhex(text) for text in texts]

    def __call__(self, size: int) -> bytes:
        return self._left.pop(0)[:size] if self._left else bytes(size)


def taken_up(content: bytes, provider=PROVIDER):
    """(the identity after a first start, and after a second one, the flash)."""
    flash = Flash()
    flash.put(FILE, content)
    return load(provider, DIRECTORY, flash), load(provider, DIRECTORY, flash), flash


def end(material: Material, *drawn: str) -> Association:
    """One end of a channel."""
    return Association(PROVIDER, Drawn(*drawn), material, asyncio.Lock())


def plain(part: dict):
    """The unprotected message of a vector."""
    return message(part["code"], part["options"], part["payload"])


class VectorsTest(unittest.TestCase):
    def test_identities(self):
        for name, case in vectors("pat/identity"):
            for identity in taken_up(unhex(case["encoded"]))[:2]:
                found = (identity.name, identity.manager)
                self.assertEqual(found, (case["node"], case["uri"]), name)
                self.assertEqual(identity.is_server, case.get("is_server", False), name)
                self.assertEqual(identity.has_cam, case.get("has_cam", False), name)
                channel = [case["alg"]] + [unhex(case[x]) for x in IDS]
                self.assertEqual(identity.channel.fields(), channel, name)

    def test_what_is_no_identity(self):
        for name, case in vectors("pat/failure_identity"):
            with self.assertRaises(StateError, msg=name):
                taken_up(unhex(case["encoded"]))

    def test_the_first_exchange_as_the_node(self):
        for name, case in vectors("pat/identity"):
            given = case["exchange"]
            channel = taken_up(unhex(case["encoded"]))[0].channel
            node = end(channel, "00" * 32, given["r1"], given["r3"])
            sent = []

            async def send(asked, sent=sent, given=given):
                sent.append(serialize(asked))
                return parse(given["response_%d" % len(sent)]["message"])

            _, response = run(node.request(plain(given["request_2"]), send))
            self.assertEqual(response.payload.hex(), given["response_2"]["payload"], name)
            wanted = [given[which]["message"] for which in ("request_1", "request_2")]
            self.assertEqual(sent, wanted, name)
            if "push" in given:
                pushed = parse(given["push"]["message"])
                incoming = node.receive(pushed, header_of(pushed))
                self.assertEqual(incoming.request.payload.hex(), given["push"]["payload"], name)
                answer = incoming.protect(plain(given["push_answer"]))
                self.assertEqual(serialize(answer), given["push_answer"]["message"], name)

    def test_the_first_exchange_as_the_manager(self):
        for name, case in vectors("pat/identity"):
            given = case["exchange"]
            material = Material(case["alg"], *[unhex(case[x]) for x in IDS]).mirrored()
            manager = end(material, given["k_hmac"], given["s2"])
            asked = parse(given["request_1"]["message"])
            with self.assertRaises(Refused) as caught:
                manager.receive(asked, header_of(asked))
            told = serialize(caught.exception.response)
            self.assertEqual(told, given["response_1"]["message"], name)
            asked = parse(given["request_2"]["message"])
            incoming = manager.receive(asked, header_of(asked))
            answer = incoming.protect(plain(given["response_2"]))
            self.assertEqual(serialize(answer), given["response_2"]["message"], name)
            if "push" in given:
                self.check_push(manager, given, name)

    def check_push(self, manager: Association, given: dict, name: str):
        async def send(pushed):
            self.assertEqual(serialize(pushed), given["push"]["message"], name)
            return parse(given["push_answer"]["message"])

        _, answer = run(manager.request(plain(given["push"]), send))
        self.assertEqual(answer.payload.hex(), given["push_answer"]["payload"], name)


IDS = ("secret", "node_id", "manager_id")


class StateTest(unittest.TestCase):
    def setUp(self):
        self.content = unhex(next(case for _, case in vectors("pat/identity"))["encoded"])

    def refused(self, content: bytes, text: str, provider=PROVIDER):
        with self.assertRaises(StateError) as caught:
            taken_up(content, provider)
        self.assertIn(text, str(caught.exception))
        self.assertIn("provision this node again", str(caught.exception))

    def test_identities_of_earlier_versions_are_named(self):
        fields = {1: "lamp", 2: "coap://192.0.2.1", 3: [bytes(32), {}]}
        self.refused(cbor.encode(fields), "earlier version")
        fields[4] = [bytes(32), {}]
        self.refused(cbor.encode(fields), "earlier version")

    def test_state_of_earlier_versions_is_not_used(self):
        flash = Flash()
        record = cbor.encode(["lamp", "coap://192.0.2.1", True, False])
        Storage(DIRECTORY, flash).write("node", record, twice=True)
        with self.assertRaises(StateError) as caught:
            load(PROVIDER, DIRECTORY, flash)
        self.assertIn("earlier version", str(caught.exception))
        flash.put(FILE, self.content)
        self.assertEqual(load(PROVIDER, DIRECTORY, flash).name, "lamp")

    def test_an_aead_that_this_build_lacks(self):
        self.refused(self.content, "AEAD", NoAes())

    def test_no_identity(self):
        with self.assertRaises(StateError):
            load(PROVIDER, DIRECTORY, Flash())

    def test_it_lies_there_twice_and_the_file_is_gone(self):
        flash = taken_up(self.content)[2]
        self.assertEqual(sorted(flash.names(DIRECTORY)), ["node", "node.copy"])
        writes = flash.writes
        load(PROVIDER, DIRECTORY, flash)
        self.assertEqual(flash.writes, writes)

    def test_a_cut_at_any_step_starts_over(self):
        cut = 0
        while True:
            flash = Flash()
            flash.put(FILE, self.content)
            flash.cut_after = flash.steps + cut
            cut += 1
            try:
                load(PROVIDER, DIRECTORY, flash)
                break
            except PowerCut:
                flash.reboot()
            identity = load(PROVIDER, DIRECTORY, flash)
            self.assertEqual(identity.name, "lamp")
        self.assertTrue(cut > 10)

    def test_a_new_identity_ends_what_the_old_one_had(self):
        flash = taken_up(self.content)[2]
        storage = Storage(DIRECTORY, flash)
        for name in ("st", "ct-1", "ct-2"):
            storage.write(name, b"old")
        flash.put(FILE, self.content)
        load(PROVIDER, DIRECTORY, flash)
        self.assertEqual(storage.names(""), ["node"])


if __name__ == "__main__":
    unittest.main()
