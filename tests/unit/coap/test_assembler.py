"""The server's side of block-wise transfers (RFC 7959): atomic, bounded, and both ends together."""

# A client, a server and their bodies in one process.
# heap: 400k

import unittest

from leafkey.coap.block import Assembler, Limits, Transfer
from leafkey.coap.blockoption import decode_block, encode_block
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_OPTION,
    BAD_REQUEST,
    BLOCK1,
    BLOCK2,
    CHANGED,
    CONTENT,
    CONTINUE,
    ECHO,
    ETAG,
    FETCH,
    GET,
    MAX_AGE,
    OBSERVE,
    PAT,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    REQUEST_TAG,
    SERVICE_UNAVAILABLE,
    SIZE1,
    SIZE2,
    URI_PATH,
)
from tests.unit.coap.network import Generator

SMALL = Limits(2, 256, 320, 10, 2)


def upload(num: int, more: bool, size: int = 64, fill: int = 1, szx: int = 2, options: tuple = ()):
    """PUT /x with one block."""
    message = Message(PUT, ((URI_PATH, b"x"),) + tuple(options), bytes((fill,)) * size)
    message.add(BLOCK1, encode_block(num, more, szx))
    return message


def download(num: int, szx: int = 2, code: int = GET, options: tuple = ()) -> Message:
    """GET /x for one block."""
    message = Message(code, ((URI_PATH, b"x"),) + tuple(options))
    message.add(BLOCK2, encode_block(num, False, szx))
    return message


class AssemblerTest(unittest.TestCase):
    def setUp(self):
        self.assembler = Assembler(Generator(1).bytes, SMALL)

    def code(self, message: Message, key: str = "a", now: int = 0) -> int:
        """The code of the immediate response, 0 for a complete request."""
        _, immediate = self.assembler.request(key, message, now)
        return 0 if immediate is None else immediate.code


class UploadTest(AssemblerTest):
    def test_a_body_is_delivered_whole(self):
        for num in range(3):
            complete, immediate = self.assembler.request("a", upload(num, True, fill=num), 0)
            self.assertIsNone(complete)
            self.assertEqual(immediate.code, CONTINUE)
            self.assertEqual(decode_block(immediate, BLOCK1), (num, True, 2))
        complete, immediate = self.assembler.request("a", upload(3, False, 5, 3), 0)
        self.assertIsNone(immediate)
        self.assertEqual(complete.payload, b"\0" * 64 + b"\1" * 64 + b"\2" * 64 + b"\3" * 5)
        response = self.assembler.response("a", complete, Message(CHANGED), 0)
        self.assertEqual(decode_block(response, BLOCK1), (3, False, 2))
        self.assertEqual(self.assembler.usage()["uploads"], 0)

    def test_a_request_without_blocks_passes(self):
        message = Message(PUT, payload=bytes(500))
        complete, immediate = self.assembler.request("a", message, 0)
        self.assertIs(complete, message)
        self.assertIsNone(immediate)
        response = Message(CHANGED)
        self.assertIs(self.assembler.response("a", message, response, 0), response)

    def test_a_body_of_one_block(self):
        complete, _ = self.assembler.request("a", upload(0, False, 10), 0)
        self.assertEqual(len(complete.payload), 10)
        response = self.assembler.response("a", complete, Message(CHANGED), 0)
        self.assertEqual(decode_block(response, BLOCK1), (0, False, 2))

    def test_blocks_out_of_order_or_without_a_beginning(self):
        self.assertEqual(self.code(upload(1, True)), REQUEST_ENTITY_INCOMPLETE)
        self.assertEqual(self.code(upload(1, False)), REQUEST_ENTITY_INCOMPLETE)
        self.assertEqual(self.code(upload(0, True)), CONTINUE)
        self.assertEqual(self.code(upload(2, True)), REQUEST_ENTITY_INCOMPLETE)
        self.assertEqual(self.code(upload(1, True)), CONTINUE)

    def test_a_repeated_block_is_answered_again(self):
        self.code(upload(0, True))
        for _ in range(3):
            self.assertEqual(self.code(upload(1, True, fill=2)), CONTINUE)
        self.assertEqual(self.code(upload(1, True, fill=3)), REQUEST_ENTITY_INCOMPLETE)
        self.assertEqual(self.code(upload(1, False, fill=2)), REQUEST_ENTITY_INCOMPLETE)
        complete, _ = self.assembler.request("a", upload(2, False, 1), 0)
        self.assertEqual(len(complete.payload), 129)

    def test_after_the_last_block_nothing_is_left(self):
        self.code(upload(0, True))
        self.assertEqual(self.code(upload(1, False)), 0)
        self.assertEqual(self.code(upload(1, False)), REQUEST_ENTITY_INCOMPLETE)

    def test_a_new_beginning_replaces_the_body(self):
        self.code(upload(0, True, fill=1))
        self.code(upload(0, True, fill=2))
        complete, _ = self.assembler.request("a", upload(1, False, 1, 2), 0)
        self.assertEqual(complete.payload, b"\2" * 65)

    def test_blocks_of_another_body_do_not_mix(self):
        self.code(upload(0, True))
        for other in (((URI_PATH, b"y"),), ((REQUEST_TAG, b"1"),)):
            self.assertEqual(self.code(upload(1, True, options=other)), REQUEST_ENTITY_INCOMPLETE)
        post = upload(1, True)
        post.code = POST
        self.assertEqual(self.code(post), REQUEST_ENTITY_INCOMPLETE)
        self.assertEqual(self.code(upload(1, True), "b"), REQUEST_ENTITY_INCOMPLETE)
        self.assertEqual(self.code(upload(1, True)), CONTINUE)

    def test_what_is_renewed_with_each_request_may_differ(self):
        for num in range(2):
            options = ((PAT, bytes((num,))), (ECHO, bytes((num, 1))))
            self.assertEqual(self.code(upload(num, True, options=options)), CONTINUE)

    def test_too_large_bodies(self):
        announced = upload(0, True)
        announced.add(SIZE1, 257)
        _, refusal = self.assembler.request("a", announced, 0)
        self.assertEqual((refusal.code, refusal.uint(SIZE1)), (REQUEST_ENTITY_TOO_LARGE, 256))
        for num in range(4):
            self.assertEqual(self.code(upload(num, True)), CONTINUE)
        _, refusal = self.assembler.request("a", upload(4, False, 1), 0)
        self.assertEqual((refusal.code, refusal.uint(SIZE1)), (REQUEST_ENTITY_TOO_LARGE, 256))
        self.assertEqual(self.assembler.usage()["uploads"], 0)

    def test_the_largest_body_passes(self):
        for num in range(3):
            self.code(upload(num, True))
        complete, _ = self.assembler.request("a", upload(3, False), 0)
        self.assertEqual(len(complete.payload), 256)

    def test_blocks_of_a_wrong_size(self):
        for message in (upload(0, True, 63), upload(0, True, 65), upload(0, False, 65)):
            self.assertEqual(self.code(message), BAD_REQUEST)

    def test_reserved_and_long_block_options(self):
        for number in (BLOCK1, BLOCK2):
            for value in (b"\x07", b"\xff\xff\xff\xff", bytes(5)):
                self.assertEqual(self.code(Message(PUT, ((number, value),))), BAD_OPTION)

    def test_larger_blocks_than_ours_are_taken_and_made_smaller(self):
        _, immediate = self.assembler.request("a", upload(0, True, 128, szx=3), 0)
        self.assertEqual(decode_block(immediate, BLOCK1), (0, True, 2))
        self.assertEqual(self.code(upload(2, True)), CONTINUE)

    def test_a_body_nobody_adds_to_is_dropped(self):
        self.code(upload(0, True), now=0)
        self.assertEqual(self.code(upload(1, True), now=10000), CONTINUE)
        self.assertEqual(self.code(upload(2, True), now=20001), REQUEST_ENTITY_INCOMPLETE)

    def test_first_blocks_do_not_push_out_a_body_that_goes_on(self):
        self.code(upload(0, True), "honest")
        self.code(upload(1, True), "honest")
        for i in range(50):
            self.assertEqual(self.code(upload(0, True), "flood %d" % i), CONTINUE)
        self.assertEqual(self.code(upload(2, True), "honest"), CONTINUE)
        self.assertTrue(self.assembler.usage()["uploads"] <= 2)

    def test_when_all_go_on_a_new_one_is_told_to_wait(self):
        for key in ("a", "b"):
            self.code(upload(0, True), key)
            self.code(upload(1, True), key)
        _, refusal = self.assembler.request("c", upload(0, True), 0)
        self.assertEqual((refusal.code, refusal.uint(MAX_AGE)), (SERVICE_UNAVAILABLE, 10))
        self.assertEqual(self.code(upload(2, True), "a"), CONTINUE)
        self.assertEqual(self.code(upload(2, True), "b"), SERVICE_UNAVAILABLE)
        self.assertEqual(self.code(upload(3, False), "a"), 0)
        self.assertEqual(self.code(upload(2, True), "b"), CONTINUE)

    def test_forget(self):
        self.code(upload(0, True))
        self.assembler.forget("a")
        self.assertEqual(self.code(upload(1, True)), REQUEST_ENTITY_INCOMPLETE)


class DownloadTest(AssemblerTest):
    body = bytes(range(200))

    def first(self, request: Message, now: int = 0) -> Message:
        response = Message(CONTENT, ((MAX_AGE, b"\5"),), self.body)
        return self.assembler.response("a", request, response, now)

    def next(self, request: Message, now: int = 0):
        return self.assembler.request("a", request, now)

    def test_blocks_follow_the_first(self):
        first = self.first(Message(GET, ((URI_PATH, b"x"),)))
        self.assertEqual(decode_block(first, BLOCK2), (0, True, 2))
        self.assertEqual((first.payload, first.uint(SIZE2)), (self.body[:64], 200))
        for num in (1, 3, 2, 1):
            complete, block = self.next(download(num))
            self.assertIsNone(complete)
            self.assertEqual(decode_block(block, BLOCK2), (num, num < 3, 2))
            self.assertEqual(block.payload, self.body[num * 64 : num * 64 + 64])
            self.assertEqual((block.option(ETAG), block.uint(MAX_AGE)), (first.option(ETAG), 5))

    def test_short_responses_are_not_cut(self):
        self.body = bytes(64)
        response = self.first(Message(GET))
        self.assertEqual((len(response.payload), response.option(BLOCK2)), (64, None))

    def test_the_client_asks_for_smaller_blocks(self):
        first = self.first(download(0, 0))
        self.assertEqual((decode_block(first, BLOCK2), len(first.payload)), ((0, True, 0), 16))
        _, block = self.next(download(7, 0))
        self.assertEqual(block.payload, self.body[112:128])

    def test_larger_blocks_than_ours_are_made_smaller(self):
        first = self.first(download(0, 6))
        self.assertEqual(decode_block(first, BLOCK2), (0, True, 2))
        _, block = self.next(download(1, 3))
        self.assertEqual(decode_block(block, BLOCK2), (2, True, 2))

    def test_past_the_end(self):
        self.first(Message(GET, ((URI_PATH, b"x"),)))
        self.assertEqual(self.next(download(4))[1].code, BAD_REQUEST)

    def test_another_request_does_not_see_the_body(self):
        self.first(Message(GET, ((URI_PATH, b"x"),)))
        request = download(1)
        self.assertEqual(self.assembler.request("b", request, 0), (request, None))
        other = download(1, options=((URI_PATH, b"y"),))
        self.assertEqual(self.next(other), (other, None))

    def test_a_representation_is_made_again_when_it_was_dropped(self):
        first = self.first(Message(GET, ((URI_PATH, b"x"),)))
        request = download(2)
        self.assertEqual(self.next(request, 10001), (request, None))
        block = self.first(request, 10001)
        self.assertEqual(block.payload, self.body[128:192])
        self.assertEqual(block.option(ETAG), first.option(ETAG))
        self.body = bytes(200)
        self.assertNotEqual(self.first(request).option(ETAG), first.option(ETAG))

    def test_what_was_carried_out_is_not_carried_out_again(self):
        for code in (POST, PUT, FETCH):
            _, refusal = self.next(download(1, code=code))
            self.assertEqual(refusal.code, REQUEST_ENTITY_INCOMPLETE)

    def test_bodies_are_bounded_and_the_longest_untouched_goes(self):
        for i in range(20):
            response = Message(CONTENT, payload=self.body)
            self.assembler.response(i, Message(GET, ((URI_PATH, b"x"),)), response, i)
            usage = self.assembler.usage()
            self.assertTrue(usage["downloads"] <= 2 and usage["download_bytes"] <= 320)
        self.assertIsNone(self.assembler.request(19, download(1), 20)[0])

    def test_a_larger_body_than_we_keep_is_made_again_for_each_block(self):
        self.body = bytes(300)
        self.first(Message(GET, ((URI_PATH, b"x"),)))
        self.assertEqual(self.assembler.usage()["downloads"], 0)
        request = download(4)
        self.assertEqual(self.next(request), (request, None))
        self.assertEqual(len(self.first(request).payload), 44)

    def test_observe_is_only_in_the_first_block(self):
        request = Message(GET, ((OBSERVE, b""), (URI_PATH, b"x")))
        response = Message(CONTENT, ((OBSERVE, b"\7"),), self.body)
        notification = self.assembler.response("a", request, response, 0)
        self.assertEqual(notification.uint(OBSERVE), 7)
        self.assertIsNone(response.option(BLOCK2))
        _, block = self.next(download(1))
        self.assertIsNone(block.option(OBSERVE))

    def test_the_applications_etag_is_kept(self):
        response = Message(CONTENT, ((ETAG, b"mine"),), self.body)
        first = self.assembler.response("a", Message(GET), response, 0)
        self.assertEqual(first.options_of(ETAG), [b"mine"])


class BothEndsTest(unittest.TestCase):
    def play(self, request: Message, client_szx: int, server_szx: int, answer: bytes) -> Message:
        """Run a Transfer against an Assembler whose application answers `answer`."""
        assembler = Assembler(Generator(2).bytes, Limits(4, 8192, 16384, 120, server_szx))
        transfer = Transfer(request, client_szx)
        self.seen = []
        for _ in range(2000):
            complete, response = assembler.request("peer", transfer.next_request(), 0)
            if complete is not None:
                self.seen.append(complete.payload)
                response = Message(CONTENT, payload=answer)
                response = assembler.response("peer", complete, response, 0)
            if transfer.receive(response) and transfer.response is not None:
                return transfer.response
        raise AssertionError("endless")

    def test_all_sizes(self):
        for size in (0, 1, 15, 16, 17, 1024, 1025, 4000):
            body = bytes([i & 0xFF for i in range(size)])
            for client_szx, server_szx in ((6, 6), (6, 0), (2, 5), (0, 6)):
                response = self.play(Message(POST, payload=body), client_szx, server_szx, body[1:])
                self.assertEqual(self.seen, [body])
                self.assertEqual(response.payload, body[1:])

    def test_8_kib_both_ways(self):
        body = bytes(8192)
        self.assertEqual(self.play(Message(POST, payload=body), 6, 6, body).payload, body)


if __name__ == "__main__":
    unittest.main()
