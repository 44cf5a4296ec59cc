"""leafkey.pat.option and leafkey.pat.protection: what each level covers, and what it does not."""

import unittest

from leafkey.coap.message import Message, encode_options
from leafkey.coap.numbers import (
    BLOCK1,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    ETAG,
    FETCH,
    GET,
    HOP_LIMIT,
    MAX_AGE,
    OBSERVE,
    PAT,
    POST,
    PROXY_SCHEME,
    PROXY_URI,
    PUT,
    URI_HOST,
    URI_PATH,
    URI_PORT,
    URI_QUERY,
)
from leafkey.errors import AuthenticationError, DecodeError, EncodeError
from leafkey.pat import functions, option
from leafkey.pat.protection import Protection
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, PROBE_LEVEL
from leafkey.pat.tree import Leaf
from tests.unit.pat.world import PROVIDER, over_the_air, request

AT_LEN = 16
PARENT = bytes(range(32))
MACS = (POP, INTEGRITY)
PROTECTED = (POP, INTEGRITY, CONFIDENTIAL)
FAILED = (AuthenticationError, DecodeError)
SUITE = functions.suite(PROVIDER, functions.CHACHA20)
PROXY_OPTIONS = ((URI_HOST, b"h"), (URI_PORT, b"\x01"), (HOP_LIMIT, b"\x09"), (PROXY_URI, b"u"),
                 (PROXY_SCHEME, b"coap"))  # fmt: skip


def protection(level: int, child: int = 1, aead: int = 10) -> Protection:
    return Protection(PROVIDER, aead, level, Leaf(SUITE, PARENT, child - 1, child), AT_LEN)


def received(message: Message, level: int, child: int = 1, aead: int = 10) -> tuple:
    """(request, protection of its answers) as S takes a message; the errors of the check."""
    message = over_the_air(message)
    level_seen, at, mac = option.decode_request(message.option(PAT), AT_LEN)
    server = protection(level_seen, child, aead)
    if at != server.at or level_seen != level:
        raise DecodeError("another AT")
    return server.unprotect_request(message, mac), server


def sample() -> Message:
    message = request("/a/b", PUT, b"payload")
    message.add(URI_QUERY, b"q=1")
    message.add(CONTENT_FORMAT, b"\x3c")
    return message


class OptionTest(unittest.TestCase):
    def test_request_round_trip(self):
        at = bytes(range(16))
        for level, size in ((0, 0), (1, 8), (2, 8), (3, 0), (7, 8)):
            value = option.encode_request(level, at, bytes(size))
            self.assertEqual(option.decode_request(value, 16), (level, at, bytes(size)))

    def test_request_of_another_length(self):
        for at_len in (8, 16, 32):
            for level, size in ((0, 0), (1, 8), (2, 8), (3, 0), (7, 8)):
                good = 1 + at_len + size
                for length in range(60):
                    if length == good:
                        continue
                    with self.assertRaises(DecodeError):
                        option.decode_request((bytes((level,)) + bytes(60))[:length], at_len)

    def test_unknown_levels(self):
        for level in range(256):
            if level in (0, 1, 2, 3, 7):
                continue
            for size in (16, 24):
                with self.assertRaises(DecodeError):
                    option.decode_request(bytes((level,)) + bytes(size), 16)

    def test_response_round_trip(self):
        for counter in (0, 1, 255, 256, 65535, 65536, option.MAX_COUNTER):
            for level, mac in ((POP, bytes(8)), (INTEGRITY, bytes(8)), (CONFIDENTIAL, b"")):
                value = option.encode_response(counter, mac)
                self.assertEqual(option.decode_response(value, level), (counter, mac))

    def test_response_malformed(self):
        for value in (b"\x00", b"\x00\x01", b"\x01\x00\x00\x00", bytes(8)):
            with self.assertRaises(DecodeError):
                option.decode_response(value, CONFIDENTIAL)
        for value in (b"", bytes(7), b"\x00" + bytes(8), b"\x01\x00\x00\x00" + bytes(8)):
            with self.assertRaises(DecodeError):
                option.decode_response(value, POP)


class RoundTripTest(unittest.TestCase):
    def test_every_level(self):
        for aead in (10, 24):
            for level in (BEARER, POP, INTEGRITY, CONFIDENTIAL):
                client = protection(level, aead=aead)
                inner, server = received(client.protect_request(sample()), level, aead=aead)
                self.assertEqual(inner.code, PUT)
                self.assertEqual(inner.options, sample().options)
                self.assertEqual(inner.payload, b"payload")
                answer = Message(CONTENT, ((ETAG, b"e"), (MAX_AGE, b"\x05")), b"21.5")
                heard = over_the_air(server.protect_response(answer))
                opened, counter = client.unprotect_response(heard)
                self.assertEqual((opened.code, opened.payload, counter), (CONTENT, b"21.5", 0))
                self.assertEqual(opened.options, answer.options)

    def test_empty_messages(self):
        for level in PROTECTED:
            client = protection(level)
            inner, server = received(client.protect_request(Message(GET)), level)
            self.assertEqual((inner.code, inner.options, inner.payload), (GET, [], b""))
            opened, _ = client.unprotect_response(server.protect_response(Message(CHANGED)))
            self.assertEqual((opened.code, opened.options, opened.payload), (CHANGED, [], b""))

    def test_the_message_given_is_left_alone(self):
        for level in (BEARER, POP, INTEGRITY, CONFIDENTIAL):
            message = sample()
            protection(level).protect_request(message)
            self.assertEqual(message.options, sample().options)
            self.assertEqual(message.payload, b"payload")

    def test_confidential_shows_neither_code_nor_options(self):
        sent = protection(CONFIDENTIAL).protect_request(sample())
        self.assertEqual(sent.code, POST)
        self.assertEqual([number for number, _ in sent.options], [PAT])
        self.assertFalse(b"payload" in sent.payload)
        self.assertFalse(b"q=1" in encode_options(sent.options) + sent.payload)

    def test_confidential_observation_outside(self):
        message = request()
        message.add(OBSERVE, b"")
        client = protection(CONFIDENTIAL)
        sent = client.protect_request(message)
        self.assertEqual((sent.code, sent.option(OBSERVE)), (FETCH, b""))
        inner, server = received(sent, CONFIDENTIAL)
        self.assertEqual((inner.code, inner.option(OBSERVE)), (GET, b""))
        answer = server.protect_response(Message(CONTENT, ((OBSERVE, b"\x05"),), b"x"), 5)
        self.assertEqual((answer.code, answer.option(OBSERVE)), (CONTENT, b"\x05"))
        self.assertEqual(client.unprotect_response(answer)[1], 5)

    def test_proxy_options_stay_outside_at_confidential(self):
        message = sample()
        for number, value in PROXY_OPTIONS:
            message.add(number, value)
        sent = protection(CONFIDENTIAL).protect_request(message)
        outside = [number for number, _ in sent.options]
        self.assertEqual(outside, [3, 7, 16, 35, 39, PAT])
        self.assertEqual(received(sent, CONFIDENTIAL)[0].options, sample().options)

    def test_bearer_responses_are_plain(self):
        server = received(protection(BEARER).protect_request(request()), BEARER)[1]
        answer = Message(CONTENT, (), b"x")
        self.assertIs(server.protect_response(answer), answer)


class ChangedRequestTest(unittest.TestCase):
    def refused(self, message: Message, level: int, child: int = 1):
        with self.assertRaises(FAILED):
            received(message, level, child)

    def sent(self, level: int) -> Message:
        return protection(level).protect_request(sample())

    def test_code(self):
        for level in MACS:
            message = self.sent(level)
            message.code = GET
            self.refused(message, level)

    def test_covered_options(self):
        for level in MACS:
            for number in (URI_PATH, URI_QUERY, CONTENT_FORMAT):
                message = self.sent(level)
                message.remove(number)
                self.refused(message, level)
            for number, value in ((URI_PATH, b"c"), (OBSERVE, b""), (BLOCK1, b"\x06"),
                                  (MAX_AGE, b"\x01"), (2051, b"x")):  # fmt: skip
                message = self.sent(level)
                message.add(number, value)
                self.refused(message, level)

    def test_order_of_segments(self):
        for level in MACS:
            message = self.sent(level)
            message.remove(URI_PATH)
            message.add(URI_PATH, b"b")
            message.add(URI_PATH, b"a")
            self.refused(message, level)

    def test_payload(self):
        for level in (INTEGRITY, CONFIDENTIAL):
            for payload in (b"", b"payloaD", b"payload ", self.sent(level).payload[:-1]):
                message = self.sent(level)
                message.payload = payload
                self.refused(message, level)

    def test_payload_is_free_at_pop(self):
        message = self.sent(POP)
        message.payload = b"other"
        self.assertEqual(received(message, POP)[0].payload, b"other")

    def test_uncovered_options_may_change(self):
        for level in PROTECTED:
            message = self.sent(level)
            for number, value in PROXY_OPTIONS:
                message.add(number, value)
            inner, _ = received(message, level)
            self.assertEqual((inner.path(), inner.payload), ((b"a", b"b"), b"payload"))

    def test_outer_parts_at_confidential_are_ignored(self):
        message = self.sent(CONFIDENTIAL)
        message.code = GET
        message.add(URI_PATH, b"lock")
        message.add(OBSERVE, b"")
        message.add(BLOCK1, b"\x06")
        inner, _ = received(message, CONFIDENTIAL)
        self.assertEqual((inner.code, inner.options), (PUT, sample().options))

    def test_every_bit_of_the_pat_option(self):
        for level in PROTECTED:
            value = self.sent(level).option(PAT)
            for place in range(len(value)):
                message = self.sent(level)
                message.remove(PAT)
                changed = bytearray(value)
                changed[place] ^= 1 << place % 8
                message.add(PAT, bytes(changed))
                self.refused(message, level)

    def test_another_at(self):
        for level in PROTECTED:
            self.refused(self.sent(level), level, child=2)

    def test_probe_and_request_do_not_pass_for_each_other(self):
        probe = protection(PROBE_LEVEL).protect_request(Message(POST))
        value = probe.option(PAT)
        for level in MACS:
            probe.remove(PAT)
            probe.add(PAT, bytes((level,)) + value[1:])
            self.refused(probe, level)

    def test_a_probe_carries_nothing(self):
        for change in ("code", "option", "payload"):
            probe = Message(POST)
            if change == "code":
                probe.code = GET
            elif change == "option":
                probe.add(URI_PATH, b"a")
            else:
                probe.payload = b"x"
            self.refused(protection(PROBE_LEVEL).protect_request(probe), PROBE_LEVEL)

    def test_sealed_for_one_direction(self):
        client = protection(CONFIDENTIAL)
        sent = client.protect_request(sample())
        back = Message(CONTENT, ((PAT, b""),), sent.payload)
        with self.assertRaises(AuthenticationError):
            client.unprotect_response(back)

    def test_sealed_with_what_belongs_outside(self):
        for number in (URI_HOST, PAT, HOP_LIMIT):
            client = protection(CONFIDENTIAL)
            plaintext = bytes((GET,)) + encode_options([(number, b"\x01")])
            message = self.sealed(client, plaintext)
            with self.assertRaises(DecodeError):
                received(message, CONFIDENTIAL)

    def test_sealed_malformed(self):
        for plaintext in (b"", b"\x45", b"\x00", b"\x01\xff", b"\x01\xb5a", b"\x01\xf0", b"\xe1"):
            with self.assertRaises(DecodeError):
                received(self.sealed(protection(CONFIDENTIAL), plaintext), CONFIDENTIAL)

    def sealed(self, client: Protection, plaintext: bytes) -> Message:
        aead = PROVIDER.aead(10)
        key = Leaf(SUITE, PARENT, 0, 1).key(functions.CONF_K)[:16]
        payload = aead.encrypt(key, client._nonce(0, 0), client._aad(0, b"", 0), plaintext)
        value = option.encode_request(CONFIDENTIAL, client.at, b"")
        return Message(POST, ((PAT, value),), payload)


class ChangedResponseTest(unittest.TestCase):
    def both(self, level: int) -> tuple:
        client = protection(level)
        return client, received(client.protect_request(sample()), level)[1]

    def refused(self, client: Protection, response: Message):
        with self.assertRaises(FAILED):
            client.unprotect_response(over_the_air(response))

    def answer(self) -> Message:
        return Message(CONTENT, ((ETAG, b"e"), (MAX_AGE, b"\x05")), b"21.5")

    def test_code_options_and_payload(self):
        for level in MACS:
            for change in ("code", "etag", "format", "payload"):
                client, server = self.both(level)
                response = server.protect_response(self.answer())
                if change == "code":
                    response.code = CHANGED
                elif change == "etag":
                    response.remove(ETAG)
                elif change == "format":
                    response.add(CONTENT_FORMAT, b"")
                elif level == POP:
                    continue
                else:
                    response.payload = b"99.9"
                self.refused(client, response)

    def test_max_age_may_change(self):
        for level in MACS:
            client, server = self.both(level)
            response = server.protect_response(self.answer())
            response.remove(MAX_AGE)
            self.assertEqual(client.unprotect_response(response)[0].payload, b"21.5")

    def test_max_age_is_sealed_at_confidential(self):
        client, server = self.both(CONFIDENTIAL)
        response = server.protect_response(self.answer())
        self.assertIsNone(response.option(MAX_AGE))
        response.add(MAX_AGE, b"\x7f")
        self.assertEqual(client.unprotect_response(response)[0].option(MAX_AGE), b"\x05")

    def test_bound_to_the_request(self):
        for level in PROTECTED:
            client, _ = self.both(level)
            other = protection(level)
            _, server = received(other.protect_request(request("/other")), level)
            self.refused(client, server.protect_response(self.answer()))

    def test_counter_is_covered(self):
        for level in PROTECTED:
            client, server = self.both(level)
            response = server.protect_response(self.answer(), 5)
            value = response.option(PAT)
            response.remove(PAT)
            response.add(PAT, b"\x06" + value[1:])
            self.refused(client, response)

    def test_unprotected(self):
        for level in PROTECTED:
            client, _ = self.both(level)
            self.refused(client, self.answer())

    def test_sealed_under_each_counter_differently(self):
        _, server = self.both(CONFIDENTIAL)
        sealed = {server.protect_response(self.answer(), n).payload for n in (0, 1, 255, 65536)}
        self.assertEqual(len(sealed), 4)

    def test_counters_end(self):
        for level in (BEARER, POP, INTEGRITY, CONFIDENTIAL):
            _, server = self.both(level)
            server.protect_response(self.answer(), option.MAX_COUNTER)
            for counter in (option.MAX_COUNTER + 1, -1, 1 << 32):
                with self.assertRaises(EncodeError):
                    server.protect_response(self.answer(), counter)


if __name__ == "__main__":
    unittest.main()
