"""leafnode.access of a client that has a CAM of its own (SPEC 9.6)."""
# heap: 1m

import unittest

from leafkey.ace import labels
from leafkey.ace.token import encode_error
from leafkey.coap.message import Message
from leafkey.coap.numbers import BAD_REQUEST, CREATED, GET, POST, PUT
from leafkey.codec import cbor
from leafkey.errors import NotAllowed, ProtocolError
from leafkey.pat import ticket
from leafkey.pat.tokens import POP, SlotGrant
from leafnode.access import Access
from leafnode.identity import load
from tests.support.vectors import load as vectors
from tests.support.vectors import unhex
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    Random,
    Server,
    client_token,
    request,
    run,
    server_token,
)
from tests.unit.robust.flash import Flash

DIRECTORY = "state"
ORIGIN = ("192.0.2.17", 5683)
OWN_MANAGER = "coap://192.0.2.9/token"
GET_BIT, POST_BIT, PUT_BIT = 1, 2, 4
WISHED = [("/temp", GET_BIT), ("/vent", GET_BIT | PUT_BIT)]


class Cam:
    """A client's node and the CAM behind its uplink: grants what `lets` lets it, or refuses."""

    def __init__(self, flash: Flash, lets: list | None, grants: list | None = None):
        self.uplink = self.identity = self
        self.has_cam = True
        self.token_uri = OWN_MANAGER
        self.provider = PROVIDER
        self.random_bytes = Random(3).bytes
        self.storage = load(PROVIDER, DIRECTORY, flash).storage
        self.st = server_token({1: SlotGrant(1, 900, POP)})
        self.lets = lets
        self.grants = grants
        self.spoiled = False
        self.asked = []
        self.numbers = []

    def trace(self, number: int, text: str):
        self.numbers.append(number)

    async def post(self, send_to, path: str, payload: bytes, content_format: int) -> Message:
        asked = ticket.decode_request(payload)
        self.asked.append(asked)
        if self.lets is None:
            return Message(BAD_REQUEST, (), encode_error(labels.INVALID_SCOPE))
        scope = self.grants or asked.scope
        answer = ticket.encode_response(client_token(self.st, 1), scope, bytes(16))
        if self.spoiled:
            fields = cbor.decode(answer)
            fields[labels.CAI] = None
            answer = cbor.encode(fields)
        return Message(CREATED, (), ticket.with_cai(answer, self.lets) if self.lets else answer)


class CamTest(unittest.TestCase):
    def setUp(self):
        self.flash = Flash()
        self.flash.put(DIRECTORY + "/identity", unhex(encoded("client of a CAM")))
        self.sent = 0

    def access(self, *cam) -> Access:
        self.cam = Cam(self.flash, *cam)
        self.server = Server(self.cam.st)
        return Access(self.cam, None)

    async def send(self, message: Message) -> Message:
        self.sent += 1
        return self.server.answer(message)

    def ask(self, access: Access, path: str = "/temp", code: int = GET) -> bytes:
        return run(access.exchange(request(path, code), ORIGIN, None, self.send))[0].payload

    def authorize(self, access: Access) -> list:
        return run(access.authorize(WISHED, ORIGIN, self.send))

    def refused(self, access: Access, path: str, code: int):
        with self.assertRaises(NotAllowed):
            self.ask(access, path, code)

    def test_the_sam_of_the_hints_is_passed_on(self):
        access = self.access([])
        self.assertEqual(self.ask(access), b"21.5")
        asked = self.cam.asked[0]
        self.assertEqual((asked.sam, asked.audience, asked.client_id), (SAM, AUDIENCE, None))
        self.assertEqual(self.cam.numbers, [1, 4, 5, 8, 11, 12])

    def test_without_a_cam_only_its_own_manager_is_asked(self):
        access = self.access([])
        self.cam.has_cam = False
        self.refused(access, "/temp", GET)
        self.assertEqual(self.cam.asked, [])
        self.cam.token_uri = SAM
        access = Access(self.cam, None)
        self.assertEqual(self.ask(access), b"21.5")
        self.assertIsNone(self.cam.asked[0].sam)
        self.assertEqual(self.cam.numbers[-4:], [6, 7, 11, 12])

    def test_what_the_cam_takes_away_is_not_sent_to_anybody(self):
        access = self.access([("/temp", GET_BIT), ("/vent", GET_BIT)])
        self.assertEqual(self.authorize(access), [("/temp", GET_BIT), ("/vent", GET_BIT)])
        self.assertIn(9, self.cam.numbers)
        self.assertEqual(self.ask(access, "/vent"), b"21.5")
        sent = self.sent
        for _ in range(2):
            self.refused(access, "/vent", PUT)
        self.assertEqual((self.sent, len(self.cam.asked)), (sent, 1))
        self.assertEqual(self.ask(access), b"21.5")

    def test_it_obeys_after_a_restart_too(self):
        access = self.access([("/temp", GET_BIT)])
        self.authorize(access)
        access = Access(self.cam, None)
        sent = self.sent
        self.refused(access, "/vent", GET)
        self.assertEqual((self.sent, len(self.cam.asked)), (sent, 1))
        self.assertEqual(self.ask(access), b"21.5")

    def test_a_sam_that_grants_more_changes_nothing(self):
        access = self.access([("/temp", GET_BIT)], WISHED + [("/lock", PUT_BIT)])
        self.assertEqual(self.authorize(access), [("/temp", GET_BIT)])
        self.refused(access, "/vent", PUT)

    def test_what_was_not_asked_for_is_asked(self):
        access = self.access([("/temp", GET_BIT)])
        self.authorize(access)
        self.cam.lets = []
        self.assertEqual(self.ask(access, "/count", POST), b"21.5")
        asked = self.cam.asked[1]
        self.assertEqual((asked.scope, asked.sam), ([("/count", POST_BIT)], SAM))
        self.assertEqual(asked.kept, [("/temp", GET_BIT)])

    def test_what_a_new_ticket_does_not_keep_is_refused(self):
        access = self.access([])
        self.ask(access)
        self.cam.lets = [("/vent", GET_BIT)]
        self.assertEqual(self.ask(access, "/vent"), b"21.5")
        sent = self.sent
        self.refused(access, "/temp", GET)
        self.assertEqual((self.sent, len(self.cam.asked)), (sent, 2))

    def test_asking_for_the_same_again_does_not_reach_the_cam(self):
        access = self.access([("/temp", GET_BIT)])
        self.authorize(access)
        self.assertEqual(self.authorize(access), [("/temp", GET_BIT)])
        self.assertEqual(len(self.cam.asked), 1)

    def test_a_cam_that_says_no(self):
        access = self.access(None)
        self.refused(access, "/temp", GET)
        self.assertEqual(self.sent, 1)

    def test_cai_that_is_malformed(self):
        access = self.access([])
        self.cam.spoiled = True
        with self.assertRaises(ProtocolError):
            self.ask(access)
        self.assertEqual(self.sent, 1)


def encoded(name: str) -> str:
    """The identity of a vector."""
    return next(case["encoded"] for full, case in vectors("pat/identity") if full.endswith(name))


if __name__ == "__main__":
    unittest.main()
