"""Which resource answers a request, and what becomes of what it returns or raises."""

import asyncio
import unittest

from leafkey.coap import numbers
from leafkey.coap.message import Message
from leafkey.codec import cbor
from leafkey.pat import tokens
from leafnode.request import BadRequest
from leafnode.response import Response
from leafnode.router import Router
from tests.support.loopback import Log


def _request(code, path, options=(), payload=b""):
    message = Message(code, options, payload)
    message.set_path(path)
    return message


def _returns(value):
    async def handler(request):
        return value

    return handler


class RouterCase(unittest.TestCase):
    def setUp(self):
        self.log = Log()
        self.router = Router(self.log)

    def add(self, path, handler, methods=("GET",), level="open", observable=False):
        self.router.add(path, methods, handler, level, observable)

    def ask(self, code, path, options=(), payload=b"", who=None):
        return asyncio.run(self.router.dispatch(_request(code, path, options, payload), who))

    def assertAnswer(self, response, code, content_format, payload):
        self.assertEqual(response.code, code)
        self.assertEqual(response.uint(numbers.CONTENT_FORMAT), content_format)
        self.assertEqual(response.payload, payload)


class RouteTest(RouterCase):
    def test_the_content_format_follows_from_the_value(self):
        for value, content_format, payload in (
            ("21.5", numbers.TEXT_PLAIN, b"21.5"),
            (b"\x00\xff", numbers.APPLICATION_OCTET_STREAM, b"\x00\xff"),
            (bytearray(b"ab"), numbers.APPLICATION_OCTET_STREAM, b"ab"),
            ({"t": 21}, numbers.APPLICATION_CBOR, b"\xa1at\x15"),
            (False, numbers.APPLICATION_CBOR, b"\xf4"),
            (0, numbers.APPLICATION_CBOR, b"\x00"),
            (None, None, b""),
        ):
            self.router = Router(self.log)
            self.add("/x", _returns(value))
            self.assertAnswer(self.ask(numbers.GET, "/x"), numbers.CONTENT, content_format, payload)

    def test_the_code_follows_from_the_method(self):
        methods = ("GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH")
        self.add("/x", _returns(None), methods)
        for code, expected in (
            (numbers.GET, numbers.CONTENT),
            (numbers.FETCH, numbers.CONTENT),
            (numbers.POST, numbers.CHANGED),
            (numbers.PUT, numbers.CHANGED),
            (numbers.PATCH, numbers.CHANGED),
            (numbers.IPATCH, numbers.CHANGED),
            (numbers.DELETE, numbers.DELETED),
        ):
            self.assertEqual(self.ask(code, "/x").code, expected)

    def test_a_response_says_everything_itself(self):
        made = Response("{}", numbers.CREATED, numbers.APPLICATION_JSON, 5)
        self.add("/x", _returns(made), ("PUT",))
        answer = self.ask(numbers.PUT, "/x")
        self.assertAnswer(answer, numbers.CREATED, numbers.APPLICATION_JSON, b"{}")
        self.assertEqual(answer.uint(numbers.MAX_AGE), 5)

    def test_a_request_shows_what_was_asked(self):
        async def handler(request):
            return [request.method, request.path, request.query, request.cbor, request.client]

        self.add("/a/b", handler, ("POST",))
        options = ((numbers.URI_QUERY, b"x=1"), (numbers.URI_QUERY, b"y"))
        answer = self.ask(numbers.POST, "/a/b", options, cbor.encode({1: 2}), lambda: b"who")
        asked = ["POST", "/a/b", {"x": "1", "y": ""}, {1: 2}, b"who"]
        self.assertEqual(cbor.decode(answer.payload), asked)

    def test_what_is_not_there(self):
        self.add("/x", _returns("x"))
        self.assertEqual(self.ask(numbers.GET, "/y").code, numbers.NOT_FOUND)
        self.assertEqual(self.ask(numbers.GET, "/").code, numbers.NOT_FOUND)
        self.assertEqual(self.ask(numbers.GET, "/x/x").code, numbers.NOT_FOUND)
        self.assertEqual(self.ask(numbers.PUT, "/x").code, numbers.METHOD_NOT_ALLOWED)
        self.assertEqual(self.ask(31, "/x").code, numbers.METHOD_NOT_ALLOWED)

    def test_a_path_that_is_not_text(self):
        self.add("/x", _returns("x"))
        message = Message(numbers.GET, ((numbers.URI_PATH, b"\xff\xfe"),))
        self.assertEqual(asyncio.run(self.router.dispatch(message)).code, numbers.NOT_FOUND)

    def test_methods_of_one_path_may_have_functions_of_their_own(self):
        self.add("/lamp", _returns("state"), level="open")
        self.add("/lamp", _returns(None), ("PUT", "POST"), "confidential")
        self.assertEqual(self.ask(numbers.GET, "/lamp").payload, b"state")
        self.assertEqual(self.ask(numbers.PUT, "/lamp").code, numbers.CHANGED)
        self.assertTrue(self.router.is_open(_request(numbers.GET, "/lamp")))
        self.assertFalse(self.router.is_open(_request(numbers.PUT, "/lamp")))
        self.assertFalse(self.router.is_open(_request(numbers.DELETE, "/lamp")))

    def test_levels(self):
        self.add("/open", _returns(None))
        self.add("/any", _returns(None), level=None)
        self.add("/high", _returns(None), level="integrity")
        for path, is_open, level in (
            ("/open", True, tokens.BEARER),
            ("/any", False, tokens.BEARER),
            ("/high", False, tokens.INTEGRITY),
            ("/missing", False, tokens.BEARER),
            ("/.well-known/core", True, tokens.BEARER),
        ):
            request = _request(numbers.GET, path)
            self.assertEqual(self.router.is_open(request), is_open)
            self.assertEqual(self.router.level_of(request), level)

    def test_what_cannot_be_added(self):
        self.add("/x", _returns(None))
        for methods, level in ((("GET",), "open"), (("GONE",), "open"), (("PUT",), "secret")):
            with self.assertRaises(ValueError):
                self.add("/x", _returns(None), methods, level)


class FailureTest(RouterCase):
    def test_what_a_resource_raises_stays_inside(self):
        async def handler(request):
            raise ValueError("the key is 1234")

        self.add("/x", handler)
        self.assertAnswer(self.ask(numbers.GET, "/x"), numbers.INTERNAL_SERVER_ERROR, None, b"")
        self.assertEqual(self.log.lines, ["error in resource /x: ValueError"])

    def test_what_cannot_be_encoded_is_our_error(self):
        self.add("/x", _returns(object()))
        self.assertEqual(self.ask(numbers.GET, "/x").code, numbers.INTERNAL_SERVER_ERROR)

    def test_what_cannot_be_read_is_the_clients_error(self):
        async def text(request):
            return request.text

        async def item(request):
            return request.cbor

        async def query(request):
            return request.query

        async def picky(request):
            raise BadRequest("only odd numbers")

        for handler in (text, item, query, picky):
            self.router = Router(self.log)
            self.add("/x", handler, ("FETCH",))
            options = ((numbers.URI_QUERY, b"\xc0\xaf"),)
            answer = self.ask(numbers.FETCH, "/x", options, b"\xff\xff")
            self.assertAnswer(answer, numbers.BAD_REQUEST, None, b"")
        self.assertEqual(self.log.lines, [])

    def test_a_representation_nobody_asked_for(self):
        self.add("/x", _returns("text"))
        wants_text = ((numbers.ACCEPT, b""),)
        wants_cbor = ((numbers.ACCEPT, b"\x3c"),)
        self.assertEqual(self.ask(numbers.GET, "/x", wants_text).code, numbers.CONTENT)
        self.assertEqual(self.ask(numbers.GET, "/x", wants_cbor).code, numbers.NOT_ACCEPTABLE)

    def test_a_change_is_not_called_unacceptable(self):
        self.add("/x", _returns("done"), ("POST",))
        answer = self.ask(numbers.POST, "/x", ((numbers.ACCEPT, b"\x3c"),))
        self.assertEqual(answer.code, numbers.CHANGED)


class DiscoveryTest(RouterCase):
    def test_strangers_see_what_is_open(self):
        self.add("/temp", _returns(None), observable=True)
        self.add("/vent", _returns(None), ("PUT",), None)
        answer = self.ask(numbers.GET, "/.well-known/core")
        self.assertAnswer(answer, numbers.CONTENT, numbers.APPLICATION_LINK_FORMAT, b"</temp>;obs")

    def test_clients_see_everything(self):
        self.add("/temp", _returns(None), observable=True)
        self.add("/vent", _returns(None), ("PUT",), None)
        answer = self.ask(numbers.GET, "/.well-known/core", who=lambda: b"who")
        self.assertEqual(answer.payload, b"</temp>;obs,</vent>")

    def test_it_is_only_read(self):
        answer = self.ask(numbers.POST, "/.well-known/core")
        self.assertEqual(answer.code, numbers.METHOD_NOT_ALLOWED)
