"""The socket under microCoAPy: what goes in as datagrams comes out as one response each."""
# heap: 1m

import asyncio
import errno
import os
import socket
import time
import unittest

from leafcoapy import PatSocket
from leafcoapy.pat_socket import MAX_READY, MAX_UNDER_WAY
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACCEPT,
    ACK,
    BAD_GATEWAY,
    BAD_OPTION,
    BAD_REQUEST,
    CHANGED,
    CON,
    CONTENT,
    CONTENT_FORMAT,
    EMPTY,
    ETAG,
    FORBIDDEN,
    GATEWAY_TIMEOUT,
    GET,
    IF_MATCH,
    INTERNAL_SERVER_ERROR,
    MAX_AGE,
    METHOD_NOT_ALLOWED,
    NON,
    OBSERVE,
    PAT,
    PUT,
    SERVICE_UNAVAILABLE,
    URI_HOST,
    URI_PATH,
    URI_QUERY,
)
from leafkey.errors import (
    ConsentDenied,
    ConsentPending,
    NotAllowed,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from leafnode.response import Response
from leafnode.udp import UdpSocket
from tests.support.loopback import HOST, Log, free_port

NOWHERE = "no-such-directory"
BUFFER = 1024
TURNS = 400
ADDRESS = ("192.0.2.17", 5683)


class Scripted:
    """Stands for the Client: gives or raises what a test put into `outcomes`, None for never."""

    def __init__(self):
        self.asked = []
        self.outcomes = []

    async def request(self, *arguments):
        self.asked.append(arguments)
        await asyncio.sleep(0)
        outcome = self.outcomes.pop(0)
        while outcome is None:
            await asyncio.sleep(60)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self):
        pass


async def pause():
    """Let a scripted request end."""
    await asyncio.sleep(0.01)


def request(code=GET, options=(), payload=b"", type=CON):
    made = Message(code, options, payload, type, 0x1234, b"tk")
    made.add(URI_HOST, ADDRESS[0].encode())
    made.add(URI_PATH, b"temp")
    return made


class Case(unittest.TestCase):
    def setUp(self):
        self.log = Log()
        self.client = Scripted()
        self.socket = self.opened("confidential")
        self.socket._client = self.client

    def tearDown(self):
        self.socket.close()

    def opened(self, *arguments):
        return PatSocket(NOWHERE, *arguments, log=self.log)

    def begin(self, *outcomes, **more):
        """Send a request that comes to this."""
        self.client.outcomes += outcomes
        data = encode(request(**more))
        self.assertEqual(self.socket.sendto(bytearray(data), ADDRESS), len(data))

    def fetch(self, size=BUFFER):
        data, peer = self.socket.recvfrom(size)
        self.assertTrue(len(data) <= size)
        self.assertEqual(peer, ADDRESS)
        return decode(data)

    def answer_to(self, *outcomes, **more):
        self.begin(*outcomes, **more)
        return self.fetch()

    def assert_nothing(self):
        with self.assertRaises(OSError) as caught:
            self.socket.recvfrom(BUFFER)
        self.assertEqual(caught.exception.errno, errno.EAGAIN)


class RequestTest(Case):
    def test_what_is_asked(self):
        self.answer_to(Response("21.5"))
        self.assertEqual(
            self.client.asked,
            [("GET", "coap://192.0.2.17/temp", None, "confidential", None, None)],
        )

    def test_a_body_its_format_and_a_query(self):
        options = [(CONTENT_FORMAT, b"\0\0"), (URI_QUERY, b"unit=C"), (ACCEPT, 50), (ETAG, b"1")]
        self.answer_to(Response(code=CHANGED), code=PUT, options=options, payload=b"22")
        self.assertEqual(
            self.client.asked,
            [("PUT", "coap://192.0.2.17/temp?unit=C", b"22", "confidential", 0, 50)],
        )

    def test_a_name_says_which_server_must_answer(self):
        named = request()
        named.remove(URI_HOST)
        named.add(URI_HOST, b"thermo")
        self.client.outcomes = [Response(), Response()]
        for address in (ADDRESS, ("thermo", 5684)):
            self.socket.sendto(encode(named), address)
            self.socket.recvfrom(BUFFER)
        self.assertEqual(
            [asked[1] for asked in self.client.asked],
            ["coap://thermo/temp", "coap://thermo:5684/temp"],
        )

    def test_each_host_has_its_level(self):
        self.socket.close()
        self.socket = self.opened("pop", {"192.0.2.17": "open", "thermo": "integrity"})
        self.socket._client = self.client
        for name in (b"192.0.2.17", b"thermo", b"lamp"):
            made = request()
            made.remove(URI_HOST)
            made.add(URI_HOST, name)
            self.client.outcomes.append(Response())
            self.socket.sendto(encode(made), ADDRESS)
            self.fetch()
        self.assertEqual([asked[3] for asked in self.client.asked], ["open", "integrity", "pop"])

    def test_a_level_that_is_none(self):
        for arguments in (("secret",), (None,), ("pop", {"thermo": "opne"})):
            with self.assertRaises(ValueError):
                self.opened(*arguments)

    def test_what_is_no_request_is_not_sent(self):
        for data in (
            b"",
            b"\x40\x01\x00",
            encode(request())[:-1],
            encode(Message(EMPTY, type=ACK, mid=1)),
            encode(Message(CONTENT, (), b"x", ACK, 1)),
        ):
            self.assertEqual(self.socket.sendto(data, ADDRESS), 0)
        self.assertEqual(self.client.asked, [])

    def test_what_cannot_be_asked(self):
        for code, options, expected in (
            (GET, [(IF_MATCH, b"1")], BAD_OPTION),
            (GET, [(PAT, b"1")], BAD_OPTION),
            (GET, [(ACCEPT, b"12345")], BAD_REQUEST),
            (31, [], METHOD_NOT_ALLOWED),
        ):
            response = self.answer_to(code=code, options=options)
            self.assertEqual((response.code, response.type), (expected, ACK))
        strange = request()
        strange.remove(URI_HOST)
        strange.add(URI_HOST, b"\xff\xfe")
        self.socket.sendto(encode(strange), ADDRESS)
        self.assertEqual(self.fetch().code, BAD_REQUEST)


class ResponseTest(Case):
    def test_a_response_is_in_the_acknowledgement(self):
        response = self.answer_to(Response("21.5", max_age=5), options=[(OBSERVE, b"")])
        self.assertEqual((response.type, response.mid, response.token), (ACK, 0x1234, b"tk"))
        self.assertEqual((response.code, response.payload), (CONTENT, b"21.5"))
        self.assertEqual(response.options, [(CONTENT_FORMAT, b""), (MAX_AGE, b"\x05")])

    def test_a_non_gets_a_non(self):
        self.assertEqual(self.answer_to(Response(), type=NON).type, NON)

    def test_what_is_raised_becomes_a_response(self):
        for error, code in (
            (NotAllowed("why"), FORBIDDEN),
            (ConsentDenied("why"), FORBIDDEN),
            (Unreachable("why"), GATEWAY_TIMEOUT),
            (OutcomeUnknown("why"), GATEWAY_TIMEOUT),
            (ProtocolError("why"), BAD_GATEWAY),
        ):
            response = self.answer_to(error)
            self.assertEqual((response.code, response.payload), (code, b"why"))
            self.assertEqual((response.mid, response.token), (0x1234, b"tk"))

    def test_who_waits_for_consent_is_told_how_long(self):
        response = self.answer_to(ConsentPending(30))
        self.assertEqual((response.code, response.uint(MAX_AGE)), (SERVICE_UNAVAILABLE, 30))

    def test_a_failure_of_this_node_is_logged(self):
        response = self.answer_to(OSError(28))
        self.assertEqual((response.code, response.payload), (INTERNAL_SERVER_ERROR, b"OSError"))
        self.assertEqual(self.log.lines[1:], ["a request failed: OSError"])

    def test_one_that_does_not_fit_the_buffer(self):
        self.assertEqual(self.answer_to(Response(bytes(1000))).code, CONTENT)
        response = self.answer_to(Response(bytes(1020)))
        self.assertEqual((response.code, response.mid), (INTERNAL_SERVER_ERROR, 0x1234))

    def test_the_oldest_that_nobody_fetched_gives_way(self):
        for i in range(MAX_READY + 1):
            self.begin(Response(str(i)))
            self.socket._runner.run(pause())
        payloads = [self.fetch().payload for _ in range(MAX_READY)]
        self.assertEqual(payloads, [b"%d" % (i + 1) for i in range(MAX_READY)])
        self.assert_nothing()


class PollTest(Case):
    def test_nothing_is_under_way(self):
        for is_blocking in (True, False):
            self.socket.setblocking(is_blocking)
            self.assert_nothing()

    def test_a_poll_ends_without_a_response(self):
        self.begin(None)
        self.socket.setblocking(False)
        self.assert_nothing()

    def test_so_many_are_under_way(self):
        for _ in range(MAX_UNDER_WAY):
            self.begin(None)
        self.assertEqual(self.socket.sendto(encode(request()), ADDRESS), 0)
        self.assertEqual(len(self.client.asked), MAX_UNDER_WAY)

    def test_a_defect_of_ours_leaves_nobody_waiting(self):
        loud = ValueError("a defect")
        self.begin(loud)
        self.assert_nothing()
        self.assertEqual(self.answer_to(Response()).code, CONTENT)

    def test_versions_that_ask_how_addresses_look(self):
        self.assertTrue(self.socket.isUnixCompatible())


class OnTheWireTest(unittest.TestCase):
    """With the real Client, towards a server that the test plays."""

    def setUp(self):
        self.port = free_port()
        self.server = UdpSocket(HOST, self.port)
        self.address = socket.getaddrinfo(HOST, self.port)[0][-1]
        self.log = Log()

    def tearDown(self):
        self.server.close()

    def heard(self):
        """(message, remote) of what arrives at the server next."""
        for _ in range(TURNS):
            received = self.server.receive()
            if received is not None:
                return decode(received[0]), received[1]
            time.sleep(0.01)
        raise AssertionError("nothing arrived")

    def test_the_first_datagram_leaves_with_sendto(self):
        asking = PatSocket(NOWHERE, "open", log=self.log)
        asking.setblocking(False)
        sent = Message(GET, [(URI_PATH, b"temp")], b"", CON, 7, b"")
        self.assertTrue(asking.sendto(bytearray(encode(sent)), self.address) > 0)
        message, remote = self.heard()
        self.assertEqual((message.code, message.path()), (GET, (b"temp",)))
        with self.assertRaises(OSError):
            asking.recvfrom(BUFFER)
        reply = Message(CONTENT, (), b"21.5", ACK, message.mid, message.token)
        stray = Message(CONTENT, (), b"0", ACK, message.mid, os.urandom(8))
        for each in (stray, reply):
            self.server.send(encode(each), remote)
        data, peer = asking.recvfrom(BUFFER)
        self.assertEqual(decode(data).payload, b"21.5")
        self.assertEqual((decode(data).mid, peer), (7, (HOST, self.port)))
        asking.close()

    def test_it_is_closed_with_a_request_under_way(self):
        asking = PatSocket(NOWHERE, "open", log=self.log)
        asking.sendto(encode(Message(GET, (), b"", CON, 7)), self.address)
        self.heard()
        asking.close()
        self.assertEqual(asking._under_way, [])

    def test_what_makes_no_uri(self):
        asking = PatSocket(NOWHERE, "open", log=self.log)
        for number, value in ((URI_PATH, bytes(300)), (URI_HOST, b"a b")):
            asking.sendto(encode(Message(GET, [(number, value)], b"", CON, 7)), self.address)
            self.assertEqual(decode(asking.recvfrom(BUFFER)[0]).code, BAD_REQUEST)
        asking.close()

    def test_without_an_identity_nothing_is_sent_in_clear(self):
        asking = PatSocket(NOWHERE, "bearer", log=self.log)
        asking.sendto(encode(Message(GET, [(URI_PATH, b"temp")], b"", CON, 7)), self.address)
        self.assertEqual(decode(asking.recvfrom(BUFFER)[0]).code, FORBIDDEN)
        self.assertIsNone(self.server.receive())
        asking.close()


if __name__ == "__main__":
    unittest.main()
