"""Records damaged at each byte: nothing gets in by it, and what it takes from a node it gets back.

S that cannot read its ST asks with version 0, and gets one it never had; C that cannot read a grant
drops it and asks for a new ticket. What is shared with the manager is kept twice.
"""
# heap: 2m
# timeout: 240

import asyncio
import unittest

from leafkey.coap.numbers import BAD_REQUEST, GET, UNAUTHORIZED
from leafkey.errors import StateError
from leafkey.pat import tokens
from tests.unit.pat.world import request
from tests.unit.robust.house import DIRECTORY, ORIGIN, House

# 4.00 says that something does not fit the context there is (RFC 8613 section 8.2).
REFUSED = (UNAUTHORIZED, BAD_REQUEST)


def damaged(content: bytes):
    """Each byte flipped in turn, and each length that is too short."""
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        yield bytes(flipped)
    for size in range(len(content)):
        yield content[:size]


class Case(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.house.boot()
        for _ in range(4):
            self.house.served()

    def records(self, node, prefix: str) -> list:
        """The paths of a node's records."""
        return [DIRECTORY + "/" + x for x in node.flash.names(DIRECTORY) if x.startswith(prefix)]


class ServerTest(Case):
    def test_the_st(self):
        server, sam = self.house.server, self.house.sam
        for content in damaged(server.flash.get(DIRECTORY + "/st")):
            server.flash.put(DIRECTORY + "/st", content)
            epoch = sam.token[tokens.EPOCH]
            said = list(self.house.watch.accepted.values())[-6:]
            server.start()
            self.house.forget()
            self.assertEqual(server.guard.version, 0)
            for message in said:
                self.assertIn(server.answer(message).code, REFUSED)
            server.ask()
            self.assertEqual(sam.token[tokens.EPOCH], epoch + 1)
            for message in said:
                self.assertIn(server.answer(message).code, REFUSED)
            self.house.served()

    def test_a_page_of_marks(self):
        """Damaged at each byte, or gone; each time the server gets another epoch."""
        server, sam = self.house.server, self.house.sam
        place, size = 0, 1
        while place <= size:
            (path,) = self.records(server, "st-")
            content = server.flash.get(path)
            size = len(content)
            if place == size:
                server.flash.remove(path)
            else:
                server.flash.put(path, list(damaged(content))[place])
            epoch = sam.token[tokens.EPOCH]
            said = list(self.house.watch.accepted.values())[-6:]
            server.start()
            self.house.forget()
            self.assertEqual(server.guard.version, 0)
            server.ask()
            self.assertEqual(sam.token[tokens.EPOCH], epoch + 1)
            for message in said:
                self.assertIn(server.answer(message).code, REFUSED)
            self.house.served()
            place += 1

    def test_nothing_fresh_gets_in_either(self):
        """ATs that were never shown; the manager's next change brings the server back."""
        server, grant = self.house.server, self.house.client.access._grants[ORIGIN]
        server.flash.put(DIRECTORY + "/st", b"")
        server.start()
        for exchange in (grant.presenter.protect(request()), grant.presenter.probe()):
            self.assertEqual(server.answer(exchange.message).code, UNAUTHORIZED)
        self.house.served()


class ChannelTest(Case):
    def test_one_copy(self):
        """Each node starts, is heard by its manager, and hears it."""
        for node in (self.house.server, self.house.client):
            for path in self.records(node, "node"):
                self.check_one_copy(node, path)

    def check_one_copy(self, node, path: str):
        for content in list(damaged(node.flash.get(path)))[::5]:
            node.flash.put(path, content)
            node.boot()
            self.house.forget()
            self.house.sam.change({}, n_clients=3)
            self.house.served()

    def test_both_copies(self):
        """What is lost then is said, and what to do."""
        for node in (self.house.server, self.house.client):
            kept = {path: node.flash.get(path) for path in self.records(node, "node")}
            self.assertEqual(len(kept), 2)
            for path in kept:
                node.flash.put(path, kept[path][:-1])
            with self.assertRaises(StateError):
                node.boot()
            for path in kept:
                node.flash.put(path, kept[path])
            node.boot()
        self.house.served()


class ClientTest(Case):
    def test_a_grant(self):
        client, sam = self.house.client, self.house.sam
        for content in damaged(client.flash.get(self.records(client, "ct-")[0])):
            client.flash.put(self.records(client, "ct-")[0], content)
            generation = sam.generation
            self.house.forget()
            client.boot()
            self.assertEqual(self.records(client, "ct-"), [])
            self.house.served()
            self.assertEqual(sam.generation, generation + 1)

    def test_a_grant_that_verifies_and_is_none(self):
        client = self.house.client
        name = self.records(client, "ct-")[0][len(DIRECTORY) + 1 :]
        storage = client.access._storage
        for content in (b"", b"\x80", b"\x85\x00\x00\x00\x00\x00", b"\x85" + bytes(5) * 40):
            storage.write(name, content)
            client.boot()
            self.house.served()

    def test_an_identity_that_came_in_part(self):
        """It was laid down by hand, and is again; until then the node does nothing in its name."""
        client = self.house.client
        client.provision()
        content = client.flash.get(DIRECTORY + "/identity")
        for part in [content[:size] for size in range(len(content))]:
            client.flash.put(DIRECTORY + "/identity", part)
            with self.assertRaises(StateError):
                client.boot()
        client.flash.put(DIRECTORY + "/identity", content)
        client.boot()
        self.house.served()


class FullTest(Case):
    """A flash that takes no more: what cannot be stored does not happen, and nothing else stops."""

    def test_the_server(self):
        self.house.server.flash.full = True
        failures = 0
        for _ in range(6):
            try:
                self.house.client.ask(request("/temp", GET))
            except OSError:
                failures += 1
        self.assertTrue(failures > 0)
        self.house.server.flash.full = False
        self.house.served()

    def test_who_asks_for_the_st_keeps_asking(self):
        server = self.house.server
        server.flash.full = True
        with self.assertRaises(OSError):
            for _ in range(6):
                server.ask()

        async def ask_again():
            asking = asyncio.create_task(server._keeper.run())
            await asyncio.sleep(0.05)
            self.assertFalse(asking.done())
            asking.cancel()

        asyncio.run(ask_again())
        self.assertIn("no server token", server.log[-1])
        server.flash.full = False
        server.ask()

    def test_the_client(self):
        self.house.client.flash.full = True
        shown = len(self.house.watch.shown)
        failures = 0
        for _ in range(12):
            try:
                self.house.client.ask(request("/temp", GET))
            except OSError:
                failures += 1
        self.assertTrue(len(self.house.watch.shown) - shown <= 3)
        self.assertTrue(failures > 8)
        self.house.client.flash.full = False
        self.house.served()


if __name__ == "__main__":
    unittest.main()
