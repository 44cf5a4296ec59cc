"""A client with tokens, and servers that say what they like."""

import asyncio
import unittest

from leafkey.ace import labels
from leafkey.ace.client import decode_response
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_REQUEST,
    CONTENT,
    CREATED,
    GET,
    NOT_FOUND,
    POST,
    UNAUTHORIZED,
    URI_PATH,
)
from leafkey.codec import cbor
from leafkey.errors import NotAllowed, OutcomeUnknown, ProtocolError, Unreachable
from leafnode.token_access import TokenAccess, _Visit

AS = "coap://as/token"
HOUSE = ("thermo", 5683)
MATERIAL = {0: b"\x01", 2: bytes(16), 5: b"salt"}


class Access(TokenAccess):
    """Whose AS grants everything, at once."""

    def __init__(self):
        super().__init__(AS, None, None)
        self.asked = []

    def _is_free(self, id: bytes) -> bool:
        return True

    async def _asked(self, audience: str, scope: list, cnonce, old):
        self.asked.append((audience, scope, cnonce))
        granted = {labels.ACCESS_TOKEN: b"token", labels.CNF: {labels.OSC: MATERIAL}}
        return decode_response(cbor.encode(granted), audience, scope, 0, old)


def hints(**changes) -> Message:
    said = {labels.AS: AS, labels.AUDIENCE: "thermo", labels.CNONCE: b"nonce"}
    names = {"uri": labels.AS, "audience": labels.AUDIENCE, "cnonce": labels.CNONCE}
    for name, value in changes.items():
        said[names[name]] = value
    return Message(UNAUTHORIZED, (), cbor.encode(said))


TAKEN = Message(CREATED, (), cbor.encode({42: b"nonce 2!", 44: b"ID"}))


class Server:
    """Answers requests for /authz-info, and all others, as a test says: the last answer stays."""

    def __init__(self, posts: list, others: list):
        self.posts = posts
        self.others = others
        self.count = 0

    async def send(self, message: Message) -> Message:
        self.count += 1
        own = self.posts if message.path() == (b"authz-info",) else self.others
        return (own.pop(0) if len(own) > 1 else own[0]).copy()


def ask(access: Access, server: Server, code: int = GET, level=None):
    message = Message(code, ((URI_PATH, b"temp"),))
    return asyncio.run(access.exchange(message, HOUSE, level, server.send))


class HostileTest(unittest.TestCase):
    def fails(self, kind, access: Access, server: Server, code: int = GET):
        with self.assertRaises(kind):
            ask(access, server, code)
        self.assertTrue(server.count < 10)

    def test_hints_that_are_none(self):
        for answer in (
            Message(UNAUTHORIZED),
            Message(UNAUTHORIZED, (), b"\xff"),
            Message(UNAUTHORIZED, (), cbor.encode([1])),
            Message(UNAUTHORIZED, (), cbor.encode({labels.AS: AS})),
            hints(audience=5),
            hints(cnonce="text"),
        ):
            access = Access()
            self.fails(NotAllowed, access, Server([TAKEN], [answer]))
            self.assertEqual(access.asked, [])

    def test_an_as_that_is_not_known(self):
        access = Access()
        self.fails(NotAllowed, access, Server([TAKEN], [hints(uri="coap://evil/token")]))
        self.assertEqual(access.asked, [])

    def test_another_name_than_the_uri_s(self):
        access = Access()
        self.fails(NotAllowed, access, Server([TAKEN], [hints(audience="lamp")]))
        self.assertEqual(access.asked, [])

    def test_another_name_later(self):
        access = Access()
        server = Server([TAKEN, hints(audience="lamp")], [hints()])
        self.fails(NotAllowed, access, server)
        self.assertEqual(len(access.asked), 1)

    def test_a_server_that_takes_no_token(self):
        access = Access()
        self.fails(ProtocolError, access, Server([hints()], [hints()]))
        # Once more with a cnonce, and no further.
        self.assertEqual(len(access.asked), 2)

    def test_whatever_comes_in_answer_to_a_token(self):
        for answer in (
            Message(BAD_REQUEST),
            Message(CONTENT),
            Message(CREATED),
            Message(CREATED, (), b"\xff"),
            Message(CREATED, (), cbor.encode({42: b"n", 44: bytes(9)})),
        ):
            self.fails(ProtocolError, Access(), Server([answer], [hints()]))

    def test_a_server_that_takes_tokens_and_knows_no_context(self):
        access = Access()
        self.fails(ProtocolError, access, Server([TAKEN], [hints()]))
        # The token was posted again, and not replaced: it was not what was refused.
        self.assertEqual(len(access.asked), 1)

    def test_a_token_that_is_refused_is_replaced_once_in_a_while(self):
        access = Access()
        server = Server([hints(), TAKEN, hints()], [hints()])
        visit = _Visit(HOUSE, server.send)
        scope = [("/temp", 1)]

        async def refused_twice():
            held = await access._asked("thermo", scope, None, None)
            held = await access._healed(visit, held, scope)
            self.assertEqual(access.asked[1:], [("thermo", scope, b"nonce")])
            with self.assertRaises(Unreachable):
                await access._healed(visit, held, scope)

        asyncio.run(refused_twice())
        self.assertEqual(len(access.asked), 2)

    def test_an_answer_without_protection(self):
        for code in (CONTENT, NOT_FOUND, BAD_REQUEST):
            server = Server([TAKEN], [hints(), Message(code, (), b"forged")])
            self.fails(ProtocolError, Access(), server)

    def test_a_post_is_not_made_twice(self):
        server = Server([TAKEN], [hints()])
        self.fails(OutcomeUnknown, Access(), server, POST)

    def test_an_open_server_gets_no_secret(self):
        access = Access()
        answer, opener = ask(access, Server([TAKEN], [Message(CONTENT, (), b"21.5")]))
        self.assertEqual((answer.payload, opener, access.asked), (b"21.5", None, []))
        self.fails_with_level(access)

    def fails_with_level(self, access: Access):
        with self.assertRaises(NotAllowed):
            ask(access, Server([TAKEN], [Message(CONTENT)]), level=3)


if __name__ == "__main__":
    unittest.main()
