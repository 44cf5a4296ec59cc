"""The client's side of block-wise transfers (RFC 7959), response by response."""

import unittest

from leafkey.coap.blockoption import decode_block, encode_block
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BLOCK1,
    BLOCK2,
    CHANGED,
    CONTENT,
    CONTINUE,
    ETAG,
    FETCH,
    GET,
    NOT_FOUND,
    OBSERVE,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
    SIZE2,
    URI_PATH,
)
from leafkey.coap.transfer import Transfer
from leafkey.errors import ProtocolError

BODY = bytes(range(200))


def answer(
    code: int, number: int, block: tuple, payload: bytes = b"", etag: bytes = b""
) -> Message:
    """A response with a block option (num, more, szx)."""
    message = Message(code, payload=payload)
    message.add(number, encode_block(*block))
    if etag:
        message.add(ETAG, etag)
    return message


def block2(num: int, szx: int = 2, body: bytes = BODY, etag: bytes = b"e", code: int = CONTENT):
    """One block of `body` in a response."""
    size = 16 << szx
    end = num * size + size
    return answer(code, BLOCK2, (num, end < len(body), szx), body[num * size : end], etag)


def whole(transfer: Transfer) -> Message:
    """The response of a transfer that must be over."""
    if transfer.response is None:
        raise AssertionError("not over")
    return transfer.response


class DownloadTest(unittest.TestCase):
    def setUp(self):
        self.transfer = Transfer(Message(GET, ((OBSERVE, b""), (URI_PATH, b"x"))))

    def assert_asks(self, num: int, szx: int = 2):
        request = self.transfer.next_request()
        self.assertEqual(decode_block(request, BLOCK2), (num, False, szx))
        self.assertIsNone(request.option(OBSERVE))
        self.assertEqual((request.code, request.path(), request.payload), (GET, (b"x",), b""))

    def assert_fails(self, response: Message):
        with self.assertRaises(ProtocolError):
            self.transfer.receive(response)

    def test_one_message(self):
        request = self.transfer.next_request()
        self.assertEqual((request.option(OBSERVE), request.option(BLOCK2)), (b"", None))
        self.assertTrue(self.transfer.receive(Message(CONTENT, payload=b"all")))
        self.assertEqual(whole(self.transfer).payload, b"all")

    def test_all_blocks(self):
        self.transfer.next_request()
        first = block2(0)
        first.add(OBSERVE, 5)
        first.add(SIZE2, 200)
        self.assertFalse(self.transfer.receive(first))
        for num in (1, 2):
            self.assert_asks(num)
            self.assertFalse(self.transfer.receive(block2(num)))
        self.assert_asks(3)
        self.assertTrue(self.transfer.receive(block2(3)))
        response = whole(self.transfer)
        self.assertEqual((response.payload, response.uint(OBSERVE)), (BODY, 5))
        self.assertEqual((response.option(BLOCK2), response.option(SIZE2)), (None, None))

    def test_a_notification_brings_the_first_block(self):
        self.assertFalse(self.transfer.receive(block2(0)))
        self.assert_asks(1)

    def test_a_notification_answers_a_long_request_too(self):
        self.transfer = Transfer(Message(FETCH, ((URI_PATH, b"x"),), BODY), 2)
        self.assertFalse(self.transfer.receive(block2(0)))
        self.assertEqual(decode_block(self.transfer.next_request(), BLOCK2), (1, False, 2))

    def test_small_blocks_are_asked_for(self):
        transfer = Transfer(Message(GET), 1)
        self.assertEqual(decode_block(transfer.next_request(), BLOCK2), (0, False, 1))

    def test_the_server_makes_blocks_smaller_on_the_way(self):
        self.transfer.receive(block2(0, 3))
        self.assert_asks(1, 3)
        self.transfer.receive(answer(CONTENT, BLOCK2, (4, True, 1), BODY[128:160], b"e"))
        self.assert_asks(5, 1)

    def test_a_changed_body_is_fetched_once_more(self):
        for response in (block2(0), block2(1)):
            self.transfer.receive(response)
        self.assertFalse(self.transfer.receive(block2(2, etag=b"f")))
        request = self.transfer.next_request()
        self.assertIsNone(request.option(OBSERVE))
        self.assertEqual(decode_block(request, BLOCK2), (0, False, 2))
        other = bytes(100)
        self.transfer.receive(block2(0, 2, other, b"f"))
        self.assertTrue(self.transfer.receive(block2(1, 2, other, b"f")))
        self.assertEqual(whole(self.transfer).payload, other)

    def test_a_body_that_keeps_changing_fails(self):
        self.transfer.receive(block2(0))
        self.transfer.receive(block2(1, etag=b"f"))
        self.transfer.receive(block2(0, etag=b"f"))
        self.assert_fails(block2(1, etag=b"g"))

    def test_blocks_out_of_order(self):
        self.assert_fails(block2(1))
        self.setUp()
        self.transfer.receive(block2(0))
        self.assert_fails(block2(2))
        self.setUp()
        self.transfer.receive(block2(0))
        self.assert_fails(block2(0))

    def test_blocks_of_a_wrong_size(self):
        for block, payload in (((0, True, 2), bytes(63)), ((0, True, 2), bytes(65))):
            self.assert_fails(answer(CONTENT, BLOCK2, block, payload))
        self.assert_fails(answer(CONTENT, BLOCK2, (0, False, 2), bytes(65)))

    def test_reserved_and_long_block_options(self):
        for value in (b"\x07", b"\x01\x00\x00\x00", bytes(5)):
            self.assert_fails(Message(CONTENT, ((BLOCK2, value),), bytes(16)))

    def test_a_block_without_block2(self):
        self.transfer.receive(block2(0))
        self.assert_fails(Message(CONTENT, ((ETAG, b"e"),), bytes(64)))

    def test_the_body_is_bounded(self):
        self.transfer = Transfer(Message(GET), max_body=127)
        self.transfer.receive(block2(0))
        self.assert_fails(block2(1))

    def test_an_error_on_the_way_is_the_response(self):
        self.transfer.receive(block2(0))
        self.assertTrue(self.transfer.receive(Message(NOT_FOUND)))
        self.assertEqual(whole(self.transfer).code, NOT_FOUND)


class UploadTest(unittest.TestCase):
    def setUp(self):
        self.transfer = Transfer(Message(PUT, ((URI_PATH, b"x"),), BODY), 2)
        self.transfer.next_request()

    def assert_sends(self, num: int, more: bool, szx: int = 2):
        request = self.transfer.next_request()
        size = 16 << szx
        self.assertEqual(decode_block(request, BLOCK1), (num, more, szx))
        self.assertEqual(request.payload, BODY[num * size : num * size + size])
        self.assertEqual(request.uint(SIZE1), None if num else 200)
        self.assertEqual(request.path(), (b"x",))

    def test_all_blocks(self):
        for num in range(3):
            self.assert_sends(num, True)
            self.assertFalse(self.transfer.receive(answer(CONTINUE, BLOCK1, (num, True, 2))))
        self.assert_sends(3, False)
        self.assertTrue(self.transfer.receive(answer(CHANGED, BLOCK1, (3, False, 2))))
        self.assertEqual(whole(self.transfer).code, CHANGED)

    def test_a_server_that_takes_each_block_for_itself(self):
        self.assert_sends(0, True)
        self.assertFalse(self.transfer.receive(answer(CHANGED, BLOCK1, (0, False, 2))))
        self.assert_sends(1, True)

    def test_the_server_asks_for_smaller_blocks(self):
        self.transfer.receive(answer(CONTINUE, BLOCK1, (0, True, 0)))
        self.assert_sends(4, True, 0)

    def test_larger_blocks_are_not_taken_up(self):
        self.transfer.receive(answer(CONTINUE, BLOCK1, (0, True, 6)))
        self.assert_sends(1, True)

    def test_too_large_blocks_start_again_smaller(self):
        self.assertFalse(
            self.transfer.receive(answer(REQUEST_ENTITY_TOO_LARGE, BLOCK1, (0, True, 1)))
        )
        self.assert_sends(0, True, 1)

    def test_a_payload_of_one_message_may_be_too_large_too(self):
        self.transfer = Transfer(Message(PUT, ((URI_PATH, b"x"),), BODY))
        self.assertIsNone(self.transfer.next_request().option(BLOCK1))
        self.assertFalse(
            self.transfer.receive(answer(REQUEST_ENTITY_TOO_LARGE, BLOCK1, (0, True, 1)))
        )
        self.assert_sends(0, True, 1)

    def test_too_large_a_body_is_the_response(self):
        too_large = Message(REQUEST_ENTITY_TOO_LARGE, ((SIZE1, b"\x40"),))
        self.assertTrue(self.transfer.receive(too_large))
        self.assertIs(self.transfer.response, too_large)

    def test_an_incomplete_body_is_sent_once_more(self):
        incomplete = Message(REQUEST_ENTITY_INCOMPLETE)
        self.transfer.receive(answer(CONTINUE, BLOCK1, (0, True, 2)))
        self.assertFalse(self.transfer.receive(incomplete))
        self.assert_sends(0, True)
        self.transfer.receive(answer(CONTINUE, BLOCK1, (0, True, 2)))
        self.assertTrue(self.transfer.receive(incomplete))
        self.assertEqual(whole(self.transfer).code, REQUEST_ENTITY_INCOMPLETE)

    def test_answers_that_do_not_fit(self):
        for response in (
            Message(CHANGED),
            Message(CONTINUE),
            answer(CONTINUE, BLOCK1, (1, True, 2)),
            answer(CONTINUE, BLOCK1, (0, True, 7)),
        ):
            self.setUp()
            with self.assertRaises(ProtocolError):
                self.transfer.receive(response)

    def test_a_long_response_follows(self):
        self.transfer = Transfer(Message(POST, payload=bytes(100)), 2)
        self.transfer.next_request()
        self.transfer.receive(answer(CONTINUE, BLOCK1, (0, True, 2)))
        first = block2(0)
        first.add(BLOCK1, encode_block(1, False, 2))
        self.assertFalse(self.transfer.receive(first))
        request = self.transfer.next_request()
        self.assertEqual((request.code, request.payload, request.option(BLOCK1)), (POST, b"", None))
        self.assertEqual(decode_block(request, BLOCK2), (1, False, 2))
        with self.assertRaises(ProtocolError):
            self.transfer.receive(block2(1, etag=b"f"))

    def test_fetch_is_asked_again_with_its_payload(self):
        self.transfer = Transfer(Message(FETCH, ((URI_PATH, b"x"),), BODY), 3)
        self.transfer.next_request()
        self.transfer.receive(answer(CONTINUE, BLOCK1, (0, True, 3)))
        self.transfer.receive(block2(0))
        self.assertFalse(self.transfer.receive(block2(1, etag=b"f")))
        # The server's smaller size stays.
        self.assert_sends(0, True, 2)


if __name__ == "__main__":
    unittest.main()
